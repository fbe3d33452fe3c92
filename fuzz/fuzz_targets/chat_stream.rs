//! OpenAI's streams (both endpoints) and plain answers.
#![no_main]

use bytes::Bytes;
use wire::openai;

libfuzzer_sys::fuzz_target!(|body: &[u8]| {
    let (mut chat, mut completions) = (openai::ChatReader::default(), openai::CompletionsReader::default());
    wire_fuzz::sse(body, |_, data| chat.read(data));
    wire_fuzz::sse(body, |_, data| completions.read(data));
    let body = Bytes::copy_from_slice(body);
    wire_fuzz::answer(openai::read_chat_answer(&body));
    wire_fuzz::answer(openai::read_completions_answer(&body));
});
