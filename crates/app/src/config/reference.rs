//! The JSON Schema and the reference page, generated from the shape of the file. Both are committed; a test compares.
//!
//! Never here: text about keys. It stands beside the keys, in `shape` and `words`.

use super::shape::File;
use schemars::Schema;
use schemars::generate::SchemaSettings;
use schemars::transform::{RecursiveTransform, Transform};
use serde_json::{Map, Value};
use std::fmt::Write as _;

/// The JSON Schema of `dewpoint.toml`, with a newline at the end.
///
/// # Errors
/// Never in practice: the schema is plain JSON.
pub(crate) fn schema() -> anyhow::Result<String> {
    Ok(serde_json::to_string_pretty(&value())? + "\n")
}

fn value() -> Value {
    let mut schema = SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<File>();
    RecursiveTransform(tidy).transform(&mut schema);
    schema.insert("title".to_owned(), "dewpoint.toml".into());
    sorted(schema.to_value())
}

/// Members in alphabetical order, whatever map `serde_json` was built with: cargo unifies features, and a committed
/// file must not depend on them.
fn sorted(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let mut members: Vec<_> = map.into_iter().map(|(key, value)| (key, sorted(value))).collect();
            members.sort_by(|a, b| a.0.cmp(&b.0));
            Value::Object(members.into_iter().collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(sorted).collect()),
        other => other,
    }
}

/// TOML has no null: what may be left out is left out. And the number formats of Rust say nothing to an editor.
fn tidy(schema: &mut Schema) {
    let Some(object) = schema.as_object_mut() else { return };
    object.remove("format");
    if let Some(Value::Array(types)) = object.get_mut("type") {
        types.retain(|t| t != "null");
        if let [one] = types.as_slice() {
            let one = one.clone();
            object.insert("type".to_owned(), one);
        }
    }
    if let Some(Value::Array(any)) = object.get_mut("anyOf") {
        any.retain(|s| s.get("type").and_then(Value::as_str) != Some("null"));
        if let [Value::Object(one)] = any.as_slice() {
            let one = one.clone();
            object.remove("anyOf");
            object.extend(one);
        }
    }
    if object.get("default") == Some(&Value::Null) {
        object.remove("default");
    }
}

/// The sections, in order.
const SECTIONS: &[&str] = &[
    "server",
    "ledger",
    "audit",
    "engine",
    "discovery",
    "egress",
    "detect",
    "policy",
    "cascade",
    "resilience",
    "place",
    "price",
    "route",
    "organisation",
    "team",
    "key",
];

/// Shapes that are told below the section they belong to.
const INSIDE: &[(&str, &str, &str)] = &[
    ("policy", "Rule", "`[[policy.rule]]`"),
    ("place", "Terms", "`[place.terms]`"),
    ("place", "Economics", "`[place.economics]`"),
    ("route", "RouteTable", "`[route]`"),
    ("engine", "EngineModel", "`[[engine.model]]`"),
    ("engine", "Lora", "An adapter"),
    ("detect", "DetectPattern", "`[[detect.pattern]]`"),
    ("detect", "DetectDictionary", "`[[detect.dictionary]]`"),
];

/// Shapes of several sections.
const SHARED: &[(&str, &str)] = &[
    ("Budget", "A budget"),
    ("RateLimits", "Limits per minute"),
    ("ModelTable", "A model as a table"),
    ("Price", "A price"),
    ("PriceTier", "A tier of a price"),
    ("PriceHours", "Hours of a price"),
    ("Table", "Where a secret is"),
];

/// Lists of words.
const WORDS: &[&str] = &[
    "Api",
    "Tier",
    "Kind",
    "Zone",
    "Class",
    "Training",
    "Objective",
    "Unpriced",
    "AuditFailing",
    "CacheType",
    "Split",
    "OnBudget",
];

/// The reference page.
pub(crate) fn page() -> String {
    let schema = value();
    let defs = schema.get("$defs").and_then(Value::as_object).cloned().unwrap_or_default();
    let mut out = String::from(HEAD);
    let root = schema.get("properties").and_then(Value::as_object).cloned().unwrap_or_default();
    for name in SECTIONS {
        let Some(section) = root.get(*name) else { continue };
        let text = section.get("description").and_then(Value::as_str).unwrap_or_default();
        let section = as_list(section);
        let list = section.get("type").and_then(Value::as_str) == Some("array");
        let title = if list { format!("[[{name}]]") } else { format!("[{name}]") };
        let shape = resolve(section.get("items").unwrap_or(section), &defs);
        let _ = writeln!(out, "\n## `{title}`\n\n{}\n", flat(text));
        table(&mut out, shape, section.get("default"), &defs);
        for (_, shape, title) in INSIDE.iter().filter(|(section, ..)| section == name) {
            part(&mut out, shape, title, &defs);
        }
    }
    for (name, title) in SHARED {
        part(&mut out, name, title, &defs);
    }
    out.push_str("\n## Words\n");
    for name in WORDS {
        let Some(def) = defs.get(*name) else { continue };
        words(&mut out, name, def);
    }
    out
}

/// Of a section that may be written as a list or as a table, the list; the table is told inside it.
fn as_list(section: &Value) -> &Value {
    let forms = section.get("anyOf").and_then(Value::as_array).into_iter().flatten();
    forms.into_iter().find(|form| form.get("type").and_then(Value::as_str) == Some("array")).unwrap_or(section)
}

/// The table of one shape.
fn part(out: &mut String, name: &str, title: &str, defs: &Map<String, Value>) {
    let Some(shape) = defs.get(name) else { return };
    let text = shape.get("description").and_then(Value::as_str).unwrap_or_default();
    let _ = writeln!(out, "\n## {title}\n\n{}\n", flat(text));
    table(out, shape, None, defs);
}

const HEAD: &str = "\
# Configuration: `dewpoint.toml`

<!-- Generated by `dewpoint config reference`. Do not edit: change the comments in crates/app/src/config/shape.rs. -->

Everything may be left out: with nothing configured, the embedded engine answers and places are discovered. The file is
the one named with `--config`, else by `DEWPOINT_CONFIG`, else `dewpoint.toml` in the current folder. Unknown keys are
errors. `dewpoint check` validates the file and prints where every value came from; `dewpoint init` writes one to start
with; a running Dewpoint takes a changed file over at once, and keeps the old one while the new one is invalid.
`docs/dewpoint.schema.json` is the same as a JSON Schema, for editors.
";

fn resolve<'a>(schema: &'a Value, defs: &'a Map<String, Value>) -> &'a Value {
    let target = schema.get("$ref").and_then(Value::as_str).and_then(|r| r.rsplit('/').next());
    target.and_then(|name| defs.get(name)).unwrap_or(schema)
}

fn table(out: &mut String, shape: &Value, defaults: Option<&Value>, defs: &Map<String, Value>) {
    let Some(properties) = shape.get("properties").and_then(Value::as_object) else { return };
    let required: Vec<&str> =
        shape.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    out.push_str("| key | value | default | |\n|---|---|---|---|\n");
    let needed = |key: &String| required.contains(&key.as_str());
    let (first, rest): (Vec<_>, Vec<_>) = properties.iter().partition(|(key, _)| needed(key));
    for (key, property) in first.into_iter().chain(rest) {
        let default = property.get("default").or_else(|| defaults.and_then(|d| d.get(key)));
        let default = match default {
            _ if needed(key) => "required".to_owned(),
            Some(Value::Object(_)) | None => String::new(),
            Some(value) => format!("`{value}`"),
        };
        let text = property.get("description").and_then(Value::as_str).unwrap_or_default();
        let _ = writeln!(out, "| `{key}` | {} | {default} | {} |", kind(property, defs), flat(text));
    }
}

/// What may be written, in a few words.
fn kind(property: &Value, defs: &Map<String, Value>) -> String {
    if let Some(name) = property.get("$ref").and_then(Value::as_str).and_then(|r| r.rsplit('/').next()) {
        return match name {
            "SecretRef" => "[secret](#where-a-secret-is)".to_owned(),
            "Price" => "[price](#a-price)".to_owned(),
            "EngineModels" => "string or [tables](#enginemodel)".to_owned(),
            "Rule" => "[rule](#policyrule)".to_owned(),
            "Terms" => "[terms](#placeterms)".to_owned(),
            "Economics" => "[economics](#placeeconomics)".to_owned(),
            "Classes" => "[class](#class), or a list".to_owned(),
            "Retention" => "`\"none\"` or days".to_owned(),
            "Redact" => "true or `\"elsewhere\"`".to_owned(),
            "Date" => "date".to_owned(),
            "Lora" => "[adapter](#an-adapter)".to_owned(),
            "Dollars" => "dollars".to_owned(),
            "Share" => "share".to_owned(),
            "Model" => "string or [table](#a-model-as-a-table)".to_owned(),
            name if defs.get(name).is_some_and(|d| !variants(d).is_empty()) => {
                format!("[{}](#{})", name.to_lowercase(), name.to_lowercase())
            }
            _ => "table".to_owned(),
        };
    }
    match property.get("type").and_then(Value::as_str) {
        Some("array") => {
            let items = property.get("items").map(|i| kind(i, defs)).unwrap_or_default();
            format!("list of {items}")
        }
        Some("object") => "table".to_owned(),
        Some("boolean") => "true or false".to_owned(),
        Some(other) => other.to_owned(),
        None => String::new(),
    }
}

/// The words of a vocabulary with their meaning.
fn variants(def: &Value) -> Vec<(String, String)> {
    let text = |v: &Value| v.get("description").and_then(Value::as_str).unwrap_or_default().to_owned();
    let one = |v: &Value| v.get("const").and_then(Value::as_str).map(|word| (word.to_owned(), text(v)));
    def.get("oneOf").and_then(Value::as_array).into_iter().flatten().filter_map(one).collect()
}

fn words(out: &mut String, name: &str, def: &Value) {
    let text = def.get("description").and_then(Value::as_str).unwrap_or_default();
    let _ = writeln!(out, "\n### {name}\n\n{}\n\n| word | |\n|---|---|", flat(text));
    for (word, meaning) in variants(def) {
        let _ = writeln!(out, "| `{word}` | {} |", flat(&meaning));
    }
}

/// One line, safe inside a table.
fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    fn committed(path: &str) -> String {
        std::fs::read_to_string(format!("{}/../../docs/{path}", env!("CARGO_MANIFEST_DIR"))).unwrap_or_default()
    }

    #[test]
    fn the_committed_schema_is_the_generated_one() {
        let now = super::schema().unwrap();
        let hint = "run `dewpoint config schema > docs/dewpoint.schema.json`";
        assert!(committed("dewpoint.schema.json") == now, "{hint}");
    }

    #[test]
    fn the_committed_reference_is_the_generated_one() {
        let hint = "run `dewpoint config reference > docs/book/configuration.md`";
        assert!(committed("book/configuration.md") == super::page(), "{hint}");
    }

    #[test]
    fn every_key_has_a_text_in_the_reference() {
        for line in super::page().lines().filter(|l| l.starts_with("| `")) {
            assert!(!line.ends_with("|  |"), "no text: {line}");
        }
    }

    #[test]
    fn nothing_in_the_schema_is_null() {
        assert!(!super::schema().unwrap().contains("\"null\""));
    }
}
