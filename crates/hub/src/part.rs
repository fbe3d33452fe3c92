//! A file on its way: `NAME.gguf.part`, with a note beside it that says what it is a part of.
//!
//! What the disk is known to have is noted at every checkpoint. Without a digest to check against, a part goes on from the last
//! checkpoint only: bytes behind it may be lost in a power cut although the file has their length.
//!
//! Never here: the network.

use crate::card::{Digest, hash_into};
use crate::store::{replace, sync_folder};
use ring::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// Longest note, bytes.
const NOTE_MAX: u64 = 64 << 10;

/// What a part is a part of.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Note {
    /// The address that was asked first.
    pub(crate) url: String,
    /// Strong ETag or date of the answer, for `If-Range`.
    pub(crate) validator: Option<String>,
    /// Length of the whole.
    pub(crate) total: Option<u64>,
    /// What the whole must hash to.
    pub(crate) sha256: Option<Digest>,
    /// Bytes that the disk has for certain.
    pub(crate) synced: u64,
}

/// An open part, positioned at its end.
pub(crate) struct Part {
    path: PathBuf,
    file: File,
    pub(crate) note: Note,
    written: u64,
    hash: Context,
}

impl Part {
    /// Opens what is there of `url`, or begins. What is there is read once for its hash.
    ///
    /// # Errors
    /// The disk.
    pub(crate) fn open(target: &Path, url: &str, sha256: Option<Digest>) -> io::Result<Part> {
        let path = with_ending(target, ".part");
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path)?;
        let note =
            read_note(&path).filter(|n| n.url == url && (sha256.is_none() || n.sha256.is_none() || n.sha256 == sha256));
        let mut part = Part {
            path,
            file,
            note: Note { url: url.to_owned(), sha256, ..Note::default() },
            written: 0,
            hash: Context::new(&SHA256),
        };
        let Some(note) = note else {
            part.restart()?;
            return Ok(part);
        };
        let length = part.file.metadata()?.len();
        let keep = if note.sha256.or(sha256).is_some() { length } else { length.min(note.synced) };
        part.file.set_len(keep)?;
        part.file.seek(SeekFrom::Start(0))?;
        hash_into(&mut part.hash, &mut part.file, keep)?;
        part.file.seek(SeekFrom::Start(keep))?;
        part.written = keep;
        part.note = Note { sha256: sha256.or(note.sha256), ..note };
        Ok(part)
    }

    /// Bytes that are there.
    pub(crate) fn written(&self) -> u64 {
        self.written
    }

    /// Throws away what is there.
    pub(crate) fn restart(&mut self) -> io::Result<()> {
        self.file.set_len(0)?;
        self.file.seek(SeekFrom::Start(0))?;
        self.written = 0;
        self.hash = Context::new(&SHA256);
        self.note = Note { validator: None, total: None, synced: 0, ..std::mem::take(&mut self.note) };
        Ok(())
    }

    /// Adds bytes.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.hash.update(bytes);
        self.written += bytes.len() as u64;
        Ok(())
    }

    /// Makes what is there last, and notes it.
    pub(crate) fn checkpoint(&mut self) -> io::Result<()> {
        self.file.sync_data()?;
        self.note.synced = self.written;
        replace(&note_path(&self.path), serde_json::to_string(&self.note).unwrap_or_default().as_bytes())
    }

    /// The digest of what is there.
    pub(crate) fn digest(&self) -> Digest {
        Digest::of(self.hash.clone())
    }

    /// Where it lies.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// It is whole: gives it its name.
    pub(crate) fn finish(mut self, target: &Path) -> io::Result<()> {
        self.file.sync_all()?;
        fs::rename(&self.path, target)?;
        target.parent().map_or(Ok(()), sync_folder)?;
        let _ = fs::remove_file(note_path(&self.path));
        self.path = PathBuf::new();
        Ok(())
    }

    /// It is good for nothing: removes it.
    pub(crate) fn discard(mut self) {
        let _ = fs::remove_file(&self.path);
        let _ = fs::remove_file(note_path(&self.path));
        self.path = PathBuf::new();
    }
}

impl Drop for Part {
    /// Broken off: what is there can be gone on from.
    fn drop(&mut self) {
        if self.path.as_os_str().is_empty() {
            return;
        }
        if self.written == 0 {
            let _ = fs::remove_file(&self.path);
            let _ = fs::remove_file(note_path(&self.path));
        } else {
            let _ = self.checkpoint();
        }
    }
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

fn note_path(part: &Path) -> PathBuf {
    with_ending(part, ".json")
}

fn read_note(part: &Path) -> Option<Note> {
    let mut text = String::new();
    File::open(note_path(part)).ok()?.take(NOTE_MAX).read_to_string(&mut text).ok()?;
    serde_json::from_str(&text).ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn what_was_broken_off_goes_on_with_its_hash() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("m.gguf");
        let mut part = Part::open(&target, "u", None).unwrap();
        part.write(b"ab").unwrap();
        drop(part);
        let mut part = Part::open(&target, "u", None).unwrap();
        assert_eq!(part.written(), 2);
        part.write(b"c").unwrap();
        assert_eq!(part.digest().to_string(), ABC);
        part.finish(&target).unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"abc");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn bytes_that_no_checkpoint_knows_need_a_digest() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("m.gguf");
        let path = folder.path().join("m.gguf.part");
        let mut part = Part::open(&target, "u", None).unwrap();
        part.write(b"ab").unwrap();
        drop(part);
        // As after a power cut: longer than what was synced.
        fs::write(&path, b"ab\0\0\0").unwrap();
        assert_eq!(Part::open(&target, "u", None).unwrap().written(), 2);
        fs::write(&path, b"abc").unwrap();
        assert_eq!(Part::open(&target, "u", Digest::parse(ABC)).unwrap().written(), 3);
    }

    #[test]
    fn a_part_of_something_else_is_thrown_away() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("m.gguf");
        let begin = |sha| {
            let mut part = Part::open(&target, "u", sha).unwrap();
            part.restart().unwrap();
            part.write(b"ab").unwrap();
        };
        begin(None);
        assert_eq!(Part::open(&target, "other", None).unwrap().written(), 0);
        begin(Digest::parse(ABC));
        assert_eq!(Part::open(&target, "u", Digest::parse(&"0".repeat(64))).unwrap().written(), 0);
        begin(None);
        fs::write(folder.path().join("m.gguf.part.json"), "{").unwrap();
        assert_eq!(Part::open(&target, "u", None).unwrap().written(), 0);
        // Nothing there, nothing left.
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
