//! The client: requests over pooled connections, and streams that can be held or dropped.
//!
//! Never here: what an answer means (`got`).

use super::got::{self, Got};
use super::{Dialect, Frame};
use bytes::Bytes;
use http::{HeaderMap, Method, Request};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use std::marker::PhantomData;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// For anything to come at all; no promise is slower than this.
const LIMIT: Duration = Duration::from_secs(60);

/// A request's body: JSON, text, or bytes.
pub(crate) struct Body(Bytes);

impl From<Value> for Body {
    fn from(v: Value) -> Body {
        Body(v.to_string().into())
    }
}
impl From<&Value> for Body {
    fn from(v: &Value) -> Body {
        Body(v.to_string().into())
    }
}
impl From<&str> for Body {
    fn from(v: &str) -> Body {
        Body(v.to_owned().into())
    }
}
impl From<String> for Body {
    fn from(v: String) -> Body {
        Body(v.into())
    }
}
impl From<Vec<u8>> for Body {
    fn from(v: Vec<u8>) -> Body {
        Body(v.into())
    }
}

pub(super) struct Client {
    http: hyper_util::client::legacy::Client<HttpConnector, Full<Bytes>>,
    address: SocketAddr,
}

impl Client {
    pub(super) fn new(address: SocketAddr) -> Client {
        let http = hyper_util::client::legacy::Client::builder(TokioExecutor::new()).build_http();
        Client { http, address }
    }

    pub(super) async fn post(&self, dialect: Dialect, body: Body, headers: &[(&str, &str)]) -> Live<'_> {
        let path = match dialect {
            Dialect::Openai => "/v1/chat/completions",
            Dialect::Anthropic => "/v1/messages",
            Dialect::Ollama => panic!("the Ollama API is not served"),
        };
        self.send("POST", path, headers, body).await
    }

    pub(super) async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Body) -> Live<'_> {
        let started = Instant::now();
        let dialect = got::dialect(path, headers);
        let mut request = Request::new(Full::new(body.0));
        *request.method_mut() = Method::from_bytes(method.as_bytes()).unwrap();
        *request.uri_mut() = format!("http://{}{path}", self.address).parse().unwrap();
        request.headers_mut().insert("content-type", "application/json".parse().unwrap());
        for (name, value) in headers {
            request
                .headers_mut()
                .append(http::HeaderName::from_bytes(name.as_bytes()).unwrap(), value.parse().unwrap());
        }
        let sent = tokio::time::timeout(LIMIT, self.http.request(request)).await;
        let response = sent.expect("an answer within a minute").unwrap_or_else(|e| panic!("{method} {path}: {e:?}"));
        let (head, body) = response.into_parts();
        Live {
            path: path.to_owned(),
            dialect,
            status: head.status.as_u16(),
            headers: head.headers,
            head_after: started.elapsed(),
            started,
            body,
            bytes: Vec::new(),
            broken: None,
            over: false,
            _rig: PhantomData,
        }
    }
}

/// An answer whose head is there. Dropping it closes the connection.
pub(crate) struct Live<'a> {
    path: String,
    dialect: Dialect,
    /// HTTP status.
    pub(crate) status: u16,
    /// Headers.
    pub(crate) headers: HeaderMap,
    head_after: Duration,
    started: Instant,
    body: Incoming,
    bytes: Vec<u8>,
    broken: Option<String>,
    over: bool,
    _rig: PhantomData<&'a ()>,
}

impl Live<'_> {
    /// The request id that the answer names.
    pub(crate) fn request_id(&self) -> String {
        got::request_id(&self.headers).expect("a request id")
    }

    /// The events that are complete so far.
    pub(crate) fn frames(&self) -> Vec<Frame> {
        got::frames(&self.bytes)
    }

    /// Everything that came so far.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Reads on until this much was read as is wanted; false when it ended before.
    pub(crate) async fn until(&mut self, wanted: impl Fn(&[u8]) -> bool) -> bool {
        while !wanted(&self.bytes) {
            if !self.more().await {
                return false;
            }
        }
        true
    }

    /// Reads one piece; false at the end.
    pub(crate) async fn more(&mut self) -> bool {
        if self.over {
            return false;
        }
        match tokio::time::timeout(LIMIT, self.body.frame()).await.expect("a piece within a minute") {
            Some(Ok(frame)) => {
                if let Some(data) = frame.data_ref() {
                    self.bytes.extend_from_slice(data);
                }
                return true;
            }
            Some(Err(e)) => self.broken = Some(e.to_string()),
            None => {}
        }
        self.over = true;
        false
    }

    /// Reads to the end.
    pub(crate) async fn rest(mut self) -> Got {
        while self.more().await {}
        Got::of(
            self.path,
            self.dialect,
            self.status,
            self.headers,
            Bytes::from(self.bytes),
            self.broken,
            (self.head_after, self.started.elapsed()),
        )
    }
}
