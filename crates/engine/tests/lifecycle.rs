//! The worker's life: loading, crashes, cancelling, deadlines, many at once, bad files.
#![cfg(feature = "llama")]
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "support/rig.rs"]
mod rig;
#[path = "support/tiny.rs"]
mod tiny;

use backend::{Backend, Deadlines, Reply};
use decide::{Cause, Health, Retry};
use engine::{Engine, ModelSource};
use futures_util::StreamExt;
use futures_util::future::join_all;
use rig::{Rig, chat, events, raw, text, texts};
use std::process::Command;
use std::time::{Duration, Instant};
use tiny::Tiny;

/// A context so long that an answer without an end takes seconds.
fn long() -> Tiny {
    Tiny { context: 16_384, ..Tiny::default() }
}

async fn endless(rig: &Rig) -> backend::EventStream {
    rig.stream(raw("abc")).await.unwrap()
}

fn signal(pid: u32, name: &str) {
    assert!(Command::new("kill").args([name, &pid.to_string()]).status().unwrap().success());
}

fn lives(pid: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|s| !s.contains(") Z "))
}

async fn gone(pid: u32) {
    let began = Instant::now();
    while lives(pid) {
        assert!(began.elapsed() < Duration::from_secs(5), "worker {pid} lives on");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn start_returns_at_once_and_requests_wait_for_the_load() {
    let began = Instant::now();
    let rig = Rig::with(long(), |s| s.models[0].context_tokens = Some(16_384));
    assert!(began.elapsed() < Duration::from_millis(500));
    assert_eq!(rig.engine.probe().await.health, Health::Loading);
    assert_eq!(text(&rig.plain(chat("hello")).await.unwrap()), "0123456789");
    let probed = rig.engine.probe().await;
    assert_eq!(probed.health, Health::Up);
    let model = &probed.models.unwrap()[0];
    assert_eq!((model.id.as_str(), model.context_tokens), ("tiny", Some(16_384)));
    assert!(model.caps.unwrap().json_schema && model.caps.unwrap().tools);
    assert!(probed.load.unwrap().ttft_ms.is_some());
    let about = rig.engine.about().unwrap();
    assert_eq!((about.name.as_deref(), about.architecture.as_str()), (Some("tiny chain"), "llama"));
}

#[tokio::test]
async fn a_killed_worker_fails_its_requests_and_the_next_one_works() {
    let rig = Rig::with(long(), |s| s.models[0].context_tokens = Some(16_384));
    let mut stream = endless(&rig).await;
    assert!(stream.next().await.unwrap().is_ok());
    let first = rig.engine.worker_pid().unwrap();
    signal(first, "-KILL");
    let began = Instant::now();
    let (_, fault) = events(stream).await;
    let fault = fault.unwrap();
    assert_eq!((fault.cause, fault.retry), (Cause::Engine, Retry::NextPlace));
    assert!(began.elapsed() < Duration::from_secs(2), "the fault came after {:?}", began.elapsed());
    assert_eq!(text(&rig.plain(chat("hello")).await.unwrap()), "0123456789");
    let second = rig.engine.worker_pid().unwrap();
    assert_ne!(first, second);
    gone(first).await;
}

#[tokio::test]
async fn a_worker_that_dies_again_and_again_is_restarted_with_a_growing_pause() {
    let rig = Rig::new(Tiny::default());
    let mut waits = Vec::new();
    for _ in 0..4 {
        rig.until(|h| *h == Health::Up).await;
        let old = rig.engine.worker_pid().unwrap();
        let began = Instant::now();
        signal(old, "-KILL");
        while rig.engine.worker_pid().is_none_or(|new| new == old) {
            assert!(began.elapsed() < Duration::from_secs(20), "no new worker");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        waits.push(began.elapsed());
        assert!(rig.plain(chat("x")).await.is_ok());
    }
    assert!(waits[3] > Duration::from_millis(600) && waits[0] < waits[3], "{waits:?}");
}

#[tokio::test]
async fn dropping_the_stream_frees_the_engine() {
    let rig = Rig::with(long(), |s| {
        s.models[0].context_tokens = Some(16_384);
        s.models[0].slots = Some(1);
    });
    let mut stream = endless(&rig).await;
    assert!(stream.next().await.unwrap().is_ok());
    assert_eq!(rig.engine.probe().await.load.unwrap().running, 1);
    drop(stream);
    assert_eq!(rig.engine.probe().await.load.unwrap().running, 0);
    let began = Instant::now();
    assert_eq!(text(&rig.plain(chat("hello")).await.unwrap()), "0123456789");
    assert!(began.elapsed() < Duration::from_millis(1500), "the only slot was busy for {:?}", began.elapsed());
}

#[tokio::test]
async fn a_slow_reader_loses_nothing() {
    let rig = Rig::with(Tiny { context: 2048, ..Tiny::default() }, |s| s.models[0].slots = Some(1));
    let whole = text(&rig.plain(raw("abc")).await.unwrap()).to_owned();
    let mut stream = endless(&rig).await;
    let first = stream.next().await.unwrap().unwrap().events;
    // Meanwhile the engine finishes, and its pieces wait to be joined.
    while rig.engine.probe().await.load.unwrap().running > 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let (rest, fault) = events(stream).await;
    assert_eq!(fault, None);
    assert_eq!(texts(&first).concat() + &texts(&rest).concat(), whole);
}

#[tokio::test]
async fn deadlines_hold_and_the_late_request_is_cancelled() {
    let rig = Rig::with(long(), |s| {
        s.models[0].context_tokens = Some(16_384);
        s.models[0].slots = Some(1);
    });
    rig.until(|h| *h == Health::Up).await;
    let short = Deadlines { total: Duration::from_millis(100), ..Deadlines::default() };
    let began = Instant::now();
    let fault = rig.try_send(raw("abc"), short).await.err().unwrap();
    assert_eq!((fault.cause, fault.retry), (Cause::Timeout, Retry::NextPlace));
    assert!(began.elapsed() < Duration::from_secs(2));
    // Behind an endless answer in the only slot there is no first token in time.
    let _busy = endless(&rig).await;
    let mut ask = chat("hello");
    ask.stream = true;
    let short = Deadlines { first: Duration::from_millis(100), ..Deadlines::default() };
    let Reply::Stream(mut stream) = rig.try_send(ask, short).await.unwrap() else { panic!("plain") };
    assert_eq!(stream.next().await.unwrap().unwrap_err().cause, Cause::Timeout);
    assert!(stream.next().await.is_none());
    assert_eq!(rig.engine.probe().await.load.unwrap().running, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_at_once_are_all_answered() {
    let rig = Rig::new(Tiny::default());
    let answers = join_all((0..50).map(|i| {
        let rig = &rig;
        async move {
            if i % 2 == 0 {
                return text(&rig.plain(chat("hello")).await.unwrap()).to_owned();
            }
            let (events, fault) = events(rig.stream(chat("hello")).await.unwrap()).await;
            assert_eq!(fault, None);
            texts(&events).concat()
        }
    }));
    let began = Instant::now();
    assert!(answers.await.iter().all(|t| t == "0123456789"));
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    assert_eq!(rig.engine.probe().await.load.unwrap().running, 0);
}

#[tokio::test]
async fn a_full_queue_says_busy_at_once() {
    let rig = Rig::with(long(), |s| {
        s.models[0].context_tokens = Some(16_384);
        s.models[0].slots = Some(1);
    });
    let mut held = Vec::new();
    for _ in 0..2 {
        let mut ask = raw("abc");
        ask.n = Some(128);
        ask.stream = true;
        held.push(rig.try_send(ask, Deadlines::default()).await.unwrap());
    }
    let fault = rig.plain(chat("x")).await.unwrap_err();
    assert_eq!((fault.cause, fault.retry, fault.retry_after_s), (Cause::UpstreamBusy, Retry::NextPlace, Some(1)));
    let load = rig.engine.probe().await.load.unwrap();
    assert_eq!((load.running, load.waiting), (1, 255));
    drop(held);
    assert_eq!(text(&rig.plain(chat("x")).await.unwrap()), "0123456789");
}

#[tokio::test]
async fn a_bad_file_is_down_with_the_reason_and_a_repaired_one_comes_up() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.gguf");
    let engine = Engine::start(rig::spec(path.clone()));
    let why = |wanted: &'static str| {
        let engine = engine.clone();
        async move {
            let began = Instant::now();
            loop {
                if let Health::Down(why) = engine.probe().await.health
                    && why.contains(wanted)
                {
                    return why;
                }
                assert!(began.elapsed() < Duration::from_secs(10), "{:?}", engine.probe().await.health);
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
    };
    why("There is no model file").await;
    std::fs::write(&path, b"<html>404</html>").unwrap();
    let text = why("is not a GGUF file").await;
    assert!(text.contains("model.gguf") && text.contains("[[place]]"), "{text}");
    let good = Tiny::default().bytes();
    std::fs::write(&path, &good[..good.len() / 2]).unwrap();
    why("is broken (it is cut off").await;
    let unknown = Tiny { arch: "no-such-arch", ..Tiny::default() }.bytes();
    std::fs::write(&path, unknown).unwrap();
    why("no-such-arch").await;
    let mut ask = chat("x");
    ask.id = 1;
    let sent = engine.send(rig::permit_for(1, "model"), std::sync::Arc::new(ask), Deadlines::default()).await;
    assert_eq!(sent.err().unwrap().cause, Cause::Engine);
    std::fs::write(&path, good).unwrap();
    let began = Instant::now();
    while engine.probe().await.health != Health::Up {
        assert!(began.elapsed() < Duration::from_secs(30), "{:?}", engine.probe().await.health);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_program_that_is_no_worker_is_down_with_the_reason() {
    for (program, reason) in [
        ("/no/such/program", "cannot be started"),
        ("/bin/true", "ended while it loaded"),
        ("/bin/echo", "broke the protocol"),
    ] {
        let rig = Rig::with(Tiny::default(), |s| s.program = program.into());
        let health = rig.until(|h| matches!(h, Health::Down(_))).await;
        assert!(matches!(&health, Health::Down(why) if why.contains(reason)), "{program}: {health:?}");
    }
}

#[tokio::test]
async fn no_worker_outlives_its_engine() {
    let rig = Rig::new(Tiny::default());
    rig.until(|h| *h == Health::Up).await;
    let pid = rig.engine.worker_pid().unwrap();
    drop(rig);
    gone(pid).await;

    let rig = Rig::with(long(), |s| s.models[0].context_tokens = Some(16_384));
    let stream = endless(&rig).await;
    let pid = rig.engine.worker_pid().unwrap();
    rig.engine.shutdown().await;
    assert!(!lives(pid), "shutdown returned before the worker was gone");
    assert_eq!(events(stream).await.1.unwrap().cause, Cause::Engine);
    assert_eq!(rig.plain(chat("x")).await.unwrap_err().cause, Cause::Engine);
}

#[test]
fn a_worker_whose_stdin_closes_ends_by_itself() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_engine-worker"))
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdin.take());
    let began = Instant::now();
    let status = child.wait().unwrap();
    assert!(status.success() && began.elapsed() < Duration::from_secs(3), "{status} after {:?}", began.elapsed());
}

#[tokio::test]
async fn a_bundled_model_is_unpacked_and_answers() {
    let bytes: &'static [u8] = Tiny::default().bytes().leak();
    let rig = Rig::with(Tiny::default(), |s| s.models[0].source = ModelSource::Bundled(bytes));
    let answer = rig.plain(chat("hello")).await.unwrap();
    assert_eq!((text(&answer), answer.model.as_str()), ("0123456789", "dewpoint-edge"));
}

#[tokio::test]
async fn the_worker_sees_no_credentials() {
    // The environment of the test process stands for the gateway's; `env` prints what the child gets.
    let rig = Rig::with(Tiny::default(), |s| {
        s.program = "/bin/sh".into();
        s.args = vec!["-c".into(), "env | cut -d= -f1 | sort | tr '\\n' ' ' >&2".into()];
    });
    let Health::Down(why) = rig.until(|h| matches!(h, Health::Down(_))).await else { panic!("up") };
    assert!(why.contains("GGML_NO_BACKTRACE") && !why.contains("CARGO"), "{why}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_hundred_parameter_combinations_do_not_kill_the_worker() {
    let rig = Rig::with(Tiny { context: 256, ..Tiny::default() }, |s| s.models[0].slots = Some(4));
    rig.until(|h| *h == Health::Up).await;
    let worker = rig.engine.worker_pid();
    let mut seed = 1u64;
    let mut pick = move |below: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize % below
    };
    let mut asks = Vec::new();
    for i in 0..400 {
        let long = "é z".repeat(pick(80));
        let mut ask =
            if i % 2 == 0 { raw(["abc", "", "<|im_end|>", "\u{0}", long.as_str()][pick(5)]) } else { chat(&long) };
        let s = &mut ask.sampling;
        s.temperature = [None, Some(0.0), Some(1e-12), Some(1.0), Some(2.0)][pick(5)];
        s.top_p = [None, Some(0.0), Some(1e-9), Some(1.0)][pick(4)];
        s.top_k = [None, Some(0), Some(1), Some(u32::MAX)][pick(4)];
        s.min_p = [None, Some(0.0), Some(1.0)][pick(3)];
        s.frequency_penalty = [None, Some(-2.0), Some(2.0)][pick(3)];
        s.presence_penalty = [None, Some(-2.0), Some(1e-9)][pick(3)];
        s.seed = [None, Some(i64::MIN), Some(-1), Some(0xffff_ffff), Some(5)][pick(5)];
        ask.max_tokens = [Some(1), Some(9), Some(u64::MAX), None][pick(4)];
        ask.logprobs = [None, Some(0), Some(20)][pick(3)];
        ask.stop = [vec![], vec![String::new()], vec!["é".into(), "\u{fffd}".into()]][pick(3)].clone();
        ask.n = [None, Some(2)][pick(2)];
        ask.format = [None, Some(wire::Format::JsonObject)][pick(2)].clone();
        ask.stream = pick(2) == 0;
        asks.push(ask);
    }
    let mut answered = 0;
    for some in asks.chunks(40) {
        let sent = some.iter().map(|ask| rig.try_send(ask.clone(), Deadlines::default()));
        for (ask, reply) in some.iter().zip(join_all(sent).await) {
            match reply {
                Ok(Reply::Stream(stream)) => assert_eq!(events(stream).await.1, None, "{ask:?}"),
                Ok(Reply::Plain(_)) => {}
                Err(fault) => {
                    assert!(matches!(fault.cause, Cause::ContextLength | Cause::InvalidRequest), "{fault:?} {ask:?}")
                }
            }
            answered += 1;
        }
    }
    assert_eq!((answered, rig.engine.worker_pid()), (400, worker));
}
