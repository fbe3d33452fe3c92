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

/// `usage` as a backend sent it, with the names that differ between engines, and those of the responses endpoint.
#[derive(Default)]
pub(super) struct UsageIn {
    usage: Usage,
    total: u64,
    /// Tokens of an answer were counted, were it none.
    answers: bool,
}

#[derive(Default)]
struct Details {
    cached: u64,
    written: u64,
    written_long: u64,
    reasoning: u64,
    audio: u64,
}

impl UsageIn {
    /// The canonical counts. xAI and Gemini count reasoning in `total_tokens` only, and bill it: an answer is what the
    /// whole has beyond the prompt.
    pub(super) fn done(self) -> Usage {
        let mut usage = self.usage;
        let beyond = self.total.saturating_sub(usage.input).saturating_sub(usage.output);
        if self.answers && beyond > 0 {
            usage.output = usage.output.saturating_add(beyond);
            usage.reasoning = usage.reasoning.max(beyond);
        }
        usage
    }
}

impl<'de> Members<'de> for UsageIn {
    fn member<A: MapAccess<'de>>(&mut self, key: &str, value: Value<'_, A>) -> Result<(), A::Error> {
        let usage = &mut self.usage;
        match key {
            "prompt_tokens" | "input_tokens" => count(&mut usage.input, value),
            "completion_tokens" | "output_tokens" => {
                self.answers = true;
                count(&mut usage.output, value)
            }
            "total_tokens" => count(&mut self.total, value),
            // SGLang has it here.
            "reasoning_tokens" => count(&mut usage.reasoning, value),
            // DeepSeek, Moonshot. (Mistral's `num_cached_tokens` is what its engine reused, not what it bills as cached: that
            // is in the details.)
            "prompt_cache_hit_tokens" | "cached_tokens" => count(&mut usage.cached, value),
            "prompt_tokens_details" | "input_tokens_details" => {
                let mut details = Details::default();
                value.fill(&mut details)?;
                usage.cached = usage.cached.max(details.cached);
                usage.cache_write = usage.cache_write.max(details.written);
                usage.cache_write_long = usage.cache_write_long.max(details.written_long);
                usage.audio_input = usage.audio_input.max(details.audio);
                Ok(())
            }
            "completion_tokens_details" | "output_tokens_details" => {
                let mut details = Details::default();
                value.fill(&mut details)?;
                usage.reasoning = usage.reasoning.max(details.reasoning);
                usage.audio_output = usage.audio_output.max(details.audio);
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
            // OpenRouter and OpenAI, vLLM, LiteLLM.
            "cache_write_tokens" | "created_cache_tokens" | "cache_creation_tokens" => count(&mut self.written, value),
            // LiteLLM's place for Anthropic's two lives of the cache.
            "cache_creation_token_details" => {
                let mut lives = Lives::default();
                value.fill(&mut lives)?;
                self.written = self.written.max(lives.short.saturating_add(lives.long));
                self.written_long = lives.long;
                Ok(())
            }
            "reasoning_tokens" | "thinking_tokens" => count(&mut self.reasoning, value),
            "audio_tokens" => count(&mut self.audio, value),
            _ => value.skip(),
        }
    }
}

#[derive(Default)]
struct Lives {
    short: u64,
    long: u64,
}

impl<'de> Members<'de> for Lives {
    fn member<A: MapAccess<'de>>(&mut self, key: &str, value: Value<'_, A>) -> Result<(), A::Error> {
        match key {
            "ephemeral_5m_input_tokens" => count(&mut self.short, value),
            "ephemeral_1h_input_tokens" => count(&mut self.long, value),
            _ => value.skip(),
        }
    }
}

/// The larger of what stands there and what comes: the same count may come under two names.
fn count<'de, A: MapAccess<'de>>(slot: &mut u64, value: Value<'_, A>) -> Result<(), A::Error> {
    *slot = (*slot).max(value.get::<Loose<'de>>()?.count().unwrap_or(0));
    Ok(())
}

/// Writes `usage`. Counts that the dialect has no name for go by the name that LiteLLM gives them, and are left out where
/// they are zero.
pub(super) fn write_usage(o: &mut Object<'_>, usage: &Usage) {
    o.object("usage", |o| {
        o.int("prompt_tokens", usage.input);
        o.int("completion_tokens", usage.output);
        o.int("total_tokens", usage.input.saturating_add(usage.output));
        o.object("prompt_tokens_details", |o| {
            o.int("cached_tokens", usage.cached);
            some(o, "audio_tokens", usage.audio_input);
            some(o, "cache_write_tokens", usage.cache_write);
            if usage.cache_write_long > 0 {
                o.object("cache_creation_token_details", |o| {
                    o.int("ephemeral_5m_input_tokens", usage.cache_write.saturating_sub(usage.cache_write_long));
                    o.int("ephemeral_1h_input_tokens", usage.cache_write_long);
                });
            }
        });
        o.object("completion_tokens_details", |o| {
            o.int("reasoning_tokens", usage.reasoning);
            some(o, "audio_tokens", usage.audio_output);
        });
    });
}

fn some(o: &mut Object<'_>, key: &str, count: u64) {
    if count > 0 {
        o.int(key, count);
    }
}
