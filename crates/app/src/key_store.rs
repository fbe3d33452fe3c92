//! The file of stored keys, `keys.json` in the data folder: SHA-256 of secrets, never a secret. Written as a whole into a new file
//! that takes the place of the old one, so that a crash leaves the one or the other; readable by its owner only.
//!
//! Never here: the terminal, or checking a key of a request (room `gateway`).

use crate::problem::{Problem, Problems};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

/// The version of the file that this program writes and reads.
const VERSION: u32 = 1;
/// Largest file that is read, bytes: some 100,000 keys.
const BYTES_MAX: u64 = 64 * 1024 * 1024;

/// The keys as they stand in the file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Store {
    version: u32,
    pub(crate) keys: Vec<Stored>,
}

impl Default for Store {
    fn default() -> Store {
        Store { version: VERSION, keys: Vec::new() }
    }
}

/// One key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Stored {
    /// The id in `dp_<id>_<secret>`.
    pub(crate) id: String,
    /// Name in the ledger.
    pub(crate) name: String,
    /// SHA-256 of the whole key, `sha256:` and 64 hexadecimal digits.
    pub(crate) hash: String,
    /// The hash before the last rotation, and until when it counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) former: Option<Former>,
    pub(crate) created_unix_s: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) expires_unix_s: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) revoked_unix_s: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) team: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) places: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) models: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) routes: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) class: Option<decide::DataClass>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) class_max: Option<decide::DataClass>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) tags: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) durability: Option<decide::Durability>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) unpriced: Option<decide::Unpriced>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) budget: Option<StoredBudget>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) requests_per_minute: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) tokens_per_minute: Option<u32>,
}

/// A secret that was replaced.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Former {
    pub(crate) hash: String,
    /// The Unix second from which on it is refused.
    pub(crate) until_unix_s: u64,
}

/// What a key may spend.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StoredBudget {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) day_nanousd: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) week_nanousd: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) month_nanousd: Option<i64>,
    pub(crate) soft_permille: u16,
    /// Whether requests go to the cheapest above the soft share.
    pub(crate) degrade: bool,
    pub(crate) pace: bool,
}

/// The file in a data folder.
pub(crate) fn path(data: &Path) -> PathBuf {
    data.join("keys.json")
}

impl Store {
    /// Reads the file; no file is no keys.
    ///
    /// # Errors
    /// It is there and cannot be read, or is none of ours.
    pub(crate) fn read(path: &Path) -> Result<Store, Problem> {
        let shown = path.display();
        let bad = |why: String, help: &str| Problem::new(format!("the keys in {shown} cannot be read"), why, help);
        match std::fs::metadata(path) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Store::default()),
            Err(e) => return Err(bad(e.to_string(), "let the user of this process read the file")),
            Ok(meta) if meta.len() > BYTES_MAX => {
                let why = format!("it has {} bytes; {BYTES_MAX} is the most", meta.len());
                return Err(bad(why, "put back the last good copy"));
            }
            Ok(_) => {}
        }
        let text = std::fs::read(path).map_err(|e| bad(e.to_string(), "let the user of this process read the file"))?;
        let help = "put back the last good copy, or take the file away and make the keys anew";
        let store: Store = serde_json::from_slice(&text).map_err(|e| bad(e.to_string(), help))?;
        if store.version != VERSION {
            let why = format!("it is of version {}, and this program knows version {VERSION}", store.version);
            return Err(bad(why, "use the program that wrote it, or a newer one"));
        }
        Ok(store)
    }

    /// Changes the file: reads it, lets `change` change it, and writes it, while no other process does the same.
    ///
    /// # Errors
    /// As [`Store::read`], what `change` says, and what the disk refuses; the file is as it was then.
    pub(crate) fn change<T>(path: &Path, change: impl FnOnce(&mut Store) -> Result<T, Problem>) -> Result<T, Problems> {
        let failed = |what: &str, e: &std::io::Error| {
            let help = "check the folder's owner and free space, or name another with DEWPOINT_DATA";
            Problem::new(format!("{} could not be {what}", path.display()), e.to_string(), help)
        };
        let folder = path.parent().unwrap_or(Path::new("."));
        make_folder(folder).map_err(|e| failed("written", &e))?;
        let lock = private(&path.with_extension("lock"), false).map_err(|e| failed("locked", &e))?;
        lock.lock().map_err(|e| failed("locked", &e))?;
        let mut store = Store::read(path)?;
        let out = change(&mut store)?;
        let text = serde_json::to_string_pretty(&store).unwrap_or_default() + "\n";
        replace(path, folder, text.as_bytes()).map_err(|e| failed("written", &e))?;
        Ok(out)
    }

    /// The key of that name or id.
    ///
    /// # Errors
    /// There is none, or it was revoked already.
    pub(crate) fn usable(&mut self, named: &str) -> Result<&mut Stored, Problem> {
        let names: Vec<String> = self.keys.iter().map(|k| k.name.clone()).collect();
        let Some(key) = self.keys.iter_mut().find(|k| k.name == named || k.id == named) else {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let help = if names.is_empty() {
                "`dewpoint keys create` makes one; a [[key]] of the configuration is changed there".to_owned()
            } else {
                crate::problem::suggest(named, &names)
            };
            let why = "no stored key has that name or id";
            return Err(Problem::new(format!("there is no key \"{named}\""), why, help));
        };
        if let Some(at) = key.revoked_unix_s {
            let why = format!("it was revoked on {}", budget::rfc3339(at.saturating_mul(1_000)));
            return Err(Problem::new(
                format!("the key \"{named}\" is of no more use"),
                why,
                "make another with `dewpoint keys create`",
            ));
        }
        Ok(key)
    }
}

/// Writes a new file beside the old one, puts it on the disk, and then in the old one's place.
fn replace(path: &Path, folder: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let new = path.with_extension("new");
    let mut file = private(&new, true)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    drop(file);
    std::fs::rename(&new, path)?;
    // The name survives a loss of power too.
    #[cfg(unix)]
    File::open(folder)?.sync_all()?;
    Ok(())
}

/// Opens a file for its owner only, made if absent.
fn private(path: &Path, truncate: bool) -> std::io::Result<File> {
    let mut options = File::options();
    options.write(true).create(true).truncate(truncate);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Makes the data folder, for its owner only.
pub(crate) fn make_folder(folder: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// A key without any limit.
    pub(crate) fn stored(id: &str, name: &str, secret: &str) -> Stored {
        Stored {
            id: id.to_owned(),
            name: name.to_owned(),
            hash: crate::key::show_hash(&crate::key::sha256(secret)),
            former: None,
            created_unix_s: 1,
            expires_unix_s: None,
            revoked_unix_s: None,
            team: None,
            places: None,
            models: None,
            routes: None,
            class: None,
            class_max: None,
            tags: vec![],
            durability: None,
            unpriced: None,
            budget: None,
            requests_per_minute: None,
            tokens_per_minute: None,
        }
    }

    #[test]
    fn a_change_is_all_or_nothing_and_for_its_owner_only() {
        let dir = tempfile::tempdir().unwrap();
        let path = path(&dir.path().join("made"));
        assert_eq!(Store::read(&path).unwrap(), Store::default(), "no file is no keys");
        Store::change(&path, |s| {
            s.keys.push(stored("a1", "alice", "dp_a1_secret"));
            Ok(())
        })
        .unwrap();
        let before = std::fs::read_to_string(&path).unwrap();
        assert!(!before.contains("dp_a1_secret"));
        let refused = Store::change(&path, |s| {
            s.keys.clear();
            Err::<(), _>(Problem::new("no", "no", "no"))
        });
        assert!(refused.is_err());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), before);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn changes_of_several_processes_are_all_kept() {
        let dir = tempfile::tempdir().unwrap();
        let path = path(dir.path());
        std::thread::scope(|scope| {
            for t in 0..8 {
                let path = &path;
                scope.spawn(move || {
                    for n in 0..5 {
                        let id = format!("{t}x{n}");
                        Store::change(path, |s| {
                            s.keys.push(stored(&id, &id, &id));
                            Ok(())
                        })
                        .unwrap();
                    }
                });
            }
        });
        assert_eq!(Store::read(&path).unwrap().keys.len(), 40);
    }

    #[test]
    fn a_file_that_is_damaged_or_of_another_version_is_no_file_without_keys() {
        let dir = tempfile::tempdir().unwrap();
        let path = path(dir.path());
        for (text, why) in [
            ("", "EOF"),
            ("{\"version\":2,\"keys\":[]}", "version 2"),
            ("{\"version\":1,\"keys\":[],\"more\":1}", "unknown field"),
            ("{\"version\":1,\"keys\":[{\"id\":\"a\"}]}", "missing field"),
        ] {
            std::fs::write(&path, text).unwrap();
            let problem = Store::read(&path).unwrap_err();
            assert!(problem.why.contains(why), "{text}: {}", problem.why);
            assert!(Store::change(&path, |_| Ok(())).is_err());
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text, "it is left as it is");
        }
    }
}
