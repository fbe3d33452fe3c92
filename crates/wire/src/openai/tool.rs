//! Tools, tool choice and response format of OpenAI's chat requests, read.

use crate::extra::{self, Rest, missing};
use crate::json::fault::Trail;
use crate::json::read::{Members, Read, Str, Value, again, fresh, readable};
use crate::{Format, Tool, ToolChoice};
use serde::de::{Deserializer, Error, MapAccess};
use serde_json::value::RawValue;
use std::borrow::Cow;

#[derive(Default)]
struct ToolIn<'de> {
    kind: Option<Str<'de>>,
    function: Option<FunctionIn<'de>>,
    rest: Rest<'de>,
}

#[derive(Default)]
struct FunctionIn<'de> {
    name: Option<String>,
    description: Option<String>,
    parameters: Option<Box<RawValue>>,
    strict: Option<bool>,
    rest: Rest<'de>,
}

impl<'de> Members<'de> for ToolIn<'de> {
    const WHAT: &'static str = "a tool (an object)";

    fn member<A: MapAccess<'de>>(&mut self, key: &str, value: Value<'_, A>) -> Result<(), A::Error> {
        match key {
            "type" => value.once(&mut self.kind)?,
            "function" if self.kind.as_ref().is_some_and(|k| k.0 == "function") => value.once(&mut self.function)?,
            _ => self.rest.push((Str(Cow::Owned(key.to_owned())), value.get()?)),
        }
        Ok(())
    }
}

impl<'de> Members<'de> for FunctionIn<'de> {
    fn member<A: MapAccess<'de>>(&mut self, key: &str, value: Value<'_, A>) -> Result<(), A::Error> {
        match key {
            "name" => value.once(&mut self.name)?,
            "description" => self.description = value.get()?,
            "parameters" => self.parameters = value.get()?,
            "strict" => self.strict = value.get()?,
            _ => self.rest.push((Str(Cow::Owned(key.to_owned())), value.get()?)),
        }
        Ok(())
    }
}
readable!(FunctionIn<'de>);

impl<'de> Read<'de> for Tool {
    fn read<D: Deserializer<'de>>(from: D, trail: &Trail) -> Result<Tool, D::Error> {
        let mut tool: ToolIn<'de> = fresh(from, trail)?;
        if let Some(kind) = tool.kind.filter(|k| k.0 != "function") {
            // `custom`, or a vendor's built-in tool.
            let raw = extra::raw(|o| {
                o.str("type", &kind.0);
                tool.rest.iter().for_each(|(k, v)| o.raw(&k.0, v));
            });
            return Ok(Tool {
                name: String::new(),
                description: None,
                parameters: None,
                strict: None,
                raw,
                extra: Vec::new(),
            });
        }
        let late = extra::take(&mut tool.rest, "function");
        let function: FunctionIn<'de> = match (tool.function, late) {
            (Some(function), _) => function,
            (None, Some(raw)) => again(raw, trail).inspect_err(|_| trail.key("function"))?,
            (None, None) => return Err(missing(trail, "function", "is missing; a tool needs a `function`")),
        };
        let Some(name) = function.name else {
            trail.key("name");
            return Err(missing(trail, "function", "is missing; a function needs a name"));
        };
        let mut extra = extra::keep(tool.rest);
        extra::keep_under(&mut extra, "function", function.rest);
        let FunctionIn { description, parameters, strict, .. } = function;
        Ok(Tool { name, description, parameters, strict, raw: None, extra })
    }
}

impl<'de> Read<'de> for ToolChoice {
    fn read<D: Deserializer<'de>>(from: D, trail: &Trail) -> Result<ToolChoice, D::Error> {
        let raw = <&RawValue>::read(from, trail)?;
        match raw.get() {
            "\"auto\"" => Ok(ToolChoice::Auto),
            "\"none\"" => Ok(ToolChoice::None),
            "\"required\"" => Ok(ToolChoice::Required),
            text if text.starts_with(['"', '{']) => {
                let named: Option<Named> = serde_json::from_str(text).ok();
                Ok(match named.filter(|n| n.kind == "function") {
                    Some(named) => ToolChoice::Named(named.function.name),
                    None => ToolChoice::Other(raw.to_owned()),
                })
            }
            _ => Err(D::Error::custom("must be \"auto\", \"none\", \"required\" or an object that names a tool")),
        }
    }
}

/// Exactly `{"type": "function", "function": {"name": …}}`; with more in it the choice is kept whole.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    #[serde(rename = "type")]
    kind: String,
    function: NamedFunction,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct NamedFunction {
    name: String,
}

#[derive(Default)]
struct FormatIn<'de> {
    kind: Option<Str<'de>>,
    schema: Option<SchemaIn>,
    more: bool,
}

#[derive(Default)]
struct SchemaIn {
    name: Option<String>,
    schema: Option<Box<RawValue>>,
    strict: Option<bool>,
    description: Option<String>,
    more: bool,
}

impl<'de> Members<'de> for FormatIn<'de> {
    fn member<A: MapAccess<'de>>(&mut self, key: &str, value: Value<'_, A>) -> Result<(), A::Error> {
        match key {
            "type" => value.once(&mut self.kind),
            "json_schema" if self.kind.as_ref().is_none_or(|k| k.0 == "json_schema") => value.once(&mut self.schema),
            _ => {
                self.more = true;
                value.skip()
            }
        }
    }
}

impl<'de> Members<'de> for SchemaIn {
    fn member<A: MapAccess<'de>>(&mut self, key: &str, value: Value<'_, A>) -> Result<(), A::Error> {
        match key {
            "name" => self.name = value.get()?,
            "schema" => self.schema = value.get()?,
            "strict" => self.strict = value.get()?,
            "description" => self.description = value.get()?,
            _ => {
                self.more = true;
                value.skip()?;
            }
        }
        Ok(())
    }
}
readable!(FormatIn<'de>, SchemaIn);

impl<'de> Read<'de> for Format {
    fn read<D: Deserializer<'de>>(from: D, trail: &Trail) -> Result<Format, D::Error> {
        let raw = <&RawValue>::read(from, trail)?;
        let format: FormatIn<'de> = again(raw, trail)?;
        let Some(kind) = format.kind else {
            return Err(missing(trail, "type", "is missing; give \"text\", \"json_object\" or \"json_schema\""));
        };
        match (&*kind.0, format.schema) {
            ("text", None) if !format.more => Ok(Format::Text),
            ("json_object", None) if !format.more => Ok(Format::JsonObject),
            ("json_schema", Some(schema)) => match schema.name {
                Some(name) if !schema.more && !format.more => {
                    let SchemaIn { schema, strict, description, .. } = schema;
                    Ok(Format::JsonSchema { name, schema, strict, description })
                }
                Some(_) => Ok(Format::Other(raw.to_owned())),
                None => {
                    trail.key("name");
                    Err(missing(trail, "json_schema", "is missing; a JSON schema needs a name"))
                }
            },
            ("json_schema", None) => Err(missing(trail, "json_schema", "is missing; give the schema")),
            _ => Ok(Format::Other(raw.to_owned())),
        }
    }
}
