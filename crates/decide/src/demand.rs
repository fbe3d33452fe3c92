//! What a rule demands of a place: a predicate over its zone and its terms.
//!
//! What a place does not declare counts as the worst, with two exceptions that are facts and not promises: on this host
//! nothing moved anywhere, and on our own network there is no other party to have a seat, to learn, or to sign.
//!
//! Never here: whom a demand is about ([`crate::Rule`]).

use crate::{Place, Retention, Training, Zone, regions};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::sync::Arc;

/// What must hold of a place. Everything named must; the empty demand holds of every place.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Demand {
    /// The farthest zone.
    pub zone: Option<Zone>,
    /// Every region of processing is among these (ISO 3166-1 alpha-2).
    pub regions: Option<BTreeSet<Arc<str>>>,
    /// The country of the ultimate parent is among these.
    pub legal_seat: Option<BTreeSet<Arc<str>>>,
    /// Content is kept at most so long.
    pub retention: Option<Retention>,
    /// It trains on content at most so much.
    pub training: Option<Training>,
    /// Contracts that are all in force.
    pub contracts: BTreeSet<Arc<str>>,
    /// Its name is one of these; `*` at the end stands for any rest.
    pub places: Option<BTreeSet<Arc<str>>>,
}

/// The first part of a demand that a place does not meet, with what the place says instead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unmet {
    /// It is not among the places named.
    Places,
    /// It is farther.
    Zone(Zone),
    /// Its terms no longer hold, so they say nothing.
    Expired,
    /// Where it processes; empty where it says nothing.
    Regions(BTreeSet<Arc<str>>),
    /// Where its parent sits; `None` where it says nothing.
    LegalSeat(Option<Arc<str>>),
    /// How long it keeps content.
    Retention(Retention),
    /// Whether it trains on content.
    Training(Training),
    /// The first contract that is missing.
    Contract(Arc<str>),
}

impl Demand {
    /// The first part that `place` does not meet at a moment (Unix seconds); `None` when it meets all of them.
    pub fn unmet(&self, place: &Place, at_unix_s: u64) -> Option<Unmet> {
        if self.places.as_ref().is_some_and(|list| !list.iter().any(|p| named(p, place.id.as_str()))) {
            return Some(Unmet::Places);
        }
        if self.zone.is_some_and(|most| place.zone > most) {
            return Some(Unmet::Zone(place.zone));
        }
        if self.asks_for_terms() { self.terms_unmet(place, at_unix_s) } else { None }
    }

    fn asks_for_terms(&self) -> bool {
        let limits = self.retention.is_some() || self.training.is_some() || !self.contracts.is_empty();
        limits || self.regions.is_some() || self.legal_seat.is_some()
    }

    fn terms_unmet(&self, place: &Place, at_unix_s: u64) -> Option<Unmet> {
        let terms = &place.terms;
        if !terms.hold_at(at_unix_s) {
            return Some(Unmet::Expired);
        }
        let here = place.zone <= Zone::SameHost;
        let ours = place.zone <= Zone::OwnNetwork;
        if let Some(wanted) = &self.regions
            && !(terms.regions.is_empty() && here)
            && (terms.regions.is_empty() || !terms.regions.is_subset(wanted))
        {
            return Some(Unmet::Regions(terms.regions.clone()));
        }
        if let Some(wanted) = &self.legal_seat
            && !terms.legal_seat.as_ref().map_or(ours, |seat| wanted.contains(seat))
        {
            return Some(Unmet::LegalSeat(terms.legal_seat.clone()));
        }
        let kept = if terms.retention == Retention::Unknown && here { Retention::None } else { terms.retention };
        if self.retention.is_some_and(|most| kept > most) {
            return Some(Unmet::Retention(kept));
        }
        let learns = if terms.training == Training::Unknown && ours { Training::Never } else { terms.training };
        if self.training.is_some_and(|most| learns > most) {
            return Some(Unmet::Training(learns));
        }
        let missing = self.contracts.iter().find(|c| !ours && !terms.contracts.contains(*c));
        missing.map(|c| Unmet::Contract(c.clone()))
    }

    /// Adds what another demand wants: a place meets the result exactly when it meets both.
    pub fn and(&mut self, other: &Demand) {
        self.zone = least(self.zone, other.zone);
        self.retention = least(self.retention, other.retention);
        self.training = least(self.training, other.training);
        self.contracts.extend(other.contracts.iter().cloned());
        both(&mut self.regions, &other.regions, |a, b| a.intersection(b).cloned().collect());
        both(&mut self.legal_seat, &other.legal_seat, |a, b| a.intersection(b).cloned().collect());
        both(&mut self.places, &other.places, |a, b| {
            // Of two patterns that cover one another the narrower stays.
            let within = |x: &Arc<str>, y: &BTreeSet<Arc<str>>| y.iter().any(|p| named(p, x));
            a.iter().filter(|x| within(x, b)).chain(b.iter().filter(|x| within(x, a))).cloned().collect()
        });
    }

    /// The demand and what a place said to it, for people: "wants regions within DE, FR; this place says nothing".
    pub(crate) fn tell(&self, unmet: &Unmet) -> String {
        let none = BTreeSet::new();
        let nothing = "this place says nothing";
        match unmet {
            Unmet::Places => {
                let list = self.places.as_ref().unwrap_or(&none);
                format!("wants {}, and this is another place", regions::some(list.iter().map(|p| &**p), list.len()))
            }
            Unmet::Zone(is) => {
                let most = self.zone.unwrap_or(Zone::Embedded).as_str();
                format!("wants {most} or nearer; this place is {}", is.as_str())
            }
            Unmet::Expired => "wants terms that hold; those of this place have expired".to_owned(),
            Unmet::Regions(has) => {
                let wanted = regions::shown(self.regions.as_ref().unwrap_or(&none));
                let says = if has.is_empty() {
                    nothing.to_owned()
                } else {
                    format!("this place says {}", regions::shown(has))
                };
                format!("wants regions within {wanted}; {says}")
            }
            Unmet::LegalSeat(has) => {
                let wanted = regions::shown(self.legal_seat.as_ref().unwrap_or(&none));
                let says = has.as_ref().map_or(nothing.to_owned(), |seat| format!("this place says {seat}"));
                format!("wants a legal seat in {wanted}; {says}")
            }
            Unmet::Retention(has) => {
                let wanted = self.retention.unwrap_or_default();
                let says = match has {
                    Retention::Unknown => nothing.to_owned(),
                    kept => format!("this place says {kept}"),
                };
                format!("wants retention of at most {wanted}; {says}")
            }
            Unmet::Training(has) => {
                let wanted = self.training.unwrap_or_default();
                let says = match has {
                    Training::Unknown => nothing.to_owned(),
                    learns => format!("this place says {learns}"),
                };
                format!("wants training {wanted}; {says}")
            }
            Unmet::Contract(missing) => format!("wants the contract {missing}; this place does not have it"),
        }
    }
}

/// Whether a name is covered by a pattern: itself, or a beginning and `*`.
pub(crate) fn named(pattern: &str, name: &str) -> bool {
    pattern.strip_suffix('*').map_or(pattern == name, |beginning| name.starts_with(beginning))
}

fn least<T: Ord>(a: Option<T>, b: Option<T>) -> Option<T> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

type Names = BTreeSet<Arc<str>>;

fn both(mine: &mut Option<Names>, other: &Option<Names>, meet: impl Fn(&Names, &Names) -> Names) {
    match (mine.as_mut(), other) {
        (Some(a), Some(b)) => *a = meet(a, b),
        (None, Some(b)) => *mine = Some(b.clone()),
        (_, None) => {}
    }
}
