//! Bodies of requests, masked: what a finding covered is in no field any more, the fields stay in their order, and what is
//! written in every dialect stays JSON.
//!
//! Input: eight bytes that place the findings, then the body.
#![no_main]

use decide::DataClass;
use redact::{Scope, mask};
use sense::{Finding, Inspection, Kind};
use wire::Ask;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Some((seed, body)) = data.split_at_checked(8) else { return };
    if let Ok(ask) = wire::openai::read_chat(body) {
        check(seed, body.len(), &ask);
    }
    if let Ok(ask) = wire::anthropic::read_messages(body) {
        check(seed, body.len(), &ask);
    }
});

fn check(seed: &[u8], length: usize, ask: &Ask) {
    let mut fields = Vec::new();
    ask.visit_fields(&mut |field| fields.push(field.text.to_owned()));
    let kind = Kind { name: "EMAIL_ADDRESS".into(), class: DataClass::Personal };
    let mut chosen = Vec::new();
    for spot in seed.as_chunks::<4>().0 {
        let field = usize::from(u16::from_be_bytes([spot[0], spot[1]])) % fields.len().max(1);
        let Some(text) = fields.get(field) else { return };
        let start = usize::from(spot[2]) % (text.len() + 1);
        let end = (start + usize::from(spot[3])).min(text.len());
        if chosen.iter().all(|(known, _)| *known != field) {
            chosen.push((field, vec![Finding { start, end, kind: kind.clone(), score: 99 }]));
        }
    }
    let seen = Inspection { fields: chosen.clone(), ..Inspection::default() };
    let scope = Scope { key: [7; 32].into(), conversation: "c".into() };
    let Ok((masked, _)) = mask(ask, &seen, DataClass::Internal, &scope) else { return };
    let mut after = Vec::new();
    masked.visit_fields(&mut |field| after.push(field.text.to_owned()));
    assert_eq!(fields.len(), after.len());
    for (at, (before, after)) in fields.iter().zip(&after).enumerate() {
        match chosen.iter().any(|(field, _)| *field == at) {
            true => assert_ne!(before, after),
            // A text that a message holds twice follows its copy.
            false => assert!(before == after || ask.messages.iter().any(|m| !m.extra.is_empty())),
        }
    }
    wire_fuzz::write_all(length * 2 + 4096, &masked);
}
