//! The sum: counts times rates, in exact decimals of 28 digits.
//!
//! Never here: which prices hold, where counts come from.

use super::extract::Counts;
use super::unit::Units;
use rust_decimal::Decimal;
use serde::de::{Deserialize, Deserializer, Error};
use std::collections::BTreeMap;

/// Rates by price key (`input_mtok`, …).
pub(crate) type Rates = BTreeMap<String, Rate>;

/// US dollars per so many of a unit.
#[derive(Debug, serde::Deserialize)]
#[serde(untagged)]
pub(crate) enum Rate {
    Flat(Exact),
    /// By the size of the whole prompt: the last step that it exceeds holds for all of it.
    Tiered {
        base: Exact,
        tiers: Vec<Step>,
    },
}

#[derive(Debug, serde::Deserialize)]
pub(crate) struct Step {
    start: u64,
    price: Exact,
}

/// A decimal, written as a text.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Exact(Decimal);

impl<'de> Deserialize<'de> for Exact {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Exact, D::Error> {
        let text = String::deserialize(from)?;
        Decimal::from_str_exact(&text).map(Exact).map_err(D::Error::custom)
    }
}

/// What something costs, in US dollars.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Sum {
    pub(crate) input: Decimal,
    pub(crate) output: Decimal,
    /// With what is neither (searches, requests).
    pub(crate) total: Decimal,
}

impl Rate {
    fn at(&self, input_tokens: Decimal) -> Decimal {
        match self {
            Rate::Flat(rate) => rate.0,
            Rate::Tiered { base, tiers } => {
                let reached = tiers.iter().filter(|t| input_tokens > Decimal::from(t.start)).max_by_key(|t| t.start);
                reached.map_or(base.0, |t| t.price.0)
            }
        }
    }
}

/// What `usage` costs.
///
/// # Errors
/// The usage contradicts itself, or is beyond 28 digits: in words.
pub(crate) fn sum(rates: &Rates, usage: &Counts, units: &Units) -> Result<Sum, String> {
    let priced: Vec<_> = rates.iter().filter_map(|(key, rate)| Some((units.priced(key)?, rate))).collect();
    let keys: Vec<_> = priced.iter().map(|(unit, _)| *unit).collect();
    let counts = units.split(&keys, usage)?;
    let tiered = rates.values().any(|r| matches!(r, Rate::Tiered { .. }));
    let prompt = if tiered { units.count("input_tokens", usage)? } else { Decimal::ZERO };
    let mut sum = Sum::default();
    for ((key, unit), rate) in priced {
        let count = counts.get(key).copied().unwrap_or_default();
        let amount = rate.at(prompt).checked_mul(count).and_then(|n| n.checked_div(Decimal::from(unit.per)));
        let add = |to: &mut Decimal| {
            *to = to.checked_add(amount?)?;
            Some(())
        };
        let added = match unit.direction() {
            Some("input") => add(&mut sum.input),
            Some("output") => add(&mut sum.output),
            _ => Some(()),
        };
        added.and_then(|()| add(&mut sum.total)).ok_or("the amount is beyond 28 digits")?;
    }
    Ok(sum)
}
