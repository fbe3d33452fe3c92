//! Need × Fleet × Policy → Verdict. First the hard constraints, each with its refusal; then the objective's order.
//!
//! Never here: I/O, a clock, chance (a [`Live`] view brings the number). Between replicas the session or prefix decides by
//! rendezvous hashing, so that a conversation finds its cached prefix again, until that place is clearly worse.

mod balance;
mod expect;
mod order;
mod quality;
mod sum;
mod utility;

pub use sum::Sum;

use crate::border::Border;
use crate::{
    Candidate, Caps, DataClass, Fleet, Health, Live, Model, Need, Objective, Offer, PlaceState, Policy, Reason,
    Refusal, Refused, Route, Subject, Unpriced, Unseen, Verdict, Zone,
};
use order::{Affinity, Ranked};
use std::cmp::Reverse;
use std::sync::Arc;

/// Decides where `need` goes by fleet and policy alone: [`choose_live`] where nobody watches the places.
pub fn choose(need: &Need, fleet: &Fleet, policy: &Policy) -> Verdict {
    choose_live(need, fleet, policy, &Unseen)
}

/// Decides where `need` goes. Always gives a verdict; when nothing may or can answer its order is empty and
/// [`Verdict::fault`] says why. The hard constraints do not look at `live`: what happens at a place this moment moves it
/// within the order, and never in or out.
pub fn choose_live(need: &Need, fleet: &Fleet, policy: &Policy, live: &impl Live) -> Verdict {
    let scope = Scope::read(&need.model, fleet, policy);
    let subject = Subject::of(need, policy);
    let border = Border::new(&subject, policy);
    let declared = border.declared;
    let class = need.found.class().map_or(declared, |found| found.max(declared));
    let rules = Rules { need, border, own_ground: scope.objective == Some(Objective::Local) };
    let affinity = Affinity::of(need);
    let waiting = fleet.places.iter().fold(0u32, |all, s| all.saturating_add(s.load.waiting));
    let mut order: Vec<Ranked> = Vec::new();
    let mut refused = Vec::new();
    let pinned = pinned(need, fleet, &scope, &rules);
    for offer in fleet.offers() {
        let Some(rank) = scope.rank(&offer) else { continue };
        let Offer { state, model } = offer;
        let other = pinned.as_ref().filter(|p| !(same_model(p, &model.id) || same_model(&model.id, p)));
        let why = match (rules.judge(state, model), other) {
            (Ok(redact_above), None) => {
                let assumed = assumed(need, model);
                let model = assumed.as_ref().unwrap_or(model);
                let seen = expect::Seen {
                    standing: live.standing(&state.place.id),
                    evidence: live.evidence(&state.place.id, &model.id, need.task).unwrap_or_default(),
                    waiting,
                };
                let reason = Reason { redact_above, ..expect::expect(need, state, model, &seen) };
                let pull = affinity.pull(state.place.id.as_str());
                let candidate = Candidate { place: state.place.clone(), model: model.clone(), reason };
                order.push(Ranked { rank, pull, candidate });
                continue;
            }
            (Ok(_), Some(pinned)) => Refusal::OtherModel(pinned.clone()),
            (Err(why), _) => why,
        };
        refused.push(Refused { place: state.place.clone(), model: model.clone(), why });
    }
    // A budget that is nearly used up turns every objective to the cheapest; an order that was given stays.
    let objective = scope.objective.map(|o| if need.degrade { Objective::Cheap } else { o });
    let enough_permille = expect::suffice(&mut order, need, policy);
    if let Some(objective) = objective {
        utility::weigh(&mut order, objective, need, policy, enough_permille);
    }
    order::sort(&mut order, objective);
    balance::balance(&mut order, objective.is_some(), live.chance());
    Verdict {
        ask_id: need.ask_id,
        task: need.task,
        difficulty: need.difficulty,
        outlook: need.outlook,
        enough_permille,
        class,
        declared,
        objective,
        order: order.into_iter().map(|r| r.candidate).collect(),
        refused,
        policy_version: policy.version,
        fleet_version: fleet.version,
        subject,
    }
}

/// The one model whose vectors this request may get, since vectors of two models do not compare: neither may a fallback
/// mix them, nor may a busy or broken place change what `auto` means from one request to the next. So it follows from
/// the policy and the list of models only: the position that the name gives, then the objective without load and health,
/// then the id. `None` where no vectors are asked for or nothing may make them.
fn pinned(need: &Need, fleet: &Fleet, scope: &Scope<'_>, rules: &Rules<'_>) -> Option<Arc<str>> {
    if !need.embeddings {
        return None;
    }
    let able = fleet.offers().filter_map(|offer| {
        let rank = scope.rank(&offer)?;
        let Offer { state, model } = offer;
        if !matches!(rules.judge(state, model), Ok(_) | Err(Refusal::Unhealthy(_))) {
            return None;
        }
        let tier = model.tier.unwrap_or(state.place.tier);
        let quality = Reverse(model.quality_permille.unwrap_or(tier.quality_permille()));
        let money = model.price.as_ref().map_or(i64::MAX, |p| p.input_nanousd_per_mtok);
        let (zone, id) = (state.place.zone, &model.id);
        Some(match scope.objective {
            Some(Objective::Best) => ((rank, Some(quality), 0, None, None), zone, money, id),
            Some(Objective::Cheap) => ((rank, None, money, None, None), zone, money, id),
            _ => ((rank, None, 0, Some(tier), Some(zone)), zone, money, id),
        })
    });
    able.min().map(|(_, _, _, id)| id.clone())
}

/// What a model name covers.
struct Scope<'a> {
    objective: Option<Objective>,
    route: Option<&'a Route>,
    named: Named<'a>,
}

enum Named<'a> {
    /// Every place.
    All,
    /// The targets of a route.
    Targets,
    /// `place/model`.
    At(&'a str, &'a str),
    /// A bare model id, wherever it is.
    Bare(&'a str),
}

impl<'a> Scope<'a> {
    /// Reads a model name. A route of the configuration wins over a place or model of the same name.
    fn read(name: &'a str, fleet: &Fleet, policy: &'a Policy) -> Scope<'a> {
        if let Some(route) = policy.routes.get(name) {
            let named = if route.targets.is_empty() { Named::All } else { Named::Targets };
            return Scope { objective: route.objective, route: Some(route), named };
        }
        if let Some(objective) = auto(name, policy) {
            return Scope { objective: Some(objective), route: None, named: Named::All };
        }
        if let Some((place, model)) = name.split_once('/')
            && fleet.places.iter().any(|s| s.place.id.as_str() == place)
        {
            return Scope { objective: None, route: None, named: Named::At(place, model) };
        }
        Scope { objective: Some(policy.auto), route: None, named: Named::Bare(name) }
    }

    /// The position the name gives to an offer; `None` when it does not cover it.
    fn rank(&self, offer: &Offer<'_>) -> Option<usize> {
        let place = offer.state.place.id.as_str();
        let id = &*offer.model.id;
        match self.named {
            Named::All => Some(0),
            Named::Targets => {
                let targets = &self.route?.targets;
                targets.iter().position(|t| t.place == place && (t.model == "*" || same_model(&t.model, id)))
            }
            Named::At(p, m) => (p == place && same_model(m, id)).then_some(0),
            Named::Bare(m) => same_model(m, id).then_some(0),
        }
    }
}

/// `auto` and `auto:…`; `None` for any other name.
fn auto(name: &str, policy: &Policy) -> Option<Objective> {
    Some(match name {
        "auto" => policy.auto,
        "auto:cheap" => Objective::Cheap,
        "auto:best" => Objective::Best,
        "auto:local" => Objective::Local,
        "auto:fast" => Objective::Fast,
        _ => return None,
    })
}

/// Ollama's ids carry a tag, and `:latest` may be left out.
fn same_model(asked: &str, id: &str) -> bool {
    asked == id || id.strip_suffix(":latest").is_some_and(|bare| bare == asked)
}

/// The hard constraints of one request.
struct Rules<'a> {
    need: &'a Need,
    border: Border<'a>,
    own_ground: bool,
}

impl Rules<'_> {
    /// Above which class an offer needs what was found taken out (`None`: as it is), or the first constraint that speaks
    /// against it; the policy before anything else.
    fn judge(&self, state: &PlaceState, model: &Model) -> Result<Option<DataClass>, Refusal> {
        let redact_above = self.border.pass(&state.place)?;
        self.unfit(state, model).map_or(Ok(redact_above), Err)
    }

    /// What speaks against an offer that the policy allows.
    fn unfit(&self, state: &PlaceState, model: &Model) -> Option<Refusal> {
        let zone = state.place.zone;
        if self.own_ground && zone > Zone::OwnNetwork {
            return Some(Refusal::NotLocal(zone));
        }
        if !in_scope(self.need, state.place.id.as_str(), &model.id) {
            return Some(Refusal::Scope);
        }
        if self.need.native.is_some_and(|api| api != state.place.api) {
            return Some(Refusal::Lacks("content that only its own vendor's API has"));
        }
        if let Some(lack) = lacks(self.need, &model.caps) {
            return Some(Refusal::Lacks(lack));
        }
        let lacks_price = match self.need.unpriced {
            Unpriced::Allow => false,
            Unpriced::Estimate => model.price.is_none() && model.price_assumed.is_none(),
            Unpriced::Deny => model.price.is_none(),
        };
        // A machine that is paid by the hour or month has no price of tokens, and a cost all the same.
        if lacks_price && state.place.economics.is_none() {
            return Some(Refusal::Unpriced);
        }
        // A window is for one text, and only the place knows its tokens.
        if self.need.embeddings || self.need.rerank {
            return self.unready(state);
        }
        let need = self.need.input_tokens.saturating_add(self.need.output_tokens.min(OUTPUT_FLOOR_TOKENS));
        if let Some(has) = model.context_tokens.filter(|has| need > *has) {
            return Some(Refusal::Context { need, has });
        }
        self.unready(state)
    }

    /// Speaks against a place that is not up.
    fn unready(&self, state: &PlaceState) -> Option<Refusal> {
        match &state.health {
            Health::Down(why) => Some(Refusal::Unhealthy(format!("down ({why})"))),
            // The embedded engine queues what arrives while it loads; a request waits rather than fails.
            Health::Loading if state.place.zone != Zone::Embedded => Some(Refusal::Unhealthy("loading".to_owned())),
            _ => None,
        }
    }
}

/// Whether the key behind `need` may use a model of a place.
pub fn in_scope(need: &Need, place: &str, model: &str) -> bool {
    let place_ok = need.places_allowed.as_ref().is_none_or(|list| list.iter().any(|p| p == place));
    let model_ok = need.models_allowed.as_ref().is_none_or(|list| list.iter().any(|p| covers(p, place, model)));
    place_ok && model_ok
}

/// Whether a key's model pattern covers a model: `gpt-5-mini`, `openai/gpt-5-mini`, `openai/*`, `gpt-5*`.
fn covers(pattern: &str, place: &str, id: &str) -> bool {
    let matches = |pattern: &str, text: &str| match pattern.strip_suffix('*') {
        Some(prefix) => text.starts_with(prefix),
        None => pattern == text,
    };
    if matches(pattern, id) {
        return true;
    }
    pattern.split_once('/').is_some_and(|(p, m)| p == place && matches(m, id))
}

/// The first capability asked for that the model lacks. A chain and not a table: it is asked for every offer.
fn lacks(need: &Need, caps: &Caps) -> Option<&'static str> {
    let lack = |wanted: bool, has: bool, name| (wanted && !has).then_some(name);
    let encodes = need.embeddings || need.rerank;
    lack(!encodes, caps.writes(), "chat or completions (it is an encoder)")
        .or_else(|| lack(need.tools, caps.tools, "tools"))
        .or_else(|| lack(need.json_schema, caps.json_schema, "JSON schema output"))
        .or_else(|| lack(need.vision, caps.vision, "images"))
        .or_else(|| lack(need.audio, caps.audio, "audio"))
        .or_else(|| lack(need.logprobs, caps.logprobs, "log-probabilities"))
        .or_else(|| lack(need.completions, caps.completions, "the legacy completions endpoint"))
        .or_else(|| lack(need.embeddings, caps.embeddings, "embeddings"))
        .or_else(|| lack(need.rerank, caps.rerank, "rerank"))
}

/// The model with its assumed price as its price, where its own is not known and the request asks for that. Whatever
/// reserves, charges or records then reads one field, and the version of the price says `estimate:…`.
fn assumed(need: &Need, model: &Model) -> Option<Arc<Model>> {
    if model.price.is_some() || need.unpriced != Unpriced::Estimate {
        return None;
    }
    model.price_assumed.as_ref().map(|price| Arc::new(Model { price: Some(price.clone()), ..model.clone() }))
}

/// Completion tokens that must at least fit beside the prompt. `max_tokens` is a limit, not a need (SDKs send 4,096 with
/// every question), so a model is refused for its context only when not even a short answer fits.
const OUTPUT_FLOOR_TOKENS: u32 = 64;
