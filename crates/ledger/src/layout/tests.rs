//! Tests of the record layout.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;
use crate::sample::record;
use proptest::prelude::*;

proptest! {
    #[test]
    fn what_goes_in_comes_out(n: u64) {
        let r = record(n);
        prop_assert_eq!(decode(&encode(&r)).unwrap(), r);
    }

    #[test]
    fn a_clipped_record_fits_and_survives(n: u64, long in "\\PC{0,900}") {
        let mut r = record(n);
        for text in [&mut r.request_id, &mut r.endpoint, &mut r.asked, &mut r.decision] {
            *text = Arc::from(long.as_str());
        }
        for text in [&mut r.key, &mut r.model, &mut r.price_version, &mut r.error] {
            *text = Some(Arc::from(long.as_str()));
        }
        r.place = Some(PlaceId::new(&long));
        clip(&mut r);
        let bytes = encode(&r);
        prop_assert!(bytes.len() <= MAX_BYTES, "{} bytes", bytes.len());
        prop_assert_eq!(decode(&bytes).unwrap(), r);
    }

    #[test]
    fn arbitrary_bytes_never_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = decode(&bytes);
        if let [a, b, ..] = bytes.as_mut_slice() {
            (*a, *b) = (SETTLED, LAYOUT);
        }
        let _ = decode(&bytes);
    }

    #[test]
    fn a_cut_record_is_refused(n: u64, cut: prop::sample::Index) {
        let bytes = encode(&record(n));
        prop_assert!(decode(&bytes[..cut.index(bytes.len())]).is_err());
    }
}

#[test]
fn short_texts_stay_as_they_are_and_long_ones_say_that_they_were_cut() {
    let mut r = record(1);
    let before = r.clone();
    clip(&mut r);
    assert_eq!(r, before);
    r.asked = Arc::from("é".repeat(300));
    clip(&mut r);
    assert!(r.asked.len() <= 256 && r.asked.ends_with("é…"), "{}", r.asked);
}

#[test]
fn another_kind_or_layout_is_named_not_skipped() {
    let mut bytes = encode(&record(7));
    bytes[1] = 2;
    assert!(matches!(decode(&bytes), Err(LedgerError::Version { .. })));
    bytes[0] = 9;
    assert!(matches!(decode(&bytes), Err(LedgerError::Version { .. })));
}

/// Layout 1 is a file format: these bytes were written once and must stay readable.
#[test]
fn the_stored_example_of_layout_1_reads() {
    let full = |r: &Record| r.key.is_some() && r.ttft_us.is_some() && r.cost.is_some() && r.error.is_some();
    let r = (0..).map(record).find(full).unwrap();
    let hex: String = encode(&r).iter().map(|b| format!("{b:02x}")).collect();
    let stored = include_str!("../../tests/fixtures/record_v1.hex").trim();
    assert_eq!(hex, stored, "the layout has changed: give it a new number");
    let byte = |i: usize| u8::from_str_radix(&stored[i..i + 2], 16).unwrap();
    let bytes: Vec<u8> = (0..stored.len()).step_by(2).map(byte).collect();
    assert_eq!(decode(&bytes).unwrap(), r);
}
