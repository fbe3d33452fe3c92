//! GGUF files in Hugging Face's cache: `models--OWNER--REPO/snapshots/REVISION/**/FILE.gguf`, where `refs/main` says which revision is
//! the newest.
//!
//! Never here: writing.

use super::{Held, Where, models, names};
use std::io::Read;
use std::path::Path;

/// Folders inside a snapshot that are looked into.
const DEPTH_MAX: usize = 3;

/// Everything that is whole: `hf:owner/repo:file.gguf`.
pub(super) fn look(folder: &Path) -> Vec<Held> {
    let mut out = Vec::new();
    for entry in names(folder) {
        let Some((owner, repo)) = entry.strip_prefix("models--").and_then(|rest| rest.split_once("--")) else {
            continue;
        };
        let snapshots = folder.join(&entry).join("snapshots");
        let mut revisions = names(&snapshots);
        // The newest first: the first file of a name is kept.
        let main = main_revision(&folder.join(&entry).join("refs/main"));
        revisions.sort_by_key(|r| Some(r) != main.as_ref());
        let before = out.len();
        for revision in revisions {
            walk(&snapshots.join(revision), "", DEPTH_MAX, &format!("hf:{owner}/{repo}"), &mut out);
        }
        let mut seen = std::collections::HashSet::new();
        let fresh: Vec<Held> = out.drain(before..).filter(|held| seen.insert(held.name.clone())).collect();
        out.extend(fresh);
    }
    out
}

fn main_revision(path: &Path) -> Option<String> {
    let mut text = String::new();
    std::fs::File::open(path).ok()?.take(128).read_to_string(&mut text).ok()?;
    Some(text.trim().to_owned())
}

fn walk(folder: &Path, inside: &str, depth: usize, repo: &str, out: &mut Vec<Held>) {
    let files = names(folder);
    for (file, bytes) in models(folder, &files) {
        out.push(Held::new(format!("{repo}:{inside}{file}"), folder.join(file), bytes, Where::HuggingFace));
    }
    // Folders only, not links to folders: files are links into `blobs/`, folders never are.
    let is_folder = |name: &&String| std::fs::symlink_metadata(folder.join(name)).is_ok_and(|m| m.is_dir());
    for name in files.iter().filter(is_folder).filter(|_| depth > 0) {
        walk(&folder.join(name), &format!("{inside}{name}/"), depth - 1, repo, out);
    }
}

#[cfg(all(test, unix))]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    #[test]
    fn finds_files_of_the_newest_revision() {
        let dir = tempfile::tempdir().unwrap();
        let repo = dir.path().join("models--bartowski--Qwen2.5-0.5B-Instruct-GGUF");
        for folder in ["blobs", "refs", "snapshots/aaa", "snapshots/bbb/sub"] {
            fs::create_dir_all(repo.join(folder)).unwrap();
        }
        fs::write(repo.join("blobs/x"), "old").unwrap();
        fs::write(repo.join("blobs/y"), "newer").unwrap();
        fs::write(repo.join("refs/main"), "bbb\n").unwrap();
        symlink("../../blobs/x", repo.join("snapshots/aaa/m-Q4_K_M.gguf")).unwrap();
        symlink("../../blobs/y", repo.join("snapshots/bbb/m-Q4_K_M.gguf")).unwrap();
        symlink("../../../blobs/y", repo.join("snapshots/bbb/sub/n.gguf")).unwrap();
        symlink("../../blobs/gone", repo.join("snapshots/bbb/lost.gguf")).unwrap();
        symlink("/", repo.join("snapshots/bbb/root")).unwrap();
        fs::write(repo.join("snapshots/bbb/mmproj-f16.gguf"), "p").unwrap();
        fs::create_dir_all(dir.path().join("datasets--a--b/snapshots/c")).unwrap();
        let found = look(dir.path());
        let names: Vec<_> = found.iter().map(|m| (m.name.as_str(), m.bytes)).collect();
        let repo = "hf:bartowski/Qwen2.5-0.5B-Instruct-GGUF";
        assert_eq!(names, [(format!("{repo}:m-Q4_K_M.gguf").as_str(), 5), (format!("{repo}:sub/n.gguf").as_str(), 5)]);
    }
}
