//! GGUF files that llama.cpp's programs have fetched (`llama-server -hf …`): one folder, `OWNER_REPO_FILE.gguf`.
//!
//! Never here: writing.

use super::{Held, Where, models, names};
use crate::name::{shard, strip_gguf};
use std::path::Path;

/// Everything that is whole: `llama.cpp:STEM`.
pub(super) fn look(folder: &Path) -> Vec<Held> {
    let held = |(file, bytes): (String, u64)| {
        let stem = shard(&file).map_or_else(|| strip_gguf(&file), |s| s.stem);
        Held::new(format!("llama.cpp:{stem}"), folder.join(&file), bytes, Where::LlamaCpp)
    };
    models(folder, &names(folder)).into_iter().map(held).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::fs;

    #[test]
    fn finds_whole_files() {
        let dir = tempfile::tempdir().unwrap();
        for file in ["o_r_m-Q4.gguf", "o_r_m-Q4.gguf.json", "x.gguf.downloadInProgress", "s-00001-of-00002.gguf"] {
            fs::write(dir.path().join(file), "abc").unwrap();
        }
        let names = |found: Vec<Held>| found.into_iter().map(|m| (m.name, m.bytes)).collect::<Vec<_>>();
        assert_eq!(names(look(dir.path())), [("llama.cpp:o_r_m-Q4".to_owned(), 3)]);
        fs::write(dir.path().join("s-00002-of-00002.gguf"), "de").unwrap();
        assert_eq!(names(look(dir.path())).last().unwrap(), &("llama.cpp:s".to_owned(), 5));
    }
}
