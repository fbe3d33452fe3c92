//! The one door to the network: a pool of connections, and upstreams that are bound to one origin and one key.
//!
//! HTTP/1.1 for plain addresses, HTTP/1.1 or HTTP/2 by ALPN for TLS. Redirects are answers like any other and are not
//! followed; proxy variables of the environment are not read; compression is not asked for.
//!
//! Never here: an address or a header that came with a request, retries of our own.

mod connect;
mod origin;
mod resolve;
mod secret;
mod trust;

pub use origin::{Origin, OriginError};
pub use secret::Secret;

use bytes::Bytes;
use connect::{CONNECT, TooSlow, Within};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, header};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::connect::{CaptureConnection, HttpConnector, capture_connection};
use hyper_util::client::legacy::{Builder, Client};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use resolve::Resolver;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::time::Instant;

type Plain = Client<Within<HttpConnector<Resolver>>, Full<Bytes>>;
type Tls = Client<Within<HttpsConnector<HttpConnector<Resolver>>>, Full<Bytes>>;

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
}

impl Default for DialerOptions {
    fn default() -> DialerOptions {
        // 55 s is under the usual 60 s after which servers and load balancers drop an idle connection.
        DialerOptions {
            connect: Duration::from_secs(5),
            idle: Duration::from_secs(55),
            idle_per_origin: 256,
            ca_file: None,
        }
    }
}

/// Why there is no dialer or no upstream.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DialError {
    /// TLS cannot be set up.
    #[error("TLS cannot be set up: {0}")]
    Tls(String),
    /// The bundle of roots cannot be used.
    #[error("the certificates in {path} cannot be used: {why}; give a PEM file with at least one certificate")]
    CaFile {
        /// The file.
        path: String,
        /// What is wrong.
        why: String,
    },
    /// The key has characters that no header can carry.
    #[error("the key for {0} holds characters that cannot stand in a header; check for line breaks inside it")]
    Key(String),
}

/// Why a request got no answer. Texts are for logs: they may name addresses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// No connection: refused, unknown name, TLS. Nothing was sent.
    #[error("no connection: {0}")]
    Connect(String),
    /// No connection within the deadline. Nothing was sent.
    #[error("{0}")]
    ConnectSlow(String),
    /// No head of an answer by the deadline. The request may have been received.
    #[error("no answer began in time")]
    Late,
    /// The connection ended before the answer began. The request may have been received.
    #[error("the connection was lost: {0}")]
    Lost(String),
    /// The request could not be written down (a bug of ours).
    #[error("the request could not be built: {0}")]
    Built(String),
}

/// Makes upstreams; cheap to clone, one pool behind all clones.
#[derive(Clone)]
pub struct Dialer(Arc<Inner>);

struct Inner {
    options: DialerOptions,
    plain: Plain,
    tls: OnceLock<Result<Tls, DialError>>,
}

impl Dialer {
    /// A dialer without any connection yet. TLS is set up when the first https origin is asked for.
    ///
    /// # Errors
    /// [`DialError::CaFile`] when a configured bundle does not exist.
    pub fn new(options: DialerOptions) -> Result<Dialer, DialError> {
        if let Some(path) = options.ca_file.as_ref().filter(|p| !p.is_file()) {
            return Err(DialError::CaFile { path: path.display().to_string(), why: "no such file".to_owned() });
        }
        let connector = Within { inner: connect::tcp(options.connect), default: options.connect };
        let plain = pool(&options).build(connector);
        Ok(Dialer(Arc::new(Inner { options, plain, tls: OnceLock::new() })))
    }

    /// An upstream: an origin with the key that may go there.
    ///
    /// # Errors
    /// [`DialError`] when TLS cannot be set up, or the key fits in no header.
    pub fn upstream(&self, origin: Origin, key: Option<Secret>, auth: Auth) -> Result<Upstream, DialError> {
        let door = if origin.is_https() { Door::Tls(self.tls()?) } else { Door::Plain(self.0.plain.clone()) };
        let key = key.filter(|k| !k.is_empty());
        let headers = headers(&origin, key.as_ref(), auth)?;
        Ok(Upstream { origin, key, headers, door })
    }

    fn tls(&self) -> Result<Tls, DialError> {
        let options = &self.0.options;
        let made = self.0.tls.get_or_init(|| {
            let https = hyper_rustls::HttpsConnectorBuilder::new()
                .with_tls_config(trust::config(options.ca_file.as_deref())?)
                .https_only()
                .enable_all_versions()
                .wrap_connector(connect::tcp(options.connect));
            Ok(pool(options).build(Within { inner: https, default: options.connect }))
        });
        made.clone()
    }
}

impl std::fmt::Debug for Dialer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Dialer").field(&self.0.options).finish()
    }
}

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

/// How a key is shown to its upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Auth {
    /// `Authorization: Bearer …`.
    Bearer,
    /// `x-api-key: …`.
    XApiKey,
    /// Not at all.
    None,
}

/// The headers of every request to this upstream. What a caller sent is not among them.
fn headers(origin: &Origin, key: Option<&Secret>, auth: Auth) -> Result<HeaderMap, DialError> {
    let mut out = HeaderMap::with_capacity(8);
    out.insert(header::USER_AGENT, HeaderValue::from_static(concat!("dewpoint/", env!("CARGO_PKG_VERSION"))));
    out.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    let Some(key) = key else { return Ok(out) };
    let (name, text) = match auth {
        Auth::Bearer => (header::AUTHORIZATION, format!("Bearer {}", key.expose())),
        Auth::XApiKey => (HeaderName::from_static("x-api-key"), key.expose().to_owned()),
        Auth::None => return Ok(out),
    };
    let mut value = HeaderValue::from_str(&text).map_err(|_| DialError::Key(origin.to_string()))?;
    value.set_sensitive(true);
    out.insert(name, value);
    Ok(out)
}

#[derive(Clone)]
enum Door {
    Plain(Plain),
    Tls(Tls),
}

/// A path on one upstream's origin. It carries no host, so that it cannot lead anywhere else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route(PathAndQuery);

/// One origin with its key. Whatever is sent through it goes to that origin.
#[derive(Clone)]
pub struct Upstream {
    origin: Origin,
    key: Option<Secret>,
    headers: HeaderMap,
    door: Door,
}

impl Upstream {
    /// Where it is.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The key that goes there, for cleaning texts of it.
    pub(crate) fn key(&self) -> Option<&Secret> {
        self.key.as_ref()
    }

    /// A path below the configured prefix (`/chat/completions`).
    ///
    /// # Errors
    /// [`CallError::Built`] when `tail` is no path.
    pub fn below(&self, tail: &str) -> Result<Route, CallError> {
        self.origin.below(tail).map(Route).ok_or_else(|| CallError::Built(format!("{tail} is no path")))
    }

    /// A path beside the API's version (`/health`, `/metrics`).
    ///
    /// # Errors
    /// [`CallError::Built`] when `tail` is no path.
    pub fn beside(&self, tail: &str) -> Result<Route, CallError> {
        self.origin.beside(tail).map(Route).ok_or_else(|| CallError::Built(format!("{tail} is no path")))
    }

    /// Sends a JSON body. Gives back the response head as soon as it is there, until `due`; dropping the response's body
    /// ends the exchange and closes the connection.
    ///
    /// # Errors
    /// [`CallError`] when there is no response head.
    pub async fn post(
        &self,
        route: &Route,
        body: Bytes,
        further: &[(HeaderName, HeaderValue)],
        connect: Duration,
        due: Instant,
    ) -> Result<Response<Incoming>, CallError> {
        let mut request = self.request(Method::POST, route, Full::new(body))?;
        let headers = request.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        for (name, value) in further {
            headers.insert(name.clone(), value.clone());
        }
        self.send(request, connect, Some(due)).await
    }

    /// Asks for a document.
    ///
    /// # Errors
    /// [`CallError`] when there is no response head.
    pub async fn get(
        &self,
        route: &Route,
        further: &[(HeaderName, HeaderValue)],
        connect: Duration,
    ) -> Result<Response<Incoming>, CallError> {
        let mut request = self.request(Method::GET, route, Full::default())?;
        for (name, value) in further {
            request.headers_mut().insert(name.clone(), value.clone());
        }
        self.send(request, connect, None).await
    }

    fn request(&self, method: Method, route: &Route, body: Full<Bytes>) -> Result<Request<Full<Bytes>>, CallError> {
        let mut request = Request::new(body);
        *request.method_mut() = method;
        *request.uri_mut() = self.origin.uri(route.0.clone()).map_err(|e| CallError::Built(e.to_string()))?;
        *request.headers_mut() = self.headers.clone();
        Ok(request)
    }

    async fn send(
        &self,
        mut request: Request<Full<Bytes>>,
        connect: Duration,
        due: Option<Instant>,
    ) -> Result<Response<Incoming>, CallError> {
        let (answer, shared) = match &self.door {
            Door::Plain(client) => (client.request(request), None),
            Door::Tls(client) => {
                let shared = capture_connection(&mut request);
                (client.request(request), Some(shared))
            }
        };
        let answer = CONNECT.scope(connect, answer);
        let answer = match due {
            Some(due) => tokio::time::timeout_at(due, answer).await,
            None => Ok(answer.await),
        };
        let Ok(answer) = answer else {
            // HTTP/2 requests share a connection. One on which nothing came is not given to the next request; those that
            // run on it go on.
            if let Some(connected) = shared.as_ref().map(CaptureConnection::connection_metadata) {
                connected.as_ref().inspect(|c| c.poison());
            }
            return Err(CallError::Late);
        };
        answer.map_err(|e| call_error(&e))
    }
}

/// Without the key and the headers that carry it.
impl std::fmt::Debug for Upstream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Upstream").field("origin", &self.origin).field("key", &self.key).finish_non_exhaustive()
    }
}

fn call_error(error: &hyper_util::client::legacy::Error) -> CallError {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    // The chain is as deep as the layers under it; the bound only guards against a cycle.
    for _ in 0..8 {
        let Some(cause) = source else { break };
        if cause.is::<TooSlow>() {
            return CallError::ConnectSlow(cause.to_string());
        }
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    if error.is_connect() { CallError::Connect(text) } else { CallError::Lost(text) }
}
