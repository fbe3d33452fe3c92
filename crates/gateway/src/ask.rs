//! Step 3: the dialect's body becomes one canonical form (room `wire`).
//!
//! Never here: a second parse.

use crate::{Request, accept};
use decide::{Cause, Fault};
use wire::{Ask, Content, Endpoint, Part};

/// Characters of a model name at most.
const MODEL_MAX: usize = 256;

/// Reads the body of a request.
pub(crate) fn read(request: &Request) -> Result<Ask, Fault> {
    let read = match request.endpoint {
        Endpoint::Chat => wire::openai::read_chat,
        Endpoint::Completions => wire::openai::read_completions,
        Endpoint::Messages => wire::anthropic::read_messages,
        Endpoint::Embeddings => wire::openai::read_embeddings,
        Endpoint::Rerank => wire::openai::read_rerank,
    };
    let mut ask = read(&request.body).map_err(|e| accept::malformed(&e))?;
    if ask.model.len() > MODEL_MAX || ask.model.chars().any(char::is_control) {
        let shown = format!("`model` must be at most {MODEL_MAX} characters without control characters.");
        return Err(Fault::new(Cause::InvalidRequest, shown).at("model"));
    }
    known_parts(&ask)?;
    ask.id = request.number;
    Ok(ask)
}

/// Parts that are documented by a vendor but have no canonical form; they go to places of the same dialect as they came.
const KEPT_PARTS: [&str; 15] = [
    "file",
    "refusal",
    "video_url",
    "document",
    "search_result",
    "redacted_thinking",
    "container_upload",
    "server_tool_use",
    "web_search_tool_result",
    "web_fetch_tool_result",
    "code_execution_tool_result",
    "bash_code_execution_tool_result",
    "text_editor_code_execution_tool_result",
    "mcp_tool_use",
    "mcp_tool_result",
];

/// Refuses content parts that nobody documents: they would be dropped somewhere, and the answer would be about less
/// than was asked.
fn known_parts(ask: &Ask) -> Result<(), Fault> {
    for (i, message) in ask.messages.iter().enumerate() {
        let Content::Parts(parts) = &message.content else { continue };
        for (j, part) in parts.iter().enumerate() {
            if let Part::Other { kind, .. } = part
                && !KEPT_PARTS.contains(&kind.as_str())
            {
                let kind: String = kind.chars().take(40).collect();
                let shown =
                    format!("The content part type `{kind}` is not known. Use text, an image, audio or a file.");
                return Err(Fault::new(Cause::InvalidRequest, shown).at(format!("messages[{i}].content[{j}].type")));
            }
        }
    }
    Ok(())
}
