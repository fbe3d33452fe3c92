//! No connection, or none that can be trusted: faults 27 to 30.
//!
//! Never here: what comes over a connection.

use crate::rig::{Rig, all_ways};
use decide::Outcome;

#[tokio::test]
async fn fault_27_a_refused_connection_is_replaced() {
    let mut rig = Rig::of_voices().start().await;
    // Up when the server looked, gone when it is asked.
    (0..3).for_each(|place| rig.stop_upstream(place));
    for (place, caller, stream) in all_ways() {
        let name = ["openai", "anthropic", "ollama"][place];
        let got = rig.ask(caller, &format!("via-{name}"), stream).await;
        assert_eq!(got.text(), "Hello from backup", "{name} {caller:?} {stream}: {got:#?}");
        for failed in rig.records(&got).await.iter().filter(|r| r.outcome == Outcome::Failed) {
            assert_eq!((failed.error.as_deref(), failed.cost.map(|c| c.0)), (Some("upstream_unreachable"), Some(0)));
        }
        let alone = rig.ask(caller, &format!("{name}/m"), stream).await;
        assert!([502, 503].contains(&alone.status), "{alone:#?}");
        alone.failure();
    }
    rig.finish().await;
}
