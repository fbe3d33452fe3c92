//! A streamed answer, joined, equals the plain one: in every dialect, from every dialect to every other, wherever the
//! network cuts the bytes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;
use wire::sse::{NdjsonReader, SseReader};
use wire::{Answer, Choice, Event, Finish, Join, TokenLogprob, ToolCall, Usage, anthropic, ollama, openai};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Spoken {
    Chat,
    Completions,
    Messages,
    Ollama,
}

const ALL: [Spoken; 4] = [Spoken::Chat, Spoken::Completions, Spoken::Messages, Spoken::Ollama];

/// Writes and reads again a plain answer.
fn plain(spoken: Spoken, answer: &Answer) -> Answer {
    let read = match spoken {
        Spoken::Chat => openai::read_chat_answer(&openai::write_chat_answer(answer).into()),
        Spoken::Completions => openai::read_completions_answer(&openai::write_completions_answer(answer).into()),
        Spoken::Messages => anthropic::read_answer(&anthropic::write_answer(answer).into()),
        Spoken::Ollama => ollama::read_answer(&ollama::write_answer(answer).into()),
    };
    let read = read.unwrap();
    assert!(read.raw.is_some());
    Answer { raw: None, ..read }
}

/// Writes events as a stream.
fn stream(spoken: Spoken, events: &[Event]) -> Vec<u8> {
    let mut out = Vec::new();
    match spoken {
        Spoken::Chat => {
            let mut writer = openai::ChatWriter::new(true);
            events.iter().for_each(|e| writer.write(e, &mut out));
        }
        Spoken::Completions => {
            let mut writer = openai::CompletionsWriter::new(true);
            events.iter().for_each(|e| writer.write(e, &mut out));
        }
        Spoken::Messages => {
            let mut writer = anthropic::Writer::new();
            events.iter().for_each(|e| writer.write(e, &mut out));
        }
        Spoken::Ollama => {
            let mut writer = ollama::Writer::new();
            events.iter().for_each(|e| writer.write(e, &mut out));
        }
    }
    out
}

/// The bytes cut at some places.
fn cut(bytes: &[u8], cuts: &[usize]) -> Vec<Bytes> {
    let mut at: Vec<usize> = cuts.iter().map(|c| c % (bytes.len() + 1)).collect();
    at.extend([0, bytes.len()]);
    at.sort_unstable();
    at.windows(2).map(|w| Bytes::copy_from_slice(&bytes[w[0]..w[1]])).collect()
}

/// Reads a stream back into events.
fn events(spoken: Spoken, bytes: &[u8], cuts: &[usize]) -> Vec<Event> {
    let mut out = Vec::new();
    if spoken == Spoken::Ollama {
        let (mut lines, mut reader) = (NdjsonReader::new(), ollama::Reader::default());
        for chunk in cut(bytes, cuts) {
            lines.push(&chunk);
            for line in &mut lines {
                out.extend(reader.read(&line.unwrap()).unwrap().events);
            }
        }
        assert!(!lines.finish());
        return out;
    }
    let mut frames = SseReader::new();
    let (mut chat, mut completions) = (openai::ChatReader::default(), openai::CompletionsReader::default());
    let mut messages = anthropic::Reader::default();
    for chunk in cut(bytes, cuts) {
        frames.push(&chunk);
        for frame in &mut frames {
            let frame = frame.unwrap();
            let chunk = match spoken {
                Spoken::Chat => chat.read(&frame.data),
                Spoken::Completions => completions.read(&frame.data),
                _ => messages.read(frame.name.as_deref(), &frame.data),
            };
            let chunk = chunk.unwrap();
            let raw = chunk.raw.unwrap();
            assert_eq!(
                (raw.name, &raw.bytes),
                (frame.name.as_deref().map(|n| raw.name.unwrap_or(Box::leak(n.into()))), &frame.data)
            );
            out.extend(chunk.events);
        }
    }
    assert!(!frames.finish());
    out
}

fn join(events: Vec<Event>) -> Answer {
    let mut join = Join::default();
    events.into_iter().for_each(|e| join.push(e));
    assert!(join.is_done());
    join.finish()
}

/// An answer as events in small pieces.
fn pieces(answer: Answer, size: usize) -> Vec<Event> {
    let mut out = Vec::new();
    let parts = |text: &str| -> Vec<String> {
        let chars: Vec<char> = text.chars().collect();
        chars.chunks(size).map(|c| c.iter().collect()).collect()
    };
    for event in answer.into_events() {
        match event {
            Event::Text { choice, text, logprobs } if logprobs.is_empty() => {
                out.extend(parts(&text).into_iter().map(|text| Event::Text { choice, text, logprobs: Vec::new() }));
            }
            Event::Reasoning { choice, text, signature } => {
                out.extend(parts(&text).into_iter().map(|text| Event::Reasoning { choice, text, signature: None }));
                out.push(Event::Reasoning { choice, text: String::new(), signature });
                out.push(Event::Ping);
            }
            Event::CallArguments { choice, call, text } => {
                out.extend(parts(&text).into_iter().map(|text| Event::CallArguments { choice, call, text }));
            }
            other => out.push(other),
        }
    }
    out
}

fn logprob() -> impl Strategy<Value = TokenLogprob> {
    let number = (0i32..2000).prop_map(|n| f64::from(-n) / 64.0);
    let bytes = proptest::option::of(vec(any::<u8>(), 0..4));
    let top = vec(("\\PC{0,4}", number.clone(), bytes.clone()), 0..3);
    ("\\PC{0,6}", number, bytes, top).prop_map(|(token, logprob, bytes, top)| TokenLogprob {
        token,
        logprob,
        bytes,
        top,
    })
}

fn finish() -> impl Strategy<Value = Finish> {
    prop_oneof![
        Just(Finish::Stop),
        Just(Finish::Length),
        Just(Finish::ToolCalls),
        Just(Finish::ContentFilter),
        proptest::option::of("[a-zA-Z]{1,4}").prop_map(Finish::StopSequence),
        Just(Finish::Other("abort".to_owned())),
        Just(Finish::Other("pause_turn".to_owned())),
    ]
}

fn call() -> impl Strategy<Value = ToolCall> {
    let value = prop_oneof![
        Just("null".to_owned()),
        any::<i32>().prop_map(|n| n.to_string()),
        "\\PC{0,8}".prop_map(|s| serde_json::to_string(&s).unwrap())
    ];
    let arguments = vec(("[a-z]{1,5}", value), 0..3).prop_map(|members| {
        let members: Vec<String> = members.iter().map(|(k, v)| format!("\"{k}\":{v}")).collect();
        format!("{{{}}}", members.join(","))
    });
    ("[a-z0-9_]{1,8}", "[a-z_]{1,8}", arguments).prop_map(|(id, name, arguments)| ToolCall { id, name, arguments })
}

fn choice() -> impl Strategy<Value = Choice> {
    let text = proptest::option::of("(\\PC|[\n\r\t\"\\\\]){0,40}");
    let reasoning = proptest::option::of(("(\\PC|\n){1,20}", proptest::option::of("[a-z=]{1,9}")));
    let calls = vec(call(), 0..3).prop_map(|mut calls| {
        // Ids are unique in an answer.
        calls.iter_mut().enumerate().for_each(|(at, c)| c.id = format!("{}{at}", c.id));
        calls
    });
    (text, reasoning, proptest::option::of("\\PC{1,10}"), calls, vec(logprob(), 0..3), finish()).prop_map(
        |(text, reasoning, refusal, tool_calls, logprobs, finish)| {
            let logprobs = if text.is_some() { logprobs } else { Vec::new() };
            Choice { text, reasoning, refusal, tool_calls, logprobs, signs: Vec::new(), finish: Some(finish) }
        },
    )
}

fn usage() -> impl Strategy<Value = Usage> {
    let counts = (0u64..1 << 40, 0u64..1 << 40, 0u64..1000, 0u64..1000, 0u64..1000);
    (counts, 0u64..1000, 0u64..1000, 0u64..1000).prop_map(|(counts, long, audio_input, audio_output)| {
        let (fresh, output, cached, cache_write, reasoning) = counts;
        Usage {
            input: fresh + cached + cache_write,
            output,
            cached,
            cache_write,
            cache_write_long: long.min(cache_write),
            reasoning,
            audio_input,
            audio_output,
        }
    })
}

fn answer() -> impl Strategy<Value = Answer> {
    ("[a-z0-9-]{0,12}", "\\PC{1,12}", 0u64..253_402_300_800, vec(choice(), 1..3), proptest::option::of(usage()))
        .prop_map(|(id, model, created, choices, usage)| Answer { id, model, created, choices, usage, raw: None })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn streamed_equals_plain(answer in answer(), size in 1usize..9, cuts in vec(any::<usize>(), 0..20)) {
        for from in ALL {
            let bytes = stream(from, &pieces(answer.clone(), size));
            let heard = events(from, &bytes, &cuts);
            let whole = plain(from, &answer);
            prop_assert_eq!(join(heard.clone()), whole.clone(), "{:?}: {}", from, String::from_utf8_lossy(&bytes));
            for to in ALL {
                let bytes = stream(to, &heard);
                let text = String::from_utf8_lossy(&bytes);
                prop_assert_eq!(join(events(to, &bytes, &cuts)), plain(to, &whole), "{:?} to {:?}: {}", from, to, text);
            }
        }
    }

    #[test]
    fn a_dialect_keeps_what_it_can_say(answer in answer()) {
        let read = plain(Spoken::Chat, &answer);
        for (was, is) in answer.choices.iter().zip(&read.choices) {
            let some = |t: &Option<String>| t.clone().filter(|t| !t.is_empty());
            prop_assert_eq!(some(&was.text), some(&is.text));
            prop_assert_eq!(&was.tool_calls, &is.tool_calls);
            prop_assert_eq!(&was.logprobs, &is.logprobs);
            prop_assert_eq!(&was.refusal, &is.refusal);
        }
        prop_assert_eq!(answer.usage, read.usage);
        let read = plain(Spoken::Messages, &answer);
        let (was, is) = (&answer.choices[0], &read.choices[0]);
        prop_assert_eq!(&was.tool_calls, &is.tool_calls);
        prop_assert_eq!(&was.reasoning, &is.reasoning);
        // A call that was cut stays cut.
        prop_assert_eq!(was.finish == Some(Finish::Length), is.finish == Some(Finish::Length));
        // All but audio, which the dialect has no name for.
        let counts = answer.usage.map(|u| Usage { audio_input: 0, audio_output: 0, ..u });
        prop_assert_eq!(counts.filter(|u| *u != Usage::default()), read.usage);
    }
}
