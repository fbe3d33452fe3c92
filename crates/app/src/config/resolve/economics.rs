//! `[place.economics]`: what the machines of a place cost and what they can do.
//!
//! Never here: the arithmetic of it (room `decide`), or the table of GPUs (`capacity`).

use super::Reader;
use crate::capacity::Table;
use crate::config::number::{Number, nanousd};
use crate::config::shape::{self, Economics as Section};
use crate::problem::suggest;
use decide::{Capacity, Economics, Kind, Nanousd, Power, Tenure};
use std::sync::Arc;

/// Machines behind one place, and GPUs in one machine, at most.
const MACHINES_MAX: u32 = 10_000;
const GPUS_MAX: u32 = 64;
/// More than any server works on at once.
const SEATS_MAX: u32 = 100_000;
/// Months over which hardware is written off where nothing is said, and at most.
const LIFE_MONTHS: u32 = 36;
const LIFE_MONTHS_MAX: u32 = 240;
/// More than any one machine draws.
const WATTS_MAX: u32 = 1_000_000;
/// An hour, where nothing is said of the shortest time that is billed; and a month.
const MINIMUM_S: u32 = 3_600;
const SECONDS_MAX: u32 = 2_678_400;
/// Power usage effectiveness as nano-units.
const PUE: (i64, i64) = (1_000_000_000, 3_000_000_000);

/// The economics of one place, where they are declared and make sense.
pub(super) fn economics(r: &mut Reader<'_>, section: &shape::Place, path: &str, kind: Kind) -> Option<Arc<Economics>> {
    let declared = section.economics.as_ref()?;
    let path = format!("{path}.economics");
    if kind == Kind::Serverless {
        let why = "a serverless place is paid by the token: its prices are its models'";
        let help = "set kind = \"burst\", \"dedicated\" or \"appliance\", or remove the table";
        r.wrong(&path, format!("the place \"{}\" has economics", section.name), why, help);
        return None;
    }
    let table = match Table::built_in() {
        Ok(table) => table,
        Err(e) => {
            r.wrong(&path, "the table of GPUs is damaged", e.to_string(), "install Dewpoint anew");
            return None;
        }
    };
    let mut of = Of { r, section, declared, path, kind, table };
    of.foreign();
    let machines = of.within("machines", declared.machines, 1, 1, MACHINES_MAX);
    let gpus = of.within("gpus", declared.gpus, 1, 1, GPUS_MAX);
    of.gpu();
    let tenure = match kind {
        Kind::Burst => of.burst(gpus),
        Kind::Dedicated => of.dedicated(),
        Kind::Appliance | Kind::Serverless => of.appliance(),
    };
    let (capacity, seats) = of.capacity(machines.saturating_mul(gpus), gpus);
    let economics = Economics { tenure: tenure?, machines, capacity, seats };
    let hourly = economics.hourly();
    let origin = of.r.origin(&of.path);
    of.r.values.note(format!("place.{}.economics", section.name), format!("${hourly} an hour at full work"), origin);
    Some(Arc::new(economics))
}

/// One table under way.
struct Of<'a, 'r> {
    r: &'a mut Reader<'r>,
    section: &'a shape::Place,
    declared: &'a Section,
    path: String,
    kind: Kind,
    table: Table,
}

impl Of<'_, '_> {
    fn wrong(&mut self, key: &str, what: impl AsRef<str>, why: impl Into<String>, help: impl Into<String>) {
        self.r.wrong(&format!("{}.{key}", self.path), what, why, help);
    }

    /// Keys that belong to another kind.
    fn foreign(&mut self) {
        let d = self.declared;
        let keys = [
            (Kind::Burst, "hourly_usd", d.hourly_usd.is_some()),
            (Kind::Burst, "spot", d.spot.is_some()),
            (Kind::Burst, "start_s", d.start_s.is_some()),
            (Kind::Burst, "minimum_s", d.minimum_s.is_some()),
            (Kind::Burst, "idle_stop_s", d.idle_stop_s.is_some()),
            (Kind::Dedicated, "monthly_usd", d.monthly_usd.is_some()),
            (Kind::Appliance, "capital_usd", d.capital_usd.is_some()),
            (Kind::Appliance, "life_months", d.life_months.is_some()),
            (Kind::Appliance, "upkeep_usd_per_month", d.upkeep_usd_per_month.is_some()),
            (Kind::Appliance, "watts", d.watts.is_some()),
            (Kind::Appliance, "idle_watts", d.idle_watts.is_some()),
            (Kind::Appliance, "pue", d.pue.is_some()),
            (Kind::Appliance, "tariff_usd_per_kwh", d.tariff_usd_per_kwh.is_some()),
        ];
        for (kind, key, written) in keys {
            if written && kind != self.kind {
                let what = format!("a {} place has no {key}", self.kind.as_str());
                let help = format!("remove it, or set kind = \"{}\"", kind.as_str());
                self.wrong(key, what, format!("{key} belongs to {} places", kind.as_str()), help);
            }
        }
    }

    fn within(&mut self, key: &str, written: Option<u32>, usual: u32, least: u32, most: u32) -> u32 {
        let value = written.unwrap_or(usual);
        if !(least..=most).contains(&value) {
            let why = format!("it is {least} to {most}");
            self.wrong(key, format!("{key} is {value}"), why, format!("write a number from {least} to {most}"));
        }
        value.clamp(least, most)
    }

    /// Dollars as written; `None` where left out or wrong.
    fn dollars(&mut self, key: &str, number: Option<&Number>) -> Option<i64> {
        let text = self.r.source.written(&number?.span).to_owned();
        let read = nanousd(&text);
        read.map_err(|why| self.wrong(key, format!("\"{text}\" is not an amount"), why, "write dollars such as 2.95"))
            .ok()
    }

    fn needed(&mut self, key: &str, number: Option<&Number>) -> Option<Nanousd> {
        if number.is_none() {
            let (kind, path) = (self.kind.as_str(), self.path.clone());
            let what = format!("{key} is missing");
            self.r.wrong(&path, what, format!("it is what one pays for a {kind} place"), format!("add {key} = 100.0"));
        }
        self.dollars(key, number).map(Nanousd)
    }

    /// A GPU that the table does not know.
    fn gpu(&mut self) {
        let Some(gpu) = self.declared.gpu.as_deref() else { return };
        let known = self.table.gpus();
        if !known.contains(&gpu) {
            let help = format!("{}; `dewpoint capacity` lists them", suggest(gpu, &known));
            self.wrong(
                "gpu",
                format!("\"{gpu}\" is not in the table of GPUs"),
                "its speeds and rent are not known",
                help,
            );
        }
    }

    fn burst(&mut self, gpus: u32) -> Option<Tenure> {
        let d = self.declared;
        let hourly = match &d.hourly_usd {
            Some(number) => self.dollars("hourly_usd", Some(number)).map(Nanousd),
            None => self.rent(gpus),
        };
        let start_s = self.within("start_s", d.start_s, 0, 0, SECONDS_MAX);
        let minimum_s = self.within("minimum_s", d.minimum_s, MINIMUM_S, 0, SECONDS_MAX);
        let idle_stop_s = d.idle_stop_s.map(|s| self.within("idle_stop_s", Some(s), s, 1, SECONDS_MAX));
        Some(Tenure::Burst { hourly: hourly?, start_s, minimum_s, idle_stop_s })
    }

    /// The rent of so many GPUs of the table.
    fn rent(&mut self, gpus: u32) -> Option<Nanousd> {
        let spot = self.declared.spot.unwrap_or(false);
        let rent = self.declared.gpu.as_deref().and_then(|gpu| self.table.rent(gpu));
        let usd = rent.and_then(|r| if spot { r.usd_per_hour_spot.as_ref() } else { Some(&r.usd_per_hour) });
        if let Some(one) = usd.and_then(|usd| nanousd(usd).ok()) {
            return Some(Nanousd(one.saturating_mul(gpus.into())));
        }
        let why = match &self.declared.gpu {
            Some(gpu) => format!("the table has no {} rent of \"{gpu}\"", if spot { "spot" } else { "hourly" }),
            None => "it is what one pays for a burst place".to_owned(),
        };
        let path = self.path.clone();
        self.r.wrong(
            &path,
            "hourly_usd is missing",
            why,
            "add hourly_usd = 2.95, or a gpu that `dewpoint capacity` has a rent of",
        );
        None
    }

    fn dedicated(&mut self) -> Option<Tenure> {
        let monthly = self.needed("monthly_usd", self.declared.monthly_usd.as_ref())?;
        Some(Tenure::Dedicated { monthly })
    }

    fn appliance(&mut self) -> Option<Tenure> {
        let d = self.declared;
        let capital = self.needed("capital_usd", d.capital_usd.as_ref());
        let life_months = self.within("life_months", d.life_months, LIFE_MONTHS, 1, LIFE_MONTHS_MAX);
        let upkeep = self.dollars("upkeep_usd_per_month", d.upkeep_usd_per_month.as_ref()).unwrap_or(0);
        let busy_w = self.within("watts", d.watts, 0, 0, WATTS_MAX);
        let idle_w = self.within("idle_watts", d.idle_watts, 0, 0, busy_w);
        let pue = self.dollars("pue", d.pue.as_ref()).unwrap_or(PUE.0);
        if !(PUE.0..=PUE.1).contains(&pue) {
            let why = "a building draws as much as its machines at least, and at most three times that";
            self.wrong("pue", format!("pue is {}", Nanousd(pue)), why, "write a number from 1 to 3, such as 1.2");
        }
        let tariff = self.dollars("tariff_usd_per_kwh", d.tariff_usd_per_kwh.as_ref());
        if d.watts.is_some() != d.tariff_usd_per_kwh.is_some() {
            let why = "power costs watts times the tariff";
            let path = self.path.clone();
            self.r.wrong(
                &path,
                "of watts and tariff_usd_per_kwh there is one",
                why,
                "add the other, or leave both out",
            );
        }
        let power = Power {
            busy_w,
            idle_w,
            pue_permille: u32::try_from(pue / 1_000_000).unwrap_or(1_000),
            tariff: Nanousd(tariff.unwrap_or(0)),
        };
        Some(Tenure::Appliance { capital: capital?, life_months, upkeep_monthly: Nanousd(upkeep), power })
    }

    /// What the place can do, and at how many requests at once: its own speeds, else those of the table.
    fn capacity(&mut self, all: u32, gpus: u32) -> (Option<Capacity>, Option<u32>) {
        let d = self.declared;
        let interactive =
            d.interactive_permille.map(|p| self.within("interactive_permille", Some(p.into()), 0, 1, 1_000));
        let seats = d.seats.map(|s| self.within("seats", Some(s), s, 1, SEATS_MAX));
        let of = |prompt: f64, decode: f64, permille: u32| Capacity {
            prompt_per_ks: (prompt * 1_000.0) as u64,
            decode_per_ks: (decode * 1_000.0) as u64,
            interactive_permille: u16::try_from(permille).unwrap_or(1_000),
        };
        match (self.section.prompt_tokens_per_s, self.section.decode_tokens_per_s) {
            (Some(prompt), Some(decode)) => return (Some(of(prompt, decode, interactive.unwrap_or(1_000))), seats),
            (None, None) => {}
            _ => {
                let why = "a request takes time for its prompt and for its answer";
                let path = self.path.clone();
                let what = "of prompt_tokens_per_s and decode_tokens_per_s there is one";
                self.r.wrong(&path, what, why, "add the other; `dewpoint probe` measures both");
                return (None, seats);
            }
        }
        let Some((gpu, model)) = d.gpu.as_deref().zip(d.model.as_deref()) else {
            let name = &self.section.name;
            let what = format!(
                "the place \"{name}\" has economics and no speeds, so the full cost of its requests is unknown and its capacity has no price; \
                 `dewpoint probe {name}` measures them, and gpu with model takes them from `dewpoint capacity`"
            );
            let path = self.path.clone();
            self.r.warn(&path, &what);
            return (None, seats);
        };
        let Some(speed) = self.table.speed(gpu, model, gpus).cloned() else {
            let known = self.table.models(gpu);
            if self.table.gpus().contains(&gpu) {
                let why = match known.as_slice() {
                    [] => format!("no model was measured on \"{gpu}\""),
                    known => format!("measured on \"{gpu}\": {}", known.join(", ")),
                };
                let help = "name one of about the same size, or measure with `dewpoint probe`";
                self.wrong("model", format!("there are no speeds of \"{model}\" on \"{gpu}\""), why, help);
            }
            return (None, seats);
        };
        let usual = u32::from(self.table.interactive.permille);
        // One request at a time is as quick as it can be: there is nothing to take off.
        let slowed = if speed.seats == 1 { 1_000 } else { usual };
        let times = f64::from(all);
        let capacity =
            of(speed.prompt_tokens_per_s * times, speed.decode_tokens_per_s * times, interactive.unwrap_or(slowed));
        let groups = (all / speed.gpus.max(1)).max(1);
        let measured = (speed.seats > 0).then(|| speed.seats.saturating_mul(groups));
        (Some(capacity), seats.or(measured))
    }
}
