//! When in a week money is spent: what is expected of each hour, learnt from what was.
//!
//! Never here: levels. Only the shape matters.

/// Seconds of an hour.
const HOUR_S: u64 = 3_600;
/// Hours of a week.
const HOURS: usize = 168;
/// How busy the hours of a day are before anything was learnt, as shares of the busiest, per mille: BurstGPT's, two months
/// of calls to a public GPT-4 service (Wang et al., "BurstGPT: A Real-World Workload Dataset", 2024). The days of its weeks
/// have no shape.
const PRIOR_PERMILLE: [u16; 24] = [
    524, 497, 318, 286, 205, 190, 108, 85, 99, 232, 489, 716, 971, 836, 1000, 780, 822, 755, 658, 873, 753, 654, 629,
    571,
];
/// Of the prior, what is kept: nobody's clock or customers are known, so that the shape is only hinted at.
const PRIOR_SHARE: f64 = 0.5;
/// As many weeks of an hour of one's own as weigh as much as the prior.
const PRIOR_WEEKS: f64 = 1.0;
/// Weeks after which an hour counts about as much as all before it together, so that habits may change.
const MEMORY_WEEKS: f64 = 6.0;
/// An hour counts as this many usual ones at most: a burst is no habit.
const BURST_MAX: f64 = 6.0;
/// An hour is never expected to be emptier than this share of a usual one.
const LEAST: f64 = 0.02;
/// Hours after which the usual hour is learnt anew.
const USUAL_HOURS: f64 = 168.0;

/// The shape of a week, in hours from Monday 0:00 UTC.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Profile {
    /// Busyness of each hour; a usual one is 1.
    hours: Box<[f64; HOURS]>,
    /// Sums of it before each hour, and before the end.
    sums: Box<[f64; HOURS + 1]>,
    /// How often each was seen.
    seen: Box<[f32; HOURS]>,
    /// Nano-dollars of a usual hour so far, and of how many hours.
    usual: f64,
    counted: f64,
    /// The hour under way (since the epoch), what was spent in it, and whether all of it was seen while there was money.
    hour: Option<(u64, f64, bool)>,
}

impl Default for Profile {
    fn default() -> Profile {
        let mean = PRIOR_PERMILLE.iter().map(|p| f64::from(*p)).sum::<f64>() / 24.0;
        let hours = std::array::from_fn(|h| {
            let prior = f64::from(PRIOR_PERMILLE[h % 24]) / mean;
            PRIOR_SHARE * prior + (1.0 - PRIOR_SHARE)
        });
        let mut profile = Profile {
            hours: Box::new(hours),
            sums: Box::new([0.0; HOURS + 1]),
            seen: Box::new([0.0; HOURS]),
            usual: 0.0,
            counted: 0.0,
            hour: None,
        };
        profile.sum();
        profile
    }
}

impl Profile {
    /// Traffic that is expected before this time, in usual hours; only differences mean anything.
    pub(super) fn until(&self, at_unix_s: u64) -> f64 {
        let (hours, rest) = (at_unix_s / HOUR_S, at_unix_s % HOUR_S);
        let (week, hour) = ((hours + 72) / HOURS as u64, of_week(hours));
        let part = rest as f64 / HOUR_S as f64;
        week as f64 * self.sums[HOURS] + self.sums[hour] + part * self.hours[hour]
    }

    /// Learns of money spent now. Whether the shape has changed, which it does once an hour at most.
    pub(super) fn note(&mut self, spent: i64, at_unix_s: u64, censored: bool) -> bool {
        let now = at_unix_s / HOUR_S;
        let mut changed = false;
        match self.hour {
            Some((hour, sum, whole)) if hour < now => {
                changed = whole;
                if whole {
                    self.learn(hour, sum);
                    // Hours of which nothing was heard were empty; a longer silence says less about the hours than about us.
                    (hour + 1..now).take(HOURS).for_each(|empty| self.learn(empty, 0.0));
                    self.sum();
                }
                self.hour = Some((now, spent as f64, !censored));
            }
            Some((hour, ref mut sum, ref mut whole)) if hour == now => {
                *sum += spent as f64;
                *whole &= !censored;
            }
            // It went back in time: nothing is learnt from that.
            Some(_) => {}
            None => self.hour = Some((now, spent as f64, !censored)),
        }
        changed
    }

    /// Another window begins at `at_unix_s`: what was spent in the hour under way belongs to both.
    pub(super) fn restart(&mut self, at_unix_s: u64) {
        if self.hour.is_some_and(|(hour, ..)| hour < at_unix_s / HOUR_S) {
            self.note(0, at_unix_s, false);
        }
    }

    fn learn(&mut self, hour: u64, spent: f64) {
        self.counted = (self.counted + 1.0).min(USUAL_HOURS);
        self.usual += (spent.max(0.0) - self.usual) / self.counted;
        // Until a day has passed nobody knows what is usual.
        if self.counted < 24.0 || self.usual <= 0.0 {
            return;
        }
        let at = of_week(hour);
        let busy = (spent.max(0.0) / self.usual).min(BURST_MAX);
        let weeks = (f64::from(self.seen[at]) + 1.0).min(MEMORY_WEEKS);
        self.seen[at] = weeks as f32;
        let now = self.hours[at] + (busy - self.hours[at]) / (weeks + PRIOR_WEEKS);
        self.hours[at] = now.max(LEAST);
        // The same hour of the other days: a day is most of the shape of a week.
        for day in 1..7 {
            let other = (at + day * 24) % HOURS;
            if self.seen[other] < 1.0 {
                self.hours[other] += (busy - self.hours[other]) / (8.0 + PRIOR_WEEKS);
                self.hours[other] = self.hours[other].max(LEAST);
            }
        }
    }

    fn sum(&mut self) {
        for hour in 0..HOURS {
            self.sums[hour + 1] = self.sums[hour] + self.hours[hour];
        }
    }
}

/// Hours since Monday 0:00 of an hour since the epoch, which was a Thursday.
fn of_week(hour: u64) -> usize {
    ((hour + 72) % HOURS as u64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A Monday, 0:00 UTC.
    const MONDAY: u64 = 1_767_571_200;
    const DAY: u64 = 24 * HOUR_S;

    fn day(profile: &Profile, day: u64) -> f64 {
        profile.until(MONDAY + (day + 1) * DAY) - profile.until(MONDAY + day * DAY)
    }

    #[test]
    fn at_first_all_days_are_alike_and_the_afternoon_is_busier_than_the_night() {
        let profile = Profile::default();
        assert!((day(&profile, 0) - 24.0).abs() < 1e-6);
        assert!((day(&profile, 0) - day(&profile, 6)).abs() < 1e-6);
        let hour = |h: u64| profile.until(MONDAY + (h + 1) * HOUR_S) - profile.until(MONDAY + h * HOUR_S);
        assert!(hour(14) > 1.5 * hour(7));
        let half = profile.until(MONDAY + HOUR_S / 2) - profile.until(MONDAY);
        assert!((half - hour(0) / 2.0).abs() < 1e-9, "time within an hour counts in part");
    }

    /// Weeks of money that is spent on weekdays only.
    fn office(weeks: u64) -> Profile {
        let mut profile = Profile::default();
        for hour in 0..weeks * 168 {
            let busy = hour % 168 < 120;
            profile.note(if busy { 1_000_000 } else { 0 }, MONDAY + hour * HOUR_S, false);
        }
        profile
    }

    #[test]
    fn a_weekend_without_work_is_learnt() {
        let profile = office(4);
        let (friday, sunday) = (day(&profile, 4), day(&profile, 6));
        assert!(sunday < 0.35 * friday, "{sunday} {friday}");
    }

    #[test]
    fn silence_and_empty_hours_are_the_same() {
        let mut heard = office(1);
        let mut silent = heard.clone();
        for hour in 168..216 {
            heard.note(0, MONDAY + hour * HOUR_S, false);
        }
        silent.note(0, MONDAY + 215 * HOUR_S, false);
        assert_eq!(heard.until(MONDAY + 400 * DAY), silent.until(MONDAY + 400 * DAY));
    }

    #[test]
    fn nothing_is_learnt_while_the_money_is_gone_or_when_time_goes_back() {
        let before = office(2);
        let mut after = before.clone();
        for hour in 336..400 {
            after.note(0, MONDAY + hour * HOUR_S, true);
        }
        after.note(5, MONDAY, false);
        assert!((day(&before, 1) - day(&after, 1)).abs() < 1.5, "one hour at most, the one that was under way");
    }
}
