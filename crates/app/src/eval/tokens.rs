//! `dewpoint eval tokens`: what a model's token log-probabilities say of whether its answer is right, on an exam with known
//! right answers, run through the embedded engine.
//!
//! Never here: what is done about a doubtful answer.

mod report;
mod rows;
mod worth;

use crate::bundled::BUNDLED;
use crate::measure::{self, Target};
use crate::problem::{Problem, Problems};
use crate::rig::Rig;
use anyhow::{Context, Result};
use backend::Backend;
use clap::Args;
use decide::Policy;
use engine::ModelSource;
use report::{Answered, Report};
use rows::Row;
use sense::TokenSigns;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use wire::{Ask, Endpoint};

/// The exam of the bundled model: prompts of the narrow tasks that it was made for, held out of its training.
#[cfg(bundled_model)]
const EXAM: &[u8] = include_bytes!("../../../../models/edge/exam.jsonl.zst");
/// This build has none.
#[cfg(not(bundled_model))]
const EXAM: &[u8] = &[];

/// Tokens of context: prompt and answer.
const CONTEXT: usize = 2048;
/// Between two lines on how far it is.
const TOLD_EVERY: usize = 200;

#[derive(Debug, Args)]
pub(crate) struct Tokens {
    /// One JSON object a line, {"task", "prompt" or "messages", "right": [every right answer]}; compressed where the name ends in .zst.
    /// Left out: the bundled model's own exam.
    #[arg(long, value_name = "FILE")]
    data: Option<PathBuf>,
    /// Path of a GGUF file. Left out: the bundled model.
    #[arg(long, value_name = "FILE.gguf")]
    model: Option<PathBuf>,
    /// Tokens of an answer, at most.
    #[arg(long, value_name = "TOKENS", default_value = "160", value_parser = clap::value_parser!(u16).range(1..=1024))]
    max_tokens: u16,
    /// Sampling temperature; 0 takes the likeliest token.
    #[arg(long, default_value = "0", value_parser = temperature)]
    temperature: f64,
    /// Only every N-th row, for a first look.
    #[arg(long, value_name = "N", default_value = "1", value_parser = clap::value_parser!(u32).range(1..))]
    every: u32,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

fn temperature(text: &str) -> Result<f64, String> {
    let value: f64 = text.parse().map_err(|_| format!("\"{text}\" is not a number"))?;
    if (0.0..=2.0).contains(&value) { Ok(value) } else { Err("a temperature is between 0 and 2".to_owned()) }
}

/// Asks every question, rates the answers, and prints what the ratings are worth.
pub(super) fn run(args: &Tokens) -> Result<ExitCode> {
    let rows = exam(args)?;
    let (source, name) = match &args.model {
        Some(path) => (ModelSource::Path(path.clone()), path.display().to_string()),
        None => (ModelSource::Bundled(BUNDLED.ok_or_else(none)?), "bundled".to_owned()),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let answered = runtime.context("no runtime can be started")?.block_on(answers(&rows, source, &name, args))?;
    let report = Report::of(name, args.temperature, rows.len(), &answered);
    let text = if args.json { serde_json::to_string_pretty(&report)? + "\n" } else { report.shown() };
    crate::print(&text)
}

fn none() -> anyhow::Error {
    let help = "name a model with --model and an exam with --data";
    Problems::from(Problem::new("nothing to evaluate", "this build has no bundled model and no exam for it", help))
        .into()
}

fn exam(args: &Tokens) -> Result<Vec<Row>> {
    let mut rows = match &args.data {
        Some(path) => rows::read(path)?,
        None if EXAM.is_empty() => return Err(none()),
        None => rows::unpacked(EXAM).context("the exam in this program")?,
    };
    let mut at = 0;
    rows.retain(|_| {
        at += 1;
        (at - 1) % args.every == 0
    });
    Ok(rows)
}

/// Asks one after the other, so that no answer depends on what else was computed with it.
async fn answers(rows: &[Row], source: ModelSource, name: &str, args: &Tokens) -> Result<Vec<Answered>> {
    let rig = Rig::of(source, name, None, 1, CONTEXT).await?;
    let model = rig.engine.models().first().map(Arc::clone).context("the engine has no model")?;
    let target = Target::new(rig.engine.clone(), model, Policy::default());
    let mut answered = Vec::with_capacity(rows.len());
    for (at, row) in rows.iter().enumerate() {
        if at > 0 && at % TOLD_EVERY == 0 {
            eprintln!("{at} of {} asked", rows.len());
        }
        let mut ask = Ask::new(Endpoint::Chat);
        ask.model = target.name();
        ask.messages = row.messages();
        ask.max_tokens = Some(u64::from(args.max_tokens));
        ask.sampling.temperature = Some(args.temperature);
        ask.sampling.seed = Some(at as i64);
        ask.signs = true;
        let answer = target.answer(ask).await;
        let answer = match answer {
            Ok(answer) => answer,
            // The rows that do not fit are counted; that nothing can be answered is seen at the first.
            Err(fault) if fault.cause == decide::Cause::ContextLength => continue,
            Err(fault) => {
                rig.engine.shutdown().await;
                return Err(measure::problem(&fault));
            }
        };
        let Some(choice) = answer.choices.into_iter().next() else { continue };
        let text = choice.text.unwrap_or_default();
        answered.push(Answered {
            task: row.task.clone(),
            wrong: !row.is_right(&text),
            signs: TokenSigns::of(&choice.signs),
            written: text.chars().count(),
            asked: row.length(),
        });
    }
    rig.engine.shutdown().await;
    Ok(answered)
}
