//! Plain answers of `/api/chat`: read from an upstream, written for a caller.

use super::answer_in::LineIn;
use super::time;
use crate::json;
use crate::json::read::object;
use crate::json::write::{Object, body};
use crate::openai::logprobs::write_tokens;
use crate::{Answer, Choice, Finish, Flavour, Raw, ToolCall, Usage, WireError, upstream_error};
use bytes::Bytes;

/// Reads an answer; `raw` is the body itself.
///
/// # Errors
/// The body is not such an answer, or is an error despite its status.
pub fn read_answer(body: &Bytes) -> Result<Answer, WireError> {
    let mut line = LineIn::default();
    object(json::text(body)?, &mut line)?;
    if line.error.is_some() {
        return Err(WireError::new(upstream_error::read(body).message));
    }
    if !line.spoke {
        return Err(WireError::at("message", "The upstream's answer has no `message`."));
    }
    let (id, model, created) = line.head();
    let logprobs = line.logprobs.take().unwrap_or_default();
    let tool_calls = line.message.calls(&id, 0);
    let choice = Choice {
        text: line.message.text().or_else(|| (!logprobs.is_empty()).then(String::new)),
        reasoning: line.message.thinking().map(|t| (t, None)),
        refusal: None,
        finish: line.is_done().then(|| line.finish(!tool_calls.is_empty())),
        tool_calls,
        logprobs,
        signs: Vec::new(),
    };
    let usage = line.usage();
    let raw = Some(Raw { flavour: Flavour::OllamaChat, name: None, bytes: body.clone() });
    Ok(Answer { id, model, created, choices: vec![choice], usage, raw })
}

/// The body of an answer; only the first choice has a place in this dialect. `answer.raw` is ignored.
pub fn write_answer(answer: &Answer) -> Vec<u8> {
    let none = Choice::default();
    let choice = answer.choices.first().unwrap_or(&none);
    body(512 + choice.text.as_ref().map_or(0, |t| t.len() + t.len() / 16), |o| {
        head(o, &answer.model, &time::format(answer.created));
        o.object("message", |o| {
            let text = [choice.text.as_deref(), choice.refusal.as_deref()].map(Option::unwrap_or_default).concat();
            message(o, &text, choice.reasoning.as_ref().map_or("", |r| &r.0), &choice.tool_calls);
        });
        if !choice.logprobs.is_empty() {
            o.list("logprobs", |l| write_tokens(l, &choice.logprobs));
        }
        tail(o, choice.finish.as_ref(), answer.usage.unwrap_or_default());
    })
}

/// What every line begins with.
pub(super) fn head(o: &mut Object<'_>, model: &str, created_at: &str) {
    o.str("model", model);
    o.str("created_at", created_at);
}

/// The members of `message`.
pub(super) fn message(o: &mut Object<'_>, text: &str, thinking: &str, calls: &[ToolCall]) {
    o.str("role", "assistant");
    o.str("content", text);
    if !thinking.is_empty() {
        o.str("thinking", thinking);
    }
    if !calls.is_empty() {
        o.list("tool_calls", |l| {
            for (index, call) in (0u64..).zip(calls) {
                l.object(|o| {
                    o.str("id", &call.id);
                    o.object("function", |o| {
                        o.int("index", index);
                        o.str("name", &call.name);
                        o.object_text("arguments", &call.arguments);
                    });
                });
            }
        });
    }
}

/// What the last line ends with. Durations are not known here; zero counts are left out, as Ollama does.
pub(super) fn tail(o: &mut Object<'_>, finish: Option<&Finish>, usage: Usage) {
    o.bool("done", true);
    if let Some(finish) = finish {
        o.str(
            "done_reason",
            match finish {
                Finish::Stop | Finish::StopSequence(_) | Finish::ToolCalls => "stop",
                Finish::Length => "length",
                Finish::ContentFilter => "content_filter",
                Finish::Other(other) => other,
            },
        );
    }
    for (key, count) in [("prompt_eval_count", usage.input), ("eval_count", usage.output)] {
        if count > 0 {
            o.int(key, count);
        }
    }
}
