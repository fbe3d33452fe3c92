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
    lives: Lives,
    reasoning: Reasoning,
    aside: Option<Aside>,
}

impl<'de> Members<'de> for UsageIn {
    fn member<A: MapAccess<'de>>(&mut self, key: &str, value: Value<'_, A>) -> Result<(), A::Error> {
        let slot = match key {
            "input_tokens" => &mut self.input,
            "output_tokens" => &mut self.output,
            "cache_read_input_tokens" => &mut self.cached,
            "cache_creation_input_tokens" => &mut self.written,
            "cache_creation" => return value.fill(&mut self.lives),
            "output_tokens_details" => return value.fill(&mut self.reasoning),
            "iterations" => {
                let iterations: Option<Vec<Iteration<'de>>> = value.get()?;
                self.aside = iterations.map(|all| Aside::of(&all));
                return Ok(());
            }
            _ => return value.skip(),
        };
        *slot = value.get::<Loose<'de>>()?.count();
        Ok(())
    }
}
readable!(UsageIn);

/// What was written to the cache, by how long it lives.
#[derive(Debug, Clone, Copy, Default)]
struct Lives {
    short: Option<u64>,
    long: Option<u64>,
}

impl<'de> Members<'de> for Lives {
    fn member<A: MapAccess<'de>>(&mut self, key: &str, value: Value<'_, A>) -> Result<(), A::Error> {
        let slot = match key {
            "ephemeral_5m_input_tokens" => &mut self.short,
            "ephemeral_1h_input_tokens" => &mut self.long,
            _ => return value.skip(),
        };
        *slot = value.get::<Loose<'de>>()?.count();
        Ok(())
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct Reasoning(Option<u64>);

impl<'de> Members<'de> for Reasoning {
    fn member<A: MapAccess<'de>>(&mut self, key: &str, value: Value<'_, A>) -> Result<(), A::Error> {
        match key {
            "thinking_tokens" => self.0 = value.get::<Loose<'de>>()?.count(),
            _ => value.skip()?,
        }
        Ok(())
    }
}

/// What the request was compacted with: a call of the same model that the counts beside it leave out, though it is billed
/// (Anthropic's documentation of compaction). Iterations of other models (advisors) are billed at other prices, and are not
/// counted here.
#[derive(Debug, Clone, Copy, Default)]
struct Aside {
    input: u64,
    output: u64,
    cached: u64,
    written: u64,
    long: u64,
}

#[derive(Default)]
struct Iteration<'de> {
    kind: Loose<'de>,
    input: Loose<'de>,
    output: Loose<'de>,
    cached: Loose<'de>,
    written: Loose<'de>,
    lives: Lives,
}

impl<'de> Members<'de> for Iteration<'de> {
    fn member<A: MapAccess<'de>>(&mut self, key: &str, value: Value<'_, A>) -> Result<(), A::Error> {
        match key {
            "type" => self.kind = value.get()?,
            "input_tokens" => self.input = value.get()?,
            "output_tokens" => self.output = value.get()?,
            "cache_read_input_tokens" => self.cached = value.get()?,
            "cache_creation_input_tokens" => self.written = value.get()?,
            "cache_creation" => value.fill(&mut self.lives)?,
            _ => value.skip()?,
        }
        Ok(())
    }
}
readable!(Iteration<'de>);

impl Aside {
    fn of(iterations: &[Iteration<'_>]) -> Aside {
        let count = |n: &Loose<'_>| n.count().unwrap_or(0);
        let compaction = |i: &&Iteration<'_>| matches!(&i.kind, Loose::Text(kind) if kind == "compaction");
        iterations.iter().filter(compaction).fold(Aside::default(), |sum, i| Aside {
            input: sum.input.saturating_add(count(&i.input)),
            output: sum.output.saturating_add(count(&i.output)),
            cached: sum.cached.saturating_add(count(&i.cached)),
            written: sum.written.saturating_add(count(&i.written)),
            long: sum.long.saturating_add(i.lives.long.unwrap_or(0)),
        })
    }
}

impl UsageIn {
    /// Takes the later counts where there are any.
    pub(super) fn update(&mut self, later: UsageIn) {
        self.input = later.input.or(self.input);
        self.output = later.output.or(self.output);
        self.cached = later.cached.or(self.cached);
        self.written = later.written.or(self.written);
        self.lives.short = later.lives.short.or(self.lives.short);
        self.lives.long = later.lives.long.or(self.lives.long);
        self.reasoning.0 = later.reasoning.0.or(self.reasoning.0);
        self.aside = later.aside.or(self.aside);
    }

    /// The canonical counts; `None` where all are zero or absent: not known is not zero.
    pub(super) fn done(self) -> Option<Usage> {
        let or_zero = |n: Option<u64>| n.unwrap_or(0);
        let aside = self.aside.unwrap_or_default();
        let lives = or_zero(self.lives.short).saturating_add(or_zero(self.lives.long));
        let cached = or_zero(self.cached).saturating_add(aside.cached);
        let cache_write = or_zero(self.written).max(lives).saturating_add(aside.written);
        let fresh = or_zero(self.input).saturating_add(aside.input);
        let usage = Usage {
            input: fresh.saturating_add(cached).saturating_add(cache_write),
            output: or_zero(self.output).saturating_add(aside.output),
            cached,
            cache_write,
            cache_write_long: or_zero(self.lives.long).saturating_add(aside.long),
            reasoning: or_zero(self.reasoning.0),
            ..Usage::default()
        };
        Some(usage).filter(|u| *u != Usage::default())
    }
}

/// Writes `usage`; not known is written as zeros, since the dialect demands numbers. Audio has no name in it.
pub(super) fn write_usage(o: &mut Object<'_>, usage: &Usage) {
    let fresh = usage.input.saturating_sub(usage.cached).saturating_sub(usage.cache_write);
    o.object("usage", |o| {
        o.int("input_tokens", fresh);
        o.int("cache_creation_input_tokens", usage.cache_write);
        o.int("cache_read_input_tokens", usage.cached);
        if usage.cache_write > 0 {
            o.object("cache_creation", |o| {
                o.int("ephemeral_5m_input_tokens", usage.cache_write.saturating_sub(usage.cache_write_long));
                o.int("ephemeral_1h_input_tokens", usage.cache_write_long);
            });
        }
        o.int("output_tokens", usage.output);
        if usage.reasoning > 0 {
            o.object("output_tokens_details", |o| o.int("thinking_tokens", usage.reasoning));
        }
    });
}
