//! The keys of callers.
//!
//! Never here: checking a key of a request (room `gateway`).

use super::{KeySettings, Reader};
use crate::config::shape;
use crate::problem::nearest;

/// Fewest characters of a key that is given as a secret.
const SECRET_MIN: usize = 16;

pub(super) fn keys(r: &mut Reader<'_>, list: &[shape::Key], places: &[&str]) -> Vec<KeySettings> {
    let mut keys: Vec<KeySettings> = Vec::new();
    for (i, key) in list.iter().enumerate() {
        let path = format!("key[{i}]");
        if key.name.is_empty() || keys.iter().any(|k| k.name == key.name) {
            let what = format!("the key \"{}\" needs a name of its own", key.name);
            r.wrong(&format!("{path}.name"), what, "the ledger tells callers apart by it", "give it another name");
        }
        scope(r, key, &path, places);
        let Some(secret_sha256) = secret(r, key, &path) else { continue };
        if let Some(twin) = keys.iter().find(|k| k.secret_sha256 == secret_sha256) {
            let what = format!("the keys \"{}\" and \"{}\" are the same", twin.name, key.name);
            r.wrong(&path, what, "a caller could not be told apart", "make another with `dewpoint key new`");
        }
        keys.push(KeySettings {
            name: key.name.clone(),
            secret_sha256,
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
