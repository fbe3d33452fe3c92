//! From a name to the file of a model that is on this disk.
//!
//! Never here: fetching it.

use crate::elsewhere::{Held, Where, survey};
use crate::folders::Folders;
use crate::name::{Pick, Wanted, simple, strip_gguf};
use crate::problem::{Problem, nearest};
use std::path::PathBuf;

/// Finds a model: a path, a name of the store or the catalog (`qwen2.5-0.5b`), `ollama:qwen2.5:0.5b`, `hf:owner/repo[:file]`,
/// `llama.cpp:name`. Reads the disk.
///
/// # Errors
/// It is not here; the text says what is near, and how to get it.
pub fn find(name: &str, folders: &Folders) -> Result<PathBuf, Problem> {
    find_held(name, folders).map(|held| held.path)
}

/// As [`find`], with all that is known of it.
///
/// # Errors
/// As [`find`].
pub fn find_held(name: &str, folders: &Folders) -> Result<Held, Problem> {
    if let Some(path) = as_path(name) {
        return match std::fs::metadata(&path) {
            Ok(file) if file.is_file() => Ok(Held {
                name: name.to_owned(),
                path,
                bytes: file.len(),
                place: Where::Path,
                license: None,
                source: None,
            }),
            Ok(_) => {
                Err(Problem::new(format!("{name} is no model"), "it is not a file", "give the path of a .gguf file"))
            }
            Err(e) => Err(Problem::new(
                format!("there is no model {name}"),
                e.to_string(),
                "check the path, or give a name: `dewpoint models` lists them",
            )),
        };
    }
    let all = survey(folders);
    match all.iter().find(|held| is(held, name)) {
        Some(held) => Ok(held.clone()),
        None => Err(missing(name, &all)),
    }
}

/// What looks like a path is one: it has a separator or an ending, and none of our prefixes.
fn as_path(name: &str) -> Option<PathBuf> {
    let prefixed = ["hf:", "ollama:", "llama.cpp:"].iter().any(|p| name.starts_with(p));
    let path = name.contains(['/', '\\']) || name.to_ascii_lowercase().ends_with(".gguf");
    (path && !prefixed).then(|| PathBuf::from(name))
}

fn is(held: &Held, name: &str) -> bool {
    if held.name == name || (held.place == Where::Store && simple(&held.name) == simple(name)) {
        return true;
    }
    // `ollama:qwen2.5` is the tag `latest`, as there; and there nobody writes the prefix.
    if held.name == format!("{name}:latest") || held.name.strip_prefix("ollama:").is_some_and(|own| own == name) {
        return true;
    }
    let Ok(Wanted::HuggingFace { owner, repo, pick, .. }) = Wanted::parse(name) else { return false };
    let source = held.source.as_deref().unwrap_or(&held.name);
    let Some(file) = source.strip_prefix(&format!("hf:{owner}/{repo}:")) else { return false };
    match pick {
        Pick::Usual => true,
        Pick::File(wanted) => wanted == file,
        Pick::Quantisation(tag) => strip_gguf(file).to_ascii_lowercase().ends_with(&tag.to_ascii_lowercase()),
    }
}

fn missing(name: &str, all: &[Held]) -> Problem {
    let what = format!("there is no model {name} on this machine");
    let near = nearest(name, all.iter().map(|held| held.name.as_str()));
    let here = match near {
        Some(near) => format!("the nearest name here is {near}"),
        None if all.is_empty() => {
            "there is none at all: neither in the store nor in the caches of Ollama, Hugging Face and llama.cpp"
                .to_owned()
        }
        None => "no name here is near to it".to_owned(),
    };
    let help = match Wanted::parse(name) {
        Ok(_) => format!("`dewpoint pull {name}` fetches it; `dewpoint models` lists what is here"),
        Err(_) => {
            "`dewpoint models` lists what is here, `dewpoint models --catalog` what can be pulled by name".to_owned()
        }
    };
    Problem::new(what, here, help)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn folders() -> (tempfile::TempDir, Folders) {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        let snapshot = at("hf/models--o--Repo-GGUF/snapshots/a");
        std::fs::create_dir_all(&snapshot).unwrap();
        std::fs::create_dir_all(at("store")).unwrap();
        std::fs::create_dir_all(at("llama")).unwrap();
        std::fs::write(snapshot.join("Repo-Q8_0.gguf"), "x").unwrap();
        std::fs::write(at("store/qwen2.5-0.5b.gguf"), "x").unwrap();
        std::fs::write(at("llama/o_r_m.gguf"), "x").unwrap();
        let blob = at("ollama/blobs").join(format!("sha256-{}", "a".repeat(64)));
        let manifest = at("ollama/manifests/registry.ollama.ai/library/tiny/latest");
        for path in [&blob, &manifest] {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        }
        std::fs::write(&blob, "x").unwrap();
        let layer =
            format!(r#"{{"mediaType":"application/vnd.ollama.image.model","digest":"sha256:{}"}}"#, "a".repeat(64));
        std::fs::write(&manifest, format!(r#"{{"layers":[{layer}]}}"#)).unwrap();
        let folders = Folders {
            store: at("store"),
            ollama: Some(at("ollama")),
            hugging_face: Some(at("hf")),
            llama_cpp: Some(at("llama")),
        };
        (dir, folders)
    }

    #[test]
    fn every_kind_of_name_finds_its_file() {
        let (dir, folders) = folders();
        let path = dir.path().join("store/qwen2.5-0.5b.gguf").display().to_string();
        for (name, end) in [
            ("qwen2.5-0.5b", "qwen2.5-0.5b.gguf"),
            ("Qwen2.5:0.5B", "qwen2.5-0.5b.gguf"),
            (&path, "qwen2.5-0.5b.gguf"),
            ("hf:o/Repo-GGUF", "Repo-Q8_0.gguf"),
            ("hf:o/Repo-GGUF:q8_0", "Repo-Q8_0.gguf"),
            ("hf:o/Repo-GGUF:Repo-Q8_0.gguf", "Repo-Q8_0.gguf"),
            ("ollama:tiny", &"a".repeat(64)),
            ("tiny:latest", &"a".repeat(64)),
            ("llama.cpp:o_r_m", "o_r_m.gguf"),
        ] {
            let found = find(name, &folders).unwrap_or_else(|e| unreachable!("{name}: {e}"));
            assert!(found.display().to_string().ends_with(end), "{name}: {}", found.display());
        }
    }

    #[test]
    fn what_is_not_here_is_said_with_what_is_near() {
        let (dir, folders) = folders();
        assert!(find("qwen2.5-0.6b", &folders).unwrap_err().why.contains("qwen2.5-0.5b"));
        assert!(
            find("hf:o/Repo-GGUF:Q4_K_M", &folders).unwrap_err().help.contains("dewpoint pull hf:o/Repo-GGUF:Q4_K_M")
        );
        assert!(find("./none.gguf", &folders).unwrap_err().help.contains("check the path"));
        assert!(find(&dir.path().display().to_string(), &folders).unwrap_err().why.contains("not a file"));
        let empty = Folders { store: dir.path().join("empty"), ..Folders::default() };
        assert!(find("x", &empty).unwrap_err().why.contains("none at all"));
    }
}
