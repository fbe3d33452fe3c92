//! Counting instructions with callgrind: two runs of different length, so that starting up cancels out.

use crate::load::{self, Kind};
use crate::roles::Child;
use std::process::Command;

fn valgrind(args: &[&str], out: &str) -> Command {
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", &format!("--callgrind-out-file={out}"), "-q"]);
    command.arg(std::env::current_exe().unwrap()).args(args);
    command
}

/// Instructions that a finished run collected.
fn collected(out: &std::path::Path) -> u64 {
    let text = std::fs::read_to_string(out).expect("callgrind wrote its file");
    let line = text.lines().find_map(|l| l.strip_prefix("totals: ").or(l.strip_prefix("summary: ")));
    line.expect("callgrind gives a total").trim().parse().expect("a number")
}

/// Instructions per decision, by the role that makes them.
pub(crate) fn decision(role: &str) -> u64 {
    let dir = tempfile::tempdir().unwrap();
    let run = |n: usize| {
        let out = dir.path().join(n.to_string());
        let status = valgrind(&[role, &n.to_string()], out.to_str().unwrap())
            .status()
            .expect("valgrind runs (apt install valgrind)");
        assert!(status.success());
        collected(&out)
    };
    (run(2_000) - run(1_000)) / 1_000
}

/// Instructions per request of a proxy.
pub(crate) fn proxied(role: &str, fake: &Child, kind: Kind) -> u64 {
    let dir = tempfile::tempdir().unwrap();
    let run = |n: usize| {
        let out = dir.path().join(n.to_string());
        let upstream = fake.address.to_string();
        let mut child = Child::spawn(valgrind(&[role, &upstream], out.to_str().unwrap()));
        load::run(child.address, kind, n, 1);
        child.stop();
        collected(&out)
    };
    (run(300) - run(100)) / 200
}
