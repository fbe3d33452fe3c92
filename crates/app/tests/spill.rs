//! Traffic spills over from a busy GPU to a cloud and comes back, with the real binary: `scripts/transcript-spill` checks it step by step.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::Path;
use std::process::Command;

#[test]
fn traffic_spills_over_and_comes_back() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/transcript-spill");
    let out = Command::new("python3").arg(script).arg(env!("CARGO_BIN_EXE_dewpoint")).output().unwrap();
    let text = String::from_utf8_lossy(&out.stdout);
    assert!(out.status.success(), "{text}\n{}", String::from_utf8_lossy(&out.stderr));
    assert!(text.contains("explain: spills over"), "it says why: {text}");
}
