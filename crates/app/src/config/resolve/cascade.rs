//! The section `[cascade]`, and what routes say instead of it.
//!
//! Never here: judging answers (room `sense`), or asking twice (room `gateway`).

use super::{EngineSettings, PlaceSettings, Reader};
use crate::config::cascade::{Route, Routes};
use crate::config::shape::File;
use crate::config::share::{Share, permille};
use crate::problem::nearest;
use decide::{Cascade, Policy, Target};

/// Helpers at most: each is a call that costs.
const HELPERS_MAX: usize = 3;
const HOLD_TOKENS_MAX: u32 = 4_096;
const HOLD_MS_MAX: u32 = 60_000;
/// More than half of the quality is no promise.
const LOSS_MAX_PERMILLE: u16 = 500;

/// What helpers may name.
pub(super) struct Known<'a> {
    pub(super) places: &'a [PlaceSettings],
    pub(super) engine: Option<&'a EngineSettings>,
    pub(super) discovery: bool,
    /// Whether a ledger keeps what is learned.
    pub(super) ledger: bool,
}

/// The keys as one table of the file says them; `None` where it does not.
#[derive(Default)]
struct Keys<'a> {
    escalate: Option<bool>,
    helpers: Option<&'a [String]>,
    hold_tokens: Option<u32>,
    hold_ms: Option<u32>,
    max_quality_loss: Option<&'a Share>,
    shadow: Option<&'a Share>,
}

/// Reads the settings into `policy` and its routes.
pub(super) fn cascade(r: &mut Reader<'_>, file: &File, known: &Known<'_>, policy: &mut Policy) {
    let section = &file.cascade;
    let keys = Keys {
        escalate: Some(section.escalate),
        helpers: Some(&section.helpers),
        hold_tokens: Some(section.hold_tokens),
        hold_ms: Some(section.hold_ms),
        max_quality_loss: section.max_quality_loss.as_ref(),
        shadow: section.shadow.as_ref(),
    };
    policy.cascade = read(r, &keys, "cascade", &Cascade::default(), known);
    if let Routes::Table(table) = &file.route {
        let keys = Keys {
            escalate: table.escalate,
            helpers: table.helpers.as_deref(),
            hold_tokens: table.hold_tokens,
            hold_ms: table.hold_ms,
            max_quality_loss: table.max_quality_loss.as_ref(),
            shadow: table.shadow.as_ref(),
        };
        refuse_twice(r, &keys);
        policy.cascade = read(r, &keys, "route", &policy.cascade, known);
    }
    note(r, &policy.cascade);
    warn(r, "cascade", &policy.cascade, known);
    for (i, route) in file.route.named().iter().enumerate() {
        let keys = of_route(route);
        let path = file.route.path(i);
        if keys.is_empty() {
            continue;
        }
        let own = read(r, &keys, &path, &policy.cascade, known);
        warn(r, &path, &own, known);
        let origin = r.origin(&format!("{path}.name"));
        r.values.note(format!("route.{}.cascade", route.name), shown(&own), origin);
        if let Some(route) = policy.routes.get_mut(&route.name) {
            route.cascade = Some(own);
        }
    }
}

fn of_route(route: &Route) -> Keys<'_> {
    Keys {
        escalate: route.escalate,
        helpers: route.helpers.as_deref(),
        hold_tokens: route.hold_tokens,
        hold_ms: route.hold_ms,
        max_quality_loss: route.max_quality_loss.as_ref(),
        shadow: route.shadow.as_ref(),
    }
}

impl Keys<'_> {
    /// The keys that are said.
    fn said(&self) -> impl Iterator<Item = &'static str> {
        [
            ("escalate", self.escalate.is_some()),
            ("helpers", self.helpers.is_some()),
            ("hold_tokens", self.hold_tokens.is_some()),
            ("hold_ms", self.hold_ms.is_some()),
            ("max_quality_loss", self.max_quality_loss.is_some()),
            ("shadow", self.shadow.is_some()),
        ]
        .into_iter()
        .filter_map(|(key, said)| said.then_some(key))
    }

    fn is_empty(&self) -> bool {
        self.said().next().is_none()
    }
}

/// A key that `[cascade]` and `[route]` both say.
fn refuse_twice(r: &mut Reader<'_>, keys: &Keys<'_>) {
    for key in keys.said() {
        if let Some(line) = r.source.line(&format!("cascade.{key}")) {
            let what = format!("{key} stands in [route] and in [cascade] (line {line})");
            r.wrong(&format!("route.{key}"), what, "both are about every route", "take one of them out");
        }
    }
}

/// What holds after `keys`, which stand at `path`, where `base` held before.
fn read(r: &mut Reader<'_>, keys: &Keys<'_>, path: &str, base: &Cascade, known: &Known<'_>) -> Cascade {
    let mut own = base.clone();
    own.escalate = keys.escalate.unwrap_or(own.escalate);
    for (key, value, most, into) in [
        ("hold_tokens", keys.hold_tokens, HOLD_TOKENS_MAX, &mut own.hold_tokens),
        ("hold_ms", keys.hold_ms, HOLD_MS_MAX, &mut own.hold_ms),
    ] {
        let Some(value) = value else { continue };
        if !(1..=most).contains(&value) {
            let help = format!("write a number from 1 to {most}; escalate = false holds nothing back");
            let why = "a stream is held back for a bounded while";
            r.wrong(&format!("{path}.{key}"), format!("{key} is {value}"), why, help);
        }
        *into = value;
    }
    if let Some(share) = keys.max_quality_loss {
        let help = "write a share from 0 to 0.5 such as 0.02";
        own.max_quality_loss_permille =
            Some(read_share(r, share, &format!("{path}.max_quality_loss"), LOSS_MAX_PERMILLE, help));
    }
    if let Some(share) = keys.shadow {
        let help = "write a share from 0 to 1 such as 0.05";
        own.shadow_permille = read_share(r, share, &format!("{path}.shadow"), 1_000, help);
    }
    if let Some(list) = keys.helpers {
        own.helpers = helpers(r, list, &format!("{path}.helpers"), known);
    }
    if keys.escalate == Some(false) && keys.max_quality_loss.is_none() {
        own.max_quality_loss_permille = None;
    }
    if !own.escalate && keys.max_quality_loss.is_some() {
        let what = "max_quality_loss without escalate";
        let why = "a bound is kept by asking a stronger place, and escalate = false asks none";
        r.wrong(&format!("{path}.max_quality_loss"), what, why, "write escalate = true, or take max_quality_loss out");
    }
    own
}

fn read_share(r: &mut Reader<'_>, share: &Share, path: &str, most: u16, help: &str) -> u16 {
    let text = r.source.written(&share.0.span).to_owned();
    match permille(&text) {
        Ok(value) if value <= most => value,
        Ok(_) => {
            r.wrong(path, format!("{text} is too much"), format!("at most {} is possible", decimal(most)), help);
            0
        }
        Err(why) => {
            r.wrong(path, format!("\"{text}\" is not a share"), why, help);
            0
        }
    }
}

fn helpers(r: &mut Reader<'_>, list: &[String], path: &str, known: &Known<'_>) -> Vec<Target> {
    if list.len() > HELPERS_MAX {
        let what = format!("there are {} helpers", list.len());
        let why = "each is asked for every answer that is judged, and costs";
        r.wrong(&format!("{path}[{HELPERS_MAX}]"), what, why, format!("name at most {HELPERS_MAX}"));
    }
    let mut helpers: Vec<Target> = Vec::new();
    for (j, text) in list.iter().enumerate() {
        let path = format!("{path}[{j}]");
        let parts = text.split_once('/').filter(|(p, m)| !p.is_empty() && !m.is_empty() && *m != "*");
        let Some((place, model)) = parts else {
            let help = "write for example \"ollama/gemma3:4b\"";
            r.wrong(&path, format!("\"{text}\" is no helper"), "a helper is one model: place/model", help);
            continue;
        };
        is_there(r, (text, place, model), &path, known);
        let target = Target { place: place.to_owned(), model: model.to_owned() };
        if helpers.contains(&target) {
            let why = "the same model asked twice says nothing new at temperature 0, and costs twice";
            r.wrong(&path, format!("the helper \"{text}\" stands twice"), why, "name another model");
        }
        helpers.push(target);
    }
    helpers
}

/// The place is configured or may be discovered, and lists the model where it lists any.
fn is_there(r: &mut Reader<'_>, (text, place, model): (&str, &str, &str), path: &str, known: &Known<'_>) {
    let configured = known.places.iter().find(|p| p.place.id.as_str() == place);
    if configured.is_none() && known.engine.is_none_or(|e| e.place.id.as_str() != place) {
        let engine = known.engine.map(|e| e.place.id.as_str());
        let names: Vec<&str> = known.places.iter().map(|p| p.place.id.as_str()).chain(engine).collect();
        if known.discovery && super::may_find(place) {
            r.warn(path, &format!("the place \"{place}\" is not configured; the helper counts once it is discovered"));
            return;
        }
        let help = match nearest(place, names.iter().copied()) {
            Some(near) => format!("did you mean \"{near}/{model}\"?"),
            None => format!("add a [[place]] called \"{place}\", or take the helper out"),
        };
        let why = format!("places here: {}", names.join(", "));
        r.wrong(path, format!("the helper \"{text}\" names an unknown place"), why, help);
    }
    if let Some(listed) = configured.filter(|p| !p.models.is_empty() && p.models.iter().all(|m| &*m.id != model)) {
        let models: Vec<&str> = listed.models.iter().map(|m| &*m.id).collect();
        let what = format!("the helper \"{text}\" names a model that the place does not list");
        let why = format!("its models are {}", models.join(", "));
        r.wrong(path, what, why, "name one of them, or add it to the place");
    }
}

/// What is possible and probably not meant.
fn warn(r: &mut Reader<'_>, path: &str, own: &Cascade, known: &Known<'_>) {
    if own.max_quality_loss_permille.is_some() {
        let path = format!("{path}.max_quality_loss");
        let ever = "every answer that a stronger place could give better goes there";
        if own.max_quality_loss_permille == Some(0) {
            r.warn(&path, &format!("that nothing at all is lost can never be shown by comparing: {ever}"));
        } else if !known.ledger {
            r.warn(&path, &format!("without a ledger nothing is remembered, so that nothing is ever promised: {ever}"));
        } else if own.shadow_permille == 0 {
            r.warn(&path, &format!("with shadow = 0 nothing is compared, so that nothing is ever promised: {ever}"));
        }
    }
    if !own.escalate && !own.helpers.is_empty() {
        r.warn(&format!("{path}.helpers"), "with escalate = false no answer is judged, and helpers are never asked");
    }
}

fn note(r: &mut Reader<'_>, own: &Cascade) {
    let loss = own.max_quality_loss_permille.map_or_else(|| "nothing is promised".to_owned(), decimal);
    let helpers = if own.helpers.is_empty() { "none".to_owned() } else { named(own) };
    for (key, value) in [
        ("escalate", own.escalate.to_string()),
        ("helpers", helpers),
        ("hold_tokens", own.hold_tokens.to_string()),
        ("hold_ms", own.hold_ms.to_string()),
        ("max_quality_loss", loss),
        ("shadow", decimal(own.shadow_permille)),
    ] {
        // A key that stands in `[route]` has its line there.
        let there = r.source.line(&format!("route.{key}")).map(|_| r.origin(&format!("route.{key}")));
        let origin = there.unwrap_or_else(|| r.origin(&format!("cascade.{key}")));
        r.values.note(format!("cascade.{key}"), value, origin);
    }
}

fn named(own: &Cascade) -> String {
    own.helpers.iter().map(|h| format!("{}/{}", h.place, h.model)).collect::<Vec<_>>().join(", ")
}

/// The settings of one route in one line.
fn shown(own: &Cascade) -> String {
    let mut parts = vec![(if own.escalate { "escalates" } else { "never escalates" }).to_owned()];
    if let Some(loss) = own.max_quality_loss_permille {
        parts.push(format!("loses at most {}", decimal(loss)));
    }
    if !own.helpers.is_empty() {
        parts.push(format!("helped by {}", named(own)));
    }
    if own.shadow_permille > 0 {
        parts.push(format!("shadow {}", decimal(own.shadow_permille)));
    }
    parts.push(format!("holds {} tokens, {} ms", own.hold_tokens, own.hold_ms));
    parts.join("; ")
}

/// Thousandths as a decimal: 20 is "0.02".
fn decimal(permille: u16) -> String {
    let text = format!("{}.{:03}", permille / 1_000, permille % 1_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
