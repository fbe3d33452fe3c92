//! What a place offers: the lists of models as the providers and engines write them.
//!
//! One reader for all of them: every field is optional, and what is not understood is left out. Prices in such lists are
//! not read; money comes from configuration and the price table.
//!
//! Never here: fetching (the adapters do it).

use crate::Discovered;
use crate::profile::Profile;
use decide::Caps;
use serde::Deserialize;
use serde_json::value::RawValue;

/// Models taken from one place, at most.
const MODELS_MAX: usize = 2048;
/// Longest id taken.
const ID_MAX: usize = 256;

/// `{"data": […]}` (OpenAI, Anthropic) or `{"models": […]}` (Ollama); llama-server writes both, and `data` says more.
#[derive(Deserialize)]
struct Listed {
    data: Option<Vec<Box<RawValue>>>,
    models: Option<Vec<Box<RawValue>>>,
}

/// One model, in every spelling that is known.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Row {
    id: Option<String>,
    model: Option<String>,
    name: Option<String>,
    owned_by: Option<String>,
    /// Together: `chat`, `language`, `image`, `embedding`, …
    #[serde(rename = "type")]
    kind: Option<String>,
    /// vLLM, SGLang.
    max_model_len: Option<u64>,
    /// OpenRouter, Together.
    context_length: Option<u64>,
    /// Groq.
    context_window: Option<u64>,
    /// Mistral.
    max_context_length: Option<u64>,
    /// Anthropic.
    max_input_tokens: Option<u64>,
    /// llama-server: the context of one slot.
    meta: Option<Meta>,
    /// OpenRouter.
    architecture: Option<Architecture>,
    supported_parameters: Option<Vec<String>>,
    /// Ollama: a list of words. Mistral: an object of flags.
    capabilities: Option<Capabilities>,
    details: Option<Details>,
    /// Ollama: the model runs on another host.
    remote_model: Option<String>,
    remote_host: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Meta {
    n_ctx: Option<u64>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Architecture {
    input_modalities: Option<Vec<String>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Details {
    context_length: Option<u64>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Capabilities {
    Words(Vec<String>),
    Flags(Flags),
    Other(serde::de::IgnoredAny),
}

#[derive(Deserialize)]
struct Flags {
    completion_chat: bool,
    #[serde(default)]
    function_calling: bool,
    #[serde(default)]
    vision: bool,
}

/// The rows of a list, also of a bare one (Together). A row that cannot be read is left out, not the list.
fn rows(body: &[u8]) -> Option<Vec<Row>> {
    let raw: Vec<Box<RawValue>> = if body.trim_ascii_start().starts_with(b"[") {
        serde_json::from_slice(body).ok()?
    } else {
        let listed: Listed = serde_json::from_slice(body).ok()?;
        listed.data.or(listed.models)?
    };
    Some(raw.iter().filter_map(|row| serde_json::from_str(row.get()).ok()).collect())
}

/// Reads a list of models. `None` when the body is no such list.
pub(crate) fn models(body: &[u8], profile: &Profile) -> Option<Vec<Discovered>> {
    let mut out: Vec<Discovered> = Vec::new();
    for row in rows(body)? {
        if out.len() == MODELS_MAX {
            break;
        }
        if let Some(found) = discovered(row, profile).filter(|d| out.iter().all(|o| o.id != d.id)) {
            out.push(found);
        }
    }
    Some(out)
}

fn discovered(row: Row, profile: &Profile) -> Option<Discovered> {
    let given = row.id.as_deref().or(row.model.as_deref()).or(row.name.as_deref())?;
    // Gemini's compatible endpoint lists `models/gemini-…` and takes the short form.
    let id = given.strip_prefix("models/").unwrap_or(given);
    let sane = !id.is_empty() && id.len() <= ID_MAX && !id.contains(|c: char| c.is_control() || c.is_whitespace());
    let local = row.remote_model.is_none() && row.remote_host.is_none();
    if !(sane && local) {
        return None;
    }
    let context_tokens = context(&row);
    if let Some(caps) = encoder(&row, id, profile) {
        return Some(Discovered { id: id.to_owned(), context_tokens, caps: Some(caps) });
    }
    let chats = row.kind.as_deref().is_none_or(|k| matches!(k, "chat" | "language" | "code" | "model" | "base"));
    let flagged = !matches!(&row.capabilities, Some(Capabilities::Flags(f)) if !f.completion_chat);
    if !(chats && flagged && profile.is_chat(id)) {
        return None;
    }
    let caps = match &row.capabilities {
        Some(Capabilities::Words(words)) => Some(ollama_caps(words)?),
        Some(Capabilities::Flags(f)) => {
            Some(Caps { tools: f.function_calling, vision: f.vision, json_schema: true, ..Caps::default() })
        }
        _ => parameters(&row),
    };
    Some(Discovered { id: id.to_owned(), context_tokens, caps })
}

/// What the row says of an encoder, else its id; `None` for a model that writes.
fn encoder(row: &Row, id: &str, profile: &Profile) -> Option<Caps> {
    match (row.kind.as_deref(), &row.capabilities) {
        (Some("embedding"), _) => Some(Caps { embeddings: true, ..Caps::default() }),
        (Some("rerank"), _) => Some(Caps { rerank: true, ..Caps::default() }),
        (_, Some(Capabilities::Words(words))) => ollama_caps(words).filter(|c| !c.writes()),
        (_, Some(Capabilities::Flags(f))) if f.completion_chat => None,
        _ => profile.encoder(id),
    }
}

fn context(row: &Row) -> Option<u32> {
    let told = [
        row.max_model_len,
        row.meta.as_ref().and_then(|m| m.n_ctx),
        row.context_length,
        row.context_window,
        row.max_context_length,
        row.max_input_tokens,
        row.details.as_ref().and_then(|d| d.context_length),
    ];
    told.into_iter().flatten().find(|n| *n > 0).and_then(|n| u32::try_from(n).ok())
}

/// OpenRouter's `supported_parameters` and `input_modalities`.
fn parameters(row: &Row) -> Option<Caps> {
    let takes = row.supported_parameters.as_ref()?;
    let has = |name: &str| takes.iter().any(|p| p == name);
    let modality = |name: &str| {
        let modalities = row.architecture.as_ref().and_then(|a| a.input_modalities.as_ref());
        modalities.is_some_and(|m| m.iter().any(|x| x == name))
    };
    Some(Caps {
        tools: has("tools"),
        json_schema: has("structured_outputs") || has("response_format"),
        vision: modality("image"),
        audio: modality("audio"),
        logprobs: has("logprobs"),
        ..Caps::default()
    })
}

/// Ollama's words. `None` for a model that neither completes nor makes vectors. Ollama constrains JSON by itself
/// and reports log-probabilities for every model.
pub(crate) fn ollama_caps(words: &[String]) -> Option<Caps> {
    let has = |word: &str| words.iter().any(|w| w == word);
    if !has("completion") {
        return has("embedding").then(|| Caps { embeddings: true, ..Caps::default() });
    }
    Some(Caps {
        tools: has("tools"),
        json_schema: true,
        vision: has("vision"),
        audio: has("audio"),
        logprobs: true,
        ..Caps::default()
    })
}

/// Who owns the first model of a list; engines sign with their name here. `Some("")` for a list without a signature.
pub(crate) fn owner(body: &[u8]) -> Option<String> {
    let rows = rows(body)?;
    Some(rows.into_iter().find_map(|r| r.owned_by).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn read(profile: &str, body: &str) -> Vec<Discovered> {
        models(body.as_bytes(), Profile::find(profile).unwrap()).unwrap()
    }

    #[test]
    fn reads_every_engine_s_list() {
        let vllm = r#"{"object":"list","data":[{"id":"q","object":"model","created":1,"owned_by":"vllm","root":"q","parent":null,"max_model_len":32768,"permission":[{}]}]}"#;
        assert_eq!(read("vllm", vllm), [Discovered { id: "q".into(), context_tokens: Some(32768), caps: None }]);
        assert_eq!(owner(vllm.as_bytes()).as_deref(), Some("vllm"));
        // llama-server writes two lists; the one under `data` has the context of a slot.
        let llama = r#"{"models":[{"name":"tiny","model":"tiny","details":{},"capabilities":["completion"]}],"object":"list","data":[{"id":"tiny","aliases":["tiny"],"object":"model","owned_by":"llamacpp","meta":{"n_ctx":1024,"n_ctx_train":4096}}]}"#;
        assert_eq!(
            read("llama-server", llama),
            [Discovered { id: "tiny".into(), context_tokens: Some(1024), caps: None }]
        );
        assert_eq!(owner(llama.as_bytes()).as_deref(), Some("llamacpp"));
        let trt = r#"{"object":"list","data":[{"id":"m","object":"model","owned_by":"tensorrt_llm"}]}"#;
        assert_eq!(read("tensorrt-llm", trt)[0].id, "m");
    }

    #[test]
    fn reads_providers_lists() {
        let openrouter = r#"{"data":[{"id":"a/b","context_length":131072,"architecture":{"input_modalities":["text","image"]},"supported_parameters":["tools","structured_outputs","logprobs"],"pricing":{"prompt":"0.1"}}]}"#;
        let found = &read("openrouter", openrouter)[0];
        let caps = found.caps.unwrap();
        assert_eq!(found.context_tokens, Some(131_072));
        assert!(caps.tools && caps.json_schema && caps.vision && caps.logprobs && !caps.audio);
        let gemini = r#"{"object":"list","data":[{"id":"models/gemini-2.5-flash","object":"model","owned_by":"google"},{"id":"models/embedding-001","object":"model"}]}"#;
        let embeds = Some(Caps { embeddings: true, ..Caps::default() });
        let found: Vec<_> = read("gemini", gemini).into_iter().map(|d| (d.id, d.caps)).collect();
        assert_eq!(found, [("gemini-2.5-flash".to_owned(), None), ("embedding-001".to_owned(), embeds)]);
        let together = r#"[{"id":"x/chat","type":"chat","context_length":8192},{"id":"x/pics","type":"diffusion"}]"#;
        assert_eq!(read("together", together).len(), 1);
        let mistral = r#"{"object":"list","data":[{"id":"m","max_context_length":32768,"type":"base","capabilities":{"completion_chat":true,"function_calling":true,"vision":false}},{"id":"e","capabilities":{"completion_chat":false}}]}"#;
        let found = read("mistral", mistral);
        assert_eq!(found.len(), 1);
        assert!(found[0].caps.unwrap().tools);
        let anthropic = r#"{"data":[{"id":"claude-x","type":"model","display_name":"Claude","created_at":"2025-01-01T00:00:00Z"}],"has_more":false}"#;
        assert_eq!(read("anthropic", anthropic)[0].id, "claude-x");
    }

    #[test]
    fn ollama_models_that_run_elsewhere_are_left_out() {
        let tags = r#"{"models":[
            {"name":"llama3.2:latest","model":"llama3.2:latest","digest":"d","details":{"context_length":131072},"capabilities":["completion","tools"]},
            {"name":"nomic-embed-text:latest","model":"nomic-embed-text:latest","capabilities":["embedding"]},
            {"name":"gpt-oss:120b-cloud","model":"gpt-oss:120b-cloud","remote_model":"gpt-oss:120b","remote_host":"https://ollama.com:443"}]}"#;
        let found = read("ollama", tags);
        assert_eq!(found.len(), 2);
        assert_eq!(found[1].caps, Some(Caps { embeddings: true, ..Caps::default() }));
        assert_eq!((found[0].id.as_str(), found[0].context_tokens), ("llama3.2:latest", Some(131_072)));
        assert!(found[0].caps.unwrap().tools);
    }

    #[test]
    fn garbage_is_no_list() {
        let generic = Profile::find("generic").unwrap();
        for body in ["", "null", "<html>", "{}", r#"{"data":3}"#, r#"{"error":"x"}"#, "3"] {
            assert!(models(body.as_bytes(), generic).is_none(), "{body}");
        }
        let odd = r#"{"data":[{"id":""},{"id":"a b"},{"id":"x\u0000"},{"id":"ok"},{"id":"ok"},{},7,{"id":5}]}"#;
        assert_eq!(models(odd.as_bytes(), generic).unwrap().len(), 1);
    }
}
