//! `dewpoint eval`: what the shipped judgement of prompts and answers is worth on exams that the user brings.
//!
//! Never here: training, and anything that is looked up by prompt.

pub(crate) mod data;
pub(crate) mod measure;
mod picture;
mod promise;
mod route;
mod sheet;
mod tokens;

use anyhow::Result;
use clap::{Args, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;

/// What is evaluated.
#[derive(Debug, Subcommand)]
pub(crate) enum Eval {
    /// How well prompts are sorted between a weak and a strong model: before the call, and after looking at the weak answer.
    Route(Route),
    /// How often a bound on the loss of quality holds on data that its threshold was not set on.
    Promise(Promise),
    /// What the token log-probabilities of a model say of whether its answer is right.
    Tokens(tokens::Tokens),
}

/// The exam and the models.
#[derive(Debug, Args)]
pub(crate) struct Exam {
    /// One JSON object a line, `{id, task, subtask, prompt, gid, functions, m: {model: {s, a, oc, c}}}`; compressed where the name ends in .zst.
    #[arg(long, value_name = "FILE")]
    data: PathBuf,
    /// Only the rows of this task.
    #[arg(long)]
    task: Option<String>,
    /// The model that answers first.
    #[arg(long, value_name = "MODEL")]
    weak: String,
    /// The model that hard prompts go to.
    #[arg(long, value_name = "MODEL")]
    strong: String,
    /// Models whose answers are compared with the weak one's, at most three, with commas between.
    #[arg(long, value_name = "MODEL,MODEL", value_delimiter = ',')]
    helpers: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Route {
    #[command(flatten)]
    exam: Exam,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    /// Price of a helper's character against one of the strong model, for the figures in which helpers are charged.
    #[arg(long, default_value_t = 1.0, value_name = "RATIO")]
    helper_price: f64,
    /// Draw quality against the share of strong calls, as an SVG picture.
    #[arg(long, value_name = "FILE.svg")]
    picture: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Promise {
    #[command(flatten)]
    exam: Exam,
    /// Quality that may be lost against always asking the strong model: 0.02 is two points of a hundred.
    #[arg(long, value_name = "SHARE")]
    max_loss: f64,
    /// How often the data are split anew into a half to set the threshold on and a half to check it on.
    #[arg(long, default_value_t = 200)]
    splits: u32,
    /// Make a promise for each task of the file on its own as well, from its own questions only.
    #[arg(long)]
    by_task: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Runs one.
pub(crate) fn run(eval: &Eval) -> Result<ExitCode> {
    match eval {
        Eval::Route(args) => route::run(args),
        Eval::Promise(args) => promise::run(args),
        Eval::Tokens(args) => tokens::run(args),
    }
}
