//! Cases of vectors and scores: who has them gives them checked, who has not says so and sends nothing.

use super::rig::{Rig, ask};
use crate::{Answer, Voice};
use backend::Reply;
use decide::{Api, Cause, Retry};
use serde_json::json;
use wire::{Ask, Encode, Encoding, Endpoint, Message, Role};

fn encoding(endpoint: Endpoint, encode: Encode) -> Ask {
    let text = |t| Message::text(Role::User, t);
    Ask { endpoint, messages: vec![text("one"), text("two")], encode: Some(Box::new(encode)), ..ask(false) }
}

fn vectors(rows: serde_json::Value) -> Answer {
    let usage = json!({"prompt_tokens": 4, "total_tokens": 4});
    Answer::json(200, json!({"object": "list", "data": rows, "model": "m", "usage": usage}).to_string())
}

const EMBEDDINGS: &str = "POST /v1/embeddings";

/// Vectors come in the order of the texts, in the encoding that was asked for or in the place's own.
pub async fn vectors_are_given_back(voice: Voice) {
    let rig = Rig::new(voice).await;
    rig.fake.on(EMBEDDINGS, vectors(json!([{"index": 0, "embedding": [1, 0]}, {"index": 1, "embedding": [0.5, 2]}])));
    for wanted in [Encoding::Float, Encoding::Base64] {
        let reply =
            rig.send(encoding(Endpoint::Embeddings, Encode { encoding: Some(wanted), ..Encode::default() })).await;
        if voice.profile.api == Api::Anthropic {
            let fault = reply.err().expect("a fault");
            assert_eq!((fault.cause, fault.retry), (Cause::Unsupported, Retry::NextPlace));
            assert!(rig.fake.seen().is_empty(), "something was sent");
            continue;
        }
        let Ok(Reply::Vectors(got)) = reply else { panic!("no vectors") };
        assert_eq!(got.vectors[1].numbers(), [0.5, 2.0]);
        assert_eq!(got.usage.expect("counts").input, 4);
        assert_eq!(got.raw.is_some(), wanted == Encoding::Float, "the body is forwarded only in the right encoding");
        let sent = rig.fake.last().json();
        assert_eq!((&sent["input"], &sent["model"]), (&json!(["one", "two"]), &json!("test-model")));
        assert_eq!(sent["encoding_format"], wanted.as_str());
    }
}

/// A vector too few, twice or of another length is a failure of the place.
pub async fn wrong_vectors_are_no_answer(voice: Voice) {
    if voice.profile.api == Api::Anthropic {
        return;
    }
    let rig = Rig::new(voice).await;
    for rows in [
        json!([{"index": 0, "embedding": [1, 0]}]),
        json!([{"index": 0, "embedding": [1, 0]}, {"index": 0, "embedding": [1, 0]}]),
        json!([{"index": 0, "embedding": [1, 0]}, {"index": 1, "embedding": [1]}]),
        json!([{"index": 0, "embedding": []}, {"index": 1, "embedding": []}]),
    ] {
        rig.fake.on(EMBEDDINGS, vectors(rows.clone()));
        let fault = rig.send(encoding(Endpoint::Embeddings, Encode::default())).await.err().expect("a fault");
        assert_eq!((fault.cause, fault.retry), (Cause::UpstreamInvalid, Retry::NextPlace), "{rows}");
    }
    rig.fake.on(EMBEDDINGS, vectors(json!([{"index": 0, "embedding": [1, 0]}, {"index": 1, "embedding": [0, 1]}])));
    let asked = Encode { dimensions: Some(3), ..Encode::default() };
    let fault = rig.send(encoding(Endpoint::Embeddings, asked)).await.err().expect("a fault");
    assert_eq!(fault.cause, Cause::UpstreamInvalid, "two numbers where three were asked for");
}

/// Scores come from places that have them; a result without its document is a failure.
pub async fn scores_are_given_back(voice: Voice) {
    let rig = Rig::new(voice).await;
    let rows = json!([{"index": 1, "relevance_score": 0.9}, {"index": 0, "relevance_score": 0.1}]);
    rig.fake.on("POST /v1/rerank", Answer::json(200, json!({"results": rows}).to_string()));
    let query = || Encode { query: "which?".to_owned(), ..Encode::default() };
    let reply = rig.send(encoding(Endpoint::Rerank, query())).await;
    if !voice.profile.rerank || voice.profile.api != Api::Openai {
        let fault = reply.err().expect("a fault");
        assert_eq!((fault.cause, fault.retry), (Cause::Unsupported, Retry::NextPlace));
        assert!(rig.fake.seen().is_empty(), "something was sent");
        return;
    }
    let Ok(Reply::Ranking(got)) = reply else { panic!("no scores") };
    assert_eq!(got.results.iter().find(|r| r.index == 1).expect("the second").score, 0.9);
    assert_eq!(rig.fake.last().json()["documents"], json!(["one", "two"]));
    let stray = json!({"results": [{"index": 0, "relevance_score": 1}, {"index": 2, "relevance_score": 1}]});
    rig.fake.on("POST /v1/rerank", Answer::json(200, stray.to_string()));
    let fault = rig.send(encoding(Endpoint::Rerank, query())).await.err().expect("a fault");
    assert_eq!(fault.cause, Cause::UpstreamInvalid);
}
