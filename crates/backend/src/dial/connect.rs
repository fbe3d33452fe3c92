//! How a connection is made: leave, name, addresses, TCP and TLS, together under one deadline.
//!
//! Never here: keys, paths, retries.

use super::egress::{Denied, Spot};
use super::gate::Gate;
use super::origin::literal;
use super::resolve::Resolver;
use http::Uri;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::Name;
use hyper_util::rt::TokioIo;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::net::TcpStream;
use tower_service::Service;

type Boxed<T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + Send>>;
pub(super) type AnyError = Box<dyn std::error::Error + Send + Sync>;

tokio::task_local! {
    /// The connect deadline of the request that is being sent by this task. The pooled client has no argument for it.
    pub(super) static CONNECT: Duration;
}

/// The TCP connector under both kinds of client. Every connection asks the gate for leave, and only such addresses behind
/// the name as the leave allows are dialled: each time anew, so that a name that leads elsewhere today leads nowhere.
#[derive(Clone)]
pub(super) struct Tcp {
    gate: Arc<Gate>,
    resolver: Resolver,
    default: Duration,
}

impl Tcp {
    pub(super) fn new(gate: Arc<Gate>, resolver: Resolver, default: Duration) -> Tcp {
        Tcp { gate, resolver, default }
    }
}

impl Service<Uri> for Tcp {
    type Response = TokioIo<TcpStream>;
    type Error = AnyError;
    type Future = Boxed<Self::Response, AnyError>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), AnyError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, to: Uri) -> Self::Future {
        let this = self.clone();
        Box::pin(async move {
            let spot = spot(&to).ok_or("the address has no host")?;
            let addresses = addresses(&this.gate, &this.resolver, &spot).await?;
            let mut tcp = connector(Chosen(addresses), this.default);
            Ok(tcp.call(to).await?)
        })
    }
}

/// The connector for addresses that were chosen.
#[expect(clippy::disallowed_methods, reason = "this is the one connector, behind the gate and with its limits")]
fn connector(chosen: Chosen, default: Duration) -> HttpConnector<Chosen> {
    let mut tcp = HttpConnector::new_with_resolver(chosen);
    tcp.set_nodelay(true);
    tcp.enforce_http(false);
    tcp.set_keepalive(Some(Duration::from_secs(60)));
    // Shared among the addresses of a name, so that one dead address does not use up the time of the next.
    tcp.set_connect_timeout(Some(default));
    tcp
}

/// The addresses of a spot that may be dialled now. A refusal is counted.
pub(super) async fn addresses(gate: &Gate, resolver: &Resolver, spot: &Spot) -> Result<Vec<SocketAddr>, AnyError> {
    let refused = |denied: Denied| {
        gate.denied(spot, &denied);
        AnyError::from(denied)
    };
    let leave = gate.leave(spot).map_err(refused)?;
    if let Some(ip) = literal(&spot.host) {
        return Ok(vec![SocketAddr::new(ip, spot.port)]);
    }
    let found = resolver.find(spot.host.parse()?).await.map_err(|why| why.to_string())?;
    let mut chosen = leave.choose(&found).map_err(refused)?;
    chosen.iter_mut().for_each(|a| a.set_port(spot.port));
    Ok(chosen)
}

/// Scheme, host and port of an address that an upstream built.
fn spot(to: &Uri) -> Option<Spot> {
    let https = to.scheme_str() == Some("https");
    let port = to.port_u16().unwrap_or(if https { 443 } else { 80 });
    Some(Spot { https, host: to.host()?.into(), port })
}

/// Gives the addresses that were chosen, whatever the name.
#[derive(Clone)]
struct Chosen(Vec<SocketAddr>);

impl Service<Name> for Chosen {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = std::convert::Infallible;
    type Future = std::future::Ready<Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Name) -> Self::Future {
        std::future::ready(Ok(self.0.clone().into_iter()))
    }
}

/// A connector under one deadline for everything it does (name, TCP, TLS).
#[derive(Clone)]
pub(super) struct Within<C> {
    pub(super) inner: C,
    pub(super) default: Duration,
}

/// The connect deadline passed.
#[derive(Debug, thiserror::Error)]
#[error("no connection within {} ms", .0.as_millis())]
pub(super) struct TooSlow(Duration);

impl<C> Service<Uri> for Within<C>
where
    C: Service<Uri>,
    C::Response: Send + 'static,
    C::Error: Into<AnyError>,
    C::Future: Send + 'static,
{
    type Response = C::Response;
    type Error = AnyError;
    type Future = Boxed<C::Response, AnyError>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), AnyError>> {
        self.inner.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, to: Uri) -> Self::Future {
        let limit = CONNECT.try_with(|limit| *limit).unwrap_or(self.default);
        let connecting = self.inner.call(to);
        Box::pin(async move {
            match tokio::time::timeout(limit, connecting).await {
                Ok(done) => done.map_err(Into::into),
                Err(_) => Err(Box::new(TooSlow(limit)) as AnyError),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// Connects to nothing, for ever.
    struct Never;

    impl Service<Uri> for Never {
        type Response = ();
        type Error = std::io::Error;
        type Future = Boxed<(), std::io::Error>;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
            Poll::Ready(Ok(()))
        }

        fn call(&mut self, _: Uri) -> Self::Future {
            Box::pin(std::future::pending())
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_deadline_of_the_request_counts_and_else_the_default() {
        let mut door = Within { inner: Never, default: Duration::from_secs(5) };
        let to = Uri::from_static("http://x/");
        let began = tokio::time::Instant::now();
        let slow = door.call(to.clone()).await.unwrap_err();
        assert!(slow.is::<TooSlow>());
        assert_eq!(began.elapsed().as_secs(), 5);
        let began = tokio::time::Instant::now();
        let within = CONNECT.scope(Duration::from_secs(1), async { door.call(to).await });
        assert!(within.await.unwrap_err().is::<TooSlow>());
        assert_eq!(began.elapsed().as_secs(), 1);
    }
}
