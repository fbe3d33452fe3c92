//! The oracle: what must hold at the end of every test, whatever the fault was.
//!
//! Never here: what a single fault promises.

use super::{Dialect, End, Got, Rig, SOON, got};
use decide::{Outcome, Record};
use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::time::{Duration, Instant};

/// Descriptors that may be open beyond those of the start: a probe or two under way.
const DESCRIPTORS: usize = 8;
/// Names of gauges that count what is under way contain one of these; all are zero when nothing is.
const UNDER_WAY: [&str; 6] = ["in_flight", "inflight", "running", "waiting", "reserved", "outstanding"];

/// Endpoints of questions of the gateway's own, under the request id of the caller.
const OWN: [&str; 2] = ["helper", "shadow"];

const HEALTH: &str = "GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";

/// What the oracle keeps of an answer.
pub(super) struct Noted {
    path: String,
    dialect: Dialect,
    status: u16,
    id: Option<String>,
    /// Anthropic's own header for it.
    second_id: Option<String>,
    stream: bool,
    end: End,
    /// The bytes, where they may show what they should not.
    body: Option<bytes::Bytes>,
}

impl Noted {
    pub(super) fn of(got: &Got) -> Noted {
        Noted {
            // An answer given again has no attempt of its own.
            path: if got.header("idempotent-replayed").is_some() { String::new() } else { got.path.clone() },
            dialect: got.dialect,
            status: got.status,
            id: got::request_id(&got.headers),
            second_id: got.header("request-id").map(str::to_owned),
            stream: got.is_stream(),
            end: got.end.clone(),
            body: (!got.is_good()).then(|| got.body.clone()),
        }
    }

    /// Whether it is an answer of a model, or a refusal of one.
    fn of_model(&self) -> bool {
        ["/v1/chat/completions", "/v1/completions", "/v1/messages", "/v1/embeddings"].contains(&self.path.as_str())
    }
}

impl Rig {
    /// The common oracle. Stops the server in order unless it has ended already.
    ///
    /// # Panics
    /// When the process is gone or does not end with code 0; when memory (by default 64 MiB) or descriptors are not
    /// back; when anything is still under way or reserved; when the sums of the ledger are not those of its records,
    /// attempt ids repeat, a request has two good ends or none, or its end is not the one that the client saw; when an
    /// error was not in the caller's dialect with a request id; when a prompt or an upstream's key is in the log, in an
    /// error or in the ledger's files.
    pub(crate) async fn finish(mut self) {
        if !self.server.is_over() {
            self.at_rest().await;
            self.signal("TERM");
        }
        let code = self.exited().await;
        if !self.killed {
            assert_eq!(code, Some(0), "the exit code\n{}", self.log());
        }
        let log = self.log();
        if !self.panics.load(std::sync::atomic::Ordering::Relaxed) {
            assert!(!log.contains("panicked at"), "a panic\n{log}");
        }
        let noted = std::mem::take(&mut *self.noted.lock().unwrap());
        noted.iter().for_each(errors_are_in_order);
        let mut secrets = self.builder.secrets();
        secrets.push(self.canary.clone());
        for secret in &secrets {
            assert!(!log.contains(secret.as_str()), "{secret} is in the log");
            for n in &noted {
                let shown = n.body.as_ref().is_some_and(|b| contains(b, secret.as_bytes()));
                assert!(!shown || n.status == 200, "{secret} is in an error: {:?}", n.body);
            }
            no_file_has(&self.data(), secret);
        }
        if self.data().exists() {
            let records = self.ledger();
            sums_are_right(&self.data(), &records);
            ends_are_right(&noted, &records, self.killed);
        }
        self.finished = true;
    }

    /// With the clients and upstreams gone, the server is as it was at its start.
    async fn at_rest(&mut self) {
        let settled = self.wait(|page, _| under_way(page).is_empty()).await;
        assert!(settled.is_ok(), "still under way: {:?}", under_way(&settled.unwrap_err()));
        self.client = super::client::Client::new(self.server.address);
        for up in &mut self.upstreams {
            up.fake = None;
        }
        let (start, more) = (self.size, self.builder.memory_mib);
        let back = |size: super::Size| {
            size.descriptors <= start.descriptors + DESCRIPTORS && size.rss_kib <= start.rss_kib + more * 1024
        };
        let deadline = Instant::now() + SOON;
        while !back(self.server.size()) {
            let now = self.server.size();
            assert!(Instant::now() < deadline, "not back to {start:?} (memory {more} MiB more at most): {now:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
            // The allocator gives a thread's memory back when that thread next uses it, and an idle server uses it not: many at
            // once, so that every thread of it has something to do.
            let address = self.server.address;
            let asked = (0..32).map(|_| tokio::spawn(super::raw::exchange(address, HEALTH.as_bytes())));
            for one in asked.collect::<Vec<_>>() {
                drop(one.await);
            }
        }
    }

    /// Waits until the page of metrics is as wanted; else gives the last one.
    async fn wait(&self, wanted: impl Fn(&str, ()) -> bool) -> Result<(), String> {
        let deadline = Instant::now() + SOON;
        loop {
            let page = self.metrics().await;
            if wanted(&page, ()) {
                return Ok(());
            }
            if Instant::now() >= deadline {
                return Err(page);
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

/// The gauges of what is under way that are not zero.
fn under_way(page: &str) -> Vec<String> {
    let gauges: HashSet<&str> = page
        .lines()
        .filter_map(|l| l.strip_prefix("# TYPE ")?.strip_suffix(" gauge"))
        .filter(|name| UNDER_WAY.iter().any(|u| name.contains(u)))
        .collect();
    let name = |line: &str| line.split(['{', ' ']).next().unwrap_or_default().to_owned();
    let open = page.lines().filter(|l| {
        gauges.contains(name(l).as_str()) && l.rsplit(' ').next().and_then(|v| v.parse::<f64>().ok()) != Some(0.0)
    });
    open.map(str::to_owned).collect()
}

pub(super) fn metric(page: &str, name: &str) -> Option<f64> {
    let of = |l: &&str| l.starts_with(name) && l[name.len()..].starts_with(['{', ' ', ',', '}']);
    let values = page.lines().filter(|l| !l.starts_with('#')).filter(of);
    values.filter_map(|l| l.rsplit(' ').next()?.parse::<f64>().ok()).reduce(|a, b| a + b)
}

/// An error has its dialect's form and a request id; a stream has its end.
fn errors_are_in_order(n: &Noted) {
    let what =
        || format!("{} answered {} with {:?}", n.path, n.status, n.body.as_ref().map(|b| String::from_utf8_lossy(b)));
    assert!(n.id.as_ref().is_some_and(|id| !id.is_empty()), "no request id: {}", what());
    if n.dialect == Dialect::Anthropic && n.of_model() {
        assert_eq!(n.id, n.second_id, "Anthropic's SDK looks for request-id: {}", what());
    }
    if n.status >= 400 && n.path.starts_with("/v1/") {
        assert!(matches!(n.end, End::Error(_)), "{:?}: {}", n.end, what());
    }
    if n.stream {
        assert!(matches!(n.end, End::Clean | End::Error(_)), "a stream ended with {:?}: {}", n.end, what());
    }
}

/// The report's sums are those of the records, in all and by place.
fn sums_are_right(dir: &Path, records: &[Record]) {
    let ids: HashSet<u128> = records.iter().map(|r| r.attempt_id).collect();
    assert_eq!(ids.len(), records.len(), "attempt ids repeat");
    for by in [ledger::By::None, ledger::By::Place, ledger::By::Outcome] {
        let report = ledger::report(dir, ledger::Query { by, ..ledger::Query::default() }).expect("a readable ledger");
        let rows = if by == ledger::By::None { std::slice::from_ref(&report.total) } else { &report.rows[..] };
        let sum = |f: fn(&ledger::Row) -> i128| rows.iter().map(f).sum::<i128>();
        assert_eq!(sum(|r| r.attempts.into()), records.len() as i128, "{by:?}: attempts");
        let of = |f: &dyn Fn(&Record) -> i128| records.iter().map(f).sum::<i128>();
        assert_eq!(sum(|r| r.cost_nanousd), of(&|r| r.cost.map_or(0, |c| i128::from(c.0))), "{by:?}: cost");
        assert_eq!(sum(|r| r.input_tokens), of(&|r| i128::from(r.usage.input)), "{by:?}: input tokens");
        assert_eq!(sum(|r| r.output_tokens), of(&|r| i128::from(r.usage.output)), "{by:?}: output tokens");
    }
}

/// Every request has its records, at most one of them good, and good exactly when the client saw a good end.
fn ends_are_right(noted: &[Noted], records: &[Record], killed: bool) {
    let mut by_request: HashMap<&str, Vec<&Record>> = HashMap::new();
    for r in records {
        // A question of the gateway's own about a request is no attempt at it.
        if !OWN.contains(&&*r.endpoint) {
            by_request.entry(&r.request_id).or_default().push(r);
        }
        assert!(killed || r.outcome != Outcome::Unknown, "never settled: {r:#?}");
    }
    for (id, of) in &by_request {
        let good = of.iter().filter(|r| r.outcome == Outcome::Ok).count();
        assert!(good <= 1, "{id} was settled as good {good} times: {of:#?}");
        let indexes: HashSet<u8> = of.iter().map(|r| r.attempt).collect();
        assert_eq!(indexes.len(), of.len(), "{id}: the numbers of its attempts repeat: {of:#?}");
    }
    for n in noted.iter().filter(|n| n.of_model() && n.status == 200) {
        let id = n.id.as_deref().unwrap_or_default();
        let of = by_request.get(id).map(Vec::as_slice).unwrap_or_default();
        assert!(!of.is_empty(), "{id}: answered, and not in the ledger");
        let good = of.iter().any(|r| r.outcome == Outcome::Ok);
        assert_eq!(good, n.end == End::Clean, "{id}: the client saw {:?}, the ledger has {of:#?}", n.end);
    }
    for n in noted.iter().filter(|n| n.of_model() && n.status >= 500) {
        let of = by_request.get(n.id.as_deref().unwrap_or_default()).map(Vec::as_slice).unwrap_or_default();
        assert!(of.iter().all(|r| r.outcome != Outcome::Ok), "failed for the client and good in the ledger: {of:#?}");
    }
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|w| w == part)
}

/// No file below a folder has this text.
fn no_file_has(folder: &Path, text: &str) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            no_file_has(&path, text);
        } else if let Ok(bytes) = std::fs::read(&path) {
            assert!(!contains(&bytes, text.as_bytes()), "{text} is in {}", path.display());
        }
    }
}
