//! One line of `/api/chat`, which is also the shape of a plain answer.
//!
//! Ollama leaves out members that are zero, so absent counts are zero; read leniently, as all answers are.

use super::time;
use crate::json::loose::Loose;
use crate::json::read::{Members, Value, readable};
use crate::made_up::{call_id, digest};
use crate::{Finish, TokenLogprob, ToolCall, Usage};
use serde::de::MapAccess;
use serde_json::value::RawValue;
use std::borrow::Cow;

#[derive(Default)]
pub(super) struct LineIn<'de> {
    model: Loose<'de>,
    created_at: Loose<'de>,
    pub(super) message: MessageIn<'de>,
    /// Whether there was a message at all.
    pub(super) spoke: bool,
    done: Loose<'de>,
    done_reason: Loose<'de>,
    input: Loose<'de>,
    output: Loose<'de>,
    pub(super) logprobs: Option<Vec<TokenLogprob>>,
    pub(super) error: Option<&'de RawValue>,
}

impl<'de> Members<'de> for LineIn<'de> {
    fn member<A: MapAccess<'de>>(&mut self, key: &str, value: Value<'_, A>) -> Result<(), A::Error> {
        match key {
            "model" => self.model = value.get()?,
            "created_at" => self.created_at = value.get()?,
            "message" => {
                self.spoke = true;
                value.fill(&mut self.message)?;
            }
            "done" => self.done = value.get()?,
            "done_reason" => self.done_reason = value.get()?,
            "prompt_eval_count" => self.input = value.get()?,
            "eval_count" => self.output = value.get()?,
            "logprobs" => self.logprobs = value.get()?,
            "error" => self.error = value.get()?,
            _ => value.skip()?,
        }
        Ok(())
    }
}

impl LineIn<'_> {
    /// Id (this dialect has none: made from the time and the model), model, and Unix seconds.
    pub(super) fn head(&mut self) -> (String, String, u64) {
        let model = std::mem::take(&mut self.model).shown();
        let at = std::mem::take(&mut self.created_at).shown();
        let id = format!("ollama-{:016x}", digest(&[at.as_bytes(), model.as_bytes()]));
        (id, model, time::parse(&at).unwrap_or(0))
    }

    pub(super) fn is_done(&self) -> bool {
        self.done == Loose::Bool(true)
    }

    /// Why it ended; `called`: there were tool calls, which this dialect ends with a plain stop.
    pub(super) fn finish(&mut self, called: bool) -> Finish {
        let reason = std::mem::take(&mut self.done_reason).text();
        match reason.as_deref() {
            Some("stop") | None if called => Finish::ToolCalls,
            Some("stop") | None => Finish::Stop,
            Some("length") => Finish::Length,
            Some("content_filter") => Finish::ContentFilter,
            Some(other) => Finish::Other(other.to_owned()),
        }
    }

    /// Token counts; `None` where both are zero or absent.
    pub(super) fn usage(&self) -> Option<Usage> {
        let count = |n: &Loose<'_>| n.count().unwrap_or(0);
        let usage = Usage { input: count(&self.input), output: count(&self.output), ..Usage::default() };
        Some(usage).filter(|u| *u != Usage::default())
    }
}

#[derive(Default)]
pub(super) struct MessageIn<'de> {
    content: Loose<'de>,
    thinking: Loose<'de>,
    calls: Option<Vec<CallIn<'de>>>,
}

impl<'de> Members<'de> for MessageIn<'de> {
    fn member<A: MapAccess<'de>>(&mut self, key: &str, value: Value<'_, A>) -> Result<(), A::Error> {
        match key {
            "content" => self.content = value.get()?,
            "thinking" => self.thinking = value.get()?,
            "tool_calls" => self.calls = value.get()?,
            _ => value.skip()?,
        }
        Ok(())
    }
}

impl MessageIn<'_> {
    pub(super) fn text(&mut self) -> Option<String> {
        std::mem::take(&mut self.content).text().map(Cow::into_owned)
    }

    pub(super) fn thinking(&mut self) -> Option<String> {
        std::mem::take(&mut self.thinking).text().map(Cow::into_owned)
    }

    /// The calls; `answer` and `from` (how many there were before) make up the ids that older versions do not send.
    pub(super) fn calls(&mut self, answer: &str, from: usize) -> Vec<ToolCall> {
        let calls = self.calls.take().unwrap_or_default();
        let call = |(at, call): (usize, CallIn<'_>)| ToolCall {
            id: call.id.text().map_or_else(|| call_id(answer, from + at), Cow::into_owned),
            name: call.function.name.shown(),
            arguments: match call.function.arguments.map(RawValue::get) {
                None | Some("null") => "{}".to_owned(),
                // Imitators send a string, as OpenAI does.
                Some(text) if text.starts_with('"') => serde_json::from_str(text).unwrap_or_default(),
                Some(text) => text.to_owned(),
            },
        };
        calls.into_iter().enumerate().map(call).collect()
    }
}

#[derive(Default)]
struct CallIn<'de> {
    id: Loose<'de>,
    function: FunctionIn<'de>,
}

#[derive(Default)]
struct FunctionIn<'de> {
    name: Loose<'de>,
    arguments: Option<&'de RawValue>,
}

impl<'de> Members<'de> for CallIn<'de> {
    fn member<A: MapAccess<'de>>(&mut self, key: &str, value: Value<'_, A>) -> Result<(), A::Error> {
        match key {
            "id" => self.id = value.get()?,
            "function" => value.fill(&mut self.function)?,
            _ => value.skip()?,
        }
        Ok(())
    }
}
readable!(CallIn<'de>);

impl<'de> Members<'de> for FunctionIn<'de> {
    fn member<A: MapAccess<'de>>(&mut self, key: &str, value: Value<'_, A>) -> Result<(), A::Error> {
        match key {
            "name" => self.name = value.get()?,
            "arguments" => self.arguments = value.get()?,
            _ => value.skip()?,
        }
        Ok(())
    }
}
