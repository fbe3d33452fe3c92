//! What is not asked of a model: health, metrics, the list of models, token counts, and paths that do not exist.

use super::line::Line;
use super::{body, feedback, malformed};
use crate::Wiring;
use crate::admit::Caller;
use crate::relay::{Outbound, Reply};
use crate::settle::value;
use bytes::Bytes;
use decide::{Candidate, Cause, Fault, Fleet, Health, Need, Offer, Zone};
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use hyper::body::Incoming;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use wire::Dialect;

const JSON: &str = "application/json";

/// `/healthz`, `/readyz`, `/metrics`: open to whoever reaches the listener, and without anybody's data.
pub(super) fn open(wiring: &Wiring, path: &str, id: &str) -> Response<Outbound> {
    match path {
        "/healthz" => page(StatusCode::OK, JSON, id, r#"{"status":"ok"}"#),
        "/metrics" => {
            page(StatusCode::OK, "application/openmetrics-text; version=1.0.0; charset=utf-8", id, metrics(wiring))
        }
        _ => ready(wiring, id),
    }
}

/// All families, those of the listening side before the one end mark.
fn metrics(wiring: &Wiring) -> String {
    let mut text = wiring.metrics.text();
    let end = text.rfind("# EOF").unwrap_or(text.len());
    text.insert_str(end, &(wiring.care.text() + &wiring.door.text() + &wiring.learned.shadow.text()));
    text
}

/// Ready when at least one place can be asked and we are not stopping.
fn ready(wiring: &Wiring, id: &str) -> Response<Outbound> {
    let fleet = wiring.board.fleet();
    let draining = wiring.draining.load(Ordering::Relaxed);
    let ready = !draining && fleet.places.iter().any(|p| p.health.usable());
    let status = match (draining, ready) {
        (true, _) => "draining",
        (_, true) => "ready",
        _ if fleet.places.iter().any(|p| p.health == Health::Loading) => "loading",
        _ => "no place is ready",
    };
    let places: serde_json::Map<String, Value> = fleet
        .places
        .iter()
        .map(|p| {
            let why = if let Health::Down(why) = &p.health { json!(why) } else { Value::Null };
            (p.place.id.as_str().to_owned(), json!({"state": p.health.as_str(), "why": why, "models": p.models.len()}))
        })
        .collect();
    let trouble = wiring.outlet.trouble();
    let (ready, status) = match &trouble {
        Some(trouble) if trouble.refuses_all && ready => (false, "the ledger does not write"),
        _ => (ready, status),
    };
    let ledger = match trouble {
        None => json!({"state": "writing"}),
        Some(t) => json!({"state": "failing", "why": t.why, "refused": if t.refuses_all { "all" } else { "paid" }}),
    };
    let code = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let mut told = json!({"status": status, "places": places, "ledger": ledger});
    if let Some(trouble) = wiring.witness.trouble() {
        told["audit"] = json!({"state": "failing", "why": trouble.why});
    }
    page(code, JSON, id, told.to_string())
}

/// The fault for a path or method that is not served; `None` for those of [`closed`].
pub(super) fn unknown(method: &Method, path: &str) -> Option<Fault> {
    let wants = match path {
        "/v1/chat/completions"
        | "/v1/completions"
        | "/v1/messages"
        | "/v1/messages/count_tokens"
        | "/v1/embeddings"
        | "/v1/rerank"
        | "/v2/rerank"
        | "/rerank"
        | "/v1/feedback" => &Method::POST,
        "/healthz" | "/readyz" | "/metrics" | "/v1/models" => &Method::GET,
        _ if model_of(path).is_some() => &Method::GET,
        _ => {
            let shown = "There is nothing at this path. Served are POST /v1/chat/completions, /v1/completions, /v1/messages, \
                         /v1/messages/count_tokens, /v1/embeddings, /v1/rerank, /v1/feedback and GET /v1/models, /healthz, /readyz, /metrics.";
            return Some(Fault::new(Cause::NotFound, shown));
        }
    };
    (method != wants).then(|| Fault::new(Cause::MethodNotAllowed, format!("Use {wants} for this path.")))
}

fn model_of(path: &str) -> Option<&str> {
    path.strip_prefix("/v1/models/").filter(|rest| !rest.is_empty())
}

/// Pages behind the key: models, token counts and feedback.
pub(super) async fn closed(
    wiring: &Arc<Wiring>,
    request: Request<Incoming>,
    caller: &Caller,
    id: &str,
    (dialect, unix_ms): (Dialect, u64),
    line: &Line,
) -> Response<Outbound> {
    let path = request.uri().path().to_owned();
    let answered = if path == "/v1/messages/count_tokens" {
        let (head, body) = request.into_parts();
        match body::read(&head.headers, body, &wiring.limits, &wiring.door, line).await {
            Ok(held) => count_tokens(wiring, &held.bytes).await,
            Err(fault) => Err(fault),
        }
    } else if path == "/v1/feedback" {
        feedback::take(wiring, request, caller, unix_ms, line).await
    } else {
        // SDKs encode the slash of `place/model`; decoded once, after the path itself was matched.
        let name = model_of(&path).map(|m| percent_decode_str(m).decode_utf8_lossy());
        models(wiring, caller, name.as_deref(), dialect)
    };
    match answered {
        Ok(body) => page(StatusCode::OK, JSON, id, body),
        Err(fault) => Reply::refusal(dialect, id, &fault),
    }
}

/// Counted by our own engine where the request would go there, or by the published tokenizer of the model it would go to; else
/// estimated from the length of the texts. No other place is ever asked: a count is not worth that a text leaves.
async fn count_tokens(wiring: &Wiring, body: &Bytes) -> Result<Vec<u8>, Fault> {
    let ask = Arc::new(wire::anthropic::read_count_tokens(body).map_err(|e| malformed(&e))?);
    let need = sense::assess(&ask);
    let (fleet, policy) = (wiring.board.fleet().clone(), wiring.policy.load_full());
    let verdict = decide::choose(&need, &fleet, &policy);
    if let Some(fault) = verdict.fault(&need, &fleet).filter(|f| f.cause == Cause::ModelNotFound) {
        return Err(fault);
    }
    // In this process only: nobody has searched it, or asked what class the caller's key has.
    let up = |c: &&Candidate| fleet.find(&c.place.id).is_some_and(|s| s.health == Health::Up);
    let first = verdict.order.first().filter(|c| c.place.zone == Zone::Embedded).filter(up);
    let entry = first.and_then(|c| wiring.board.entry(&c.place.id));
    let counted = match (entry, decide::permit(&verdict, 0, &fleet, &policy)) {
        (Some(entry), Ok(permit)) if permit.redact_above().is_none() => {
            match entry.backend.count(permit, Arc::clone(&ask)) {
                Some(counting) => Some(counting.await?),
                None => None,
            }
        }
        _ => None,
    };
    let counted = match (counted, verdict.order.first()) {
        (None, Some(first)) => crate::settle::prompt_tokens(first, &ask).await,
        (counted, _) => counted.map(u64::from),
    };
    Ok(wire::anthropic::count_tokens_body(counted.unwrap_or(need.input_tokens.into())))
}

/// The list of models, or one of them.
fn models(wiring: &Wiring, caller: &Caller, one: Option<&str>, dialect: Dialect) -> Result<Vec<u8>, Fault> {
    let fleet = wiring.board.fleet();
    let policy = wiring.policy.load();
    let mut rows: Vec<Value> = ["auto", "auto:cheap", "auto:best", "auto:local", "auto:fast"]
        .into_iter()
        .map(str::to_owned)
        .chain(policy.routes.keys().cloned())
        .filter(|name| caller.may_ask(name, &policy).is_ok())
        .map(|name| row(&name, "Dewpoint chooses the place for each request."))
        .collect();
    let may = |place: &str, model: &str| {
        in_scope(caller, place, model) && caller.may_ask(&format!("{place}/{model}"), &policy).is_ok()
    };
    rows.extend(fleet.offers().filter(|o| may(o.state.place.id.as_str(), &o.model.id)).map(|o| {
        let mut row =
            row(&format!("{}/{}", o.state.place.id, o.model.id), describe(&o));
        row["dewpoint"] = json!({
            "place": o.state.place.id, "provider": o.state.place.provider, "tier": o.model.tier.unwrap_or(o.state.place.tier), "kind": o.state.place.kind,
            "zone": o.state.place.zone, "state": o.state.health.as_str(), "context_tokens": o.model.context_tokens,
            "capabilities": o.model.caps, "price": o.model.price,
        });
        row
    }));
    let Some(name) = one else { return Ok(list(rows, dialect)) };
    // A bare id names the first place that has it, as in requests.
    let known = rows.into_iter().find(|r| {
        let id = r["id"].as_str().unwrap_or_default();
        id == name || id.split_once('/').is_some_and(|(_, bare)| bare == name)
    });
    match known {
        Some(row) => Ok(row.to_string().into_bytes()),
        None => Err(not_found(name, &fleet, &policy)),
    }
}

fn list(rows: Vec<Value>, dialect: Dialect) -> Vec<u8> {
    let mut body = json!({"object": "list", "data": rows});
    if dialect == Dialect::Anthropic {
        let end = |r: Option<&Value>| r.map_or(Value::Null, |r| r["id"].clone());
        let (first, last) = (end(rows_of(&body).first()), end(rows_of(&body).last()));
        body["first_id"] = first;
        body["last_id"] = last;
        body["has_more"] = Value::Bool(false);
    }
    body.to_string().into_bytes()
}

fn rows_of(body: &Value) -> &[Value] {
    body["data"].as_array().map_or(&[], Vec::as_slice)
}

/// One model, with the members of both dialects side by side.
fn row(id: &str, description: &str) -> Value {
    json!({
        "id": id, "object": "model", "created": 0, "owned_by": "dewpoint",
        "type": "model", "display_name": id, "created_at": "1970-01-01T00:00:00Z", "description": description,
    })
}

/// The name of the model that comes with Dewpoint (`models/edge`).
const BUNDLED: &str = "dewpoint-edge";

fn describe(offer: &Offer<'_>) -> &'static str {
    match offer.state.place.zone {
        Zone::Embedded if &*offer.model.id == BUNDLED => {
            "A small demonstration model that comes with Dewpoint and runs in its own engine. It shows that local inference \
             works; it is not meant for real work."
        }
        Zone::Embedded => "Runs in Dewpoint's own engine.",
        Zone::SameHost => "Runs on this host.",
        Zone::OwnNetwork => "Runs on the own network.",
        Zone::RentedDedicated => "Runs on a rented machine of one's own.",
        Zone::VendorCloud => "Runs in a vendor's cloud.",
    }
}

fn in_scope(caller: &Caller, place: &str, model: &str) -> bool {
    let Some(key) = &caller.key else { return true };
    let need = Need { places_allowed: key.places.clone(), models_allowed: key.models.clone(), ..Need::default() };
    decide::in_scope(&need, place, model)
}

fn not_found(name: &str, fleet: &Fleet, policy: &decide::Policy) -> Fault {
    let need = Need { model: name.to_owned(), ..Need::default() };
    let verdict = decide::choose(&need, fleet, policy);
    let shown = format!("The model `{name}` does not exist here. GET /v1/models lists those that do.");
    verdict
        .fault(&need, fleet)
        .filter(|f| f.cause == Cause::ModelNotFound)
        .unwrap_or_else(|| Fault::new(Cause::ModelNotFound, shown).at("model"))
}

fn page(status: StatusCode, kind: &'static str, id: &str, body: impl Into<Bytes>) -> Response<Outbound> {
    let mut response = Response::new(Outbound::full(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response.headers_mut().insert("x-request-id", value(id));
    response
}
