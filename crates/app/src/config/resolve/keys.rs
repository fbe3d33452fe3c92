//! The keys of callers.
//!
//! Never here: checking a key of a request (room `gateway`).

use super::spending::{self, Groups};
use super::{KeySettings, Reader};
use crate::config::shape;
use crate::problem::nearest;

/// Fewest characters of a key that is given as a secret.
const SECRET_MIN: usize = 16;

pub(super) fn keys(
    r: &mut Reader<'_>,
    list: &[shape::Key],
    places: &[&str],
    groups: &Groups,
    policy: &decide::Policy,
) -> Vec<KeySettings> {
    let mut keys: Vec<KeySettings> = Vec::new();
    for (i, key) in list.iter().enumerate() {
        let path = format!("key[{i}]");
        if key.name.is_empty() || keys.iter().any(|k| k.name == key.name) {
            let what = format!("the key \"{}\" needs a name of its own", key.name);
            r.wrong(&format!("{path}.name"), what, "the ledger tells callers apart by it", "give it another name");
        }
        scope(r, key, &path, places);
        routes(r, key, &path, policy);
        classes(r, key, &path);
        if let Some(team) = &key.team {
            let names: Vec<&str> = groups.teams.iter().map(|t| &*t.name).collect();
            spending::known(r, &format!("{path}.team"), ("team", team), &names);
        }
        let shown = format!("key.{}", key.name);
        let terms = spending::terms(r, (&path, &shown), key.budget.as_ref(), key.limits.as_ref());
        let Some(secret_sha256) = secret(r, key, &path) else { continue };
        if let Some(twin) = keys.iter().find(|k| k.secret_sha256 == secret_sha256) {
            let what = format!("the keys \"{}\" and \"{}\" are the same", twin.name, key.name);
            r.wrong(&path, what, "a caller could not be told apart", "make another with `dewpoint key new`");
        }
        keys.push(KeySettings {
            name: key.name.clone(),
            secret_sha256,
            public_id: None,
            former: None,
            expires_unix_s: None,
            revoked_unix_s: None,
            team: key.team.clone(),
            terms,
            unpriced: key.unpriced.map(Into::into),
            routes: key.routes.clone(),
            class_max: key.class_max.map(Into::into),
            places: key.places.clone(),
            models: key.models.clone(),
            class: key.class.map(Into::into),
            tags: super::rules::tag_list(r, &key.tags, &path),
            durability: key.durability.map(Into::into).unwrap_or_default(),
        });
    }
    if keys.is_empty() && list.is_empty() {
        r.values.note("key", "none (only this host may call)", crate::config::origin::Origin::Default);
    }
    keys
}

fn scope(r: &mut Reader<'_>, key: &shape::Key, path: &str, places: &[&str]) {
    for (j, place) in key.places.iter().flatten().enumerate() {
        if places.contains(&place.as_str()) || super::may_find(place) {
            continue;
        }
        let help = match nearest(place, places.iter().copied()) {
            Some(near) => format!("did you mean \"{near}\"?"),
            None => format!("places here: {}", places.join(", ")),
        };
        let what = format!("the key \"{}\" names an unknown place \"{place}\"", key.name);
        r.wrong(&format!("{path}.places[{j}]"), what, "a scope that matches nothing hides a mistake", help);
    }
}

/// Names that the key may ask for have to stand for something.
fn routes(r: &mut Reader<'_>, key: &shape::Key, path: &str, policy: &decide::Policy) {
    let known: Vec<&str> = policy.routes.keys().map(String::as_str).chain(["auto"]).collect();
    for (j, route) in key.routes.iter().flatten().enumerate() {
        if known.contains(&route.as_str()) || route.starts_with("auto:") {
            continue;
        }
        let what = format!("the key \"{}\" names an unknown route \"{route}\"", key.name);
        let help = crate::problem::suggest(route, &known);
        r.wrong(&format!("{path}.routes[{j}]"), what, "a scope that matches nothing hides a mistake", help);
    }
}

fn classes(r: &mut Reader<'_>, key: &shape::Key, path: &str) {
    let (least, most): (Option<decide::DataClass>, Option<decide::DataClass>) =
        (key.class.map(Into::into), key.class_max.map(Into::into));
    if least.zip(most).is_some_and(|(least, most)| least > most) {
        let what = format!("the key \"{}\" has a class above its class_max", key.name);
        let why = "its requests would have more than they may declare";
        r.wrong(&format!("{path}.class_max"), what, why, "lower class or raise class_max");
    }
}

fn secret(r: &mut Reader<'_>, key: &shape::Key, path: &str) -> Option<[u8; 32]> {
    let what = format!("the key \"{}\"", key.name);
    match (&key.secret, &key.hash) {
        (Some(reference), None) => {
            let origin = r.origin(&format!("{path}.secret"));
            r.values.note(format!("key.{}.secret", key.name), reference.shown(), origin);
            match reference.fetch(r.env) {
                Ok(secret) if secret.len() < SECRET_MIN => {
                    let why = format!("it has {} characters; a key that can be guessed is none", secret.len());
                    r.wrong(path, format!("{what} is too short"), why, "make one with `dewpoint key new`");
                    None
                }
                Ok(secret) => Some(crate::key::sha256(&secret)),
                Err((why, help)) => {
                    r.wrong(&format!("{path}.secret"), format!("{what} has no secret"), why, help);
                    None
                }
            }
        }
        (None, Some(hash)) => {
            let origin = r.origin(&format!("{path}.hash"));
            let shown: String = hash.chars().take(15).collect();
            r.values.note(format!("key.{}.hash", key.name), format!("{shown}…"), origin);
            let parsed = crate::key::parse_hash(hash);
            if parsed.is_none() {
                let why = "a hash is sha256: and 64 hexadecimal digits";
                r.wrong(
                    &format!("{path}.hash"),
                    format!("{what} has no valid hash"),
                    why,
                    "take the line that `dewpoint key new` prints",
                );
            }
            parsed
        }
        _ => {
            let why = "exactly one of secret and hash says what the caller must show";
            let help = "keep one of the two; `dewpoint key new` prints a hash line";
            r.wrong(path, format!("{what} needs one of secret and hash"), why, help);
            None
        }
    }
}
