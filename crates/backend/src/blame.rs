//! What an upstream's failure means: whose fault, whether another place may help, and what the caller is told.
//!
//! Never here: trying again (the gateway does), or the dialect in which the caller is told (room `wire`).

mod status;
mod wait;

pub(crate) use status::refusal;

use crate::{CallError, Secret};
use decide::{Cause, Fault, PlaceId, Retry};
use std::time::Duration;

/// Longest piece of an upstream's own words that is shown, in characters.
const WORDS_MAX: usize = 500;

/// Which place failed; what every text starts with.
#[derive(Clone)]
pub(crate) struct Whom {
    pub(crate) place: PlaceId,
    pub(crate) key: Option<Secret>,
}

impl Whom {
    fn fault(&self, cause: Cause, rest: &str) -> Fault {
        Fault::new(cause, format!("Place `{}` {rest}", self.place))
    }

    /// No answer at all.
    pub(crate) fn call(&self, error: &CallError) -> Fault {
        let fault = match error {
            CallError::Connect(_) => self.fault(
                Cause::Connect,
                "cannot be reached. Check that it is running and that its base_url is right, or ask for `auto`.",
            ),
            CallError::ConnectSlow(_) => self.fault(
                Cause::Connect,
                "did not accept a connection in time. Check that it is running and reachable, or ask for `auto`.",
            ),
            CallError::Forbidden { reason, .. } => {
                let why =
                    format!("was not asked: {}. Check the place's base_url and zone, and [egress].", reason.shown());
                Fault { retry: Retry::NextPlace, ..self.fault(Cause::PolicyDenied, &why) }
            }
            CallError::Late => self.fault(Cause::Timeout, "did not begin to answer in time. Try again."),
            CallError::Lost(_) => {
                self.fault(Cause::UpstreamError, "closed the connection before it answered. Try again.")
            }
            CallError::Built(_) => self.fault(Cause::Internal, "was not asked, by a bug of ours. Please report this."),
        };
        fault.because(self.clean(&error.to_string()))
    }

    /// A deadline passed. `what` says which: "did not begin to answer", "stopped answering".
    pub(crate) fn late(&self, what: &str, limit: Duration) -> Fault {
        let limit = if limit < Duration::from_secs(1) {
            format!("{} ms", limit.as_millis())
        } else {
            format!("{} s", limit.as_secs())
        };
        self.fault(Cause::Timeout, &format!("{what} within {limit}. Try again, or ask for a shorter answer."))
    }

    /// The answer broke off.
    pub(crate) fn truncated(&self, why: &str) -> Fault {
        self.fault(Cause::Truncated, "ended its answer before it was complete. Try again.").because(self.clean(why))
    }

    /// The answer is not what the protocol says. The body itself is never shown.
    pub(crate) fn invalid(&self, why: &str) -> Fault {
        self.fault(
            Cause::UpstreamInvalid,
            "answered something that is not its protocol. Check that its base_url and api (or profile) are right.",
        )
        .because(self.clean(why))
    }

    /// An error inside a stream, or inside an answer with status 200.
    pub(crate) fn in_band(&self, message: &str, kind: Option<&str>) -> Fault {
        let words = self.words(message);
        if is_context_length(message, kind) {
            return self.context_length(&words);
        }
        let kind = kind.unwrap_or_default();
        let busy = ["overloaded", "rate_limit", "unavailable", "429", "503", "529"];
        let cause = if busy.iter().any(|b| kind.contains(b)) { Cause::UpstreamBusy } else { Cause::UpstreamError };
        self.fault(cause, &format!("failed while it answered: {words}"))
            .because(self.clean(&format!("in-band error, kind `{kind}`")))
    }

    /// The prompt does not fit there; another place may have a larger window.
    fn context_length(&self, words: &str) -> Fault {
        let mut fault =
            self.fault(Cause::ContextLength, &format!("has too small a context window for this request: {words}"));
        fault.retry = Retry::NextPlace;
        fault
    }

    /// The upstream's words: without the key, control characters or markup, and not too many.
    fn words(&self, message: &str) -> String {
        let clean = self.clean(message);
        let clean = clean.trim();
        if clean.is_empty() || clean.starts_with('<') {
            return "it gave no reason.".to_owned();
        }
        clean.to_owned()
    }

    /// For logs and texts alike.
    fn clean(&self, text: &str) -> String {
        let text = self.key.as_ref().map_or_else(|| text.to_owned(), |key| key.scrub(text));
        let mut out: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(WORDS_MAX).collect();
        if text.chars().nth(WORDS_MAX).is_some() {
            out.push('…');
        }
        out
    }
}

/// The phrases by which engines say that the prompt is too long; none has a code of its own but OpenAI and llama.cpp.
fn is_context_length(message: &str, kind: Option<&str>) -> bool {
    if kind.is_some_and(|k| matches!(k, "context_length_exceeded" | "exceed_context_size_error")) {
        return true;
    }
    let message = message.to_ascii_lowercase();
    [
        "maximum context length",
        "context length exceeded",
        "context_length_exceeded",
        "exceeds the context",
        "exceeds the available context size",
        "exceed context limit",
        "prompt is too long",
        "longer than the model's context length",
        "longer than the maximum model length",
        "max_model_len",
        "max_seq_len",
        "context window",
    ]
    .iter()
    .any(|phrase| message.contains(phrase))
}

#[cfg(test)]
mod tests {
    use super::*;
    use decide::Side;

    fn whom() -> Whom {
        Whom { place: PlaceId::new("p"), key: Some(Secret::new("sk-abcdefgh")) }
    }

    #[test]
    fn a_place_that_cannot_be_reached_may_be_replaced() {
        let fault = whom().call(&CallError::Connect("http://10.0.0.1: refused".into()));
        assert_eq!((fault.cause, fault.retry, fault.side), (Cause::Connect, Retry::NextPlace, Side::Backend));
        assert!(!fault.shown.contains("10.0.0.1"), "addresses are for logs: {}", fault.shown);
        assert!(fault.detail.is_some_and(|d| d.contains("10.0.0.1")));
    }

    #[test]
    fn words_are_cleaned_and_short() {
        let fault = whom().in_band(&format!("bad\nkey sk-abcdefgh {}", "x".repeat(2000)), None);
        assert!(!fault.shown.contains("sk-abcdefgh") && !fault.shown.contains('\n'));
        assert!(fault.shown.chars().count() < 600);
        let fault = whom().in_band("<html><h1>Login</h1>", None);
        assert!(!fault.shown.contains("Login"));
    }

    #[test]
    fn what_is_logged_of_a_kind_has_no_key_either_and_is_short() {
        let kind = format!("sk-abcdefgh {}", "x".repeat(2000));
        let detail = whom().in_band("boom", Some(&kind)).detail.unwrap_or_default();
        assert!(!detail.contains("sk-abcdefgh") && detail.chars().count() <= WORDS_MAX + 1, "{detail}");
    }

    #[test]
    fn in_band_errors_have_the_cause_of_their_kind() {
        assert_eq!(whom().in_band("Overloaded", Some("overloaded_error")).cause, Cause::UpstreamBusy);
        assert_eq!(whom().in_band("boom", Some("server_error")).cause, Cause::UpstreamError);
        let fault = whom().in_band("This model's maximum context length is 10 tokens", None);
        assert_eq!((fault.cause, fault.retry), (Cause::ContextLength, Retry::NextPlace));
    }
}
