//! Where models lie: our store, and the folders of Ollama, Hugging Face and llama.cpp.
//!
//! Never here: reading those folders.

use std::path::PathBuf;

/// A look-up in the environment: the caller's one door to it.
pub type Env<'a> = &'a dyn Fn(&str) -> Option<String>;

/// The folders of one user on one machine. They need not exist.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Folders {
    /// Ours, the only one that is written.
    pub store: PathBuf,
    /// Ollama's models: `manifests/` and `blobs/`.
    pub ollama: Option<PathBuf>,
    /// Hugging Face's cache: `models--owner--repo/snapshots/`.
    pub hugging_face: Option<PathBuf>,
    /// The cache of llama.cpp's programs.
    pub llama_cpp: Option<PathBuf>,
}

impl Folders {
    /// As the environment says.
    ///
    /// - store: `DEWPOINT_MODELS`, else `XDG_DATA_HOME/dewpoint/models`, else `~/.local/share/dewpoint/models`
    /// - Ollama: `OLLAMA_MODELS`, else `~/.ollama/models`
    /// - Hugging Face: `HF_HUB_CACHE`, else `HF_HOME/hub`, else `XDG_CACHE_HOME/huggingface/hub`, else `~/.cache/huggingface/hub`
    /// - llama.cpp: `LLAMA_CACHE`, else `XDG_CACHE_HOME/llama.cpp`, else `~/.cache/llama.cpp`
    pub fn from_env(env: Env<'_>) -> Folders {
        let set = |name: &str| env(name).filter(|v| !v.is_empty()).map(PathBuf::from);
        let home = set("HOME").or_else(|| set("USERPROFILE"));
        let under_home = |tail: &str| home.as_ref().map(|h| h.join(tail));
        let cache = set("XDG_CACHE_HOME").or_else(|| under_home(".cache"));
        let data = set("XDG_DATA_HOME").or_else(|| under_home(".local/share"));
        let store = set("DEWPOINT_MODELS").or_else(|| data.map(|d| d.join("dewpoint/models")));
        Folders {
            store: store.unwrap_or_else(|| PathBuf::from("dewpoint-models")),
            ollama: set("OLLAMA_MODELS").or_else(|| under_home(".ollama/models")),
            hugging_face: set("HF_HUB_CACHE")
                .or_else(|| set("HF_HOME").map(|h| h.join("hub")))
                .or_else(|| cache.as_ref().map(|c| c.join("huggingface/hub"))),
            llama_cpp: set("LLAMA_CACHE").or_else(|| cache.as_ref().map(|c| c.join("llama.cpp"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folders(set: &[(&str, &str)]) -> Folders {
        Folders::from_env(&|name| set.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned()))
    }

    #[test]
    fn each_variable_goes_before_its_default() {
        let plain = folders(&[("HOME", "/h")]);
        assert_eq!(plain.store, PathBuf::from("/h/.local/share/dewpoint/models"));
        assert_eq!(plain.ollama, Some(PathBuf::from("/h/.ollama/models")));
        assert_eq!(plain.hugging_face, Some(PathBuf::from("/h/.cache/huggingface/hub")));
        assert_eq!(plain.llama_cpp, Some(PathBuf::from("/h/.cache/llama.cpp")));
        let xdg = folders(&[("HOME", "/h"), ("XDG_DATA_HOME", "/d"), ("XDG_CACHE_HOME", "/c")]);
        assert_eq!(xdg.store, PathBuf::from("/d/dewpoint/models"));
        assert_eq!(xdg.hugging_face, Some(PathBuf::from("/c/huggingface/hub")));
        let own = [("DEWPOINT_MODELS", "/m"), ("OLLAMA_MODELS", "/o"), ("HF_HOME", "/f"), ("LLAMA_CACHE", "/l")];
        let own = folders(&own);
        assert_eq!(own.store, PathBuf::from("/m"));
        assert_eq!(own.ollama, Some(PathBuf::from("/o")));
        assert_eq!(own.hugging_face, Some(PathBuf::from("/f/hub")));
        assert_eq!(own.llama_cpp, Some(PathBuf::from("/l")));
        // A variable that is empty counts as not set, as everywhere.
        assert_eq!(folders(&[("HOME", "/h"), ("DEWPOINT_MODELS", "")]).store, plain.store);
    }
}
