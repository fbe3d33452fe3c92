//! What is said to the operator when something cannot be done: what happened, why, and what to do next.
//!
//! Never here: faults of requests (`decide::Fault`).

use std::fmt;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    /// What happened, with `file:line` where there is one.
    pub(crate) what: String,
    /// Why.
    pub(crate) why: String,
    /// What to do next.
    pub(crate) help: String,
}

impl Problem {
    /// A problem that stops the command.
    pub(crate) fn new(what: impl Into<String>, why: impl Into<String>, help: impl Into<String>) -> Problem {
        Problem { what: what.into(), why: why.into(), help: help.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}\n  {}\n  help: {}", self.what, self.why, self.help)
    }
}

/// Everything that is wrong, in the order of the file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Problems(pub(crate) Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, problem) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Problems {
        Problems(vec![problem])
    }
}

/// Any error in the form of a [`Problem`].
pub(crate) fn shown(error: &anyhow::Error) -> String {
    if let Some(problems) = error.downcast_ref::<Problems>() {
        return problems.to_string();
    }
    let causes: Vec<String> = error.chain().skip(1).map(ToString::to_string).collect();
    let why = if causes.is_empty() { "no cause is known".to_owned() } else { causes.join(": ") };
    let help = "if this looks like a mistake of Dewpoint, please report it with this text";
    Problem::new(error.to_string(), why, help).to_string()
}

/// The nearest of `valid` to `given`, if one is near enough to be a slip of the pen.
pub(crate) fn nearest<'a>(given: &str, valid: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    valid
        .into_iter()
        .map(|v| (strsim::damerau_levenshtein(&given.to_lowercase(), &v.to_lowercase()), v))
        .filter(|(distance, v)| *distance <= (v.len().max(given.len()) / 3).max(1))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, v)| v)
}

/// `did you mean "x"? ` and then the whole list, for a `help:` line.
pub(crate) fn suggest(given: &str, valid: &[&str]) -> String {
    let list = valid.join(", ");
    match nearest(given, valid.iter().copied()) {
        Some(near) => format!("did you mean \"{near}\"? Possible: {list}"),
        None => format!("possible: {list}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_is_a_slip_of_the_pen_or_nothing() {
        assert_eq!(nearest("modles", ["models", "model", "name"]), Some("models"));
        assert_eq!(nearest("base-url", ["base_url", "name"]), Some("base_url"));
        assert_eq!(nearest("colour", ["name", "api"]), None);
    }

    #[test]
    fn shown_in_three_lines() {
        let p = Problem::new("a", "b", "c");
        assert_eq!(p.to_string(), "error: a\n  b\n  help: c");
    }
}
