//! What the fuzz target checks of this room's readers: whatever stands in the files of a trail, checking it ends with a finding and
//! not with a panic; and a byte that was changed or cut off is found, and the record that it belongs to is named.
//!
//! Never here: anything that is shipped; the feature `fuzz` is for `fuzz/` only.

use crate::folder::{HEADS, Segment};
use crate::frame::{End, sha256};
use crate::head::{Head, public};
use crate::{Check, Query, Verified, hex, report, time, verify};
use ring::signature::Ed25519KeyPair;
use serde::Serialize;
use std::fs;
use std::path::{Path, PathBuf};

/// Records of a script that are played.
const RECORDS_MAX: usize = 64;
/// The moment of the first record, Unix milliseconds.
const BEGUN: u64 = 1_795_000_000_000;

/// Plays one input. Its first byte says what it is: the files themselves; a script of records whose hashes are right; or a good
/// chain, and where a byte of it is changed or where it is cut off.
///
/// # Panics
/// When a change is not found, or another record is named than the one that was changed.
#[doc(hidden)]
pub fn check_trail(input: &[u8]) {
    let Some((&mode, rest)) = input.split_first() else { return };
    let Some(folder) = Folder::new() else { return };
    match mode % 4 {
        0 => folder.files(rest),
        1 => folder.script(rest),
        2 => folder.changed(rest),
        _ => folder.cut(rest),
    }
}

/// A folder of its own, which goes with it.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[derive(Serialize)]
struct Start<'a> {
    program: &'a str,
    key: String,
    prompt_key_id: &'a str,
}

#[derive(Serialize)]
struct Says<'a> {
    id: usize,
    text: &'a str,
}

impl Folder {
    fn new() -> Option<Folder> {
        let shm = Path::new("/dev/shm");
        let dir = if shm.is_dir() { shm.to_owned() } else { std::env::temp_dir() };
        let this = std::thread::current().id();
        let dir = dir.join(format!("dewpoint-fuzz-audit-{}-{this:?}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(&dir).ok()?;
        Some(Folder(dir))
    }

    fn write(&self, first: u64, chain: &[u8], heads: &[u8]) -> bool {
        let segment = Segment::new(&self.0, first).path;
        fs::write(segment, chain).and_then(|()| fs::write(self.0.join(HEADS), heads)).is_ok()
    }

    /// Checks and reports; what cannot be read at all says why.
    fn check(&self) -> Option<Verified> {
        let check = Check::default();
        if let Err(error) = report(&self.0, Query::default(), &check, &mut |_, _| {}) {
            assert!(!error.to_string().is_empty());
        }
        match verify(&self.0, &check, &mut |_, _| {}) {
            Ok(seen) => {
                assert!(seen.bad.iter().all(|b| !b.why.is_empty()), "{seen:?}");
                Some(seen)
            }
            Err(error) => {
                assert!(!error.to_string().is_empty());
                None
            }
        }
    }

    /// The files as they are: the number of the first record (one of a few), the chain up to a zero, the heads.
    fn files(&self, input: &[u8]) {
        let Some((&first, rest)) = input.split_first() else { return };
        let mut parts = rest.splitn(2, |b| *b == 0);
        let (chain, heads) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        if self.write([1, 2, 0, u64::MAX][usize::from(first % 4)], chain, heads) {
            let seen = self.check();
            // Nobody can make a chain that holds without the hashes that belong together.
            assert!(seen.is_none_or(|s| s.records < 2 || !s.is_whole() || chain.len() > 300));
        }
    }

    /// Records one a line: how it is numbered, its kind, then its body as it is.
    fn script(&self, input: &[u8]) {
        let Some(pair) = pair() else { return };
        let (mut chain, mut heads, mut end) = (Vec::new(), String::new(), End::START);
        let mut first = None;
        for line in input.split(|b| *b == b'\n').take(RECORDS_MAX) {
            let Some(([number, kind], body)) = line.split_first_chunk() else { continue };
            let next = end.seq.wrapping_add(1);
            let seq = [next, next, next, u64::MAX, u64::MAX - 1, 0, next.wrapping_add(2)][usize::from(number % 7)];
            let kinds = ["start", "segment", "gap", "lost", "decided", "settled", "end", "x"];
            let begun = chain.len();
            chain.extend_from_slice(b"{\"prev\":\"");
            hex::put(&end.hash, &mut chain);
            chain.extend_from_slice(format!("\",\"seq\":{seq},\"at\":\"{}", time::show(BEGUN)).as_bytes());
            chain.extend_from_slice(format!("\",\"kind\":\"{}\",", kinds[usize::from(kind % 8)]).as_bytes());
            chain.extend_from_slice(body);
            end = End { seq, hash: sha256(&chain[begun..]) };
            chain.extend_from_slice(b",\"hash\":\"");
            hex::put(&end.hash, &mut chain);
            chain.extend_from_slice(b"\"}\n");
            first = first.or(Some(seq));
            if number & 0x80 != 0 {
                let n = heads.lines().count() as u64 + 1;
                heads += &(Head::sign(&pair, n, end, BEGUN).line + "\n");
            }
        }
        if self.write(first.unwrap_or(1), &chain, heads.as_bytes()) {
            let _ = self.check();
        }
    }

    /// A good chain of some records with its heads; where each record ends.
    fn good(&self, records: usize) -> Option<(Vec<u8>, Vec<u8>, Vec<usize>)> {
        let pair = pair()?;
        let key = hex::show(&public(&pair));
        let (mut chain, mut heads, mut end, mut ends) = (Vec::new(), Vec::new(), End::START, Vec::new());
        let start = Start { program: "fuzz", key, prompt_key_id: "00112233" };
        end.seal(BEGUN, "start", &start, &mut chain);
        ends.push(chain.len());
        for id in 0..records {
            end.seal(BEGUN + id as u64, "note", &Says { id, text: "a \"b\" \u{e9}\n" }, &mut chain);
            ends.push(chain.len());
            if id == records / 2 || id + 1 == records {
                let n = heads.iter().filter(|b| **b == b'\n').count() as u64 + 1;
                heads.extend_from_slice(Head::sign(&pair, n, end, BEGUN).line.as_bytes());
                heads.push(b'\n');
            }
        }
        self.write(1, &chain, &heads).then_some(())?;
        let seen = self.check();
        assert!(seen.as_ref().is_some_and(Verified::is_whole), "a good chain is good: {seen:?}");
        Some((chain, heads, ends))
    }

    /// Records, where, and what is flipped: two bytes for the place, one for the bits, one for the file.
    fn changed(&self, input: &[u8]) {
        let Some(([records, high, low, bits, file], _)) = input.split_first_chunk() else { return };
        let Some((mut chain, mut heads, ends)) = self.good(usize::from(records % 16) + 1) else { return };
        let bytes = if file % 4 == 0 { &mut heads } else { &mut chain };
        let at = usize::from(u16::from_be_bytes([*high, *low])) % bytes.len();
        bytes[at] ^= (*bits).max(1);
        if !self.write(1, &chain, &heads) {
            return;
        }
        let seen = self.check();
        let Some(seen) = seen else { return };
        assert!(!seen.is_whole(), "a changed byte ({at}) was not seen: {seen:?}");
        if file % 4 != 0 {
            let record = ends.iter().position(|end| at < *end).map_or(0, |i| i as u64 + 1);
            let named = seen.bad.first().and_then(|bad| bad.seq);
            assert_eq!(named, Some(record), "byte {at}: {seen:?}");
        }
    }

    /// Records, and where the chain is cut off: the last head has signed the last record.
    fn cut(&self, input: &[u8]) {
        let Some(([records, high, low], _)) = input.split_first_chunk() else { return };
        let Some((chain, heads, _)) = self.good(usize::from(records % 16) + 1) else { return };
        let at = usize::from(u16::from_be_bytes([*high, *low])) % chain.len();
        if self.write(1, &chain[..at], &heads) {
            let seen = self.check();
            assert!(!seen.is_some_and(|s| s.is_whole()), "cut at {at}, not seen");
        }
    }
}

fn pair() -> Option<Ed25519KeyPair> {
    Ed25519KeyPair::from_seed_unchecked(&[5; 32]).ok()
}

#[cfg(test)]
mod tests {
    use super::check_trail;

    #[test]
    fn every_changed_byte_and_every_cut_of_a_chain_is_seen() {
        for at in 0_u16..1400 {
            let [high, low] = at.to_be_bytes();
            for bits in [1, 0x80] {
                check_trail(&[2, 3, high, low, bits, (at % 5) as u8]);
            }
            check_trail(&[3, 3, high, low]);
        }
    }

    #[test]
    fn numbers_at_the_end_of_their_range_are_findings() {
        for body in ["\"from\":1,\"to\":18446744073709551614", "\"from\":1,\"to\":18446744073709551615", "\"n\":1"] {
            for number in 0..7 {
                let line = format!("{body}\n");
                let mut script = vec![1];
                for record in [number | 0x80, 3, 0, 0x83] {
                    script.extend_from_slice(&[record, 2]);
                    script.extend_from_slice(line.as_bytes());
                }
                check_trail(&script);
            }
        }
    }
}
