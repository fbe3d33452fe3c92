//! The table that `make prove` prints: one row for each thing that was shown.
//!
//! Never here: judgement. A row is written when the assertions behind it held.

use super::namespace;
use std::io::Write;

/// One row.
#[derive(Debug, Default)]
pub(crate) struct Row {
    /// `a` to `e`, and what of it.
    pub(crate) part: &'static str,
    /// What was asserted, and held.
    pub(crate) asserted: String,
    /// Requests that it was asserted of.
    pub(crate) requests: usize,
    /// Frames (or system calls) that were read.
    pub(crate) frames: Option<usize>,
    /// What the counters of unroutable packets moved by.
    pub(crate) moved: Option<String>,
    /// The controls that fired.
    pub(crate) controls: String,
}

impl Row {
    /// Adds the row to the file that `DEWPOINT_PROVE_TABLE` names, and prints it.
    pub(crate) fn write(&self) {
        let or_dash = |v: Option<String>| v.unwrap_or_else(|| "-".to_owned());
        let (frames, moved) = (or_dash(self.frames.map(|f| f.to_string())), or_dash(self.moved.clone()));
        let line =
            format!("{}\t{}\t{}\t{frames}\t{moved}\t{}\n", self.part, self.asserted, self.requests, self.controls);
        print!("{line}");
        if let Some(path) = namespace::variable("DEWPOINT_PROVE_TABLE") {
            // One write of a short line: rows of tests that run beside each other do not mix.
            let mut file = std::fs::OpenOptions::new().create(true).append(true).open(path).expect("a writable file");
            file.write_all(line.as_bytes()).expect("a writable file");
        }
    }
}
