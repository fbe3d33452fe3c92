//! Cases of what leaves us: only with a permit, only with the own key, only in the shape that the place takes.

use super::rig::{ASK_ID, KEY, Rig, ask, deadlines};
use crate::{Voice, permit_for, place};
use backend::Auth;
use decide::{Api, Cause};
use serde_json::value::RawValue;
use std::sync::Arc;
use wire::Ask;

/// A permit for another request or another place sends nothing.
pub async fn wrong_permits_send_nothing(voice: Voice) {
    let rig = Rig::new(voice).await;
    rig.fake.on(voice.chat_route(), voice.plain("x", Some(1)));
    let other_request = permit_for(ASK_ID + 1, &rig.place, "test-model");
    let other_place = permit_for(ASK_ID, &place("elsewhere", voice.profile), "test-model");
    for permit in [other_request, other_place] {
        for stream in [false, true] {
            let fault = rig.backend.send(permit_like(&permit, &rig), Arc::new(ask(stream)), deadlines()).await;
            assert_eq!(fault.err().unwrap().cause, Cause::Internal);
        }
    }
    assert!(rig.fake.seen().is_empty(), "something was sent");
    assert_eq!(rig.fake.connections(), 0, "a connection was made");
}

/// Permits cannot be copied, so an equal one is asked for.
fn permit_like(permit: &decide::Permit, rig: &Rig) -> decide::Permit {
    let at = if permit.place() == &rig.place.id {
        rig.place.clone()
    } else {
        place(permit.place().as_str(), rig.voice.profile)
    };
    permit_for(permit.ask_id(), &at, permit.model())
}

/// The key goes out in one header, to this origin, and is in no text.
pub async fn the_key_goes_to_its_origin_only(voice: Voice) {
    let rig = Rig::new(voice).await;
    rig.fake.on(voice.chat_route(), voice.plain("x", Some(1)));
    rig.fake.on(voice.models_route(), voice.models(&["m"]));
    rig.plain().await.unwrap();
    rig.backend.probe().await;
    for seen in rig.fake.seen() {
        let carrying: Vec<_> = seen.headers.iter().filter(|(_, v)| v.contains(KEY)).cloned().collect();
        let expected = match voice.profile.auth {
            Auth::Bearer => vec![("authorization".to_owned(), format!("Bearer {KEY}"))],
            Auth::XApiKey => vec![("x-api-key".to_owned(), KEY.to_owned())],
            Auth::None => vec![],
        };
        assert_eq!(carrying, expected, "{} {}", seen.method, seen.path);
        assert!(!seen.query.contains(KEY) && !String::from_utf8_lossy(&seen.body).contains(KEY));
        assert_eq!(seen.header("host"), Some(rig.fake.address().to_string().as_str()));
    }
    if voice.profile.api == Api::Anthropic {
        assert_eq!(rig.fake.seen()[0].header("anthropic-version"), Some("2023-06-01"));
    }
}

fn extra(ask: &mut Ask, name: &str, json: &str) {
    ask.extra.push((name.to_owned(), RawValue::from_string(json.to_owned()).unwrap()));
}

/// Model, stream, limits and extra fields are written as this place takes them.
pub async fn the_request_is_in_the_shape_of_the_profile(voice: Voice) {
    let rig = Rig::new(voice).await;
    for stream in [false, true] {
        let answer = if stream { voice.stream(&["x"], true) } else { voice.plain("x", Some(1)) };
        rig.fake.on(voice.chat_route(), answer);
        let mut ask = ask(stream);
        ask.max_tokens = Some(32);
        ask.sampling.top_k = Some(5);
        extra(&mut ask, "repetition_penalty", "1.1");
        extra(&mut ask, "made_up_field", r#"{"a":1}"#);
        let sent = rig.send(ask).await;
        assert!(sent.is_ok(), "{:?}", sent.err());
        drop(sent);
        check_body(voice, stream, &rig.fake.last().json());
    }
}

fn check_body(voice: Voice, stream: bool, sent: &serde_json::Value) {
    let profile = voice.profile;
    assert_eq!(sent["model"], "test-model", "the place's own name for the model");
    if profile.api == Api::Openai {
        assert_eq!(sent.get("stream").and_then(|v| v.as_bool()).unwrap_or(profile.says_stream), stream, "{sent}");
        let limit = if profile.max_completion_tokens { "max_completion_tokens" } else { "max_tokens" };
        assert_eq!(sent[limit], 32, "{sent}");
        let stripped = |name: &str| profile.strip.iter().copied().flatten().any(|s| *s == name);
        let options = stream && !stripped("stream_options");
        assert_eq!(sent.get("stream_options").is_some(), options, "stream_options only where streamed: {sent}");
        let kept = |name: &str| !stripped(name) && profile.keep_extra.is_none_or(|keep| keep.contains(&name));
        assert_eq!(sent.get("top_k").is_some(), !stripped("top_k"), "{sent}");
        for name in ["repetition_penalty", "made_up_field"] {
            assert_eq!(sent.get(name).is_some(), kept(name), "{name}: {sent}");
        }
    } else {
        // Ollama streams unless it is told not to.
        let unsaid = if profile.api == Api::Ollama { None } else { Some(false) };
        assert_eq!(sent.get("stream").map_or(unsaid, |v| v.as_bool()), Some(stream), "{sent}");
        assert!(sent.get("stream_options").is_none());
        assert!(sent.get("made_up_field").is_none(), "another dialect's field: {sent}");
    }
    match profile.api {
        Api::Anthropic => assert_eq!(sent["max_tokens"], 32),
        Api::Ollama => {
            assert_eq!(sent["options"]["num_predict"], 32, "{sent}");
            assert_eq!(sent["truncate"], false, "a conversation is not cut in silence: {sent}");
        }
        Api::Openai | Api::Engine => {}
    }
}
