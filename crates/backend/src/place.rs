//! From a configured place to the backend that asks it.
//!
//! Never here: reading configuration (room `app`).

use crate::adapter::{Common, Shapes, runs_elsewhere};
use crate::anthropic::Anthropic;
use crate::blame::Whom;
use crate::ollama::Ollama;
use crate::openai::Openai;
use crate::profile::Profile;
use crate::{Backend, CallError, DialError, Dialer, Origin, OriginError, Peer, Secret};
use decide::{Api, Model, Place, Zone};
use std::sync::Arc;

/// One place, with what only this room may know of it.
#[derive(Debug, Clone)]
pub struct PlaceSpec {
    /// As configured or discovered.
    pub place: Arc<Place>,
    /// Its models, complete; empty means they are to be discovered.
    pub models: Vec<Arc<Model>>,
    /// Its address.
    pub base_url: String,
    /// Its key.
    pub key: Option<Secret>,
    /// What is particular about it.
    pub profile: &'static Profile,
}

/// Why a place cannot be used as it is configured.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("place `{place}`: {why}")]
pub struct BuildError {
    /// Its name.
    pub place: String,
    /// What is wrong and what to write instead.
    pub why: BuildFault,
}

/// What is wrong with a place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BuildFault {
    /// The address.
    #[error(transparent)]
    Origin(#[from] OriginError),
    /// TLS or the key.
    #[error(transparent)]
    Dial(#[from] DialError),
    /// A path that does not fit the address.
    #[error("its base_url and its profile do not fit together: {0}")]
    Path(String),
    /// The profile is another protocol's.
    #[error("profile `{profile}` does not speak `api = \"{api}\"`; leave one of the two out")]
    Profile {
        /// The profile.
        profile: &'static str,
        /// The place's protocol.
        api: &'static str,
    },
    /// The embedded engine is no upstream.
    #[error("the embedded engine has no address; leave base_url out")]
    Engine,
    /// An Ollama model that runs on another host.
    #[error("the model `{0}` runs at Ollama's cloud, not where this place is; give the place zone = \"vendor-cloud\"")]
    ElsewhereModel(String),
}

/// Makes the backend of a place. Nothing is sent yet.
///
/// # Errors
/// [`BuildError`] when address, key, protocol and profile do not fit.
pub fn build(spec: PlaceSpec, dialer: &Dialer) -> Result<Arc<dyn Backend>, BuildError> {
    let place = spec.place.id.to_string();
    backend(spec, dialer).map_err(|why| BuildError { place, why })
}

fn backend(spec: PlaceSpec, dialer: &Dialer) -> Result<Arc<dyn Backend>, BuildFault> {
    if spec.place.api != spec.profile.api {
        return Err(match spec.place.api {
            Api::Engine => BuildFault::Engine,
            api => BuildFault::Profile { profile: spec.profile.name, api: api_name(api) },
        });
    }
    let upstream =
        dialer.upstream(Origin::parse(&spec.base_url)?, spec.key, spec.profile.auth, Peer::Place(&spec.place.id))?;
    let whom = Whom { place: spec.place.id.clone(), key: upstream.key().cloned() };
    let shapes = Shapes::new(spec.profile, &spec.models);
    let common = Common { place: spec.place, models: spec.models, profile: spec.profile, upstream, whom, shapes };
    let path = |e: CallError| BuildFault::Path(e.to_string());
    Ok(match common.place.api {
        Api::Openai => Arc::new(Openai::new(common).map_err(path)?),
        Api::Anthropic => Arc::new(Anthropic::new(common).map_err(path)?),
        Api::Ollama => {
            let elsewhere = common.models.iter().find(|m| runs_elsewhere(&m.id));
            if let Some(model) = elsewhere.filter(|_| common.place.zone != Zone::VendorCloud) {
                return Err(BuildFault::ElsewhereModel(model.id.to_string()));
            }
            Arc::new(Ollama::new(common).map_err(path)?)
        }
        Api::Engine => return Err(BuildFault::Engine),
    })
}

fn api_name(api: Api) -> &'static str {
    match api {
        Api::Openai => "openai",
        Api::Anthropic => "anthropic",
        Api::Ollama => "ollama",
        Api::Engine => "engine",
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::DialerOptions;
    use decide::{Caps, Kind, PlaceId, Tier};

    fn spec(profile: &str, base_url: &str) -> PlaceSpec {
        let profile = Profile::find(profile).unwrap();
        let place = Place {
            id: PlaceId::new("p"),
            api: profile.api,
            tier: Tier::Local,
            kind: Kind::Appliance,
            zone: Zone::SameHost,
            provider: "x".into(),
            terms: decide::Terms::default(),
            economics: None,
        };
        PlaceSpec {
            place: Arc::new(place),
            models: Vec::new(),
            base_url: base_url.into(),
            key: Some(Secret::new("sk-secret-of-this-place")),
            profile,
        }
    }

    fn model(id: &str) -> Arc<Model> {
        Arc::new(Model { id: id.into(), caps: Caps::default(), ..Model::default() })
    }

    fn why(spec: PlaceSpec) -> BuildFault {
        let dialer = Dialer::new(DialerOptions::default()).unwrap();
        build(spec, &dialer).err().unwrap().why
    }

    #[test]
    fn places_that_fit_are_built_and_others_say_why() {
        let dialer = Dialer::new(DialerOptions::default()).unwrap();
        for profile in crate::PROFILES {
            let base = profile.base_url.unwrap_or("https://host.example/v1");
            assert!(build(spec(profile.name, base), &dialer).is_ok(), "{}", profile.name);
        }
        assert!(matches!(why(spec("openai", "openai.com")), BuildFault::Origin(_)));
        let mut other = spec("openai", "https://api.openai.com/v1");
        other.profile = Profile::find("anthropic").unwrap();
        assert!(matches!(why(other), BuildFault::Profile { .. }));
        let mut bad_key = spec("openai", "https://api.openai.com/v1");
        bad_key.key = Some(Secret::new("line\nbreak"));
        assert!(matches!(why(bad_key), BuildFault::Dial(DialError::Key(_))));
    }

    #[test]
    fn a_model_that_leaves_the_host_needs_a_zone_that_says_so() {
        let mut cloud = spec("ollama", "http://127.0.0.1:11434");
        cloud.models = vec![model("gpt-oss:120b-cloud")];
        assert_eq!(why(cloud.clone()), BuildFault::ElsewhereModel("gpt-oss:120b-cloud".into()));
        let mut place = Place::clone(&cloud.place);
        place.zone = Zone::VendorCloud;
        cloud.place = Arc::new(place);
        assert!(build(cloud, &Dialer::new(DialerOptions::default()).unwrap()).is_ok());
    }

    #[test]
    fn keys_are_in_no_debug_output() {
        let spec = spec("openai", "https://api.openai.com/v1");
        assert!(!format!("{spec:?}").contains("sk-secret"));
    }
}
