//! Framing: the rules one by one, and that cutting the bytes elsewhere changes nothing.
#![allow(clippy::unwrap_used)]

use super::*;
use proptest::prelude::*;

type Frames = Vec<(Option<String>, Vec<u8>)>;

/// Frames as (name, data), for the bytes cut at `cuts`; whether an error came; whether bytes were left over.
fn read(bytes: &[u8], cuts: &[usize]) -> (Frames, bool, bool) {
    let mut reader = SseReader::new();
    let mut out = Vec::new();
    let mut failed = false;
    let mut start = 0;
    let mut cuts: Vec<usize> = cuts.iter().map(|c| c % (bytes.len() + 1)).collect();
    cuts.push(bytes.len());
    cuts.sort_unstable();
    for cut in cuts {
        reader.push(&Bytes::copy_from_slice(&bytes[start..cut]));
        start = cut;
        for frame in &mut reader {
            match frame {
                Ok(f) => out.push((f.name.as_deref().map(str::to_owned), f.data.to_vec())),
                Err(_) => failed = true,
            }
        }
    }
    (out, failed, reader.finish())
}

fn whole(bytes: &[u8]) -> Vec<(Option<String>, String)> {
    read(bytes, &[]).0.into_iter().map(|(n, d)| (n, String::from_utf8(d).unwrap())).collect()
}

fn frame(name: Option<&str>, data: &str) -> (Option<String>, String) {
    (name.map(str::to_owned), data.to_owned())
}

#[test]
fn names_data_comments_and_unknown_fields() {
    let text = b"\xEF\xBB\xBFdata: a\n\n: comment\nid: 7\nretry: 10\nfoo\nevent: ping\ndata:b\ndata:  c\n\n";
    assert_eq!(whole(text), [frame(None, "a"), frame(Some("ping"), "b\n c")]);
}

#[test]
fn every_line_end_works() {
    for end in ["\n", "\r", "\r\n"] {
        let text = "event: x\ndata: 1\n\ndata: 2\n\n".replace('\n', end);
        assert_eq!(whole(text.as_bytes()), [frame(Some("x"), "1"), frame(None, "2")], "{end:?}");
    }
}

#[test]
fn an_event_without_data_gives_no_frame_and_leaves_no_name() {
    assert_eq!(whole(b"event: x\n\ndata: 1\n\ndata:\n\ndata\n\n"), [frame(None, "1")]);
}

#[test]
fn an_unfinished_frame_is_left_over_and_can_be_taken() {
    let mut reader = SseReader::new();
    reader.push(&Bytes::from_static(b"data: 1\n\ndata: [DONE]"));
    assert_eq!(reader.by_ref().count(), 1);
    assert!(reader.finish());
    assert_eq!(reader.rest().map(|f| f.data), Some(Bytes::from_static(b"[DONE]")));
    assert!(!reader.finish());
    assert_eq!(reader.rest(), None);
}

#[test]
fn a_frame_in_one_chunk_is_not_copied() {
    let chunk = Bytes::from_static(b"data: {\"a\":1}\n\n");
    let mut reader = SseReader::new();
    reader.push(&chunk);
    let frame = reader.next().unwrap().unwrap();
    assert_eq!(frame.data.as_ptr(), chunk[6..].as_ptr());
}

#[test]
fn a_long_line_ends_the_stream() {
    let mut reader = SseReader::new();
    let piece = Bytes::from(vec![b'x'; 100_000]);
    let mut errors = 0;
    for _ in 0..30 {
        reader.push(&piece);
        errors += reader.by_ref().filter(Result::is_err).count();
    }
    reader.push(&Bytes::from_static(b"\n\ndata: 1\n\n"));
    assert_eq!((errors, reader.by_ref().count()), (1, 0));
}

#[test]
fn many_data_lines_are_bounded_together() {
    let line = format!("data: {}\n", "x".repeat(1000));
    let (frames, failed, _) = read(line.repeat(1100).as_bytes(), &[]);
    assert!(failed && frames.is_empty());
    let (frames, failed, _) = read(format!("{}\n", line.repeat(1000)).as_bytes(), &[]);
    assert!(!failed && frames.len() == 1);
}

#[test]
fn chunks_pushed_without_draining_are_not_lost() {
    let mut reader = SseReader::new();
    reader.push(&Bytes::from_static(b"data: 1\n\nda"));
    reader.push(&Bytes::from_static(b"ta: 2\n\n"));
    assert_eq!(reader.count(), 2);
}

#[test]
fn ndjson_lines() {
    let mut reader = NdjsonReader::new();
    reader.push(&Bytes::from_static(b"{\"a\":1}\r\n\n{\"b\""));
    let lines: Vec<_> = reader.by_ref().map(Result::unwrap).collect();
    assert_eq!(lines, [&b"{\"a\":1}"[..]]);
    reader.push(&Bytes::from_static(b":2}"));
    assert_eq!(reader.next(), None);
    assert!(reader.finish());
    assert_eq!(reader.rest().unwrap(), &b"{\"b\":2}"[..]);
}

#[test]
fn ndjson_lines_are_bounded() {
    let mut reader = NdjsonReader::new();
    reader.push(&Bytes::from(vec![b' '; MAX_LINE + 1]));
    assert!(reader.next().unwrap().is_err());
    assert!(reader.next().is_none());
}

proptest! {
    #[test]
    fn cuts_change_nothing(
        text in "(data: ?[a-c]{0,3}|event: [xy]|:c|data|\\xEF\\xBB\\xBF|\n|\r|\r\n|\n\n){0,30}",
        cuts in proptest::collection::vec(any::<usize>(), 0..12),
    ) {
        prop_assert_eq!(read(text.as_bytes(), &cuts), read(text.as_bytes(), &[]));
    }

    #[test]
    fn any_bytes_are_taken(bytes in proptest::collection::vec(any::<u8>(), 0..300), cuts in proptest::collection::vec(any::<usize>(), 0..5)) {
        prop_assert_eq!(read(&bytes, &cuts), read(&bytes, &[]));
    }
}
