//! Profiles: what is particular about each provider and engine, as data. One adapter per protocol reads them.
//!
//! Never here: code per engine, keys, or an address that is not a public default.

mod table;

pub use table::PROFILES;

use crate::Auth;
use decide::{Api, Caps, Kind, Tier, Zone};

/// Everything particular about one provider or engine.
#[derive(Debug, PartialEq, Eq)]
pub struct Profile {
    /// Name in the configuration (`profile = "vllm"`), and the place's default name.
    pub name: &'static str,
    /// Protocol.
    pub api: Api,
    /// `gen_ai.provider.name` in telemetry.
    pub provider: &'static str,
    /// Public or conventional address; `None` where there is none to assume.
    pub base_url: Option<&'static str>,
    /// Environment variable that holds the key.
    pub key_env: Option<&'static str>,
    /// Port on loopback where it usually listens.
    pub port: Option<u16>,
    /// Default tier of a place of this kind.
    pub tier: Tier,
    /// Default economics.
    pub kind: Kind,
    /// Default distance. An engine whose address is not loopback must not get `same-host` from here: the caller
    /// decides by [`crate::Origin::is_loopback`].
    pub zone: Zone,
    /// How the key is shown.
    pub auth: Auth,
    /// Top-level request fields to leave out (lists, so that rows can share them).
    pub strip: &'static [&'static [&'static str]],
    /// Keep only these extra fields; `None` keeps all.
    pub keep_extra: Option<&'static [&'static str]>,
    /// Write `max_completion_tokens` rather than `max_tokens`.
    pub max_completion_tokens: bool,
    /// Knows the role `developer`; chat templates of open models do not, and are told `system`.
    pub developer: bool,
    /// Ask for usage in streams.
    pub stream_usage: bool,
    /// Takes `tool_choice: none` for granted where tools are sent without a choice; write `auto` then.
    pub says_tool_choice: bool,
    /// Streams unless it is told not to; write `stream: false` then.
    pub says_stream: bool,
    /// Serves `/rerank` below the API's version.
    pub rerank: bool,
    /// Path of the health check, beside the API's version; `None`: the list of models serves as one.
    pub health: Option<&'static str>,
    /// 503 from the health check means that the model is being loaded (else: that the engine is dead).
    pub busy_is_loading: bool,
    /// Path of the list of models, below the API's version.
    pub models: &'static str,
    /// Parts of model ids that do not chat, and are left out of what is discovered.
    pub not_chat: &'static [&'static [&'static str]],
    /// Load from a metrics page.
    pub metrics: Option<MetricNames>,
}

/// Where an engine reports its load, in the Prometheus text format. Every name is optional in what it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MetricNames {
    /// Path, beside the API's version.
    pub path: &'static str,
    /// Gauge of running requests.
    pub running: &'static str,
    /// Gauge of waiting requests.
    pub waiting: &'static str,
    /// Gauge of KV cache use, 0 to 1.
    pub kv: Option<&'static str>,
}

impl Profile {
    /// The profile of that name.
    pub fn find(name: &str) -> Option<&'static Profile> {
        PROFILES.iter().find(|p| p.name == name)
    }

    /// The profile for an API when the configuration names none.
    pub fn for_api(api: Api) -> Option<&'static Profile> {
        match api {
            Api::Openai => Profile::find("generic"),
            Api::Anthropic => Profile::find("anthropic"),
            Api::Ollama => Profile::find("ollama"),
            Api::Engine => None,
        }
    }

    /// What requests to this profile look like, for one model.
    pub(crate) fn shape(&self, model: &str) -> wire::Shape {
        let owned = |name: &&str| (*name).to_owned();
        wire::Shape {
            model: model.to_owned(),
            strip: self.strip.iter().copied().flatten().map(owned).collect(),
            keep_extra: self.keep_extra.map(|names| names.iter().map(owned).collect()),
            max_completion_tokens: self.max_completion_tokens,
            developer: self.developer,
            stream_usage: self.stream_usage,
        }
    }

    /// Whether a discovered id looks like a model that answers prompts.
    pub(crate) fn is_chat(&self, id: &str) -> bool {
        let id = id.to_ascii_lowercase();
        !self.not_chat.iter().copied().flatten().any(|part| id.contains(part))
    }

    /// What an id says of an encoder; `None` for any other model. Lists of models rarely say more.
    pub fn encoder(&self, id: &str) -> Option<Caps> {
        let id = id.to_ascii_lowercase();
        if id.contains("rerank") {
            self.rerank.then(|| Caps { rerank: true, ..Caps::default() })
        } else if id.contains("embed") {
            Some(Caps { embeddings: true, ..Caps::default() })
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::Origin;

    #[test]
    fn the_table_is_consistent() {
        let mut names: Vec<_> = PROFILES.iter().map(|p| p.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), PROFILES.len(), "two profiles have one name");
        for p in PROFILES {
            if let Some(base) = p.base_url {
                let origin = Origin::parse(base).unwrap();
                assert_eq!(origin.is_loopback(), p.zone == Zone::SameHost, "{}: address and zone differ", p.name);
                assert_eq!(origin.is_https(), p.zone == Zone::VendorCloud, "{}: keys in the clear", p.name);
            }
            assert!(p.models.starts_with('/'), "{}", p.name);
            assert_eq!(p.key_env.is_some(), p.kind == Kind::Serverless && p.base_url.is_some(), "{}", p.name);
        }
    }

    #[test]
    fn finds_by_name_and_by_api() {
        assert_eq!(Profile::find("vllm").unwrap().port, Some(8000));
        assert!(Profile::find("nonesuch").is_none());
        assert_eq!(Profile::for_api(Api::Openai).unwrap().name, "generic");
        assert!(Profile::for_api(Api::Engine).is_none());
    }

    #[test]
    fn leaves_out_what_does_not_chat() {
        let openai = Profile::find("openai").unwrap();
        assert!(openai.is_chat("gpt-5-mini"));
        for id in
            ["text-embedding-3-small", "whisper-1", "tts-1-hd", "dall-e-3", "gpt-realtime", "sora-2", "gpt-5-codex"]
        {
            assert!(!openai.is_chat(id), "{id}");
        }
    }
}
