//! Bodies of `POST /v1/rerank`: read, what is accepted is written the same, with the model that was checked.
#![no_main]

use wire::openai;

libfuzzer_sys::fuzz_target!(|body: &[u8]| {
    if let Ok(ask) = openai::read_rerank(body) {
        assert!((1..=openai::INPUTS_MAX).contains(&ask.messages.len()), "{} documents", ask.messages.len());
        wire_fuzz::seen_alike(body, &ask);
        wire_fuzz::write_one(body.len(), &ask, openai::write_rerank);
        wire_fuzz::stays(&ask, openai::write_rerank, openai::read_rerank);
    }
});
