//! Configuration: one door. Finding the file, reading it, and what is in force after defaults, flags and environment.
//!
//! Never here: discovery (`discover`) and building what is configured (`serve`).

mod audit;
mod cascade;
mod detect;
mod economics;
mod egress;
mod engine;
mod number;
mod origin;
mod policy;
mod price;
pub(crate) mod reference;
mod resilience;
mod resolve;
mod secret;
mod shape;
mod share;
mod source;
pub(crate) mod spending;
mod words;

pub(crate) use number::nanousd as dollars;
pub(crate) use origin::{Origin, Value, Values};
pub(crate) use resolve::{
    DetectSettings, EgressSettings, EngineSettings, Flags, Group, KeySettings, PlaceSettings, SecondSettings, Settings,
    is_loopback, with_stored_keys,
};
pub(crate) use secret::Env;
pub(crate) use shape::Discovery;

use crate::book::Book;
use crate::problem::{Problem, Problems};
use source::Source;
use std::path::{Path, PathBuf};

/// The file that is looked for where nothing is named.
pub(crate) const FILE: &str = "dewpoint.toml";
/// The variable that names another file.
pub(crate) const FILE_VARIABLE: &str = "DEWPOINT_CONFIG";

/// Which file is in force, and who named it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    /// `None`: nothing is configured.
    pub(crate) path: Option<PathBuf>,
    /// `flag --config`, `environment DEWPOINT_CONFIG`, `the current folder`.
    pub(crate) named_by: &'static str,
}

/// Looks for the file: the flag, else the variable, else `./dewpoint.toml` if it is there.
pub(crate) fn find(flag: Option<&Path>, env: Env<'_>) -> Found {
    if let Some(path) = flag {
        return Found { path: Some(path.to_owned()), named_by: "flag --config" };
    }
    if let Some(path) = env(FILE_VARIABLE).filter(|p| !p.is_empty()) {
        return Found { path: Some(PathBuf::from(path)), named_by: "environment DEWPOINT_CONFIG" };
    }
    let here = Path::new(FILE);
    Found { path: here.exists().then(|| here.to_owned()), named_by: "the current folder" }
}

/// Reads what is configured, complete and checked.
///
/// # Errors
/// Everything that is wrong, with file and line.
pub(crate) fn load(path: Option<&Path>, flags: &Flags, env: Env<'_>, book: &Book) -> Result<Settings, Problems> {
    let (source, file) = match path {
        Some(path) => Source::read(path)?,
        None => (Source::default(), shape::File::default()),
    };
    resolve::resolve(&file, &source, flags, env, book)
}

/// As [`load`], of a text (for tests and for `init`, which checks what it writes).
///
/// # Errors
/// As [`load`].
pub(crate) fn load_text(
    name: &str,
    text: &str,
    flags: &Flags,
    env: Env<'_>,
    book: &Book,
) -> Result<Settings, Problems> {
    let (source, file) = Source::parse(name, text.to_owned()).map_err(|p: Problem| Problems::from(p))?;
    resolve::resolve(&file, &source, flags, env, book)
}

/// Reads the section `[egress]` and nothing else, for commands that need no other.
///
/// # Errors
/// As [`load`]; values of other sections are not looked at.
pub(crate) fn egress(path: Option<&Path>, env: Env<'_>, book: &Book) -> Result<EgressSettings, Problems> {
    let (source, file) = match path {
        Some(path) => Source::read(path)?,
        None => (Source::default(), shape::File::default()),
    };
    resolve::egress_alone(&file, &source, env, book)
}

/// The environment of this process. A variable that is not Unicode counts as not set.
#[expect(clippy::disallowed_methods, reason = "this is the one door")]
pub(crate) fn process_env(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

#[cfg(test)]
mod cascade_tests;
#[cfg(test)]
mod economics_tests;
#[cfg(test)]
#[path = "config_tests.rs"]
mod tests;
