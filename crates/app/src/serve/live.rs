//! The configuration in force of a running server, and taking over a new one: all of it or nothing.
//!
//! Never here: noticing that there is a new one (`watch`).

use super::{Profiles, completer, now_unix_ms};
use crate::accounts;
use crate::book::Book;
use crate::config::{self, Flags, Found, PlaceSettings, Settings};
use crate::discover::{self, Finds};
use crate::embedded::Embedded;
use crate::fleet;
use crate::problem::{Problem, Problems};
use crate::source::failed;
use anyhow::Result;
use arc_swap::ArcSwap;
use backend::{Backend, Board, Dialer};
use budget::Budgets;
use decide::Policy;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// A place and the backend that was built from it.
type Built = (PlaceSettings, Arc<dyn Backend>);

/// Everything a reload may change, and what it needs to do so.
pub(super) struct Live {
    pub(super) board: Arc<Board>,
    pub(super) policy: Arc<ArcSwap<Policy>>,
    pub(super) keys: Arc<ArcSwap<gateway::Keys>>,
    pub(super) budgets: Arc<Budgets>,
    pub(super) guard: Arc<ArcSwap<gateway::Guard>>,
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
        (address, guard): (SocketAddr, gateway::Guard),
    ) -> Result<(Arc<Live>, Finds)> {
        let dialer = fleet::dialer(&settings)?;
        let finds = look(&settings, &book, &dialer).await;
        let places = build(&settings, &finds, &dialer, &[])?;
        let profiles: Profiles = Arc::new(ArcSwap::from_pointee(profiles(&places)));
        let board = Board::new(order(&engine, &places), completer(profiles.clone(), book.clone()));
        let policy = Arc::new(ArcSwap::from_pointee(in_force(1, &settings)));
        let budgets = Arc::new(Budgets::new());
        let now_ms = now_unix_ms();
        let ready = accounts::ready(&budgets, &settings, now_ms).map_err(|e| failed(&e))?;
        accounts::take_over(&budgets, &settings, &ready, now_ms);
        let keys = Arc::new(ArcSwap::from_pointee(accounts::keys(&settings, &budgets)));
        let care = Arc::new(gateway::Care::new(settings.resilience.clone()));
        let guard = Arc::new(ArcSwap::from_pointee(guard));
        let now = Mutex::new(Now { settings, places });
        let live = Live {
            board,
            policy,
            keys,
            budgets,
            guard,
            care,
            book,
            address,
            engine,
            profiles,
            dialer,
            found,
            flags,
            now,
        };
        Ok((Arc::new(live), finds))
    }

    /// The file in force; `None` when nothing is configured.
    pub(super) fn path(&self) -> Option<PathBuf> {
        self.found.path.clone()
    }

    /// The file of stored keys.
    pub(super) fn keys_path(&self) -> Option<PathBuf> {
        self.lock().settings.keys_file.clone()
    }

    /// Takes the stored keys over as they are now, whatever has become of the configuration meanwhile: a key that is revoked has to go
    /// at once.
    pub(super) fn reload_keys(&self) {
        let mut now = self.lock();
        let taken = config::with_stored_keys(&now.settings).map_err(anyhow::Error::from).and_then(|keys| {
            let before = std::mem::replace(&mut now.settings.keys, keys);
            let refused = self.refuse_open(&now.settings).map_err(anyhow::Error::from);
            let now_ms = now_unix_ms();
            let ready = refused
                .and_then(|()| Ok(accounts::ready(&self.budgets, &now.settings, now_ms).map_err(|e| failed(&e))?));
            if ready.is_err() {
                now.settings.keys = before;
            }
            ready.map(|ready| (ready, now_ms))
        });
        match taken {
            Ok((ready, now_ms)) => {
                accounts::take_over(&self.budgets, &now.settings, &ready, now_ms);
                self.keys.store(Arc::new(accounts::keys(&now.settings, &self.budgets)));
                tracing::info!(keys = now.settings.keys.len(), "stored keys taken over");
            }
            Err(error) => tracing::error!(
                "the stored keys are not taken over; the old ones stay in force\n{}",
                crate::problem::shown(&error)
            ),
        }
    }

    /// The folder of the ledger; `None` where none is kept.
    pub(super) fn ledger_dir(&self) -> Option<PathBuf> {
        self.lock().settings.ledger.as_ref().map(|kept| kept.dir.clone())
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
        let mut settings = config::load(self.found.path.as_deref(), &self.flags, &config::process_env, &self.book)?;
        self.refuse_open(&settings)?;
        if self.dialer.is_airgapped() && !settings.egress.airgap {
            settings.egress.airgap = true;
            tracing::info!("the air gap stays closed until a restart");
        }
        // Looking has a door of its own: the one in use keeps its list until everything is known to be right.
        let finds = look(&settings, &self.book, &fleet::dialer(&settings)?).await;
        let guard = self.searching(&settings)?;
        let mut now = self.lock();
        refuse_lost(&now.settings, &settings)?;
        let now_ms = now_unix_ms();
        let ready = accounts::ready(&self.budgets, &settings, now_ms).map_err(|e| failed(&e))?;
        let places = self.rebuild(&settings, &finds, &now)?;
        for what in needs_restart(&now.settings, &settings) {
            tracing::warn!("{what} changed: that counts after a restart");
        }
        for warning in &settings.warnings {
            tracing::warn!("{warning}");
        }
        // From here on nothing fails. Detectors and policy go first, so that no new place is used under an old, wider rule.
        if let Some(guard) = guard {
            self.guard.store(Arc::new(guard));
        }
        let version = self.policy.load().version + 1;
        self.policy.store(Arc::new(in_force(version, &settings)));
        accounts::take_over(&self.budgets, &settings, &ready, now_ms);
        self.keys.store(Arc::new(accounts::keys(&settings, &self.budgets)));
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

    /// The detectors of a new configuration, with the key as it is; `None` where they do not change.
    fn searching(&self, settings: &Settings) -> Result<Option<gateway::Guard>, Problems> {
        if self.lock().settings.detect == settings.detect {
            return Ok(None);
        }
        crate::detect::guard(settings, *self.guard.load().key).map(Some)
    }

    /// The places of a new configuration, behind its egress list. When one cannot be built, the old list is in force again.
    fn rebuild(&self, settings: &Settings, finds: &Finds, now: &Now) -> Result<Vec<Built>, Problems> {
        let list = settings.egress.list(settings.places.iter().chain(&finds.places));
        let before = now.settings.egress.list(now.places.iter().map(|(place, _)| place));
        let same = list.agrees(&before);
        if same {
            self.dialer.allow(list);
        } else {
            // Other rules for origins that stay: their backends are made anew, with connections of their own.
            self.dialer.renew(list);
        }
        let old = if same { &now.places[..] } else { &[] };
        build(settings, finds, &self.dialer, old).inspect_err(|_| {
            self.dialer.allow(before);
        })
    }

    /// The dialer's word on what is dialled: the air gap, and which places are behind it.
    pub(super) fn egress(&self) -> String {
        let now = self.lock();
        crate::egress::line(&now.settings.egress, now.places.iter().map(|(place, _)| place))
    }

    /// How often something was not dialled, as families of `/metrics`.
    pub(super) fn denied(&self) -> String {
        crate::egress::metrics(&self.dialer)
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

/// A file of keys that is gone is a mishap, and must not open a gateway that had keys.
fn refuse_lost(old: &Settings, new: &Settings) -> Result<(), Problems> {
    let stored = |s: &Settings| s.keys.iter().any(|k| k.public_id.is_some());
    if !stored(old) || stored(new) {
        return Ok(());
    }
    let file = old.keys_file.as_deref().unwrap_or(Path::new("keys.json")).display().to_string();
    let help = "put it back; to do without stored keys for good, restart";
    Err(Problem::new("the stored keys are gone", format!("{file} is not there any more, or empty"), help).into())
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

/// The policy of settings, with its number and its hash for the audit trail.
fn in_force(version: u64, settings: &Settings) -> Policy {
    let hash = crate::passages::hash(&settings.policy).into();
    Policy { version, hash, ..settings.policy.clone() }
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
