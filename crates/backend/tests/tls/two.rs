//! HTTP/2 upstreams that break off in its own ways. (What the streams mean is in the contract suite; here only that a
//! broken one is an error in time, and that the next request is answered.)

use super::authority::certificates;
use backend::{Auth, Dialer, DialerOptions, Errand, Origin, Peer, Question, Upstream};
use bytes::Bytes;
use h2::Reason;
use h2::server::SendResponse;
use http_body_util::BodyExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

const WAIT: Duration = Duration::from_secs(10);

/// How the first answer of the server ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Break {
    ResetStream,
    GoAway,
    Connection,
    /// No answer at all, and the connection stays.
    Silence,
}

/// Half an answer and a break the first time, whole answers from then on. Gives the port and the count of connections.
async fn serve(ca: &Path, how: Break) -> (u16, Arc<AtomicUsize>) {
    let acceptor = TlsAcceptor::from(Arc::new(certificates(ca, &[b"h2"])));
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (connections, requests) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let count = connections.clone();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::SeqCst);
            let (acceptor, requests) = (acceptor.clone(), requests.clone());
            tokio::spawn(async move {
                let Ok(tls) = acceptor.accept(socket).await else { return };
                let Ok(mut connection) = h2::server::handshake(tls).await else { return };
                while let Some(Ok((_, answer))) = connection.accept().await {
                    let first = requests.fetch_add(1, Ordering::SeqCst) == 0;
                    if first && how == Break::Silence {
                        tokio::spawn(async move {
                            tokio::time::sleep(WAIT).await;
                            drop(answer);
                        });
                        continue;
                    }
                    respond(answer, first, how);
                    match how {
                        Break::GoAway if first => connection.abrupt_shutdown(Reason::INTERNAL_ERROR),
                        // What is written goes out, then the connection is dropped.
                        Break::Connection if first => {
                            let flushed = std::future::poll_fn(|cx| connection.poll_closed(cx));
                            let _ = tokio::time::timeout(Duration::from_millis(200), flushed).await;
                            return;
                        }
                        _ => {}
                    }
                }
            });
        }
    });
    (port, connections)
}

fn respond(mut answer: SendResponse<Bytes>, first: bool, how: Break) {
    let mut body = answer.send_response(http::Response::new(()), false).unwrap();
    body.send_data(Bytes::from_static(b"half"), !first).unwrap();
    if first && how == Break::ResetStream {
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(100)).await;
            body.send_reset(Reason::INTERNAL_ERROR);
        });
    } else if first {
        // Held open; the connection is what breaks.
        tokio::spawn(async move {
            tokio::time::sleep(WAIT).await;
            drop(body);
        });
    }
}

/// A whole body, or that it broke.
async fn ask(upstream: &Upstream, limit: Duration) -> Result<Bytes, String> {
    let route = upstream.below("/chat/completions").unwrap();
    let response = upstream
        .send(Errand::Probe(Question::DOCUMENT), &route, &[], WAIT, Some(tokio::time::Instant::now() + limit))
        .await
        .map_err(|e| e.to_string())?;
    Ok(response.into_body().collect().await.map_err(|e| e.to_string())?.to_bytes())
}

#[tokio::test]
async fn fault_46_a_broken_stream_is_an_error_and_the_next_request_is_answered() {
    for (name, how, connections) in [
        ("RST_STREAM", Break::ResetStream, 1),
        ("GOAWAY", Break::GoAway, 2),
        ("closed", Break::Connection, 2),
        ("silent", Break::Silence, 2),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let ca = dir.path().join("ca.pem");
        let (port, opened) = serve(&ca, how).await;
        let options = DialerOptions { ca_file: Some(ca), ..DialerOptions::default() };
        let origin = Origin::parse(&format!("https://localhost:{port}/v1")).unwrap();
        let upstream = Dialer::new(options).unwrap().upstream(origin, None, Auth::None, Peer::Unknown).unwrap();
        let limit = if how == Break::Silence { Duration::from_secs(1) } else { WAIT };
        let broken = tokio::time::timeout(WAIT, ask(&upstream, limit)).await.expect(name);
        assert!(broken.is_err(), "{name}: half an answer was taken for the whole: {broken:?}");
        assert_eq!(ask(&upstream, WAIT).await.as_deref(), Ok(&b"half"[..]), "{name}: the next request");
        assert_eq!(opened.load(Ordering::SeqCst), connections, "{name}: a dead connection is not used again");
    }
}
