//! Which kind of work a text asks for: every cue votes for a task, and where it stands says how much.
//!
//! An instruction stands in the first sentence, at the head of a sentence, or at the very end; the same word in the
//! middle of pasted material counts little.
//!
//! Never here: how hard the work is (`difficulty`).

use crate::lexicon::{CUES, Cue};
use crate::scan::Reading;
use decide::Task;

/// What each cue votes for, and how strongly. Set by hand on the table of everyday prompts in `tests/everyday.rs`.
const VOTES: [(Cue, Task, u32); 23] = [
    (Cue::Greet, Task::Chat, 2),
    (Cue::Classify, Task::Classify, 4),
    (Cue::Extract, Task::Extract, 4),
    (Cue::Summarize, Task::Summarize, 4),
    (Cue::Transform, Task::Transform, 4),
    (Cue::Fact, Task::Answer, 1),
    (Cue::Explain, Task::Answer, 2),
    (Cue::Make, Task::Write, 1),
    (Cue::Prose, Task::Write, 3),
    (Cue::Short, Task::Write, 4),
    (Cue::Long, Task::Write, 2),
    (Cue::Code, Task::Code, 3),
    (Cue::HardCode, Task::Code, 4),
    (Cue::Math, Task::Math, 2),
    (Cue::HardMath, Task::Math, 3),
    (Cue::Proof, Task::Math, 5),
    (Cue::Reason, Task::Reason, 3),
    (Cue::Science, Task::Answer, 1),
    (Cue::Law, Task::Answer, 1),
    (Cue::Medicine, Task::Answer, 1),
    (Cue::Fix, Task::Code, 4),
    (Cue::Boiler, Task::Boilerplate, 4),
    (Cue::Seek, Task::Search, 4),
];

/// Fewest votes that make a task; fewer is small talk or a plain question.
const ENOUGH: u32 = 3;
/// Votes of the user's text below which the operator's prompt is heard as well.
const UNSURE: u32 = 12;

/// A task and the votes that it got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Elected {
    pub(crate) task: Task,
    pub(crate) votes: u32,
    /// It stands in the operator's prompt.
    pub(crate) of_operator: bool,
}

/// The task of a text read alone.
pub(crate) fn of_text(reading: &Reading) -> Elected {
    let mut votes = tally(reading);
    add_shape(&mut votes, reading);
    add_given(&mut votes, reading);
    elect(&votes)
}

/// The task of a user's text under an operator's prompt. The operator is heard only where the user's text leaves it
/// open: `Classify the ticket` stands in many system prompts, and the user's text is then only material.
pub(crate) fn of_both<'r>(user: &Reading, operator: impl FnOnce() -> Option<&'r Reading>) -> Elected {
    let own = of_text(user);
    if own.votes >= UNSURE {
        return own;
    }
    let Some(operator) = operator() else { return own };
    let told = elect(&tally(operator));
    let instructive = matches!(told.task, Task::Classify | Task::Extract | Task::Summarize | Task::Transform);
    if instructive && told.votes > own.votes { Elected { of_operator: true, ..told } } else { own }
}

fn tally(reading: &Reading) -> [u32; Task::ALL.len()] {
    let mut votes = [0; Task::ALL.len()];
    let mut by_cue = [0u32; CUES];
    for (index, share) in by_cue.iter_mut().enumerate() {
        let (all, first, lead) = (reading.all[index], reading.first[index], reading.lead[index]);
        let rest = all.saturating_sub(first).saturating_sub(lead);
        *share = u32::from(3 * first.min(2) + 2 * lead.min(2) + rest.min(2));
        let index = Some(index as u8);
        *share += if reading.opens == index { 3 } else { 0 }
            + if reading.closes == index && reading.sentences > 1 { 5 } else { 0 };
    }
    for (cue, task, weight) in VOTES {
        votes[task as usize] += weight * by_cue[cue as usize];
    }
    votes
}

/// What the form of a text says: word problems, formulas, fences, multiple choice.
fn add_shape(votes: &mut [u32; Task::ALL.len()], r: &Reading) {
    let asks = r.questions > 0;
    votes[Task::Answer as usize] += if asks { 2 } else { 0 };
    if asks && r.numbers >= 2 && r.count(Cue::Math) > 0 {
        votes[Task::Math as usize] += 8;
    }
    if asks && r.numbers >= 3 && r.choices == 0 {
        votes[Task::Math as usize] += 4;
    }
    if r.numbers >= 2 && r.math_marks >= 1 && r.words <= 12 {
        votes[Task::Math as usize] += 10;
    }
    if r.tex_marks >= 4 {
        votes[Task::Math as usize] += 6;
    }
    if r.fences > 0 || r.code_marks * 8 > r.words.max(8) * 3 {
        votes[Task::Code as usize] += 6;
    }
    if r.choices >= 3 {
        votes[Task::Answer as usize] += 8;
    }
}

/// What is asked of something that stands in the prompt: code, documents, a text.
fn add_given(votes: &mut [u32; Task::ALL.len()], r: &Reading) {
    let opens = |cues: &[Cue]| cues.iter().any(|cue| r.opens == Some(*cue as u8));
    let first = |cue: Cue| u32::from(r.first[cue as usize]);
    let told = opens(&[Cue::Classify, Cue::Extract, Cue::Summarize, Cue::Transform]);
    let wonders = opens(&[Cue::Explain, Cue::Fact]) || first(Cue::Explain) > 0;
    let top = |votes: &[u32; Task::ALL.len()]| votes.iter().copied().max().unwrap_or(0);
    let code = first(Cue::Snippet) > 0 || r.fences > 0 || r.code_marks >= 3 && r.code_marks * 6 > r.words;
    if wonders
        && code
        && first(Cue::Fix) + first(Cue::Math) + first(Cue::HardMath) == 0
        && r.choices < 2
        && r.tex_marks < 4
    {
        votes[Task::ExplainCode as usize] = top(votes) + 2;
    }
    if first(Cue::Boiler) > 0 && !wonders && !told && first(Cue::Fix) == 0 {
        votes[Task::Boilerplate as usize] = top(votes) + 2;
    }
    if first(Cue::Seek) > 0 && first(Cue::HardCode) == 0 && r.code_marks < 4 {
        votes[Task::Search as usize] = top(votes) + 2;
    }
    let (grounds, asks) = (r.count(Cue::Ground), r.questions > 0 || opens(&[Cue::Fact, Cue::Ground]));
    let given = grounds >= 2 || grounds == 1 && r.sentences >= 3;
    if given && asks && !told && r.choices < 2 && first(Cue::Seek) + first(Cue::Snippet) + first(Cue::Boiler) == 0 {
        votes[Task::Grounded as usize] = top(votes) + 2;
    }
    let asked_of_text = first(Cue::Material) > 0 && opens(&[Cue::Fact, Cue::Make]) && first(Cue::Prose) == 0;
    if asked_of_text && first(Cue::Classify) + first(Cue::Summarize) + first(Cue::Transform) + first(Cue::Snippet) == 0
    {
        votes[Task::Extract as usize] += 24;
    }
    if first(Cue::Summarize) > 0 && opens(&[Cue::Make]) {
        votes[Task::Summarize as usize] += 12;
    }
    if r.questions > 0 && r.numbers >= 1 && r.count(Cue::Math) >= 2 {
        votes[Task::Math as usize] += 8;
    }
}

fn elect(votes: &[u32; Task::ALL.len()]) -> Elected {
    let mut best = Elected { task: Task::Chat, votes: 0, of_operator: false };
    for task in Task::ALL {
        let got = votes[task as usize];
        if got > best.votes && (got >= ENOUGH || task == Task::Answer) {
            best = Elected { task, votes: got, of_operator: false };
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scan::scan;

    fn task(text: &str) -> Task {
        of_text(&scan(text)).task
    }

    #[test]
    fn the_object_of_a_verb_decides() {
        assert_eq!(task("Write a Python function that reverses a list."), Task::Code);
        assert_eq!(task("Write a blog post about Python."), Task::Write);
        assert_eq!(task("Write a proof that 2 is prime."), Task::Math);
    }

    #[test]
    fn material_weighs_less_than_the_instruction() {
        let material =
            "The court heard why the integral theorem of the plaintiff's python function was false. ".repeat(20);
        assert_eq!(task(&format!("Summarize the following text.\n\n{material}")), Task::Summarize);
        assert_eq!(task(&format!("{material}\n\nTranslate this text to German.")), Task::Transform);
    }

    #[test]
    fn the_operator_is_heard_where_the_user_leaves_it_open() {
        let operator = scan("You work in support. Classify each ticket as billing, technical or other.");
        let user = scan("My invoice is wrong, it says 40 euros.");
        assert_eq!(of_both(&user, || Some(&operator)).task, Task::Classify);
        let user = scan("Write a Python function that parses a CSV file.");
        assert_eq!(of_both(&user, || Some(&operator)).task, Task::Code);
    }

    #[test]
    fn nothing_is_chat() {
        assert_eq!(task(""), Task::Chat);
        assert_eq!(task("😀"), Task::Chat);
    }
}
