//! Signs taken from the log-probabilities that an upstream gave, and these taken out of what a caller gets who did not ask.
//!
//! Never here: asking for them, or what follows from them (room `sense`).

use crate::openai::logprobs::null_logprobs;
use crate::{Answer, Chunk, Event, Flavour, Raw, SIGN_LEAST, Sign, TokenLogprob};

impl Sign {
    /// Of one token's log-probabilities; `None` where it has none (the first token of a prompt that was echoed).
    pub fn of(token: &TokenLogprob) -> Option<Sign> {
        if token.logprob.is_nan() {
            return None;
        }
        let bytes = token.bytes.as_ref().map_or(token.token.len(), Vec::len);
        Some(Sign {
            logprob: (token.logprob as f32).clamp(SIGN_LEAST, 0.0),
            entropy: entropy(token),
            bytes: u16::try_from(bytes).unwrap_or(u16::MAX),
        })
    }
}

/// Entropy of the alternatives with the rest as one: a lower bound, since splitting the rest only adds to it.
fn entropy(token: &TokenLogprob) -> Option<f32> {
    let mut sum = 0.0;
    let mut mass = 0.0;
    let mut add = |l: f64| {
        if l.is_finite() && l > f64::from(SIGN_LEAST) {
            let p = l.min(0.0).exp();
            mass += p;
            sum -= p * l.min(0.0);
        }
    };
    token.top.iter().for_each(|(_, l, _)| add(*l));
    if token.top.is_empty() {
        return None;
    }
    // A token that was drawn from outside the likeliest is known as well.
    if !token.top.iter().any(|(text, _, _)| *text == token.token) {
        add(token.logprob);
    }
    let rest = (1.0 - mass).max(0.0);
    let rest = if rest > 1e-9 { -rest * rest.ln() } else { 0.0 };
    Some((sum + rest) as f32)
}

fn signs(tokens: &[TokenLogprob]) -> Vec<Sign> {
    tokens.iter().filter_map(Sign::of).collect()
}

impl Answer {
    /// Makes signs of the log-probabilities that an upstream gave. Where the caller did not ask for them (`keep` is false)
    /// they are taken out, of the upstream's own bytes too.
    pub fn take_signs(&mut self, keep: bool) {
        for choice in &mut self.choices {
            choice.signs = signs(&choice.logprobs);
            if choice.reasoning.is_some() {
                // Some engines count the tokens of reasoning in, which come first.
                let calls: usize = choice.tool_calls.iter().map(|c| c.arguments.len()).sum();
                let said = choice.text.as_ref().map_or(0, String::len) + calls;
                let mut left: usize = choice.signs.iter().map(|s| usize::from(s.bytes)).sum();
                let before = choice.signs.iter().take_while(|s| {
                    let over = left > said;
                    left -= usize::from(s.bytes);
                    over
                });
                let before = before.count();
                choice.signs.drain(..before);
            }
            if !keep && !choice.logprobs.is_empty() {
                choice.logprobs = Vec::new();
                // A text that stood there only to hang log-probabilities on.
                if choice.text.as_deref() == Some("") && !choice.tool_calls.is_empty() {
                    choice.text = None;
                }
            }
        }
        if !keep {
            self.raw = self.raw.take().and_then(without);
        }
    }
}

impl Chunk {
    /// As [`Answer::take_signs`], for one frame of a stream: [`Event::Signs`] comes before the text that it is about.
    pub fn take_signs(&mut self, keep: bool) {
        if !self.events.iter().any(|e| matches!(e, Event::Text { logprobs, .. } if !logprobs.is_empty())) {
            return;
        }
        let reasons = self.events.iter().any(|e| matches!(e, Event::Reasoning { .. }));
        let mut out = Vec::with_capacity(self.events.len() + 1);
        for event in std::mem::take(&mut self.events) {
            let Event::Text { choice, text, mut logprobs } = event else {
                out.push(event);
                continue;
            };
            let hung = !logprobs.is_empty() && text.is_empty();
            // Of a frame of reasoning they are the reasoning's.
            let apart = reasons && text.is_empty();
            if !logprobs.is_empty() && !apart {
                out.push(Event::Signs { choice, signs: signs(&logprobs) });
            }
            if !keep {
                logprobs = Vec::new();
            }
            if keep || !hung {
                out.push(Event::Text { choice, text, logprobs });
            }
        }
        self.events = out;
        if !keep {
            self.raw = self.raw.take().and_then(without);
        }
    }
}

/// The upstream's own bytes without log-probabilities; none where they cannot be taken out of this flavour, and then the
/// answer is written anew from what it says.
fn without(raw: Raw) -> Option<Raw> {
    match raw.flavour {
        Flavour::OpenaiChat | Flavour::OpenaiCompletions => null_logprobs(&raw.bytes).map(|bytes| Raw { bytes, ..raw }),
        // Without log-probabilities in its dialect.
        Flavour::AnthropicMessages | Flavour::OpenaiEmbeddings => Some(raw),
        Flavour::OllamaChat => None,
    }
}
