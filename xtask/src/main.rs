//! The rules of the house, checked: `cargo run -p xtask -- tidy | deny | ratchet FILE`; and `abilities`, `prices`, `capacity`, `test-models`, `train-sense`.
//!
//! Never here: anything that is shipped, and anything that needs a network.

use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use xtask::{abilities, capacity, deny, prices, ratchet, tidy};

const USAGE: &str = "usage: cargo run -p xtask -- COMMAND
  tidy            rooms, module cycles, heads, pure rooms, sizes, names, links
  deny            licences, banned and foreign crates, by deny.toml and Cargo.lock (no network)
  ratchet FILE    figures that a bench printed (`ratchet NAME VALUE`) against benches.toml
                  --write sets the bounds to what was measured
  prices          the price book of crates/price/data, from public catalogues (no network)
                  --data DIR  the catalogues; left out: ../shared/data/economics/prices
                  --key FILE  signs it with this Ed25519 key (PKCS#8); left out: the development key
  abilities --data DIR  what is believed of models before any evidence (crates/app/data/abilities.json), from the exams in DIR
  capacity FOLDER prints the table of speeds and rents of GPUs (crates/app/data/capacity.toml), derived from public measurements
  test-models DIR writes the test models of `testkit::tiny` as GGUF files
                  --real-size adds the ones to measure with (570 MB)
  train-sense --data DIR  trains the weights of `sense::brain`, writes its model card and the pictures of docs/book/brains.md
                  --check prints the card only";

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
        ["abilities", args @ ..] => abilities::run(&root, args),
        ["prices", args @ ..] => prices::run(&root, args),
        ["capacity", folder] => {
            print!("{}", capacity::table(Path::new(folder))?);
            Ok(())
        }
        ["test-models", folder @ ..] if !folder.is_empty() => example("testkit", "test-models", folder),
        ["train-sense", args @ ..] if !args.is_empty() => example("sense", "train-sense", args),
        _ => bail!("{USAGE}"),
    }
}

/// Runs the example of a room that does the work: it needs much that the other commands here do without.
fn example(room: &str, name: &str, args: &[&str]) -> Result<()> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let fixed = ["run", "--release", "--quiet", "-p", room, "--example", name, "--"];
    let status = Command::new(cargo).args(fixed).args(args).status().context("cargo did not start")?;
    if !status.success() {
        bail!("{name}: nothing, or not everything, was written");
    }
    Ok(())
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
