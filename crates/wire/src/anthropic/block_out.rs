//! Content blocks written for an upstream of Anthropic's dialect.

use super::block::Block;
use crate::extra;
use crate::json::write::{List, Object};
use crate::{Content, Extra, Media, Message, Part, ToolCall};

/// A block as it was read.
pub(super) fn block(l: &mut List<'_>, block: &Block) {
    match block {
        Block::Part(p) => part(l, p, true),
        Block::Thinking { text, signature } => thinking(l, text, signature.as_deref().unwrap_or_default()),
        Block::Call { call: c, extra } => call(l, c, extra, true),
        Block::Result(message) => result(l, message, true),
    }
}

/// A part. `native`: it came in this dialect, so its other members mean something here; of another dialect only
/// `cache_control` does, which clients of OpenAI's dialect send for models behind this one.
pub(super) fn part(l: &mut List<'_>, part: &Part, native: bool) {
    match part {
        // Anthropic refuses empty text; in a request of its own dialect it says so itself.
        Part::Text { text, .. } if text.is_empty() && !native => {}
        Part::Text { text, extra } => l.object(|o| {
            o.str("type", "text");
            o.str("text", text);
            rest(o, extra, native);
        }),
        Part::Image { media, extra, .. } => l.object(|o| {
            o.str("type", "image");
            o.object("source", |o| source(o, media));
            rest(o, extra, native);
        }),
        Part::Other { raw, .. } if native => l.raw(raw),
        Part::Other { .. } | Part::Audio { .. } => {}
    }
}

fn rest(o: &mut Object<'_>, extra: &Extra, native: bool) {
    extra.iter().filter(|(k, _)| native || k == "cache_control").for_each(|(k, v)| o.raw(k, v));
}

fn source(o: &mut Object<'_>, media: &Media) {
    match media {
        Media::Url(url) => {
            o.str("type", "url");
            o.str("url", url);
        }
        Media::Base64 { media_type, data } => {
            o.str("type", "base64");
            o.str("media_type", media_type);
            o.str("data", data);
        }
    }
}

/// `thinking`.
pub(super) fn thinking(l: &mut List<'_>, text: &str, signature: &str) {
    l.object(|o| {
        o.str("type", "thinking");
        o.str("thinking", text);
        o.str("signature", signature);
    });
}

/// `tool_use`.
pub(super) fn call(l: &mut List<'_>, call: &ToolCall, extra: &Extra, native: bool) {
    l.object(|o| {
        o.str("type", "tool_use");
        id(o, "id", &call.id, native);
        o.str("name", &call.name);
        o.object_text("input", &call.arguments);
        rest(o, extra, native);
    });
}

/// `tool_result`.
pub(super) fn result(l: &mut List<'_>, message: &Message, native: bool) {
    l.object(|o| {
        o.str("type", "tool_result");
        id(o, "tool_use_id", message.tool_call_id.as_deref().unwrap_or_default(), native);
        match &message.content {
            Content::None => {}
            Content::Text(text) => o.str("content", text),
            Content::Parts(parts) => o.list("content", |l| parts.iter().for_each(|p| part(l, p, native))),
        }
        if message.is_error {
            o.bool("is_error", true);
        }
        if let Some(cache) = extra::find(&message.extra, "cache_control") {
            o.raw("cache_control", cache);
        }
        if native {
            message.extra.iter().filter(|(k, _)| k != "cache_control").for_each(|(k, v)| o.raw(k, v));
        }
    });
}

/// An id of another dialect may have characters that Anthropic refuses (`^[a-zA-Z0-9_-]+$`). Replaced the same way in
/// the call and in its result, so that they still meet.
fn id(o: &mut Object<'_>, key: &str, id: &str, native: bool) {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if native || id.chars().all(fits) {
        return o.str(key, id);
    }
    let clean: String = id.chars().map(|c| if fits(c) { c } else { '_' }).collect();
    o.str(key, &clean);
}
