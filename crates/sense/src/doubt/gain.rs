//! What is expected to be gained by asking the stronger place, from the trained estimate: where the prompt is like what it was
//! trained on, or where helpers were asked, whose agreement carries over to what it was not.
//!
//! Never here: weights (`brain`), or checks.

use crate::agree;
use crate::brain::{Brain, Case, look};
use crate::check::last_of_user;
use decide::Rank;
use wire::{Answer, Ask};

/// Bytes of an answer that count at most; the estimate looks at the logarithm.
const WRITTEN_MAX: usize = 1 << 20;

/// What stands beside an answer.
#[derive(Debug, Clone, Copy)]
pub struct Beside<'a> {
    /// Rank of the model that answered.
    pub weak: Rank,
    /// Rank of the model it would be escalated to.
    pub strong: Rank,
    /// The answer itself.
    pub answer: &'a Answer,
    /// Bytes that it wrote.
    pub written: usize,
    /// What helpers said; `None` is one that was asked and gave nothing.
    pub helpers: &'a [Option<&'a Answer>],
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
    let all = beside.helpers.iter().flatten().map(|helper| said(helper).map_or(0, str::len));
    let wrote = all.sum::<usize>() / beside.helpers.len().max(1);
    let case = Case {
        chance: &chance,
        weak: beside.weak,
        strong: beside.strong,
        answer: said(beside.answer),
        written: Some(size(beside.written)),
        helpers: &named(beside),
        helpers_wrote: (!beside.helpers.is_empty()).then(|| size(wrote)),
    };
    Some(brain.doubt(&case))
}

/// What an answer says: its text, or the arguments of its first call.
fn said(answer: &Answer) -> Option<&str> {
    let choice = answer.choices.first()?;
    let call = choice.tool_calls.first().map(|call| call.arguments.as_str());
    call.or(choice.text.as_deref()).filter(|text| !text.trim().is_empty())
}

/// What each helper said, in the words of the first one that says the same: whose words are the same agree, and only theirs do.
fn named<'a>(beside: &Beside<'a>) -> Vec<Option<&'a str>> {
    let mut seen: Vec<&'a Answer> = vec![beside.answer];
    let helpers = beside.helpers.iter().map(|helper| {
        let helper = (*helper)?;
        let first = seen.iter().copied().find(|other| agree(other, helper) == Some(true));
        let one = first.unwrap_or(helper);
        seen.push(one);
        // One that cannot be compared with anything has no answer that could be told.
        crate::comparable(one).then(|| said(one)).flatten()
    });
    helpers.collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use wire::{Choice, Endpoint, Finish, Message, Role};

    fn ask(text: &str) -> Ask {
        let mut ask = Ask::new(Endpoint::Chat);
        ask.messages.push(Message::text(Role::User, text));
        ask
    }

    fn answer(text: &str) -> Answer {
        Answer {
            choices: vec![Choice { text: Some(text.into()), finish: Some(Finish::Stop), ..Choice::default() }],
            ..Answer::default()
        }
    }

    fn of(prompt: &str, said: &str, helpers: &[Option<&str>]) -> Option<f32> {
        let (weak, helpers) = (answer(said), helpers.iter().map(|h| h.map(answer)).collect::<Vec<_>>());
        let helpers: Vec<_> = helpers.iter().map(Option::as_ref).collect();
        let (written, ranks) = (said.len(), (Rank::Local, Rank::Frontier));
        gain(&ask(prompt), &Beside { weak: ranks.0, strong: ranks.1, answer: &weak, written, helpers: &helpers })
    }

    #[test]
    fn it_speaks_of_what_it_knows_and_where_others_were_asked() {
        let known = "Anna has 3 apples and buys 4. How many has she?";
        let strange = "Przepraszam, gdzie znajduje się najbliższa stacja kolejowa?";
        assert!(of(known, "7", &[]).is_some());
        assert_eq!(of(strange, "7", &[]), None);
        let agree = of(strange, "7", &[Some("7.0"), Some("so it is\nThe answer is 7.")]).unwrap();
        let differ = of(strange, "7", &[Some("8"), Some("8")]).unwrap();
        assert!(agree < differ, "{agree} {differ}");
        assert!(of("", "", &[None, Some("")]).unwrap().is_finite());
    }

    #[test]
    fn helpers_that_agree_in_other_words_are_seen_to() {
        let known = "Anna has 3 apples and buys 4. How many has she?";
        let words = of(known, "7", &[Some("It is so.\nThe answer is 7."), Some("7")]);
        assert_eq!(named_of("7", &["It is so.\nThe answer is 7.", "7", "8", "8.0"]), ["7", "7", "8", "8"]);
        assert!(words.unwrap() < of(known, "7", &[Some("8"), Some("8")]).unwrap());
    }

    fn named_of(said: &str, helpers: &[&str]) -> Vec<String> {
        let (weak, helpers): (_, Vec<_>) = (answer(said), helpers.iter().map(|h| answer(h)).collect());
        let helpers: Vec<_> = helpers.iter().map(Some).collect();
        let beside = Beside { weak: Rank::Local, strong: Rank::Frontier, answer: &weak, written: 1, helpers: &helpers };
        named(&beside).into_iter().map(|n| n.unwrap_or("none").to_owned()).collect()
    }
}
