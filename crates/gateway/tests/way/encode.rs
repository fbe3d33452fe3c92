//! Embeddings and rerank, all the way.

use super::house::*;
use decide::{Caps, Cause, Nanousd, Outcome, Zone};
use serde_json::json;
use wire::{Ranked, Ranking, Usage, Vector, Vectors};

fn vectors() -> Act {
    let usage = Some(Usage { input: 10, ..Usage::default() });
    let vectors = vec![Vector::Float(vec![1.0, 0.5]), Vector::Float(vec![0.0, -1.0])];
    Act::Vectors(Vectors { model: "m".into(), vectors, usage, raw: None })
}

const EMBEDS: Caps = Caps {
    tools: false,
    json_schema: false,
    vision: false,
    audio: false,
    logprobs: false,
    completions: false,
    embeddings: true,
    rerank: false,
};
const RANKS: Caps = Caps { embeddings: false, rerank: true, ..EMBEDS };

#[tokio::test]
async fn vectors_are_written_as_asked_metered_and_recorded() {
    let place = Scripted::able("local", Zone::SameHost, EMBEDS, vec![vectors(), vectors()]);
    let h = house(std::slice::from_ref(&place)).await;
    let body = r#"{"model":"auto","input":["a","b"]}"#;
    let got = h.call("POST", "/v1/embeddings", &[], body).await;
    assert_eq!(got.status, 200, "{}", got.text());
    let (object, second) = (&got.json()["object"], &got.json()["data"][1]);
    assert_eq!(
        (object, second),
        (&json!("list"), &json!({"object": "embedding", "index": 1, "embedding": [0.0, -1.0]}))
    );
    assert_eq!(got.json()["usage"], json!({"prompt_tokens": 10, "total_tokens": 10}));
    // 10 × 1000 nano-dollars: nothing but input.
    assert_eq!((got.header("x-dewpoint-cost-usd"), got.header("x-dewpoint-place")), ("0.000010000", "local"));
    let record = &h.records()[0];
    assert_eq!((&*record.endpoint, record.outcome, record.cost), ("embeddings", Outcome::Ok, Some(Nanousd(10_000))));
    let base64 = r#"{"model":"local/m","input":["a","b"],"encoding_format":"base64"}"#;
    assert_eq!(h.call("POST", "/v1/embeddings", &[], base64).await.json()["data"][0]["embedding"], "AACAPwAAAD8=");
    let page = h.call("GET", "/metrics", &[], "").await.text();
    assert!(page.contains(r#"gen_ai_operation_name="embeddings""#), "{page}");
}

#[tokio::test]
async fn an_encoder_is_not_asked_to_chat_and_a_writer_not_for_vectors() {
    let writer = Scripted::new("writer", Zone::SameHost, vec![]);
    let encoder = Scripted::able("encoder", Zone::SameHost, EMBEDS, vec![]);
    let h = house(&[encoder, writer]).await;
    let named =
        |model: &str| format!(r#"{{"model":"{model}","input":"a","messages":[{{"role":"user","content":"x"}}]}}"#);
    for (path, model) in [("/v1/embeddings", "writer/m"), ("/v1/chat/completions", "encoder/m")] {
        let got = h.call("POST", path, &[], named(model)).await;
        assert_eq!((got.status, &got.json()["error"]["code"]), (400, &json!("unsupported_feature")), "{}", got.text());
    }
    let got = h.call("POST", "/v1/embeddings", &[], r#"{"model":"auto","input":[]}"#).await;
    assert_eq!((got.status, &got.json()["error"]["param"]), (400, &json!("input")), "{}", got.text());
    assert_eq!(h.call("GET", "/v1/embeddings", &[], "").await.status, 405);
}

#[tokio::test]
async fn vectors_fall_over_to_the_same_model_elsewhere() {
    let first = Scripted::able("a", Zone::SameHost, EMBEDS, vec![Act::Fail(Cause::UpstreamError)]);
    let second = Scripted::able("b", Zone::OwnNetwork, EMBEDS, vec![vectors()]);
    let h = house(&[first, second]).await;
    let got = h.call("POST", "/v1/embeddings", &[], r#"{"model":"auto","input":["a","b"]}"#).await;
    assert_eq!((got.status, got.header("x-dewpoint-place")), (200, "b"));
    assert_eq!(h.records().len(), 2);
}

#[tokio::test]
async fn scores_come_sorted_on_every_path() {
    let ranking = || {
        let results = vec![Ranked { index: 0, score: 0.25 }, Ranked { index: 1, score: 0.75 }];
        Act::Ranking(Ranking { id: "r".into(), model: "m".into(), results, usage: None })
    };
    let acts = vec![ranking(), ranking(), ranking()];
    let h = house(&[Scripted::able("local", Zone::SameHost, RANKS, acts)]).await;
    let body = r#"{"model":"auto","query":"q","documents":["a","b"],"top_n":1,"return_documents":true}"#;
    for path in ["/v1/rerank", "/v2/rerank", "/rerank"] {
        let got = h.call("POST", path, &[], body).await;
        let wanted = json!([{"index": 1, "relevance_score": 0.75, "document": {"text": "b"}}]);
        assert_eq!(got.json()["results"], wanted, "{}", got.text());
    }
    let record = &h.records()[0];
    assert!(record.usage.estimated && record.usage.input > 0 && record.usage.output == 0, "{:?}", record.usage);
}
