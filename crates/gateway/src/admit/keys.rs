//! The keys of callers, and finding the one whose secret is shown.
//!
//! Never here: where keys come from (room `app`), or headers.

use budget::Purse;
use decide::{DataClass, Durability, Unpriced};
use ring::digest::{SHA256, digest};
use std::collections::HashMap;
use std::sync::Arc;
use subtle::ConstantTimeEq;

/// One caller's key. The secret itself is nowhere: only its digest.
#[derive(Debug, Clone, Default)]
pub struct Key {
    /// Name in the ledger.
    pub id: Arc<str>,
    /// SHA-256 of the secret.
    pub secret_sha256: [u8; 32],
    /// The id inside the secret (`dp_<id>_…`), by which a stored key is found; `None` finds it by digest.
    pub public_id: Option<Arc<str>>,
    /// SHA-256 of the secret before the last rotation, and the Unix second from which on it is refused.
    pub former: Option<([u8; 32], u64)>,
    /// The Unix second from which on it is refused.
    pub expires_unix_s: Option<u64>,
    /// It was revoked then.
    pub revoked_unix_s: Option<u64>,
    /// The team that it belongs to (`organisation/team`, or `team`), for the ledger.
    pub team: Option<Arc<str>>,
    /// What it spends from; `None`: nothing is counted.
    pub purse: Option<Purse>,
    /// What becomes of offers whose price is not known; `None`: as the policy says.
    pub unpriced: Option<Unpriced>,
    /// Places it may use; `None` is all.
    pub places: Option<Vec<String>>,
    /// Model patterns it may use (`gpt-5*`, `openai/*`); `None` is all.
    pub models: Option<Vec<String>>,
    /// Names that stand for several models (routes, `auto`, `auto:cheap`) it may ask for; `None` is all.
    pub routes: Option<Vec<String>>,
    /// The least class of its requests.
    pub class: Option<DataClass>,
    /// The highest class that its requests may declare.
    pub class_max: Option<DataClass>,
    /// Tags of its requests, sorted.
    pub tags: Vec<Arc<str>>,
    /// What its answers wait for.
    pub durability: Durability,
}

impl Key {
    /// A key of that name and digest without any limit.
    pub fn named(id: &str, secret_sha256: [u8; 32]) -> Key {
        Key { id: Arc::from(id), secret_sha256, ..Key::default() }
    }

    /// Whether it may be used at `now_unix_s` by who shows the secret of this digest.
    ///
    /// # Errors
    /// In words for its owner, who has shown that he is.
    fn usable(&self, shown: &[u8; 32], now_unix_s: u64) -> Result<(), String> {
        let name = &self.id;
        let when = |unix_s: u64| budget::rfc3339(unix_s.saturating_mul(1_000));
        if let Some(at) = self.revoked_unix_s {
            let at = when(at);
            return Err(format!(
                "The API key \"{name}\" was revoked on {at}. Ask whoever runs this gateway for another."
            ));
        }
        if let Some(at) = self.expires_unix_s.filter(|at| *at <= now_unix_s) {
            let at = when(at);
            return Err(format!("The API key \"{name}\" expired on {at}. Ask whoever runs this gateway for another."));
        }
        match self.former.filter(|(digest, _)| bool::from(digest.ct_eq(shown))) {
            Some((_, until)) if until <= now_unix_s => Err(format!(
                "This secret of the API key \"{name}\" was replaced and is refused since {}. Use the new secret of the key.",
                when(until)
            )),
            _ => Ok(()),
        }
    }
}

/// All keys.
#[derive(Debug, Clone, Default)]
pub struct Keys {
    by_digest: HashMap<[u8; 32], Arc<Key>>,
    by_id: HashMap<Arc<str>, Arc<Key>>,
}

impl Keys {
    /// A table of keys. An empty table makes an open gateway; one of revoked keys does not.
    pub fn new(keys: Vec<Key>) -> Keys {
        let mut out = Keys::default();
        for key in keys.into_iter().map(Arc::new) {
            match &key.public_id {
                Some(id) => out.by_id.insert(id.clone(), key),
                None => out.by_digest.insert(key.secret_sha256, key),
            };
        }
        out
    }

    /// No keys: open to callers on this machine.
    pub fn is_open(&self) -> bool {
        self.by_digest.is_empty() && self.by_id.is_empty()
    }

    /// Finds the key of a secret: by the id in it, and then the digests are compared in a time that does not depend on them. Keys
    /// without an id are looked up by digest, which takes no longer for a secret that is nearly right.
    ///
    /// # Errors
    /// Why it is of no use, in words. Only who shows a right secret learns more than that it is not known.
    pub(super) fn find(&self, secret: &str, now_unix_s: u64) -> Result<Arc<Key>, String> {
        let mut shown = [0; 32];
        shown.copy_from_slice(digest(&SHA256, secret.as_bytes()).as_ref());
        let named = public_id(secret).and_then(|id| self.by_id.get(id)).filter(|key| {
            let former = key.former.map_or([0; 32], |(digest, _)| digest);
            bool::from(key.secret_sha256.ct_eq(&shown) | (former.ct_eq(&shown)))
        });
        let Some(key) = named.or_else(|| self.by_digest.get(&shown)) else {
            return Err("The API key is not known here. Check it, or ask whoever runs this gateway for one.".to_owned());
        };
        key.usable(&shown, now_unix_s).map(|()| key.clone())
    }
}

/// The id in `dp_<id>_<secret>`.
fn public_id(secret: &str) -> Option<&str> {
    secret.strip_prefix("dp_")?.split_once('_').map(|(id, _)| id)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn sha(secret: &str) -> [u8; 32] {
        digest(&SHA256, secret.as_bytes()).as_ref().try_into().unwrap()
    }

    fn stored(id: &str, secret: &str) -> Key {
        Key { public_id: Some(id.into()), ..Key::named("alice", sha(secret)) }
    }

    const NOW: u64 = 1_795_435_200;

    #[test]
    fn a_key_is_found_by_its_digest_only() {
        let keys = Keys::new(vec![Key::named("k", sha("right"))]);
        assert!(keys.find("right", NOW).is_ok());
        for wrong in ["", "righ", "right ", "' OR '1'='1", "${jndi:ldap://x}"] {
            assert!(keys.find(wrong, NOW).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_stored_key_needs_both_its_id_and_its_secret() {
        let keys = Keys::new(vec![stored("a1", "dp_a1_right"), stored("b2", "dp_b2_right")]);
        assert!(keys.find("dp_a1_right", NOW).is_ok());
        for wrong in ["dp_a1_wrong", "dp_b2_righ", "dp_c3_right", "dp_a1", "dp__right", "a1_right", "dp_a1_right_"] {
            assert!(keys.find(wrong, NOW).unwrap_err().contains("not known"), "{wrong}");
        }
    }

    #[test]
    fn an_absent_former_secret_is_not_the_digest_of_zeros() {
        // Nobody knows a text whose SHA-256 is zero; the comparison must not take one either.
        let mut key = stored("a1", "dp_a1_right");
        key.former = None;
        assert!(key.usable(&[0; 32], NOW).is_ok(), "asked only after a digest agreed");
        assert!(Keys::new(vec![key]).find("dp_a1_", NOW).is_err());
    }

    #[test]
    fn what_was_revoked_expired_or_replaced_says_so_to_its_owner_only() {
        let key = |change: fn(&mut Key)| {
            let mut key = stored("a1", "dp_a1_new");
            change(&mut key);
            Keys::new(vec![key])
        };
        let revoked = key(|k| k.revoked_unix_s = Some(NOW - 60));
        assert!(revoked.find("dp_a1_new", NOW).unwrap_err().contains("revoked on 2026-11-23T11:59:00Z"));
        assert!(revoked.find("dp_a1_x", NOW).unwrap_err().contains("not known"));
        assert!(!revoked.is_open(), "the last key was revoked: that opens nothing");
        let expires = key(|k| k.expires_unix_s = Some(NOW));
        assert!(expires.find("dp_a1_new", NOW - 1).is_ok());
        assert!(expires.find("dp_a1_new", NOW).unwrap_err().contains("expired on"));
        let mut rotated = stored("a1", "dp_a1_new");
        rotated.former = Some((sha("dp_a1_old"), NOW));
        let rotated = Keys::new(vec![rotated]);
        assert!(rotated.find("dp_a1_old", NOW - 1).is_ok(), "the overlap");
        assert!(rotated.find("dp_a1_old", NOW).unwrap_err().contains("was replaced"));
        assert!(rotated.find("dp_a1_new", NOW).is_ok());
    }
}
