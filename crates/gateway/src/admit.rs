//! Step 2: who asks. Keys in any header of the ecosystem; without keys, only callers on this machine.
//!
//! Never here: where keys come from (room `app`), or what a request is for.

mod keys;

pub use keys::{Key, Keys};

use crate::Wiring;
use decide::{Cause, DataClass, Fault, Policy};
use http::{HeaderMap, Uri, header};
use std::sync::Arc;

/// What step 2 gives.
#[derive(Debug, Clone, Default)]
pub(crate) struct Caller {
    /// The key, where keys are configured.
    pub(crate) key: Option<Arc<Key>>,
}

impl Caller {
    /// Whether the key may ask for this model name.
    ///
    /// # Errors
    /// It is scoped to other names.
    pub(crate) fn may_ask(&self, model: &str, policy: &Policy) -> Result<(), Fault> {
        let Some((key, routes)) = self.key.as_ref().and_then(|k| Some((k, k.routes.as_ref()?))) else { return Ok(()) };
        let is_name = model == "auto" || model.starts_with("auto:") || policy.routes.contains_key(model);
        // A model of its own name is judged by the scope of models, where the key has one.
        if routes.iter().any(|r| r == model) || (!is_name && key.models.is_some()) {
            return Ok(());
        }
        let shown = format!(
            "The key \"{}\" may not ask for `{model}`; its routes are: {}. Ask for one of them, or ask whoever runs this gateway \
             for a key with a wider scope.",
            key.id,
            routes.join(", "),
        );
        Err(Fault::new(Cause::Forbidden, shown).at("model"))
    }

    /// Whether the key may declare this class.
    ///
    /// # Errors
    /// It is above the highest one of the key.
    pub(crate) fn may_declare(&self, class: Option<DataClass>) -> Result<(), Fault> {
        let Some((key, most)) = self.key.as_ref().and_then(|k| Some((k, k.class_max?))) else { return Ok(()) };
        match class {
            Some(class) if class > most => {
                let (id, class, most) = (&key.id, class.as_str(), most.as_str());
                let shown = format!(
                    "The key \"{id}\" may send data of the class {most} at most, and the request declares {class}. Use a key that may, \
                     or ask whoever runs this gateway for one.",
                );
                Err(Fault::new(Cause::Forbidden, shown).at("x-dewpoint-class"))
            }
            _ => Ok(()),
        }
    }
}

/// Admits a caller, or says why not.
pub(crate) fn caller(wiring: &Wiring, headers: &HeaderMap, now_unix_ms: u64) -> Result<Caller, Fault> {
    let keys = wiring.keys.load();
    if keys.is_open() {
        return on_this_machine(headers).map(|()| Caller::default());
    }
    let Some(secret) = presented(headers) else {
        let shown = "No API key was sent. Send one as `Authorization: Bearer dp_…` (or `x-api-key`).";
        return Err(Fault::new(Cause::Unauthenticated, shown));
    };
    let key = keys.find(secret, now_unix_ms / 1_000).map_err(|why| Fault::new(Cause::Unauthenticated, why))?;
    Ok(Caller { key: Some(key) })
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
    fn scopes_of_routes_and_classes() {
        let policy = Policy::default();
        let caller = |change: fn(&mut Key)| {
            let mut key = Key::named("k", [0; 32]);
            change(&mut key);
            Caller { key: Some(Arc::new(key)) }
        };
        let only = caller(|k| k.routes = Some(vec!["auto:cheap".into()]));
        assert!(only.may_ask("auto:cheap", &policy).is_ok());
        for model in ["auto", "auto:best", "openai/gpt-5", "gpt-5"] {
            let fault = only.may_ask(model, &policy).unwrap_err();
            assert_eq!((fault.cause, fault.param.as_deref()), (Cause::Forbidden, Some("model")), "{model}");
            assert!(fault.shown.contains("its routes are: auto:cheap"), "{}", fault.shown);
        }
        let both = caller(|k| (k.routes, k.models) = (Some(vec![]), Some(vec!["gpt-5".into()])));
        assert!(both.may_ask("gpt-5", &policy).is_ok() && both.may_ask("auto", &policy).is_err());
        assert!(caller(|_| ()).may_ask("auto", &policy).is_ok() && Caller::default().may_ask("auto", &policy).is_ok());
        let most = caller(|k| k.class_max = Some(DataClass::Internal));
        assert!(most.may_declare(Some(DataClass::Internal)).is_ok() && most.may_declare(None).is_ok());
        assert_eq!(most.may_declare(Some(DataClass::Sensitive)).unwrap_err().cause, Cause::Forbidden);
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
