//! The rules of the house, checked: `cargo run -p xtask -- tidy | deny | ratchet FILE`.
//!
//! Never here: anything that is shipped, and anything that needs a network.

use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use xtask::{deny, ratchet, tidy};

const USAGE: &str = "usage: cargo run -p xtask -- COMMAND
  tidy            rooms, module cycles, heads, pure rooms, sizes, names, links
  deny            licences, banned and foreign crates, by deny.toml and Cargo.lock (no network)
  ratchet FILE    figures that a bench printed (`ratchet NAME VALUE`) against benches.toml
                  --write sets the bounds to what was measured";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let root = root()?;
    match args.as_slice() {
        ["tidy"] => report("tidy", &tidy::check(&tidy::Tree::load(&root)?)),
        ["deny"] => report("deny", &deny::check(&root)?),
        ["ratchet", file] => report("ratchet", &ratchet::check(&root, Path::new(file))?),
        ["ratchet", file, "--write"] | ["ratchet", "--write", file] => ratchet::write(&root, Path::new(file)),
        _ => bail!("{USAGE}"),
    }
}

/// Prints the findings; any finding is a failure.
fn report<T: std::fmt::Display>(what: &str, findings: &[T]) -> Result<()> {
    for finding in findings {
        println!("{finding}\n");
    }
    if !findings.is_empty() {
        bail!("{what}: {} to put right", findings.len());
    }
    println!("{what}: all in order");
    Ok(())
}

/// The workspace: the folder above the one of this package.
fn root() -> Result<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    Ok(here.parent().context("xtask has no folder above it")?.to_path_buf())
}
