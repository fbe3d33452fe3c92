//! Pure rooms stay pure: in `wire`, `decide` and `sense`, time, chance and the world are arguments. And each heavy
//! outside crate has one room.

use super::source::Source;
use super::{Finding, manifest::Manifest};

/// Rooms without clock, chance, disk and network.
const PURE: [&str; 3] = ["wire", "decide", "sense"];

/// Crates that bring clock, chance, disk, network or logging into a room, by the first part of their name.
const IMPURE_CRATES: [&str; 24] = [
    "tokio",
    "async",
    "futures",
    "hyper",
    "http",
    "reqwest",
    "ureq",
    "mio",
    "socket2",
    "rustls",
    "rand",
    "getrandom",
    "fastrand",
    "oorandom",
    "uuid",
    "chrono",
    "time",
    "jiff",
    "tracing",
    "log",
    "rusqlite",
    "memmap2",
    "tempfile",
    "notify",
];

/// Parts of the standard library that do the same.
const IMPURE_PATHS: [(&str, &str); 12] = [
    ("std::fs", "the disk"),
    ("std::net", "the network"),
    ("std::env", "the environment"),
    ("std::process", "other processes"),
    ("std::thread", "threads"),
    ("std::time::Instant", "the clock"),
    ("std::time::SystemTime", "the clock"),
    ("std::io::stdin", "standard input"),
    ("std::io::stdout", "standard output"),
    ("std::io::stderr", "standard error"),
    ("std::hash::RandomState", "chance"),
    ("std::collections::hash_map::RandomState", "chance"),
];

/// Outside crates that belong to one room (or to the few named).
const HOMES: [(&str, &[&str]); 8] = [
    ("llama-cpp-2", &["engine"]),
    ("llama-cpp-sys-2", &["engine"]),
    ("minijinja", &["engine"]),
    ("rusqlite", &["ledger"]),
    ("memmap2", &["ledger"]),
    ("hyper-rustls", &["backend"]),
    ("clap", &["app"]),
    ("anyhow", &["app", "xtask"]),
];

/// Reports impure names in pure rooms.
pub(super) fn check(sources: &[Source], findings: &mut Vec<Finding>) {
    for source in sources.iter().filter(|s| !s.test && s.room().is_some_and(|r| PURE.contains(&r))) {
        for name in &source.names {
            let written = name.it.parts.join("::");
            let hit =
                IMPURE_PATHS.iter().find(|(path, _)| written == *path || written.starts_with(&format!("{path}::")));
            if let Some((path, what)) = hit {
                findings.push(finding(&source.path, name.line, format!("`{path}`: {what}")));
            }
        }
        for function in &source.async_functions {
            findings.push(finding(&source.path, function.line, format!("`async fn {}`", function.it)));
        }
    }
}

/// Reports outside crates in the wrong room; `externals` are a room's dependencies that are no rooms, with lines.
pub(super) fn check_externals(room: &Manifest, findings: &mut Vec<Finding>) {
    for (name, line) in &room.externals {
        let family = name.split(['-', '_']).next().unwrap_or(name);
        if PURE.contains(&room.name.as_str()) && IMPURE_CRATES.contains(&family) {
            findings.push(finding(&room.path, *line, format!("`{name}` in the pure room `{}`", room.name)));
        }
        let home = HOMES.iter().find(|(crate_name, _)| crate_name == name);
        if let Some((_, homes)) = home.filter(|(_, homes)| !homes.contains(&room.name.as_str())) {
            findings.push(Finding {
                path: room.path.clone(),
                line: *line,
                rule: "wrong-home",
                what: format!("`{name}` in the room `{}`", room.name),
                why: "a heavy or dangerous crate has one home, so that it can be replaced and watched in one place",
                fix: format!("use it in {} only, behind that room's own nouns", homes.join(" or ")),
            });
        }
    }
}

fn finding(path: &str, line: usize, what: String) -> Finding {
    Finding {
        path: path.to_owned(),
        line,
        rule: "impure",
        what,
        why: "time, chance and the world are arguments in wire, decide and sense, so that the same input gives the same verdict",
        fix: "take what you need as an argument, or do this in the room that calls".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Tree, source};
    use super::*;

    #[test]
    fn the_world_is_seen_in_pure_rooms_only() {
        let text = "//! Head.\nuse std::time::{Duration, Instant};\nfn f() { std::fs::read(p); }\nasync fn g() {}\n";
        let tree = Tree::of(&[
            ("crates/decide/Cargo.toml", ""),
            ("crates/decide/src/a.rs", text),
            ("crates/ledger/Cargo.toml", ""),
            ("crates/ledger/src/a.rs", text),
        ]);
        let mut findings = Vec::new();
        check(&source::parse_all(&tree, &mut Vec::new()), &mut findings);
        let found: Vec<_> = findings.iter().map(|f| (f.path.as_str(), f.line, f.rule)).collect();
        let at = |line| ("crates/decide/src/a.rs", line, "impure");
        assert_eq!(found, [at(2), at(3), at(4)]);
    }

    #[test]
    fn crates_have_homes() {
        let manifest = |name: &str, externals: &[&str]| Manifest {
            name: name.to_owned(),
            path: format!("crates/{name}/Cargo.toml"),
            externals: externals.iter().map(|e| ((*e).to_owned(), 1)).collect(),
            ..Manifest::default()
        };
        let mut findings = Vec::new();
        check_externals(&manifest("sense", &["serde", "futures-util", "tracing"]), &mut findings);
        check_externals(&manifest("gateway", &["tokio", "rusqlite"]), &mut findings);
        check_externals(&manifest("ledger", &["rusqlite"]), &mut findings);
        let found: Vec<_> = findings.iter().map(|f| (f.path.as_str(), f.rule)).collect();
        let sense = ("crates/sense/Cargo.toml", "impure");
        assert_eq!(found, [sense, sense, ("crates/gateway/Cargo.toml", "wrong-home")]);
    }
}
