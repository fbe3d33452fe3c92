//! The one door to the network: a list of what may be dialled, a pool of connections, and upstreams that are bound to one
//! origin and one key.
//!
//! A byte leaves through [`Upstream::send`] only, on an [`Errand`] that says what it is for; a caller's text needs a
//! [`decide::Permit`], which is used up by it. A connection is opened to an origin on the [`Egress`] list only, and to such
//! addresses behind its name as its zone allows. Both are checked when a connection is made, not per request: an upstream
//! and its pooled connections are the proof that they passed.
//!
//! HTTP/1.1 for plain addresses, HTTP/1.1 or HTTP/2 by ALPN for TLS. Redirects are answers like any other and are not
//! followed; proxy variables of the environment are not read; compression is not asked for.
//!
//! Never here: an address or a header that came with a request, retries of our own.

mod connect;
mod egress;
mod errand;
mod error;
mod gate;
mod ground;
mod origin;
mod resolve;
mod secret;
mod trust;
mod upstream;

pub use egress::{Denied, Egress, Reason};
pub use errand::{Errand, Peer, Question};
pub use error::{CallError, DialError};
pub use origin::{Origin, OriginError};
pub use secret::Secret;
pub use upstream::{Auth, Route, Upstream};

use arc_swap::ArcSwap;
use bytes::Bytes;
use connect::{CONNECT, Tcp, Within};
use egress::Spot;
use gate::Gate;
use http_body_util::Full;
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::{Builder, Client};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use resolve::Resolver;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use upstream::{Door, Runs, headers};

type Plain = Client<Within<Tcp>, Full<Bytes>>;
type Tls = Client<Within<HttpsConnector<Tcp>>, Full<Bytes>>;

/// How the dialer keeps connections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DialerOptions {
    /// To connect; a request may ask for less, not for more.
    pub connect: Duration,
    /// An idle connection is closed after this long.
    pub idle: Duration,
    /// Idle connections kept per origin at most.
    pub idle_per_origin: usize,
    /// PEM bundle of further roots to trust.
    pub ca_file: Option<PathBuf>,
    /// What may be dialled. The default is this host and nothing else.
    pub egress: Egress,
}

impl Default for DialerOptions {
    fn default() -> DialerOptions {
        // 55 s is under the usual 60 s after which servers and load balancers drop an idle connection.
        DialerOptions {
            connect: Duration::from_secs(5),
            idle: Duration::from_secs(55),
            idle_per_origin: 256,
            ca_file: None,
            egress: Egress::loopback(),
        }
    }
}

/// Makes upstreams; cheap to clone, one pool behind all clones.
#[derive(Clone)]
pub struct Dialer(Arc<Inner>);

struct Inner {
    options: DialerOptions,
    gate: Arc<Gate>,
    resolver: Resolver,
    pools: ArcSwap<Pools>,
}

/// The pooled clients.
struct Pools {
    plain: Plain,
    tls: OnceLock<Result<Tls, DialError>>,
}

impl Dialer {
    /// A dialer without any connection yet. TLS is set up when the first https origin is asked for.
    ///
    /// # Errors
    /// [`DialError::CaFile`] when a configured bundle does not exist.
    pub fn new(options: DialerOptions) -> Result<Dialer, DialError> {
        Dialer::with(options, Resolver::new())
    }

    fn with(mut options: DialerOptions, resolver: Resolver) -> Result<Dialer, DialError> {
        if let Some(path) = options.ca_file.as_ref().filter(|p| !p.is_file()) {
            return Err(DialError::CaFile { path: path.display().to_string(), why: "no such file".to_owned() });
        }
        let gate = Arc::new(Gate::new(std::mem::take(&mut options.egress)));
        let pools = ArcSwap::from_pointee(Pools::new(&options, &gate, &resolver));
        Ok(Dialer(Arc::new(Inner { options, gate, resolver, pools })))
    }

    /// An upstream: an origin with the key that may go there, and whose it is. One that is not on the egress list is made all
    /// the same, without a client: whatever is sent through it is refused and counted, so that a place shows why it is shut.
    ///
    /// # Errors
    /// [`DialError`] when TLS cannot be set up, or the key fits in no header.
    pub fn upstream(
        &self,
        origin: Origin,
        key: Option<Secret>,
        auth: Auth,
        peer: Peer<'_>,
    ) -> Result<Upstream, DialError> {
        let key = key.filter(|k| !k.is_empty());
        let headers = headers(&origin, key.as_ref(), auth)?;
        let door = match self.0.gate.leave(&Spot::of(&origin)) {
            Err(denied) => Door::Shut(denied, self.0.gate.clone()),
            Ok(_) if origin.is_https() => Door::Tls(self.tls()?),
            Ok(_) => Door::Plain(self.0.pools.load().plain.clone()),
        };
        Ok(Upstream { origin, key, headers, door, runs: Runs::of(peer) })
    }

    /// Puts a new egress list in force for every connection from now on. An air gap that is closed stays closed.
    pub fn allow(&self, egress: Egress) {
        self.0.gate.replace(egress);
    }

    /// As [`Dialer::allow`], and pooled connections are not used by upstreams that are made from now on: for rules that have
    /// changed for origins which stay.
    pub fn renew(&self, egress: Egress) {
        self.allow(egress);
        self.0.pools.store(Arc::new(Pools::new(&self.0.options, &self.0.gate, &self.0.resolver)));
    }

    /// Whether only this host is dialled.
    pub fn is_airgapped(&self) -> bool {
        self.0.gate.is_airgapped()
    }

    /// How often something was not dialled, by reason.
    pub fn denied(&self) -> impl Iterator<Item = (Reason, u64)> {
        self.0.gate.counts()
    }

    /// The addresses that an origin's name has now and that may be dialled. Nothing is sent but the question for the name.
    ///
    /// # Errors
    /// [`CallError::Forbidden`], or [`CallError::Connect`] when the name has no address.
    pub async fn addresses(&self, origin: &Origin) -> Result<Vec<SocketAddr>, CallError> {
        let spot = Spot::of(origin);
        let found = connect::addresses(&self.0.gate, &self.0.resolver, &spot).await;
        found.map_err(|error| match error.downcast::<Denied>() {
            Ok(denied) => CallError::from(*denied),
            Err(error) => CallError::Connect(error.to_string()),
        })
    }

    fn tls(&self) -> Result<Tls, DialError> {
        let (options, gate, resolver) = (&self.0.options, &self.0.gate, &self.0.resolver);
        let pools = self.0.pools.load_full();
        let made = pools.tls.get_or_init(|| {
            // The name that is asked for in TLS, and that the certificate must have, is the origin's host.
            let https = hyper_rustls::HttpsConnectorBuilder::new()
                .with_tls_config(trust::config(options.ca_file.as_deref())?)
                .https_only()
                .enable_all_versions()
                .wrap_connector(Tcp::new(gate.clone(), resolver.clone(), options.connect));
            Ok(pool(options).build(Within { inner: https, default: options.connect }))
        });
        made.clone()
    }
}

impl Pools {
    fn new(options: &DialerOptions, gate: &Arc<Gate>, resolver: &Resolver) -> Pools {
        let tcp = Tcp::new(gate.clone(), resolver.clone(), options.connect);
        let plain = pool(options).build(Within { inner: tcp, default: options.connect });
        Pools { plain, tls: OnceLock::new() }
    }
}

impl std::fmt::Debug for Dialer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Dialer").field(&self.0.options).finish()
    }
}

#[expect(clippy::disallowed_methods, reason = "these are the clients behind the list")]
fn pool(options: &DialerOptions) -> Builder {
    let mut builder = Client::builder(TokioExecutor::new());
    builder
        .pool_timer(TokioTimer::new())
        .timer(TokioTimer::new())
        .pool_idle_timeout(options.idle)
        .pool_max_idle_per_host(options.idle_per_origin)
        .http1_max_buf_size(1 << 20)
        .http2_adaptive_window(true)
        .http2_keep_alive_interval(Duration::from_secs(30));
    builder
}

#[cfg(test)]
#[path = "dial/door_tests.rs"]
mod door_tests;
