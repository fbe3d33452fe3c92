//! The shape of `[cascade]`, and of routes: `[[route]]`, or `[route]` with what holds for all of them.
//!
//! Never here: validation across fields (`resolve`).

use super::share::Share;
use super::words::{Class, Durability, Objective};
use schemars::JsonSchema;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::{Deserialize, Serialize};

/// Looking at an answer before it is trusted, and asking a stronger place where it is doubted. A `[[route]]` may say each of these
/// for itself.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Cascade {
    /// Whether an answer that is doubted may be replaced by one of a stronger place.
    pub(crate) escalate: bool,
    /// Cheap models that are asked beside, so that their answers can be compared with the one that is doubted: `place/model`, at
    /// most three. Each call is charged to the request.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) helpers: Vec<String>,
    /// Tokens of a stream that are held back at most while it is judged (1 to 4096).
    pub(crate) hold_tokens: u32,
    /// Milliseconds that a stream is held back at most (1 to 60000).
    pub(crate) hold_ms: u32,
    /// What may be lost on average against always asking the strongest permitted place, as a share of the answers (0 to 0.5). Where
    /// it is written, answers are kept only as far as comparisons have shown this; until then, and for answers that cannot be
    /// compared, the stronger place is asked. Left out: nothing is promised.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) max_quality_loss: Option<Share>,
    /// Share of requests whose alternative is asked as well, after they were answered, to learn from the comparison (0 to 1). Each
    /// call is charged to the key. Left out: 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) shadow: Option<Share>,
}

impl Default for Cascade {
    fn default() -> Cascade {
        let usual = decide::Cascade::default();
        Cascade {
            escalate: usual.escalate,
            helpers: Vec::new(),
            hold_tokens: usual.hold_tokens,
            hold_ms: usual.hold_ms,
            max_quality_loss: None,
            shadow: None,
        }
    }
}

/// A named route.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Route {
    /// The model name that callers write.
    pub(crate) name: String,
    /// The candidates, each `place/model` or `place/*`. Left out: every place.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) targets: Vec<String>,
    /// What it optimises. Left out: the order of `targets`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) objective: Option<Objective>,
    /// The least data class that requests of this route have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) class: Option<Class>,
    /// Tags that requests of this route have; rules may be about them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) tags: Vec<String>,
    /// `strict`: the end of an answer waits until its record is on the disk. Left out: `standard`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) durability: Option<Durability>,
    /// As in `[cascade]`, for this route.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) escalate: Option<bool>,
    /// As in `[cascade]`, for this route.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) helpers: Option<Vec<String>>,
    /// As in `[cascade]`, for this route.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) hold_tokens: Option<u32>,
    /// As in `[cascade]`, for this route.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) hold_ms: Option<u32>,
    /// As in `[cascade]`, for this route.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) max_quality_loss: Option<Share>,
    /// As in `[cascade]`, for this route.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) shadow: Option<Share>,
}

/// Another way to write `[cascade]`, where routes are thought of first: the same keys, for every route and for `auto`. Named routes
/// stand in `[[route.named]]` then. Either this or `[cascade]` may say a key.
#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RouteTable {
    /// As in `[cascade]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) escalate: Option<bool>,
    /// As in `[cascade]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) helpers: Option<Vec<String>>,
    /// As in `[cascade]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) hold_tokens: Option<u32>,
    /// As in `[cascade]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) hold_ms: Option<u32>,
    /// As in `[cascade]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) max_quality_loss: Option<Share>,
    /// As in `[cascade]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) shadow: Option<Share>,
    /// Named routes, each as a `[[route]]`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) named: Vec<Route>,
}

/// Routes: a list `[[route]]`, or a table `[route]`.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
pub(crate) enum Routes {
    /// `[[route]]`.
    List(Vec<Route>),
    /// `[route]`.
    Table(Box<RouteTable>),
}

impl Default for Routes {
    fn default() -> Routes {
        Routes::List(Vec::new())
    }
}

impl Routes {
    /// The named ones.
    pub(crate) fn named(&self) -> &[Route] {
        match self {
            Routes::List(list) => list,
            Routes::Table(table) => &table.named,
        }
    }

    /// Where the `i`-th named one stands in the file.
    pub(crate) fn path(&self, i: usize) -> String {
        match self {
            Routes::List(_) => format!("route[{i}]"),
            Routes::Table(_) => format!("route.named[{i}]"),
        }
    }
}

impl JsonSchema for Routes {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Routes".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let (list, table) = (generator.subschema_for::<Vec<Route>>(), generator.subschema_for::<RouteTable>());
        schemars::json_schema!({ "anyOf": [list, table] })
    }
}

/// By hand, since serde's untagged enums lose the line and the name of an unknown key.
impl<'de> Deserialize<'de> for Routes {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Routes, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Routes;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a list of tables [[route]], or one table [route]")
            }
            fn visit_seq<A: serde::de::SeqAccess<'de>>(self, list: A) -> Result<Routes, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(list)).map(Routes::List)
            }
            fn visit_map<A: serde::de::MapAccess<'de>>(self, map: A) -> Result<Routes, A::Error> {
                RouteTable::deserialize(MapAccessDeserializer::new(map)).map(|table| Routes::Table(Box::new(table)))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}
