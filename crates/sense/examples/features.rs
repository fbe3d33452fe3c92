//! Reads JSON lines `{"id", "prompt", "functions"?}` on standard input and prints for each a tab-separated line:
//! id, task, difficulty, the learned part of it, features. Used by `train/fit.py` and `train/evaluate.py`.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::io::{BufRead, Write};
use wire::{Ask, Endpoint, Message, Role, Tool};

fn main() {
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    writeln!(out, "id\ttask\tdifficulty\tcorrection\t{}", sense::FEATURE_NAMES.join("\t")).unwrap();
    for line in std::io::stdin().lock().lines() {
        let row: serde_json::Value = serde_json::from_str(&line.unwrap()).expect("one JSON object per line");
        let mut ask = Ask::new(Endpoint::Chat);
        ask.messages.push(Message::text(Role::User, row["prompt"].as_str().unwrap_or_default()));
        if let Some(functions) = row["functions"].as_str() {
            ask.tools = tools(functions);
        }
        let need = sense::assess(&ask);
        let features: Vec<String> = sense::features(&ask).iter().map(f32::to_string).collect();
        let (id, task) = (row["id"].as_str().unwrap_or_default(), need.task.as_str());
        let (difficulty, correction) = (need.difficulty.0, sense::correction(&ask));
        writeln!(out, "{id}\t{task}\t{difficulty}\t{correction}\t{}", features.join("\t")).unwrap();
    }
}

/// One function or a list of them, as JSON text.
fn tools(functions: &str) -> Vec<Tool> {
    let value: serde_json::Value = serde_json::from_str(functions).unwrap_or_default();
    let list = match value {
        serde_json::Value::Array(list) => list,
        one => vec![one],
    };
    list.iter().map(tool).collect()
}

fn tool(function: &serde_json::Value) -> Tool {
    Tool {
        name: function["name"].as_str().unwrap_or_default().to_owned(),
        description: function["description"].as_str().map(str::to_owned),
        parameters: serde_json::value::to_raw_value(&function["parameters"]).ok(),
        strict: None,
        raw: None,
        extra: Vec::new(),
    }
}
