//! Error bodies of backends: there is always a message, of bounded length, and never a page.
#![no_main]

libfuzzer_sys::fuzz_target!(|body: &[u8]| {
    let error = wire::upstream_error::read(body);
    assert!(!error.message.is_empty() && error.message.len() <= wire::upstream_error::MESSAGE_MAX);
    assert!(!error.message.starts_with('<'));
});
