//! What the route that was asked for wants of a request.
//!
//! Never here: where it goes (`choose`).

use super::Account;
use decide::{Durability, Policy};

impl Account {
    /// Notes what the named route that was asked for wants, or the policy where it is none.
    pub(crate) fn route(&mut self, policy: &Policy) {
        let route = policy.routes.get(&*self.asked);
        if route.is_some_and(|r| r.durability == Durability::Strict) {
            self.durability = Durability::Strict;
        }
        let cascade = route.and_then(|r| r.cascade.as_ref()).unwrap_or(&policy.cascade);
        self.shadow_permille = cascade.shadow_permille;
    }
}
