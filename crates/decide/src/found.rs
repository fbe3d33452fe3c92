//! What detectors found in a request: kinds and counts, never values.
//!
//! Never here: text of the request.

use crate::DataClass;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// How often a kind was found, and what class it is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Count {
    /// Occurrences.
    pub n: u32,
    /// The class that the kind raises a request to.
    pub class: DataClass,
}

/// What detectors found in one request.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Found {
    /// By kind (`EMAIL_ADDRESS`, `CREDIT_CARD`, `github-pat`, …).
    pub kinds: BTreeMap<Arc<str>, Count>,
    /// Why the reading is not complete (a detector failed or ran out of time); then nothing may leave.
    pub failed: Option<Arc<str>>,
    /// The highest class of what is somewhere in the texts while nobody says where, so that it cannot be taken out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loose: Option<DataClass>,
}

impl Found {
    /// The highest class that was found; `None` where nothing was.
    pub fn class(&self) -> Option<DataClass> {
        self.kinds.values().map(|c| c.class).max()
    }

    /// Whether anything above `class` was found.
    pub fn any_above(&self, class: DataClass) -> bool {
        self.kinds.values().any(|c| c.class > class)
    }

    /// Notes an occurrence without a place in the text.
    pub fn note_loose(&mut self, kind: &Arc<str>, class: DataClass) {
        self.note(kind, class);
        self.loose = self.loose.max(Some(class));
    }

    /// Notes one occurrence.
    pub fn note(&mut self, kind: &Arc<str>, class: DataClass) {
        let count = self.kinds.entry(kind.clone()).or_insert(Count { n: 0, class });
        count.n = count.n.saturating_add(1);
        count.class = count.class.max(class);
    }
}
