//! The root of the fuzz target `config` (see `fuzz/Cargo.toml`), not a module of the binary: the files of the configuration as
//! they are, without a library that would exist for this alone.
//!
//! Whatever text a configuration is, reading it ends, gives the same twice, says in every problem what, why and what to do, and
//! never repeats a secret.
//!
//! Never here: anything that is shipped.
#![no_main]
#![allow(
    dead_code,
    missing_docs,
    unexpected_cfgs,
    unused_imports,
    reason = "the rest of the binary, which uses the rest of these files, is not here"
)]

mod book;
mod bundled;
mod capacity;
mod config;
mod key;
mod key_store;
mod priors;
mod problem;

use book::Book;
use config::Flags;
use std::sync::LazyLock;

/// What every variable of the environment holds here.
const SECRET: &str = "dp-canary-0123456789abcdef0123456789abcdef";

static BOOK: LazyLock<Option<Book>> = LazyLock::new(|| Book::built_in().ok());

libfuzzer_sys::fuzz_target!(|text: &str| {
    assert!(BOOK.is_some(), "the built-in book does not read");
    let Some(book) = &*BOOK else { return };
    let env = |name: &str| match name {
        "HOME" => Some("/nonexistent".to_owned()),
        "DEWPOINT_DATA" | "XDG_DATA_HOME" => None,
        _ => Some(SECRET.to_owned()),
    };
    let load = || config::load_text("fuzz.toml", text, &Flags::default(), &env, book);
    match load() {
        Ok(settings) => {
            let shown = format!("{settings:?}");
            assert!(!shown.contains(SECRET), "a secret is shown: {shown}");
        }
        Err(problems) => {
            assert!(!problems.0.is_empty(), "refused for no reason");
            for problem in &problems.0 {
                assert!(!problem.what.is_empty() && !problem.why.is_empty() && !problem.help.is_empty(), "{problem}");
            }
            let shown = problems.to_string();
            assert!(!shown.contains(SECRET), "a secret is shown: {shown}");
            assert_eq!(load().err().map(|again| again.to_string()).as_deref(), Some(shown.as_str()));
        }
    }
});
