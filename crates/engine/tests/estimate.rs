//! The estimate of a model's memory against what its worker really takes.
#![cfg(all(feature = "llama", target_os = "linux"))]
#![allow(clippy::unwrap_used)]

#[path = "support/rig.rs"]
mod rig;
#[path = "support/tiny.rs"]
mod tiny;

use decide::Health;
use engine::Engine;
use std::path::Path;
use tiny::Tiny;

/// Resident memory of a process, bytes.
fn resident(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:")).unwrap();
    line.split_whitespace().next().unwrap().parse::<u64>().unwrap() * 1024
}

/// Loads, works on a prompt that fills a step, and gives estimate and truth.
async fn compare(spec: engine::EngineSpec, prompt: &str) -> (u64, u64) {
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::start(spec);
    let rig = rig::Rig::over(engine, folder);
    rig.until(|h| *h == Health::Up).await;
    let mut ask = rig::raw(prompt);
    ask.max_tokens = Some(4);
    rig.plain(ask).await.unwrap();
    (rig.engine.about().unwrap().memory_bytes.unwrap(), resident(rig.engine.worker_pid().unwrap()))
}

fn close(what: &str, (estimate, real): (u64, u64)) {
    println!("{what}: estimated {} KiB, resident {} KiB", estimate >> 10, real >> 10);
    assert!(estimate * 10 >= real * 9, "{what}: {estimate} is too little for {real}");
    assert!(estimate <= real * 3 / 2, "{what}: {estimate} is too much for {real}");
}

/// One request at a time, whose prompt fills most of the context: an estimate is for a cache that is full.
fn one(path: impl Into<std::path::PathBuf>, context: u32) -> engine::EngineSpec {
    let mut spec = rig::spec(path.into());
    spec.models[0].context_tokens = Some(context);
    spec.models[0].slots = Some(1);
    spec
}

#[tokio::test]
async fn the_estimate_is_close_for_a_tiny_model() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tiny.gguf");
    std::fs::write(&path, Tiny::default().bytes()).unwrap();
    close("tiny", compare(one(path, 512), &"a".repeat(500)).await);
}

#[tokio::test]
async fn the_estimate_is_close_for_the_bundled_model() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/edge/dewpoint-edge.gguf");
    close("bundled", compare(one(path, 512), &"one two three ".repeat(30)).await);
}

/// It drafts for itself. A draft model's pages come into memory when it is first tried, which a short prompt and a long answer
/// bring about; much of its step buffers never does, so the estimate is an upper bound here.
#[tokio::test]
async fn the_estimate_counts_a_draft_model() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tiny.gguf");
    std::fs::write(&path, Tiny { context: 2048, ..Tiny::default() }.bytes()).unwrap();
    let mut results = Vec::new();
    for draft in [None, Some(path.clone())] {
        let mut spec = one(path.clone(), 2048);
        (spec.models[0].draft, spec.models[0].lookup) = (draft, false);
        let engine = Engine::start(spec);
        let rig = rig::Rig::over(engine, tempfile::tempdir().unwrap());
        rig.until(|h| *h == Health::Up).await;
        for (prompt, tokens) in [("a".repeat(2000), 4), ("abc".to_owned(), 1900)] {
            let mut ask = rig::raw(&prompt);
            ask.max_tokens = Some(tokens);
            rig.plain(ask).await.unwrap();
        }
        let pid = rig.engine.worker_pid().unwrap();
        results.push((rig.engine.about().unwrap().memory_bytes.unwrap(), resident(pid)));
    }
    let (alone, both) = (results[0], results[1]);
    println!("alone (estimate, resident) {alone:?}, with a draft model {both:?}");
    assert!(both.1 > alone.1, "the draft model was never used: {alone:?} and {both:?}");
    assert!(both.0 - alone.0 >= both.1 - alone.1 && both.0 * 10 >= both.1 * 9, "{alone:?} became {both:?}");
}
