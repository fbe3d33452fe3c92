//! How each provider and engine talks: its paths, answers, streams and errors in the shapes that it really has.
//!
//! Never here: what the shapes mean (room `wire`).

mod errors;
mod say;

pub(crate) use say::CALL;

use crate::Answer;
use backend::Profile;
use decide::Api;
use serde_json::{Value, json};

/// One provider or engine, to be played by a [`crate::Fake`].
#[derive(Debug, Clone, Copy)]
pub struct Voice {
    /// Which.
    pub profile: &'static Profile,
}

/// Prompt tokens in every answer, of which [`CACHED`] were read from a cache.
pub(crate) const PROMPT: u64 = 9;
/// Cached prompt tokens in every answer that reports them.
pub(crate) const CACHED: u64 = 4;
/// The model's name in every answer.
pub(crate) const MODEL: &str = "test-model";

impl Voice {
    /// The voice of a profile.
    ///
    /// # Panics
    /// When there is no such profile.
    pub fn of(profile: &str) -> Voice {
        Voice { profile: Profile::find(profile).expect("a known profile") }
    }

    /// What stands in `base_url` behind the host.
    pub fn base_path(&self) -> &'static str {
        if self.profile.api == Api::Openai { "/v1" } else { "" }
    }

    /// The route of chats.
    pub fn chat_route(&self) -> &'static str {
        match self.profile.api {
            Api::Anthropic => "POST /v1/messages",
            Api::Ollama => "POST /api/chat",
            Api::Openai | Api::Engine => "POST /v1/chat/completions",
        }
    }

    /// The route of the list of models.
    pub fn models_route(&self) -> &'static str {
        if self.profile.api == Api::Ollama { "GET /api/tags" } else { "GET /v1/models" }
    }

    /// Media type of its streams.
    pub fn stream_type(&self) -> &'static str {
        if self.profile.api == Api::Ollama { "application/x-ndjson" } else { "text/event-stream" }
    }

    /// Its list of models.
    pub fn models(&self, ids: &[&str]) -> Answer {
        let name = self.profile.name;
        let row = |id: &&str| match name {
            "vllm" | "sglang" => {
                json!({"id": id, "object": "model", "created": 1, "owned_by": name, "root": id, "max_model_len": 8192})
            }
            "llama-server" => {
                json!({"id": id, "object": "model", "created": 1, "owned_by": "llamacpp", "meta": {"n_ctx": 8192}})
            }
            "tensorrt-llm" => json!({"id": id, "object": "model", "created": 1, "owned_by": "tensorrt_llm"}),
            "openrouter" => {
                json!({"id": id, "name": id, "context_length": 8192, "supported_parameters": ["tools"], "architecture": {"input_modalities": ["text"]}})
            }
            "anthropic" => json!({"id": id, "type": "model", "display_name": id, "created_at": "2025-01-01T00:00:00Z"}),
            "ollama" => json!({"name": id, "model": id, "digest": format!("d-{id}"), "details": {}}),
            _ => json!({"id": id, "object": "model", "created": 1, "owned_by": name}),
        };
        let rows: Vec<Value> = ids.iter().map(row).collect();
        let list = match name {
            "ollama" => json!({"models": rows}),
            "llama-server" => json!({"models": [], "object": "list", "data": rows}),
            "anthropic" => json!({"data": rows, "has_more": false}),
            _ => json!({"object": "list", "data": rows}),
        };
        Answer::json(200, list.to_string())
    }

    /// Its metrics page, where it has one.
    pub fn metrics(&self, running: u32, waiting: u32, kv: f64) -> Option<Answer> {
        let names = self.profile.metrics?;
        let labels = if self.profile.name == "llama-server" { "" } else { "{model_name=\"m\",engine=\"0\"}" };
        let mut page = format!(
            "# HELP x y\n# TYPE x gauge\n{}{labels} {running}\n{}{labels} {waiting}\n",
            names.running, names.waiting
        );
        if let Some(name) = names.kv {
            page.push_str(&format!("{name}{labels} {kv}\n"));
        }
        Some(Answer::new(200, "text/plain; version=0.0.4", page))
    }

    /// Its health check when all is well.
    pub fn health(&self) -> Answer {
        match self.profile.name {
            "llama-server" => Answer::json(200, r#"{"status":"ok"}"#),
            "ollama" => Answer::json(200, r#"{"version":"0.12.1"}"#),
            _ => Answer::new(200, "text/plain", ""),
        }
    }
}
