//! `dewpoint scan`: what the detectors find in texts. NDJSON in, one line out for each line in, as it comes.
//!
//! Never here: detection (room `sense`), and values: only where they are.

use crate::config::{self, Flags};
use crate::detect;
use crate::flags::Common;
use crate::problem::{Problem, Problems};
use crate::table::printable;
use anyhow::Result;
use decide::DataClass;
use sense::{Finder, Finding};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::process::ExitCode;

/// Bytes of a line at most, as of a request body.
const LINE_MAX: usize = 32 << 20;

/// What the command line says.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    common: Common,
    /// Print NDJSON: `{id, spans: [[start, end, type, score]], class}` with offsets in characters; also what is too unsure to
    /// count, by its score.
    #[arg(long)]
    json: bool,
}

/// One line in. Other members are left alone.
#[derive(Deserialize)]
struct Asked<'a> {
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
    text: String,
}

/// One line out.
#[derive(Serialize)]
#[serde(untagged)]
enum Told<'a> {
    Found { id: Option<&'a RawValue>, spans: Vec<(usize, usize, &'a str, f64)>, class: DataClass },
    Bad { line: u64, id: Option<&'a RawValue>, error: String },
}

/// Reads standard input to its end. Exit code 1 when a line could not be scanned.
pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let book = crate::book::Book::built_in()?;
    let found = config::find(args.common.config.as_deref(), &config::process_env);
    let flags = Flags { listen: None, no_discovery: args.common.no_discovery };
    let settings = config::load(found.path.as_deref(), &flags, &config::process_env, &book)?;
    let Some(finder) = detect::finder(&settings)? else {
        let help = "take [detect] enabled = false out of the configuration, or name another one with --config";
        let why = "the detectors are switched off";
        return Err(Problems::from(Problem::new("nothing can be scanned", why, help)).into());
    };
    let out = BufWriter::new(io::stdout().lock());
    match scan(&finder, io::stdin().lock(), out, args.json) {
        Ok(0) => Ok(ExitCode::SUCCESS),
        Ok(bad) => {
            eprintln!("{bad} lines could not be scanned; each has a line of its own that says why");
            Ok(ExitCode::FAILURE)
        }
        // A reader that went away (`| head`) is no error.
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Ok(ExitCode::SUCCESS),
        Err(e) => Err(e.into()),
    }
}

/// Scans line by line; gives how many lines were bad.
fn scan(finder: &Finder, input: impl Read, mut out: impl Write, json: bool) -> io::Result<u64> {
    let mut input = BufReader::with_capacity(64 << 10, input);
    let (mut line, mut number, mut bad) = (Vec::new(), 0, 0);
    while read_line(&mut input, &mut line)? {
        number += 1;
        let text = String::from_utf8_lossy(&line);
        let asked = match line.len() {
            0..=LINE_MAX => read(&line, &text),
            _ => Err((None, format!("the line is longer than {LINE_MAX} bytes"))),
        };
        let findings =
            asked.and_then(|asked| match if json { finder.scan(&asked.text) } else { finder.find(&asked.text) } {
                Ok(findings) => Ok((asked, findings)),
                Err(why) => Err((asked.id, why.to_string())),
            });
        match &findings {
            Ok((asked, findings)) if json => write_json(&mut out, &told(asked, findings))?,
            Ok((asked, findings)) => write_row(&mut out, number, asked, findings)?,
            Err((id, why)) => {
                bad += 1;
                let told = Told::Bad { line: number, id: *id, error: why.clone() };
                if json {
                    write_json(&mut out, &told)?;
                } else {
                    writeln!(out, "line {number}  not scanned: {}", printable(why))?;
                }
            }
        }
        if input.buffer().is_empty() {
            // Whoever feeds line by line gets answers line by line.
            out.flush()?;
        }
    }
    out.flush()?;
    Ok(bad)
}

/// Reads one line without its end. Of a line that is too long only so much is kept as shows that it is.
fn read_line(input: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<bool> {
    line.clear();
    let read = input.by_ref().take(LINE_MAX as u64 + 2).read_until(b'\n', line)?;
    if line.last() == Some(&b'\n') {
        line.pop();
        if line.last() == Some(&b'\r') {
            line.pop();
        }
    } else if line.len() > LINE_MAX {
        input.skip_until(b'\n')?;
    }
    Ok(read > 0)
}

type Bad<'a> = (Option<&'a RawValue>, String);

fn read<'a>(line: &[u8], text: &'a str) -> Result<Asked<'a>, Bad<'a>> {
    if std::str::from_utf8(line).is_err() {
        return Err((None, "the line is not UTF-8".to_owned()));
    }
    serde_json::from_str(text).map_err(|e| {
        /// As much of a line as tells which one it was.
        #[derive(Deserialize)]
        struct Named<'a> {
            #[serde(borrow, default)]
            id: Option<&'a RawValue>,
        }
        let id = serde_json::from_str::<Named>(text).ok().and_then(|n| n.id);
        // serde quotes what it finds; the text stays out of reports.
        let why = if e.is_data() { "it is JSON but not {\"id\": …, \"text\": \"…\"}" } else { "it is not JSON" };
        (id, format!("{why} (column {})", e.column()))
    })
}

fn told<'a>(asked: &Asked<'a>, findings: &'a [Finding]) -> Told<'a> {
    let places = sense::characters(&asked.text, findings);
    let span = |(f, (start, end)): (&'a Finding, _)| (start, end, &*f.kind.name, f64::from(f.score) / 100.0);
    Told::Found { id: asked.id, spans: findings.iter().zip(places).map(span).collect(), class: class(findings) }
}

/// The class of a request with this text and nothing declared: of what is sure enough to count.
fn class(findings: &[Finding]) -> DataClass {
    findings
        .iter()
        .filter(|f| f.score >= sense::RAISES)
        .map(|f| f.kind.class)
        .max()
        .unwrap_or_default()
        .max(DataClass::default())
}

fn write_json(out: &mut impl Write, told: &Told<'_>) -> io::Result<()> {
    serde_json::to_writer(&mut *out, told)?;
    out.write_all(b"\n")
}

/// For people: which line, its class, and how often each kind is in it.
fn write_row(out: &mut impl Write, number: u64, asked: &Asked<'_>, findings: &[Finding]) -> io::Result<()> {
    let mut kinds: BTreeMap<&str, u32> = BTreeMap::new();
    for finding in findings {
        *kinds.entry(&finding.kind.name).or_default() += 1;
    }
    let shown: Vec<String> = kinds.iter().map(|(kind, n)| format!("{kind} ×{n}")).collect();
    let shown = if shown.is_empty() { "nothing found".to_owned() } else { shown.join(", ") };
    let id = asked.id.map_or_else(|| format!("line {number}"), |id| printable(id.get()));
    writeln!(out, "{id:<16}  {:<9}  {shown}", class(findings).as_str())
}

#[cfg(test)]
#[path = "scan_tests.rs"]
mod tests;
