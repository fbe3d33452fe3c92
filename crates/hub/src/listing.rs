//! What a repository of the hub has: its files, their lengths and digests, and its licence. And which of them is meant.
//!
//! Never here: the network.

use crate::card::Digest;
use crate::name::{Pick, plain, shard, shard_file};
use crate::problem::Problem;
use serde::Deserialize;

/// Longest listing that is read, bytes.
pub(crate) const LISTING_MAX: usize = 16 << 20;
/// Quantisations where none is named, best first.
const USUAL: [&str; 6] = ["Q4_K_M", "Q4_K_S", "Q5_K_M", "Q4_0", "Q8_0", "F16"];
/// Files named in a message.
const SHOWN_MAX: usize = 20;

/// One file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) path: String,
    pub(crate) bytes: Option<u64>,
    pub(crate) sha256: Option<Digest>,
}

/// One repository.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Listing {
    pub(crate) files: Vec<Entry>,
    pub(crate) license: Option<String>,
}

/// As `/api/models/owner/repo?blobs=true` writes it. Mirrors leave out what they like.
#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    siblings: Vec<Sibling>,
    #[serde(default)]
    tags: Vec<String>,
}

#[derive(Deserialize)]
struct Sibling {
    rfilename: String,
    #[serde(default)]
    size: Option<u64>,
    #[serde(default)]
    lfs: Option<Lfs>,
}

#[derive(Deserialize)]
struct Lfs {
    #[serde(default)]
    sha256: Option<String>,
}

impl Listing {
    /// Reads the answer of the hub. Files with names that could lead elsewhere are left out.
    ///
    /// # Errors
    /// It is no such answer.
    pub(crate) fn read(bytes: &[u8]) -> Result<Listing, String> {
        let answer: Answer =
            serde_json::from_slice(bytes).map_err(|e| format!("its list of files is not as expected ({e})"))?;
        let entry = |s: Sibling| Entry {
            bytes: s.size,
            sha256: s.lfs.and_then(|l| l.sha256).and_then(|hex| Digest::parse(&hex)),
            path: s.rfilename,
        };
        let safe =
            |s: &Sibling| s.rfilename.to_ascii_lowercase().ends_with(".gguf") && s.rfilename.split('/').all(plain);
        Ok(Listing {
            files: answer.siblings.into_iter().filter(safe).map(entry).collect(),
            license: answer.tags.iter().find_map(|t| t.strip_prefix("license:")).map(|l| l.chars().take(60).collect()),
        })
    }

    /// The files of the one model that is meant: one, or all its parts in order.
    ///
    /// # Errors
    /// There is none; the text names what there is.
    pub(crate) fn pick(&self, repo: &str, pick: &Pick) -> Result<Vec<Entry>, Problem> {
        let first = match pick {
            Pick::File(file) => {
                self.models().find(|e| e.path == *file).or_else(|| self.files.iter().find(|e| e.path == *file))
            }
            Pick::Quantisation(tag) => self.of(tag),
            Pick::Usual => USUAL.iter().find_map(|tag| self.of(tag)).or_else(|| self.only()),
        };
        let Some(first) = first else { return Err(self.nothing(repo, pick)) };
        let Some(part) = shard(&first.path) else { return Ok(vec![first.clone()]) };
        (1..=part.count)
            .map(|n| {
                let path = shard_file(part.stem, n, part.count);
                self.files.iter().find(|e| e.path == path).cloned().ok_or_else(|| {
                    let why = format!("it is split into {} parts, and {path} is missing", part.count);
                    Problem::new(format!("{repo} is not complete"), why, "choose another file or another repository")
                })
            })
            .collect()
    }

    /// Language models: projectors and importance matrices are files of other kinds.
    fn models(&self) -> impl Iterator<Item = &Entry> {
        let other = |path: &str| {
            let path = path.to_ascii_lowercase();
            path.contains("mmproj") || path.contains("imatrix")
        };
        let first = |path: &str| shard(path).is_none_or(|s| s.number == 1);
        self.files.iter().filter(move |e| !other(&e.path) && first(&e.path))
    }

    /// The model of a quantisation: the shortest name that has it as a whole word, so that `Q4_K_M` is not taken for `IQ4_K_M`.
    fn of(&self, tag: &str) -> Option<&Entry> {
        let tag = tag.to_ascii_lowercase();
        let has = |path: &str| {
            let path = path.to_ascii_lowercase();
            path.match_indices(&tag).any(|(at, _)| {
                let whole = |c: Option<char>| c.is_none_or(|c| !c.is_ascii_alphanumeric() && c != '_');
                whole(path[..at].chars().next_back()) && whole(path[at + tag.len()..].chars().next())
            })
        };
        self.models().filter(|e| has(&e.path)).min_by_key(|e| (e.path.len(), e.path.as_str()))
    }

    fn only(&self) -> Option<&Entry> {
        let mut all = self.models();
        all.next().filter(|_| all.next().is_none())
    }

    fn nothing(&self, repo: &str, pick: &Pick) -> Problem {
        let names: Vec<&str> = self.models().take(SHOWN_MAX).map(|e| e.path.as_str()).collect();
        let what = match pick {
            Pick::File(file) => format!("{repo} has no file {file}"),
            Pick::Quantisation(tag) => format!("{repo} has no GGUF file of the quantisation {tag}"),
            Pick::Usual => format!("which file of {repo} is meant is not clear"),
        };
        if names.is_empty() {
            let help = "look for a repository whose name ends in -GGUF; files in safetensors are converted with llama.cpp's convert_hf_to_gguf.py";
            return Problem::new(what, "there is no GGUF file in it", help);
        }
        let more = self.models().count().saturating_sub(names.len());
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        Problem::new(what, format!("it has {}{more}", names.join(", ")), format!("name one: hf:{repo}:{}", names[0]))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn listing(names: &[&str]) -> Listing {
        let siblings: Vec<_> = names.iter().map(|n| serde_json::json!({ "rfilename": n })).collect();
        Listing::read(serde_json::json!({ "siblings": siblings }).to_string().as_bytes()).unwrap()
    }

    fn picked(names: &[&str], pick: &Pick) -> Result<Vec<String>, Problem> {
        listing(names).pick("o/r", pick).map(|files| files.into_iter().map(|f| f.path).collect())
    }

    #[test]
    fn the_usual_quantisation_is_chosen() {
        let usual = |names: &[&str]| picked(names, &Pick::Usual);
        let all =
            ["README.md", "m-Q8_0.gguf", "m-IQ4_K_M.gguf", "m-Q4_K_M.gguf", "mmproj-Q4_K_M.gguf", "m-Q4_K_M_L.gguf"];
        assert_eq!(usual(&all).unwrap(), ["m-Q4_K_M.gguf"]);
        assert_eq!(usual(&["m.Q8_0.gguf", "m.Q5_K_M.gguf"]).unwrap(), ["m.Q5_K_M.gguf"]);
        assert_eq!(usual(&["m-q4_k_m.gguf"]).unwrap(), ["m-q4_k_m.gguf"]);
        assert_eq!(usual(&["odd.gguf", "mmproj.gguf"]).unwrap(), ["odd.gguf"]);
        assert!(usual(&["a.gguf", "b.gguf"]).unwrap_err().help.contains("hf:o/r:a.gguf"));
        assert!(usual(&["model.safetensors"]).unwrap_err().why.contains("no GGUF"));
    }

    #[test]
    fn all_parts_come_in_order() {
        let parts = ["q/m-Q4_K_M-00002-of-00002.gguf", "q/m-Q4_K_M-00001-of-00002.gguf"];
        assert_eq!(picked(&parts, &Pick::Usual).unwrap(), [parts[1], parts[0]]);
        assert!(picked(&parts[1..], &Pick::Usual).unwrap_err().why.contains("00002-of-00002"));
    }

    #[test]
    fn a_file_or_a_quantisation_can_be_named() {
        let all = ["m-Q8_0.gguf", "m-Q4_K_M.gguf"];
        assert_eq!(picked(&all, &Pick::File("m-Q8_0.gguf".into())).unwrap(), ["m-Q8_0.gguf"]);
        assert_eq!(picked(&all, &Pick::Quantisation("q8_0".into())).unwrap(), ["m-Q8_0.gguf"]);
        assert!(picked(&all, &Pick::Quantisation("Q2_K".into())).unwrap_err().why.contains("m-Q8_0.gguf"));
        assert!(picked(&all, &Pick::File("x.gguf".into())).is_err());
    }

    #[test]
    fn lengths_digests_and_licence_are_read_and_bad_names_left_out() {
        let hex = "a".repeat(64);
        let text = serde_json::json!({ "tags": ["gguf", "license:mit"], "siblings": [
            { "rfilename": "m.gguf", "size": 7, "lfs": { "sha256": hex, "size": 7 } },
            { "rfilename": "../m.gguf" }, { "rfilename": "/m.gguf" }, { "rfilename": "a//m.gguf" } ] });
        let listing = Listing::read(text.to_string().as_bytes()).unwrap();
        assert_eq!(listing.license.as_deref(), Some("mit"));
        assert_eq!(listing.files, [Entry { path: "m.gguf".into(), bytes: Some(7), sha256: Digest::parse(&hex) }]);
        assert!(Listing::read(b"<html>").is_err());
        assert_eq!(Listing::read(b"{}").unwrap(), Listing::default());
    }
}
