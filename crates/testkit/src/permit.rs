//! Places, models and permits for tests. A permit comes from [`decide::permit`] here as everywhere.
//!
//! Never here: a way around the policy.

use backend::Profile;
use decide::{Caps, DataClass, Fleet, Health, Load, Model, Need, Permit, Place, PlaceId, PlaceState, Policy, choose};
use std::sync::Arc;

/// A place with the defaults of a profile.
pub fn place(name: &str, profile: &Profile) -> Arc<Place> {
    Arc::new(Place {
        id: PlaceId::new(name),
        api: profile.api,
        tier: profile.tier,
        kind: profile.kind,
        zone: profile.zone,
        provider: profile.provider.into(),
        terms: decide::Terms::default(),
        economics: None,
    })
}

/// A model that can do everything.
pub fn model(id: &str) -> Arc<Model> {
    let (tools, json_schema, vision, audio) = (true, true, true, true);
    let caps = Caps { tools, json_schema, vision, audio, logprobs: true, completions: true, ..Caps::default() };
    Arc::new(Model { id: id.into(), caps, ..Model::default() })
}

/// Leave to send the request `ask_id` to `model` at `place`, as public data under the default policy.
///
/// # Panics
/// When the default policy refuses it.
pub fn permit_for(ask_id: u128, place: &Arc<Place>, model: &str) -> Permit {
    let state = PlaceState {
        place: place.clone(),
        models: vec![self::model(model)],
        health: Health::Up,
        load: Load::default(),
    };
    let (fleet, policy) = (Fleet { version: 1, places: vec![state] }, Policy::default());
    let model = format!("{}/{model}", place.id);
    let need = Need { ask_id, model, class: DataClass::Public, ..Need::default() };
    let verdict = choose(&need, &fleet, &policy);
    decide::permit(&verdict, 0, &fleet, &policy).expect("the default policy lets public data go anywhere")
}
