//! Errors in the shapes that providers and engines really have.

use super::Voice;
use crate::{Answer, Step};
use decide::Api;
use serde_json::{Value, json};

impl Voice {
    /// An error with a status, in this engine's own shape.
    pub fn error(&self, status: u16, message: &str) -> Answer {
        let body = match (self.profile.name, status) {
            ("vllm", 401) => json!({"error": "Unauthorized"}),
            ("vllm", _) => {
                json!({"error": {"message": message, "type": "BadRequestError", "param": null, "code": status}})
            }
            ("llama-server", _) => json!({"error": {"code": status, "message": message, "type": "server_error"}}),
            ("sglang" | "tensorrt-llm" | "mistral", _) => {
                json!({"object": "error", "message": message, "type": "BadRequestError", "param": null, "code": status})
            }
            ("gemini", _) => json!([{"error": {"code": status, "message": message, "status": "INVALID_ARGUMENT"}}]),
            ("openrouter", _) => json!({"error": {"code": status, "message": message}}),
            ("anthropic", _) => {
                json!({"type": "error", "error": {"type": "api_error", "message": message}, "request_id": "req_1"})
            }
            ("ollama", _) => json!({"error": message}),
            _ => json!({"error": {"message": message, "type": "invalid_request_error", "param": null, "code": null}}),
        };
        Answer::json(status, body.to_string())
    }

    /// That the prompt is too long, in this engine's own words.
    pub fn too_long(&self) -> Answer {
        match self.profile.name {
            "openai" => Answer::json(
                400,
                r#"{"error":{"message":"Your input is too large.","type":"invalid_request_error","param":"messages","code":"context_length_exceeded"}}"#,
            ),
            "llama-server" => Answer::json(
                400,
                r#"{"error":{"code":400,"message":"request (3010 tokens) exceeds the available context size (1024 tokens), try increasing it","type":"exceed_context_size_error","n_prompt_tokens":3010,"n_ctx":1024}}"#,
            ),
            "anthropic" => self.error(400, "prompt is too long: 208310 tokens > 200000 maximum"),
            "sglang" => {
                self.error(400, "The input (9000 tokens) is longer than the model's context length (8192 tokens).")
            }
            "ollama" => self.error(400, "input length exceeds the context length"),
            _ => self.error(400, "This model's maximum context length is 8192 tokens. Please reduce your prompt."),
        }
    }

    /// An error inside a stream, and the end of the stream as this engine writes it then.
    pub fn in_band(&self, message: &str) -> Vec<Step> {
        let step = |v: &Value| Step::Bytes(format!("data: {v}\n\n").into());
        match self.profile.api {
            Api::Anthropic => {
                let error = json!({"type": "error", "error": {"type": "api_error", "message": message}});
                vec![Step::Bytes(format!("event: error\ndata: {error}\n\n").into())]
            }
            Api::Ollama => vec![Step::Bytes(format!("{}\n", json!({"error": message})).into())],
            Api::Openai | Api::Engine => {
                let error = match self.profile.name {
                    "sglang" | "tensorrt-llm" => {
                        json!({"error": {"object": "error", "message": message, "type": "InternalServerError", "param": null, "code": 500}})
                    }
                    "openrouter" => {
                        json!({"id": "g", "object": "chat.completion.chunk", "error": {"code": 502, "message": message}, "choices": [{"index": 0, "delta": {"content": ""}, "finish_reason": "error"}]})
                    }
                    _ => {
                        json!({"error": {"message": message, "type": "InternalServerError", "param": null, "code": 500}})
                    }
                };
                // vLLM and others write the end marker even so.
                vec![step(&error), Step::Bytes("data: [DONE]\n\n".into())]
            }
        }
    }
}
