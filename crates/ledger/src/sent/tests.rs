//! Tests of the cells: what a crash or a damaged disk may leave in them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;
use crate::layout::{MAX_ESTIMATE, decode_estimate, encode_estimate};
use crate::mapped::CONTENT_AT;
use crate::sample::record;
use decide::{Outcome, PlaceId, Record};
use proptest::prelude::*;
use std::sync::Arc;

fn sealed(n: u64) -> Sealed {
    Sealed::new(encode_estimate(&record(n)))
}

fn path(dir: &tempfile::TempDir) -> std::path::PathBuf {
    dir.path().join("sent")
}

/// The numbers found in the bytes of a file, and the damaged cells.
fn found(file: &[u8]) -> (Vec<u64>, u64) {
    let left = look(file).unwrap().unwrap();
    let numbers = left.payloads.iter().map(|p| {
        let read = decode_estimate(p).expect("a whole frame holds a whole estimate");
        let n = read.attempt_id as u64;
        let usage = decide::Usage { estimated: true, ..record(n).usage };
        assert_eq!(read, Record { outcome: Outcome::Unknown, usage, ..record(n) });
        n
    });
    (numbers.collect(), left.damaged)
}

#[test]
fn what_was_sent_and_has_no_end_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let mut sent = Sent::create(&path(&dir), bytes_for(60)).unwrap();
    let cells: Vec<u32> = (0..9).map(|_| sent.take().unwrap()).collect();
    cells.iter().zip(0..).for_each(|(cell, n)| sent.write(*cell, &sealed(n)));
    sent.end(cells[2]);
    sent.end(cells[5]);
    let again = sent.take().unwrap();
    assert_eq!(again, cells[5], "last in, first out");
    sent.write(again, &sealed(77));
    drop(sent);
    let file = std::fs::read(path(&dir)).unwrap();
    assert_eq!(found(&file), (vec![0, 1, 3, 4, 77, 6, 7, 8], 0));
    let Opened::Whole(mut sent) = Sent::open(&path(&dir)).unwrap() else { panic!("not whole") };
    sent.restart();
    drop(sent);
    assert_eq!(found(&std::fs::read(path(&dir)).unwrap()), (vec![], 0));
}

#[test]
fn cells_are_bounded() {
    let dir = tempfile::tempdir().unwrap();
    let mut sent = Sent::create(&path(&dir), bytes_for(0)).unwrap();
    assert_eq!(std::iter::from_fn(|| sent.take()).count(), 60, "the smallest file");
    sent.give_back(3);
    assert_eq!((sent.take(), sent.take()), (Some(3), None));
    assert_eq!(bytes_for(usize::MAX), 1 << 30);
}

/// The process dies while a cell is written or ended, after any number of bytes: the others are found, and nothing is damaged.
#[test]
fn a_torn_cell_hurts_nobody_at_any_byte() {
    let dir = tempfile::tempdir().unwrap();
    let mut sent = Sent::create(&path(&dir), bytes_for(60)).unwrap();
    let (first, second) = (sent.take().unwrap(), sent.take().unwrap());
    sent.write(first, &sealed(1));
    sent.write(second, &sealed(2));
    sent.end(second);
    let before = std::fs::read(path(&dir)).unwrap();
    assert_eq!(sent.take(), Some(second));
    sent.write(second, &sealed(3));
    let after = std::fs::read(path(&dir)).unwrap();
    let start = CONTENT_AT + second as usize * CELL;
    // The payload is written first, then the sequence, and the word that makes it whole last.
    let order: Vec<usize> = (16..CELL).chain(8..16).chain(0..8).map(|at| start + at).collect();
    let mut torn = before.clone();
    for at in &order {
        torn[*at] = after[*at];
        let (numbers, damaged) = found(&torn);
        assert!(
            numbers == [1] && (damaged == 0 || *at < start + 8) || numbers == [1, 3],
            "{numbers:?} {damaged} at {at}"
        );
    }
    assert_eq!(found(&torn), (vec![1, 3], 0));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// One flipped bit costs at most the attempt it hits, and is counted.
    #[test]
    fn a_flipped_bit_is_counted(at: prop::sample::Index, bit in 0u8..8) {
        let dir = tempfile::tempdir().unwrap();
        let mut sent = Sent::create(&path(&dir), bytes_for(60)).unwrap();
        (0..20).for_each(|n| {
            let cell = sent.take().unwrap();
            sent.write(cell, &sealed(n));
        });
        let mut file = std::fs::read(path(&dir)).unwrap();
        file[CONTENT_AT + at.index(20 * CELL)] ^= 1 << bit;
        let (numbers, damaged) = found(&file);
        prop_assert_eq!(numbers.len() as u64 + damaged, 20);
        prop_assert!(damaged <= 1 && numbers.windows(2).all(|w| w[0] < w[1]));
    }

    /// Whatever texts a caller chooses, an estimate fits a cell and is read back.
    #[test]
    fn an_estimate_fits_its_cell(n: u64, long in "\\PC{0,600}") {
        let text: Arc<str> = Arc::from(long.as_str());
        let r = Record {
            request_id: text.clone(),
            endpoint: text.clone(),
            asked: text.clone(),
            decision: text.clone(),
            key: Some(text.clone()),
            place: Some(PlaceId(text.clone())),
            model: Some(text.clone()),
            price_version: Some(text.clone()),
            error: Some(text),
            ..record(n)
        };
        let bytes = encode_estimate(&r);
        prop_assert!(bytes.len() <= MAX_ESTIMATE && frame::size(bytes.len()) <= CELL, "{} bytes", bytes.len());
        let back = decode_estimate(&bytes).unwrap();
        prop_assert_eq!((back.attempt_id, back.cost, back.usage.input), (r.attempt_id, r.cost, r.usage.input));
    }
}
