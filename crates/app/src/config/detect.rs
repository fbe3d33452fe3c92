//! The shape of `[detect]`.
//!
//! Never here: validation across fields (`resolve`), or what follows from a finding.

use super::words::Class;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What requests are searched for before it is decided where they may go. Structured personal data and secrets are found without
/// any of this; names and free text are not.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Detect {
    /// Whether requests are searched at all. Without it only the class that key, route and header declare counts, and nothing is
    /// redacted.
    pub(crate) enabled: bool,
    /// Kinds that are not looked for, by the name that `dewpoint scan` shows (`IP_ADDRESS`, `github-pat`).
    pub(crate) off: Vec<String>,
    /// Regions whose phone numbers are recognised without a country code, ISO 3166-1 alpha-2 (`DE`). Left out: a usual set.
    pub(crate) phone_regions: Vec<String>,
    /// Patterns of your own.
    pub(crate) pattern: Vec<DetectPattern>,
    /// Lists of your own: names of customers, code names.
    pub(crate) dictionary: Vec<DetectDictionary>,
    /// A second reader, `place/model`, on own ground: it is asked whether a request that could leave holds what patterns do not
    /// find (names, addresses, health in free words). It can only raise the class, and what it finds cannot be taken out. Where it
    /// does not answer, the request stays on this host. Left out: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reader: Option<String>,
    /// How long the second reader may take for one request, milliseconds.
    pub(crate) reader_ms: u64,
    /// Bytes of text of one request that the second reader reads at most; a longer one counts as not read.
    pub(crate) reader_max_bytes: u64,
}

impl Default for Detect {
    fn default() -> Detect {
        Detect {
            enabled: true,
            off: Vec::new(),
            phone_regions: Vec::new(),
            pattern: Vec::new(),
            dictionary: Vec::new(),
            reader: None,
            reader_ms: 2_000,
            reader_max_bytes: 24_000,
        }
    }
}

/// A pattern of your own.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DetectPattern {
    /// Name of what it finds, in reports and placeholders: letters, digits, `_`, `-` and `.`, at most 64.
    pub(crate) name: String,
    /// The expression, in the syntax of the Rust crate `regex` (no look-around and no back-references). Its
    /// work on a text is bounded: a text on which it takes more than 16 steps a byte and 65,536 besides counts as unread. Give what
    /// repeats a bound: `.{0,64}` for `.*`.
    pub(crate) regex: String,
    /// The class that a request with it has at least.
    pub(crate) class: Class,
}

/// A list of exact terms, found as whole words and whatever their case. Either `terms` or `file`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DetectDictionary {
    /// Name of what it finds, in reports and placeholders: letters, digits, `_`, `-` and `.`, at most 64.
    pub(crate) name: String,
    /// The terms.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) terms: Vec<String>,
    /// A text file with one term per line, at most 16 MB. It is read again with the configuration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) file: Option<String>,
    /// The class that a request with one of them has at least.
    pub(crate) class: Class,
}
