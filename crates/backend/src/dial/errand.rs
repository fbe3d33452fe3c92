//! What a request to an upstream is for, and with it what it may carry. Text of a caller goes out on one errand only, and
//! that one takes a [`Permit`] and uses it up.
//!
//! Never here: sending.

use bytes::Bytes;
use decide::{Permit, PlaceId};

/// Why something is sent. There is no way to send anything without saying so.
#[derive(Debug)]
#[must_use = "an errand that is not sent is an attempt that did not happen"]
pub enum Errand {
    /// A caller's request, with leave for this request at this place. Inference, embeddings, ranking, counting; first attempts,
    /// retries, hedges: each asks `decide` for a permit of its own.
    Ask(Permit, Bytes),
    /// A question about the place itself. It carries nothing that a caller said.
    Probe(Question),
    /// A document that the user of this machine wants, by its address (`dewpoint pull`). It has no body.
    Pull,
}

/// A question about a place. Only this room makes questions with a body, and there is one kind of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question(Option<Bytes>);

impl Question {
    /// Asks for a document (health, models, metrics): no body.
    pub const DOCUMENT: Question = Question(None);

    /// Asks about one of the place's own models, by the id that it gave itself.
    pub(crate) fn model(id: &str) -> Question {
        Question(Some(serde_json::json!({ "model": id }).to_string().into()))
    }

    /// The body, where there is one.
    pub(super) fn body(self) -> Option<Bytes> {
        self.0
    }
}

/// Whose an upstream is: it decides which errands it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer<'a> {
    /// A configured or discovered place: requests of callers with a permit for it, and questions.
    Place(&'a PlaceId),
    /// A port of this host that may be a place: questions only.
    Unknown,
    /// A server that has models to download: documents only.
    Hub,
}
