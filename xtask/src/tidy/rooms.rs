//! The map is law: the edges between rooms are those of the table in ARCHITECTURE.md, neither more nor fewer.

use super::source::Source;
use super::{Finding, Tree, manifest::Manifest, pure};
use std::collections::{BTreeMap, BTreeSet};

const MAP: &str = "ARCHITECTURE.md";
/// Rooms that no shipped code may use.
const DEV_ONLY: &str = "testkit";
/// Packages outside the rooms.
const OUTSIDE: [&str; 1] = ["xtask"];

/// The table: each room with the rooms it may import, and its line.
type Table = BTreeMap<String, (BTreeSet<String>, usize)>;

/// Compares the table, the manifests and the sources.
pub(super) fn check(tree: &Tree, sources: &[Source], findings: &mut Vec<Finding>) {
    let table = match tree.files.get(MAP).map(|text| read_table(text)) {
        Some(table) if !table.is_empty() => table,
        _ => {
            findings.push(Finding {
                path: MAP.to_owned(),
                line: 0,
                rule: "no-map",
                what: "no table of rooms between `<!-- rooms:begin -->` and `<!-- rooms:end -->`".to_owned(),
                why: "the table is what the edges between rooms are checked against",
                fix: "restore it: | room | may import | lives here | never here |".to_owned(),
            });
            return;
        }
    };
    let manifests = read_manifests(tree, &table, findings);
    check_presence(&table, &manifests, findings);
    for manifest in manifests.values() {
        pure::check_externals(manifest, findings);
        if let Some((allowed, line)) = table.get(&manifest.name) {
            check_edges(manifest, allowed, *line, sources, findings);
        }
    }
}

fn read_table(text: &str) -> Table {
    let mut table = Table::new();
    let mut inside = false;
    for (index, line) in text.lines().enumerate() {
        inside = (inside || line.contains("<!-- rooms:begin -->")) && !line.contains("<!-- rooms:end -->");
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let [_, room, imports, ..] = cells.as_slice() else { continue };
        if !inside || *room == "room" || room.starts_with('-') {
            continue;
        }
        let imports = imports.split(',').map(str::trim).filter(|i| !matches!(*i, "" | "–" | "-"));
        table.insert((*room).to_owned(), (imports.map(str::to_owned).collect(), index + 1));
    }
    table
}

fn read_manifests(tree: &Tree, table: &Table, findings: &mut Vec<Finding>) -> BTreeMap<String, Manifest> {
    let mut manifests = BTreeMap::new();
    for (path, text) in &tree.files {
        let folder = match path.strip_suffix("/Cargo.toml") {
            Some(folder) if folder.starts_with("crates/") || OUTSIDE.contains(&folder) => folder,
            _ => continue,
        };
        let name = folder.strip_prefix("crates/").unwrap_or(folder).to_owned();
        match toml::from_str::<toml::Table>(text) {
            Ok(toml) => {
                manifests.insert(name.clone(), Manifest::read(name, path, text, &toml, &|n| table.contains_key(n)));
            }
            Err(error) => findings.push(Finding {
                path: path.clone(),
                line: 0,
                rule: "no-parse",
                what: format!("this is not TOML: {}", error.message()),
                why: "no other rule can be checked on it",
                fix: "correct it".to_owned(),
            }),
        }
    }
    manifests
}

fn check_presence(table: &Table, manifests: &BTreeMap<String, Manifest>, findings: &mut Vec<Finding>) {
    for (room, (_, line)) in table {
        if !manifests.contains_key(room) {
            findings.push(Finding {
                path: MAP.to_owned(),
                line: *line,
                rule: "no-room",
                what: format!("the room `{room}` has no crates/{room}/Cargo.toml"),
                why: "the map shows a room that is not there",
                fix: "make the room or take its line out".to_owned(),
            });
        }
    }
    for manifest in manifests.values().filter(|m| !OUTSIDE.contains(&m.name.as_str())) {
        if !table.contains_key(&manifest.name) {
            findings.push(Finding {
                path: manifest.path.clone(),
                line: 1,
                rule: "no-room",
                what: format!("the room `{}` is not in the table of ARCHITECTURE.md", manifest.name),
                why: "a room that is not on the map has no rules",
                fix: "add it to the table and write an ADR, or put the code where it belongs".to_owned(),
            });
        }
    }
}

fn check_edges(
    manifest: &Manifest,
    allowed: &BTreeSet<String>,
    table_line: usize,
    sources: &[Source],
    findings: &mut Vec<Finding>,
) {
    let name = &manifest.name;
    for (room, line) in manifest.rooms.iter().filter(|(room, _)| !allowed.contains(*room)) {
        findings.push(edge(&manifest.path, *line, format!("`{name}` imports `{room}`, which the map does not allow")));
    }
    for (room, line) in manifest.dev_rooms.iter().filter(|(r, _)| !allowed.contains(*r) && *r != DEV_ONLY) {
        findings.push(edge(
            &manifest.path,
            *line,
            format!("the tests of `{name}` import `{room}`; only testkit may come in so"),
        ));
    }
    for room in allowed {
        let used = manifest.rooms.contains_key(room) && uses(sources, name, room);
        if !used {
            let how = if manifest.rooms.contains_key(room) { "does not use it" } else { "does not depend on it" };
            findings.push(edge(MAP, table_line, format!("the map lets `{name}` import `{room}`, and it {how}")));
        }
    }
}

fn edge(path: &str, line: usize, what: String) -> Finding {
    Finding {
        path: path.to_owned(),
        line,
        rule: "edge",
        what,
        why: "the map is exact: an edge that is not on it, or that is on it and not used, misleads whoever reads it",
        fix: "change the code, or the table in ARCHITECTURE.md together with an ADR in docs/adr/".to_owned(),
    }
}

/// Does shipped code of `room` name the crate `other`?
fn uses(sources: &[Source], room: &str, other: &str) -> bool {
    let mut own = sources.iter().filter(|s| s.room() == Some(room) && s.path.contains("/src/"));
    own.any(|s| s.names.iter().any(|n| n.it.parts.first().is_some_and(|first| first == other)))
}

#[cfg(test)]
mod tests {
    use super::super::source;
    use super::*;

    const TABLE: &str = "<!-- rooms:begin -->\n| room | may import | x | y |\n|---|---|---|---|\n| wire | – | | |\n| decide | – | | |\n| sense | wire, decide | | |\n| testkit | wire | | |\n<!-- rooms:end -->\n| ghost | wire |\n";

    fn tree(changes: &[(&str, &str)]) -> Tree {
        let mut tree = Tree::of(&[
            (MAP, TABLE),
            ("crates/wire/Cargo.toml", "[dev-dependencies]\ntestkit.workspace = true\n"),
            ("crates/decide/Cargo.toml", ""),
            ("crates/sense/Cargo.toml", "[dependencies]\nwire.workspace = true\ndecide = { path = \"x\" }\n"),
            ("crates/sense/src/lib.rs", "//! S.\nuse wire::Ask;\nfn f(n: decide::Need) {}"),
            ("crates/testkit/Cargo.toml", "[dependencies]\nwire = { workspace = true }"),
            ("crates/testkit/src/lib.rs", "//! T.\npub use wire::Ask;"),
        ]);
        for (path, text) in changes {
            tree.files.insert((*path).to_owned(), (*text).to_owned());
        }
        tree
    }

    fn found(changes: &[(&str, &str)]) -> Vec<(String, usize, &'static str)> {
        let tree = tree(changes);
        let mut findings = Vec::new();
        check(&tree, &source::parse_all(&tree, &mut Vec::new()), &mut findings);
        findings.into_iter().map(|f| (f.path, f.line, f.rule)).collect()
    }

    #[test]
    fn a_tree_like_its_map_passes() {
        assert_eq!(found(&[]), []);
    }

    #[test]
    fn an_edge_that_is_not_on_the_map_is_reported() {
        let toml = "[dependencies]\nserde = \"1\"\nwire.workspace = true\n";
        assert_eq!(found(&[("crates/decide/Cargo.toml", toml)]), [("crates/decide/Cargo.toml".into(), 3, "edge")]);
        let toml = "[dev-dependencies]\ndecide.workspace = true\n";
        assert_eq!(found(&[("crates/wire/Cargo.toml", toml)]), [("crates/wire/Cargo.toml".into(), 2, "edge")]);
    }

    #[test]
    fn an_edge_that_is_not_used_is_reported() {
        let text = "//! S.\nuse wire::Ask;";
        assert_eq!(found(&[("crates/sense/src/lib.rs", text)]), [(MAP.into(), 6, "edge")]);
        let toml = "[dependencies]\nwire.workspace = true\n";
        assert_eq!(found(&[("crates/sense/Cargo.toml", toml)]), [(MAP.into(), 6, "edge")]);
    }

    #[test]
    fn rooms_and_map_must_name_each_other() {
        assert_eq!(found(&[("crates/plan/Cargo.toml", "")]), [("crates/plan/Cargo.toml".into(), 1, "no-room")]);
        let more = TABLE.replace("| wire | –", "| attic | – | | |\n| wire | –");
        assert_eq!(found(&[(MAP, &more)]), [(MAP.into(), 4, "no-room")]);
        assert_eq!(found(&[(MAP, "no table")]), [(MAP.into(), 0, "no-map")]);
        assert_eq!(found(&[("crates/wire/Cargo.toml", "[[[")]).first().map(|f| f.2), Some("no-parse"));
    }
}
