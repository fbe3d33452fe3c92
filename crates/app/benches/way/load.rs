//! The client: a bounded number of chat requests over keep-alive connections.

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use std::net::SocketAddr;

#[derive(Clone, Copy)]
pub(crate) enum Kind {
    Plain,
    Stream,
    /// Plain, with a key.
    Keyed,
}

/// The key of [`Kind::Keyed`].
pub(crate) const KEY: &str = "dp_bench123_0123456789abcdefghijklmnopqrstuv";

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::Plain => "plain",
            Kind::Stream => "stream",
            Kind::Keyed => "keyed",
        }
    }
}

/// The body of every request: about 600 bytes, an ordinary short prompt with a system message.
fn body(kind: Kind) -> Bytes {
    let stream = matches!(kind, Kind::Stream);
    let text = "Please summarise what the customer wants in one sentence. ".repeat(7);
    serde_json::json!({
        "model": "openai/gpt-bench", "stream": stream, "temperature": 0.2, "max_tokens": 64,
        "messages": [{"role": "system", "content": "You are brief."}, {"role": "user", "content": text}],
    })
    .to_string()
    .into()
}

/// Sends `requests` with `clients` at once, and reads every answer to its end.
pub(crate) fn run(to: SocketAddr, kind: Kind, requests: usize, clients: usize) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let tasks: Vec<_> = (0..clients)
            .map(|_| {
                tokio::spawn(async move {
                    let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
                    for _ in 0..requests / clients {
                        let mut request = http::Request::post(format!("http://{to}/v1/chat/completions"))
                            .header("content-type", "application/json");
                        if matches!(kind, Kind::Keyed) {
                            request = request.header("authorization", format!("Bearer {KEY}"));
                        }
                        let request = request.body(Full::new(body(kind))).unwrap();
                        let response = client.request(request).await.unwrap();
                        assert_eq!(response.status(), 200);
                        response.into_body().collect().await.unwrap();
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
    });
}
