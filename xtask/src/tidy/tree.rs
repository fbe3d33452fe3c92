//! The tree that is checked: every text file of the repository, by its path from the root.
//!
//! Never here: a rule.

use anyhow::{Context, Result};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Folders that hold what was built or fetched, wherever they are.
const SKIPPED: [&str; 9] =
    [".git", "target", ".venv", "node_modules", "__pycache__", ".pytest_cache", "corpus", "artifacts", "coverage"];

/// Files larger than this are data, not sources.
const TEXT_MAX: u64 = 1 << 20;

/// Text files by path, with `/` on every system.
#[derive(Debug, Default, Clone)]
pub struct Tree {
    /// The contents.
    pub files: BTreeMap<String, String>,
    /// Paths that are there but are not text (weights, pictures) or are too large; links may point to them.
    pub others: Vec<String>,
}

impl Tree {
    /// Reads the tree under `root`.
    ///
    /// # Errors
    /// A folder or file that cannot be read.
    pub fn load(root: &Path) -> Result<Tree> {
        let mut tree = Tree::default();
        tree.read(root, "")?;
        Ok(tree)
    }

    /// A tree made up for a test.
    pub fn of(files: &[(&str, &str)]) -> Tree {
        let files = files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
        Tree { files, others: Vec::new() }
    }

    /// Is there a file, or a folder with a file in it, at `path`?
    pub fn has(&self, path: &str) -> bool {
        let folder = format!("{path}/");
        self.files.contains_key(path)
            || path.is_empty()
            || self.others.iter().any(|o| o == path || o.starts_with(&folder))
            || self.files.range(folder.clone()..).next().is_some_and(|(p, _)| p.starts_with(&folder))
    }

    fn read(&mut self, root: &Path, under: &str) -> Result<()> {
        let folder = root.join(under);
        let mut entries =
            fs::read_dir(&folder)?.collect::<Result<Vec<_>, _>>().with_context(|| format!("reading {under}"))?;
        entries.sort_by_key(std::fs::DirEntry::file_name);
        for entry in entries {
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = if under.is_empty() { name.clone() } else { format!("{under}/{name}") };
            let kind = entry.file_type().with_context(|| path.clone())?;
            if kind.is_dir() {
                if !SKIPPED.contains(&name.as_str()) {
                    self.read(root, &path)?;
                }
            } else if kind.is_file() {
                self.add(&entry.path(), path)?;
            }
        }
        Ok(())
    }

    fn add(&mut self, file: &Path, path: String) -> Result<()> {
        let small = fs::metadata(file).with_context(|| path.clone())?.len() <= TEXT_MAX;
        match small.then(|| fs::read(file)).transpose().with_context(|| path.clone())?.map(String::from_utf8) {
            Some(Ok(text)) => {
                self.files.insert(path, text);
            }
            _ => self.others.push(path),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn has_knows_files_folders_and_others() {
        let mut tree = Tree::of(&[("a/b.md", "")]);
        tree.others.push("models/edge/x.gguf".to_owned());
        for there in ["a/b.md", "a", "models", "models/edge", "models/edge/x.gguf", ""] {
            assert!(tree.has(there), "{there}");
        }
        for absent in ["a/b", "b.md", "model", "a/b.md/c"] {
            assert!(!tree.has(absent), "{absent}");
        }
    }
}
