//! What the policy looks at in a request.
//!
//! Never here: text of the request, or the judgement (`border`).

use crate::{DataClass, Found, Need, Policy, Rule};
use std::sync::Arc;

/// What the policy looks at in a request. Kept in the verdict, since every attempt is judged again.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Subject {
    /// The highest class that key and headers declare.
    pub declared: DataClass,
    /// What detectors found.
    pub found: Found,
    /// Tags of key and headers.
    pub tags: Vec<Arc<str>>,
    /// The caller's key.
    pub key: Option<Arc<str>>,
    /// The named route that was asked for.
    pub route: Option<Arc<str>>,
    /// What the request itself demands.
    pub demands: Vec<Arc<Rule>>,
    /// It carries content that no detector can read.
    pub unscanned: bool,
    /// When it arrived, Unix seconds.
    pub at_unix_s: u64,
}

impl Subject {
    /// What a policy looks at in `need`.
    pub(crate) fn of(need: &Need, policy: &Policy) -> Subject {
        Subject {
            declared: need.class,
            found: need.found.clone(),
            tags: need.tags.clone(),
            key: need.key.clone(),
            route: policy.routes.contains_key(&need.model).then(|| Arc::from(&*need.model)),
            demands: need.demands.clone(),
            unscanned: need.unscanned,
            at_unix_s: need.at_unix_s,
        }
    }
}
