//! `dewpoint price`: raw answers of providers in, what each of them cost out. NDJSON, one line out for each line in.
//!
//! Never here: prices and extraction (room `price`), the configuration, the network.

use crate::problem::{Problem, Problems};
use ::price::{Answer, Catalogue, priced_line, unix_s};
use anyhow::Result;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::process::ExitCode;

/// Bytes of a line at most, as of a request body.
const LINE_MAX: usize = 32 << 20;

/// What the command line says.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Read NDJSON `{"provider", "api_flavor", "model", "body": {…}, "at"?}` on standard input; write
    /// `{"usage", "input_usd", "output_usd", "total_usd", "price_version"}` per line, amounts as decimal texts. What is not
    /// known is null, and `error` says why.
    #[arg(long, required = true)]
    json: bool,
    /// The moment whose prices hold for lines without `at`: `2026-08-21`, `2026-08-21T14:00:00Z` or Unix seconds. Left out: noon
    /// (UTC) of the book's day, so that the same lines always cost the same.
    #[arg(long, value_name = "MOMENT")]
    at: Option<String>,
}

/// Reads standard input to its end. Lines that cannot be priced say so and stop nothing.
pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let catalogue = Catalogue::built_in()?;
    let text = args.at.as_deref().unwrap_or_else(|| catalogue.date());
    let Some(at) = unix_s(text) else {
        let help = "write a date (2026-08-21), a moment (2026-08-21T14:00:00Z) or Unix seconds";
        return Err(Problems::from(Problem::new("--at is no moment", format!("it says \"{text}\""), help)).into());
    };
    let out = BufWriter::new(io::stdout().lock());
    match priced(&catalogue, at, io::stdin().lock(), out) {
        // A reader that went away (`| head`) is no error.
        Err(e) if e.kind() != io::ErrorKind::BrokenPipe => Err(e.into()),
        _ => Ok(ExitCode::SUCCESS),
    }
}

fn priced(catalogue: &Catalogue, at: u64, from: impl Read, mut to: impl Write) -> io::Result<()> {
    let mut from = BufReader::new(from);
    let mut line = Vec::new();
    loop {
        line.clear();
        let limit = u64::try_from(LINE_MAX).unwrap_or(u64::MAX);
        if from.by_ref().take(limit).read_until(b'\n', &mut line)? == 0 {
            return to.flush();
        }
        let answer = if line.len() == LINE_MAX && line.last() != Some(&b'\n') {
            from.skip_until(b'\n')?;
            Answer::failed(format!("this line is longer than {} MiB", LINE_MAX >> 20))
        } else if line.trim_ascii().is_empty() {
            Answer::failed("this line is empty")
        } else {
            priced_line(catalogue, &line, at)
        };
        serde_json::to_writer(&mut to, &answer)?;
        to.write_all(b"\n")?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_out_for_each_line_in() {
        let catalogue = Catalogue::built_in().unwrap();
        let good = r#"{"provider":"openai","api_flavor":"chat","model":"gpt-5-mini","body":{"usage":{"prompt_tokens":1000,"completion_tokens":10}}}"#;
        let long = "x".repeat(LINE_MAX + 10);
        let text = format!("{good}\nnot json\n\n{long}\n{good}");
        let mut out = Vec::new();
        priced(&catalogue, unix_s("2026-08-21").unwrap(), text.as_bytes(), &mut out).unwrap();
        let lines: Vec<serde_json::Value> =
            String::from_utf8(out).unwrap().lines().map(|l| serde_json::from_str(l).unwrap()).collect();
        assert_eq!(lines.len(), 5);
        assert_eq!((&lines[0]["total_usd"], &lines[0]["input_usd"]), (&"0.00027".into(), &"0.00025".into()));
        assert_eq!(lines[0], lines[4]);
        for (line, error) in [(1, "this line is not"), (2, "empty"), (3, "longer than 32 MiB")] {
            assert!(lines[line]["error"].as_str().unwrap().contains(error) && lines[line]["total_usd"].is_null());
        }
    }
}
