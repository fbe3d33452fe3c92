//! `dewpoint check`: validates the configuration and prints where every value came from.
//!
//! Never here: the checks themselves (`config`).

use crate::book::Book;
use crate::cli;
use crate::config::{self, Flags};
use crate::discover;
use anyhow::Result;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

/// Prints every effective value with its origin; warnings go to standard error.
pub(crate) fn run(args: &cli::Common) -> Result<ExitCode> {
    let found = config::find(args.config.as_deref(), &config::process_env);
    let flags = Flags { listen: None, no_discovery: args.no_discovery };
    let book = Book::built_in()?;
    let mut settings = config::load(found.path.as_deref(), &flags, &config::process_env, &book)?;
    let finds = crate::fleet::short_runtime()?.block_on(async {
        let dialer = crate::fleet::dialer(&settings)?;
        let ports = discover::usual_ports(&config::process_env);
        anyhow::Ok(discover::look(&settings, &config::process_env, &book, &dialer, &ports).await)
    })?;
    crate::detect::finder(&settings)?;
    finds.note(&mut settings.values);
    for warning in settings.warnings.iter().chain(&crate::detect::warnings(&settings)) {
        eprintln!("warning: {warning}");
    }
    let head = match &found.path {
        Some(path) => format!("{} is valid (named by {}).\n\n", path.display(), found.named_by),
        None => format!("Nothing is configured (no {} here); these are the defaults.\n\n", config::FILE),
    };
    let left: String = finds.left.iter().map(|l| format!("left alone: {l}\n")).collect();
    let missed = finds.missed_line();
    let tail = if missed.is_empty() { left } else { format!("{left}{missed}\n") };
    let placed = settings.engine.iter().map(|e| &*e.place);
    let placed: Vec<_> = placed.chain(settings.places.iter().chain(&finds.places).map(|p| &*p.place)).collect();
    let now_unix_s = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let passages = crate::passages::table(&settings.policy, &placed, now_unix_s);
    let gap = if tail.is_empty() { "" } else { "\n" };
    crate::print(&format!("{head}{}{passages}{gap}{tail}", settings.values))
}
