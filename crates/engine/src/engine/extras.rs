//! Members of a request beyond the canonical ones that this engine understands: `logit_bias`, `repetition_penalty`,
//! `service_tier`.
//!
//! Never here: what every engine understands (`request`).

use crate::protocol::Class;
use decide::{Cause, Fault};
use serde_json::Value;
use wire::Ask;

/// Tokens that may be biased at most.
const BIASES_MAX: usize = 1024;
/// A bias is within this, as OpenAI has it: at either end it all but forces or forbids a token.
const BIAS_MAX: f64 = 100.0;
/// Bounds of the repetition penalty; 1 is off.
const REPETITION: std::ops::RangeInclusive<f64> = 0.1..=10.0;

/// What was asked for, every value decided.
#[derive(Debug, PartialEq)]
pub(super) struct Extras {
    pub(super) logit_bias: Vec<(i32, f32)>,
    pub(super) repetition_penalty: f32,
    pub(super) class: Class,
}

/// Reads them.
///
/// # Errors
/// A value that is none, or out of bounds; it names its member.
pub(super) fn extras(ask: &Ask) -> Result<Extras, Fault> {
    let mut extras = Extras { logit_bias: Vec::new(), repetition_penalty: 1.0, class: Class::Interactive };
    for (name, raw) in &ask.extra {
        let known = matches!(name.as_str(), "logit_bias" | "repetition_penalty" | "repeat_penalty" | "service_tier");
        if !known || raw.get().trim() == "null" {
            continue;
        }
        let bad = |text: String| Fault::new(Cause::InvalidRequest, text).at(name.clone());
        let value: Value = serde_json::from_str(raw.get()).map_err(|e| bad(format!("{name} cannot be read: {e}.")))?;
        match name.as_str() {
            "logit_bias" => extras.logit_bias = biases(&value).map_err(bad)?,
            "service_tier" => {
                // Whoever asks for the cheap tier of other providers says that nobody waits.
                if matches!(value.as_str(), Some("flex" | "batch")) {
                    extras.class = Class::Batch;
                }
            }
            _ => {
                let number = value.as_f64().filter(|v| REPETITION.contains(v));
                let (least, most) = (REPETITION.start(), REPETITION.end());
                let refused = || bad(format!("{name} is {value}; it must be between {least} and {most}."));
                extras.repetition_penalty = number.ok_or_else(refused)? as f32;
            }
        }
    }
    Ok(extras)
}

/// Token ids as strings, as OpenAI has them, with what is added to their logits. Whether there is such a token, the worker
/// knows.
fn biases(value: &Value) -> Result<Vec<(i32, f32)>, String> {
    let Some(map) = value.as_object() else {
        return Err("logit_bias must be an object of token ids and numbers.".to_owned());
    };
    if map.len() > BIASES_MAX {
        return Err(format!("logit_bias has {} members, and {BIASES_MAX} is the limit.", map.len()));
    }
    map.iter()
        .map(|(token, bias)| {
            let id = token.parse::<i32>().ok().filter(|id| *id >= 0);
            let id = id.ok_or_else(|| format!("logit_bias names {token:?}, which is no token id."))?;
            let within = bias.as_f64().filter(|b| b.abs() <= BIAS_MAX);
            let refused = || format!("logit_bias of {token} is {bias}; it must be between -{BIAS_MAX} and {BIAS_MAX}.");
            Ok((id, within.ok_or_else(refused)? as f32))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use wire::Endpoint;

    fn with(name: &str, text: &str) -> Result<Extras, Fault> {
        let mut ask = Ask::new(Endpoint::Chat);
        ask.extra.push((name.into(), serde_json::value::RawValue::from_string(text.into()).unwrap()));
        extras(&ask)
    }

    #[test]
    fn biases_are_bounded_and_name_tokens() {
        assert_eq!(with("logit_bias", r#"{"5":-100,"0":100}"#).unwrap().logit_bias, [(0, 100.0), (5, -100.0)]);
        for bad in [r#"{"5":100.5}"#, r#"{"5":-101}"#, r#"{"x":1}"#, r#"{"-1":1}"#, r#"{"5":"1"}"#, "[]", "3"] {
            let fault = with("logit_bias", bad).unwrap_err();
            assert_eq!((fault.cause, fault.param.as_deref()), (Cause::InvalidRequest, Some("logit_bias")), "{bad}");
        }
        let many = |n: usize| format!("{{{}}}", (0..n).map(|i| format!("\"{i}\":1")).collect::<Vec<_>>().join(","));
        assert_eq!(with("logit_bias", &many(BIASES_MAX)).unwrap().logit_bias.len(), BIASES_MAX);
        assert!(with("logit_bias", &many(BIASES_MAX + 1)).is_err());
        assert!(with("logit_bias", "null").unwrap().logit_bias.is_empty());
    }

    #[test]
    fn both_names_of_the_repetition_penalty_are_known_and_bounded() {
        for name in ["repetition_penalty", "repeat_penalty"] {
            for (text, wanted) in [("1.5", 1.5f32), ("0.1", 0.1), ("10", 10.0)] {
                assert_eq!(with(name, text).unwrap().repetition_penalty, wanted);
            }
            for bad in ["0", "0.09", "10.1", "-1", "\"1\""] {
                assert_eq!(with(name, bad).unwrap_err().param.as_deref(), Some(name));
            }
        }
    }

    #[test]
    fn the_cheap_tiers_wait() {
        for (text, class) in [
            ("\"flex\"", Class::Batch),
            ("\"batch\"", Class::Batch),
            ("\"auto\"", Class::Interactive),
            ("\"priority\"", Class::Interactive),
        ] {
            assert_eq!(with("service_tier", text).unwrap().class, class);
        }
    }
}
