//! The embedded engine's reader of answers: tool calls and reasoning in any family's format, however the answer is cut.
//! The first byte says where.
#![no_main]

libfuzzer_sys::fuzz_target!(|body: &[u8]| {
    let Some((first, rest)) = body.split_first() else { return };
    engine::check_speech(&String::from_utf8_lossy(rest), usize::from(*first) % 17 + 1);
});
