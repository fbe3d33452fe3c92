//! The messages of a conversation and what they are made of.
//!
//! Never here: reading or writing of any dialect (its own file each).

use serde_json::value::RawValue;
use std::borrow::Cow;

/// JSON members that are not understood here, in their order, to be forwarded to places of the same dialect.
pub type Extra = Vec<(String, Box<RawValue>)>;

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Operator.
    System,
    /// Operator, in OpenAI's newer name; backends that do not know it get `system`.
    Developer,
    /// Person.
    User,
    /// Model.
    Assistant,
    /// Result of a tool call (also OpenAI's old `function` role, which keeps its name in `extra`).
    Tool,
}

/// One message.
#[derive(Debug, Clone)]
pub struct Message {
    /// Who.
    pub role: Role,
    /// What.
    pub content: Content,
    /// OpenAI `name`.
    pub name: Option<String>,
    /// Calls made by the assistant, in order. (Anthropic `tool_use` blocks.)
    pub tool_calls: Vec<ToolCall>,
    /// For [`Role::Tool`]: the call answered. An Anthropic user message with several `tool_result` blocks becomes
    /// several messages, and is joined again on the way out.
    pub tool_call_id: Option<String>,
    /// Anthropic `tool_result.is_error`.
    pub is_error: bool,
    /// Reasoning text the assistant gave (`reasoning_content`, `reasoning`, `thinking`), with Anthropic's signature.
    pub reasoning: Option<(String, Option<String>)>,
    /// OpenAI `refusal`.
    pub refusal: Option<String>,
    /// Members not understood.
    pub extra: Extra,
}

/// Content of a message. The distinction is kept, since backends may tell a string from a list of one part.
#[derive(Debug, Clone)]
pub enum Content {
    /// `null` or absent.
    None,
    /// A plain string.
    Text(String),
    /// Parts.
    Parts(Vec<Part>),
}

/// One part of a content list. `extra` keeps members such as `cache_control` and `citations`.
#[derive(Debug, Clone)]
pub enum Part {
    /// Text.
    Text {
        /// The text.
        text: String,
        /// Members not understood.
        extra: Extra,
    },
    /// An image.
    Image {
        /// Where its bytes are.
        media: Media,
        /// OpenAI `detail`.
        detail: Option<String>,
        /// Members not understood.
        extra: Extra,
    },
    /// Audio input, base64.
    Audio {
        /// Base64 data.
        data: String,
        /// `wav`, `mp3`.
        format: String,
        /// Members not understood.
        extra: Extra,
    },
    /// A part this gateway does not know, or a file or document: kept whole, forwarded to the same dialect only.
    Other {
        /// Its `type`.
        kind: String,
        /// The whole part.
        raw: Box<RawValue>,
    },
}

/// Bytes of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Media {
    /// A URL that the backend is to fetch (never fetched by us).
    Url(String),
    /// Base64 with its media type (a `data:` URL in OpenAI's dialect).
    Base64 {
        /// `image/png`, …
        media_type: String,
        /// The data.
        data: String,
    },
}

/// A call of a tool by the assistant.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ToolCall {
    /// Call id.
    pub id: String,
    /// Function name.
    pub name: String,
    /// Arguments as JSON text (may be invalid JSON when a model made it so).
    pub arguments: String,
}

impl Message {
    /// A message of plain text.
    pub fn text(role: Role, text: impl Into<String>) -> Message {
        Message {
            role,
            content: Content::Text(text.into()),
            name: None,
            tool_calls: Vec::new(),
            tool_call_id: None,
            is_error: false,
            reasoning: None,
            refusal: None,
            extra: Vec::new(),
        }
    }
}

impl Message {
    /// Its text for places that take only a string. Blocks of instructions and of tool results are separate texts;
    /// pieces of a person's or a model's words are one text that was cut.
    pub(crate) fn flat(&self) -> Cow<'_, str> {
        let between = match self.role {
            Role::Assistant | Role::User => "",
            Role::System | Role::Developer | Role::Tool => "\n\n",
        };
        match &self.content {
            Content::Text(text) => Cow::Borrowed(text),
            other => Cow::Owned(other.texts().collect::<Vec<_>>().join(between)),
        }
    }
}

impl Content {
    /// Its texts in order.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        let (whole, parts) = match self {
            Content::None => (None, &[][..]),
            Content::Text(t) => (Some(t.as_str()), &[][..]),
            Content::Parts(p) => (None, p.as_slice()),
        };
        whole.into_iter().chain(parts.iter().filter_map(|p| match p {
            Part::Text { text, .. } => Some(text.as_str()),
            _ => None,
        }))
    }

    /// All its texts joined.
    pub fn joined(&self) -> String {
        self.texts().collect()
    }
}
