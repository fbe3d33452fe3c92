//! What one choice says, as canonical events: its text, its reasoning, its calls.
//!
//! Never here: waiting, usage of other choices.

use crate::protocol::{Logprob, Sign as Said};
use crate::speech::{Heard, Known, Parser, Speech};
use std::sync::Arc;
use wire::{Event, Finish, Sign, TokenLogprob};

/// Bytes of randomness in the id of a call, as hexadecimal digits.
const ID_DIGITS: usize = 24;

/// What the voices of a request need to know of it.
#[derive(Debug, Clone)]
pub(super) struct Script {
    /// The request's own number, from which call ids follow.
    pub(super) ask: u128,
    /// The tools that may be called.
    pub(super) tools: Arc<[Known]>,
    pub(super) parallel: bool,
    /// A text that is taken as it comes: the completions endpoint.
    pub(super) raw: bool,
}

/// One choice.
pub(super) struct Voice {
    choice: u32,
    script: Script,
    parser: Option<Parser>,
    /// Of tokens whose text is held back.
    logprobs: Vec<TokenLogprob>,
    /// The same for the gateway itself, which looks at calls, too.
    signs: Vec<Sign>,
    calls: u32,
    spoke: bool,
    /// Frames that came while it reasoned; a frame is a token, unless characters or stop sequences joined some.
    reasoned: u64,
}

impl Voice {
    pub(super) fn new(choice: u32, script: Script) -> Voice {
        Voice {
            choice,
            script,
            parser: None,
            logprobs: Vec::new(),
            signs: Vec::new(),
            calls: 0,
            spoke: false,
            reasoned: 0,
        }
    }

    /// How the answer is to be read, once the worker has said it.
    pub(super) fn accepted(&mut self, speech: Speech) {
        if !self.script.raw {
            self.parser = Some(Parser::new(speech, self.script.tools.to_vec(), self.script.parallel));
        }
    }

    /// The next piece of the answer.
    pub(super) fn say(&mut self, text: String, logprobs: Vec<Logprob>, signs: &[Said], events: &mut Vec<Event>) {
        self.logprobs.extend(logprobs.into_iter().map(logprob));
        self.signs.extend(signs.iter().map(sign));
        let Some(parser) = &mut self.parser else {
            return self.text(text, events);
        };
        let before = parser.thinking();
        let heard = parser.push(&text);
        self.reasoned += u64::from(before || parser.thinking());
        heard.into_iter().for_each(|h| self.hear(h, events));
    }

    /// The end: what was held back, and why it ended. Tokens of reasoning are returned.
    pub(super) fn end(&mut self, finish: Finish, events: &mut Vec<Event>) -> u64 {
        let heard = self.parser.as_mut().map(Parser::finish).unwrap_or_default();
        heard.into_iter().for_each(|h| self.hear(h, events));
        // An answer of nothing is an empty text, not an absent one; log-probabilities need a text to stand at.
        if !self.spoke || (self.calls == 0 && !self.logprobs.is_empty()) {
            self.text(String::new(), events);
        }
        self.signed(events);
        let called = self.calls > 0 && matches!(finish, Finish::Stop);
        events.push(Event::Finish { choice: self.choice, finish: if called { Finish::ToolCalls } else { finish } });
        self.reasoned
    }

    fn hear(&mut self, heard: Heard, events: &mut Vec<Event>) {
        let (choice, call) = (self.choice, self.calls.saturating_sub(1));
        match heard {
            Heard::Text(text) => return self.text(text, events),
            Heard::CallEnd => {}
            Heard::Mark => self.signs.clear(),
            Heard::Reasoning(text) => {
                self.signs.clear();
                events.push(Event::Reasoning { choice, text, signature: None });
            }
            Heard::CallStart(name) => {
                let id = call_id(self.script.ask, choice, self.calls);
                events.push(Event::CallStart { choice, call: self.calls, id, name });
                self.calls += 1;
                self.spoke = true;
            }
            Heard::CallArguments(text) => {
                self.signed(events);
                events.push(Event::CallArguments { choice, call, text });
            }
        }
        // Log-probabilities belong to the visible text.
        self.logprobs.clear();
    }

    fn text(&mut self, text: String, events: &mut Vec<Event>) {
        self.spoke = true;
        self.signed(events);
        let logprobs = std::mem::take(&mut self.logprobs);
        events.push(Event::Text { choice: self.choice, text, logprobs });
    }

    fn signed(&mut self, events: &mut Vec<Event>) {
        if !self.signs.is_empty() {
            events.push(Event::Signs { choice: self.choice, signs: std::mem::take(&mut self.signs) });
        }
    }
}

/// An id in OpenAI's form that no other call of this or another request has: a digest (FNV-1a, 128 bits) of the request's
/// random number, the choice and the call.
fn call_id(ask: u128, choice: u32, call: u32) -> String {
    let bytes = ask.to_le_bytes().into_iter().chain(choice.to_le_bytes()).chain(call.to_le_bytes());
    let (offset, prime) = (0x6c62_272e_07bb_0142_62b8_2175_6295_c58d_u128, 0x0100_0000_0000_0000_0000_013b_u128);
    let digest = bytes.fold(offset, |hash, byte| (hash ^ u128::from(byte)).wrapping_mul(prime));
    let digits = format!("{digest:032x}");
    format!("call_{}", &digits[digits.len() - ID_DIGITS..])
}

fn logprob(l: Logprob) -> TokenLogprob {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    TokenLogprob {
        token: text(&l.bytes),
        logprob: f64::from(l.logprob),
        top: l.top.into_iter().map(|(bytes, p)| (text(&bytes), f64::from(p), Some(bytes))).collect(),
        bytes: Some(l.bytes),
    }
}

fn sign(said: &Said) -> Sign {
    let nats = |thousandths: u16| f32::from(thousandths) / 1000.0;
    Sign { logprob: -nats(said.0), entropy: Some(nats(said.1)), bytes: said.2 }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::panic)]
    use super::*;

    fn voice(speech: Speech) -> Voice {
        let tools: Arc<[Known]> = vec![Known { name: "f".into(), parameters: None }].into();
        let mut voice = Voice::new(0, Script { ask: 7, tools, parallel: true, raw: false });
        voice.accepted(speech);
        voice
    }

    fn token(text: &str) -> Vec<Logprob> {
        vec![Logprob { bytes: text.into(), logprob: -1.0, top: Vec::new() }]
    }

    #[test]
    fn calls_have_ids_of_their_own_and_end_with_tool_calls() {
        let mut voice = voice(Speech::default());
        let mut events = Vec::new();
        for piece in ["Hi.", "\n<tool_call>{\"name\"", ":\"f\"}</tool_call><tool_call>{\"name\":\"f\"}</tool_call>"] {
            voice.say(piece.into(), token(piece), &[Said(250, 1500, piece.len() as u16)], &mut events);
        }
        assert_eq!(voice.end(Finish::Stop, &mut events), 0);
        let ids: Vec<(&str, u32)> = events
            .iter()
            .filter_map(|e| match e {
                Event::CallStart { id, call, .. } => Some((id.as_str(), *call)),
                _ => None,
            })
            .collect();
        let [(a, 0), (b, 1)] = ids.as_slice() else { panic!("{events:?}") };
        assert!(a != b && a.starts_with("call_") && a.len() == 5 + ID_DIGITS, "{ids:?}");
        assert_ne!(*a, call_id(8, 0, 0));
        let Event::Signs { signs, .. } = &events[0] else { panic!("{events:?}") };
        assert_eq!(signs[..], [Sign { logprob: -0.25, entropy: Some(1.5), bytes: 3 }]);
        let before = events.iter().position(|e| matches!(e, Event::CallArguments { .. })).unwrap_or(0);
        assert!(events[1..before].iter().any(|e| matches!(e, Event::Signs { .. })), "of a call, too: {events:?}");
        let Event::Text { text, logprobs, .. } = &events[1] else { panic!("{events:?}") };
        assert_eq!((text.as_str(), logprobs[0].token.as_str(), logprobs.len()), ("Hi.", "Hi.", 1));
        assert!(matches!(events.last(), Some(Event::Finish { finish: Finish::ToolCalls, .. })));
        assert_eq!(events.iter().filter(|e| matches!(e, Event::Text { .. })).count(), 1, "{events:?}");
    }

    #[test]
    fn reasoning_is_counted_and_its_logprobs_are_not_the_texts() {
        let mut voice = voice(Speech { opened: true, ..Speech::default() });
        let mut events = Vec::new();
        for piece in ["Hm", " so", "</think>", "Yes"] {
            voice.say(piece.into(), token(piece), &[Said(250, 1500, piece.len() as u16)], &mut events);
        }
        assert_eq!(voice.end(Finish::Length, &mut events), 3);
        let signs = events.iter().filter_map(|e| match e {
            Event::Signs { signs, .. } => Some(signs.iter().map(|s| s.bytes).collect::<Vec<_>>()),
            _ => None,
        });
        assert_eq!(signs.collect::<Vec<_>>(), [[3]]);
        let Some(Event::Text { logprobs, .. }) = events.iter().find(|e| matches!(e, Event::Text { .. })) else {
            panic!("{events:?}")
        };
        assert_eq!(logprobs.iter().map(|l| l.token.as_str()).collect::<Vec<_>>(), ["Yes"]);
        assert!(matches!(events.last(), Some(Event::Finish { finish: Finish::Length, .. })));
    }
}
