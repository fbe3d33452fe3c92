//! OpenAI-compatible places: OpenAI itself, the providers that speak its dialect, and the open engines. What they
//! differ in stands in their [`Profile`](crate::Profile).
//!
//! Never here: a provider's name in code.

use crate::adapter::Common;
use crate::call::Call;
use crate::encode::{encode, no_encoding};
use crate::exchange::{Spoken, exchange, say};
use crate::probe::Questions;
use crate::signs::Wish;
use crate::stream::Sse;
use crate::{Backend, BoxFuture, CallError, Deadlines, Errand, Probed, Reply, Route, check};
use bytes::Bytes;
use decide::{Fault, Model, Permit, Place};
use http::{HeaderName, HeaderValue, header};
use std::sync::Arc;
use wire::openai::{self, ChatReader, CompletionsReader};
use wire::{Ask, Endpoint, Shape, ToolChoice};

pub(crate) const JSON: (HeaderName, HeaderValue) = (header::ACCEPT, HeaderValue::from_static("application/json"));
pub(crate) const EVENTS: (HeaderName, HeaderValue) = (header::ACCEPT, HeaderValue::from_static("text/event-stream"));

const CHAT: Spoken = Spoken {
    plain: openai::read_chat_answer,
    decode: || {
        let mut reader = ChatReader::default();
        Box::new(Sse::new(move |_: Option<&str>, data: &Bytes| reader.read(data)))
    },
    lines: false,
};

const COMPLETIONS: Spoken = Spoken {
    plain: openai::read_completions_answer,
    decode: || {
        let mut reader = CompletionsReader::default();
        Box::new(Sse::new(move |_: Option<&str>, data: &Bytes| reader.read(data)))
    },
    lines: false,
};

/// One OpenAI-compatible place.
pub(crate) struct Openai {
    common: Common,
    chat: Route,
    completions: Route,
    embeddings: Route,
    rerank: Route,
    questions: Questions,
}

impl Openai {
    pub(crate) fn new(common: Common) -> Result<Openai, CallError> {
        let below = |path: &str| common.upstream.below(path);
        let models = below(common.profile.models)?;
        Ok(Openai {
            chat: below("/chat/completions")?,
            completions: below("/completions")?,
            embeddings: below("/embeddings")?,
            rerank: below("/rerank")?,
            questions: Questions::new(&common, models, vec![JSON])?,
            common,
        })
    }

    async fn attempt(&self, permit: Permit, ask: Arc<Ask>, deadlines: Deadlines) -> Result<Reply, Fault> {
        check(&permit, &self.common.place, &ask)?;
        let shape = self.common.shapes.of(permit.model());
        if ask.endpoint.encodes() {
            return self.encode(permit, &ask, &shape, deadlines).await;
        }
        let ask = self.with_tool_choice(ask);
        let (route, mut body, spoken) = match ask.endpoint {
            Endpoint::Completions => (&self.completions, openai::write_completions(&ask, &shape), &COMPLETIONS),
            _ => (&self.chat, openai::write_chat(&ask, &shape), &CHAT),
        };
        if self.common.profile.says_stream && !ask.stream {
            say(&mut body, r#""stream":false"#);
        }
        let call = Call::new(&self.common.upstream, &self.common.whom, deadlines);
        let accept = if ask.stream { [EVENTS] } else { [JSON] };
        exchange(call, route, Errand::Ask(permit, body.into()), &accept, Wish::of(&ask), spoken).await
    }

    async fn encode(&self, permit: Permit, ask: &Ask, shape: &Shape, deadlines: Deadlines) -> Result<Reply, Fault> {
        let (route, body) = match ask.endpoint {
            Endpoint::Rerank if !self.common.profile.rerank => {
                return Err(no_encoding(&self.common.place, ask.endpoint));
            }
            Endpoint::Rerank => (&self.rerank, openai::write_rerank(ask, shape)),
            _ => (&self.embeddings, openai::write_embeddings(ask, shape)),
        };
        let call = Call::new(&self.common.upstream, &self.common.whom, deadlines);
        encode(call, route, Errand::Ask(permit, body.into()), &[JSON], ask).await
    }

    /// Where tools without a choice count as "none", the default of the dialect is written out.
    fn with_tool_choice(&self, ask: Arc<Ask>) -> Arc<Ask> {
        if !self.common.profile.says_tool_choice || ask.tools.is_empty() || ask.tool_choice.is_some() {
            return ask;
        }
        let mut said = Ask::clone(&ask);
        said.tool_choice = Some(ToolChoice::Auto);
        Arc::new(said)
    }
}

impl Backend for Openai {
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
