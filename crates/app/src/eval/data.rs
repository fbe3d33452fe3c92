//! Exams as files: one JSON object a line, compressed with Zstandard or not. Bad rows are named and counted.
//!
//! Never here: judging prompts. Training reads its files with this as well.

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

/// Bytes of a line at most.
const LINE_MAX: usize = 32 << 20;
/// Rows of a file at most.
const ROWS_MAX: usize = 2_000_000;
/// Complaints kept in full; further ones are counted.
const KEPT: usize = 10;

/// One question with what models made of it.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Row {
    #[serde(default, deserialize_with = "text")]
    pub(crate) id: String,
    #[serde(default)]
    pub(crate) task: String,
    #[serde(default)]
    pub(crate) subtask: Option<String>,
    pub(crate) prompt: String,
    /// Same question, same group; the id where the file has none.
    #[serde(default, deserialize_with = "text")]
    pub(crate) gid: String,
    /// Tools, as JSON text.
    #[serde(default)]
    pub(crate) functions: Option<String>,
    #[serde(default, deserialize_with = "flag")]
    #[allow(dead_code, reason = "training leaves such rows out; the commands take the file as it is but for these")]
    pub(crate) contaminated: u8,
    #[serde(default, deserialize_with = "flag")]
    #[allow(dead_code, reason = "training leaves such rows out")]
    pub(crate) in_routerarena: u8,
    pub(crate) m: BTreeMap<String, Option<Mark>>,
}

impl Row {
    /// What this model made of it.
    pub(crate) fn mark(&self, model: &str) -> Option<&Mark> {
        self.m.get(model)?.as_ref()
    }
}

/// What one model made of it.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Mark {
    /// Score, 0 to 1.
    #[serde(default, deserialize_with = "number")]
    pub(crate) s: Option<f64>,
    /// Its answer.
    #[serde(default)]
    a: Option<serde_json::Value>,
    /// Characters written.
    #[serde(default, deserialize_with = "number")]
    pub(crate) oc: Option<f64>,
}

/// A number, or true and false as 1 and 0; anything else is as if it were not there.
fn number<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<f64>, D::Error> {
    Ok(match serde_json::Value::deserialize(from)? {
        serde_json::Value::Number(number) => number.as_f64(),
        serde_json::Value::Bool(yes) => Some(f64::from(u8::from(yes))),
        _ => None,
    })
}

/// 1 for true and for numbers other than 0.
fn flag<'de, D: serde::Deserializer<'de>>(from: D) -> Result<u8, D::Error> {
    Ok(u8::from(number(from)?.is_some_and(|n| n != 0.0)))
}

/// Text, or a number as text.
fn text<'de, D: serde::Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    Ok(match serde_json::Value::deserialize(from)? {
        serde_json::Value::String(text) => text,
        serde_json::Value::Null => String::new(),
        other => other.to_string(),
    })
}

impl Mark {
    /// The answer as text.
    pub(crate) fn answer(&self) -> Option<std::borrow::Cow<'_, str>> {
        match self.a.as_ref()? {
            serde_json::Value::Null => None,
            serde_json::Value::String(text) => Some(text.as_str().into()),
            other => Some(other.to_string().into()),
        }
    }
}

/// The rows of a file, and what was wrong with the others.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    pub(crate) rows: Vec<Row>,
    /// The first bad lines, with their number and what is wrong.
    pub(crate) complaints: Vec<String>,
    /// Bad lines in all.
    pub(crate) bad: usize,
}

/// Reads a file.
///
/// # Errors
/// It cannot be opened or unpacked, a line or the file is beyond its bound, or no row is good.
pub(crate) fn read(path: &Path) -> Result<Rows> {
    let file = File::open(path).with_context(|| format!("{}: cannot be opened", path.display()))?;
    let packed = path.extension().is_some_and(|e| e == "zst");
    let found = if packed {
        let decoder = ruzstd::decoding::StreamingDecoder::new(BufReader::new(file))
            .map_err(|error| anyhow::anyhow!("{}: not a Zstandard file: {error}", path.display()))?;
        lines(BufReader::with_capacity(1 << 16, decoder))
    } else {
        lines(BufReader::new(file))
    };
    let found = found.with_context(|| format!("{}: cannot be read", path.display()))?;
    if found.rows.is_empty() {
        let first = found.complaints.first().map_or("it is empty", String::as_str);
        bail!("{}: no row that can be used ({first}); give a file with one JSON object a line", path.display());
    }
    Ok(found)
}

/// Splits at `\n` only: prompts contain other characters that end lines elsewhere.
fn lines(mut from: impl BufRead) -> Result<Rows> {
    let (mut found, mut line) = (Rows::default(), Vec::new());
    for number in 1.. {
        line.clear();
        let read = (&mut from).take(LINE_MAX as u64 + 1).read_until(b'\n', &mut line)?;
        if read == 0 {
            break;
        }
        if line.len() > LINE_MAX {
            bail!("line {number} is longer than {LINE_MAX} bytes");
        }
        if found.rows.len() >= ROWS_MAX {
            bail!("more than {ROWS_MAX} rows");
        }
        let text = line.trim_ascii();
        if text.is_empty() {
            continue;
        }
        match serde_json::from_slice::<Row>(text).map_err(|e| e.to_string()).and_then(sound) {
            Ok(row) => found.rows.push(row),
            Err(error) => {
                found.bad += 1;
                if found.complaints.len() < KEPT {
                    found.complaints.push(format!("line {number}: {error}"));
                }
            }
        }
    }
    Ok(found)
}

/// Gives a row without a group its own. A score outside 0 to 1 means another scale, so that the other scores of the row say nothing either.
fn sound(mut row: Row) -> Result<Row, String> {
    if row.m.values().flatten().any(|mark| mark.s.is_some_and(|s| !(0.0..=1.0).contains(&s))) {
        return Err(format!("row {}: a score is not between 0 and 1", row.id));
    }
    if row.gid.is_empty() {
        row.gid.clone_from(if row.id.is_empty() { &row.prompt } else { &row.id });
    }
    Ok(row)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const GOOD: &str =
        r#"{"id":"a","prompt":"x\u2028y","gid":"1","m":{"w":{"s":1,"a":3,"oc":7},"s":{"s":0.5,"a":null}}}"#;

    #[test]
    fn lines_end_at_newlines_only_and_bad_ones_are_named() {
        let text =
            format!("{GOOD}\n{}\nnot json\n{}\n", GOOD.replace("\\u2028", "\u{2028}"), GOOD.replace("0.5", "1.5"));
        let rows = lines(text.as_bytes()).unwrap();
        assert_eq!((rows.rows.len(), rows.bad), (2, 2));
        assert!(rows.complaints[0].starts_with("line 3:") && rows.complaints[1].contains("row a: a score"));
        assert_eq!(rows.rows[0].mark("w").unwrap().answer().unwrap(), "3");
        assert!(rows.rows[0].mark("s").unwrap().answer().is_none());
    }

    #[test]
    fn whatever_stands_in_a_field_the_others_are_read() {
        let line = r#"{"id":7,"prompt":"p","contaminated":true,"m":{"w":{"s":true,"oc":"many","a":["x"],"l":"?"},"s":{"s":null},"n":null}}"#;
        let found = lines(line.as_bytes()).unwrap();
        let row = &found.rows[0];
        assert_eq!((row.id.as_str(), row.gid.as_str(), row.contaminated), ("7", "7", 1));
        let weak = row.mark("w").unwrap();
        assert_eq!((weak.s, weak.oc, weak.answer().as_deref()), (Some(1.0), None, Some(r#"["x"]"#)));
        assert!(row.mark("n").is_none() && row.mark("s").unwrap().s.is_none());
        assert_eq!(found.bad, 0);
    }

    #[test]
    fn a_line_at_the_bound_is_read_and_one_past_it_is_not() {
        let row = |bytes: usize| {
            let empty = GOOD.replace("x\\u2028y", "");
            empty.replace("\"prompt\":\"\"", &format!("\"prompt\":\"{}\"", "x".repeat(bytes - empty.len())))
        };
        assert_eq!(lines(row(LINE_MAX).as_bytes()).unwrap().rows.len(), 1);
        assert!(lines(row(LINE_MAX + 1).as_bytes()).is_err());
    }

    #[test]
    fn packed_and_plain_files_say_the_same_and_damage_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let (plain, packed) = (folder.path().join("a.jsonl"), folder.path().join("a.jsonl.zst"));
        std::fs::write(&plain, format!("{GOOD}\n")).unwrap();
        let bytes = ruzstd::encoding::compress_to_vec(
            format!("{GOOD}\n").as_bytes(),
            ruzstd::encoding::CompressionLevel::Fastest,
        );
        std::fs::write(&packed, &bytes).unwrap();
        assert_eq!(read(&plain).unwrap().rows[0].id, read(&packed).unwrap().rows[0].id);
        std::fs::write(&packed, &bytes[..bytes.len() / 2]).unwrap();
        assert!(read(&packed).is_err());
        std::fs::write(&packed, b"plain").unwrap();
        assert!(read(&packed).is_err());
        std::fs::write(&plain, b"\n").unwrap();
        assert!(read(&plain).unwrap_err().to_string().contains("no row that can be used"));
    }
}
