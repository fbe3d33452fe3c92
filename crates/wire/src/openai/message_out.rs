//! Messages written for an upstream of OpenAI's dialect.

use crate::extra;
use crate::json::write::{List, Object, list};
use crate::{Ask, Content, Dialect, Media, Message, Part, Role, ToolCall};

/// Writes the list of messages. Without `developer` the upstream is told `system`, which is the same to it.
pub(super) fn write(out: &mut Vec<u8>, ask: &Ask, developer: bool) {
    list(out, |l| {
        if is_native(ask) {
            return ask.messages.iter().for_each(|m| native(l, m, developer));
        }
        let mut images = Vec::new();
        for message in &ask.messages {
            if message.role != Role::Tool && message.role != Role::User {
                user_images(l, &mut images);
            }
            foreign(l, message, &mut images);
        }
        user_images(l, &mut images);
    });
}

/// A message that came in this dialect: every member as it was.
fn native(l: &mut List<'_>, m: &Message, developer: bool) {
    l.object(|o| {
        match extra::find(&m.extra, "role") {
            Some(role) => o.raw("role", role),
            None if m.role == Role::Developer && !developer => o.str("role", "system"),
            None => o.str("role", role(m.role)),
        }
        match &m.content {
            Content::None => o.null("content"),
            Content::Text(text) => o.str("content", text),
            Content::Parts(parts) => o.list("content", |l| parts.iter().for_each(|p| part(l, p, true))),
        }
        members(o, m, extra::find(&m.extra, "tool_calls").is_none());
        m.extra.iter().filter(|(k, _)| k != "role").for_each(|(k, v)| o.raw(k, v));
    });
}

/// A message of another dialect. Its reasoning stays behind: OpenAI refuses members that it does not know.
fn foreign<'a>(l: &mut List<'_>, m: &'a Message, images: &mut Vec<&'a Part>) {
    let parts = match &m.content {
        Content::Parts(parts) => parts.as_slice(),
        _ => &[],
    };
    if m.role == Role::Tool {
        // A tool message takes text only; what it shows follows as the user's.
        images.extend(parts.iter().filter(|p| matches!(p, Part::Image { .. })));
    }
    let listed = m.role == Role::User && (parts.len() > 1 || !images.is_empty() || has_media(parts));
    l.object(|o| {
        o.str("role", role(m.role));
        if listed {
            o.list("content", |l| {
                images.drain(..).for_each(|p| part(l, p, false));
                match &m.content {
                    Content::Text(text) => text_part(l, text),
                    _ => parts.iter().for_each(|p| part(l, p, false)),
                }
            });
        } else {
            match m.flat() {
                // Null stands beside calls; elsewhere some servers refuse it.
                text if text.is_empty() && !m.tool_calls.is_empty() => o.null("content"),
                text => o.str("content", &text),
            }
        }
        members(o, m, true);
    });
}

fn has_media(parts: &[Part]) -> bool {
    parts.iter().any(|p| matches!(p, Part::Image { .. } | Part::Audio { .. }))
}

/// Images of tool results that no user message follows.
fn user_images(l: &mut List<'_>, images: &mut Vec<&Part>) {
    if !images.is_empty() {
        l.object(|o| {
            o.str("role", "user");
            o.list("content", |l| images.drain(..).for_each(|p| part(l, p, false)));
        });
    }
}

fn members(o: &mut Object<'_>, m: &Message, with_calls: bool) {
    for (key, text) in [("name", &m.name), ("tool_call_id", &m.tool_call_id), ("refusal", &m.refusal)] {
        if let Some(text) = text {
            o.str(key, text);
        }
    }
    if with_calls && !m.tool_calls.is_empty() {
        o.list("tool_calls", |l| m.tool_calls.iter().for_each(|c| write_call(l, c)));
    }
}

/// Writes a whole tool call, in a request or an answer.
pub(super) fn write_call(l: &mut List<'_>, call: &ToolCall) {
    l.object(|o| {
        o.str("id", &call.id);
        o.str("type", "function");
        o.object("function", |o| {
            o.str("name", &call.name);
            o.str("arguments", &call.arguments);
        });
    });
}

fn role(role: Role) -> &'static str {
    match role {
        Role::System => "system",
        Role::Developer => "developer",
        Role::User => "user",
        Role::Assistant => "assistant",
        Role::Tool => "tool",
    }
}

fn text_part(l: &mut List<'_>, text: &str) {
    l.object(|o| {
        o.str("type", "text");
        o.str("text", text);
    });
}

fn part(l: &mut List<'_>, part: &Part, native: bool) {
    let (key, extra) = match part {
        Part::Text { extra, .. } => ("", extra),
        Part::Image { extra, .. } => ("image_url", extra),
        Part::Audio { extra, .. } => ("input_audio", extra),
        Part::Other { raw, .. } => {
            if native {
                l.raw(raw);
            }
            return;
        }
    };
    let left = extra::find(extra, key).filter(|_| native);
    l.object(|o| {
        match part {
            Part::Text { text, .. } => {
                o.str("type", "text");
                o.str("text", text);
            }
            Part::Image { media, detail, .. } => {
                o.str("type", key);
                o.object(key, |o| {
                    url(o, media);
                    if let Some(detail) = detail {
                        o.str("detail", detail);
                    }
                    left.into_iter().for_each(|left| o.members_of(left));
                });
            }
            Part::Audio { data, format, .. } => {
                o.str("type", key);
                o.object(key, |o| {
                    o.str("data", data);
                    o.str("format", format);
                    left.into_iter().for_each(|left| o.members_of(left));
                });
            }
            Part::Other { .. } => {}
        }
        if native {
            extra.iter().filter(|(k, _)| k != key).for_each(|(k, v)| o.raw(k, v));
        }
    });
}

fn url(o: &mut Object<'_>, media: &Media) {
    match media {
        Media::Url(url) => o.str("url", url),
        Media::Base64 { media_type, data } => o.joined("url", &["data:", media_type, ";base64,", data]),
    }
}

/// Whether extra members of this request mean something to OpenAI's dialect.
pub(super) fn is_native(ask: &Ask) -> bool {
    ask.endpoint.dialect() == Dialect::Openai
}
