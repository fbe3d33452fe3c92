//! Secrets in texts, for `scripts/score-secrets`, and how fast they are found.
//!
//! `secrets`: reads NDJSON `{"id": …, "text": …}` on standard input and writes `{"id": …, "spans": [[start, end, kind,
//! score], …]}`; offsets are bytes. `secrets speed`: reads the same and prints megabytes per second for it and for hostile
//! inputs of a megabyte.

use decide::DataClass;
use sense::{Finder, FinderOptions};
use serde_json::{Value, json};
use std::io::{BufRead, Write};
use std::time::{Duration, Instant};

/// Pieces that are repeated to a megabyte.
const HOSTILE: &[&str] = &[
    "a",
    "1",
    "@",
    "=",
    "\"",
    "'",
    "%",
    "%41",
    "sk-",
    "ghp_",
    "eyJ",
    "eyJ.",
    "-eyJ",
    "key=",
    "key=\"",
    "key: ",
    "key",
    "token ",
    "password is ",
    "://",
    "http://a:",
    "http://a:b@",
    "curl -u ",
    "curl ",
    "kind: secret ",
    "kind: Secret\n",
    "-----BEGIN PRIVATE KEY-----",
    "-----BEGIN ",
    "AKIA",
    "sk-ant-api03-",
    "sk-proj-",
    "T3BlbkFJ",
    "glpat-",
    "-glpat-",
    "/ops_eyJ",
    "fm2_",
    "xoxb-",
    "ZXlK",
    "secret=token=",
    "discord=",
    "discord ",
    "|1234567890123456",
    ":AA",
    "s.",
    " s.",
    "service_account",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa ",
    "A",
    "\u{200b}",
    "password=\"a",
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let speed = std::env::args().nth(1).is_some_and(|a| a == "speed");
    let start = Instant::now();
    let finder = Finder::new(&FinderOptions::default())?;
    let built = start.elapsed();
    let rows = std::io::stdin().lock().lines().map(|line| Ok(serde_json::from_str(&line?)?));
    let rows: Vec<Value> = rows.collect::<Result<_, Box<dyn std::error::Error>>>()?;
    let mut out = std::io::stdout().lock();
    if speed {
        let texts: Vec<&str> = rows.iter().filter_map(|r| r["text"].as_str()).collect();
        writeln!(out, "set-up: {:.1} ms", built.as_secs_f64() * 1e3)?;
        let prompts = rate(&finder, &texts)?;
        writeln!(out, "texts: {prompts:.0} MB/s")?;
        for piece in HOSTILE {
            let text = piece.repeat(1_000_000 / piece.len());
            let hostile = rate(&finder, &[&text])?;
            writeln!(
                out,
                "{:<34} {hostile:>6.0} MB/s  {:.2} of the texts' time per byte",
                format!("{piece:?}"),
                prompts / hostile
            )?;
        }
        return Ok(());
    }
    for row in &rows {
        let found = finder.find(row["text"].as_str().unwrap_or_default())?;
        let secrets = found.iter().filter(|f| f.kind.class == DataClass::Secret);
        let spans: Vec<Value> = secrets.map(|f| json!([f.start, f.end, &*f.kind.name, f.score])).collect();
        writeln!(out, "{}", json!({"id": row["id"], "spans": spans}))?;
    }
    Ok(())
}

/// Megabytes per second: the best of some rounds, a fifth of a second each at least.
fn rate(finder: &Finder, texts: &[&str]) -> Result<f64, Box<dyn std::error::Error>> {
    let bytes: usize = texts.iter().map(|t| t.len()).sum();
    let mut best = 0.0f64;
    for _ in 0..3 {
        let (start, mut passes) = (Instant::now(), 0u32);
        while passes == 0 || start.elapsed() < Duration::from_millis(200) {
            for text in texts {
                std::hint::black_box(finder.find(text)?);
            }
            passes += 1;
        }
        #[allow(clippy::cast_precision_loss)]
        let rate = bytes as f64 * f64::from(passes) / start.elapsed().as_secs_f64() / 1e6;
        best = best.max(rate);
    }
    Ok(best)
}
