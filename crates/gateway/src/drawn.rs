//! Requests that were drawn for a comparison: how many alternatives are under way, and what became of those before.
//!
//! Never here: drawing, asking or comparing (`shadow`).

use decide::Nanousd;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::Semaphore;

/// Alternatives that are asked at the same time, and that may wait for it.
const SEATS: usize = 4;
const WAITING_MAX: usize = 32;

/// Alternatives under way, and what became of those before.
#[derive(Debug)]
pub(crate) struct Shadow {
    pub(crate) seats: Semaphore,
    under_way: AtomicUsize,
    counts: [AtomicU64; EVENTS.len()],
    cost_nanousd: AtomicI64,
}

/// What became of a request that was drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Event {
    Agreed,
    Differed,
    NotComparable,
    Failed,
    Busy,
    Budget,
    NoAlternative,
}

const EVENTS: [(Event, &str); 7] = [
    (Event::Agreed, "agreed"),
    (Event::Differed, "differed"),
    (Event::NotComparable, "not_comparable"),
    (Event::Failed, "failed"),
    (Event::Busy, "busy"),
    (Event::Budget, "budget"),
    (Event::NoAlternative, "no_alternative"),
];

impl Default for Shadow {
    fn default() -> Shadow {
        Shadow {
            seats: Semaphore::new(SEATS),
            under_way: AtomicUsize::new(0),
            counts: Default::default(),
            cost_nanousd: AtomicI64::new(0),
        }
    }
}

impl Shadow {
    /// One more came to this.
    pub(crate) fn count(&self, event: Event) {
        self.counts[event as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// One more alternative was asked, at this cost.
    pub(crate) fn charge(&self, cost: Option<Nanousd>) {
        self.cost_nanousd.fetch_add(cost.map_or(0, |c| c.0), Ordering::Relaxed);
    }

    /// Comparisons that came out since the start.
    pub(crate) fn comparisons(&self) -> u64 {
        [Event::Agreed, Event::Differed].iter().map(|e| self.counts[*e as usize].load(Ordering::Relaxed)).sum()
    }

    /// One more is under way; `false`: too many are.
    pub(crate) fn begin(&self) -> bool {
        let free = self.under_way.fetch_add(1, Ordering::AcqRel) < SEATS + WAITING_MAX;
        if !free {
            self.end();
        }
        free
    }

    /// One less is.
    pub(crate) fn end(&self) {
        self.under_way.fetch_sub(1, Ordering::AcqRel);
    }

    /// Families of `/metrics`.
    pub(crate) fn text(&self) -> String {
        let name = "dewpoint_shadow";
        let mut out =
            format!("# HELP {name} Requests drawn for a comparison, by what became of it.\n# TYPE {name} counter\n");
        for (event, word) in EVENTS {
            let n = self.counts[event as usize].load(Ordering::Relaxed);
            // Writing into a String cannot fail.
            let _ = writeln!(out, "{name}_total{{result=\"{word}\"}} {n}");
        }
        let (under_way, cost) = (self.under_way.load(Ordering::Relaxed), self.cost_nanousd.load(Ordering::Relaxed));
        let _ = write!(
            out,
            "# HELP {name}_under_way Alternatives that are asked or wait for it.\n# TYPE {name}_under_way gauge\n\
             {name}_under_way {under_way}\n\
             # HELP {name}_cost_usd What alternatives cost, where that is known.\n# TYPE {name}_cost_usd counter\n\
             {name}_cost_usd_total {}\n",
            Nanousd(cost)
        );
        out
    }

    /// Waits until nothing is under way.
    pub(crate) async fn idle(&self) {
        while self.under_way.load(Ordering::Acquire) > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}
