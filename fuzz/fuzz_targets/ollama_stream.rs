//! Ollama's streams and plain answers.
#![no_main]

use bytes::Bytes;
use wire::ollama;
use wire::sse::NdjsonReader;

libfuzzer_sys::fuzz_target!(|body: &[u8]| {
    let body = Bytes::copy_from_slice(body);
    let (mut lines, mut reader) = (NdjsonReader::new(), ollama::Reader::default());
    lines.push(&body);
    let mut events = Vec::new();
    for line in (&mut lines).flatten() {
        events.extend(reader.read(&line).map(|chunk| chunk.events).unwrap_or_default());
    }
    wire_fuzz::relay(&events);
    wire_fuzz::answer(ollama::read_answer(&body));
});
