//! Tools and tool choice of Anthropic's requests, read and written.

use crate::extra::{self, Rest, late, missing, take};
use crate::json::fault::Trail;
use crate::json::read::{Members, Read, Str, Value, again, fresh};
use crate::json::write::{List, Object};
use crate::{Ask, Tool, ToolChoice};
use serde::de::{Deserializer, Error, MapAccess};
use serde_json::value::RawValue;
use std::borrow::Cow;

/// The list of tools.
#[derive(Default)]
pub(super) struct ToolsIn(pub(super) Vec<Tool>);

struct ToolIn(Tool);

#[derive(Default)]
struct Raw<'de>(Rest<'de>);

impl<'de> Members<'de> for Raw<'de> {
    const WHAT: &'static str = "a tool (an object)";

    fn member<A: MapAccess<'de>>(&mut self, key: &str, value: Value<'_, A>) -> Result<(), A::Error> {
        self.0.push((Str(Cow::Owned(key.to_owned())), value.get()?));
        Ok(())
    }
}

impl<'de> Read<'de> for ToolsIn {
    fn read<D: Deserializer<'de>>(from: D, trail: &Trail) -> Result<Self, D::Error> {
        Ok(ToolsIn(Vec::<ToolIn>::read(from, trail)?.into_iter().map(|t| t.0).collect()))
    }
}

impl<'de> Read<'de> for ToolIn {
    fn read<D: Deserializer<'de>>(from: D, trail: &Trail) -> Result<Self, D::Error> {
        let Raw(mut rest) = fresh(from, trail)?;
        let kind = rest.iter().find(|(k, _)| k.0 == "type").map(|(_, v)| v.get());
        if kind.is_some_and(|k| k != "\"custom\"" && k != "null") {
            // One of Anthropic's own: `web_search_20250305`, `bash_20250124`, …
            let raw = extra::raw(|o| rest.iter().for_each(|(k, v)| o.raw(&k.0, v)));
            let tool =
                Tool { name: String::new(), description: None, parameters: None, strict: None, raw, extra: Vec::new() };
            return Ok(ToolIn(tool));
        }
        let name = late(None, &mut rest, "name", trail)?;
        let text = take(&mut rest, "description").map(|raw| again::<Option<String>, D::Error>(raw, trail));
        let description = text.transpose().inspect_err(|_| trail.key("description"))?.flatten();
        let strict = take(&mut rest, "strict").and_then(|raw| serde_json::from_str(raw.get()).ok());
        let Some(schema) = take(&mut rest, "input_schema").filter(|s| s.get().starts_with('{')) else {
            return Err(missing(trail, "input_schema", "must be a JSON Schema (an object)"));
        };
        let parameters = Some(schema.to_owned());
        Ok(ToolIn(Tool { name, description, parameters, strict, raw: None, extra: extra::keep(rest) }))
    }
}

/// `tool_choice`.
pub(super) struct ChoiceIn {
    pub(super) choice: ToolChoice,
    pub(super) disable_parallel: Option<bool>,
}

impl<'de> Read<'de> for ChoiceIn {
    fn read<D: Deserializer<'de>>(from: D, trail: &Trail) -> Result<Self, D::Error> {
        #[derive(serde::Deserialize)]
        struct Choice {
            #[serde(rename = "type")]
            kind: String,
            name: Option<String>,
            disable_parallel_tool_use: Option<bool>,
        }
        let raw = <&RawValue>::read(from, trail)?;
        let complaint = "must be an object with `type` auto, any, tool or none";
        let choice: Choice = serde_json::from_str(raw.get()).map_err(|_| D::Error::custom(complaint))?;
        let disable_parallel = choice.disable_parallel_tool_use;
        let choice = match (&*choice.kind, choice.name) {
            ("auto", _) => ToolChoice::Auto,
            ("any", _) => ToolChoice::Required,
            ("none", _) => ToolChoice::None,
            ("tool", Some(name)) => ToolChoice::Named(name),
            ("tool", None) => return Err(missing(trail, "name", "is missing; say which tool")),
            _ => ToolChoice::Other(raw.to_owned()),
        };
        Ok(ChoiceIn { choice, disable_parallel })
    }
}

/// Writes one tool. `native`: it came in this dialect.
pub(super) fn write_tool(l: &mut List<'_>, tool: &Tool, native: bool) {
    match &tool.raw {
        Some(raw) => l.raw(raw),
        None => l.object(|o| {
            o.str("name", &tool.name);
            if let Some(text) = &tool.description {
                o.str("description", text);
            }
            match &tool.parameters {
                Some(schema) => o.raw("input_schema", schema),
                None => o.object("input_schema", |o| {
                    o.str("type", "object");
                    o.object("properties", |_| {});
                }),
            }
            if let Some(strict) = tool.strict.filter(|_| native) {
                o.bool("strict", strict);
            }
            tool.extra.iter().filter(|(k, _)| native || k == "cache_control").for_each(|(k, v)| o.raw(k, v));
        }),
    }
}

/// Writes `tool_choice` with the wish about parallel calls in it.
pub(super) fn write_choice(o: &mut Object<'_>, ask: &Ask) {
    match &ask.tool_choice {
        None | Some(ToolChoice::Auto) => o.str("type", "auto"),
        Some(ToolChoice::None) => o.str("type", "none"),
        Some(ToolChoice::Required) => o.str("type", "any"),
        Some(ToolChoice::Named(name)) => {
            o.str("type", "tool");
            o.str("name", name);
        }
        Some(ToolChoice::Other(raw)) => return o.members_of(raw),
    }
    if let Some(parallel) = ask.parallel_tool_calls.filter(|_| !matches!(ask.tool_choice, Some(ToolChoice::None))) {
        o.bool("disable_parallel_tool_use", !parallel);
    }
}
