//! What OpenAI's endpoints and their imitators answer, plain or one chunk of a stream: one set of readers for both, since
//! they differ in `message` / `delta` / `text` only.
//!
//! Read leniently: a member of an odd type counts as absent. Members not read here are not lost: the bytes themselves go
//! on to callers of the same flavour.

use super::finish::{self, UsageIn};
use super::logprobs::LogprobsIn;
use crate::json::fault::Trail;
use crate::json::loose::Loose;
use crate::json::read::{Members, Read, Value, elements, readable};
use crate::{Finish, TokenLogprob};
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

/// A whole answer, or one chunk.
#[derive(Default)]
pub(super) struct AnswerIn<'de> {
    pub(super) id: Loose<'de>,
    pub(super) object: Loose<'de>,
    pub(super) model: Loose<'de>,
    pub(super) created: Loose<'de>,
    pub(super) choices: Option<Vec<ChoiceIn<'de>>>,
    pub(super) usage: Option<UsageIn>,
    /// An error in place of an answer.
    pub(super) error: Option<&'de RawValue>,
}

impl<'de> Members<'de> for AnswerIn<'de> {
    fn member<A: MapAccess<'de>>(&mut self, key: &str, value: Value<'_, A>) -> Result<(), A::Error> {
        match key {
            "id" => self.id = value.get()?,
            "object" => self.object = value.get()?,
            "model" => self.model = value.get()?,
            "created" => self.created = value.get()?,
            "choices" => self.choices = value.get()?,
            "usage" => self.usage = value.get()?,
            "error" => self.error = value.get()?,
            _ => value.skip()?,
        }
        Ok(())
    }
}

impl AnswerIn<'_> {
    /// Whether this says that something went wrong: `error`, or the flat shape of SGLang and TensorRT-LLM.
    pub(super) fn is_error(&self) -> bool {
        self.error.is_some() || (self.choices.is_none() && self.object == Loose::Text(Cow::Borrowed("error")))
    }
}

#[derive(Default)]
pub(super) struct ChoiceIn<'de> {
    pub(super) index: Loose<'de>,
    /// `message`, `delta`, or `text` of the completions endpoint.
    pub(super) message: MessageIn<'de>,
    logprobs: Option<LogprobsIn<'de>>,
    finish: Loose<'de>,
    stop: Loose<'de>,
}

impl<'de> Members<'de> for ChoiceIn<'de> {
    fn member<A: MapAccess<'de>>(&mut self, key: &str, value: Value<'_, A>) -> Result<(), A::Error> {
        match key {
            "index" => self.index = value.get()?,
            "message" | "delta" => value.fill(&mut self.message)?,
            "text" => self.message.content = value.get()?,
            "logprobs" => self.logprobs = value.get()?,
            "finish_reason" => self.finish = value.get()?,
            "stop_reason" => self.stop = value.get()?,
            _ => value.skip()?,
        }
        Ok(())
    }
}
readable!(ChoiceIn<'de>);

impl ChoiceIn<'_> {
    pub(super) fn logprobs(&mut self) -> Vec<TokenLogprob> {
        self.logprobs.take().map_or_else(Vec::new, LogprobsIn::done)
    }

    pub(super) fn finish(&mut self) -> Option<Finish> {
        let reason = std::mem::take(&mut self.finish).text()?;
        let stop = std::mem::take(&mut self.stop).text().map(Cow::into_owned);
        Some(finish::read(&reason, stop))
    }
}

#[derive(Default)]
pub(super) struct MessageIn<'de> {
    pub(super) content: ContentIn<'de>,
    reasoning: ContentIn<'de>,
    refusal: Loose<'de>,
    pub(super) calls: Option<Vec<CallIn<'de>>>,
}

impl<'de> Members<'de> for MessageIn<'de> {
    fn member<A: MapAccess<'de>>(&mut self, key: &str, value: Value<'_, A>) -> Result<(), A::Error> {
        match key {
            "content" => self.content = value.get()?,
            // vLLM and OpenRouter, SGLang and llama-server and DeepSeek, Ollama; some send two of them.
            "reasoning" | "reasoning_content" | "thinking" => {
                let reasoning: ContentIn<'de> = value.get()?;
                if self.reasoning.text.is_empty() {
                    self.reasoning = reasoning;
                }
            }
            "refusal" => self.refusal = value.get()?,
            "tool_calls" => self.calls = value.get()?,
            _ => value.skip()?,
        }
        Ok(())
    }
}

impl MessageIn<'_> {
    /// Visible text, if there is any.
    pub(super) fn text(&mut self) -> Option<String> {
        some(std::mem::take(&mut self.content.text))
    }

    /// Reasoning, if there is any.
    pub(super) fn reasoning(&mut self) -> Option<String> {
        let apart = some(std::mem::take(&mut self.reasoning.text));
        apart.or_else(|| some(std::mem::take(&mut self.content.thinking)))
    }

    /// Refusal, if there is any.
    pub(super) fn refusal(&mut self) -> Option<String> {
        std::mem::take(&mut self.refusal).text().map(Cow::into_owned)
    }
}

fn some(text: Cow<'_, str>) -> Option<String> {
    Some(text.into_owned()).filter(|t| !t.is_empty())
}

/// A tool call, or a piece of one.
#[derive(Default)]
pub(super) struct CallIn<'de> {
    pub(super) index: Loose<'de>,
    pub(super) id: Loose<'de>,
    pub(super) function: FunctionIn<'de>,
}

impl<'de> Members<'de> for CallIn<'de> {
    fn member<A: MapAccess<'de>>(&mut self, key: &str, value: Value<'_, A>) -> Result<(), A::Error> {
        match key {
            "index" => self.index = value.get()?,
            "id" => self.id = value.get()?,
            "function" | "custom" => value.fill(&mut self.function)?,
            _ => value.skip()?,
        }
        Ok(())
    }
}
readable!(CallIn<'de>);

#[derive(Default)]
pub(super) struct FunctionIn<'de> {
    pub(super) name: Loose<'de>,
    arguments: Option<&'de RawValue>,
}

impl<'de> Members<'de> for FunctionIn<'de> {
    fn member<A: MapAccess<'de>>(&mut self, key: &str, value: Value<'_, A>) -> Result<(), A::Error> {
        match key {
            "name" => self.name = value.get()?,
            "arguments" | "input" => self.arguments = value.get()?,
            _ => value.skip()?,
        }
        Ok(())
    }
}

impl FunctionIn<'_> {
    /// The arguments as JSON text; servers that send an object instead of a string are understood.
    pub(super) fn arguments(&self) -> String {
        match self.arguments.map(RawValue::get) {
            None => String::new(),
            Some(text) if text.starts_with('"') => serde_json::from_str(text).unwrap_or_default(),
            Some(text) => text.to_owned(),
        }
    }
}

/// `content`: a string, null, or (Mistral) a list of parts with text and thinking in them.
#[derive(Default)]
pub(super) struct ContentIn<'de> {
    text: Cow<'de, str>,
    thinking: Cow<'de, str>,
}

impl<'de> Read<'de> for ContentIn<'de> {
    fn read<D: Deserializer<'de>>(from: D, trail: &Trail) -> Result<Self, D::Error> {
        from.deserialize_any(AnyContent(trail))
    }
}

struct AnyContent<'t>(&'t Trail);

impl<'de> Visitor<'de> for AnyContent<'_> {
    type Value = ContentIn<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string or a list of parts")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(ContentIn { text: Cow::Borrowed(text), ..ContentIn::default() })
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(ContentIn { text: Cow::Owned(text.to_owned()), ..ContentIn::default() })
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(ContentIn::default())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(ContentIn::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Self::Value, A::Error> {
        let mut all = ContentIn::default();
        for part in elements::<PartIn<'de>, A>(seq, self.0)? {
            all.text.to_mut().push_str(&part.text.text().unwrap_or_default());
            all.thinking.to_mut().push_str(&part.thinking.text);
        }
        Ok(all)
    }
}

#[derive(Default)]
struct PartIn<'de> {
    text: Loose<'de>,
    thinking: Box<ContentIn<'de>>,
}

impl<'de> Members<'de> for PartIn<'de> {
    fn member<A: MapAccess<'de>>(&mut self, key: &str, value: Value<'_, A>) -> Result<(), A::Error> {
        match key {
            "text" => self.text = value.get()?,
            "thinking" => *self.thinking = value.get()?,
            _ => value.skip()?,
        }
        Ok(())
    }
}
readable!(PartIn<'de>);
