//! `[[policy.rule]]`: the rules beside `[policy] reach`.
//!
//! Never here: how rules combine (room `decide`).

use super::Reader;
use crate::config::shape::{self, File, Redact};
use crate::problem::nearest;
use decide::{DataClass, Demand, Policy, Rule, Through, Zone, contract, tag};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Rules at most: each request looks at all of them.
const RULES_MAX: usize = 256;
/// Names that refusals use for something else.
const TAKEN: [&str; 2] = ["x-dewpoint-policy", "provider"];

/// The names that a rule may be about.
pub(super) struct Names<'a> {
    pub(super) places: &'a [&'a str],
    pub(super) discovery: bool,
}

pub(super) fn rules(r: &mut Reader<'_>, file: &File, names: &Names<'_>) -> Vec<Arc<Rule>> {
    let list = &file.policy.rule;
    if list.is_empty() {
        r.note("policy.rule", "none (the built-in rules and reach hold)");
    }
    if list.len() > RULES_MAX {
        let what = format!("there are {} rules", list.len());
        let help = format!("write at most {RULES_MAX}; a rule may name several classes, keys, routes and places");
        r.wrong(&format!("policy.rule[{RULES_MAX}]"), what, "each request looks at all of them", help);
    }
    let mut rules: Vec<Arc<Rule>> = Vec::new();
    for (i, section) in list.iter().enumerate() {
        let path = format!("policy.rule[{i}]");
        check_id(r, section, &path, &rules);
        let rule = rule(r, file, section, &path, names);
        let origin = r.origin(&format!("{path}.id"));
        r.values.note(format!("policy.rule.{}", section.id), shown(section), origin);
        rules.push(Arc::new(rule));
    }
    rules
}

fn check_id(r: &mut Reader<'_>, section: &shape::Rule, path: &str, earlier: &[Arc<Rule>]) {
    let id = section.id.as_str();
    let path = format!("{path}.id");
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if id.is_empty() || id.len() > 64 || !id.chars().all(allowed) || TAKEN.contains(&id) {
        let why = "an id has 1 to 64 letters, digits, dots, dashes and underscores, and is no name of our own";
        r.wrong(&path, format!("a rule cannot be called \"{id}\""), why, "write for example \"health-eu\"");
    } else if earlier.iter().any(|e| &*e.id == id) {
        let why = "a refusal names the rule by its id";
        r.wrong(&path, format!("the rule \"{id}\" stands twice"), why, "give one of them another id");
    }
}

fn rule(r: &mut Reader<'_>, file: &File, section: &shape::Rule, path: &str, names: &Names<'_>) -> Rule {
    let classes = section.class.iter().flat_map(|c| c.list()).map(|c| DataClass::from(*c)).collect();
    if section.class.as_ref().is_some_and(|c| c.list().is_empty()) {
        empty(r, &format!("{path}.class"), "class");
    }
    let through = match (section.deny, section.redact) {
        (true, _) => Through::Nothing,
        (false, Some(Redact::Always(true))) => Through::Redacted,
        (false, Some(Redact::Elsewhere(_))) => Through::RedactedElsewhere,
        (false, None | Some(Redact::Always(false))) => Through::Whole,
    };
    let keys: Vec<&str> = file.key.iter().map(|k| k.name.as_str()).collect();
    let routes: Vec<&str> = file.route.named().iter().map(|k| k.name.as_str()).collect();
    let rule = Rule {
        id: Arc::from(section.id.as_str()),
        classes,
        tags: words(r, section.tags.as_deref(), path, "tags", tags).unwrap_or_default(),
        keys: known(r, section.keys.as_deref(), path, "keys", &keys),
        routes: known(r, section.routes.as_deref(), path, "routes", &routes),
        demand: demand(r, section, path, names),
        through,
        heeded_by: None,
    };
    sense(r, section, &rule, path);
    rule
}

fn demand(r: &mut Reader<'_>, section: &shape::Rule, path: &str, names: &Names<'_>) -> Demand {
    Demand {
        zone: section.zone.map(Into::into),
        regions: words(r, section.regions.as_deref(), path, "regions", lands),
        legal_seat: words(r, section.legal_seat.as_deref(), path, "legal_seat", lands),
        retention: section.retention.map(Into::into),
        training: section.training.map(Into::into),
        contracts: words(r, section.contracts.as_deref(), path, "contracts", contracts).unwrap_or_default(),
        places: section.places.as_deref().map(|list| places(r, list, path, names)),
    }
}

/// What a rule says that cannot be meant.
fn sense(r: &mut Reader<'_>, section: &shape::Rule, rule: &Rule, path: &str) {
    let id = &section.id;
    let free = Demand { places: None, ..rule.demand.clone() };
    if section.deny && (free != Demand::default() || section.redact.is_some()) {
        let why = "deny = true refuses the places that the rule names, whatever their terms";
        let help = "keep class, tags, keys, routes and places beside deny, or write the demand without deny";
        r.wrong(path, format!("the rule \"{id}\" denies and demands"), why, help);
    } else if rule.through == Through::RedactedElsewhere && rule.demand == Demand::default() {
        let why = "redact = \"elsewhere\" is about the places that the demand of the rule leaves out";
        r.wrong(path, format!("the rule \"{id}\" has no elsewhere"), why, "add for example zone = \"own-network\"");
    } else if rule.through == Through::Whole && rule.demand == Demand::default() {
        if !rule.grants() {
            let why = "it has a condition, and demands nothing of a place";
            let help = "add what it demands (zone, regions, contracts, places, …), redact = true, or deny = true";
            r.wrong(path, format!("the rule \"{id}\" says nothing"), why, help);
        } else if rule.classes.last() > Some(&DataClass::Internal) {
            let what = format!("the rule \"{id}\" lets {} data go as it is to every place", classes(rule));
            r.warn(path, &what);
        }
    }
}

/// What several rules say together that is probably not meant.
pub(super) fn warn_together(r: &mut Reader<'_>, policy: &Policy) {
    let ruled = |class: DataClass| {
        let names = |rule: &Arc<Rule>| rule.grants() && rule.classes.contains(&class);
        policy.reach.contains_key(&class) || policy.rules.iter().any(names)
    };
    for (i, rule) in policy.rules.iter().enumerate().filter(|(_, rule)| rule.grants()) {
        let path = format!("policy.rule[{i}]");
        let zone = rule.demand.zone.unwrap_or(Zone::VendorCloud);
        for (upper, lower) in [(DataClass::Sensitive, DataClass::Personal), (DataClass::Secret, DataClass::Sensitive)] {
            if rule.classes.contains(&upper) && !ruled(lower) && zone > Zone::OwnNetwork {
                let what = format!(
                    "the rule \"{}\" is about {upper} data, and no rule about {lower}: the built-in rule of {lower} holds for \
                     {upper}, too; name {lower} as well if that is meant",
                    rule.id
                );
                r.warn(&path, &what);
            }
        }
        if rule.classes.contains(&DataClass::Secret) && rule.demand.places.is_none() && zone > Zone::SameHost {
            let what = format!("the rule \"{}\" lets requests that are declared secret leave this host", rule.id);
            r.warn(&path, &what);
        }
    }
}

type Read = fn(&str) -> Result<Vec<Arc<str>>, &'static str>;

fn tags(word: &str) -> Result<Vec<Arc<str>>, &'static str> {
    tag(word).map(|t| vec![t]).ok_or("a tag has 1 to 64 letters, digits and -_.:/@, as in \"customer:acme\"")
}

pub(super) fn lands(word: &str) -> Result<Vec<Arc<str>>, &'static str> {
    decide::countries(word).ok_or(match word {
        "UK" | "uk" => "the United Kingdom is GB",
        _ => "a country is two letters of ISO 3166-1, such as DE; EU and EEA stand for their members",
    })
}

pub(super) fn contracts(word: &str) -> Result<Vec<Arc<str>>, &'static str> {
    contract(word).map(|c| vec![c]).ok_or("a contract has 1 to 32 letters, digits and -_., such as BAA, DPA or SCC")
}

/// The tags of a key or a route, sorted.
pub(super) fn tag_list(r: &mut Reader<'_>, list: &[String], path: &str) -> Vec<Arc<str>> {
    let list = Some(list).filter(|l| !l.is_empty());
    words(r, list, path, "tags", tags).unwrap_or_default().into_iter().collect()
}

/// A list of words, each in its one form.
pub(super) fn words(
    r: &mut Reader<'_>,
    list: Option<&[String]>,
    path: &str,
    key: &str,
    read: Read,
) -> Option<BTreeSet<Arc<str>>> {
    let list = list?;
    if list.is_empty() {
        empty(r, &format!("{path}.{key}"), key);
    }
    let mut out = BTreeSet::new();
    for (j, word) in list.iter().enumerate() {
        match read(word) {
            Ok(words) => out.extend(words),
            Err(why) => {
                let help = "correct it, or take it out";
                r.wrong(&format!("{path}.{key}[{j}]"), format!("\"{word}\" is not possible for {key}"), why, help);
            }
        }
    }
    Some(out)
}

fn empty(r: &mut Reader<'_>, path: &str, key: &str) {
    let why = "nothing is among no names, so nobody could tell whether all or none is meant";
    r.wrong(path, format!("{key} is an empty list"), why, format!("name something, or leave {key} out"));
}

/// A list of names of the configuration.
fn known(r: &mut Reader<'_>, list: Option<&[String]>, path: &str, key: &str, names: &[&str]) -> BTreeSet<Arc<str>> {
    if list.is_some_and(<[String]>::is_empty) {
        empty(r, &format!("{path}.{key}"), key);
    }
    for (j, name) in list.into_iter().flatten().enumerate().filter(|(_, n)| !names.contains(&n.as_str())) {
        unknown(r, &format!("{path}.{key}[{j}]"), key, name, names);
    }
    list.into_iter().flatten().map(|n| Arc::from(n.as_str())).collect()
}

fn unknown(r: &mut Reader<'_>, path: &str, key: &str, name: &str, names: &[&str]) {
    let help = match nearest(name, names.iter().copied()) {
        Some(near) => format!("did you mean \"{near}\"?"),
        None if names.is_empty() => format!("there are no {key} here"),
        None => format!("{key} here: {}", names.join(", ")),
    };
    r.wrong(path, format!("{key} names an unknown \"{name}\""), "a rule that is about nothing hides a mistake", help);
}

fn places(r: &mut Reader<'_>, list: &[String], path: &str, names: &Names<'_>) -> BTreeSet<Arc<str>> {
    if list.is_empty() {
        empty(r, &format!("{path}.places"), "places");
    }
    for (j, name) in list.iter().enumerate() {
        let path = format!("{path}.places[{j}]");
        let start = name.strip_suffix('*');
        let here = names.places.iter().any(|p| start.map_or(*p == name, |s| p.starts_with(s)));
        if here {
            continue;
        }
        if start.is_some() || (names.discovery && super::may_find(name)) {
            r.warn(&path, &format!("no place called \"{name}\" is configured; the rule counts once there is one"));
        } else {
            unknown(r, &path, "places", name, names.places);
        }
    }
    list.iter().map(|n| Arc::from(n.as_str())).collect()
}

fn classes(rule: &Rule) -> String {
    rule.classes.iter().map(|c| c.as_str()).collect::<Vec<_>>().join(" and ")
}

/// The rule in one line, in the words of the file.
fn shown(section: &shape::Rule) -> String {
    let class = section.class.as_ref().map(|c| c.list().iter().map(|c| DataClass::from(*c).to_string()).collect());
    let one = |value: Option<String>| value.map(|v| vec![v]);
    let retention = section.retention.map(|k| decide::Retention::from(k).to_string());
    let training = section.training.map(|t| decide::Training::from(t).to_string());
    let zone = section.zone.map(|z| Zone::from(z).as_str().to_owned());
    let mut parts: Vec<String> = [
        ("class", class),
        ("tags", section.tags.clone()),
        ("keys", section.keys.clone()),
        ("routes", section.routes.clone()),
        ("zone", one(zone)),
        ("regions", section.regions.clone()),
        ("legal_seat", section.legal_seat.clone()),
        ("retention", one(retention)),
        ("training", one(training)),
        ("contracts", section.contracts.clone()),
        ("places", section.places.clone()),
    ]
    .into_iter()
    .filter_map(|(key, list): (_, Option<Vec<String>>)| list.map(|l| format!("{key} {}", l.join(", "))))
    .collect();
    match section.redact {
        Some(Redact::Always(true)) => parts.push("redacted".to_owned()),
        Some(Redact::Elsewhere(_)) => parts.push("redacted elsewhere".to_owned()),
        _ => {}
    }
    if section.deny {
        parts.push("denied".to_owned());
    }
    parts.join("; ")
}
