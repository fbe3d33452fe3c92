//! Mechanical checks of an answer, which cost nothing and know nothing of the subject: is it JSON where JSON was asked for, do its
//! calls name tools that exist and fit their schemas, is it there at all, does it refuse, is it cut off or in a loop.
//!
//! An answer that passes may be wrong in every other way; one that fails hard is of no use to its caller. What cannot be judged
//! (a schema beyond the part that is known here, a text beyond [`CHECKED_MAX`]) fails nothing.
//!
//! Never here: what follows from a flaw (`judge`), or anything of the text in what is given back.

mod code;
mod schema;
mod speech;

use decide::Task;
use serde_json::Value;
use serde_json::value::RawValue;
use wire::{Ask, Choice, Content, Finish, Format, Role, Tool, ToolCall, ToolChoice};

/// Bytes of an answer, and of a schema, that are checked at most.
pub const CHECKED_MAX: usize = 256 * 1024;
/// Calls of one answer that are checked at most.
const CALLS_MAX: usize = 64;

/// What may be wrong with an answer. In the order of weight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Flaw {
    /// There is nothing in it.
    Empty,
    /// It refuses.
    Refused,
    /// JSON was asked for, and it is none.
    NotJson,
    /// It is JSON, and breaks the schema that was asked for.
    OffSchema,
    /// A tool had to be called, and none is, or another one.
    NoCall,
    /// It calls a tool that does not exist.
    UnknownTool,
    /// The arguments of a call are no JSON object, or break the schema of its tool.
    BadCall,
    /// It repeats itself without end.
    Repeats,
    /// It was cut off, and not by a limit of its caller.
    CutOff,
    /// A block of code in it does not end.
    OpenCode,
    /// It is in another language than the question.
    Tongue,
    /// Brackets in a block of code do not match.
    Unbalanced,
    /// It says that it does not know.
    Hedges,
}

impl Flaw {
    /// Every flaw.
    pub const ALL: [Flaw; 13] = [
        Flaw::Empty,
        Flaw::Refused,
        Flaw::NotJson,
        Flaw::OffSchema,
        Flaw::NoCall,
        Flaw::UnknownTool,
        Flaw::BadCall,
        Flaw::Repeats,
        Flaw::CutOff,
        Flaw::OpenCode,
        Flaw::Tongue,
        Flaw::Unbalanced,
        Flaw::Hedges,
    ];

    /// Of no use to its caller, whatever else is thought of it.
    pub const fn is_hard(self) -> bool {
        (self as u8) <= Flaw::BadCall as u8
    }
}

/// What the checks of one answer found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Checked {
    flaws: u16,
    /// Something had to fit (JSON, a schema, a call), all of it was judged, and the answer was whole.
    pub tested: bool,
}

impl Checked {
    /// Whether it has this flaw.
    pub fn has(self, flaw: Flaw) -> bool {
        self.flaws & (1 << flaw as u8) != 0
    }

    /// Its flaws, the worst first.
    pub fn flaws(self) -> impl Iterator<Item = Flaw> {
        Flaw::ALL.into_iter().filter(move |flaw| self.has(*flaw))
    }

    /// Whether it is of no use.
    pub fn is_hard(self) -> bool {
        self.flaws().any(Flaw::is_hard)
    }

    /// Without that flaw: [`Flaw::Hedges`] where something else weighs it already.
    pub(crate) fn without(self, flaw: Flaw) -> Checked {
        Checked { flaws: self.flaws & !(1 << flaw as u8), ..self }
    }

    fn note(&mut self, flaw: Flaw, is: bool) {
        self.flaws |= u16::from(is) << flaw as u8;
    }
}

/// Checks one choice of an answer; `whole` where it has come to its end. Work is bounded.
pub fn check(ask: &Ask, task: Task, choice: &Choice, whole: bool) -> Checked {
    let mut found = Checked::default();
    let text = choice.text.as_deref().unwrap_or_default();
    if text.len() > CHECKED_MAX {
        return found;
    }
    let asked = last_of_user(ask);
    // A limit of the caller's cuts every answer that is longer, and other places know no better.
    let limited = choice.finish == Some(Finish::Length) && ask.max_tokens.is_some();
    let ended = whole && !limited;
    let refused = choice.refusal.is_some() || choice.finish == Some(Finish::ContentFilter);
    found.note(Flaw::Refused, refused || (choice.tool_calls.is_empty() && speech::refuses(text, asked)));
    let said = !text.trim().is_empty() || !choice.tool_calls.is_empty() || refused;
    found.note(Flaw::Empty, whole && !said && ask.suffix.is_none());
    let mut tested = None;
    if choice.tool_calls.is_empty() {
        form(ask, text, ended, &mut found, &mut tested);
    }
    calls(ask, choice, ended, &mut found, &mut tested);
    found.tested = tested == Some(true);
    found.note(Flaw::Repeats, speech::repeats(text));
    found.note(Flaw::CutOff, whole && choice.finish == Some(Finish::Length) && !limited);
    let blocks = code::blocks(text);
    found.note(Flaw::OpenCode, ended && blocks.open);
    found.note(Flaw::Unbalanced, ended && blocks.unbalanced);
    let prose = !matches!(task, Task::Transform | Task::Code | Task::Tool) && ask.format.is_none();
    found.note(Flaw::Tongue, prose && speech::other_tongue(text, asked));
    let free = ask.format.is_none() && !found.has(Flaw::Refused);
    found.note(Flaw::Hedges, free && speech::hedges(text));
    found
}

/// Whether a text has the form that was asked for.
fn form(ask: &Ask, text: &str, ended: bool, found: &mut Checked, tested: &mut Option<bool>) {
    let schema = match &ask.format {
        Some(Format::JsonObject) => None,
        Some(Format::JsonSchema { schema, .. }) => schema.as_deref(),
        None | Some(Format::Text | Format::Other(_)) => return,
    };
    let object = matches!(ask.format, Some(Format::JsonObject));
    // An empty answer is called that.
    let Some(first) = text.trim_start().bytes().next() else { return };
    let begins = if object { first == b'{' } else { b"{[\"-0123456789tfn".contains(&first) };
    if !ended || !begins {
        found.note(Flaw::NotJson, !begins);
        return;
    }
    let Ok(value) = serde_json::from_str::<Value>(text) else {
        return found.note(Flaw::NotJson, true);
    };
    match schema.map(|schema| broken(schema, &value)) {
        None => *tested = Some(true),
        Some(Some(fit)) => {
            found.note(Flaw::OffSchema, fit.broken);
            *tested = Some(!fit.partial || fit.broken);
        }
        Some(None) => *tested = Some(false),
    }
}

/// Whether the calls are calls of tools that there are.
fn calls(ask: &Ask, choice: &Choice, ended: bool, found: &mut Checked, tested: &mut Option<bool>) {
    let named = match &ask.tool_choice {
        Some(ToolChoice::Named(name)) => Some(name),
        _ => None,
    };
    let wanted = named.is_some() || matches!(ask.tool_choice, Some(ToolChoice::Required));
    let right = |call: &ToolCall| named.is_none_or(|name| call.name == *name);
    let missed = choice.tool_calls.is_empty() && ended && !found.has(Flaw::Empty);
    found.note(Flaw::NoCall, wanted && (missed || !choice.tool_calls.iter().all(right)));
    // A vendor's own tool is called by names that nobody declared.
    if choice.tool_calls.is_empty() || ask.tools.is_empty() || ask.tools.iter().any(|tool| tool.raw.is_some()) {
        return;
    }
    for call in choice.tool_calls.iter().take(CALLS_MAX) {
        let tool = ask.tools.iter().find(|tool| tool.name == call.name);
        found.note(Flaw::UnknownTool, tool.is_none() && !call.name.is_empty());
        if !ended {
            continue;
        }
        let (bad, judged) = arguments(tool, call);
        found.note(Flaw::BadCall, bad);
        *tested = Some(judged && *tested != Some(false));
    }
}

/// Whether the arguments of a call are bad, and whether all of that was judged.
fn arguments(tool: Option<&Tool>, call: &ToolCall) -> (bool, bool) {
    // Of a tool without parameters some places send nothing at all.
    let text = if call.arguments.trim().is_empty() { "{}" } else { &call.arguments };
    if text.len() > CHECKED_MAX {
        return (false, false);
    }
    let Some(value) = serde_json::from_str::<Value>(text).ok().filter(Value::is_object) else { return (true, true) };
    match tool.and_then(|tool| tool.parameters.as_deref()).map(|schema| broken(schema, &value)) {
        None => (false, true),
        Some(Some(fit)) => (fit.broken, !fit.partial || fit.broken),
        Some(None) => (false, false),
    }
}

/// Holds a value against a schema; `None` where that cannot be read.
fn broken(schema: &RawValue, value: &Value) -> Option<schema::Fit> {
    let schema = schema.get();
    if schema.len() > CHECKED_MAX {
        return None;
    }
    Some(schema::fit(&serde_json::from_str(schema).ok()?, value))
}

/// The last text that the user wrote.
pub(crate) fn last_of_user(ask: &Ask) -> &str {
    let message = ask.messages.iter().rev().find(|m| m.role == Role::User);
    message.and_then(|m| text_of(&m.content)).unwrap_or_default()
}

/// The last text of a message: what stands before it is most often what it is about.
fn text_of(content: &Content) -> Option<&str> {
    content.texts().last()
}

#[cfg(test)]
#[path = "check_tests.rs"]
mod tests;
