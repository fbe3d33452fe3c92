//! The folder of a trail: which segments there are. A segment is named after its first record, in 20 digits, so that the order of
//! names is the order of records.
//!
//! Never here: what is in them.

use crate::AuditError;
use std::path::{Path, PathBuf};

/// The file of signed heads.
pub(crate) const HEADS: &str = "heads.ndjson";
const SUFFIX: &str = ".ndjson";
const DIGITS: usize = 20;

/// One file of records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Segment {
    /// The number of its first record.
    pub(crate) first: u64,
    pub(crate) path: PathBuf,
}

impl Segment {
    pub(crate) fn new(dir: &Path, first: u64) -> Segment {
        Segment { first, path: dir.join(format!("{first:0DIGITS$}{SUFFIX}")) }
    }

    /// The name of its file.
    pub(crate) fn name(&self) -> String {
        self.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }
}

/// All segments, in their order.
///
/// # Errors
/// [`AuditError::Missing`] where there is no such folder.
pub(crate) fn segments(dir: &Path) -> Result<Vec<Segment>, AuditError> {
    let entries = std::fs::read_dir(dir).map_err(|e| match e.kind() {
        std::io::ErrorKind::NotFound => AuditError::Missing { dir: dir.to_owned() },
        _ => AuditError::file("read", dir)(e),
    })?;
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.map_err(AuditError::file("read", dir))?;
        let name = entry.file_name();
        let digits = name.to_str().and_then(|n| n.strip_suffix(SUFFIX)).filter(|d| d.len() == DIGITS);
        let plain = digits.filter(|d| d.bytes().all(|b| b.is_ascii_digit()));
        if let Some(first) = plain.and_then(|d| d.parse().ok()) {
            found.push(Segment { first, path: entry.path() });
        }
    }
    found.sort_by_key(|s| s.first);
    Ok(found)
}

/// Brings a change of the folder itself (a new or deleted file) to the disk.
pub(crate) fn sync(dir: &Path) -> Result<(), AuditError> {
    #[cfg(unix)]
    std::fs::File::open(dir).and_then(|d| d.sync_all()).map_err(AuditError::file("sync", dir))?;
    #[cfg(not(unix))]
    let _ = dir;
    Ok(())
}
