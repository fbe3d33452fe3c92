//! References to secrets. A secret never stands in the configuration; it is in the environment or in a file.
//!
//! Never here: showing a secret. `Debug` and `Serialize` give the reference only.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::io::Read;

/// Largest secret file, bytes. A key is far smaller; a larger file is a mistake.
const FILE_MAX: u64 = 16_384;

/// Where a secret is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum SecretRef {
    /// In an environment variable.
    Env(String),
    /// In a file, white space around it removed.
    File(String),
}

/// Values of the environment, as an argument so that tests need not change the process.
pub(crate) type Env<'a> = &'a (dyn Fn(&str) -> Option<String> + Sync);

impl SecretRef {
    /// For people: `env OPENAI_API_KEY`.
    pub(crate) fn shown(&self) -> String {
        match self {
            SecretRef::Env(name) => format!("env {name}"),
            SecretRef::File(path) => format!("file {path}"),
        }
    }

    /// Fetches the secret.
    ///
    /// # Errors
    /// Why it cannot be had, and what to do, both without the secret.
    pub(crate) fn fetch(&self, env: Env<'_>) -> Result<String, (String, String)> {
        let text = match self {
            SecretRef::Env(name) => env(name).ok_or_else(|| {
                (format!("the environment variable {name} is not set"), format!("set {name}, or remove this key"))
            })?,
            SecretRef::File(path) => read(path)?,
        };
        let secret = text.trim();
        let from = self.shown();
        if secret.is_empty() {
            return Err((
                format!("the secret from {from} is empty"),
                "put the key there, or remove this key".to_owned(),
            ));
        }
        if !secret.bytes().all(|b| b.is_ascii_graphic()) {
            let why = format!("the secret from {from} has spaces, line breaks or non-ASCII characters inside");
            return Err((why, "put only the key there".to_owned()));
        }
        Ok(secret.to_owned())
    }
}

fn read(path: &str) -> Result<String, (String, String)> {
    let fault = |e: std::io::Error| (format!("the secret file {path} cannot be read: {e}"), format!("create {path}"));
    let mut text = String::new();
    // Read with a bound, not measured first: a pipe or a device has no length, and may never end.
    std::fs::File::open(path).and_then(|f| f.take(FILE_MAX + 1).read_to_string(&mut text)).map_err(fault)?;
    if text.len() as u64 > FILE_MAX {
        let why = format!("the secret file {path} has more than {FILE_MAX} bytes, and no key has");
        return Err((why, "name the file that holds only the key".to_owned()));
    }
    Ok(text)
}

/// The marker by which `source` recognises this error among serde's.
pub(crate) const LITERAL: &str = "a secret stands in the file itself";

impl<'de> Deserialize<'de> for SecretRef {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<SecretRef, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = SecretRef;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("{ env = \"NAME\" }, { file = \"/path\" } or \"${NAME}\"")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<SecretRef, E> {
                let name = text.strip_prefix("${").and_then(|t| t.strip_suffix('}'));
                match name {
                    Some(name) if !name.is_empty() => Ok(SecretRef::Env(name.to_owned())),
                    _ => Err(E::custom(LITERAL)),
                }
            }
            fn visit_map<A: serde::de::MapAccess<'de>>(self, map: A) -> Result<SecretRef, A::Error> {
                let table = Table::deserialize(serde::de::value::MapAccessDeserializer::new(map))?;
                match (table.env, table.file) {
                    (Some(name), None) => Ok(SecretRef::Env(name)),
                    (None, Some(path)) => Ok(SecretRef::File(path)),
                    _ => Err(serde::de::Error::custom("expected exactly one of `env` and `file`")),
                }
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

/// Where a secret is, as a table: exactly one of the two.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Table {
    /// Name of an environment variable.
    env: Option<String>,
    /// Path of a file that holds only the secret.
    file: Option<String>,
}

impl JsonSchema for SecretRef {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "SecretRef".into()
    }
    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let table = generator.subschema_for::<Table>();
        schemars::json_schema!({
            "description": "Where a secret is. Never the secret itself.",
            "oneOf": [table, { "type": "string", "pattern": r"^\$\{[^}]+\}$" }],
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn env(name: &str) -> Option<String> {
        match name {
            "GOOD" => Some(" key-1 \n".to_owned()),
            "EMPTY" => Some("  ".to_owned()),
            "TWO" => Some("a b".to_owned()),
            _ => None,
        }
    }

    #[test]
    fn secrets_come_from_the_environment_or_a_file() {
        assert_eq!(SecretRef::Env("GOOD".into()).fetch(&env).unwrap(), "key-1");
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "key-2\n").unwrap();
        let path = file.path().to_str().unwrap().to_owned();
        assert_eq!(SecretRef::File(path).fetch(&env).unwrap(), "key-2");
    }

    #[test]
    fn what_is_no_key_is_refused_without_showing_it() {
        for name in ["NONE", "EMPTY", "TWO"] {
            let (why, help) = SecretRef::Env(name.into()).fetch(&env).unwrap_err();
            assert!(why.contains(name) && !help.is_empty());
            assert!(!why.contains("a b"));
        }
        let (why, _) = SecretRef::File("/nonexistent/key".into()).fetch(&env).unwrap_err();
        assert!(why.contains("/nonexistent/key"), "{why}");
    }
}
