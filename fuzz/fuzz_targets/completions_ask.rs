//! Bodies of `POST /v1/completions`: read, and what is accepted is written in every dialect,
//! with the model and the streaming that were checked.
#![no_main]

libfuzzer_sys::fuzz_target!(|body: &[u8]| {
    if let Ok(ask) = wire::openai::read_completions(body) {
        wire_fuzz::seen_alike(body, &ask);
        wire_fuzz::write_all(body.len(), &ask);
        wire_fuzz::stays(&ask, wire::openai::write_completions, wire::openai::read_completions);
    }
});
