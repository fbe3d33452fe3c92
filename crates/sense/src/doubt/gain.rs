//! What is expected to be gained by asking the stronger place, from the trained estimate: where the prompt is like what it was
//! trained on, or where helpers were asked, whose agreement carries over to what it was not.
//!
//! Never here: weights (`brain`), or checks.

use crate::brain::{Brain, Case, look};
use crate::check::last_of_user;
use decide::Rank;
use wire::Ask;

/// Characters of a stop of thinking that count at most; the estimate looks at the logarithm.
const WRITTEN_MAX: usize = 1 << 20;

/// What stands beside an answer.
#[derive(Debug, Clone, Copy)]
pub struct Beside<'a> {
    /// Rank of the model that answered.
    pub weak: Rank,
    /// Rank of the model it would be escalated to.
    pub strong: Rank,
    /// The answer itself, where one can be told: an option, a number, JSON, a short text.
    pub answer: Option<&'a str>,
    /// Bytes that it wrote.
    pub written: usize,
    /// What helpers said; one whose answer could not be told is `None`.
    pub helpers: &'a [Option<&'a str>],
    /// Bytes that they wrote on average.
    pub helpers_wrote: Option<usize>,
}

/// The expected gain; `None` where the estimate has nothing to say of this prompt.
pub fn gain(ask: &Ask, beside: &Beside<'_>) -> Option<f32> {
    let tools: String = ask.tools.iter().flat_map(|tool| [tool.name.as_str(), " "]).take(256).collect();
    let brain = Brain::shipped();
    let chance = brain.chance(&look(last_of_user(ask), &tools));
    if chance.unfamiliar && beside.helpers.is_empty() {
        return None;
    }
    let size = |bytes: usize| bytes.min(WRITTEN_MAX) as f32;
    let case = Case {
        chance: &chance,
        weak: beside.weak,
        strong: beside.strong,
        answer: beside.answer,
        written: Some(size(beside.written)),
        helpers: beside.helpers,
        helpers_wrote: beside.helpers_wrote.map(size),
    };
    Some(brain.doubt(&case))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use wire::{Endpoint, Message, Role};

    fn ask(text: &str) -> Ask {
        let mut ask = Ask::new(Endpoint::Chat);
        ask.messages.push(Message::text(Role::User, text));
        ask
    }

    fn beside<'a>(helpers: &'a [Option<&'a str>]) -> Beside<'a> {
        Beside {
            weak: Rank::Local,
            strong: Rank::Frontier,
            answer: Some("7"),
            written: 1,
            helpers,
            helpers_wrote: None,
        }
    }

    #[test]
    fn it_speaks_of_what_it_knows_and_where_others_were_asked() {
        let known = ask("Anna has 3 apples and buys 4. How many has she?");
        let strange = ask("Przepraszam, gdzie znajduje się najbliższa stacja kolejowa?");
        assert!(gain(&known, &beside(&[])).is_some());
        assert_eq!(gain(&strange, &beside(&[])), None);
        let (agree, differ) =
            (gain(&strange, &beside(&[Some("7"), Some("7")])), gain(&strange, &beside(&[Some("8"), Some("8")])));
        assert!(agree.unwrap() < differ.unwrap());
        assert!(gain(&ask(""), &beside(&[None])).unwrap().is_finite());
    }
}
