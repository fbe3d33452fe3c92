//! From settings to backends and to a first picture of the fleet.
//!
//! Never here: probing over time (`backend::Board`), or choosing.

use crate::book::{self, Book, Told};
use crate::config::{PlaceSettings, Settings};
use crate::problem::{Problem, Problems};
use anyhow::{Context, Result};
use backend::{Backend, Dialer, DialerOptions, PlaceSpec};
use decide::{Fleet, Health, Load, Model, PlaceState, Zone};
use std::sync::Arc;
use std::time::Duration;

/// For one place to say what it has, in commands that do not serve.
const ASK_LIMIT: Duration = Duration::from_secs(1);

/// A runtime for commands that look around and end.
pub(crate) fn short_runtime() -> Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().context("no runtime can be started")
}

/// The door to the network with the configured time to connect.
pub(crate) fn dialer(settings: &Settings) -> Result<Dialer> {
    let options = DialerOptions {
        connect: settings.server.deadlines.connect,
        egress: settings.egress.list(&settings.places),
        ..DialerOptions::default()
    };
    Dialer::new(options).map_err(|e| {
        Problems::from(Problem::new("connections cannot be set up", e.to_string(), "check the system's certificates"))
            .into()
    })
}

/// Builds the backend of one place.
///
/// # Errors
/// What is wrong with its address or key.
pub(crate) fn build(place: &PlaceSettings, dialer: &Dialer) -> Result<Arc<dyn Backend>, Problem> {
    let spec = PlaceSpec {
        place: Arc::clone(&place.place),
        models: place.models.clone(),
        base_url: place.base_url.clone(),
        key: place.key.clone(),
        profile: place.profile,
    };
    backend::build(spec, dialer).map_err(|e| {
        let what = format!("{}: the place \"{}\" cannot be set up", place.from, place.place.id);
        Problem::new(what, e.to_string(), "correct its base_url or key; `dewpoint check` shows what is in force")
    })
}

/// The fleet as it is now, for commands that do not serve. Places on this host are asked; others are taken as
/// configured, and where no models are configured, as the book knows them.
pub(crate) async fn survey(places: &[PlaceSettings], book: &Arc<Book>, dialer: &Dialer) -> Result<Fleet> {
    let mut fleet = Fleet { version: 1, places: Vec::new() };
    for place in places {
        let state = if place.place.zone <= Zone::SameHost {
            let backend = build(place, dialer).map_err(Problems::from)?;
            asked(place, backend.as_ref(), book).await
        } else {
            PlaceState {
                place: Arc::clone(&place.place),
                models: known(place, book),
                health: Health::Unknown,
                load: Load::default(),
            }
        };
        fleet.places.push(state);
    }
    Ok(fleet)
}

async fn asked(place: &PlaceSettings, backend: &dyn Backend, book: &Book) -> PlaceState {
    let probed = tokio::time::timeout(ASK_LIMIT, backend.probe()).await.unwrap_or_else(|_| backend::Probed {
        health: Health::Down("no answer within a second".to_owned()),
        ..backend::Probed::default()
    });
    let found = probed.models.unwrap_or_default();
    let models = if place.models.is_empty() {
        found.iter().map(|d| Arc::new(book::discovered(book, Some(place.profile), &place.place, d))).collect()
    } else {
        place.models.clone()
    };
    PlaceState { place: Arc::clone(&place.place), models, health: probed.health, load: probed.load.unwrap_or_default() }
}

/// The configured models, else the usual ones of the provider.
pub(crate) fn known(place: &PlaceSettings, book: &Book) -> Vec<Arc<Model>> {
    if !place.models.is_empty() {
        return place.models.clone();
    }
    let usual = book.usual(place.profile.name);
    usual
        .into_iter()
        .map(|id| Arc::new(book::complete(book, place.profile, &place.place, id, &Told::default())))
        .collect()
}
