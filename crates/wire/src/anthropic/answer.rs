//! Plain answers of `POST /v1/messages`: read from an upstream, written for a caller.

use super::answer_in::{BlockIn, MessageIn};
use super::block_out;
use super::finish;
use crate::json;
use crate::json::loose::Loose;
use crate::json::read::object;
use crate::json::write::{List, body};
use crate::made_up::call_id;
use crate::{Answer, Choice, Flavour, Raw, ToolCall, WireError, upstream_error};
use bytes::Bytes;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// Reads an answer; `raw` is the body itself.
///
/// # Errors
/// The body is not such an answer, or is an error despite its status.
pub fn read_answer(body: &Bytes) -> Result<Answer, WireError> {
    let mut from = MessageIn::default();
    object(json::text(body)?, &mut from)?;
    if from.kind == Loose::Text(Cow::Borrowed("error")) {
        return Err(WireError::new(upstream_error::read(body).message));
    }
    let blocks = from.content.ok_or_else(|| WireError::at("content", "The upstream's answer has no `content`."))?;
    let id = from.id.shown();
    let mut choice = Choice::default();
    for block in blocks {
        take(&mut choice, block, &id);
    }
    let sequence = from.stop_sequence.text().map(Cow::into_owned);
    choice.finish = from.stop_reason.text().map(|reason| finish::read(&reason, sequence));
    Ok(Answer {
        id,
        model: from.model.shown(),
        created: 0,
        choices: vec![choice],
        usage: from.usage.done(),
        raw: Some(Raw { flavour: Flavour::AnthropicMessages, name: None, bytes: body.clone() }),
    })
}

fn take(choice: &mut Choice, block: BlockIn<'_>, answer: &str) {
    match &*block.kind.text().unwrap_or_default() {
        "text" => {
            if let Some(text) = block.text.text() {
                choice.text.get_or_insert_default().push_str(&text);
            }
        }
        "thinking" => {
            let (text, signature) = (block.thinking.text(), block.signature.text());
            if text.is_some() || signature.is_some() {
                let slot = choice.reasoning.get_or_insert_default();
                slot.0.push_str(&text.unwrap_or_default());
                slot.1 = signature.map(Cow::into_owned).or(slot.1.take());
            }
        }
        "tool_use" => {
            let at = choice.tool_calls.len();
            choice.tool_calls.push(ToolCall {
                id: block.id.text().map_or_else(|| call_id(answer, at), Cow::into_owned),
                name: block.name.shown(),
                arguments: block.input.map_or("{}", RawValue::get).to_owned(),
            });
        }
        // Blocks of Anthropic's own tools: in the raw body.
        _ => {}
    }
}

/// The body of an answer; only the first choice has a place in this dialect. `answer.raw` is ignored.
pub fn write_answer(answer: &Answer) -> Vec<u8> {
    let none = Choice::default();
    let choice = answer.choices.first().unwrap_or(&none);
    body(512 + choice.text.as_ref().map_or(0, |t| t.len() + t.len() / 16), |o| {
        o.str("id", &answer.id);
        o.str("type", "message");
        o.str("role", "assistant");
        o.str("model", &answer.model);
        o.list("content", |l| content(l, choice));
        finish::write(o, choice.finish.as_ref(), !choice.tool_calls.is_empty());
        finish::write_usage(o, &answer.usage.unwrap_or_default());
    })
}

/// Thinking, text, calls. A refusal is text in this dialect; the stop reason says what it is.
fn content(l: &mut List<'_>, choice: &Choice) {
    if let Some((text, signature)) = &choice.reasoning {
        block_out::thinking(l, text, signature.as_deref().unwrap_or_default());
    }
    for text in [&choice.text, &choice.refusal].into_iter().flatten().filter(|t| !t.is_empty()) {
        l.object(|o| {
            o.str("type", "text");
            o.str("text", text);
        });
    }
    choice.tool_calls.iter().for_each(|c| block_out::call(l, c, &Vec::new(), true));
}
