//! Exams with known right answers: one JSON object a line.
//!
//! Never here: asking a model.

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use wire::{Message, Role};

/// Bytes of a line at most.
const LINE_MAX: u64 = 1 << 20;
/// Rows at most.
const ROWS_MAX: usize = 100_000;

/// A question and its right answers.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Row {
    /// What kind of question it is.
    #[serde(default)]
    pub(super) task: String,
    /// The question, where it is one message of a user.
    #[serde(default)]
    prompt: Option<String>,
    /// The conversation, else.
    #[serde(default)]
    messages: Vec<Said>,
    /// Every right answer, letter for letter but for space at the ends.
    pub(super) right: Vec<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Said {
    role: Speaker,
    content: String,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Speaker {
    System,
    User,
    Assistant,
}

impl Row {
    /// What is sent.
    pub(super) fn messages(&self) -> Vec<Message> {
        let role = |s: Speaker| match s {
            Speaker::System => Role::System,
            Speaker::User => Role::User,
            Speaker::Assistant => Role::Assistant,
        };
        let said = self.messages.iter().map(|m| Message::text(role(m.role), m.content.as_str()));
        said.chain(self.prompt.iter().map(|p| Message::text(Role::User, p.as_str()))).collect()
    }

    /// Characters of what is sent.
    pub(super) fn length(&self) -> usize {
        let said = self.messages.iter().map(|m| m.content.chars().count()).sum::<usize>();
        said + self.prompt.as_ref().map_or(0, |p| p.chars().count())
    }

    /// Is this one of the right answers?
    pub(super) fn is_right(&self, answer: &str) -> bool {
        self.right.iter().any(|r| r.trim() == answer.trim())
    }
}

/// Reads a file; compressed where its name ends in .zst.
///
/// # Errors
/// It cannot be opened or unpacked, or a line says what is wrong with it.
pub(super) fn read(path: &Path) -> Result<Vec<Row>> {
    let file = File::open(path).with_context(|| format!("{}: cannot be opened", path.display()))?;
    let packed = path.extension().is_some_and(|e| e == "zst");
    let rows = if packed { unpacked(file) } else { lines(BufReader::new(file)) };
    rows.with_context(|| format!("{}: cannot be used as an exam", path.display()))
}

/// Reads a compressed exam.
///
/// # Errors
/// As for [`read`].
pub(super) fn unpacked(from: impl Read) -> Result<Vec<Row>> {
    let decoder = ruzstd::decoding::StreamingDecoder::new(from)
        .map_err(|error| anyhow::anyhow!("not a Zstandard file: {error}"))?;
    lines(BufReader::with_capacity(1 << 16, decoder))
}

fn lines(mut from: impl BufRead) -> Result<Vec<Row>> {
    let (mut rows, mut line) = (Vec::new(), Vec::new());
    for number in 1.. {
        line.clear();
        if (&mut from).take(LINE_MAX + 1).read_until(b'\n', &mut line)? == 0 {
            break;
        }
        if line.len() as u64 > LINE_MAX {
            bail!("line {number} is longer than {LINE_MAX} bytes");
        }
        if line.trim_ascii().is_empty() {
            continue;
        }
        if rows.len() == ROWS_MAX {
            bail!("more than {ROWS_MAX} rows");
        }
        let row: Row = serde_json::from_slice(line.trim_ascii()).with_context(|| {
            format!("line {number} is not {{\"task\", \"prompt\" or \"messages\", \"right\": […]}}")
        })?;
        if row.prompt.is_some() != row.messages.is_empty() {
            bail!("line {number}: give either \"prompt\" or \"messages\"");
        }
        if row.right.is_empty() {
            bail!("line {number}: \"right\" is empty; give at least one right answer");
        }
        rows.push(row);
    }
    if rows.is_empty() {
        bail!("it has no row");
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn why(text: &str) -> String {
        format!("{:#}", lines(text.as_bytes()).unwrap_err())
    }

    #[test]
    fn rows_are_read_and_what_is_none_is_said() {
        let text = "{\"prompt\":\"2+2\",\"right\":[\"4\",\"2 + 2 = 4\"]}\n\n{\"task\":\"t\",\"messages\":[{\"role\":\"system\",\
                    \"content\":\"S\"},{\"role\":\"user\",\"content\":\"é\"}],\"right\":[\"x\"]}";
        let rows = lines(text.as_bytes()).unwrap();
        assert_eq!((rows.len(), rows[0].messages().len(), rows[1].messages().len()), (2, 1, 2));
        assert!(rows[0].is_right(" 4\n") && rows[0].is_right("2 + 2 = 4") && !rows[0].is_right("five"));
        assert_eq!((rows[0].length(), rows[1].length()), (3, 2));
        assert!(why("{\"prompt\":\"a\",\"right\":[]}").contains("line 1"));
        assert!(why("{\"right\":[\"a\"]}").contains("either"));
        assert!(
            why("{\"prompt\":\"a\",\"messages\":[{\"role\":\"user\",\"content\":\"b\"}],\"right\":[\"a\"]}")
                .contains("either")
        );
        assert!(why("{\"prompt\":\"a\",\"rihgt\":[\"a\"]}").contains("line 1"));
        assert!(why("").contains("no row"));
        let at = |n: u64| {
            let head = "{\"prompt\":\"\",\"right\":[\"";
            format!("{head}{}\"]}}", "a".repeat(n as usize - head.len() - 3))
        };
        assert_eq!(lines(at(LINE_MAX).as_bytes()).unwrap().len(), 1);
        assert!(why(&at(LINE_MAX + 1)).contains("longer"));
    }
}
