//! A worker that says nothing any more, played by a shell script that speaks the protocol so far.
#![cfg(all(unix, feature = "llama"))]
#![allow(clippy::unwrap_used, clippy::panic)]

use super::*;
use crate::protocol::{FromWorker, Info, VERSION, encode};
use crate::tiny::Tiny;
use std::path::Path;
use std::time::Duration;
use wire::{Endpoint, Message, Role};

/// Frames as an argument of `printf`.
fn printf(frames: &[FromWorker]) -> String {
    let bytes = frames.iter().flat_map(|f| encode(f).unwrap());
    format!("printf '{}'", bytes.map(|b| format!("\\{b:03o}")).collect::<String>())
}

fn engine(folder: &Path, script: &str, bounds: Bounds) -> Arc<Engine> {
    let path = folder.join("tiny.gguf");
    std::fs::write(&path, Tiny::default().bytes()).unwrap();
    let place = Place {
        id: decide::PlaceId::new("edge"),
        api: decide::Api::Engine,
        tier: decide::Tier::Edge,
        kind: decide::Kind::Appliance,
        zone: decide::Zone::Embedded,
        provider: "dewpoint".into(),
        terms: decide::Terms::default(),
        economics: None,
    };
    let models = vec![ModelSpec::new(ModelSource::Path(path))];
    let args = vec!["-c".to_owned(), script.to_owned()];
    let spec = EngineSpec {
        place: Arc::new(place),
        program: "/bin/sh".into(),
        args,
        models,
        memory_bytes: Some(1 << 30),
        max_loaded: None,
    };
    Engine::with(spec, bounds)
}

fn hello() -> FromWorker {
    FromWorker::Hello { version: VERSION }
}

fn ready() -> FromWorker {
    let (params, bytes, dimensions, resident) = (1, 1, 0, 0);
    FromWorker::Ready(Box::new(Info {
        params,
        bytes,
        context: 512,
        vocabulary: 9,
        template: false,
        dimensions,
        resident,
    }))
}

fn ask() -> Arc<Ask> {
    let mut ask = Ask::new(Endpoint::Completions);
    ask.messages = vec![Message::text(Role::User, "abc")];
    Arc::new(ask)
}

const SHORT: Duration = Duration::from_millis(300);

#[tokio::test]
async fn a_worker_that_is_silent_with_work_is_given_up() {
    let folder = tempfile::tempdir().unwrap();
    let script = format!("{}; cat >/dev/null", printf(&[hello(), ready()]));
    let bounds = Bounds { hung: SHORT, ..Bounds::default() };
    let engine = engine(folder.path(), &script, bounds);
    let mut state = engine.tenants[0].seat.state.subscribe();
    state.wait_for(|s| matches!(s, State::Ready(_))).await.unwrap();
    let first = engine.worker_pid();
    // Without work silence is no fault, however long.
    tokio::time::sleep(SHORT * 2).await;
    assert!(engine.worker_pid() == first && first.is_some());
    // The silence counts from when there was work, not from the last word.
    let began = Instant::now();
    let fault = engine.count_tokens(ask()).await.unwrap_err();
    let after = began.elapsed();
    assert_eq!((fault.cause, fault.retry), (Cause::Engine, Retry::NextPlace), "{fault:?}");
    assert!(after >= SHORT && after < SHORT * 10, "{after:?}");
    let _ = state.wait_for(|s| matches!(s, State::Ready(link) if link.pid != first)).await;
    assert_ne!(engine.worker_pid(), first);
    engine.shutdown().await;
}

#[tokio::test]
async fn a_worker_that_is_silent_while_it_loads_is_given_up() {
    let folder = tempfile::tempdir().unwrap();
    let script = format!("{}; cat >/dev/null", printf(&[hello()]));
    let bounds = Bounds { hung_loading: SHORT, ..Bounds::default() };
    let engine = engine(folder.path(), &script, bounds);
    let mut state = engine.tenants[0].seat.state.subscribe();
    let state = state.wait_for(|s| matches!(s, State::Down(..))).await.unwrap().clone();
    let State::Down(why, _) = state else { panic!("not down") };
    assert_eq!(why, "The engine worker hangs: nothing came for 0.3 s.");
    let fault = engine.count_tokens(ask()).await.unwrap_err();
    assert!(fault.shown.contains("hangs"), "{fault:?}");
}

#[tokio::test]
async fn a_worker_of_another_version_is_not_used() {
    let folder = tempfile::tempdir().unwrap();
    let script = printf(&[FromWorker::Hello { version: VERSION + 1 }, ready()]);
    let engine = engine(folder.path(), &format!("{script}; cat >/dev/null"), Bounds::default());
    let mut state = engine.tenants[0].seat.state.subscribe();
    let state = state.wait_for(|s| matches!(s, State::Down(..))).await.unwrap().clone();
    assert!(matches!(state, State::Down(why, _) if why.contains("Restart the gateway")));
}

#[tokio::test]
async fn what_a_worker_says_of_its_cache_is_in_the_load() {
    let folder = tempfile::tempdir().unwrap();
    let stats = crate::protocol::Stats { cells: 1000, cells_used: 600, cells_kept: 350, ..Default::default() };
    let frames = [hello(), ready(), FromWorker::Stats(Box::new(stats))];
    let engine = engine(folder.path(), &format!("{}; cat >/dev/null", printf(&frames)), Bounds::default());
    let began = Instant::now();
    while engine.load().kv_permille.is_none() {
        assert!(began.elapsed() < Duration::from_secs(5));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(engine.load().kv_permille, Some(250));
}
