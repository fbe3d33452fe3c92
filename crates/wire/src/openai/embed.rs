//! `POST /v1/embeddings`: requests read and written, answers read and written.
//!
//! Never here: whether a model can make vectors, or how long a text may be (the place judges its own tokens).

use super::finish::UsageIn;
use crate::json;
use crate::json::fault::Trail;
use crate::json::loose::Loose;
use crate::json::read::{Members, Read, Str, Value, again, object, readable, request};
use crate::json::write::{body, list, string, whole};
use crate::top::{Top, capacity};
use crate::{
    Ask, Encode, Encoding, Endpoint, Flavour, Message, Raw, Role, Shape, Usage, Vector, Vectors, WireError,
    upstream_error,
};
use bytes::Bytes;
use serde::de::{Deserializer, Error, MapAccess};
use serde_json::value::RawValue;
use std::borrow::Cow;

/// Texts of one request at most, as OpenAI has it.
pub const INPUTS_MAX: usize = 2048;
/// Tokens of one text given as ids at most; no encoder reads more.
const TOKENS_MAX: usize = 1 << 20;
/// Longest vectors that may be asked for.
const DIMENSIONS_MAX: u32 = 1 << 16;

/// Reads the body of `POST /v1/embeddings`. Each text becomes one user message; token ids stand in
/// [`Encode::tokens`], with no messages.
///
/// # Errors
/// Names the field at fault, what was expected and what came.
pub fn read_embeddings(body: &[u8]) -> Result<Ask, WireError> {
    let mut read = Body { ask: Ask::new(Endpoint::Embeddings), encode: Encode::default(), model: None, input: None };
    request(json::text(body)?, &mut read)?;
    let Body { mut ask, mut encode, model, input } = read;
    ask.model = model
        .filter(|m| !m.is_empty())
        .ok_or_else(|| WireError::at("model", "`model` is missing; name one, for example \"auto\"."))?;
    let input = input.ok_or_else(|| WireError::at("input", "`input` is missing; send a text or a list of texts."))?;
    let count = match &input {
        Input::Texts(texts) => texts.len(),
        Input::Tokens(tokens) => tokens.len(),
    };
    if count > INPUTS_MAX {
        let message =
            format!("`input` has {count} texts, and {INPUTS_MAX} is the limit; send them in several requests.");
        return Err(WireError::at("input", message));
    }
    match input {
        Input::Texts(texts) => ask.messages = texts.into_iter().map(|t| Message::text(Role::User, t)).collect(),
        Input::Tokens(tokens) => encode.tokens = tokens,
    }
    if let Some(d) = encode.dimensions.filter(|d| !(1..=DIMENSIONS_MAX).contains(d)) {
        let message = format!("`dimensions` must be from 1 to {DIMENSIONS_MAX}, but it is {d}.");
        return Err(WireError::at("dimensions", message));
    }
    ask.encode = Some(Box::new(encode));
    Ok(ask)
}

struct Body {
    ask: Ask,
    encode: Encode,
    model: Option<String>,
    input: Option<Input>,
}

enum Input {
    Texts(Vec<String>),
    Tokens(Vec<Vec<u32>>),
}

impl<'de> Members<'de> for Body {
    fn member<A: MapAccess<'de>>(&mut self, key: &str, value: Value<'_, A>) -> Result<(), A::Error> {
        match key {
            "model" => return value.once(&mut self.model),
            "input" => return value.once(&mut self.input),
            "encoding_format" => self.encode.encoding = value.get()?,
            "dimensions" => self.encode.dimensions = value.get()?,
            "truncate" => self.encode.truncate = value.get()?,
            "user" => self.ask.user = value.get()?,
            _ => self.ask.extra.push((key.to_owned(), value.get()?)),
        }
        Ok(())
    }
}

impl<'de> Read<'de> for Encoding {
    fn read<D: Deserializer<'de>>(from: D, trail: &Trail) -> Result<Self, D::Error> {
        match &*Str::read(from, trail)?.0 {
            "float" => Ok(Encoding::Float),
            "base64" => Ok(Encoding::Base64),
            _ => Err(D::Error::custom("must be \"float\" or \"base64\"")),
        }
    }
}

/// A string, a list of strings, token ids, or a list of lists of them; none of them empty.
impl<'de> Read<'de> for Input {
    fn read<D: Deserializer<'de>>(from: D, trail: &Trail) -> Result<Self, D::Error> {
        let raw = <&RawValue>::read(from, trail)?;
        let first = raw.get().strip_prefix('[').map(str::trim_ascii_start);
        let digit = |t: &str| t.starts_with(|c: char| c.is_ascii_digit() || c == '-');
        let input = match first {
            None if raw.get().starts_with('"') => Input::Texts(vec![again(raw, trail)?]),
            Some(text) if text.starts_with('"') => Input::Texts(again(raw, trail)?),
            Some(list) if list.starts_with('[') => Input::Tokens(again(raw, trail)?),
            Some(ids) if digit(ids) => Input::Tokens(vec![again(raw, trail)?]),
            Some("]") => return Err(D::Error::custom("is an empty list; send at least one text")),
            _ => return Err(D::Error::custom("must be a string, a list of strings, or token ids")),
        };
        let (empty, long) = match &input {
            Input::Texts(texts) => (texts.iter().position(String::is_empty), None),
            Input::Tokens(all) => {
                (all.iter().position(Vec::is_empty), all.iter().position(|tokens| tokens.len() > TOKENS_MAX))
            }
        };
        if let Some(at) = empty.or(long) {
            trail.index(at);
            let long = format!("has more than {TOKENS_MAX} tokens");
            return Err(D::Error::custom(if empty.is_some() { "is empty; leave it out".to_owned() } else { long }));
        }
        Ok(input)
    }
}

/// The body of `POST /v1/embeddings` for an upstream.
pub fn write_embeddings(ask: &Ask, shape: &Shape) -> Vec<u8> {
    let encode = ask.encode.as_deref().cloned().unwrap_or_default();
    body(capacity(ask), |o| {
        let mut top = Top::new(o, shape);
        top.put("model", |out| string(out, &shape.model));
        top.put("input", |out| {
            list(out, |l| {
                if encode.tokens.is_empty() {
                    ask.messages.iter().for_each(|m| string(l.next(), &m.content.joined()));
                }
                for tokens in &encode.tokens {
                    list(l.next(), |ids| tokens.iter().for_each(|t| whole(ids.next(), (*t).into())));
                }
            });
        });
        top.str("encoding_format", encode.encoding.map(Encoding::as_str));
        top.int("dimensions", encode.dimensions);
        top.bool("truncate", encode.truncate);
        top.str("user", ask.user.as_deref());
        if ask.endpoint == Endpoint::Embeddings {
            ask.extra.iter().for_each(|(k, v)| top.extra(k, v));
        }
    })
}

/// Reads an answer of `POST /v1/embeddings`; `raw` is the body itself.
///
/// # Errors
/// The body is not such an answer, or is an error despite its status.
pub fn read_vectors(body: &Bytes) -> Result<Vectors, WireError> {
    let mut from = VectorsIn::default();
    object(json::text(body)?, &mut from)?;
    let Some(data) = from.data.filter(|_| from.error.is_none()) else {
        return Err(WireError::new(upstream_error::read(body).message));
    };
    let mut rows: Vec<(u64, Option<VectorIn>)> =
        (0u64..).zip(data).map(|(at, row)| (row.index.count().unwrap_or(at), row.vector)).collect();
    let in_order = rows.iter().enumerate().all(|(at, (index, _))| *index == at as u64);
    rows.sort_by_key(|(index, _)| *index);
    if !rows.iter().enumerate().all(|(at, (index, _))| *index == at as u64) {
        return Err(WireError::at("data", "The upstream's vectors are not numbered one after the other."));
    }
    let vectors = rows.into_iter().map(|(_, v)| v.map(|v| v.0)).collect::<Option<Vec<_>>>();
    Ok(Vectors {
        model: from.model.shown(),
        vectors: vectors.ok_or_else(|| WireError::at("data", "The upstream's answer lacks an `embedding`."))?,
        usage: from.usage.map(UsageIn::done),
        // Clients read by position.
        raw: in_order.then(|| Raw { flavour: Flavour::OpenaiEmbeddings, name: None, bytes: body.clone() }),
    })
}

#[derive(Default)]
struct VectorsIn<'de> {
    model: Loose<'de>,
    data: Option<Vec<RowIn<'de>>>,
    usage: Option<UsageIn>,
    error: Option<&'de RawValue>,
}

impl<'de> Members<'de> for VectorsIn<'de> {
    fn member<A: MapAccess<'de>>(&mut self, key: &str, value: Value<'_, A>) -> Result<(), A::Error> {
        match key {
            "model" => self.model = value.get()?,
            "data" => self.data = value.get()?,
            "usage" => self.usage = value.get()?,
            "error" => self.error = value.get()?,
            _ => value.skip()?,
        }
        Ok(())
    }
}

#[derive(Default)]
struct RowIn<'de> {
    index: Loose<'de>,
    vector: Option<VectorIn>,
}

impl<'de> Members<'de> for RowIn<'de> {
    fn member<A: MapAccess<'de>>(&mut self, key: &str, value: Value<'_, A>) -> Result<(), A::Error> {
        match key {
            "index" => self.index = value.get()?,
            "embedding" => self.vector = Some(value.get()?),
            _ => value.skip()?,
        }
        Ok(())
    }
}
readable!(RowIn<'de>);

struct VectorIn(Vector);

impl<'de> Read<'de> for VectorIn {
    fn read<D: Deserializer<'de>>(from: D, trail: &Trail) -> Result<Self, D::Error> {
        let raw = <&RawValue>::read(from, trail)?;
        if raw.get().starts_with('"') {
            let Str(text): Str<'_> = again(raw, trail)?;
            let vector = Vector::from_base64(&Cow::into_owned(text));
            return vector.map(VectorIn).ok_or_else(|| D::Error::custom("is not base64 of 32-bit floats"));
        }
        let numbers: Vec<f32> = serde_json::from_str(raw.get()).map_err(|_| D::Error::custom("is no vector"))?;
        let finite = numbers.iter().all(|n| n.is_finite());
        finite.then_some(VectorIn(Vector::Float(numbers))).ok_or_else(|| D::Error::custom("has an infinite number"))
    }
}

/// The body of an answer of `POST /v1/embeddings`, in the encoding that was asked for. `raw` is ignored: who has raw
/// bytes of this flavour forwards them.
pub fn write_vectors(vectors: &Vectors, encoding: Encoding) -> Vec<u8> {
    let numbers: usize = vectors.vectors.iter().map(Vector::dimensions).sum();
    body(256 + vectors.vectors.len() * 64 + numbers * 12, |o| {
        o.str("object", "list");
        o.list("data", |l| {
            for (index, vector) in (0u64..).zip(&vectors.vectors) {
                l.object(|o| {
                    o.str("object", "embedding");
                    o.int("index", index);
                    match encoding {
                        Encoding::Base64 => o.str("embedding", &vector.base64()),
                        // The shortest digits that are the same 32-bit number; writing into a Vec cannot fail.
                        Encoding::Float => drop(serde_json::to_writer(o.key("embedding"), &vector.numbers())),
                    }
                });
            }
        });
        o.str("model", &vectors.model);
        write_input_usage(o, vectors.usage.as_ref());
    })
}

/// `usage` of an answer that has no completion.
pub(super) fn write_input_usage(o: &mut crate::json::write::Object<'_>, usage: Option<&Usage>) {
    if let Some(usage) = usage {
        o.object("usage", |o| {
            o.int("prompt_tokens", usage.input);
            o.int("total_tokens", usage.input);
        });
    }
}
