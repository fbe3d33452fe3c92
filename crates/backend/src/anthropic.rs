//! Anthropic's Messages API, and servers that speak it.
//!
//! Never here: the legacy completions endpoint, which this API does not have.

use crate::adapter::Common;
use crate::call::Call;
use crate::encode::no_encoding;
use crate::exchange::{Spoken, exchange};
use crate::openai::{EVENTS, JSON};
use crate::probe::Questions;
use crate::signs::Wish;
use crate::stream::Sse;
use crate::{Backend, BoxFuture, CallError, Deadlines, Errand, Probed, Reply, Route, check};
use bytes::Bytes;
use decide::{Cause, Fault, Model, Permit, Place, Retry};
use http::{HeaderName, HeaderValue};
use std::sync::Arc;
use wire::anthropic::{self, Reader};
use wire::{Ask, Endpoint};

/// The version of the API that is spoken.
const VERSION: (HeaderName, HeaderValue) =
    (HeaderName::from_static("anthropic-version"), HeaderValue::from_static("2023-06-01"));

const MESSAGES: Spoken = Spoken {
    plain: anthropic::read_answer,
    decode: || {
        let mut reader = Reader::default();
        Box::new(Sse::new(move |name: Option<&str>, data: &Bytes| reader.read(name, data)))
    },
    lines: false,
};

/// One place that speaks Anthropic's API.
pub(crate) struct Anthropic {
    common: Common,
    messages: Route,
    questions: Questions,
}

impl Anthropic {
    /// The SDKs' address has no `/v1`; one with it means the same.
    pub(crate) fn new(common: Common) -> Result<Anthropic, CallError> {
        let models = common.upstream.beside(&format!("{}?limit=1000", common.profile.models))?;
        Ok(Anthropic {
            messages: common.upstream.beside("/v1/messages")?,
            questions: Questions::new(&common, models, vec![JSON, VERSION])?,
            common,
        })
    }

    async fn attempt(&self, permit: Permit, ask: Arc<Ask>, deadlines: Deadlines) -> Result<Reply, Fault> {
        check(&permit, &self.common.place, &ask)?;
        if ask.endpoint == Endpoint::Completions {
            return Err(no_completions(&self.common.place));
        }
        if ask.endpoint.encodes() {
            return Err(no_encoding(&self.common.place, ask.endpoint));
        }
        let shape = self.common.shapes.of(permit.model());
        let body = anthropic::write_messages(&ask, &shape);
        let call = Call::new(&self.common.upstream, &self.common.whom, deadlines);
        let further = if ask.stream { [EVENTS, VERSION] } else { [JSON, VERSION] };
        exchange(call, &self.messages, Errand::Ask(permit, body.into()), &further, Wish::of(&ask), &MESSAGES).await
    }
}

/// The endpoint is missing at this place only, so another one may answer.
pub(crate) fn no_completions(place: &Place) -> Fault {
    let shown =
        format!("Place `{}` has no completions endpoint. Use /v1/chat/completions, or another model.", place.id);
    Fault { retry: Retry::NextPlace, ..Fault::new(Cause::Unsupported, shown) }
}

impl Backend for Anthropic {
    fn place(&self) -> &Arc<Place> {
        &self.common.place
    }

    fn models(&self) -> &[Arc<Model>] {
        &self.common.models
    }

    fn send(&self, permit: Permit, ask: Arc<Ask>, deadlines: Deadlines) -> BoxFuture<'_, Result<Reply, Fault>> {
        Box::pin(self.attempt(permit, ask, deadlines))
    }

    fn probe(&self) -> BoxFuture<'_, Probed> {
        Box::pin(async { self.questions.ask(&self.common).await.0 })
    }
}
