//! Step 3: the dialect's body becomes one canonical form (room `wire`).
//!
//! Never here: a second parse.

use crate::{Request, accept};
use decide::{Cause, Fault};
use wire::{Ask, Endpoint};

/// Characters of a model name at most.
const MODEL_MAX: usize = 256;

/// Reads the body of a request.
pub(crate) fn read(request: &Request) -> Result<Ask, Fault> {
    let read = match request.endpoint {
        Endpoint::Chat => wire::openai::read_chat,
        Endpoint::Completions => wire::openai::read_completions,
        Endpoint::Messages => wire::anthropic::read_messages,
    };
    let mut ask = read(&request.body).map_err(|e| accept::malformed(&e))?;
    if ask.model.len() > MODEL_MAX || ask.model.chars().any(char::is_control) {
        let shown = format!("`model` must be at most {MODEL_MAX} characters without control characters.");
        return Err(Fault::new(Cause::InvalidRequest, shown).at("model"));
    }
    ask.id = request.number;
    Ok(ask)
}
