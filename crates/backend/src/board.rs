//! The board: every place with its backend and its meter, and the [`Fleet`] snapshot that probes keep current.
//!
//! The hot path reads two `ArcSwap`s and takes no lock. Only probes, reloads and reports of failures write.
//!
//! Never here: choosing, or what to do about a place that is down.

mod round;

use crate::{Backend, Discovered, Meter, Probed};
use arc_swap::{ArcSwap, Guard};
use decide::{Fleet, Health, Load, Model, Place, PlaceId, PlaceState, Zone};
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Notify;

/// Completes a discovered model with price, capabilities and tier.
pub type Complete = Box<dyn Fn(&Place, &Discovered) -> Model + Send + Sync>;

/// One place of the board.
#[derive(Clone)]
pub struct Entry {
    /// Sends to it.
    pub backend: Arc<dyn Backend>,
    /// Counts what passes through; the gateway writes it.
    pub meter: Arc<Meter>,
}

/// Places in configuration order, and by name.
#[derive(Default)]
struct Table {
    order: Vec<Entry>,
    by_id: HashMap<PlaceId, usize>,
}

impl Table {
    fn new(order: Vec<Entry>) -> Table {
        // A name that stands twice keeps its first place; configuration refuses that earlier.
        let mut by_id = HashMap::with_capacity(order.len());
        for (at, entry) in order.iter().enumerate() {
            by_id.entry(entry.backend.place().id.clone()).or_insert(at);
        }
        Table { order, by_id }
    }

    fn find(&self, id: &PlaceId) -> Option<&Entry> {
        self.by_id.get(id).and_then(|at| self.order.get(*at))
    }
}

/// What probes found of one backend.
struct Found {
    /// Whose answer it is: an answer of a backend that was replaced meanwhile counts for nothing.
    backend: Arc<dyn Backend>,
    probed: Probed,
    /// Discovered models, completed; kept while the place cannot be asked for its list.
    models: Option<Vec<Arc<Model>>>,
}

/// All places, and the fleet that is published.
pub struct Board {
    table: ArcSwap<Table>,
    fleet: ArcSwap<Fleet>,
    complete: Complete,
    /// Written by probes and reloads only; publishing happens under this lock, so that versions only rise.
    found: Mutex<HashMap<PlaceId, Found>>,
    suspects: Mutex<HashSet<PlaceId>>,
    wake: Notify,
}

impl Board {
    /// A board on which every place is [`Health::Unknown`] until it is probed.
    pub fn new(backends: Vec<Arc<dyn Backend>>, complete: Complete) -> Arc<Board> {
        let board = Board {
            table: ArcSwap::default(),
            fleet: ArcSwap::default(),
            complete,
            found: Mutex::default(),
            suspects: Mutex::default(),
            wake: Notify::new(),
        };
        board.replace(backends);
        Arc::new(board)
    }

    /// The fleet as it is now. Lock-free; keep the guard short, or take `Arc::clone(&guard)`.
    pub fn fleet(&self) -> Guard<Arc<Fleet>> {
        self.fleet.load()
    }

    /// The place of that name. Lock-free.
    pub fn entry(&self, id: &PlaceId) -> Option<Entry> {
        self.table.load().find(id).cloned()
    }

    /// Puts other backends in the place of all that are there, at once. Places that keep their name keep their meter;
    /// what was found about a place holds until it is probed again only where it is the same backend.
    pub fn replace(&self, backends: Vec<Arc<dyn Backend>>) {
        let mut found = self.lock_found();
        let old = self.table.load();
        let keep = |backend: Arc<dyn Backend>| {
            let meter = old.find(&backend.place().id).map(|e| e.meter.clone()).unwrap_or_default();
            Entry { backend, meter }
        };
        let table = Table::new(backends.into_iter().map(keep).collect());
        found.retain(|id, f| table.find(id).is_some_and(|e| Arc::ptr_eq(&e.backend, &f.backend)));
        let ids: Vec<PlaceId> = table.by_id.keys().cloned().collect();
        self.table.store(Arc::new(table));
        self.publish(&found);
        drop(found);
        self.suspects.lock().unwrap_or_else(PoisonError::into_inner).extend(ids);
        self.wake.notify_one();
    }

    /// Says that a place did not answer: it is probed again soon instead of at the next round.
    pub fn suspect(&self, id: &PlaceId) {
        let mut suspects = self.suspects.lock().unwrap_or_else(PoisonError::into_inner);
        if self.table.load().find(id).is_some() && suspects.insert(id.clone()) {
            self.wake.notify_one();
        }
    }

    fn lock_found(&self) -> std::sync::MutexGuard<'_, HashMap<PlaceId, Found>> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes what a probe of `backend` found, and publishes it.
    fn note(&self, backend: Arc<dyn Backend>, mut probed: Probed) {
        let place = backend.place().clone();
        let mut found = self.lock_found();
        let table = self.table.load();
        let Some(entry) = table.find(&place.id).filter(|e| Arc::ptr_eq(&e.backend, &backend)) else { return };
        if let Some(load) = &mut probed.load {
            load.ours = Some(entry.meter.load().running);
        }
        let before = found.remove(&place.id);
        let models = match &probed.models {
            Some(told) => Some(self.completed(&place, told, before.and_then(|f| f.models).unwrap_or_default())),
            None => before.and_then(|f| f.models),
        };
        let loading = probed.health == Health::Loading;
        found.insert(place.id.clone(), Found { backend, probed, models });
        self.publish(&found);
        drop(found);
        if loading {
            // Asked again soon, so that a place is used as soon as its model is there.
            self.suspect(&place.id);
        }
    }

    /// Completes what a place told; a model that is as before stays the same allocation.
    fn completed(&self, place: &Place, told: &[Discovered], before: Vec<Arc<Model>>) -> Vec<Arc<Model>> {
        let complete = |d: &Discovered| {
            let model = (self.complete)(place, d);
            before.iter().find(|m| ***m == model).cloned().unwrap_or_else(|| Arc::new(model))
        };
        told.iter().map(complete).collect()
    }

    /// Publishes a new snapshot if it says anything new.
    fn publish(&self, found: &HashMap<PlaceId, Found>) {
        let table = self.table.load();
        let places: Vec<PlaceState> = table.order.iter().map(|e| state(e, found.get(&e.backend.place().id))).collect();
        let now = self.fleet.load();
        if now.places != places {
            self.fleet.store(Arc::new(Fleet { version: now.version + 1, places }));
        }
    }
}

/// Configured models win over discovered ones. Load is the place's own count where it has one, and always our own
/// measurements of time.
fn state(entry: &Entry, found: Option<&Found>) -> PlaceState {
    let configured = entry.backend.models();
    let discovered = || found.and_then(|f| f.models.clone()).unwrap_or_default();
    let measured = entry.meter.load();
    let load = match found.and_then(|f| f.probed.load) {
        Some(told) => Load { ttft_ms: measured.ttft_ms, itl_us: measured.itl_us, ..told },
        None => measured,
    };
    PlaceState {
        place: entry.backend.place().clone(),
        models: if configured.is_empty() { discovered() } else { configured.to_vec() },
        health: found.map_or_else(|| unprobed(entry), |f| f.probed.health.clone()),
        load,
    }
}

/// Before the first probe a place may be tried, but our own engine is known to be loading.
fn unprobed(entry: &Entry) -> Health {
    if entry.backend.place().zone == Zone::Embedded { Health::Loading } else { Health::Unknown }
}

#[cfg(test)]
mod tests;
