//! The sections `[engine]` and `[[engine.model]]`.
//!
//! Never here: starting the engine (`embedded`), reading model files.

use super::server::shown_count;
use super::{EngineSettings, Reader};
use crate::bundled::BUNDLED;
use crate::config::origin::Origin;
use crate::config::shape::{self, EngineModel, EngineModels, File};
use engine::{CacheType, ModelSource, ModelSpec, Split};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// The word for the model inside the binary.
const IN_BINARY: &str = "bundled";
/// Models of one engine, at most.
const MODELS_MAX: usize = 64;
/// Bounds of the engine: context of a request, requests at a time, threads.
const CONTEXT: (u32, u32) = (64, 1 << 20);
const SLOTS_MAX: u32 = 64;
const THREADS_MAX: u32 = 512;
/// Largest KV cache, tokens, and most layers that any model has.
const CACHE_TOKENS_MAX: u32 = 1 << 26;
const LAYERS_MAX: u32 = 10_000;
/// Largest amount of memory that is taken for one, megabytes (64 TB).
const MEMORY_MB_MAX: u64 = 64_000_000;
const PREFIX_MB_MAX: u32 = 1_000_000;
/// Strongest scale of an adapter, either way.
const SCALE_MAX: f64 = 100.0;

/// The embedded engine. A `[[place]]` with `api = "engine"` gives it another name or tier.
pub(super) fn engine(r: &mut Reader<'_>, file: &File) -> Option<EngineSettings> {
    let section = &file.engine;
    r.note("engine.enabled", section.enabled);
    if !section.enabled {
        return None;
    }
    if section.context_tokens != 0 {
        within(r, "engine.context_tokens", section.context_tokens, CONTEXT.0, CONTEXT.1);
    }
    within(r, "engine.threads", u32::from(section.threads), 0, THREADS_MAX);
    if section.memory_mb > MEMORY_MB_MAX {
        let what = format!("engine.memory_mb is {}", section.memory_mb);
        let help = format!("write megabytes up to {MEMORY_MB_MAX}, or 0 for what is free");
        r.wrong("engine.memory_mb", what, "no machine has so much memory", help);
    }
    let keep_alive = keep_alive(r, "engine.keep_alive", &section.keep_alive);
    r.note("engine.context_tokens", section.context_tokens);
    r.note("engine.threads", shown_count(section.threads, "the engine chooses"));
    let memory = if section.memory_mb == 0 { "0 (what is free)".to_owned() } else { section.memory_mb.to_string() };
    r.note("engine.memory_mb", memory);
    r.note("engine.keep_alive", &section.keep_alive);
    r.note("engine.max_loaded", shown_count(section.max_loaded, "as many as fit"));
    let models = match &section.model {
        EngineModels::One(path) => {
            r.note("engine.model", path);
            let source = source(r, "engine.model", path);
            one(section, source)
        }
        EngineModels::Many(list) => many(r, section, list, keep_alive),
    };
    let at = file.place.iter().position(|p| p.api == Some(shape::Api::Engine));
    let declared = at.map(|i| &file.place[i]);
    let economics = at
        .and_then(|i| super::economics::economics(r, &file.place[i], &format!("place[{i}]"), decide::Kind::Appliance));
    let place = decide::Place {
        id: decide::PlaceId::new(declared.map_or("edge", |p| p.name.as_str())),
        api: decide::Api::Engine,
        tier: declared.and_then(|p| p.tier).map_or(decide::Tier::Edge, Into::into),
        kind: decide::Kind::Appliance,
        zone: decide::Zone::Embedded,
        provider: Arc::from("dewpoint"),
        terms: decide::Terms::default(),
        economics,
    };
    Some(EngineSettings {
        place: Arc::new(place),
        models,
        memory_bytes: Some(section.memory_mb.saturating_mul(1_000_000)).filter(|b| *b > 0),
        max_loaded: Some(section.max_loaded).filter(|n| *n > 0),
    })
}

/// The one model of `[engine] model`, there from the start.
fn one(section: &shape::Engine, source: Option<ModelSource>) -> Vec<ModelSpec> {
    let spec = |source| ModelSpec {
        context_tokens: Some(section.context_tokens).filter(|c| *c > 0),
        threads: Some(section.threads).filter(|t| *t > 0),
        ..ModelSpec::new(source)
    };
    source.map(spec).into_iter().collect()
}

fn many(r: &mut Reader<'_>, section: &shape::Engine, list: &[EngineModel], keep: Option<Duration>) -> Vec<ModelSpec> {
    if list.is_empty() || list.len() > MODELS_MAX {
        let what = format!("[engine] has {} models", list.len());
        let why = format!("the embedded engine has 1 to {MODELS_MAX}");
        r.wrong("engine.model", what, why, "add an [[engine.model]], or set enabled = false");
    }
    let mut models = Vec::new();
    for (i, model) in list.iter().enumerate() {
        let path = format!("engine.model[{i}]");
        name(r, model, &path, &list[..i]);
        if let Some(source) = found(r, model, &path) {
            models.push(spec(r, section, model, &path, source, keep));
        }
    }
    models
}

fn name(r: &mut Reader<'_>, model: &EngineModel, path: &str, earlier: &[EngineModel]) {
    let name = model.name.as_str();
    let path = format!("{path}.name");
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':' | '/');
    let parts = name.split('/').all(|part| !part.is_empty() && part != "." && part != "..");
    if name.len() > 128 || !parts || !name.chars().all(allowed) {
        let why = "a name has 1 to 128 letters, digits, and . - _ :, and may have parts between slashes";
        r.wrong(&path, format!("a model cannot be called \"{name}\""), why, "write for example \"qwen2.5-7b\"");
    }
    if let Some(first) = earlier.iter().position(|m| m.name == name) {
        let line = r.source.at(&format!("engine.model[{first}].name"));
        let why = format!("the first one is at {line}, and a name must say which model is meant");
        r.wrong(&path, format!("the model \"{name}\" stands twice"), why, "give one of them another name");
    }
}

/// Where the weights of a table are.
fn found(r: &mut Reader<'_>, model: &EngineModel, path: &str) -> Option<ModelSource> {
    let shown = format!("engine.model.{}.path", model.name);
    if let Some(written) = &model.path {
        let origin = r.origin(&format!("{path}.path"));
        r.values.note(shown, written, origin);
        let source = source(r, &format!("{path}.path"), written);
        if source.is_none() {
            let help = "write the path of a GGUF file";
            r.wrong(&format!("{path}.path"), "no model is bundled", "this build has none inside", help);
        }
        return source;
    }
    match hub::find(&model.name, &hub::Folders::from_env(r.env)) {
        Ok(file) => {
            r.values.note(shown, file.display(), Origin::Derived("in the local store".to_owned()));
            Some(ModelSource::Path(file))
        }
        Err(problem) => {
            r.wrong(&format!("{path}.name"), problem.what, problem.why, problem.help);
            None
        }
    }
}

/// A path as written, or the model inside the binary; `None` where there is nothing to run.
fn source(r: &mut Reader<'_>, at: &str, written: &str) -> Option<ModelSource> {
    if written == IN_BINARY {
        return BUNDLED.map(ModelSource::Bundled);
    }
    let path = PathBuf::from(written);
    if !path.is_file() {
        r.wrong(
            at,
            format!("the model file {written} is not there"),
            "the embedded engine needs a GGUF file that can be read",
            format!("correct the path, or write \"{IN_BINARY}\""),
        );
    }
    Some(ModelSource::Path(path))
}

fn spec(
    r: &mut Reader<'_>,
    section: &shape::Engine,
    model: &EngineModel,
    path: &str,
    source: ModelSource,
    keep: Option<Duration>,
) -> ModelSpec {
    let mut bounded = |key: &str, value: Option<u32>, least: u32, most: u32| {
        value.inspect(|v| within(r, &format!("{path}.{key}"), *v, least, most))
    };
    let context_tokens = bounded("context_tokens", model.context_tokens, CONTEXT.0, CONTEXT.1);
    bounded("slots", model.slots.map(u32::from), 1, SLOTS_MAX);
    let cache_tokens = bounded("cache_tokens", model.cache_tokens, CONTEXT.0, CACHE_TOKENS_MAX);
    bounded("threads", model.threads.map(u32::from), 1, THREADS_MAX);
    let gpu_layers = bounded("gpu_layers", model.gpu_layers, 0, LAYERS_MAX);
    bounded("prefix_cache_mb", Some(model.prefix_cache_mb), 0, PREFIX_MB_MAX);
    if let (Some(context), Some(cache)) = (context_tokens, cache_tokens)
        && cache < context
    {
        let what = format!("cache_tokens is {cache} and context_tokens {context}");
        let help = format!("write at least {context}, or leave cache_tokens out");
        r.wrong(&format!("{path}.cache_tokens"), what, "a request could not use its whole context", help);
    }
    let keep_alive = match &model.keep_alive {
        Some(text) => keep_alive(r, &format!("{path}.keep_alive"), text),
        None if model.preload => None,
        None => keep,
    };
    let draft = model.draft.as_ref().map(|file| beside(r, &format!("{path}.draft"), "draft model", file));
    let projector = model.projector.as_ref().map(|file| beside(r, &format!("{path}.projector"), "projector", file));
    let loras = loras(r, model, path);
    note(r, model, path, keep_alive);
    ModelSpec {
        id: Some(model.name.clone()),
        context_tokens: context_tokens.or(Some(section.context_tokens).filter(|c| *c > 0)),
        slots: model.slots,
        cache_tokens,
        cache: match model.cache {
            shape::CacheType::F16 => CacheType::F16,
            shape::CacheType::Q8_0 => CacheType::Q8_0,
            shape::CacheType::Q4_0 => CacheType::Q4_0,
        },
        threads: model.threads.or(Some(section.threads).filter(|t| *t > 0)),
        prefix_bytes: u64::from(model.prefix_cache_mb) * 1_000_000,
        gpu_layers,
        split: match model.split {
            shape::Split::None => Split::None,
            shape::Split::Layer => Split::Layer,
            shape::Split::Row => Split::Row,
        },
        experts_on_cpu: model.experts_on_cpu,
        mmap: model.mmap,
        loras,
        draft,
        projector,
        lookup: model.lookup,
        preload: model.preload,
        keep_alive,
        ..ModelSpec::new(source)
    }
}

fn loras(r: &mut Reader<'_>, model: &EngineModel, path: &str) -> Vec<(PathBuf, f32)> {
    let mut out = Vec::new();
    for (i, lora) in model.loras.iter().enumerate() {
        let at = format!("{path}.loras[{i}]");
        if !lora.scale.is_finite() || lora.scale.abs() > SCALE_MAX {
            let what = format!("the scale of an adapter is {}", lora.scale);
            let help = format!("write a number from -{SCALE_MAX} to {SCALE_MAX}; 1.0 is usual");
            r.wrong(&format!("{at}.scale"), what, "it multiplies what the adapter adds", help);
        }
        out.push((beside(r, &format!("{at}.path"), "adapter", &lora.path), lora.scale as f32));
    }
    out
}

/// A file that a model needs beside its own.
fn beside(r: &mut Reader<'_>, at: &str, what: &str, written: &str) -> PathBuf {
    let path = PathBuf::from(written);
    if !path.is_file() {
        let why = "the model cannot be loaded without it";
        r.wrong(at, format!("the {what} {written} is not there"), why, "correct the path, or remove the line");
    }
    path
}

/// What is worth seeing of a model in `dewpoint check`.
fn note(r: &mut Reader<'_>, model: &EngineModel, path: &str, keep: Option<Duration>) {
    let mut one = |key: &str, value: String| {
        let origin = r.origin(&format!("{path}.{key}"));
        r.values.note(format!("engine.model.{}.{key}", model.name), value, origin);
    };
    let loads = if model.preload { "true (loaded at the start)" } else { "false (loaded by its first request)" };
    one("preload", loads.to_owned());
    one("keep_alive", keep.map_or("for ever".to_owned(), |k| format!("{} s", k.as_secs_f64())));
}

fn keep_alive(r: &mut Reader<'_>, path: &str, text: &str) -> Option<Duration> {
    engine::keep_alive(text).unwrap_or_else(|_| {
        let help = "write \"5m\", \"1h30m\", \"0\" to unload at once, or \"-1\" for ever";
        r.wrong(path, format!("\"{text}\" is not a time to keep a model"), "it is a number with a unit", help);
        None
    })
}

fn within(r: &mut Reader<'_>, path: &str, value: u32, least: u32, most: u32) {
    if !(least..=most).contains(&value) {
        let key = path.rsplit('.').next().unwrap_or(path);
        let why = format!("the embedded engine takes {least} to {most}");
        r.wrong(path, format!("{key} is {value}"), why, "write a number in that range, or leave the line out");
    }
}
