//! How a place with economics stands for the next request, by what it said last and by what is seen of it now.
//!
//! Never here: what that costs (`economics`).

use crate::economics::PRESSURE_MAX;
use crate::{Economics, Gate, Health, Load, Moment, Standing, Tenure};

impl Economics {
    /// How the place stands. `load` is as old as the last probe, `standing` is of this moment: whichever says more counts.
    ///
    /// The pressure is the largest of: requests there over seats; use of the KV cache, or one where requests wait, for as many
    /// requests as are there now rather than when that was seen; and one where no more are taken.
    pub fn moment(&self, health: &Health, load: &Load, standing: Option<Standing>, sharers: u32) -> Moment {
        let seen = standing.unwrap_or_default();
        let told_there = u64::from(load.running) + u64::from(load.waiting);
        // Of what was there then, ours are known to the moment; the others are taken to be there still.
        let others = load.ours.map(|ours| told_there.saturating_sub(ours.into()));
        let there = match (standing, others) {
            (Some(seen), Some(others)) => others + u64::from(seen.running),
            _ => told_there.max(seen.running.into()),
        };
        let seated = self.seats.map_or(0, |seats| there * 1_000 / u64::from(seats.max(1)));
        let told = if load.waiting > 0 { 1_000 } else { u64::from(load.kv_permille.unwrap_or(0).min(1_000)) };
        let told = if load.running == 0 { told } else { told * there / u64::from(load.running) };
        let closed = if seen.gate == Gate::Full { 1_000 } else { 0 };
        let pressure = seated.max(told).max(closed);
        let stops = match self.tenure {
            Tenure::Burst { idle_stop_s, .. } => idle_stop_s,
            _ => None,
        };
        // What was never asked by us may still be up for others; then its own load says so.
        let cold = stops.is_some_and(|stop| {
            let rested = standing.is_none_or(|s| s.idle_ms >= u64::from(stop) * 1_000);
            *health == Health::Loading || (there == 0 && rested)
        });
        Moment { pressure_permille: u32::try_from(pressure).unwrap_or(u32::MAX).min(PRESSURE_MAX), cold, sharers }
    }
}

#[cfg(test)]
#[path = "moment_tests.rs"]
mod tests;
