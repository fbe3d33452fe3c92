//! Requests written for an upstream that speaks Ollama's dialect, from any dialect's [`Ask`].
//!
//! What cannot be said here is left out: `n`, `tool_choice` (but "none" sends no tools), audio, images by URL (Ollama
//! takes base64 only), parallel calls.

use crate::extra;
use crate::json::write::{List, Object, body, list, object, string};
use crate::openai::request::write_tool;
use crate::top::{Top, capacity};
use crate::{Ask, Content, Dialect, Format, Media, Message, Part, Reasoning, Role, Shape, ToolChoice};

/// The body of `POST /api/chat`. `stream` is always said, since its default here is true. Of the members that were not
/// understood, `keep_alive` and `options` are Ollama's own and go along; what the request says in the standard way wins.
pub fn write_chat(ask: &Ask, shape: &Shape) -> Vec<u8> {
    body(capacity(ask), |o| {
        let mut top = Top::new(o, shape);
        top.put("model", |out| string(out, &shape.model));
        top.put("messages", |out| list(out, |l| ask.messages.iter().for_each(|m| message(l, ask, m))));
        top.bool("stream", Some(ask.stream));
        let functions = ask.tools.iter().filter(|t| t.raw.is_none());
        if functions.clone().next().is_some() && !matches!(ask.tool_choice, Some(ToolChoice::None)) {
            top.put("tools", |out| list(out, |l| functions.for_each(|t| write_tool(l.next(), t, false))));
        }
        match &ask.format {
            Some(Format::JsonSchema { schema: Some(schema), .. }) => {
                top.put("format", |out| out.extend_from_slice(schema.get().as_bytes()));
            }
            Some(Format::JsonObject | Format::JsonSchema { .. }) => top.str("format", Some("json")),
            Some(Format::Text | Format::Other(_)) | None => {}
        }
        if has_options(ask) {
            top.put("options", |out| object(out, |o| options(o, ask)));
        }
        if let Some(reasoning) = &ask.reasoning {
            think(&mut top, reasoning);
        }
        if let Some(most) = ask.wants_logprobs() {
            top.bool("logprobs", Some(true));
            top.int("top_logprobs", Some(most).filter(|m| *m > 0));
        }
        if let Some(keep_alive) = known_extra(ask, "keep_alive") {
            top.put("keep_alive", |out| out.extend_from_slice(keep_alive.get().as_bytes()));
        }
    })
}

/// A member of Ollama's own that came with a request of OpenAI's dialect.
fn known_extra<'a>(ask: &'a Ask, key: &str) -> Option<&'a serde_json::value::RawValue> {
    extra::find(&ask.extra, key).filter(|_| ask.endpoint.dialect() != Dialect::Anthropic)
}

fn message(l: &mut List<'_>, ask: &Ask, m: &Message) {
    l.object(|o| {
        o.str(
            "role",
            match m.role {
                Role::System | Role::Developer => "system",
                Role::User => "user",
                Role::Assistant => "assistant",
                Role::Tool => "tool",
            },
        );
        o.str("content", &m.flat());
        if let Some((text, _)) = m.reasoning.as_ref().filter(|(text, _)| !text.is_empty()) {
            o.str("thinking", text);
        }
        images(o, &m.content);
        if !m.tool_calls.is_empty() {
            o.list("tool_calls", |l| {
                for call in &m.tool_calls {
                    l.object(|o| {
                        o.str("id", &call.id);
                        o.object("function", |o| {
                            o.str("name", &call.name);
                            o.object_text("arguments", &call.arguments);
                        });
                    });
                }
            });
        }
        if m.role == Role::Tool {
            tool_result(o, ask, m);
        }
    });
}

fn images(o: &mut Object<'_>, content: &Content) {
    let Content::Parts(parts) = content else { return };
    let mut data = parts.iter().filter_map(|part| match part {
        Part::Image { media: Media::Base64 { data, .. }, .. } => Some(data.as_str()),
        _ => None,
    });
    if let Some(first) = data.next() {
        o.strs("images", std::iter::once(first).chain(data));
    }
}

/// Ollama tells results apart by the tool's name, which other dialects leave to the call.
fn tool_result(o: &mut Object<'_>, ask: &Ask, m: &Message) {
    let id = m.tool_call_id.as_deref();
    let called = ask.messages.iter().flat_map(|m| &m.tool_calls).find(|c| id == Some(c.id.as_str()));
    if let Some(name) = called.map(|c| c.name.as_str()).or(m.name.as_deref()) {
        o.str("tool_name", name);
    }
    if let Some(id) = id {
        o.str("tool_call_id", id);
    }
}

fn has_options(ask: &Ask) -> bool {
    ask.sampling != crate::Sampling::default()
        || ask.max_tokens.is_some()
        || !ask.stop.is_empty()
        || known_extra(ask, "options").is_some()
}

/// `options`: the caller's own first, less what the request says in the standard way.
fn options(o: &mut Object<'_>, ask: &Ask) {
    let s = &ask.sampling;
    let reals = [
        ("temperature", s.temperature),
        ("top_p", s.top_p),
        ("min_p", s.min_p),
        ("frequency_penalty", s.frequency_penalty),
        ("presence_penalty", s.presence_penalty),
    ];
    let wholes = [
        ("num_predict", ask.max_tokens.map(i128::from)),
        ("top_k", s.top_k.map(i128::from)),
        ("seed", s.seed.map(i128::from)),
    ];
    let said = |key: &str| {
        reals.iter().any(|(k, v)| *k == key && v.is_some())
            || wholes.iter().any(|(k, v)| *k == key && v.is_some())
            || (key == "stop" && !ask.stop.is_empty())
    };
    if let Some(own) = known_extra(ask, "options") {
        extra::members(own).iter().filter(|(k, _)| !said(k)).for_each(|(k, v)| o.raw(k, v));
    }
    reals.iter().for_each(|(key, value)| value.iter().for_each(|v| o.real(key, *v)));
    wholes.iter().for_each(|(key, value)| value.iter().for_each(|v| o.int(key, *v)));
    if !ask.stop.is_empty() {
        o.strs("stop", ask.stop.iter().map(String::as_str));
    }
}

/// `think`: true, false, or one of three levels.
fn think(top: &mut Top<'_, '_>, reasoning: &Reasoning) {
    match (reasoning.enabled, reasoning.effort.as_deref()) {
        (Some(false), _) | (_, Some("none")) => top.bool("think", Some(false)),
        (_, Some("minimal" | "low")) => top.str("think", Some("low")),
        (_, Some("medium")) => top.str("think", Some("medium")),
        (_, Some("high" | "xhigh" | "max")) => top.str("think", Some("high")),
        (Some(true), _) => top.bool("think", Some(true)),
        _ if reasoning.budget_tokens.is_some() => top.bool("think", Some(true)),
        _ => {}
    }
}
