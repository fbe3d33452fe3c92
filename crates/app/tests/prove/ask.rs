//! Requests of a client and what comes back, over HTTP as any client writes it.
//!
//! Never here: what should come back.

use super::canary::Canary;
use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::time::Duration;

/// For an answer to be whole, on a machine that is busy.
const LIMIT: Duration = Duration::from_secs(30);

/// The ways of asking. The Ollama API is not served; it is sent all the same, since a refusal may not leak either.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Api {
    Chat,
    Messages,
    Ollama,
    Completions,
    Embeddings,
    Rerank,
    Count,
}

impl Api {
    /// Those in which an answer may be a stream.
    pub(crate) const TALK: [Api; 2] = [Api::Chat, Api::Messages];
    /// The others.
    pub(crate) const MORE: [Api; 5] = [Api::Ollama, Api::Completions, Api::Embeddings, Api::Rerank, Api::Count];

    fn path(self) -> &'static str {
        match self {
            Api::Chat => "/v1/chat/completions",
            Api::Messages => "/v1/messages",
            Api::Ollama => "/api/chat",
            Api::Completions => "/v1/completions",
            Api::Embeddings => "/v1/embeddings",
            Api::Rerank => "/v1/rerank",
            Api::Count => "/v1/messages/count_tokens",
        }
    }

    fn body(self, model: &str, stream: bool, text: &str) -> Value {
        let messages = json!([{"role": "user", "content": text}]);
        match self {
            Api::Chat | Api::Messages | Api::Ollama => {
                json!({"model": model, "max_tokens": 64, "stream": stream, "messages": messages})
            }
            Api::Completions => json!({"model": model, "max_tokens": 64, "stream": stream, "prompt": text}),
            Api::Embeddings => json!({"model": model, "input": [text, "b"]}),
            Api::Rerank => json!({"model": model, "query": text, "documents": [text, "b"]}),
            Api::Count => json!({"model": model, "messages": messages}),
        }
    }
}

/// One request.
#[derive(Debug, Clone)]
pub(crate) struct Ask {
    pub(crate) api: Api,
    pub(crate) stream: bool,
    pub(crate) model: String,
    pub(crate) text: String,
    pub(crate) headers: Vec<(&'static str, String)>,
}

impl Ask {
    /// A request of this class with a canary in its text.
    pub(crate) fn new(api: Api, stream: bool, model: &str, canary: &Canary) -> Ask {
        Ask { api, stream, model: model.to_owned(), text: canary.text(), headers: Vec::new() }
    }

    #[must_use]
    pub(crate) fn header(mut self, name: &'static str, value: &str) -> Ask {
        self.headers.push((name, value.to_owned()));
        self
    }

    #[must_use]
    pub(crate) fn class(self, class: &str) -> Ask {
        self.header("x-dewpoint-class", class)
    }
}

/// What came back. Status 0 is a connection that broke.
#[derive(Debug, Clone)]
pub(crate) struct Got {
    pub(crate) status: u16,
    pub(crate) place: Option<String>,
    pub(crate) body: Bytes,
}

impl Got {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// A client.
#[derive(Clone)]
pub(crate) struct Asker {
    http: Client<HttpConnector, Full<Bytes>>,
    address: SocketAddr,
}

impl Asker {
    #[expect(clippy::disallowed_methods, reason = "a test is a client: it opens sockets to the server")]
    pub(crate) fn new(address: SocketAddr) -> Asker {
        Asker { http: Client::builder(TokioExecutor::new()).build_http(), address }
    }

    /// Asks and reads to the end.
    pub(crate) async fn ask(&self, ask: &Ask) -> Got {
        let body = ask.api.body(&ask.model, ask.stream, &ask.text).to_string();
        let mut request = Request::post(format!("http://{}{}", self.address, ask.api.path()));
        request = request.header("content-type", "application/json");
        for (name, value) in &ask.headers {
            request = request.header(*name, value);
        }
        self.send(request.body(Full::new(body.into())).unwrap()).await
    }

    /// A page.
    pub(crate) async fn get(&self, path: &str) -> Got {
        self.send(Request::get(format!("http://{}{path}", self.address)).body(Full::default()).unwrap()).await
    }

    async fn send(&self, request: Request<Full<Bytes>>) -> Got {
        let whole = async {
            let response = self.http.request(request).await.ok()?;
            let (head, mut body) = response.into_parts();
            let place = head.headers.get("x-dewpoint-place").map(|v| v.to_str().unwrap().to_owned());
            let mut bytes = Vec::new();
            // What came before a connection broke counts.
            while let Some(Ok(frame)) = body.frame().await {
                bytes.extend_from_slice(frame.data_ref().unwrap_or(&Bytes::new()));
            }
            Some(Got { status: head.status.as_u16(), place, body: bytes.into() })
        };
        let got = tokio::time::timeout(LIMIT, whole).await.expect("an answer within its time");
        got.unwrap_or(Got { status: 0, place: None, body: Bytes::new() })
    }
}
