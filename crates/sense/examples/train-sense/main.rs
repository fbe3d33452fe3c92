//! Trains the weights of `sense::brain` on exams, and says what they are worth where they were not trained:
//! `cargo xtask train-sense --data DIR [--check]`. Deterministic. Rows are split by the group of the question, never by source.
//!
//! Never here: exams that may not be trained on (`alpacaeval`), rows that are contaminated or of RouterArena.
#![allow(missing_docs, unreachable_pub, dead_code, reason = "shares modules with room `app`")]

mod boost;
#[path = "../../../app/src/eval/data.rs"]
mod data;
mod figures;
#[path = "../../../app/src/eval/measure.rs"]
mod measure;
#[path = "../../../app/src/eval/picture.rs"]
mod picture;
mod solve;
mod train;

use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};

/// Files trained on.
const FILES: [&str; 5] = ["routellm", "zeroeval", "mmlupro", "routerbench_sub3", "bfcl"];

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let (folder, check) = match args.as_slice() {
        ["--data", folder] => (PathBuf::from(folder), false),
        ["--data", folder, "--check"] => (PathBuf::from(folder), true),
        _ => bail!("usage: train-sense --data DIR [--check]; DIR has {}.jsonl.zst", FILES.join(".jsonl.zst, ")),
    };
    let mut rows = Vec::new();
    for (file, name) in FILES.iter().enumerate() {
        let read = data::read(&folder.join(format!("{name}.jsonl.zst")))?;
        eprintln!("{name}: {} rows, {} bad", read.rows.len(), read.bad);
        rows.extend(read.rows.into_iter().filter(|row| row.contaminated == 0).map(|row| (file, row)));
    }
    let set = train::Set::new(rows);
    let card = figures::card(&set);
    print!("{}", card.text);
    if check {
        return Ok(());
    }
    let home = Path::new(env!("CARGO_MANIFEST_DIR"));
    let bytes = train::all(&set);
    std::fs::write(home.join("data/brain.bin"), &bytes).context("data/brain.bin cannot be written")?;
    for (name, picture) in &card.pictures {
        std::fs::write(home.join("../../docs/book").join(name), picture)
            .with_context(|| format!("{name} cannot be written"))?;
    }
    std::fs::write(home.join("MODEL_CARD.md"), card.text).context("MODEL_CARD.md cannot be written")?;
    eprintln!("{} bytes of weights", bytes.len());
    Ok(())
}
