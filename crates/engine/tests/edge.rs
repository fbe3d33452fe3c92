//! The model that the repository carries, as a user meets it first.
#![cfg(feature = "llama")]
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "support/rig.rs"]
mod rig;
#[path = "support/tiny.rs"]
mod tiny;

use decide::Health;
use futures_util::future::join_all;
use rig::{Rig, chat, text};
use std::time::{Duration, Instant};
use tiny::Tiny;
use wire::Finish;

fn edge() -> Rig {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../models/edge/dewpoint-edge.gguf");
    Rig::with(Tiny::default(), |s| s.models[0].source = engine::ModelSource::Path(path.into()))
}

#[tokio::test]
async fn it_answers_hello_with_a_sentence() {
    let rig = edge();
    let answer = rig.plain(chat("Say hello.")).await.unwrap();
    let said = text(&answer);
    assert_eq!(answer.choices[0].finish, Some(Finish::Stop), "{said}");
    assert!(said.split_whitespace().count() >= 2 && said.ends_with(['.', '!', '?']), "{said:?}");
    assert!(!said.contains("<|"), "{said:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_at_once_are_answered_in_seconds() {
    let rig = edge();
    rig.until(|h| *h == Health::Up).await;
    let began = Instant::now();
    let answers = join_all((0..50).map(|i| {
        let mut ask = chat(["Say hello.", "What is a router?", "Write a short poem."][i % 3]);
        ask.sampling.temperature = None;
        rig.plain(ask)
    }));
    assert!(answers.await.iter().all(|a| a.as_ref().is_ok_and(|a| !text(a).is_empty())));
    assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
    eprintln!("50 answers in {:?}", began.elapsed());
}
