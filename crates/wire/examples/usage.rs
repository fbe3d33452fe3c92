//! Reads usage as the gateway does: NDJSON `{"flavour": "chat" | "messages", "stream": bool, "frames": [body, …]}` on stdin, one
//! line of counts, or of an error, for each on stdout. `scripts/score-usage` compares it with what others read.
//!
//! Never here: prices.

use bytes::Bytes;
use std::io::{BufRead as _, Write as _};
use wire::{Chunk, Event, Usage, WireError, anthropic, openai};

#[derive(serde::Deserialize)]
struct Line {
    flavour: String,
    stream: bool,
    frames: Vec<Box<serde_json::value::RawValue>>,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let line: Line = serde_json::from_str(&line?)?;
        match read(&line) {
            Ok(u) => writeln!(
                out,
                r#"{{"input_tokens":{},"output_tokens":{},"cache_read_tokens":{},"cache_write_tokens":{},"cache_write_1h_tokens":{},"output_reasoning_tokens":{},"input_audio_tokens":{},"output_audio_tokens":{}}}"#,
                u.input,
                u.output,
                u.cached,
                u.cache_write,
                u.cache_write_long,
                u.reasoning,
                u.audio_input,
                u.audio_output
            )?,
            Err(error) => writeln!(out, "{}", serde_json::json!({ "error": error.to_string() }))?,
        }
    }
    Ok(())
}

fn read(line: &Line) -> Result<Usage, WireError> {
    let frames: Vec<Bytes> = line.frames.iter().map(|f| Bytes::copy_from_slice(f.get().as_bytes())).collect();
    let (mut chat, mut messages) = (openai::ChatReader::default(), anthropic::Reader::default());
    let mut last = Usage::default();
    for frame in &frames {
        let said = match (line.flavour.as_str(), line.stream) {
            ("chat", false) => openai::read_chat_answer(frame)?.usage,
            ("chat", true) => of(&chat.read(frame)?),
            (_, false) => anthropic::read_answer(frame)?.usage,
            (_, true) => of(&messages.read(None, frame)?),
        };
        last = said.unwrap_or(last);
    }
    Ok(last)
}

fn of(chunk: &Chunk) -> Option<Usage> {
    chunk.events.iter().rev().find_map(|e| if let Event::Usage(usage) = e { Some(*usage) } else { None })
}
