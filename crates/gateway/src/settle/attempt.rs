//! One attempt from its beginning to its record. Every way out consumes it, so that it is settled once.

use super::account::{Account, micros};
use crate::Wiring;
use crate::care::Pass;
use backend::Entry;
use decide::{Candidate, Cause, Fault, Nanousd, Outcome, Permit, Record, Slot, Usage, cost};
use std::time::Instant;
use wire::{Answer, Event};

/// Bytes of English text per token, for estimates where a backend gives no usage.
const BYTES_PER_TOKEN: u64 = 4;

/// What passed through, for the bill.
#[derive(Debug, Default)]
pub(crate) struct Meterage {
    usage: Option<wire::Usage>,
    bytes: u64,
    pieces: u32,
    pub(crate) last: Option<Instant>,
}

impl Meterage {
    /// Of an attempt that failed before any content. Nothing was used where the place did not take the request; where
    /// it took it and went silent or spoke nonsense, the prompt may have been billed, and is estimated.
    pub(crate) fn before_content(fault: &Fault) -> Meterage {
        let taken = matches!(fault.cause, Cause::Timeout | Cause::Truncated | Cause::UpstreamInvalid);
        Meterage { usage: (!taken).then(wire::Usage::default), ..Meterage::default() }
    }

    /// Of an answer without text. Where the place counted nothing, the prompt is estimated.
    pub(crate) fn counted(usage: Option<wire::Usage>) -> Meterage {
        Meterage { usage: usage.filter(|u| u.input > 0), ..Meterage::default() }
    }

    /// Meters one event of a stream.
    pub(crate) fn event(&mut self, event: &Event) {
        match event {
            Event::Usage(usage) => self.usage = Some(*usage),
            Event::Text { text, .. }
            | Event::Reasoning { text, .. }
            | Event::Refusal { text, .. }
            | Event::CallArguments { text, .. } => {
                self.bytes += text.len() as u64;
                self.pieces += 1;
            }
            _ => {}
        }
    }

    /// Meters a whole answer.
    pub(crate) fn plain(&mut self, answer: &Answer) {
        self.usage = answer.usage;
        if answer.usage.is_some() {
            return;
        }
        for c in &answer.choices {
            let calls = c.tool_calls.iter().map(|t| t.arguments.len() + t.name.len()).sum::<usize>();
            let text = c.text.as_ref().map_or(0, String::len) + c.reasoning.as_ref().map_or(0, |r| r.0.len());
            self.bytes += (text + calls) as u64;
        }
    }

    /// Tokens as the backend said, else as estimated from what was seen.
    fn usage(&self, input_estimate: u32) -> Usage {
        match self.usage {
            Some(u) if u.output > 0 || self.bytes == 0 => Usage {
                input: u.input,
                output: u.output,
                cached: u.cached,
                cache_write: u.cache_write,
                reasoning: u.reasoning,
                estimated: false,
            },
            // Anthropic names the input at the start of a stream and the output only at its end.
            seen => Usage {
                input: seen.map_or(u64::from(input_estimate), |u| u.input),
                output: self.bytes.div_ceil(BYTES_PER_TOKEN).max(u64::from(self.pieces.min(1))),
                cached: seen.map_or(0, |u| u.cached),
                estimated: true,
                ..Usage::default()
            },
        }
    }
}

/// Counts a request under way at its place for as long as it lives.
struct Running(Entry);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.meter.end();
    }
}

/// One attempt.
pub(crate) struct Attempt<'v> {
    pub(crate) candidate: &'v Candidate,
    pub(crate) permit: Option<Permit>,
    /// When the first content came.
    pub(crate) first: Option<Instant>,
    running: Running,
    slot: Box<dyn Slot>,
    pass: Pass,
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
        permit: Permit,
        pass: Pass,
    ) -> Attempt<'v> {
        let (id, index) = account.next(&candidate.place.id);
        entry.meter.begin();
        let running = Running(entry);
        Attempt {
            candidate,
            permit: Some(permit),
            first: None,
            running,
            slot,
            pass,
            id,
            index,
            started: Instant::now(),
        }
    }

    /// The first byte is about to go out: from here on the ledger knows of this attempt, whatever becomes of us.
    pub(crate) fn sending(&mut self, account: &Account) {
        let estimate = self.record(account, &Meterage::default(), Outcome::Unknown, None);
        self.slot.sent(&estimate);
    }

    /// The first content came.
    pub(crate) fn first_content(&mut self) {
        self.first = Some(Instant::now());
        self.pass.first();
    }

    /// The place's backend and meter.
    pub(crate) fn entry(&self) -> &Entry {
        &self.running.0
    }

    /// What this attempt costs by what was metered; `None` where the price is unknown.
    pub(crate) fn cost(&self, meterage: &Meterage, account: &Account) -> Option<Nanousd> {
        self.candidate.model.price.as_ref().map(|p| cost(p, &meterage.usage(account.input_estimate)))
    }

    /// What it was expected to cost, for the head of a stream.
    pub(crate) fn expected_cost(&self) -> Option<Nanousd> {
        self.candidate.reason.cost_nanousd.map(Nanousd)
    }

    /// The whole answer was relayed.
    pub(crate) fn ok(self, wiring: &Wiring, account: &Account, meterage: &Meterage) {
        self.settle(wiring, account, meterage, Outcome::Ok, None);
    }

    /// The backend failed, before or after content.
    pub(crate) fn failed(mut self, wiring: &Wiring, account: &Account, meterage: &Meterage, fault: &Fault) {
        tracing::warn!(place = %self.candidate.place.id, %fault, detail = fault.detail.as_deref().unwrap_or(""), "attempt failed");
        self.pass.told(fault);
        self.settle(wiring, account, meterage, Outcome::Failed, Some(fault.cause));
    }

    /// The caller left; settled on what was seen.
    pub(crate) fn cancelled(self, wiring: &Wiring, account: &Account, meterage: &Meterage) {
        self.settle(wiring, account, meterage, Outcome::Cancelled, Some(Cause::Cancelled));
    }

    fn settle(self, wiring: &Wiring, account: &Account, meterage: &Meterage, outcome: Outcome, cause: Option<Cause>) {
        let meter = &self.running.0.meter;
        if let Some(first) = self.first {
            meter.ttft(first - self.started);
            if let Some(last) = meterage.last.filter(|_| meterage.pieces > 1) {
                meter.itl((last - first) / (meterage.pieces - 1));
            }
        }
        let record = self.record(account, meterage, outcome, cause);
        wiring.metrics.settled(&record, &self.candidate.place.provider);
        self.pass.ended(cause, record.usage.output);
        self.slot.put(record);
    }

    /// What the ledger is to keep of this attempt, by what was metered.
    fn record(&self, account: &Account, meterage: &Meterage, outcome: Outcome, cause: Option<Cause>) -> Record {
        let usage = meterage.usage(account.input_estimate);
        let price = self.candidate.model.price.as_ref();
        Record {
            attempt_id: self.id,
            attempt: self.index,
            place: Some(self.candidate.place.id.clone()),
            model: Some(self.candidate.model.id.clone()),
            tier: Some(self.candidate.tier()),
            usage,
            cost: price.map(|p| cost(p, &usage)),
            price_version: price.map(|p| p.version.clone()),
            ttft_us: self.first.map(|f| u64::try_from((f - self.started).as_micros()).unwrap_or(u64::MAX)),
            total_us: micros(self.started),
            outcome,
            error: cause.map(|c| c.code().into()),
            ..account.blank()
        }
    }
}
