//! What an attempt costs by the tokens that it took: the money that it adds, and its share of what the place costs.
//!
//! Never here: prices of its own (`decide`), budgets.

use decide::{
    Baselines, Candidate, Kind, Model, Moment, Nanousd, Place, Price, Priced, Record, Tenure, Usage, Verdict, cost,
};
use std::sync::Arc;

/// The cost of one attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cost {
    /// The money that it added; `None` is unknown.
    pub(super) marginal: Option<Nanousd>,
    /// Its share of what the machine costs, or the price of its tokens; `None` is unknown.
    pub(super) full: Option<Nanousd>,
    pub(super) priced: Priced,
}

impl Cost {
    /// What `usage` costs at a candidate.
    pub(super) fn of(candidate: &Candidate, usage: &Usage, at_unix_s: u64) -> Cost {
        let (place, model) = (&candidate.place, &candidate.model);
        let full = full(place, model, usage, at_unix_s);
        let Some(economics) = &place.economics else {
            let priced = match full {
                None => Priced::Unknown,
                Some(Nanousd::ZERO) if place.kind != Kind::Serverless => Priced::Own,
                Some(_) if usage.estimated || model.price.as_ref().is_some_and(Price::is_estimate) => Priced::Estimated,
                Some(_) => Priced::Exact,
            };
            return Cost { marginal: full, full, priced };
        };
        let marginal = match economics.tenure {
            // What it switched on was decided when it was sent; where nothing was answered, nothing was switched on.
            Tenure::Burst { .. } if usage.input + usage.output == 0 => Some(Nanousd::ZERO),
            Tenure::Burst { .. } => candidate.reason.cost_nanousd.map(Nanousd),
            _ => economics.marginal(usage, &Moment::default()),
        };
        Cost { marginal, full, priced: if marginal.is_some() { Priced::Own } else { Priced::Unknown } }
    }

    /// What budgets and callers see: the full cost, or where that is unknown the marginal one.
    pub(super) fn charged(&self) -> Option<Nanousd> {
        self.full.or(self.marginal)
    }
}

/// What a settled attempt is charged with. Where the cost stays unknown its key allows that, and it counts for nothing; the
/// ledger says so.
pub(super) fn charge(record: &Record) -> i64 {
    record.full.or(record.cost).map_or(0, |c| c.0)
}

fn full(place: &Place, model: &Model, usage: &Usage, at_unix_s: u64) -> Option<Nanousd> {
    match &place.economics {
        Some(economics) => economics.full(usage),
        None => model.price.as_ref().map(|p| cost(p, usage, at_unix_s)),
    }
}

/// The candidates that savings are compared with, kept from the decision until the tokens are known.
#[derive(Debug, Default)]
pub(super) struct Bases {
    strongest: Option<Basis>,
    cheapest: Option<Basis>,
}

#[derive(Debug)]
struct Basis {
    place: Arc<Place>,
    model: Arc<Model>,
    quality_permille: u16,
}

impl Bases {
    pub(super) fn of(verdict: &Verdict) -> Bases {
        let basis = |c: &Candidate| Basis {
            place: c.place.clone(),
            model: c.model.clone(),
            quality_permille: c.reason.quality_permille,
        };
        let (strongest, cheapest) = verdict.baselines();
        Bases { strongest: strongest.map(basis), cheapest: cheapest.map(basis) }
    }

    /// What `usage` would have cost there. The tokens of another model's tokenizer are taken to be as many.
    pub(super) fn at(&self, usage: &Usage, at_unix_s: u64) -> Baselines {
        // What one place had in its cache another would not have had.
        let usage = Usage { cached: 0, cache_write: 0, cache_write_long: 0, ..*usage };
        let price = |b: &Option<Basis>| b.as_ref().and_then(|b| full(&b.place, &b.model, &usage, at_unix_s));
        let quality = |b: &Option<Basis>| b.as_ref().map(|b| b.quality_permille);
        Baselines {
            strongest: price(&self.strongest),
            strongest_quality_permille: quality(&self.strongest),
            cheapest: price(&self.cheapest),
            cheapest_quality_permille: quality(&self.cheapest),
        }
    }
}

#[cfg(test)]
#[path = "price_tests.rs"]
mod tests;
