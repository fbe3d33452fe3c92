//! The section `[policy]` and the named routes.
//!
//! Never here: the judgements themselves (room `decide`).

use super::Reader;
use super::rules::{Names, rules, warn_together};
use crate::config::number::nanousd;
use crate::config::shape::{self, File};
use crate::problem::nearest;
use decide::{DataClass, Nanousd, Policy, Route, Target};
use std::collections::BTreeMap;

/// Model names that a route may not take: they have a meaning already.
const TAKEN: [&str; 6] = ["auto", "auto:cheap", "auto:best", "auto:local", "auto:fast", "auto:sufficient"];

pub(super) fn policy(r: &mut Reader<'_>, file: &File, places: &[&str], discovery: bool) -> Policy {
    let section = &file.policy;
    let mut policy = Policy { version: 0, auto: section.auto.into(), ..Policy::default() };
    r.note("policy.auto", policy.auto.as_str());
    for (class, zone) in &section.reach {
        policy.reach.insert(DataClass::from(*class), (*zone).into());
    }
    for class in DataClass::ALL {
        let beyond = matches!(class, DataClass::Personal) && !policy.reach.contains_key(&class);
        let own = policy.reach.get(&class).copied().unwrap_or_else(|| Policy::default().reach(class));
        r.note(
            &format!("policy.reach.{class}"),
            format!("{}{}", own.as_str(), if beyond { ", redacted beyond" } else { "" }),
        );
    }
    if !(1..=10).contains(&section.attempts_max) {
        let what = format!("policy.attempts_max is {}", section.attempts_max);
        r.wrong("policy.attempts_max", what, "every attempt may cost money", "write a number from 1 to 10");
    }
    r.note("policy.attempts_max", section.attempts_max);
    policy.attempts_max = section.attempts_max;
    policy.unpriced = section.unpriced.into();
    r.note("policy.unpriced", policy.unpriced.as_str());
    if section.margin_permille > 1000 {
        let what = format!("policy.margin_permille is {}", section.margin_permille);
        r.wrong("policy.margin_permille", what, "it is a share of a thousand", "write a number from 0 to 1000");
    }
    r.note("policy.margin_permille", section.margin_permille);
    policy.margin_permille = section.margin_permille;
    for (key, number, into) in [
        ("quality_value_usd", &section.quality_value_usd, &mut policy.quality_value),
        ("second_value_usd", &section.second_value_usd, &mut policy.second_value),
    ] {
        let path = format!("policy.{key}");
        if let Some(number) = number {
            let text = r.source.written(&number.span).to_owned();
            match nanousd(&text) {
                Ok(value) => *into = Nanousd(value),
                Err(why) => r.wrong(&path, format!("\"{text}\" is not an amount"), why, "write dollars such as 0.25"),
            }
        }
        r.note(&path, *into);
    }
    policy.routes = routes(r, &file.route, places, discovery);
    policy.rules = rules(r, file, &Names { places, discovery });
    warn_together(r, &policy);
    warn_reach(r, &policy);
    policy
}

/// A class that is said to go farther than one below it, and will not.
fn warn_reach(r: &mut Reader<'_>, policy: &Policy) {
    for (class, zone) in &policy.reach {
        let least = policy.reach(*class);
        if *zone > least {
            let (zone, least) = (zone.as_str(), least.as_str());
            let what = format!(
                "class {class} is said to go as far as {zone}, but a class below it goes only as far as {least}, and what a \
                 lower class may not do, a higher may not either; it goes as it is as far as {least}"
            );
            r.warn("policy.reach", &what);
        }
    }
}

fn routes(r: &mut Reader<'_>, list: &[shape::Route], places: &[&str], discovery: bool) -> BTreeMap<String, Route> {
    let mut routes = BTreeMap::new();
    for (i, route) in list.iter().enumerate() {
        let path = format!("route[{i}]");
        if let Some((what, why)) = bad_name(&route.name, &routes) {
            r.wrong(&format!("{path}.name"), what, why, "give the route another name");
        }
        let targets = targets(r, route, &path, places, discovery);
        let origin = r.origin(&format!("{path}.name"));
        r.values.note(format!("route.{}", route.name), shown(route), origin);
        let objective = route.objective.map(Into::into);
        routes.insert(
            route.name.clone(),
            Route {
                targets,
                objective,
                class: route.class.map(Into::into),
                tags: super::rules::tag_list(r, &route.tags, &path),
                durability: route.durability.map(Into::into).unwrap_or_default(),
                cascade: None,
            },
        );
    }
    routes
}

fn bad_name(name: &str, routes: &BTreeMap<String, Route>) -> Option<(String, &'static str)> {
    if routes.contains_key(name) {
        return Some((format!("the route \"{name}\" stands twice"), "a route name is unique"));
    }
    if TAKEN.contains(&name) || name.starts_with("auto:") {
        return Some((format!("a route cannot be called \"{name}\""), "that model name is built in"));
    }
    if name.is_empty() || name.contains('/') || name.chars().any(|c| c.is_whitespace() || c.is_control()) {
        let why = "a route name is not empty and has no slash and no space, since place/model has one";
        return Some((format!("a route cannot be called \"{name}\""), why));
    }
    None
}

fn targets(r: &mut Reader<'_>, route: &shape::Route, path: &str, places: &[&str], discovery: bool) -> Vec<Target> {
    let mut targets = Vec::new();
    for (j, text) in route.targets.iter().enumerate() {
        let path = format!("{path}.targets[{j}]");
        let Some((place, model)) = text.split_once('/').filter(|(p, m)| !p.is_empty() && !m.is_empty()) else {
            let why = "a target is place/model, or place/* for any model of the place";
            r.wrong(&path, format!("\"{text}\" is not a target"), why, format!("write for example \"{text}/*\""));
            continue;
        };
        let known = places.contains(&place);
        if !known && discovery && super::may_find(place) {
            r.warn(&path, &format!("the place \"{place}\" is not configured; it counts once it is discovered"));
        } else if !known {
            let help = match nearest(place, places.iter().copied()) {
                Some(near) => format!("did you mean \"{near}/{model}\"?"),
                None => format!("add a [[place]] called \"{place}\", or take the target out"),
            };
            let why = format!("places here: {}", places.join(", "));
            r.wrong(&path, format!("the target \"{text}\" names an unknown place"), why, help);
        }
        targets.push(Target { place: place.to_owned(), model: model.to_owned() });
    }
    targets
}

fn shown(route: &shape::Route) -> String {
    let targets = if route.targets.is_empty() { "every place".to_owned() } else { route.targets.join(", ") };
    let objective = route.objective.map(|o| format!("; {}", decide::Objective::from(o).as_str())).unwrap_or_default();
    let class = route.class.map(|c| format!("; at least {}", DataClass::from(c))).unwrap_or_default();
    let tags = if route.tags.is_empty() { String::new() } else { format!("; tags {}", route.tags.join(", ")) };
    let strict = if route.durability == Some(shape::Durability::Strict) { "; strict" } else { "" };
    format!("{targets}{objective}{class}{tags}{strict}")
}
