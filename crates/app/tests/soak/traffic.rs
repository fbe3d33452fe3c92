//! What arrives in a soak: mostly ordinary requests, among them all that goes wrong on either side.
//!
//! Never here: what should come of it (`verdict`).

use bytes::Bytes;
use std::time::Duration;
use testkit::{Call, Manner, Plan};

/// Kind of a request, by what is special about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    /// An ordinary client; the upstream follows this plan.
    Plan(Plan),
    /// A client that leaves early.
    Leaves,
    /// A client that reads a long stream slowly.
    Slow,
    /// A prompt of a megabyte.
    Big,
    /// A body that is no JSON.
    Broken,
}

/// One request that was made.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    /// Its `x-request-id`.
    pub(crate) id: String,
    /// What is special about it.
    pub(crate) kind: Kind,
    /// Whether a stream was asked for.
    pub(crate) stream: bool,
}

/// Makes requests from a seed.
pub(crate) struct Traffic {
    rng: fastrand::Rng,
}

impl Traffic {
    /// Traffic of this seed.
    pub(crate) fn new(seed: u64) -> Traffic {
        Traffic { rng: fastrand::Rng::with_seed(seed) }
    }

    /// Of a thousand requests, how many are of which kind. Few pause a place, since three pauses at once leave none.
    fn kind(&mut self) -> Kind {
        match self.rng.u16(..1000) {
            0..760 => Kind::Plan(Plan::Well),
            760..800 => Kind::Plan(Plan::Long),
            800..825 => Kind::Plan(Plan::Reset),
            825..850 => Kind::Plan(Plan::Error),
            850..870 => Kind::Plan(Plan::Cut),
            870..885 => Kind::Plan(Plan::Garbage),
            885..895 => Kind::Plan(Plan::Page),
            895 => Kind::Plan(Plan::Busy),
            896..902 => Kind::Plan(Plan::Stall),
            902..907 => Kind::Plan(Plan::Hang),
            907..947 => Kind::Leaves,
            947..957 => Kind::Slow,
            957..965 => Kind::Big,
            _ => Kind::Broken,
        }
    }

    /// The request with this number.
    pub(crate) fn next(&mut self, number: usize) -> (Request, Call) {
        let (kind, id) = (self.kind(), format!("soak-{number}"));
        let (plan, manner, padding) = match kind {
            Kind::Plan(plan) => (plan, Manner::Read, 0),
            Kind::Leaves => (Plan::Long, Manner::LeaveAfter(Duration::from_millis(self.rng.u64(..30))), 0),
            Kind::Slow => (Plan::Long, Manner::Slowly(Duration::from_millis(20)), 0),
            Kind::Big => (Plan::Well, Manner::Read, 1 << 20),
            Kind::Broken => (Plan::Well, Manner::Read, 0),
        };
        let stream = kind == Kind::Slow || self.rng.bool();
        let text = format!("{} Say it again.{}", plan.mark(&id), " and".repeat(padding / 4));
        let mut body = format!(
            r#"{{"model":"m","max_tokens":50,"stream":{stream},"messages":[{{"role":"user","content":"{text}"}}]}}"#
        );
        if kind == Kind::Broken {
            body.truncate(body.len() - 1 - self.rng.usize(..40));
        }
        let path = if self.rng.bool() { "/v1/messages" } else { "/v1/chat/completions" }.to_owned();
        let headers = vec![("x-request-id".to_owned(), id.clone())];
        let patience = Duration::from_secs(20);
        (Request { id, kind, stream }, Call { path, body: Bytes::from(body), headers, manner, patience })
    }
}
