//! Log-probabilities in both of OpenAI's forms: the chat endpoint's list of tokens, and the completions endpoint's four
//! parallel lists.

use crate::TokenLogprob;
use crate::json::fault::Trail;
use crate::json::loose::Loose;
use crate::json::read::{Members, Read, Value, fresh, readable};
use crate::json::write::{List, Object, object, real, whole};
use crate::json::{read, text};
use bytes::Bytes;
use serde::de::{Deserializer, MapAccess};
use serde_json::value::RawValue;
use std::ops::Range;

/// What OpenAI's chat endpoint writes for a token without a probability.
const UNLIKELY: f64 = -9999.0;

/// `logprobs` of a choice in either form.
#[derive(Default)]
pub(super) struct LogprobsIn<'de> {
    content: Option<Vec<TokenLogprob>>,
    tokens: Option<Vec<Loose<'de>>>,
    token_logprobs: Option<Vec<Loose<'de>>>,
    top: Option<Vec<Option<TopMap>>>,
}

impl<'de> Members<'de> for LogprobsIn<'de> {
    fn member<A: MapAccess<'de>>(&mut self, key: &str, value: Value<'_, A>) -> Result<(), A::Error> {
        match key {
            "content" => self.content = value.get()?,
            "tokens" => self.tokens = value.get()?,
            "token_logprobs" => self.token_logprobs = value.get()?,
            "top_logprobs" => self.top = value.get()?,
            _ => value.skip()?,
        }
        Ok(())
    }
}
readable!(LogprobsIn<'de>);

impl LogprobsIn<'_> {
    pub(super) fn done(self) -> Vec<TokenLogprob> {
        if let Some(content) = self.content {
            return content;
        }
        let mut logprobs = self.token_logprobs.unwrap_or_default().into_iter();
        let mut top = self.top.unwrap_or_default().into_iter();
        let token = |token: Loose<'_>| TokenLogprob {
            token: token.shown(),
            // The first token of an echoed prompt has none: not a number, written as null again.
            logprob: logprobs.next().map_or(f64::NAN, |l| number(&l)),
            bytes: None,
            top: top.next().flatten().map_or_else(Vec::new, |t| t.0),
        };
        self.tokens.unwrap_or_default().into_iter().map(token).collect()
    }
}

fn number(value: &Loose<'_>) -> f64 {
    match value {
        Loose::Real(r) => *r,
        // Log-probabilities are small; a whole one is exact.
        Loose::Whole(n) => *n as f64,
        _ => f64::NAN,
    }
}

/// `{"token": logprob, …}` in its order.
#[derive(Default)]
struct TopMap(Vec<(String, f64, Option<Vec<u8>>)>);

impl<'de> Members<'de> for TopMap {
    fn member<A: MapAccess<'de>>(&mut self, key: &str, value: Value<'_, A>) -> Result<(), A::Error> {
        let logprob = number(&value.get::<Loose<'de>>()?);
        self.0.push((key.to_owned(), logprob, None));
        Ok(())
    }
}
readable!(TopMap);

#[derive(Default)]
struct TokenIn<'de> {
    token: Loose<'de>,
    logprob: Loose<'de>,
    bytes: Option<Vec<Loose<'de>>>,
    top: Option<Vec<TokenIn<'de>>>,
}

impl<'de> Members<'de> for TokenIn<'de> {
    fn member<A: MapAccess<'de>>(&mut self, key: &str, value: Value<'_, A>) -> Result<(), A::Error> {
        match key {
            "token" => self.token = value.get()?,
            "logprob" => self.logprob = value.get()?,
            "bytes" => self.bytes = value.get()?,
            "top_logprobs" => self.top = value.get()?,
            _ => value.skip()?,
        }
        Ok(())
    }
}
readable!(TokenIn<'de>);

impl TokenIn<'_> {
    fn done(self) -> (String, f64, Option<Vec<u8>>) {
        let byte = |b: &Loose<'_>| b.count().and_then(|c| u8::try_from(c).ok());
        (self.token.shown(), number(&self.logprob), self.bytes.map(|all| all.iter().filter_map(byte).collect()))
    }
}

impl<'de> Read<'de> for TokenLogprob {
    fn read<D: Deserializer<'de>>(from: D, trail: &Trail) -> Result<Self, D::Error> {
        let mut token: TokenIn<'de> = fresh(from, trail)?;
        let top = token.top.take().unwrap_or_default().into_iter().map(TokenIn::done).collect();
        let (token, logprob, bytes) = token.done();
        Ok(TokenLogprob { token, logprob, bytes, top })
    }
}

/// Writes `"logprobs": {"content": […], "refusal": null}`, or null where there are none.
pub(crate) fn write_chat(o: &mut Object<'_>, tokens: &[TokenLogprob]) {
    if tokens.is_empty() {
        return o.null("logprobs");
    }
    o.object("logprobs", |o| {
        o.list("content", |l| write_tokens(l, tokens));
        o.null("refusal");
    });
}

/// Writes tokens in the chat form (Ollama has it, too).
pub(crate) fn write_tokens(l: &mut List<'_>, tokens: &[TokenLogprob]) {
    for t in tokens {
        l.object(|o| {
            write_token(o, &t.token, t.logprob, t.bytes.as_deref());
            o.list("top_logprobs", |l| {
                for (token, logprob, bytes) in &t.top {
                    l.object(|o| write_token(o, token, *logprob, bytes.as_deref()));
                }
            });
        });
    }
}

fn write_token(o: &mut Object<'_>, token: &str, logprob: f64, bytes: Option<&[u8]>) {
    o.str("token", token);
    o.real("logprob", if logprob.is_finite() { logprob } else { UNLIKELY });
    match bytes {
        Some(bytes) => o.list("bytes", |l| bytes.iter().for_each(|b| whole(l.next(), i128::from(*b)))),
        None => o.null("bytes"),
    }
}

/// Writes the completions form. `offset` is the position in characters of the first token; gives back that after the
/// last.
pub(super) fn write_legacy(o: &mut Object<'_>, tokens: &[TokenLogprob], offset: u64) -> u64 {
    if tokens.is_empty() {
        o.null("logprobs");
        return offset;
    }
    let mut at = offset;
    o.object("logprobs", |o| {
        o.strs("tokens", tokens.iter().map(|t| t.token.as_str()));
        o.list("token_logprobs", |l| tokens.iter().for_each(|t| real(l.next(), t.logprob)));
        o.list("top_logprobs", |l| tokens.iter().for_each(|t| write_top(l.next(), t)));
        o.list("text_offset", |l| {
            for t in tokens {
                whole(l.next(), i128::from(at));
                at += t.token.chars().count() as u64;
            }
        });
    });
    at
}

fn write_top(out: &mut Vec<u8>, token: &TokenLogprob) {
    object(out, |o| token.top.iter().for_each(|(text, logprob, _)| o.real(text, *logprob)));
}

/// A frame or an answer of this dialect with null for every choice's `logprobs`, as upstreams write it that were not asked for
/// any; every other byte as it was. `None` where it is not of this dialect.
pub(crate) fn null_logprobs(payload: &Bytes) -> Option<Bytes> {
    let whole = text(payload).ok()?;
    let mut found = Found::default();
    read::object(whole, &mut found).ok()?;
    let choices = found.choices.unwrap_or_default();
    // What was read stands in the payload itself, so its address says where.
    let begin = payload.as_ptr() as usize;
    let spans = choices.iter().flat_map(|c| &c.0).map(|raw| {
        let at = (raw.get().as_ptr() as usize).wrapping_sub(begin);
        at..at.saturating_add(raw.get().len())
    });
    let spans: Vec<Range<usize>> = spans.collect();
    if spans.is_empty() {
        return Some(payload.clone());
    }
    let mut out = Vec::with_capacity(payload.len());
    let mut from = 0;
    for span in spans {
        out.extend_from_slice(payload.get(from..span.start)?);
        out.extend_from_slice(b"null");
        from = span.end;
    }
    out.extend_from_slice(payload.get(from..)?);
    Some(out.into())
}

/// Where log-probabilities stand.
#[derive(Default)]
struct Found<'de> {
    choices: Option<Vec<FoundIn<'de>>>,
}

impl<'de> Members<'de> for Found<'de> {
    fn member<A: MapAccess<'de>>(&mut self, key: &str, value: Value<'_, A>) -> Result<(), A::Error> {
        match key {
            "choices" => self.choices = value.get()?,
            _ => value.skip()?,
        }
        Ok(())
    }
}

/// Of one choice; a key may stand there twice.
#[derive(Default)]
struct FoundIn<'de>(Vec<&'de RawValue>);

impl<'de> Members<'de> for FoundIn<'de> {
    fn member<A: MapAccess<'de>>(&mut self, key: &str, value: Value<'_, A>) -> Result<(), A::Error> {
        match key {
            "logprobs" => self.0.push(value.get()?),
            _ => value.skip()?,
        }
        Ok(())
    }
}
readable!(FoundIn<'de>);

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn nulled(text: &str) -> Option<String> {
        let bytes = null_logprobs(&Bytes::copy_from_slice(text.as_bytes()))?;
        Some(String::from_utf8(bytes.to_vec()).unwrap())
    }

    #[test]
    fn only_what_stands_in_a_choice_is_taken_out() {
        let odd = r#" {"logprobs":[1],"choices" : [ {"logprobs" : {"a":"}]\"","b":[{}]} , "message":{"logprobs":5}},{"index":1},
            {"logprobs":null,"x":1,"logprobs":[-0.5]}],"usage":{"logprobs":"é"}} "#;
        let wanted = r#" {"logprobs":[1],"choices" : [ {"logprobs" : null , "message":{"logprobs":5}},{"index":1},
            {"logprobs":null,"x":1,"logprobs":null}],"usage":{"logprobs":"é"}} "#;
        assert_eq!(nulled(odd).as_deref(), Some(wanted));
        assert_eq!(nulled(wanted).as_deref(), Some(wanted));
        let marked = format!("\u{feff}{}", odd.trim_start());
        assert_eq!(nulled(&marked), Some(format!("\u{feff}{}", wanted.trim_start())));
        for none in ["", "[DONE]", "[]", "{\"choices\":[{\"logprobs\":[}", "{\"choices\":{}}"] {
            assert_eq!(nulled(none), None, "{none}");
        }
        assert_eq!(nulled("{\"choices\":null}").as_deref(), Some("{\"choices\":null}"));
    }
}
