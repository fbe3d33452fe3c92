//! What Anthropic answers, plain or one event of a stream; the members that both have are read by the same types.
//!
//! Read leniently, as all answers are.

use super::finish::UsageIn;
use crate::json::loose::Loose;
use crate::json::read::{Members, Value, readable};
use serde::de::MapAccess;
use serde_json::value::RawValue;

/// A message, whole or as a stream begins it.
#[derive(Default)]
pub(super) struct MessageIn<'de> {
    pub(super) kind: Loose<'de>,
    pub(super) id: Loose<'de>,
    pub(super) model: Loose<'de>,
    pub(super) content: Option<Vec<BlockIn<'de>>>,
    pub(super) stop_reason: Loose<'de>,
    pub(super) stop_sequence: Loose<'de>,
    pub(super) usage: UsageIn,
}

impl<'de> Members<'de> for MessageIn<'de> {
    fn member<A: MapAccess<'de>>(&mut self, key: &str, value: Value<'_, A>) -> Result<(), A::Error> {
        match key {
            "type" => self.kind = value.get()?,
            "id" => self.id = value.get()?,
            "model" => self.model = value.get()?,
            "content" => self.content = value.get()?,
            "stop_reason" => self.stop_reason = value.get()?,
            "stop_sequence" => self.stop_sequence = value.get()?,
            "usage" => value.fill(&mut self.usage)?,
            _ => value.skip()?,
        }
        Ok(())
    }
}

/// A block, its beginning, or a delta of it.
#[derive(Default)]
pub(super) struct BlockIn<'de> {
    pub(super) kind: Loose<'de>,
    pub(super) text: Loose<'de>,
    pub(super) thinking: Loose<'de>,
    pub(super) signature: Loose<'de>,
    pub(super) partial_json: Loose<'de>,
    pub(super) id: Loose<'de>,
    pub(super) name: Loose<'de>,
    pub(super) input: Option<&'de RawValue>,
    /// In `message_delta`.
    pub(super) stop_reason: Loose<'de>,
    /// In `message_delta`.
    pub(super) stop_sequence: Loose<'de>,
}

impl<'de> Members<'de> for BlockIn<'de> {
    fn member<A: MapAccess<'de>>(&mut self, key: &str, value: Value<'_, A>) -> Result<(), A::Error> {
        match key {
            "type" => self.kind = value.get()?,
            "text" => self.text = value.get()?,
            "thinking" => self.thinking = value.get()?,
            "signature" => self.signature = value.get()?,
            "partial_json" => self.partial_json = value.get()?,
            "id" => self.id = value.get()?,
            "name" => self.name = value.get()?,
            "input" => self.input = value.get()?,
            "stop_reason" => self.stop_reason = value.get()?,
            "stop_sequence" => self.stop_sequence = value.get()?,
            _ => value.skip()?,
        }
        Ok(())
    }
}
readable!(BlockIn<'de>);

/// One event of a stream.
#[derive(Default)]
pub(super) struct EventIn<'de> {
    pub(super) kind: Loose<'de>,
    pub(super) index: Loose<'de>,
    pub(super) message: MessageIn<'de>,
    /// `content_block` or `delta`.
    pub(super) block: BlockIn<'de>,
    pub(super) usage: UsageIn,
}

impl<'de> Members<'de> for EventIn<'de> {
    fn member<A: MapAccess<'de>>(&mut self, key: &str, value: Value<'_, A>) -> Result<(), A::Error> {
        match key {
            "type" => self.kind = value.get()?,
            "index" => self.index = value.get()?,
            "message" => value.fill(&mut self.message)?,
            "content_block" | "delta" => value.fill(&mut self.block)?,
            "usage" => value.fill(&mut self.usage)?,
            _ => value.skip()?,
        }
        Ok(())
    }
}
