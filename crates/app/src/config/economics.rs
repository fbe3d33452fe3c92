//! The shape of `[place.economics]`.
//!
//! Never here: validation across fields (`resolve`), or what follows from it (room `decide`).

use super::number::Number;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the machines of a place cost, for the kinds that are not paid by the token. Amounts are US dollars, read as exact
/// decimals. From it follow what a request adds (marginal cost), its share of the machine (full cost), and what the
/// place's capacity is worth while it is busy; [economics](economics.md) has the formulas.
#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Economics {
    /// Machines behind the place (1 to 10000). Left out: 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) machines: Option<u32>,
    /// GPU of the machines, as `dewpoint capacity` lists it (`h100`): fills in what is left out, the speeds with `model` and the
    /// rent of `burst`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) gpu: Option<String>,
    /// GPUs in each machine (1 to 64). Left out: 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) gpus: Option<u32>,
    /// The model of that list whose speeds count, where the place has none of its own (`prompt_tokens_per_s`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) model: Option<String>,
    /// `burst`: per hour and machine. Left out: the rent of `gpu`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) hourly_usd: Option<Number>,
    /// `burst`: takes the rent of spot machines, where `hourly_usd` is left out. Left out: on demand.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) spot: Option<bool>,
    /// `burst`: seconds from a request to a machine that was off until it answers; they are paid. Left out: 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) start_s: Option<u32>,
    /// `burst`: the shortest time that is billed, seconds. Left out: 3600.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) minimum_s: Option<u32>,
    /// `burst`: seconds without a request after which the machine is off. Left out: it stays up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) idle_stop_s: Option<u32>,
    /// `dedicated`: per month and machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) monthly_usd: Option<Number>,
    /// `appliance`: what one machine cost.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) capital_usd: Option<Number>,
    /// `appliance`: months over which it is written off (1 to 240). Left out: 36.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) life_months: Option<u32>,
    /// `appliance`: upkeep per month and machine: space, service, people. Left out: 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) upkeep_usd_per_month: Option<Number>,
    /// `appliance`: what a machine draws at full work.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) watts: Option<u32>,
    /// `appliance`: what it draws without work. Left out: 0, so that all its power counts as the requests'.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) idle_watts: Option<u32>,
    /// `appliance`: what the building draws for each watt of the machine (1 to 3). Left out: 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) pue: Option<Number>,
    /// `appliance`: price of power. Needed with `watts`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tariff_usd_per_kwh: Option<Number>,
    /// Requests that the place works on at once at its speeds (1 to 100000). Left out: those of the table's measurement, else
    /// unknown: then only what the place says of its queue and its KV cache counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) seats: Option<u32>,
    /// Share of the speeds that is left where answers have to be quick, per mille (1 to 1000). Left out: 1000 for speeds of your
    /// own, since `dewpoint probe` measures them that way, and for speeds of the table what `dewpoint capacity` says (552: the
    /// median of MLPerf's interactive over its offline results).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) interactive_permille: Option<u16>,
}
