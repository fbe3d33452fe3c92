//! How a connection is made: name, TCP and TLS together have one deadline.
//!
//! Never here: keys, paths, retries.

use super::resolve::Resolver;
use http::Uri;
use hyper_util::client::legacy::connect::HttpConnector;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tower_service::Service;

type Boxed<T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + Send>>;
type AnyError = Box<dyn std::error::Error + Send + Sync>;

tokio::task_local! {
    /// The connect deadline of the request that is being sent by this task. The pooled client has no argument for it.
    pub(super) static CONNECT: Duration;
}

/// The TCP connector under both kinds of client.
#[expect(clippy::disallowed_methods, reason = "this is the one connector, with its resolver and its limits")]
pub(super) fn tcp(default: Duration) -> HttpConnector<Resolver> {
    let mut tcp = HttpConnector::new_with_resolver(Resolver::new());
    tcp.set_nodelay(true);
    tcp.enforce_http(false);
    tcp.set_keepalive(Some(Duration::from_secs(60)));
    // Shared among the addresses of a name, so that one dead address does not use up the time of the next.
    tcp.set_connect_timeout(Some(default));
    tcp
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
