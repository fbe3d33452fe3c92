//! What a request that was drawn by lot is to be compared by: the answers that its places gave, within bounds.
//!
//! Only requests that are drawn have one; for all others nothing is copied.
//!
//! Never here: comparing, or asking.

use decide::{Candidate, Outcome, Record};
use std::sync::{Mutex, PoisonError};
use wire::{Answer, Event, Join};

/// Bytes of text of one answer that are kept at most; a longer one is not compared.
const HEARD_MAX_BYTES: usize = 64 * 1024;
/// Events of one stream at most.
const HEARD_MAX_EVENTS: usize = 20_000;

/// An answer and who gave it.
#[derive(Debug)]
pub(crate) struct Given {
    pub(crate) candidate: Candidate,
    /// `None`: longer than what is kept.
    pub(crate) answer: Option<Answer>,
    /// Doubt before another answer was there; `None` where it was not judged.
    pub(crate) doubt_permille: Option<i16>,
    /// Whether it could be compared as far as it was seen when it was judged.
    pub(crate) comparable: bool,
}

/// What is heard of the answer under way.
#[derive(Debug, Default)]
struct Heard {
    join: Join,
    bytes: usize,
    events: usize,
    too_long: bool,
}

#[derive(Debug, Default)]
struct Kept {
    heard: Heard,
    doubted: Option<Given>,
    answered: Option<Given>,
}

/// The answers to one request.
#[derive(Debug, Default)]
pub(crate) struct Tap(Mutex<Kept>);

impl Tap {
    /// A whole answer came.
    pub(crate) fn answer(&self, answer: &Answer) {
        let mut kept = self.kept();
        let bytes: usize = answer.choices.iter().map(choice_bytes).sum();
        if bytes > HEARD_MAX_BYTES {
            kept.heard.too_long = true;
            return;
        }
        // Without what only the caller sees.
        let plain = Answer { raw: None, ..answer.clone() };
        for event in plain.into_events() {
            kept.heard.take(&event);
        }
    }

    /// A piece of a stream came.
    pub(crate) fn event(&self, event: &Event) {
        self.kept().heard.take(event);
    }

    /// An attempt is settled: what was heard was its answer.
    pub(crate) fn settled(&self, candidate: &Candidate, record: &Record, comparable: bool) {
        let mut kept = self.kept();
        let heard = std::mem::take(&mut kept.heard);
        let slot = match record.outcome {
            Outcome::Doubted => &mut kept.doubted,
            Outcome::Ok => &mut kept.answered,
            _ => return,
        };
        *slot = Some(Given {
            candidate: candidate.clone(),
            answer: (!heard.too_long).then(|| heard.join.finish()),
            doubt_permille: record.doubt_permille,
            comparable,
        });
    }

    /// The answer that was doubted, and the one that the caller got.
    pub(crate) fn into_answers(self) -> (Option<Given>, Option<Given>) {
        let kept = self.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        (kept.doubted, kept.answered)
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Heard {
    fn take(&mut self, event: &Event) {
        let bytes = match event {
            Event::Text { text, .. } | Event::Refusal { text, .. } | Event::CallArguments { text, .. } => text.len(),
            Event::CallStart { id, name, .. } => id.len() + name.len(),
            Event::Finish { .. } => 0,
            _ => return,
        };
        self.bytes += bytes;
        self.events += 1;
        self.too_long |= self.bytes > HEARD_MAX_BYTES || self.events > HEARD_MAX_EVENTS;
        if self.too_long {
            self.join = Join::default();
        } else {
            self.join.push(event.clone());
        }
    }
}

fn choice_bytes(choice: &wire::Choice) -> usize {
    let calls: usize = choice.tool_calls.iter().map(|c| c.id.len() + c.name.len() + c.arguments.len()).sum();
    choice.text.as_deref().map_or(0, str::len) + choice.refusal.as_deref().map_or(0, str::len) + calls
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use decide::{Api, Kind, Model, Place, PlaceId, Reason, Terms, Tier, Zone};
    use std::sync::Arc;
    use wire::{Choice, Finish};

    fn candidate(model: &str) -> Candidate {
        let place = Place {
            id: PlaceId::new("p"),
            api: Api::Openai,
            tier: Tier::Local,
            kind: Kind::Serverless,
            zone: Zone::SameHost,
            provider: "p".into(),
            terms: Terms::default(),
            economics: None,
        };
        let model = Model { id: model.into(), ..Model::default() };
        Candidate { place: Arc::new(place), model: Arc::new(model), reason: Reason::default() }
    }

    fn record(outcome: Outcome, doubt_permille: Option<i16>) -> Record {
        Record { outcome, doubt_permille, ..crate::settle::account::tests::some_record() }
    }

    fn answer(text: &str) -> Answer {
        let choice = Choice { text: Some(text.into()), finish: Some(Finish::Stop), ..Choice::default() };
        let (id, model) = (String::new(), String::new());
        Answer { id, model, created: 0, choices: vec![choice], usage: None, raw: None }
    }

    fn text(given: &Given) -> Option<&str> {
        given.answer.as_ref()?.choices.first()?.text.as_deref()
    }

    #[test]
    fn each_answer_goes_to_who_gave_it() {
        let tap = Tap::default();
        // One that failed after it had begun, one that was doubted, one that the caller got.
        tap.event(&Event::Text { choice: 0, text: "lost".into(), logprobs: vec![] });
        tap.settled(&candidate("a"), &record(Outcome::Failed, None), false);
        tap.answer(&answer("41"));
        tap.settled(&candidate("b"), &record(Outcome::Doubted, Some(300)), true);
        for piece in ["4", "2"] {
            tap.event(&Event::Text { choice: 0, text: piece.into(), logprobs: vec![] });
        }
        tap.event(&Event::Finish { choice: 0, finish: Finish::Stop });
        tap.settled(&candidate("c"), &record(Outcome::Ok, None), false);
        let (doubted, answered) = tap.into_answers();
        let (doubted, answered) = (doubted.unwrap(), answered.unwrap());
        assert_eq!((text(&doubted), &*doubted.candidate.model.id), (Some("41"), "b"));
        assert_eq!((doubted.doubt_permille, doubted.comparable), (Some(300), true));
        assert_eq!((text(&answered), &*answered.candidate.model.id), (Some("42"), "c"));
        assert_eq!(sense::agree(doubted.answer.as_ref().unwrap(), answered.answer.as_ref().unwrap()), Some(false));
    }

    #[test]
    fn what_is_too_long_is_not_kept() {
        for (bytes, kept) in [(HEARD_MAX_BYTES, true), (HEARD_MAX_BYTES + 1, false)] {
            for whole in [true, false] {
                let (tap, long) = (Tap::default(), "x".repeat(bytes));
                if whole {
                    tap.answer(&answer(&long));
                } else {
                    long.as_bytes().chunks(1_000).for_each(|piece| {
                        let text = String::from_utf8(piece.to_vec()).unwrap();
                        tap.event(&Event::Text { choice: 0, text, logprobs: vec![] });
                    });
                }
                tap.settled(&candidate("a"), &record(Outcome::Ok, None), false);
                let (_, answered) = tap.into_answers();
                assert_eq!(answered.unwrap().answer.is_some(), kept, "{bytes} {whole}");
            }
        }
    }
}
