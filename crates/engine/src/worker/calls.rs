//! When a grammar begins to hold: at once, after the reasoning, or where the model begins a call by itself.
//!
//! The answer is read here with the same parser that the gateway reads it with, so both see a call begin at the same
//! character, and nothing that is only thought about is one.
//!
//! Never here: sampling, the rules themselves (`grammar`).

use super::grammar::{self, Form};
use crate::protocol::{Constraint, ToolSpec};
use crate::speech::{Family, Known, Parser, Speech};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

/// Grammars that are kept, since an agent sends the same tools again and again.
const KEPT: usize = 8;
/// Tokens that are remembered until a call is seen to have begun; its mark and name are far shorter.
const RECENT: usize = 512;

/// What is known of a model and a request's prompt.
#[derive(Debug, Clone, Copy)]
pub(super) struct Manner {
    pub(super) family: Family,
    /// The model reasons, by its template.
    pub(super) thinks: bool,
    /// The prompt has begun the reasoning.
    pub(super) opened: bool,
    /// The caller's wish.
    pub(super) thinking: Option<bool>,
}

/// What holds of an answer, and from when.
pub(super) struct Plan {
    pub(super) speech: Speech,
    /// From the first token.
    pub(super) constraint: Option<Constraint>,
    /// Later.
    pub(super) watch: Option<Watch>,
}

/// A grammar that begins to hold now, and the tokens of the answer that it has to be told of: all but the first `skip`
/// bytes of their text.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Arm {
    pub(super) gbnf: Arc<str>,
    pub(super) tokens: Vec<i32>,
    pub(super) skip: usize,
}

/// The grammars made last.
#[derive(Default)]
pub(super) struct Grammars(Mutex<VecDeque<Made>>);

struct Made {
    key: (Family, Option<String>, bool, bool),
    tools: Vec<ToolSpec>,
    gbnf: Result<Arc<str>, String>,
}

impl Grammars {
    /// The grammar of calls; `works` says whether the sampler takes it.
    fn calls(
        &self,
        form: Form<'_>,
        tools: &[ToolSpec],
        works: impl Fn(&str) -> Result<(), String>,
    ) -> Result<Arc<str>, String> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (form.family, form.only.map(str::to_owned), form.parallel, form.thinking);
        if let Some(at) = kept.iter().position(|m| m.key == key && m.tools == tools)
            && let Some(made) = kept.remove(at)
        {
            let gbnf = made.gbnf.clone();
            kept.push_front(made);
            return gbnf;
        }
        let gbnf = grammar::compose(form, tools).and_then(|text| works(&text).map(|()| Arc::from(text)));
        kept.push_front(Made { key, tools: tools.to_vec(), gbnf: gbnf.clone() });
        kept.truncate(KEPT);
        gbnf
    }

    /// Decides what holds of an answer. `works` says whether the sampler takes a grammar.
    ///
    /// # Errors
    /// A call is asked for that cannot be made sure of; the text is for the caller.
    pub(super) fn plan(
        &self,
        manner: Manner,
        constraint: Option<Constraint>,
        tools: &[ToolSpec],
        works: impl Fn(&str) -> Result<(), String>,
    ) -> Result<Plan, String> {
        let Manner { family, thinks, opened, thinking } = manner;
        let mut speech = Speech { family, opened, bound: false };
        let watch = |gbnf: Arc<str>, speech: Speech, at: Begin| {
            let known = tools.iter().map(|t| Known { name: t.name.clone(), parameters: None }).collect();
            let parser = Parser::new(Speech { bound: false, ..speech }, known, true);
            Some(Watch { parser, gbnf, at, recent: VecDeque::new(), total: 0 })
        };
        let plan = |speech, constraint, watch| Ok(Plan { speech, constraint, watch });
        match constraint {
            Some(Constraint::Calls { only, required: true, parallel }) => {
                let thinking = thinks && !opened && thinking != Some(false);
                let gbnf = self.calls(Form { family, only: only.as_deref(), parallel, thinking }, tools, works)?;
                speech.bound = true;
                if opened {
                    return plan(speech, None, watch(gbnf, speech, Begin::Thought));
                }
                plan(speech, Some(Constraint::Grammar { gbnf: gbnf.to_string(), triggers: Vec::new() }), None)
            }
            Some(Constraint::Calls { only, parallel, .. }) => {
                let form = Form { family, only: only.as_deref(), parallel, thinking: false };
                // A schema that has no grammar is no reason to refuse what the model may do well by itself.
                let gbnf = if family == Family::Harmony { None } else { self.calls(form, tools, works).ok() };
                // Without a mark, a call is only known to be one after its name, and what came before was free.
                speech.bound = gbnf.is_some() && !matches!(family, Family::Llama | Family::Gemma);
                plan(speech, None, gbnf.and_then(|gbnf| watch(gbnf, speech, Begin::Call)))
            }
            // Reasoning is free; the form is the answer's.
            Some(Constraint::Schema(schema)) if opened => {
                let gbnf = grammar::answer(&schema)?;
                works(&gbnf)?;
                plan(speech, None, watch(gbnf.into(), speech, Begin::Thought))
            }
            other => plan(speech, other, None),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Begin {
    /// With the first call.
    Call,
    /// With the end of the reasoning.
    Thought,
}

/// Waits for the moment from which a grammar holds.
pub(super) struct Watch {
    parser: Parser,
    gbnf: Arc<str>,
    at: Begin,
    /// Tokens and where the text of each ends.
    recent: VecDeque<(i32, usize)>,
    total: usize,
}

impl Watch {
    /// The next token and the text that came of it; with the moment, what to tell the sampler. To be asked no more then.
    pub(super) fn see(&mut self, token: i32, text: &str) -> Option<Arm> {
        self.total += text.len();
        self.recent.push_back((token, self.total));
        if self.recent.len() > RECENT {
            self.recent.pop_front();
        }
        self.parser.push(text);
        let length = match self.at {
            Begin::Call => self.parser.calling()?,
            Begin::Thought if self.parser.thinking() => return None,
            Begin::Thought => self.parser.rest().len(),
        };
        let from = self.total.saturating_sub(length);
        let first = self.recent.iter().position(|(_, end)| *end > from).unwrap_or(self.recent.len());
        let before = first.checked_sub(1).and_then(|at| self.recent.get(at)).map_or(0, |(_, end)| *end);
        let tokens = self.recent.iter().skip(first).map(|(token, _)| *token).collect();
        Some(Arm { gbnf: Arc::clone(&self.gbnf), tokens, skip: from.saturating_sub(before) })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn tools() -> Vec<ToolSpec> {
        vec![ToolSpec { name: "f".into(), description: None, parameters: None }]
    }

    fn plan(family: Family, opened: bool, constraint: Constraint) -> Plan {
        let manner = Manner { family, thinks: opened, opened, thinking: None };
        Grammars::default().plan(manner, Some(constraint), &tools(), |_| Ok(())).unwrap()
    }

    fn calls(required: bool) -> Constraint {
        Constraint::Calls { only: None, required, parallel: true }
    }

    /// Pieces are tokens 0, 1, …: which are told, and how many bytes of them are not.
    fn armed(plan: Plan, pieces: &[&str]) -> Option<(usize, Vec<i32>, usize)> {
        let mut watch = plan.watch?;
        pieces.iter().enumerate().find_map(|(i, piece)| {
            let arm = watch.see(i as i32, piece)?;
            Some((i, arm.tokens, arm.skip))
        })
    }

    #[test]
    fn a_grammar_begins_with_the_mark_of_a_call() {
        let auto = || plan(Family::Hermes, false, calls(false));
        assert!(auto().speech.bound && auto().constraint.is_none());
        assert_eq!(armed(auto(), &["Hi", ".\n<tool", "_c", "all>\n", "x"]), Some((3, vec![1, 2, 3], 2)));
        assert_eq!(armed(auto(), &["<think>a <tool_call>", "</think>", "b <tool_call>"]), Some((2, vec![2], 2)));
        assert_eq!(armed(auto(), &["Hi <tool", " call>"]), None);
    }

    #[test]
    fn without_a_mark_it_begins_with_the_name_of_a_tool() {
        let auto = || plan(Family::Llama, false, calls(false));
        assert!(!auto().speech.bound);
        assert_eq!(armed(auto(), &[" {\"", "name\": \"", "f", "\","]), Some((3, vec![0, 1, 2, 3], 1)));
        assert_eq!(armed(auto(), &["{\"", "name\": \"", "Bob", "\"}"]), None);
    }

    #[test]
    fn what_is_forced_begins_after_the_reasoning() {
        let forced = plan(Family::Hermes, true, calls(true));
        assert!(forced.speech.bound && forced.constraint.is_none());
        assert_eq!(armed(forced, &["I <tool_call>", "</think", ">\n\n", "x"]), Some((2, vec![2], 1)));
        let schema = plan(Family::Hermes, true, Constraint::Schema("{\"type\":\"object\"}".into()));
        assert_eq!(armed(schema, &["a", "</think>", "x"]), Some((1, vec![], 0)));
        let eager = plan(Family::Hermes, false, calls(true));
        assert!(eager.watch.is_none() && matches!(eager.constraint, Some(Constraint::Grammar { .. })));
    }

    #[test]
    fn a_schema_without_grammar_binds_nothing_unless_it_must() {
        let manner = Manner { family: Family::Hermes, thinks: false, opened: false, thinking: None };
        let grammars = Grammars::default();
        let no = |_: &str| Err("no".to_owned());
        let plan = grammars.plan(manner, Some(calls(false)), &tools(), no).unwrap();
        assert!(!plan.speech.bound && plan.watch.is_none());
        assert_eq!(grammars.plan(manner, Some(calls(true)), &tools(), no).err().as_deref(), Some("no"));
    }

    #[test]
    fn grammars_are_made_once_and_few_are_kept() {
        let grammars = Grammars::default();
        let made = std::cell::Cell::new(0);
        for n in (0..=KEPT).chain([KEPT, 0]) {
            let tools = [ToolSpec { name: format!("f{n}"), description: None, parameters: None }];
            let form = Form { family: Family::Hermes, only: None, parallel: true, thinking: false };
            grammars
                .calls(form, &tools, |_| {
                    made.set(made.get() + 1);
                    Ok(())
                })
                .unwrap();
        }
        assert_eq!(made.get(), KEPT + 2, "the last one is remembered, the first one is not");
    }
}
