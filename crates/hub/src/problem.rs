//! What is said to people when something cannot be done: what happened, why, and what to do next.
//!
//! Never here: where it is printed.

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}: {why}; {help}")]
pub struct Problem {
    /// What happened.
    pub what: String,
    /// Why.
    pub why: String,
    /// What to do next.
    pub help: String,
}

impl Problem {
    pub(crate) fn new(what: impl Into<String>, why: impl Into<String>, help: impl Into<String>) -> Problem {
        Problem { what: printable(&what.into()), why: printable(&why.into()), help: printable(&help.into()) }
    }

    /// A file of ours that cannot be read or written.
    pub(crate) fn file(verb: &str, path: &std::path::Path, error: &std::io::Error) -> Problem {
        let help = "check that the folder exists, is yours, and can be written; DEWPOINT_MODELS names another one";
        Problem::new(format!("{} cannot be {verb}", path.display()), error.to_string(), help)
    }
}

/// Text from servers and from file names: no control character of it reaches a terminal.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' { '?' } else { c }).collect()
}

/// The nearest of `valid` to `given`, if one is near enough to be a slip of the pen.
pub(crate) fn nearest<'a>(given: &str, valid: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let given = given.to_lowercase();
    valid
        .into_iter()
        .map(|v| (strsim::damerau_levenshtein(&given, &v.to_lowercase()), v))
        .filter(|(distance, v)| *distance <= (v.len().max(given.len()) / 3).max(1))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, v)| v)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_found_and_far_ones_not() {
        assert_eq!(nearest("qwen3-4n", ["qwen3-8b", "qwen3-4b"]), Some("qwen3-4b"));
        assert_eq!(nearest("zebra", ["qwen3-4b"]), None);
    }

    #[test]
    fn what_a_server_says_cannot_steer_the_terminal() {
        assert_eq!(Problem::new("a\u{1b}[2J", "b", "c").what, "a?[2J");
    }
}
