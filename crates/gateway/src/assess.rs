//! Step 4: what a request needs. The room `sense` reads the request; key and headers add what they declare.
//!
//! Never here: text of the request deciding class or place.

mod demand;
mod patience;

pub(crate) use patience::Patience;

use crate::Request;
use crate::admit::Caller;
use decide::{Api, Cause, DataClass, Fault, Need};
use demand::Wishes;
use http::{HeaderMap, HeaderValue};
use std::sync::Arc;
use wire::{Ask, Dialect};

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

/// Completes the reading of `sense` with what key and headers declare, and reads how long the caller will wait.
pub(crate) fn need(ask: &Ask, request: &Request, caller: &Caller) -> Result<(Need, Patience), Fault> {
    let mut need = sense::assess(ask);
    let said = Declared::read(&request.headers)?;
    caller.may_declare(said.class)?;
    let key = caller.key.as_deref();
    need.class = match (key.and_then(|k| k.class), said.class) {
        // A request can only tighten what its key says.
        (Some(least), Some(said)) => least.max(said),
        (Some(one), None) | (None, Some(one)) => one,
        (None, None) => DataClass::default(),
    };
    need.at_unix_s = request.arrived_unix_ms / 1_000;
    need.key = key.map(|k| Arc::clone(&k.id));
    need.tags = key.map(|k| k.tags.clone()).unwrap_or_default();
    said.wishes.complete(ask, &mut need)?;
    need.places_allowed = key.and_then(|k| k.places.clone());
    need.models_allowed = key.and_then(|k| k.models.clone());
    need.no_fallback = said.no_fallback;
    need.batch = said.batch.unwrap_or_else(|| is_batch_tier(ask));
    need.native = ask.is_untranslatable().then_some(match ask.endpoint.dialect() {
        Dialect::Openai => Api::Openai,
        Dialect::Anthropic => Api::Anthropic,
        Dialect::Ollama => Api::Ollama,
    });
    // Scoped by key, so that one caller's key cannot steer another's affinity.
    let scope = key.map_or("-", |k| &k.id);
    need.session = said.session.or(need.session.as_deref()).map(|s| format!("{scope}/{s}"));
    Ok((need, said.patience))
}

/// The conversation that a request belongs to, as its session says or else its stable beginning, and never another caller's.
pub(crate) fn conversation(need: &Need, caller: &Caller) -> String {
    match &need.session {
        Some(session) => format!("session/{session}"),
        None => format!("prefix/{}/{:016x}", caller.key.as_deref().map_or("-", |k| &k.id), need.prefix_hash),
    }
}

/// What the headers of a request declare.
#[derive(Default)]
struct Declared<'h> {
    class: Option<DataClass>,
    no_fallback: bool,
    batch: Option<bool>,
    session: Option<&'h str>,
    patience: Patience,
    wishes: Wishes,
}

impl<'h> Declared<'h> {
    /// Reads all headers in one pass, which is cheaper than asking for ten names that are rarely there. Of a header
    /// sent twice the stricter class counts.
    fn read(headers: &'h HeaderMap) -> Result<Declared<'h>, Fault> {
        let mut said = Declared::default();
        let mut rank = SESSION_HEADERS.len();
        for (name, value) in headers {
            let name = name.as_str();
            if !name.starts_with("x-") {
                continue;
            }
            match name {
                "x-dewpoint-class" => said.class = said.class.max(Some(class(value)?)),
                "x-dewpoint-priority" => said.batch = said.batch.max(Some(is_batch(value)?)),
                "x-dewpoint-fallback" => said.no_fallback |= no_fallback(value)?,
                _ if said.patience.note(name, value)? || said.wishes.note(name, value)? => {}
                _ => {
                    let Some(at) = SESSION_HEADERS.iter().position(|h| *h == name).filter(|at| *at < rank) else {
                        continue;
                    };
                    let Ok(session) = value.to_str() else { continue };
                    if !session.is_empty() && session.len() <= SESSION_MAX {
                        (rank, said.session) = (at, Some(session));
                    }
                }
            }
        }
        Ok(said)
    }
}

/// `x-dewpoint-class`.
fn class(value: &HeaderValue) -> Result<DataClass, Fault> {
    value.to_str().ok().and_then(DataClass::parse).ok_or_else(|| {
        let names = DataClass::ALL.map(DataClass::as_str).join(", ");
        let shown = format!("The header x-dewpoint-class must be one of {names}.");
        Fault::new(Cause::InvalidRequest, shown).at("x-dewpoint-class")
    })
}

/// `x-dewpoint-priority: batch`.
fn is_batch(value: &HeaderValue) -> Result<bool, Fault> {
    match value.as_bytes() {
        b"interactive" => Ok(false),
        b"batch" => Ok(true),
        _ => {
            let shown = "The header x-dewpoint-priority must be `interactive` or `batch`.";
            Err(Fault::new(Cause::InvalidRequest, shown).at("x-dewpoint-priority"))
        }
    }
}

/// `"service_tier": "flex"` or `"batch"`: the caller said that it can wait. Any other tier is interactive.
fn is_batch_tier(ask: &Ask) -> bool {
    let tier = ask.extra.iter().find(|(name, _)| name.as_str() == "service_tier");
    tier.is_some_and(|(_, value)| matches!(value.get(), r#""flex""# | r#""batch""#))
}

/// `x-dewpoint-fallback: none`.
fn no_fallback(value: &HeaderValue) -> Result<bool, Fault> {
    match value.as_bytes() {
        b"auto" => Ok(false),
        b"none" => Ok(true),
        _ => {
            let shown = "The header x-dewpoint-fallback must be `auto` or `none`.";
            Err(Fault::new(Cause::InvalidRequest, shown).at("x-dewpoint-fallback"))
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn headers(list: &[(&'static str, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (k, v) in list {
            map.append(*k, v.parse().unwrap());
        }
        map
    }

    #[test]
    fn the_first_session_header_in_order_counts() {
        let session =
            |list: &[(&'static str, &str)]| Declared::read(&headers(list)).unwrap().session.map(str::to_owned);
        let three = [("x-session-token", "t"), ("x-session-id", "s"), ("x-dewpoint-session", "")];
        assert_eq!(session(&three).as_deref(), Some("s"));
        assert_eq!(session(&[("x-session-id", &"a".repeat(255))]).map(|s| s.len()), Some(255));
        assert_eq!(session(&[("x-session-id", &"a".repeat(256))]), None);
    }

    #[test]
    fn an_unknown_class_is_refused_not_guessed() {
        let class = |value: &str| Declared::read(&headers(&[("x-dewpoint-class", value)])).map(|d| d.class);
        assert_eq!(class("secret").unwrap(), Some(DataClass::Secret));
        for wrong in ["Secret", "", "topsecret"] {
            assert_eq!(class(wrong).unwrap_err().cause, Cause::InvalidRequest);
        }
        let twice = headers(&[("x-dewpoint-class", "sensitive"), ("x-dewpoint-class", "public")]);
        assert_eq!(Declared::read(&twice).unwrap().class, Some(DataClass::Sensitive));
        assert!(Declared::read(&headers(&[("x-dewpoint-fallback", "none")])).unwrap().no_fallback);
        assert!(Declared::read(&headers(&[("x-dewpoint-fallback", "maybe")])).is_err());
    }

    #[test]
    fn a_request_is_interactive_unless_it_says_that_it_can_wait() {
        let said = |list: &[(&'static str, &str)]| Declared::read(&headers(list)).map(|d| d.batch);
        assert_eq!(said(&[]).unwrap(), None);
        assert_eq!(said(&[("x-dewpoint-priority", "batch")]).unwrap(), Some(true));
        let twice = [("x-dewpoint-priority", "batch"), ("x-dewpoint-priority", "interactive")];
        assert_eq!(said(&twice).unwrap(), Some(true), "of a header sent twice the humbler word counts");
        assert_eq!(said(&[("x-dewpoint-priority", "high")]).unwrap_err().param.as_deref(), Some("x-dewpoint-priority"));
        for (tier, batch) in [("flex", true), ("batch", true), ("auto", false), ("priority", false), ("Flex", false)] {
            let body =
                format!(r#"{{"model":"auto","service_tier":"{tier}","messages":[{{"role":"user","content":"Hi"}}]}}"#);
            let ask = wire::openai::read_chat(body.as_bytes()).unwrap();
            assert_eq!(is_batch_tier(&ask), batch, "{tier}");
        }
    }
}
