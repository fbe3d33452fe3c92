//! The outlook of a request: what the trained weights say of it, or that they can say nothing.
//!
//! They were trained on single questions of exams in English: with options to choose from, calculations, short functions of code,
//! calls of tools. Whatever else a request is (small talk, a letter, a summary, a proof, a further turn of a conversation, a question
//! about a picture or about material under an operator's instruction, a text longer than any of them), they know nothing of, and
//! no guess is made: it is unfamiliar, and goes by its difficulty as if there were no weights. That is decided by task and form, beside
//! what the weights say of its words.
//!
//! Never here: weights (`brain`).

use crate::brain::{Brain, look};
use crate::lexicon::Cue;
use crate::scan::Reading;
use crate::task::Elected;
use decide::{Outlook, RANKS, Task};
use std::borrow::Cow;
use wire::{Ask, Content, Message, Part, Role};

/// Bytes of the longest question that is looked at: the longest trained on has 5.3 kB.
const LONGEST: usize = 8 * 1024;
/// Bytes of the tools' description that are looked at.
const TOOLS: usize = 16 * 1024;
/// What is said where nothing is known, per mille by rank: the better the model, the likelier a good answer. `decide` does not reckon
/// with it.
const PRIOR: [u16; RANKS] = [400, 550, 700, 800];

/// The outlook of a request whose last user message was read so, and taken for that task.
///
/// The operator's prompt is not looked at: exams have none, and it is the same for every request.
pub(crate) fn of(ask: &Ask, task: Task, elected: Elected, r: &Reading) -> Outlook {
    let unknown = Outlook { good_permille: PRIOR, unfamiliar: true };
    if elected.of_operator || !examined(task, r) {
        return unknown;
    }
    let Some(question) = question(ask) else { return unknown };
    let tools = if task == Task::Tool { described(ask) } else { String::new() };
    let chance = Brain::shipped().chance(&look(&question, &tools));
    if chance.unfamiliar { unknown } else { Outlook { good_permille: chance.right.map(permille), unfamiliar: false } }
}

/// Whether there was an exam of this kind of work in this form.
fn examined(task: Task, r: &Reading) -> bool {
    let english = r.tongues.language().is_none_or(|l| l.as_str() == "en");
    let alike = match task {
        Task::Math => r.asked(Cue::Proof) == 0,
        Task::Code => r.count(Cue::HardCode) == 0,
        Task::Answer | Task::Reason => r.choices >= 2,
        Task::Tool => true,
        _ => false,
    };
    alike && english
}

fn permille(share: f32) -> u16 {
    (share.clamp(0.0, 1.0) * 1_000.0).round() as u16
}

/// The text of a request that is one question and nothing else: one message of a user, of words only.
fn question(ask: &Ask) -> Option<Cow<'_, str>> {
    let mut turns = ask.messages.iter().filter(|m| !matches!(m.role, Role::System | Role::Developer));
    let only = turns.next().filter(|m| m.role == Role::User)?;
    if turns.next().is_some() {
        return None;
    }
    words(only).filter(|text| text.len() <= LONGEST)
}

fn words(message: &Message) -> Option<Cow<'_, str>> {
    match &message.content {
        Content::Text(text) => Some(Cow::Borrowed(text)),
        Content::Parts(parts) => {
            if parts.iter().any(|part| !matches!(part, Part::Text { .. })) {
                return None;
            }
            let all: usize = message.content.texts().map(str::len).sum();
            (all <= LONGEST).then(|| Cow::Owned(message.content.texts().collect::<Vec<_>>().join("\n")))
        }
        Content::None => None,
    }
}

/// Tools as the exams describe them: `[{"name": …, "description": …, "parameters": …}]`, cut off at a bound.
fn described(ask: &Ask) -> String {
    let mut text = String::from("[");
    for tool in &ask.tools {
        let rest = TOOLS.saturating_sub(text.len());
        if rest == 0 {
            break;
        }
        let mut add = |piece: &str| {
            let end = piece.floor_char_boundary(TOOLS.saturating_sub(text.len()));
            text.push_str(&piece[..end]);
        };
        match &tool.raw {
            Some(raw) => add(raw.get()),
            None => {
                add("{\"name\": \"");
                add(&tool.name);
                add("\", \"description\": \"");
                add(tool.description.as_deref().unwrap_or_default());
                add("\", \"parameters\": ");
                add(tool.parameters.as_ref().map_or("{}", |p| p.get()));
                add("}, ");
            }
        }
    }
    text.push(']');
    text
}
