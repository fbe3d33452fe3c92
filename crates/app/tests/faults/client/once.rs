//! Fault 26: `Idempotency-Key`.

use super::path_of;
use crate::rig::{CALLERS, Dialect, Rig, callers};
use std::time::Duration;
use testkit::{Step, Voice};

const KEY: &str = "idempotency-key";
const REPLAYED: &str = "idempotent-replayed";

#[tokio::test]
async fn fault_26_a_repeated_key_gives_the_first_answer_again() {
    let rig = Rig::new().place(Voice::of("openai")).start().await;
    for (i, (caller, stream)) in callers().enumerate() {
        let key = format!("key-{i}");
        let ask = async || rig.post_with(caller, rig.body(caller, stream), &[(KEY, &key)]).await;
        let before = rig.chats(0).len();
        let first = ask().await;
        assert!(first.is_good() && first.header(REPLAYED).is_none(), "{first:#?}");
        let again = ask().await;
        assert_eq!(rig.chats(0).len(), before + 1, "one execution");
        assert_eq!((again.status, again.header(REPLAYED)), (200, Some("true")), "{again:#?}");
        assert_eq!(again.body, first.body);
        assert_eq!(again.is_stream(), stream);
        assert_ne!(again.request_id(), first.request_id());
        assert_eq!(again.header("x-dewpoint-cost-usd"), Some("0.000000000"));
        // Another body under the same key.
        let other = rig.post_with(caller, rig.body_for(caller, "openai/m", stream), &[(KEY, &key)]).await;
        assert_eq!(other.status, 422, "{other:#?}");
        other.failure();
        // Another endpoint is another request, too.
        let path = path_of(if caller == Dialect::Openai { Dialect::Anthropic } else { Dialect::Openai });
        let other = rig.send("POST", path, &[(KEY, &key)], rig.body(caller, stream)).await;
        assert_eq!(other.status, 422, "{other:#?}");
        assert_eq!(rig.chats(0).len(), before + 1);
    }
    assert_eq!(rig.metric("dewpoint_idempotency_replayed_total").await, Some(4.0));
    rig.finish().await;
}

#[tokio::test]
async fn fault_26_the_same_key_twice_at_once_is_carried_out_once() {
    let rig = Rig::new().place(Voice::of("openai")).start().await;
    let slow = rig.good(0, false).insert(0, Step::Wait(Duration::from_millis(300)));
    for caller in CALLERS {
        rig.once(0, slow.clone());
        let before = rig.chats(0).len();
        let key = format!("{caller:?}");
        let headers = [(KEY, key.as_str())];
        let ask = || rig.post_with(caller, rig.body(caller, false), &headers);
        let (a, b, c) = tokio::join!(ask(), ask(), ask());
        assert!([&a, &b, &c].iter().all(|g| g.is_good() && g.body == a.body), "{a:#?} {b:#?} {c:#?}");
        let replayed = [&a, &b, &c].iter().filter(|g| g.header(REPLAYED).is_some()).count();
        assert_eq!((rig.chats(0).len() - before, replayed), (1, 2));
    }
    // A stream that is under way: the second one is told to wait.
    let stalled = rig.voice(0).stream(&["Hello ", "you."], true).insert(2, Step::Wait(Duration::from_millis(500)));
    rig.once(0, stalled);
    let body = rig.body(Dialect::Openai, true);
    let first = rig.post_with(Dialect::Openai, body.clone(), &[(KEY, "stream")]);
    let second = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        rig.post_with(Dialect::Openai, body.clone(), &[(KEY, "stream")]).await
    };
    let (first, second) = tokio::join!(first, second);
    assert!(first.is_good(), "{first:#?}");
    assert_eq!((second.status, second.header("retry-after")), (409, Some("1")), "{second:#?}");
    second.failure();
    let third = rig.post_with(Dialect::Openai, body, &[(KEY, "stream")]).await;
    assert_eq!((third.header(REPLAYED), third.body == first.body), (Some("true"), true));
    rig.finish().await;
}

#[tokio::test]
async fn fault_26_a_failure_is_not_kept() {
    let rig = Rig::new().place(Voice::of("openai")).start().await;
    for (caller, stream) in callers() {
        let key = format!("{caller:?}-{stream}");
        let voice = rig.voice(0);
        let broken = if stream {
            voice.streamed([voice.opening(false, true), vec![voice.text("Hel"), Step::Reset]].concat())
        } else {
            voice.error(400, "no")
        };
        rig.once(0, broken);
        let ask = async || rig.post_with(caller, rig.body(caller, stream), &[(KEY, &key)]).await;
        let failed = ask().await;
        assert!(!failed.is_good(), "{failed:#?}");
        let good = ask().await;
        assert!(good.is_good() && good.header(REPLAYED).is_none(), "carried out: {good:#?}");
        assert_eq!(ask().await.header(REPLAYED), Some("true"));
    }
    for (key, status) in [("", 400), (&*"k".repeat(255), 200), (&*"k".repeat(256), 400)] {
        let got = rig.post_with(Dialect::Openai, rig.body(Dialect::Openai, false), &[(KEY, key)]).await;
        assert_eq!(got.status, status, "{} characters: {got:#?}", key.len());
    }
    rig.finish().await;
}
