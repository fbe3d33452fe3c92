//! Bodies of `POST /v1/messages/count_tokens`: read, and what is accepted is written in every dialect. (`max_tokens` may
//! be missing there; the writers then use their default.)
#![no_main]

libfuzzer_sys::fuzz_target!(|body: &[u8]| {
    if let Ok(ask) = wire::anthropic::read_count_tokens(body) {
        wire_fuzz::seen_alike(body, &ask);
        wire_fuzz::write_all(body.len(), &ask);
        wire_fuzz::stays(&ask, wire::anthropic::write_messages, wire::anthropic::read_count_tokens);
    }
});
