//! Usage taken out of a raw answer: where it stands, what has to be there, what sums up to what.
//!
//! Never here: prices, models. What is read is untrusted; nothing of it is believed beyond its type.

use super::clause::Clause;
use super::unit::Units;
use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// How many of each unit were used, by the unit's usage key (`input_tokens`, …).
pub(crate) type Counts = BTreeMap<String, Decimal>;

/// How usage is read from the answers of one flavour of a provider's API.
#[derive(Debug, Deserialize)]
pub(crate) struct Extractor {
    #[serde(default = "usual_flavor")]
    pub(crate) api_flavor: String,
    root: Path,
    #[serde(default = "usual_model_path")]
    model_path: Path,
    mappings: Vec<Mapping>,
}

#[derive(Debug, Deserialize)]
struct Mapping {
    path: Path,
    dest: String,
    #[serde(default = "yes")]
    required: bool,
}

/// One key, or steps.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Path {
    Key(String),
    Steps(Vec<Step>),
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Step {
    /// Into an object.
    Key(String),
    /// To the first object of an array whose field is recognised.
    Pick {
        field: String,
        #[serde(rename = "match")]
        clause: Clause,
    },
}

fn usual_flavor() -> String {
    "default".to_owned()
}

fn usual_model_path() -> Path {
    Path::Key("model".to_owned())
}

fn yes() -> bool {
    true
}

impl Extractor {
    /// The model that answered, if the answer says so.
    pub(crate) fn model<'a>(&self, body: &'a Value) -> Option<&'a str> {
        self.model_path.find(body).ok()?.as_str()
    }

    /// What was used. Counts that are zero are kept.
    ///
    /// # Errors
    /// Something required is missing, or a count is none: in words, with the path.
    pub(crate) fn usage(&self, body: &Value, units: &Units) -> Result<Counts, String> {
        let root = self.root.find(body).map_err(|at| format!("the answer has no `{at}`"))?;
        let root = root.as_object().ok_or_else(|| format!("`{}` of the answer is no object", self.root))?;
        let mut counts = Counts::new();
        for mapping in self.mappings.iter().filter(|m| units.has(&m.dest)) {
            let Some(count) = mapping.count(root, &self.root)? else { continue };
            let sum = counts.entry(mapping.dest.clone()).or_default();
            *sum = sum.checked_add(count).ok_or_else(|| format!("`{}` is too large a number", mapping.dest))?;
        }
        if counts.is_empty() {
            return Err(format!("nothing in `{}` is known as usage", self.root));
        }
        Ok(counts)
    }
}

impl Mapping {
    fn count(&self, root: &Map<String, Value>, at: &Path) -> Result<Option<Decimal>, String> {
        let found = self.path.find_in(root);
        let number = match found {
            Ok(Value::Number(number)) => number,
            Ok(Value::Bool(_)) => return Err(format!("`{at}.{}` is no count", self.path)),
            Ok(_) | Err(_) if !self.required => return Ok(None),
            Ok(_) => return Err(format!("`{at}.{}` is no number", self.path)),
            Err(missing) => return Err(format!("the answer has no `{at}.{missing}`")),
        };
        let count = decimal(number).filter(|n| !n.is_sign_negative() || n.is_zero());
        count.map(Some).ok_or_else(|| format!("`{at}.{}` is no count: {number}", self.path))
    }
}

/// The exact value of a number. `None` beyond 28 digits.
fn decimal(number: &serde_json::Number) -> Option<Decimal> {
    let text = number.to_string();
    let exact = |text: &str| Decimal::from_str_exact(text).or_else(|_| Decimal::from_scientific(text)).ok();
    exact(&text).or_else(|| exact(&text.to_lowercase()))
}

impl Path {
    /// What stands there; or the path to what is missing.
    fn find<'a>(&self, value: &'a Value) -> Result<&'a Value, String> {
        value.as_object().ok_or_else(|| self.to_string()).and_then(|map| self.find_in(map))
    }

    fn find_in<'a>(&self, map: &'a Map<String, Value>) -> Result<&'a Value, String> {
        let missing = || self.to_string();
        match self {
            Path::Key(key) => map.get(key).ok_or_else(missing),
            Path::Steps(steps) => {
                let (first, rest) = steps.split_first().ok_or_else(missing)?;
                let Step::Key(key) = first else { return Err(missing()) };
                let mut at = map.get(key).ok_or_else(missing)?;
                for step in rest {
                    at = step.take(at).ok_or_else(missing)?;
                }
                Ok(at)
            }
        }
    }
}

impl Step {
    fn take<'a>(&self, value: &'a Value) -> Option<&'a Value> {
        match self {
            Step::Key(key) => value.as_object()?.get(key),
            Step::Pick { field, clause } => value.as_array()?.iter().find(|item| {
                item.get(field).and_then(Value::as_str).is_some_and(|text| !text.is_empty() && clause.matches(text))
            }),
        }
    }
}

/// `usage`, `prompt_tokens_details.cached_tokens`, `details[modality].count`.
impl std::fmt::Display for Path {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Path::Key(key) => f.write_str(key),
            Path::Steps(steps) => {
                for (i, step) in steps.iter().enumerate() {
                    match step {
                        Step::Key(key) if i == 0 => f.write_str(key)?,
                        Step::Key(key) => write!(f, ".{key}")?,
                        Step::Pick { field, .. } => write!(f, "[{field}]")?,
                    }
                }
                Ok(())
            }
        }
    }
}
