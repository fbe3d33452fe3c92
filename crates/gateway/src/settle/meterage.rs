//! What passed through, for the bill: what the place counted where that can be, else an estimate of our own.
//!
//! Never here: prices.

use super::count::{Counted, Seen};
use decide::{Candidate, Cause, Fault, Usage};
use std::sync::Arc;
use std::time::Instant;
use wire::{Answer, Ask, Event};

/// Bytes of English text per token, for estimates where a backend gives no usage.
const BYTES_PER_TOKEN: u64 = 4;
/// No tokenizer in use makes a token of more text than this (runs of spaces are the longest): a smaller count contradicts
/// what was seen.
const BYTES_PER_TOKEN_MAX: u64 = 128;
/// More tokens than this are in no window of today: such a count is absurd.
const TOKENS_MAX: u64 = 16 << 20;
/// A count of this many windows is absurd where the window is known. (More than one: what is known may be old.)
const WINDOWS_MAX: u64 = 4;

/// What passed through.
#[derive(Debug, Default)]
pub(crate) struct Meterage {
    usage: Option<wire::Usage>,
    bytes: u64,
    /// Of `bytes`, those of reasoning.
    thought: u64,
    /// The texts themselves, where the model's tokenizer is known.
    seen: Option<Box<Seen>>,
    /// What our own tokenizer counted, where the place did not.
    counted: Counted,
    pub(super) pieces: u32,
    /// The answer came to its end, so that what the place counted is its last word.
    whole: bool,
    /// The place did not take the request.
    free: bool,
    pub(crate) last: Option<Instant>,
}

/// What is known of a request and its model beside the answer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known {
    /// Prompt tokens by our own count.
    pub(super) input: u32,
    /// Window of the model, tokens.
    pub(super) context: Option<u32>,
}

impl Meterage {
    /// Of an attempt that failed before any content. Nothing was used where the place did not take the request; where
    /// it took it and went silent or spoke nonsense, the prompt may have been billed, and is estimated.
    pub(crate) fn before_content(fault: &Fault) -> Meterage {
        let taken = matches!(fault.cause, Cause::Timeout | Cause::Truncated | Cause::UpstreamInvalid | Cause::Internal);
        Meterage { free: !taken, ..Meterage::default() }
    }

    /// Of an attempt of which nothing is known but what it was expected to say, in tokens.
    pub(super) fn expected(output: u32) -> Meterage {
        Meterage { bytes: u64::from(output) * BYTES_PER_TOKEN, ..Meterage::default() }
    }

    /// Of a stream that begins: its texts are kept where they can be counted.
    pub(crate) fn of_stream(candidate: &Candidate, redacted: bool) -> Meterage {
        Meterage { seen: Seen::of(candidate, redacted), ..Meterage::default() }
    }

    /// Of an answer without text.
    pub(crate) fn counted(usage: Option<wire::Usage>) -> Meterage {
        Meterage { usage, whole: true, ..Meterage::default() }
    }

    /// Of a whole answer. Its texts are kept where they are to be counted: where the place did not, or `sampled`.
    pub(crate) fn of_plain(answer: &Answer, candidate: &Candidate, redacted: bool, sampled: bool) -> Meterage {
        let mut out = Meterage::counted(answer.usage);
        if answer.usage.is_none() || sampled {
            out.seen = Seen::of(candidate, redacted);
        }
        for c in &answer.choices {
            let calls = c.tool_calls.iter().map(|t| t.arguments.len() + t.name.len()).sum::<usize>();
            let (text, reasoning) = (c.text.as_deref().unwrap_or(""), c.reasoning.as_ref().map_or("", |r| &r.0));
            out.bytes += (text.len() + reasoning.len() + calls) as u64;
            out.thought += reasoning.len() as u64;
            if let Some(seen) = &mut out.seen {
                seen.push(text, false);
                seen.push(reasoning, true);
                seen.other |= calls > 0 || c.refusal.is_some();
            }
        }
        out
    }

    /// Meters one event of a stream.
    pub(crate) fn event(&mut self, event: &Event) {
        match event {
            Event::Usage(usage) => self.usage = Some(*usage),
            Event::Text { text, .. }
            | Event::Reasoning { text, .. }
            | Event::Refusal { text, .. }
            | Event::CallArguments { text, .. } => {
                self.bytes += text.len() as u64;
                self.pieces += 1;
                let thought = matches!(event, Event::Reasoning { .. });
                if thought {
                    self.thought += text.len() as u64;
                }
                if let Some(seen) = &mut self.seen {
                    if matches!(event, Event::Text { .. }) || thought {
                        seen.push(text, thought)
                    } else {
                        seen.other = true
                    }
                }
            }
            Event::Done => self.whole = true,
            _ => {}
        }
    }

    /// Counts what was seen with the model's own tokenizer, where that is known and the place's count is missing or from before
    /// the end. Takes a moment, off this task; where it takes longer the estimate stands.
    pub(crate) async fn count(&mut self, ask: &Arc<Ask>) {
        if (self.usage.is_none() || !self.whole)
            && let Some(seen) = self.seen.take()
        {
            self.counted = seen.count(Arc::clone(ask)).await;
        }
    }

    /// What the place counted and what it was made of, for those that are compared: whole, and of texts that can be counted.
    pub(crate) fn comparable(&mut self) -> Option<(wire::Usage, Box<Seen>)> {
        self.usage.filter(|_| self.whole).zip(self.seen.take())
    }

    /// Tokens as the backend said where that can be, else as estimated from what was seen. A count that is missing, zero,
    /// absurd or against what was seen is replaced and flagged, so that no place can talk a bill down, or up beyond all
    /// measure.
    pub(super) fn usage(&self, known: Known) -> Usage {
        if self.free {
            return Usage::default();
        }
        let (seen_input, seen_output) = (self.counted.input.unwrap_or(known.input.into()), self.seen_output());
        let seen_reasoning = self.counted.reasoning.unwrap_or(self.thought.div_ceil(BYTES_PER_TOKEN));
        let Some(said) = self.usage else {
            let reasoning = seen_reasoning.min(seen_output);
            return Usage { input: seen_input, output: seen_output, reasoning, estimated: true, ..Usage::default() };
        };
        let most = known.context.map_or(TOKENS_MAX, |c| TOKENS_MAX.min(u64::from(c) * WINDOWS_MAX));
        let least_input = (seen_input * BYTES_PER_TOKEN).div_ceil(BYTES_PER_TOKEN_MAX).max(1);
        let input = (least_input..=most).contains(&said.input);
        let least_output = if self.whole { self.bytes.div_ceil(BYTES_PER_TOKEN_MAX) } else { seen_output };
        let output = (least_output..=most.max(least_output)).contains(&said.output);
        let prompt = if input { said.input } else { seen_input };
        let answer = if output { said.output } else { seen_output };
        Usage {
            input: prompt,
            output: answer,
            cached: if input { said.cached.min(prompt) } else { 0 },
            cache_write: if input { said.cache_write.min(prompt) } else { 0 },
            reasoning: if output { said.reasoning } else { seen_reasoning }.min(answer),
            cache_write_long: if input { said.cache_write_long.min(said.cache_write).min(prompt) } else { 0 },
            audio_input: if input { said.audio_input.min(prompt) } else { 0 },
            audio_output: if output { said.audio_output.min(answer) } else { 0 },
            estimated: !(input && output),
        }
    }

    /// Completion tokens by our own count.
    fn seen_output(&self) -> u64 {
        let guess = || self.bytes.div_ceil(BYTES_PER_TOKEN).max(u64::from(self.pieces.min(1)));
        self.counted.output.unwrap_or_else(guess)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: Known = Known { input: 100, context: Some(8_192) };

    fn said(input: u64, output: u64) -> Option<wire::Usage> {
        Some(wire::Usage { input, output, ..wire::Usage::default() })
    }

    fn text(bytes: usize) -> Event {
        Event::Text { choice: 0, text: "x".repeat(bytes), logprobs: vec![] }
    }

    /// A stream of 400 bytes and what the place says of it.
    fn stream(usage: Option<wire::Usage>, whole: bool) -> Usage {
        let mut meterage = Meterage::default();
        meterage.event(&text(400));
        if let Some(usage) = usage {
            meterage.event(&Event::Usage(usage));
        }
        if whole {
            meterage.event(&Event::Done);
        }
        meterage.usage(KNOWN)
    }

    #[test]
    fn fault_43_a_count_that_can_be_is_believed() {
        for (input, output) in [(100, 100), (40, 4), (4 * 8_192, 4 * 8_192), (4, 4)] {
            let usage = stream(said(input, output), true);
            assert_eq!((usage.input, usage.output, usage.estimated), (input, output, false));
        }
        let plain = Meterage::counted(said(50, 0)).usage(KNOWN);
        assert_eq!((plain.input, plain.output, plain.estimated), (50, 0, false), "no text, no tokens");
    }

    #[test]
    fn fault_43_a_count_that_cannot_be_is_replaced_and_flagged() {
        for (name, usage, input, output) in [
            ("missing", None, 100, 100),
            ("zero", said(0, 0), 100, 100),
            ("no prompt", said(0, 90), 100, 90),
            ("no answer", said(90, 0), 90, 100),
            ("absurd", said(1_000_000_000_000_000_000, u64::MAX), 100, 100),
            ("one past four windows", said(4 * 8_192 + 1, 50), 100, 50),
            ("fewer tokens than 128-byte pieces", said(90, 3), 90, 100),
            ("a prompt far smaller than it was", said(3, 90), 100, 90),
        ] {
            let usage = stream(usage, true);
            assert_eq!((usage.input, usage.output, usage.estimated), (input, output, true), "{name}");
        }
    }

    #[test]
    fn the_parts_are_never_more_than_the_whole() {
        let most = u64::MAX;
        let wild = wire::Usage {
            input: 100,
            output: 100,
            cached: most,
            cache_write: most,
            cache_write_long: most,
            reasoning: most,
            audio_input: most,
            audio_output: most,
        };
        let usage = stream(Some(wild), true);
        assert_eq!((usage.cached, usage.cache_write, usage.cache_write_long, usage.audio_input), (100, 100, 100, 100));
        assert_eq!((usage.reasoning, usage.audio_output), (100, 100));
    }

    #[test]
    fn a_count_from_before_the_end_is_not_the_last_word() {
        // Anthropic names the prompt and one token at the start.
        let usage = stream(said(90, 1), false);
        assert_eq!((usage.input, usage.output, usage.estimated), (90, 100, true));
        let usage = stream(said(90, 120), false);
        assert_eq!((usage.output, usage.estimated), (120, false));
    }

    #[test]
    fn what_a_cut_stream_said_of_its_cache_and_thought_aloud_is_kept() {
        let mut meterage = Meterage::default();
        let start = wire::Usage {
            input: 90,
            output: 1,
            cached: 60,
            cache_write: 20,
            cache_write_long: 5,
            ..wire::Usage::default()
        };
        meterage.event(&Event::Usage(start));
        meterage.event(&Event::Reasoning { choice: 0, text: "t".repeat(200), signature: None });
        meterage.event(&text(100));
        let usage = meterage.usage(KNOWN);
        assert_eq!((usage.input, usage.cached, usage.cache_write, usage.cache_write_long), (90, 60, 20, 5));
        assert_eq!((usage.output, usage.reasoning, usage.estimated), (75, 50, true));
    }

    #[test]
    fn our_own_count_stands_in_for_one_that_is_missing_and_stays_an_estimate() {
        let mut meterage = Meterage {
            counted: Counted { input: Some(77), output: Some(33), reasoning: Some(11) },
            ..Meterage::default()
        };
        meterage.event(&text(400));
        meterage.event(&Event::Done);
        let usage = meterage.usage(KNOWN);
        assert_eq!((usage.input, usage.output, usage.reasoning, usage.estimated), (77, 33, 11, true));
        meterage.usage = said(90, 0);
        assert_eq!((meterage.usage(KNOWN).input, meterage.usage(KNOWN).output), (90, 33), "what can be is believed");
    }

    #[test]
    fn what_was_not_taken_is_free() {
        let refused = Meterage::before_content(&Fault::new(Cause::UpstreamBusy, ""));
        assert_eq!(refused.usage(KNOWN), Usage::default());
        let silent = Meterage::before_content(&Fault::new(Cause::Timeout, ""));
        assert_eq!((silent.usage(KNOWN).input, silent.usage(KNOWN).estimated), (100, true));
    }
}
