//! What a request needs, as `sense` read it and the gateway completed it.
//!
//! Never here: text of the request.

use crate::{Api, DataClass, Found, Language, Outlook, Rule, Task};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What becomes of an offer whose price is not known. Unknown is never zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Unpriced {
    /// It may not answer.
    Deny,
    /// It may, and is charged at an estimate (the dearest known price of its provider or kind), flagged as one.
    Estimate,
    /// It may; its cost stays unknown.
    #[default]
    Allow,
}

impl Unpriced {
    /// The lower-case name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Unpriced::Deny => "deny",
            Unpriced::Estimate => "estimate",
            Unpriced::Allow => "allow",
        }
    }
}

/// How hard a request is, per mille: 0 trivial, 1000 beyond the frontier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Difficulty(pub u16);

/// Everything that `choose` may look at.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Need {
    /// The request this is about; a [`crate::Permit`] names it.
    pub ask_id: u128,
    /// The model name as the caller wrote it: `provider/model`, `auto`, `auto:cheap`, a route, or a bare model id.
    pub model: String,
    /// Kind of work.
    pub task: Task,
    /// How hard.
    pub difficulty: Difficulty,
    /// Why `sense` thinks so, for `explain` ("asks for a proof", "short prompt").
    pub signals: Vec<String>,
    /// How well models of each rank will answer it, as far as the prompt says; `None` where nothing is to be answered.
    #[serde(default)]
    pub outlook: Option<Outlook>,
    /// The language it is written in, as far as common words and scripts tell.
    #[serde(default)]
    pub language: Option<Language>,
    /// Data class as declared: the highest of what key, route and header say.
    pub class: DataClass,
    /// What detectors found in its text; raises the class, and can be taken out where the policy says so.
    #[serde(default)]
    pub found: Found,
    /// Free tags of key, route and header (`hipaa`, `customer:acme`), sorted.
    #[serde(default)]
    pub tags: Vec<Arc<str>>,
    /// When it arrived, Unix seconds: terms of places expire.
    #[serde(default)]
    pub at_unix_s: u64,
    /// The caller's key, by its name in the ledger; rules may be about it.
    #[serde(default)]
    pub key: Option<Arc<str>>,
    /// What the request itself demands of places (`x-dewpoint-policy`), beside what the policy does.
    #[serde(default)]
    pub demands: Vec<Arc<Rule>>,
    /// Estimated prompt tokens.
    pub input_tokens: u32,
    /// Completion tokens expected: an estimate, at most what was asked for.
    pub output_tokens: u32,
    /// Wants tools called.
    pub tools: bool,
    /// Wants JSON by schema or JSON mode.
    pub json_schema: bool,
    /// Carries images.
    pub vision: bool,
    /// Carries audio.
    pub audio: bool,
    /// Wants log-probabilities.
    pub logprobs: bool,
    /// Uses the legacy completions endpoint.
    pub completions: bool,
    /// Wants vectors of texts.
    pub embeddings: bool,
    /// Wants documents scored.
    pub rerank: bool,
    /// Carries content no scanner can read (images, audio, files): takes the key's class, never "clean".
    pub unscanned: bool,
    /// Carries content that only a place of this protocol understands (a vendor's own part, tool or format): it cannot
    /// be translated, and must not be lost.
    pub native: Option<Api>,
    /// Places the caller's key may use; `None` is all.
    pub places_allowed: Option<Vec<String>>,
    /// Model patterns the caller's key may use (`*` at the end matches any rest); `None` is all.
    pub models_allowed: Option<Vec<String>>,
    /// The caller wants no fallback (`x-dewpoint-fallback: none`).
    pub no_fallback: bool,
    /// What money weighs above its face value, per mille (0: at face value): the dual price of a budget that has to last.
    #[serde(default)]
    pub thrift_permille: u32,
    /// The budget that makes it weigh so.
    #[serde(default)]
    pub thrift_of: Option<Arc<str>>,
    /// A budget is nearly used up and says `on_budget = "degrade"`: the cheapest that may answer comes first.
    #[serde(default)]
    pub degrade: bool,
    /// What becomes of offers whose price is not known.
    #[serde(default)]
    pub unpriced: Unpriced,
    /// It can wait: places give interactive requests the last seats (`x-dewpoint-priority`, `service_tier`).
    pub batch: bool,
    /// Session key, if the request has one, for affinity.
    pub session: Option<String>,
    /// Hash of the stable prefix (system, tools, first user message), for cache affinity.
    pub prefix_hash: u64,
}

impl Need {
    /// What money weighs and why, where it is not its face value: "1.8 times its face value: budget `team:x` is ahead of its pace".
    pub fn thrift(&self) -> Option<String> {
        if self.thrift_permille == 0 {
            return None;
        }
        let tenths = (self.thrift_permille + 1_050) / 100;
        let times = format!("{}.{} times its face value", tenths / 10, tenths % 10);
        Some(match &self.thrift_of {
            Some(budget) => format!("{times}: budget `{budget}` is ahead of its pace"),
            None => times,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_money_weighs_is_said_where_it_is_not_its_face_value() {
        assert_eq!(Need::default().thrift(), None);
        let need = Need { thrift_permille: 800, thrift_of: Some("team:x".into()), ..Need::default() };
        assert_eq!(need.thrift().as_deref(), Some("1.8 times its face value: budget `team:x` is ahead of its pace"));
        let need = Need { thrift_permille: 11_960, ..Need::default() };
        assert_eq!(need.thrift().as_deref(), Some("13.0 times its face value"));
    }
}
