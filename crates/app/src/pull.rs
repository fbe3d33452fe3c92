//! `dewpoint pull`: a model into the store, with a bar on a terminal and plain lines elsewhere.
//!
//! Never here: downloading (room `hub`).

use crate::book::Book;
use crate::cli;
use crate::config::{self, process_env};
use crate::fleet::short_runtime;
use crate::models::told;
use crate::problem::{Problem, Problems};
use anyhow::{Context, Result};
use backend::{Dialer, DialerOptions};
use hub::{Endpoint, Event, Folders, Limits, Puller, Store, Wanted, shown_bytes};
use indicatif::{ProgressBar, ProgressStyle};
use std::io::IsTerminal;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// Between two plain lines of progress.
const LINE_EVERY: Duration = Duration::from_secs(10);
/// What a shell expects of a program that was stopped by Ctrl-C.
const INTERRUPTED: u8 = 130;

/// Pulls a model. Ctrl-C leaves what is there to go on from.
pub(crate) fn run(args: &cli::Pull) -> Result<ExitCode> {
    let wanted = Wanted::parse(&args.model).map_err(told)?;
    let store = Store::new(Folders::from_env(&process_env).store);
    let endpoint = Endpoint::from_env(&process_env).map_err(told)?;
    let egress = egress(args.config.as_deref(), &wanted, &endpoint)?;
    let options = DialerOptions { connect: Limits::default().connect, egress, ..DialerOptions::default() };
    let dialer = Dialer::new(options).map_err(|e| {
        Problems::from(Problem::new("connections cannot be set up", e.to_string(), "check the system's certificates"))
    })?;
    let puller = Puller::new(store, dialer, endpoint);
    let runtime = short_runtime()?;
    let mut progress = Progress::new();
    let ended = runtime.block_on(async {
        let mut stopped = std::pin::pin!(stop());
        tokio::select! {
            pulled = puller.pull(&wanted, args.name.as_deref(), &mut progress) => Ok(Some(pulled.map_err(told)?)),
            signal = &mut stopped => signal.map(|()| None),
        }
    });
    progress.end();
    // A file that is being hashed is not waited for.
    runtime.shutdown_background();
    match ended? {
        None => {
            eprintln!("Stopped. What is there is kept: run the same command again and it goes on from there.");
            Ok(ExitCode::from(INTERRUPTED))
        }
        Some(pulled) => {
            let checked = if pulled.card.files.iter().all(|f| f.verified) {
                "SHA-256 as promised"
            } else {
                "no SHA-256 was promised by anybody"
            };
            let how = if pulled.fetched { "is there now" } else { "is there already" };
            crate::print(&format!(
                "{} {how}: {}, {checked}, licence {}\n{}\nNext: `dewpoint show {}`, or in dewpoint.toml: [engine] model = \"{}\"\n",
                pulled.name,
                shown_bytes(pulled.card.bytes()),
                crate::table::printable(pulled.card.license.as_deref().unwrap_or("not stated")),
                pulled.path.display(),
                pulled.name,
                pulled.path.display(),
            ))
        }
    }
}

/// What a download may dial: the hub, the address that was typed, and the hosts of `[egress] pull`. Of the configuration only
/// that section is read: the rest may well name a model that is not here yet.
fn egress(file: Option<&Path>, wanted: &Wanted, endpoint: &Endpoint) -> Result<backend::Egress> {
    let found = config::find(file, &process_env);
    let settings = config::egress(found.path.as_deref(), &process_env, &Book::built_in()?)?;
    if settings.airgap {
        let why = "the air gap is closed ([egress] airgap or DEWPOINT_AIRGAP): nothing but this host is dialled";
        let help = "fetch the model on another machine, bring the file here, and name its path in [engine] model";
        return Err(Problems::from(Problem::new("nothing is pulled", why, help)).into());
    }
    let list = backend::Egress::default().private(&settings.private).hosts(&settings.pull);
    Ok(wanted.origin().iter().chain([endpoint.origin()]).fold(list, |list, origin| list.named(origin)))
}

/// Ctrl-C, or the wish to end.
async fn stop() -> Result<()> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut term = signal(SignalKind::terminate()).context("no signals")?;
        tokio::select! {
            pressed = tokio::signal::ctrl_c() => pressed.context("no signals"),
            _ = term.recv() => Ok(()),
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await.context("no signals")
}

/// How it goes: a bar on a terminal, else a line now and then. Both on standard error.
struct Progress {
    terminal: bool,
    bar: Option<ProgressBar>,
    file: String,
    began: Instant,
    said: Instant,
    have: u64,
    total: Option<u64>,
}

impl Progress {
    fn new() -> Progress {
        let now = Instant::now();
        Progress {
            terminal: std::io::stderr().is_terminal(),
            bar: None,
            file: String::new(),
            began: now,
            said: now,
            have: 0,
            total: None,
        }
    }

    fn begin(&mut self, file: String, total: Option<u64>, have: u64) {
        let now = Instant::now();
        (self.file, self.began, self.said, self.have, self.total) = (file, now, now, have, total);
        let from = if have > 0 { format!(", {} of it are here", shown_bytes(have)) } else { String::new() };
        let length = total.map_or("of unknown length".to_owned(), shown_bytes);
        if !self.terminal {
            eprintln!("{}: {length}{from}", self.file);
            return;
        }
        self.end();
        let bar = total.map_or_else(ProgressBar::no_length, ProgressBar::new);
        let shape = match total {
            Some(_) => {
                "{prefix} {percent:>3} % [{wide_bar:.cyan/dim}] {decimal_bytes}/{decimal_total_bytes} {decimal_bytes_per_sec} {eta} left"
            }
            None => "{prefix} {spinner} {decimal_bytes} {decimal_bytes_per_sec}",
        };
        // The shape is a constant; were it wrong, the library's own would do.
        let style = ProgressStyle::with_template(shape).unwrap_or_else(|_| ProgressStyle::default_bar());
        bar.set_style(style.progress_chars("━╸ "));
        bar.set_prefix(self.file.clone());
        bar.set_position(have);
        bar.reset_eta();
        self.bar = Some(bar);
    }

    fn at(&mut self, bytes: u64) {
        if let Some(bar) = &self.bar {
            bar.set_position(bytes);
        } else if self.said.elapsed() >= LINE_EVERY {
            self.said = Instant::now();
            let rate = bytes.saturating_sub(self.have) as f64 / self.began.elapsed().as_secs_f64().max(0.001);
            let rest = self.total.map(|total| {
                let seconds = total.saturating_sub(bytes) as f64 / rate.max(1.0);
                format!(" of {}, {seconds:.0} s left", shown_bytes(total))
            });
            eprintln!(
                "{}: {}{}, {}/s",
                self.file,
                shown_bytes(bytes),
                rest.unwrap_or_default(),
                shown_bytes(rate as u64)
            );
        }
    }

    fn say(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.println(line),
            None => eprintln!("{line}"),
        }
    }

    fn end(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.abandon();
        }
    }
}

impl hub::Watch for Progress {
    fn event(&mut self, event: Event) {
        match event {
            Event::Wanted { name, source, files } => {
                let parts = if files > 1 { format!(" in {files} files") } else { String::new() };
                self.say(&format!("{name}{parts} from {source}"));
            }
            Event::Begin { file, total, have } => self.begin(file, total, have),
            Event::At(bytes) => self.at(bytes),
            Event::Restart(why) => self.say(&format!("begins again: {why}")),
            Event::Retry(problem, pause) => {
                self.say(&format!("{}: {}; again in {} s", problem.what, problem.why, pause.as_secs_f32().ceil()));
            }
            Event::Checking => {
                self.end();
                self.say("checking");
            }
        }
    }
}
