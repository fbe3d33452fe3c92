//! Loading and unloading again and again costs the gateway's process nothing. Alone in its file: what it measures is the
//! whole process.
#![cfg(all(target_os = "linux", feature = "llama"))]
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "support/rig.rs"]
mod rig;
#[path = "support/tiny.rs"]
mod tiny;

use engine::Phase;
use futures_util::StreamExt;
use rig::{Rig, chat};
use std::time::{Duration, Instant};
use tiny::Tiny;

fn lives(pid: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|s| !s.contains(") Z "))
}

/// Resident memory of this process, bytes.
fn own_size() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:")).unwrap();
    line.split_whitespace().next().unwrap().parse::<u64>().unwrap() * 1024
}

/// What fifty loads may leave behind in the gateway, bytes: what its allocator may keep; measured: none.
const LEFT_BEHIND: u64 = 1 << 20;

#[tokio::test]
async fn fifty_loads_and_unloads_leave_nothing_behind() {
    let rig = Rig::with(Tiny::default(), |s| s.models[0].preload = false);
    let state = || rig.engine.models_state().remove(0);
    let mut workers = Vec::new();
    let mut before = 0;
    for round in 0..53 {
        // The first rounds warm up the allocator and the runtime's threads.
        if round == 3 {
            before = own_size();
        }
        let mut ask = chat("hello");
        ask.extra.push(("keep_alive".to_owned(), serde_json::value::RawValue::from_string("0".to_owned()).unwrap()));
        let mut stream = rig.stream(ask).await.unwrap();
        workers.push(state().pid.unwrap());
        while let Some(chunk) = stream.next().await {
            chunk.unwrap();
        }
        drop(stream);
        let began = Instant::now();
        while state().phase != Phase::Unloaded || state().reserved_bytes > 0 {
            assert!(began.elapsed() < Duration::from_secs(10), "{:?}", state());
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
    let after = own_size();
    println!("resident before {before}, after 50 loads and unloads {after}");
    assert!(after < before + LEFT_BEHIND, "{before} became {after}");
    workers.dedup();
    assert_eq!(workers.len(), 53);
    assert!(workers.iter().all(|pid| !lives(*pid)));
    assert_eq!(rig.engine.memory().1, 0);
}
