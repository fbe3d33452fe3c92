//! Fault 58: configuration that changes while requests are under way.
//!
//! Never here: what is wrong in a configuration (`config_tests.rs` has every mistake).

use crate::rig::{CALLERS, Dialect, End, Live, Rig};
use std::time::Duration;
use testkit::{Step, Voice};

fn file(rig: &Rig) -> String {
    let path = rig.data().parent().unwrap().join("dewpoint.toml");
    std::fs::read_to_string(path).unwrap()
}

/// A stream that has begun and goes on for some seconds.
async fn begun(rig: &Rig, caller: Dialect) -> Live<'_> {
    rig.once(0, rig.good(0, true).insert(2, Step::Wait(Duration::from_secs(3))));
    let mut stream = rig.open(caller, rig.body_for(caller, "openai/m", true)).await;
    assert!(stream.until(|seen| seen.windows(5).any(|w| w == b"Hello")).await, "{:?}", stream.frames());
    stream
}

#[tokio::test]
async fn fault_58_a_file_that_is_wrong_changes_nothing() {
    let rig = Rig::new().place(Voice::of("openai")).start().await;
    let good = file(&rig);
    for (wrong, named) in [
        ("[server]\nno_such_key = 1\n".to_owned() + &good, "no_such_key"),
        ("this is no configuration [[[".to_owned(), "dewpoint.toml"),
        (
            good.replace("api_key = { env = \"RIG_KEY_0\" }", "api_key = { env = \"NOT_SET_ANYWHERE\" }"),
            "NOT_SET_ANYWHERE",
        ),
    ] {
        assert!(!rig.reload_file(&wrong).await, "taken over:\n{wrong}\n{}", rig.log());
        assert!(rig.log().contains(named), "the log does not name {named}:\n{}", rig.log());
        for caller in CALLERS {
            let got = rig.ask(caller, "any", true).await;
            assert_eq!(got.text(), "Hello from openai", "{got:#?}");
        }
    }
    assert!(rig.reload_file(&good).await, "{}", rig.log());
    rig.finish().await;
}

#[tokio::test]
async fn fault_58_a_model_that_is_removed_finishes_its_streams_and_takes_no_new_ones() {
    let rig = Rig::new().place(Voice::of("openai")).start().await;
    let with = file(&rig);
    let without = with.replace("id = \"m\"", "id = \"another\"").replace("openai/m", "openai/another");
    for caller in CALLERS {
        let stream = begun(&rig, caller).await;
        assert!(rig.reload_file(&without).await, "{}", rig.log());
        let refused = rig.ask(caller, "openai/m", true).await;
        assert_eq!(refused.status, 404, "{refused:#?}");
        let got = rig.ask(caller, "openai/another", false).await;
        assert!(got.is_good(), "{got:#?}");
        let got = stream.rest().await;
        assert_eq!((got.end.clone(), got.text().as_str()), (End::Clean, "Hello from openai"), "{got:#?}");
        assert!(rig.reload_file(&with).await, "{}", rig.log());
    }
    rig.finish().await;
}

#[tokio::test]
async fn fault_58_a_tighter_policy_counts_for_the_next_request_and_lets_streams_finish() {
    let rig = Rig::new().place(Voice::of("openai")).start().await;
    let open = file(&rig);
    let nothing = "[policy]\nreach = { public = \"embedded\", internal = \"embedded\", personal = \"embedded\", sensitive = \"embedded\", secret = \"embedded\" }\n";
    let closed = nothing.to_owned() + &open;
    for caller in CALLERS {
        let stream = begun(&rig, caller).await;
        assert!(rig.reload_file(&closed).await, "{}", rig.log());
        let asked = rig.chats(0).len();
        for plain_or_stream in [false, true] {
            let refused = rig.ask(caller, "any", plain_or_stream).await;
            assert_eq!(refused.status, 403, "{refused:#?}");
        }
        assert_eq!(rig.chats(0).len(), asked, "no byte goes where the new policy forbids it");
        let got = stream.rest().await;
        assert_eq!((got.end.clone(), got.text().as_str()), (End::Clean, "Hello from openai"), "{got:#?}");
        assert!(rig.reload_file(&open).await, "{}", rig.log());
        assert!(rig.ask(caller, "any", false).await.is_good());
    }
    rig.finish().await;
}
