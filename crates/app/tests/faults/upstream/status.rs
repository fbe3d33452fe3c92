//! Answers that say no: faults 39 and 40.
//!
//! Never here: connections.

use crate::rig::{End, Rig, VOICES, all_ways};
use decide::Outcome;
use testkit::{Answer, Voice};

#[tokio::test]
async fn fault_39_statuses_are_retried_by_one_table() {
    let rig = Rig::of_voices().start().await;
    for (place, caller, stream) in all_ways() {
        let name = VOICES[place];
        for (status, alone) in [
            (408, 502),
            (409, 502),
            (500, 502),
            (502, 502),
            (503, 429),
            (504, 502),
            (529, 502),
            (401, 502),
            (402, 502),
            (403, 502),
        ] {
            let what = format!("{name} {caller:?} stream {stream} status {status}");
            rig.script(place, rig.voice(place).error(status, "because"));
            let asked = rig.chats(place).len();
            let got = rig.ask(caller, &format!("via-{name}"), stream).await;
            assert_eq!(got.text(), "Hello from backup", "{what}: {got:#?}");
            let got = rig.ask(caller, &format!("{name}/m"), stream).await;
            assert_eq!(got.status, alone, "{what}: {got:#?}");
            got.failure();
            assert_eq!(rig.chats(place).len(), asked + 2, "{what}: once for each request, not more");
        }
        for status in [400, 404, 405, 413, 422] {
            let what = format!("{name} {caller:?} stream {stream} status {status}");
            rig.script(place, rig.voice(place).error(status, "because"));
            let before = rig.chats(3).len();
            let got = rig.ask(caller, &format!("via-{name}"), stream).await;
            assert_eq!(got.status, 400, "{what}: {got:#?}");
            assert!(got.failure().message.contains("because"), "{what}: the caller is told why: {got:#?}");
            assert_eq!(rig.chats(3).len(), before, "{what}: the request is at fault everywhere");
            assert_eq!(rig.records(&got).await.len(), 1, "{what}");
        }
        rig.heal(place);
    }
    rig.finish().await;
}

/// The caller's key is not at fault, and what the upstream says of ours is not for the caller.
#[tokio::test]
async fn fault_39_our_rejected_key_is_not_the_callers() {
    let rig = Rig::of_voices().start().await;
    for (place, caller, stream) in all_ways() {
        let name = VOICES[place];
        rig.script(place, Answer::json(401, r#"{"error":{"message":"Incorrect API key provided: sk-upst…9c51","type":"invalid_request_error","code":"invalid_api_key"}}"#));
        let got = rig.ask(caller, &format!("{name}/m"), stream).await;
        assert_eq!(got.status, 502, "{got:#?}");
        assert!(!got.text_of_body().contains("Incorrect API key"), "{got:#?}");
        assert_eq!(rig.records(&got).await[0].error.as_deref(), Some("upstream_credentials_rejected"));
        rig.heal(place);
    }
    assert!(rig.logged("upstream_credentials_rejected").await, "the operator is told");
    rig.finish().await;
}

#[tokio::test]
async fn fault_40_an_error_inside_a_200_is_replaced_before_content() {
    let rig = Rig::of_voices().start().await;
    for (place, caller, stream) in all_ways() {
        let (name, voice) = (VOICES[place], rig.voice(place));
        let in_band = voice.in_band("boom");
        let answers = if stream {
            vec![
                ("as the first frame", voice.streamed(in_band.clone())),
                ("behind the opening", voice.streamed([voice.opening(false, true), in_band].concat())),
                ("in one piece", Answer { status: 200, ..voice.error(500, "boom") }),
            ]
        } else {
            vec![("as the body", Answer { status: 200, ..voice.error(500, "boom") })]
        };
        for (what, answer) in answers {
            let what = format!("{name} {caller:?} {what}");
            rig.script(place, answer);
            let got = rig.ask(caller, &format!("via-{name}"), stream).await;
            assert_eq!(got.text(), "Hello from backup", "{what}: {got:#?}");
            let got = rig.ask(caller, &format!("{name}/m"), stream).await;
            assert_eq!(got.status, 502, "{what}: {got:#?}");
            assert!(got.failure().message.contains("boom"), "{what}: {got:#?}");
        }
        rig.heal(place);
    }
    rig.finish().await;
}

/// vLLM writes `[DONE]` behind its error, OpenRouter a finish reason into it: still no clean end.
#[tokio::test]
async fn fault_40_an_error_behind_content_ends_the_stream_as_an_error() {
    let rig = Rig::of_voices().place(Voice::of("openrouter")).place(Voice::of("sglang")).start().await;
    for place in 0..6 {
        let voice = rig.voice(place);
        let steps = [voice.opening(false, true), vec![voice.text("Hel")], voice.in_band("boom")].concat();
        rig.script(place, voice.streamed(steps));
        for caller in crate::rig::CALLERS {
            let name = ["openai", "anthropic", "ollama", "backup", "openrouter", "sglang"][place];
            let got = rig.ask(caller, &format!("{name}/m"), true).await;
            assert_eq!((got.status, got.text().as_str()), (200, "Hel"), "{name}: {got:#?}");
            assert!(matches!(&got.end, End::Error(e) if e.message.contains("boom")), "{name}: {got:#?}");
            let records = rig.records(&got).await;
            assert_eq!((records.len(), records[0].outcome), (1, Outcome::Failed), "{name}: {records:#?}");
            assert!(records[0].cost.is_some_and(|c| c.0 > 0), "{name}: what came is settled: {records:#?}");
        }
    }
    rig.finish().await;
}
