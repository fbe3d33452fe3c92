//! The supervisor's face: one place of the fleet whose model runs in the worker process.
//!
//! Never here: the worker's own code, choosing a place.

mod extras;
mod flow;
mod link;
mod process;
mod request;
mod supervise;

use crate::protocol::{Input, Sampling, ToWorker};
use crate::source::{self, Facts, ModelSource};
use crate::spec::EngineSpec;
use crate::tally::{Numbers, Tally};
use backend::{Backend, BoxFuture, Deadlines, Discovered, Meter, Probed, Reply};
use decide::{Caps, Cause, Fault, Health, Load, Model, Permit, Place, Price, Retry};
use flow::Flow;
use link::{Link, Pending};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};
use wire::{Ask, Join};

/// What the model file says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// Its name.
    pub name: Option<String>,
    /// Its description.
    pub description: Option<String>,
    /// Its architecture (`llama`, `qwen2`).
    pub architecture: String,
    /// Parameters.
    pub params: u64,
    /// Length of the file in bytes.
    pub file_bytes: u64,
    /// KV cache per token of context, bytes, 16 bits a value; 0 where the header does not say.
    pub cache_bytes_per_token: u64,
}

/// The embedded engine as one place. Dropping it kills the worker.
pub struct Engine {
    spec: Arc<EngineSpec>,
    model_id: Arc<str>,
    models: Vec<Arc<Model>>,
    about: Option<About>,
    defaults: Sampling,
    state: watch::Receiver<State>,
    stop: watch::Sender<bool>,
    task: Option<JoinHandle<()>>,
    meter: Arc<Meter>,
    tally: Arc<Tally>,
    next_id: AtomicU64,
}

/// Where the worker is.
#[derive(Clone)]
enum State {
    /// The model is being loaded, per mille.
    Loading(u16),
    /// It answers.
    Ready(Arc<Link>),
    /// It does not, and why. It is tried again.
    Down(String),
    /// It was shut down.
    Stopped,
}

impl Engine {
    /// Starts the worker and returns at once; the model loads in the background and [`Backend::probe`] says how it goes.
    /// Must be called within a tokio runtime; without one the engine is down and says so.
    pub fn start(spec: EngineSpec) -> Arc<Engine> {
        let facts = spec.models.first().and_then(|m| source::facts(&m.source));
        let spec = Arc::new(spec);
        let model_id: Arc<str> = model_id(&spec).into();
        let (state, seen) = watch::channel(State::Loading(0));
        let (stop, stopped) = watch::channel(false);
        let task = match (cfg!(feature = "llama"), Handle::try_current()) {
            (false, _) => {
                state.send_replace(State::Down(crate::NO_ENGINE.into()));
                None
            }
            (true, Err(e)) => {
                state.send_replace(State::Down(format!("The embedded engine was started outside its runtime: {e}.")));
                None
            }
            (true, Ok(runtime)) => Some(runtime.spawn(supervise::run(Arc::clone(&spec), state, stopped))),
        };
        Arc::new(Engine {
            models: vec![Arc::new(model(&spec, &model_id, facts.as_ref()))],
            about: facts.as_ref().map(about),
            defaults: facts.map_or_else(Sampling::default, |f| f.sampling),
            spec,
            model_id,
            state: seen,
            stop,
            task,
            meter: Arc::default(),
            tally: Arc::default(),
            next_id: AtomicU64::new(1),
        })
    }

    /// What the model file says of itself; `None` where it cannot be read.
    pub fn about(&self) -> Option<&About> {
        self.about.as_ref()
    }

    /// Counters and timings of each model, under vLLM's names.
    pub fn numbers(&self) -> Vec<Numbers> {
        let stats = match &*self.state.borrow() {
            State::Ready(link) => link.stats(),
            _ => None,
        };
        vec![self.tally.read(Arc::clone(&self.model_id)).with(stats.as_ref())]
    }

    /// The worker's process id while it is up, for tables and for tests that kill it.
    pub fn worker_pid(&self) -> Option<u32> {
        match &*self.state.borrow() {
            State::Ready(link) => link.pid,
            _ => None,
        }
    }

    /// How many prompt tokens this request has, template included. Several prompts are added up.
    ///
    /// # Errors
    /// A [`Fault`] as [`Backend::send`] gives it.
    pub fn count_tokens(&self, ask: Arc<Ask>) -> BoxFuture<'_, Result<u32, Fault>> {
        Box::pin(async move {
            let until = Instant::now() + Deadlines::default().first;
            let link = self.ready(until).await?;
            let mut sum = 0u32;
            for input in request::inputs(&ask)? {
                sum = sum.saturating_add(self.count_one(&link, input, until).await?);
            }
            Ok(sum)
        })
    }

    async fn count_one(&self, link: &Arc<Link>, input: Input, until: Instant) -> Result<u32, Fault> {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let mut pending = Pending::open(link, vec![(id, 0, ToWorker::Count { id, input })], Arc::clone(&self.meter))?;
        match timeout_at(until, pending.counted()).await {
            Ok(counted) => counted,
            Err(_) => Err(Fault::new(Cause::Timeout, "The embedded engine was too busy to count tokens. Try again.")),
        }
    }

    /// Ends the worker: what is in flight fails, nothing new is taken. Returns when the process is gone.
    pub async fn shutdown(&self) {
        self.stop.send_replace(true);
        let mut state = self.state.clone();
        if self.task.is_some() {
            let _ = state.wait_for(|s| matches!(s, State::Stopped)).await;
        }
    }

    /// The worker, once it is loaded.
    async fn ready(&self, until: Instant) -> Result<Arc<Link>, Fault> {
        let mut state = self.state.clone();
        loop {
            let permille = match &*state.borrow_and_update() {
                State::Ready(link) => return Ok(Arc::clone(link)),
                State::Down(why) => return Err(Fault::new(Cause::Engine, why.clone())),
                State::Stopped => return Err(Fault::new(Cause::Engine, "The embedded engine was shut down.")),
                State::Loading(permille) => *permille,
            };
            match timeout_at(until, state.changed()).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return Err(Fault::new(Cause::Engine, "The embedded engine has ended.")),
                Err(_) => {
                    let text = format!(
                        "The embedded engine is still loading its model ({} %). Try again soon.",
                        permille / 10
                    );
                    return Err(Fault::new(Cause::Timeout, text).after(2));
                }
            }
        }
    }

    async fn answer(&self, permit: Permit, ask: Arc<Ask>, deadlines: Deadlines) -> Result<Reply, Fault> {
        backend::check(&permit, &self.spec.place, &ask)?;
        let began = Instant::now();
        let order = request::order(&ask, self.defaults, deadlines.total)?;
        let first = if ask.stream { deadlines.first } else { deadlines.first.min(deadlines.total) };
        let link = self.ready(began + first).await?;
        let base = self.next_id.fetch_add(order.len() as u64, Ordering::Relaxed);
        let jobs = (base..).zip(order).map(|(id, job)| job.numbered(id)).collect::<Vec<_>>();
        let open = jobs.len();
        let pending = Pending::open(&link, jobs, Arc::clone(&self.meter))?;
        let mut flow =
            Flow::new(pending, open, began, &ask, Arc::clone(&self.model_id), deadlines, Arc::clone(&self.tally));
        flow.accepted().await?;
        if ask.stream {
            return Ok(Reply::Stream(flow.into_stream()));
        }
        let mut join = Join::default();
        while let Some(chunk) = flow.next().await {
            chunk?.events.into_iter().for_each(|e| join.push(e));
        }
        Ok(Reply::Plain(Box::new(join.finish())))
    }

    fn load(&self) -> (Health, Load) {
        let mut load = self.meter.load();
        let health = match &*self.state.borrow() {
            State::Ready(link) => {
                let jobs = link.jobs();
                load.running = jobs.min(u32::from(link.slots));
                load.waiting = jobs - load.running;
                Health::Up
            }
            State::Loading(_) => Health::Loading,
            State::Down(why) => Health::Down(why.clone()),
            State::Stopped => Health::Down("The embedded engine was shut down.".into()),
        };
        (health, load)
    }
}

impl Drop for Engine {
    /// The task owns the worker process, which is killed with it.
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

impl Backend for Engine {
    fn place(&self) -> &Arc<Place> {
        &self.spec.place
    }

    fn models(&self) -> &[Arc<Model>] {
        &self.models
    }

    fn send(&self, permit: Permit, ask: Arc<Ask>, deadlines: Deadlines) -> BoxFuture<'_, Result<Reply, Fault>> {
        Box::pin(self.answer(permit, ask, deadlines))
    }

    fn count(&self, permit: Permit, ask: Arc<Ask>) -> Option<BoxFuture<'_, Result<u32, Fault>>> {
        Some(match backend::check(&permit, &self.spec.place, &ask) {
            Ok(()) => self.count_tokens(ask),
            Err(fault) => Box::pin(std::future::ready(Err(fault))),
        })
    }

    fn probe(&self) -> BoxFuture<'_, Probed> {
        let (health, load) = self.load();
        let found =
            |m: &Arc<Model>| Discovered { id: m.id.to_string(), context_tokens: m.context_tokens, caps: Some(m.caps) };
        let models = Some(self.models.iter().map(found).collect());
        Box::pin(std::future::ready(Probed { health, models, load: Some(load) }))
    }
}

fn model_id(spec: &EngineSpec) -> String {
    let stem = match spec.models.first().map(|m| &m.source) {
        Some(ModelSource::Path(path)) => path.file_stem().map(|s| s.to_string_lossy().into_owned()),
        Some(ModelSource::Bundled(_)) => Some("dewpoint-edge".to_owned()),
        None => None,
    };
    spec.models.first().and_then(|m| m.id.clone()).or(stem).unwrap_or_else(|| "model".into())
}

fn model(spec: &EngineSpec, id: &Arc<str>, facts: Option<&Facts>) -> Model {
    let asked = spec.models.first().and_then(|m| m.context_tokens);
    Model {
        id: Arc::clone(id),
        context_tokens: facts.and_then(|f| f.context(asked).ok()),
        caps: Caps { json_schema: true, logprobs: true, completions: true, ..Caps::default() },
        price: Some(Price::free("own-ground")),
        tier: None,
        quality_permille: None,
    }
}

fn about(facts: &Facts) -> About {
    About {
        name: facts.name.clone(),
        description: facts.description.clone(),
        architecture: facts.architecture.clone(),
        params: facts.params,
        file_bytes: facts.bytes,
        cache_bytes_per_token: facts.cache_per_token,
    }
}

/// A fault that another place may not have.
fn elsewhere(cause: Cause, text: impl Into<String>) -> Fault {
    Fault { retry: Retry::NextPlace, ..Fault::new(cause, text) }
}
