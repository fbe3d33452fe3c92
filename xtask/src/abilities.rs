//! `xtask abilities --data DIR`: what is published about models, as beliefs to begin with.
//!
//! Reads the exams in DIR (`{routellm,zeroeval,mmlupro,routerbench_sub3,bfcl}.jsonl.zst`), and writes sums alone: `crates/app/data/abilities.json` (by
//! model and task) and `crates/decide/src/ability/typical.rs` (by rank and task). No question, no answer and no row is kept.
//!
//! Exams are not equally hard, and no model sat all. So for each task the log-odds of a model at an exam are taken as its ability plus the
//! exam's ease, fitted by turns, abilities drawn towards the mean of their rank; a model's score is then what it would have on average
//! over the task's exams. How far such a score may be trusted elsewhere is measured: each exam is foretold from a model's other exams, and
//! each model from its size or rank alone. Errors of that size are what the stated number of observations stands for.
//!
//! Never here: judgement of a model by hand.

mod fit;

use anyhow::{Context, Result, bail};
use decide::{RANKS, Rank, Task, model_name};
use fit::{Fitted, Score, fit};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

/// Where an exam's rows come from, as it is to be named.
const FILES: [(&str, &str); 5] = [
    ("routellm", "RouteLLM (lm-sys, Apache-2.0)"),
    ("zeroeval", "ZeroEval (WildEval, Apache-2.0)"),
    ("mmlupro", "MMLU-Pro (TIGER-AI-Lab, Apache-2.0)"),
    ("routerbench_sub3", "RouterBench, by RouterDC (no licence stated; sums only)"),
    ("bfcl", "Berkeley Function-Calling Leaderboard, 2024-08-11 (no licence stated; sums only)"),
];
/// Which exams say something of which tasks; the first name is the task's own, the others are taken for the same.
const TASKS: [(&[&str], &[&str]); 5] = [
    (&["math"], &["gsm", "math-l5"]),
    (&["code", "explain-code"], &["crux", "mbpp"]),
    (&["answer"], &["mmlu", "arc_challenge", "mmlupro"]),
    (&["reason"], &["mmlupro", "crux"]),
    (&["tool", "agent"], &["tool_call"]),
];
/// Answers of a model to one exam, at least.
const ANSWERS_MIN: f64 = 100.0;

#[derive(Deserialize)]
struct Row {
    task: String,
    #[serde(default)]
    contaminated: u8,
    #[serde(default)]
    in_routerarena: u8,
    m: BTreeMap<String, Mark>,
}

#[derive(Deserialize)]
struct Mark {
    s: Option<f64>,
}

/// By exam and model: the name in the file, the sum of the scores, and how many.
type Sums = BTreeMap<(String, String), (String, f64, f64)>;

#[derive(Serialize)]
struct Page {
    made_by: &'static str,
    origins: Vec<&'static str>,
    tasks: BTreeMap<String, TaskPage>,
    models: BTreeMap<String, BTreeMap<String, Known>>,
}

#[derive(Serialize)]
struct TaskPage {
    exams: Vec<String>,
    models: usize,
    /// By rank, per mille.
    typical_permille: Vec<u16>,
    /// Log-odds by size: at one billion parameters, and for each doubling; in thousandths.
    size_milli: (i64, i64),
    /// Error of a score foretold from the model's other exams of the task, where there are any, and from its size or rank; per mille.
    error_exams_permille: Option<u16>,
    error_rank_permille: u16,
    /// Observations that such errors stand for, in thousandths.
    listed_milli: u64,
    unlisted_milli: u64,
}

#[derive(Serialize)]
struct Known {
    permille: u16,
    answers: u64,
}

/// Writes both files below `root`, and says what was measured.
///
/// # Errors
/// A file cannot be read or written.
pub fn run(root: &Path, args: &[&str]) -> Result<()> {
    let ["--data", folder] = args else { bail!("usage: cargo run -p xtask -- abilities --data DIR") };
    let folder = Path::new(folder);
    // The folder of all data, or that of the exams.
    let inner = folder.join("routing");
    let sums = read(if inner.is_dir() { &inner } else { folder })?;
    let page = page(&sums);
    for (task, t) in &page.tasks {
        println!(
            "{task}: {} models, typical {:?}, error from other exams {:?}, from size or rank {}, observations {} and {}",
            t.models,
            t.typical_permille,
            t.error_exams_permille,
            t.error_rank_permille,
            t.listed_milli as f64 / 1e3,
            t.unlisted_milli as f64 / 1e3
        );
    }
    let write = |path: &str, text: String| std::fs::write(root.join(path), text).with_context(|| path.to_owned());
    write("crates/app/data/abilities.json", serde_json::to_string_pretty(&page)? + "\n")?;
    write("crates/decide/src/ability/typical.rs", source(&page))
}

fn read(folder: &Path) -> Result<Sums> {
    let mut sums = Sums::new();
    for (name, _) in FILES {
        let path = folder.join(format!("{name}.jsonl.zst"));
        let file = File::open(&path).with_context(|| path.display().to_string())?;
        let reader = ruzstd::decoding::StreamingDecoder::new(file).with_context(|| path.display().to_string())?;
        // Prompts contain other line ends than this one.
        for line in BufReader::new(reader).split(b'\n') {
            let line = line.with_context(|| path.display().to_string())?;
            if line.is_empty() {
                continue;
            }
            let row: Row = serde_json::from_slice(&line).with_context(|| path.display().to_string())?;
            if row.contaminated > 0 || row.in_routerarena > 0 {
                continue;
            }
            let exam = if row.task == "gsm8k" { "gsm" } else { &row.task };
            for (model, mark) in row.m {
                let Some(score) = mark.s.filter(|s| (0.0..=1.0).contains(s)) else { continue };
                let sum = sums.entry((exam.to_owned(), model_name(&model))).or_insert((model, 0.0, 0.0));
                (sum.1, sum.2) = (sum.1 + score, sum.2 + 1.0);
            }
        }
    }
    sums.retain(|_, (_, _, n)| *n >= ANSWERS_MIN);
    Ok(sums)
}

fn page(sums: &Sums) -> Page {
    let mut models: BTreeMap<String, BTreeMap<String, Known>> = BTreeMap::new();
    let mut tasks = BTreeMap::new();
    for (names, exams) in TASKS {
        let scores: Vec<Score<'_>> = sums
            .iter()
            .filter_map(|((exam, model), (id, good, n))| {
                let exam = exams.iter().position(|e| e == exam)?;
                Some(Score {
                    model,
                    rank: Rank::of_name(id),
                    billions: Rank::billions_of_name(id),
                    exam,
                    good: *good,
                    n: *n,
                })
            })
            .collect();
        let fitted = fit(&scores, exams.len());
        for name in names {
            for (model, (score, n)) in &fitted.models {
                let known = Known { permille: permille(*score), answers: *n as u64 };
                models.entry((*model).to_owned()).or_default().insert((*name).to_owned(), known);
            }
            tasks.insert((*name).to_owned(), told(&fitted, exams));
        }
    }
    Page {
        made_by: "cargo run -p xtask -- abilities --data DIR",
        origins: FILES.map(|(_, o)| o).to_vec(),
        tasks,
        models,
    }
}

fn told(fitted: &Fitted<'_>, exams: &[&str]) -> TaskPage {
    let milli = |v: f64| (v * 1e3).round() as i64;
    TaskPage {
        exams: exams.iter().map(|e| (*e).to_owned()).collect(),
        models: fitted.models.len(),
        typical_permille: fitted.typical.map(permille).to_vec(),
        size_milli: (milli(fitted.size.0), milli(fitted.size.1)),
        error_exams_permille: fitted.error_exams.map(permille),
        error_rank_permille: permille(fitted.error_rank),
        listed_milli: fitted.observations(fitted.error_exams.unwrap_or(fitted.error_rank).min(fitted.error_rank)),
        unlisted_milli: fitted.observations(fitted.error_rank),
    }
}

fn permille(share: f64) -> u16 {
    (share.clamp(0.0, 1.0) * 1e3).round() as u16
}

/// The table by rank as Rust.
fn source(page: &Page) -> String {
    let mut arms = String::new();
    let mut sum = [0u32; RANKS];
    for (names, _) in TASKS {
        let variants: Vec<String> =
            Task::ALL.into_iter().filter(|t| names.contains(&t.as_str())).map(|t| format!("Task::{t:?}")).collect();
        let Some(typical) = names.first().and_then(|n| page.tasks.get(*n)).map(|t| &t.typical_permille) else {
            continue;
        };
        sum.iter_mut().zip(typical).for_each(|(s, t)| *s += u32::from(*t));
        // Writing into a String cannot fail.
        let _ = writeln!(arms, "        {} => {typical:?},", variants.join(" | "));
    }
    let rest = sum.map(|s| s / TASKS.len() as u32);
    format!(
        "//! What is usual of ranks at tasks, per mille. Written by `cargo run -p xtask -- abilities`; a change by hand is overwritten.\n\
         //!\n//! Sources: {}.\n//! Never here: single models (`crates/app/data/abilities.json`).\n\n\
         use crate::{{RANKS, Task}};\n\n\
         /// By rank, the least able first.\npub(super) const fn of(task: Task) -> [u16; RANKS] {{\n    match task {{\n{arms}        _ => {rest:?},\n    }}\n}}\n",
        page.origins.join("; ")
    )
}
