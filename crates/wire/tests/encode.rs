//! Embeddings and rerank: what is taken, what is refused and how, what is written.
#![allow(clippy::unwrap_used, missing_docs)]

use bytes::Bytes;
use serde_json::{Value, json};
use wire::openai::{
    INPUTS_MAX, read_embeddings, read_ranking, read_rerank, read_vectors, write_embeddings, write_ranking,
    write_rerank, write_vectors,
};
use wire::{Encoding, Shape, Vector};

fn shape() -> Shape {
    Shape { model: "there".into(), ..Shape::default() }
}

fn sent(input: Value) -> Result<Value, wire::WireError> {
    let body =
        json!({"model": "m", "input": input, "encoding_format": "base64", "dimensions": 8, "user": "u", "x": [1]});
    let ask = read_embeddings(body.to_string().as_bytes())?;
    Ok(serde_json::from_slice(&write_embeddings(&ask, &shape())).unwrap())
}

#[test]
fn every_form_of_input_goes_out_as_a_list() {
    for (input, out) in [
        (json!("a"), json!(["a"])),
        (json!(["a", "b"]), json!(["a", "b"])),
        (json!([1, 2]), json!([[1, 2]])),
        (json!([[1], [2, 3]]), json!([[1], [2, 3]])),
    ] {
        let body = sent(input).unwrap();
        assert_eq!(body["input"], out);
        let rest = (&body["model"], &body["encoding_format"], &body["dimensions"], &body["user"], &body["x"]);
        assert_eq!(rest, (&json!("there"), &json!("base64"), &json!(8), &json!("u"), &json!([1])));
    }
}

#[test]
fn bad_input_is_named() {
    for (input, at) in [
        (json!(""), "input[0]"),
        (json!(["a", ""]), "input[1]"),
        (json!([[1], []]), "input[1]"),
        (json!([]), "input"),
        (json!({}), "input"),
        (json!(3), "input"),
        (json!([-1]), "input"),
        (json!(["a", 1]), "input"),
        (Value::Null, "input"),
    ] {
        let error = sent(input.clone()).unwrap_err();
        assert!(error.param.as_deref().is_some_and(|p| p.starts_with(at)), "{input}: {error:?}");
    }
    let many = |n: usize| sent(json!(vec!["x"; n]));
    assert!(many(INPUTS_MAX).is_ok());
    assert!(many(INPUTS_MAX + 1).unwrap_err().message.contains("2048"));
    let at = |body: &str| read_embeddings(body.as_bytes()).unwrap_err().param.unwrap();
    assert_eq!(at(r#"{"model":"m"}"#), "input");
    assert_eq!(at(r#"{"input":"a"}"#), "model");
    assert_eq!(at(r#"{"model":"m","input":"a","encoding_format":"int8"}"#), "encoding_format");
    assert_eq!(at(r#"{"model":"m","input":"a","dimensions":0}"#), "dimensions");
}

#[test]
fn vectors_come_in_order_and_go_out_in_either_encoding() {
    let body = json!({"object": "list", "model": "m", "usage": {"prompt_tokens": 5, "total_tokens": 5},
        "data": [{"index": 1, "embedding": [0.5, -1.0]}, {"index": 0, "embedding": "AACAPwAAAAA="}]});
    let vectors = read_vectors(&Bytes::from(body.to_string())).unwrap();
    assert!(vectors.raw.is_none(), "out of order, so it is written anew");
    assert_eq!(vectors.vectors[0].numbers(), [1.0, 0.0]);
    assert_eq!(vectors.vectors[1], Vector::Float(vec![0.5, -1.0]));
    let out = |encoding| serde_json::from_slice::<Value>(&write_vectors(&vectors, encoding)).unwrap();
    let floats = out(Encoding::Float);
    assert_eq!(floats["data"][0], json!({"object": "embedding", "index": 0, "embedding": [1.0, 0.0]}));
    assert_eq!(floats["usage"], json!({"prompt_tokens": 5, "total_tokens": 5}));
    let again = read_vectors(&Bytes::from(write_vectors(&vectors, Encoding::Base64))).unwrap();
    assert_eq!(again.vectors[1].numbers(), [0.5, -1.0]);
    assert!(again.raw.is_some());
    for bad in [
        json!({"error": {"message": "no"}}),
        json!({"data": [{"index": 0}]}),
        json!({"data": [{"index": 0, "embedding": [1]}, {"index": 0, "embedding": [1]}]}),
        json!({"data": [{"index": 0, "embedding": [1e39]}]}),
        json!({"data": [{"index": 0, "embedding": "AAA="}]}),
        json!({}),
    ] {
        assert!(read_vectors(&Bytes::from(bad.to_string())).is_err(), "{bad}");
    }
}

#[test]
fn rankings_are_sorted_cut_and_carry_their_documents() {
    let body = json!({"model": "m", "query": "q", "documents": ["a", {"text": "b"}, "c"], "top_n": 2,
        "return_documents": true});
    let ask = read_rerank(body.to_string().as_bytes()).unwrap();
    let sent: Value = serde_json::from_slice(&write_rerank(&ask, &shape())).unwrap();
    assert_eq!(sent, json!({"model": "there", "query": "q", "documents": ["a", "b", "c"], "top_n": 2}));
    let rows = json!([{"index": 0, "relevance_score": 0.1}, {"index": 1, "relevance_score": 0.9},
        {"index": 2, "relevance_score": 0.5}]);
    let told = json!({"id": "r", "model": "m", "results": rows, "usage": {"total_tokens": 7}});
    // SGLang gives a bare list of scores.
    let bare = rows.to_string().replace("relevance_score", "score");
    for body in [told.to_string(), bare] {
        let ranking = read_ranking(&Bytes::from(body)).unwrap();
        let out: Value = serde_json::from_slice(&write_ranking(&ranking, &ask)).unwrap();
        assert_eq!(
            out["results"],
            json!([{"index": 1, "relevance_score": 0.9, "document": {"text": "b"}},
                   {"index": 2, "relevance_score": 0.5, "document": {"text": "c"}}])
        );
    }
    assert_eq!(read_ranking(&Bytes::from(told.to_string())).unwrap().usage.unwrap().input, 7);
    for (body, at) in [
        (json!({"model": "m", "query": "q"}), "documents"),
        (json!({"model": "m", "query": "q", "documents": []}), "documents"),
        (json!({"model": "m", "query": "q", "documents": vec!["x"; INPUTS_MAX + 1]}), "documents"),
        (json!({"model": "m", "query": "q", "documents": ["a", {"title": "x"}]}), "documents[1]"),
        (json!({"model": "m", "query": "", "documents": ["a"]}), "query"),
        (json!({"model": "m", "query": "q", "documents": ["a"], "top_n": 0}), "top_n"),
        (json!({"query": "q", "documents": ["a"]}), "model"),
    ] {
        let error = read_rerank(body.to_string().as_bytes()).unwrap_err();
        assert_eq!(error.param.as_deref(), Some(at), "{body}: {error:?}");
    }
}
