//! A small load client for loopback: a bounded number of requests over a fixed number of connections, one at a time on
//! each (a closed loop), so that its own cost stays small beside what is measured.
//!
//! Never here: open-loop arrival, percentiles over hours, addresses other than loopback.

use bytes::Bytes;
use http::{Request, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::net::TcpStream;

/// What is sent.
#[derive(Debug, Clone)]
pub struct Load {
    /// Requests in all.
    pub requests: usize,
    /// Connections, each with one request at a time.
    pub connections: usize,
    /// Path.
    pub path: String,
    /// Body, JSON.
    pub body: Bytes,
    /// Further headers.
    pub headers: Vec<(String, String)>,
}

/// What came back.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// Answers with status 200 that were complete.
    pub ok: usize,
    /// All others.
    pub failed: usize,
    /// Bytes of all bodies.
    pub body_bytes: u64,
    /// From the first request to the last answer.
    pub took: Duration,
    /// From sending to the first byte of each good answer's body, sorted.
    pub first: Vec<Duration>,
    /// From sending to the end of each good answer, sorted.
    pub whole: Vec<Duration>,
}

impl Report {
    /// The value below which `permille` of the sorted `times` lie; zero when there are none.
    pub fn percentile(times: &[Duration], permille: usize) -> Duration {
        let at = (times.len() * permille / 1000).min(times.len().saturating_sub(1));
        times.get(at).copied().unwrap_or_default()
    }
}

/// Runs the plan against `target`.
///
/// # Panics
/// When `target` is not loopback.
pub async fn load(target: SocketAddr, plan: &Load) -> Report {
    assert!(target.ip().is_loopback(), "load goes to loopback only");
    let (left, plan) = (Arc::new(AtomicUsize::new(plan.requests)), Arc::new(plan.clone()));
    let started = Instant::now();
    let mut workers = tokio::task::JoinSet::new();
    for _ in 0..plan.connections.max(1) {
        workers.spawn(worker(target, plan.clone(), left.clone()));
    }
    let mut report = Report::default();
    while let Some(done) = workers.join_next().await {
        let one = done.expect("a worker does not panic");
        report.ok += one.ok;
        report.failed += one.failed;
        report.body_bytes += one.body_bytes;
        report.first.extend(one.first);
        report.whole.extend(one.whole);
    }
    report.took = started.elapsed();
    report.first.sort_unstable();
    report.whole.sort_unstable();
    report
}

async fn worker(target: SocketAddr, plan: Arc<Load>, left: Arc<AtomicUsize>) -> Report {
    let mut report = Report::default();
    let mut connection = None;
    while left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1)).is_ok() {
        if connection.is_none() {
            connection = connect(target).await;
        }
        let Some(sender) = connection.as_mut() else {
            report.failed += 1;
            continue;
        };
        if one(sender, target, &plan, &mut report).await.is_none() {
            report.failed += 1;
            connection = None;
        }
    }
    report
}

#[expect(clippy::disallowed_methods, reason = "a load client for loopback; it is not shipped")]
async fn connect(target: SocketAddr) -> Option<SendRequest<Full<Bytes>>> {
    let socket = TcpStream::connect(target).await.ok()?;
    socket.set_nodelay(true).ok()?;
    let (sender, connection) = handshake(TokioIo::new(socket)).await.ok()?;
    tokio::spawn(connection);
    Some(sender)
}

/// One request; `None` when it failed.
async fn one(
    sender: &mut SendRequest<Full<Bytes>>,
    target: SocketAddr,
    plan: &Load,
    report: &mut Report,
) -> Option<()> {
    let mut request = Request::post(&plan.path)
        .header(header::HOST, target.to_string())
        .header(header::CONTENT_TYPE, "application/json");
    for (name, value) in &plan.headers {
        request = request.header(name, value);
    }
    let request = request.body(Full::new(plan.body.clone())).ok()?;
    sender.ready().await.ok()?;
    let sent = Instant::now();
    let response = sender.send_request(request).await.ok()?;
    let good = response.status() == StatusCode::OK;
    let mut body = response.into_body();
    let (mut first, mut bytes) = (None, 0u64);
    while let Some(frame) = body.frame().await {
        let frame = frame.ok()?;
        first.get_or_insert_with(|| sent.elapsed());
        bytes += frame.data_ref().map_or(0, |d| d.len() as u64);
    }
    if !good {
        return None;
    }
    report.ok += 1;
    report.body_bytes += bytes;
    report.first.push(first.unwrap_or_else(|| sent.elapsed()));
    report.whole.push(sent.elapsed());
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Answer, Fake, Step};

    #[tokio::test]
    async fn it_counts_what_succeeds_and_what_does_not() {
        let fake = Fake::start().await;
        fake.on("POST /x", Answer::json(200, "{}"));
        fake.once("POST /x", Answer::json(500, "{}"));
        fake.once("POST /x", Answer::of(vec![Step::Bytes("x".into()), Step::Close]));
        let plan = Load { requests: 10, connections: 3, path: "/x".into(), body: Bytes::new(), headers: vec![] };
        let report = load(fake.address(), &plan).await;
        assert_eq!((report.ok, report.failed), (8, 2));
        assert_eq!((report.whole.len(), fake.seen().len()), (8, 10));
        assert!(Report::percentile(&report.whole, 500) <= Report::percentile(&report.whole, 990));
        assert_eq!(Report::percentile(&[], 500), Duration::ZERO);
    }
}
