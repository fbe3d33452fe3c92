//! Step 3: the dialect's body becomes one canonical form (room `wire`).
//!
//! Never here: a second parse.

use crate::{Request, accept};
use decide::{Cause, Fault};
use wire::{Ask, Content, Endpoint, Part};

/// Characters of a model name at most.
const MODEL_MAX: usize = 256;
/// Messages of a request at most: a conversation of a million tokens at fifty each.
const MESSAGES_MAX: usize = 20_000;
/// Tools of a request at most. OpenAI takes 128; the rest is room for those who take more.
const TOOLS_MAX: usize = 4_096;

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
    for (field, many, most) in [("messages", ask.messages.len(), MESSAGES_MAX), ("tools", ask.tools.len(), TOOLS_MAX)] {
        if many > most {
            let shown = format!("`{field}` has {many} elements, and at most {most} are taken.");
            return Err(Fault::new(Cause::InvalidRequest, shown).at(field));
        }
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn asked(messages: usize, tools: usize) -> Result<Ask, Fault> {
        let messages = vec![r#"{"role":"user","content":"x"}"#; messages].join(",");
        let tools = vec![r#"{"type":"function","function":{"name":"a"}}"#; tools].join(",");
        let body = format!(r#"{{"model":"m","messages":[{messages}],"tools":[{tools}]}}"#);
        read(&Request {
            id: "r".into(),
            number: 1,
            endpoint: Endpoint::Chat,
            headers: http::HeaderMap::new(),
            body: body.into(),
            arrived: std::time::Instant::now(),
            arrived_unix_ms: 0,
        })
    }

    #[test]
    fn messages_and_tools_are_counted() {
        assert!(asked(MESSAGES_MAX, 1).is_ok() && asked(1, TOOLS_MAX).is_ok(), "at the limits");
        for (messages, tools, param) in [(MESSAGES_MAX + 1, 1, "messages"), (1, TOOLS_MAX + 1, "tools")] {
            let fault = asked(messages, tools).unwrap_err();
            assert_eq!((fault.cause, fault.param.as_deref()), (Cause::InvalidRequest, Some(param)), "{fault}");
        }
    }
}
