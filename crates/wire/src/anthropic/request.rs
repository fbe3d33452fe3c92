//! Requests written for an upstream that speaks Anthropic's dialect, from any dialect's [`Ask`].
//!
//! What cannot be said here is left out: `n`, penalties, seed, log-probabilities, JSON mode without a schema, audio. Of a
//! request of another dialect, `top_p` is left out beside `temperature`, since newer models refuse the two together.

use super::block_out;
use super::tool::{write_choice, write_tool};
use crate::extra;
use crate::json::write::{List, Object, body, list, object, string};
use crate::top::{Top, capacity};
use crate::{Ask, Content, Dialect, Format, Message, Part, Reasoning, Role, Shape, Tool, ToolChoice};

/// `max_tokens` where the caller's dialect lets it be absent; this one does not.
pub const MAX_TOKENS_DEFAULT: u64 = 4096;

/// Smallest thinking budget that Anthropic takes.
const BUDGET_LEAST: u64 = 1024;

/// The body of `POST /v1/messages`.
pub fn write_messages(ask: &Ask, shape: &Shape) -> Vec<u8> {
    let native = is_native(ask);
    body(capacity(ask), |o| {
        let mut top = Top::new(o, shape);
        let budget = budget(ask).filter(|_| !native);
        let limit = ask.max_tokens.unwrap_or_else(|| MAX_TOKENS_DEFAULT + budget.unwrap_or(0));
        top.put("model", |out| string(out, &shape.model));
        top.int("max_tokens", Some(limit));
        if ask.messages.iter().any(is_instruction) {
            top.put("system", |out| system(out, ask));
        }
        top.put("messages", |out| messages(out, ask));
        tools(&mut top, ask);
        sampling(&mut top, ask, budget);
        if ask.stream {
            top.bool("stream", Some(true));
        }
        metadata(&mut top, ask);
        if native {
            ask.extra.iter().filter(|(k, _)| k != "metadata").for_each(|(k, v)| top.extra(k, v));
        } else {
            translated(&mut top, ask, budget);
        }
    })
}

fn is_native(ask: &Ask) -> bool {
    ask.endpoint.dialect() == Dialect::Anthropic
}

fn is_instruction(message: &Message) -> bool {
    matches!(message.role, Role::System | Role::Developer)
}

/// All instructions, wherever they stood, in order. A single string stays one.
fn system(out: &mut Vec<u8>, ask: &Ask) {
    let all: Vec<&Content> = ask.messages.iter().filter(|m| is_instruction(m)).map(|m| &m.content).collect();
    if let [Content::Text(text)] = all[..] {
        return string(out, text);
    }
    list(out, |l| all.iter().for_each(|content| blocks(l, content, is_native(ask))));
}

/// Content as blocks.
fn blocks(l: &mut List<'_>, content: &Content, native: bool) {
    match content {
        Content::None => {}
        Content::Text(text) if text.is_empty() => {}
        Content::Text(text) => l.object(|o| {
            o.str("type", "text");
            o.str("text", text);
        }),
        Content::Parts(parts) => parts.iter().for_each(|p| block_out::part(l, p, native)),
    }
}

/// Messages of one side in a row become one message, as Anthropic would join them; tool results are the user's.
fn messages(out: &mut Vec<u8>, ask: &Ask) {
    let native = is_native(ask);
    let said: Vec<&Message> = ask.messages.iter().filter(|m| !is_instruction(m) && (native || !is_silent(m))).collect();
    let is_model = |m: &Message| m.role == Role::Assistant;
    list(out, |l| {
        for turn in said.chunk_by(|a, b| is_model(a) == is_model(b)) {
            l.object(|o| {
                o.str("role", if turn.first().is_some_and(|m| is_model(m)) { "assistant" } else { "user" });
                match turn {
                    [Message { content: Content::Text(text), role: Role::User, .. }] => o.str("content", text),
                    [m] if is_model(m) && m.tool_calls.is_empty() && signed(m).is_none() && is_text(&m.content) => {
                        o.str("content", &m.content.joined());
                    }
                    turn => o.list("content", |l| turn.iter().for_each(|m| message(l, m, native))),
                }
            });
        }
    });
}

fn is_text(content: &Content) -> bool {
    matches!(content, Content::Text(_))
}

/// Reasoning can only be given back with the signature it came with.
fn signed(message: &Message) -> Option<(&str, &str)> {
    let (text, signature) = message.reasoning.as_ref()?;
    Some((text, signature.as_deref()?))
}

/// Nothing in it that this dialect could carry; Anthropic refuses empty messages.
fn is_silent(m: &Message) -> bool {
    let says = |part: &Part| match part {
        Part::Text { text, .. } => !text.is_empty(),
        Part::Image { .. } => true,
        Part::Audio { .. } | Part::Other { .. } => false,
    };
    let empty = match &m.content {
        Content::None => true,
        Content::Text(text) => text.is_empty(),
        Content::Parts(parts) => !parts.iter().any(says),
    };
    empty && m.role != Role::Tool && m.tool_calls.is_empty() && signed(m).is_none()
}

fn message(l: &mut List<'_>, m: &Message, native: bool) {
    if let Some(whole) = extra::find(&m.extra, "content").filter(|_| native) {
        return l.elements_of(whole);
    }
    if m.role == Role::Tool && m.tool_call_id.is_some() {
        return block_out::result(l, m, native);
    }
    if let Some((text, signature)) = signed(m) {
        block_out::thinking(l, text, signature);
    }
    blocks(l, &m.content, native);
    m.tool_calls.iter().for_each(|c| block_out::call(l, c, &Vec::new(), native));
}

fn tools(top: &mut Top<'_, '_>, ask: &Ask) {
    let native = is_native(ask);
    let usable = |t: &&Tool| t.raw.is_none() || native;
    if ask.tools.iter().any(|t| usable(&t)) {
        top.put("tools", |out| list(out, |l| ask.tools.iter().filter(usable).for_each(|t| write_tool(l, t, native))));
    } else if !native {
        return;
    }
    let foreign = matches!(ask.tool_choice, Some(ToolChoice::Other(_))) && !native;
    if !foreign && (ask.tool_choice.is_some() || ask.parallel_tool_calls == Some(false)) {
        top.put("tool_choice", |out| object(out, |o| write_choice(o, ask)));
    }
}

fn sampling(top: &mut Top<'_, '_>, ask: &Ask, budget: Option<u64>) {
    let s = &ask.sampling;
    let native = is_native(ask);
    // With thinking on, Anthropic takes none of these.
    if native || budget.is_none() {
        top.real("temperature", if native { s.temperature } else { s.temperature.map(|t| t.min(1.0)) });
        top.real("top_p", s.top_p.filter(|_| native || s.temperature.is_none()));
        top.int("top_k", s.top_k.filter(|k| native || *k > 0));
    }
    // Anthropic refuses stop sequences of white space only.
    let stop: Vec<&str> = ask.stop.iter().map(String::as_str).filter(|s| native || !s.trim().is_empty()).collect();
    if !stop.is_empty() {
        top.put("stop_sequences", |out| list(out, |l| stop.iter().for_each(|s| string(l.next(), s))));
    }
}

fn metadata(top: &mut Top<'_, '_>, ask: &Ask) {
    let left = extra::find(&ask.extra, "metadata").filter(|_| is_native(ask));
    if ask.user.is_some() || left.is_some() {
        top.put("metadata", |out| {
            object(out, |o: &mut Object<'_>| {
                if let Some(user) = &ask.user {
                    o.str("user_id", user);
                }
                if let Some(left) = left {
                    o.members_of(left);
                }
            });
        });
    }
}

/// Thinking and a schema, as this dialect says them.
fn translated(top: &mut Top<'_, '_>, ask: &Ask, budget: Option<u64>) {
    if let Some(budget) = budget {
        top.put("thinking", |out| {
            object(out, |o| {
                o.str("type", "enabled");
                o.int("budget_tokens", budget);
            });
        });
    }
    if let Some(Format::JsonSchema { schema: Some(schema), .. }) = &ask.format {
        top.put("output_config", |out| {
            object(out, |o| {
                o.object("format", |o| {
                    o.str("type", "json_schema");
                    o.raw("schema", schema);
                });
            });
        });
    }
}

/// The thinking budget that a request of another dialect asks for, where Anthropic would take one: room below
/// `max_tokens`, no forced tool, and no earlier call in the conversation (each would have to carry its signed thinking,
/// which other dialects do not).
fn budget(ask: &Ask) -> Option<u64> {
    let wanted = wish(ask.reasoning.as_ref()?)?;
    let forced = matches!(ask.tool_choice, Some(ToolChoice::Required | ToolChoice::Named(_)));
    let called = ask.messages.iter().any(|m| !m.tool_calls.is_empty());
    let room = ask.max_tokens.map_or(wanted, |most| wanted.min(most.saturating_sub(1)));
    Some(room).filter(|room| *room >= BUDGET_LEAST && !forced && !called)
}

fn wish(reasoning: &Reasoning) -> Option<u64> {
    if reasoning.enabled == Some(false) {
        return None;
    }
    reasoning.budget_tokens.or(match reasoning.effort.as_deref()? {
        "minimal" | "low" => Some(1024),
        "medium" => Some(4096),
        "high" => Some(16_384),
        "xhigh" | "max" => Some(32_768),
        _ => None,
    })
}
