//! Requests written for an upstream that speaks OpenAI's dialect, from any dialect's [`Ask`].
//!
//! What a request of another dialect asks for in its own way is said in this dialect's way; what has no way to be said is
//! left out (the capability filter has refused what may not be left out).

use super::ask::token_prompt;
use super::message_out::{self, is_native};
use crate::extra;
use crate::json::write::{body, list, object, string};
use crate::top::{Top, capacity};
use crate::{Ask, Endpoint, Format, Reasoning, Shape, Tool, ToolChoice};

/// The body of `POST /v1/chat/completions`.
pub fn write_chat(ask: &Ask, shape: &Shape) -> Vec<u8> {
    body(capacity(ask), |o| {
        let mut top = Top::new(o, shape);
        top.put("model", |out| string(out, &shape.model));
        top.put("messages", |out| message_out::write(out, ask, shape.developer));
        tools(&mut top, ask);
        let limit = if shape.max_completion_tokens { "max_completion_tokens" } else { "max_tokens" };
        top.int(limit, ask.max_tokens);
        if let Some(most) = ask.wants_logprobs() {
            top.bool("logprobs", Some(true));
            top.int("top_logprobs", Some(most).filter(|m| *m > 0));
        }
        if let Some(format) = &ask.format {
            write_format(&mut top, format, is_native(ask));
        }
        top.str("reasoning_effort", ask.reasoning.as_ref().and_then(effort));
        shared(&mut top, ask, ask.endpoint == Endpoint::Completions);
    })
}

/// The body of `POST /v1/completions`. A chat becomes one prompt of its texts.
pub fn write_completions(ask: &Ask, shape: &Shape) -> Vec<u8> {
    body(capacity(ask), |o| {
        let mut top = Top::new(o, shape);
        top.put("model", |out| string(out, &shape.model));
        if !ask.messages.is_empty() || token_prompt(ask).is_some() {
            top.put("prompt", |out| prompt(out, ask));
        }
        top.int("max_tokens", ask.max_tokens);
        top.int("logprobs", ask.wants_logprobs());
        top.str("suffix", ask.suffix.as_deref());
        top.bool("echo", Some(ask.echo).filter(|e| *e));
        shared(&mut top, ask, ask.endpoint != Endpoint::Completions);
    })
}

fn prompt(out: &mut Vec<u8>, ask: &Ask) {
    if let Some(tokens) = token_prompt(ask) {
        return out.extend_from_slice(tokens.get().as_bytes());
    }
    let texts: Vec<String> = ask.messages.iter().map(|m| m.content.joined()).collect();
    match (&texts[..], ask.endpoint) {
        ([one], _) => string(out, one),
        (all, Endpoint::Completions) => {
            list(out, |l| all.iter().for_each(|text| string(l.next(), text)));
        }
        (all, _) => string(out, &all.join("\n\n")),
    }
}

/// What both endpoints take. `other_endpoint`: the request came in at the other one of the two or in another dialect, so
/// members that were not understood are not for this one.
fn shared(top: &mut Top<'_, '_>, ask: &Ask, other_endpoint: bool) {
    let s = &ask.sampling;
    top.real("temperature", s.temperature);
    top.real("top_p", s.top_p);
    top.int("top_k", s.top_k);
    top.real("min_p", s.min_p);
    top.real("frequency_penalty", s.frequency_penalty);
    top.real("presence_penalty", s.presence_penalty);
    top.int("seed", s.seed);
    top.int("n", ask.n);
    if !ask.stop.is_empty() {
        top.put("stop", |out| {
            list(out, |l| ask.stop.iter().for_each(|text| string(l.next(), text)));
        });
    }
    if ask.stream {
        top.bool("stream", Some(true));
        stream_options(top, ask);
    }
    top.str("user", user(ask));
    top.str("prompt_cache_key", ask.cache_key.as_deref());
    if is_native(ask) && !other_endpoint {
        // These two are written where they belong.
        let placed = |key: &str| key == "stream_options" || (key == "prompt" && ask.endpoint == Endpoint::Completions);
        ask.extra.iter().filter(|(k, _)| !placed(k)).for_each(|(k, v)| top.extra(k, v));
    }
}

/// `safety_identifier` stands in `extra` when it came; then `user` was only read from it.
fn user(ask: &Ask) -> Option<&str> {
    let user = ask.user.as_deref()?;
    let same = |raw: &serde_json::value::RawValue| serde_json::from_str::<String>(raw.get()).is_ok_and(|s| s == user);
    Some(user).filter(|_| !extra::find(&ask.extra, "safety_identifier").is_some_and(same))
}

/// Only for streams: vLLM refuses it otherwise.
fn stream_options(top: &mut Top<'_, '_>, ask: &Ask) {
    let others = extra::find(&ask.extra, "stream_options").filter(|_| is_native(ask) && top.keeps("stream_options"));
    let usage = ask.include_usage || top.shape().stream_usage;
    if usage || others.is_some() {
        top.put("stream_options", |out| {
            object(out, |o| {
                if usage {
                    o.bool("include_usage", true);
                }
                if let Some(others) = others {
                    o.members_of(others);
                }
            });
        });
    }
}

fn tools(top: &mut Top<'_, '_>, ask: &Ask) {
    let native = is_native(ask);
    let usable = |t: &&Tool| t.raw.is_none() || native;
    let any = ask.tools.iter().any(|t| usable(&t));
    if any {
        top.put("tools", |out| {
            list(out, |l| {
                for tool in ask.tools.iter().filter(usable) {
                    match &tool.raw {
                        Some(raw) => l.raw(raw),
                        None => write_tool(l.next(), tool, native),
                    }
                }
            });
        });
    }
    // Without tools these two are refused by OpenAI; a request of this dialect is passed on as it is.
    if any || native {
        if let Some(choice) = &ask.tool_choice {
            write_choice(top, choice, native);
        }
        top.bool("parallel_tool_calls", ask.parallel_tool_calls);
    }
}

/// Writes one function tool; Ollama takes the same form.
pub(crate) fn write_tool(out: &mut Vec<u8>, tool: &Tool, native: bool) {
    object(out, |o| {
        o.str("type", "function");
        o.object("function", |o| {
            o.str("name", &tool.name);
            if let Some(text) = &tool.description {
                o.str("description", text);
            }
            if let Some(parameters) = &tool.parameters {
                o.raw("parameters", parameters);
            }
            if let Some(strict) = tool.strict {
                o.bool("strict", strict);
            }
            if let Some(left) = extra::find(&tool.extra, "function").filter(|_| native) {
                o.members_of(left);
            }
        });
        if native {
            tool.extra.iter().filter(|(k, _)| k != "function").for_each(|(k, v)| o.raw(k, v));
        }
    });
}

fn write_choice(top: &mut Top<'_, '_>, choice: &ToolChoice, native: bool) {
    match choice {
        ToolChoice::Auto => top.str("tool_choice", Some("auto")),
        ToolChoice::None => top.str("tool_choice", Some("none")),
        ToolChoice::Required => top.str("tool_choice", Some("required")),
        ToolChoice::Named(name) => top.put("tool_choice", |out| {
            object(out, |o| {
                o.str("type", "function");
                o.object("function", |o| o.str("name", name));
            });
        }),
        ToolChoice::Other(raw) if native => top.put("tool_choice", |out| out.extend_from_slice(raw.get().as_bytes())),
        ToolChoice::Other(_) => {}
    }
}

fn write_format(top: &mut Top<'_, '_>, format: &Format, native: bool) {
    let plain = |kind: &'static str| move |out: &mut Vec<u8>| object(out, |o| o.str("type", kind));
    match format {
        Format::Text => top.put("response_format", plain("text")),
        Format::JsonObject => top.put("response_format", plain("json_object")),
        Format::JsonSchema { name, schema, strict, description } => top.put("response_format", |out| {
            object(out, |o| {
                o.str("type", "json_schema");
                o.object("json_schema", |o| {
                    o.str("name", name);
                    if let Some(text) = description {
                        o.str("description", text);
                    }
                    if let Some(schema) = schema {
                        o.raw("schema", schema);
                    }
                    if let Some(strict) = strict {
                        o.bool("strict", *strict);
                    }
                });
            });
        }),
        Format::Other(raw) if native => top.put("response_format", |out| out.extend_from_slice(raw.get().as_bytes())),
        Format::Other(_) => {}
    }
}

/// `reasoning_effort`: as written, or from a budget of tokens. "Off" has no word that every model takes: left out.
fn effort(reasoning: &Reasoning) -> Option<&str> {
    if let Some(effort) = &reasoning.effort {
        return Some(effort);
    }
    reasoning.budget_tokens.filter(|_| reasoning.enabled != Some(false)).map(|budget| match budget {
        ..=2048 => "low",
        2049..=8192 => "medium",
        _ => "high",
    })
}
