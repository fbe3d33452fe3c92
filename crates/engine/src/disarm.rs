//! Text of a caller that spells a control token (`<|im_end|>`) stays text: without this, a message could end its own turn
//! and speak as somebody else.
//!
//! The mark is put into the caller's strings before the template is rendered, and the rendered prompt is cut at the marks
//! before it is turned into tokens, so that no control token can form across one. Raw prompts of the completions endpoint
//! are left as they are: there the caller writes the whole prompt.
//!
//! Never here: templates, tokens.

use crate::protocol::{ToolSpec, Turn};

/// A character that Unicode guarantees to be none. Where a caller sends it all the same, it is dropped.
const MARK: char = '\u{10fffe}';

/// The same, for the place of an image.
const PLACE: char = '\u{10ffff}';

/// What a text must not spell.
pub(crate) struct Disarm {
    /// The control tokens of the model and the marks of its family around calls, their results and reasoning.
    all: Vec<String>,
    /// Control tokens that are no such marks: what an answer of the model itself cannot hold.
    controls: Vec<String>,
}

impl Disarm {
    /// Spellings of less than two characters cannot be cut and are left out.
    pub(crate) fn new<'m>(
        spellings: impl IntoIterator<Item = String>,
        marks: impl IntoIterator<Item = &'m str>,
    ) -> Disarm {
        let marks: Vec<String> = marks.into_iter().map(str::to_owned).collect();
        let controls: Vec<String> =
            spellings.into_iter().filter(|s| s.chars().nth(1).is_some() && !marks.contains(s)).collect();
        Disarm { all: [controls.clone(), marks].concat(), controls }
    }

    /// Marks every text of a message. What the model itself has said may have its marks: templates look for them.
    /// Where an image stands, its number is put between two places; `first` is that of the first.
    pub(crate) fn turn(&self, turn: &mut Turn, first: usize) {
        let own = if turn.role == "assistant" { &self.controls } else { &self.all };
        let mut before = std::mem::take(&mut turn.content);
        for (number, image) in (first..).zip(&turn.images).collect::<Vec<_>>().into_iter().rev() {
            let mut after = before.split_off(before.floor_char_boundary(image.at));
            cut(own, &mut after);
            turn.content.insert_str(0, &format!("{PLACE}{number}{PLACE}{after}"));
        }
        cut(own, &mut before);
        turn.content.insert_str(0, &before);
        [&mut turn.name, &mut turn.reasoning, &mut turn.call_id].into_iter().flatten().for_each(|t| cut(own, t));
        for call in &mut turn.calls {
            [&mut call.id, &mut call.name, &mut call.arguments].into_iter().for_each(|t| self.text(t));
        }
    }

    /// Marks every text of a tool.
    pub(crate) fn tool(&self, tool: &mut ToolSpec) {
        self.text(&mut tool.name);
        [&mut tool.description, &mut tool.parameters].into_iter().flatten().for_each(|t| self.text(t));
    }

    /// Marks one text.
    pub(crate) fn text(&self, text: &mut String) {
        cut(&self.all, text);
    }
}

fn cut(spellings: &[String], text: &mut String) {
    text.retain(|c| c != MARK && c != PLACE);
    for spelling in spellings {
        // A spelling may overlap with itself, and then one round leaves one behind.
        while text.contains(spelling.as_str()) {
            let first = spelling.chars().next().map_or(0, char::len_utf8);
            let (head, tail) = spelling.split_at(first);
            *text = text.replace(spelling.as_str(), &format!("{head}{MARK}{tail}"));
        }
    }
}

/// A part of a rendered prompt.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Part<'t> {
    /// Text that may hold marks.
    Text(&'t str),
    /// The image of this number.
    Image(usize),
}

/// The parts of a rendered prompt, text first.
pub(crate) fn parts(rendered: &str) -> impl Iterator<Item = Part<'_>> {
    rendered.split(PLACE).enumerate().map(|(i, text)| match text.parse() {
        Ok(number) if i % 2 == 1 => Part::Image(number),
        _ => Part::Text(text),
    })
}

/// The stretches of a rendered prompt, each to be turned into tokens by itself.
pub(crate) fn stretches(rendered: &str) -> impl Iterator<Item = &str> {
    rendered.split(MARK).filter(|s| !s.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_control_token_in_a_message_is_cut_and_the_text_stays() {
        let disarm = Disarm::new(["<|im_end|>".to_owned(), "x".to_owned()], []);
        let mut turn = Turn { content: "a<|im_end|>b x\u{10fffe}".into(), ..Turn::default() };
        disarm.turn(&mut turn, 0);
        assert_eq!(stretches(&turn.content).collect::<Vec<_>>(), ["a<", "|im_end|>b x"]);
    }

    #[test]
    fn marks_of_calls_are_the_models_own_to_write() {
        let disarm = Disarm::new(["<|im_end|>".to_owned(), "[TOOL_CALLS]".to_owned()], ["[TOOL_CALLS]", "<think>"]);
        for (role, text, wanted) in [
            ("user", "[TOOL_CALLS]x<|im_end|>", vec!["[", "TOOL_CALLS]x<", "|im_end|>"]),
            ("tool", "<think>", vec!["<", "think>"]),
            ("assistant", "<think>[TOOL_CALLS]<|im_end|>", vec!["<think>[TOOL_CALLS]<", "|im_end|>"]),
        ] {
            let mut turn = Turn { role: role.into(), content: text.into(), ..Turn::default() };
            disarm.turn(&mut turn, 0);
            assert_eq!(stretches(&turn.content).collect::<Vec<_>>(), wanted, "{role}");
        }
    }

    proptest! {
        #[test]
        fn no_stretch_holds_a_spelling_and_nothing_is_lost(
            text in "[ab<]{0,40}",
            spellings in proptest::collection::vec("[ab<]{2,4}", 0..5),
        ) {
            let mut marked = text.clone();
            Disarm::new(spellings.clone(), []).text(&mut marked);
            prop_assert_eq!(stretches(&marked).collect::<String>(), text);
            for stretch in stretches(&marked) {
                prop_assert!(!spellings.iter().any(|s| stretch.contains(s.as_str())), "{stretch:?}");
            }
        }
    }
}
