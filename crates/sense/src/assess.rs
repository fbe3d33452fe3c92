//! Step "assess": one request in, what it needs out.
//!
//! Never here: keys, classes and headers (the gateway adds them).

use crate::difficulty::{self, Estimate};
use crate::scan::{self, Reading};
use crate::task::Elected;
use crate::{outlook, prefix, task, tokens};
use decide::{Difficulty, Language, Need, Task};
use std::cell::LazyCell;
use wire::{Ask, Endpoint, Format, Role, ToolChoice};

/// Reasons kept for `explain`.
const SIGNALS: usize = 4;
/// Bytes of the operator's prompt that are read, at each end.
const OPERATOR_WINDOW: usize = 512;
/// Words of a message that may be no more than a follow-up of the one before.
const FOLLOW_UP_WORDS: u32 = 8;
/// Bytes of a text whose language is told.
const LANGUAGE_WINDOW: usize = 1024;
/// Characters of a session key; longer ones are cut (a convention of this ecosystem).
const SESSION_CHARS: usize = 255;

/// Reads what a request needs.
///
/// Fills what the request itself says. Left at their defaults for the gateway: `class`, `places_allowed`,
/// `models_allowed`, `no_fallback`. `session` is filled from the body only (`prompt_cache_key`, else Anthropic's
/// `metadata.user_id`); a header of the caller goes before it. `output_tokens` are those of one choice.
///
/// Never fails. Work is bounded: of each text only the ends are read, so a prompt of 10 MB costs about as much as one
/// of 10 kB; only the number of messages, parts and tools counts in full.
pub fn assess(ask: &Ask) -> Need {
    if ask.endpoint.encodes() {
        return encoding(ask);
    }
    let (reading, elected, mut estimate) = read_user(ask);
    difficulty::add_request(&mut estimate, ask);
    let history_of_tools = ask.messages.iter().filter(|m| m.role == Role::Tool || !m.tool_calls.is_empty()).count();
    let calls = !ask.tools.is_empty() && !matches!(ask.tool_choice, Some(ToolChoice::None));
    let kind = match calls {
        true if history_of_tools > 0 => Task::Agent,
        true => Task::Tool,
        false => elected.task,
    };
    if calls {
        difficulty::add_tools(&mut estimate, &reading, ask.tools.len(), history_of_tools);
    }
    let text_only = matches!(ask.format, None | Some(Format::Text));
    Need {
        ask_id: ask.id,
        model: ask.model.clone(),
        task: kind,
        difficulty: Difficulty(estimate.per_mille()),
        signals: estimate.reasons(SIGNALS).map(str::to_owned).collect(),
        outlook: Some(outlook::of(ask, kind, elected, &reading)),
        language: reading.tongues.language(),
        input_tokens: tokens::input(ask),
        output_tokens: tokens::output(ask, kind, &reading),
        tools: !ask.tools.is_empty() || history_of_tools > 0,
        json_schema: !text_only,
        vision: ask.has_images(),
        audio: ask.has_audio() || ask.extra.iter().any(|(name, _)| name == "audio"),
        logprobs: ask.logprobs.is_some(),
        completions: ask.endpoint == Endpoint::Completions,
        unscanned: ask.has_unscannable(),
        session: session(ask),
        prefix_hash: prefix::of(ask),
        ..Need::default()
    }
}

/// The language of a text, read at its beginning; `None` where common words and scripts do not tell.
pub fn language(text: &str) -> Option<Language> {
    scan::scan_within(&text[..text.floor_char_boundary(LANGUAGE_WINDOW)], LANGUAGE_WINDOW).tongues.language()
}

/// Texts to be turned into vectors or scores are not a task to be judged: nothing in them is asked of a model.
fn encoding(ask: &Ask) -> Need {
    Need {
        ask_id: ask.id,
        model: ask.model.clone(),
        input_tokens: tokens::encoded(ask),
        embeddings: ask.endpoint == Endpoint::Embeddings,
        rerank: ask.endpoint == Endpoint::Rerank,
        unscanned: ask.has_unscannable(),
        ..Need::default()
    }
}

/// The last user message, its task and its estimate. A short message without a task of its own ("continue", "and for
/// seven?") is taken to be about the user message before it, when that is harder.
fn read_user(ask: &Ask) -> (Reading, Elected, Estimate) {
    // Read only where the user's text leaves its task open.
    let operator = LazyCell::new(|| operator(ask));
    let mut users = ask.messages.iter().rev().filter(|m| m.role == Role::User);
    let last = users.next().map(|m| scan::scan_content(&m.content)).unwrap_or_default();
    let elected = task::of_both(&last, || operator.as_ref());
    let estimate = difficulty::of_text(elected.task, &last);
    let open = matches!(elected.task, Task::Chat | Task::Answer);
    if !open || last.words > FOLLOW_UP_WORDS || last.count(crate::lexicon::Cue::Greet) > 0 {
        return (last, elected, estimate);
    }
    let Some(before) = users.next().map(|m| scan::scan_content(&m.content)) else {
        return (last, elected, estimate);
    };
    let earlier = task::of_both(&before, || operator.as_ref());
    let mut inherited = difficulty::of_text(earlier.task, &before);
    if inherited.per_mille() <= estimate.per_mille() {
        return (last, elected, estimate);
    }
    inherited.follows();
    (last, earlier, inherited)
}

/// Reads the first prompt of the operator.
fn operator(ask: &Ask) -> Option<Reading> {
    let message = ask.messages.iter().find(|m| matches!(m.role, Role::System | Role::Developer))?;
    message.content.texts().next().map(|text| scan::scan_within(text, OPERATOR_WINDOW))
}

/// The session key that stands in the body.
fn session(ask: &Ask) -> Option<String> {
    let user = ask.user.as_deref().filter(|_| ask.endpoint == Endpoint::Messages);
    let key = [ask.cache_key.as_deref(), user].into_iter().flatten().map(str::trim).find(|key| !key.is_empty())?;
    Some(key.chars().take(SESSION_CHARS).collect())
}
