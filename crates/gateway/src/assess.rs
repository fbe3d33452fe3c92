//! Step 4: what a request needs. The room `sense` reads the request; key and headers add what they declare.
//!
//! Never here: text of the request deciding class or place.

use crate::Request;
use crate::admit::Caller;
use decide::{Cause, DataClass, Fault, Need};
use http::HeaderMap;
use wire::Ask;

/// Session headers, in the order in which they count (ours first, then those of the ecosystem's harnesses and routers).
const SESSION_HEADERS: [&str; 8] = [
    "x-dewpoint-session",
    "x-session-id",
    "x-conversation-id",
    "x-claude-code-session-id",
    "x-model-affinity",
    "x-smg-routing-key",
    "x-switchyard-session-id",
    "x-session-token",
];
/// Characters of a session key at most; a longer one does not count.
const SESSION_MAX: usize = 255;

/// Completes the reading of `sense` with what key and headers declare.
pub(crate) fn need(ask: &Ask, request: &Request, caller: &Caller) -> Result<Need, Fault> {
    let mut need = sense::assess(ask);
    let declared = class(&request.headers)?;
    let key = caller.key.as_deref();
    need.class = match (key.and_then(|k| k.class), declared) {
        // A request can only tighten what its key says.
        (Some(least), Some(said)) => least.max(said),
        (Some(one), None) | (None, Some(one)) => one,
        (None, None) => DataClass::default(),
    };
    need.places_allowed = key.and_then(|k| k.places.clone());
    need.models_allowed = key.and_then(|k| k.models.clone());
    need.no_fallback = no_fallback(&request.headers)?;
    need.session = session(&request.headers).or(need.session.take()).map(|s| scoped(&s, key.map(|k| &*k.id)));
    Ok(need)
}

/// Sessions are scoped by key, so that one caller's key cannot steer another's affinity.
fn scoped(session: &str, key: Option<&str>) -> String {
    format!("{}/{session}", key.unwrap_or("-"))
}

/// `x-dewpoint-class`.
fn class(headers: &HeaderMap) -> Result<Option<DataClass>, Fault> {
    let Some(value) = headers.get("x-dewpoint-class") else { return Ok(None) };
    match value.to_str().ok().and_then(DataClass::parse) {
        Some(class) => Ok(Some(class)),
        None => {
            let names = DataClass::ALL.map(DataClass::as_str).join(", ");
            let shown = format!("The header x-dewpoint-class must be one of {names}.");
            Err(Fault::new(Cause::InvalidRequest, shown).at("x-dewpoint-class"))
        }
    }
}

/// `x-dewpoint-fallback: none`.
fn no_fallback(headers: &HeaderMap) -> Result<bool, Fault> {
    match headers.get("x-dewpoint-fallback").map(http::HeaderValue::as_bytes) {
        None | Some(b"auto") => Ok(false),
        Some(b"none") => Ok(true),
        Some(_) => {
            let shown = "The header x-dewpoint-fallback must be `auto` or `none`.";
            Err(Fault::new(Cause::InvalidRequest, shown).at("x-dewpoint-fallback"))
        }
    }
}

fn session(headers: &HeaderMap) -> Option<String> {
    SESSION_HEADERS
        .iter()
        .filter_map(|name| headers.get(*name)?.to_str().ok())
        .find(|v| !v.is_empty() && v.len() <= SESSION_MAX)
        .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn headers(list: &[(&'static str, &str)]) -> HeaderMap {
        list.iter().map(|(k, v)| (http::HeaderName::from_static(k), v.parse().unwrap())).collect()
    }

    #[test]
    fn the_first_session_header_in_order_counts() {
        let h = headers(&[("x-session-token", "t"), ("x-session-id", "s"), ("x-dewpoint-session", "")]);
        assert_eq!(session(&h).as_deref(), Some("s"));
        assert_eq!(session(&headers(&[("x-session-id", &"a".repeat(255))])).map(|s| s.len()), Some(255));
        assert_eq!(session(&headers(&[("x-session-id", &"a".repeat(256))])), None);
    }

    #[test]
    fn an_unknown_class_is_refused_not_guessed() {
        assert_eq!(class(&headers(&[("x-dewpoint-class", "secret")])).unwrap(), Some(DataClass::Secret));
        for wrong in ["Secret", "", "topsecret"] {
            assert_eq!(class(&headers(&[("x-dewpoint-class", wrong)])).unwrap_err().cause, Cause::InvalidRequest);
        }
        assert!(no_fallback(&headers(&[("x-dewpoint-fallback", "none")])).unwrap());
        assert!(no_fallback(&headers(&[("x-dewpoint-fallback", "maybe")])).is_err());
    }
}
