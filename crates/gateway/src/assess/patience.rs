//! How long a caller will wait: what the headers of a request say of deadlines. They tighten what is configured and
//! never loosen it.
//!
//! Never here: waiting.

use backend::Deadlines;
use decide::{Cause, Fault};
use http::HeaderValue;
use std::time::Duration;

/// Deadlines named by one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Patience {
    /// `x-dewpoint-timeout-ms`: the whole request, over all attempts.
    total: Option<Duration>,
    /// `x-dewpoint-first-token-ms`: the first content of a stream, of each attempt.
    first: Option<Duration>,
    /// `x-stainless-timeout` (Node) and `x-stainless-read-timeout` (Python): after so long without an answer the SDK hangs up.
    answer: Option<Duration>,
    /// `x-stainless-read-timeout`: after so long without a byte, too.
    silence: Option<Duration>,
}

impl Patience {
    /// Takes one header, if it is one of those that say how long. Of a header sent twice the shorter time counts.
    ///
    /// # Errors
    /// When one of ours is not a positive whole number. What an SDK says of itself is passed over if it is no time: its
    /// user did not write it.
    pub(super) fn note(&mut self, name: &str, value: &HeaderValue) -> Result<bool, Fault> {
        match name {
            "x-dewpoint-timeout-ms" => shorten(&mut self.total, millis(value, "x-dewpoint-timeout-ms")?),
            "x-dewpoint-first-token-ms" => shorten(&mut self.first, millis(value, "x-dewpoint-first-token-ms")?),
            "x-stainless-timeout" => {
                if let Some(limit) = seconds(value) {
                    shorten(&mut self.answer, limit);
                }
            }
            "x-stainless-read-timeout" => {
                if let Some(limit) = seconds(value) {
                    shorten(&mut self.answer, limit);
                    shorten(&mut self.silence, limit);
                }
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// The deadlines in force: of each the shorter one. A plain answer comes whole: it has no first token, and only its
    /// `total` counts.
    pub(crate) fn tighten(&self, configured: Deadlines, streamed: bool) -> Deadlines {
        let within = |limit: Duration, said: Option<Duration>| said.map_or(limit, |s| s.min(limit));
        let mut out = configured;
        out.total = within(out.total, self.total);
        out.first = within(out.first, self.first);
        if streamed {
            out.first = within(out.first, self.answer);
            out.gap = within(out.gap, self.silence);
        } else {
            out.total = within(out.total, self.answer);
        }
        out
    }
}

fn shorten(limit: &mut Option<Duration>, said: Duration) {
    *limit = Some(limit.map_or(said, |l| l.min(said)));
}

/// A positive whole number of milliseconds.
fn millis(value: &HeaderValue, name: &'static str) -> Result<Duration, Fault> {
    let said = value.to_str().ok().and_then(|v| v.trim().parse::<u64>().ok()).filter(|ms| *ms > 0);
    said.map(Duration::from_millis).ok_or_else(|| {
        let shown = format!("The header {name} must be a whole number of milliseconds, at least 1.");
        Fault::new(Cause::InvalidRequest, shown).at(name)
    })
}

/// Seconds as an SDK writes them: `600`, `20.0`, and sometimes `NOT_GIVEN`.
fn seconds(value: &HeaderValue) -> Option<Duration> {
    let said = value.to_str().ok()?.parse::<f64>().ok().filter(|s| *s > 0.0)?;
    Duration::try_from_secs_f64(said).ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn patience(list: &[(&str, &'static str)]) -> Result<Patience, Fault> {
        let mut out = Patience::default();
        for (name, value) in list {
            out.note(name, &HeaderValue::from_static(value))?;
        }
        Ok(out)
    }

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn a_request_tightens_and_never_loosens() {
        let configured = Deadlines { connect: ms(5), first: ms(120), gap: ms(60), total: ms(600) };
        let said = patience(&[("x-dewpoint-timeout-ms", "500"), ("x-dewpoint-first-token-ms", "100")]).unwrap();
        let bound = said.tighten(configured, true);
        assert_eq!((bound.total, bound.first, bound.gap, bound.connect), (ms(500), ms(100), ms(60), ms(5)));
        assert_eq!(said.tighten(configured, false).total, ms(500), "a plain answer has no first token");
        let said = patience(&[("x-dewpoint-timeout-ms", "99999"), ("x-dewpoint-first-token-ms", "99999")]).unwrap();
        assert_eq!(said.tighten(configured, true), configured);
        let twice = patience(&[("x-dewpoint-timeout-ms", "30"), ("x-dewpoint-timeout-ms", "90")]).unwrap();
        assert_eq!(twice.tighten(configured, true).total, ms(30));
    }

    #[test]
    fn an_sdk_that_hangs_up_without_an_answer_bounds_the_wait_for_it_and_not_a_long_stream() {
        let configured = Deadlines::default();
        let node = patience(&[("x-stainless-timeout", "20")]).unwrap();
        let streamed = node.tighten(configured, true);
        assert_eq!((streamed.first, streamed.gap, streamed.total), (ms(20_000), configured.gap, configured.total));
        assert_eq!(node.tighten(configured, false).total, ms(20_000));
        let python = patience(&[("x-stainless-read-timeout", "2.5")]).unwrap();
        let streamed = python.tighten(configured, true);
        assert_eq!((streamed.first, streamed.gap, streamed.total), (ms(2_500), ms(2_500), configured.total));
    }

    #[test]
    fn what_is_no_time_is_refused_in_our_headers_and_passed_over_in_those_of_an_sdk() {
        for name in ["x-dewpoint-timeout-ms", "x-dewpoint-first-token-ms"] {
            for wrong in ["", "0", "-1", "1.5", "10s", "NaN", "1e3", "99999999999999999999"] {
                let fault = patience(&[(name, wrong)]).unwrap_err();
                assert_eq!((fault.cause, fault.param.as_deref()), (Cause::InvalidRequest, Some(name)), "{wrong}");
            }
            assert!(patience(&[(name, "1")]).is_ok() && patience(&[(name, "18446744073709551615")]).is_ok());
        }
        for odd in ["NOT_GIVEN", "", "0", "-3", "NaN", "inf", "1e300"] {
            let said = patience(&[("x-stainless-timeout", odd), ("x-stainless-read-timeout", odd)]).unwrap();
            assert_eq!(said, Patience::default(), "{odd}");
        }
    }
}
