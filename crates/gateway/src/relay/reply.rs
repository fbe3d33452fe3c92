//! The way back to the caller of one request: one response, good or not, with the headers that explain it.
//!
//! Never here: bodies of answers.

use super::body::Outbound;
use super::fail;
use crate::settle::{Account, Attempt, value};
use decide::{Cause, DataClass, Fault, Found, Nanousd, PlaceId};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use std::fmt::Write as _;
use std::sync::Arc;
use tokio::sync::oneshot;
use wire::Dialect;

// Names made once: parsing them for every response is measurable.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const ANTHROPIC_REQUEST_ID: HeaderName = HeaderName::from_static("request-id");
const PLACE: HeaderName = HeaderName::from_static("x-dewpoint-place");
const MODEL: HeaderName = HeaderName::from_static("x-dewpoint-model");
const DECISION: HeaderName = HeaderName::from_static("x-dewpoint-decision");
const COST: HeaderName = HeaderName::from_static("x-dewpoint-cost-usd");
const CLASS: HeaderName = HeaderName::from_static("x-dewpoint-class");
const SHOULD_RETRY: HeaderName = HeaderName::from_static("x-should-retry");
const REDACTED: HeaderName = HeaderName::from_static("x-dewpoint-redacted");
const DOUBT: HeaderName = HeaderName::from_static("x-dewpoint-doubt");
const ESCALATED_FROM: HeaderName = HeaderName::from_static("x-dewpoint-escalated-from");
/// Kinds that `x-dewpoint-redacted` names; more are only counted.
const KINDS_MAX: usize = 24;

/// The way back to the caller of one request.
pub(crate) struct Reply {
    dialect: Dialect,
    id: Arc<str>,
    to: oneshot::Sender<Response<Outbound>>,
    /// The effective class, once it is known.
    class: Option<DataClass>,
    /// Kinds and counts of what the place that answers did not see.
    redacted: Option<HeaderValue>,
    /// Doubt in the answer that was judged last, and the place of the one that was not shown for it.
    doubt: Option<HeaderValue>,
    escalated_from: Option<HeaderValue>,
    /// What else the request cost: attempts that failed or were outrun, questions of our own; `None` is unknown.
    beside: Option<Nanousd>,
}

impl Reply {
    /// A reply, and the end at which it arrives.
    pub(crate) fn new(dialect: Dialect, id: Arc<str>) -> (Reply, oneshot::Receiver<Response<Outbound>>) {
        let (to, from) = oneshot::channel();
        let (doubt, escalated_from) = (None, None);
        (Reply { dialect, id, to, class: None, redacted: None, doubt, escalated_from, beside: Some(Nanousd(0)) }, from)
    }

    /// A reply for a question of our own beside this one, which the receiver's end stands for.
    pub(crate) fn aside(&self) -> (Reply, oneshot::Receiver<Response<Outbound>>) {
        Reply::new(self.dialect, self.id.clone())
    }

    /// What was charged so far; `None` is unknown.
    pub(crate) fn charges(&self) -> Option<Nanousd> {
        self.beside
    }

    /// An answer was judged: so much is it doubted, and why.
    pub(crate) fn judged(&mut self, doubt: &str) {
        self.doubt = Some(value(doubt));
    }

    /// The answer of `from` (`place/model`) was doubted as `doubt` says, and is not shown.
    pub(crate) fn escalated(&mut self, from: &str, doubt: &str) {
        (self.doubt, self.escalated_from) = (Some(value(doubt)), Some(value(from)));
    }

    /// The effective class of the request is known: every answer says it.
    pub(crate) fn classed(&mut self, class: DataClass) {
        self.class = Some(class);
    }

    /// Something beside the answer cost this much (`None`: unknown), which its caller pays.
    pub(crate) fn charged(&mut self, cost: Option<Nanousd>) {
        self.beside = self.beside.zip(cost).map(|(so_far, cost)| Nanousd(so_far.0.saturating_add(cost.0)));
    }

    /// The answer comes from a place that saw nothing above `above`.
    pub(crate) fn redacted(&mut self, found: &Found, above: DataClass) {
        let out = found.kinds.iter().filter(|(_, count)| count.class > above);
        let mut text = String::new();
        for (i, (kind, count)) in out.clone().take(KINDS_MAX).enumerate() {
            let gap = if i == 0 { "" } else { ", " };
            // Writing into a String cannot fail.
            let _ = write!(text, "{gap}{kind}={}", count.n);
        }
        let more = out.count().saturating_sub(KINDS_MAX);
        if more > 0 {
            let _ = write!(text, ", more={more}");
        }
        self.redacted = Some(value(&text)).filter(|_| !text.is_empty());
    }

    /// Resolves when the caller has gone away.
    pub(crate) async fn left(&mut self) {
        self.to.closed().await;
    }

    /// The dialect and the request id in which a stream would end badly.
    pub(super) fn ident(&self) -> (Dialect, Arc<str>) {
        (self.dialect, self.id.clone())
    }

    /// Answers. Whether anybody is there to take it.
    pub(super) fn send(self, response: Response<Outbound>) -> bool {
        self.to.send(response).is_ok()
    }

    /// Answers with an error.
    pub(crate) fn fail(self, fault: &Fault, place: Option<(&PlaceId, &HeaderValue)>) {
        let mut response = Reply::refusal(self.dialect, &self.id, fault);
        response.headers_mut().insert(COST, told(self.beside));
        if let Some((place, decision)) = place {
            let headers = response.headers_mut();
            headers.insert(PLACE, value(place.as_str()));
            headers.insert(DECISION, decision.clone());
        }
        if let Some(class) = self.class {
            response.headers_mut().insert(CLASS, HeaderValue::from_static(class.as_str()));
        }
        let _ = self.to.send(response);
    }

    /// An error response in the caller's dialect.
    pub(crate) fn refusal(dialect: Dialect, id: &str, fault: &Fault) -> Response<Outbound> {
        let mut response = Response::new(Outbound::full(fail::body(dialect, id, fault)));
        *response.status_mut() =
            StatusCode::from_u16(fault.cause.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        name_request(headers, dialect, id);
        headers.insert(PLACE, HeaderValue::from_static("none"));
        headers.insert(DECISION, HeaderValue::from_static("none"));
        headers.insert(COST, HeaderValue::from_static("0.000000000"));
        if fault.cause == Cause::BudgetExceeded {
            // The SDKs of OpenAI and Anthropic ask again after every 429 unless this says that it does not help.
            headers.insert(SHOULD_RETRY, HeaderValue::from_static("false"));
        }
        if let Some(seconds) = fault.retry_after_s {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }

    /// Names the request on an answer that was given before to another.
    pub(crate) fn name(headers: &mut HeaderMap, dialect: Dialect, id: &str) {
        name_request(headers, dialect, id);
    }

    /// The head of a good answer, with everything that explains it.
    pub(super) fn head(
        &self,
        attempt: &Attempt<'_>,
        account: &Account,
        cost: Option<Nanousd>,
        kind: &'static str,
        body: Outbound,
    ) -> Response<Outbound> {
        let mut response = Response::new(body);
        let headers = response.headers_mut();
        headers.reserve(10);
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        name_request(headers, self.dialect, &self.id);
        headers.insert(PLACE, value(attempt.candidate.place.id.as_str()));
        headers.insert(MODEL, value(&attempt.candidate.model.id));
        headers.insert(DECISION, account.decision_header());
        let cost = cost.zip(self.beside).map(|(cost, beside)| Nanousd(cost.0.saturating_add(beside.0)));
        headers.insert(COST, told(cost));
        if let Some(class) = self.class {
            headers.insert(CLASS, HeaderValue::from_static(class.as_str()));
        }
        if let Some(redacted) = &self.redacted {
            headers.insert(REDACTED, redacted.clone());
        }
        if let Some(doubt) = &self.doubt {
            headers.insert(DOUBT, doubt.clone());
        }
        if let Some(from) = &self.escalated_from {
            headers.insert(ESCALATED_FROM, from.clone());
        }
        response
    }
}

/// A cost; unknown is not zero.
fn told(cost: Option<Nanousd>) -> HeaderValue {
    cost.map_or(HeaderValue::from_static("unknown"), |c| value(&c.to_string()))
}

/// The request id under the name of the ecosystem, and under Anthropic's for its SDK.
fn name_request(headers: &mut HeaderMap, dialect: Dialect, id: &str) {
    let id = value(id);
    if dialect == Dialect::Anthropic {
        headers.insert(ANTHROPIC_REQUEST_ID, id.clone());
    }
    headers.insert(REQUEST_ID, id);
}
