//! The rules of a policy that hold for one request, and what they let through to a place.
//!
//! Three sentences: every rule narrows, and several rules intersect. A built-in rule holds for a class until the
//! configuration says where that class may go (`[policy] reach`, or a rule that names the class and has no condition).
//! What a lower class may not do, a higher may not either.
//!
//! So the answer for a place is two numbers: up to which class content may go there as it is, and up to which class with
//! what was found taken out.
//!
//! Never here: capabilities, health, order (`choose`).

use crate::{DataClass, Place, Policy, Refusal, Route, Rule, Subject, Through, Zone};
use std::sync::Arc;

/// Classes there are.
const CLASSES: usize = DataClass::ALL.len();
/// Zones there are.
const ZONES: usize = Zone::ALL.len();

/// Up to which class content may go to a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Passage {
    /// As it is; `None`: not even public content.
    pub whole: Option<DataClass>,
    /// With what was found taken out; at least as high as `whole`.
    pub redacted: Option<DataClass>,
}

/// The farthest zones of one class: content as it is, and with what was found taken out.
#[derive(Debug, Clone, Copy)]
struct Limit {
    whole: Zone,
    redacted: Zone,
}

type ByZone = [(u8, u8); ZONES];

const fn at_most(zone: Zone) -> Limit {
    Limit { whole: zone, redacted: zone }
}

/// The built-in rules, by class.
const BUILT_IN: [Limit; CLASSES] = [
    at_most(Zone::VendorCloud),
    at_most(Zone::VendorCloud),
    Limit { whole: Zone::OwnNetwork, redacted: Zone::VendorCloud },
    at_most(Zone::OwnNetwork),
    at_most(Zone::SameHost),
];
/// Worked out ahead, since most policies say nothing else and every attempt is judged.
const BUILT_IN_BY_ZONE: ByZone = by_zone(&BUILT_IN);

/// For each zone, how many of the lowest classes may go there, as they are and redacted.
const fn by_zone(limits: &[Limit; CLASSES]) -> ByZone {
    let mut all = [(0, 0); ZONES];
    let mut zone = 0;
    while zone < ZONES {
        let (mut whole, mut redacted) = (0, 0);
        while whole < CLASSES && zone <= limits[whole].whole as usize {
            whole += 1;
        }
        while redacted < CLASSES && zone <= limits[redacted].redacted as usize {
            redacted += 1;
        }
        all[zone] = (whole as u8, redacted as u8);
        zone += 1;
    }
    all
}

/// The rules that hold for one request.
pub(crate) struct Border<'a> {
    subject: &'a Subject,
    /// The highest class declared, the route's included.
    pub(crate) declared: DataClass,
    policy: &'a Policy,
    limits: [Limit; CLASSES],
    /// For each zone, how many of the lowest classes the limits let through, as they are and redacted.
    by_zone: ByZone,
    rules: Vec<&'a Arc<Rule>>,
}

impl<'a> Border<'a> {
    /// Takes the rules that hold for a request from the policy.
    pub(crate) fn new(subject: &'a Subject, policy: &'a Policy) -> Border<'a> {
        let route = subject.route.as_ref().and_then(|name| policy.routes.get(&**name));
        let declared = route.and_then(|r| r.class).map_or(subject.declared, |least| least.max(subject.declared));
        let tagged = |rule: &Rule| {
            let has =
                |tag: &Arc<str>| subject.tags.contains(tag) || route.is_some_and(|r: &Route| r.tags.contains(tag));
            rule.tags.iter().all(has)
        };
        let among = |list: &std::collections::BTreeSet<Arc<str>>, name: &Option<Arc<str>>| {
            list.is_empty() || name.as_ref().is_some_and(|n| list.contains(n))
        };
        let holds = |r: &&Arc<Rule>| tagged(r) && among(&r.keys, &subject.key) && among(&r.routes, &subject.route);
        let rules = policy.rules.iter().filter(holds).chain(&subject.demands).collect();
        let (limits, by_zone) = policy.limits_by_zone();
        Border { subject, declared, policy, limits, by_zone, rules }
    }

    /// What may go to a place.
    pub(crate) fn passage(&self, place: &Place) -> Passage {
        let (whole, redacted) = self.levels(place);
        Passage { whole: below(whole), redacted: below(redacted) }
    }

    /// As [`Border::passage`], as numbers of classes from the lowest.
    fn levels(&self, place: &Place) -> (usize, usize) {
        let (whole, redacted) = self.by_zone[place.zone as usize];
        let (mut whole, mut redacted) = (usize::from(whole), usize::from(redacted));
        for rule in &self.rules {
            let from = rule.lowest_class() as usize;
            match self.through(rule, place) {
                Through::Whole => {}
                Through::Redacted | Through::RedactedElsewhere => whole = whole.min(from),
                Through::Nothing => (whole, redacted) = (whole.min(from), redacted.min(from)),
            }
        }
        (whole, redacted)
    }

    /// What one rule lets through to a place.
    fn through(&self, rule: &Rule, place: &Place) -> Through {
        if rule.heeded_by.as_ref().is_some_and(|provider| *provider == place.provider) {
            return Through::Whole;
        }
        if rule.through == Through::Nothing {
            return if rule.names(place) { Through::Nothing } else { Through::Whole };
        }
        let meets = rule.demand.unmet(place, self.subject.at_unix_s).is_none();
        match (rule.through, meets) {
            (Through::RedactedElsewhere, true) => Through::Whole,
            (through, true) => through,
            (Through::RedactedElsewhere, false) => Through::Redacted,
            (_, false) => Through::Nothing,
        }
    }

    /// Whether the request may go to a place, and above which class what was found must be taken out for it; `None`: it
    /// may go as it is.
    ///
    /// # Errors
    /// The rule that speaks against it.
    pub(crate) fn pass(&self, place: &Place) -> Result<Option<DataClass>, Refusal> {
        let found = &self.subject.found;
        let beyond = place.zone > Zone::SameHost;
        if beyond && let Some(why) = &found.failed {
            return Err(Refusal::Unread(why.clone()));
        }
        let (whole, redacted) = self.levels(place);
        let declared = self.declared as usize;
        let as_it_is = declared < whole;
        if as_it_is && found.kinds.is_empty() {
            return Ok(None);
        }
        if !as_it_is && declared >= redacted {
            return Err(self.refusal(place, self.declared));
        }
        // What was not read to its end cannot be taken out, here neither.
        if !as_it_is && (self.subject.unscanned || found.failed.is_some()) {
            return Err(Refusal::Unscanned { class: self.declared, rule: self.redacts(place, self.declared) });
        }
        let secret = DataClass::Secret as usize;
        if let Some(class) = found.loose {
            // What cannot be taken out goes where its class may go whole, and a secret of that kind nowhere beyond this host.
            self.hold(place, class, if beyond { whole.min(secret) } else { whole }, redacted)?;
        }
        // A secret that nobody declared leaves this host only taken out, whatever the rules say.
        let whole = if beyond && !(as_it_is && declared == secret) { whole.min(secret) } else { whole };
        let mut redact = !as_it_is;
        for class in found.kinds.values().map(|c| c.class) {
            let at = class as usize;
            if at < whole {
                continue;
            }
            if class != DataClass::Secret && at >= redacted {
                return Err(self.refusal(place, class));
            }
            redact = true;
        }
        Ok(redact.then(|| below(whole).unwrap_or(DataClass::Public)))
    }

    /// Refuses content of a class that cannot be taken out, unless so many of the lowest classes go as they are that it is one.
    #[cold]
    fn hold(&self, place: &Place, class: DataClass, whole: usize, redacted: usize) -> Result<(), Refusal> {
        match class as usize {
            at if at < whole => Ok(()),
            at if at < redacted => Err(Refusal::Loose { class, rule: self.redacts(place, class) }),
            _ => Err(self.refusal(place, class)),
        }
    }

    /// The first rule that keeps a class from a place.
    fn refusal(&self, place: &Place, class: DataClass) -> Refusal {
        let limit = self.limits[class as usize].redacted;
        if place.zone > limit {
            let by = self.policy.limit_by(class, limit);
            return Refusal::Class { class, reach: limit, zone: place.zone, by };
        }
        let against = |r: &&&Arc<Rule>| r.lowest_class() <= class && self.through(r, place) == Through::Nothing;
        match self.rules.iter().find(against) {
            Some(rule) => {
                let unmet =
                    rule.demand.unmet(place, self.subject.at_unix_s).filter(|_| rule.through != Through::Nothing);
                Refusal::Rule { class, rule: Arc::clone(rule), unmet }
            }
            // Cannot be: something kept the class from the place. If it could, refusing is what is left.
            None => Refusal::Class { class, reach: limit, zone: place.zone, by: "a rule" },
        }
    }

    /// The name of the rule that lets a class through to a place only redacted.
    fn redacts(&self, place: &Place, class: DataClass) -> Arc<str> {
        let limit = self.limits[class as usize].whole;
        if place.zone > limit {
            return Arc::from(self.policy.limit_by(class, limit));
        }
        let so = |r: &&&Arc<Rule>| r.lowest_class() <= class && self.through(r, place) == Through::Redacted;
        self.rules.iter().find(so).map_or_else(|| Arc::from("a rule"), |r| r.id.clone())
    }
}

/// The highest of the `count` lowest classes.
fn below(count: usize) -> Option<DataClass> {
    count.checked_sub(1).and_then(|i| DataClass::ALL.get(i)).copied()
}

impl Policy {
    /// What may go to a place for requests without tags, key and route, at a moment (Unix seconds).
    pub fn passage(&self, place: &Place, at_unix_s: u64) -> Passage {
        Border::new(&Subject { at_unix_s, ..Subject::default() }, self).passage(place)
    }

    /// The farthest zone to which data of `class` may go as it is, as far as zones alone say.
    pub fn reach(&self, class: DataClass) -> Zone {
        self.limits()[class as usize].whole
    }

    /// For each class the farthest zones, as it is and redacted.
    pub(crate) fn zones(&self) -> [(Zone, Zone); CLASSES] {
        self.limits().map(|l| (l.whole, l.redacted))
    }

    /// For each class the limits that built-in rules and `reach` set, those of lower classes included.
    fn limits(&self) -> [Limit; CLASSES] {
        let mut ruled = [false; CLASSES];
        for class in self.rules.iter().filter(|r| r.grants()).flat_map(|r| &r.classes) {
            ruled[*class as usize] = true;
        }
        let mut least = Limit { whole: Zone::VendorCloud, redacted: Zone::VendorCloud };
        DataClass::ALL.map(|class| {
            let own = self.own_limit(class, ruled[class as usize]);
            least = Limit { whole: least.whole.min(own.whole), redacted: least.redacted.min(own.redacted) };
            least
        })
    }

    /// The limits, and what follows for each zone.
    fn limits_by_zone(&self) -> ([Limit; CLASSES], ByZone) {
        if self.reach.is_empty() && self.rules.is_empty() {
            return (BUILT_IN, BUILT_IN_BY_ZONE);
        }
        let limits = self.limits();
        (limits, by_zone(&limits))
    }

    /// The limit of one class alone.
    fn own_limit(&self, class: DataClass, ruled: bool) -> Limit {
        match self.reach.get(&class) {
            Some(zone) => at_most(*zone),
            None if ruled => at_most(Zone::VendorCloud),
            None => BUILT_IN[class as usize],
        }
    }

    /// What set a limit of a class: `[policy] reach`, or a built-in rule; of the class itself before those below it.
    fn limit_by(&self, class: DataClass, limit: Zone) -> &'static str {
        let reached = DataClass::ALL.iter().rev().filter(|c| **c <= class).find_map(|c| {
            let ruled = self.rules.iter().any(|r| r.grants() && r.classes.contains(c));
            let own = self.own_limit(*c, ruled);
            (own.whole == limit || own.redacted == limit).then(|| self.reach.contains_key(c))
        });
        if reached == Some(true) { "[policy] reach" } else { "built-in rule" }
    }
}
