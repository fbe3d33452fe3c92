//! Messages of Anthropic's requests, read: one of theirs becomes one or several canonical ones.

use super::block::Block;
use super::block_out;
use crate::extra::{self, missing};
use crate::json::fault::Trail;
use crate::json::read::{Members, Read, Str, StrOr, Value, fresh};
use crate::json::write::list;
use crate::{Content, Extra, Message, Part, Role};
use serde::de::{Deserializer, Error, MapAccess};

/// One message of theirs.
pub(super) struct Turn(pub(super) Vec<Message>);

#[derive(Default)]
struct TurnIn<'de> {
    role: Option<Str<'de>>,
    content: Option<StrOr<Block>>,
    extra: Extra,
}

impl<'de> Members<'de> for TurnIn<'de> {
    const WHAT: &'static str = "a message (an object)";

    fn member<A: MapAccess<'de>>(&mut self, key: &str, value: Value<'_, A>) -> Result<(), A::Error> {
        match key {
            "role" => {
                value.once(&mut self.role)?;
                let known = ["user", "assistant", "system"];
                if !self.role.as_ref().is_some_and(|r| known.contains(&&*r.0)) {
                    return Err(A::Error::custom("must be user or assistant"));
                }
            }
            "content" => value.once(&mut self.content)?,
            _ => self.extra.push((key.to_owned(), value.get()?)),
        }
        Ok(())
    }
}

impl<'de> Read<'de> for Turn {
    fn read<D: Deserializer<'de>>(from: D, trail: &Trail) -> Result<Turn, D::Error> {
        let turn: TurnIn<'de> = fresh(from, trail)?;
        // It becomes a message, and is moved once into the list of all.
        trail.spend(2 * size_of::<Message>())?;
        let Some(role) = turn.role else {
            return Err(missing(trail, "role", "is missing; a message needs a `role`, \"user\" or \"assistant\""));
        };
        let role = match &*role.0 {
            "assistant" => Role::Assistant,
            "system" => Role::System,
            _ => Role::User,
        };
        let blocks = match turn.content {
            None => return Err(missing(trail, "content", "is missing; send a string or a list of blocks")),
            Some(StrOr::Str(text)) => {
                return Ok(Turn(vec![Message { extra: turn.extra, ..Message::text(role, text) }]));
            }
            Some(StrOr::List(blocks)) => blocks,
        };
        let mut messages = if role == Role::Assistant { vec![assistant(blocks)] } else { user(role, blocks) };
        if let Some(last) = messages.last_mut() {
            last.extra.extend(turn.extra);
        }
        Ok(Turn(messages))
    }
}

/// The canonical form has one order: thinking, then what is shown, then calls. A message in another order, or with more
/// in it than that form holds, is kept whole as well (`extra["content"]`): signatures are only valid in place.
fn assistant(blocks: Vec<Block>) -> Message {
    let mut message = Message::text(Role::Assistant, "");
    if !is_canonical(&blocks) {
        let mut out = Vec::new();
        list(&mut out, |l| blocks.iter().for_each(|b| block_out::block(l, b)));
        message.extra.extend(extra::from_bytes(out).map(|raw| ("content".to_owned(), raw)));
    }
    let mut parts = Vec::new();
    for block in blocks {
        match block {
            Block::Part(part) => parts.push(part),
            Block::Thinking { text, signature } => {
                let slot = message.reasoning.get_or_insert_default();
                slot.0.push_str(&text);
                slot.1 = signature.or(slot.1.take());
            }
            Block::Call { call, .. } => message.tool_calls.push(call),
            Block::Result(result) => parts.extend(result.content.texts().map(text)),
        }
    }
    message.content = if parts.is_empty() { Content::None } else { Content::Parts(parts) };
    message
}

fn text(text: &str) -> Part {
    Part::Text { text: text.to_owned(), extra: Vec::new() }
}

fn is_canonical(blocks: &[Block]) -> bool {
    let rank = |block: &Block| match block {
        Block::Thinking { .. } => 0,
        Block::Part(_) => 1,
        Block::Call { .. } => 2,
        Block::Result(_) => 3,
    };
    let ordered = blocks.is_sorted_by_key(rank);
    let thoughts = blocks.iter().filter(|b| rank(b) == 0).count();
    let plain = |block: &Block| match block {
        Block::Call { extra, .. } => extra.is_empty(),
        Block::Result(_) => false,
        Block::Part(_) | Block::Thinking { .. } => true,
    };
    ordered && thoughts <= 1 && blocks.iter().all(plain)
}

/// Each tool result becomes a message of its own; what stands between stays between.
fn user(role: Role, blocks: Vec<Block>) -> Vec<Message> {
    let mut messages = Vec::new();
    let mut parts = Vec::new();
    for block in blocks {
        match block {
            Block::Part(part) => parts.push(part),
            Block::Thinking { text: said, .. } => parts.push(text(&said)),
            // Anthropic refuses this; its arguments are kept as text so that nothing is lost on the way to the refusal.
            Block::Call { call, .. } => parts.push(text(&call.arguments)),
            Block::Result(result) => {
                flush(role, &mut parts, &mut messages);
                messages.push(*result);
            }
        }
    }
    flush(role, &mut parts, &mut messages);
    if messages.is_empty() {
        messages.push(Message { content: Content::Parts(Vec::new()), ..Message::text(role, "") });
    }
    messages
}

fn flush(role: Role, parts: &mut Vec<Part>, messages: &mut Vec<Message>) {
    if !parts.is_empty() {
        let content = Content::Parts(std::mem::take(parts));
        messages.push(Message { content, ..Message::text(role, "") });
    }
}
