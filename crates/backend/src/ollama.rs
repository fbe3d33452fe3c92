//! Ollama's native API: `/api/chat` over lines of JSON, `stream` always said, models and their capabilities from
//! `/api/tags` and `/api/show`.
//!
//! Legacy completions are refused: Ollama's own endpoint for them (`/api/generate`) has another template and other
//! answers, and a chat in its place would answer something else than was asked.
//!
//! Never here: pulling or deleting models.

mod show;

use crate::adapter::{Common, runs_elsewhere};
use crate::anthropic::no_completions;
use crate::call::Call;
use crate::encode::{encode, no_encoding};
use crate::exchange::{Spoken, exchange, say};
use crate::openai::JSON;
use crate::probe::Questions;
use crate::signs::Wish;
use crate::stream::Lines;
use crate::{Backend, BoxFuture, CallError, Deadlines, Errand, Probed, Reply, Route, check};
use bytes::Bytes;
use decide::{Cause, Fault, Model, Permit, Place, Retry, Zone};
use http::{HeaderName, HeaderValue, header};
use show::Shows;
use std::sync::Arc;
use wire::ollama::{self, Reader};
use wire::{Ask, Endpoint, openai};

const LINES: (HeaderName, HeaderValue) = (header::ACCEPT, HeaderValue::from_static("application/x-ndjson"));

const CHAT: Spoken = Spoken {
    plain: ollama::read_answer,
    decode: || {
        let mut reader = Reader::default();
        Box::new(Lines::new(move |line: &Bytes| reader.read(line)))
    },
    lines: true,
};

/// One Ollama.
pub(crate) struct Ollama {
    common: Common,
    chat: Route,
    embeddings: Route,
    questions: Questions,
    shows: Shows,
}

impl Ollama {
    pub(crate) fn new(common: Common) -> Result<Ollama, CallError> {
        let models = common.upstream.beside(common.profile.models)?;
        Ok(Ollama {
            chat: common.upstream.beside("/api/chat")?,
            embeddings: common.upstream.beside("/v1/embeddings")?,
            questions: Questions::new(&common, models, vec![JSON])?,
            shows: Shows::new(common.upstream.beside("/api/show")?),
            common,
        })
    }

    async fn attempt(&self, permit: Permit, ask: Arc<Ask>, deadlines: Deadlines) -> Result<Reply, Fault> {
        check(&permit, &self.common.place, &ask)?;
        match ask.endpoint {
            Endpoint::Completions => return Err(no_completions(&self.common.place)),
            Endpoint::Rerank => return Err(no_encoding(&self.common.place, ask.endpoint)),
            _ => {}
        }
        if runs_elsewhere(permit.model()) && self.common.place.zone != Zone::VendorCloud {
            return Err(elsewhere(&self.common.place, permit.model()));
        }
        let shape = self.common.shapes.of(permit.model());
        if ask.endpoint == Endpoint::Embeddings {
            // Its OpenAI-compatible endpoint: it takes dimensions and base64, which callers of ours may ask for. It has no
            // way to say `truncate` there and cuts what is too long.
            let body = openai::write_embeddings(&ask, &shape);
            let call = Call::new(&self.common.upstream, &self.common.whom, deadlines);
            return encode(call, &self.embeddings, Errand::Ask(permit, body.into()), &[JSON], &ask).await;
        }
        let mut body = ollama::write_chat(&ask, &shape);
        // By default it drops the oldest messages of a conversation that is too long for its window, and says nothing.
        say(&mut body, r#""truncate":false"#);
        let call = Call::new(&self.common.upstream, &self.common.whom, deadlines);
        let accept = if ask.stream { [LINES] } else { [JSON] };
        exchange(call, &self.chat, Errand::Ask(permit, body.into()), &accept, Wish::of(&ask), &CHAT).await
    }
}

/// A permit is for the place's zone, and this model would take the request out of it.
fn elsewhere(place: &Place, model: &str) -> Fault {
    let shown = format!("The request was not sent: `{model}` at place `{}` runs on another host.", place.id);
    Fault { retry: Retry::NextPlace, ..Fault::new(Cause::PolicyDenied, shown) }
}

impl Backend for Ollama {
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
        Box::pin(async {
            let (mut probed, list) = self.questions.ask(&self.common).await;
            if let (Some(models), Some(list)) = (&mut probed.models, &list) {
                models.retain(|m| !runs_elsewhere(&m.id));
                self.shows.complete(&self.common.upstream, models, &list.body).await;
            }
            probed
        })
    }
}
