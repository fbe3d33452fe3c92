//! The policy in force: which data may go how far, what `auto` optimises, and the named routes. A value that is
//! swapped as a whole when the configuration changes.
//!
//! Never here: parsing of configuration (room `app`).

use crate::{Cascade, DataClass, Durability, Nanousd, Rule, Target, Unpriced, Zone};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What a choice optimises once the hard constraints hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Objective {
    /// The nearest and cheapest place whose expected quality is sufficient for the request.
    #[default]
    Sufficient,
    /// Least money, then quality.
    Cheap,
    /// Highest expected quality, then money.
    Best,
    /// As `sufficient`, on own ground only (same host or own network).
    Local,
    /// Least time to first token.
    Fast,
}

impl Objective {
    /// The kebab-case name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Objective::Sufficient => "sufficient",
            Objective::Cheap => "cheap",
            Objective::Best => "best",
            Objective::Local => "local",
            Objective::Fast => "fast",
        }
    }
}

/// A named route of the configuration, called by its name as the model.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Route {
    /// The candidates; empty means every place.
    pub targets: Vec<Target>,
    /// What it optimises; `None` keeps the order of `targets`.
    pub objective: Option<Objective>,
    /// The least class that requests of this route have.
    pub class: Option<DataClass>,
    /// Tags that requests of this route have.
    #[serde(default)]
    pub tags: Vec<Arc<str>>,
    /// What its answers wait for.
    #[serde(default)]
    pub durability: Durability,
    /// What becomes of its answers that are doubted; `None` is as everywhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cascade: Option<Cascade>,
}

/// Everything `choose` is told by the operator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// Counts reloads; stands in every decision.
    pub version: u64,
    /// SHA-256 of [`Policy::canonical`], hexadecimal, for the audit trail; empty until its owner sets it.
    #[serde(skip)]
    pub hash: Arc<str>,
    /// For each class that is named, the farthest zone it may go to, in place of the built-in rule.
    pub reach: BTreeMap<DataClass, Zone>,
    /// Rules, beside `reach`.
    #[serde(default)]
    pub rules: Vec<Arc<Rule>>,
    /// Named routes.
    pub routes: BTreeMap<String, Route>,
    /// What plain `auto` optimises.
    pub auto: Objective,
    /// Surplus of expected quality over difficulty, per mille, that counts as sufficient.
    pub margin_permille: u16,
    /// Attempts per request at most, the first included.
    pub attempts_max: u8,
    /// What becomes of offers whose price is not known, for requests without a key. (A key says its own.)
    #[serde(default)]
    pub unpriced: Unpriced,
    /// What an answer of full expected quality is worth over none, each request.
    pub quality_value: Nanousd,
    /// What a second that a request waits because a place is busy is worth. Zero: only declared economics move traffic.
    pub second_value: Nanousd,
    /// What becomes of answers that are doubted.
    #[serde(default)]
    pub cascade: Cascade,
}

impl Default for Policy {
    /// With nothing configured, the built-in rules hold: public and internal may go anywhere that is configured; personal
    /// stays on the own network and goes elsewhere only redacted; sensitive stays on the own network; secret stays on this
    /// host.
    fn default() -> Policy {
        Policy {
            version: 0,
            hash: Arc::from(""),
            reach: BTreeMap::new(),
            rules: Vec::new(),
            routes: BTreeMap::new(),
            auto: Objective::Sufficient,
            margin_permille: 0,
            attempts_max: 3,
            unpriced: Unpriced::Allow,
            // About what it takes to notice and repair a wrong answer: ten minutes at $60 an hour.
            quality_value: Nanousd(10_000_000_000),
            second_value: Nanousd::ZERO,
            cascade: Cascade::default(),
        }
    }
}

impl Policy {
    /// What becomes of doubted answers to requests for the model name `asked`: as its route says, else as everywhere.
    pub fn cascade_of(&self, asked: &str) -> &Cascade {
        self.routes.get(asked).and_then(|route| route.cascade.as_ref()).unwrap_or(&self.cascade)
    }

    /// The same bytes for the same decisions: everything that the policy says, the built-in limits included, without
    /// the count of reloads. For a hash that an auditor can compare.
    pub fn canonical(&self) -> Vec<u8> {
        let limits: BTreeMap<DataClass, (Zone, Zone)> = DataClass::ALL.into_iter().zip(self.zones()).collect();
        let policy = Policy { version: 0, ..self.clone() };
        // Written to memory, with keys that are words: nothing in it can fail.
        serde_json::to_vec(&(limits, policy)).unwrap_or_default()
    }
}
