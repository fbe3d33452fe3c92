//! One place and model that may answer, with the reason why it stands where it stands.
//!
//! Never here: the verdict as a whole (`verdict`), or working the reason out (`choose`).

use crate::{Belief, DataClass, Gate, Model, Pick, Place, Standing, Tier};
use serde::Serialize;
use std::fmt::Display;
use std::sync::Arc;

/// Why a candidate stands where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Reason {
    /// Expected quality on this request, per mille.
    pub quality_permille: u16,
    /// Is that sufficient: at least [`Verdict::enough_permille`](crate::Verdict::enough_permille)?
    pub sufficient: bool,
    /// The team's own evidence of the model at this task; empty where there is none.
    #[serde(skip_serializing_if = "unseen")]
    pub evidence: Belief,
    /// Expected marginal cost: the money that this request adds; `None` where the price is unknown.
    pub cost_nanousd: Option<i64>,
    /// Shadow price of the capacity it takes from others there, beside the money.
    pub capacity_nanousd: i64,
    /// Expected full cost: its share of what the machine costs, or the price of its tokens; `None` where unknown.
    pub full_nanousd: Option<i64>,
    /// Work at its place, per mille of what it does at once, where its economics are declared: above 1000 there is a queue.
    pub pressure_permille: u32,
    /// What a conversation saves there, since its prefix is in the cache.
    pub warm_nanousd: i64,
    /// What it is worth in all, less what it costs: quality, money, capacity, wait. The highest comes first.
    pub utility_nanousd: i64,
    /// It would come first if every place were idle; marked only where economics or the value of a second are declared.
    pub home: bool,
    /// Expected time to first token, milliseconds.
    pub ttft_ms: u32,
    /// How much of that comes of a queue, milliseconds.
    pub queue_ms: u32,
    /// How its place stood at that moment; `None` where nobody watched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub standing: Option<Standing>,
    /// Why it stands before or behind its replicas.
    pub pick: Pick,
    /// It may go there only with everything above this class taken out; `None`: as it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redact_above: Option<DataClass>,
}

impl Reason {
    /// How often the team has observed the model at this task, rounded; `None` where it never has.
    pub fn observations(&self) -> Option<u64> {
        let all = self.evidence.good_milli.saturating_add(self.evidence.bad_milli);
        (all > 0).then(|| all.saturating_add(500) / 1_000)
    }

    /// Money and capacity together, for people.
    pub(crate) fn price(&self) -> impl std::fmt::Display + use<> {
        let price = self.cost_nanousd.map(|cost| cost.saturating_add(self.capacity_nanousd));
        std::fmt::from_fn(move |f| match price {
            Some(price) => Dollars(price).fmt(f),
            None => f.write_str("an unknown price"),
        })
    }
}

fn unseen(evidence: &Belief) -> bool {
    *evidence == Belief::default()
}

/// One place and model that may answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Candidate {
    /// The place.
    pub place: Arc<Place>,
    /// The model there.
    pub model: Arc<Model>,
    /// Why here.
    pub reason: Reason,
}

impl Candidate {
    /// The model's own tier, or its place's.
    pub fn tier(&self) -> Tier {
        self.model.tier.unwrap_or(self.place.tier)
    }
}

/// The reason in words: "good enough (expected quality 0.60, difficulty 0.18), local tier on same-host, costs nothing".
impl std::fmt::Display for Candidate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let r = &self.reason;
        let enough = if r.sufficient { "good enough" } else { "may fall short" };
        write!(f, "{enough} (expected quality {}", Permille(r.quality_permille))?;
        match r.observations() {
            Some(1) => f.write_str(", observed once), ")?,
            Some(n) => write!(f, ", observed {n} times), ")?,
            None => f.write_str("), ")?,
        }
        write!(f, "{} tier, {}, ", self.tier().as_str(), self.place.zone.as_str())?;
        match r.cost_nanousd {
            Some(0) if self.place.economics.is_some() => f.write_str("adds no money")?,
            Some(0) => f.write_str("costs no money per token")?,
            Some(n) => write!(f, "about ${}", crate::Nanousd(n))?,
            None => f.write_str("price unknown")?,
        }
        if let Some(full) = r.full_nanousd.filter(|full| r.cost_nanousd != Some(*full)) {
            write!(f, " (its share of the machine: {})", Dollars(full))?;
        }
        if r.capacity_nanousd > 0 {
            write!(f, ", its capacity worth {} now", Dollars(r.capacity_nanousd))?;
        }
        write!(f, ", first token in about {} ms", r.ttft_ms)?;
        f.write_str(match r.standing.map(|s| s.gate) {
            Some(Gate::Full) => ", has as much work as it can do",
            Some(Gate::Paused) => ", asked us to wait",
            Some(Gate::Open) => ", failed repeatedly",
            _ => "",
        })?;
        f.write_str(match r.pick {
            Pick::Only | Pick::Spare => "",
            Pick::Home => ", where this conversation belongs",
            Pick::Lighter => ", lighter than where this conversation belongs",
            Pick::Probe => ", was slow and is tried again",
        })?;
        match r.redact_above {
            Some(class) => write!(f, ", with what was found above {class} taken out"),
            None => Ok(()),
        }
    }
}

/// An amount for people: at least two digits after the point, and no zeros at the end.
pub(crate) struct Dollars(pub(crate) i64);

impl std::fmt::Display for Dollars {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let all = crate::Nanousd(self.0).to_string();
        let short = all.trim_end_matches('0');
        let point = all.find('.').unwrap_or(all.len());
        write!(f, "${}", &all[..short.len().max((point + 3).min(all.len()))])
    }
}

/// Per mille shown as a fraction with two decimals.
pub(crate) struct Permille(pub(crate) u16);

impl std::fmt::Display for Permille {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{:02}", self.0 / 1000, self.0 % 1000 / 10)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dollars_end_where_they_say_something() {
        let shown = [0, 1, 2_100_000, 1_500_000_000, 3_000_000_000].map(|n| Dollars(n).to_string());
        assert_eq!(shown, ["$0.00", "$0.000000001", "$0.0021", "$1.50", "$3.00"]);
    }
}
