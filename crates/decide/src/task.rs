//! Kinds of work.
//!
//! Never here: telling them apart (room `sense`).

use serde::{Deserialize, Serialize};

/// What kind of work a prompt asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Task {
    /// Small talk and anything without a clearer kind.
    #[default]
    Chat,
    /// Put into one of given classes.
    Classify,
    /// Pull given fields out of a text.
    Extract,
    /// Make shorter.
    Summarize,
    /// Change form and keep the content: format, rewrite, translate.
    Transform,
    /// Answer a question of fact.
    Answer,
    /// Write prose.
    Write,
    /// Write or repair code.
    Code,
    /// Mathematics and proof.
    Math,
    /// Several steps of reasoning, planning, comparison.
    Reason,
    /// Choose and call tools.
    Tool,
    /// Say what given code does.
    ExplainCode,
    /// Code and files that follow a known pattern: skeletons, configuration, stubs, licences.
    Boilerplate,
    /// Answer from given documents and nothing else (retrieval-augmented generation).
    Grounded,
    /// Make what is searched with: queries, keywords, questions rewritten so that they stand alone.
    Search,
    /// A further step of an agent: tools were called already, and their results stand in the request.
    Agent,
}

impl Task {
    /// Every task.
    pub const ALL: [Task; 16] = [
        Task::Chat,
        Task::Classify,
        Task::Extract,
        Task::Summarize,
        Task::Transform,
        Task::Answer,
        Task::Write,
        Task::Code,
        Task::Math,
        Task::Reason,
        Task::Tool,
        Task::ExplainCode,
        Task::Boilerplate,
        Task::Grounded,
        Task::Search,
        Task::Agent,
    ];

    /// The kebab-case name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Task::Chat => "chat",
            Task::Classify => "classify",
            Task::Extract => "extract",
            Task::Summarize => "summarize",
            Task::Transform => "transform",
            Task::Answer => "answer",
            Task::Write => "write",
            Task::Code => "code",
            Task::Math => "math",
            Task::Reason => "reason",
            Task::Tool => "tool",
            Task::ExplainCode => "explain-code",
            Task::Boilerplate => "boilerplate",
            Task::Grounded => "grounded",
            Task::Search => "search",
            Task::Agent => "agent",
        }
    }
}
