//! `POST /v1/rerank` in the form that Jina, Cohere, vLLM, llama-server and others share: requests read and written,
//! answers read and written.
//!
//! Never here: whether a model can score.

use super::embed::{INPUTS_MAX, write_input_usage};
use super::finish::UsageIn;
use crate::json;
use crate::json::fault::Trail;
use crate::json::loose::Loose;
use crate::json::read::{Members, Read, Value, again, object, readable, request};
use crate::json::write::{body, string};
use crate::top::{Top, capacity};
use crate::{Ask, Encode, Endpoint, Message, Ranked, Ranking, Role, Shape, Usage, WireError, upstream_error};
use bytes::Bytes;
use serde::de::{Deserializer, Error, MapAccess};
use serde_json::value::RawValue;

/// Reads the body of `POST /v1/rerank`. Each document becomes one user message.
///
/// # Errors
/// Names the field at fault, what was expected and what came.
pub fn read_rerank(body: &[u8]) -> Result<Ask, WireError> {
    let mut read = Body::new();
    request(json::text(body)?, &mut read)?;
    let Body { mut ask, mut encode, model, query, documents } = read;
    let missing = |key: &str, advice: &str| WireError::at(key, format!("`{key}` is missing; {advice}."));
    ask.model = model.filter(|m| !m.is_empty()).ok_or_else(|| missing("model", "name one, for example \"auto\""))?;
    encode.query = query.ok_or_else(|| missing("query", "send what the documents are to be scored against"))?;
    if encode.query.is_empty() {
        return Err(WireError::at("query", "`query` is empty; send what the documents are to be scored against."));
    }
    let documents = documents.ok_or_else(|| missing("documents", "send a list of texts"))?;
    if documents.is_empty() || documents.len() > INPUTS_MAX {
        let count = documents.len();
        let message = format!("`documents` must have from 1 to {INPUTS_MAX} texts, but it has {count}.");
        return Err(WireError::at("documents", message));
    }
    if encode.top_n == Some(0) {
        return Err(WireError::at("top_n", "`top_n` must be at least 1, but it is 0."));
    }
    ask.messages = documents.into_iter().map(|d| Message::text(Role::User, d.0)).collect();
    ask.encode = Some(Box::new(encode));
    Ok(ask)
}

struct Body {
    ask: Ask,
    encode: Encode,
    model: Option<String>,
    query: Option<String>,
    documents: Option<Vec<Document>>,
}

impl Body {
    fn new() -> Body {
        let ask = Ask::new(Endpoint::Rerank);
        Body { ask, encode: Encode::default(), model: None, query: None, documents: None }
    }
}

impl<'de> Members<'de> for Body {
    fn member<A: MapAccess<'de>>(&mut self, key: &str, value: Value<'_, A>) -> Result<(), A::Error> {
        match key {
            "model" => return value.once(&mut self.model),
            "query" => return value.once(&mut self.query),
            "documents" => return value.once(&mut self.documents),
            "top_n" => self.encode.top_n = value.get()?,
            "return_documents" => self.encode.return_documents = value.get::<Option<bool>>()?.unwrap_or(false),
            "truncate" => self.encode.truncate = value.get()?,
            "user" => self.ask.user = value.get()?,
            _ => self.ask.extra.push((key.to_owned(), value.get()?)),
        }
        Ok(())
    }
}

/// A string, or `{"text": …}`.
struct Document(String);

impl<'de> Read<'de> for Document {
    fn read<D: Deserializer<'de>>(from: D, trail: &Trail) -> Result<Self, D::Error> {
        let raw = <&RawValue>::read(from, trail)?;
        match raw.get().as_bytes().first() {
            Some(b'"') => again(raw, trail).map(Document),
            Some(b'{') => {
                let told: Told = again(raw, trail)?;
                told.text.map(Document).ok_or_else(|| D::Error::custom("has no `text`"))
            }
            _ => Err(D::Error::custom("must be a string or an object with a `text`")),
        }
    }
}

#[derive(Default)]
struct Told {
    text: Option<String>,
}

impl<'de> Members<'de> for Told {
    fn member<A: MapAccess<'de>>(&mut self, key: &str, value: Value<'_, A>) -> Result<(), A::Error> {
        match key {
            "text" => self.text = Some(value.get()?),
            _ => value.skip()?,
        }
        Ok(())
    }
}
readable!(Told);

/// The body of `POST /v1/rerank` for an upstream. Documents come back by their index, so they are not asked back.
pub fn write_rerank(ask: &Ask, shape: &Shape) -> Vec<u8> {
    let encode = ask.encode.as_deref().cloned().unwrap_or_default();
    body(capacity(ask) + encode.query.len(), |o| {
        let mut top = Top::new(o, shape);
        top.put("model", |out| string(out, &shape.model));
        top.put("query", |out| string(out, &encode.query));
        top.put("documents", |out| {
            json::write::list(out, |l| ask.messages.iter().for_each(|m| string(l.next(), &m.content.joined())));
        });
        top.int("top_n", encode.top_n);
        top.bool("truncate", encode.truncate);
        top.str("user", ask.user.as_deref());
        if ask.endpoint == Endpoint::Rerank {
            ask.extra.iter().for_each(|(k, v)| top.extra(k, v));
        }
    })
}

/// Reads an answer of `POST /v1/rerank`: `{"results": […]}`, or SGLang's bare list.
///
/// # Errors
/// The body is not such an answer, or is an error despite its status.
pub fn read_ranking(body: &Bytes) -> Result<Ranking, WireError> {
    let text = json::text(body)?;
    let mut from = RankingIn::default();
    if text.trim_ascii_start().starts_with('[') {
        let trail = Trail::default();
        let mut read = serde_json::Deserializer::from_str(text);
        let rows = Vec::<RowIn<'_>>::read(&mut read, &trail).and_then(|rows| read.end().map(|()| rows));
        from.results = Some(rows.map_err(|e| json::fault::explain(&e, &trail))?);
    } else {
        object(text, &mut from)?;
    }
    let Some(results) = from.results.filter(|_| from.error.is_none()) else {
        return Err(WireError::new(upstream_error::read(body).message));
    };
    let row = |row: RowIn<'_>| {
        let score = match row.score {
            Loose::Whole(n) => n as f64,
            Loose::Real(r) => r,
            _ => return None,
        };
        let index = usize::try_from(row.index.count()?).ok()?;
        score.is_finite().then_some(Ranked { index, score })
    };
    let results = results.into_iter().map(row).collect::<Option<Vec<_>>>();
    let total = from.usage.total.count();
    Ok(Ranking {
        id: from.id.shown(),
        model: from.model.shown(),
        results: results.ok_or_else(|| {
            WireError::at("results", "The upstream's results lack an `index` or a `relevance_score`.")
        })?,
        usage: from.usage.counted.map(UsageIn::done).filter(|u| u.input > 0).or_else(|| {
            // Jina and vLLM count the whole only, which is all input.
            total.map(|input| Usage { input, ..Usage::default() })
        }),
    })
}

#[derive(Default)]
struct RankingIn<'de> {
    id: Loose<'de>,
    model: Loose<'de>,
    results: Option<Vec<RowIn<'de>>>,
    usage: CountsIn<'de>,
    error: Option<&'de RawValue>,
}

impl<'de> Members<'de> for RankingIn<'de> {
    fn member<A: MapAccess<'de>>(&mut self, key: &str, value: Value<'_, A>) -> Result<(), A::Error> {
        match key {
            "id" => self.id = value.get()?,
            "model" => self.model = value.get()?,
            "results" | "data" => self.results = value.get()?,
            "usage" => {
                let raw: &'de RawValue = value.get()?;
                // A count of an odd shape must not cost the answer.
                self.usage.counted = object_of(raw);
                self.usage.total = object_of::<TotalIn<'de>>(raw).unwrap_or_default().0;
            }
            "error" => self.error = value.get()?,
            _ => value.skip()?,
        }
        Ok(())
    }
}

fn object_of<'de, T: Read<'de>>(raw: &'de RawValue) -> Option<T> {
    again::<T, serde_json::Error>(raw, &Trail::default()).ok()
}

#[derive(Default)]
struct CountsIn<'de> {
    counted: Option<UsageIn>,
    total: Loose<'de>,
}

#[derive(Default)]
struct TotalIn<'de>(Loose<'de>);

impl<'de> Members<'de> for TotalIn<'de> {
    fn member<A: MapAccess<'de>>(&mut self, key: &str, value: Value<'_, A>) -> Result<(), A::Error> {
        match key {
            "total_tokens" => self.0 = value.get()?,
            _ => value.skip()?,
        }
        Ok(())
    }
}
readable!(TotalIn<'de>);

#[derive(Default)]
struct RowIn<'de> {
    index: Loose<'de>,
    score: Loose<'de>,
}

impl<'de> Members<'de> for RowIn<'de> {
    fn member<A: MapAccess<'de>>(&mut self, key: &str, value: Value<'_, A>) -> Result<(), A::Error> {
        match key {
            "index" => self.index = value.get()?,
            "relevance_score" | "score" => self.score = value.get()?,
            _ => value.skip()?,
        }
        Ok(())
    }
}
readable!(RowIn<'de>);

/// The body of an answer of `POST /v1/rerank`: the best first, no more than `top_n`, each with its document where the
/// request asked for that. Results of equal score keep the order of their documents.
pub fn write_ranking(ranking: &Ranking, ask: &Ask) -> Vec<u8> {
    let encode = ask.encode.as_deref().cloned().unwrap_or_default();
    let mut results = ranking.results.clone();
    results.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.index.cmp(&b.index)));
    results.truncate(encode.top_n.map_or(usize::MAX, |n| n as usize));
    let documents = if encode.return_documents { capacity(ask) } else { 0 };
    body(256 + results.len() * 64 + documents, |o| {
        if !ranking.id.is_empty() {
            o.str("id", &ranking.id);
        }
        o.str("object", "list");
        o.str("model", &ranking.model);
        o.list("results", |l| {
            for result in &results {
                l.object(|o| {
                    o.int("index", result.index as u64);
                    o.real("relevance_score", result.score);
                    if let Some(document) = ask.messages.get(result.index).filter(|_| encode.return_documents) {
                        o.object("document", |o| o.str("text", &document.content.joined()));
                    }
                });
            }
        });
        write_input_usage(o, ranking.usage.as_ref());
    })
}
