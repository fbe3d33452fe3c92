//! Framing: the frames do not depend on where the bytes were cut. The first byte says where.
#![no_main]

use bytes::Bytes;
use wire::sse::{Frame, NdjsonReader, SseReader};

libfuzzer_sys::fuzz_target!(|body: &[u8]| {
    let Some((first, rest)) = body.split_first() else { return };
    let size = usize::from(*first) % 17 + 1;
    assert_eq!(frames(rest, size), frames(rest, rest.len().max(1)));
    assert_eq!(lines(rest, size), lines(rest, rest.len().max(1)));
});

fn frames(bytes: &[u8], size: usize) -> (Vec<Frame>, bool, Option<Frame>) {
    let mut reader = SseReader::new();
    let mut out = Vec::new();
    for chunk in bytes.chunks(size) {
        reader.push(&Bytes::copy_from_slice(chunk));
        out.extend((&mut reader).flatten());
    }
    (out, reader.finish(), reader.rest())
}

fn lines(bytes: &[u8], size: usize) -> (Vec<Bytes>, bool, Option<Bytes>) {
    let mut reader = NdjsonReader::new();
    let mut out = Vec::new();
    for chunk in bytes.chunks(size) {
        reader.push(&Bytes::copy_from_slice(chunk));
        out.extend((&mut reader).flatten());
    }
    (out, reader.finish(), reader.rest())
}
