//! Stop reasons and token counts between Anthropic's words and the canonical ones.
//!
//! Anthropic's `input_tokens` counts neither what was read from the cache nor what was written to it; the canonical
//! count includes both.

use crate::json::loose::Loose;
use crate::json::read::{Members, Value, readable};
use crate::json::write::Object;
use crate::{Finish, Usage};
use serde::de::MapAccess;

/// Reads `stop_reason` and `stop_sequence`.
pub(super) fn read(reason: &str, sequence: Option<String>) -> Finish {
    match reason {
        "end_turn" => Finish::Stop,
        "stop_sequence" => Finish::StopSequence(sequence),
        "max_tokens" | "model_context_window_exceeded" => Finish::Length,
        "tool_use" => Finish::ToolCalls,
        "refusal" => Finish::ContentFilter,
        other => Finish::Other(other.to_owned()),
    }
}

/// Writes `stop_reason` and `stop_sequence`. `called`: the answer has tool calls; some backends end those with a plain
/// stop, but clients of this dialect run tools only on `tool_use`.
pub(super) fn write(o: &mut Object<'_>, finish: Option<&Finish>, called: bool) {
    let (reason, sequence) = match finish {
        None => (None, None),
        Some(Finish::Stop) if called => (Some("tool_use"), None),
        Some(Finish::Stop) => (Some("end_turn"), None),
        Some(Finish::StopSequence(sequence)) => (Some("stop_sequence"), sequence.as_deref()),
        Some(Finish::Length) => (Some("max_tokens"), None),
        Some(Finish::ToolCalls) => (Some("tool_use"), None),
        Some(Finish::ContentFilter) => (Some("refusal"), None),
        Some(Finish::Other(other)) => (Some(other.as_str()), None),
    };
    o.str_or_null("stop_reason", reason);
    o.str_or_null("stop_sequence", sequence);
}

/// `usage` as it comes: at the start of a stream, at its end, or with a whole answer. Absent members leave what an
/// earlier one said.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct UsageIn {
    input: Option<u64>,
    output: Option<u64>,
    cached: Option<u64>,
    written: Option<u64>,
}

impl<'de> Members<'de> for UsageIn {
    fn member<A: MapAccess<'de>>(&mut self, key: &str, value: Value<'_, A>) -> Result<(), A::Error> {
        let slot = match key {
            "input_tokens" => &mut self.input,
            "output_tokens" => &mut self.output,
            "cache_read_input_tokens" => &mut self.cached,
            "cache_creation_input_tokens" => &mut self.written,
            _ => return value.skip(),
        };
        *slot = value.get::<Loose<'de>>()?.count();
        Ok(())
    }
}
readable!(UsageIn);

impl UsageIn {
    /// Takes the later counts where there are any.
    pub(super) fn update(&mut self, later: UsageIn) {
        self.input = later.input.or(self.input);
        self.output = later.output.or(self.output);
        self.cached = later.cached.or(self.cached);
        self.written = later.written.or(self.written);
    }

    /// The canonical counts; `None` where all are zero or absent: not known is not zero.
    pub(super) fn done(self) -> Option<Usage> {
        let or_zero = |n: Option<u64>| n.unwrap_or(0);
        let (cached, cache_write) = (or_zero(self.cached), or_zero(self.written));
        let input = or_zero(self.input).saturating_add(cached).saturating_add(cache_write);
        let usage = Usage { input, output: or_zero(self.output), cached, cache_write, reasoning: 0 };
        Some(usage).filter(|u| *u != Usage::default())
    }
}

/// Writes `usage`; not known is written as zeros, since the dialect demands numbers.
pub(super) fn write_usage(o: &mut Object<'_>, usage: &Usage) {
    let fresh = usage.input.saturating_sub(usage.cached).saturating_sub(usage.cache_write);
    o.object("usage", |o| {
        o.int("input_tokens", fresh);
        o.int("cache_creation_input_tokens", usage.cache_write);
        o.int("cache_read_input_tokens", usage.cached);
        o.int("output_tokens", usage.output);
    });
}
