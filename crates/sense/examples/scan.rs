//! Reads NDJSON `{id, text}` and writes `{id, spans: [[start, end, type, score]], class}` with offsets in characters: what
//! `scripts/score-detect` scores. `--counting` leaves out readings that raise nothing and settles overlaps; without it every
//! reading is there.
#![allow(clippy::unwrap_used)]

use sense::{Finder, FinderOptions, characters};
use std::io::{BufRead, Write};

fn main() {
    let counting = std::env::args().any(|a| a == "--counting");
    let finder = Finder::new(&FinderOptions::default()).unwrap();
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    for line in std::io::stdin().lock().lines() {
        let row: serde_json::Value = serde_json::from_str(&line.unwrap()).unwrap();
        let text = row["text"].as_str().unwrap();
        let found = finder.find(text).unwrap();
        let class = found.iter().map(|f| f.kind.class).max().unwrap_or(decide::DataClass::Public).as_str();
        let shown = if counting { found } else { finder.scan(text).unwrap() };
        let spans: Vec<_> = shown
            .iter()
            .zip(characters(text, &shown))
            .map(|(f, (s, e))| serde_json::json!([s, e, &*f.kind.name, f64::from(f.score) / 100.0]))
            .collect();
        writeln!(out, "{}", serde_json::json!({"id": row["id"], "spans": spans, "class": class})).unwrap();
    }
}
