//! Masking and restoring: what goes out comes back, whatever the text and wherever the findings; and whatever a model says, it
//! is restored to the same, cut or not.
//!
//! Input: number of findings, four bytes each (start, length, kind), the cut, then the text and, after a zero, what the model
//! says; a byte 1 in it is the masked text.
#![no_main]

use decide::DataClass;
use redact::{Scope, Vault, mask};
use sense::{Finding, Inspection, Kind};
use std::sync::Arc;
use wire::{Answer, Ask, Choice, Chunk, Endpoint, Event, Join, Message, Role, ToolCall};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Some((&count, rest)) = data.split_first() else { return };
    let count = usize::from(count % 8);
    let Some((spots, rest)) = rest.split_at_checked(count * 4) else { return };
    let Some((&cut, rest)) = rest.split_first() else { return };
    let cut = usize::from(cut % 16) + 1;
    let mut halves = rest.splitn(2, |b| *b == 0);
    let [text, said] = [halves.next(), halves.next()].map(|h| String::from_utf8_lossy(h.unwrap_or_default()).into_owned());
    let findings = spots.as_chunks::<4>().0.iter().map(|[high, low, length, kind]| {
        let start = usize::from(u16::from_be_bytes([*high, *low])).min(text.len());
        let name = ["EMAIL_ADDRESS", "CREDIT_CARD", "customer", "X"][usize::from(kind % 4)];
        let kind = Kind { name: name.into(), class: DataClass::Personal };
        Finding { start, end: (start + usize::from(*length)).min(text.len()), kind, score: 99 }
    });
    let seen = Inspection { fields: vec![(0, findings.collect())], ..Inspection::default() };
    let mut ask = Ask::new(Endpoint::Chat);
    ask.messages.push(Message::text(Role::User, text.as_str()));
    let scope = Scope { key: [7; 32].into(), conversation: "c".into() };
    let Ok((masked, vault)) = mask(&ask, &seen, DataClass::Internal, &scope) else { return };
    let sent = masked.messages[0].content.joined();
    let vault = Arc::new(vault);
    assert_eq!(plain(&vault, &sent).0, text, "{sent:?}");
    let said = said.replace('\u{1}', &sent);
    let (whole, arguments) = plain(&vault, &said);
    let (cut_whole, cut_arguments) = streamed(&vault, &said, cut);
    assert_eq!(whole, cut_whole, "{said:?}");
    assert_eq!(arguments, cut_arguments, "{said:?}");
});

fn plain(vault: &Vault, said: &str) -> (String, String) {
    let call = ToolCall { arguments: said.to_owned(), ..ToolCall::default() };
    let choice = Choice { text: Some(said.to_owned()), tool_calls: vec![call], ..Choice::default() };
    of(vault.restore(Answer { choices: vec![choice], ..Answer::default() }))
}

fn streamed(vault: &Arc<Vault>, said: &str, cut: usize) -> (String, String) {
    let mut restorer = vault.restorer();
    let mut out = Vec::new();
    for arguments in [false, true] {
        let mut rest = said;
        while !rest.is_empty() {
            let (text, after) = rest.split_at(rest.ceil_char_boundary(cut.min(rest.len())));
            let text = text.to_owned();
            let event = match arguments {
                true => Event::CallArguments { choice: 0, call: 0, text },
                false => Event::Text { choice: 0, text, logprobs: Vec::new() },
            };
            restorer.chunk(Chunk { events: vec![event], raw: None }, &mut out);
            rest = after;
        }
    }
    restorer.rest(&mut out);
    let mut join = Join::default();
    out.into_iter().flat_map(|c| c.events).for_each(|e| join.push(e));
    of(join.finish())
}

fn of(answer: Answer) -> (String, String) {
    let choice = answer.choices.into_iter().next().unwrap_or_default();
    (choice.text.unwrap_or_default(), choice.tool_calls.into_iter().next().unwrap_or_default().arguments)
}
