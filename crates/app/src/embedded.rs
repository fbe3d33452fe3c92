//! The embedded engine as a place: which model, started or only looked at.
//!
//! Never here: inference (room `engine`).

use crate::config::{EngineSettings, Settings};
use crate::priors::{Abilities, BUILT_IN};
use crate::table::printable;
use anyhow::{Context, Result};
use backend::Backend;
use decide::{Health, Load, PlaceState};
use engine::{Engine, EngineSpec, ModelSpec};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The embedded engine, or why there is none.
pub(crate) struct Embedded {
    program: PathBuf,
    now: Mutex<Now>,
}

struct Now {
    engine: Option<Arc<Engine>>,
    note: String,
}

impl Embedded {
    fn now(&self) -> MutexGuard<'_, Now> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counters of its models; none where it is off.
    pub(crate) fn numbers(&self) -> Vec<engine::Numbers> {
        let engine = self.now().engine.clone();
        engine.map(|engine| engine.numbers()).unwrap_or_default()
    }

    /// As a place to ask.
    pub(crate) fn backend(&self) -> Option<Arc<dyn Backend>> {
        self.now().engine.clone().map(|engine| engine as Arc<dyn Backend>)
    }

    /// For people, at the start: a line for each model, or why there is none.
    pub(crate) fn note(&self) -> String {
        self.now().note.clone()
    }

    /// Takes other settings over. A model that did not change goes on; one that is gone ends with its last request.
    pub(crate) fn take_over(&self, settings: &Settings) {
        let mut now = self.now();
        let old = now.engine.take();
        *now = match spec(settings.engine.as_ref(), self.program.clone()) {
            Ok((wanted, spec)) => {
                let engine = old.map_or_else(|| Engine::start(spec.clone()), |old| old.replaced(spec.clone()));
                Now { note: note(wanted, &engine), engine: Some(engine) }
            }
            Err(why) => Now { engine: None, note: why.to_owned() },
        };
    }

    /// Ends the worker processes.
    pub(crate) async fn shutdown(&self) {
        let engine = self.now().engine.clone();
        if let Some(engine) = engine {
            engine.shutdown().await;
        }
    }
}

/// Starts the engine if it is configured and there is one; models load in the background or when they are asked for.
pub(crate) fn start(settings: &Settings) -> Result<Embedded> {
    let program = std::env::current_exe().context("the path of this program is not known")?;
    let embedded = Embedded { program, now: Mutex::new(Now { engine: None, note: String::new() }) };
    embedded.take_over(settings);
    Ok(embedded)
}

/// The engine's place as it would be. Loads nothing.
pub(crate) fn preview(wanted: &EngineSettings) -> Option<PlaceState> {
    let (_, mut spec) = spec(Some(wanted), PathBuf::new()).ok()?;
    spec.models.iter_mut().for_each(|m| m.preload = false);
    let models = Engine::start(spec).models().to_vec();
    Some(PlaceState { place: wanted.place.clone(), models, health: Health::Unknown, load: Load::default() })
}

/// What to run.
///
/// # Errors
/// Why there is nothing to run, for people.
fn spec(wanted: Option<&EngineSettings>, program: PathBuf) -> Result<(&EngineSettings, EngineSpec), &'static str> {
    let Some(wanted) = wanted else { return Err("The embedded engine is off ([engine] enabled = false).") };
    if cfg!(not(feature = "engine")) {
        return Err("This build has no embedded engine (it was built without the feature `engine`).");
    }
    if wanted.models.is_empty() {
        return Err("This build has no bundled model; set [engine] model to the path of a GGUF file.");
    }
    let spec = EngineSpec {
        place: wanted.place.clone(),
        program,
        args: vec!["engine-worker".to_owned()],
        models: wanted.models.iter().map(able).collect(),
        memory_bytes: wanted.memory_bytes,
        max_loaded: wanted.max_loaded,
    };
    Ok((wanted, spec))
}

/// With what is believed of it: by its id, else by its file's name, which is the id then.
fn able(spec: &ModelSpec) -> ModelSpec {
    let ability = match &spec.source {
        engine::ModelSource::Bundled(_) => Abilities::demonstration(),
        engine::ModelSource::Path(path) => {
            let stem = path.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
            BUILT_IN.of(spec.id.as_deref().unwrap_or(&stem))
        }
    };
    ModelSpec { ability: Some(ability), ..spec.clone() }
}

/// A line for each model; the bundled one is a demonstration, and must not pass for more.
fn note(wanted: &EngineSettings, engine: &Engine) -> String {
    let line = |(i, (model, spec)): (usize, (&Arc<decide::Model>, &ModelSpec))| {
        // Only the first model was looked into.
        let about = engine.about().filter(|_| i == 0).and_then(|a| a.description.as_deref());
        let said = about.map(|d| format!(": {}", printable(d))).unwrap_or_default();
        let does = match (&spec.source, spec.preload) {
            (engine::ModelSource::Bundled(_), _) => "is a demonstration model",
            (_, true) => "loads in the background",
            (_, false) => "loads with its first request",
        };
        format!("{}/{} {does}{said}", wanted.place.id, printable(&model.id))
    };
    engine.models().iter().zip(&wanted.models).enumerate().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(all(test, feature = "engine", bundled_model))]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::book::Book;
    use crate::config::{self, Flags};

    #[test]
    fn the_bundled_model_is_previewed_without_a_worker() {
        let env = |name: &str| (name == "HOME").then(|| "/home/u".to_owned());
        let settings = config::load(None, &Flags::default(), &env, &Book::built_in().unwrap()).unwrap();
        let state = preview(settings.engine.as_ref().unwrap()).unwrap();
        assert_eq!(&*state.models[0].id, "dewpoint-edge");
        assert_eq!(state.models[0].price.as_ref().map(|p| p.input_nanousd_per_mtok), Some(0));
        assert_eq!(state.place.zone, decide::Zone::Embedded);
    }
}
