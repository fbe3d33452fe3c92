//! Counts of answers that were looked at before they were trusted.
//!
//! Never here: judging them.

use decide::Nanousd;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    end: &'static str,
}

/// What became of answers that were looked at, and what helpers cost.
pub(crate) struct Judged {
    ends: Family<Labels, Counter>,
    helpers: Counter,
}

impl Judged {
    pub(super) fn new(registry: &mut Registry) -> Judged {
        let (ends, helpers) = (Family::<Labels, Counter>::default(), Counter::default());
        registry.register("dewpoint_judged_answers", "Answers that were judged, by what became of them", ends.clone());
        let help = "Cost of helpers in nano-dollars where the price is known";
        registry.register("dewpoint_helpers_cost_nanousd", help, helpers.clone());
        Judged { ends, helpers }
    }

    /// One answer: `kept`, `let-go` (a bound came before its end), `escalated`, or `unreplaced` (doubted, and no other place
    /// answered).
    pub(crate) fn ended(&self, end: &'static str) {
        self.ends.get_or_create_owned(&Labels { end }).inc();
    }

    /// A helper cost so much.
    pub(crate) fn helped(&self, cost: Nanousd) {
        self.helpers.inc_by(u64::try_from(cost.0).unwrap_or(0));
    }
}
