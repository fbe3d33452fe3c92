//! Where each effective value came from, for `dewpoint check`.
//!
//! Never here: secrets. A secret is shown as where it is.

use std::fmt;

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    /// Built in.
    Default,
    /// Follows from other values; says how.
    Derived(String),
    /// `dewpoint.toml:12`.
    File(String),
    /// Name of an environment variable.
    Environment(String),
    /// A flag of the command line.
    Flag(&'static str),
    /// Found by looking; says where.
    Discovered(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Default => f.write_str("default"),
            Origin::Derived(how) => write!(f, "default, {how}"),
            Origin::File(at) => f.write_str(at),
            Origin::Environment(name) => write!(f, "environment {name}"),
            Origin::Flag(flag) => write!(f, "flag {flag}"),
            Origin::Discovered(how) => write!(f, "discovered, {how}"),
        }
    }
}

/// One effective value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Value {
    /// `server.listen`, `place.openai.zone`.
    pub(crate) path: String,
    /// As it is shown.
    pub(crate) value: String,
    /// Where it came from.
    pub(crate) origin: Origin,
}

/// Every effective value, in the order of the reference page.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Values(pub(crate) Vec<Value>);

impl Values {
    /// Notes one value.
    pub(crate) fn note(&mut self, path: impl Into<String>, value: impl fmt::Display, origin: Origin) {
        self.0.push(Value { path: path.into(), value: value.to_string(), origin });
    }

    /// The origin of one value.
    #[cfg(test)]
    pub(crate) fn origin(&self, path: &str) -> Option<&Origin> {
        self.0.iter().find(|v| v.path == path).map(|v| &v.origin)
    }
}

impl fmt::Display for Values {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let left = |v: &Value| format!("{} = {}", v.path, v.value);
        let width = self.0.iter().map(|v| left(v).chars().count()).filter(|w| *w <= 64).max().unwrap_or(0);
        for value in &self.0 {
            writeln!(f, "{:width$}  # {}", left(value), value.origin)?;
        }
        Ok(())
    }
}
