//! Messages of OpenAI's chat requests, read.

use crate::extra::{self, Rest, missing};
use crate::json::fault::Trail;
use crate::json::read::{Members, Read, Str, Value, fresh, readable};
use crate::json::write::list;
use crate::{Content, Message, Role, ToolCall};
use serde::de::{Deserializer, Error, MapAccess};
use serde_json::value::RawValue;
use std::borrow::Cow;

struct MessageIn<'de> {
    role: Option<Str<'de>>,
    calls: Option<Vec<CallIn<'de>>>,
    message: Message,
}

impl Default for MessageIn<'_> {
    fn default() -> Self {
        let message = Message { content: Content::None, ..Message::text(Role::User, "") };
        MessageIn { role: None, calls: None, message }
    }
}

impl<'de> Members<'de> for MessageIn<'de> {
    const WHAT: &'static str = "a message (an object)";

    fn member<A: MapAccess<'de>>(&mut self, key: &str, value: Value<'_, A>) -> Result<(), A::Error> {
        let message = &mut self.message;
        match key {
            "role" => {
                value.once(&mut self.role)?;
                message.role = role(self.role.as_ref().map_or("", |r| &r.0)).ok_or_else(|| {
                    A::Error::custom("must be one of system, developer, user, assistant, tool, function")
                })?;
            }
            "content" => message.content = value.get()?,
            "name" => message.name = value.get()?,
            "tool_call_id" => message.tool_call_id = value.get()?,
            "refusal" => message.refusal = value.get()?,
            "tool_calls" => self.calls = value.get()?,
            "reasoning_content" | "reasoning" | "thinking" => {
                // Read for whoever wants it, and kept under its own name: servers differ in which one they take.
                let raw: Box<RawValue> = value.get()?;
                if message.reasoning.is_none() {
                    message.reasoning = serde_json::from_str(raw.get()).ok().map(|text: String| (text, None));
                }
                message.extra.push((key.to_owned(), raw));
            }
            _ => message.extra.push((key.to_owned(), value.get()?)),
        }
        Ok(())
    }
}

fn role(name: &str) -> Option<Role> {
    Some(match name {
        "system" => Role::System,
        "developer" => Role::Developer,
        "user" => Role::User,
        "assistant" => Role::Assistant,
        "tool" | "function" => Role::Tool,
        _ => return None,
    })
}

impl<'de> Read<'de> for Message {
    fn read<D: Deserializer<'de>>(from: D, trail: &Trail) -> Result<Message, D::Error> {
        let MessageIn { role, calls, mut message } = fresh(from, trail)?;
        match role {
            None => return Err(missing(trail, "role", "is missing; a message needs a `role`, for example \"user\"")),
            Some(role) if role.0 == "function" => message.extra.extend(crate::extra::text("role", &role.0)),
            Some(_) => {}
        }
        if let Some(calls) = calls {
            if calls.iter().any(CallIn::has_more) {
                let mut out = Vec::new();
                list(&mut out, |l| calls.iter().for_each(|c| c.write(l.next())));
                message.extra.extend(extra::from_bytes(out).map(|raw| ("tool_calls".to_owned(), raw)));
            }
            message.tool_calls = calls.into_iter().map(CallIn::done).collect();
        }
        Ok(message)
    }
}

/// A tool call with the members that the canonical one has no place for (`extra_content` of Gemini, `custom` calls).
/// Where there are any, the whole list is kept under `extra["tool_calls"]`, too, and written from there.
#[derive(Default)]
struct CallIn<'de> {
    id: Option<Str<'de>>,
    kind: Option<Str<'de>>,
    function: Option<FunctionIn<'de>>,
    custom: Option<FunctionIn<'de>>,
    rest: Rest<'de>,
}

#[derive(Default)]
struct FunctionIn<'de> {
    name: Option<Str<'de>>,
    text: Option<Str<'de>>,
    rest: Rest<'de>,
}

impl<'de> Members<'de> for CallIn<'de> {
    const WHAT: &'static str = "a tool call (an object)";

    fn member<A: MapAccess<'de>>(&mut self, key: &str, value: Value<'_, A>) -> Result<(), A::Error> {
        match key {
            "id" => self.id = value.get()?,
            "type" => self.kind = value.get()?,
            "function" => self.function = value.get()?,
            "custom" => self.custom = value.get()?,
            _ => self.rest.push((Str(Cow::Owned(key.to_owned())), value.get()?)),
        }
        Ok(())
    }
}
readable!(CallIn<'de>, FunctionIn<'de>);

impl<'de> Members<'de> for FunctionIn<'de> {
    fn member<A: MapAccess<'de>>(&mut self, key: &str, value: Value<'_, A>) -> Result<(), A::Error> {
        match key {
            "name" => self.name = value.get()?,
            "arguments" | "input" => self.text = value.get()?,
            _ => self.rest.push((Str(Cow::Owned(key.to_owned())), value.get()?)),
        }
        Ok(())
    }
}

impl CallIn<'_> {
    fn has_more(&self) -> bool {
        let odd = self.kind.as_ref().is_some_and(|k| k.0 != "function") || self.custom.is_some();
        odd || !self.rest.is_empty() || self.function.as_ref().is_some_and(|f| !f.rest.is_empty())
    }

    fn write(&self, out: &mut Vec<u8>) {
        crate::json::write::object(out, |o| {
            for (key, value) in [("id", &self.id), ("type", &self.kind)] {
                if let Some(text) = value {
                    o.str(key, &text.0);
                }
            }
            for (key, text, inner) in [("function", "arguments", &self.function), ("custom", "input", &self.custom)] {
                if let Some(inner) = inner {
                    o.object(key, |o| {
                        inner.name.iter().for_each(|n| o.str("name", &n.0));
                        inner.text.iter().for_each(|t| o.str(text, &t.0));
                        inner.rest.iter().for_each(|(k, v)| o.raw(&k.0, v));
                    });
                }
            }
            self.rest.iter().for_each(|(k, v)| o.raw(&k.0, v));
        });
    }

    fn done(self) -> ToolCall {
        let text = |s: Option<Str<'_>>| s.map_or_else(String::new, |s| s.0.into_owned());
        let inner = self.function.or(self.custom).unwrap_or_default();
        ToolCall { id: text(self.id), name: text(inner.name), arguments: text(inner.text) }
    }
}
