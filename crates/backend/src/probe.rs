//! Asking a place how it is: health, models and load, with the questions its profile names.
//!
//! Never here: how often (the board decides), or what the answers mean for a request.

use crate::adapter::Common;
use crate::call::{Seen, fetch};
use crate::{CallError, Probed, Route, catalog, metrics};
use decide::{Health, Load};
use http::{HeaderName, HeaderValue};

/// Longest list of models that is read; OpenRouter's is about 1 MiB.
const LIST_MAX: usize = 8 << 20;
/// Longest metrics page that is read.
const PAGE_MAX: usize = 4 << 20;
const HEALTH_MAX: usize = 64 << 10;

/// The routes of a place's questions.
pub(crate) struct Questions {
    health: Option<Route>,
    models: Route,
    metrics: Option<Route>,
    further: Vec<(HeaderName, HeaderValue)>,
}

impl Questions {
    /// `models` is the route of the list; health and metrics stand in the profile.
    pub(crate) fn new(
        common: &Common,
        models: Route,
        further: Vec<(HeaderName, HeaderValue)>,
    ) -> Result<Questions, CallError> {
        let beside = |path: &str| common.upstream.beside(path);
        Ok(Questions {
            health: common.profile.health.map(beside).transpose()?,
            models,
            metrics: common.profile.metrics.map(|m| beside(m.path)).transpose()?,
            further,
        })
    }

    /// Asks everything at once.
    pub(crate) async fn ask(&self, common: &Common) -> (Probed, Option<Seen>) {
        let get = async |route: Option<&Route>, max: usize| match route {
            Some(route) => Some(fetch(&common.upstream, route, &self.further, max).await),
            None => None,
        };
        let (health, list, page) = tokio::join!(
            get(self.health.as_ref(), HEALTH_MAX),
            get(Some(&self.models), LIST_MAX),
            get(self.metrics.as_ref(), PAGE_MAX),
        );
        let list = list.unwrap_or_else(|| Err(CallError::Built("not asked".to_owned())));
        let loading = common.profile.busy_is_loading;
        let by_list = state(&list, loading);
        let health = match health.map(|h| (state(&h, loading), h)) {
            // A server that does not know the path of its health check is judged by its list.
            Some((_, Ok(seen))) if matches!(seen.status, 404 | 405) => by_list,
            Some((Health::Up, _)) => refused(&list).unwrap_or(Health::Up),
            Some((other, _)) => other,
            None => by_list,
        };
        let list = list.ok().filter(|s| s.status == 200);
        let models = list.as_ref().and_then(|s| catalog::models(&s.body, common.profile));
        let load = page.and_then(Result::ok).and_then(|p| load(&p, common));
        (Probed { health, models, load }, list)
    }
}

fn load(page: &Seen, common: &Common) -> Option<Load> {
    let names = common.profile.metrics.as_ref().filter(|_| page.status == 200)?;
    metrics::load(std::str::from_utf8(&page.body).ok()?, names)
}

/// What one answer says about the place. The texts stand in tables and refusals, so they name no addresses.
fn state(seen: &Result<Seen, CallError>, busy_is_loading: bool) -> Health {
    let seen = match seen {
        Ok(seen) => seen,
        Err(CallError::Connect(_)) => return Health::Down("cannot be reached".to_owned()),
        Err(CallError::Forbidden { reason, .. }) => return Health::Down(format!("not asked: {}", reason.shown())),
        Err(CallError::ConnectSlow(_)) => return Health::Down("accepts no connection in time".to_owned()),
        Err(_) => return Health::Down("closes the connection".to_owned()),
    };
    match seen.status {
        200..300 | 404 | 405 | 429 => Health::Up,
        401 | 403 => Health::Down("refuses our credentials".to_owned()),
        503 if busy_is_loading || says_loading(&seen.body) => Health::Loading,
        status => Health::Down(format!("answers with HTTP {status}")),
    }
}

/// A healthy engine whose list refuses our key would refuse every request.
fn refused(list: &Result<Seen, CallError>) -> Option<Health> {
    let refused = list.as_ref().is_ok_and(|s| matches!(s.status, 401 | 403));
    refused.then(|| Health::Down("refuses our credentials".to_owned()))
}

fn says_loading(body: &[u8]) -> bool {
    String::from_utf8_lossy(&body[..body.len().min(1024)]).to_ascii_lowercase().contains("loading")
}
