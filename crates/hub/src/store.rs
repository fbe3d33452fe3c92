//! The folder of models: `NAME.gguf` (or its parts) and the card `NAME.json` beside it.
//!
//! A model counts as there when its card names files that are there with their lengths, or, for files that somebody copied in by hand, when
//! a whole GGUF lies there. What is being downloaded ends in `.part` and is neither.
//!
//! Never here: downloading; anything outside the folder.

use crate::card::Card;
use crate::name::{check_own, shard, shard_file, strip_gguf};
use crate::problem::Problem;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};

/// Files of the folder that are looked at, at most.
const ENTRIES_MAX: usize = 10_000;
/// Longest card, bytes.
const CARD_MAX: u64 = 1 << 20;

/// The store. Opening it makes no folder; the first pull does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Store {
    folder: PathBuf,
}

/// One model of the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// What it is called.
    pub name: String,
    /// Its file, or the first of its parts.
    pub path: PathBuf,
    /// All its files.
    pub files: Vec<PathBuf>,
    /// All files together.
    pub bytes: u64,
    /// None where the file was copied in by hand.
    pub card: Option<Card>,
}

impl Store {
    /// The store in a folder.
    pub fn new(folder: impl Into<PathBuf>) -> Store {
        Store { folder: folder.into() }
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Everything that is there, by name. A folder that does not exist is empty.
    pub fn list(&self) -> Vec<Stored> {
        let Ok(entries) = fs::read_dir(&self.folder) else { return Vec::new() };
        let files: Vec<String> =
            entries.take(ENTRIES_MAX).filter_map(|e| e.ok()?.file_name().into_string().ok()).collect();
        let mut names: Vec<&str> = files
            .iter()
            .filter_map(|file| match shard(file) {
                Some(part) => (part.number == 1).then_some(part.stem),
                None => file.ends_with(".gguf").then(|| strip_gguf(file)),
            })
            .collect();
        names.sort_unstable();
        names.dedup();
        names.into_iter().filter_map(|name| self.get(name)).collect()
    }

    /// One model, if it is wholly there.
    pub fn get(&self, name: &str) -> Option<Stored> {
        check_own(name).ok()?;
        let card = self.card(name);
        let files = match &card {
            Some(card) => card.files.iter().map(|f| f.file.clone()).collect(),
            None => self.by_hand(name)?,
        };
        let files: Vec<PathBuf> = files.iter().map(|file| self.folder.join(file)).collect();
        let lengths: Option<Vec<u64>> =
            files.iter().map(|f| fs::metadata(f).ok().filter(fs::Metadata::is_file).map(|m| m.len())).collect();
        let lengths = lengths?;
        let as_noted = |card: &Card| card.files.iter().zip(&lengths).all(|(noted, length)| noted.bytes == *length);
        // A file that was replaced by hand is there, and what its card says of it is not true any more.
        let card = card.filter(as_noted);
        Some(Stored { name: name.to_owned(), path: files.first()?.clone(), bytes: lengths.iter().sum(), files, card })
    }

    /// The files of a model without a card: one, or all parts.
    fn by_hand(&self, name: &str) -> Option<Vec<String>> {
        let whole = format!("{name}.gguf");
        if self.folder.join(&whole).is_file() {
            return Some(vec![whole]);
        }
        let entries = fs::read_dir(&self.folder).ok()?.take(ENTRIES_MAX);
        let mut names = entries.filter_map(|e| e.ok()?.file_name().into_string().ok());
        let count = names.find_map(|file| shard(&file).filter(|s| s.stem == name && s.number == 1).map(|s| s.count))?;
        let parts: Vec<String> = (1..=count).map(|n| shard_file(name, n, count)).collect();
        parts.iter().all(|part| self.folder.join(part).is_file()).then_some(parts)
    }

    /// The card of a model; none where it is missing, damaged, or names files that cannot be ours.
    fn card(&self, name: &str) -> Option<Card> {
        let file = File::open(self.card_path(name)).ok()?;
        let mut text = String::new();
        file.take(CARD_MAX).read_to_string(&mut text).ok()?;
        let card: Card = serde_json::from_str(&text).ok()?;
        let ours =
            |file: &str| shard(file).map_or_else(|| strip_gguf(file), |s| s.stem) == name && file.ends_with(".gguf");
        (!card.files.is_empty() && card.files.iter().all(|f| ours(&f.file))).then_some(card)
    }

    fn card_path(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.json"))
    }

    /// Makes the folder.
    pub(crate) fn create(&self) -> Result<(), Problem> {
        fs::create_dir_all(&self.folder).map_err(|e| Problem::file("made", &self.folder, &e))
    }

    /// Writes a card, whole or not at all.
    pub(crate) fn note(&self, name: &str, card: &Card) -> Result<(), Problem> {
        let path = self.card_path(name);
        let text = serde_json::to_string_pretty(card).unwrap_or_default() + "\n";
        replace(&path, text.as_bytes()).map_err(|e| Problem::file("written", &path, &e))
    }

    /// Holds a name for one process. The kernel lets go when the process ends, however it ends.
    ///
    /// # Errors
    /// Another process holds it.
    pub(crate) fn lock(&self, name: &str) -> Result<Lock, Problem> {
        let path = self.folder.join(format!("{name}.lock"));
        let open = || OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
        let mut file = open().map_err(|e| Problem::file("written", &path, &e))?;
        let mut held = file.try_lock();
        if held.is_ok() && !is_still(&file, &path) {
            // The last holder took the file away between opening and locking.
            file = open().map_err(|e| Problem::file("written", &path, &e))?;
            held = file.try_lock();
        }
        match held {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                let _ = (&mut file).take(32).read_to_string(&mut holder);
                let why = match holder.trim().parse::<u32>() {
                    Ok(pid) => format!("process {pid} is at it"),
                    Err(_) => "another process is at it".to_owned(),
                };
                let help = "wait for it; `dewpoint models` shows the model when it is there";
                return Err(Problem::new(format!("{name} is being pulled or removed already"), why, help));
            }
            Err(TryLockError::Error(e)) => return Err(Problem::file("locked", &path, &e)),
        }
        // Only for people: a failure here does not make the lock less held.
        let _ = file.set_len(0).and_then(|()| file.rewind()).and_then(|()| writeln!(file, "{}", std::process::id()));
        Ok(Lock { path, _file: file })
    }

    /// Removes a model, what was left of a broken-off pull of it included. Gives back the bytes that are free again. A symbolic link is removed
    /// itself, never what it points at.
    ///
    /// # Errors
    /// There is no such model here, another process is pulling it, or a file cannot be removed.
    pub fn remove(&self, name: &str) -> Result<u64, Problem> {
        check_own(name)?;
        let doomed = self.files_of(name);
        if doomed.is_empty() {
            let why = format!("the store {} has no file of that name", self.folder.display());
            return Err(Problem::new(
                format!("{name} was not removed"),
                why,
                "`dewpoint models` lists what is there and where",
            ));
        }
        let _lock = self.lock(name)?;
        let mut freed = 0;
        // The card goes last: whatever stops this half-way, what is left is found again.
        for path in doomed {
            let length = fs::symlink_metadata(&path).map_or(0, |m| m.len());
            fs::remove_file(&path).map_err(|e| Problem::file("removed", &path, &e))?;
            freed += length;
        }
        Ok(freed)
    }

    /// What a removal would take away: models, parts of them, unfinished downloads, and the card as the last.
    pub fn files_of(&self, name: &str) -> Vec<PathBuf> {
        let entries = fs::read_dir(&self.folder).into_iter().flatten().take(ENTRIES_MAX);
        let mut out: Vec<PathBuf> = entries
            .filter_map(|e| e.ok()?.file_name().into_string().ok())
            .filter(|file| {
                let model = file.strip_suffix(".part").or_else(|| file.strip_suffix(".part.json")).unwrap_or(file);
                model.ends_with(".gguf") && shard(model).map_or_else(|| strip_gguf(model), |s| s.stem) == name
            })
            .map(|file| self.folder.join(file))
            .collect();
        out.sort();
        out.extend(Some(self.card_path(name)).filter(|card| card.is_file()));
        out
    }
}

/// A held name. Dropped, it is free, and its file is gone.
#[derive(Debug)]
pub(crate) struct Lock {
    path: PathBuf,
    _file: File,
}

impl Drop for Lock {
    fn drop(&mut self) {
        // While still held; whoever opened the file before now sees that its name is gone.
        let _ = fs::remove_file(&self.path);
    }
}

/// Is an open file still the one of that name?
#[cfg(unix)]
fn is_still(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    match (file.metadata(), fs::metadata(path)) {
        (Ok(open), Ok(named)) => open.ino() == named.ino() && open.dev() == named.dev(),
        _ => false,
    }
}

/// An open file keeps its name here.
#[cfg(not(unix))]
fn is_still(_file: &File, _path: &Path) -> bool {
    true
}

/// Writes a small file aside, syncs it, and renames it.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let aside = path.with_extension(format!("json.{}", std::process::id()));
    let written = File::create(&aside).and_then(|mut f| f.write_all(bytes).and_then(|()| f.sync_all()));
    written.and_then(|()| fs::rename(&aside, path)).inspect_err(|_| drop(fs::remove_file(&aside)))?;
    path.parent().map_or(Ok(()), sync_folder)
}

/// Makes renames in a folder last.
#[cfg(unix)]
pub(crate) fn sync_folder(folder: &Path) -> std::io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(not(unix))]
pub(crate) fn sync_folder(_folder: &Path) -> std::io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::card::{Digest, FileCard};

    fn card(files: &[(&str, u64)]) -> Card {
        let sha256 = Digest::parse(&"0".repeat(64)).unwrap();
        let file = |(file, bytes): &(&str, u64)| FileCard {
            file: (*file).to_owned(),
            url: "https://h/x".to_owned(),
            bytes: *bytes,
            sha256,
            validator: None,
            verified: true,
        };
        Card { source: "s".into(), files: files.iter().map(file).collect(), license: None, pulled_unix_s: 1 }
    }

    fn names(store: &Store) -> Vec<String> {
        store.list().into_iter().map(|m| m.name).collect()
    }

    #[test]
    fn only_whole_models_are_there() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path());
        assert!(names(&Store::new(folder.path().join("none"))).is_empty());
        let put = |file: &str, bytes: usize| fs::write(folder.path().join(file), vec![0; bytes]).unwrap();
        put("half.gguf.part", 3);
        put("noted.gguf", 5);
        store.note("noted", &card(&[("noted.gguf", 5)])).unwrap();
        put("copied.gguf", 7);
        put("big-00001-of-00002.gguf", 2);
        put("lone-00002-of-00002.gguf", 2);
        assert_eq!(names(&store), ["copied", "noted"]);
        put("big-00002-of-00002.gguf", 3);
        assert_eq!(names(&store), ["big", "copied", "noted"]);
        let big = store.get("big").unwrap();
        assert_eq!((big.bytes, big.files.len()), (5, 2));
        assert!(big.path.ends_with("big-00001-of-00002.gguf"));
        assert!(store.get("noted").unwrap().card.is_some());
        // The file was replaced by hand: it is there, its card does not count.
        put("noted.gguf", 6);
        assert_eq!(store.get("noted").unwrap().card, None);
    }

    #[test]
    fn a_card_cannot_name_other_files() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path());
        fs::write(folder.path().join("a.gguf"), "x").unwrap();
        fs::write(folder.path().join("b.gguf"), "x").unwrap();
        for other in ["../a.gguf", "/etc/passwd", "b.gguf", "a.json"] {
            store.note("a", &card(&[(other, 1)])).unwrap();
            assert_eq!(store.get("a").unwrap().path, folder.path().join("a.gguf"), "{other}");
        }
        assert_eq!(store.get("../a"), None);
    }

    #[test]
    fn removing_takes_all_of_one_model_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let outside = tempfile::tempdir().unwrap();
        fs::write(outside.path().join("kept.gguf"), "kept").unwrap();
        let store = Store::new(folder.path());
        for file in ["a.gguf", "a.gguf.part", "a.gguf.part.json", "ab.gguf", "a-00001-of-00002.gguf"] {
            fs::write(folder.path().join(file), "12345").unwrap();
        }
        store.note("a", &card(&[("a.gguf", 5)])).unwrap();
        let card = fs::metadata(folder.path().join("a.json")).unwrap().len();
        assert_eq!(store.remove("a").unwrap(), 20 + card);
        assert_eq!(names(&store), ["ab"]);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        assert!(store.remove("a").unwrap_err().why.contains("no file of that name"));
        assert!(store.remove("../x").is_err());
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(outside.path().join("kept.gguf"), folder.path().join("link.gguf")).unwrap();
            store.remove("link").unwrap();
            assert!(outside.path().join("kept.gguf").exists());
        }
    }

    #[test]
    fn a_name_is_held_by_one() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path());
        let held = store.lock("a").unwrap();
        let refused = store.lock("a").unwrap_err();
        assert!(refused.why.contains(&format!("process {}", std::process::id())), "{refused}");
        store.lock("b").unwrap();
        drop(held);
        store.lock("a").unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[cfg(unix)]
    #[test]
    fn a_lock_on_a_file_without_its_name_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.lock");
        let open = File::create(&path).unwrap();
        assert!(is_still(&open, &path));
        fs::remove_file(&path).unwrap();
        assert!(!is_still(&open, &path));
        File::create(&path).unwrap();
        assert!(!is_still(&open, &path));
    }
}
