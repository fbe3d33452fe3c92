//! Canaries: text unique to a request, and the search for it in every disguise that a program gives to text.
//!
//! A canary has three pieces of 12 random letters each (52 bits; no digits and no vowels, so that it looks like no kind of
//! data) with signs between them that quoting changes. One piece is enough for a hit, so a text that was cut or split is
//! found as well.
//!
//! Never here: where to look.

use aho_corasick::AhoCorasick;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;

/// What must not be seen.
#[derive(Debug, Clone)]
pub(crate) struct Canary {
    text: String,
    pieces: Vec<String>,
}

impl Canary {
    pub(crate) fn new() -> Canary {
        let pieces: Vec<String> = (0..3).map(|_| letters(12)).collect();
        Canary { text: format!("{} \"{}\"/ü+{}", pieces[0], pieces[1], pieces[2]), pieces }
    }

    /// A value that is looked for whole.
    pub(crate) fn value(value: &str) -> Canary {
        Canary { text: value.to_owned(), pieces: vec![value.to_owned()] }
    }

    /// As it stands in a prompt.
    pub(crate) fn text(&self) -> String {
        self.text.clone()
    }
}

/// Random letters without vowels.
pub(crate) fn letters(count: usize) -> String {
    (0..count).map(|_| fastrand::choice(*b"bcdfghjklmnpqrstvwxz").map_or('b', char::from)).collect()
}

/// A canary that was seen: its number, and as what.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Hit {
    pub(crate) canary: usize,
    pub(crate) form: &'static str,
}

/// All of them, in all forms.
pub(crate) struct Search {
    needles: AhoCorasick,
    hits: Vec<Hit>,
}

impl Search {
    pub(crate) fn of<'a>(canaries: impl IntoIterator<Item = &'a Canary>) -> Search {
        let (mut needles, mut hits) = (Vec::new(), Vec::new());
        for (canary, of) in canaries.into_iter().enumerate() {
            for (form, needle) in of.pieces.iter().flat_map(|p| forms(p)) {
                needles.push(needle);
                hits.push(Hit { canary, form });
            }
        }
        Search { needles: AhoCorasick::new(needles).expect("few enough needles"), hits }
    }

    /// Everything that is in these bytes.
    pub(crate) fn bytes(&self, bytes: &[u8]) -> BTreeSet<Hit> {
        // Overlapping: a form may begin in another one.
        self.needles.find_overlapping_iter(bytes).map(|m| self.hits[m.pattern().as_usize()].clone()).collect()
    }

    /// Everything in the files below a folder and in their names; and how many files there were.
    pub(crate) fn folder(&self, folder: &Path) -> (BTreeSet<(String, Hit)>, usize) {
        let (mut found, mut files) = (BTreeSet::new(), 0);
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            let name = path.display().to_string();
            found.extend(self.bytes(name.as_bytes()).into_iter().map(|h| (name.clone(), h)));
            if path.is_dir() && !path.is_symlink() {
                let (more, n) = self.folder(&path);
                found.extend(more);
                files += n;
            } else if path.is_file() {
                files += 1;
                let bytes = std::fs::read(&path).unwrap_or_else(|e| panic!("{name} is not readable: {e}"));
                found.extend(self.bytes(&bytes).into_iter().map(|h| (name.clone(), h)));
            }
        }
        (found, files)
    }
}

/// A piece as it stands, and as encodings write it. Base64 has a form for each place that a piece may have in a group of three.
fn forms(piece: &str) -> Vec<(&'static str, Vec<u8>)> {
    let each = |f: &dyn Fn(&mut String, u8)| {
        let mut out = String::new();
        piece.bytes().for_each(|b| f(&mut out, b));
        out.into_bytes()
    };
    let mut out = vec![
        ("plain", piece.into()),
        ("upper case", piece.to_uppercase().into_bytes()),
        ("backwards", piece.bytes().rev().collect()),
        ("UTF-16", piece.encode_utf16().flat_map(u16::to_le_bytes).collect()),
        ("hex", each(&|o, b| write!(o, "{b:02x}").unwrap())),
        ("hex", each(&|o, b| write!(o, "{b:02X}").unwrap())),
        ("URL", each(&|o, b| write!(o, "%{b:02x}").unwrap())),
        ("URL", each(&|o, b| write!(o, "%{b:02X}").unwrap())),
        ("JSON", each(&|o, b| write!(o, "\\u{b:04x}").unwrap())),
        ("JSON", each(&|o, b| write!(o, "\\u{b:04X}").unwrap())),
        ("debug", each(&|o, b| write!(o, "\\x{b:02x}").unwrap())),
        ("numbers", each(&|o, b| write!(o, "{b}, ").unwrap())),
        ("numbers", each(&|o, b| write!(o, "{b},").unwrap())),
        ("entities", each(&|o, b| write!(o, "&#{b};").unwrap())),
    ];
    for shift in 0..3_usize {
        let mut bytes = vec![0; shift];
        bytes.extend_from_slice(piece.as_bytes());
        // Letters that depend on bytes before or behind the piece are left out.
        let (from, to) = ((shift * 8).div_ceil(6), bytes.len() * 8 / 6);
        for encoded in [STANDARD_NO_PAD.encode(&bytes), URL_SAFE_NO_PAD.encode(&bytes)] {
            out.push(("base64", encoded.as_bytes()[from..to].to_vec()));
        }
    }
    out.sort();
    out.dedup();
    out
}

#[test]
fn a_canary_is_found_in_every_form_and_nowhere_else() {
    let canaries: Vec<Canary> = std::iter::repeat_with(Canary::new).take(50).collect();
    let search = Search::of(&canaries);
    let text = canaries[7].text();
    let hidden: Vec<(&str, Vec<u8>)> = vec![
        ("plain", text.clone().into_bytes()),
        ("plain", serde_json::json!({ "content": text }).to_string().into_bytes()),
        ("upper case", text.to_uppercase().into_bytes()),
        ("backwards", text.bytes().rev().collect()),
        ("UTF-16", text.encode_utf16().flat_map(u16::to_le_bytes).collect()),
        ("hex", text.bytes().map(|b| format!("{b:02x}")).collect::<String>().into_bytes()),
        ("URL", text.bytes().map(|b| format!("%{b:02X}")).collect::<String>().into_bytes()),
        ("JSON", text.encode_utf16().map(|u| format!("\\u{u:04x}")).collect::<String>().into_bytes()),
        ("numbers", format!("{:?}", text.as_bytes()).into_bytes()),
    ];
    let wanted = |form| BTreeSet::from([Hit { canary: 7, form }]);
    for (form, bytes) in hidden {
        assert_eq!(search.bytes(&bytes), wanted(form), "{}", String::from_utf8_lossy(&bytes));
    }
    for before in 0..7 {
        let shifted = format!("{}{text}, and more", "x".repeat(before));
        assert_eq!(search.bytes(STANDARD_NO_PAD.encode(&shifted).as_bytes()), wanted("base64"), "behind {before}");
        assert_eq!(search.bytes(URL_SAFE_NO_PAD.encode(&shifted).as_bytes()), wanted("base64"), "behind {before}");
    }
    // Cut anywhere that leaves a piece whole.
    assert_eq!(search.bytes(&text.as_bytes()[..14]), wanted("plain"));
    assert_eq!(search.bytes(&text.as_bytes()[5..]), wanted("plain"));
    assert_eq!(search.bytes(Canary::new().text().as_bytes()), BTreeSet::new(), "not one of them");
}

#[test]
fn a_canary_is_found_in_files_and_their_names() {
    let folder = tempfile::tempdir().unwrap();
    let canaries = [Canary::new(), Canary::new()];
    let search = Search::of(&canaries);
    std::fs::create_dir(folder.path().join("deep")).unwrap();
    std::fs::write(folder.path().join("deep/file"), "nothing").unwrap();
    assert_eq!(search.folder(folder.path()), (BTreeSet::new(), 1));
    std::fs::write(folder.path().join("deep/file"), format!("{{\"p\": {:?}}}", canaries[1].text())).unwrap();
    std::fs::write(folder.path().join(&canaries[0].pieces[1]), "").unwrap();
    let (found, files) = search.folder(folder.path());
    assert_eq!((found.into_iter().map(|(_, h)| h.canary).collect(), files), (BTreeSet::from([0, 1]), 2));
}
