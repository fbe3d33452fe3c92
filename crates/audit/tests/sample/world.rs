//! Decisions and ends with a known content.
#![allow(dead_code, reason = "what one test does not use another does")]

use decide::*;
use std::sync::Arc;

pub(crate) fn place(name: &str, zone: Zone, seat: Option<&str>) -> Arc<Place> {
    let terms = Terms { legal_seat: seat.map(Arc::from), ..Terms::default() };
    Arc::new(Place {
        id: PlaceId::new(name),
        api: Api::Openai,
        tier: Tier::Local,
        kind: Kind::Serverless,
        zone,
        provider: name.into(),
        terms,
        economics: None,
    })
}

pub(crate) fn model() -> Arc<Model> {
    let caps = Caps::default();
    Arc::new(Model {
        ability: None,
        id: "m".into(),
        context_tokens: None,
        caps,
        price: None,
        price_assumed: None,
        output_tokens_max: None,
        tier: None,
        quality_permille: None,
    })
}

/// Places that all tests know.
pub(crate) struct World {
    pub(crate) edge: Arc<Place>,
    pub(crate) openai: Arc<Place>,
    pub(crate) model: Arc<Model>,
    pub(crate) policy: Arc<Policy>,
}

impl World {
    pub(crate) fn new() -> World {
        World {
            edge: place("edge", Zone::Embedded, None),
            openai: place("openai", Zone::VendorCloud, Some("US")),
            model: model(),
            policy: Arc::default(),
        }
    }

    /// A decision of `class` that may go to these places.
    pub(crate) fn decision(&self, n: u64, class: DataClass, order: &[&Arc<Place>]) -> Decision {
        let candidate =
            |p: &&Arc<Place>| Candidate { place: (*p).clone(), model: self.model.clone(), reason: Reason::default() };
        let no = Refused {
            place: self.openai.clone(),
            model: self.model.clone(),
            why: Refusal::Class { class, reach: Zone::OwnNetwork, zone: Zone::VendorCloud, by: "built-in rule" },
        };
        let leaves = order.iter().any(|p| p.id == self.openai.id);
        let verdict = Verdict {
            ask_id: u128::from(n),
            task: Task::Chat,
            difficulty: Difficulty(100),
            outlook: None,
            enough_permille: 100,
            class,
            declared: class,
            subject: decide::Subject::default(),
            objective: None,
            order: order.iter().map(candidate).collect(),
            refused: if leaves { Vec::new() } else { vec![no] },
            policy_version: 1,
            fleet_version: 1,
        };
        Decision {
            at_unix_ms: 1_788_000_000_000 + n,
            request_id: format!("req-{n}").into(),
            ask_id: u128::from(n),
            key_id: Some("clinic".into()),
            endpoint: "chat",
            declared: class,
            tags: vec!["hipaa".into()],
            found: Found::default(),
            unscanned: false,
            detector: "test 1".into(),
            policy: self.policy.clone(),
            prompt_hmac: Some([9; 32]),
            verdict: Arc::new(verdict),
            denied: order.is_empty().then_some(Cause::PolicyDenied),
        }
    }

    /// The end of it: one attempt at `place`.
    pub(crate) fn ending(&self, decision: &Decision, place: &Arc<Place>) -> Ending {
        Ending {
            arrived_unix_ms: decision.at_unix_ms,
            request_id: decision.request_id.clone(),
            ask_id: decision.ask_id,
            class: decision.class(),
            tags: decision.tags.clone(),
            begun: 1,
            sent: vec![Sent {
                place: place.clone(),
                model: "m".into(),
                redacted_above: None,
                tokens: (10, 5),
                cost: Some(Nanousd(7)),
                outcome: Outcome::Ok,
                error: None,
            }],
        }
    }
}
