//! Anthropic's streams and plain answers.
#![no_main]

use bytes::Bytes;
use wire::anthropic;

libfuzzer_sys::fuzz_target!(|body: &[u8]| {
    let mut reader = anthropic::Reader::default();
    wire_fuzz::sse(body, |name, data| reader.read(name, data));
    wire_fuzz::answer(anthropic::read_answer(&Bytes::copy_from_slice(body)));
});
