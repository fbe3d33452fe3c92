//! Tests of the journal: what a crash or a damaged disk may leave, and what must be found in it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;
use crate::layout::{decode, encode};
use crate::mapped::{CRC_AT, FORMAT_AT, SALT_AT, set_aside};
use crate::sample::{mix, record};
use proptest::prelude::*;
use std::collections::VecDeque;
use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

const SMALL: usize = 64 << 10;

struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Place {
        Place(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("journal")
    }

    fn create(&self) -> Journal {
        Journal::create(&self.path(), SMALL).unwrap()
    }

    fn open(&self) -> Journal {
        match Journal::open(&self.path()).unwrap() {
            Opened::Whole(journal) => journal,
            Opened::Absent | Opened::Damaged => panic!("no whole journal"),
        }
    }

    fn bytes(&self) -> Vec<u8> {
        std::fs::read(self.path()).unwrap()
    }

    /// The numbers of the records that recovery finds, and how many it misses, when the file holds `bytes`.
    fn recover(&self, bytes: &[u8]) -> (Vec<u64>, u64) {
        std::fs::write(self.path(), bytes).unwrap();
        found(&self.open())
    }
}

fn found(journal: &Journal) -> (Vec<u64>, u64) {
    let left = journal.left(Mark::default());
    let numbers = left.payloads.iter().map(|p| {
        let found = decode(p).expect("a whole frame holds a whole record");
        let n = found.attempt_id as u64;
        assert_eq!(found, record(n));
        n
    });
    (numbers.collect(), left.missing)
}

fn sealed(n: u64) -> Sealed {
    Sealed::new(encode(&record(n)))
}

fn put(journal: &mut Journal, n: u64) -> Placed {
    journal.append(&sealed(n)).expect("room")
}

/// A journal whose ring has gone round: everywhere lie whole and half overwritten frames of former laps. Gives how many were put.
fn lapped(place: &Place) -> u64 {
    let mut journal = place.create();
    let mut live = VecDeque::new();
    for n in 0..700 {
        live.push_back(put(&mut journal, n));
        if live.len() > 100 {
            journal.release(1, live.pop_front().unwrap());
        }
    }
    journal.release(live.len(), *live.back().unwrap());
    700
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// Whatever was put and freed, after a crash exactly the unfreed records are found, in order; and again after the next one.
    #[test]
    fn what_is_not_freed_is_found(seed: u64, steps in proptest::collection::vec((any::<bool>(), 1usize..30), 1..60)) {
        let place = Place::new();
        let mut journal = place.create();
        let (mut live, mut bytes, mut n) = (VecDeque::new(), 0, seed);
        for (add, count) in steps {
            if add {
                for _ in 0..count {
                    if bytes + frame::MAX <= journal.usable() {
                        let placed = put(&mut journal, n);
                        bytes += placed.bytes;
                        live.push_back((n, placed));
                        n = n.wrapping_add(1);
                    }
                }
            } else if !live.is_empty() {
                let gone: Vec<_> = live.drain(..count.min(live.len())).collect();
                bytes -= gone.iter().map(|(_, p): &(u64, Placed)| p.bytes).sum::<usize>();
                journal.release(gone.len(), gone.last().unwrap().1);
            }
        }
        drop(journal);
        let expected: Vec<u64> = live.iter().map(|(n, _)| *n).collect();
        let mut journal = place.open();
        prop_assert_eq!(found(&journal), (expected.clone(), 0));
        prop_assert_eq!(found(&place.open()), (expected, 0), "looking changes nothing");
        let next = journal.left(Mark::default()).next_seq();
        journal.restart(next);
        prop_assert_eq!(found(&journal), (vec![], 0));
        put(&mut journal, 5);
        prop_assert_eq!(found(&place.open()), (vec![5], 0));
    }

    /// One flipped bit in the ring costs at most the record it hits; no other is lost, doubled or changed.
    #[test]
    fn a_flipped_bit_costs_at_most_its_record(hits in proptest::collection::vec((any::<prop::sample::Index>(), 0u8..8), 30)) {
        let place = Place::new();
        let before = lapped(&place);
        let mut journal = place.open();
        journal.restart(before + 1);
        let end = (0..20).map(|n| put(&mut journal, n).end).max().unwrap();
        drop(journal);
        let whole = place.bytes();
        for (at, bit) in hits {
            let at = FRAMES_AT + at.index(end);
            let mut bytes = whole.clone();
            bytes[at] ^= 1 << bit;
            let (numbers, missing) = place.recover(&bytes);
            prop_assert!(numbers.len() >= 19 && numbers.windows(2).all(|w| w[0] < w[1]), "{numbers:?}");
            let lost = (0..20).find(|n| !numbers.contains(n));
            // The last one cannot be told from a torn one, which nobody was promised.
            prop_assert_eq!(missing, u64::from(lost.is_some_and(|n| n < 19)), "{:?}", lost);
        }
    }
}

/// The process dies while the last frame is copied, after any number of bytes and from either side, over fresh and over used ground:
/// the records before it are found, and the last one only when it is whole.
#[test]
fn a_torn_tail_hurts_nobody_at_any_byte() {
    for used in [false, true] {
        let place = Place::new();
        let seq = if used { lapped(&place) } else { 0 };
        if !used {
            place.create();
        }
        let mut journal = place.open();
        journal.restart(seq + 1);
        (0..5).for_each(|n| {
            put(&mut journal, n);
        });
        let before = place.bytes();
        let last = put(&mut journal, 5);
        drop(journal);
        let after = place.bytes();
        let (start, end) = (FRAMES_AT + last.end - last.bytes, FRAMES_AT + last.end);
        for cut in start..=end {
            for (first, second) in [(&after, &before), (&before, &after)] {
                let torn = [&first[..cut], &second[cut..]].concat();
                let (numbers, missing) = place.recover(&torn);
                let whole = torn[start..start + frame::HEAD + encode(&record(5)).len()]
                    == after[start..start + frame::HEAD + encode(&record(5)).len()];
                let expected = if whole { 6 } else { 5 };
                assert_eq!((numbers, missing), ((0..expected).collect(), 0), "cut at {} of {start}..{end}", cut);
            }
        }
    }
}

/// The process dies while a mark is written, at any byte: nothing that is live is lost.
#[test]
fn a_torn_mark_loses_nothing() {
    let place = Place::new();
    let mut journal = place.create();
    let placed: Vec<Placed> = (0..9).map(|n| put(&mut journal, n)).collect();
    journal.release(3, placed[2]);
    let before = place.bytes();
    journal.release(3, placed[5]);
    drop(journal);
    let after = place.bytes();
    for at in MARKS_AT {
        for cut in at..at + 16 {
            let torn = [&after[..cut], &before[cut..]].concat();
            let (numbers, missing) = place.recover(&torn);
            assert!((6..9).all(|n| numbers.contains(&n)), "{numbers:?}");
            assert_eq!(missing, 0);
        }
    }
}

#[test]
fn a_flipped_bit_in_a_mark_loses_nothing() {
    let place = Place::new();
    let mut journal = place.create();
    let placed: Vec<Placed> = (0..9).map(|n| put(&mut journal, n)).collect();
    journal.release(3, placed[2]);
    journal.release(3, placed[5]);
    drop(journal);
    let whole = place.bytes();
    for bit in MARKS_AT.into_iter().flat_map(|at| at * 8..(at + 16) * 8) {
        let mut bytes = whole.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let (numbers, missing) = place.recover(&bytes);
        assert!((6..9).all(|n| numbers.contains(&n)) && missing == 0, "{numbers:?}");
    }
}

#[test]
fn a_damaged_header_is_seen_and_set_aside() {
    let place = Place::new();
    put(&mut place.create(), 1);
    let whole = place.bytes();
    for bit in 0..CRC_AT * 8 + 64 {
        let mut bytes = whole.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        std::fs::write(place.path(), &bytes).unwrap();
        assert!(matches!(Journal::open(&place.path()), Ok(Opened::Damaged)), "bit {bit}");
    }
    std::fs::write(place.path(), []).unwrap();
    assert!(matches!(Journal::open(&place.path()), Ok(Opened::Damaged)));
    let aside = set_aside(&place.path()).unwrap();
    assert!(aside.exists() && matches!(Journal::open(&place.path()), Ok(Opened::Absent)));
}

#[test]
fn a_newer_format_is_refused_not_thrown_away() {
    let place = Place::new();
    place.create();
    let mut bytes = place.bytes();
    bytes[FORMAT_AT] = 2;
    let crc = u64::from(crc32fast::hash(&bytes[..CRC_AT]));
    bytes::set_number(&mut bytes, CRC_AT, crc);
    std::fs::write(place.path(), &bytes).unwrap();
    assert!(matches!(Journal::open(&place.path()), Err(LedgerError::Version { found: 2, .. })));
}

#[test]
fn a_shortened_file_still_gives_what_it_has() {
    let place = Place::new();
    let mut journal = Journal::create(&place.path(), 4 * SMALL).unwrap();
    (0..5).for_each(|n| {
        put(&mut journal, n);
    });
    drop(journal);
    File::options().write(true).open(place.path()).unwrap().set_len(2 * SMALL as u64).unwrap();
    let journal = place.open();
    assert_eq!((found(&journal).0, journal.bytes()), ((0..5).collect(), 0));
}

#[test]
fn every_byte_of_the_file_has_a_block() {
    let place = Place::new();
    place.create();
    let meta = std::fs::metadata(place.path()).unwrap();
    assert_eq!(meta.len(), SMALL as u64);
    assert!(meta.blocks() * 512 >= meta.len(), "{} blocks", meta.blocks());
}

/// A caller can make a model name of any bytes, but knows no salt.
#[test]
fn a_frame_of_another_salt_is_nothing() {
    let place = Place::new();
    place.create();
    let mut bytes = place.bytes();
    let salt = bytes::number(&bytes, SALT_AT).unwrap();
    for guess in (0..2000).map(|n| salt ^ (mix(n) >> 16)) {
        sealed(3).write(&mut bytes[FRAMES_AT..], guess, 1);
        assert_eq!(frame::read(&bytes[FRAMES_AT..], salt), None);
    }
    sealed(3).write(&mut bytes[FRAMES_AT..], salt, 1);
    assert_eq!(place.recover(&bytes), (vec![3], 0));
}
