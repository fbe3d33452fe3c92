//! What is added up of attempts, and adding it up.
//!
//! Never here: SQL; names.

use decide::{Outcome, Priced};

/// Amounts of which some are unknown: those are in no sum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Money {
    /// Sum of those that are known, nano-dollars.
    pub nanousd: i128,
    /// Attempts whose amount is known.
    pub known: u64,
    /// Attempts that reached a place and whose amount is unknown.
    pub unknown: u64,
}

impl Money {
    fn add(&mut self, amount: Option<i64>) {
        match amount {
            Some(amount) => {
                self.nanousd += i128::from(amount);
                self.known += 1;
            }
            None => self.unknown += 1,
        }
    }

    fn merge(&mut self, other: &Money) {
        self.nanousd += other.nanousd;
        self.known += other.known;
        self.unknown += other.unknown;
    }
}

/// What the same tokens would have cost elsewhere, over the attempts of which that is known and whose own cost is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Against {
    /// Attempts compared.
    pub attempts: u64,
    /// What they would have cost there, nano-dollars.
    pub there_nanousd: i128,
    /// What they did cost, nano-dollars.
    pub here_nanousd: i128,
    /// Sum of the expected qualities there, per mille, and of how many they are known.
    pub quality: (u64, u64),
    /// The same of what answered, over the same attempts.
    pub quality_here: (u64, u64),
}

impl Against {
    fn add(&mut self, there: Option<i64>, quality: Option<u16>, item: &Item) {
        let (Some(there), Some(here)) = (there, item.spent()) else { return };
        self.attempts += 1;
        self.there_nanousd += i128::from(there);
        self.here_nanousd += i128::from(here);
        add_quality(&mut self.quality, quality);
        add_quality(&mut self.quality_here, item.quality);
    }

    fn merge(&mut self, other: &Against) {
        self.attempts += other.attempts;
        self.there_nanousd += other.there_nanousd;
        self.here_nanousd += other.here_nanousd;
        merge_quality(&mut self.quality, other.quality);
        merge_quality(&mut self.quality_here, other.quality_here);
    }
}

fn add_quality(to: &mut (u64, u64), quality: Option<u16>) {
    if let Some(quality) = quality {
        to.0 += u64::from(quality);
        to.1 += 1;
    }
}

fn merge_quality(to: &mut (u64, u64), other: (u64, u64)) {
    *to = (to.0 + other.0, to.1 + other.1);
}

/// Sums over attempts. Where attempts are refused, they count as such and in nothing of money: nothing was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sums {
    /// First attempts: each request has one.
    pub requests: u64,
    /// Attempts.
    pub attempts: u64,
    /// Attempts by outcome.
    pub ok: u64,
    /// Attempts by outcome.
    pub failed: u64,
    /// Attempts whose answer was doubted and not shown.
    pub doubted: u64,
    /// Attempts by outcome.
    pub cancelled: u64,
    /// Attempts by outcome.
    pub refused: u64,
    /// Attempts that were sent and whose end nobody knows; they stand at their estimates.
    pub unknown: u64,
    /// Attempts after the first of their request.
    pub retries: u64,
    /// Prompt tokens, cached ones included.
    pub input: i128,
    /// Completion tokens, reasoning included.
    pub output: i128,
    /// Prompt tokens read from a cache.
    pub cached: i128,
    /// Prompt tokens written to a cache.
    pub cache_write: i128,
    /// Completion tokens spent on reasoning.
    pub reasoning: i128,
    /// Money: the full cost where it is known, else the marginal one. What budgets count.
    pub spend: Money,
    /// Marginal cost: what the attempts added.
    pub marginal: Money,
    /// Full cost: their share of what machines cost.
    pub full: Money,
    /// Of `spend`, by attempts whose price or tokens are estimates.
    pub estimated: Money,
    /// Of `spend`, by attempts that failed.
    pub wasted: Money,
    /// Of `spend`, by attempts whose answer was doubted and not shown.
    pub doubts: Money,
    /// Of `spend`, by attempts after the first.
    pub retried: Money,
    /// Of `spend`, by attempts of unknown end.
    pub open: Money,
    /// Sum of the expected qualities of what answered, per mille, and of how many attempts it is known.
    pub quality: (u64, u64),
    /// Against the place of the highest expected quality, each time.
    pub strongest: Against,
    /// Against the cheapest place that was expected to be sufficient, each time.
    pub cheapest: Against,
}

/// What counts of one attempt.
pub(super) struct Item {
    pub(super) first: bool,
    pub(super) outcome: Outcome,
    pub(super) priced: Priced,
    pub(super) estimated: bool,
    /// input, output, cached, cache_write, reasoning.
    pub(super) tokens: [i64; 5],
    pub(super) cost: Option<i64>,
    pub(super) full: Option<i64>,
    pub(super) quality: Option<u16>,
    pub(super) strongest: (Option<i64>, Option<u16>),
    pub(super) cheapest: (Option<i64>, Option<u16>),
    pub(super) ttft_us: Option<u64>,
    pub(super) total_us: u64,
}

impl Item {
    /// What budgets count of it.
    fn spent(&self) -> Option<i64> {
        self.full.or(self.cost)
    }
}

impl Sums {
    pub(super) fn add(&mut self, item: &Item) {
        self.requests += u64::from(item.first);
        self.retries += u64::from(!item.first);
        self.attempts += 1;
        match item.outcome {
            Outcome::Ok => self.ok += 1,
            Outcome::Failed => self.failed += 1,
            Outcome::Doubted => self.doubted += 1,
            Outcome::Cancelled => self.cancelled += 1,
            Outcome::Refused => self.refused += 1,
            Outcome::Unknown => self.unknown += 1,
        }
        let tokens = [&mut self.input, &mut self.output, &mut self.cached, &mut self.cache_write, &mut self.reasoning];
        for (sum, tokens) in tokens.into_iter().zip(item.tokens) {
            *sum += i128::from(tokens);
        }
        let spent = item.spent();
        // What was refused was sent nowhere: it has no cost, known or unknown. Were there one all the same, it is counted.
        if item.outcome == Outcome::Refused && spent.is_none() {
            return;
        }
        self.spend.add(spent);
        self.marginal.add(item.cost);
        self.full.add(item.full);
        if item.estimated || item.priced == Priced::Estimated {
            self.estimated.add(spent);
        }
        if item.outcome == Outcome::Failed {
            self.wasted.add(spent);
        }
        if item.outcome == Outcome::Doubted {
            self.doubts.add(spent);
        }
        if item.outcome == Outcome::Unknown {
            self.open.add(spent);
        }
        if !item.first {
            self.retried.add(spent);
        }
        add_quality(&mut self.quality, item.quality);
        self.strongest.add(item.strongest.0, item.strongest.1, item);
        self.cheapest.add(item.cheapest.0, item.cheapest.1, item);
    }

    /// Adds the sums of other attempts.
    pub fn merge(&mut self, other: &Sums) {
        let o = other;
        self.requests += o.requests;
        self.attempts += o.attempts;
        self.ok += o.ok;
        self.failed += o.failed;
        self.doubted += o.doubted;
        self.cancelled += o.cancelled;
        self.refused += o.refused;
        self.unknown += o.unknown;
        self.retries += o.retries;
        self.input += o.input;
        self.output += o.output;
        self.cached += o.cached;
        self.cache_write += o.cache_write;
        self.reasoning += o.reasoning;
        self.spend.merge(&o.spend);
        self.marginal.merge(&o.marginal);
        self.full.merge(&o.full);
        self.estimated.merge(&o.estimated);
        self.wasted.merge(&o.wasted);
        self.doubts.merge(&o.doubts);
        self.retried.merge(&o.retried);
        self.open.merge(&o.open);
        merge_quality(&mut self.quality, o.quality);
        self.strongest.merge(&o.strongest);
        self.cheapest.merge(&o.cheapest);
    }
}

/// Times of attempts, milliseconds, nearest rank, exact to 1/256.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Latency {
    /// To the first token, over attempts that had one: median and 95th percentile.
    pub ttft_ms: Option<(f64, f64)>,
    /// In all, over attempts that ended well.
    pub total_ms: Option<(f64, f64)>,
}

/// How many times fell where: exact below 256 µs, above that in 128 steps to each doubling.
#[derive(Debug, Clone, Default)]
pub(super) struct Spread {
    counts: Vec<u32>,
    total: u64,
}

impl Spread {
    pub(super) fn add(&mut self, us: u64) {
        let at = usize::from(crate::report::step(us));
        if at >= self.counts.len() {
            self.counts.resize(at + 1, 0);
        }
        if let Some(count) = self.counts.get_mut(at) {
            *count = count.saturating_add(1);
            self.total += 1;
        }
    }

    pub(super) fn merge(&mut self, other: &Spread) {
        if self.counts.len() < other.counts.len() {
            self.counts.resize(other.counts.len(), 0);
        }
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count = count.saturating_add(*more);
        }
        self.total += other.total;
    }

    /// Median and 95th percentile.
    pub(super) fn ms(&self) -> Option<(f64, f64)> {
        Some((self.rank(50)?, self.rank(95)?))
    }

    fn rank(&self, percent: u64) -> Option<f64> {
        let rank = (self.total * percent).div_ceil(100);
        let mut seen = 0;
        let at = self.counts.iter().position(|count| {
            seen += u64::from(*count);
            *count > 0 && seen >= rank
        })?;
        u16::try_from(at).ok().map(|step| crate::report::middle(step) as f64 / 1000.0)
    }
}
