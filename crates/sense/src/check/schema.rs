//! Whether a JSON value breaks a JSON Schema, for the part of the language that answers of models are asked for: types, enums,
//! members, items, bounds, `anyOf`, `oneOf`, `allOf` and references within the schema.
//!
//! What is not in that part (`pattern`, `format`, `not`, `if`, …) is passed over and said so: a value is called broken only where it
//! surely is. A library was not taken: the schema is the caller's, and the ones there are run its patterns with backtracking and
//! bound neither work nor depth.
//!
//! Never here: reading text, or references that lead elsewhere.

use serde_json::{Map, Value};

/// Steps that one check takes at most; what is not reached counts as fitting.
const STEPS_MAX: u32 = 20_000;
/// How deep schemas may lead into each other.
const DEPTH_MAX: u32 = 96;
/// Items that are compared with each other at most.
const UNIQUE_MAX: usize = 64;

/// Constraints that are passed over.
const PASSED_OVER: [&str; 17] = [
    "pattern",
    "format",
    "not",
    "if",
    "then",
    "else",
    "patternProperties",
    "propertyNames",
    "dependencies",
    "dependentRequired",
    "dependentSchemas",
    "unevaluatedProperties",
    "unevaluatedItems",
    "contains",
    "contentMediaType",
    "$dynamicRef",
    "$recursiveRef",
];

/// What a check came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fit {
    /// The value surely breaks the schema.
    pub(super) broken: bool,
    /// Not all of the schema was judged.
    pub(super) partial: bool,
}

/// Holds a value against a schema.
pub(super) fn fit(schema: &Value, value: &Value) -> Fit {
    let mut check = Check { root: schema, steps: 0, partial: false };
    let broken = check.breaks(schema, value, 0);
    Fit { broken, partial: check.partial }
}

struct Check<'s> {
    root: &'s Value,
    steps: u32,
    partial: bool,
}

impl<'s> Check<'s> {
    /// Whether `value` surely breaks `schema`.
    fn breaks(&mut self, schema: &'s Value, value: &Value, depth: u32) -> bool {
        self.steps += 1;
        if self.steps > STEPS_MAX || depth > DEPTH_MAX {
            self.partial = true;
            return false;
        }
        let schema = match schema {
            Value::Bool(open) => return !open,
            Value::Object(schema) => schema,
            _ => {
                self.partial = true;
                return false;
            }
        };
        self.partial |= PASSED_OVER.iter().any(|key| schema.contains_key(*key));
        if schema.get("nullable") == Some(&Value::Bool(true)) && value.is_null() {
            return false;
        }
        if schema.get("type").is_some_and(|types| !of_type(types, value))
            || schema.get("const").is_some_and(|only| !equal(only, value))
            || schema.get("enum").and_then(Value::as_array).is_some_and(|all| !all.iter().any(|one| equal(one, value)))
        {
            return true;
        }
        if let Some(to) = schema.get("$ref") {
            match to.as_str().and_then(|to| self.led(to)) {
                Some(to) if self.breaks(to, value, depth + 1) => return true,
                Some(_) => {}
                None => self.partial = true,
            }
        }
        let own = match value {
            Value::Object(members) => self.object(schema, members, depth),
            Value::Array(items) => self.array(schema, items, depth),
            Value::Number(number) => number.as_f64().is_some_and(|n| out_of_bounds(schema, n)),
            Value::String(text) => wrong_size(schema, "minLength", "maxLength", || text.chars().count()),
            Value::Null | Value::Bool(_) => false,
        };
        own || self.combined(schema, value, depth)
    }

    fn combined(&mut self, schema: &'s Map<String, Value>, value: &Value, depth: u32) -> bool {
        let list = |key: &str| schema.get(key).and_then(Value::as_array);
        if list("allOf").is_some_and(|all| all.iter().any(|one| self.breaks(one, value, depth + 1))) {
            return true;
        }
        // That only one of `oneOf` fits is not judged: with what is passed over in the others it cannot be.
        ["anyOf", "oneOf"].into_iter().any(|key| {
            list(key).is_some_and(|any| !any.is_empty() && any.iter().all(|one| self.breaks(one, value, depth + 1)))
        })
    }

    fn object(&mut self, schema: &'s Map<String, Value>, members: &Map<String, Value>, depth: u32) -> bool {
        let required = schema.get("required").and_then(Value::as_array);
        if required.is_some_and(|all| all.iter().filter_map(Value::as_str).any(|name| !members.contains_key(name)))
            || wrong_size(schema, "minProperties", "maxProperties", || members.len())
        {
            return true;
        }
        let known = schema.get("properties").and_then(Value::as_object);
        let further = schema.get("additionalProperties").filter(|_| !schema.contains_key("patternProperties"));
        members.iter().any(|(name, value)| match known.and_then(|known| known.get(name)).or(further) {
            Some(schema) => self.breaks(schema, value, depth + 1),
            None => false,
        })
    }

    fn array(&mut self, schema: &'s Map<String, Value>, items: &[Value], depth: u32) -> bool {
        if wrong_size(schema, "minItems", "maxItems", || items.len()) {
            return true;
        }
        if schema.get("uniqueItems") == Some(&Value::Bool(true)) {
            self.partial |= items.len() > UNIQUE_MAX;
            let twice = |(at, one): (usize, &Value)| items[..at].iter().any(|other| equal(one, other));
            if items.len() <= UNIQUE_MAX && items.iter().enumerate().any(twice) {
                return true;
            }
        }
        // Drafts before 2020-12 wrote a list under `items` and `additionalItems` for the rest.
        let (first, rest) = match (schema.get("prefixItems").and_then(Value::as_array), schema.get("items")) {
            (None, Some(Value::Array(first))) => (Some(first), schema.get("additionalItems")),
            (first, rest) => (first, rest),
        };
        items.iter().enumerate().any(|(at, item)| match first.and_then(|first| first.get(at)).or(rest) {
            Some(schema) => self.breaks(schema, item, depth + 1),
            None => false,
        })
    }

    /// Where a reference within the schema leads.
    fn led(&self, to: &str) -> Option<&'s Value> {
        let path = to.strip_prefix('#')?;
        if path.is_empty() { Some(self.root) } else { self.root.pointer(path) }
    }
}

fn of_type(types: &Value, value: &Value) -> bool {
    match types {
        Value::String(one) => is(one, value),
        Value::Array(all) => all.is_empty() || all.iter().filter_map(Value::as_str).any(|one| is(one, value)),
        _ => true,
    }
}

fn is(name: &str, value: &Value) -> bool {
    match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "number" => value.is_number(),
        "integer" => value.as_f64().is_some_and(|n| n.fract() == 0.0),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        // A type of another dialect (OpenAPI's `file`) is not judged.
        _ => true,
    }
}

/// Equal as JSON Schema means it: 1 is 1.0, within lists and objects too.
fn equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(x), Value::Number(y)) => x == y || x.as_f64().is_some_and(|x| Some(x) == y.as_f64()),
        (Value::Array(x), Value::Array(y)) => x.len() == y.len() && x.iter().zip(y).all(|(x, y)| equal(x, y)),
        (Value::Object(x), Value::Object(y)) => {
            x.len() == y.len() && x.iter().all(|(name, x)| y.get(name).is_some_and(|y| equal(x, y)))
        }
        _ => a == b,
    }
}

fn out_of_bounds(schema: &Map<String, Value>, n: f64) -> bool {
    let bound = |key: &str| schema.get(key).and_then(Value::as_f64);
    // Draft 4 wrote `exclusiveMinimum: true` beside `minimum`.
    let strict = |key: &str| schema.get(key) == Some(&Value::Bool(true));
    bound("minimum").is_some_and(|least| n < least || (strict("exclusiveMinimum") && n == least))
        || bound("maximum").is_some_and(|most| n > most || (strict("exclusiveMaximum") && n == most))
        || bound("exclusiveMinimum").is_some_and(|least| n <= least)
        || bound("exclusiveMaximum").is_some_and(|most| n >= most)
        || bound("multipleOf").is_some_and(|of| {
            // Of fractions only whole multiples are exact.
            of > 0.0 && of.fract() == 0.0 && n.abs() < 9e15 && n % of != 0.0
        })
}

fn wrong_size(schema: &Map<String, Value>, least: &str, most: &str, size: impl FnOnce() -> usize) -> bool {
    let bound = |key: &str| schema.get(key).and_then(Value::as_f64);
    let (least, most) = (bound(least), bound(most));
    if least.is_none() && most.is_none() {
        return false;
    }
    let size = size() as f64;
    least.is_some_and(|least| size < least) || most.is_some_and(|most| size > most)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn broken(schema: Value, value: Value) -> bool {
        fit(&schema, &value).broken
    }

    #[test]
    fn what_breaks_a_schema_is_found() {
        let person = || {
            json!({"type": "object", "required": ["name", "age"], "additionalProperties": false, "properties": {
                "name": {"type": "string", "minLength": 1}, "age": {"type": "integer", "minimum": 0, "maximum": 150},
                "tags": {"type": "array", "items": {"enum": ["a", "b"]}, "maxItems": 2, "uniqueItems": true},
                "friend": {"anyOf": [{"type": "null"}, {"$ref": "#"}]}}})
        };
        for good in [
            json!({"name": "x", "age": 3}),
            json!({"name": "x", "age": 3.0, "tags": ["a", "b"]}),
            json!({"name": "x", "age": 0, "friend": {"name": "y", "age": 150, "friend": null}}),
        ] {
            assert_eq!(fit(&person(), &good), Fit { broken: false, partial: false }, "{good}");
        }
        for bad in [
            json!([]),
            json!({"name": "x"}),
            json!({"name": "", "age": 3}),
            json!({"name": "x", "age": 3.5}),
            json!({"name": "x", "age": -1}),
            json!({"name": "x", "age": 151}),
            json!({"name": "x", "age": "3"}),
            json!({"name": "x", "age": 3, "more": 1}),
            json!({"name": "x", "age": 3, "tags": ["c"]}),
            json!({"name": "x", "age": 3, "tags": ["a", "a"]}),
            json!({"name": "x", "age": 3, "tags": ["a", "b", "a"]}),
            json!({"name": "x", "age": 3, "friend": {"name": "y"}}),
        ] {
            assert!(broken(person(), bad.clone()), "{bad}");
        }
    }

    #[test]
    fn every_bound_holds_at_the_limit_and_breaks_one_past_it() {
        for (schema, good, bad) in [
            (json!({"minimum": 2}), json!(2), json!(1)),
            (json!({"exclusiveMinimum": 2}), json!(3), json!(2)),
            (json!({"minimum": 2, "exclusiveMinimum": true}), json!(3), json!(2)),
            (json!({"exclusiveMaximum": 2.5}), json!(2.4), json!(2.5)),
            (json!({"multipleOf": 5}), json!(10), json!(11)),
            (json!({"maxLength": 2}), json!("äö"), json!("äöü")),
            (json!({"minItems": 1}), json!([0]), json!([])),
            (json!({"maxProperties": 1}), json!({"a": 1}), json!({"a": 1, "b": 1})),
            (json!({"type": ["string", "null"]}), json!(null), json!(1)),
            (json!({"const": {"a": [1]}}), json!({"a": [1.0]}), json!({"a": [1, 1]})),
            (json!({"oneOf": [{"type": "string"}, {"type": "integer"}]}), json!(1), json!(1.5)),
            (json!({"allOf": [{"minimum": 0}, {"maximum": 1}]}), json!(1), json!(2)),
            (json!({"prefixItems": [{"type": "string"}], "items": false}), json!(["a"]), json!(["a", 1])),
            (json!({"items": [{"type": "string"}], "additionalItems": false}), json!(["a"]), json!(["a", 1])),
            (json!({"$defs": {"x/y": {"type": "null"}}, "$ref": "#/$defs/x~1y"}), json!(null), json!(0)),
            (json!({"properties": {"a": false}}), json!({"b": 1}), json!({"a": 1})),
        ] {
            assert!(!broken(schema.clone(), good.clone()), "{schema} {good}");
            assert!(broken(schema.clone(), bad.clone()), "{schema} {bad}");
        }
    }

    #[test]
    fn what_is_not_judged_is_said_and_breaks_nothing() {
        for schema in [
            json!({"pattern": "^a"}),
            json!({"not": {}}),
            json!({"$ref": "https://example.com/schema"}),
            json!({"$ref": "#/nowhere"}),
            json!({"if": {}, "then": false}),
            json!("nonsense"),
            json!({"patternProperties": {"^x": {}}, "additionalProperties": false}),
        ] {
            let value = json!({"y": 1});
            assert_eq!(fit(&schema, &value), Fit { broken: false, partial: true }, "{schema}");
        }
        assert_eq!(fit(&json!({"title": "T", "x-own": 1}), &json!(1)), Fit { broken: false, partial: false });
    }

    #[test]
    fn schemas_that_lead_in_circles_end() {
        let circle = json!({"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"anyOf": [{"$ref": "#/$defs/a"}, {"$ref": "#/$defs/a"}]}}, "$ref": "#/$defs/a"});
        assert_eq!(fit(&circle, &json!(1)), Fit { broken: false, partial: true });
        let wide = json!({"items": {"type": "integer"}});
        let long = Value::Array(vec![json!(1); STEPS_MAX as usize * 2]);
        assert_eq!(fit(&wide, &long), Fit { broken: false, partial: true });
    }
}
