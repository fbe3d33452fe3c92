//! The canonical request.
//!
//! Never here: reading or writing of any dialect (its own file each).

use crate::{Content, Encode, Extra, Message, Part, Role, SIGNS_TOP};
use serde_json::value::RawValue;

/// The API that the caller speaks; errors go back in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// OpenAI.
    Openai,
    /// Anthropic.
    Anthropic,
    /// Ollama.
    Ollama,
}

/// Which endpoint was called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// `POST /v1/chat/completions`.
    Chat,
    /// `POST /v1/completions`.
    Completions,
    /// `POST /v1/messages`.
    Messages,
    /// `POST /v1/embeddings`.
    Embeddings,
    /// `POST /v1/rerank`.
    Rerank,
}

impl Endpoint {
    /// Name in the ledger.
    pub const fn as_str(self) -> &'static str {
        match self {
            Endpoint::Chat => "chat",
            Endpoint::Completions => "completions",
            Endpoint::Messages => "messages",
            Endpoint::Embeddings => "embeddings",
            Endpoint::Rerank => "rerank",
        }
    }

    /// The dialect it belongs to.
    pub const fn dialect(self) -> Dialect {
        match self {
            Endpoint::Chat | Endpoint::Completions | Endpoint::Embeddings | Endpoint::Rerank => Dialect::Openai,
            Endpoint::Messages => Dialect::Anthropic,
        }
    }

    /// Whether it is answered with vectors or scores, and so by an encoder.
    pub const fn encodes(self) -> bool {
        matches!(self, Endpoint::Embeddings | Endpoint::Rerank)
    }
}

/// One request in canonical form.
#[derive(Debug, Clone)]
pub struct Ask {
    /// Given by the gateway (0 until then); a permit must name it.
    pub id: u128,
    /// Where it came in.
    pub endpoint: Endpoint,
    /// Model name as written by the caller.
    pub model: String,
    /// The conversation; system and developer prompts stand in it as messages (Anthropic's top-level `system` first).
    /// For `Completions` one user message per prompt string; for `Embeddings` one per text, for `Rerank` one per document.
    pub messages: Vec<Message>,
    /// Tool definitions.
    pub tools: Vec<Tool>,
    /// Which tools to call.
    pub tool_choice: Option<ToolChoice>,
    /// `parallel_tool_calls` (Anthropic: not `disable_parallel_tool_use`).
    pub parallel_tool_calls: Option<bool>,
    /// Sampling.
    pub sampling: Sampling,
    /// Completion tokens at most.
    pub max_tokens: Option<u64>,
    /// Stop sequences.
    pub stop: Vec<String>,
    /// Number of choices.
    pub n: Option<u32>,
    /// Streamed?
    pub stream: bool,
    /// `stream_options.include_usage`. Anthropic and Ollama streams always carry usage: true there.
    pub include_usage: bool,
    /// Log-probabilities wanted: number of alternatives per token (0 is only the chosen token).
    pub logprobs: Option<u32>,
    /// The gateway wants to know how sure the model was of each token ([`Sign`](crate::Sign)), whatever the caller wants.
    /// No caller can set it.
    pub signs: bool,
    /// Form of the answer.
    pub format: Option<Format>,
    /// Thinking.
    pub reasoning: Option<Reasoning>,
    /// `user`, `safety_identifier` or Anthropic `metadata.user_id`.
    pub user: Option<String>,
    /// `prompt_cache_key`.
    pub cache_key: Option<String>,
    /// `suffix` of the completions endpoint.
    pub suffix: Option<String>,
    /// `echo` of the completions endpoint.
    pub echo: bool,
    /// What only `Embeddings` and `Rerank` have.
    pub encode: Option<Box<Encode>>,
    /// What its permit wants taken out has been taken out; only room `redact` sets it.
    pub redacted: bool,
    /// Everything else at the top level, the standard fields included that no canonical field carries (`store`,
    /// `metadata`, `service_tier`, `logit_bias`, `modalities`, `audio`, `prediction`, `web_search_options`, …).
    pub extra: Extra,
}

/// Sampling parameters. Absent stays absent.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Sampling {
    /// Temperature.
    pub temperature: Option<f64>,
    /// Nucleus mass.
    pub top_p: Option<f64>,
    /// Top k.
    pub top_k: Option<u32>,
    /// Minimum probability relative to the most likely token.
    pub min_p: Option<f64>,
    /// OpenAI frequency penalty.
    pub frequency_penalty: Option<f64>,
    /// OpenAI presence penalty.
    pub presence_penalty: Option<f64>,
    /// Seed.
    pub seed: Option<i64>,
}

/// A tool definition.
#[derive(Debug, Clone)]
pub struct Tool {
    /// Function name; empty for a vendor's built-in tool, which is whole in `raw`.
    pub name: String,
    /// Description.
    pub description: Option<String>,
    /// JSON Schema of the parameters.
    pub parameters: Option<Box<RawValue>>,
    /// OpenAI `strict`.
    pub strict: Option<bool>,
    /// A built-in tool of the caller's dialect (`{"type": "web_search_20250305", …}`), kept whole.
    pub raw: Option<Box<RawValue>>,
    /// Members not understood (`cache_control`).
    pub extra: Extra,
}

/// Which tools to call.
#[derive(Debug, Clone)]
pub enum ToolChoice {
    /// The model decides.
    Auto,
    /// None.
    None,
    /// At least one (`required`; Anthropic `any`).
    Required,
    /// This one.
    Named(String),
    /// Another form of the caller's dialect, kept whole.
    Other(Box<RawValue>),
}

/// Form of the answer.
#[derive(Debug, Clone)]
pub enum Format {
    /// Plain text, said explicitly.
    Text,
    /// Any JSON object.
    JsonObject,
    /// JSON by schema.
    JsonSchema {
        /// Its name.
        name: String,
        /// The schema.
        schema: Option<Box<RawValue>>,
        /// OpenAI `strict`.
        strict: Option<bool>,
        /// Description.
        description: Option<String>,
    },
    /// Another form of the caller's dialect (grammar, regex), kept whole.
    Other(Box<RawValue>),
}

/// Thinking.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reasoning {
    /// `reasoning_effort`: `none`, `minimal`, `low`, `medium`, `high`, … kept as written.
    pub effort: Option<String>,
    /// Anthropic `thinking.budget_tokens`.
    pub budget_tokens: Option<u64>,
    /// Said to be on or off (Anthropic `thinking.type`, Ollama `think`).
    pub enabled: Option<bool>,
}

impl Ask {
    /// An empty request, for readers to fill.
    pub fn new(endpoint: Endpoint) -> Ask {
        Ask {
            id: 0,
            endpoint,
            model: String::new(),
            messages: Vec::new(),
            tools: Vec::new(),
            tool_choice: None,
            parallel_tool_calls: None,
            sampling: Sampling::default(),
            max_tokens: None,
            stop: Vec::new(),
            n: None,
            stream: false,
            include_usage: endpoint == Endpoint::Messages,
            logprobs: None,
            signs: false,
            format: None,
            reasoning: None,
            user: None,
            cache_key: None,
            suffix: None,
            echo: false,
            encode: None,
            redacted: false,
            extra: Vec::new(),
        }
    }

    /// Alternatives per token that an upstream is asked for: what the caller wants, or else what signs need.
    pub fn wants_logprobs(&self) -> Option<u32> {
        // Of a prompt that is echoed, too, and nobody doubts that.
        self.logprobs.or((self.signs && !self.echo).then_some(SIGNS_TOP))
    }

    /// Every readable text of the conversation, in order, for `sense`: content, tool arguments, tool definitions are
    /// not included.
    pub fn texts(&self) -> impl Iterator<Item = (Role, &str)> {
        self.messages.iter().flat_map(|m| m.content.texts().map(move |t| (m.role, t)))
    }

    /// Whether any part is an image.
    pub fn has_images(&self) -> bool {
        self.parts().any(|p| matches!(p, Part::Image { .. }))
    }

    /// Whether any part is audio.
    pub fn has_audio(&self) -> bool {
        self.parts().any(|p| matches!(p, Part::Audio { .. }))
    }

    /// Whether anything in it has meaning in the caller's own dialect only (a kept-whole part, tool, choice or format),
    /// so that translating it would lose it.
    pub fn is_untranslatable(&self) -> bool {
        self.parts().any(|p| matches!(p, Part::Other { .. }))
            || self.tools.iter().any(|t| t.raw.is_some())
            || matches!(self.tool_choice, Some(ToolChoice::Other(_)))
            || matches!(self.format, Some(Format::Other(_)))
    }

    fn parts(&self) -> impl Iterator<Item = &Part> {
        self.messages.iter().flat_map(|m| match &m.content {
            Content::Parts(parts) => parts.as_slice(),
            _ => &[],
        })
    }
}
