//! Tests of the record layout.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;
use crate::sample::{lesson, old_record, record, second_record};
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
        for text in [&mut r.key, &mut r.model, &mut r.price_version, &mut r.error, &mut r.team] {
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
        if let [_, b, ..] = bytes.as_mut_slice() {
            *b = old::LAYOUT;
        }
        let _ = decode(&bytes);
        if let [a, b, ..] = bytes.as_mut_slice() {
            (*a, *b) = (LESSON, lesson::LAYOUT);
        }
        let _ = lesson::decode(&bytes);
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
    bytes[1] = LAYOUT + 1;
    assert!(matches!(decode(&bytes), Err(LedgerError::Version { .. })));
    bytes[0] = 9;
    assert!(matches!(decode(&bytes), Err(LedgerError::Version { .. })));
}

fn stored(hex: &str) -> Vec<u8> {
    let byte = |i: usize| u8::from_str_radix(&hex[i..i + 2], 16).unwrap();
    (0..hex.len()).step_by(2).map(byte).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// The same for layout 3 and lessons: a record with everything of layout 2 and a doubt, and a lesson with a comparison.
#[test]
fn the_stored_examples_of_layout_3_and_of_a_lesson_read() {
    let full =
        |r: &Record| r.doubt_permille.is_some() && r.outcome == Outcome::Doubted && r.baselines.cheapest.is_some();
    let r = (0..).map(record).find(full).unwrap();
    let text = include_str!("../../tests/fixtures/record_v3.hex").trim();
    assert_eq!(hex(&encode(&r)), text, "the layout has changed: give it a new number");
    assert_eq!(decode(&stored(text)).unwrap(), r);
    let l = (0..).map(lesson).find(|l| l.compared.is_some()).unwrap();
    let text = include_str!("../../tests/fixtures/lesson_v1.hex").trim();
    assert_eq!(hex(&lesson::encode(&l)), text, "the layout has changed: give it a new number");
    assert_eq!(lesson::decode(&stored(text)).unwrap(), l);
}

proptest! {
    #[test]
    fn a_lesson_comes_back_whole_and_never_cut(n: u64, cut: prop::sample::Index) {
        let bytes = lesson::encode(&lesson(n));
        prop_assert_eq!(lesson::decode(&bytes).unwrap(), lesson(n));
        prop_assert!(lesson::decode(&bytes[..cut.index(bytes.len())]).is_err());
        prop_assert!(decode(&bytes).is_err());
    }

    #[test]
    fn a_clipped_lesson_fits(n: u64, long in "\\PC{0,900}") {
        let mut l = lesson(n);
        let long: Arc<str> = Arc::from(long.as_str());
        (l.request_id, l.place, l.model) = (long.clone(), PlaceId(long.clone()), long.clone());
        if let Some(c) = &mut l.compared {
            c.asked = long.clone();
            (c.place, c.model) = (PlaceId(long.clone()), long.clone());
        }
        clip_lesson(&mut l);
        let bytes = lesson::encode(&l);
        prop_assert!(bytes.len() <= lesson::MAX_BYTES, "{} bytes", bytes.len());
        prop_assert_eq!(lesson::decode(&bytes).unwrap(), l);
    }
}

#[test]
fn the_longest_lesson_has_the_length_that_is_said() {
    let mut l = (0..).map(lesson).find(|l| l.compared.is_some()).unwrap();
    let long: Arc<str> = Arc::from("x".repeat(1000));
    (l.request_id, l.place, l.model) = (long.clone(), PlaceId(long.clone()), long.clone());
    l.compared.as_mut().unwrap().asked = long.clone();
    l.compared.as_mut().unwrap().place = PlaceId(long.clone());
    l.compared.as_mut().unwrap().model = long;
    clip_lesson(&mut l);
    assert_eq!(lesson::encode(&l).len(), lesson::MAX_BYTES);
}

/// Layout 1 is a file format: these bytes were written once, by the program of that time, and must stay readable, and their
/// checksum must come out the same.
#[test]
fn the_stored_example_of_layout_1_reads() {
    let full = |r: &Record| r.key.is_some() && r.ttft_us.is_some() && r.cost.is_some() && r.error.is_some();
    let r = (0..).map(old_record).find(full).unwrap();
    let text = include_str!("../../tests/fixtures/record_v1.hex").trim();
    assert_eq!(decode(&stored(text)).unwrap(), r);
    assert_eq!(hex(&old::encode(&r)), text);
}

/// The same for layout 2: everything is there but the kind of a machine that is not our own.
#[test]
fn the_stored_example_of_layout_2_reads() {
    let full = |r: &Record| {
        let (u, b) = (&r.usage, &r.baselines);
        let money = [r.cost, r.full, r.reserved, b.strongest, b.cheapest].iter().all(Option::is_some);
        let quality = [r.quality_permille, b.strongest_quality_permille, b.cheapest_quality_permille];
        let texts = [&r.key, &r.model, &r.team, &r.price_version, &r.error].into_iter().all(Option::is_some);
        let tokens = u.cache_write_long > 0 && u.audio_input > 0 && u.audio_output > 0;
        money && quality.iter().all(Option::is_some) && texts && tokens && r.ttft_us.is_some() && r.kind.is_some()
    };
    let r = (0..).map(second_record).find(full).unwrap();
    let text = include_str!("../../tests/fixtures/record_v2.hex").trim();
    assert_eq!(decode(&stored(text)).unwrap(), r);
    assert_eq!(hex(&old::encode_second(&r)), text);
    // Doubt has no place in that layout.
    let mut newer = encode(&Record { doubt_permille: Some(1), ..r });
    newer[1] = old::SECOND;
    assert!(decode(&newer).is_err());
}

proptest! {
    /// What a journal of layout 1 holds is read as it was, with what was not kept then left out.
    #[test]
    fn layout_1_reads_whatever_it_held(n: u64) {
        prop_assert_eq!(decode(&old::encode(&old_record(n))).unwrap(), old_record(n));
        let newer = old::encode(&Record { outcome: old_record(n).outcome, ..record(n) });
        prop_assert_eq!(newer, old::encode(&old_record(n)), "what is new changes no old checksum");
    }

    #[test]
    fn a_cut_record_of_layout_1_is_refused(n: u64, cut: prop::sample::Index) {
        let bytes = old::encode(&old_record(n));
        prop_assert!(decode(&bytes[..cut.index(bytes.len())]).is_err());
    }

    /// At the bounds of every number and text.
    #[test]
    fn the_longest_record_fits(n: u64) {
        let mut r = record(n);
        let most = Some(Nanousd(i64::MAX));
        let long: Arc<str> = Arc::from("x".repeat(1000));
        for text in [&mut r.request_id, &mut r.endpoint, &mut r.asked, &mut r.decision] {
            *text = long.clone();
        }
        for text in [&mut r.key, &mut r.model, &mut r.price_version, &mut r.error, &mut r.team] {
            *text = Some(long.clone());
        }
        r.place = Some(PlaceId(long));
        (r.full, r.reserved, r.kind, r.quality_permille) = (most, most, Some(decide::Kind::Burst), Some(1000));
        r.usage.audio_input = 1;
        r.doubt_permille = Some(-1000);
        r.baselines = Baselines {
            strongest: most,
            strongest_quality_permille: Some(1),
            cheapest: most,
            cheapest_quality_permille: Some(2),
        };
        prop_assert_eq!(encode_estimate(&r).len(), MAX_ESTIMATE);
        clip(&mut r);
        prop_assert_eq!(encode(&r).len(), MAX_BYTES);
    }
}
