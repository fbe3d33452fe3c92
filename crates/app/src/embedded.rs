//! The embedded engine as a place: which model, started or only looked at.
//!
//! Never here: inference (room `engine`).

use crate::config::{EngineSettings, Settings};
use crate::table::printable;
use anyhow::{Context, Result};
use backend::Backend;
use decide::{Health, Load, PlaceState};
use engine::{Engine, EngineSpec, ModelSource, ModelSpec};
use std::path::PathBuf;
use std::sync::Arc;

/// The demonstration model inside the binary.
#[cfg(bundled_model)]
const BUNDLED: Option<&[u8]> = Some(include_bytes!("../../../models/edge/dewpoint-edge.gguf"));
#[cfg(not(bundled_model))]
const BUNDLED: Option<&[u8]> = None;

/// The embedded engine, or why there is none.
pub(crate) struct Embedded {
    engine: Option<Arc<Engine>>,
    /// For people, at start.
    pub(crate) note: String,
}

impl Embedded {
    /// As a place to ask.
    pub(crate) fn backend(&self) -> Option<Arc<dyn Backend>> {
        self.engine.clone().map(|engine| engine as Arc<dyn Backend>)
    }

    /// Counters of its models; none where it is off.
    pub(crate) fn numbers(&self) -> Vec<engine::Numbers> {
        self.engine.as_ref().map(|engine| engine.numbers()).unwrap_or_default()
    }

    /// Ends the worker process.
    pub(crate) async fn shutdown(&self) {
        if let Some(engine) = &self.engine {
            engine.shutdown().await;
        }
    }
}

/// Starts the engine if it is configured and there is one; its model loads in the background.
pub(crate) fn start(settings: &Settings) -> Result<Embedded> {
    let Some(wanted) = &settings.engine else {
        return Ok(Embedded {
            engine: None,
            note: "The embedded engine is off ([engine] enabled = false).".to_owned(),
        });
    };
    let program = std::env::current_exe().context("the path of this program is not known")?;
    Ok(match spec(wanted, program) {
        Ok(spec) => {
            let engine = Engine::start(spec);
            let note = note(wanted, &engine);
            Embedded { engine: Some(engine), note }
        }
        Err(why) => Embedded { engine: None, note: why.to_owned() },
    })
}

/// The engine's place as it would be once its model is loaded. Starts nothing: outside a runtime there is no worker.
pub(crate) fn preview(wanted: &EngineSettings) -> Option<PlaceState> {
    let engine = Engine::start(spec(wanted, PathBuf::new()).ok()?);
    let models = engine.models().to_vec();
    Some(PlaceState { place: wanted.place.clone(), models, health: Health::Unknown, load: Load::default() })
}

/// What to run.
///
/// # Errors
/// Why there is nothing to run, for people.
fn spec(wanted: &EngineSettings, program: PathBuf) -> Result<EngineSpec, &'static str> {
    if cfg!(not(feature = "engine")) {
        return Err("This build has no embedded engine (it was built without the feature `engine`).");
    }
    let model = match (&wanted.model, BUNDLED) {
        (Some(path), _) => ModelSource::Path(path.clone()),
        (None, Some(bytes)) => ModelSource::Bundled(bytes),
        (None, None) => return Err("This build has no bundled model; set [engine] model to the path of a GGUF file."),
    };
    Ok(EngineSpec {
        place: wanted.place.clone(),
        program,
        args: vec!["engine-worker".to_owned()],
        models: vec![ModelSpec {
            context_tokens: wanted.context_tokens,
            threads: Some(wanted.threads).filter(|t| *t > 0),
            ..ModelSpec::new(model)
        }],
        memory_bytes: None,
        max_loaded: None,
    })
}

/// One line about the model: the bundled one is a demonstration, and must not pass for more.
fn note(wanted: &EngineSettings, engine: &Engine) -> String {
    let model = engine.models().first().map(|m| m.id.to_string()).unwrap_or_default();
    let about = engine.about();
    let said = about.and_then(|a| a.description.as_deref()).map(|d| format!(": {}", printable(d))).unwrap_or_default();
    match wanted.model {
        None => format!("{}/{model} is a demonstration model{said}", wanted.place.id),
        Some(_) => format!("{}/{model} loads in the background{said}", wanted.place.id),
    }
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
