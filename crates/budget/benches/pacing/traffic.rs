//! Months of requests, from real traces: when they come, how long they are, how hard.

use flate2::read::GzDecoder;
use std::io::{BufRead, BufReader};
use std::path::Path;

pub(crate) const DAY_S: f64 = 86_400.0;
/// Days of a month, and of what is simulated: one month to learn from, one that counts.
pub(crate) const MONTH: usize = 30;
pub(crate) const DAYS: usize = 2 * MONTH;
/// Tiers: dollars per million prompt and completion tokens, and the difficulty at which they succeed half the time.
pub(crate) const TIERS: [(&str, f64, f64, f64); 3] =
    [("small", 0.05, 0.20, 0.45), ("large open", 0.50, 1.50, 0.70), ("frontier", 3.0, 15.0, 0.95)];
/// How sharply success falls with difficulty.
const SHARPNESS: f64 = 8.0;
/// How far the estimate of difficulty is off (standard deviation).
const BLUR: f64 = 0.12;

/// One request.
pub(crate) struct Request {
    pub(crate) at: f64,
    /// Nano-dollars at each tier.
    pub(crate) cost: [i64; 3],
    /// Chance of success at each tier, as it is and as it is estimated.
    pub(crate) truth: [f64; 3],
    pub(crate) guess: [f64; 3],
}

/// A small generator with a seed (SplitMix64), so that a run can be repeated.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Standard normal (Box and Muller).
    pub(crate) fn normal(&mut self) -> f64 {
        (-2.0 * (1.0 - self.unit()).ln()).sqrt() * (std::f64::consts::TAU * self.unit()).cos()
    }

    fn of<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[(self.unit() * list.len() as f64) as usize]
    }
}

/// What a trace gives: for each of 60 days and second of it the arrivals, and lengths.
pub(crate) struct Trace {
    pub(crate) name: &'static str,
    arrivals: Vec<f64>,
    lengths: Vec<(f64, f64)>,
    /// Spread of a day's volume beyond the trace's own (of its logarithm).
    unrest: f64,
    /// Volume is this many times as large from one day to another of the second month.
    surge: Option<(usize, usize, f64)>,
}

fn rows(path: &Path) -> Vec<Vec<f64>> {
    let file = std::fs::File::open(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let lines: Box<dyn BufRead> = if path.extension().is_some_and(|e| e == "gz") {
        Box::new(BufReader::new(GzDecoder::new(file)))
    } else {
        Box::new(BufReader::new(file))
    };
    let number = |field: &str| field.parse().unwrap_or(0.0);
    lines.lines().skip(1).map(|l| l.expect("a line").split(',').map(number).collect()).collect()
}

/// Requests of weeks, one after the other, until the sixty days are full.
fn tiled(rows: &[Vec<f64>], days: f64) -> Vec<f64> {
    let all = (0..).map(|k| f64::from(k) * days * DAY_S).take_while(|start| *start < DAYS as f64 * DAY_S);
    all.flat_map(|start| rows.iter().map(move |r| start + r[0])).filter(|t| *t < DAYS as f64 * DAY_S).collect()
}

/// The traces in this folder.
pub(crate) fn traces(folder: &Path) -> Vec<Trace> {
    let lengths = |rows: &[Vec<f64>], at: usize| -> Vec<(f64, f64)> {
        rows.iter().step_by(1 + rows.len() / 50_000).map(|r| (r[at], r[at + 1])).collect()
    };
    let large = rows(&folder.join("dev_servegen_m-large_week1.csv.gz"));
    let small = rows(&folder.join("servegen_m-small.csv.gz"));
    let share = rows(&folder.join("lengths_sharegpt.csv.gz"));
    let daily = rows(&folder.join("burstgpt1_daily_61d.csv"));
    let hours = rows(&folder.join("burstgpt1_hour_of_day.csv"));
    let hour_sum: f64 = hours.iter().map(|h| h[1]).sum();
    let mut dice = Dice(1);
    let mut bursts = Vec::new();
    for (day, row) in daily.iter().take(DAYS).enumerate() {
        for (hour, busy) in hours.iter().enumerate() {
            // One in ten: the shape is what matters.
            let count = row[1] * busy[1] / hour_sum / 10.0;
            let count = (count + dice.normal() * count.sqrt()).round().max(0.0) as usize;
            let start = (day * 24 + hour) as f64 * 3_600.0;
            bursts.extend((0..count).map(|_| start + dice.unit() * 3_600.0));
        }
    }
    bursts.sort_by(f64::total_cmp);
    let week = tiled(&large, 7.0);
    vec![
        Trace {
            name: "ServeGen M-large",
            arrivals: week.clone(),
            lengths: lengths(&large, 1),
            unrest: 0.25,
            surge: None,
        },
        Trace {
            name: "ServeGen M-small",
            arrivals: tiled(&small, 14.0),
            lengths: lengths(&small, 1),
            unrest: 0.25,
            surge: None,
        },
        Trace {
            name: "M-large, three times as much for ten days",
            arrivals: week,
            lengths: lengths(&large, 1),
            unrest: 0.25,
            surge: Some((MONTH + 12, MONTH + 22, 3.0)),
        },
        Trace { name: "BurstGPT", arrivals: bursts, lengths: lengths(&share, 0), unrest: 0.0, surge: None },
    ]
}

/// The two months of one seed.
pub(crate) fn months(trace: &Trace, seed: u64) -> [Vec<Request>; 2] {
    let mut dice = Dice(seed.wrapping_mul(0x1000_0001) ^ 0x5eed);
    let peak = trace.surge.map_or(1.0, |s| s.2);
    let kept: f64 = (60_000.0 / trace.arrivals.len() as f64).min(1.0) / peak.max(2.0) * 2.0;
    let volume: Vec<f64> = (0..DAYS)
        .map(|day| {
            let surge = trace.surge.filter(|(from, to, _)| (*from..*to).contains(&day)).map_or(1.0, |s| s.2);
            (kept * surge * (trace.unrest * dice.normal()).exp()).min(1.0)
        })
        .collect();
    let mut out = [Vec::new(), Vec::new()];
    for at in &trace.arrivals {
        let day = ((at / DAY_S) as usize).min(DAYS - 1);
        if dice.unit() >= volume[day] {
            continue;
        }
        let (input, output) = *dice.of(&trace.lengths);
        // The minimum of two: many easy ones, few hard ones.
        let difficulty = dice.unit().min(dice.unit());
        let blurred = difficulty + BLUR * dice.normal();
        let success = |d: f64| TIERS.map(|t| 1.0 / (1.0 + (-SHARPNESS * (t.3 - d)).exp()));
        // Dollars per million tokens are thousands of nano-dollars per token.
        let cost = TIERS.map(|t| ((input * t.1 + output * t.2) * 1_000.0).ceil() as i64);
        out[day / MONTH].push(Request { at: *at, cost, truth: success(difficulty), guess: success(blurred) });
    }
    out
}
