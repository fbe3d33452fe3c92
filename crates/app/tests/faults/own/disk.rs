//! Fault 53: a disk that takes nothing any more, and then does again. The system's limit on the size of files stands in for
//! it: it can be set on a running process, without a file system of one's own and without being root.
//!
//! Never here: what the ledger does at each of its writes (room `ledger`).

use crate::rig::{CALLERS, Rig, SOON};
use std::time::{Duration, Instant};
use testkit::Voice;

/// A write beyond the limit is an error (EFBIG), not a signal that ends the process.
const ERROR_NOT_SIGNAL: &str = "trap '' XFSZ";

/// No byte may be written to any file, or as many as before.
fn disk(rig: &Rig, full: bool) {
    let limit = if full { "--fsize=0:unlimited" } else { "--fsize=unlimited:unlimited" };
    let done = std::process::Command::new("prlimit").args(["--pid", &rig.pid().to_string(), limit]).status();
    assert!(done.is_ok_and(|s| s.success()), "prlimit (util-linux) {limit}");
}

#[tokio::test]
async fn fault_53_a_full_disk_refuses_paid_requests_and_recovers_without_a_restart() {
    let rig = Rig::new().place(Voice::of("openai")).before(ERROR_NOT_SIGNAL).start().await;
    assert_eq!(rig.ask(CALLERS[0], "openai/m", false).await.status, 200);
    disk(&rig, true);
    for caller in CALLERS {
        // Nothing has failed yet, so the first are answered and kept; the first commit that fails ends that.
        let deadline = Instant::now() + SOON;
        let refused = loop {
            let got = rig.ask(caller, "openai/m", false).await;
            if got.status != 200 {
                break got;
            }
            assert!(Instant::now() < deadline, "a paid request goes on being taken\n{}", rig.log());
            tokio::time::sleep(Duration::from_millis(5)).await;
        };
        assert_eq!(refused.status, 503, "{refused:#?}");
        assert!(refused.header("retry-after").is_some(), "{refused:#?}");
        assert!(refused.failure().message.contains("ledger"), "{refused:#?}");
        if let Some(code) = &refused.failure().code {
            assert_eq!(code, "ledger_unavailable");
        }
        let asked = rig.chats(0).len();
        assert_eq!(rig.ask(caller, "openai/m", true).await.status, 503);
        assert_eq!(rig.chats(0).len(), asked, "nothing that cannot be written down goes out");
    }
    disk(&rig, false);
    let deadline = Instant::now() + SOON;
    while rig.ask(CALLERS[0], "openai/m", false).await.status != 200 {
        assert!(Instant::now() < deadline, "no recovery\n{}", rig.log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // Every answer that a client got is in the ledger, those of the full disk too: the oracle looks.
    rig.finish().await;
}

#[tokio::test]
async fn fault_53_what_costs_nothing_goes_on_while_there_is_room_for_its_records() {
    let rig = Rig::new().place(Voice::of("openai")).free().before(ERROR_NOT_SIGNAL).start().await;
    disk(&rig, true);
    let start = Instant::now();
    let mut asked = 0;
    // Longer than the writer needs to notice.
    while asked < 50 || start.elapsed() < Duration::from_secs(2) {
        let got = rig.ask(CALLERS[asked % 2], "openai/m", asked % 4 < 2).await;
        assert_eq!(got.status, 200, "{got:#?}");
        asked += 1;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    disk(&rig, false);
    rig.ledger_when(|all| all.len() == asked).await;
    rig.finish().await;
}
