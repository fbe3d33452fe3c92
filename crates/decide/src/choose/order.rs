//! The order of what may answer: by utility, and how strongly a session is drawn to a place.
//!
//! Never here: hard constraints, what the utility is made of (`utility`), or what happens at places this very moment (`balance`).

use crate::{Candidate, Need, Objective};
use std::cmp::Reverse;

/// A candidate with what orders it besides its reason.
#[derive(Clone)]
pub(super) struct Ranked {
    /// Position that the model name gives it.
    pub(super) rank: usize,
    /// How strongly the session is drawn to this place.
    pub(super) pull: u64,
    pub(super) candidate: Candidate,
}

impl Ranked {
    /// Expected cost; an unknown price counts as the highest.
    fn money(&self) -> i64 {
        self.candidate.reason.cost_nanousd.unwrap_or(i64::MAX)
    }

    /// What comes first has the least key: the highest utility; of equals, for `sufficient` the least architecture (lower tier,
    /// nearer ground), for the others what else the objective looks at.
    pub(super) fn key(&self, objective: Objective) -> impl Ord + use<> {
        let c = &self.candidate;
        let (tier, zone) = (c.tier() as i64, c.place.zone as i64);
        let less_quality = -i64::from(c.reason.quality_permille);
        // In powers of two: below that, measurements are noise and must not move a session.
        let wait = c.reason.ttft_ms.max(1).ilog2();
        let then = match objective {
            Objective::Sufficient | Objective::Local => (tier, zone, self.money(), wait),
            Objective::Cheap => (less_quality, zone, 0, wait),
            Objective::Best => (self.money(), zone, 0, wait),
            Objective::Fast => (self.money(), 0, 0, 0),
        };
        (Reverse(c.reason.utility_nanousd), then, Reverse(self.pull))
    }
}

/// Sorts by what the objective asks for; without one, by the positions that the name gives.
pub(super) fn sort(order: &mut [Ranked], objective: Option<Objective>) {
    match objective {
        None => order.sort_by_key(|r| r.rank),
        Some(objective) => order.sort_by_cached_key(|r| r.key(objective)),
    }
}

/// Rendezvous hashing: each place pulls a session with its own pseudo-random strength, so that adding or losing a place
/// moves only the sessions concerned.
pub(super) struct Affinity(u64);

impl Affinity {
    /// By session key if there is one, else by the stable prefix of the conversation.
    pub(super) fn of(need: &Need) -> Affinity {
        Affinity(need.session.as_deref().map_or(need.prefix_hash, |s| fnv1a(FNV_OFFSET, s.as_bytes())))
    }

    pub(super) fn pull(&self, place: &str) -> u64 {
        // FNV's high bits mix poorly for short names; one multiply-xor round (splitmix64's finaliser) repairs that.
        let mut h = fnv1a(FNV_OFFSET ^ self.0, place.as_bytes());
        h = (h ^ (h >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        h = (h ^ (h >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        h ^ (h >> 31)
    }
}

/// FNV-1a, 64 bit (Fowler, Noll, Vo): offset basis.
const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;

pub(super) fn fnv1a(basis: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(basis, |h, b| (h ^ u64::from(*b)).wrapping_mul(0x0100_0000_01b3))
}
