//! Tokens with their log-probabilities beside a text that is being restored: the tokens that spell a placeholder become one
//! token, the value, whose log-probability is that of all of them in a row.
//!
//! Never here: where placeholders are.

use std::collections::VecDeque;
use wire::TokenLogprob;

/// One step through a text.
pub(crate) enum Piece {
    /// So many bytes stay.
    Same(usize),
    /// So many bytes are replaced by so many that stand at the end of what is written.
    New(usize, usize),
}

/// Tokens that wait for their text to be decided.
#[derive(Default)]
pub(crate) struct Tokens {
    /// With the bytes of each that are not decided.
    waiting: VecDeque<(TokenLogprob, usize)>,
    /// Tokens that are becoming one.
    merging: Option<Merge>,
    /// Tokens do not spell the text (a character was cut between two of them): none are given any more.
    off: bool,
}

struct Merge {
    /// The first of them, as it was.
    first: TokenLogprob,
    /// How many there are.
    tokens: usize,
    text: String,
    logprob: f64,
    /// A placeholder was in it.
    replaced: bool,
}

impl Merge {
    fn done(self) -> TokenLogprob {
        if self.tokens == 1 && !self.replaced {
            return self.first;
        }
        let bytes = self.first.bytes.is_some().then(|| self.text.clone().into_bytes());
        TokenLogprob { token: self.text, logprob: self.logprob, bytes, top: Vec::new() }
    }
}

impl Tokens {
    /// The tokens of the next piece of text.
    pub(crate) fn push(&mut self, piece: &str, logprobs: Vec<TokenLogprob>) {
        let spelt = logprobs.iter().map(|t| t.token.len()).sum::<usize>() == piece.len()
            && logprobs.iter().map(|t| t.token.as_str()).collect::<String>() == piece;
        let none = logprobs.is_empty() && self.waiting.is_empty() && self.merging.is_none();
        self.off |= !(spelt || none);
        if self.off {
            self.waiting.clear();
            self.merging = None;
            return;
        }
        if spelt {
            self.waiting.extend(logprobs.into_iter().map(|t| {
                let length = t.token.len();
                (t, length)
            }));
        }
    }

    /// The text has gone on by this; `written` ends with it.
    pub(crate) fn step(&mut self, piece: &Piece, written: &str, out: &mut Vec<TokenLogprob>) {
        let (mut left, mut text, new) = match piece {
            Piece::Same(length) => (*length, written.get(written.len() - length..).unwrap_or_default(), None),
            Piece::New(length, new) => (*length, "", written.get(written.len() - new..)),
        };
        let mut unsaid = new;
        while let Some((_, rest)) =
            self.waiting.front().filter(|(t, rest)| left > 0 || (*rest == 0 && t.token.is_empty()))
        {
            let takes = left.min(*rest);
            let whole = takes == *rest;
            let Some((token, rest)) = self.waiting.front_mut() else { break };
            let fresh = *rest == token.token.len();
            *rest -= takes;
            left -= takes;
            if self.merging.is_none() && fresh && whole && new.is_none() {
                text = &text[takes..];
                out.extend(self.waiting.pop_front().map(|(t, _)| t));
                continue;
            }
            let merge = self.merging.get_or_insert_with(|| Merge {
                first: token.clone(),
                tokens: 0,
                text: String::new(),
                logprob: 0.0,
                replaced: false,
            });
            if fresh {
                merge.tokens += 1;
                merge.logprob += token.logprob;
            }
            match new {
                None => {
                    merge.text.push_str(&text[..takes]);
                    text = &text[takes..];
                }
                Some(_) => {
                    merge.replaced = true;
                    merge.text.push_str(unsaid.take().unwrap_or_default());
                }
            }
            if whole {
                self.waiting.pop_front();
                // The placeholder or the token goes on; else this is the end of what becomes one.
                if left == 0 || new.is_none() {
                    out.extend(self.merging.take().map(Merge::done));
                }
            }
        }
    }
}
