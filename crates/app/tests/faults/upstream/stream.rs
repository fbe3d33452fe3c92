//! Streams that break, stall or end too early: faults 31 to 33.
//!
//! Never here: what single frames say.

use crate::rig::{CALLERS, End, Rig, VOICES};
use decide::Outcome;
use testkit::Step;

#[tokio::test]
async fn fault_32_an_end_without_its_terminal_event_is_truncated() {
    let rig = Rig::of_voices().start().await;
    for (place, name) in VOICES.iter().enumerate() {
        let good = rig.good(place, true);
        let at = good.steps.iter().rposition(|s| matches!(s, Step::Bytes(b) if b.windows(6).any(|w| w == b" from ") || b.windows(5).any(|w| w == b"from "))).unwrap();
        // The body ends in order, right behind a piece of text: without terminal event, and without its last chunk.
        let mut short = good.clone();
        short.steps.truncate(at + 1);
        for answer in [short.clone(), short.cut(at + 1, Step::Close)] {
            rig.script(place, answer);
            for caller in CALLERS {
                let got = rig.ask(caller, &format!("via-{name}"), true).await;
                assert!(got.text().starts_with("Hello from "), "{got:#?}");
                assert!(matches!(got.end, End::Error(_)), "{got:#?}");
                let records = rig.records(&got).await;
                assert_eq!(records.len(), 1, "nothing is replaced behind the first content");
                assert_eq!(
                    (records[0].outcome, records[0].error.as_deref()),
                    (Outcome::Failed, Some("upstream_truncated"))
                );
                assert!(records[0].cost.is_some_and(|c| c.0 > 0), "what came is settled: {records:#?}");
            }
        }
    }
    rig.finish().await;
}
