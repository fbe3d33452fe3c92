//! How fast a place is, as `dewpoint probe` measures it: a request takes about in/a + out/b seconds of it.
//!
//! Never here: measuring (`probe`).

use super::Reader;
use crate::config::shape;

/// Faster than any machine.
const MOST: f64 = 1e9;

/// Checks and notes both speeds of a place, where they are written.
pub(super) fn check(r: &mut Reader<'_>, section: &shape::Place, path: &str) {
    for (key, value) in
        [("prompt_tokens_per_s", section.prompt_tokens_per_s), ("decode_tokens_per_s", section.decode_tokens_per_s)]
    {
        let Some(value) = value else { continue };
        let path = format!("{path}.{key}");
        // Also what is not a number at all.
        if !(value > 0.0 && value <= MOST) {
            let why = "it is a speed: above 0, and at most a billion";
            r.wrong(&path, format!("{key} is {value}"), why, "leave it out, or measure it with `dewpoint probe`");
            continue;
        }
        let origin = r.origin(&path);
        r.values.note(format!("place.{}.{key}", section.name), value, origin);
    }
}
