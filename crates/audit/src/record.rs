//! What records say: their bodies as they are written. Lists are bounded, and say how many they left out.
//!
//! Never here: reading them (`report`).

use crate::{frame, hex};
use decide::{
    Candidate, DataClass, Decision, Ending, Found, Outcome, Place, Policy, Refusal, Refused, Sent, Terms, Zone,
};
use serde::Serialize;
use std::sync::Arc;

/// Groups of places, kinds and tags in one record, at most.
const LIST_MAX: usize = 200;
/// Bytes of a policy that is written out; of a larger one only the hash.
const POLICY_MAX: usize = 256 << 10;

/// A server began to write, or a segment begins: which key signs from here on.
#[derive(Serialize)]
pub(crate) struct Begins<'a> {
    /// The format of records.
    pub(crate) format: u32,
    /// The program and its version.
    pub(crate) program: &'a str,
    /// The public key (Ed25519).
    pub(crate) key: String,
    /// Which key fingerprints of prompts are under.
    pub(crate) prompt_key_id: &'a str,
    /// What a crash left of an unfinished record, and was cut off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) torn: Option<Torn>,
}

/// An unfinished record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Torn {
    pub(crate) bytes: u64,
    pub(crate) sha256: String,
}

/// Records that a signed head speaks of are not there.
#[derive(Serialize)]
pub(crate) struct Gap {
    /// The first and last that are missing.
    pub(crate) from: u64,
    pub(crate) to: u64,
    /// The hash of the last one, as the head had it.
    pub(crate) head: String,
}

/// Decisions that are not in the trail.
#[derive(Serialize)]
pub(crate) struct Lost {
    pub(crate) decisions: u64,
}

/// The server stopped in order.
#[derive(Serialize)]
pub(crate) struct Stops {
    /// Decisions whose end is not known by then.
    pub(crate) open: u64,
}

/// Old segments were deleted.
#[derive(Serialize)]
pub(crate) struct Pruned {
    /// The last record that was deleted.
    pub(crate) through: u64,
}

/// A policy that decisions name by its hash.
#[derive(Serialize)]
pub(crate) struct PolicyIs<'a> {
    pub(crate) policy: &'a str,
    /// Its bytes are what the hash is of; left out where they are too long.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) text: Option<&'a str>,
}

impl<'a> PolicyIs<'a> {
    pub(crate) fn of(hash: &'a str, text: &'a str) -> PolicyIs<'a> {
        PolicyIs { policy: hash, text: (text.len() <= POLICY_MAX).then_some(text) }
    }
}

/// The canonical bytes of a policy, and their SHA-256. The version only counts reloads, so it is left out.
pub(crate) fn policy(policy: &Policy) -> (String, String) {
    let plain = Policy { version: 0, ..policy.clone() };
    let text = serde_json::to_string(&plain).unwrap_or_default();
    (hex::show(&frame::sha256(text.as_bytes())), text)
}

/// A place that decisions name.
#[derive(Serialize)]
pub(crate) struct PlaceIs<'a> {
    pub(crate) place: &'a str,
    zone: Zone,
    provider: &'a str,
    terms: &'a Terms,
}

impl<'a> PlaceIs<'a> {
    pub(crate) fn of(place: &'a Place) -> PlaceIs<'a> {
        PlaceIs { place: place.id.as_str(), zone: place.zone, provider: &place.provider, terms: &place.terms }
    }
}

/// The least that has to be said of a place to know under whose law it is. What is not declared, or has expired, is left out.
#[derive(Serialize)]
struct Where<'a> {
    place: &'a str,
    zone: Zone,
    #[serde(skip_serializing_if = "Option::is_none")]
    seat: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    regions: Vec<&'a str>,
}

impl<'a> Where<'a> {
    fn of(place: &'a Place, at_unix_ms: u64) -> Where<'a> {
        let terms = Some(&place.terms).filter(|t| t.hold_at(at_unix_ms / 1000));
        Where {
            place: place.id.as_str(),
            zone: place.zone,
            seat: terms.and_then(|t| t.legal_seat.as_deref()),
            regions: terms.map(|t| t.regions.iter().take(LIST_MAX).map(|r| &**r).collect()).unwrap_or_default(),
        }
    }
}

/// A request that was decided about.
#[derive(Serialize)]
pub(crate) struct Decided<'a> {
    /// Milliseconds since the server started, by a clock that is never set.
    up_ms: u64,
    ask: String,
    request: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_id: Option<&'a str>,
    endpoint: &'a str,
    declared: DataClass,
    class: DataClass,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    tags: &'a [Arc<str>],
    #[serde(skip_serializing_if = "Option::is_none")]
    found: Option<&'a Found>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    unscanned: bool,
    detector: &'a str,
    policy: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    prompt_hmac: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    denied: Option<&'static str>,
    may: Vec<May<'a>>,
    refused: Vec<No<'a>>,
    #[serde(skip_serializing_if = "is_zero")]
    more: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_zero(n: &u64) -> bool {
    *n == 0
}

/// A place that it may go to, in the order in which places are tried.
#[derive(Serialize)]
struct May<'a> {
    #[serde(flatten)]
    place: Where<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    redact_above: Option<DataClass>,
    models: u32,
}

/// A place that it may not go to.
#[derive(Serialize)]
struct No<'a> {
    #[serde(flatten)]
    place: Where<'a>,
    /// The rule that refused it, or the kind of reason.
    rule: String,
    why: String,
    models: u32,
    #[serde(skip)]
    is: &'a Refusal,
}

impl<'a> Decided<'a> {
    pub(crate) fn of(d: &'a Decision, policy: &'a str, up_ms: u64) -> Decided<'a> {
        let (mut may, mut refused, mut more) = (Vec::new(), Vec::new(), 0);
        for candidate in &d.verdict.order {
            more += u64::from(!add_may(&mut may, candidate, d.at_unix_ms));
        }
        for no in &d.verdict.refused {
            more += u64::from(!add_no(&mut refused, no, d.at_unix_ms));
        }
        Decided {
            up_ms,
            ask: format!("{:032x}", d.ask_id),
            request: &d.request_id,
            key_id: d.key_id.as_deref(),
            endpoint: d.endpoint,
            declared: d.declared,
            class: d.class(),
            tags: &d.tags[..d.tags.len().min(LIST_MAX)],
            found: Some(&d.found).filter(|f| **f != Found::default()),
            unscanned: d.unscanned,
            detector: &d.detector,
            policy,
            prompt_hmac: d.prompt_hmac.as_ref().map(|h| hex::show(h)),
            denied: d.denied.map(decide::Cause::code),
            may: if d.denied.is_some() { Vec::new() } else { may },
            refused,
            more,
        }
    }
}

/// Adds a candidate to the group of its place; `false` where there is no room for another one.
fn add_may<'a>(groups: &mut Vec<May<'a>>, c: &'a Candidate, at_unix_ms: u64) -> bool {
    let same = |g: &&mut May<'_>| g.place.place == c.place.id.as_str() && g.redact_above == c.reason.redact_above;
    if let Some(group) = groups.iter_mut().rev().find(same) {
        group.models += 1;
        return true;
    }
    let room = groups.len() < LIST_MAX;
    if room {
        groups.push(May { place: Where::of(&c.place, at_unix_ms), redact_above: c.reason.redact_above, models: 1 });
    }
    room
}

fn add_no<'a>(groups: &mut Vec<No<'a>>, no: &'a Refused, at_unix_ms: u64) -> bool {
    let same = |g: &&mut No<'_>| g.place.place == no.place.id.as_str() && *g.is == no.why;
    if let Some(group) = groups.iter_mut().rev().find(same) {
        group.models += 1;
        return true;
    }
    let room = groups.len() < LIST_MAX;
    if room {
        let (rule, why) = (rule(&no.why), no.why.to_string());
        groups.push(No { place: Where::of(&no.place, at_unix_ms), rule, why, models: 1, is: &no.why });
    }
    room
}

/// The rule that a refusal names; else what kind of refusal it is.
fn rule(why: &Refusal) -> String {
    match serde_json::to_value(why) {
        Ok(serde_json::Value::Object(map)) => map
            .into_iter()
            .next()
            .map(|(kind, fields)| fields.get("rule").and_then(|r| r.as_str()).map_or(kind, str::to_owned))
            .unwrap_or_default(),
        Ok(serde_json::Value::String(kind)) => kind,
        _ => String::new(),
    }
}

/// What came of a decision.
#[derive(Serialize)]
pub(crate) struct Ended<'a> {
    up_ms: u64,
    ask: String,
    request: &'a str,
    /// The record of its decision; left out where it was made before this server started.
    #[serde(skip_serializing_if = "Option::is_none")]
    of: Option<u64>,
    /// When the request arrived, Unix milliseconds.
    arrived_ms: u64,
    class: DataClass,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    tags: &'a [Arc<str>],
    begun: u8,
    sent: Vec<Went<'a>>,
}

/// An attempt.
#[derive(Serialize)]
struct Went<'a> {
    #[serde(flatten)]
    place: Where<'a>,
    model: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    redacted_above: Option<DataClass>,
    input_tokens: u64,
    output_tokens: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    cost_nanousd: Option<i64>,
    outcome: Outcome,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
}

impl<'a> Ended<'a> {
    pub(crate) fn of(e: &'a Ending, of: Option<u64>, up_ms: u64) -> Ended<'a> {
        let went = |s: &'a Sent| Went {
            place: Where::of(&s.place, e.arrived_unix_ms),
            model: &s.model,
            redacted_above: s.redacted_above,
            input_tokens: s.tokens.0,
            output_tokens: s.tokens.1,
            cost_nanousd: s.cost.map(|c| c.0),
            outcome: s.outcome,
            error: s.error.as_deref(),
        };
        Ended {
            up_ms,
            ask: format!("{:032x}", e.ask_id),
            request: &e.request_id,
            of,
            arrived_ms: e.arrived_unix_ms,
            class: e.class,
            tags: &e.tags[..e.tags.len().min(LIST_MAX)],
            begun: e.begun,
            sent: e.sent.iter().map(went).collect(),
        }
    }
}
