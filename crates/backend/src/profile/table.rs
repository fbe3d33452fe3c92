//! The table of profiles.
//!
//! Addresses are the providers' published ones; paths, metric names and quirks of engines were read from their sources
//! (vLLM 0.33, SGLang 0.5.23, llama.cpp's server, TensorRT-LLM, Ollama).

use super::{MetricNames, Profile};
use crate::Auth;
use decide::{Api, Kind, Tier, Zone};

/// What the rows of engines and of unknown OpenAI-compatible servers share.
const GENERIC: Profile = Profile {
    name: "generic",
    api: Api::Openai,
    provider: "openai_compatible",
    base_url: None,
    key_env: None,
    port: None,
    tier: Tier::Cloud,
    kind: Kind::Serverless,
    zone: Zone::VendorCloud,
    auth: Auth::Bearer,
    strip: &[],
    keep_extra: None,
    max_completion_tokens: false,
    developer: false,
    stream_usage: true,
    says_tool_choice: false,
    says_stream: false,
    rerank: true,
    health: None,
    busy_is_loading: false,
    models: "/models",
    not_chat: &[NOT_CHAT],
    metrics: None,
};

/// An engine on this host.
const ENGINE: Profile = Profile {
    tier: Tier::Local,
    kind: Kind::Appliance,
    zone: Zone::SameHost,
    health: Some("/health"),
    not_chat: &[],
    ..GENERIC
};

/// A provider that behaves like [`GENERIC`].
const fn vendor(name: &'static str, provider: &'static str, base_url: &'static str, key_env: &'static str) -> Profile {
    Profile { name, provider, base_url: Some(base_url), key_env: Some(key_env), rerank: false, ..GENERIC }
}

/// Sampling and template fields of the open engines. OpenAI and Gemini refuse a request that carries one.
const ENGINE_FIELDS: &[&str] = &[
    "top_k",
    "min_p",
    "repetition_penalty",
    "length_penalty",
    "ignore_eos",
    "min_tokens",
    "stop_token_ids",
    "skip_special_tokens",
    "chat_template",
    "chat_template_kwargs",
    "guided_json",
    "guided_regex",
    "guided_choice",
    "structured_outputs",
    "cache_salt",
    "thinking",
    "keep_alive",
    "num_ctx",
];

/// What Gemini's compatible endpoint does not document.
const GEMINI_UNKNOWN: &[&str] = &[
    "store",
    "metadata",
    "service_tier",
    "prompt_cache_key",
    "prompt_cache_retention",
    "safety_identifier",
    "prediction",
    "web_search_options",
    "verbosity",
    "logit_bias",
];

/// Ids of models that do not answer prompts.
const NOT_CHAT: &[&str] = &[
    "embed",
    "whisper",
    "transcribe",
    "tts",
    "dall-e",
    "image",
    "imagen",
    "moderation",
    "realtime",
    "sora",
    "veo-",
    "rerank",
    "guard",
    "babbage",
    "davinci",
    "aqa",
    "ocr",
    "stable-diffusion",
    "flux",
    "computer-use",
    "audio",
    "turbo-instruct",
];

/// OpenAI models that only the Responses API serves.
const OPENAI_OTHER_API: &[&str] = &["codex", "deep-research", "o1-pro", "o3-pro", "gpt-5-pro"];

/// TensorRT-LLM forbids unknown fields; these extra ones its chat request declares.
const TENSORRT_EXTRA: &[&str] = &[
    "logit_bias",
    "best_of",
    "use_beam_search",
    "top_p_min",
    "repetition_penalty",
    "length_penalty",
    "early_stopping",
    "stop_token_ids",
    "include_stop_str_in_output",
    "ignore_eos",
    "min_tokens",
    "skip_special_tokens",
    "spaces_between_special_tokens",
    "truncate_prompt_tokens",
    "prompt_ignore_length",
    "thinking_token_budget",
    "lora_request",
    "add_generation_prompt",
    "add_special_tokens",
    "documents",
    "chat_template",
    "chat_template_kwargs",
    "mm_processor_kwargs",
    "media_io_kwargs",
    "cache_salt",
    "priority",
];

/// Every profile. Providers first, in the order in which the environment is searched, then engines.
pub static PROFILES: &[Profile] = &[
    Profile {
        strip: &[ENGINE_FIELDS],
        not_chat: &[NOT_CHAT, OPENAI_OTHER_API],
        max_completion_tokens: true,
        developer: true,
        ..vendor("openai", "openai", "https://api.openai.com/v1", "OPENAI_API_KEY")
    },
    Profile {
        api: Api::Anthropic,
        auth: Auth::XApiKey,
        // Beside the version, as the official SDKs have it; an address that ends in `/v1` works as well.
        models: "/v1/models",
        ..vendor("anthropic", "anthropic", "https://api.anthropic.com", "ANTHROPIC_API_KEY")
    },
    Profile {
        strip: &[ENGINE_FIELDS, GEMINI_UNKNOWN],
        ..vendor("gemini", "gcp.gemini", "https://generativelanguage.googleapis.com/v1beta/openai", "GEMINI_API_KEY")
    },
    vendor("openrouter", "openrouter", "https://openrouter.ai/api/v1", "OPENROUTER_API_KEY"),
    // Its reference gives `stream` the default true.
    Profile { says_stream: true, ..vendor("qubrid", "qubrid", "https://platform.qubrid.com/v1", "QUBRID_API_KEY") },
    Profile { rerank: true, ..vendor("together", "together_ai", "https://api.together.xyz/v1", "TOGETHER_API_KEY") },
    vendor("groq", "groq", "https://api.groq.com/openai/v1", "GROQ_API_KEY"),
    // Mistral refuses unknown fields with 422, and its streams carry usage without being asked.
    Profile {
        strip: &[&["stream_options"]],
        stream_usage: false,
        ..vendor("mistral", "mistral_ai", "https://api.mistral.ai/v1", "MISTRAL_API_KEY")
    },
    vendor("deepseek", "deepseek", "https://api.deepseek.com/v1", "DEEPSEEK_API_KEY"),
    vendor("xai", "x_ai", "https://api.x.ai/v1", "XAI_API_KEY"),
    Profile {
        name: "ollama",
        api: Api::Ollama,
        rerank: false,
        provider: "ollama",
        base_url: Some("http://127.0.0.1:11434"),
        port: Some(11434),
        health: Some("/api/version"),
        models: "/api/tags",
        ..ENGINE
    },
    Profile {
        name: "llama-server",
        provider: "llama_cpp",
        base_url: Some("http://127.0.0.1:8080/v1"),
        port: Some(8080),
        busy_is_loading: true,
        metrics: Some(MetricNames {
            path: "/metrics",
            running: "llamacpp:requests_processing",
            waiting: "llamacpp:requests_deferred",
            kv: None,
        }),
        ..ENGINE
    },
    Profile {
        name: "vllm",
        provider: "vllm",
        base_url: Some("http://127.0.0.1:8000/v1"),
        port: Some(8000),
        metrics: Some(MetricNames {
            path: "/metrics",
            running: "vllm:num_requests_running",
            waiting: "vllm:num_requests_waiting",
            kv: Some("vllm:kv_cache_usage_perc"),
        }),
        ..ENGINE
    },
    Profile {
        name: "sglang",
        provider: "sglang",
        base_url: Some("http://127.0.0.1:30000/v1"),
        port: Some(30000),
        // `/health` may run one token; `/ready` only looks.
        health: Some("/ready"),
        busy_is_loading: true,
        metrics: Some(MetricNames {
            path: "/metrics",
            running: "sglang:num_running_reqs",
            waiting: "sglang:num_queue_reqs",
            kv: Some("sglang:token_usage"),
        }),
        ..ENGINE
    },
    Profile {
        name: "tensorrt-llm",
        rerank: false,
        provider: "tensorrt_llm",
        base_url: Some("http://127.0.0.1:8000/v1"),
        port: Some(8000),
        strip: &[&["prompt_cache_key", "safety_identifier", "suffix"]],
        keep_extra: Some(TENSORRT_EXTRA),
        says_tool_choice: true,
        metrics: Some(MetricNames {
            path: "/prometheus/metrics",
            running: "trtllm_num_requests_running",
            waiting: "trtllm_num_requests_waiting",
            kv: Some("trtllm_kv_cache_utilization"),
        }),
        ..ENGINE
    },
    GENERIC,
];
