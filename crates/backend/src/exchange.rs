//! One attempt in one flavour of a protocol, plain or streamed; the three adapters differ in the values they put here.
//!
//! Never here: paths, profiles, dialects.

use crate::call::{Call, has_type};
use crate::signs::Wish;
use crate::stream::{Decode, at_once, relay};
use crate::{Errand, Reply, Route};
use bytes::Bytes;
use decide::Fault;
use http::{HeaderName, HeaderValue, Response};
use hyper::body::Incoming;
use serde::Deserialize;
use wire::{Answer, WireError};

/// How answers of one flavour are read.
pub(crate) struct Spoken {
    /// The whole body of a plain answer.
    pub(crate) plain: fn(&Bytes) -> Result<Answer, WireError>,
    /// A fresh decoder for a stream.
    pub(crate) decode: fn() -> Box<dyn Decode>,
    /// Streams are lines of JSON, so that an answer in one piece is a stream of one line.
    pub(crate) lines: bool,
}

/// Sends the request and gives the answer back. A stream is given back as soon as its head is there; its first chunk may
/// still be a fault.
pub(crate) async fn exchange(
    call: Call<'_>,
    route: &Route,
    ask: Errand,
    further: &[(HeaderName, HeaderValue)],
    wish: Wish,
    spoken: &Spoken,
) -> Result<Reply, Fault> {
    let total = call.deadlines.total;
    if !wish.streamed {
        let response = call.open(route, ask, further, total).await?;
        let answer = wish.taken(plain(&call, response, spoken).await?);
        return Ok(Reply::Plain(Box::new(answer)));
    }
    let response = call.open(route, ask, further, call.deadlines.first.min(total)).await?;
    // Some servers answer a stream request in one piece: those that have no streams, and those that failed.
    if !spoken.lines && has_type(response.headers(), "application/json") {
        let answer = wish.taken(plain(&call, response, spoken).await?);
        return Ok(Reply::Stream(at_once(answer.into_events())));
    }
    let body = response.into_body();
    Ok(Reply::Stream(relay(body, wish.decoder((spoken.decode)()), call.whom.clone(), call.deadlines, call.started)))
}

/// Adds a member to a request's JSON object, which has members and none of that name.
pub(crate) fn say(body: &mut Vec<u8>, member: &str) {
    if body.pop_if(|last| *last == b'}').is_some() {
        body.push(b',');
        body.extend_from_slice(member.as_bytes());
        body.push(b'}');
    }
}

/// Reads a plain answer. One without any choice is an error in disguise (`{"error": …}` with status 200), or garbage.
async fn plain(call: &Call<'_>, response: Response<Incoming>, spoken: &Spoken) -> Result<Answer, Fault> {
    let body = call.whole(response, call.deadlines.total).await?;
    let why = match (spoken.plain)(&body) {
        Ok(answer) if !answer.choices.is_empty() => return Ok(answer),
        Ok(_) => "the answer has no choice".to_owned(),
        Err(error) => error.message,
    };
    if is_error(&body) {
        let told = wire::upstream_error::read(&body);
        return Err(call.whom.in_band(&told.message, told.kind.as_deref().or(told.code.as_deref())));
    }
    Err(call.whom.invalid(&why))
}

/// Whether a document says of itself that it is an error, in any of the known shapes.
pub(crate) fn is_error(body: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Marks {
        error: Option<serde::de::IgnoredAny>,
        object: Option<String>,
        #[serde(rename = "type")]
        kind: Option<String>,
    }
    serde_json::from_slice::<Marks>(body)
        .is_ok_and(|m| m.error.is_some() || m.object.as_deref() == Some("error") || m.kind.as_deref() == Some("error"))
}
