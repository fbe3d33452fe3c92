//! The families of formats, how one is recognised, and its marks.
//!
//! Never here: reading an answer (`parser`), grammars.

use serde::{Deserialize, Serialize};

/// Who calls tools in the same way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Family {
    /// `<tool_call>{"name": …, "arguments": …}</tool_call>`: Qwen, Hermes, Granite 4, and who has no format of its own.
    #[default]
    Hermes,
    /// `<tool_call><function=NAME><parameter=KEY>VALUE</parameter></function></tool_call>`: Qwen3-Coder.
    Xml,
    /// `{"name": …, "parameters": …}` as the whole answer, or `[name(key=value)]`: Llama 3 and 4.
    Llama,
    /// `[TOOL_CALLS][{"name": …, "arguments": …}]`: Mistral up to its tokenizer v7.
    Mistral,
    /// `[TOOL_CALLS]NAME[ARGS]{…}`: Mistral from its tokenizer v11 on.
    MistralArgs,
    /// JSON or Python in a fence, as Google's guide asks for it; the template knows no tools.
    Gemma,
    /// `<｜tool▁call▁begin｜>function<｜tool▁sep｜>NAME` and fenced JSON: DeepSeek V2.5, V3, R1.
    DeepSeek,
    /// `<｜tool▁call▁begin｜>NAME<｜tool▁sep｜>{…}`: DeepSeek V3.1.
    DeepSeekBare,
    /// `<|tool_call|>[{"name": …, "arguments": …}]`: Granite 3.
    Granite,
    /// The same with an end mark `<|/tool_call|>`: Phi-4 mini.
    Phi,
    /// `<|START_ACTION|>[{"tool_name": …, "parameters": …}]<|END_ACTION|>`: Command R7B and A.
    Command,
    /// `<|channel|>commentary to=functions.NAME<|message|>{…}`: gpt-oss.
    Harmony,
}

/// Marks around reasoning.
pub(super) const THINKING: [(&str, &str); 3] =
    [("<think>", "</think>"), ("[THINK]", "[/THINK]"), ("<|START_THINKING|>", "<|END_THINKING|>")];

/// Marks of Harmony.
#[cfg(feature = "llama")]
const HARMONY: [&str; 4] = ["<|start|>", "<|channel|>", "<|message|>", "<|end|>"];

impl Family {
    /// The family that a chat template is written for; where it says nothing, the one of the architecture.
    #[cfg(feature = "llama")]
    pub(crate) fn of(template: &str, architecture: &str) -> Family {
        let has = |text: &str| template.contains(text);
        match () {
            () if has("<|channel|>") && has("<|message|>") => Family::Harmony,
            () if has("<｜tool▁sep｜>") && has("```json") => Family::DeepSeek,
            () if has("<｜tool▁sep｜>") => Family::DeepSeekBare,
            () if has("[TOOL_CALLS]") && (has("[ARGS]") || has("[CALL_ID]")) => Family::MistralArgs,
            () if has("[TOOL_CALLS]") => Family::Mistral,
            () if has("<|START_ACTION|>") => Family::Command,
            () if has("<function=") => Family::Xml,
            () if has("<|/tool_call|>") => Family::Phi,
            () if has("<|tool_call|>") => Family::Granite,
            () if has("<tool_call>") => Family::Hermes,
            () if has("<|python_tag|>") || has("<|start_header_id|>") || has("<|header_start|>") => Family::Llama,
            () if has("<start_of_turn>") || architecture.starts_with("gemma") => Family::Gemma,
            () if has("<｜Assistant｜>") => Family::DeepSeek,
            () => Family::Hermes,
        }
    }

    /// What begins a call, wherever it stands.
    pub(crate) fn opens(self) -> &'static [&'static str] {
        match self {
            Family::Hermes => &["<tool_call>"],
            Family::Xml => &["<tool_call>", "<function="],
            Family::Llama => &["<|python_tag|>"],
            Family::Mistral | Family::MistralArgs => &["[TOOL_CALLS]"],
            Family::Gemma => &["```json", "```tool_call", "```tool_code"],
            Family::DeepSeek | Family::DeepSeekBare => &["<｜tool▁calls▁begin｜>", "<｜tool▁call▁begin｜>"],
            Family::Granite => &["<|tool_call|>", "<tool_call>"],
            Family::Phi => &["<|tool_call|>"],
            Family::Command => &["<|START_ACTION|>"],
            Family::Harmony => &[],
        }
    }

    /// What may follow a call and belongs to it.
    pub(crate) fn closes(self) -> &'static [&'static str] {
        match self {
            Family::Hermes | Family::Xml | Family::Granite => &["</tool_call>"],
            Family::Gemma => &["```"],
            Family::DeepSeek | Family::DeepSeekBare => {
                &["```", "<｜tool▁call▁end｜>", "<｜tool▁calls▁end｜>", "<｜tool▁outputs▁begin｜>"]
            }
            Family::Phi => &["<|/tool_call|>"],
            Family::Command => &["<|END_ACTION|>"],
            Family::Llama | Family::Mistral | Family::MistralArgs | Family::Harmony => &[],
        }
    }

    /// Marks that only say where the answer's text stands and are not part of it.
    pub(super) fn silent(self) -> &'static [&'static str] {
        match self {
            Family::Command => &["<|START_RESPONSE|>", "<|END_RESPONSE|>"],
            _ => &[],
        }
    }

    /// Every mark of the family: what a caller's text must not forge, and which control tokens must be seen as text.
    #[cfg(feature = "llama")]
    pub(crate) fn marks(self) -> Vec<&'static str> {
        let mut marks: Vec<&str> = [self.opens(), self.closes(), self.silent()].concat();
        match self {
            Family::Harmony => return [HARMONY.as_slice(), &["<|constrain|>"]].concat(),
            Family::MistralArgs | Family::Mistral => {
                marks.extend(["[ARGS]", "[CALL_ID]", "[TOOL_RESULTS]", "[/TOOL_RESULTS]", "[AVAILABLE_TOOLS]"]);
            }
            Family::DeepSeek | Family::DeepSeekBare => {
                marks.extend(["<｜tool▁sep｜>", "<｜tool▁outputs▁end｜>"]);
                marks.extend(["<｜tool▁output▁begin｜>", "<｜tool▁output▁end｜>"]);
            }
            Family::Hermes | Family::Xml => {
                marks.extend(["<tools>", "</tools>", "<tool_response>", "</tool_response>"]);
                marks.extend(["<function=", "</function>", "<parameter=", "</parameter>"]);
            }
            Family::Granite | Family::Phi | Family::Command | Family::Llama | Family::Gemma => {}
        }
        // A fence is everybody's; nobody is harmed by one in a message.
        marks.retain(|m| !m.starts_with("```"));
        marks.extend(THINKING.iter().flat_map(|(open, close)| [*open, *close]));
        marks
    }

    /// Under which names a call has its function's name and its arguments, where it is JSON.
    #[cfg(feature = "llama")]
    pub(crate) fn keys(self) -> (&'static str, &'static str) {
        match self {
            Family::Llama | Family::Gemma => ("name", "parameters"),
            Family::Command => ("tool_name", "parameters"),
            _ => ("name", "arguments"),
        }
    }
}

/// The end of reasoning that a prompt has opened at its end, if it has.
#[cfg(feature = "llama")]
pub(crate) fn opened(prompt: &str) -> bool {
    let end = prompt.trim_end();
    THINKING.iter().any(|(open, _)| end.ends_with(open))
}

/// Does a model with this template reason before it answers?
#[cfg(feature = "llama")]
pub(crate) fn thinks(template: &str) -> bool {
    THINKING.iter().any(|(open, close)| template.contains(open) || template.contains(close))
        || template.contains("<|channel|>analysis")
}
