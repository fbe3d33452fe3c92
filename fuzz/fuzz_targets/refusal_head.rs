//! What an upstream's refusal is read as: status (first two bytes), clock (next four), headers up to an empty line, body.
//! Whatever `Retry-After` and the rate-limit headers say, the wait is bounded and no text repeats the place's key.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((first, rest)) = bytes.split_first_chunk::<6>() else { return };
    let status = u16::from_le_bytes([first[0], first[1]]) % 500 + 100;
    let now_s = u32::from_le_bytes([first[2], first[3], first[4], first[5]]);
    let end = rest.windows(2).position(|w| w == b"\n\n").unwrap_or(rest.len());
    let body = rest.get(end + 2..).unwrap_or_default();
    backend::check_refusal(status, &rest[..end], body, now_s);
});
