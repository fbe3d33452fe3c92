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

#[cfg(test)]
mod tests {
    use super::*;
    use wire::Endpoint;

    const EXAM: &str =
        "Anna buys 12 boxes with 30 pens each for 4 dollars a box. How many dollars does she pay in total?";
    const OPTIONS: &str = "Which of the following is a metal?\nA. Iron\nB. Oxygen\nC. Nitrogen\nD. Helium\nAnswer:";

    fn ask(prompt: &str) -> Ask {
        let mut ask = Ask::new(Endpoint::Chat);
        ask.messages.push(Message::text(Role::User, prompt));
        ask
    }

    fn unfamiliar(ask: &Ask) -> bool {
        let outlook = crate::assess(ask).outlook.unwrap_or(Outlook { good_permille: PRIOR, unfamiliar: false });
        assert!(!outlook.unfamiliar || outlook.good_permille == PRIOR);
        outlook.unfamiliar
    }

    #[test]
    fn what_is_like_an_exam_is_looked_at() {
        for prompt in [EXAM, OPTIONS] {
            assert!(!unfamiliar(&ask(prompt)), "{prompt}");
        }
    }

    #[test]
    fn what_no_exam_was_like_is_not_guessed() {
        for prompt in [
            "",
            "Say hello.",
            "Write a letter to my landlord about the heating.",
            "Summarize this article: the council met on Monday.",
            "What is the capital of France?",
            "Prove that the sum of two even numbers is even.",
            "Berechne, wie viel Anna für 12 Stifte zu 3 Euro bezahlt.",
            "Implement a lock-free queue in Rust.",
            "Translate to German: how many pens?",
        ] {
            assert!(unfamiliar(&ask(prompt)), "{prompt}");
        }
    }

    #[test]
    fn a_turn_a_picture_and_material_of_an_operator_are_not_single_questions() {
        let mut talk = ask("Hello");
        talk.messages.push(Message::text(Role::Assistant, "Hello!"));
        talk.messages.push(Message::text(Role::User, EXAM));
        assert!(unfamiliar(&talk));
        let mut picture = ask(EXAM);
        let raw = serde_json::value::to_raw_value(&serde_json::json!({"type": "file"})).unwrap_or_default();
        let text = Part::Text { text: EXAM.into(), extra: Vec::new() };
        picture.messages[0].content = Content::Parts(vec![text.clone(), Part::Other { kind: "file".into(), raw }]);
        assert!(unfamiliar(&picture));
        picture.messages[0].content = Content::Parts(vec![text]);
        assert!(!unfamiliar(&picture));
        let mut told = ask(EXAM);
        told.messages.insert(0, Message::text(Role::System, "You are a tutor. Be brief."));
        assert!(!unfamiliar(&told));
    }

    #[test]
    fn a_question_is_looked_at_up_to_its_bound_and_no_further() {
        assert!(question(&ask(&"a".repeat(LONGEST))).is_some());
        assert!(question(&ask(&"a".repeat(LONGEST + 1))).is_none());
    }

    #[test]
    fn tools_are_described_as_in_the_exams_and_cut_off() {
        let schema = "{\"type\": \"object\", \"required\": [\"city\"]}".to_owned();
        let tool = wire::Tool {
            name: "weather".into(),
            description: Some("Weather é".repeat(10)),
            parameters: serde_json::value::RawValue::from_string(schema).ok(),
            strict: None,
            raw: None,
            extra: Vec::new(),
        };
        let mut ask = ask("Weather in Bonn?");
        ask.tools.push(tool.clone());
        let text = described(&ask);
        assert!(text.starts_with("[{\"name\": \"weather\", \"description\": \"Weather"), "{text}");
        assert!(text.contains("\"required\"") && text.ends_with(']'));
        ask.tools = vec![tool; 2_000];
        assert!(described(&ask).len() <= TOOLS + 1);
    }
}
