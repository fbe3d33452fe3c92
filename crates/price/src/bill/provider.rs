//! Providers as bills know them: how their answers are read, how their models are recognised, what holds when.
//!
//! Never here: the rows that the gateway prices with (room's `book`).

use super::clause::Clause;
use super::extract::Extractor;
use super::moment;
use super::sum::Rates;
use super::unit::Units;
use crate::Damaged;
use crate::volume::Volume;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::OnceLock;

/// The providers of the book, read from it one by one when they are asked for.
#[derive(Debug)]
pub struct Catalogue {
    volume: &'static Volume,
    pub(crate) units: Units,
    heads: Vec<Head>,
    providers: BTreeMap<String, OnceLock<Option<Provider>>>,
}

/// What it takes to find a provider.
#[derive(Debug, Deserialize)]
struct Head {
    id: String,
    provider_match: Option<Clause>,
}

#[derive(Deserialize)]
struct Index {
    units: Units,
    providers: Vec<Head>,
}

/// One provider.
#[derive(Debug, Deserialize)]
pub(crate) struct Provider {
    /// Its id, as genai-prices has it.
    pub(crate) id: String,
    extractors: Option<Vec<Extractor>>,
    #[serde(default)]
    fallback_model_providers: Vec<String>,
    models: Vec<Model>,
}

/// One model of a provider.
#[derive(Debug, Deserialize)]
pub(crate) struct Model {
    pub(crate) id: String,
    #[serde(rename = "match")]
    clause: Clause,
    prices: Vec<Dated>,
}

#[derive(Debug, Deserialize)]
struct Dated {
    constraint: Option<Constraint>,
    prices: Rates,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Constraint {
    From { start_date: String },
    Daily { start_time: String, end_time: String },
}

impl Catalogue {
    /// The one inside the binary.
    ///
    /// # Errors
    /// The book inside the binary is damaged.
    pub fn built_in() -> Result<Catalogue, Damaged> {
        let volume = Volume::built_in()?;
        let index: Index = volume.json("bill")?;
        let providers = index.providers.iter().map(|h| (h.id.clone(), OnceLock::new())).collect();
        Ok(Catalogue { volume, units: index.units, heads: index.providers, providers })
    }

    /// Which book it is from: stands beside every amount.
    pub fn version(&self) -> &str {
        self.volume.version()
    }

    /// The day of the book, `2026-08-21`.
    pub fn date(&self) -> &str {
        &self.volume.head().date
    }

    /// A provider by its id, or by what else it is called.
    pub(crate) fn provider(&self, name: &str) -> Option<&Provider> {
        let name = name.trim().to_lowercase();
        self.by_id(&name).or_else(|| {
            let head = self.heads.iter().find(|h| h.provider_match.as_ref().is_some_and(|c| c.matches(&name)))?;
            self.by_id(&head.id)
        })
    }

    fn by_id(&self, id: &str) -> Option<&Provider> {
        self.providers.get(id)?.get_or_init(|| self.volume.json(&format!("bill/{id}")).ok()).as_ref()
    }

    /// A provider's model by any of its names; of another provider where this one resells that. A name with a compact
    /// date (`-20250807`) that is not known is looked for with dashes in it.
    pub(crate) fn model<'a>(&'a self, provider: &'a Provider, name: &str) -> Option<(&'a Provider, &'a Model)> {
        let name = name.to_lowercase();
        let find = |name: &str| {
            let others = provider.fallback_model_providers.iter().filter_map(|id| self.by_id(id));
            std::iter::once(provider).chain(others).find_map(|p| Some((p, p.model(name)?)))
        };
        find(&name).or_else(|| {
            let dashed = dashed_date(&name);
            if dashed == name { None } else { find(&dashed) }
        })
    }

    /// Ids of all providers.
    pub(crate) fn ids(&self) -> impl Iterator<Item = &str> {
        self.heads.iter().map(|h| h.id.as_str())
    }
}

impl Provider {
    fn model(&self, name: &str) -> Option<&Model> {
        self.models.iter().find(|m| m.clause.matches(name))
    }

    /// How answers of a flavour are read; or the flavours there are.
    pub(crate) fn extractor(&self, flavor: &str) -> Result<&Extractor, Vec<&str>> {
        let all = self.extractors.as_deref().unwrap_or_default();
        all.iter().find(|e| e.api_flavor == flavor).ok_or_else(|| all.iter().map(|e| e.api_flavor.as_str()).collect())
    }
}

impl Model {
    /// The rates that hold at a moment: the last that do, or else the first there are.
    pub(crate) fn rates(&self, at_unix_s: u64) -> Option<&Rates> {
        let holds = |d: &&Dated| d.constraint.as_ref().is_none_or(|c| c.holds(at_unix_s));
        self.prices.iter().rev().find(holds).or(self.prices.first()).map(|d| &d.prices)
    }
}

impl Constraint {
    fn holds(&self, at_unix_s: u64) -> bool {
        let Ok(at) = i64::try_from(at_unix_s) else { return false };
        match self {
            Constraint::From { start_date } => moment::day(start_date).is_some_and(|day| at >= day * 86_400),
            Constraint::Daily { start_time, end_time } => {
                let (Some(from), Some(until)) = (moment::clock(start_time), moment::clock(end_time)) else {
                    return false;
                };
                let now = at % 86_400;
                if until < from { now >= from || now < until } else { (from..until).contains(&now) }
            }
        }
    }
}

/// `gpt-5.2-20251211` as `gpt-5.2-2025-12-11`, where that is a date and the name goes on with `-` or `:` or ends.
fn dashed_date(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 4);
    let mut rest = name;
    while let Some(dash) = rest.find('-') {
        let (before, after) = rest.split_at(dash + 1);
        out.push_str(before);
        rest = after;
        let Some((digits, next)) = rest.split_at_checked(8) else { continue };
        let ends = next.is_empty() || next.starts_with(['-', ':']);
        if ends && digits.starts_with("20") && digits.bytes().all(|b| b.is_ascii_digit()) {
            let dashed = format!("{}-{}-{}", &digits[..4], &digits[4..6], &digits[6..]);
            if moment::day(&dashed).is_some() {
                out.push_str(&dashed);
                rest = next;
            }
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compact_dates_get_dashes() {
        assert_eq!(dashed_date("gpt-5.2-20251211"), "gpt-5.2-2025-12-11");
        assert_eq!(dashed_date("a-20250230"), "a-20250230", "not a date");
        assert_eq!(dashed_date("a-202512110"), "a-202512110");
        assert_eq!(dashed_date("a-20251211:free-x"), "a-2025-12-11:free-x");
        assert_eq!(dashed_date("plain"), "plain");
    }

    #[test]
    fn dates_and_times_of_day_constrain() {
        let from: Constraint = serde_json::from_str(r#"{"start_date":"2026-09-01"}"#).unwrap();
        let first = moment::unix_s("2026-09-01T00:00:00Z").unwrap();
        assert!(from.holds(first) && !from.holds(first - 1) && !from.holds(u64::MAX));
        let day: Constraint = serde_json::from_str(r#"{"start_time":"00:30:00Z","end_time":"16:30:00Z"}"#).unwrap();
        assert!(day.holds(1_800) && !day.holds(1_799) && day.holds(59_399) && !day.holds(59_400));
        let night: Constraint = serde_json::from_str(r#"{"start_time":"16:30:00","end_time":"00:30:00"}"#).unwrap();
        assert!(night.holds(59_400) && night.holds(0) && !night.holds(1_800));
    }
}
