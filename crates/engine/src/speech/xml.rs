//! Values of calls written as XML, which carry no type: the tool's schema says which are text and which JSON.
//!
//! Never here: finding the values.

use serde_json::Value;

/// The value of a parameter as JSON text. Without a schema for it, it is text.
pub(super) fn json(parameters: Option<&Value>, key: &str, value: &str) -> String {
    let schema = parameters.and_then(|p| p.get("properties")).and_then(|p| p.get(key));
    let trimmed = value.trim();
    let null = trimmed == "null" && schema.is_some_and(|s| types(s).contains(&"null"));
    let text = schema.is_none_or(is_text) && !null;
    if !text {
        if serde_json::from_str::<serde::de::IgnoredAny>(trimmed).is_ok() {
            return trimmed.to_owned();
        }
        if let Some(word) = [("True", "true"), ("False", "false"), ("None", "null")].iter().find(|w| w.0 == trimmed) {
            return word.1.to_owned();
        }
    }
    Value::from(value).to_string()
}

/// Is a value of this schema written as plain text?
pub(crate) fn is_text(schema: &Value) -> bool {
    let types = types(schema);
    if types.is_empty() {
        let refers = ["$ref", "allOf"].iter().any(|k| schema.get(k).is_some());
        let choices = schema.get("enum").and_then(Value::as_array);
        return !refers && choices.is_none_or(|c| c.iter().any(Value::is_string));
    }
    types.contains(&"string")
}

fn types(schema: &Value) -> Vec<&str> {
    let own = match schema.get("type") {
        Some(Value::String(one)) => vec![one.as_str()],
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let of = |key: &str| schema.get(key).and_then(Value::as_array).into_iter().flatten();
    let others = of("anyOf").chain(of("oneOf")).filter_map(|s| s.get("type")).filter_map(Value::as_str);
    own.into_iter().chain(others).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    #[test]
    fn the_schema_decides_what_is_text() {
        let schema = json!({"properties": {"n": {"type": "integer"}, "s": {"type": "string"}, "b": {"type": "boolean"},
            "o": {"anyOf": [{"type": "string"}, {"type": "null"}]}, "l": {"type": "array"}, "e": {"enum": ["1", "2"]}}});
        for (key, value, wanted) in [
            ("n", " 5 ", "5"),
            ("n", "five", "\"five\""),
            ("s", "5", "\"5\""),
            ("s", "a \"b\"\n", "\"a \\\"b\\\"\\n\""),
            ("b", "True", "true"),
            ("o", "null", "null"),
            ("o", "x", "\"x\""),
            ("l", "[1, 2]", "[1, 2]"),
            ("e", "1", "\"1\""),
            ("unknown", "1", "\"1\""),
        ] {
            assert_eq!(super::json(Some(&schema), key, value), wanted, "{key}={value}");
        }
    }
}
