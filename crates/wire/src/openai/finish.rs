//! Finish reasons and token counts between OpenAI's words and the canonical ones.

use crate::json::loose::Loose;
use crate::json::read::{Members, Value, readable};
use crate::json::write::Object;
use crate::{Finish, Usage};
use serde::de::MapAccess;

/// Reads `finish_reason`; `stop_reason` is vLLM's: the stop string that was met.
pub(super) fn read(reason: &str, stop: Option<String>) -> Finish {
    match reason {
        "stop" => stop.map_or(Finish::Stop, |s| Finish::StopSequence(Some(s))),
        "length" => Finish::Length,
        "tool_calls" => Finish::ToolCalls,
        "content_filter" => Finish::ContentFilter,
        other => Finish::Other(other.to_owned()),
    }
}

/// The word for `finish_reason`. A reason of another dialect is written as it is: a wrong "stop" would be a lie.
pub(super) fn word(finish: &Finish) -> &str {
    match finish {
        Finish::Stop | Finish::StopSequence(_) => "stop",
        Finish::Length => "length",
        Finish::ToolCalls => "tool_calls",
        Finish::ContentFilter => "content_filter",
        Finish::Other(other) => other,
    }
}

/// `usage` as a backend sent it, with the names that differ between engines.
#[derive(Default)]
pub(super) struct UsageIn {
    usage: Usage,
}

#[derive(Default)]
struct Details {
    cached: u64,
    written: u64,
    reasoning: u64,
}

impl UsageIn {
    pub(super) fn done(self) -> Usage {
        self.usage
    }
}

impl<'de> Members<'de> for UsageIn {
    fn member<A: MapAccess<'de>>(&mut self, key: &str, value: Value<'_, A>) -> Result<(), A::Error> {
        let usage = &mut self.usage;
        match key {
            "prompt_tokens" => count(&mut usage.input, value),
            "completion_tokens" => count(&mut usage.output, value),
            // SGLang has it here.
            "reasoning_tokens" => count(&mut usage.reasoning, value),
            // DeepSeek.
            "prompt_cache_hit_tokens" => count(&mut usage.cached, value),
            "prompt_tokens_details" | "completion_tokens_details" => {
                let mut details = Details::default();
                value.fill(&mut details)?;
                usage.cached = usage.cached.max(details.cached);
                usage.cache_write = usage.cache_write.max(details.written);
                usage.reasoning = usage.reasoning.max(details.reasoning);
                Ok(())
            }
            _ => value.skip(),
        }
    }
}
readable!(UsageIn);

impl<'de> Members<'de> for Details {
    fn member<A: MapAccess<'de>>(&mut self, key: &str, value: Value<'_, A>) -> Result<(), A::Error> {
        match key {
            "cached_tokens" => count(&mut self.cached, value),
            "cache_write_tokens" | "created_cache_tokens" => count(&mut self.written, value),
            "reasoning_tokens" => count(&mut self.reasoning, value),
            _ => value.skip(),
        }
    }
}

/// The larger of what stands there and what comes: the same count may come under two names.
fn count<'de, A: MapAccess<'de>>(slot: &mut u64, value: Value<'_, A>) -> Result<(), A::Error> {
    *slot = (*slot).max(value.get::<Loose<'de>>()?.count().unwrap_or(0));
    Ok(())
}

/// Writes `usage`.
pub(super) fn write_usage(o: &mut Object<'_>, usage: &Usage) {
    o.object("usage", |o| {
        o.int("prompt_tokens", usage.input);
        o.int("completion_tokens", usage.output);
        o.int("total_tokens", usage.input.saturating_add(usage.output));
        o.object("prompt_tokens_details", |o| {
            o.int("cached_tokens", usage.cached);
            if usage.cache_write > 0 {
                o.int("cache_write_tokens", usage.cache_write);
            }
        });
        o.object("completion_tokens_details", |o| o.int("reasoning_tokens", usage.reasoning));
    });
}
