//! What `/api/show` says of each model, asked once per digest: capabilities and context window.
//!
//! Never here: blocking a probe. Models that could not be asked in time are completed by a later probe.

use crate::call::inquire;
use crate::catalog::ollama_caps;
use crate::{Discovered, Question, Route, Upstream};
use decide::Caps;
use serde::Deserialize;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// For all models of one probe.
const LIMIT: Duration = Duration::from_millis(1000);
/// Licences and templates make these documents long.
const DOCUMENT_MAX: usize = 4 << 20;
/// Answers remembered.
const KNOWN_MAX: usize = 4096;

/// What is known of one model; `None` for a model that neither completes nor makes vectors.
type Known = Option<(Caps, Option<u32>)>;

pub(super) struct Shows {
    route: Route,
    /// By digest, so that a model that is pulled anew is asked anew. Only probes lock this.
    known: Mutex<HashMap<String, Known>>,
}

#[derive(Deserialize)]
struct Tags {
    models: Vec<Tag>,
}

#[derive(Deserialize)]
struct Tag {
    name: String,
    #[serde(default)]
    digest: String,
}

#[derive(Deserialize)]
struct Show {
    #[serde(default)]
    capabilities: Vec<String>,
    #[serde(default)]
    model_info: serde_json::Map<String, serde_json::Value>,
}

impl Shows {
    pub(super) fn new(route: Route) -> Shows {
        Shows { route, known: Mutex::default() }
    }

    /// Completes what the list left open, and drops models that can do nothing we ask for.
    pub(super) async fn complete(&self, upstream: &Upstream, models: &mut Vec<Discovered>, list: &[u8]) {
        let digests: HashMap<String, String> = digests(list);
        let key = |id: &str| digests.get(id).cloned().unwrap_or_else(|| id.to_owned());
        let open: Vec<String> = models.iter().filter(|m| m.caps.is_none()).map(|m| m.id.clone()).collect();
        let asking = async {
            for id in open {
                if self.recall(&key(&id)).is_none()
                    && let Some(known) = self.ask(upstream, &id).await
                {
                    self.remember(key(&id), known);
                }
            }
        };
        let _ = tokio::time::timeout(LIMIT, asking).await;
        models.retain_mut(|model| {
            if model.caps.is_some() {
                return true;
            }
            match self.recall(&key(&model.id)) {
                None => true,
                Some(None) => false,
                Some(Some((caps, context))) => {
                    model.caps = Some(caps);
                    model.context_tokens = model.context_tokens.or(context);
                    true
                }
            }
        });
    }

    async fn ask(&self, upstream: &Upstream, id: &str) -> Option<Known> {
        let seen =
            inquire(upstream, &self.route, Question::model(id), DOCUMENT_MAX).await.ok().filter(|s| s.status == 200)?;
        let show: Show = serde_json::from_slice(&seen.body).ok()?;
        if show.capabilities.is_empty() {
            // Versions before capabilities were reported.
            return None;
        }
        let context = show.model_info.iter().find(|(name, _)| name.ends_with(".context_length"));
        let context = context.and_then(|(_, v)| v.as_u64()).and_then(|n| u32::try_from(n).ok());
        Some(ollama_caps(&show.capabilities).map(|caps| (caps, context)))
    }

    fn recall(&self, digest: &str) -> Option<Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).get(digest).copied()
    }

    fn remember(&self, digest: String, known: Known) {
        let mut all = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= KNOWN_MAX {
            all.clear();
        }
        all.insert(digest, known);
    }
}

fn digests(list: &[u8]) -> HashMap<String, String> {
    let tags: Option<Tags> = serde_json::from_slice(list).ok();
    let tags = tags.into_iter().flat_map(|t| t.models);
    tags.filter(|t| !t.digest.is_empty()).map(|t| (t.name, t.digest)).collect()
}
