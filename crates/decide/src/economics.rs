//! What a place costs that is not paid by the token: a machine by the hour, by the month, or bought. From it follow what
//! one request adds now (marginal), what its share is (full), and what the capacity it takes is worth (its shadow price).
//!
//! Never here: floating point, a clock, prices of tokens (`money`), how places stand (`moment`), or an order of them (`choose`).

use crate::{Nanousd, Usage};
use serde::{Deserialize, Serialize};

/// Hours of a month on average: 365 × 24 / 12.
pub const HOURS_PER_MONTH: i64 = 730;
/// The load at which the price of capacity stops rising, per mille of what the place does at once: a queue of nine batches.
pub(crate) const PRESSURE_MAX: u32 = 10_000;

/// What is paid for one machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "kind")]
pub enum Tenure {
    /// By the hour, while it runs.
    Burst {
        /// Per hour and machine.
        hourly: Nanousd,
        /// From the first request to the first answer of a machine that was off, seconds; paid as well.
        start_s: u32,
        /// The shortest time that is billed, seconds.
        minimum_s: u32,
        /// It is switched off after so many seconds without a request; `None`: it stays up.
        idle_stop_s: Option<u32>,
    },
    /// By the month, whether it runs or not.
    Dedicated {
        /// Per month and machine.
        monthly: Nanousd,
    },
    /// Bought.
    Appliance {
        /// What one machine cost.
        capital: Nanousd,
        /// Over so many months.
        life_months: u32,
        /// Upkeep per month and machine: space, service, people.
        upkeep_monthly: Nanousd,
        /// What it draws.
        power: Power,
    },
}

/// What a machine draws and what that costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Power {
    /// At full work, watts.
    pub busy_w: u32,
    /// Without work, watts.
    pub idle_w: u32,
    /// Power usage effectiveness: what the building draws for each watt of the machine, per mille.
    pub pue_permille: u32,
    /// Per kilowatt-hour.
    pub tariff: Nanousd,
}

/// How much a place can do: a request takes `input/a + output/b` seconds of it (all its machines together).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Capacity {
    /// `a`: prompt tokens per 1,000 seconds.
    pub prompt_per_ks: u64,
    /// `b`: completion tokens per 1,000 seconds.
    pub decode_per_ks: u64,
    /// The share of those speeds that is left where answers have to be quick, per mille: batches are smaller then.
    pub interactive_permille: u16,
}

/// The economics of one place.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Economics {
    /// What is paid.
    pub tenure: Tenure,
    /// For so many machines.
    pub machines: u32,
    /// What they can do together; `None` is unknown, and then so is each request's share.
    pub capacity: Option<Capacity>,
    /// Requests that they work on at once at those speeds; `None` is unknown: then the place's own word on its queue and its KV
    /// cache counts alone.
    pub seats: Option<u32>,
}

/// How a place stands for the next request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Moment {
    /// Work at the place, per mille of what it does at once: 0 idle, 1000 full, above that a queue.
    pub pressure_permille: u32,
    /// Its machine is off, and this request would switch it on.
    pub cold: bool,
    /// Requests that wait here and elsewhere and would share what is switched on.
    pub sharers: u32,
}

impl Capacity {
    /// Time of the place that `usage` takes at interactive speed, nanoseconds. Prompt tokens that the place read from its
    /// cache take none.
    pub fn time_ns(&self, usage: &Usage) -> u64 {
        // Tokens × 1e12 / (tokens per 1,000 s) are nanoseconds; × 1000 / per mille slows them down.
        let of = |tokens: u64, per_ks: u64| u128::from(tokens) * 1_000_000_000_000 / u128::from(per_ks.max(1));
        let fresh = usage.input.saturating_sub(usage.cached);
        let full_speed = of(fresh, self.prompt_per_ks) + of(usage.output, self.decode_per_ks);
        let slowed = full_speed.saturating_mul(1_000) / u128::from(self.interactive_permille.max(1));
        u64::try_from(slowed).unwrap_or(u64::MAX)
    }
}

impl Power {
    /// What `watts` of a machine cost per hour.
    fn hourly(&self, watts: u32) -> i128 {
        let milliwatts_drawn = i128::from(watts) * i128::from(self.pue_permille);
        up(milliwatts_drawn * i128::from(self.tariff.0), 1_000_000)
    }
}

impl Economics {
    /// What all machines cost per hour at full work.
    pub fn hourly(&self) -> Nanousd {
        let one = match self.tenure {
            Tenure::Burst { hourly, .. } => i128::from(hourly.0),
            Tenure::Dedicated { monthly } => up(monthly.0.into(), HOURS_PER_MONTH.into()),
            Tenure::Appliance { capital, life_months, upkeep_monthly, power } => {
                let life_hours = i128::from(life_months.max(1)) * i128::from(HOURS_PER_MONTH);
                up(capital.0.into(), life_hours)
                    + up(upkeep_monthly.0.into(), HOURS_PER_MONTH.into())
                    + power.hourly(power.busy_w)
            }
        };
        nano(one.saturating_mul(self.machines.into()))
    }

    /// Full cost of `usage`: its time of the place at what the place costs. So it is the price at which a place that is
    /// always used to its interactive capacity pays for itself; hours without work are nobody's share. `None` without a
    /// known capacity.
    pub fn full(&self, usage: &Usage) -> Option<Nanousd> {
        let time = self.capacity?.time_ns(usage);
        Some(timed(self.hourly(), time))
    }

    /// Marginal cost of `usage`: the money that it adds now. Power above idle on an appliance; nothing on a machine that is
    /// paid anyway; on a burst machine that is off, the shortest time that is billed and the start, shared with what
    /// waits (at least this request's own time). `None` where it needs a capacity that is not known.
    pub fn marginal(&self, usage: &Usage, moment: &Moment) -> Option<Nanousd> {
        match self.tenure {
            Tenure::Dedicated { .. } => Some(Nanousd::ZERO),
            Tenure::Burst { .. } if moment.cold => Some(self.opening(usage, moment.sharers)),
            Tenure::Burst { .. } => Some(Nanousd::ZERO),
            Tenure::Appliance { power, .. } => {
                let above = power.hourly(power.busy_w.saturating_sub(power.idle_w));
                let hourly = nano(above.saturating_mul(self.machines.into()));
                if hourly == Nanousd::ZERO {
                    return Some(hourly);
                }
                Some(timed(hourly, self.capacity?.time_ns(usage)))
            }
        }
    }

    /// A new period of a burst place, for one of those that share it. Never less than the request's own time.
    fn opening(&self, usage: &Usage, sharers: u32) -> Nanousd {
        let Tenure::Burst { start_s, minimum_s, .. } = self.tenure else { return Nanousd::ZERO };
        let period_ns = (u64::from(start_s) + u64::from(minimum_s)).saturating_mul(1_000_000_000);
        let period = timed(self.hourly(), period_ns);
        let shared = nano(up(period.0.into(), i128::from(sharers) + 1));
        shared.max(self.full(usage).unwrap_or_default())
    }
}

/// The shadow price of the capacity that one request takes: what it is worth to those whom it keeps from it.
///
/// `worth × pressure⁴`, with `worth` the cheaper of the request's full cost here (another machine of the kind, bought for as long) and of what the
/// same tokens cost at the next alternative. So it is nearly nothing at half load, what a displaced request has
/// to pay elsewhere at full load, and more with a queue.
///
/// Sources: at full use the price of capacity is the cost of more of it, and next to nothing off peak (Boiteux, "La tarification des
/// demandes en pointe", 1949); a unit of capacity is worth what the request would pay that it displaces (bid price:
/// Talluri and van Ryzin, "An analysis of bid-price controls for network revenue management", Management Science 44, 1998); the
/// fourth power of load over capacity is the usual congestion toll, from the delay function of the Bureau of Public Roads
/// (Traffic Assignment Manual, 1964), which unlike 1/(1 − ρ) of the M/M/1 queue stays finite beyond saturation.
pub fn capacity_price(full: Nanousd, alternative: Option<Nanousd>, pressure_permille: u32) -> Nanousd {
    let worth = alternative.filter(|a| a.0 > 0).map_or(full, |a| a.min(full));
    let p = i128::from(pressure_permille.min(PRESSURE_MAX));
    nano(i128::from(worth.0).saturating_mul(p * p * p * p) / 1_000_000_000_000)
}

/// So many nanoseconds at so much per hour, rounded up.
fn timed(hourly: Nanousd, time_ns: u64) -> Nanousd {
    nano(up(i128::from(hourly.0).saturating_mul(time_ns.into()), 3_600_000_000_000))
}

/// Divides and rounds up; money is never negative here.
fn up(n: i128, by: i128) -> i128 {
    n.saturating_add(by - 1).div_euclid(by)
}

fn nano(n: i128) -> Nanousd {
    Nanousd(i64::try_from(n.max(0)).unwrap_or(i64::MAX))
}

#[cfg(test)]
#[path = "economics_tests.rs"]
mod tests;
