//! Places: where a request can be answered, as configured. Everything unknown counts as the worst value.
//!
//! Never here: addresses and credentials (rooms `backend` and `app`), or live state ([`crate::Fleet`]).

use crate::{Ability, Economics, Price, Terms};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The unique name of a place in the configuration (`openai`, `ollama`, `edge`). Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PlaceId(pub Arc<str>);

impl PlaceId {
    /// Wraps a configured name.
    pub fn new(name: &str) -> PlaceId {
        PlaceId(Arc::from(name))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for PlaceId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// How strong the models of a place are by default, and the order of escalation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tier {
    /// Small model, embedded or on the same host.
    Edge,
    /// Larger open-weight model on own ground.
    Local,
    /// Frontier model at a vendor.
    Cloud,
}

impl Tier {
    /// The lower-case name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Tier::Edge => "edge",
            Tier::Local => "local",
            Tier::Cloud => "cloud",
        }
    }
}

/// The economics of a place: what one pays for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Pays per token.
    Serverless,
    /// Pays GPU-hours on demand.
    Burst,
    /// Pays reserved GPU-months.
    Dedicated,
    /// Pays capital, power, upkeep.
    Appliance,
}

impl Kind {
    /// The lower-case name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Kind::Serverless => "serverless",
            Kind::Burst => "burst",
            Kind::Dedicated => "dedicated",
            Kind::Appliance => "appliance",
        }
    }
}

/// How far away a place is, nearest first; decides what data may go there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Zone {
    /// Our own engine worker.
    Embedded,
    /// Another process on this host.
    SameHost,
    /// Another host on our own network.
    OwnNetwork,
    /// A rented machine that only we use.
    RentedDedicated,
    /// A vendor's shared service; what an undeclared place counts as.
    VendorCloud,
}

impl Zone {
    /// Every zone, nearest first.
    pub const ALL: [Zone; 5] =
        [Zone::Embedded, Zone::SameHost, Zone::OwnNetwork, Zone::RentedDedicated, Zone::VendorCloud];

    /// Reads a zone by its kebab-case name; `None` for anything else.
    pub fn parse(name: &str) -> Option<Zone> {
        Zone::ALL.into_iter().find(|z| z.as_str() == name)
    }

    /// The kebab-case name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Zone::Embedded => "embedded",
            Zone::SameHost => "same-host",
            Zone::OwnNetwork => "own-network",
            Zone::RentedDedicated => "rented-dedicated",
            Zone::VendorCloud => "vendor-cloud",
        }
    }
}

/// Which protocol a place speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Api {
    /// OpenAI-compatible; differences between engines are profiles.
    Openai,
    /// Anthropic Messages.
    Anthropic,
    /// Ollama native (NDJSON).
    Ollama,
    /// The embedded engine.
    Engine,
}

/// What a model can do. The default is text only: an unknown capability counts as absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Caps {
    /// Function calling.
    pub tools: bool,
    /// `response_format` with a JSON schema (or JSON mode).
    pub json_schema: bool,
    /// Image input.
    pub vision: bool,
    /// Audio input.
    pub audio: bool,
    /// Token log-probabilities.
    pub logprobs: bool,
    /// The legacy `/v1/completions` endpoint.
    pub completions: bool,
    /// Vectors of texts. A model with this or `rerank` is an encoder: it answers nothing else.
    pub embeddings: bool,
    /// Scores of documents against a query.
    pub rerank: bool,
}

impl Caps {
    /// Whether it writes text; an encoder does not.
    pub const fn writes(&self) -> bool {
        !self.embeddings && !self.rerank
    }
}

/// One model offered by a place.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Model {
    /// The id that the place itself knows.
    pub id: Arc<str>,
    /// Context window in tokens (prompt + completion); `None` if unknown, then nothing is refused for length.
    pub context_tokens: Option<u32>,
    /// The most tokens that it writes in one answer; `None` if unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_tokens_max: Option<u32>,
    /// What it can do.
    pub caps: Caps,
    /// What it costs; `None` is unknown, and unknown is not zero.
    pub price: Option<Price>,
    /// What stands in for an unknown price where a key asked for that (`unpriced = "estimate"`): the dearest known of its
    /// provider, or else of its tier. Only [`choose`](crate::choose) looks here, and gives a candidate that has it as `price`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price_assumed: Option<Price>,
    /// Own tier where it differs from the place's.
    pub tier: Option<Tier>,
    /// Expected quality per mille on a request of middling difficulty, if declared; else the tier's.
    pub quality_permille: Option<u16>,
    /// What is believed of it at each task before the team's own evidence; `None` where nobody looked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ability: Option<Arc<Ability>>,
}

/// One place as configured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Unique name.
    pub id: PlaceId,
    /// Protocol.
    pub api: Api,
    /// Default tier of its models.
    pub tier: Tier,
    /// Economics.
    pub kind: Kind,
    /// Distance.
    pub zone: Zone,
    /// The provider's name in telemetry (`gen_ai.provider.name`): `openai`, `anthropic`, `vllm`, `dewpoint`, …
    pub provider: Arc<str>,
    /// How it handles data; what is not declared counts as the worst.
    #[serde(default)]
    pub terms: Terms,
    /// What is paid for its machines; `None` where one pays by the token, or where nothing was declared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub economics: Option<Arc<Economics>>,
}
