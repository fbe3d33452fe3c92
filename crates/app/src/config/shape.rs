//! The shape of `dewpoint.toml`: the names here are a contract with every configuration file out there. The JSON
//! Schema and the reference page are generated from these types and their comments.
//!
//! Never here: validation across fields (`resolve`) or defaults that depend on other fields.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Configuration of Dewpoint, `dewpoint.toml`. Everything may be left out: with nothing configured, the embedded engine
/// answers and places are discovered.
#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct File {
    /// The listening side.
    pub(crate) server: Server,
    /// The record of every attempt.
    pub(crate) ledger: Ledger,
    /// The evidence of decisions.
    pub(crate) audit: super::audit::Audit,
    /// The embedded engine.
    pub(crate) engine: Engine,
    /// What happens when places fail, limit us or become slow.
    pub(crate) resilience: Resilience,
    /// Looking for places that are not configured.
    pub(crate) discovery: Discovery,
    /// What requests are searched for before it is decided where they may go.
    pub(crate) detect: Detect,
    /// What may be dialled beside the places.
    pub(crate) egress: Egress,
    /// What data may go where, and what `auto` optimises.
    pub(crate) policy: Policy,
    /// Looking at an answer before it is trusted, and asking a stronger place where it is doubted.
    pub(crate) cascade: super::cascade::Cascade,
    /// Places that can answer.
    pub(crate) place: Vec<Place>,
    /// Prices of models that the price book does not have, or has otherwise.
    pub(crate) price: Vec<OwnPrice>,
    /// Named routes: a model name of your own that stands for a list of models.
    pub(crate) route: Routes,
    /// Organisations of teams, with what they may spend.
    pub(crate) organisation: Vec<super::spending::Organisation>,
    /// Teams of keys, with what they may spend.
    pub(crate) team: Vec<super::spending::Team>,
    /// Keys of callers. Without any, only this host may call. `dewpoint keys create` makes keys that stand in a file of their own.
    pub(crate) key: Vec<Key>,
}

/// The listening side.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Server {
    /// Address and port to listen on. Anything but loopback needs at least one `[[key]]`.
    pub(crate) listen: String,
    /// Largest request body, megabytes (1 MB = 1,000,000 bytes).
    pub(crate) body_max_mb: u32,
    /// Megabytes of all request bodies in memory; more are refused with 503. Lowered where the process has little memory.
    pub(crate) bodies_max_mb: u32,
    /// Connections of clients at once; more are closed. Lowered to what the limit of open files allows.
    pub(crate) connections_max: u32,
    /// Seconds for the headers of a request to arrive.
    pub(crate) head_s: u32,
    /// Seconds for the body of a request to arrive; one second more for every 8,192 bytes that came.
    pub(crate) body_s: u32,
    /// Seconds that a connection without a request stays open.
    pub(crate) idle_s: u32,
    /// Seconds to connect to a place.
    pub(crate) connect_s: u32,
    /// Seconds until the first content of a streamed answer, of each attempt. `x-dewpoint-first-token-ms` may shorten it.
    pub(crate) first_s: u32,
    /// Seconds between two pieces of an answer.
    pub(crate) gap_s: u32,
    /// Seconds for a whole request, over all its attempts. `x-dewpoint-timeout-ms` may shorten it.
    pub(crate) total_s: u32,
    /// Seconds that requests under way may take to finish when Dewpoint is told to stop.
    pub(crate) drain_s: u32,
    /// Worker threads; 0 is one per core.
    pub(crate) workers: u16,
}

impl Default for Server {
    fn default() -> Server {
        Server {
            listen: "127.0.0.1:4141".to_owned(),
            body_max_mb: 32,
            bodies_max_mb: 512,
            connections_max: 10_000,
            head_s: 10,
            body_s: 30,
            idle_s: 75,
            connect_s: 5,
            first_s: 120,
            gap_s: 60,
            total_s: 600,
            drain_s: 30,
            workers: 0,
        }
    }
}

/// The record of every attempt.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Ledger {
    /// Whether attempts are recorded.
    pub(crate) enabled: bool,
    /// Folder of the ledger. Left out: `DEWPOINT_DATA`, else `$XDG_DATA_HOME/dewpoint`, else `~/.local/share/dewpoint`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) dir: Option<String>,
    /// What is refused with 503 `ledger_unavailable` while records do not reach the disk (full, failing, read-only, damaged):
    /// `free-goes-on` refuses what may cost money and keys and routes with `durability = "strict"`.
    pub(crate) when_failing: WhenFailing,
}

impl Default for Ledger {
    fn default() -> Ledger {
        Ledger { enabled: true, dir: None, when_failing: WhenFailing::FreeGoesOn }
    }
}

/// Looking for places that are not configured.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Discovery {
    /// Whether to look at all.
    pub(crate) enabled: bool,
    /// Look for API keys in the environment (`OPENAI_API_KEY` and its kind).
    pub(crate) environment: bool,
    /// Look for engines on the usual ports of this host (Ollama, llama-server, vLLM, TensorRT-LLM, SGLang).
    pub(crate) loopback: bool,
}

impl Default for Discovery {
    fn default() -> Discovery {
        Discovery { enabled: true, environment: true, loopback: true }
    }
}

/// One place that can answer.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Place {
    /// Unique name; explicit models are `name/model`.
    pub(crate) name: String,
    /// Protocol. Left out: what the profile speaks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) api: Option<Api>,
    /// Which provider or engine it is, for the differences inside a protocol (`vllm`, `openrouter`, …). Left out: the
    /// profile named like the place, else the plain protocol.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) profile: Option<String>,
    /// Address of the API, with `/v1` where the API has it. Left out: the usual address of the profile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) base_url: Option<String>,
    /// Where the key is: `{ env = "X" }`, `{ file = "/run/secrets/x" }` or `"${X}"`. Never the key itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) api_key: Option<SecretRef>,
    /// Strength of its models and order of escalation. Left out: `edge` for the engine, `local` for engines of your own,
    /// `cloud` for vendors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) tier: Option<Tier>,
    /// What one pays for. Left out: `appliance` on own ground, `dedicated` on rented machines, else `serverless`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) kind: Option<Kind>,
    /// How far away it is; decides what data may go there. Left out: `embedded` for the engine, `same-host` for loopback
    /// addresses, else `vendor-cloud`, the worst value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) zone: Option<Zone>,
    /// Under which terms it handles data, as a table `[place.terms]`; rules ask for them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) terms: Option<Terms>,
    /// Its models: ids, or tables with what is known of them. Left out: asked of the place.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) models: Vec<Model>,
    /// What its machines cost, as a table `[place.economics]`; for kinds other than `serverless`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) economics: Option<Economics>,
    /// Prompt tokens per second of all its clients together, as `dewpoint probe` measures them: its capacity, with `economics`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) prompt_tokens_per_s: Option<f64>,
    /// Completion tokens per second of all its clients together, as `dewpoint probe` measures them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) decode_tokens_per_s: Option<f64>,
}

/// A model: its id, or a table.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum Model {
    /// The id that the place knows.
    Id(String),
    /// The id with what is known of the model.
    Table(Box<ModelTable>),
}

/// Reads a string or a table. By hand, since serde's untagged enums lose the line and the name of an unknown key.
impl<'de> Deserialize<'de> for Model {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Model, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Model;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a model id or a table such as { id = \"gpt-5-mini\", tools = true }")
            }
            fn visit_str<E: serde::de::Error>(self, id: &str) -> Result<Model, E> {
                Ok(Model::Id(id.to_owned()))
            }
            fn visit_map<A: serde::de::MapAccess<'de>>(self, map: A) -> Result<Model, A::Error> {
                let table = ModelTable::deserialize(serde::de::value::MapAccessDeserializer::new(map))?;
                Ok(Model::Table(Box::new(table)))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

/// What is known of a model. Left out: the built-in book, then what is usual for the engine, then "cannot".
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ModelTable {
    /// The id that the place knows.
    pub(crate) id: String,
    /// Context window in tokens, prompt and completion.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) context_tokens: Option<u32>,
    /// Calls tools.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) tools: Option<bool>,
    /// Answers JSON by schema.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) json_schema: Option<bool>,
    /// Takes images.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) vision: Option<bool>,
    /// Takes audio.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) audio: Option<bool>,
    /// Gives log-probabilities.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) logprobs: Option<bool>,
    /// Serves `/v1/completions`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) completions: Option<bool>,
    /// Makes vectors (`/v1/embeddings`) and nothing else. Left out: by its id (`embed`), or as the place says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) embeddings: Option<bool>,
    /// Scores documents (`/v1/rerank`) and nothing else. Left out: by its id (`rerank`), or as the place says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) rerank: Option<bool>,
    /// Own tier where it differs from the place's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) tier: Option<Tier>,
    /// Expected quality on a request of middling difficulty, per mille (0 to 1000).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) quality_permille: Option<u16>,
    /// What it costs. Unknown is not zero.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) price: Option<Price>,
}

/// The key of a caller. `dewpoint key new` makes one.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Key {
    /// Name in the ledger.
    pub(crate) name: String,
    /// Where the key is: `{ env = "X" }`, `{ file = "/run/secrets/x" }` or `"${X}"`. Either this or `hash`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) secret: Option<SecretRef>,
    /// SHA-256 of the whole key, `sha256:` and 64 hexadecimal digits. Either this or `secret`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) hash: Option<String>,
    /// Places it may use. Left out: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) places: Option<Vec<String>>,
    /// Models it may use; `*` at the end stands for any rest. Left out: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) models: Option<Vec<String>>,
    /// Names that stand for several models (routes, `auto`, `auto:cheap`, …) it may ask for; beside them only models that `models`
    /// names. Left out: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) routes: Option<Vec<String>>,
    /// The least data class that its requests have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) class: Option<Class>,
    /// The highest data class that its requests may declare. Left out: any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) class_max: Option<Class>,
    /// The team that it belongs to. Left out: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) team: Option<String>,
    /// What it may spend, as a table `[key.budget]`. Left out: no bound of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) budget: Option<super::spending::Budget>,
    /// Limits per minute, as a table `[key.limits]`. Left out: none of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) limits: Option<super::spending::RateLimits>,
    /// What becomes of offers whose price is not known. Left out: `estimate` where the key, its team or its organisation has a
    /// budget.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) unpriced: Option<super::words::Unpriced>,
    /// Tags that its requests have; rules may be about them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) tags: Vec<String>,
    /// `strict`: the end of an answer waits until its record is on the disk. Left out: `standard`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) durability: Option<Durability>,
}

pub(crate) use super::cascade::{Route, Routes};
pub(crate) use super::detect::{Detect, DetectDictionary};
pub(crate) use super::economics::Economics;
pub(crate) use super::egress::Egress;
pub(crate) use super::engine::{CacheType, Engine, EngineModel, EngineModels, Split};
pub(crate) use super::policy::{Date, Policy, Redact, Rule, Terms};
pub(crate) use super::price::{OwnPrice, Price};
pub(crate) use super::resilience::Resilience;
pub(crate) use super::secret::SecretRef;
pub(crate) use super::words::{Api, Class, Durability, Kind, Tier, WhenFailing, Zone};
