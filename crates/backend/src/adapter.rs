//! What every adapter holds: its place, its upstream, and the shapes of its requests.
//!
//! Never here: what only one protocol needs, but for the one rule about names that building and asking share.

use crate::Upstream;
use crate::blame::Whom;
use crate::profile::Profile;
use arc_swap::ArcSwap;
use decide::{Model, Place};
use std::collections::HashMap;
use std::sync::Arc;

/// What every adapter holds.
pub(crate) struct Common {
    pub(crate) place: Arc<Place>,
    pub(crate) models: Vec<Arc<Model>>,
    pub(crate) profile: &'static Profile,
    pub(crate) upstream: Upstream,
    pub(crate) whom: Whom,
    pub(crate) shapes: Shapes,
}

/// The shapes of requests, one per model, so that a request does not copy the profile's lists. Read without a lock.
pub(crate) struct Shapes {
    profile: &'static Profile,
    made: ArcSwap<HashMap<Arc<str>, Arc<wire::Shape>>>,
}

/// Shapes kept; more models than that at one place pay for theirs each time.
const SHAPES_MAX: usize = 1024;

impl Shapes {
    pub(crate) fn new(profile: &'static Profile, models: &[Arc<Model>]) -> Shapes {
        let made = models.iter().map(|m| (m.id.clone(), Arc::new(profile.shape(&m.id)))).collect();
        Shapes { profile, made: ArcSwap::from_pointee(made) }
    }

    pub(crate) fn of(&self, model: &Arc<str>) -> Arc<wire::Shape> {
        if let Some(shape) = self.made.load().get(model) {
            return shape.clone();
        }
        let shape = Arc::new(self.profile.shape(model));
        if self.made.load().len() < SHAPES_MAX {
            self.made.rcu(|made| {
                let mut grown = HashMap::clone(made);
                grown.insert(model.clone(), shape.clone());
                grown
            });
        }
        shape
    }
}

/// Ollama passes models with these names on to its own cloud, which is not where the place says it is.
pub(crate) fn runs_elsewhere(model: &str) -> bool {
    let tag = model.rsplit_once(':').map_or("", |(_, tag)| tag);
    tag == "cloud" || tag.ends_with("-cloud")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn shapes_are_made_once_per_model() {
        let shapes = Shapes::new(Profile::find("openai").unwrap(), &[]);
        let b: Arc<str> = "b".into();
        assert!(Arc::ptr_eq(&shapes.of(&b), &shapes.of(&b)));
        assert_eq!(shapes.of(&b).model, "b");
        assert!(shapes.of(&b).strip.iter().any(|s| s == "top_k"));
    }

    #[test]
    fn names_of_models_that_run_elsewhere() {
        assert!(runs_elsewhere("x:cloud") && runs_elsewhere("gpt-oss:120b-cloud"));
        assert!(!runs_elsewhere("cloud") && !runs_elsewhere("my-cloud:latest"));
    }
}
