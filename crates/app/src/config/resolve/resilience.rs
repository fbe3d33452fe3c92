//! The section `[resilience]`: from its numbers to the options of the gateway.
//!
//! Never here: what is done with them (room `gateway`).

use super::Reader;
use crate::config::number::nanousd;
use crate::config::shape::Resilience;
use decide::Nanousd;
use gateway::{CareOptions, Hedge};
use std::time::Duration;

/// What a hedge may cost where the file does not say: one cent.
const HEDGE_COST_MAX: Nanousd = Nanousd(10_000_000);

pub(super) fn resilience(r: &mut Reader<'_>, section: &Resilience) -> CareOptions {
    let s = section;
    let rows = [
        ("retry_percent", s.retry_percent, 0..=100, "it is a share of the requests"),
        ("retry_floor_per_s", s.retry_floor_per_s, 0..=1_000, "further attempts must stay few when everything fails"),
        ("breaker_failures", s.breaker_failures, 0..=1_000, "a place that fails so often is broken"),
        ("breaker_percent", s.breaker_percent, 0..=100, "it is a share of the requests"),
        ("breaker_open_ms", s.breaker_open_ms, 100..=60_000, "less is no rest, more hides a place that is back"),
        (
            "breaker_open_max_ms",
            s.breaker_open_max_ms,
            100..=600_000,
            "less is no rest, more hides a place that is back",
        ),
        ("key_open_s", s.key_open_s, 0..=3_600, "a corrected key must be noticed within an hour"),
        ("pause_max_s", s.pause_max_s, 0..=3_600, "no place may keep us away for longer than an hour"),
        ("limit_min", s.limit_min, 1..=10_000, "a place must be asked to find out that it is well"),
        ("limit_max", s.limit_max, 1..=100_000, "a place that takes no request is none"),
        ("limit_slow_ms", s.limit_slow_ms, 1..=3_600_000, "it is the time that a first piece may take"),
        ("batch_percent", s.batch_percent, 1..=100, "it is a share of the seats, and batch requests need one"),
        ("hedge_after_ms", s.hedge_after_ms, 1..=3_600_000, "the first attempt needs time to answer"),
    ];
    for (name, value, bounds, why) in rows {
        let path = format!("resilience.{name}");
        if !bounds.contains(&value) {
            let help = format!("write a number from {} to {}, or leave the line out", bounds.start(), bounds.end());
            r.wrong(&path, format!("{path} is {value}"), why, help);
        }
        r.note(&path, value);
    }
    for (low, low_value, high, high_value) in [
        ("breaker_open_ms", s.breaker_open_ms, "breaker_open_max_ms", s.breaker_open_max_ms),
        ("limit_min", s.limit_min, "limit_max", s.limit_max),
    ] {
        if low_value > high_value {
            let what = format!("resilience.{low} ({low_value}) is above resilience.{high} ({high_value})");
            let at = if r.source.line(&format!("resilience.{low}")).is_some() { low } else { high };
            r.wrong(
                &format!("resilience.{at}"),
                what,
                "the first is where the second begins",
                format!("raise {high}, or lower {low}"),
            );
        }
    }
    let hedge = hedge(r, section);
    let ms = |ms: u32| Duration::from_millis(ms.into());
    CareOptions {
        retry_percent: s.retry_percent,
        retry_floor_per_s: s.retry_floor_per_s,
        breaker_failures: s.breaker_failures,
        breaker_percent: s.breaker_percent,
        open: ms(s.breaker_open_ms),
        open_max: ms(s.breaker_open_max_ms),
        key_open: Duration::from_secs(s.key_open_s.into()),
        pause_max: Duration::from_secs(s.pause_max_s.into()),
        limit_min: s.limit_min,
        limit_max: s.limit_max,
        slow: ms(s.limit_slow_ms),
        batch_percent: s.batch_percent,
        hedge,
    }
}

fn hedge(r: &mut Reader<'_>, section: &Resilience) -> Option<Hedge> {
    r.note("resilience.hedge", section.hedge);
    let path = "resilience.hedge_cost_max_usd";
    let cost_max = match &section.hedge_cost_max_usd {
        None => HEDGE_COST_MAX,
        Some(number) => {
            let text = r.source.written(&number.span).to_owned();
            match nanousd(&text) {
                Ok(cost) => Nanousd(cost),
                Err(why) => {
                    r.wrong(path, format!("\"{text}\" is not an amount"), why, "write dollars such as 0.01");
                    HEDGE_COST_MAX
                }
            }
        }
    };
    r.note(path, cost_max);
    section.hedge.then(|| Hedge { after: Duration::from_millis(section.hedge_after_ms.into()), cost_max })
}
