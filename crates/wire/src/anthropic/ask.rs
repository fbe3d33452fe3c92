//! Requests of `POST /v1/messages` and `/v1/messages/count_tokens`, read.

use super::block::Inner;
use super::tool::{ChoiceIn, ToolsIn};
use super::turn::Turn;
use crate::extra::{self, Rest};
use crate::json;
use crate::json::fault::Trail;
use crate::json::read::{Members, Read, Str, Value, readable, request};
use crate::{Ask, Content, Endpoint, Format, Message, Role, WireError};
use serde::de::{Deserializer, Error, MapAccess};
use serde_json::value::RawValue;
use std::borrow::Cow;

/// Reads the body of `POST /v1/messages`.
///
/// # Errors
/// Names the field at fault, what was expected and what came.
pub fn read_messages(body: &[u8]) -> Result<Ask, WireError> {
    let ask = read_count_tokens(body)?;
    if ask.max_tokens.is_none() {
        return Err(missing("max_tokens", "this API demands it, for example 1024"));
    }
    Ok(ask)
}

/// Reads the body of `POST /v1/messages/count_tokens`: the same without `max_tokens`.
///
/// # Errors
/// As for [`read_messages`].
pub fn read_count_tokens(body: &[u8]) -> Result<Ask, WireError> {
    let mut read = Body { ask: Ask::new(Endpoint::Messages), model: None, stream: None, system: None, turns: None };
    request(json::text(body)?, &mut read)?;
    read.done()
}

fn missing(key: &str, advice: &str) -> WireError {
    WireError::at(key, format!("`{key}` is missing; {advice}."))
}

/// A request under construction.
struct Body {
    ask: Ask,
    model: Option<String>,
    stream: Option<Option<bool>>,
    system: Option<Inner>,
    turns: Option<Vec<Turn>>,
}

impl Body {
    fn done(self) -> Result<Ask, WireError> {
        let mut ask = self.ask;
        ask.model =
            self.model.filter(|m| !m.is_empty()).ok_or_else(|| missing("model", "name one, for example \"auto\""))?;
        ask.stream = self.stream.flatten().unwrap_or(false);
        let turns = self.turns.ok_or_else(|| missing("messages", "send a list of messages"))?;
        if turns.is_empty() {
            return Err(WireError::at("messages", "`messages` is empty; send at least one message."));
        }
        let system = self.system.map_or(Content::None, |s| s.0);
        if !matches!(system, Content::None) {
            ask.messages.push(Message { content: system, ..Message::text(Role::System, "") });
        }
        ask.messages.extend(turns.into_iter().flat_map(|t| t.0));
        let reals = [("temperature", ask.sampling.temperature), ("top_p", ask.sampling.top_p)];
        for (key, value) in reals {
            if let Some(v) = value.filter(|v| !(0.0..=1.0).contains(v)) {
                return Err(WireError::at(key, format!("`{key}` must be from 0 to 1, but it is {v}.")));
            }
        }
        Ok(ask)
    }
}

impl<'de> Members<'de> for Body {
    fn member<A: MapAccess<'de>>(&mut self, key: &str, value: Value<'_, A>) -> Result<(), A::Error> {
        let ask = &mut self.ask;
        match key {
            "model" => value.once(&mut self.model)?,
            "stream" => value.once(&mut self.stream)?,
            "messages" => value.once(&mut self.turns)?,
            "system" => value.once(&mut self.system)?,
            "max_tokens" => ask.max_tokens = Some(value.get::<Limit>()?.0),
            "temperature" => ask.sampling.temperature = value.get()?,
            "top_p" => ask.sampling.top_p = value.get()?,
            "top_k" => ask.sampling.top_k = value.get()?,
            "stop_sequences" => ask.stop = value.get::<Option<_>>()?.unwrap_or_default(),
            "tools" => ask.tools = value.get::<Option<ToolsIn>>()?.unwrap_or_default().0,
            "tool_choice" => self.tool_choice(value)?,
            "metadata" => self.metadata(value)?,
            "thinking" | "output_config" | "output_format" => {
                // Kept as it came for Anthropic, and read for everyone else.
                let raw: Box<RawValue> = value.get()?;
                judge(key, &raw, ask);
                ask.extra.push((key.to_owned(), raw));
            }
            _ => ask.extra.push((key.to_owned(), value.get()?)),
        }
        Ok(())
    }
}

impl Body {
    fn tool_choice<'de, A: MapAccess<'de>>(&mut self, value: Value<'_, A>) -> Result<(), A::Error> {
        if let Some(choice) = value.get::<Option<ChoiceIn>>()? {
            self.ask.parallel_tool_calls = choice.disable_parallel.map(|d| !d);
            self.ask.tool_choice = Some(choice.choice);
        }
        Ok(())
    }

    fn metadata<'de, A: MapAccess<'de>>(&mut self, value: Value<'_, A>) -> Result<(), A::Error> {
        if let Some(metadata) = value.get::<Option<Metadata<'de>>>()? {
            self.ask.user = metadata.user;
            extra::keep_under(&mut self.ask.extra, "metadata", metadata.rest);
        }
        Ok(())
    }
}

/// What thinking and output options mean in canonical words; nothing here refuses, Anthropic judges its own options.
fn judge(key: &str, raw: &RawValue, ask: &mut Ask) {
    #[derive(serde::Deserialize, Default)]
    #[serde(default)]
    struct Options {
        #[serde(rename = "type")]
        kind: Option<String>,
        budget_tokens: Option<u64>,
        effort: Option<String>,
        format: Option<Box<RawValue>>,
        schema: Option<Box<RawValue>>,
    }
    let Ok(options) = serde_json::from_str::<Options>(raw.get()) else { return };
    match key {
        "thinking" => {
            let reasoning = ask.reasoning.get_or_insert_default();
            reasoning.enabled = options.kind.map(|kind| kind != "disabled");
            reasoning.budget_tokens = options.budget_tokens;
        }
        "output_format" if options.kind.as_deref() == Some("json_schema") => {
            let schema = options.schema;
            ask.format =
                Some(Format::JsonSchema { name: "output".to_owned(), schema, strict: Some(true), description: None });
        }
        "output_config" => {
            if options.effort.is_some() {
                ask.reasoning.get_or_insert_default().effort = options.effort;
            }
            if let Some(format) = options.format {
                judge("output_format", &format, ask);
            }
        }
        _ => {}
    }
}

#[derive(Default)]
struct Metadata<'de> {
    user: Option<String>,
    rest: Rest<'de>,
}

impl<'de> Members<'de> for Metadata<'de> {
    fn member<A: MapAccess<'de>>(&mut self, key: &str, value: Value<'_, A>) -> Result<(), A::Error> {
        match key {
            "user_id" => self.user = value.get()?,
            _ => self.rest.push((Str(Cow::Owned(key.to_owned())), value.get()?)),
        }
        Ok(())
    }
}
readable!(Metadata<'de>);

/// Completion tokens: from 1; Anthropic takes 0 to warm its cache.
struct Limit(u64);

/// More completion tokens than any model gives.
const TOKENS_MOST: u64 = 1_000_000_000;

impl<'de> Read<'de> for Limit {
    fn read<D: Deserializer<'de>>(from: D, trail: &Trail) -> Result<Self, D::Error> {
        match u64::read(from, trail)? {
            n if n <= TOKENS_MOST => Ok(Limit(n)),
            n => Err(D::Error::custom(format!("must be at most {TOKENS_MOST}, but it is {n}"))),
        }
    }
}
