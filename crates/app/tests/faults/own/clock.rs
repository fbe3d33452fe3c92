//! Fault 55: a wall clock that jumps and stands still. The server runs with a `clock_gettime` between it and the C library that
//! moves the wall clock as a file says, while it runs, and leaves the monotonic one alone.
//!
//! Never here: clocks in the arithmetic of rooms (they are arguments there).

use crate::rig::{CALLERS, End, Rig, SOON};
use decide::Outcome;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use testkit::{Answer, Step, Voice};

/// `+3600` shifts the wall clock, `=1` makes it stand at that second.
const SHIM: &str = r#"
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
int clock_gettime(clockid_t id, struct timespec *t) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int result = real(id, t);
    const char *path = getenv("RIG_CLOCK");
    if (result || id != CLOCK_REALTIME || !path) return result;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return result;
    char text[32] = {0};
    ssize_t length = read(file, text, sizeof text - 1);
    close(file);
    if (length > 1 && text[0] == '=') { t->tv_sec = atol(text + 1); t->tv_nsec = 0; }
    else if (length > 0) t->tv_sec += atol(text);
    return result;
}
"#;

struct Clock {
    folder: tempfile::TempDir,
}

impl Clock {
    fn new() -> Clock {
        let folder = tempfile::tempdir().unwrap();
        let clock = Clock { folder };
        std::fs::write(clock.path("shim.c"), SHIM).unwrap();
        let built = Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-o"])
            .args([clock.path("shim.so"), clock.path("shim.c")])
            .arg("-ldl")
            .status();
        assert!(built.is_ok_and(|s| s.success()), "a C compiler, as the build itself needs one");
        clock.set("0");
        clock
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The wall clock from now on.
    fn set(&self, to: &str) {
        // Whole at every moment: the server may be reading.
        std::fs::write(self.path("new"), to).unwrap();
        std::fs::rename(self.path("new"), self.path("clock")).unwrap();
    }
}

#[tokio::test]
async fn fault_55_a_wall_clock_that_jumps_and_stands_breaks_no_stream_and_no_deadline() {
    let clock = Clock::new();
    let rig = Rig::new()
        .place(Voice::of("openai"))
        .config("[server]\nfirst_s = 2")
        .env("LD_PRELOAD", clock.path("shim.so").to_str().unwrap())
        .env("RIG_CLOCK", clock.path("clock").to_str().unwrap())
        .start()
        .await;
    let mut asked = 0;
    for (n, to) in ["3600", "-3600", "31622400", "=1", "=1700000000", "0"].into_iter().enumerate() {
        let caller = CALLERS[n % CALLERS.len()];
        // A stream across the jump.
        rig.once(0, rig.good(0, true).insert(2, Step::Wait(Duration::from_millis(500))));
        let mut stream = rig.open(caller, rig.body_for(caller, "openai/m", true)).await;
        assert!(stream.until(|seen| seen.windows(5).any(|w| w == b"Hello")).await, "{:?}", stream.frames());
        clock.set(to);
        let got = stream.rest().await;
        assert_eq!((got.end.clone(), got.text().as_str()), (End::Clean, "Hello from openai"), "{to}: {got:#?}");
        // A deadline across a jump is neither over at once nor never.
        rig.once(0, Answer::of(vec![Step::Wait(Duration::from_secs(30))]));
        let start = Instant::now();
        let late = rig.ask(caller, "openai/m", true).await;
        assert_eq!(late.status, 504, "{to}: {late:#?}");
        let took = start.elapsed();
        assert!(took > Duration::from_millis(1500) && took < SOON, "{to}: {took:?}");
        for stream in [false, true] {
            let got = rig.ask(caller, "openai/m", stream).await;
            assert!(got.is_good(), "{to}: {got:#?}");
        }
        asked += 4;
    }
    let settled = |all: &[decide::Record]| all.len() >= asked && all.iter().all(|r| r.outcome != Outcome::Unknown);
    let records = rig.ledger_when(settled).await;
    assert_eq!(records.len(), asked);
    for r in &records {
        assert!(r.total_us < 60_000_000 && r.ttft_us.is_none_or(|first| first <= r.total_us), "{r:#?}");
    }
    let now_ms = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64;
    let shifted = |from_s: u64| records.iter().filter(|r| r.arrived_unix_ms >= now_ms + from_s * 1000).count();
    assert!(shifted(3000) >= 6 && shifted(30_000_000) >= 3, "the clock was not moved: {records:#?}");
    assert!(records.iter().any(|r| r.arrived_unix_ms == 1000), "the clock did not stand");
    rig.finish().await;
}
