//! The command line of `dewpoint report`.
//!
//! Never here: what it does.

use super::day::Day;
use clap::{Args, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Where the ledger is.
#[derive(Debug, Args)]
pub(crate) struct At {
    /// Configuration file, for the folder of the ledger and the speeds of places.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// The folder of a ledger, or of a copy of one; then no configuration is read.
    #[arg(long, value_name = "FOLDER", conflicts_with = "config")]
    pub(crate) dir: Option<PathBuf>,
}

/// Which days, UTC, both of them in it.
#[derive(Debug, Args)]
pub(crate) struct Days {
    /// First day, UTC: 2026-09-01. Left out: the first there is.
    #[arg(long, value_name = "DAY", value_parser = Day::parse)]
    pub(crate) from: Option<Day>,
    /// Last day, UTC, in it. Left out: the last there is.
    #[arg(long, value_name = "DAY", value_parser = Day::parse)]
    pub(crate) to: Option<Day>,
}

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Report {
    #[command(subcommand)]
    pub(crate) reconcile: Option<Reconcile>,
    #[command(flatten)]
    pub(crate) at: At,
    #[command(flatten)]
    pub(crate) days: Days,
    /// What to add up by.
    #[arg(long, value_enum, default_value = "team")]
    pub(crate) by: By,
    /// An earlier period whose mix of places this one is compared with: 2026-07-01..2026-07-31.
    #[arg(long, value_name = "DAY..DAY", value_parser = Day::parse_span)]
    pub(crate) before: Option<(Day, Day)>,
    /// How to write it.
    #[arg(long, value_enum, default_value = "table")]
    pub(crate) format: Format,
    /// Write to this file instead of standard output.
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Reconcile {
    /// Compare what a provider bills with the ledger, by day and model. Exit code 1 where they differ.
    Reconcile {
        #[command(flatten)]
        at: At,
        #[command(flatten)]
        days: Days,
        /// The provider's export: usage or costs of OpenAI or Anthropic as CSV or JSON, or columns day, model, input_tokens, output_tokens, cost_usd.
        #[arg(long, value_name = "FILE")]
        bill: PathBuf,
        /// The place that it is of.
        #[arg(long, value_name = "PLACE")]
        place: String,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum By {
    Team,
    Key,
    Place,
    Model,
    Task,
    Kind,
    Day,
}

impl By {
    pub(crate) const fn dim(self) -> ledger::Dim {
        match self {
            By::Team => ledger::Dim::Team,
            By::Key => ledger::Dim::Key,
            By::Place => ledger::Dim::Place,
            By::Model => ledger::Dim::Model,
            By::Task => ledger::Dim::Task,
            By::Kind => ledger::Dim::Kind,
            By::Day => ledger::Dim::Day,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Table,
    Csv,
    Json,
    Html,
}
