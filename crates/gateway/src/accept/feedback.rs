//! `POST /v1/feedback`: what a caller says of an answer. A score, never a text.
//!
//! Never here: what follows from it (`learned`), or who answered (room `ledger`).

use super::Limits;
use super::body;
use super::line::Line;
use crate::admit::Caller;
use crate::{Wiring, spend};
use decide::{Answered, Cause, Fault, Lesson, Origin};
use http::{HeaderMap, Request};
use hyper::body::Incoming;
use serde_json::{Map, Value, json};
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Bytes of a body at most. One with a long comment fits, one with the answer does not.
const BODY_MAX_BYTES: usize = 16 * 1024;
/// Characters of a request id at most, as of the header.
const REQUEST_ID_MAX: usize = 128;
/// Look-ups at once: each reads a file, on a thread of its own.
static LOOKUPS: Semaphore = Semaphore::const_new(4);

/// Takes feedback; gives the answer's body.
///
/// # Errors
/// It is malformed, about no request of this caller, or cannot be looked up.
pub(super) async fn take(
    wiring: &Arc<Wiring>,
    request: Request<Incoming>,
    caller: &Caller,
    now_unix_ms: u64,
    line: &Line,
) -> Result<Vec<u8>, Fault> {
    let (head, body) = request.into_parts();
    let body = read(wiring, &head.headers, body, line).await?;
    let said = Said::read(&body)?;
    // After it was read: what is malformed teaches nobody anything.
    spend::one(caller, now_unix_ms)?;
    let Ok(turn) = LOOKUPS.try_acquire() else {
        let shown = "Too much feedback is being taken at once. Send it again in a moment.";
        return Err(Fault::new(Cause::Overloaded, shown).after(1));
    };
    let (wiring, key) = (Arc::clone(wiring), caller.key.as_ref().map(|k| k.id.clone()));
    // To its end, also when the caller leaves.
    let taken = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        said.learn(&wiring, key.as_deref())
    });
    taken.await.unwrap_or_else(|_| {
        let shown = "Something went wrong inside Dewpoint. Please report this with the request id.";
        Err(Fault::new(Cause::Internal, shown))
    })
}

async fn read(wiring: &Wiring, headers: &HeaderMap, body: Incoming, line: &Line) -> Result<bytes::Bytes, Fault> {
    let limits = Limits { body_max_bytes: BODY_MAX_BYTES, ..wiring.limits };
    let held = body::read(headers, body, &limits, &wiring.door, line).await.map_err(|fault| match fault.cause {
        Cause::TooLarge => {
            let shown = format!("Feedback is at most {BODY_MAX_BYTES} bytes: a request id and a score, or thumb.");
            Fault::new(Cause::TooLarge, shown)
        }
        _ => fault,
    })?;
    Ok(held.bytes)
}

/// What a body says.
#[derive(Debug, PartialEq, Eq)]
struct Said {
    request_id: String,
    score_permille: u16,
    /// A comment stood there. It is not kept.
    comment: bool,
}

impl Said {
    fn read(body: &[u8]) -> Result<Said, Fault> {
        let value: Value = serde_json::from_slice(body).map_err(|e| {
            let shown = format!("The body is not JSON ({e}). Send {{\"request_id\": \"…\", \"thumb\": \"up\"}}.");
            Fault::new(Cause::InvalidRequest, shown)
        })?;
        let Value::Object(fields) = value else {
            let shown = "The body must be an object with request_id and score, or request_id and thumb.";
            return Err(Fault::new(Cause::InvalidRequest, shown));
        };
        const KNOWN: [&str; 4] = ["request_id", "score", "thumb", "comment"];
        if let Some(other) = fields.keys().find(|k| !KNOWN.contains(&k.as_str())) {
            let shown: String = other.chars().take(64).collect();
            let shown = format!(
                "`{shown}` is not a field of feedback. Send request_id, and score (0 to 1) or thumb (up, down)."
            );
            return Err(Fault::new(Cause::InvalidRequest, shown).at("body"));
        }
        let comment = match fields.get("comment") {
            None | Some(Value::Null) => false,
            Some(Value::String(_)) => true,
            Some(_) => {
                return Err(
                    Fault::new(Cause::InvalidRequest, "`comment` must be a string. It is not kept.").at("comment")
                );
            }
        };
        Ok(Said { request_id: request_id(&fields)?, score_permille: score(&fields)?, comment })
    }

    /// Finds out whom it is about, and hands the lesson over. May wait for a disk.
    fn learn(self, wiring: &Wiring, key: Option<&str>) -> Result<Vec<u8>, Fault> {
        let Some(found) = wiring.learned.answered(&self.request_id, key) else {
            let shown = "This gateway keeps no ledger, so it does not know who answered which request. Whoever runs it can \
                         write [ledger] enabled = true.";
            return Err(Fault::new(Cause::Unsupported, shown));
        };
        let found = found.map_err(|why| {
            let shown = "The ledger cannot be read now, so it is not known who answered that request. Send it again in a moment.";
            Fault::new(Cause::LedgerUnavailable, shown).because(why.to_string()).after(5)
        })?;
        let Some(Answered { request_id, arrived_unix_ms, task, by, .. }) = found else {
            let shown = "No request of this id and this key is known here. Send the value of the header x-request-id of the answer, \
                         with the key that the request was sent with.";
            return Err(Fault::new(Cause::NotFound, shown).at("request_id"));
        };
        let Some((place, model)) = by else {
            let shown = "That request got no answer in words, so there is nothing to rate. Send feedback for one that was answered.";
            return Err(Fault::new(Cause::InvalidRequest, shown).at("request_id"));
        };
        let mut told = json!({
            "object": "feedback", "request_id": request_id, "score": f64::from(self.score_permille) / 1_000.0,
            "place": place, "model": model, "task": task,
        });
        if self.comment {
            told["ignored"] = json!(["comment"]);
        }
        wiring.learned.lesson(Lesson {
            request_id,
            at_unix_ms: arrived_unix_ms,
            place,
            model,
            task,
            origin: Origin::Feedback,
            score_permille: self.score_permille,
            weight_milli: Origin::Feedback.weight_milli(self.score_permille),
            compared: None,
        });
        Ok(told.to_string().into_bytes())
    }
}

fn request_id(fields: &Map<String, Value>) -> Result<String, Fault> {
    match fields.get("request_id") {
        Some(Value::String(id)) if !id.is_empty() && id.len() <= REQUEST_ID_MAX => Ok(id.clone()),
        _ => {
            let shown = format!(
                "`request_id` must be a string of 1 to {REQUEST_ID_MAX} bytes: the header x-request-id of the answer that the \
                 feedback is about."
            );
            Err(Fault::new(Cause::InvalidRequest, shown).at("request_id"))
        }
    }
}

/// Per mille.
fn score(fields: &Map<String, Value>) -> Result<u16, Fault> {
    let there = |name| fields.get(name).filter(|v| !v.is_null());
    match (there("score"), there("thumb")) {
        (Some(score), None) => match score.as_f64().filter(|s| (0.0..=1.0).contains(s)) {
            Some(score) => Ok((score * 1_000.0).round() as u16),
            None => {
                let shown = "`score` must be a number from 0 (bad) to 1 (good).";
                Err(Fault::new(Cause::InvalidRequest, shown).at("score"))
            }
        },
        (None, Some(thumb)) => match thumb.as_str() {
            Some("up") => Ok(1_000),
            Some("down") => Ok(0),
            _ => Err(Fault::new(Cause::InvalidRequest, "`thumb` must be \"up\" or \"down\".").at("thumb")),
        },
        (Some(_), Some(_)) => Err(Fault::new(Cause::InvalidRequest, "Send score or thumb, not both.").at("score")),
        (None, None) => {
            let shown = "Say how good the answer was: `score` from 0 to 1, or `thumb` \"up\" or \"down\".";
            Err(Fault::new(Cause::InvalidRequest, shown).at("score"))
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn score_of(body: &str) -> u16 {
        Said::read(body.as_bytes()).unwrap().score_permille
    }

    fn param(body: &str) -> Option<String> {
        Said::read(body.as_bytes()).unwrap_err().param
    }

    #[test]
    fn scores_and_thumbs_are_read() {
        for (body, score) in [
            (r#"{"request_id":"a","score":0}"#, 0),
            (r#"{"request_id":"a","score":1}"#, 1000),
            (r#"{"request_id":"a","score":0.4567,"thumb":null}"#, 457),
            (r#"{"request_id":"a","thumb":"up"}"#, 1000),
            (r#"{"thumb":"down","request_id":"a"}"#, 0),
        ] {
            assert_eq!(score_of(body), score, "{body}");
        }
        let said = Said::read(br#"{"request_id":"a","thumb":"up","comment":"great"}"#).unwrap();
        assert!(said.comment, "told, so that nobody believes that it is kept");
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (body, at) in [
            (r#"{"request_id":"a","score":1.001}"#, "score"),
            (r#"{"request_id":"a","score":-0.001}"#, "score"),
            (r#"{"request_id":"a","score":true}"#, "score"),
            (r#"{"request_id":"a","score":"1"}"#, "score"),
            (r#"{"request_id":"a"}"#, "score"),
            (r#"{"request_id":"a","score":1,"thumb":"up"}"#, "score"),
            (r#"{"request_id":"a","thumb":"UP"}"#, "thumb"),
            (r#"{"request_id":"a","thumb":1}"#, "thumb"),
            (r#"{"request_id":"","thumb":"up"}"#, "request_id"),
            (r#"{"request_id":7,"thumb":"up"}"#, "request_id"),
            (r#"{"thumb":"up"}"#, "request_id"),
            (r#"{"request_id":"a","thumb":"up","comment":1}"#, "comment"),
            (r#"{"request_id":"a","value":1}"#, "body"),
        ] {
            assert_eq!(param(body).as_deref(), Some(at), "{body}");
        }
        for body in ["", "[]", "1", "{", "\u{0}"] {
            assert_eq!(Said::read(body.as_bytes()).unwrap_err().cause, Cause::InvalidRequest);
        }
    }

    #[test]
    fn an_id_is_as_long_as_the_header_may_be() {
        let body = |n: usize| format!(r#"{{"request_id":"{}","thumb":"up"}}"#, "x".repeat(n));
        assert!(Said::read(body(REQUEST_ID_MAX).as_bytes()).is_ok());
        assert_eq!(param(&body(REQUEST_ID_MAX + 1)).as_deref(), Some("request_id"));
    }
}
