//! The section `[detect]`: from its tables to the options of the detectors.
//!
//! Never here: compiling patterns (`detect`), so that a command that needs no detector does not pay for them.

use super::Reader;
use crate::config::shape::{Detect, DetectDictionary};
use sense::{Dictionary, FinderOptions, Pattern};
use std::collections::BTreeSet;

/// Bytes of a file of terms at most.
const FILE_MAX: u64 = 16_000_000;
/// Characters of a name at most.
const NAME_MAX: usize = 64;

/// What requests are searched for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DetectSettings {
    pub(crate) enabled: bool,
    pub(crate) options: FinderOptions,
}

pub(super) fn detect(r: &mut Reader<'_>, section: &Detect) -> DetectSettings {
    r.note("detect.enabled", section.enabled);
    if !section.enabled {
        let what = "nothing is searched for personal data and secrets: only what is declared keeps them from a cloud";
        r.warn("detect.enabled", what);
    }
    for (name, list) in [("off", &section.off), ("phone_regions", &section.phone_regions)] {
        r.note(&format!("detect.{name}"), list.join(", "));
    }
    let mut names = BTreeSet::new();
    let mut patterns = Vec::new();
    for (i, pattern) in section.pattern.iter().enumerate() {
        let path = format!("detect.pattern[{i}]");
        name(r, &path, &pattern.name, &mut names);
        let class = pattern.class.into();
        patterns.push(Pattern { name: pattern.name.clone(), regex: pattern.regex.clone(), class });
    }
    let mut dictionaries = Vec::new();
    for (i, dictionary) in section.dictionary.iter().enumerate() {
        let path = format!("detect.dictionary[{i}]");
        name(r, &path, &dictionary.name, &mut names);
        let terms = terms(r, &path, dictionary);
        dictionaries.push(Dictionary { name: dictionary.name.clone(), terms, class: dictionary.class.into() });
    }
    let (off, phone_regions) = (section.off.clone(), section.phone_regions.clone());
    DetectSettings { enabled: section.enabled, options: FinderOptions { patterns, dictionaries, off, phone_regions } }
}

/// A name stands in headers, metrics and placeholders.
fn name(r: &mut Reader<'_>, path: &str, name: &str, names: &mut BTreeSet<String>) {
    let path = format!("{path}.name");
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    if name.is_empty() || name.len() > NAME_MAX || !name.chars().all(fits) {
        let help = format!("write 1 to {NAME_MAX} letters, digits, `_`, `-` or `.`, such as EMPLOYEE_ID");
        r.wrong(&path, format!("\"{name}\" is no name"), "it stands in headers, metrics and placeholders", help);
    }
    if !names.insert(name.to_owned()) {
        let what = format!("the name \"{name}\" is there twice");
        r.wrong(&path, what, "findings are told apart by their names", "give one of them another name");
    }
    r.note(&path, name);
}

fn terms(r: &mut Reader<'_>, path: &str, dictionary: &DetectDictionary) -> Vec<String> {
    let Some(file) = &dictionary.file else {
        if dictionary.terms.iter().all(|t| t.trim().is_empty()) {
            let help = "write terms = [\"…\"], or file = \"…\" with one term per line";
            r.wrong(path, "a dictionary without terms", "there is nothing to look for", help);
        }
        return dictionary.terms.clone();
    };
    let at = format!("{path}.file");
    if !dictionary.terms.is_empty() {
        let what = "a dictionary with `terms` and `file`";
        r.wrong(&at, what, "either may hold the terms, not both", "take one of them out, or make two dictionaries");
    }
    let read = std::fs::metadata(file).map_err(|e| e.to_string()).and_then(|meta| match meta.len() {
        0..=FILE_MAX => std::fs::read_to_string(file).map_err(|e| e.to_string()),
        size => Err(format!("it has {size} bytes; {FILE_MAX} is the most")),
    });
    let found: Vec<String> = match read {
        Ok(text) => text.lines().map(str::trim).filter(|l| !l.is_empty()).map(str::to_owned).collect(),
        Err(why) => {
            r.wrong(&at, format!("{file} cannot be read"), why, "name a readable text file with one term per line");
            return Vec::new();
        }
    };
    if found.is_empty() {
        r.wrong(&at, format!("{file} is empty"), "there is nothing to look for", "write one term per line");
    }
    r.note(&at, format!("{file} ({} terms)", found.len()));
    found
}
