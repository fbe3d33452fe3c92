//! Plain answers of OpenAI's endpoints, read from an upstream.

use super::answer_in::{AnswerIn, CallIn, ChoiceIn};
use crate::json;
use crate::json::read::object;
use crate::made_up::call_id;
use crate::{Answer, Choice, Flavour, Raw, ToolCall, WireError, upstream_error};
use bytes::Bytes;

/// Reads an answer of `POST /v1/chat/completions`; `raw` is the body itself.
///
/// # Errors
/// The body is not such an answer, or is an error despite its status.
pub fn read_chat_answer(body: &Bytes) -> Result<Answer, WireError> {
    read(body, Flavour::OpenaiChat)
}

/// Reads an answer of `POST /v1/completions`; `raw` is the body itself.
///
/// # Errors
/// As for [`read_chat_answer`].
pub fn read_completions_answer(body: &Bytes) -> Result<Answer, WireError> {
    read(body, Flavour::OpenaiCompletions)
}

fn read(body: &Bytes, flavour: Flavour) -> Result<Answer, WireError> {
    let mut from = AnswerIn::default();
    object(json::text(body)?, &mut from)?;
    if from.is_error() {
        return Err(WireError::new(upstream_error::read(body).message));
    }
    let choices = from.choices.ok_or_else(|| WireError::at("choices", "The upstream's answer has no `choices`."))?;
    let id = from.id.shown();
    let mut choices: Vec<(u64, Choice)> =
        (0u64..).zip(choices).map(|(at, c)| (c.index.count().unwrap_or(at), choice(c, &id))).collect();
    choices.sort_by_key(|(index, _)| *index);
    Ok(Answer {
        id,
        model: from.model.shown(),
        created: from.created.count().unwrap_or(0),
        choices: choices.into_iter().map(|(_, choice)| choice).collect(),
        usage: from.usage.map(super::finish::UsageIn::done),
        raw: Some(Raw { flavour, name: None, bytes: body.clone() }),
    })
}

fn choice(mut from: ChoiceIn<'_>, id: &str) -> Choice {
    let logprobs = from.logprobs();
    let finish = from.finish();
    let reasoning = from.message.reasoning();
    // Log-probabilities hang on text in the stream; so they do here.
    let text = from.message.text().or_else(|| (!logprobs.is_empty()).then(String::new));
    let calls = from.message.calls.take().unwrap_or_default();
    Choice {
        text,
        reasoning: reasoning.map(|r| (r, None)),
        refusal: from.message.refusal(),
        tool_calls: calls.into_iter().enumerate().map(|(at, c)| call(c, id, at)).collect(),
        logprobs,
        signs: Vec::new(),
        finish,
    }
}

fn call(from: CallIn<'_>, answer: &str, at: usize) -> ToolCall {
    let arguments = from.function.arguments();
    let id = from.id.text().map_or_else(|| call_id(answer, at), |id| id.into_owned());
    ToolCall { id, name: from.function.name.shown(), arguments }
}
