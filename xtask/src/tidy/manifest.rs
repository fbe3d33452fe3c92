//! A package's Cargo.toml, as the rules need it: which rooms and which outside crates it depends on, and where it says so.

use std::collections::BTreeMap;

/// One room's Cargo.toml.
#[derive(Debug, Default)]
pub(super) struct Manifest {
    pub(super) name: String,
    pub(super) path: String,
    /// Rooms it depends on, with the line.
    pub(super) rooms: BTreeMap<String, usize>,
    /// Rooms that only its tests depend on.
    pub(super) dev_rooms: BTreeMap<String, usize>,
    /// Other dependencies of shipped code.
    pub(super) externals: BTreeMap<String, usize>,
}

impl Manifest {
    /// Reads `toml`, which stands as `text` at `path`; `is_room` tells rooms from outside crates.
    pub(super) fn read(
        name: String,
        path: &str,
        text: &str,
        toml: &toml::Table,
        is_room: &dyn Fn(&str) -> bool,
    ) -> Manifest {
        let mut manifest = Manifest { name, path: path.to_owned(), ..Manifest::default() };
        for (section, dev) in [("dependencies", false), ("build-dependencies", false), ("dev-dependencies", true)] {
            let Some(dependencies) = toml.get(section).and_then(toml::Value::as_table) else { continue };
            for dependency in dependencies.keys() {
                let line = line_of(text, section, dependency);
                let list = match (is_room(dependency), dev) {
                    (true, true) => &mut manifest.dev_rooms,
                    (true, false) => &mut manifest.rooms,
                    (false, false) => &mut manifest.externals,
                    (false, true) => continue,
                };
                list.insert(dependency.clone(), line);
            }
        }
        manifest
    }
}

/// The line on which `[section]` names `dependency`.
fn line_of(text: &str, section: &str, dependency: &str) -> usize {
    let header = format!("[{section}]");
    let lines = text.lines().enumerate().skip_while(|(_, l)| l.trim() != header);
    let is_it = |line: &str| {
        line.trim_start().strip_prefix(dependency).is_some_and(|rest| rest.trim_start().starts_with(['=', '.']))
    };
    lines.skip(1).find(|(_, l)| is_it(l)).map_or(1, |(index, _)| index + 1)
}
