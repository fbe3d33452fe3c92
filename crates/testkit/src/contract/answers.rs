//! Cases in which all goes well.

use super::rig::{ASK_ID, Rig, ask, deadlines};
use crate::voice::{CACHED, CALL, MODEL, PROMPT};
use crate::{Voice, permit_for};
use backend::Reply;
use decide::Api;
use futures_util::StreamExt;
use std::sync::Arc;
use std::time::Duration;
use wire::{Answer, Finish, Tool, Usage};

const TEXTS: [&str; 4] = ["Hé", "llo ", "wörld 🌍", "!"];

fn usage(voice: Voice, output: u64) -> Option<Usage> {
    let cached = if voice.profile.api == Api::Ollama { 0 } else { CACHED };
    Some(Usage { input: PROMPT, output, cached, ..Usage::default() })
}

fn check(answer: &Answer, text: &str, usage: Option<Usage>) {
    assert_eq!(answer.model, MODEL);
    assert_eq!(answer.choices.len(), 1);
    assert_eq!(answer.choices[0].text.as_deref(), Some(text));
    assert_eq!(answer.choices[0].finish, Some(Finish::Stop));
    assert!(answer.choices[0].tool_calls.is_empty());
    assert_eq!(answer.usage, usage);
}

/// A plain answer arrives whole, with its counts and its own bytes.
pub async fn plain(voice: Voice) {
    let rig = Rig::new(voice).await;
    rig.fake.on(voice.chat_route(), voice.plain("Héllo 🌍", Some(3)));
    let answer = rig.plain().await.unwrap();
    check(&answer, "Héllo 🌍", usage(voice, 3));
    let raw = answer.raw.expect("the backend's own body");
    assert_eq!(raw.bytes, voice.plain("Héllo 🌍", Some(3)).body());
}

/// Counts that were not sent are not made up.
pub async fn plain_without_usage(voice: Voice) {
    let rig = Rig::new(voice).await;
    rig.fake.on(voice.chat_route(), voice.plain("hi", None));
    let answer = rig.plain().await.unwrap();
    assert_eq!(answer.choices[0].text.as_deref(), Some("hi"));
    assert!(answer.usage.is_none_or(|u| u == Usage::default()), "{:?}", answer.usage);
}

/// A stream arrives piece by piece and joins to the same answer.
pub async fn stream(voice: Voice) {
    let rig = Rig::new(voice).await;
    rig.fake.on(voice.chat_route(), voice.stream(&TEXTS, true));
    let ended = rig.stream().await;
    let with_text = ended.chunks.iter().filter(|c| c.events.iter().any(|e| matches!(e, wire::Event::Text { .. })));
    assert!(with_text.count() >= TEXTS.len(), "pieces were held back");
    assert!(ended.chunks.iter().all(|c| c.raw.is_some()), "frames as they came");
    check(&ended.joined(), &TEXTS.concat(), usage(voice, TEXTS.len() as u64));
}

/// A stream without counts is a good stream.
pub async fn stream_without_usage(voice: Voice) {
    let rig = Rig::new(voice).await;
    rig.fake.on(voice.chat_route(), voice.stream(&TEXTS, false));
    let answer = rig.stream().await.joined();
    assert_eq!(answer.choices[0].text.as_deref(), Some(TEXTS.concat().as_str()));
    assert!(answer.usage.is_none_or(|u| u == Usage::default()), "{:?}", answer.usage);
}

fn with_tool(stream: bool) -> wire::Ask {
    let mut ask = ask(stream);
    let schema = r#"{"type":"object","properties":{"city":{"type":"string"}}}"#;
    ask.tools = vec![Tool {
        name: CALL.1.to_owned(),
        description: Some("The weather.".to_owned()),
        parameters: Some(serde_json::value::RawValue::from_string(schema.to_owned()).unwrap()),
        strict: None,
        raw: None,
        extra: Vec::new(),
    }];
    ask
}

fn check_call(answer: &Answer) {
    let choice = &answer.choices[0];
    assert_eq!(choice.finish, Some(Finish::ToolCalls));
    assert_eq!(choice.tool_calls.len(), 1);
    let call = &choice.tool_calls[0];
    assert_eq!((call.id.as_str(), call.name.as_str()), (CALL.0, CALL.1));
    let arguments: serde_json::Value = serde_json::from_str(&call.arguments).unwrap();
    assert_eq!(arguments, serde_json::json!({"city": "Oslo"}));
}

/// Tools go out and calls come back.
pub async fn tools(voice: Voice) {
    let rig = Rig::new(voice).await;
    rig.fake.on(voice.chat_route(), voice.tool());
    check_call(&rig.plain_of(with_tool(false)).await.unwrap());
    let sent = rig.fake.last().json();
    assert!(sent["tools"].to_string().contains("weather"), "{sent}");
    if voice.profile.says_tool_choice {
        assert_eq!(sent["tool_choice"], "auto");
    }
}

/// The same, streamed, with the arguments in pieces.
pub async fn tools_streamed(voice: Voice) {
    let rig = Rig::new(voice).await;
    rig.fake.on(voice.chat_route(), voice.tool_stream());
    check_call(&rig.stream_of(with_tool(true), deadlines()).await.joined());
}

/// Frames that arrive in pieces of any size are the same stream.
pub async fn cut_at_every_byte(voice: Voice) {
    let rig = Rig::new(voice).await;
    let whole = voice.stream(&TEXTS, true);
    for size in [1, 2, 3, 7, 64, 1 << 20] {
        rig.fake.once(voice.chat_route(), whole.clone().pieces(size));
        let answer = rig.stream().await.joined();
        check(&answer, &TEXTS.concat(), usage(voice, TEXTS.len() as u64));
    }
}

/// A server without streams answers a stream in one piece, which is a stream all the same.
pub async fn answered_in_one_piece(voice: Voice) {
    let rig = Rig::new(voice).await;
    rig.fake.on(voice.chat_route(), voice.plain("all at once", Some(3)));
    check(&rig.stream().await.joined(), "all at once", usage(voice, 3));
}

/// Complete answers leave their connection to the next request, also when nobody reads behind the terminal event.
pub async fn connections_are_kept(voice: Voice) {
    let rig = Rig::new(voice).await;
    rig.fake.on(voice.chat_route(), voice.plain("x", Some(1)));
    rig.plain().await.unwrap();
    // The end of the body comes late, so that the stream is dropped before it.
    let late = voice.stream(&["x"], true);
    let late = late.clone().insert(late.steps.len(), crate::Step::Wait(Duration::from_millis(20)));
    rig.fake.on(voice.chat_route(), late);
    for _ in 0..6 {
        let permit = permit_for(ASK_ID, &rig.place, "test-model");
        let reply = rig.backend.send(permit, Arc::new(ask(true)), deadlines()).await.unwrap();
        let Reply::Stream(mut stream) = reply else { panic!("no stream") };
        while let Some(chunk) = stream.next().await {
            if chunk.unwrap().events.contains(&wire::Event::Done) {
                break;
            }
        }
        drop(stream);
        tokio::time::sleep(Duration::from_millis(120)).await;
    }
    // One, but a busy machine may be too late for it now and then; without reuse there would be six.
    assert!(rig.fake.connections() <= 3, "{} connections", rig.fake.connections());
}
