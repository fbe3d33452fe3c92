//! Rules of the policy: whom they are about, what they demand of a place, and what they let through to it.
//!
//! Never here: how rules combine (`border`), or their text in the configuration (room `app`).

use crate::demand::named;
use crate::{DataClass, Demand, Place};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::sync::Arc;

/// What a rule lets through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Through {
    /// Content as it is, to places that meet the demand; nothing to others.
    #[default]
    Whole,
    /// Content with what was found taken out, to places that meet the demand; nothing to others.
    Redacted,
    /// Content as it is to places that meet the demand, and with what was found taken out to all others.
    RedactedElsewhere,
    /// Nothing, to the places that the demand names.
    Nothing,
}

/// One rule. It holds for the lowest class that it names and for all above; without a class, for every one.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Rule {
    /// Its name in refusals and in the audit trail.
    pub id: Arc<str>,
    /// The classes it is written for.
    pub classes: BTreeSet<DataClass>,
    /// It holds for requests with all of these tags.
    pub tags: BTreeSet<Arc<str>>,
    /// It holds for requests of these keys; empty is every one.
    pub keys: BTreeSet<Arc<str>>,
    /// It holds for requests to these routes; empty is every one.
    pub routes: BTreeSet<Arc<str>>,
    /// What it demands of a place.
    pub demand: Demand,
    /// What it lets through.
    pub through: Through,
    /// A provider that reads the demand in the request itself and heeds it there, so that its places need not declare it.
    pub heeded_by: Option<Arc<str>>,
}

/// A tag in its one form: lower case, 1 to 64 letters, digits and `-_.:/@`. `None` for anything else.
pub fn tag(text: &str) -> Option<Arc<str>> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.:/@".contains(c);
    ((1..=64).contains(&text.len()) && text.chars().all(allowed)).then(|| text.to_ascii_lowercase().into())
}

/// The name of a contract in its one form: upper case, 1 to 32 letters, digits and `-_.`. `None` for anything else.
pub fn contract(text: &str) -> Option<Arc<str>> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    ((1..=32).contains(&text.len()) && text.chars().all(allowed)).then(|| text.to_ascii_uppercase().into())
}

impl Rule {
    /// Whether it says where its classes may go, in place of the built-in rules: it names classes and nothing else, and
    /// does not merely deny. A rule with a condition can never do so, since a request could bring the condition about.
    pub fn grants(&self) -> bool {
        let unconditional = self.tags.is_empty() && self.keys.is_empty() && self.routes.is_empty();
        unconditional && !self.classes.is_empty() && self.through != Through::Nothing
    }

    /// The lowest class it holds for.
    pub fn lowest_class(&self) -> DataClass {
        self.classes.first().copied().unwrap_or(DataClass::Public)
    }

    /// Whether its demand names this place; what a rule that denies is about.
    pub(crate) fn names(&self, place: &Place) -> bool {
        self.demand.places.as_ref().is_none_or(|list| list.iter().any(|p| named(p, place.id.as_str())))
    }
}
