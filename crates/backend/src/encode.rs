//! Vectors and scores from a place that speaks OpenAI's dialect, checked against what was asked: a vector too few, or one
//! of another length, would spoil an index without anybody noticing.
//!
//! Never here: paths, profiles, streams.

use crate::call::Call;
use crate::exchange::is_error;
use crate::{Errand, Reply, Route};
use decide::{Cause, Fault, Place, Retry};
use http::{HeaderName, HeaderValue};
use wire::{Ask, Endpoint, Ranking, Vectors, WireError, openai};

/// Sends the request and gives vectors or scores back.
pub(crate) async fn encode(
    call: Call<'_>,
    route: &Route,
    errand: Errand,
    further: &[(HeaderName, HeaderValue)],
    ask: &Ask,
) -> Result<Reply, Fault> {
    let total = call.deadlines.total;
    let response = call.open(route, errand, further, total).await?;
    let body = call.whole(response, total).await?;
    let read = if ask.endpoint == Endpoint::Rerank {
        openai::read_ranking(&body).and_then(|r| ranked(r, ask)).map(|r| Reply::Ranking(Box::new(r)))
    } else {
        openai::read_vectors(&body).and_then(|v| complete(v, ask)).map(|v| Reply::Vectors(Box::new(v)))
    };
    read.map_err(|error| {
        if is_error(&body) {
            let told = wire::upstream_error::read(&body);
            return call.whom.in_band(&told.message, told.kind.as_deref().or(told.code.as_deref()));
        }
        call.whom.invalid(&error.message)
    })
}

/// As many vectors as texts, all of one length, and of the length that was asked for.
fn complete(mut vectors: Vectors, ask: &Ask) -> Result<Vectors, WireError> {
    let encode = ask.encode.as_deref();
    let texts = ask.messages.len() + encode.map_or(0, |e| e.tokens.len());
    let got = vectors.vectors.len();
    if got != texts {
        return Err(WireError::at("data", format!("{got} vectors came for {texts} texts")));
    }
    let first = vectors.vectors.first().map_or(0, wire::Vector::dimensions);
    let length = encode.and_then(|e| e.dimensions).map_or(first, |d| d as usize);
    if let Some(odd) = vectors.vectors.iter().find(|v| v.dimensions() != length || length == 0) {
        let message = format!("a vector has {} numbers, not {length}", odd.dimensions());
        return Err(WireError::at("data", message));
    }
    // Some places do not know the other encoding and answer in theirs.
    let wanted = encode.and_then(|e| e.encoding).unwrap_or_default();
    if vectors.vectors.iter().any(|v| v.encoding() != wanted) {
        vectors.raw = None;
    }
    Ok(vectors)
}

/// Every result names a document of the request, and no document twice.
fn ranked(ranking: Ranking, ask: &Ask) -> Result<Ranking, WireError> {
    let mut seen = vec![false; ask.messages.len()];
    for result in &ranking.results {
        match seen.get_mut(result.index) {
            Some(seen) if !*seen => *seen = true,
            Some(_) => return Err(WireError::at("results", format!("document {} came twice", result.index))),
            None => return Err(WireError::at("results", format!("there is no document {}", result.index))),
        }
    }
    let top = ask.encode.as_deref().and_then(|e| e.top_n).map_or(usize::MAX, |n| n as usize);
    let (got, wanted) = (ranking.results.len(), seen.len().min(top));
    if got < wanted {
        return Err(WireError::at("results", format!("{got} results came where {wanted} were due")));
    }
    Ok(ranking)
}

/// The endpoint is missing at this place only, so another one may answer.
pub(crate) fn no_encoding(place: &Place, endpoint: Endpoint) -> Fault {
    let shown = format!(
        "Place `{}` has no {} endpoint. Use another model; GET /v1/models lists what each can do.",
        place.id,
        endpoint.as_str()
    );
    Fault { retry: Retry::NextPlace, ..Fault::new(Cause::Unsupported, shown) }
}
