//! The supervisor's face: one place of the fleet with several models, each in a worker process of its own while it is
//! loaded.
//!
//! A model has a `seat` (what it is told to be), a keeper (`supervise`: its worker's life) and a row in the `ledger`
//! (memory, who uses it); requests lease its worker through its `tenant`.
//!
//! Never here: the worker's own code, choosing a place.

mod extras;
mod fitting;
mod flow;
mod images;
mod keep;
mod ledger;
mod link;
mod memory;
mod model_state;
mod numbers;
mod prepare;
mod process;
mod request;
mod schema;
mod seat;
mod supervise;
mod tenant;
mod vectors;
mod voice;

pub use keep::keep_alive;
pub use model_state::{ModelState, Phase};

use crate::protocol::{Input, Role, Sampling, ToWorker};
use crate::source::{self, Facts, ModelSource};
use crate::spec::{EngineSpec, ModelSpec};
use backend::{Backend, BoxFuture, Deadlines, Discovered, Meter, Probed, Reply};
use decide::{Caps, Cause, Fault, Health, Load, Model, Permit, Place, Price, Retry};
use flow::Flow;
use ledger::Ledger;
use link::{Link, Pending};
use process::Program;
use seat::{Bounds, State};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tenant::Tenant;
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
    /// Memory that it is estimated to need as it is configured, bytes; weights that are mapped included. `None` where it cannot
    /// be run like that.
    pub memory_bytes: Option<u64>,
}

/// The embedded engine as one place. Dropping it ends every worker that no request uses any more.
pub struct Engine {
    place: Arc<Place>,
    models: Vec<Arc<Model>>,
    /// In the same order.
    tenants: Vec<Arc<Tenant>>,
    known: Vec<Option<Facts>>,
    about: Option<About>,
    ledger: Arc<Ledger>,
    meter: Arc<Meter>,
    next_id: Arc<AtomicU64>,
}

impl Engine {
    /// Takes the models on and returns at once. Those with `preload` are loaded in the background, others by their first
    /// request; [`Backend::probe`] says how it goes. Must be called within a tokio runtime; without one every model is
    /// down and says so.
    pub fn start(spec: EngineSpec) -> Arc<Engine> {
        Engine::with(spec, Bounds::default())
    }

    fn with(spec: EngineSpec, bounds: Bounds) -> Arc<Engine> {
        let ledger = Arc::new(Ledger::new(budget(&spec, 0), most(&spec)));
        Arc::new(Engine::build(spec, ledger, &[], Arc::default(), Arc::new(AtomicU64::new(1)), bounds))
    }

    /// The engine as `spec` says now. A model that did not change goes on as it is, with its worker and its requests; one
    /// that is gone ends with its last request once the old engine is dropped.
    pub fn replaced(&self, spec: EngineSpec) -> Arc<Engine> {
        let (_, used) = self.ledger.totals();
        self.ledger.rebound(budget(&spec, used), most(&spec));
        let (ledger, meter, ids) = (Arc::clone(&self.ledger), Arc::clone(&self.meter), Arc::clone(&self.next_id));
        Arc::new(Engine::build(spec, ledger, &self.tenants, meter, ids, Bounds::default()))
    }

    fn build(
        spec: EngineSpec,
        ledger: Arc<Ledger>,
        old: &[Arc<Tenant>],
        meter: Arc<Meter>,
        next_id: Arc<AtomicU64>,
        bounds: Bounds,
    ) -> Engine {
        let program = Arc::new(Program { path: spec.program, args: spec.args });
        let known: Vec<_> = spec.models.iter().map(|m| source::facts(&m.source)).collect();
        let models: Vec<_> = spec.models.iter().zip(&known).map(|(m, f)| Arc::new(model(m, f.as_ref()))).collect();
        let about = known.first().and_then(Option::as_ref).zip(spec.models.first()).map(|(f, m)| about(f, m));
        let tenants = spec.models.into_iter().zip(&models).map(|(m, model)| {
            let same = |t: &&Arc<Tenant>| t.seat.id == model.id && t.seat.spec == m && t.seat.program == program;
            old.iter().find(same).map(Arc::clone).unwrap_or_else(|| {
                let (place, id) = (spec.place.id.clone(), Arc::clone(&model.id));
                Tenant::start(place, id, m, Arc::clone(&program), Arc::clone(&ledger), bounds)
            })
        });
        let tenants = tenants.collect();
        Engine { place: spec.place, models, tenants, known, about, ledger, meter, next_id }
    }

    /// What the file of the first model says of itself; `None` where it cannot be read.
    pub fn about(&self) -> Option<&About> {
        self.about.as_ref()
    }

    /// The process id of the first model's worker while it is up, for tables and for tests that kill it.
    pub fn worker_pid(&self) -> Option<u32> {
        self.tenants.first().and_then(|t| model_state::pid(&t.seat.state.borrow()))
    }

    /// Every model with its part of the memory ledger, in the order of the specification.
    pub fn models_state(&self) -> Vec<ModelState> {
        self.tenants.iter().map(|t| ModelState::of(&t.seat)).collect()
    }

    /// Bytes of memory for all models together, and of these in use, both as the ledger has them.
    pub fn memory(&self) -> (u64, u64) {
        self.ledger.totals()
    }

    /// How many prompt tokens this request has with the first model, template included. Several prompts are added up.
    ///
    /// # Errors
    /// A [`Fault`] as [`Backend::send`] gives it.
    pub fn count_tokens(&self, ask: Arc<Ask>) -> BoxFuture<'_, Result<u32, Fault>> {
        Box::pin(self.count_at(0, ask))
    }

    async fn count_at(&self, at: usize, ask: Arc<Ask>) -> Result<u32, Fault> {
        let until = Instant::now() + Deadlines::default().first;
        let tenant = self.tenants.get(at).ok_or_else(none)?;
        let lease = tenant.lease(until).await?;
        let mut sum = 0u32;
        for input in request::inputs(&ask, self.models[at].caps.vision)? {
            sum = sum.saturating_add(self.count_one(&lease.link, input, until).await?);
        }
        Ok(sum)
    }

    async fn count_one(&self, link: &Arc<Link>, input: Input, until: Instant) -> Result<u32, Fault> {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let mut pending = Pending::open(link, vec![(id, 0, ToWorker::Count { id, input })], Arc::clone(&self.meter))?;
        match timeout_at(until, pending.counted()).await {
            Ok(counted) => counted,
            Err(_) => Err(Fault::new(Cause::Timeout, "The embedded engine was too busy to count tokens. Try again.")),
        }
    }

    /// Ends every worker: what is in flight fails, nothing new is taken. Returns when the processes are gone.
    pub async fn shutdown(&self) {
        futures_util::future::join_all(self.tenants.iter().map(|t| t.shutdown())).await;
    }

    /// Where the model that a permit names is among the models.
    fn find(&self, permit: &Permit) -> Result<usize, Fault> {
        let id = permit.model();
        self.models.iter().position(|m| m.id == *id).ok_or_else(|| {
            let text = format!("The embedded engine has no model {id} any more. GET /v1/models lists what there is.");
            elsewhere(Cause::ModelNotFound, text)
        })
    }

    async fn answer(&self, permit: Permit, ask: Arc<Ask>, deadlines: Deadlines) -> Result<Reply, Fault> {
        backend::check(&permit, &self.place, &ask)?;
        let began = Instant::now();
        let at = self.find(&permit)?;
        let tenant = &self.tenants[at];
        vectors::fits(&ask, self.known[at].as_ref().map_or(Role::Generate, |f| f.role))?;
        if ask.endpoint.encodes() {
            return self.encode(at, &ask, began + deadlines.total).await;
        }
        let defaults = self.known[at].as_ref().map_or_else(Sampling::default, |f| f.sampling);
        let order = request::order(&ask, defaults, deadlines.total, self.models[at].caps.vision)?;
        let keep = keep::asked(&ask)?;
        let first = if ask.stream { deadlines.first } else { deadlines.first.min(deadlines.total) };
        let lease = tenant.lease(began + first).await?;
        if let Some(keep) = keep {
            tenant.keep(keep);
        }
        let base = self.next_id.fetch_add(order.len() as u64, Ordering::Relaxed);
        let jobs = (base..).zip(order).map(|(id, job)| job.numbered(id)).collect::<Vec<_>>();
        let open = jobs.len();
        let pending = Pending::open(&Arc::clone(&lease.link), jobs, Arc::clone(&self.meter))?.holding(lease);
        let mut flow = Flow::new(
            pending,
            open,
            began,
            &ask,
            Arc::clone(&self.models[at].id),
            deadlines,
            Arc::clone(&tenant.tally),
        );
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

    /// Up where any model answers or would after being loaded; else loading where any is; else down.
    fn health(&self) -> Health {
        let (mut loading, mut down) = (false, None);
        for tenant in &self.tenants {
            match &*tenant.seat.state.borrow() {
                State::Ready(_) | State::Unloaded => return Health::Up,
                State::Loading(_) | State::Queued => loading = true,
                State::Down(why, _) => down = down.or_else(|| Some(why.clone())),
                State::Stopped => down = down.or_else(|| Some("The embedded engine was shut down.".into())),
            }
        }
        if loading {
            return Health::Loading;
        }
        Health::Down(down.unwrap_or_else(|| none().shown))
    }

    fn load(&self) -> Load {
        let mut load = Load { running: 0, waiting: 0, ..self.meter.load() };
        let (mut cells, mut used) = (0u64, 0u64);
        for tenant in &self.tenants {
            load.waiting += self.ledger.entry(tenant.seat.key).map_or(0, |e| e.waiting);
            let State::Ready(link) = &*tenant.seat.state.borrow() else { continue };
            let jobs = link.jobs();
            load.running += jobs.min(u32::from(link.slots));
            load.waiting += jobs.saturating_sub(u32::from(link.slots));
            if let Some(stats) = link.stats() {
                cells += u64::from(stats.cells);
                // Kept prefixes make room when it is needed.
                used += u64::from(stats.cells_used.saturating_sub(stats.cells_kept));
            }
        }
        load.kv_permille = (cells > 0).then(|| u16::try_from((used * 1000 / cells).min(1000)).unwrap_or(1000));
        load
    }
}

impl Backend for Engine {
    fn place(&self) -> &Arc<Place> {
        &self.place
    }

    fn models(&self) -> &[Arc<Model>] {
        &self.models
    }

    fn send(&self, permit: Permit, ask: Arc<Ask>, deadlines: Deadlines) -> BoxFuture<'_, Result<Reply, Fault>> {
        Box::pin(self.answer(permit, ask, deadlines))
    }

    fn count(&self, permit: Permit, ask: Arc<Ask>) -> Option<BoxFuture<'_, Result<u32, Fault>>> {
        Some(match backend::check(&permit, &self.place, &ask).and_then(|()| self.find(&permit)) {
            Ok(at) => Box::pin(self.count_at(at, ask)),
            Err(fault) => Box::pin(std::future::ready(Err(fault))),
        })
    }

    fn probe(&self) -> BoxFuture<'_, Probed> {
        let found =
            |m: &Arc<Model>| Discovered { id: m.id.to_string(), context_tokens: m.context_tokens, caps: Some(m.caps) };
        let models = Some(self.models.iter().map(found).collect());
        Box::pin(std::future::ready(Probed { health: self.health(), models, load: Some(self.load()) }))
    }
}

/// Bytes for all workers: what was asked for, else nine tenths of what the host has free, `used` by workers included;
/// where it does not say, no bound.
fn budget(spec: &EngineSpec, used: u64) -> u64 {
    let free = || memory::available().map(|free| free.saturating_add(used) / 10 * 9);
    spec.memory_bytes.or_else(free).unwrap_or(u64::MAX)
}

fn most(spec: &EngineSpec) -> usize {
    spec.max_loaded.map_or(usize::MAX, |n| usize::from(n).max(1))
}

fn none() -> Fault {
    elsewhere(Cause::Engine, "The embedded engine was given no model. Add an [[engine.model]].")
}

fn model_id(spec: &ModelSpec) -> String {
    let stem = match &spec.source {
        ModelSource::Path(path) => path.file_stem().map(|s| s.to_string_lossy().into_owned()),
        ModelSource::Bundled(_) => Some("dewpoint-edge".to_owned()),
    };
    spec.id.clone().or(stem).unwrap_or_else(|| "model".into())
}

fn model(spec: &ModelSpec, facts: Option<&Facts>) -> Model {
    Model {
        id: model_id(spec).into(),
        context_tokens: facts.and_then(|f| f.context(spec.context_tokens).ok()),
        caps: Caps {
            vision: source::projector(&spec.source, spec.projector.as_deref()).is_ok_and(|p| p.is_some()),
            ..vectors::caps(facts.map_or(Role::Generate, |f| f.role))
        },
        price: Some(Price::free("own-ground")),
        ability: spec.ability.clone(),
        ..Model::default()
    }
}

fn about(facts: &Facts, model: &ModelSpec) -> About {
    About {
        name: facts.name.clone(),
        description: facts.description.clone(),
        architecture: facts.architecture.clone(),
        params: facts.params,
        file_bytes: facts.bytes,
        cache_bytes_per_token: facts.fit.cache_per_cell(crate::protocol::CacheType::F16),
        memory_bytes: fitting::plan(model, facts, None).ok().map(|p| p.host.saturating_add(p.gpu)),
    }
}

/// A fault that another place may not have.
fn elsewhere(cause: Cause, text: impl Into<String>) -> Fault {
    Fault { retry: Retry::NextPlace, ..Fault::new(cause, text) }
}

#[cfg(test)]
#[path = "engine/hung_tests.rs"]
mod hung_tests;
