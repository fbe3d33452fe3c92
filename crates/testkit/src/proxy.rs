//! The bare proxy: what passing a request through costs with the same HTTP library and nothing else. The anchor of the
//! bench; it reads, routes, counts and decides nothing.

use http::Uri;
use http::uri::{Authority, PathAndQuery, Scheme};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::convert::Infallible;
use std::net::SocketAddr;
use tokio::net::TcpListener;

type Body = BoxBody<Bytes, hyper::Error>;

/// Serves `listener` until the future is dropped: every request goes to `upstream` as it is, bodies are streamed both
/// ways, connections are kept alive on both sides, TCP_NODELAY is set.
#[expect(clippy::disallowed_methods, reason = "the anchor must not have our dialer in it; it is not shipped")]
pub async fn bare_proxy(listener: TcpListener, upstream: SocketAddr) {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let client: Client<_, Incoming> = Client::builder(TokioExecutor::new()).build(connector);
    let authority: Authority = upstream.to_string().parse().expect("a socket address is an authority");
    while let Ok((socket, _)) = listener.accept().await {
        socket.set_nodelay(true).expect("a TCP socket");
        let (client, authority) = (client.clone(), authority.clone());
        tokio::spawn(async move {
            let pass = service_fn(move |request| pass(client.clone(), authority.clone(), request));
            // A connection that breaks off is the client's business.
            let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(socket), pass).await;
        });
    }
}

async fn pass(
    client: Client<HttpConnector, Incoming>,
    authority: Authority,
    mut request: Request<Incoming>,
) -> Result<Response<Body>, Infallible> {
    let path = request.uri().path_and_query().cloned().unwrap_or(PathAndQuery::from_static("/"));
    let to = Uri::builder().scheme(Scheme::HTTP).authority(authority).path_and_query(path);
    *request.uri_mut() = to.build().expect("valid parts make a valid address");
    match client.request(request).await {
        Ok(response) => Ok(response.map(BodyExt::boxed)),
        Err(_) => {
            let mut response = Response::new(Empty::new().map_err(|never| match never {}).boxed());
            *response.status_mut() = http::StatusCode::BAD_GATEWAY;
            Ok(response)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Answer, Fake, Load, load};

    #[tokio::test]
    async fn it_passes_bodies_and_streams_through() {
        let fake = Fake::start().await;
        fake.on("POST /x", Answer::stream("text/plain", ["a", "b"]));
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let proxy = tokio::spawn(bare_proxy(listener, fake.address()));
        let plan = Load {
            requests: 20,
            connections: 2,
            path: "/x".into(),
            body: Bytes::from_static(b"hello"),
            headers: vec![],
        };
        let report = load(address, &plan).await;
        assert_eq!((report.ok, report.failed, report.body_bytes), (20, 0, 40));
        assert_eq!(&fake.last().body[..], b"hello");
        assert!(fake.connections() <= 2, "connections are kept");
        proxy.abort();
    }
}
