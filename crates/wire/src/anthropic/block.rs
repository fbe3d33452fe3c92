//! Content blocks of Anthropic's requests, read.
//!
//! Never here: decoding of media, or the meaning of a block this gateway does not know (kept whole).

use crate::extra::{self, Rest, keep, late, missing, take};
use crate::json::fault::Trail;
use crate::json::read::{Members, Read, Str, StrOr, Value, fresh, readable};
use crate::{Content, Extra, Media, Message, Part, Role, ToolCall};
use serde::de::{Deserializer, Error, MapAccess};
use serde_json::value::RawValue;
use std::borrow::Cow;

/// One block, by what becomes of it.
pub(super) enum Block {
    /// Text, image, or a block kept whole.
    Part(Part),
    /// `thinking`.
    Thinking { text: String, signature: Option<String> },
    /// `tool_use`.
    Call { call: ToolCall, extra: Extra },
    /// `tool_result`, as the message it becomes.
    Result(Box<Message>),
}

#[derive(Default)]
struct BlockIn<'de> {
    kind: Option<Str<'de>>,
    text: Option<String>,
    source: Option<SourceIn<'de>>,
    content: Option<Inner>,
    rest: Rest<'de>,
}

impl<'de> Members<'de> for BlockIn<'de> {
    const WHAT: &'static str = "a content block (an object)";

    fn member<A: MapAccess<'de>>(&mut self, key: &str, value: Value<'_, A>) -> Result<(), A::Error> {
        let kind = self.kind.as_ref().map_or("", |k| &*k.0);
        match (key, kind) {
            ("type", _) => value.once(&mut self.kind)?,
            ("text", "text") => value.once(&mut self.text)?,
            ("source", "image") => value.once(&mut self.source)?,
            ("content", "tool_result") => value.once(&mut self.content)?,
            _ => self.rest.push((Str(Cow::Owned(key.to_owned())), value.get()?)),
        }
        Ok(())
    }
}

impl<'de> Read<'de> for Block {
    fn read<D: Deserializer<'de>>(from: D, trail: &Trail) -> Result<Block, D::Error> {
        let mut block: BlockIn<'de> = fresh(from, trail)?;
        let Some(kind) = block.kind.take() else {
            return Err(missing(trail, "type", "is missing; a block needs a `type`, for example \"text\""));
        };
        match &*kind.0 {
            "text" => {
                let text = late(block.text.take(), &mut block.rest, "text", trail)?;
                Ok(Block::Part(Part::Text { text, extra: keep(block.rest) }))
            }
            "image" => image(block, trail),
            "thinking" => {
                let text = late(None, &mut block.rest, "thinking", trail)?;
                let signature = take(&mut block.rest, "signature").and_then(|s| serde_json::from_str(s.get()).ok());
                Ok(Block::Thinking { text, signature: signature.filter(|s: &String| !s.is_empty()) })
            }
            "tool_use" => call(block, trail),
            "tool_result" => result(block, trail),
            _ => whole(&kind.0, &block.rest),
        }
    }
}

/// A block that is kept as it came.
fn whole<E: Error>(kind: &str, rest: &Rest<'_>) -> Result<Block, E> {
    let raw = extra::raw(|o| {
        o.str("type", kind);
        rest.iter().for_each(|(k, v)| o.raw(&k.0, v));
    });
    let raw = raw.ok_or_else(|| E::custom("cannot be kept as it is"))?;
    Ok(Block::Part(Part::Other { kind: kind.to_owned(), raw }))
}

fn image<E: Error>(mut block: BlockIn<'_>, trail: &Trail) -> Result<Block, E> {
    let source: SourceIn<'_> = late(block.source.take(), &mut block.rest, "source", trail)?;
    let kind = source.kind.as_ref().map_or("", |k| &*k.0);
    let media = match (kind, source.data, source.url) {
        ("base64", Some(data), _) => {
            Media::Base64 { media_type: source.media_type.unwrap_or_else(|| "image/png".to_owned()), data }
        }
        ("url", _, Some(url)) => Media::Url(url),
        ("base64" | "url", ..) => {
            return Err(missing(trail, "source", "needs `data` for base64, or `url` for a URL"));
        }
        // A file of the Files API: only Anthropic can read it.
        _ => {
            let inner = extra::raw(|o| {
                o.str("type", kind);
                source.rest.iter().for_each(|(k, v)| o.raw(&k.0, v));
            });
            let mut rest: Rest<'_> = block.rest;
            rest.extend(inner.iter().map(|inner| (Str(Cow::Borrowed("source")), &**inner)));
            return whole("image", &rest);
        }
    };
    Ok(Block::Part(Part::Image { media, detail: None, extra: keep(block.rest) }))
}

fn call<E: Error>(mut block: BlockIn<'_>, trail: &Trail) -> Result<Block, E> {
    let id = late(None, &mut block.rest, "id", trail)?;
    let name = late(None, &mut block.rest, "name", trail)?;
    let input = take(&mut block.rest, "input").map_or("{}", RawValue::get).to_owned();
    Ok(Block::Call { call: ToolCall { id, name, arguments: input }, extra: keep(block.rest) })
}

fn result<E: Error>(mut block: BlockIn<'_>, trail: &Trail) -> Result<Block, E> {
    let id: String = late(None, &mut block.rest, "tool_use_id", trail)?;
    let is_error = take(&mut block.rest, "is_error").is_some_and(|raw| raw.get() == "true");
    let content = match (block.content, block.rest.iter().any(|(k, _)| k.0 == "content")) {
        (None, true) => late::<Inner, E>(None, &mut block.rest, "content", trail)?.0,
        (content, _) => content.map_or(Content::None, |c| c.0),
    };
    Ok(Block::Result(Box::new(Message {
        content,
        tool_call_id: Some(id),
        is_error,
        extra: keep(block.rest),
        ..Message::text(Role::Tool, "")
    })))
}

#[derive(Default)]
struct SourceIn<'de> {
    kind: Option<Str<'de>>,
    media_type: Option<String>,
    data: Option<String>,
    url: Option<String>,
    rest: Rest<'de>,
}

impl<'de> Members<'de> for SourceIn<'de> {
    fn member<A: MapAccess<'de>>(&mut self, key: &str, value: Value<'_, A>) -> Result<(), A::Error> {
        match key {
            "type" => value.once(&mut self.kind)?,
            "media_type" => self.media_type = value.get()?,
            "data" => value.once(&mut self.data)?,
            "url" => value.once(&mut self.url)?,
            _ => self.rest.push((Str(Cow::Owned(key.to_owned())), value.get()?)),
        }
        Ok(())
    }
}
readable!(SourceIn<'de>);

/// Content in which only parts can stand: of a tool result, and the system prompt.
pub(super) struct Inner(pub(super) Content);

impl<'de> Read<'de> for Inner {
    fn read<D: Deserializer<'de>>(from: D, trail: &Trail) -> Result<Inner, D::Error> {
        let content = match Option::<StrOr<Block>>::read(from, trail)? {
            None => Content::None,
            Some(StrOr::Str(text)) => Content::Text(text),
            Some(StrOr::List(blocks)) => {
                let part = |(at, block)| match block {
                    Block::Part(part) => Ok(part),
                    _ => {
                        trail.key("type");
                        trail.index(at);
                        Err(D::Error::custom("cannot stand here; use text, image or document blocks"))
                    }
                };
                Content::Parts(blocks.into_iter().enumerate().map(part).collect::<Result<_, _>>()?)
            }
        };
        Ok(Inner(content))
    }
}
