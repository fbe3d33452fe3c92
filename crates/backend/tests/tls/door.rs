//! The TLS door: certificates are verified, HTTP/2 is negotiated, and a configured bundle of roots is trusted.

use super::authority::certificates;
use backend::{Auth, CallError, Dialer, DialerOptions, Errand, Origin, Peer, Question, Secret, Upstream};
use http_body_util::{BodyExt, Full};
use hyper::service::service_fn;
use hyper::{Request, Response, body::Bytes};
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::convert::Infallible;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;

const WAIT: Duration = Duration::from_secs(3);

/// Answers every request with its HTTP version and its authorization.
async fn serve(config: ServerConfig) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(tls) = acceptor.accept(socket).await else { return };
                let answer = service_fn(|request: Request<hyper::body::Incoming>| async move {
                    let key = request.headers().get("authorization").and_then(|v| v.to_str().ok()).unwrap_or("none");
                    let text = format!("{:?} {key}", request.version());
                    Ok::<_, Infallible>(Response::new(Full::new(Bytes::from(text))))
                });
                let server = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
                let _ = server.serve_connection(TokioIo::new(tls), answer).await;
            });
        }
    });
    port
}

fn upstream(host: &str, port: u16, ca: Option<&Path>) -> Upstream {
    let options = DialerOptions { ca_file: ca.map(Path::to_path_buf), ..DialerOptions::default() };
    let origin = Origin::parse(&format!("https://{host}:{port}/v1")).unwrap();
    Dialer::new(options)
        .unwrap()
        .upstream(origin, Some(Secret::new("sk-of-this-origin")), Auth::Bearer, Peer::Unknown)
        .unwrap()
}

async fn ask(upstream: &Upstream) -> Result<String, CallError> {
    let route = upstream.below("/chat/completions")?;
    let response = upstream
        .send(Errand::Probe(Question::DOCUMENT), &route, &[], WAIT, Some(tokio::time::Instant::now() + 2 * WAIT))
        .await?;
    let body = response.into_body().collect().await.unwrap().to_bytes();
    Ok(String::from_utf8_lossy(&body).into_owned())
}

#[tokio::test]
async fn http2_is_spoken_where_the_server_can_and_http1_elsewhere() {
    let dir = tempfile::tempdir().unwrap();
    let ca = dir.path().join("ca.pem");
    for (alpn, version) in
        [(&[&b"h2"[..], b"http/1.1"][..], "HTTP/2.0"), (&[b"http/1.1"], "HTTP/1.1"), (&[], "HTTP/1.1")]
    {
        let port = serve(certificates(&ca, alpn)).await;
        let answer = ask(&upstream("localhost", port, Some(&ca))).await.unwrap();
        assert_eq!(answer, format!("{version} Bearer sk-of-this-origin"));
    }
}

#[tokio::test]
async fn strangers_and_wrong_names_get_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let ca = dir.path().join("ca.pem");
    let port = serve(certificates(&ca, &[b"http/1.1"])).await;
    for upstream in [upstream("localhost", port, None), upstream("127.0.0.1", port, Some(&ca))] {
        let refused = ask(&upstream).await.unwrap_err();
        assert!(matches!(refused, CallError::Connect(_)), "{refused:?}");
        assert!(!format!("{refused:?} {upstream:?}").contains("sk-of-this-origin"));
    }
}

/// A plain server behind an https address is no answer, and not asked in the clear.
#[tokio::test]
async fn tls_is_never_given_up() {
    let fake = testkit::Fake::start().await;
    // It waits for the end of an HTTP head that never comes.
    let refused = ask(&upstream("localhost", fake.address().port(), None)).await.unwrap_err();
    assert!(matches!(refused, CallError::ConnectSlow(_)), "{refused:?}");
    assert!(fake.seen().is_empty());
}
