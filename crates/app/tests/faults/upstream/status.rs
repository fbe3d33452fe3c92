//! Answers that say no: faults 38 to 40.
//!
//! Never here: connections.

use crate::rig::{Rig, all_ways};

#[tokio::test]
async fn fault_39_statuses_are_retried_by_one_table() {
    let rig = Rig::of_voices().start().await;
    for (place, caller, stream) in all_ways() {
        let name = ["openai", "anthropic", "ollama"][place];
        for (status, replaced, alone) in [
            (500, true, 502),
            (502, true, 502),
            (529, true, 502),
            (408, true, 502),
            (409, true, 502),
            (401, true, 502),
            (403, true, 502),
            (400, false, 400),
            (404, false, 400),
            (422, false, 400),
        ] {
            let what = format!("{name} {caller:?} stream {stream} status {status}");
            rig.script(place, rig.voice(place).error(status, "because"));
            let got = rig.ask(caller, &format!("via-{name}"), stream).await;
            assert_eq!(got.text() == "Hello from backup", replaced, "{what}: {got:#?}");
            let got = rig.ask(caller, &format!("{name}/m"), stream).await;
            assert_eq!(got.status, alone, "{what}: {got:#?}");
            got.failure();
        }
    }
    rig.finish().await;
}
