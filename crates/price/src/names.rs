//! Names: which provider is meant, and which model an id with a date or a gateway's prefix is.
//!
//! Never here: prices.

/// Other names of providers, by the id that models.dev (and so this book) has. From: profiles of Dewpoint, LiteLLM's
/// `litellm_provider`, genai-prices' ids.
const ALIASES: &[(&str, &str)] = &[
    ("ai21_chat", "ai21"),
    ("amazon", "amazon-bedrock"),
    ("aws", "amazon-bedrock"),
    ("azure_ai", "azure"),
    ("azure_text", "azure"),
    ("bedrock", "amazon-bedrock"),
    ("bedrock_converse", "amazon-bedrock"),
    ("bedrock_mantle", "amazon-bedrock"),
    ("bigmodel", "zhipuai"),
    ("chatgpt", "openai-chatgpt"),
    ("clf_ai_gateway", "cloudflare-ai-gateway"),
    ("cloudflare", "cloudflare-workers-ai"),
    ("codestral", "mistral"),
    ("cohere_chat", "cohere"),
    ("dashscope", "alibaba"),
    ("featherless_ai", "featherless"),
    ("fireworks", "fireworks-ai"),
    ("fireworks_ai", "fireworks-ai"),
    ("fireworks_ai-embedding-models", "fireworks-ai"),
    ("friendliai", "friendli"),
    ("gemini", "google"),
    ("github_copilot", "github-copilot"),
    ("gmi", "gmicloud"),
    ("google-ai-studio", "google"),
    ("meta_llama", "llama"),
    ("mistralai", "mistral"),
    ("moonshot", "moonshotai"),
    ("moonshot-ai", "moonshotai"),
    ("novita", "novita-ai"),
    ("nvidia_nim", "nvidia"),
    ("amazon_nova", "nova"),
    ("opencode_go", "opencode-go"),
    ("qwen_ai_platform", "alibaba-cn"),
    ("qwencloud", "alibaba"),
    ("snowflake", "snowflake-cortex"),
    ("text-completion-codestral", "mistral"),
    ("text-completion-inception", "inception"),
    ("text-completion-openai", "openai"),
    ("together", "togetherai"),
    ("together-ai", "togetherai"),
    ("together_ai", "togetherai"),
    ("vercel_ai_gateway", "vercel"),
    ("vertex_ai", "google-vertex"),
    ("voyage", "voyageai"),
    ("watsonx", "ibm-watsonx"),
    ("x-ai", "xai"),
    ("x_ai", "xai"),
    ("xiaomi_mimo", "xiaomi"),
    ("z-ai", "zai"),
    ("z.ai", "zai"),
];

/// The book's id of a provider, by any name it goes by: `gemini` is `google`, `together_ai` is `togetherai`. A name that
/// nobody else has stays as it is.
pub fn provider_id(name: &str) -> String {
    let name = name.trim().to_lowercase();
    if name.starts_with("vertex_ai-anthropic") {
        return "google-vertex-anthropic".to_owned();
    }
    if name.starts_with("vertex_ai-") {
        return "google-vertex".to_owned();
    }
    let found = ALIASES.iter().find(|(alias, _)| *alias == name);
    found.map_or(name, |(_, id)| (*id).to_owned())
}

/// The ids under which a model may stand, the nearest first: as it is; without a gateway's or region's prefix; without a
/// version or date behind it. Only whole parts fall away, since any other suffix names another model.
pub(crate) fn readings(id: &str) -> Vec<String> {
    let id = id.to_lowercase();
    let mut out = vec![id.clone()];
    let mut push = |text: &str| {
        if !text.is_empty() && !out.iter().any(|o| o == text) {
            out.push(text.to_owned());
        }
    };
    let bare = id.strip_prefix("models/").or_else(|| id.strip_prefix("openai/"));
    for start in [Some(id.as_str()), bare].into_iter().flatten() {
        push(start);
        let mut rest = start.strip_suffix(":latest").unwrap_or(start);
        push(rest);
        while let Some(cut) = rest.rfind(['-', '@']) {
            // A dashed date is three parts.
            let dated = rest.len().checked_sub(11).filter(|i| rest.is_char_boundary(*i) && is_version(&rest[i + 1..]));
            let cut = dated.filter(|i| rest[*i..].starts_with(['-', '@'])).unwrap_or(cut);
            if !is_version(&rest[cut + 1..]) {
                break;
            }
            rest = &rest[..cut];
            push(rest);
        }
    }
    out
}

/// `2025-08-07`, `20250807`, `0613`, `latest`.
fn is_version(suffix: &str) -> bool {
    let digits = suffix.bytes().filter(u8::is_ascii_digit).count();
    let plain = digits == suffix.len() && matches!(digits, 4 | 8);
    let dashed = || suffix.split('-').map(str::len).eq([4, 2, 2]) && digits == 8;
    suffix == "latest" || plain || dashed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn providers_by_their_other_names() {
        assert_eq!(provider_id("Together_AI"), "togetherai");
        assert_eq!(provider_id("vertex_ai-language-models"), "google-vertex");
        assert_eq!(provider_id("openai"), "openai");
        assert_eq!(provider_id("mine"), "mine");
        assert!(ALIASES.iter().all(|(_, id)| provider_id(id) == *id), "an alias of an alias");
    }

    #[test]
    fn dates_fall_away_and_nothing_else() {
        let all = |id| readings(id).join(" ");
        assert_eq!(all("gpt-5-mini-2025-08-07"), "gpt-5-mini-2025-08-07 gpt-5-mini");
        assert_eq!(all("claude-3-5-haiku-20241022"), "claude-3-5-haiku-20241022 claude-3-5-haiku");
        assert_eq!(all("Claude-x@20250101"), "claude-x@20250101 claude-x");
        assert_eq!(all("gpt-4-0613"), "gpt-4-0613 gpt-4");
        assert_eq!(all("gpt-5-mini"), "gpt-5-mini");
        assert_eq!(all("models/gemini-x"), "models/gemini-x gemini-x");
        assert_eq!(all("qwen3:latest"), "qwen3:latest qwen3");
        assert_eq!(all("größe-2025-08-07"), "größe-2025-08-07 größe");
    }
}
