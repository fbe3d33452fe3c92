//! The configuration in force of a running server, and taking over a new one: all of it or nothing.
//!
//! Never here: noticing that there is a new one (`watch`).

use super::{Profiles, completer, keys};
use crate::book::Book;
use crate::config::{self, Flags, Found, PlaceSettings, Settings};
use crate::discover::{self, Finds};
use crate::embedded::Embedded;
use crate::fleet;
use crate::problem::{Problem, Problems};
use anyhow::Result;
use arc_swap::ArcSwap;
use backend::{Backend, Board, Dialer};
use decide::Policy;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

/// A place and the backend that was built from it.
type Built = (PlaceSettings, Arc<dyn Backend>);

/// Everything a reload may change, and what it needs to do so.
pub(super) struct Live {
    pub(super) board: Arc<Board>,
    pub(super) policy: Arc<ArcSwap<Policy>>,
    pub(super) keys: Arc<ArcSwap<gateway::Keys>>,
    pub(super) care: Arc<gateway::Care>,
    pub(super) book: Arc<Book>,
    /// Where we really listen; a reload does not change it.
    pub(super) address: SocketAddr,
    /// The embedded engine, or why there is none.
    pub(super) engine: Embedded,
    profiles: Profiles,
    dialer: Dialer,
    found: Found,
    flags: Flags,
    /// Written by reloads only.
    now: Mutex<Now>,
}

/// What is in force, to compare a new configuration with.
struct Now {
    settings: Settings,
    places: Vec<Built>,
}

impl Live {
    /// Looks for places, builds every backend and the board.
    ///
    /// # Errors
    /// A place cannot be built.
    pub(super) async fn new(
        settings: Settings,
        found: Found,
        flags: Flags,
        book: Arc<Book>,
        engine: Embedded,
        address: SocketAddr,
    ) -> Result<(Arc<Live>, Finds)> {
        let dialer = fleet::dialer(&settings)?;
        let finds = look(&settings, &book, &dialer).await;
        let places = build(&settings, &finds, &dialer, &[])?;
        let profiles: Profiles = Arc::new(ArcSwap::from_pointee(profiles(&places)));
        let board = Board::new(order(&engine, &places), completer(profiles.clone(), book.clone()));
        let policy = Arc::new(ArcSwap::from_pointee(Policy { version: 1, ..settings.policy.clone() }));
        let keys = Arc::new(ArcSwap::from_pointee(keys(&settings)));
        let care = Arc::new(gateway::Care::new(settings.resilience.clone()));
        let now = Mutex::new(Now { settings, places });
        let live = Live { board, policy, keys, care, book, address, engine, profiles, dialer, found, flags, now };
        Ok((Arc::new(live), finds))
    }

    /// The file in force; `None` when nothing is configured.
    pub(super) fn path(&self) -> Option<PathBuf> {
        self.found.path.clone()
    }

    /// What is allowed in the configuration but probably not meant.
    pub(super) fn warnings(&self) -> Vec<String> {
        self.lock().settings.warnings.clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Now> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the configuration over as it is now. When anything is wrong with it, everything stays as it was and the
    /// log says why.
    pub(super) async fn reload(&self, why: &str) {
        match self.take_over().await {
            Ok(version) => tracing::info!(version, "configuration taken over ({why})"),
            Err(error) => tracing::error!(
                "the new configuration is not taken over ({why}); the old one stays in force\n{}",
                crate::problem::shown(&error)
            ),
        }
    }

    async fn take_over(&self) -> Result<u64> {
        let settings = config::load(self.found.path.as_deref(), &self.flags, &config::process_env, &self.book)?;
        self.refuse_open(&settings)?;
        let finds = look(&settings, &self.book, &self.dialer).await;
        let mut now = self.lock();
        let places = build(&settings, &finds, &self.dialer, &now.places)?;
        for what in needs_restart(&now.settings, &settings) {
            tracing::warn!("{what} changed: that counts after a restart");
        }
        for warning in &settings.warnings {
            tracing::warn!("{warning}");
        }
        // From here on nothing fails. The policy goes first, so that no new place is used under an old, wider rule.
        let version = self.policy.load().version + 1;
        self.policy.store(Arc::new(Policy { version, ..settings.policy.clone() }));
        self.keys.store(Arc::new(keys(&settings)));
        self.profiles.store(Arc::new(profiles(&places)));
        if now.settings.engine != settings.engine {
            self.engine.take_over(&settings);
            tracing::info!("the embedded engine: {}", self.engine.note().replace('\n', "; "));
        }
        let order = order(&self.engine, &places);
        let names: Vec<_> = order.iter().map(|b| b.place().id.clone()).collect();
        self.care.take_over(settings.resilience.clone(), &names);
        self.board.replace(order);
        *now = Now { settings, places };
        Ok(version)
    }

    /// The file may say another address by now; what counts is where we listen.
    fn refuse_open(&self, settings: &Settings) -> Result<(), Problems> {
        if self.address.ip().is_loopback() || !settings.keys.is_empty() {
            return Ok(());
        }
        let what = format!("without keys this gateway, listening on {}, would be open to everyone", self.address);
        let help = "keep at least one [[key]], or restart to listen elsewhere";
        Err(Problem::new(what, "the last [[key]] was removed", help).into())
    }
}

async fn look(settings: &Settings, book: &Book, dialer: &Dialer) -> Finds {
    let ports = discover::usual_ports(&config::process_env);
    discover::look(settings, &config::process_env, book, dialer, &ports).await
}

/// A backend for every configured and discovered place. One that did not change stays the same, with its connections
/// and what is known of it.
fn build(settings: &Settings, finds: &Finds, dialer: &Dialer, old: &[Built]) -> Result<Vec<Built>, Problems> {
    let mut out = Vec::new();
    let mut problems = Problems::default();
    for place in settings.places.iter().chain(&finds.places) {
        if let Some((_, same)) = old.iter().find(|(p, _)| p.is_same(place)) {
            out.push((place.clone(), same.clone()));
            continue;
        }
        match fleet::build(place, dialer) {
            Ok(backend) => out.push((place.clone(), backend)),
            Err(problem) => problems.0.push(problem),
        }
    }
    if problems.0.is_empty() { Ok(out) } else { Err(problems) }
}

/// The embedded engine first: it is the first step of the escalation.
fn order(engine: &Embedded, places: &[Built]) -> Vec<Arc<dyn Backend>> {
    engine.backend().into_iter().chain(places.iter().map(|(_, backend)| backend.clone())).collect()
}

fn profiles(places: &[Built]) -> Vec<(decide::PlaceId, &'static backend::Profile)> {
    places.iter().map(|(p, _)| (p.place.id.clone(), p.profile)).collect()
}

/// Sections that a running server cannot change.
fn needs_restart(old: &Settings, new: &Settings) -> Vec<&'static str> {
    [
        (old.server != new.server, "[server]"),
        (old.ledger != new.ledger, "[ledger]"),
        (old.audit != new.audit, "[audit]"),
    ]
    .into_iter()
    .filter_map(|(changed, name)| changed.then_some(name))
    .collect()
}
