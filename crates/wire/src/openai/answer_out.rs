//! Plain answers written for a caller of OpenAI's dialect, from any backend.

use super::finish::{word, write_usage};
use super::logprobs;
use super::message_out::write_call;
use crate::json::write::{List, Object, body};
use crate::{Answer, Choice};

/// The body of an answer of `POST /v1/chat/completions`. `answer.raw` is ignored: who has raw bytes of this flavour
/// forwards them.
pub fn write_chat_answer(answer: &Answer) -> Vec<u8> {
    write(answer, "chat.completion", |l, index, choice| {
        l.object(|o| {
            o.int("index", index);
            o.object("message", |o| message(o, choice));
            logprobs::write_chat(o, &choice.logprobs);
            o.str_or_null("finish_reason", choice.finish.as_ref().map(word));
        });
    })
}

/// The body of an answer of `POST /v1/completions`.
pub fn write_completions_answer(answer: &Answer) -> Vec<u8> {
    write(answer, "text_completion", |l, index, choice| {
        l.object(|o| {
            o.int("index", index);
            o.str("text", choice.text.as_deref().unwrap_or_default());
            logprobs::write_legacy(o, &choice.logprobs, 0);
            o.str_or_null("finish_reason", choice.finish.as_ref().map(word));
        });
    })
}

fn write(answer: &Answer, object: &str, mut choice: impl FnMut(&mut List<'_>, u64, &Choice)) -> Vec<u8> {
    let texts: usize = answer.choices.iter().map(|c| c.text.as_ref().map_or(0, String::len)).sum();
    body(512 + texts + texts / 16, |o| {
        o.str("id", &answer.id);
        o.str("object", object);
        o.int("created", answer.created);
        o.str("model", &answer.model);
        o.list("choices", |l| (0u64..).zip(&answer.choices).for_each(|(index, c)| choice(l, index, c)));
        if let Some(usage) = &answer.usage {
            write_usage(o, usage);
        }
    })
}

fn message(o: &mut Object<'_>, choice: &Choice) {
    o.str("role", "assistant");
    match &choice.text {
        Some(text) => o.str("content", text),
        // Nothing said at all is an empty answer, which clients may trim and print; null stands beside something else.
        None if choice.tool_calls.is_empty() && choice.refusal.is_none() => o.str("content", ""),
        None => o.null("content"),
    }
    o.str_or_null("refusal", choice.refusal.as_deref());
    if let Some((text, _)) = &choice.reasoning {
        o.str("reasoning_content", text);
    }
    if !choice.tool_calls.is_empty() {
        o.list("tool_calls", |l| choice.tool_calls.iter().for_each(|c| write_call(l, c)));
    }
}
