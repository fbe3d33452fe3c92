//! Bodies of `POST /v1/embeddings`: read, what is accepted is written the same, with the model that was checked.
#![no_main]

use wire::openai;

libfuzzer_sys::fuzz_target!(|body: &[u8]| {
    if let Ok(ask) = openai::read_embeddings(body) {
        let count = ask.encode.as_ref().map_or(0, |e| e.tokens.len()) + ask.messages.len();
        assert!((1..=openai::INPUTS_MAX).contains(&count), "{count} texts");
        wire_fuzz::seen_alike(body, &ask);
        wire_fuzz::write_one(body.len(), &ask, openai::write_embeddings);
        wire_fuzz::stays(&ask, openai::write_embeddings, openai::read_embeddings);
    }
});
