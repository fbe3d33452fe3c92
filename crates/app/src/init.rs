//! `dewpoint init`: writes a commented `dewpoint.toml` for what is discovered here.
//!
//! Never here: keys. A key stays where it was found, in the environment.

use crate::book::Book;
use crate::cli;
use crate::config::{self, Flags, PlaceSettings};
use crate::discover::{self, Finds};
use crate::problem::{Problem, Problems};
use crate::{fleet, table};
use anyhow::Result;
use decide::{Fleet, PlaceState};
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

/// Models written per place.
const MODELS_MAX: usize = 12;

/// Writes the file; refuses to replace one unless told to.
pub(crate) fn run(args: &cli::Init) -> Result<ExitCode> {
    let path = args.common.config.clone().unwrap_or_else(|| PathBuf::from(config::FILE));
    if path.exists() && !args.force {
        let what = format!("{} is there already", path.display());
        let help = "edit it, or replace it with `dewpoint init --force`";
        return Err(Problems::from(Problem::new(what, "it may hold what you wrote", help)).into());
    }
    let book = Arc::new(Book::built_in()?);
    let flags = Flags { listen: None, no_discovery: args.common.no_discovery };
    // As if nothing were configured: everything that is found is written.
    let settings = config::load(None, &flags, &config::process_env, &book)?;
    let (finds, fleet) = fleet::short_runtime()?.block_on(async {
        let dialer = fleet::dialer(&settings)?;
        let ports = discover::usual_ports(&config::process_env);
        let finds = discover::look(&settings, &config::process_env, &book, &dialer, &ports).await;
        let fleet = fleet::survey(&finds.places, &book, &dialer).await?;
        anyhow::Ok((finds, fleet))
    })?;
    let text = text(&finds, &fleet);
    config::load_text("the new file", &text, &Flags::default(), &config::process_env, &book)?;
    write(&path, &text, args.force)?;
    let missed = finds.missed_line();
    let gap = if missed.is_empty() { "" } else { "\n" };
    let report = format!("Wrote {}.\n\n{}{missed}{gap}", path.display(), table::places(&fleet));
    crate::print(&format!("{report}\nNext: `dewpoint check`, then `dewpoint serve`.\n"))
}

fn write(path: &Path, text: &str, replace: bool) -> Result<(), Problems> {
    let fault = |e: std::io::Error| {
        let help = "choose a folder that can be written, or another file with --config";
        Problem::new(format!("{} cannot be written", path.display()), e.to_string(), help)
    };
    let mut options = std::fs::OpenOptions::new();
    // Without --force the file must be new, also if it appeared since we looked.
    let options = if replace { options.create(true).truncate(true) } else { options.create_new(true) };
    options.write(true).open(path).and_then(|mut f| f.write_all(text.as_bytes())).map_err(|e| fault(e).into())
}

const HEAD: &str = "\
# Configuration of Dewpoint, written by `dewpoint init` for what was found here.
# Every key: docs/book/configuration.md. Validate with `dewpoint check`. Changes count at once, without a restart.

[server]
listen = \"127.0.0.1:4141\"   # another address needs a [[key]]: see `dewpoint key new`

[engine]
model = \"bundled\"           # or the path of a GGUF file

[policy]
auto = \"sufficient\"         # what the model name `auto` optimises: sufficient, cheap, best, local, fast
# Built in: public and internal data go to every place; personal data goes beyond the own network only redacted; sensitive
# data stays on the own network, and secrets on this host. Other rules: docs/book/policy.md. No personal data beyond, either:
# reach = { personal = \"own-network\" }

[discovery]
enabled = true              # false: only the places below
";

const TAIL: &str = "
# A place of your own, for example vLLM on another machine:
# [[place]]
# name = \"gpu\"
# profile = \"vllm\"
# base_url = \"http://10.0.0.7:8000/v1\"
# zone = \"own-network\"      # left out, an address beyond this host counts as vendor-cloud
# tier = \"local\"
# kind = \"dedicated\"

# A model name of your own:
# [[route]]
# name = \"helpdesk\"
# targets = [\"edge/*\", \"gpu/*\"]
# objective = \"sufficient\"
# class = \"personal\"
";

/// The file for what was found.
fn text(finds: &Finds, fleet: &Fleet) -> String {
    let mut out = String::from(HEAD);
    for (place, state) in finds.places.iter().zip(&fleet.places) {
        section(&mut out, place, state);
    }
    for left in &finds.left {
        let _ = writeln!(out, "\n# Left alone: {}", table::printable(left));
    }
    out.push_str(TAIL);
    out
}

fn section(out: &mut String, found: &PlaceSettings, state: &PlaceState) {
    let place = &found.place;
    let _ = writeln!(out, "\n# Found: {}", found.from);
    let _ = writeln!(out, "[[place]]\nname = {}", quoted(place.id.as_str()));
    let _ = writeln!(out, "profile = {}", quoted(found.profile.name));
    let _ = writeln!(out, "base_url = {}", quoted(&found.base_url));
    if let Some(variable) = found.profile.key_env.filter(|_| found.key.is_some()) {
        let _ = writeln!(out, "api_key = {{ env = {} }}", quoted(variable));
    }
    let _ = writeln!(out, "tier = {}", quoted(place.tier.as_str()));
    let _ = writeln!(out, "kind = {}", quoted(place.kind.as_str()));
    let _ = writeln!(out, "zone = {}", quoted(place.zone.as_str()));
    let ids: Vec<String> = state.models.iter().take(MODELS_MAX).map(|m| quoted(&m.id)).collect();
    // A local engine changes its models; a list here would hide new ones.
    let mark = if found.models.is_empty() { "# " } else { "" };
    let note = if found.models.is_empty() { "   # left out: asked of the place" } else { "" };
    if !ids.is_empty() {
        let _ = writeln!(out, "{mark}models = [{}]{note}", ids.join(", "));
    }
}

/// A TOML string. Model ids come from outside, so every character that means something is escaped.
fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;
    use decide::{Health, Load};

    #[test]
    fn what_is_written_is_valid_and_means_what_was_found() {
        let book = Arc::new(Book::built_in().unwrap());
        let env = |name: &str| match name {
            "OPENAI_API_KEY" => Some("sk-test-0123456789".to_owned()),
            "HOME" => Some("/home/u".to_owned()),
            _ => None,
        };
        let settings = config::load(None, &Flags::default(), &env, &book).unwrap();
        let runtime = fleet::short_runtime().unwrap();
        let dialer = fleet::dialer(&settings).unwrap();
        let finds = runtime.block_on(discover::look(&settings, &env, &book, &dialer, &[]));
        let state = |p: &PlaceSettings| PlaceState {
            place: Arc::clone(&p.place),
            models: p.models.clone(),
            health: Health::Unknown,
            load: Load::default(),
        };
        let fleet = Fleet { version: 1, places: finds.places.iter().map(state).collect() };
        let text = text(&finds, &fleet);
        assert!(!text.contains("sk-test"), "{text}");
        let read = config::load_text("new", &text, &Flags::default(), &env, &book).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(read.places.len(), 1);
        assert_eq!(read.places[0].place, finds.places[0].place);
        assert_eq!(read.places[0].models, finds.places[0].models);
        assert_eq!(read.policy, settings.policy);
        assert!(read.warnings.is_empty(), "{:?}", read.warnings);
    }

    #[test]
    fn names_from_outside_cannot_leave_their_quotes() {
        for text in ["a\"]\n[server]\nlisten=\"0.0.0.0:1", "b\\", "c\u{7f}", "d'''"] {
            let line = format!("x = {}", quoted(text));
            assert_eq!(toml::from_str::<toml::Table>(&line).unwrap()["x"].as_str(), Some(text));
        }
    }

    #[test]
    fn a_file_that_is_there_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("dewpoint.toml");
        write(&path, "one", false).unwrap();
        assert!(write(&path, "two", false).unwrap_err().to_string().contains("cannot be written"));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "one");
        write(&path, "three", true).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "three");
    }
}
