//! An engine over a tiny model in a folder of its own, and requests to it.
//!
//! Never here: anything that is shipped.
#![allow(dead_code, unreachable_pub, missing_docs, clippy::unwrap_used, clippy::panic)]

use super::tiny::Tiny;
use backend::{Backend, Deadlines, EventStream, Reply};
use decide::{
    Api, Candidate, Caps, DataClass, Difficulty, Fault, Fleet, Health, Kind, Load, Model, Permit, Place, PlaceId,
    PlaceState, Policy, Reason, Task, Tier, Verdict, Zone,
};
use engine::{Engine, EngineSpec, ModelSource, ModelSpec};
use futures_util::StreamExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use wire::{Answer, Ask, Endpoint, Event, Message, Role};

pub struct Rig {
    pub engine: Arc<Engine>,
    pub folder: tempfile::TempDir,
    next: AtomicU64,
}

pub fn place() -> Arc<Place> {
    Arc::new(Place {
        id: PlaceId::new("edge"),
        api: Api::Engine,
        tier: Tier::Edge,
        kind: Kind::Appliance,
        zone: Zone::Embedded,
        provider: "dewpoint".into(),
        terms: decide::Terms::default(),
        economics: None,
    })
}

pub fn spec(model: PathBuf) -> EngineSpec {
    EngineSpec {
        place: place(),
        program: env!("CARGO_BIN_EXE_engine-worker").into(),
        args: vec!["engine-worker".into()],
        models: vec![ModelSpec::new(ModelSource::Path(model))],
        memory_bytes: None,
        max_loaded: None,
    }
}

impl Rig {
    pub fn new(tiny: Tiny) -> Rig {
        Rig::with(tiny, |_| {})
    }

    /// An engine over these bytes of a model file.
    pub fn of(bytes: &[u8]) -> Rig {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tiny.gguf");
        std::fs::write(&path, bytes).unwrap();
        Rig { engine: Engine::start(spec(path)), folder, next: AtomicU64::new(1) }
    }

    pub fn with(tiny: Tiny, change: impl FnOnce(&mut EngineSpec)) -> Rig {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tiny.gguf");
        std::fs::write(&path, tiny.bytes()).unwrap();
        let mut spec = spec(path);
        change(&mut spec);
        Rig { engine: Engine::start(spec), folder, next: AtomicU64::new(1) }
    }

    pub fn over(engine: Arc<Engine>, folder: tempfile::TempDir) -> Rig {
        Rig { engine, folder, next: AtomicU64::new(1) }
    }

    pub fn id(&self) -> u128 {
        u128::from(self.next.fetch_add(1, Ordering::Relaxed))
    }

    /// Asks the model that the request names, else the first one.
    pub async fn try_send(&self, mut ask: Ask, deadlines: Deadlines) -> Result<Reply, Fault> {
        ask.id = self.id();
        let model = match ask.model.as_str() {
            "" => self.engine.models()[0].id.to_string(),
            named => named.to_owned(),
        };
        let permit = permit_for(ask.id, &model);
        self.engine.send(permit, Arc::new(ask), deadlines).await
    }

    pub async fn plain(&self, ask: Ask) -> Result<Answer, Fault> {
        match self.try_send(ask, Deadlines::default()).await? {
            Reply::Plain(answer) => Ok(*answer),
            _ => panic!("a plain answer was asked for"),
        }
    }

    pub async fn stream(&self, mut ask: Ask) -> Result<EventStream, Fault> {
        ask.stream = true;
        match self.try_send(ask, Deadlines::default()).await? {
            Reply::Stream(stream) => Ok(stream),
            _ => panic!("a stream was asked for"),
        }
    }

    /// Waits until the health is as wanted.
    pub async fn until(&self, wanted: impl Fn(&Health) -> bool) -> Health {
        let began = Instant::now();
        loop {
            let health = self.engine.probe().await.health;
            if wanted(&health) {
                return health;
            }
            assert!(began.elapsed() < Duration::from_secs(20), "still {health:?}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

pub fn chat(text: &str) -> Ask {
    let mut ask = Ask::new(Endpoint::Chat);
    ask.messages = vec![Message::text(Role::User, text)];
    ask.sampling.temperature = Some(0.0);
    ask
}

pub fn raw(prompt: &str) -> Ask {
    let mut ask = Ask::new(Endpoint::Completions);
    ask.messages = vec![Message::text(Role::User, prompt)];
    ask.sampling.temperature = Some(0.0);
    ask
}

pub fn text(answer: &Answer) -> &str {
    answer.choices[0].text.as_deref().unwrap()
}

/// All events of a stream, or the error that ended it.
pub async fn events(mut stream: EventStream) -> (Vec<Event>, Option<Fault>) {
    let mut out = Vec::new();
    while let Some(chunk) = stream.next().await {
        match chunk {
            Ok(chunk) => out.extend(chunk.events),
            Err(fault) => return (out, Some(fault)),
        }
    }
    (out, None)
}

pub fn texts(events: &[Event]) -> Vec<&str> {
    events
        .iter()
        .filter_map(|e| match e {
            Event::Text { text, .. } => Some(text.as_str()),
            _ => None,
        })
        .collect()
}

pub fn permit(ask_id: u128) -> Permit {
    permit_for(ask_id, "tiny")
}

pub fn permit_for(ask_id: u128, model: &str) -> Permit {
    let reason = Reason { quality_permille: 0, sufficient: true, cost_nanousd: None, ttft_ms: 0, ..Reason::default() };
    let place = place();
    let model = Model { id: model.into(), caps: Caps::default(), ..Model::default() };
    let candidate = Candidate { place: place.clone(), model: Arc::new(model), reason };
    let verdict = Verdict {
        ask_id,
        task: Task::Chat,
        difficulty: Difficulty(0),
        outlook: None,
        enough_permille: 0,
        class: DataClass::Secret,
        declared: DataClass::Secret,
        subject: decide::Subject { declared: DataClass::Secret, ..decide::Subject::default() },
        objective: None,
        order: vec![candidate],
        refused: Vec::new(),
        policy_version: 0,
        fleet_version: 0,
    };
    let state = PlaceState { place, models: Vec::new(), health: Health::Up, load: Load::default() };
    let fleet = Fleet { version: 0, places: vec![state] };
    decide::permit(&verdict, 0, &fleet, &Policy::default()).unwrap()
}
