//! What no reader of texts can read, and texts that a message holds twice.
//!
//! Never here: the order of the fields.

use super::view::is_bytes;
use crate::extra;
use crate::json::lex::{self, Leaf, rewrite_leaves};
use crate::{Ask, Content, Message, Part};
use serde_json::value::RawValue;

/// Members of a message in which its reasoning stands a second time, under the name that it came with.
const REASONING: [&str; 3] = ["reasoning_content", "reasoning", "thinking"];

/// Whether the reasoning of a message is a copy of a member that is kept.
pub(super) fn keeps_reasoning(message: &Message) -> bool {
    message.reasoning.as_ref().is_some_and(|(_, signature)| signature.is_none())
        && message.extra.iter().any(|(key, _)| REASONING.contains(&&**key))
}

/// After a rewriting: what a message holds twice says the same again.
pub(super) fn agree(message: &mut Message) {
    if keeps_reasoning(message) {
        let kept = message.extra.iter().find(|(key, _)| REASONING.contains(&&**key));
        let text = kept.and_then(|(_, raw)| serde_json::from_str(raw.get()).ok());
        message.reasoning = text.map(|text: String| (text, None));
    }
    let Message { tool_calls, extra, .. } = message;
    for (_, raw) in extra.iter_mut().filter(|(key, _)| key == "tool_calls") {
        // A list of `{"id": …, "function": {"name": …, "arguments": …}}`, written from here by its dialect.
        let json = raw.get();
        let new = rewrite_leaves(json, |path, leaf, _| {
            let [lex::Step::Index(at), steps @ ..] = path else { return None };
            let call = tool_calls.get(*at).filter(|_| leaf == Leaf::Text)?;
            let steps: Vec<&str> = steps.iter().map(|s| s.key(json)).collect();
            match steps.as_slice() {
                ["id"] => Some(call.id.clone()),
                ["function" | "custom", "name"] => Some(call.name.clone()),
                ["function", "arguments"] | ["custom", "input"] => Some(call.arguments.clone()),
                _ => None,
            }
        });
        if let Some(new) = new.and_then(|new| RawValue::from_string(new).ok()) {
            *raw = new;
        }
    }
}

impl Ask {
    /// Whether anything in it cannot be read as text: images and audio (their addresses too, since their content is what
    /// counts), files, encrypted blocks, texts that came as token ids. It takes the class that was declared, never "clean".
    pub fn has_unscannable(&self) -> bool {
        let tokens = self.encode.as_ref().is_some_and(|e| !e.tokens.is_empty());
        // A prompt of token ids, which is kept whole.
        let prompt = extra::find(&self.extra, "prompt").is_some();
        tokens || prompt || self.messages.iter().any(in_message)
    }
}

fn in_message(message: &Message) -> bool {
    let parts: &[Part] = match &message.content {
        Content::Parts(parts) => parts,
        Content::None | Content::Text(_) => &[],
    };
    // Audio that the assistant said before is with its vendor; here is only its id. Anthropic's message that is kept
    // whole has its blocks as parts, too.
    let kept = message.extra.iter().any(|(_, raw)| holds_bytes(raw.get()));
    kept || parts.iter().any(|part| match part {
        Part::Text { .. } => false,
        Part::Image { .. } | Part::Audio { .. } => true,
        Part::Other { kind, raw } => !is_readable(kind, raw.get()),
    })
}

/// Whether a string in it is the bytes of a file, which no field shows.
fn holds_bytes(json: &str) -> bool {
    let mut holds = false;
    lex::leaves(json, |_, _, at| holds |= is_bytes(json.get(at).unwrap_or_default()));
    holds
}

/// Whether a part that is kept whole is made of text only: one of these kinds, and no member in it that holds bytes.
fn is_readable(kind: &str, json: &str) -> bool {
    const TEXTS: [&str; 6] =
        ["refusal", "search_result", "document", "server_tool_use", "mcp_tool_use", "mcp_tool_result"];
    const BYTES: [&str; 8] =
        ["file_data", "file_id", "url", "encrypted_content", "encrypted_index", "image_url", "input_audio", "base64"];
    let mut readable = TEXTS.contains(&kind) && !holds_bytes(json);
    lex::leaves(json, |path, leaf, at| {
        let key = path.last().map_or("", |step| step.key(json));
        match leaf {
            Leaf::Key => readable &= !BYTES.contains(&key) && !key.contains('\\'),
            // `source: {"type": "base64" | "url" | "file" | "image"}`; of text it is `text` or `content`.
            Leaf::Text if key == "type" => {
                let what = json.get(at).unwrap_or_default();
                readable &= !["base64", "url", "file", "image", "document"].contains(&what)
                    || (path.len() == 1 && what == kind);
            }
            Leaf::Text | Leaf::Number => {}
        }
    });
    readable
}
