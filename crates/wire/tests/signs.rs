//! Signs of doubt are the gateway's own: whatever the dialect, what is written is the same with them and without.

use wire::{Answer, Choice, Event, Finish, Join, Sign, Usage, anthropic, ollama, openai};

const SIGN: Sign = Sign { logprob: -0.125, entropy: Some(0.0625), bytes: 3 };

fn events(signs: bool) -> Vec<Event> {
    let told = |events: &mut Vec<Event>| {
        if signs {
            events.push(Event::Signs { choice: 0, signs: vec![SIGN, SIGN] });
        }
    };
    let mut out = vec![Event::Start { id: "a".into(), model: "m".into(), created: 5 }];
    told(&mut out);
    out.push(Event::Text { choice: 0, text: "Hello".into(), logprobs: Vec::new() });
    told(&mut out);
    out.push(Event::CallStart { choice: 0, call: 0, id: "c".into(), name: "f".into() });
    told(&mut out);
    out.push(Event::CallArguments { choice: 0, call: 0, text: "{}".into() });
    out.push(Event::Finish { choice: 0, finish: Finish::ToolCalls });
    told(&mut out);
    out.push(Event::Usage(Usage { input: 1, output: 2, ..Usage::default() }));
    out.push(Event::Done);
    out
}

fn written(events: &[Event]) -> [Vec<u8>; 4] {
    let mut out: [Vec<u8>; 4] = Default::default();
    let [chat, completions, messages, lines] = &mut out;
    let mut writers = (
        openai::ChatWriter::new(true),
        openai::CompletionsWriter::new(true),
        anthropic::Writer::new(),
        ollama::Writer::new(),
    );
    for event in events {
        writers.0.write(event, chat);
        writers.1.write(event, completions);
        writers.2.write(event, messages);
        writers.3.write(event, lines);
    }
    out
}

#[test]
fn no_writer_of_a_stream_writes_them() {
    let (with, without) = (written(&events(true)), written(&events(false)));
    assert_eq!(with, without);
    assert!(without.iter().all(|bytes| bytes.len() > 40));
}

#[test]
fn no_writer_of_an_answer_writes_them_and_they_come_through_a_join() {
    let mut join = Join::default();
    events(true).into_iter().for_each(|e| join.push(e));
    let answer = join.finish();
    assert_eq!(answer.choices[0].signs, [SIGN; 8]);
    let bare = Answer {
        choices: answer.choices.iter().map(|c| Choice { signs: Vec::new(), ..c.clone() }).collect(),
        ..answer.clone()
    };
    let all = |a: &Answer| {
        [
            openai::write_chat_answer(a),
            openai::write_completions_answer(a),
            anthropic::write_answer(a),
            ollama::write_answer(a),
        ]
    };
    assert_eq!(all(&answer), all(&bare));
    // Made into a stream again they are there again, once.
    let signs =
        answer.into_events().into_iter().filter(|e| matches!(e, Event::Signs { signs, .. } if signs.len() == 8));
    assert_eq!(signs.count(), 1);
}
