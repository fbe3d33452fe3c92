//! From an Ask to the worker's jobs: every value is checked here, and what this engine cannot do is said.
//!
//! Never here: processes, waiting.

use super::extras::extras;
use super::images::{Images, content};
use super::voice::Script;
use super::{elsewhere, schema};
use crate::QUEUE_MAX;
use crate::protocol::{Call, Constraint, Generate, Input, Sampling, ToWorker, ToolSpec, Turn};
use crate::speech::Known;
use decide::{Cause, Fault};
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;
use wire::{Ask, Endpoint, Format, Message, Role, ToolChoice};

/// Choices of one request at most, over all its prompts.
const CHOICES_MAX: usize = 128;
/// Alternatives per token at most, as OpenAI has it.
const TOP_LOGPROBS_MAX: u32 = 20;
/// Stop sequences at most, and their length in bytes.
const STOPS_MAX: usize = 32;
const STOP_BYTES_MAX: usize = 1024;
/// Schema text at most, bytes.
const SCHEMA_BYTES_MAX: usize = 256 << 10;

const _: () = assert!(CHOICES_MAX <= QUEUE_MAX, "a request must fit the queue");

/// One choice to generate.
pub(super) struct Order {
    choice: u32,
    generate: Generate,
}

impl Order {
    /// With its id on the wire: (id, choice, message).
    pub(super) fn numbered(mut self, id: u64) -> (u64, u32, ToWorker) {
        self.generate.id = id;
        (id, self.choice, ToWorker::Generate(Box::new(self.generate)))
    }
}

/// The jobs of a request: every prompt times every choice, in the order of their indices. Nobody wants them after `total`.
/// `sees`: the model reads images.
///
/// # Errors
/// A value out of bounds, or something this engine cannot do.
pub(super) fn order(ask: &Ask, defaults: Sampling, total: Duration, sees: bool) -> Result<Vec<Order>, Fault> {
    refuse(ask)?;
    let extras = extras(ask)?;
    let sampling = Sampling { repetition_penalty: extras.repetition_penalty, ..sampling(ask, defaults)? };
    let deadline_ms = u64::try_from(total.as_millis()).ok();
    let inputs = inputs(ask, sees)?;
    let n = ask.n.unwrap_or(1) as usize;
    if n == 0 || n.saturating_mul(inputs.len()) > CHOICES_MAX {
        let text = format!("n times the number of prompts must be between 1 and {CHOICES_MAX}.");
        return Err(Fault::new(Cause::InvalidRequest, text).at("n"));
    }
    let max_tokens = match ask.max_tokens {
        Some(0) => return Err(Fault::new(Cause::InvalidRequest, "max_tokens must be at least 1.").at("max_tokens")),
        other => other.map(|m| u32::try_from(m).unwrap_or(u32::MAX)),
    };
    let (stop, constraint, ignore_eos) = (stops(ask)?, bound(ask)?, ignore_eos(ask)?);
    let mut order = Vec::with_capacity(n * inputs.len());
    for input in inputs {
        for _ in 0..n {
            let choice = order.len() as u32;
            let sampling = Sampling { seed: sampling.seed.wrapping_add(choice), ..sampling };
            let (input, stop, constraint) = (input.clone(), stop.clone(), constraint.clone());
            let generate = Generate {
                id: 0,
                input,
                sampling,
                max_tokens,
                stop,
                logprobs: ask.logprobs,
                signs: ask.signs,
                constraint,
                logit_bias: extras.logit_bias.clone(),
                special: ask.endpoint != Endpoint::Completions,
                ignore_eos,
                class: extras.class,
                deadline_ms,
            };
            order.push(Order { choice, generate });
        }
    }
    Ok(order)
}

/// How many of a request's choices share one prompt; its tokens count once.
pub(super) fn shared_by(ask: &Ask) -> u32 {
    ask.n.unwrap_or(1).max(1)
}

/// What other engines can do and this one cannot.
fn refuse(ask: &Ask) -> Result<(), Fault> {
    let no = |param: &str, what: &str| {
        let text = format!("The embedded engine cannot do {what}. Leave it out or use another model.");
        Err(elsewhere(Cause::Unsupported, text).at(param))
    };
    if ask.echo {
        return no("echo", "`echo`");
    }
    if ask.suffix.as_deref().is_some_and(|s| !s.is_empty()) {
        return no("suffix", "`suffix`");
    }
    if matches!(ask.tool_choice, Some(ToolChoice::Other(_))) {
        return no("tool_choice", "this form of `tool_choice`");
    }
    if ask.tools.iter().any(|t| t.raw.is_some()) {
        return no("tools", "built-in tools of a vendor");
    }
    if ask.logprobs.is_some_and(|n| n > TOP_LOGPROBS_MAX) {
        let text = format!("At most {TOP_LOGPROBS_MAX} alternatives per token can be given.");
        return Err(Fault::new(Cause::InvalidRequest, text).at("top_logprobs"));
    }
    Ok(())
}

/// Every value decided and within bounds.
fn sampling(ask: &Ask, defaults: Sampling) -> Result<Sampling, Fault> {
    let s = &ask.sampling;
    let within = |name: &str, value: Option<f64>, least: f64, most: f64, default: f32| match value {
        None => Ok(default),
        Some(v) if (least..=most).contains(&v) => Ok(v as f32),
        Some(v) => {
            let text = format!("{name} is {v}; it must be between {least} and {most}.");
            Err(Fault::new(Cause::InvalidRequest, text).at(name))
        }
    };
    Ok(Sampling {
        temperature: within("temperature", s.temperature, 0.0, 2.0, defaults.temperature)?,
        top_p: within("top_p", s.top_p, 0.0, 1.0, defaults.top_p)?,
        min_p: within("min_p", s.min_p, 0.0, 1.0, defaults.min_p)?,
        top_k: s.top_k.unwrap_or(defaults.top_k),
        frequency_penalty: within("frequency_penalty", s.frequency_penalty, -2.0, 2.0, 0.0)?,
        presence_penalty: within("presence_penalty", s.presence_penalty, -2.0, 2.0, 0.0)?,
        repetition_penalty: 1.0,
        seed: s.seed.map_or_else(|| fold(RandomState::new().hash_one(ask.id)), |seed| fold(seed as u64)),
    })
}

/// 64 bits to 32 so that both halves count.
fn fold(seed: u64) -> u32 {
    (seed ^ (seed >> 32)) as u32
}

fn stops(ask: &Ask) -> Result<Vec<String>, Fault> {
    if ask.stop.len() > STOPS_MAX || ask.stop.iter().any(|s| s.len() > STOP_BYTES_MAX) {
        let text = format!("At most {STOPS_MAX} stop sequences of at most {STOP_BYTES_MAX} bytes each are possible.");
        return Err(Fault::new(Cause::InvalidRequest, text).at("stop"));
    }
    Ok(ask.stop.clone())
}

/// `ignore_eos`, as vLLM and llama.cpp have it: the answer goes on past the end that the model sets. For measurements of
/// a fixed length.
fn ignore_eos(ask: &Ask) -> Result<bool, Fault> {
    let Some((_, value)) = ask.extra.iter().find(|(name, _)| name == "ignore_eos") else { return Ok(false) };
    match value.get().trim() {
        "true" => Ok(true),
        "false" | "null" => Ok(false),
        _ => Err(Fault::new(Cause::InvalidRequest, "ignore_eos must be true or false.").at("ignore_eos")),
    }
}

/// What the voices of a request's choices need to know.
pub(super) fn script(ask: &Ask) -> Script {
    let known = |t: &wire::Tool| {
        let parameters = t.parameters.as_ref().and_then(|p| serde_json::from_str(p.get()).ok());
        Known { name: t.name.clone(), parameters }
    };
    let raw = ask.endpoint == Endpoint::Completions;
    let tools = if raw { Vec::new() } else { tools(ask).map(known).collect() };
    Script { ask: ask.id, tools: tools.into(), parallel: ask.parallel_tool_calls.unwrap_or(true), raw }
}

/// The tools that may be called.
fn tools(ask: &Ask) -> impl Iterator<Item = &wire::Tool> {
    ask.tools.iter().filter(|_| !matches!(ask.tool_choice, Some(ToolChoice::None)))
}

/// What the answer must obey: a forced call, a format, or where the model decides the form of its calls.
fn bound(ask: &Ask) -> Result<Option<Constraint>, Fault> {
    let bad = |text: String| Err(Fault::new(Cause::InvalidRequest, text).at("tool_choice"));
    let parallel = ask.parallel_tool_calls.unwrap_or(true);
    let calls = |only: Option<String>, required| Constraint::Calls { only, required, parallel };
    let none = ask.tools.is_empty();
    match &ask.tool_choice {
        _ if ask.endpoint == Endpoint::Completions => constraint(ask),
        Some(ToolChoice::Required) if none => bad("tool_choice asks for a call, but the request has no tools.".into()),
        Some(ToolChoice::Required) => Ok(Some(calls(None, true))),
        Some(ToolChoice::Named(name)) if !ask.tools.iter().any(|t| t.name == *name) => {
            bad(format!("tool_choice names the tool `{name}`, which is not among the request's tools."))
        }
        Some(ToolChoice::Named(name)) => Ok(Some(calls(Some(name.clone()), true))),
        Some(ToolChoice::None | ToolChoice::Other(_)) => constraint(ask),
        Some(ToolChoice::Auto) | None => Ok(constraint(ask)?.or((!none).then(|| calls(None, false)))),
    }
}

/// What the answer's text must obey.
fn constraint(ask: &Ask) -> Result<Option<Constraint>, Fault> {
    let text = match &ask.format {
        None | Some(Format::Text) => return Ok(None),
        Some(Format::JsonObject | Format::JsonSchema { schema: None, .. }) => {
            return Ok(Some(Constraint::Schema(r#"{"type":"object"}"#.into())));
        }
        Some(Format::JsonSchema { schema: Some(schema), .. }) => schema.get(),
        Some(Format::Other(_)) => {
            let text = "The embedded engine knows the formats text, json_object and json_schema only.";
            return Err(elsewhere(Cause::Unsupported, text).at("response_format"));
        }
    };
    let bad = |text: String| Err(Fault::new(Cause::InvalidRequest, text).at("response_format.json_schema.schema"));
    if text.len() > SCHEMA_BYTES_MAX {
        return bad(format!("The JSON schema has {} bytes, and {SCHEMA_BYTES_MAX} is the limit.", text.len()));
    }
    // serde_json's own depth limit; the C++ parser behind it has none and would overflow its stack.
    match serde_json::from_str::<serde_json::Value>(text) {
        Ok(value) if value.is_object() || value.is_boolean() => {
            if let Err(text) = schema::check(&value) {
                return bad(text);
            }
            Ok(Some(Constraint::Schema(text.to_owned())))
        }
        Ok(_) => bad("A JSON schema must be an object.".into()),
        Err(e) => bad(format!("The JSON schema cannot be read: {e}.")),
    }
}

/// The prompts of a request: one conversation, or each raw prompt of the completions endpoint.
///
/// # Errors
/// A part that this model does not read.
pub(super) fn inputs(ask: &Ask, sees: bool) -> Result<Vec<Input>, Fault> {
    let mut images = Images::new(sees && ask.endpoint != Endpoint::Completions, ask.n);
    let read = ask.messages.iter().enumerate().map(|(i, m)| content(i, &m.content, &mut images));
    let texts = read.collect::<Result<Vec<_>, _>>()?;
    if ask.endpoint == Endpoint::Completions {
        return Ok(texts.into_iter().map(|(prompt, _)| Input::Raw { prompt }).collect());
    }
    let turn = |(m, (text, images))| Turn { images, ..turn(m, text) };
    let messages = ask.messages.iter().zip(texts).map(turn).collect();
    let tools = tools(ask).map(tool).collect();
    let thinking = ask.reasoning.as_ref().and_then(|r| r.enabled.or_else(|| r.effort.as_ref().map(|e| e != "none")));
    Ok(vec![Input::Chat { messages, tools, thinking }])
}

fn turn(message: &Message, content: String) -> Turn {
    let role = match message.role {
        Role::System | Role::Developer => "system",
        Role::User => "user",
        Role::Assistant => "assistant",
        Role::Tool => "tool",
    };
    let call = |c: &wire::ToolCall| Call { id: c.id.clone(), name: c.name.clone(), arguments: c.arguments.clone() };
    Turn {
        role: role.into(),
        content,
        name: message.name.clone(),
        reasoning: message.reasoning.as_ref().map(|(text, _)| text.clone()),
        calls: message.tool_calls.iter().map(call).collect(),
        call_id: message.tool_call_id.clone(),
        images: Vec::new(),
    }
}

fn tool(tool: &wire::Tool) -> ToolSpec {
    ToolSpec {
        name: tool.name.clone(),
        description: tool.description.clone(),
        parameters: tool.parameters.as_ref().map(|p| p.get().to_owned()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use wire::{Content, Part};

    fn ask() -> Ask {
        let mut ask = Ask::new(Endpoint::Chat);
        ask.messages = vec![Message::text(Role::Developer, "S"), Message::text(Role::User, "U")];
        ask
    }

    fn fault(change: impl FnOnce(&mut Ask)) -> Fault {
        let mut ask = ask();
        change(&mut ask);
        order(&ask, Sampling::default(), Duration::MAX, false).err().unwrap()
    }

    #[test]
    fn choices_get_seeds_of_their_own_that_follow_from_the_callers() {
        let mut a = ask();
        a.n = Some(3);
        a.sampling.seed = Some(-1);
        let seeds = |a: &Ask| {
            order(a, Sampling::default(), Duration::MAX, false)
                .unwrap()
                .iter()
                .map(|o| o.generate.sampling.seed)
                .collect::<Vec<_>>()
        };
        assert_eq!(seeds(&a), seeds(&a));
        assert_eq!(seeds(&a), [0, 1, 2]);
    }

    #[test]
    fn deadline_class_and_bias_reach_the_worker() {
        let mut a = ask();
        let raw = |text: &str| serde_json::value::RawValue::from_string(text.into()).unwrap();
        a.extra.push(("logit_bias".into(), raw("{\"7\":-100}")));
        a.extra.push(("service_tier".into(), raw("\"flex\"")));
        a.extra.push(("repetition_penalty".into(), raw("1.25")));
        let orders = order(&a, Sampling::default(), Duration::from_secs(3), false).unwrap();
        let g = &orders[0].generate;
        assert_eq!((g.deadline_ms, g.class), (Some(3000), crate::protocol::Class::Batch));
        assert_eq!((g.logit_bias.as_slice(), g.sampling.repetition_penalty), ([(7, -100.0)].as_slice(), 1.25));
    }

    #[test]
    fn values_out_of_bounds_name_their_field() {
        assert_eq!(fault(|a| a.sampling.temperature = Some(2.5)).param.as_deref(), Some("temperature"));
        assert_eq!(fault(|a| a.sampling.top_p = Some(f64::NAN)).param.as_deref(), Some("top_p"));
        assert_eq!(fault(|a| a.n = Some(0)).param.as_deref(), Some("n"));
        assert_eq!(fault(|a| a.n = Some(u32::MAX)).param.as_deref(), Some("n"));
        assert_eq!(fault(|a| a.max_tokens = Some(0)).param.as_deref(), Some("max_tokens"));
        assert_eq!(fault(|a| a.stop = vec!["x".into(); 33]).param.as_deref(), Some("stop"));
        assert_eq!(fault(|a| a.logprobs = Some(21)).cause, Cause::InvalidRequest);
    }

    #[test]
    fn ignore_eos_is_true_or_false() {
        let with = |text: &str| {
            let mut ask = ask();
            ask.extra.push(("ignore_eos".into(), serde_json::value::RawValue::from_string(text.into()).unwrap()));
            order(&ask, Sampling::default(), Duration::MAX, false).map(|orders| orders[0].generate.ignore_eos)
        };
        assert_eq!(with("true"), Ok(true));
        assert_eq!(with("null"), Ok(false));
        assert_eq!(with("1").map_err(|f| f.param.as_deref() == Some("ignore_eos")), Err(true));
    }

    #[test]
    fn what_only_others_can_do_may_go_there() {
        let raw = |text: &str| serde_json::value::RawValue::from_string(text.into()).unwrap();
        for f in [
            fault(|a| a.echo = true),
            fault(|a| a.suffix = Some("x".into())),
            fault(|a| a.tool_choice = Some(ToolChoice::Other(raw("{}")))),
            fault(|a| a.format = Some(Format::Other(raw("{}")))),
            fault(|a| {
                let part = Part::Audio { data: String::new(), format: "wav".into(), extra: Vec::new() };
                a.messages[1].content = Content::Parts(vec![part]);
            }),
        ] {
            assert_eq!((f.cause, f.retry), (Cause::Unsupported, decide::Retry::NextPlace), "{f:?}");
        }
    }

    #[test]
    fn a_forced_call_needs_its_tool() {
        for choice in [ToolChoice::Required, ToolChoice::Named("g".into())] {
            let f = fault(|a| a.tool_choice = Some(choice));
            assert_eq!((f.cause, f.param.as_deref()), (Cause::InvalidRequest, Some("tool_choice")));
        }
    }

    #[test]
    fn who_decides_about_calls() {
        let tool = wire::Tool {
            name: "f".into(),
            description: None,
            parameters: None,
            strict: None,
            raw: None,
            extra: Vec::new(),
        };
        let with = |choice: Option<ToolChoice>, format: Option<Format>| {
            let mut a = ask();
            (a.tools, a.tool_choice, a.format, a.parallel_tool_calls) =
                (vec![tool.clone()], choice, format, Some(false));
            let generate = order(&a, Sampling::default(), Duration::MAX, false).unwrap().remove(0).generate;
            (generate.constraint, script(&a).tools.len(), generate.special)
        };
        let calls = |only: Option<&str>, required| {
            Some(Constraint::Calls { only: only.map(str::to_owned), required, parallel: false })
        };
        assert_eq!(with(None, None), (calls(None, false), 1, true));
        assert_eq!(with(Some(ToolChoice::None), None), (None, 0, true));
        assert_eq!(with(Some(ToolChoice::Named("f".into())), None), (calls(Some("f"), true), 1, true));
        // A forced call is the whole answer; where the model decides, the format binds it.
        assert_eq!(with(Some(ToolChoice::Required), Some(Format::JsonObject)).0, calls(None, true));
        assert!(matches!(with(None, Some(Format::JsonObject)).0, Some(Constraint::Schema(_))));
    }

    #[test]
    fn a_schema_too_deep_for_the_parser_behind_is_refused_here() {
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(10_000), "]".repeat(10_000));
        let f = fault(|a| {
            let schema = serde_json::value::RawValue::from_string(deep).ok();
            a.format = Some(Format::JsonSchema { name: "x".into(), schema, strict: None, description: None });
        });
        assert_eq!(f.cause, Cause::InvalidRequest);
    }

    #[test]
    fn every_raw_prompt_is_a_choice() {
        let mut a = ask();
        a.endpoint = Endpoint::Completions;
        let orders = order(&a, Sampling::default(), Duration::MAX, false).unwrap();
        assert_eq!(orders.iter().map(|o| o.choice).collect::<Vec<_>>(), [0, 1]);
        assert_eq!(orders[1].generate.input, Input::Raw { prompt: "U".into() });
    }
}
