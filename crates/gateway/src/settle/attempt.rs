//! One attempt from its beginning to its record. Every way out consumes it, so that it is settled once.

use super::Kept;
use super::account::{Account, duration_us, micros};
use super::meterage::{Known, Meterage};
use super::price::{Cost, charge};
use crate::Wiring;
use crate::care::Pass;
use backend::Entry;
use budget::Hold;
use decide::{Baselines, Candidate, Cause, DataClass, Fault, Nanousd, Outcome, Record, Slot};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Counts a request under way at its place for as long as it lives, or until it ended there.
struct Running {
    entry: Entry,
    ended: bool,
}

impl Running {
    fn end(&mut self) {
        if !std::mem::replace(&mut self.ended, true) {
            self.entry.meter.end();
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
    }
}

/// What is known of an answer that was looked at before it was trusted.
#[derive(Debug, Clone, Copy, Default)]
struct Looked {
    /// When its whole answer had come, or no more of it was waited for.
    ended: Option<Instant>,
    /// Doubt in it, per mille.
    doubt: Option<i16>,
    /// It is of a kind that can be compared with others.
    comparable: bool,
    /// Why it was not shown.
    why: Option<&'static str>,
}

/// One attempt.
pub(crate) struct Attempt<'v> {
    pub(crate) candidate: &'v Candidate,
    /// Everything above this class was taken out of what was sent; `None`: it went as it is.
    pub(crate) redacted_above: Option<DataClass>,
    /// When the first content came.
    first: Option<Instant>,
    /// Boxed: few answers are looked at, and every attempt would carry its size.
    looked: Option<Box<Looked>>,
    running: Running,
    slot: Box<dyn Slot>,
    /// Until its place has ended.
    pass: Option<Pass>,
    /// What is reserved for it.
    hold: Option<Hold>,
    id: u128,
    index: u8,
    started: Instant,
}

impl<'v> Attempt<'v> {
    /// Begins the next attempt of a request, now.
    pub(crate) fn begin(
        account: &mut Account,
        candidate: &'v Candidate,
        entry: Entry,
        slot: Box<dyn Slot>,
        pass: Pass,
        hold: Option<Hold>,
    ) -> Attempt<'v> {
        let (id, index) = account.next(&candidate.place.id);
        entry.meter.begin();
        let running = Running { entry, ended: false };
        Attempt {
            candidate,
            redacted_above: None,
            first: None,
            looked: None,
            running,
            slot,
            pass: Some(pass),
            hold,
            id,
            index,
            started: Instant::now(),
        }
    }

    /// The first byte is about to go out: from here on the ledger knows of this attempt, whatever becomes of us.
    pub(crate) fn sending(&mut self, account: &mut Account) {
        let estimate = self.record(account, &Meterage::expected(account.output_estimate), Outcome::Unknown, None);
        account.sending(&estimate);
        if let Some(hold) = &mut self.hold {
            hold.sent(charge(&estimate));
        }
        self.slot.sent(&estimate);
    }

    /// The first content of a stream came.
    pub(crate) fn began(&mut self) {
        self.first = Some(Instant::now());
        if let Some(pass) = &mut self.pass {
            pass.first();
        }
    }

    /// Its whole answer came, of about so many tokens, and is held back: its place is free again.
    pub(crate) fn came(&mut self, output: u64) {
        self.looked().ended = Some(Instant::now());
        self.running.end();
        if let Some(pass) = self.pass.take() {
            pass.ended(None, output);
        }
    }

    /// How long ago its first content came.
    pub(crate) fn since_first(&self) -> Duration {
        self.first.map(|first| first.elapsed()).unwrap_or_default()
    }

    /// Its answer was judged, whatever becomes of it, and can be `comparable` with others.
    pub(crate) fn judged(&mut self, doubt_permille: i16, comparable: bool) {
        let looked = self.looked();
        (looked.doubt, looked.comparable) = (Some(doubt_permille), comparable);
    }

    /// Its answer came, as far as it was held back until `held`, and was not shown: another place answered. Gives back what it
    /// cost; `None` is unknown.
    pub(crate) fn doubted(
        mut self,
        wiring: &Wiring,
        account: &Account,
        meterage: &Meterage,
        (why, held): (&'static str, Instant),
    ) -> Option<Nanousd> {
        let place = &self.candidate.place.id;
        let looked = self.looked.get_or_insert_default();
        let (doubt, comparable) = (looked.doubt, looked.comparable);
        tracing::debug!(request = %account.request_id(), %place, why, doubt, comparable, "an answer was doubted");
        looked.why = Some(why);
        looked.ended.get_or_insert(held);
        let cost = self.cost(meterage, account);
        let _ = self.settle(wiring, account, meterage, (Outcome::Doubted, None), false);
        cost
    }

    /// What this attempt costs by what was metered, in full where that is known; `None` where the price is unknown.
    pub(crate) fn cost(&self, meterage: &Meterage, account: &Account) -> Option<Nanousd> {
        Cost::of(self.candidate, &meterage.usage(self.known(account)), account.at_unix_s()).charged()
    }

    /// What it was expected to cost, for the head of a stream.
    pub(crate) fn expected_cost(&self) -> Option<Nanousd> {
        let reason = &self.candidate.reason;
        reason.full_nanousd.or(reason.cost_nanousd).map(Nanousd)
    }

    /// The whole answer was relayed, but for what waits until it is [`Kept::durable`].
    pub(crate) fn ok(self, wiring: &Wiring, account: &Account, meterage: &Meterage) -> Kept {
        self.settle(wiring, account, meterage, (Outcome::Ok, None), account.strict())
    }

    /// The backend failed, before or after content. Gives back what it cost; `None` is unknown.
    pub(crate) fn failed(
        mut self,
        wiring: &Wiring,
        account: &Account,
        meterage: &Meterage,
        fault: &Fault,
    ) -> Option<Nanousd> {
        // What the caller is shown may repeat the request in the place's words; a log never does.
        let (place, cause) = (&self.candidate.place.id, fault.cause.code());
        let detail = fault.detail.as_deref().unwrap_or("");
        tracing::warn!(request = %account.request_id(), %place, cause, detail, "attempt failed");
        if let Some(pass) = &mut self.pass {
            pass.told(fault);
        }
        let cost = self.cost(meterage, account);
        let _ = self.settle(wiring, account, meterage, (Outcome::Failed, Some(fault.cause)), false);
        cost
    }

    /// The caller left; settled on what was seen. Gives back what it cost; `None` is unknown.
    pub(crate) fn cancelled(self, wiring: &Wiring, account: &Account, meterage: &Meterage) -> Option<Nanousd> {
        let cost = self.cost(meterage, account);
        let _ = self.settle(wiring, account, meterage, (Outcome::Cancelled, Some(Cause::Cancelled)), false);
        cost
    }

    /// Another attempt of the same request was faster; nothing was seen of this one. Gives back what it cost; `None` is unknown.
    pub(crate) fn outrun(self, wiring: &Wiring, account: &Account) -> Option<Nanousd> {
        let how = (Outcome::Cancelled, Some(Cause::Outrun));
        let cost = self.cost(&Meterage::default(), account);
        let _ = self.settle(wiring, account, &Meterage::default(), how, false);
        cost
    }

    fn looked(&mut self) -> &mut Looked {
        self.looked.get_or_insert_default()
    }

    fn known(&self, account: &Account) -> Known {
        Known { input: account.input_estimate, context: self.candidate.model.context_tokens }
    }

    fn settle(
        self,
        wiring: &Wiring,
        account: &Account,
        meterage: &Meterage,
        (outcome, cause): (Outcome, Option<Cause>),
        strict: bool,
    ) -> Kept {
        let meter = &self.running.entry.meter;
        if let Some(first) = self.first {
            meter.ttft(first - self.started);
            if let Some(last) = meterage.last.filter(|_| meterage.pieces > 1) {
                meter.itl((last - first) / (meterage.pieces - 1));
            }
        }
        let record = self.record(account, meterage, outcome, cause);
        account.settling(self.index, &record.usage);
        let comparable = self.looked.as_deref().is_some_and(|looked| looked.comparable);
        account.heard_of(self.candidate, &record, comparable);
        account.evidence.sent(self.candidate, self.redacted_above, &record);
        wiring.metrics.settled(&record, &self.candidate.place.provider);
        if let Some(pass) = self.pass {
            pass.ended(cause, record.usage.output);
        }
        if let Some(hold) = self.hold {
            hold.settle(charge(&record));
        }
        Kept::put(self.slot, record, strict)
    }

    /// What the ledger is to keep of this attempt, by what was metered.
    fn record(&self, account: &Account, meterage: &Meterage, outcome: Outcome, cause: Option<Cause>) -> Record {
        let usage = meterage.usage(self.known(account));
        let cost = Cost::of(self.candidate, &usage, account.at_unix_s());
        let (place, model) = (&self.candidate.place, &self.candidate.model);
        let answered = outcome == Outcome::Ok;
        let looked = self.looked.as_deref().copied().unwrap_or_default();
        Record {
            attempt_id: self.id,
            attempt: self.index,
            place: Some(place.id.clone()),
            model: Some(model.id.clone()),
            tier: Some(self.candidate.tier()),
            usage,
            reserved: self.hold.as_ref().map(|h| Nanousd(h.reserved_nanousd())),
            cost: cost.marginal,
            full: cost.full,
            priced: cost.priced,
            kind: Some(place.kind),
            quality_permille: Some(self.candidate.reason.quality_permille),
            baselines: if answered { account.bases.at(&usage, account.at_unix_s()) } else { Baselines::default() },
            price_version: model.price.as_ref().map(|p| p.version.clone()),
            ttft_us: self.first.map(|first| duration_us(first - self.started)),
            total_us: looked.ended.map_or_else(|| micros(self.started), |ended| duration_us(ended - self.started)),
            outcome,
            error: cause.map(|c| c.code()).or(looked.why).map(Arc::from),
            doubt_permille: looked.doubt,
            ..account.blank()
        }
    }
}
