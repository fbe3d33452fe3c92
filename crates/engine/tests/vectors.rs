//! Vectors and scores of encoders, from the request to the reply, in a real worker.
#![cfg(feature = "llama")]
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

#[path = "support/rig.rs"]
mod rig;
#[path = "support/tiny.rs"]
mod tiny;

use backend::{Backend, Deadlines, Reply};
use decide::{Caps, Cause, Fault, Retry};
use engine::Engine;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use testkit::tiny::{Family, Gguf, SEED};
use wire::{Ask, Encode, Endpoint, Message, Ranking, Role, Vectors};

struct House {
    engine: Arc<Engine>,
    _folder: tempfile::TempDir,
    next: AtomicU64,
}

impl House {
    fn new(file: Gguf) -> House {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tiny.gguf");
        std::fs::write(&path, file.bytes(SEED)).unwrap();
        House { engine: Engine::start(rig::spec(path)), _folder: folder, next: AtomicU64::new(1) }
    }

    async fn send(&self, mut ask: Ask) -> Result<Reply, Fault> {
        ask.id = u128::from(self.next.fetch_add(1, Ordering::Relaxed));
        self.engine.send(rig::permit(ask.id), Arc::new(ask), Deadlines::default()).await
    }

    async fn vectors(&self, ask: Ask) -> Vectors {
        match self.send(ask).await.unwrap() {
            Reply::Vectors(vectors) => *vectors,
            _ => panic!("no vectors"),
        }
    }

    async fn ranking(&self, ask: Ask) -> Ranking {
        match self.send(ask).await.unwrap() {
            Reply::Ranking(ranking) => *ranking,
            _ => panic!("no ranking"),
        }
    }

    async fn fault(&self, ask: Ask) -> Fault {
        self.send(ask).await.err().unwrap()
    }
}

fn texts(texts: impl IntoIterator<Item = impl Into<String>>) -> Ask {
    let mut ask = Ask::new(Endpoint::Embeddings);
    ask.messages = texts.into_iter().map(|t| Message::text(Role::User, t)).collect();
    ask.encode = Some(Box::default());
    ask
}

fn with(mut ask: Ask, change: impl FnOnce(&mut Encode)) -> Ask {
    change(ask.encode.as_mut().unwrap());
    ask
}

fn cosine(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
}

#[tokio::test]
async fn a_text_has_the_same_vector_alone_and_among_many() {
    let house = House::new(Family::Bert.file());
    assert_eq!(house.engine.models()[0].caps, Caps { embeddings: true, ..Caps::default() });
    let many: Vec<String> = (0..130).map(|i| format!("the number {i} and {}", "word ".repeat(i % 17))).collect();
    let all = house.vectors(texts(many.clone())).await;
    assert_eq!(all.vectors.len(), many.len());
    let (mut tokens, mut likest) = (0, 0.0f64);
    for at in [0, 1, 63, 64, 65, 129] {
        let alone = house.vectors(texts([many[at].clone()])).await;
        let (a, b) = (alone.vectors[0].numbers(), all.vectors[at].numbers());
        assert!((cosine(&a, &a) - 1.0).abs() < 1e-5, "of length one");
        assert!(cosine(&a, &b) > 0.9999, "text {at}: {}", cosine(&a, &b));
        tokens += alone.usage.unwrap().input;
        likest = likest.max(cosine(&a, &all.vectors[(at + 1) % 130].numbers()));
    }
    assert!(likest < 0.9999, "the vectors of all texts are alike");
    assert!(tokens > 0 && all.usage.unwrap().input > tokens);
}

#[tokio::test]
async fn a_text_too_long_is_an_error_with_both_numbers_or_is_cut() {
    let house = House::new(Family::Bert.file_with(64));
    let long = "word ".repeat(400);
    let fault = house.fault(texts(["short", &long])).await;
    assert_eq!(
        (fault.cause, fault.retry, fault.param.as_deref()),
        (Cause::ContextLength, Retry::NextPlace, Some("input"))
    );
    assert!(fault.shown.contains("room for 64") && fault.shown.contains("Text 1 has 4"), "{}", fault.shown);
    let cut = house.vectors(with(texts([&long]), |e| e.truncate = Some(true))).await;
    assert_eq!(cut.usage.unwrap().input, 64);
    let ids = |n: usize| with(texts([] as [&str; 0]), |e| e.tokens = vec![vec![5; n]]);
    assert_eq!(house.vectors(ids(64)).await.usage.unwrap().input, 64, "at the limit");
    assert_eq!(house.fault(ids(65)).await.cause, Cause::ContextLength, "one past it");
}

#[tokio::test]
async fn token_ids_are_bounded_by_the_vocabulary() {
    let house = House::new(Family::Bert.file());
    for wrong in [1_000_000u32, u32::MAX] {
        let fault = house.fault(with(texts([] as [&str; 0]), |e| e.tokens = vec![vec![5], vec![wrong]])).await;
        assert_eq!(fault.cause, Cause::InvalidRequest, "{wrong}: {}", fault.shown);
    }
    let got = house.vectors(with(texts([] as [&str; 0]), |e| e.tokens = vec![vec![5, 6], vec![7]])).await;
    assert_eq!((got.vectors.len(), got.usage.unwrap().input), (2, 3));
}

#[tokio::test]
async fn dimensions_other_than_its_own_are_refused_with_both_numbers() {
    let house = House::new(Family::Bert.file());
    let own = house.vectors(texts(["a"])).await.vectors[0].dimensions() as u32;
    house.vectors(with(texts(["a"]), |e| e.dimensions = Some(own))).await;
    let fault = house.fault(with(texts(["a"]), |e| e.dimensions = Some(own - 1))).await;
    assert_eq!((fault.cause, fault.retry), (Cause::Unsupported, Retry::NextPlace));
    assert!(fault.shown.contains(&own.to_string()) && fault.shown.contains(&(own - 1).to_string()), "{}", fault.shown);
}

#[tokio::test]
async fn a_reranker_scores_each_document_by_itself() {
    let house = House::new(Family::BertRank.file());
    assert_eq!(house.engine.models()[0].caps, Caps { rerank: true, ..Caps::default() });
    let documents: Vec<String> = (0..40).map(|i| format!("document {i}{}", " word".repeat(i))).collect();
    let rank = |documents: &[String]| {
        let mut ask = with(texts(documents.to_vec()), |e| e.query = "which number".into());
        ask.endpoint = Endpoint::Rerank;
        ask
    };
    let all = house.ranking(rank(&documents)).await;
    assert_eq!(all.results.len(), 40);
    let last = house.ranking(rank(&documents[39..])).await.results[0].score;
    assert!((all.results[39].score - last).abs() < 1e-4, "{} alone {last}", all.results[39].score);
    assert!(all.results.iter().all(|r| (0.0..=1.0).contains(&r.score)));
    assert!(all.results.iter().any(|r| (r.score - last).abs() > 1e-6), "every score is the same");
}

#[tokio::test]
async fn what_a_model_is_not_for_is_refused_so_that_another_place_may() {
    let (encoder, writer) = (House::new(Family::Bert.file()), House::new(Family::Qwen3.file()));
    let mut rerank = with(texts(["a"]), |e| e.query = "q".into());
    rerank.endpoint = Endpoint::Rerank;
    for fault in [encoder.fault(rig::chat("hi")).await, writer.fault(texts(["a"])).await, encoder.fault(rerank).await] {
        assert_eq!((fault.cause, fault.retry), (Cause::Unsupported, Retry::NextPlace), "{}", fault.shown);
    }
}

#[tokio::test]
async fn a_decoder_with_pooling_makes_vectors_of_texts_longer_than_one_piece() {
    let mut file = Family::Qwen3.file_with(1024);
    file.uint("qwen3.pooling_type", 3);
    let house = House::new(file);
    // One sequence is computed in two pieces; the other begins where the first ends.
    let long = (0..700u32).map(|i| 10 + i % 50).collect::<Vec<_>>();
    let ask = |tokens: Vec<Vec<u32>>| with(texts([] as [&str; 0]), |e| e.tokens = tokens);
    let two = house.vectors(ask(vec![long.clone(), long[..200].to_vec()])).await;
    let alone = house.vectors(ask(vec![long])).await;
    let near = cosine(&two.vectors[0].numbers(), &alone.vectors[0].numbers());
    assert!(near > 0.9999, "{near}");
    assert!(cosine(&two.vectors[1].numbers(), &alone.vectors[0].numbers()) < 0.9999);
}
