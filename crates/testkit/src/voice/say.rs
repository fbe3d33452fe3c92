//! Answers in the shapes that providers and engines really have.

use super::{CACHED, MODEL, PROMPT, Voice};
use crate::{Answer, Step};
use decide::Api;
use serde_json::{Value, json};

/// The call that every tool answer makes.
pub(crate) const CALL: (&str, &str, &str) = ("call_1", "weather", r#"{"city":"Oslo"}"#);

impl Voice {
    /// A plain answer. `output` tokens are counted, or nothing where `None`.
    pub fn plain(&self, text: &str, output: Option<u64>) -> Answer {
        let body = match self.profile.api {
            Api::Anthropic => self.message(json!([{"type": "text", "text": text}]), json!("end_turn"), output),
            Api::Ollama => ollama_last(json!({"role": "assistant", "content": text}), "stop", output),
            Api::Openai | Api::Engine => self.completion(json!({"role": "assistant", "content": text}), "stop", output),
        };
        Answer::json(200, body.to_string())
    }

    /// A plain answer that calls the tool `weather`.
    pub fn tool(&self) -> Answer {
        let (id, name, arguments) = CALL;
        let input: Value = serde_json::from_str(arguments).expect("JSON");
        let body = match self.profile.api {
            Api::Anthropic => {
                let block = json!([{"type": "tool_use", "id": id, "name": name, "input": input}]);
                self.message(block, json!("tool_use"), Some(5))
            }
            Api::Ollama => {
                let call = json!({"id": id, "function": {"index": 0, "name": name, "arguments": input}});
                ollama_last(json!({"role": "assistant", "content": "", "tool_calls": [call]}), "stop", Some(5))
            }
            Api::Openai | Api::Engine => {
                let call = json!({"id": id, "type": "function", "function": {"name": name, "arguments": arguments}});
                self.completion(
                    json!({"role": "assistant", "content": null, "tool_calls": [call]}),
                    "tool_calls",
                    Some(5),
                )
            }
        };
        Answer::json(200, body.to_string())
    }

    /// A streamed answer, one frame per step.
    pub fn stream(&self, texts: &[&str], usage: bool) -> Answer {
        let mut steps = self.opening(false, usage);
        steps.extend(texts.iter().map(|t| self.text(t)));
        steps.extend(self.closing(false, texts.len() as u64, usage));
        self.streamed(steps)
    }

    /// A streamed answer that calls the tool `weather`, its arguments in pieces where the engine sends pieces.
    pub fn tool_stream(&self) -> Answer {
        let (id, name, arguments) = CALL;
        let (start, end) = arguments.split_at(7);
        let mut steps = self.opening(true, true);
        match self.profile.api {
            Api::Anthropic => {
                let block = json!({"type": "tool_use", "id": id, "name": name, "input": {}});
                steps.push(event(&json!({"type": "content_block_start", "index": 0, "content_block": block})));
                for piece in ["", start, end] {
                    let delta = json!({"type": "input_json_delta", "partial_json": piece});
                    steps.push(event(&json!({"type": "content_block_delta", "index": 0, "delta": delta})));
                }
            }
            Api::Ollama => {
                let input: Value = serde_json::from_str(arguments).expect("JSON");
                let call = json!({"id": id, "function": {"index": 0, "name": name, "arguments": input}});
                steps.push(line(&json!({"model": MODEL, "created_at": CREATED, "done": false,
                    "message": {"role": "assistant", "content": "", "tool_calls": [call]}})));
            }
            Api::Openai | Api::Engine => {
                let first =
                    json!({"index": 0, "id": id, "type": "function", "function": {"name": name, "arguments": ""}});
                steps.push(self.delta(json!({"tool_calls": [first]}), None));
                for piece in [start, end] {
                    let next = json!({"index": 0, "function": {"arguments": piece}});
                    steps.push(self.delta(json!({"tool_calls": [next]}), None));
                }
            }
        }
        steps.extend(self.closing(true, 5, true));
        self.streamed(steps)
    }

    /// A stream of these steps.
    pub fn streamed(&self, steps: Vec<Step>) -> Answer {
        Answer { steps, ..Answer::stream(self.stream_type(), Vec::<String>::new()) }
    }

    /// What comes before the first text or call.
    pub fn opening(&self, tools: bool, usage: bool) -> Vec<Step> {
        match self.profile.api {
            Api::Anthropic => {
                let message = self.message(json!([]), Value::Null, usage.then_some(1));
                let mut steps =
                    vec![event(&json!({"type": "message_start", "message": message})), event(&json!({"type": "ping"}))];
                if !tools {
                    let block = json!({"type": "text", "text": ""});
                    steps.push(event(&json!({"type": "content_block_start", "index": 0, "content_block": block})));
                }
                steps
            }
            Api::Ollama => Vec::new(),
            Api::Openai | Api::Engine => {
                let content = if self.profile.name == "llama-server" { Value::Null } else { json!("") };
                let mut steps = vec![self.delta(json!({"role": "assistant", "content": content}), None)];
                if self.profile.name == "openrouter" {
                    steps.insert(0, Step::Bytes(": OPENROUTER PROCESSING\n\n".into()));
                }
                steps
            }
        }
    }

    /// One piece of text.
    pub fn text(&self, text: &str) -> Step {
        match self.profile.api {
            Api::Anthropic => {
                let delta = json!({"type": "text_delta", "text": text});
                event(&json!({"type": "content_block_delta", "index": 0, "delta": delta}))
            }
            Api::Ollama => line(&json!({"model": MODEL, "created_at": CREATED, "done": false,
                "message": {"role": "assistant", "content": text}})),
            Api::Openai | Api::Engine => self.delta(json!({"content": text}), None),
        }
    }

    /// What comes behind the last text.
    pub fn closing(&self, tools: bool, output: u64, usage: bool) -> Vec<Step> {
        match self.profile.api {
            Api::Anthropic => {
                let reason = if tools { "tool_use" } else { "end_turn" };
                let mut last =
                    json!({"type": "message_delta", "delta": {"stop_reason": reason, "stop_sequence": null}});
                if usage {
                    last["usage"] = json!({"output_tokens": output});
                }
                let stop = json!({"type": "content_block_stop", "index": 0});
                vec![event(&stop), event(&last), event(&json!({"type": "message_stop"}))]
            }
            Api::Ollama => {
                let counted = usage.then_some(output);
                vec![line(&ollama_last(json!({"role": "assistant", "content": ""}), "stop", counted))]
            }
            Api::Openai | Api::Engine => {
                let mut steps = vec![self.delta(json!({}), Some(if tools { "tool_calls" } else { "stop" }))];
                if usage {
                    let mut chunk = self.chunk();
                    chunk["choices"] = json!([]);
                    chunk["usage"] = openai_usage(output);
                    steps.push(data(&chunk));
                }
                steps.push(Step::Bytes("data: [DONE]\n\n".into()));
                steps
            }
        }
    }

    fn completion(&self, message: Value, finish: &str, output: Option<u64>) -> Value {
        let mut choice = json!({"index": 0, "message": message, "finish_reason": finish, "logprobs": null});
        match self.profile.name {
            "vllm" => choice["stop_reason"] = Value::Null,
            "tensorrt-llm" => choice["avg_decoded_tokens_per_iter"] = json!(1.0),
            _ => {}
        }
        let mut body = json!({"id": "chatcmpl-1", "object": "chat.completion", "created": 1_700_000_000, "model": MODEL,
            "choices": [choice]});
        if let Some(output) = output {
            body["usage"] = openai_usage(output);
        }
        if self.profile.name == "llama-server" {
            body["timings"] = json!({"cache_n": 4, "prompt_n": 5, "predicted_n": 3});
        }
        body
    }

    fn chunk(&self) -> Value {
        json!({"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1_700_000_000, "model": MODEL})
    }

    fn delta(&self, delta: Value, finish: Option<&str>) -> Step {
        let mut chunk = self.chunk();
        chunk["choices"] = json!([{"index": 0, "delta": delta, "finish_reason": finish, "logprobs": null}]);
        data(&chunk)
    }

    fn message(&self, content: Value, reason: Value, output: Option<u64>) -> Value {
        let mut body = json!({"id": "msg_1", "type": "message", "role": "assistant", "model": MODEL, "content": content,
            "stop_reason": reason, "stop_sequence": null});
        if let Some(output) = output {
            body["usage"] = json!({"input_tokens": PROMPT - CACHED, "cache_read_input_tokens": CACHED,
                "cache_creation_input_tokens": 0, "output_tokens": output});
        }
        body
    }
}

const CREATED: &str = "2026-08-21T10:00:00.000000Z";

fn openai_usage(output: u64) -> Value {
    json!({"prompt_tokens": PROMPT, "completion_tokens": output, "total_tokens": PROMPT + output,
        "prompt_tokens_details": {"cached_tokens": CACHED}})
}

/// Ollama leaves counts of zero out, and so is everything when nothing is counted.
fn ollama_last(message: Value, reason: &str, output: Option<u64>) -> Value {
    let mut body = json!({"model": MODEL, "created_at": CREATED, "message": message, "done": true,
        "done_reason": reason, "total_duration": 5_000_000, "load_duration": 1_000_000});
    if let Some(output) = output {
        body["prompt_eval_count"] = json!(PROMPT);
        body["eval_count"] = json!(output);
    }
    body
}

fn data(value: &Value) -> Step {
    Step::Bytes(format!("data: {value}\n\n").into())
}

fn line(value: &Value) -> Step {
    Step::Bytes(format!("{value}\n").into())
}

/// An Anthropic event; its name is its type.
fn event(value: &Value) -> Step {
    Step::Bytes(format!("event: {}\ndata: {value}\n\n", value["type"].as_str().unwrap_or_default()).into())
}
