//! Where the model comes from: a file of the user's, or the one in the binary, which is put into a cache folder since
//! llama.cpp reads files only. And what its header says.
//!
//! Never here: loading.

use crate::fit::Fit;
use crate::gguf::{self, Header};
use crate::protocol::{Role, Sampling};
use std::fs::{self, File};
use std::io::{BufReader, Write};
use std::path::{Path, PathBuf};

/// Smallest and largest context that is accepted, tokens.
pub(crate) const CONTEXT_MIN: u32 = 64;
pub(crate) const CONTEXT_MAX: u32 = 1 << 20;
/// Context where none is asked for and the model was trained for more: memory grows with it.
const CONTEXT_DEFAULT: u32 = 8192;
/// Architectures that make vectors and write nothing.
const ENCODERS: [&str; 11] = [
    "bert",
    "modern-bert",
    "nomic-bert",
    "nomic-bert-moe",
    "neo-bert",
    "jina-bert-v2",
    "jina-bert-v3",
    "eurobert",
    "t5encoder",
    "gemma-embedding",
    "llama-embed",
];
/// Architectures that need another model beside them.
const PARTS: [&str; 2] = ["t5", "clip"];

mod eye;
#[cfg(feature = "llama")]
pub(crate) use eye::check as check_projector;
pub(crate) use eye::projector;

/// Where a model comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ModelSource {
    /// A GGUF file.
    Path(PathBuf),
    /// The bytes of a GGUF file that are part of the program.
    Bundled(&'static [u8]),
}

/// How the vectors of tokens become that of a text. The numbers are those of GGUF's `pooling_type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pooling {
    /// Their mean.
    Mean = 1,
    /// That of the first token.
    Cls = 2,
    /// That of the last token.
    Last = 3,
    /// A score by a classifier.
    Rank = 4,
}

/// What the supervisor wants to know of a model before it is loaded.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Facts {
    /// `general.name`, where there is one.
    pub(crate) name: Option<String>,
    /// `general.description`.
    pub(crate) description: Option<String>,
    pub(crate) architecture: String,
    pub(crate) params: u64,
    /// Length of the file.
    pub(crate) bytes: u64,
    /// Context the model was trained for.
    trained: Option<u32>,
    /// Memory that it needs.
    pub(crate) fit: Fit,
    /// What it is for.
    pub(crate) role: Role,
    /// How the vectors of tokens become that of a text, for encoders.
    #[cfg_attr(not(feature = "llama"), allow(dead_code, reason = "read by the worker"))]
    pub(crate) pooling: Pooling,
    /// What the file recommends, over the defaults.
    pub(crate) sampling: Sampling,
}

impl Facts {
    pub(crate) fn new(header: &Header) -> Facts {
        Facts {
            name: header.text("general.name").map(str::to_owned),
            description: header.text("general.description").map(str::to_owned),
            architecture: header.text("general.architecture").unwrap_or_default().to_owned(),
            params: header.params,
            bytes: header.file_len,
            trained: header.arch_uint("context_length").and_then(|n| u32::try_from(n).ok()),
            fit: Fit::new(header),
            role: role(header),
            pooling: pooling(header),
            sampling: recommended(header),
        }
    }

    /// The context to load with.
    ///
    /// # Errors
    /// What was asked for is out of bounds; the text says which.
    pub(crate) fn context(&self, asked: Option<u32>) -> Result<u32, String> {
        let context = asked.unwrap_or_else(|| self.trained.unwrap_or(CONTEXT_DEFAULT).min(CONTEXT_DEFAULT));
        let most = self.trained.unwrap_or(CONTEXT_MAX).clamp(CONTEXT_MIN, CONTEXT_MAX);
        if (CONTEXT_MIN..=most).contains(&context) {
            return Ok(context);
        }
        Err(format!(
            "The context of {context} tokens is not possible: this model takes {CONTEXT_MIN} to {most}. Set `context_tokens` \
             of the place to a number between them."
        ))
    }
}

/// By the header: a classifier scores, a way of pooling or the architecture makes vectors, everything else writes.
fn role(header: &Header) -> Role {
    let architecture = header.text("general.architecture").unwrap_or_default();
    let encoder = ENCODERS.contains(&architecture);
    match header.arch_uint("pooling_type") {
        Some(4) => Role::Rerank,
        _ if encoder && header.has_list(&format!("{architecture}.classifier.output_labels")) => Role::Rerank,
        Some(1..=3) => Role::Embed,
        _ if encoder => Role::Embed,
        _ => Role::Generate,
    }
}

/// The file's own, else the mean, as sentence-transformers has it where a model says nothing.
fn pooling(header: &Header) -> Pooling {
    match (role(header), header.arch_uint("pooling_type")) {
        (Role::Rerank, _) => Pooling::Rank,
        (_, Some(2)) => Pooling::Cls,
        (_, Some(3)) => Pooling::Last,
        _ => Pooling::Mean,
    }
}

/// The file's own sampling values where they make sense, else the defaults.
fn recommended(header: &Header) -> Sampling {
    let value = |key: &str, least: f64, most: f64| {
        header.float(&format!("general.sampling.{key}")).filter(|v| (least..=most).contains(v)).map(|v| v as f32)
    };
    let default = Sampling::default();
    Sampling {
        temperature: value("temp", 0.0, 10.0).unwrap_or(default.temperature),
        top_p: value("top_p", 0.0, 1.0).unwrap_or(default.top_p),
        min_p: value("min_p", 0.0, 1.0).unwrap_or(default.min_p),
        top_k: value("top_k", 0.0, 1e6).map_or(default.top_k, |k| k as u32),
        ..default
    }
}

/// Reads and checks the header of a model file.
///
/// # Errors
/// What is wrong with the file and what to do, for people.
pub(crate) fn examine(path: &Path) -> Result<Facts, String> {
    let shown = path.display();
    let advice = "Give the path of a .gguf file in the [[place]] with api = \"engine\".";
    let metadata = fs::metadata(path).map_err(|e| match e.kind() {
        std::io::ErrorKind::NotFound => format!("There is no model file {shown}. {advice}"),
        _ => format!("The model file {shown} cannot be read ({e}). {advice}"),
    })?;
    if !metadata.is_file() {
        return Err(format!("{shown} is not a file, so it cannot be a model. {advice}"));
    }
    let file = File::open(path).map_err(|e| format!("The model file {shown} cannot be read ({e}). {advice}"))?;
    let header = gguf::read(BufReader::with_capacity(1 << 16, file)).map_err(|e| match e {
        gguf::HeaderError::Cut { .. } | gguf::HeaderError::Damaged(_) => {
            format!("The model file {shown} is broken ({e}). Copy or download it again.")
        }
        gguf::HeaderError::Version(_) => format!("The model file {shown} cannot be used ({e}). Convert it again."),
        e => format!("The model file {shown} is not a GGUF file ({e}). {advice}"),
    })?;
    let facts = Facts::new(&header);
    match facts.architecture.as_str() {
        "" => Err(format!("The model file {shown} is broken (general.architecture is missing). Copy it again.")),
        a if PARTS.contains(&a) => {
            Err(format!("The model file {shown} is a part of another model ({a}) and is of no use by itself. {advice}"))
        }
        _ => Ok(facts),
    }
}

/// Checks the header of an adapter before llama.cpp reads it.
///
/// # Errors
/// What is wrong with the file, for people.
#[cfg(feature = "llama")]
pub(crate) fn adapter(path: &Path) -> Result<(), String> {
    let refused = |why: String| format!("The adapter {} cannot be used: {why}.", path.display());
    let file = File::open(path).map_err(|e| refused(e.to_string()))?;
    let header = gguf::read(BufReader::with_capacity(1 << 16, file)).map_err(|e| refused(e.to_string()))?;
    match (header.text("general.type"), header.text("adapter.type")) {
        (Some("adapter"), Some("lora")) => Ok(()),
        _ => Err(refused("it is a GGUF file, but not a LoRA adapter".into())),
    }
}

/// What a source says before it is unpacked; `None` where it cannot be read.
pub(crate) fn facts(source: &ModelSource) -> Option<Facts> {
    match source {
        ModelSource::Path(path) => examine(path).ok(),
        ModelSource::Bundled(bytes) => gguf::read(std::io::Cursor::new(bytes)).ok().map(|h| Facts::new(&h)),
    }
}

/// The file to load; the bundled model is written to a cache folder first, unless it is there already.
///
/// # Errors
/// No folder can be written to.
pub(crate) fn path(source: &ModelSource) -> Result<PathBuf, String> {
    match source {
        ModelSource::Path(path) => Ok(path.clone()),
        ModelSource::Bundled(bytes) => {
            let mut last = String::new();
            for folder in folders() {
                match keep(&folder, bytes) {
                    Ok(path) => return Ok(path),
                    Err(e) => last = format!("{}: {e}", folder.display()),
                }
            }
            Err(format!(
                "The bundled model cannot be unpacked ({last}). Make the cache folder writable or set XDG_CACHE_HOME."
            ))
        }
    }
}

/// Folders for the bundled model, best first. The last one is private to this process: a name in the shared temporary
/// folder that others can guess must not be trusted.
fn folders() -> Vec<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    let home = set("HOME").or_else(|| set("LOCALAPPDATA")).map(|h| h.join(".cache"));
    let mut folders: Vec<PathBuf> = set("XDG_CACHE_HOME").into_iter().chain(home).map(|f| f.join("dewpoint")).collect();
    let stamp = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |d| d.as_nanos());
    folders.push(std::env::temp_dir().join(format!("dewpoint-{}-{stamp}", std::process::id())));
    folders
}

/// Puts the bytes into a folder under a name made of their own hash. A file that is there already is compared byte for
/// byte; a new one is written aside and renamed, so nobody ever sees half of it.
fn keep(folder: &Path, bytes: &[u8]) -> std::io::Result<PathBuf> {
    create_private(folder)?;
    let path = folder.join(format!("bundled-{:016x}.gguf", fnv(bytes)));
    if fs::read(&path).is_ok_and(|there| there == bytes) {
        return Ok(path);
    }
    let aside = folder.join(format!("bundled-{:016x}.{}.part", fnv(bytes), std::process::id()));
    let written = File::create(&aside).and_then(|mut f| f.write_all(bytes).and_then(|()| f.sync_all()));
    written.and_then(|()| fs::rename(&aside, &path)).inspect_err(|_| drop(fs::remove_file(&aside)))?;
    Ok(path)
}

#[cfg(unix)]
fn create_private(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

#[cfg(not(unix))]
fn create_private(folder: &Path) -> std::io::Result<()> {
    fs::create_dir_all(folder)
}

/// FNV-1a, 64 bits: names the file; its content is compared, not trusted.
fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |h, b| (h ^ u64::from(*b)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::tiny::Tiny;

    fn facts(tiny: &Tiny) -> Facts {
        Facts::new(&gguf::read(std::io::Cursor::new(tiny.bytes())).unwrap())
    }

    #[test]
    fn each_kind_of_bad_file_gets_its_own_advice() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, bytes: &[u8]| {
            let path = folder.path().join(name);
            fs::write(&path, bytes).unwrap();
            examine(&path).unwrap_err()
        };
        assert!(examine(&folder.path().join("none.gguf")).unwrap_err().starts_with("There is no model file"));
        assert!(examine(folder.path()).unwrap_err().contains("is not a file"));
        assert!(file("empty.gguf", b"").contains("is not a GGUF file (it is empty)"));
        let html = file("page.gguf", b"<html></html>");
        assert!(html.contains("is not a GGUF file (it does not begin with the letters GGUF). Give the path"), "{html}");
        let cut = Tiny::default().bytes();
        assert!(
            file("cut.gguf", &cut[..cut.len() - 5]).contains("is broken (it is cut off: tensor blk.0.ffn_down.weight")
        );
        assert!(
            file("clip.gguf", &Tiny { arch: "clip", ..Tiny::default() }.bytes())
                .contains("is a part of another model (clip)")
        );
    }

    #[test]
    fn what_a_model_is_for_stands_in_its_header() {
        use testkit::tiny::{Family, Gguf};
        let of = |file: Gguf| {
            let header = gguf::read(std::io::Cursor::new(file.bytes(1))).unwrap();
            (role(&header), pooling(&header))
        };
        assert_eq!(of(Family::Bert.file()), (Role::Embed, Pooling::Mean));
        assert_eq!(of(Family::BertRank.file()), (Role::Rerank, Pooling::Rank));
        assert_eq!(of(Family::Qwen3.file()).0, Role::Generate);
        let mut decoder = Family::Qwen3.file();
        decoder.uint("qwen3.pooling_type", 3);
        assert_eq!(of(decoder), (Role::Embed, Pooling::Last));
        let bare = |key: Option<&str>| {
            let mut file = Gguf::default();
            file.text("general.architecture", "nomic-bert");
            key.into_iter().for_each(|key| file.texts(key, &["relevant"]));
            of(file)
        };
        assert_eq!(bare(None), (Role::Embed, Pooling::Mean), "sentence-transformers' default");
        assert_eq!(bare(Some("nomic-bert.classifier.output_labels")).0, Role::Rerank);
    }

    #[test]
    fn sampling_comes_from_the_file_where_it_makes_sense() {
        let floats =
            vec![("general.sampling.temp", 0.25), ("general.sampling.top_p", 7.0), ("general.sampling.top_k", 3.0)];
        let s = facts(&Tiny { floats, ..Tiny::default() }).sampling;
        assert_eq!((s.temperature, s.top_p, s.top_k), (0.25, 0.95, 3));
    }

    #[test]
    fn the_context_is_bounded() {
        let f = facts(&Tiny { context: 4096, ..Tiny::default() });
        assert_eq!(f.context(None), Ok(4096));
        assert_eq!(f.context(Some(100)), Ok(100));
        assert!(f.context(Some(5000)).is_err());
        assert!(f.context(Some(0)).is_err());
        assert_eq!(facts(&Tiny { context: 100_000, ..Tiny::default() }).context(None), Ok(8192));
    }

    #[test]
    fn the_bundled_model_is_written_once_and_repaired() {
        let folder = tempfile::tempdir().unwrap();
        let path = keep(folder.path(), b"one").unwrap();
        let written = fs::metadata(&path).unwrap().modified().unwrap();
        assert_eq!(keep(folder.path(), b"one").unwrap(), path);
        assert_eq!(fs::metadata(&path).unwrap().modified().unwrap(), written);
        fs::write(&path, b"two").unwrap();
        assert_eq!(fs::read(keep(folder.path(), b"one").unwrap()).unwrap(), b"one");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
