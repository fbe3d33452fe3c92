//! What was done to a trail is found, and named: the record, the file, the line, and what is wrong.
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "sample/world.rs"]
mod sample;

use audit::{Check, Head, Options, Query, Trail, Verified, heads_in, last_head, report, verify};
use decide::{DataClass, Taken, Zone};
use proptest::prelude::*;
use sample::World;
use std::path::{Path, PathBuf};

/// A closed trail with `n` decisions in segments of `segment_bytes`, each answered on own ground.
fn trail(dir: &Path, n: u64, segment_bytes: u64) {
    let trail = Trail::open(dir, Options { segment_bytes, ..Options::default() }, "test 1").unwrap();
    let (world, witness) = (World::new(), trail.witness());
    for n in 0..n {
        let decision = world.decision(n, DataClass::Sensitive, &[&world.edge]);
        let ending = world.ending(&decision, &world.edge);
        assert_eq!(witness.decided(decision, None), Taken::Recorded);
        witness.ended(ending);
        while segment_bytes < 10_000 && trail.watch().state().pending > 0 {
            std::thread::yield_now();
        }
    }
    trail.close().unwrap();
}

fn check(dir: &Path) -> Verified {
    verify(dir, &Check::default(), &mut |_, _| {}).unwrap()
}

fn check_with(dir: &Path, heads: &[Head]) -> Verified {
    verify(dir, &Check { heads: heads.to_vec(), key: None }, &mut |_, _| {}).unwrap()
}

fn segment(dir: &Path) -> PathBuf {
    dir.join(format!("{:020}.ndjson", 1))
}

/// Changes the lines of the only segment.
fn edit(dir: &Path, change: impl FnOnce(&mut Vec<String>)) {
    let path = segment(dir);
    let mut lines: Vec<String> = std::fs::read_to_string(&path).unwrap().lines().map(str::to_owned).collect();
    change(&mut lines);
    std::fs::write(path, lines.iter().map(|l| format!("{l}\n")).collect::<String>()).unwrap();
}

fn copy(from: &Path) -> tempfile::TempDir {
    let to = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, to.path().join(path.file_name().unwrap())).unwrap();
    }
    to
}

#[test]
fn each_kind_of_tampering_is_named_with_its_place() {
    let whole = tempfile::tempdir().unwrap();
    trail(whole.path(), 10, 1 << 20);
    assert!(check(whole.path()).is_whole());
    type Change = fn(&mut Vec<String>);
    let cases: [(&str, Change, u64, u64, &str); 6] = [
        ("a word", |l| l[9] = l[9].replacen("sensitive", "internal", 1), 10, 10, "changed after it was written"),
        ("deleted", |l| drop(l.remove(9)), 10, 10, "record 10 is missing before it"),
        ("three deleted", |l| drop(l.drain(9..12)), 10, 10, "records 10 to 12 are missing before it"),
        ("repeated", |l| l.insert(9, l[8].clone()), 10, 10, "repeated, inserted or moved"),
        ("swapped", |l| l.swap(9, 10), 10, 10, "record 10 is missing before it"),
        ("foreign", |l| l.insert(9, "{}".to_owned()), 10, 10, "not a record of an audit trail"),
    ];
    for (name, change, seq, line, why) in cases {
        let dir = copy(whole.path());
        edit(dir.path(), change);
        let found = check(dir.path());
        let bad = &found.bad[0];
        assert_eq!((bad.seq, bad.line, bad.file.as_str()), (Some(seq), line, "00000000000000000001.ndjson"), "{name}");
        assert!(bad.why.contains(why), "{name}: {}", bad.why);
        assert_eq!(found.last_seq, 9, "{name}: what is before is good");
    }
}

#[test]
fn a_record_that_was_sealed_anew_breaks_the_link_behind_it() {
    let dir = tempfile::tempdir().unwrap();
    trail(dir.path(), 4, 1 << 20);
    edit(dir.path(), |l| {
        let (hashed, _) = l[5].rsplit_once(",\"hash\":\"").unwrap();
        let hashed = hashed.replacen("sensitive", "internal", 1);
        l[5] = format!("{hashed},\"hash\":\"{}\"}}", sha256(&hashed));
    });
    let found = check(dir.path());
    assert_eq!((found.bad[0].seq, found.last_seq), (Some(7), 6), "{found:?}");
    assert!(found.bad[0].why.contains("does not follow from the record before it"), "{found:?}");
}

fn sha256(text: &str) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
    digest.as_ref().iter().map(|b| format!("{b:02x}")).collect()
}

/// Writes the whole chain anew from a line on, as someone could who has everything but the signing key.
fn rewrite(dir: &Path, from: usize, change: impl Fn(&str) -> String) {
    edit(dir, |l| {
        let mut prev = l[from - 1][l[from - 1].len() - 66..][..64].to_owned();
        for line in &mut l[from..] {
            let (hashed, _) = line.rsplit_once(",\"hash\":\"").unwrap();
            let hashed = format!("{{\"prev\":\"{prev}{}", change(&hashed[9 + 64..]));
            prev = sha256(&hashed);
            *line = format!("{hashed},\"hash\":\"{prev}\"}}");
        }
    });
}

#[test]
fn a_chain_that_was_written_anew_is_not_what_the_heads_signed() {
    let dir = tempfile::tempdir().unwrap();
    trail(dir.path(), 4, 1 << 20);
    let kept = last_head(dir.path()).unwrap();
    rewrite(dir.path(), 5, |rest| rest.replace("sensitive", "internal"));
    let found = check(dir.path());
    assert!(found.bad[0].why.contains("a signed head of the folder has another record"), "{found:?}");
    // Without the heads of the folder only the one that was kept elsewhere knows.
    std::fs::remove_file(dir.path().join("heads.ndjson")).unwrap();
    let found = check_with(dir.path(), &[kept]);
    assert!(found.bad[0].why.contains("kept elsewhere has another record"), "{found:?}");
    let found = check(dir.path());
    assert!(found.bad[0].why.contains("there is no signed head"), "{found:?}");
}

#[test]
fn a_tail_cut_off_with_its_heads_is_found_by_an_exported_head_only() {
    let dir = tempfile::tempdir().unwrap();
    trail(dir.path(), 2, 1 << 20);
    let before = copy(dir.path());
    trail(dir.path(), 2, 1 << 20);
    let kept = last_head(dir.path()).unwrap();
    assert_eq!(check_with(dir.path(), std::slice::from_ref(&kept)).agreed, 1);
    // The folder as it was some time ago is whole by itself …
    assert!(check(before.path()).is_whole());
    // … and the head says that there was more.
    let found = check_with(before.path(), std::slice::from_ref(&kept));
    let why = &found.bad[0].why;
    assert!(why.contains("kept elsewhere has signed record") && why.contains("its tail was cut off"), "{why}");
    // Cut off without its heads: the folder itself knows.
    edit(dir.path(), |l| l.truncate(7));
    let found = check(dir.path());
    assert_eq!(found.bad[0].seq, Some(8), "{found:?}");
    assert!(found.bad[0].why.contains("its tail was cut off"), "{found:?}");
}

#[test]
fn a_fork_and_another_key_are_found_by_an_exported_head_or_key() {
    let dir = tempfile::tempdir().unwrap();
    trail(dir.path(), 1, 1 << 20);
    let fork = copy(dir.path());
    trail(dir.path(), 2, 1 << 20);
    trail(fork.path(), 3, 1 << 20);
    let kept = last_head(dir.path()).unwrap();
    assert!(check(fork.path()).is_whole());
    let found = check_with(fork.path(), std::slice::from_ref(&kept));
    assert!(found.bad[0].why.contains("the chain was written anew, or forked before it"), "{found:?}");

    // A whole new trail with a new key: consistent in itself.
    let other = tempfile::tempdir().unwrap();
    trail(other.path(), 4, 1 << 20);
    assert!(check(other.path()).is_whole());
    let pinned = Check { heads: Vec::new(), key: Some(kept.key) };
    let found = verify(other.path(), &pinned, &mut |_, _| {}).unwrap();
    assert_eq!(
        (found.bad[0].seq, found.bad[0].why.contains("not the one that was given")),
        (Some(1), true),
        "{found:?}"
    );
    // Heads signed with another key over the true chain.
    let key = std::fs::read(other.path().join("key")).unwrap();
    std::fs::write(dir.path().join("key"), key).unwrap();
    let found = check(dir.path());
    assert_eq!((found.bad.len(), found.bad[0].file.as_str()), (1, "key"), "{found:?}");
    // A server that starts with another key says so in the chain.
    trail(dir.path(), 1, 1 << 20);
    let found = check(dir.path());
    assert!(found.is_whole() && found.keys.len() == 2, "{found:?}");
}

#[test]
fn a_file_of_heads_is_read_with_bounds() {
    let dir = tempfile::tempdir().unwrap();
    trail(dir.path(), 1, 1 << 20);
    let all = heads_in(&dir.path().join("heads.ndjson")).unwrap();
    assert_eq!(all.len(), 2);
    let file = dir.path().join("mine");
    for (text, why) in [("", "it is empty"), ("{}", "line 1: it is not a signed head")] {
        std::fs::write(&file, text).unwrap();
        let error = heads_in(&file).unwrap_err().to_string();
        assert!(error.contains(why) && error.contains("dewpoint audit head"), "{error}");
    }
}

/// The script of twenty lines that an auditor can read agrees: on a whole trail, and on each broken one.
#[test]
fn the_script_for_auditors_agrees() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/audit-verify.py");
    let run = |dir: &Path| std::process::Command::new("python3").arg(&script).arg(dir).output().unwrap();
    let whole = tempfile::tempdir().unwrap();
    trail(whole.path(), 20, 4_000);
    let out = run(whole.path());
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    assert!(check(whole.path()).segments > 2);
    // Its oldest segment may go.
    let pruned = copy(whole.path());
    std::fs::remove_file(segment(pruned.path())).unwrap();
    assert!(run(pruned.path()).status.success() && check(pruned.path()).is_whole());
    type Change = fn(&mut Vec<String>);
    let changes: [Change; 4] =
        [|l| l[2] = l[2].replacen("edge", "odge", 1), |l| drop(l.remove(1)), |l| l.swap(1, 2), |l| drop(l.pop())];
    for change in changes {
        let dir = copy(whole.path());
        edit(dir.path(), change);
        assert!(!check(dir.path()).is_whole());
        assert!(!run(dir.path()).status.success());
    }
}

#[test]
fn the_report_answers_in_one_sentence() {
    let dir = tempfile::tempdir().unwrap();
    let trail = Trail::open(dir.path(), Options::default(), "test 1").unwrap();
    let (world, witness) = (World::new(), trail.witness());
    let ask = |n: u64, class, places: &[_], to: Option<&_>, redacted: Option<DataClass>| {
        let decision = world.decision(n, class, places);
        let mut ending = to.map(|place| world.ending(&decision, place));
        assert_eq!(witness.decided(decision, None), Taken::Recorded);
        if let Some(ending) = &mut ending {
            ending.sent[0].redacted_above = redacted;
            witness.ended(ending.clone());
        }
    };
    let (edge, cloud) = (&world.edge, &world.openai);
    (0..5).for_each(|n| ask(n, DataClass::Sensitive, &[edge], Some(edge), None));
    (5..7).for_each(|n| ask(n, DataClass::Sensitive, &[], None, None));
    (7..10).for_each(|n| ask(n, DataClass::Personal, &[edge, cloud], Some(cloud), Some(DataClass::Internal)));
    ask(10, DataClass::Internal, &[cloud], Some(cloud), None);
    ask(11, DataClass::Internal, &[cloud], None, None);
    trail.close().unwrap();
    let asked = |query: Query| report(dir.path(), query, &Check::default(), &mut |_, _| {}).unwrap();
    let us = || Some("us".to_owned());
    let health = asked(Query {
        classes: vec![DataClass::Sensitive],
        tag: Some("hipaa".into()),
        legal_seat: us(),
        ..Query::default()
    });
    assert_eq!(
        health.verdict,
        "0 of 7 decisions of class sensitive with the tag hipaa went to a place with legal seat us or unknown."
    );
    assert_eq!((&health.reservations, health.denied["policy_denied"], health.denied_by_rule["class"]), (&vec![], 2, 2));
    let page = health.page();
    assert!(page.lines().count() < 50 && page.contains("What this cannot prove"), "{page}");
    let personal =
        asked(Query { classes: vec![DataClass::Personal], zone: Some(Zone::VendorCloud), ..Query::default() });
    assert!(personal.verdict.starts_with("3 of 3 decisions of class personal went"), "{}", personal.verdict);
    assert_eq!((personal.went_redacted, personal.groups[0].redacted), (3, 3));
    let all = asked(Query::default());
    assert_eq!((all.decisions, all.went, all.open, all.open_possible), (12, 4, 1, 1));
    assert!(all.reservations[0].contains("1 decision has no recorded end"), "{:?}", all.reservations);
    assert_eq!(asked(Query { tag: Some("pci".into()), ..Query::default() }).decisions, 0);
    // Half the time: arrival counts, 1,788,000,000,000 ms and the number.
    let first = 1_788_000_000_000;
    let part = asked(Query { from_unix_ms: Some(first + 5), to_unix_ms: Some(first + 10), ..Query::default() });
    assert_eq!((part.decisions, part.went, part.open), (5, 3, 0));
    // A broken chain is said before anything else.
    edit(dir.path(), |l| l[6] = l[6].replacen("req-", "rex-", 1));
    let broken = asked(Query::default());
    assert!(broken.reservations[0].contains("the chain is not whole") && broken.page().contains("NOT WHOLE"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// Any single byte of any file, changed in any way, is found. (The file `lock` holds no evidence.)
    #[test]
    fn any_changed_byte_of_any_file_is_found(file in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(), flip in 1_u8..) {
        static WHOLE: std::sync::LazyLock<tempfile::TempDir> = std::sync::LazyLock::new(|| {
            let dir = tempfile::tempdir().unwrap();
            trail(dir.path(), 6, 3_000);
            dir
        });
        let dir = copy(WHOLE.path());
        let mut files: Vec<PathBuf> = std::fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().path()).collect();
        files.retain(|f| f.file_name().unwrap() != "lock");
        files.sort();
        prop_assert!(files.len() >= 5);
        let path = file.get(&files);
        let mut bytes = std::fs::read(path).unwrap();
        let at = at.index(bytes.len());
        let was = bytes[at];
        bytes[at] ^= flip;
        std::fs::write(path, &bytes).unwrap();
        // White space around a key is not the key.
        let blank = (was == b'\n' && bytes[at].is_ascii_whitespace()) && path.extension().is_none();
        let found = check(dir.path());
        prop_assert!(blank || !found.is_whole(), "{} byte {at}: {was} became {}", path.display(), bytes[at]);
    }
}
