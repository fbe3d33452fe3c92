//! The section `[detect]`: from its tables to the options of the detectors.
//!
//! Never here: compiling patterns (`detect`), so that a command that needs no detector does not pay for them.

use super::{EngineSettings, PlaceSettings, Reader};
use crate::config::shape::{Detect, DetectDictionary};
use crate::problem::nearest;
use decide::Zone;
use sense::{Dictionary, FinderOptions, Pattern};
use std::collections::BTreeSet;
use std::time::Duration;

/// Bytes of a file of terms at most.
const FILE_MAX: u64 = 16_000_000;
/// Characters of a name at most.
const NAME_MAX: usize = 64;

/// What requests are searched for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DetectSettings {
    pub(crate) enabled: bool,
    pub(crate) options: FinderOptions,
    /// A model that reads what patterns do not find.
    pub(crate) second: Option<SecondSettings>,
}

/// The second reader.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SecondSettings {
    /// `place/model`.
    pub(crate) name: String,
    pub(crate) within: Duration,
    pub(crate) bytes_max: usize,
}

/// Bounds of what the second reader gets: time in milliseconds, bytes of text.
const READER_MS: (u64, u64) = (50, 60_000);
const READER_BYTES: (u64, u64) = (1_000, 1_000_000);

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
    DetectSettings {
        enabled: section.enabled,
        options: FinderOptions { patterns, dictionaries, off, phone_regions },
        second: None,
    }
}

/// The second reader, which has to be a place on own ground.
pub(super) fn second(
    r: &mut Reader<'_>,
    section: &Detect,
    places: &[PlaceSettings],
    engine: Option<&EngineSettings>,
    discovery: bool,
) -> Option<SecondSettings> {
    r.note("detect.reader", section.reader.as_deref().unwrap_or("none"));
    for (name, value, (least, most)) in
        [("reader_ms", section.reader_ms, READER_MS), ("reader_max_bytes", section.reader_max_bytes, READER_BYTES)]
    {
        let path = format!("detect.{name}");
        r.note(&path, value);
        if !(least..=most).contains(&value) {
            let help = format!("write {least} to {most}");
            r.wrong(&path, format!("{name} is {value}"), "a reading has a bound that can be kept", help);
        }
    }
    let path = "detect.reader";
    let name = section.reader.as_deref()?;
    if !section.enabled {
        let why = "enabled = false switches all searching off, and the reader searches";
        r.wrong(path, "a second reader without a first", why, "set enabled = true, or take reader out");
    }
    let Some((place, model)) = name.split_once('/').filter(|(p, m)| !p.is_empty() && !m.is_empty()) else {
        let help = "write for example \"ollama/gemma3:4b\"";
        r.wrong(path, format!("\"{name}\" is no reader"), "a reader is place/model", help);
        return None;
    };
    at_home(r, (name, place, model), places, engine, discovery);
    Some(SecondSettings {
        name: name.to_owned(),
        within: Duration::from_millis(section.reader_ms),
        bytes_max: usize::try_from(section.reader_max_bytes).unwrap_or(usize::MAX),
    })
}

/// The place of the second reader is there, on own ground, and lists the model where it lists any.
fn at_home(
    r: &mut Reader<'_>,
    (name, place, model): (&str, &str, &str),
    places: &[PlaceSettings],
    engine: Option<&EngineSettings>,
    discovery: bool,
) {
    let path = "detect.reader";
    let configured = places.iter().find(|p| p.place.id.as_str() == place);
    let engine_zone = engine.filter(|e| e.place.id.as_str() == place).map(|e| e.place.zone);
    let zone = configured.map(|p| p.place.zone).or(engine_zone);
    // What discovery finds on this host is on own ground; what it finds by a key is a cloud.
    let on_this_host = backend::PROFILES.iter().any(|p| p.name == place && p.port.is_some());
    match zone {
        Some(zone) if zone.is_own_ground() => {}
        Some(zone) => {
            let what = format!("the reader \"{name}\" is in zone {}", zone.as_str());
            let why = "it sees every text before it is known whether that may leave, so it has to be on own ground";
            let help = format!(
                "name a place of zone {}, {} or {}",
                Zone::Embedded.as_str(),
                Zone::SameHost.as_str(),
                Zone::OwnNetwork.as_str()
            );
            r.wrong(path, what, why, help);
        }
        None if discovery && on_this_host => {
            let what =
                "the place of the second reader is not configured: until it is discovered, nothing leaves this host";
            r.warn(path, what);
        }
        None => {
            let known: Vec<&str> =
                places.iter().map(|p| p.place.id.as_str()).chain(engine.map(|e| e.place.id.as_str())).collect();
            let help = match nearest(place, known.iter().copied()) {
                Some(near) => format!("did you mean \"{near}/{model}\"?"),
                None => format!("add a [[place]] called \"{place}\", or take the reader out"),
            };
            let what = format!("the reader \"{name}\" names an unknown place");
            r.wrong(path, what, format!("places here: {}", known.join(", ")), help);
        }
    }
    if let Some(listed) = configured.filter(|p| !p.models.is_empty() && p.models.iter().all(|m| &*m.id != model)) {
        let known: Vec<&str> = listed.models.iter().map(|m| &*m.id).collect();
        let what = format!("the reader \"{name}\" names a model that the place does not list");
        r.wrong(path, what, format!("its models are {}", known.join(", ")), "name one of them, or add it to the place");
    }
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
