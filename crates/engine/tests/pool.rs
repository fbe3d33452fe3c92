//! Several models in one engine: loaded when asked for, once; unloaded when idle or when others need the memory; a crash
//! of one costs the others nothing.
#![cfg(feature = "llama")]
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "support/rig.rs"]
mod rig;
#[path = "support/tiny.rs"]
mod tiny;

use backend::{Backend, Deadlines};
use decide::{Cause, Health, Retry};
use engine::{EngineSpec, ModelSource, ModelSpec, ModelState, Phase};
use futures_util::StreamExt;
use futures_util::future::join_all;
use rig::{Rig, chat, events, raw, text};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};
use tiny::Tiny;
use wire::Ask;

/// A model that is loaded by its first request.
fn lazy(folder: &Path, id: &str, tiny: &Tiny) -> ModelSpec {
    let path = folder.join(format!("{}.gguf", id.replace('/', "-")));
    std::fs::write(&path, tiny.bytes()).unwrap();
    ModelSpec { id: Some(id.to_owned()), preload: false, ..ModelSpec::new(ModelSource::Path(path)) }
}

/// An engine of lazy models, changed by `change`.
fn rig(ids: &[&str], change: impl FnOnce(&mut EngineSpec)) -> Rig {
    let tiny = Tiny { context: 16_384, ..Tiny::default() };
    let with = |spec: &mut EngineSpec| {
        let ModelSource::Path(path) = spec.models[0].source.clone() else { panic!("no path") };
        let folder = path.parent().unwrap();
        let model = |id: &&str| ModelSpec { context_tokens: Some(16_384), ..lazy(folder, id, &tiny) };
        spec.models = ids.iter().map(model).collect();
        change(spec);
    };
    Rig::with(Tiny::default(), with)
}

fn to(model: &str, mut ask: Ask) -> Ask {
    ask.model = model.to_owned();
    ask
}

fn keep(mut ask: Ask, value: &str) -> Ask {
    ask.extra.push(("keep_alive".to_owned(), serde_json::value::RawValue::from_string(value.to_owned()).unwrap()));
    ask
}

fn state(rig: &Rig, id: &str) -> ModelState {
    rig.engine.models_state().into_iter().find(|m| &*m.id == id).unwrap()
}

async fn until(rig: &Rig, id: &str, wanted: impl Fn(&ModelState) -> bool) -> ModelState {
    let began = Instant::now();
    loop {
        let state = state(rig, id);
        if wanted(&state) {
            return state;
        }
        assert!(began.elapsed() < Duration::from_secs(20), "still {state:?}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

fn lives(pid: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|s| !s.contains(") Z "))
}

fn kill(pid: u32) {
    assert!(Command::new("kill").args(["-KILL", &pid.to_string()]).status().unwrap().success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_model_is_loaded_by_its_first_request_and_only_once() {
    let rig = rig(&["a", "team/b"], |_| {});
    assert_eq!(rig.engine.probe().await.health, Health::Up);
    let ids: Vec<String> = rig.engine.probe().await.models.unwrap().into_iter().map(|m| m.id).collect();
    assert_eq!(ids, ["a", "team/b"]);
    assert_eq!((state(&rig, "a").phase, state(&rig, "a").pid), (Phase::Unloaded, None));
    // Sixteen at once while it loads: one worker answers them all.
    let answers = join_all((0..16).map(|_| rig.plain(to("team/b", chat("hello"))))).await;
    assert!(answers.iter().all(|a| text(a.as_ref().unwrap()) == "0123456789"));
    assert_eq!(answers[0].as_ref().unwrap().model, "team/b");
    let b = until(&rig, "team/b", |s| s.resident_bytes > 0).await;
    assert_eq!((&b.phase, b.in_flight, b.waiting), (&Phase::Ready, 0, 0));
    assert!(b.resident_bytes > 1 << 20 && b.reserved_bytes > 1 << 20, "{b:?}");
    assert_eq!(workers_of(rig.folder.path()), 1);
    assert_eq!(state(&rig, "a").phase, Phase::Unloaded);
    assert_eq!(rig.engine.memory().1, b.resident_bytes);
}

/// Workers that have a file of this folder mapped.
fn workers_of(folder: &Path) -> usize {
    let text = folder.to_str().unwrap();
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let maps = entries.filter_map(|e| std::fs::read_to_string(e.path().join("maps")).ok());
    maps.filter(|m| m.contains(text)).count()
}

#[tokio::test]
async fn a_model_that_is_not_there_is_named() {
    let rig = rig(&["a"], |_| {});
    let fault = rig.plain(to("b", chat("x"))).await.unwrap_err();
    assert_eq!((fault.cause, fault.retry), (Cause::ModelNotFound, Retry::NextPlace));
    assert!(fault.shown.contains("no model b"), "{fault}");
}

#[tokio::test]
async fn an_idle_model_is_unloaded_and_loaded_again() {
    let rig = rig(&["a"], |s| s.models[0].keep_alive = Some(Duration::from_millis(200)));
    rig.plain(to("a", chat("hello"))).await.unwrap();
    let pid = state(&rig, "a").pid.unwrap();
    let began = Instant::now();
    until(&rig, "a", |s| s.phase == Phase::Unloaded && s.reserved_bytes == 0).await;
    assert!(began.elapsed() >= Duration::from_millis(150) && !lives(pid), "{:?}", began.elapsed());
    assert_eq!(rig.engine.memory().1, 0);
    assert_eq!(rig.engine.probe().await.health, Health::Up);
    assert_eq!(text(&rig.plain(to("a", chat("hello"))).await.unwrap()), "0123456789");
    assert_ne!(state(&rig, "a").pid, Some(pid));
}

#[tokio::test]
async fn a_stream_keeps_its_model_however_short_the_time_to_keep() {
    let rig = rig(&["a"], |s| s.models[0].keep_alive = Some(Duration::ZERO));
    let mut stream = rig.stream(to("a", raw("abc"))).await.unwrap();
    for _ in 0..20 {
        assert!(stream.next().await.unwrap().is_ok());
    }
    assert_eq!((state(&rig, "a").phase, state(&rig, "a").in_flight), (Phase::Ready, 1));
    drop(stream);
    until(&rig, "a", |s| s.phase == Phase::Unloaded).await;
}

#[tokio::test]
async fn a_request_says_how_long_its_model_stays() {
    let rig = rig(&["a"], |_| {});
    rig.plain(to("a", keep(chat("hello"), "\"0s\""))).await.unwrap();
    until(&rig, "a", |s| s.phase == Phase::Unloaded).await;
    // Said for that load only: the next one stays as configured.
    rig.plain(to("a", chat("hello"))).await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(state(&rig, "a").phase, Phase::Ready);
    let fault = rig.plain(to("a", keep(chat("hello"), "\"a while\""))).await.unwrap_err();
    assert_eq!((fault.cause, fault.param.as_deref()), (Cause::InvalidRequest, Some("keep_alive")));
}

#[tokio::test]
async fn the_model_that_was_used_longest_ago_makes_room() {
    // Room for two workers of about 30 to 60 MB, not for three estimates.
    let rig = rig(&["a", "b", "c"], |s| s.max_loaded = Some(2));
    for id in ["a", "b", "a", "c"] {
        rig.plain(to(id, chat("hello"))).await.unwrap();
    }
    let phases: Vec<Phase> = rig.engine.models_state().into_iter().map(|m| m.phase).collect();
    assert_eq!(phases, [Phase::Ready, Phase::Unloaded, Phase::Ready]);
    assert_eq!(text(&rig.plain(to("b", chat("hello"))).await.unwrap()), "0123456789");
    assert_eq!(state(&rig, "a").phase, Phase::Unloaded);
}

#[tokio::test]
async fn memory_bounds_what_is_loaded_and_a_request_under_way_is_waited_for() {
    let rig = rig(&["a", "b"], |_| {});
    rig.plain(to("a", chat("hello"))).await.unwrap();
    let need = state(&rig, "a").reserved_bytes;
    let resident = until(&rig, "a", |s| s.resident_bytes > 0).await.resident_bytes;
    drop(rig);
    // Enough for either, not for both.
    let budget = need + resident / 2;
    let rig = self::rig(&["a", "b"], |s| s.memory_bytes = Some(budget));
    let mut stream = rig.stream(to("a", raw("abc"))).await.unwrap();
    assert!(stream.next().await.unwrap().is_ok());
    until(&rig, "a", |s| s.resident_bytes > 0).await;
    let short = Deadlines { first: Duration::from_millis(200), ..Deadlines::default() };
    let mut ask = to("b", chat("hello"));
    ask.stream = true;
    let fault = rig.try_send(ask, short).await.err().unwrap();
    assert_eq!((fault.cause, fault.retry), (Cause::Timeout, Retry::NextPlace));
    assert!(fault.shown.contains("waits for memory") && fault.shown.contains("1 request in flight"), "{fault}");
    // Nobody wants the room any more: the stream and its model go on.
    until(&rig, "b", |s| s.phase == Phase::Unloaded).await;
    assert_eq!(text(&rig.plain(to("a", chat("hello"))).await.unwrap()), "0123456789");
    let (answer, ()) = tokio::join!(rig.plain(to("b", chat("hello"))), async {
        until(&rig, "b", |s| s.phase == Phase::Queued).await;
        assert_eq!(state(&rig, "a").phase, Phase::Ready);
        drop(stream);
    });
    assert_eq!(text(&answer.unwrap()), "0123456789");
    assert_eq!(state(&rig, "a").phase, Phase::Unloaded);
}

#[tokio::test]
async fn a_model_that_can_never_fit_says_what_it_needs_and_what_there_is() {
    let rig = rig(&["a"], |s| s.memory_bytes = Some(10_000_000));
    let fault = rig.plain(to("a", chat("x"))).await.unwrap_err();
    assert_eq!((fault.cause, fault.retry), (Cause::Engine, Retry::NextPlace));
    let Some((need, rest)) = fault.shown.split_once(" of memory and the embedded engine may use 10 MB. ") else {
        panic!("{fault}")
    };
    assert!(need.contains(" needs about ") && rest.contains("smaller") && rest.contains("memory_mb"), "{fault}");
    assert_eq!(state(&rig, "a").reserved_bytes, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_worker_costs_its_own_requests_and_nobody_elses() {
    let rig = rig(&["a", "b"], |_| {});
    let mut other = rig.stream(to("b", raw("abc"))).await.unwrap();
    assert!(other.next().await.unwrap().is_ok());
    let b = state(&rig, "b").pid;
    let mut streams = join_all((0..16).map(|_| rig.stream(to("a", raw("abc"))))).await;
    assert_eq!(state(&rig, "a").in_flight, 16);
    assert!(streams[0].as_mut().unwrap().next().await.unwrap().is_ok());
    let pid = state(&rig, "a").pid.unwrap();
    kill(pid);
    let began = Instant::now();
    for (_, fault) in join_all(streams.into_iter().map(|s| events(s.unwrap()))).await {
        let fault = fault.unwrap();
        assert_eq!((fault.cause, fault.retry), (Cause::Engine, Retry::NextPlace), "{fault:?}");
    }
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    assert_eq!(text(&rig.plain(to("a", chat("hello"))).await.unwrap()), "0123456789");
    assert!(state(&rig, "a").pid != Some(pid) && !lives(pid));
    // The other model never noticed.
    assert!(other.next().await.unwrap().is_ok());
    assert_eq!(state(&rig, "b").pid, b);
    drop(other);
}

#[tokio::test]
async fn a_broken_model_is_tried_again_when_asked_with_growing_pauses() {
    let rig = rig(&["a", "b"], |_| {});
    let path = rig.folder.path().join("a.gguf");
    let good = std::fs::read(&path).unwrap();
    std::fs::write(&path, &good[..good.len() / 2]).unwrap();
    let fault = rig.plain(to("a", chat("x"))).await.unwrap_err();
    assert!(fault.shown.contains("is broken") && fault.retry == Retry::NextPlace, "{fault}");
    // Within the pause the answer is the reason, and when to come again.
    let again = rig.plain(to("a", chat("x"))).await.unwrap_err();
    assert!(again.shown.contains("is broken") && again.retry_after_s == Some(1), "{again:?}");
    assert!(matches!(state(&rig, "a").phase, Phase::Down(_)));
    // The place and its other model are not down.
    assert_eq!(rig.engine.probe().await.health, Health::Up);
    assert_eq!(text(&rig.plain(to("b", chat("hello"))).await.unwrap()), "0123456789");
    std::fs::write(&path, &good).unwrap();
    let began = Instant::now();
    while rig.plain(to("a", chat("hello"))).await.is_err() {
        assert!(began.elapsed() < Duration::from_secs(10));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_changed_list_of_models_keeps_the_workers_of_those_that_stay() {
    let rig = rig(&["a", "b"], |_| {});
    for id in ["a", "b"] {
        rig.plain(to(id, chat("hello"))).await.unwrap();
    }
    let (a, b) = (state(&rig, "a").pid.unwrap(), state(&rig, "b").pid.unwrap());
    let folder = rig.folder.path();
    let tiny = Tiny { context: 16_384, ..Tiny::default() };
    let long = |id: &str| ModelSpec { context_tokens: Some(16_384), ..lazy(folder, id, &tiny) };
    let ModelSource::Path(path) = long("a").source else { panic!("no path") };
    let spec = EngineSpec { models: vec![long("c"), long("a")], ..rig::spec(path) };
    let engine = rig.engine.replaced(spec);
    let mut stream = rig.stream(to("b", raw("abc"))).await.unwrap();
    assert!(stream.next().await.unwrap().is_ok());
    let Rig { engine: old, folder: _folder, .. } = rig;
    drop(old);
    let states = engine.models_state();
    assert_eq!(states.iter().map(|s| &*s.id).collect::<Vec<_>>(), ["c", "a"]);
    assert_eq!((states[0].phase.clone(), states[1].pid), (Phase::Unloaded, Some(a)));
    // The request to the model that is gone ends as if nothing had happened; then its worker does.
    assert!(stream.next().await.unwrap().is_ok() && lives(b));
    drop(stream);
    let began = Instant::now();
    while lives(b) {
        assert!(began.elapsed() < Duration::from_secs(5));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(lives(a));
    engine.shutdown().await;
    assert!(!lives(a));
}
