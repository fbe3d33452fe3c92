//! What a JSON schema must not say, because the grammar that llama.cpp makes of it would never be finished: an upper
//! bound below its lower one is an endless loop there, and a large one fills the memory.
//!
//! Never here: obeying a schema.

use serde_json::Value;

/// Most repetitions of an item or a character; llama.cpp's own grammar parser refuses more.
const REPEAT_MAX: u64 = 2000;

/// Looks through the whole schema.
///
/// # Errors
/// The text for the caller: which bounds are impossible.
pub(super) fn check(schema: &Value) -> Result<(), String> {
    match schema {
        Value::Object(members) => {
            for (least, most) in [("minLength", "maxLength"), ("minItems", "maxItems")] {
                bounds(least, number(members.get(least)), most, number(members.get(most)))?;
            }
            if let Some(Value::String(pattern)) = members.get("pattern") {
                repeats(pattern)?;
            }
            members.values().try_for_each(check)
        }
        Value::Array(items) => items.iter().try_for_each(check),
        _ => Ok(()),
    }
}

/// A bound as llama.cpp reads it: anything that is a number.
fn number(value: Option<&Value>) -> Option<f64> {
    value.and_then(Value::as_f64)
}

fn bounds(least: &str, min: Option<f64>, most: &str, max: Option<f64>) -> Result<(), String> {
    for (name, value) in [(least, min), (most, max)] {
        if let Some(v) = value.filter(|v| !(0.0..=REPEAT_MAX as f64).contains(v)) {
            return Err(format!("In the JSON schema {name} is {v}; it must be between 0 and {REPEAT_MAX}."));
        }
    }
    match (min, max) {
        (Some(min), Some(max)) if min > max => {
            Err(format!("In the JSON schema {least} is {min} and {most} is {max}: no value can be both."))
        }
        _ => Ok(()),
    }
}

/// The `{2,5}` of a pattern.
fn repeats(pattern: &str) -> Result<(), String> {
    for part in pattern.split('{').skip(1) {
        let Some((inside, _)) = part.split_once('}') else { continue };
        let (min, max) = inside.split_once(',').unwrap_or((inside, inside));
        let number = |text: &str| text.trim().parse::<f64>().ok();
        bounds("the least of a repetition", number(min), "the most", number(max))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::check;

    fn said(schema: &str) -> Result<(), String> {
        check(&serde_json::from_str(schema).unwrap())
    }

    #[test]
    fn bounds_are_taken_at_their_limits_and_refused_past_them() {
        for (least, most) in [("minLength", "maxLength"), ("minItems", "maxItems")] {
            assert_eq!(said(&format!(r#"{{"{least}":3,"{most}":3}}"#)), Ok(()));
            assert_eq!(said(&format!(r#"{{"{least}":0,"{most}":2000}}"#)), Ok(()));
            let crossed = said(&format!(r#"{{"items":[{{"{least}":4,"{most}":3}}]}}"#)).unwrap_err();
            assert!(crossed.contains(least) && crossed.contains(most), "{crossed}");
            assert!(said(&format!(r#"{{"{most}":2001}}"#)).unwrap_err().contains("2001"));
            assert!(said(&format!(r#"{{"{least}":-1}}"#)).unwrap_err().contains("-1"));
        }
    }

    #[test]
    fn repetitions_of_a_pattern_are_bounds_too() {
        for good in ["^a{2,5}$", "^a{3}$", "^a{2,}$", "^a{,5}$", "^{$", "^a{x,y}$", "^a{0,2000}$"] {
            assert_eq!(said(&format!(r#"{{"pattern":"{good}"}}"#)), Ok(()), "{good}");
        }
        for bad in ["^a{5,2}$", "^a{2001}$", "^(b{1,2}c){9,1}$"] {
            assert!(said(&format!(r#"{{"pattern":"{bad}"}}"#)).is_err(), "{bad}");
        }
    }
}
