//! The canonical plain answer.
//!
//! Never here: a dialect's shapes.

use crate::{Event, Finish, Raw, Sign, TokenLogprob, ToolCall, Usage};

/// A whole answer.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Answer {
    /// Id.
    pub id: String,
    /// The model that answered.
    pub model: String,
    /// Unix seconds; 0 where the dialect has none.
    pub created: u64,
    /// Choices in order.
    pub choices: Vec<Choice>,
    /// Token counts; `None` where the backend did not say.
    pub usage: Option<Usage>,
    /// The backend's own body, forwarded untouched to a caller of the same flavour.
    pub raw: Option<Raw>,
}

/// One choice of an answer.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Choice {
    /// Visible text; `None` where there is none (only tool calls).
    pub text: Option<String>,
    /// Reasoning text, with Anthropic's signature.
    pub reasoning: Option<(String, Option<String>)>,
    /// OpenAI `refusal`.
    pub refusal: Option<String>,
    /// Tool calls in order.
    pub tool_calls: Vec<ToolCall>,
    /// Log-probabilities; empty where not asked for.
    pub logprobs: Vec<TokenLogprob>,
    /// How sure the model was of each token of text and calls; empty unless [`Ask::signs`](crate::Ask::signs) wanted it.
    /// For the gateway itself: no writer writes it.
    pub signs: Vec<Sign>,
    /// Why it ended; `None` where the backend did not say.
    pub finish: Option<Finish>,
}

impl Answer {
    /// The same answer as a stream of events, for callers that asked for a stream of a backend that has none.
    pub fn into_events(self) -> Vec<Event> {
        let mut out = vec![Event::Start { id: self.id, model: self.model, created: self.created }];
        for (choice, c) in (0u32..).zip(self.choices) {
            if let Some((text, signature)) = c.reasoning {
                out.push(Event::Reasoning { choice, text, signature });
            }
            if !c.signs.is_empty() {
                out.push(Event::Signs { choice, signs: c.signs });
            }
            if let Some(text) = c.text {
                out.push(Event::Text { choice, text, logprobs: c.logprobs });
            }
            if let Some(text) = c.refusal {
                out.push(Event::Refusal { choice, text });
            }
            for (call, t) in (0u32..).zip(c.tool_calls) {
                out.push(Event::CallStart { choice, call, id: t.id, name: t.name });
                out.push(Event::CallArguments { choice, call, text: t.arguments });
            }
            if let Some(finish) = c.finish {
                out.push(Event::Finish { choice, finish });
            }
        }
        out.extend(self.usage.map(Event::Usage));
        out.push(Event::Done);
        out
    }
}
