//! The text of a configuration file: where each key stands, and what the TOML reader's errors mean in plain words.
//!
//! Never here: meaning of the values (`resolve`).

use super::secret::LITERAL;
use super::shape::File;
use crate::problem::{Problem, suggest};
use serde::Deserialize;
use std::ops::Range;
use std::path::Path;
use toml::de::{DeTable, DeValue};

/// Largest configuration file, bytes.
const FILE_MAX: u64 = 4 * 1024 * 1024;

/// A configuration file and where each of its keys stands.
#[derive(Debug, Clone, Default)]
pub(crate) struct Source {
    name: String,
    text: String,
    spots: Vec<Spot>,
}

/// One key of the file.
#[derive(Debug, Clone)]
struct Spot {
    /// `place[0].models[1].price.input_per_mtok`.
    path: String,
    key: Range<usize>,
    value: Range<usize>,
}

impl Source {
    /// Reads and parses a file.
    ///
    /// # Errors
    /// The file cannot be read, is not TOML, or has an unknown key or a wrong type; with file and line.
    pub(crate) fn read(path: &Path) -> Result<(Source, File), Problem> {
        let name = path.display().to_string();
        let fault = |why: String| {
            let help = "name a readable file with --config or DEWPOINT_CONFIG, or write one with `dewpoint init`";
            Problem::new(format!("the configuration {name} cannot be read"), why, help)
        };
        let size = std::fs::metadata(path).map_err(|e| fault(e.to_string()))?.len();
        if size > FILE_MAX {
            return Err(fault(format!("it has {size} bytes; {FILE_MAX} is the most")));
        }
        let text = std::fs::read_to_string(path).map_err(|e| fault(e.to_string()))?;
        Source::parse(&name, text)
    }

    /// Parses a text that is called `name` in messages.
    ///
    /// # Errors
    /// As [`Source::read`].
    pub(crate) fn parse(name: &str, text: String) -> Result<(Source, File), Problem> {
        let mut source = Source { name: name.to_owned(), text, spots: Vec::new() };
        let table = DeTable::parse(&source.text).map_err(|e| source.syntax(&e))?;
        let mut spots = Vec::new();
        walk_table(table.get_ref(), "", &mut spots);
        source.spots = spots;
        let file = toml::Deserializer::parse(&source.text)
            .and_then(File::deserialize)
            .map_err(|e| source.explain(e.message(), e.span()))?;
        Ok((source, file))
    }

    /// `dewpoint.toml:12` for the key at `path`; the nearest table that is written where `path` itself is not.
    pub(crate) fn at(&self, path: &str) -> String {
        let mut path = path;
        loop {
            if let Some(line) = self.line(path) {
                return format!("{}:{line}", self.name);
            }
            match path.rfind(['.', '[']) {
                Some(cut) => path = &path[..cut],
                None => return self.name.clone(),
            }
        }
    }

    /// The line (from 1) of the key at `path`, if it is written.
    pub(crate) fn line(&self, path: &str) -> Option<usize> {
        self.spots.iter().find(|s| s.path == path).map(|s| self.line_of(s.key.start))
    }

    /// The text of the file at `span`.
    pub(crate) fn written(&self, span: &Range<usize>) -> &str {
        self.text.get(span.clone()).unwrap_or_default()
    }

    /// The name that messages use.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    fn line_of(&self, offset: usize) -> usize {
        self.text.bytes().take(offset).filter(|b| *b == b'\n').count() + 1
    }

    fn syntax(&self, error: &toml::de::Error) -> Problem {
        let line = error.span().map_or(1, |s| self.line_of(s.start));
        let help = "correct the line; strings need quotes, a table starts with [name] and a list entry with [[name]]";
        Problem::new(format!("{}:{line}: not valid TOML", self.name), sentence(error.message()), help)
    }

    /// Says in plain words what serde said about the key or value at `span`.
    fn explain(&self, message: &str, span: Option<Range<usize>>) -> Problem {
        let spot = span.as_ref().and_then(|s| self.spot(s));
        let path = spot.map_or("", |s| s.path.as_str());
        let line = span.as_ref().map_or(1, |s| self.line_of(s.start));
        let at = format!("{}:{line}", self.name);
        let words = quoted(message);
        let (first, rest) = words.split_first().map_or(("", &[][..]), |(f, r)| (*f, r));
        if message.starts_with("unknown field") {
            let section = section(parent(path));
            let why = format!("{section} has no key of that name");
            return Problem::new(format!("{at}: unknown key \"{first}\" in {section}"), why, suggest(first, rest));
        }
        let key = plain(path);
        if message.starts_with("unknown variant") {
            let why = format!("{key} takes one of a few words");
            return Problem::new(format!("{at}: \"{first}\" is not possible for {key}"), why, suggest(first, rest));
        }
        if message.starts_with("missing field") {
            let section = section(path);
            let why = format!("every {section} needs it");
            return Problem::new(
                format!("{at}: {section} has no \"{first}\""),
                why,
                format!("add a line {first} = …, see docs/book/configuration.md"),
            );
        }
        if message.contains(LITERAL) {
            let why = "a key in a configuration file ends up in backups and repositories";
            let help =
                "write { env = \"NAME\" } or { file = \"/run/secrets/name\" }, and replace the key that was here";
            return Problem::new(format!("{at}: {key} holds the secret itself"), why, help);
        }
        let (why, expected) = match message.rsplit_once("expected ") {
            Some((why, expected)) => (why.trim_end_matches([',', ' ']), expected),
            None => (message, "another type"),
        };
        let why = if why.is_empty() { "the key is there in a form that is not known" } else { why };
        Problem::new(
            format!("{at}: wrong value for {key}"),
            sentence(why),
            format!("write {}", type_in_words(expected)),
        )
    }

    /// The key at `span`, else the innermost one around it.
    fn spot(&self, span: &Range<usize>) -> Option<&Spot> {
        let exact = self.spots.iter().rev().find(|s| s.key == *span || s.value == *span);
        exact.or_else(|| {
            let around = self.spots.iter().filter(|s| s.value.start <= span.start && span.end <= s.value.end);
            around.min_by_key(|s| s.value.len())
        })
    }
}

fn walk_table(table: &DeTable<'_>, path: &str, spots: &mut Vec<Spot>) {
    for (key, value) in table {
        let path = if path.is_empty() { key.get_ref().to_string() } else { format!("{path}.{}", key.get_ref()) };
        spots.push(Spot { path: path.clone(), key: key.span(), value: value.span() });
        walk_value(value.get_ref(), &path, spots);
    }
}

fn walk_value(value: &DeValue<'_>, path: &str, spots: &mut Vec<Spot>) {
    match value {
        DeValue::Table(table) => walk_table(table, path, spots),
        DeValue::Array(array) => {
            for (i, item) in array.iter().enumerate() {
                let path = format!("{path}[{i}]");
                spots.push(Spot { path: path.clone(), key: item.span(), value: item.span() });
                walk_value(item.get_ref(), &path, spots);
            }
        }
        _ => {}
    }
}

/// The words in backticks, in order: serde quotes names so.
fn quoted(message: &str) -> Vec<&str> {
    message.split('`').skip(1).step_by(2).collect()
}

fn parent(path: &str) -> &str {
    path.rfind('.').map_or("", |cut| &path[..cut])
}

/// `place[0].models[1]` → `place.models`.
fn plain(path: &str) -> String {
    let mut out = String::new();
    let mut inside = false;
    for c in path.chars() {
        match c {
            '[' => inside = true,
            ']' => inside = false,
            c if !inside => out.push(c),
            _ => {}
        }
    }
    out
}

/// How a table is written in the file: `[server]`, `[[place]]`, `place.models`, or the top level.
fn section(path: &str) -> String {
    let name = plain(path);
    match (name.as_str(), path.ends_with(']')) {
        ("", _) => "the file".to_owned(),
        (n, _) if n.contains('.') => n.to_owned(),
        (n, true) => format!("[[{n}]]"),
        (n, false) => format!("[{n}]"),
    }
}

/// First letter large, and no line breaks.
fn sentence(message: &str) -> String {
    let line = message.replace('\n', "; ");
    let mut chars = line.chars();
    chars.next().map_or(String::new(), |c| c.to_uppercase().collect::<String>() + chars.as_str())
}

/// What serde calls a Rust type, in words.
fn type_in_words(expected: &str) -> String {
    match expected {
        "u8" => "a whole number from 0 to 255",
        "u16" => "a whole number from 0 to 65535",
        "u32" | "u64" => "a whole number, not negative",
        "a string" | "string" => "a string in quotes",
        "a boolean" => "true or false",
        "a sequence" => "a list in square brackets",
        "a map" => "a table",
        other if other.starts_with("struct ") => "a table",
        other => other,
    }
    .to_owned()
}

#[cfg(test)]
#[path = "source_tests.rs"]
mod tests;
