//! The projector of a model: the file that lets it read images, named or found beside it.
//!
//! Never here: loading it.

use super::ModelSource;
use crate::gguf::{self, Header};
use std::fs::{self, File};
use std::io::BufReader;
use std::path::{Path, PathBuf};

/// Files of a folder that are looked at, at most.
const FILES_MAX: usize = 10_000;

/// The projector that a model has, checked: the one that was named, else the one beside it.
///
/// # Errors
/// The one that was named cannot be used; for people.
pub(crate) fn projector(source: &ModelSource, named: Option<&Path>) -> Result<Option<PathBuf>, String> {
    if let Some(path) = named {
        return check(path).map(|()| Some(path.to_owned()));
    }
    let ModelSource::Path(path) = source else { return Ok(None) };
    Ok(beside(path))
}

/// Checks the header of a projector before llama.cpp reads it.
///
/// # Errors
/// What is wrong with it, for people.
pub(crate) fn check(path: &Path) -> Result<(), String> {
    let refused = |why: String| {
        format!(
            "The projector {} cannot be used: {why}. Give the mmproj file that belongs to the model.",
            path.display()
        )
    };
    let header = header(path).map_err(refused)?;
    match header.text("general.architecture") {
        Some("clip") if header.uint("clip.vision.embedding_length").is_some() => Ok(()),
        Some("clip") => Err(refused("it is not for images".into())),
        _ => Err(refused("it is a GGUF file, but not a projector".into())),
    }
}

fn header(path: &Path) -> Result<Header, String> {
    let file = File::open(path).map_err(|e| e.to_string())?;
    gguf::read(BufReader::with_capacity(1 << 16, file)).map_err(|e| e.to_string())
}

/// The only `mmproj*.gguf` in the model's folder that is as wide as the model.
fn beside(model: &Path) -> Option<PathBuf> {
    let is = |p: &PathBuf| {
        let name = p.file_name().map(|n| n.to_string_lossy().to_lowercase()).unwrap_or_default();
        name.starts_with("mmproj") && name.ends_with(".gguf") && p != model
    };
    let folder = fs::read_dir(model.parent()?).ok()?;
    let files: Vec<PathBuf> = folder.take(FILES_MAX).filter_map(|f| Some(f.ok()?.path())).filter(is).collect();
    if files.is_empty() {
        return None;
    }
    let width = header(model).ok()?.arch_uint("embedding_length")?;
    let fits = |p: &PathBuf| {
        check(p).is_ok() && header(p).ok().and_then(|h| h.uint("clip.vision.projection_dim")) == Some(width)
    };
    let mut fitting = files.into_iter().filter(fits);
    let found = fitting.next()?;
    if fitting.next().is_some() {
        tracing::warn!(target: "engine", model = %model.display(), "several mmproj files fit; name one as `projector`");
        return None;
    }
    tracing::info!(target: "engine", model = %model.display(), projector = %found.display(), "the projector beside the model is used");
    Some(found)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use testkit::tiny::{Family, SEED, projector as tiny};

    #[test]
    fn the_one_beside_is_found_and_two_are_none() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, bytes: Vec<u8>| {
            let path = folder.path().join(name);
            fs::write(&path, bytes).unwrap();
            path
        };
        let model = file("tiny.gguf", Family::Llama.file().bytes(SEED));
        let source = ModelSource::Path(model.clone());
        assert_eq!(projector(&source, None), Ok(None));
        file("mmproj-other.gguf", Family::Llama.file().bytes(SEED));
        assert_eq!(projector(&source, None), Ok(None), "not a projector");
        let one = file("mmproj-F16.gguf", tiny().bytes(SEED));
        assert_eq!(projector(&source, None), Ok(Some(one.clone())));
        file("mmproj-F32.gguf", tiny().bytes(SEED));
        assert_eq!(projector(&source, None), Ok(None), "which one?");
        assert_eq!(projector(&source, Some(&one)), Ok(Some(one.clone())));
        let wrong = projector(&source, Some(&model)).unwrap_err();
        assert!(wrong.contains("not a projector"), "{wrong}");
    }
}
