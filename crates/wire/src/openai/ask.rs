//! Requests of `POST /v1/chat/completions` and `POST /v1/completions`, read.
//!
//! Never here: judgement on values that only a backend can judge (is this model able to …).

use crate::extra::{self, Rest};
use crate::json;
use crate::json::read::{Members, Read, Str, StrOr, Value, readable, request};
use crate::{Ask, Endpoint, Message, Reasoning, Role, WireError};
use serde::de::{Error, MapAccess};
use serde_json::value::RawValue;
use std::borrow::Cow;

/// Reads the body of `POST /v1/chat/completions`.
///
/// # Errors
/// Names the field at fault, what was expected and what came.
pub fn read_chat(body: &[u8]) -> Result<Ask, WireError> {
    let mut read = Body::new(Endpoint::Chat);
    request(json::text(body)?, &mut read)?;
    let messages = read.messages.take();
    let mut ask = read.done()?;
    ask.messages = messages.ok_or_else(|| missing("messages", "send a list of messages"))?;
    if ask.messages.is_empty() {
        return Err(WireError::at("messages", "`messages` is empty; send at least one message."));
    }
    Ok(ask)
}

/// Reads the body of `POST /v1/completions`. Each prompt string becomes one user message; a prompt of token ids stays
/// as it is in `extra["prompt"]`, with no messages, and is for backends of this dialect only.
///
/// # Errors
/// As for [`read_chat`].
pub fn read_completions(body: &[u8]) -> Result<Ask, WireError> {
    let mut read = Body::new(Endpoint::Completions);
    request(json::text(body)?, &mut read)?;
    let prompt = read.prompt.take().flatten();
    let mut ask = read.done()?;
    match prompt {
        None => {}
        Some(Prompt::Texts(texts)) => {
            ask.messages = texts.into_iter().map(|text| Message::text(Role::User, text)).collect();
        }
        Some(Prompt::Tokens(raw)) => ask.extra.push(("prompt".to_owned(), raw)),
    }
    Ok(ask)
}

fn missing(key: &str, advice: &str) -> WireError {
    WireError::at(key, format!("`{key}` is missing; {advice}."))
}

/// A request under construction.
struct Body {
    ask: Ask,
    model: Option<String>,
    stream: Option<Option<bool>>,
    messages: Option<Vec<Message>>,
    prompt: Option<Option<Prompt>>,
    max_completion_tokens: Option<u64>,
    logprobs: bool,
    top_logprobs: Option<u32>,
}

enum Prompt {
    Texts(Vec<String>),
    Tokens(Box<RawValue>),
}

impl Body {
    fn new(endpoint: Endpoint) -> Body {
        Body {
            ask: Ask::new(endpoint),
            model: None,
            stream: None,
            messages: None,
            prompt: None,
            max_completion_tokens: None,
            logprobs: false,
            top_logprobs: None,
        }
    }

    fn done(self) -> Result<Ask, WireError> {
        let mut ask = self.ask;
        ask.model =
            self.model.filter(|m| !m.is_empty()).ok_or_else(|| missing("model", "name one, for example \"auto\""))?;
        ask.stream = self.stream.flatten().unwrap_or(false);
        ask.max_tokens = self.max_completion_tokens.or(ask.max_tokens);
        if self.logprobs {
            ask.logprobs = Some(self.top_logprobs.unwrap_or(0));
        }
        if ask.user.is_none() {
            // Kept in `extra` under its own name as well.
            ask.user =
                extra::find(&ask.extra, "safety_identifier").and_then(|raw| serde_json::from_str(raw.get()).ok());
        }
        in_range(&ask)?;
        Ok(ask)
    }
}

impl<'de> Members<'de> for Body {
    fn member<A: MapAccess<'de>>(&mut self, key: &str, value: Value<'_, A>) -> Result<(), A::Error> {
        let chat = self.ask.endpoint == Endpoint::Chat;
        match key {
            "model" => value.once(&mut self.model),
            "stream" => value.once(&mut self.stream),
            "messages" if chat => value.once(&mut self.messages),
            "prompt" if !chat => value.once(&mut self.prompt),
            "stream_options" => self.stream_options(value),
            _ if chat => self.chat_member(key, value),
            _ => self.completions_member(key, value),
        }
    }
}

impl Body {
    fn chat_member<'de, A: MapAccess<'de>>(&mut self, key: &str, value: Value<'_, A>) -> Result<(), A::Error> {
        match key {
            "tools" => self.ask.tools = value.get::<Option<_>>()?.unwrap_or_default(),
            "tool_choice" => self.ask.tool_choice = value.get()?,
            "parallel_tool_calls" => self.ask.parallel_tool_calls = value.get()?,
            "max_completion_tokens" => self.max_completion_tokens = value.get::<Limit>()?.0,
            "logprobs" => self.logprobs = value.get::<Option<bool>>()?.unwrap_or(false),
            "top_logprobs" => self.top_logprobs = value.get()?,
            "response_format" => self.ask.format = value.get()?,
            "reasoning_effort" => {
                let effort: Option<String> = value.get()?;
                self.ask.reasoning = effort.map(|e| Reasoning { effort: Some(e), ..Reasoning::default() });
            }
            _ => return self.shared_member(key, value),
        }
        Ok(())
    }

    fn completions_member<'de, A: MapAccess<'de>>(&mut self, key: &str, value: Value<'_, A>) -> Result<(), A::Error> {
        match key {
            "logprobs" => self.ask.logprobs = value.get()?,
            "suffix" => self.ask.suffix = value.get()?,
            "echo" => self.ask.echo = value.get::<Option<bool>>()?.unwrap_or(false),
            _ => return self.shared_member(key, value),
        }
        Ok(())
    }

    fn shared_member<'de, A: MapAccess<'de>>(&mut self, key: &str, value: Value<'_, A>) -> Result<(), A::Error> {
        let ask = &mut self.ask;
        match key {
            "max_tokens" => ask.max_tokens = value.get::<Limit>()?.0,
            "temperature" => ask.sampling.temperature = value.get()?,
            "top_p" => ask.sampling.top_p = value.get()?,
            "min_p" => ask.sampling.min_p = value.get()?,
            "frequency_penalty" => ask.sampling.frequency_penalty = value.get()?,
            "presence_penalty" => ask.sampling.presence_penalty = value.get()?,
            "seed" => ask.sampling.seed = value.get()?,
            "top_k" => {
                // Negative means "off" to some engines, who alone can read it.
                let top_k: Option<i64> = value.get()?;
                match top_k.map(|k| (u32::try_from(k), k)) {
                    Some((Err(_), k)) => ask.extra.extend(extra::number("top_k", k)),
                    k => ask.sampling.top_k = k.and_then(|(k, _)| k.ok()),
                }
            }
            "stop" => {
                ask.stop = match value.get::<Option<StrOr<String>>>()? {
                    None => Vec::new(),
                    Some(StrOr::Str(one)) => vec![one],
                    Some(StrOr::List(all)) => all,
                }
            }
            "n" => ask.n = value.get()?,
            "user" => ask.user = value.get()?,
            "prompt_cache_key" => ask.cache_key = value.get()?,
            _ => ask.extra.push((key.to_owned(), value.get()?)),
        }
        Ok(())
    }

    /// `include_usage` is read; other options stay under the same name.
    fn stream_options<'de, A: MapAccess<'de>>(&mut self, value: Value<'_, A>) -> Result<(), A::Error> {
        if let Some(options) = value.get::<Option<StreamOptions<'de>>>()? {
            self.ask.include_usage = options.include_usage;
            extra::keep_under(&mut self.ask.extra, "stream_options", options.rest);
        }
        Ok(())
    }
}

#[derive(Default)]
struct StreamOptions<'de> {
    include_usage: bool,
    rest: Rest<'de>,
}

impl<'de> Members<'de> for StreamOptions<'de> {
    fn member<A: MapAccess<'de>>(&mut self, key: &str, value: Value<'_, A>) -> Result<(), A::Error> {
        match key {
            "include_usage" => self.include_usage = value.get::<Option<bool>>()?.unwrap_or(false),
            _ => self.rest.push((Str(Cow::Owned(key.to_owned())), value.get()?)),
        }
        Ok(())
    }
}
readable!(StreamOptions<'de>);

/// A number of tokens. −1 is how some clients say "no limit", so it is taken as none.
struct Limit(Option<u64>);

/// More completion tokens than any model gives; larger numbers are slips, or attempts to overflow something.
const TOKENS_MOST: i64 = 1_000_000_000;

impl<'de> Read<'de> for Limit {
    fn read<D: serde::Deserializer<'de>>(from: D, trail: &json::fault::Trail) -> Result<Self, D::Error> {
        match Option::<i64>::read(from, trail)? {
            None | Some(-1) => Ok(Limit(None)),
            Some(n) if n <= TOKENS_MOST => u64::try_from(n)
                .map(|n| Limit(Some(n)))
                .map_err(|_| D::Error::custom(format!("must not be negative, but it is {n}"))),
            Some(n) => Err(D::Error::custom(format!("must be at most {TOKENS_MOST}, but it is {n}"))),
        }
    }
}

impl<'de> Read<'de> for Prompt {
    fn read<D: serde::Deserializer<'de>>(from: D, trail: &json::fault::Trail) -> Result<Self, D::Error> {
        let raw = <&RawValue>::read(from, trail)?;
        let is_text = |t: &str| t.starts_with('"');
        if is_text(raw.get()) {
            return json::read::again(raw, trail).map(|one| Prompt::Texts(vec![one]));
        }
        let complaint = "must be a string, a list of strings, or token ids";
        let first = raw.get().strip_prefix('[').map(str::trim_ascii_start);
        match first {
            Some(first) if is_text(first) => json::read::again(raw, trail).map(Prompt::Texts),
            Some(first) if first.starts_with(['[', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9']) => {
                Ok(Prompt::Tokens(raw.to_owned()))
            }
            Some(_) => Err(D::Error::custom(format!("{complaint}, and not empty"))),
            None => Err(D::Error::custom(complaint)),
        }
    }
}

/// Refuses numbers that no backend takes, so that they are named here rather than far away.
fn in_range(ask: &Ask) -> Result<(), WireError> {
    let s = &ask.sampling;
    let reals = [
        ("temperature", s.temperature, 0.0, 100.0),
        ("top_p", s.top_p, 0.0, 1.0),
        ("min_p", s.min_p, 0.0, 1.0),
        ("frequency_penalty", s.frequency_penalty, -100.0, 100.0),
        ("presence_penalty", s.presence_penalty, -100.0, 100.0),
    ];
    for (key, value, low, high) in reals {
        if let Some(v) = value.filter(|v| !(low..=high).contains(v)) {
            return Err(WireError::at(key, format!("`{key}` must be from {low} to {high}, but it is {v}.")));
        }
    }
    let wholes = [("n", ask.n, 1, 128), ("top_logprobs", ask.logprobs, 0, 1000)];
    for (key, value, low, high) in wholes {
        let key = if ask.endpoint == Endpoint::Completions && key == "top_logprobs" { "logprobs" } else { key };
        if let Some(v) = value.filter(|v| !(low..=high).contains(v)) {
            return Err(WireError::at(key, format!("`{key}` must be from {low} to {high}, but it is {v}.")));
        }
    }
    Ok(())
}

/// Whether a prompt came as token ids.
pub(super) fn token_prompt(ask: &Ask) -> Option<&RawValue> {
    extra::find(&ask.extra, "prompt").filter(|_| ask.endpoint == Endpoint::Completions)
}
