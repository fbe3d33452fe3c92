//! Reads an answer as it comes: text, reasoning, tool calls.
//!
//! Only what may still become a mark is held back. A call that turns out not to be one is given back as text. However the
//! answer is cut into pieces, joined events are the same.
//!
//! Never here: the inside of a call (`call`), dialects.

use super::call::{Reader, Step};
use super::family::THINKING;
use super::harmony::Harmony;
use super::heard::{Heard, Known, held};
use super::{Family, Speech};

/// The reader of one answer.
pub(crate) struct Parser {
    speech: Speech,
    tools: Vec<Known>,
    /// Calls at most; further ones are dropped, since the caller asked for no more.
    most: usize,
    calls: usize,
    input: String,
    /// What of `input` is read.
    at: usize,
    ended: bool,
    state: State,
    out: Vec<Heard>,
}

enum State {
    /// Nothing was said yet, at all or since the reasoning.
    Start {
        reasoned: bool,
    },
    /// In reasoning; `fresh` while nothing of it was shown.
    Thinking {
        fresh: bool,
    },
    Text,
    Call(Box<Reader>),
    Harmony(Harmony),
}

impl Parser {
    /// For an answer to a request with these tools (none: calls are text). `parallel`: more than one call may come.
    pub(crate) fn new(speech: Speech, tools: Vec<Known>, parallel: bool) -> Parser {
        let state = match speech {
            Speech { family: Family::Harmony, .. } => State::Harmony(Harmony::default()),
            Speech { opened: true, .. } => State::Thinking { fresh: true },
            _ => State::Start { reasoned: false },
        };
        let most = if parallel { usize::MAX } else { 1 };
        let (input, out) = (String::new(), Vec::new());
        Parser { speech, tools, most, calls: 0, input, at: 0, ended: false, state, out }
    }

    /// Takes the next piece.
    pub(crate) fn push(&mut self, piece: &str) -> Vec<Heard> {
        self.input.push_str(piece);
        self.run()
    }

    /// The end: what was held back.
    pub(crate) fn finish(&mut self) -> Vec<Heard> {
        self.ended = true;
        self.run()
    }

    /// Is the answer in its reasoning?
    pub(crate) fn thinking(&self) -> bool {
        match &self.state {
            State::Thinking { .. } => true,
            State::Harmony(harmony) => harmony.thinking(),
            _ => false,
        }
    }

    /// The length in bytes of the call that is under way, up to the end of what was pushed. A call without a mark counts
    /// from when its name is known to be a tool's.
    #[cfg(feature = "llama")]
    pub(crate) fn calling(&self) -> Option<usize> {
        match &self.state {
            State::Call(reader) if reader.is_certain() => Some(reader.raw().trim_start().len() + self.rest().len()),
            _ => None,
        }
    }

    /// Bytes that were pushed and not yet read.
    pub(crate) fn rest(&self) -> &str {
        &self.input[self.at..]
    }

    fn run(&mut self) -> Vec<Heard> {
        while self.step() {}
        self.input.drain(..self.at);
        self.at = 0;
        std::mem::take(&mut self.out)
    }

    /// One step; false when more input is needed.
    fn step(&mut self) -> bool {
        match std::mem::replace(&mut self.state, State::Text) {
            State::Start { reasoned } => self.start(reasoned),
            State::Thinking { fresh } => self.think(fresh),
            State::Text => self.text(),
            State::Call(reader) => self.call(reader),
            State::Harmony(mut harmony) => {
                let before = self.out.len();
                let ate = harmony.step(&self.input[self.at..], self.ended, !self.tools.is_empty(), &mut self.out);
                self.state = State::Harmony(harmony);
                self.limit(before);
                self.at += ate.unwrap_or(0);
                ate.is_some()
            }
        }
    }

    fn say(&mut self, text: &str) {
        if !text.is_empty() {
            self.out.push(Heard::Text(text.to_owned()));
        }
    }

    fn start(&mut self, reasoned: bool) -> bool {
        let rest = &self.input[self.at..];
        let said = rest.trim_start();
        let space = rest.len() - said.len();
        let wait = |parser: &mut Parser| {
            parser.state = State::Start { reasoned };
            false
        };
        if said.is_empty() && !self.ended {
            return wait(self);
        }
        if !reasoned {
            for (open, _) in THINKING {
                if said.starts_with(open) {
                    self.at += space + open.len();
                    self.out.push(Heard::Mark);
                    self.state = State::Thinking { fresh: true };
                    return true;
                }
                if open.starts_with(said) && !self.ended {
                    return wait(self);
                }
            }
        }
        let bare = said.starts_with('{') || (said.starts_with('[') && self.speech.family == Family::Llama);
        if bare && !self.tools.is_empty() {
            self.state = State::Call(Box::new(Reader::new(self.speech, None, &rest[..space])));
            self.at += space;
        } else if reasoned {
            self.at += space;
        }
        !self.rest().is_empty()
    }

    fn think(&mut self, mut fresh: bool) -> bool {
        let mut rest = &self.input[self.at..];
        if fresh {
            let said = rest.trim_start();
            self.at += rest.len() - said.len();
            // Some models write the mark once more that the prompt has written already.
            if let Some((open, _)) = THINKING.iter().find(|(open, _)| said.starts_with(open)) {
                self.at += open.len();
                self.state = State::Thinking { fresh };
                return true;
            }
            if !self.ended && THINKING.iter().any(|(open, _)| open.starts_with(said)) {
                self.state = State::Thinking { fresh };
                return false;
            }
            (rest, fresh) = (said, false);
        }
        let close = THINKING.iter().filter_map(|(_, close)| rest.find(close).map(|at| (at, close.len()))).min();
        if let Some((at, length)) = close {
            let thought = rest[..at].trim_end();
            if !thought.is_empty() {
                self.out.push(Heard::Reasoning(thought.to_owned()));
            }
            self.out.push(Heard::Mark);
            self.at += at + length;
            self.state = State::Start { reasoned: true };
            return true;
        }
        let free = if self.ended { rest.len() } else { rest.len() - held(rest, THINKING.iter().map(|(_, c)| *c)) };
        let thought = if self.ended { rest } else { rest[..free].trim_end() };
        if !thought.is_empty() {
            self.out.push(Heard::Reasoning(thought.to_owned()));
            self.at += thought.len();
        }
        self.state = State::Thinking { fresh };
        false
    }

    fn text(&mut self) -> bool {
        let rest = &self.input[self.at..];
        let calls = !self.tools.is_empty();
        let opens = if calls { self.speech.family.opens() } else { &[] };
        let marks = || opens.iter().chain(self.speech.family.silent());
        let first = marks().filter_map(|m| rest.find(m).map(|at| (at, *m))).min_by_key(|(at, _)| *at);
        let Some((at, mark)) = first else {
            let mut free = rest;
            if !self.ended {
                free = &rest[..rest.len() - held(rest, marks().copied())];
                // Space before a call is not said.
                free = if calls { free.trim_end() } else { free };
            }
            let text = free.to_owned();
            self.at += text.len();
            self.say(&text);
            return false;
        };
        if opens.contains(&mark) {
            let text = rest[..at].trim_end().to_owned();
            let space = &rest[text.len()..at];
            self.state = State::Call(Box::new(Reader::new(self.speech, Some(mark), space)));
            self.say(&text);
        } else {
            let text = rest[..at].to_owned();
            self.say(&text);
        }
        self.at += at + mark.len();
        true
    }

    fn call(&mut self, mut reader: Box<Reader>) -> bool {
        let before = self.out.len();
        let step = reader.step(&self.input[self.at..], self.ended, &self.tools, &mut self.out);
        let (ate, goes_on) = match step {
            Step::Ate(n) => (n, true),
            Step::More if !self.ended => (0, false),
            Step::Over(n) => {
                self.limit(before);
                self.at += n;
                return true;
            }
            Step::More | Step::Fail => {
                let streamed = reader.fail(&mut self.out);
                self.limit(before);
                // A call that was cut off while it was being sent stays one; its rest is no text.
                self.at += if streamed && self.ended { self.rest().len() } else { 0 };
                return true;
            }
        };
        reader.keep(&self.input[self.at..self.at + ate]);
        self.at += ate;
        self.limit(before);
        self.state = State::Call(reader);
        goes_on
    }

    /// Drops the calls beyond the limit from what was heard since `from`.
    fn limit(&mut self, from: usize) {
        let (calls, most) = (&mut self.calls, self.most);
        let mut at = 0;
        self.out.retain(|heard| {
            at += 1;
            if at <= from {
                return true;
            }
            match heard {
                Heard::CallStart(_) => {
                    *calls = calls.saturating_add(1);
                    *calls <= most
                }
                Heard::CallArguments(_) | Heard::CallEnd => *calls <= most,
                _ => true,
            }
        });
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::speech::check::{check, hear};
    use proptest::prelude::*;

    fn weather() -> Vec<Known> {
        let parameters = serde_json::json!({"type": "object", "properties": {"city": {"type": "string"},
            "days": {"type": "integer"}}});
        let known = |name: &str| Known { name: name.into(), parameters: Some(parameters.clone()) };
        vec![known("get_weather"), known("get_time")]
    }

    /// Reads `text` whole and character by character, bound and not, which must agree.
    fn read(family: Family, text: &str) -> Vec<Heard> {
        let speech = Speech { family, ..Speech::default() };
        let whole = hear(speech, &weather(), text, usize::MAX);
        for step in 1..6 {
            assert_eq!(hear(speech, &weather(), text, step), whole, "{text} by {step}");
        }
        whole
    }

    fn call(name: &str, arguments: &str) -> [Heard; 3] {
        [Heard::CallStart(name.into()), Heard::CallArguments(arguments.into()), Heard::CallEnd]
    }

    const COLOGNE: &str = r#"{"city": "Köln }\"", "days": 2}"#;

    #[test]
    fn every_family_is_read_in_its_format() {
        let two = |family: Family, text: &str| {
            let wanted = [call("get_weather", COLOGNE), call("get_time", "{}")].concat();
            let bound = Speech { family, bound: true, ..Speech::default() };
            let text = text.replace("ARGS1", COLOGNE);
            let calls = |heard: Vec<Heard>| heard.into_iter().filter(|h| *h != Heard::Mark).collect::<Vec<_>>();
            assert_eq!(calls(read(family, &text)), wanted, "{family:?}");
            assert_eq!(calls(hear(bound, &weather(), &text, 1)), wanted, "{family:?} bound");
        };
        two(
            Family::Hermes,
            "<tool_call>\n{\"name\": \"get_weather\", \"arguments\": ARGS1}\n</tool_call>\n\
             <tool_call>\n{\"name\": \"get_time\", \"arguments\": {}}\n</tool_call>",
        );
        two(
            Family::Llama,
            "{\"name\": \"get_weather\", \"parameters\": ARGS1}; {\"type\": \"function\", \"name\": \"get_time\", \"parameters\": {}}",
        );
        two(
            Family::Llama,
            "<|python_tag|>{\"name\": \"get_weather\", \"parameters\": ARGS1};{\"name\": \"get_time\", \"parameters\": {}}",
        );
        two(
            Family::Mistral,
            "[TOOL_CALLS] [{\"name\": \"get_weather\", \"arguments\": ARGS1}, {\"name\": \"get_time\", \"arguments\": {}, \"id\": \"abcdefghi\"}]",
        );
        two(Family::MistralArgs, "[TOOL_CALLS]get_weather[ARGS]ARGS1[TOOL_CALLS]get_time[CALL_ID]abcdefghi[ARGS]{}");
        two(Family::MistralArgs, "[TOOL_CALLS]get_weather ARGS1[TOOL_CALLS]get_time{}");
        two(
            Family::Gemma,
            "```json\n{\"name\": \"get_weather\", \"parameters\": ARGS1}\n```\n```tool_code\n{\"name\": \"get_time\", \"parameters\": {}}\n```",
        );
        two(
            Family::DeepSeek,
            "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>get_weather\n```json\nARGS1\n```<｜tool▁call▁end｜>\n\
             <｜tool▁call▁begin｜>function<｜tool▁sep｜>get_time\n```json\n{}\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
        );
        two(
            Family::DeepSeekBare,
            "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>get_weather<｜tool▁sep｜>ARGS1<｜tool▁call▁end｜>\
             <｜tool▁call▁begin｜>get_time<｜tool▁sep｜>{}<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
        );
        let array = "[{\"name\": \"get_weather\", \"arguments\": ARGS1}, {\"name\": \"get_time\", \"arguments\": {}}]";
        two(Family::Granite, &format!("<|tool_call|>{array}"));
        two(Family::Phi, &format!("<|tool_call|>{array}<|/tool_call|>"));
        two(
            Family::Command,
            "<|START_ACTION|>[\n {\"tool_call_id\": \"0\", \"tool_name\": \"get_weather\", \"parameters\": ARGS1},\n \
             {\"tool_call_id\": \"1\", \"tool_name\": \"get_time\", \"parameters\": {}}]<|END_ACTION|>",
        );
        two(
            Family::Harmony,
            "<|channel|>commentary to=functions.get_weather <|constrain|>json<|message|>ARGS1<|call|>\
             <|start|>assistant to=functions.get_time<|channel|>commentary json<|message|>{}",
        );
    }

    #[test]
    fn xml_values_get_their_types_from_the_schema() {
        let text = "Sure.\n<tool_call>\n<function=get_weather>\n<parameter=city>\nKöln\n</x>\n</parameter>\n\
                    <parameter=days>\n2\n</parameter>\n</function>\n</tool_call>\n<function=get_time>\n</function>";
        let wanted = [
            vec![Heard::Text("Sure.".into())],
            call("get_weather", r#"{"city": "Köln\n</x>", "days": 2}"#).into(),
            call("get_time", "{}").into(),
        ];
        assert_eq!(read(Family::Xml, text), wanted.concat());
    }

    #[test]
    fn python_is_read_too() {
        let wanted = [call("get_weather", r#"{"city":"K","days":2}"#), call("get_time", "{}")].concat();
        assert_eq!(read(Family::Llama, "[get_weather(city='K', days=2), get_time()]"), wanted);
        assert_eq!(read(Family::Gemma, "```tool_code\nprint(get_weather(city='K', days=2))\nget_time()\n```"), wanted);
    }

    #[test]
    fn what_is_no_call_is_text_and_nothing_is_lost() {
        for (family, text) in [
            (Family::Hermes, "<tool_call>\n{\"name\": \"get_weather\", \"arguments\": {\"city\": }}\n</tool_call>"),
            (Family::Hermes, "<tool_call>{\"name\": \"get_weather\", \"arguments\": [1]}</tool_call>"),
            (Family::Hermes, "<tool_call>{\"arguments\": {}}</tool_call>"),
            (Family::Hermes, "a <tool_call>{\"name\": \"x"),
            (Family::Hermes, "a <tool_cal"),
            (Family::Hermes, "{\"name\": \"Bob\", \"age\": 3}"),
            (Family::Llama, "{\"name\": \"Bob\", \"parameters\": {}}"),
            (Family::Llama, "{\"name\": \"get_weather\"}"),
            (Family::Llama, "[1, 2]"),
            (Family::Llama, "[see(the) note]"),
            (Family::Llama, "<|python_tag|>print(1)"),
            (Family::Gemma, "Like this:\n```json\n{\"a\": 1}\n```\nDone. \n"),
            (Family::Mistral, "[TOOL_CALLS] nothing of the kind"),
            (Family::DeepSeek, "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function get_weather"),
            (Family::Xml, "<tool_call><function=f><parameter=a>1</function>"),
            (Family::Xml, "  x < y  "),
        ] {
            assert_eq!(read(family, text), [Heard::Text(text.into())], "{family:?}");
        }
    }

    #[test]
    fn a_broken_call_does_not_take_the_next_one_with_it() {
        let text = "<tool_call>oops</tool_call> <tool_call>{\"name\": \"get_time\"}</tool_call> and so on";
        let wanted = [
            vec![Heard::Text("<tool_call>oops</tool_call>".into())],
            call("get_time", "{}").into(),
            vec![Heard::Text("and so on".into())],
        ];
        assert_eq!(read(Family::Hermes, text), wanted.concat());
    }

    #[test]
    fn arguments_that_are_a_string_of_json_are_taken_as_json() {
        let text = r#"<tool_call>{"name": "get_time", "arguments": "{\"a\": 1}"}</tool_call>"#;
        assert_eq!(read(Family::Hermes, text), call("get_time", r#"{"a": 1}"#));
    }

    #[test]
    fn reasoning_stands_before_the_answer_only() {
        let reasoned = |thought: &str, text: &str| {
            vec![Heard::Mark, Heard::Reasoning(thought.into()), Heard::Mark, Heard::Text(text.into())]
        };
        assert_eq!(
            read(Family::Hermes, "<think>\nI see.\n</think>\n\nYes <think>."),
            reasoned("I see.", "Yes <think>.")
        );
        assert_eq!(read(Family::MistralArgs, "[THINK]I see.[/THINK]Yes"), reasoned("I see.", "Yes"));
        let command = "<|START_THINKING|>I see.<|END_THINKING|><|START_RESPONSE|>Yes<|END_RESPONSE|>";
        assert_eq!(read(Family::Command, command), reasoned("I see.", "Yes"));
        let harmony =
            "<|channel|>analysis<|message|>I see.<|end|><|start|>assistant<|channel|>final<|message|>Yes<|return|>";
        assert_eq!(read(Family::Harmony, harmony), reasoned("I see.", "Yes"));
        let opened = Speech { opened: true, ..Speech::default() };
        for step in 1..9 {
            let heard = hear(
                opened,
                &weather(),
                "<think>\n\nI <tool_call> see.</think>\n<tool_call>{\"name\":\"get_time\"}",
                step,
            );
            let wanted = [
                vec![Heard::Mark, Heard::Reasoning("I <tool_call> see.".into()), Heard::Mark],
                call("get_time", "{}").into(),
            ];
            assert_eq!(heard, wanted.concat()[1..], "{step}");
        }
    }

    #[test]
    fn one_call_is_one_call() {
        let text = "<tool_call>{\"name\":\"get_time\"}</tool_call><tool_call>{\"name\":\"get_time\"}</tool_call>";
        let mut parser = Parser::new(Speech::default(), weather(), false);
        let heard = [parser.push(text), parser.finish()].concat();
        assert_eq!(heard, call("get_time", "{}"));
    }

    #[test]
    fn bound_arguments_are_sent_as_they_come_and_a_cut_call_stays_one() {
        let speech = Speech { bound: true, ..Speech::default() };
        let mut parser = Parser::new(speech, weather(), true);
        let heard = parser.push("<tool_call>{\"name\": \"get_time\", \"arguments\": {\"a\": \"lo");
        assert_eq!(heard, call("get_time", "{\"a\": \"lo")[..2]);
        assert_eq!(parser.push("ng"), [Heard::CallArguments("ng".into())]);
        assert_eq!(parser.finish(), [Heard::CallEnd]);
    }

    #[test]
    fn text_is_not_held_back_longer_than_needed() {
        let mut parser = Parser::new(Speech::default(), weather(), true);
        assert_eq!(parser.push("a < b"), [Heard::Text("a < b".into())]);
        assert_eq!(parser.push(" <tool"), []);
        assert_eq!(parser.push("box"), [Heard::Text(" <toolbox".into())]);
    }

    fn fragment() -> impl Strategy<Value = String> {
        let words = [
            "<tool_call>",
            "</tool_call>",
            "<tool",
            "{\"name\": \"f\", \"arguments\": {\"a\": 1}}",
            "{\"name\": \"f\"",
            "<function=f>",
            "<parameter=a>",
            "</parameter>",
            "</function>",
            "[TOOL_CALLS]",
            "[ARGS]",
            "[CALL_ID]",
            "f",
            "f(a=1)",
            "[",
            "]",
            "{",
            "}",
            ",",
            ";",
            "\"",
            "\\",
            "\n",
            " ",
            "```json",
            "```",
            "```tool_code",
            "<｜tool▁calls▁begin｜>",
            "<｜tool▁call▁begin｜>",
            "function<｜tool▁sep｜>f\n",
            "<｜tool▁sep｜>",
            "<｜tool▁call▁end｜>",
            "<think>",
            "</think>",
            "<|channel|>",
            "analysis",
            "<|message|>",
            "<|end|>",
            "<|start|>assistant",
            " to=functions.f",
            "<|tool_call|>",
            "<|START_ACTION|>",
            "<|START_RESPONSE|>",
            "{}",
            "{\"a\": 1}",
            "\"name\"",
            ":",
            "arguments",
            "é",
            "x",
            "[{\"name\": \"g\", \"parameters\": {}}",
            "<|python_tag|>",
        ];
        proptest::sample::select(words.to_vec()).prop_map(String::from)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]
        #[test]
        fn any_cut_of_any_text_gives_the_same(fragments in proptest::collection::vec(fragment(), 0..14), step in 1usize..9) {
            check(&fragments.concat(), step);
        }
    }
}
