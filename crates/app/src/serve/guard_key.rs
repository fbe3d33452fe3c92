//! The key of this installation: 32 random bytes behind placeholders and the fingerprints of prompts. Made at the first start and
//! kept in the data folder, so that a conversation keeps its placeholders and an auditor can compare fingerprints; where nothing
//! is kept on the disk it lives as long as the process.
//!
//! Never here: keys of callers or of places.

use crate::problem::{Problem, Problems};
use ring::rand::SecureRandom;
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::path::Path;

/// The file, in the data folder.
const FILE: &str = "guard.key";

/// The key that is kept in `dir`, made if there is none; a fresh one without a folder. Nobody else may start in this folder at
/// the same time (the ledger's lock sees to that).
///
/// # Errors
/// The file cannot be read or written, or is not a key.
pub(super) fn get(dir: Option<&Path>) -> Result<[u8; 32], Problems> {
    let Some(dir) = dir else { return fresh() };
    let path = dir.join(FILE);
    let fault = |why: String, help: &str| Problem::new(format!("the key {} cannot be used", path.display()), why, help);
    let permit = "let the user that runs Dewpoint read and write its data folder";
    match read(&path) {
        Ok(Some(key)) => Ok(key),
        Ok(None) => {
            let key = fresh()?;
            write(dir, &path, &key).map_err(|e| fault(e.to_string(), permit))?;
            Ok(key)
        }
        Err(e) if e.kind() == ErrorKind::InvalidData => {
            let help = "bring it back from a backup; or take it away to have a new one, and know that fingerprints in the audit trail \
                        up to then compare with no later ones";
            Err(fault("it does not have 32 bytes".to_owned(), help).into())
        }
        Err(e) => Err(fault(e.to_string(), permit).into()),
    }
}

fn fresh() -> Result<[u8; 32], Problems> {
    let mut key = [0; 32];
    ring::rand::SystemRandom::new().fill(&mut key).map_err(|_| {
        Problem::new("no key was made", "the system gives no random numbers", "try again, or on another machine")
    })?;
    Ok(key)
}

/// The key in a file; `None` where there is no file.
fn read(path: &Path) -> io::Result<Option<[u8; 32]>> {
    let file = match File::open(path) {
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    let mut bytes = Vec::with_capacity(33);
    file.take(33).read_to_end(&mut bytes)?;
    let key = bytes.try_into().map_err(|_| io::Error::from(ErrorKind::InvalidData))?;
    Ok(Some(key))
}

/// Written beside and moved there, so that a crash leaves a whole key or none.
fn write(dir: &Path, path: &Path, key: &[u8; 32]) -> io::Result<()> {
    let beside = dir.join(format!("{FILE}.new"));
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match std::fs::remove_file(&beside) {
        Err(e) if e.kind() != ErrorKind::NotFound => return Err(e),
        _ => {}
    }
    let mut file = options.open(&beside)?;
    file.write_all(key)?;
    file.sync_all()?;
    std::fs::rename(&beside, path)?;
    File::open(dir)?.sync_all()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn it_is_made_once_and_only_its_user_may_read_it() {
        let dir = tempfile::tempdir().unwrap();
        let key = get(Some(dir.path())).unwrap();
        assert_eq!(get(Some(dir.path())).unwrap(), key);
        assert_ne!(get(None).unwrap(), get(None).unwrap(), "without a folder it lives as long as the process");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(dir.path().join(FILE)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[test]
    fn what_is_no_key_is_not_replaced() {
        let dir = tempfile::tempdir().unwrap();
        for bytes in [31, 33] {
            std::fs::write(dir.path().join(FILE), vec![7; bytes]).unwrap();
            let problem = get(Some(dir.path())).unwrap_err().to_string();
            assert!(problem.contains("32 bytes"), "{problem}");
            assert_eq!(std::fs::read(dir.path().join(FILE)).unwrap().len(), bytes);
        }
        std::fs::write(dir.path().join(FILE), [7; 32]).unwrap();
        assert_eq!(get(Some(dir.path())).unwrap(), [7; 32]);
    }

    #[test]
    fn a_crash_before_the_move_leaves_nothing_in_the_way() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(format!("{FILE}.new")), [1; 5]).unwrap();
        let key = get(Some(dir.path())).unwrap();
        assert_eq!(get(Some(dir.path())).unwrap(), key);
    }
}
