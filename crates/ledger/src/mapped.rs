//! A file of fixed size that is mapped into memory, with a header that is written once: magic, format, length, salt,
//! checksum. What is copied into it is in the page cache, which outlives the process.
//!
//! The file's blocks are written when it is made. A mapped file with holes would be given blocks at the first touch, and on a full
//! disk that touch is a SIGBUS that ends the process. (On copy-on-write file systems a rewritten block is allocated anew
//! all the same; there a full disk can still do this.) The file lies beside the database, not in /dev/shm: a container that is
//! restarted keeps its volume and loses its shared memory.
//!
//! Never here: what lies behind the header ([`crate::journal`], [`crate::sent`]).

pub(crate) mod bytes;

use crate::LedgerError;
use memmap2::MmapMut;
use std::fs::{File, OpenOptions};
use std::hash::{BuildHasher, RandomState};
use std::io::Write;
use std::path::{Path, PathBuf};

const FORMAT: u64 = 1;
/// Offsets in the header.
pub(crate) const FORMAT_AT: usize = 8;
const LENGTH_AT: usize = 16;
pub(crate) const SALT_AT: usize = 24;
pub(crate) const CRC_AT: usize = 32;
/// Where the content begins.
pub(crate) const CONTENT_AT: usize = 4096;
/// Bounds of the whole file.
pub(crate) const BYTES: std::ops::RangeInclusive<usize> = 64 << 10..=1 << 30;

/// What distinguishes one file of ours from another.
pub(crate) struct Kind {
    /// For messages.
    pub(crate) name: &'static str,
    pub(crate) magic: u64,
    /// Writes what the first page holds behind the header.
    pub(crate) first_page: fn(&mut [u8]),
}

/// An open file. Exclusive use is the caller's business ([`crate::lock`]).
pub(crate) struct Mapped {
    pub(crate) map: MmapMut,
    /// Random for each file that is made, so that nobody outside can know it.
    pub(crate) salt: u64,
    /// For waiting until its pages are on the disk.
    file: File,
}

/// What lies at a path.
pub(crate) enum Opened<T> {
    /// A file of ours.
    Whole(T),
    /// There is none.
    Absent,
    /// The header cannot be read, so nothing behind it can be checked.
    Damaged,
}

impl<T> Opened<T> {
    pub(crate) fn map<U>(self, then: impl FnOnce(T) -> U) -> Opened<U> {
        match self {
            Opened::Whole(value) => Opened::Whole(then(value)),
            Opened::Absent => Opened::Absent,
            Opened::Damaged => Opened::Damaged,
        }
    }
}

impl Mapped {
    /// Makes the file with all its blocks, under another name first so that a crash leaves no half-made one.
    pub(crate) fn create(path: &Path, kind: &Kind, bytes: usize) -> Result<Mapped, LedgerError> {
        let new = path.with_extension("new");
        let mut file = File::create(&new).map_err(LedgerError::file("create", &new))?;
        write_blocks(&mut file, kind, bytes).map_err(LedgerError::file("write", &new))?;
        std::fs::rename(&new, path).map_err(LedgerError::file("rename", &new))?;
        if let Some(dir) = path.parent() {
            File::open(dir).and_then(|d| d.sync_all()).map_err(LedgerError::file("sync", dir))?;
        }
        match Mapped::open(path, kind)? {
            Opened::Whole(mapped) => Ok(mapped),
            Opened::Absent | Opened::Damaged => {
                Err(LedgerError::Unreadable(format!("{} that was just made", kind.name)))
            }
        }
    }

    /// Maps an existing file.
    pub(crate) fn open(path: &Path, kind: &Kind) -> Result<Opened<Mapped>, LedgerError> {
        let file = match OpenOptions::new().read(true).write(true).open(path) {
            Ok(file) => file,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Opened::Absent),
            Err(e) => return Err(LedgerError::file("open", path)(e)),
        };
        let len = file.metadata().map_err(LedgerError::file("look at", path))?.len();
        if usize::try_from(len).is_ok_and(|len| len < *BYTES.start()) {
            return Ok(Opened::Damaged);
        }
        let map = map(&file).map_err(LedgerError::file("map", path))?;
        let Some(salt) = check(&map, kind)? else { return Ok(Opened::Damaged) };
        Ok(Opened::Whole(Mapped { map, salt, file }))
    }

    /// Length of the file, or 0 when it is not the length it was made with (then it is to be made again).
    pub(crate) fn bytes(&self) -> usize {
        let made = bytes::number(&self.map, LENGTH_AT);
        if made == Some(self.map.len() as u64) { self.map.len() } else { 0 }
    }

    /// A second handle, for waiting outside of a lock until the pages are on the disk.
    pub(crate) fn handle(&self) -> std::io::Result<File> {
        self.file.try_clone()
    }
}

/// The salt of a file whose header is whole; `None` for a damaged one.
///
/// # Errors
/// [`LedgerError::Version`] for another format.
pub(crate) fn check(bytes: &[u8], kind: &Kind) -> Result<Option<u64>, LedgerError> {
    let crc = bytes::number(bytes, CRC_AT);
    let whole = bytes::number(bytes, 0) == Some(kind.magic)
        && bytes.get(..CRC_AT).map(|h| u64::from(crc32fast::hash(h))) == crc;
    if !whole {
        return Ok(None);
    }
    let format = bytes::number(bytes, FORMAT_AT).unwrap_or(0);
    if format != FORMAT {
        let found = i64::try_from(format).unwrap_or(i64::MAX);
        return Err(LedgerError::Version { what: kind.name, found, known: FORMAT as i64 });
    }
    Ok(bytes::number(bytes, SALT_AT))
}

/// Writes header, first page and zeros, and waits until they have blocks.
fn write_blocks(file: &mut File, kind: &Kind, bytes: usize) -> std::io::Result<()> {
    let mut page = vec![0; CONTENT_AT];
    let salt = RandomState::new().hash_one((std::process::id(), std::time::SystemTime::now()));
    for (at, value) in [(0, kind.magic), (FORMAT_AT, FORMAT), (LENGTH_AT, bytes as u64), (SALT_AT, salt)] {
        self::bytes::set_number(&mut page, at, value);
    }
    let crc = page.get(..CRC_AT).map_or(0, crc32fast::hash);
    self::bytes::set_number(&mut page, CRC_AT, u64::from(crc));
    (kind.first_page)(&mut page);
    file.write_all(&page)?;
    let zeros = vec![0; 1 << 20];
    let mut rest = bytes - CONTENT_AT;
    while rest > 0 {
        let n = rest.min(zeros.len());
        file.write_all(zeros.get(..n).unwrap_or_default())?;
        rest -= n;
    }
    file.sync_all()
}

/// Moves a file that cannot be read out of the way and gives its new name; nothing is thrown away.
pub(crate) fn set_aside(path: &Path) -> Result<PathBuf, LedgerError> {
    for n in 1..1000 {
        let aside = path.with_extension(format!("damaged-{n}"));
        if !aside.exists() {
            std::fs::rename(path, &aside).map_err(LedgerError::file("rename", path))?;
            return Ok(aside);
        }
    }
    Err(LedgerError::Unreadable(format!("{} has too many damaged copies beside it", path.display())))
}

#[expect(unsafe_code, reason = "a mapped file is what lets a record survive kill -9 without a system call")]
fn map(file: &File) -> std::io::Result<MmapMut> {
    // SAFETY: the mapping is sound while nobody else changes or shortens the file. It lies in the ledger's own folder and is
    // mapped only by the process that holds the folder's lock (`crate::lock`); the program never shortens it (a file of
    // another size is a new file under the same name), and all its blocks are written before it is mapped. Its bytes
    // are read only through checks that hold for any content.
    unsafe { MmapMut::map_mut(file) }
}
