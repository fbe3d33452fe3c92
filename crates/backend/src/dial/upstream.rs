//! An upstream: one origin with its key, and the one function that sends.
//!
//! Never here: choosing, retries, what is allowed (`egress`).

use super::egress::{Denied, Spot};
use super::errand::{Errand, Peer};
use super::error::{CallError, DialError, call_error};
use super::gate::Gate;
use super::{CONNECT, Origin, Plain, Secret, Tls};
use bytes::Bytes;
use decide::PlaceId;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, header};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_util::client::legacy::connect::{CaptureConnection, capture_connection};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

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
pub(super) fn headers(origin: &Origin, key: Option<&Secret>, auth: Auth) -> Result<HeaderMap, DialError> {
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

/// The way out to one origin.
#[derive(Clone)]
pub(super) enum Door {
    Plain(Plain),
    Tls(Tls),
    /// The egress list does not have this origin: there is no client behind it.
    Shut(Denied, Arc<Gate>),
}

/// Which errands an upstream runs; the owned form of [`Peer`].
#[derive(Clone)]
pub(super) enum Runs {
    Place(PlaceId),
    Questions,
    Documents,
}

impl Runs {
    pub(super) fn of(peer: Peer<'_>) -> Runs {
        match peer {
            Peer::Place(id) => Runs::Place(id.clone()),
            Peer::Unknown => Runs::Questions,
            Peer::Hub => Runs::Documents,
        }
    }
}

/// A path on one upstream's origin. It carries no host, so that it cannot lead anywhere else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route(PathAndQuery);

/// One origin with its key. Whatever is sent through it goes to that origin.
#[derive(Clone)]
pub struct Upstream {
    pub(super) origin: Origin,
    pub(super) key: Option<Secret>,
    pub(super) headers: HeaderMap,
    pub(super) door: Door,
    pub(super) runs: Runs,
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

    /// Runs an errand: the one function of Dewpoint from which bytes leave. Gives back the response head as soon as it is
    /// there, until `due`; dropping the response's body ends the exchange and closes the connection.
    ///
    /// # Errors
    /// [`CallError`] when there is no response head: [`CallError::Forbidden`] when the egress list does not allow the origin
    /// or what its name leads to, [`CallError::Built`] when this upstream does not run such errands.
    pub async fn send(
        &self,
        errand: Errand,
        route: &Route,
        further: &[(HeaderName, HeaderValue)],
        connect: Duration,
        due: Option<Instant>,
    ) -> Result<Response<Incoming>, CallError> {
        let mut request = match self.body(errand)? {
            Some(body) => {
                let mut request = self.request(Method::POST, route, Full::new(body))?;
                request.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
                request
            }
            None => self.request(Method::GET, route, Full::default())?,
        };
        for (name, value) in further {
            request.headers_mut().insert(name.clone(), value.clone());
        }
        self.pass(request, connect, due).await
    }

    /// What an errand carries. Here a permit ends: it has been shown and is used up.
    fn body(&self, errand: Errand) -> Result<Option<Bytes>, CallError> {
        match (errand, &self.runs) {
            (Errand::Ask(permit, body), Runs::Place(place)) if permit.place() == place => Ok(Some(body)),
            (Errand::Ask(permit, _), _) => {
                Err(CallError::Built(format!("a permit for {} was shown at {}", permit.place(), self.origin)))
            }
            (Errand::Probe(question), Runs::Place(_) | Runs::Questions) => Ok(question.body()),
            (Errand::Pull, Runs::Documents) => Ok(None),
            (Errand::Probe(_) | Errand::Pull, _) => {
                Err(CallError::Built(format!("{} is not there for errands of this kind", self.origin)))
            }
        }
    }

    fn request(&self, method: Method, route: &Route, body: Full<Bytes>) -> Result<Request<Full<Bytes>>, CallError> {
        let mut request = Request::new(body);
        *request.method_mut() = method;
        *request.uri_mut() = self.origin.uri(route.0.clone()).map_err(|e| CallError::Built(e.to_string()))?;
        *request.headers_mut() = self.headers.clone();
        Ok(request)
    }

    async fn pass(
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
            Door::Shut(denied, gate) => {
                gate.denied(&Spot::of(&self.origin), denied);
                return Err(denied.clone().into());
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
