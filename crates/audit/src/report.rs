//! The report: how many decisions of a period went where, and the one sentence that an auditor asks for. The chain is checked
//! first, in the same pass; a report over a bad chain says so and stops at the first bad record.
//!
//! Never here: how it looks (`report/page`).

mod page;

use crate::AuditError;
use crate::frame::Line;
use crate::verify::{self, Check, Verified};
use decide::{DataClass, Zone};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

/// Rules and groups in a report, at most; the rest is added up under `(more)`.
const GROUPS_MAX: usize = 500;

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Query {
    /// Decisions from this moment on, Unix milliseconds; `None` is the beginning.
    pub from_unix_ms: Option<u64>,
    /// Decisions before this moment; `None` is now.
    pub to_unix_ms: Option<u64>,
    /// Of these effective classes; empty is all.
    pub classes: Vec<DataClass>,
    /// With this tag.
    pub tag: Option<String>,
    /// Which went to a place of this zone …
    pub zone: Option<Zone>,
    /// … whose legal seat is this or, beyond own ground, not known.
    pub legal_seat: Option<String>,
}

impl Query {
    fn covers(&self, at_unix_ms: u64) -> bool {
        self.from_unix_ms.is_none_or(|from| at_unix_ms >= from) && self.to_unix_ms.is_none_or(|to| at_unix_ms < to)
    }

    fn wants(&self, class: DataClass, tags: &[Cow<'_, str>]) -> bool {
        (self.classes.is_empty() || self.classes.contains(&class))
            && self.tag.as_ref().is_none_or(|tag| tags.iter().any(|t| t == tag))
    }

    /// Whether a place is one of those that are asked about: beyond own ground, where nothing else is said.
    fn means(&self, place: &WhereIs<'_>) -> bool {
        let zone = self.zone.is_none_or(|zone| place.zone == zone);
        let seat = self.legal_seat.as_deref().is_none_or(|asked| match place.seat.as_deref() {
            Some(seat) => seat.eq_ignore_ascii_case(asked),
            None => !place.zone.is_own_ground(),
        });
        let any = self.zone.is_some() || self.legal_seat.is_some() || !place.zone.is_own_ground();
        zone && seat && any
    }
}

/// Attempts of one class at places of one kind.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Group {
    /// Effective class of the requests.
    pub class: DataClass,
    /// Zone of the places.
    pub zone: Zone,
    /// Their legal seat; `None` is not declared or expired.
    pub legal_seat: Option<String>,
    /// Where they may process; empty is not declared or expired.
    pub regions: Vec<String>,
    /// Their names.
    pub places: Vec<String>,
    /// Attempts there.
    pub attempts: u64,
    /// Of these, with everything above some class taken out.
    pub redacted: u64,
    /// Whether these places are of those that are asked about.
    pub asked_about: bool,
}

/// What a report says.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Report {
    /// What was asked.
    pub query: Query,
    /// What the check of the chain found.
    pub chain: Verified,
    /// Decisions that were asked about.
    pub decisions: u64,
    /// The same by effective class.
    pub by_class: BTreeMap<DataClass, u64>,
    /// Of these, denied; by the code that the caller saw.
    pub denied: BTreeMap<String, u64>,
    /// Which rules refused a place in a denied decision, and in how many.
    pub denied_by_rule: BTreeMap<String, u64>,
    /// Decisions of which at least one attempt went to a place that is asked about.
    pub went: u64,
    /// Of these, with every such attempt redacted.
    pub went_redacted: u64,
    /// Decisions without a known end: under way, or the process ended first.
    pub open: u64,
    /// Of these, those that could have gone to a place that is asked about.
    pub open_possible: u64,
    /// Decisions of the period that are not in the trail, of any class.
    pub lost: u64,
    /// Ends whose decision is not in the trail.
    pub without_decision: u64,
    /// Attempts by class and kind of place.
    pub groups: Vec<Group>,
    /// The answer in one sentence.
    pub verdict: String,
    /// Why the answer may not hold; empty where it holds.
    pub reservations: Vec<String>,
    /// What no such log can prove.
    pub limits: Vec<String>,
}

#[derive(Deserialize)]
struct WhereIs<'a> {
    #[serde(borrow)]
    place: Cow<'a, str>,
    zone: Zone,
    #[serde(default)]
    seat: Option<String>,
    #[serde(default)]
    regions: Vec<String>,
    #[serde(default)]
    redacted_above: Option<DataClass>,
}

#[derive(Deserialize)]
struct NoIs<'a> {
    #[serde(borrow)]
    rule: Cow<'a, str>,
}

#[derive(Deserialize)]
struct DecidedIs<'a> {
    #[serde(borrow)]
    ask: Cow<'a, str>,
    class: DataClass,
    #[serde(borrow, default)]
    tags: Vec<Cow<'a, str>>,
    #[serde(default)]
    denied: Option<String>,
    #[serde(borrow)]
    may: Vec<WhereIs<'a>>,
    #[serde(borrow)]
    refused: Vec<NoIs<'a>>,
    /// Places that found no room in the record.
    #[serde(default)]
    more: u64,
}

#[derive(Deserialize)]
struct EndedIs<'a> {
    #[serde(borrow)]
    ask: Cow<'a, str>,
    class: DataClass,
    arrived_ms: u64,
    #[serde(borrow, default)]
    tags: Vec<Cow<'a, str>>,
    begun: u64,
    #[serde(borrow)]
    sent: Vec<WhereIs<'a>>,
}

#[derive(Deserialize)]
struct LostIs {
    decisions: u64,
}

/// Class, zone, seat and regions.
type GroupKey = (DataClass, Zone, Option<String>, Vec<String>);

/// What is added up while the chain is read.
struct Sum {
    out: Report,
    groups: HashMap<GroupKey, Group>,
    /// Decisions without an end so far, and whether they could go to a place that is asked about.
    open: HashMap<u128, bool>,
}

/// Makes the report of the trail in `dir`. `progress` is told bytes done and all bytes.
///
/// # Errors
/// It cannot be read at all.
pub fn report(
    dir: &Path,
    query: Query,
    check: &Check,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Report, AuditError> {
    let mut sum = Sum { out: Report { query, ..Report::default() }, groups: HashMap::new(), open: HashMap::new() };
    let chain = verify::walk(dir, check, progress, &mut |line| sum.line(line))?;
    let mut out = sum.out;
    out.open += sum.open.len() as u64;
    out.open_possible += sum.open.values().filter(|possible| **possible).count() as u64;
    out.groups = sum.groups.into_values().collect();
    out.groups.sort();
    out.chain = chain;
    page::conclude(&mut out);
    Ok(out)
}

impl Sum {
    fn line(&mut self, line: &Line<'_>) -> Result<(), String> {
        let foreign = |e: serde_json::Error| format!("its hash is right, and it is no {} record: {e}", line.kind);
        match line.kind {
            "decided" if self.out.query.covers(line.at_unix_ms) => {
                self.decided(&serde_json::from_slice(line.json).map_err(foreign)?);
            }
            "ended" => self.ended(&serde_json::from_slice(line.json).map_err(foreign)?),
            "lost" if self.out.query.covers(line.at_unix_ms) => {
                self.out.lost += serde_json::from_slice::<LostIs>(line.json).map_err(foreign)?.decisions;
            }
            _ => {}
        }
        Ok(())
    }

    fn decided(&mut self, d: &DecidedIs<'_>) {
        let out = &mut self.out;
        if !out.query.wants(d.class, &d.tags) {
            return;
        }
        out.decisions += 1;
        *out.by_class.entry(d.class).or_default() += 1;
        let Some(code) = &d.denied else {
            let possible = d.more > 0 || d.may.iter().any(|place| out.query.means(place));
            self.open.insert(number(&d.ask), possible);
            return;
        };
        add(&mut out.denied, code);
        let mut seen: Vec<&str> = Vec::new();
        for rule in d.refused.iter().map(|r| &*r.rule) {
            if !seen.contains(&rule) {
                seen.push(rule);
                add(&mut out.denied_by_rule, rule);
            }
        }
    }

    fn ended(&mut self, e: &EndedIs<'_>) {
        let decided = self.open.remove(&number(&e.ask));
        let out = &mut self.out;
        if decided.is_none() {
            // Its decision is not asked about, or is not in the trail.
            if !(out.query.covers(e.arrived_ms) && out.query.wants(e.class, &e.tags)) {
                return;
            }
            out.without_decision += 1;
        }
        if e.begun > e.sent.len() as u64 {
            out.open += 1;
            out.open_possible += u64::from(decided.unwrap_or(true));
        }
        let mut asked: Option<bool> = None;
        for attempt in &e.sent {
            let about = out.query.means(attempt);
            let redacted = attempt.redacted_above.is_some();
            if about {
                asked = Some(asked.unwrap_or(true) && redacted);
            }
            let key = (e.class, attempt.zone, attempt.seat.clone(), attempt.regions.clone());
            let group = self.groups.entry(key).or_insert_with(|| Group {
                class: e.class,
                zone: attempt.zone,
                legal_seat: attempt.seat.clone(),
                regions: attempt.regions.clone(),
                places: Vec::new(),
                attempts: 0,
                redacted: 0,
                asked_about: about,
            });
            group.attempts += 1;
            group.redacted += u64::from(redacted);
            if group.places.len() < GROUPS_MAX && !group.places.iter().any(|p| *p == attempt.place) {
                group.places.push(attempt.place.to_string());
                group.places.sort();
            }
        }
        out.went += u64::from(asked.is_some());
        out.went_redacted += u64::from(asked == Some(true));
    }
}

/// Counts one more under a name that may be anything.
fn add(counts: &mut BTreeMap<String, u64>, name: &str) {
    let name = if counts.len() < GROUPS_MAX || counts.contains_key(name) { name } else { "(more)" };
    match counts.get_mut(name) {
        Some(n) => *n += 1,
        None => drop(counts.insert(name.to_owned(), 1)),
    }
}

fn number(hex: &str) -> u128 {
    u128::from_str_radix(hex, 16).unwrap_or_default()
}
