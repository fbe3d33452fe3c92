//! The binary `dewpoint`: command line, configuration, discovery, and wiring of the rooms.
//!
//! Never here: judgement. Where a request goes is decided in `decide`; how it gets there is `gateway`'s way.

mod abilities;
mod accounts;
mod audit;
mod bench;
mod bill;
mod book;
mod bundled;
mod capacity;
mod check;
mod cli;
mod config;
mod detect;
mod discover;
mod egress;
mod embedded;
mod eval;
mod explain;
mod flags;
mod fleet;
mod init;
mod key;
mod key_store;
mod keys;
mod lessons;
mod measure;
mod models;
mod passages;
mod past;

mod prices;
mod priors;
mod probe;
mod problem;
mod promises;
mod pull;
mod report;
mod rig;
mod routes;
mod scan;
mod serve;
mod source;
mod speeds;
mod statement;
mod table;

use anyhow::Result;
use clap::Parser;
use cli::{Cli, Command};
use std::process::ExitCode;

/// 5 % fewer instructions per proxied request than with glibc's malloc: `cargo bench -p app --bench way -- count` with and
/// without the same two lines there.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(cli.command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("{}", problem::shown(&error));
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<ExitCode> {
    match command {
        Command::Serve(args) => serve::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Init(args) => init::run(&args),
        Command::Routes(args) => routes::run(&args),
        Command::Explain(args) => explain::run(&args),
        Command::Scan(args) => scan::run(&args),
        Command::Ledger(args) => report::run(&args),
        Command::Report(args) => statement::run(&args),
        Command::Audit(args) => audit::run(&args),
        Command::Pull(args) => pull::run(&args),
        Command::Models(args) => models::list(&args),
        Command::Show(args) => models::show(&args),
        Command::Rm(args) => models::remove(&args),
        Command::EgressRules(args) => egress::run(&args),
        Command::Config(cli::Config::Schema) => print(&config::reference::schema()?),
        Command::Config(cli::Config::Reference) => print(&config::reference::page()),
        Command::Keys(args) => keys::run(&args),
        Command::Budgets(args) => keys::budgets(&args),
        Command::Key(cli::Key::New) => Ok(key::new().map(|()| ExitCode::SUCCESS)?),
        Command::Bench(cli::Bench::Engine(args)) => bench::engine(&args),
        Command::Eval(what) => eval::run(&what),
        Command::Abilities(args) => abilities::run(&args),
        Command::Probe(args) => probe::run(&args),
        Command::Prices(args) => prices::run(&args),
        Command::Price(args) => bill::run(&args),
        Command::Capacity(args) => speeds::run(&args),
        Command::EngineWorker => Ok(engine::worker_main()),
    }
}

/// Prints text as it is. A reader that went away (`| head`) is no error.
fn print(text: &str) -> Result<ExitCode> {
    use std::io::Write;
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => Err(e.into()),
        _ => Ok(ExitCode::SUCCESS),
    }
}
