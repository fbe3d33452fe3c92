//! Step 2: who asks. Keys in any header of the ecosystem; without keys, only callers on this machine.
//!
//! Never here: where keys come from (room `app`), or what a request is for.

use crate::Wiring;
use decide::{Cause, DataClass, Durability, Fault};
use http::{HeaderMap, Uri, header};
use ring::digest::{SHA256, digest};
use std::collections::HashMap;
use std::sync::Arc;

/// One caller's key. The secret itself is nowhere: only its digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Name in the ledger.
    pub id: Arc<str>,
    /// SHA-256 of the secret.
    pub secret_sha256: [u8; 32],
    /// Places it may use; `None` is all.
    pub places: Option<Vec<String>>,
    /// Model patterns it may use (`gpt-5*`, `openai/*`); `None` is all.
    pub models: Option<Vec<String>>,
    /// The least class of its requests.
    pub class: Option<DataClass>,
    /// Tags of its requests, sorted.
    pub tags: Vec<Arc<str>>,
    /// What its answers wait for.
    pub durability: Durability,
}

/// All keys, found by digest.
#[derive(Debug, Clone, Default)]
pub struct Keys {
    by_digest: HashMap<[u8; 32], Arc<Key>>,
}

impl Keys {
    /// A table of keys. An empty table makes an open gateway.
    pub fn new(keys: Vec<Key>) -> Keys {
        Keys { by_digest: keys.into_iter().map(|k| (k.secret_sha256, Arc::new(k))).collect() }
    }

    /// No keys: open to callers on this machine.
    pub fn is_open(&self) -> bool {
        self.by_digest.is_empty()
    }

    /// Finds the key of a secret. Looking up by digest takes no longer for a secret that is nearly right.
    fn find(&self, secret: &str) -> Option<Arc<Key>> {
        self.by_digest.get(digest(&SHA256, secret.as_bytes()).as_ref()).cloned()
    }
}

/// What step 2 gives.
#[derive(Debug, Clone, Default)]
pub(crate) struct Caller {
    /// The key, where keys are configured.
    pub(crate) key: Option<Arc<Key>>,
}

/// Admits a caller, or says why not.
pub(crate) fn caller(wiring: &Wiring, headers: &HeaderMap) -> Result<Caller, Fault> {
    let keys = wiring.keys.load();
    if keys.is_open() {
        return on_this_machine(headers).map(|()| Caller::default());
    }
    let Some(secret) = presented(headers) else {
        let shown = "No API key was sent. Send one as `Authorization: Bearer dp_…` (or `x-api-key`).";
        return Err(Fault::new(Cause::Unauthenticated, shown));
    };
    match keys.find(secret) {
        Some(key) => Ok(Caller { key: Some(key) }),
        None => {
            let shown = "The API key is not known here. Check it, or ask whoever runs this gateway for one.";
            Err(Fault::new(Cause::Unauthenticated, shown))
        }
    }
}

/// The secret, from whichever header the caller's SDK uses.
fn presented(headers: &HeaderMap) -> Option<&str> {
    let text = |name: &str| headers.get(name).and_then(|v| v.to_str().ok()).map(str::trim).filter(|v| !v.is_empty());
    let bearer = text("authorization").and_then(|v| {
        let (scheme, rest) = v.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| rest.trim())
    });
    bearer.or_else(|| text("x-api-key")).or_else(|| text("x-goog-api-key")).or_else(|| text("api-key"))
}

/// An open gateway spends its owner's cloud keys for whoever reaches it. A web page in the owner's browser can reach
/// loopback addresses (also by DNS rebinding), so `Host` must name this machine and `Origin`, if sent, too.
fn on_this_machine(headers: &HeaderMap) -> Result<(), Fault> {
    let host = headers.get(header::HOST).map(|v| v.to_str().unwrap_or("?"));
    let origin = headers.get(header::ORIGIN).map(|v| v.to_str().unwrap_or("?"));
    let host_ok = host.is_none_or(|h| h.parse::<http::uri::Authority>().is_ok_and(|a| is_local(a.host())));
    let origin_ok = origin.is_none_or(|o| o.parse::<Uri>().ok().is_some_and(|u| u.host().is_some_and(is_local)));
    if host_ok && origin_ok {
        return Ok(());
    }
    let shown = "Without configured keys this gateway answers only to this machine, and the request names another host or \
                 comes from a web page. Call it as http://127.0.0.1:4141, or configure a [[key]].";
    Err(Fault::new(Cause::Forbidden, shown))
}

fn is_local(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare.eq_ignore_ascii_case("localhost") || bare.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn headers(list: &[(&'static str, &'static str)]) -> HeaderMap {
        list.iter().map(|(k, v)| (http::HeaderName::from_static(k), http::HeaderValue::from_static(v))).collect()
    }

    #[test]
    fn keys_are_taken_from_any_header_of_the_ecosystem() {
        for (name, value) in [
            ("authorization", "Bearer s"),
            ("authorization", "bearer  s "),
            ("x-api-key", "s"),
            ("x-goog-api-key", "s"),
            ("api-key", "s"),
        ] {
            assert_eq!(presented(&headers(&[(name, value)])), Some("s"), "{name}: {value}");
        }
        assert_eq!(presented(&headers(&[("authorization", "Basic s")])), None);
        assert_eq!(presented(&headers(&[("authorization", "Bearer ")])), None);
    }

    #[test]
    fn a_key_is_found_by_its_digest_only() {
        let key = Key {
            id: "k".into(),
            secret_sha256: digest(&SHA256, b"right").as_ref().try_into().unwrap(),
            places: None,
            models: None,
            class: None,
            tags: Vec::new(),
            durability: Durability::default(),
        };
        let keys = Keys::new(vec![key]);
        assert!(keys.find("right").is_some());
        for wrong in ["", "righ", "right ", "' OR '1'='1", "${jndi:ldap://x}"] {
            assert!(keys.find(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn an_open_gateway_answers_to_this_machine_only() {
        for host in ["localhost:4141", "127.0.0.1:4141", "[::1]:4141", "127.0.0.1", "LOCALHOST"] {
            assert!(on_this_machine(&headers(&[("host", host)])).is_ok(), "{host}");
        }
        for host in ["evil.example", "localhost:4141/#@evil", "localhost.evil.example", "10.0.0.1", ""] {
            assert!(on_this_machine(&headers(&[("host", host)])).is_err(), "{host}");
        }
        let page = |origin| on_this_machine(&headers(&[("host", "127.0.0.1:4141"), ("origin", origin)]));
        assert!(page("http://localhost:3000").is_ok());
        assert!(page("https://evil.example").is_err());
        assert!(page("null").is_err());
    }
}
