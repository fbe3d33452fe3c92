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
                place: Where::Configured,
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
    // `ollama:qwen2.5` is the tag `latest`, as there.
    if name.starts_with("ollama:") && held.name == format!("{name}:latest") {
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
