//! The vault of one request, and plain answers restored.
//!
//! Never here: streams, or how a placeholder is recognised.

use crate::book::Book;
use crate::channel::{Channel, Counts, Writing};
use crate::frame;
use std::fmt;
use wire::{Answer, Ask, Choice, Endpoint, Finish, Flavour, Format};

/// The placeholders of one request and what they stand for. Lives as long as the request; `Debug` shows no value, and the
/// values are wiped from memory when it goes.
pub struct Vault {
    pub(crate) book: Book,
    /// How values are written into visible text.
    pub(crate) content: Writing,
    /// The flavour in which the caller is answered, if backends' own bytes can be restored for them: not where
    /// log-probabilities were asked for, whose tokens only the canonical form can join.
    pub(crate) flavour: Option<Flavour>,
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Vault({} values)", self.book.len())
    }
}

impl Vault {
    pub(crate) fn new(book: Book, ask: &Ask) -> Vault {
        let json = matches!(ask.format, Some(Format::JsonObject | Format::JsonSchema { .. }));
        let flavour = match ask.endpoint {
            Endpoint::Chat => Some(Flavour::OpenaiChat),
            Endpoint::Completions => Some(Flavour::OpenaiCompletions),
            Endpoint::Messages => Some(Flavour::AnthropicMessages),
            Endpoint::Embeddings | Endpoint::Rerank => None,
        };
        Vault {
            book,
            content: if json { Writing::Undecided } else { Writing::Plain },
            flavour: flavour.filter(|_| ask.logprobs.is_none()),
        }
    }

    /// Whether nothing needs to be put back.
    pub fn is_empty(&self) -> bool {
        self.book.is_empty()
    }

    /// Puts originals back into a whole answer. Its raw bytes are restored in place where they are of the caller's flavour,
    /// and dropped where not, since then nobody forwards them.
    pub fn restore(&self, answer: Answer) -> Answer {
        self.restore_counted(answer).0
    }

    /// As [`Vault::restore`], and how many placeholders this request never had (made up by a model) were left as they are.
    pub fn restore_counted(&self, answer: Answer) -> (Answer, u32) {
        if self.is_empty() {
            return (answer, 0);
        }
        let mut counts = Counts::default();
        let raw = answer.raw.filter(|raw| Some(raw.flavour) == self.flavour);
        let raw = raw.map(|raw| frame::whole(&self.book, self.content, raw));
        let choices = answer.choices.into_iter().map(|c| self.choice(c, &mut counts)).collect();
        (Answer { choices, raw, ..answer }, counts.unknown)
    }

    fn choice(&self, choice: Choice, counts: &mut Counts) -> Choice {
        let Choice { text, reasoning, refusal, mut tool_calls, logprobs, signs, finish } = choice;
        let mut plain = |text: String| self.text(text, Writing::Plain, counts);
        let reasoning = reasoning.map(|(text, signature)| (plain(text), signature));
        let refusal = refusal.map(&mut plain);
        let finish = match finish {
            Some(Finish::StopSequence(Some(text))) => Some(Finish::StopSequence(Some(plain(text)))),
            other => other,
        };
        for call in &mut tool_calls {
            call.arguments = self.text(std::mem::take(&mut call.arguments), Writing::Json, counts);
        }
        let (text, logprobs) = match text {
            None => (None, logprobs),
            Some(text) => {
                let mut channel = Channel::new(self.content);
                let (text, logprobs) = channel.push_tokens(&self.book, &text, logprobs, true, counts);
                (Some(text), logprobs)
            }
        };
        Choice { text, reasoning, refusal, tool_calls, logprobs, signs, finish }
    }

    fn text(&self, text: String, writing: Writing, counts: &mut Counts) -> String {
        self.book.restored(&text, writing, counts).unwrap_or(text)
    }
}
