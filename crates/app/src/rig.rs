//! The embedded engine with one model, for commands that measure.
//!
//! Never here: sending (`measure`), and what is measured.

use crate::problem::{Problem, Problems};
use anyhow::{Context, Result};
use backend::Backend;
use decide::{Api, Health, Kind, Place, PlaceId, Tier, Zone};
use engine::{Engine, EngineSpec, ModelSource, ModelSpec};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Between two looks at a model that loads.
const LOOK: Duration = Duration::from_millis(20);

/// The embedded engine over one model file, for measuring: nothing is proposed from the text, so that speed does not
/// depend on what it says.
pub(crate) struct Rig {
    pub(crate) engine: Arc<Engine>,
    pub(crate) load: Duration,
}

impl Rig {
    /// Starts the engine and waits until the model is loaded.
    ///
    /// # Errors
    /// It cannot be loaded, and why.
    pub(crate) async fn start(model: &Path, threads: Option<u16>, clients: usize, context: usize) -> Result<Rig> {
        Rig::of(ModelSource::Path(model.to_owned()), &model.display().to_string(), threads, clients, context).await
    }

    /// As [`Rig::start`], of any source; `name` is what it is called where it fails.
    ///
    /// # Errors
    /// It cannot be loaded, and why.
    pub(crate) async fn of(
        source: ModelSource,
        name: &str,
        threads: Option<u16>,
        clients: usize,
        context: usize,
    ) -> Result<Rig> {
        let place = Place {
            id: PlaceId::new("edge"),
            api: Api::Engine,
            tier: Tier::Edge,
            kind: Kind::Appliance,
            zone: Zone::Embedded,
            provider: Arc::from("dewpoint"),
            terms: decide::Terms::default(),
            economics: None,
        };
        let spec = EngineSpec {
            place: Arc::new(place),
            program: std::env::current_exe().context("the path of this program is not known")?,
            args: vec!["engine-worker".to_owned()],
            models: vec![ModelSpec {
                context_tokens: Some(u32::try_from(context).unwrap_or(u32::MAX)),
                slots: Some(u16::try_from(clients).unwrap_or(u16::MAX)),
                threads,
                lookup: false,
                ..ModelSpec::new(source)
            }],
            memory_bytes: None,
            max_loaded: None,
        };
        let began = Instant::now();
        let engine = Engine::start(spec);
        loop {
            match engine.probe().await.health {
                Health::Up => return Ok(Rig { engine, load: began.elapsed() }),
                Health::Down(why) => {
                    let what = format!("the model {name} cannot be measured");
                    return Err(Problems::from(Problem::new(what, why, "give the path of a GGUF file")).into());
                }
                Health::Loading | Health::Unknown => tokio::time::sleep(LOOK).await,
            }
        }
    }
}
