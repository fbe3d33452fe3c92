//! What every upstream counts is read under each of its names, and written back to a caller of another dialect.
#![allow(clippy::unwrap_used)]

use bytes::Bytes;
use wire::{Answer, Choice, Event, Usage, anthropic, ollama, openai};

fn chat(usage: &str) -> Usage {
    let body = format!(r#"{{"id":"a","model":"m","choices":[{{"message":{{"content":"x"}}}}],"usage":{usage}}}"#);
    let plain = openai::read_chat_answer(&body.into()).unwrap().usage.unwrap();
    let last = format!(r#"{{"id":"a","model":"m","choices":[],"usage":{usage}}}"#);
    let streamed = openai::ChatReader::default().read(&last.into()).unwrap().events.pop().unwrap();
    assert_eq!(streamed, Event::Usage(plain), "the last chunk of a stream says the same");
    plain
}

fn messages(usage: &str) -> Usage {
    let body = format!(r#"{{"type":"message","id":"a","model":"m","content":[],"usage":{usage}}}"#);
    anthropic::read_answer(&body.into()).unwrap().usage.unwrap()
}

#[test]
fn openai_and_those_who_imitate_it() {
    let some = Usage { input: 100, output: 20, ..Usage::default() };
    for (who, body, wanted) in [
        (
            "openai",
            r#"{"prompt_tokens":100,"completion_tokens":20,"total_tokens":120,"prompt_tokens_details":{"cached_tokens":64,"audio_tokens":7},
                "completion_tokens_details":{"reasoning_tokens":5,"audio_tokens":3,"accepted_prediction_tokens":0}}"#,
            Usage { cached: 64, audio_input: 7, reasoning: 5, audio_output: 3, ..some },
        ),
        (
            "as the responses endpoint",
            r#"{"input_tokens":100,"output_tokens":20,"total_tokens":120,"input_tokens_details":{"cached_tokens":64,"cache_write_tokens":9},
                "output_tokens_details":{"reasoning_tokens":5}}"#,
            Usage { cached: 64, cache_write: 9, reasoning: 5, ..some },
        ),
        (
            "deepseek",
            r#"{"prompt_tokens":100,"completion_tokens":20,"prompt_cache_hit_tokens":64}"#,
            Usage { cached: 64, ..some },
        ),
        (
            "moonshot",
            r#"{"prompt_tokens":100,"completion_tokens":20,"cached_tokens":64}"#,
            Usage { cached: 64, ..some },
        ),
        (
            "mistral: what its engine reused, billed in full",
            r#"{"prompt_tokens":100,"completion_tokens":20,"num_cached_tokens":99}"#,
            some,
        ),
        (
            "litellm before anthropic",
            r#"{"prompt_tokens":100,"completion_tokens":20,"prompt_tokens_details":{"cache_creation_tokens":30,
                "cache_creation_token_details":{"ephemeral_5m_input_tokens":10,"ephemeral_1h_input_tokens":20}}}"#,
            Usage { cache_write: 30, cache_write_long: 20, ..some },
        ),
        (
            "gemini: thoughts in the total only",
            r#"{"prompt_tokens":66,"completion_tokens":6,"total_tokens":100}"#,
            Usage { input: 66, output: 34, reasoning: 28, ..Usage::default() },
        ),
        (
            "xai: reasoning beside the completion",
            r#"{"prompt_tokens":32,"completion_tokens":9,"total_tokens":135,"completion_tokens_details":{"reasoning_tokens":94}}"#,
            Usage { input: 32, output: 103, reasoning: 94, ..Usage::default() },
        ),
        ("a total that is too small", r#"{"prompt_tokens":100,"completion_tokens":20,"total_tokens":7}"#, some),
        ("no answer was counted", r#"{"prompt_tokens":100,"total_tokens":130}"#, Usage { output: 0, ..some }),
    ] {
        assert_eq!(chat(body), wanted, "{who}");
    }
}

#[test]
fn anthropic_with_both_lives_of_its_cache() {
    let body = r#"{"input_tokens":3,"output_tokens":33,"cache_read_input_tokens":1111,"cache_creation_input_tokens":418,
        "cache_creation":{"ephemeral_5m_input_tokens":400,"ephemeral_1h_input_tokens":18},"output_tokens_details":{"thinking_tokens":12}}"#;
    let wanted = Usage {
        input: 1532,
        output: 33,
        cached: 1111,
        cache_write: 418,
        cache_write_long: 18,
        reasoning: 12,
        ..Usage::default()
    };
    assert_eq!(messages(body), wanted);
    let split = r#"{"input_tokens":3,"output_tokens":1,"cache_creation":{"ephemeral_5m_input_tokens":4,"ephemeral_1h_input_tokens":8}}"#;
    let usage = messages(split);
    assert_eq!(
        (usage.input, usage.cache_write, usage.cache_write_long),
        (15, 12, 8),
        "the sum is known from its parts"
    );
}

#[test]
fn a_compaction_is_billed_with_the_message_and_an_advisor_is_not() {
    let body = r#"{"input_tokens":180,"output_tokens":8,"iterations":[
        {"type":"compaction","input_tokens":100,"output_tokens":82,"cache_creation_input_tokens":55096,"cache_creation":{"ephemeral_1h_input_tokens":96}},
        {"type":"message","input_tokens":180,"output_tokens":8},
        {"type":"advisor_message","model":"another","input_tokens":7000,"output_tokens":900}]}"#;
    let usage = messages(body);
    assert_eq!((usage.input, usage.output), (180 + 100 + 55_096, 8 + 82));
    assert_eq!((usage.cache_write, usage.cache_write_long), (55_096, 96));
}

#[test]
fn the_end_of_a_stream_adds_to_what_its_start_said() {
    let mut reader = anthropic::Reader::default();
    let start = r#"{"type":"message_start","message":{"id":"a","model":"m","usage":{"input_tokens":3,"output_tokens":1,"cache_read_input_tokens":50,
        "cache_creation_input_tokens":20,"cache_creation":{"ephemeral_5m_input_tokens":5,"ephemeral_1h_input_tokens":15}}}}"#;
    let end = r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":40,"output_tokens_details":{"thinking_tokens":30}}}"#;
    let mut last = None;
    for frame in [start, end] {
        let chunk = reader.read(None, &Bytes::from_static(frame.as_bytes())).unwrap();
        last = chunk
            .events
            .into_iter()
            .filter_map(|e| if let Event::Usage(u) = e { Some(u) } else { None })
            .last()
            .or(last);
    }
    let wanted = Usage {
        input: 73,
        output: 40,
        cached: 50,
        cache_write: 20,
        cache_write_long: 15,
        reasoning: 30,
        ..Usage::default()
    };
    assert_eq!(last, Some(wanted));
}

#[test]
fn counts_of_an_odd_shape_do_not_cost_the_answer() {
    let usage =
        chat(r#"{"prompt_tokens":"9","completion_tokens":-4,"total_tokens":null,"prompt_tokens_details":null}"#);
    assert_eq!(usage, Usage::default());
    let usage =
        messages(r#"{"input_tokens":9.0,"cache_creation":null,"output_tokens_details":null,"iterations":null}"#);
    assert_eq!(usage, Usage { input: 9, ..Usage::default() });
}

#[test]
fn ollama_says_the_sums() {
    let usage = Usage { input: 9, output: 4, cached: 3, reasoning: 2, ..Usage::default() };
    let answer = Answer {
        id: "a".into(),
        model: "m".into(),
        created: 0,
        choices: vec![Choice::default()],
        usage: Some(usage),
        raw: None,
    };
    let read = ollama::read_answer(&ollama::write_answer(&answer).into()).unwrap();
    assert_eq!(read.usage, Some(Usage { input: 9, output: 4, ..Usage::default() }));
}
