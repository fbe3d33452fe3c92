//! Models of Ollama: `manifests/HOST/NAMESPACE/MODEL/TAG` is JSON whose layer of media type `application/vnd.ollama.image.model` is
//! the GGUF file `blobs/sha256-DIGEST`.
//!
//! Never here: writing.

use super::{Held, Where, length, names};
use crate::card::Digest;
use serde::Deserialize;
use std::io::Read;
use std::path::Path;

/// Longest manifest, bytes.
const MANIFEST_MAX: u64 = 1 << 20;
/// Media type of the layer that is the model.
const MODEL: &str = "application/vnd.ollama.image.model";

#[derive(Deserialize)]
struct Manifest {
    layers: Vec<Layer>,
}

#[derive(Deserialize)]
struct Layer {
    #[serde(rename = "mediaType")]
    media_type: String,
    digest: String,
}

/// Everything that is whole: `ollama:qwen2.5:0.5b`, `ollama:owner/model:tag`.
pub(super) fn look(folder: &Path) -> Vec<Held> {
    let manifests = folder.join("manifests");
    let mut out = Vec::new();
    for host in names(&manifests) {
        let at_host = manifests.join(&host);
        for space in names(&at_host) {
            let at_space = at_host.join(&space);
            for model in names(&at_space) {
                let at_model = at_space.join(&model);
                let prefix = match (host.as_str(), space.as_str()) {
                    ("registry.ollama.ai", "library") => String::new(),
                    ("registry.ollama.ai", space) => format!("{space}/"),
                    (host, space) => format!("{host}/{space}/"),
                };
                out.extend(names(&at_model).iter().filter_map(|tag| {
                    let (path, bytes) = blob(folder, &at_model.join(tag))?;
                    Some(Held::new(format!("ollama:{prefix}{model}:{tag}"), path, bytes, Where::Ollama))
                }));
            }
        }
    }
    out
}

/// The file of the model that a manifest names, if it is there.
fn blob(folder: &Path, manifest: &Path) -> Option<(std::path::PathBuf, u64)> {
    let mut text = Vec::new();
    std::fs::File::open(manifest).ok()?.take(MANIFEST_MAX).read_to_end(&mut text).ok()?;
    let manifest: Manifest = serde_json::from_slice(&text).ok()?;
    let layer = manifest.layers.iter().find(|l| l.media_type == MODEL)?;
    // Only a digest: no manifest can name another file.
    let digest = Digest::parse(layer.digest.strip_prefix("sha256:")?)?;
    let path = folder.join("blobs").join(format!("sha256-{digest}"));
    let bytes = length(&path)?;
    Some((path, bytes))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::fs;

    fn manifest(folder: &Path, path: &str, digest: &str) {
        let path = folder.join("manifests").join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let text = serde_json::json!({ "schemaVersion": 2, "layers": [
            { "mediaType": "application/vnd.ollama.image.license", "digest": format!("sha256:{}", "1".repeat(64)), "size": 1 },
            { "mediaType": MODEL, "digest": digest, "size": 3 } ] });
        fs::write(path, text.to_string()).unwrap();
    }

    #[test]
    fn finds_models_whose_blobs_are_there() {
        let dir = tempfile::tempdir().unwrap();
        let hex = "a".repeat(64);
        fs::create_dir_all(dir.path().join("blobs")).unwrap();
        fs::write(dir.path().join(format!("blobs/sha256-{hex}")), "abc").unwrap();
        manifest(dir.path(), "registry.ollama.ai/library/qwen2.5/0.5b", &format!("sha256:{hex}"));
        manifest(dir.path(), "registry.ollama.ai/someone/mine/latest", &format!("sha256:{hex}"));
        manifest(dir.path(), "hf.co/bartowski/x-GGUF/Q4_K_M", &format!("sha256:{hex}"));
        manifest(dir.path(), "registry.ollama.ai/library/gone/1b", &format!("sha256:{}", "b".repeat(64)));
        manifest(dir.path(), "registry.ollama.ai/library/bad/1b", "sha256:../../../etc/passwd");
        fs::write(dir.path().join("manifests/registry.ollama.ai/library/qwen2.5/broken"), "{").unwrap();
        let found = look(dir.path());
        let names: Vec<_> = found.iter().map(|m| m.name.as_str()).collect();
        assert_eq!(
            names,
            ["ollama:hf.co/bartowski/x-GGUF:Q4_K_M", "ollama:qwen2.5:0.5b", "ollama:someone/mine:latest"]
        );
        assert_eq!((found[1].bytes, found[1].path.clone()), (3, dir.path().join(format!("blobs/sha256-{hex}"))));
        assert!(look(&dir.path().join("none")).is_empty());
    }
}
