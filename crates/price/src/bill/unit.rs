//! The units of usage, and how one contains another: audio input is input, cached audio input is both.
//!
//! Never here: prices, answers.

use super::extract::Counts;
use rust_decimal::Decimal;
use serde::Deserialize;
use std::collections::BTreeMap;

/// All units, by usage key.
#[derive(Debug, Default, Deserialize)]
#[serde(transparent)]
pub(crate) struct Units(BTreeMap<String, Unit>);

/// One unit.
#[derive(Debug, Deserialize)]
pub(crate) struct Unit {
    /// A price is for so many.
    pub(crate) per: u32,
    /// What its price is called.
    price_key: String,
    /// What distinguishes it. A unit contains every other one that has all of its own dimensions and more.
    dimensions: BTreeMap<String, String>,
}

/// Counted once per priced answer, whatever it says.
const REQUESTS: &str = "requests";

impl Unit {
    /// `input`, `output` or neither (a search).
    pub(crate) fn direction(&self) -> Option<&str> {
        self.dimensions.get("direction").map(String::as_str)
    }

    fn contains(&self, other: &Unit) -> bool {
        self.dimensions.iter().all(|(k, v)| other.dimensions.get(k) == Some(v))
    }

    /// Whether something can be both.
    fn goes_with(&self, other: &Unit) -> bool {
        self.dimensions.iter().all(|(k, v)| other.dimensions.get(k).is_none_or(|o| o == v))
    }

    /// Whether it is what is both the one and the other.
    fn joins(&self, a: &Unit, b: &Unit) -> bool {
        let mut both = a.dimensions.clone();
        both.extend(b.dimensions.iter().map(|(k, v)| (k.clone(), v.clone())));
        self.dimensions == both
    }
}

impl Units {
    /// Whether answers can report it.
    pub(crate) fn has(&self, usage_key: &str) -> bool {
        usage_key != REQUESTS && self.0.contains_key(usage_key)
    }

    /// The unit that a price is for.
    pub(crate) fn priced(&self, price_key: &str) -> Option<(&str, &Unit)> {
        self.0.iter().find(|(_, u)| u.price_key == price_key).map(|(key, unit)| (key.as_str(), unit))
    }

    /// How many of each priced unit there are that no other priced unit inside it accounts for.
    ///
    /// # Errors
    /// The usage contradicts itself, or lacks the whole of which it has a part: in words.
    pub(crate) fn split(&self, priced: &[(&str, &Unit)], usage: &Counts) -> Result<Counts, String> {
        let mut order: Vec<_> = priced.iter().filter(|(key, _)| *key != REQUESTS).collect();
        // The most particular first, so that what contains it can subtract it.
        order.sort_by_key(|(key, unit)| (std::cmp::Reverse(unit.dimensions.len()), *key));
        let mut alone = Counts::new();
        for (key, unit) in &order {
            let all = self.count(key, usage)?;
            let inside = order.iter().filter(|(k, u)| k != key && unit.contains(u)).filter_map(|(k, _)| alone.get(*k));
            let inside = inside.copied().fold(Some(Decimal::ZERO), |sum, n| sum?.checked_add(n));
            let left = inside.and_then(|inside| all.checked_sub(inside)).ok_or("the counts are too large")?;
            if left.is_sign_negative() && !left.is_zero() {
                return Err(format!("the parts of `{key}` are more than its {all}"));
            }
            alone.insert((*key).to_owned(), left);
        }
        if priced.iter().any(|(key, _)| *key == REQUESTS) {
            alone.insert(REQUESTS.to_owned(), Decimal::ONE);
        }
        Ok(alone)
    }

    /// How many of one unit were used. Not reported means none, unless something inside it was.
    ///
    /// # Errors
    /// A part of it was reported, or two things that overlap in it: then it cannot be known.
    pub(crate) fn count(&self, usage_key: &str, usage: &Counts) -> Result<Decimal, String> {
        if let Some(count) = usage.get(usage_key) {
            return Ok(*count);
        }
        let Some(asked) = self.0.get(usage_key) else { return Ok(Decimal::ZERO) };
        let used: Vec<(&str, &Unit)> = usage
            .iter()
            .filter(|(_, count)| !count.is_zero())
            .filter_map(|(key, _)| Some((key.as_str(), self.0.get(key)?)))
            .collect();
        if let Some((part, _)) = used.iter().find(|(key, unit)| *key != usage_key && asked.contains(unit)) {
            return Err(format!("`{part}` was reported, but not the `{usage_key}` that it is a part of"));
        }
        for (i, (left, a)) in used.iter().enumerate() {
            for (right, b) in &used[i + 1..] {
                if a.goes_with(b) && !a.contains(b) && !b.contains(a) && asked.joins(a, b) {
                    return Err(format!("`{left}` and `{right}` overlap, and `{usage_key}` was not reported"));
                }
            }
        }
        Ok(Decimal::ZERO)
    }
}
