//! From the file to what is in force: defaults, checks across fields, secrets fetched, prices exact, and for every
//! value where it came from.
//!
//! Never here: the network, or building backends (`serve`).

mod audit;
mod capacity;
mod cascade;
mod detect;
mod economics;
mod egress;
mod engine;
mod keys;
mod ledger;
mod places;
mod policy;
mod price;
mod resilience;
mod rules;
mod server;
mod spending;
mod stored;
mod terms;

use super::origin::{Origin, Values};
use super::secret::Env;
use super::shape::File;
use super::source::Source;
use crate::book::Book;
use crate::problem::{Problem, Problems};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

pub(crate) use detect::{DetectSettings, SecondSettings};
pub(crate) use egress::EgressSettings;
pub(crate) use places::{PlaceSettings, is_loopback};
pub(crate) use spending::{Group, Groups};
pub(crate) use stored::take_over as with_stored_keys;

/// What the command line says; it goes before the file.
#[derive(Debug, Clone, Default)]
pub(crate) struct Flags {
    /// `--listen`.
    pub(crate) listen: Option<String>,
    /// `--no-discovery`.
    pub(crate) no_discovery: bool,
}

/// The configuration in force.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) server: ServerSettings,
    /// The ledger; `None` keeps no record.
    pub(crate) ledger: Option<LedgerSettings>,
    /// The audit trail; `None` keeps no evidence.
    pub(crate) audit: Option<audit::AuditSettings>,
    /// The embedded engine; `None` when switched off.
    pub(crate) engine: Option<EngineSettings>,
    pub(crate) discovery: super::shape::Discovery,
    /// What requests are searched for.
    pub(crate) detect: DetectSettings,
    pub(crate) egress: EgressSettings,
    pub(crate) policy: decide::Policy,
    pub(crate) resilience: gateway::CareOptions,
    /// Configured places, in the order of the file; the embedded engine is not among them.
    pub(crate) places: Vec<PlaceSettings>,
    /// Organisations and teams, with what they may spend.
    pub(crate) groups: Groups,
    /// Those of the configuration, then the stored ones.
    pub(crate) keys: Vec<KeySettings>,
    /// The file of the stored ones; `None` where there is no folder for it.
    pub(crate) keys_file: Option<PathBuf>,
    pub(crate) values: Values,
    /// What is allowed but probably not meant.
    pub(crate) warnings: Vec<String>,
}

/// The listening side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ServerSettings {
    pub(crate) listen: SocketAddr,
    pub(crate) body_max_bytes: usize,
    pub(crate) bodies_max_bytes: usize,
    pub(crate) connections_max: usize,
    pub(crate) head: Duration,
    pub(crate) body: Duration,
    pub(crate) idle: Duration,
    pub(crate) deadlines: backend::Deadlines,
    pub(crate) drain: Duration,
    /// Worker threads; `None` is one per core.
    pub(crate) workers: Option<usize>,
}

/// The ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LedgerSettings {
    pub(crate) dir: PathBuf,
    pub(crate) when_failing: ::ledger::WhenFailing,
}

/// The embedded engine.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct EngineSettings {
    pub(crate) place: std::sync::Arc<decide::Place>,
    /// In the order of the file. Empty only where the bundled model is wanted and this build has none.
    pub(crate) models: Vec<::engine::ModelSpec>,
    /// `None` takes what is free.
    pub(crate) memory_bytes: Option<u64>,
    /// `None` is as many as fit.
    pub(crate) max_loaded: Option<u16>,
}

/// A caller's key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeySettings {
    pub(crate) name: String,
    pub(crate) secret_sha256: [u8; 32],
    /// The id of a stored key; `None` for those of the configuration.
    pub(crate) public_id: Option<String>,
    /// The digest before the last rotation, and the Unix second from which on it is refused.
    pub(crate) former: Option<([u8; 32], u64)>,
    pub(crate) expires_unix_s: Option<u64>,
    pub(crate) revoked_unix_s: Option<u64>,
    pub(crate) team: Option<String>,
    /// Its own budgets and limits.
    pub(crate) terms: ::budget::Terms,
    pub(crate) unpriced: Option<decide::Unpriced>,
    pub(crate) routes: Option<Vec<String>>,
    pub(crate) class_max: Option<decide::DataClass>,
    pub(crate) places: Option<Vec<String>>,
    pub(crate) models: Option<Vec<String>>,
    pub(crate) class: Option<decide::DataClass>,
    pub(crate) tags: Vec<std::sync::Arc<str>>,
    pub(crate) durability: decide::Durability,
}

/// What every part of the resolution reads and writes.
pub(crate) struct Reader<'a> {
    pub(crate) source: &'a Source,
    pub(crate) env: Env<'a>,
    pub(crate) book: &'a Book,
    pub(crate) flags: &'a Flags,
    pub(crate) values: Values,
    pub(crate) warnings: Vec<String>,
    /// Terms of places expire.
    pub(crate) now_unix_s: u64,
    problems: Vec<Problem>,
}

impl Reader<'_> {
    /// Where the value at `path` came from if no flag or variable set it.
    pub(crate) fn origin(&self, path: &str) -> Origin {
        match self.source.line(path) {
            Some(line) => Origin::File(format!("{}:{line}", self.source.name())),
            None => Origin::Default,
        }
    }

    /// As [`Reader::origin`], for a value that follows from others when it is not written.
    pub(crate) fn origin_or(&self, path: &str, how: &str) -> Origin {
        match self.origin(path) {
            Origin::Default => Origin::Derived(how.to_owned()),
            written => written,
        }
    }

    /// Something at `path` is wrong; an empty path is not about the file. `what` is a clause that follows `file:line: `.
    pub(crate) fn wrong(&mut self, path: &str, what: impl AsRef<str>, why: impl Into<String>, help: impl Into<String>) {
        let at = if path.is_empty() { String::new() } else { self.source.at(path) };
        let what = if at.is_empty() { what.as_ref().to_owned() } else { format!("{at}: {}", what.as_ref()) };
        self.problems.push(Problem::new(what, why, help));
    }

    /// Something at `path` is allowed but probably not meant.
    pub(crate) fn warn(&mut self, path: &str, what: &str) {
        let at = self.source.at(path);
        self.warnings.push(format!("{at}: {what}"));
    }

    /// Notes a plain value of a section.
    pub(crate) fn note(&mut self, path: &str, value: impl std::fmt::Display) {
        let origin = self.origin(path);
        self.values.note(path, value, origin);
    }
}

/// Whether discovery could ever find a place of that name.
fn may_find(name: &str) -> bool {
    backend::PROFILES.iter().any(|p| p.name == name && (p.key_env.is_some() || p.port.is_some()))
}

/// The section `[egress]` alone.
///
/// # Errors
/// Everything that is wrong with it.
pub(crate) fn egress_alone(
    file: &File,
    source: &Source,
    env: Env<'_>,
    book: &Book,
) -> Result<EgressSettings, Problems> {
    let flags = Flags::default();
    let (values, warnings, problems) = (Values::default(), Vec::new(), Vec::new());
    let mut reader = Reader { source, env, book, flags: &flags, values, warnings, now_unix_s: 0, problems };
    let egress = egress::egress(&mut reader, &file.egress);
    if reader.problems.is_empty() { Ok(egress) } else { Err(Problems(reader.problems)) }
}

/// Turns a file into what is in force.
///
/// # Errors
/// Everything that is wrong, in one list.
pub(crate) fn resolve(
    file: &File,
    source: &Source,
    flags: &Flags,
    env: Env<'_>,
    book: &Book,
) -> Result<Settings, Problems> {
    let now_unix_s = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let (values, warnings, problems) = (Values::default(), Vec::new(), Vec::new());
    let mut reader = Reader { source, env, book, flags, values, warnings, now_unix_s, problems };
    let r = &mut reader;
    let server = server::server(r, &file.server);
    let ledger = ledger::ledger(r, file);
    let audit = audit::audit(r, file);
    let engine = engine::engine(r, file);
    let discovery = server::discovery(r, &file.discovery);
    let mut detect = detect::detect(r, &file.detect);
    let before = book.override_with(Arc::new(price::overrides(r, &file.price)));
    let places = places::places(r, &file.place, engine.as_ref());
    detect.second = detect::second(r, &file.detect, &places, engine.as_ref(), discovery.enabled);
    let egress = egress::egress(r, &file.egress);
    egress::warn_of_refused(r, &egress, &places);
    let names: Vec<&str> =
        places.iter().map(|p| p.place.id.as_str()).chain(engine.iter().map(|e| e.place.id.as_str())).collect();
    let mut policy = policy::policy(r, file, &names, discovery.enabled);
    let (engine_named, ledger_kept) = (engine.as_ref(), ledger.is_some());
    let known =
        cascade::Known { places: &places, engine: engine_named, discovery: discovery.enabled, ledger: ledger_kept };
    cascade::cascade(r, file, &known, &mut policy);
    let resilience = resilience::resilience(r, &file.resilience);
    let groups = spending::groups(r, file);
    let mut keys = keys::keys(r, &file.key, &names, &groups, &policy);
    let keys_file = stored::file(r, file);
    if let Some(path) = &keys_file {
        stored::add(r, path, &mut keys, &groups);
    }
    spending::warn_of_none(r, ledger.is_some(), &groups, &keys);
    if let Some(server) = &server {
        server::refuse_open(r, server, &keys);
    }
    match server {
        Some(server) if reader.problems.is_empty() => Ok(Settings {
            server,
            ledger,
            audit,
            engine,
            discovery,
            detect,
            egress,
            policy,
            resilience,
            places,
            groups,
            keys,
            keys_file,
            values: reader.values,
            warnings: reader.warnings,
        }),
        _ => {
            // What is wrong is not in force, and its prices are not either.
            book.override_with(before);
            Err(Problems(reader.problems))
        }
    }
}
