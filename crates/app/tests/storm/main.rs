//! `make storm`: experiments with the real server under an open load: every upstream down and back, one replica a hundred
//! times slower, an upstream that gets ten times slower. Short in `make test`; `DEWPOINT_STORM=full` runs them at full
//! length, and `DEWPOINT_PAGE` names the page of the book that takes the figures.
//!
//! Never here: unit tests of breakers, budgets and limits (crates `gateway` and `decide`).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(clippy::disallowed_methods, reason = "a test reads its size from the environment")]

mod grey;
mod outage;
mod ramp;
mod stage;

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard};
use testkit::chart::write_section;

/// One experiment at a time: they measure time.
static ALONE: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Full length or the short form of `make test`.
fn full() -> bool {
    std::env::var("DEWPOINT_STORM").is_ok_and(|v| v == "full")
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// Prints the figures, and writes them and their picture into the book where that is asked for.
fn show(name: &str, title: &str, table: &str, picture: impl FnOnce() -> String) {
    println!("{title}\n\n{table}");
    let Ok(page) = std::env::var("DEWPOINT_PAGE") else { return };
    let (page, file) = (PathBuf::from(page), format!("survival-{name}.svg"));
    std::fs::write(page.with_file_name(&file), picture()).unwrap();
    write_section(&page, name, &format!("{title}\n\n{table}\n![{name}]({file})\n"));
}
