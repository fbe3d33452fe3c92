//! Joining a stream into the plain answer it makes.

use crate::{Answer, Choice, Event, ToolCall};

/// Joins a stream into an [`Answer`].
#[derive(Debug, Default)]
pub struct Join {
    answer: Answer,
    done: bool,
}

impl Join {
    /// Takes the next event.
    pub fn push(&mut self, event: Event) {
        match event {
            Event::Start { id, model, created } => {
                self.answer.id = id;
                self.answer.model = model;
                self.answer.created = created;
            }
            Event::Text { choice, text, logprobs } => {
                let c = self.choice(choice);
                c.text.get_or_insert_default().push_str(&text);
                if !logprobs.is_empty() {
                    c.logprobs.extend(logprobs);
                }
            }
            Event::Signs { choice, signs } => self.choice(choice).signs.extend(signs),
            Event::Reasoning { choice, text, signature } => {
                let c = self.choice(choice);
                let slot = c.reasoning.get_or_insert_default();
                slot.0.push_str(&text);
                if signature.is_some() {
                    slot.1 = signature;
                }
            }
            Event::Refusal { choice, text } => self.choice(choice).refusal.get_or_insert_default().push_str(&text),
            Event::CallStart { choice, call, id, name } => {
                let slot = self.call(choice, call);
                slot.id = id;
                slot.name = name;
            }
            Event::CallArguments { choice, call, text } => self.call(choice, call).arguments.push_str(&text),
            Event::Finish { choice, finish } => self.choice(choice).finish = Some(finish),
            Event::Usage(usage) => self.answer.usage = Some(usage),
            Event::Done => self.done = true,
            Event::Ping | Event::Error { .. } => {}
        }
    }

    /// Was the terminal event seen?
    pub fn is_done(&self) -> bool {
        self.done
    }

    /// The whole answer.
    pub fn finish(self) -> Answer {
        self.answer
    }

    /// Choices and calls are dense and few; an absurd index of a backend is clamped to this many.
    const MOST: u32 = 1024;

    fn choice(&mut self, index: u32) -> &mut Choice {
        let index = index.min(Self::MOST) as usize;
        if self.answer.choices.len() <= index {
            self.answer.choices.resize_with(index + 1, Choice::default);
        }
        &mut self.answer.choices[index]
    }

    fn call(&mut self, choice: u32, call: u32) -> &mut ToolCall {
        let calls = &mut self.choice(choice).tool_calls;
        let index = call.min(Self::MOST) as usize;
        if calls.len() <= index {
            calls.resize_with(index + 1, ToolCall::default);
        }
        &mut calls[index]
    }
}
