//! Vectors and scores: from an Ask to the worker's jobs, and from their answers to a reply. A long list of texts goes in
//! pieces, so that a frame stays short and other requests get their turn between them.
//!
//! Never here: processes, arithmetic.

use super::link::{Pending, What};
use super::{Engine, elsewhere, keep};
use crate::protocol::{Embed, Role, Text, ToWorker};
use backend::Reply;
use decide::{Caps, Cause, Fault};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::time::{Instant, timeout_at};
use wire::{Ask, Endpoint, Ranked, Ranking, Usage, Vector, Vectors};

/// Texts of one job. With vectors of 8192 numbers its answer is some 6 MiB of JSON.
const PIECE: usize = 64;

/// What a model of this role can do.
pub(super) fn caps(role: Role) -> Caps {
    match role {
        Role::Embed => Caps { embeddings: true, ..Caps::default() },
        Role::Rerank => Caps { rerank: true, ..Caps::default() },
        Role::Generate => Caps { json_schema: true, tools: true, logprobs: true, completions: true, ..Caps::default() },
    }
}

impl Engine {
    /// Vectors or scores by the model at this place of the list.
    pub(super) async fn encode(&self, at: usize, ask: &Ask, until: Instant) -> Result<Reply, Fault> {
        let orders = order(ask)?;
        let keep = keep::asked(ask)?;
        let lease = self.tenants[at].lease(until).await?;
        if let Some(keep) = keep {
            self.tenants[at].keep(keep);
        }
        let base = self.next_id.fetch_add(orders.len() as u64, Ordering::Relaxed);
        let jobs = numbered(orders, base);
        let pending = Pending::open(&Arc::clone(&lease.link), jobs, Arc::clone(&self.meter))?.holding(lease);
        gather(pending, ask, &self.models[at].id, until).await
    }
}

/// Whether a model of this role can be asked this.
///
/// # Errors
/// It cannot; another place may.
pub(super) fn fits(ask: &Ask, role: Role) -> Result<(), Fault> {
    let text = match (ask.endpoint, role) {
        (Endpoint::Embeddings, Role::Embed) | (Endpoint::Rerank, Role::Rerank) => return Ok(()),
        (Endpoint::Embeddings, _) => "This model makes no vectors. Use an embedding model.",
        (Endpoint::Rerank, _) => "This model scores no documents. Use a reranker.",
        (_, Role::Generate) => return Ok(()),
        (_, Role::Embed) => "This model makes vectors and writes no text. Use it with /v1/embeddings.",
        (_, Role::Rerank) => "This model scores documents and writes no text. Use it with /v1/rerank.",
    };
    Err(elsewhere(Cause::Unsupported, text).at("model"))
}

/// The texts of a request in pieces.
///
/// # Errors
/// A token id out of bounds.
fn order(ask: &Ask) -> Result<Vec<Embed>, Fault> {
    let encode = ask.encode.as_deref().cloned().unwrap_or_default();
    let mut texts: Vec<Text> = ask.messages.iter().map(|m| Text::Words(m.content.joined())).collect();
    for (at, ids) in encode.tokens.iter().enumerate() {
        let ids = ids.iter().map(|id| i32::try_from(*id)).collect::<Result<Vec<_>, _>>().map_err(|_| {
            Fault::new(Cause::InvalidRequest, "A token id is far beyond every vocabulary.").at(format!("input[{at}]"))
        })?;
        texts.push(Text::Tokens(ids));
    }
    let query = (ask.endpoint == Endpoint::Rerank).then_some(encode.query);
    let truncate = encode.truncate.unwrap_or(false);
    let piece = |texts: &[Text]| Embed { id: 0, texts: texts.to_vec(), query: query.clone(), truncate };
    Ok(texts.chunks(PIECE).map(piece).collect())
}

/// With their ids on the wire: (id, piece, message).
fn numbered(pieces: Vec<Embed>, base: u64) -> Vec<(u64, u32, ToWorker)> {
    let numbered = (base..).zip(0u32..).zip(pieces);
    numbered.map(|((id, at), piece)| (id, at, ToWorker::Embed(Box::new(Embed { id, ..piece })))).collect()
}

/// Waits for all pieces and puts them together.
///
/// # Errors
/// The worker's refusal of one of them, or the deadline.
async fn gather(mut pending: Pending, ask: &Ask, model: &str, until: Instant) -> Result<Reply, Fault> {
    let encode = ask.encode.as_deref();
    let texts = ask.messages.len() + encode.map_or(0, |e| e.tokens.len());
    let mut pieces: Vec<Option<Vec<Vec<f32>>>> = vec![None; texts.div_ceil(PIECE)];
    let mut usage = Usage::default();
    while pieces.iter().any(Option::is_none) {
        let signal = timeout_at(until, pending.signals.recv()).await.map_err(|_| {
            let text = "The embedded engine did not finish in time. Send fewer texts at once, or use a faster model.";
            Fault::new(Cause::Timeout, text)
        })?;
        match signal.map(|s| (s.choice as usize, s.what)) {
            Some((at, What::Embedded { vectors, tokens })) => {
                usage.input += u64::from(tokens);
                if let Some(piece) = pieces.get_mut(at) {
                    *piece = Some(vectors);
                }
            }
            Some((_, What::Failed(fault))) => return Err(named(*fault, ask)),
            Some(_) => {}
            None => return Err(Fault::new(Cause::Truncated, "The embedded engine ended without an answer.")),
        }
    }
    let all: Vec<Vec<f32>> = pieces.into_iter().flatten().flatten().collect();
    if all.len() != texts || all.iter().any(Vec::is_empty) {
        let text = format!("{} answers for {texts} texts", all.len());
        return Err(Fault::new(Cause::Engine, "The embedded engine lost a text. Try again.").because(text));
    }
    let (model, usage) = (model.to_owned(), Some(usage));
    if ask.endpoint == Endpoint::Rerank {
        let scores = all.iter().map(|v| v.first().copied().unwrap_or_default());
        let results = scores.enumerate().map(|(index, score)| Ranked { index, score: shown(score) }).collect();
        return Ok(Reply::Ranking(Box::new(Ranking { id: format!("rerank-{:032x}", ask.id), model, results, usage })));
    }
    let length = all.first().map_or(0, Vec::len);
    if let Some(asked) = encode.and_then(|e| e.dimensions).filter(|d| *d as usize != length) {
        let text = format!(
            "The vectors of this model have {length} numbers, and {asked} were asked for; its file does not say whether they \
             may be cut. Leave `dimensions` out."
        );
        return Err(elsewhere(Cause::Unsupported, text).at("dimensions"));
    }
    let vectors = all.into_iter().map(Vector::Float).collect();
    Ok(Reply::Vectors(Box::new(Vectors { model, vectors, usage, raw: None })))
}

/// A 32-bit score as the number that is written with the same few digits.
fn shown(score: f32) -> f64 {
    score.to_string().parse().unwrap_or_else(|_| f64::from(score))
}

/// The field of this endpoint, in place of that of a chat.
fn named(fault: Fault, ask: &Ask) -> Fault {
    match fault.cause {
        Cause::ContextLength | Cause::InvalidRequest => {
            fault.at(if ask.endpoint == Endpoint::Rerank { "documents" } else { "input" })
        }
        _ => fault,
    }
}
