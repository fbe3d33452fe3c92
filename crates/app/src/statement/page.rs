//! What a report says, worked out once for every format.
//!
//! Never here: how it looks; SQL.

use super::day::Day;
use ledger::{Against, Dim, Line, Name, Statement, Sums};
use std::cmp::Reverse;
use std::collections::HashMap;

/// A report.
pub(super) struct Page {
    /// What the rows stand for.
    pub(super) by: Dim,
    /// First and last day, UTC, both in it; `None` where there is nothing.
    pub(super) days: Option<(Day, Day)>,
    /// Its rows: the dearest first, days in their order.
    pub(super) rows: Vec<Row>,
    pub(super) total: Sums,
    pub(super) savings: Vec<Saving>,
    pub(super) machines: Vec<Machine>,
}

/// One row.
pub(super) struct Row {
    pub(super) name: String,
    pub(super) sums: Sums,
}

/// What was saved against one stated baseline.
pub(super) struct Saving {
    /// `strongest`, `cheapest` or `before`.
    pub(super) id: &'static str,
    /// For people.
    pub(super) what: String,
    /// Attempts compared, and attempts that answered.
    pub(super) compared: u64,
    pub(super) answered: u64,
    pub(super) there_nanousd: i128,
    pub(super) here_nanousd: i128,
    /// What failed and doubted attempts cost: a baseline has none, so it is taken off what is saved.
    pub(super) failed_nanousd: i128,
    /// Expected quality there and here, mean per mille over the attempts compared.
    pub(super) quality_there: Option<u64>,
    pub(super) quality_here: Option<u64>,
}

impl Saving {
    /// Nano-dollars; below zero where the baseline would have been cheaper.
    pub(super) fn saved_nanousd(&self) -> i128 {
        self.there_nanousd - self.here_nanousd - self.failed_nanousd
    }

    /// Of what the baseline would have cost, per mille.
    pub(super) fn saved_permille(&self) -> Option<i128> {
        (self.there_nanousd > 0).then(|| self.saved_nanousd() * 1000 / self.there_nanousd)
    }
}

/// How much of a machine was used.
pub(super) struct Machine {
    pub(super) place: String,
    /// Seconds of it that its tokens took, and that there were.
    pub(super) used_s: f64,
    pub(super) available_s: f64,
}

/// Speeds of a place, tokens per second.
pub(super) struct Speed {
    pub(super) place: String,
    pub(super) prompt: f64,
    pub(super) decode: f64,
}

/// The mean of a sum and a count.
pub(super) fn mean(quality: (u64, u64)) -> Option<u64> {
    (quality.0 + quality.1 / 2).checked_div(quality.1)
}

/// How a group is called.
pub(super) fn called(dim: Dim, name: &Name) -> String {
    match (name, dim) {
        (Name::Day(day), _) => Day(*day).to_string(),
        (Name::Text(text), _) => text.clone(),
        (Name::None, Dim::All) => "all".to_owned(),
        (Name::None, _) => "(none)".to_owned(),
    }
}

/// The lower-case name of what rows stand for.
pub(super) const fn dim_name(dim: Dim) -> &'static str {
    match dim {
        Dim::All => "all",
        Dim::Team => "team",
        Dim::Key => "key",
        Dim::Place => "place",
        Dim::Model => "model",
        Dim::Task => "task",
        Dim::Kind => "kind",
        Dim::Day => "day",
    }
}

/// Rows in the order in which they are shown: the same for the same ledger.
pub(super) fn rows(dim: Dim, lines: &[Line]) -> Vec<Row> {
    let mut lines: Vec<&Line> = lines.iter().collect();
    if dim != Dim::Day {
        lines.sort_by(|a, b| {
            let order = |l: &Line| (Reverse(l.sums.spend.nanousd), Reverse(l.sums.attempts));
            order(a).cmp(&order(b)).then_with(|| a.name.cmp(&b.name))
        });
    }
    lines.into_iter().map(|l| Row { name: called(dim, &l.name), sums: l.sums }).collect()
}

/// The first and last day of what was asked for, as far as there is anything.
pub(super) fn days(statement: &Statement, from: Option<Day>, to: Option<Day>) -> Option<(Day, Day)> {
    let (first, last) = statement.first_unix_ms.zip(statement.last_unix_ms)?;
    Some((from.unwrap_or(Day::of(first)), to.unwrap_or(Day::of(last))))
}

/// Savings against the two baselines that the ledger keeps with each answer.
pub(super) fn savings(total: &Sums) -> Vec<Saving> {
    let of = |id, what: &str, against: &Against| Saving {
        id,
        what: what.to_owned(),
        compared: against.attempts,
        answered: total.ok,
        there_nanousd: against.there_nanousd,
        here_nanousd: against.here_nanousd,
        failed_nanousd: total.wasted.nanousd + total.doubts.nanousd,
        quality_there: mean(against.quality),
        quality_here: mean(against.quality_here),
    };
    let all = [
        of("strongest", "always the strongest place", &total.strongest),
        of("cheapest", "always the cheapest sufficient place", &total.cheapest),
    ];
    all.into_iter().filter(|s| s.compared > 0).collect()
}

/// Savings against the mix of an earlier period: each task's tokens of now, at what a token of that task then cost over all places; a task that
/// was not there then at what a token then cost on average. `None` where nothing was paid for then.
pub(super) fn before(then: &[Line], now: &[Line], total: &Sums, days: (Day, Day)) -> Option<Saving> {
    let tokens = |s: &Sums| s.input + s.output;
    let tasks: HashMap<&Name, &Sums> = then.iter().map(|l| (&l.name, &l.sums)).collect();
    let mut all = Sums::default();
    then.iter().for_each(|l| all.merge(&l.sums));
    if all.spend.known == 0 || tokens(&all) == 0 {
        return None;
    }
    let (mut there, mut quality) = (0, (0, 0));
    for line in now {
        let tokens_now = tokens(&line.sums);
        let unit = tasks.get(&line.name).filter(|s| tokens(s) > 0 && s.spend.known > 0).map_or(&all, |s| *s);
        there += (unit.spend.nanousd * tokens_now + tokens(unit) - 1).div_euclid(tokens(unit));
        if let Some(mean) = mean(unit.quality).or(mean(all.quality)) {
            quality = (quality.0 + mean * line.sums.ok, quality.1 + line.sums.ok);
        }
    }
    Some(Saving {
        id: "before",
        what: format!("the mix of {} to {}", days.0, days.1),
        compared: total.ok,
        answered: total.ok,
        there_nanousd: there,
        // The mix of then had its failures in it, so those of now are in this.
        here_nanousd: total.spend.nanousd,
        failed_nanousd: 0,
        quality_there: mean(quality),
        quality_here: mean(total.quality),
    })
}

/// How much of each machine was used: GPU-seconds = fresh prompt tokens / a + completion tokens / b.
pub(super) fn machines(speeds: &[Speed], places: &[Line], available_s: f64) -> Vec<Machine> {
    let used = |speed: &Speed| {
        let name = Name::Text(speed.place.clone());
        let sums = places.iter().find(|l| l.name == name).map(|l| l.sums).unwrap_or_default();
        let fresh = (sums.input - sums.cached).max(0);
        Machine {
            place: speed.place.clone(),
            used_s: fresh as f64 / speed.prompt + sums.output as f64 / speed.decode,
            available_s,
        }
    };
    speeds.iter().map(used).collect()
}
