//! The command line.
//!
//! Never here: what the commands do.

pub(crate) use crate::flags::{Class, Common, span};
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Dewpoint: one endpoint in front of every model you can use. It decides, prompt by prompt, where a request is answered,
/// has it answered there, and keeps the account.
#[derive(Debug, Parser)]
#[command(name = "dewpoint", version, propagate_version = false, disable_help_subcommand = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve the APIs. Works with nothing configured.
    Serve(Serve),
    /// Validate the configuration and print where every value came from.
    Check(Common),
    /// Write a commented dewpoint.toml for what is discovered here.
    Init(Init),
    /// What every model name that is asked for stands for, what is promised of it, how often it escalates, and what that costs.
    Routes(crate::routes::Args),
    /// Print where a prompt would go and why. Nothing is sent to a model.
    Explain(Explain),
    /// Say what the detectors find in texts: NDJSON `{id, text}` on standard input, one line out for each.
    Scan(crate::scan::Args),
    /// Report what was asked, where it went and what it cost; `ledger verify` checks it.
    Ledger(Ledger),
    /// What a period cost, by team, key, place, model, task, kind or day, against what it would have cost; `report reconcile` compares a bill.
    Report(crate::statement::Report),
    /// The evidence of decisions: check it, export its signed head, report what went where.
    #[command(subcommand)]
    Audit(crate::audit::Audit),
    /// Fetch a model into the local store.
    Pull(Pull),
    /// List the models on this machine: the store, Ollama, the caches of Hugging Face and llama.cpp.
    Models(Models),
    /// Say what a model is, and what memory it takes.
    Show(Show),
    /// Remove a model from the store.
    Rm(Rm),
    /// Print the firewall that matches the configuration.
    EgressRules(crate::egress::EgressRules),
    /// The schema and the reference page of the configuration.
    #[command(subcommand)]
    Config(Config),
    /// Stored keys of callers: make, list, rotate, revoke.
    #[command(subcommand)]
    Keys(crate::keys::Keys),
    /// Show what organisations, teams and keys spent, and what is left.
    Budgets(crate::keys::Budgets),
    /// A key for the configuration file.
    #[command(subcommand)]
    Key(Key),
    /// Measure speed and memory.
    #[command(subcommand)]
    Bench(Bench),
    /// Measure on exams of your own how well prompts are sorted between models, and what may be promised.
    #[command(subcommand)]
    Eval(crate::eval::Eval),
    /// What is believed of each model at each task: before any evidence, from the team's own, and together.
    Abilities(crate::abilities::Args),
    /// Measure how fast a place is: prompt and decode speed, for dewpoint.toml.
    Probe(Probe),
    /// Search the price book: what models cost, what they can, how old that is and who says so.
    Prices(crate::prices::Args),
    /// Say what raw answers of providers cost: NDJSON in, one line out for each.
    Price(crate::bill::Args),
    /// Show how fast GPUs were measured to be, and what they rent for.
    Capacity(crate::speeds::Capacity),
    /// The worker process of the embedded engine; started by `serve`.
    #[command(hide = true)]
    EngineWorker,
}

#[derive(Debug, Args)]
pub(crate) struct Serve {
    #[command(flatten)]
    pub(crate) common: Common,
    /// Dial nothing but this host, whatever is configured, until the server ends.
    #[arg(long)]
    pub(crate) airgap: bool,
    /// Address and port to listen on, instead of [server] listen.
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(crate) listen: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Init {
    #[command(flatten)]
    pub(crate) common: Common,
    /// Replace the file if it is there.
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Explain {
    #[command(flatten)]
    pub(crate) common: Common,
    /// Model name as a caller would write it: auto, auto:cheap, place/model, a route.
    #[arg(long, default_value = "auto")]
    pub(crate) model: String,
    /// Data class that the request would declare.
    #[arg(long, value_enum)]
    pub(crate) class: Option<Class>,
    /// Tag that the request would carry; may be given several times.
    #[arg(long)]
    pub(crate) tag: Vec<String>,
    /// Configured key that would ask: its class, tags and scope count.
    #[arg(long, value_name = "NAME")]
    pub(crate) key: Option<String>,
    /// As if a budget were ahead of its pace and money weighed so many times its face value.
    #[arg(long, value_name = "TIMES")]
    pub(crate) money: Option<f64>,
    /// Print the verdict as JSON.
    #[arg(long)]
    pub(crate) json: bool,
    /// Instead of a prompt, a request that was answered, by its x-request-id: what its attempts came to.
    #[arg(long, value_name = "ID", conflicts_with = "prompt")]
    pub(crate) request: Option<String>,
    /// The prompt, or - to read it from standard input.
    #[arg(required_unless_present = "request")]
    pub(crate) prompt: Option<String>,
}

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Ledger {
    #[command(subcommand)]
    pub(crate) check: Option<LedgerCheck>,
    /// Configuration file, for the folder of the ledger.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// How far back: 30s, 15m, 1h, 7d. Left out: everything.
    #[arg(long, value_name = "TIME", value_parser = span)]
    pub(crate) since: Option<std::time::Duration>,
    /// What to add up by.
    #[arg(long, value_enum, default_value = "place")]
    pub(crate) by: By,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum LedgerCheck {
    /// Check every record against its checksum, and the database and journal for damage. Changes nothing; exit code 1 when something is
    /// wrong. Runs beside a server.
    Verify {
        /// Configuration file, for the folder of the ledger.
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// List what was learned of answers, newest first.
    Lessons(crate::lessons::Args),
}

#[derive(Debug, Args)]
pub(crate) struct Pull {
    /// A name of the catalog (`dewpoint models --catalog`), hf:owner/repo[:file.gguf or quantisation], or an https address; `:sha256=DIGITS`
    /// behind the last two says what must arrive.
    pub(crate) model: String,
    /// What it shall be called in the store.
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Configuration file, for its section [egress].
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Models {
    /// Configuration file, for the models that it names.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// List what can be pulled by name instead.
    #[arg(long)]
    pub(crate) catalog: bool,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Show {
    /// A name of `dewpoint models`, or a path.
    pub(crate) model: String,
    /// Configuration file, for the models that it names.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Rm {
    /// A name of `dewpoint models` whose place is the store.
    pub(crate) model: String,
    /// Do not ask.
    #[arg(long)]
    pub(crate) yes: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum By {
    Place,
    Key,
    Task,
    Model,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Config {
    /// Print the JSON Schema of dewpoint.toml.
    Schema,
    /// Print the reference page of dewpoint.toml.
    Reference,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Key {
    /// Make a key and print it with its [[key]] lines. Nothing is stored.
    New,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Bench {
    /// Measure the embedded engine with a model: prompt and decode speed, time to first token, memory.
    Engine(BenchEngine),
}

#[derive(Debug, Args)]
pub(crate) struct BenchEngine {
    /// Path of a GGUF file.
    #[arg(value_name = "MODEL")]
    pub(crate) model: PathBuf,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
    /// Computing threads. Left out: the engine chooses.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=512))]
    pub(crate) threads: Option<u16>,
    /// Numbers of clients that ask at the same time.
    #[arg(long, value_name = "N,N,…", value_delimiter = ',', default_value = "1,4,8,16",
          value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(crate) clients: Vec<u16>,
    /// Tokens of a prompt, about.
    #[arg(long, value_name = "TOKENS", default_value = "512", value_parser = clap::value_parser!(u16).range(1..=32768))]
    pub(crate) prompt: u16,
    /// Tokens of an answer.
    #[arg(long, value_name = "TOKENS", default_value = "128", value_parser = clap::value_parser!(u16).range(2..=32768))]
    pub(crate) generate: u16,
    /// How often; medians are shown.
    #[arg(long, value_name = "N", default_value = "1", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) rounds: u32,
}

#[derive(Debug, Args)]
pub(crate) struct Probe {
    #[command(flatten)]
    pub(crate) common: Common,
    /// Name of a place, or path of a GGUF file.
    #[arg(value_name = "PLACE|FILE")]
    pub(crate) target: String,
    /// Which model of the place. Left out: its first one.
    #[arg(long, value_name = "ID")]
    pub(crate) model: Option<String>,
    /// Clients that ask at the same time. Left out: 4 on own ground, else 1.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(crate) clients: Option<u16>,
    /// Tokens of a prompt, about.
    #[arg(long, value_name = "TOKENS", default_value = "256", value_parser = clap::value_parser!(u16).range(1..=32768))]
    pub(crate) prompt: u16,
    /// Tokens of an answer, at most.
    #[arg(long, value_name = "TOKENS", default_value = "128", value_parser = clap::value_parser!(u16).range(2..=32768))]
    pub(crate) generate: u16,
    /// Fits both speeds to batches of four sizes by least squares, instead of measuring each alone.
    #[arg(long)]
    pub(crate) fit: bool,
    /// How often; the median and the range are shown.
    #[arg(long, value_name = "N", default_value = "3", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) rounds: u32,
    /// Write the figures into the place's section of the configuration file.
    #[arg(long)]
    pub(crate) write: bool,
    /// Agree to what the measurement costs.
    #[arg(long)]
    pub(crate) yes: bool,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn times_are_read() {
        assert_eq!(span("1h"), Ok(std::time::Duration::from_secs(3600)));
        assert_eq!(span("7d"), Ok(std::time::Duration::from_secs(604_800)));
        for bad in ["", "h", "1", "-1h", "1w", "1.5h", "99999999999999999999d", "1µ"] {
            assert!(span(bad).is_err(), "{bad} was taken");
        }
    }
}
