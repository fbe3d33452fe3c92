//! A build without the engine says so, everywhere one may ask.
#![cfg(not(feature = "llama"))]
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "support/rig.rs"]
mod rig;
#[path = "support/tiny.rs"]
mod tiny;

use backend::Backend;
use decide::{Cause, Health, Retry};
use rig::{Rig, chat};
use tiny::Tiny;

#[tokio::test]
async fn the_place_is_down_and_requests_may_go_elsewhere() {
    let rig = Rig::new(Tiny::default());
    let Health::Down(why) = rig.engine.probe().await.health else { panic!("not down") };
    assert!(why.starts_with("This build of Dewpoint has no embedded engine"), "{why}");
    let fault = rig.plain(chat("x")).await.unwrap_err();
    assert_eq!((fault.cause, fault.retry), (Cause::Engine, Retry::NextPlace));
    rig.engine.shutdown().await;
}

#[test]
fn the_worker_says_it_and_fails() {
    let out = std::process::Command::new(env!("CARGO_BIN_EXE_engine-worker")).output().unwrap();
    assert!(!out.status.success() && out.stdout.is_empty());
    assert!(String::from_utf8_lossy(&out.stderr).contains("no embedded engine"));
}
