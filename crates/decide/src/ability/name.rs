//! One name for a model that is called differently by everyone who serves it.
//!
//! Never here: what is known of it.

/// Words that say how a model is served or trained, not which one it is.
const NOISE: [&str; 22] = [
    "meta", "instruct", "inst", "it", "chat", "hf", "latest", "preview", "exp", "fp8", "fp16", "bf16", "awq", "gptq",
    "gguf", "int4", "int8", "fc", "any", "auto", "mlx", "cloud",
];

/// `llama-3-1-8b` of `meta-llama/Meta-Llama-3.1-8B-Instruct`, `llama3.1:8b-instruct-q4_K_M` and `Meta-Llama-3_1-8B-Instruct@host`: lower case,
/// without who serves it, quantisation, dates and words like "instruct". Dated versions of one name are one.
pub fn model_name(id: &str) -> String {
    let id = id.to_ascii_lowercase();
    let id = id.split('@').next().unwrap_or_default();
    let id = id.rsplit('/').next().unwrap_or_default();
    // `org_Model-7b`, but not `llama-3_1-8b`.
    let id = match id.split_once('_') {
        Some((org, rest)) if !org.bytes().any(|b| b.is_ascii_digit()) && !rest.is_empty() => rest,
        _ => id,
    };
    let mut words: Vec<String> = Vec::new();
    for word in id.split(|c: char| !c.is_ascii_alphanumeric()).filter(|w| !w.is_empty()) {
        let quantised = word.strip_prefix('q').or_else(|| word.strip_prefix("iq"));
        if quantised.is_some_and(|q| q.starts_with(|c: char| c.is_ascii_digit())) {
            break;
        }
        if !NOISE.contains(&word) && !is_date(word) {
            words.extend(split(word));
        }
    }
    let sized = words.iter().position(|w| is_size(w));
    // `mistral-7b-v0.2`: a version behind the size is a date of another kind.
    if let Some(at) = sized
        && words.get(at + 1).is_some_and(|w| w == "v")
    {
        words.truncate(at + 1);
    }
    if sized.is_some() {
        words.retain(|w| w != "turbo");
    }
    // What is left of a date, or a number of the same kind: `2024-08-06`, `24-09-07`, `002`.
    while words.len() > 2
        && words.last().is_some_and(|w| matches!(w.len(), 2 | 3) && w.bytes().all(|b| b.is_ascii_digit()))
    {
        words.pop();
    }
    words.join("-")
}

/// `llama3` is two words, `8x7b` and `4o` are one.
fn split(word: &str) -> impl Iterator<Item = String> {
    let at = word.find(|c: char| c.is_ascii_digit()).unwrap_or(word.len());
    let (letters, digits) = word.split_at(at);
    [letters, digits].into_iter().filter(|w| !w.is_empty()).map(str::to_owned).collect::<Vec<_>>().into_iter()
}

fn is_date(word: &str) -> bool {
    matches!(word.len(), 4 | 6 | 8) && word.bytes().all(|b| b.is_ascii_digit())
}

fn is_size(word: &str) -> bool {
    word.strip_suffix('b').is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit() || b == b'x'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_model_has_one_name() {
        for (name, ids) in [
            (
                "llama-3-1-8b",
                &[
                    "Meta-Llama-3.1-8B-Instruct",
                    "Meta-Llama-3_1-8B-Instruct",
                    "meta-llama/Llama-3.1-8B-Instruct",
                    "llama3.1:8b",
                    "llama3.1:8b-instruct-q4_K_M",
                    "Llama-3.1-8B-Instruct-Turbo",
                ][..],
            ),
            ("gpt-4o", &["gpt-4o-2024-08-06", "openai/gpt-4o", "chatgpt/gpt-4o-latest", "gpt-4o-2024-08-06-FC"]),
            ("gpt-4o-mini", &["gpt-4o-mini-2024-07-18", "gpt-4o-mini"]),
            ("gpt-4-1", &["gpt-4.1", "gpt-4.1-2025-04-14"]),
            (
                "claude-3-5-sonnet",
                &["claude-3-5-sonnet-20241022", "anthropic/claude-3.5-sonnet", "claude-3-5-sonnet-latest"],
            ),
            ("mixtral-8x7b", &["mistralai/mixtral-8x7b-chat", "Mixtral-8x7B-Instruct-v0.1", "mixtral:8x7b"]),
            ("mistral-7b", &["Mistral-7B-Instruct-v0.2", "mistral:7b"]),
            ("gemma-2-9b", &["gemma-2-9b-it", "gemma2:9b"]),
            ("gemini-1-5-flash", &["gemini-1.5-flash-002", "gemini-1.5-flash-exp-0827", "google/gemini-1.5-flash"]),
            ("hermes-2-pro-llama-3-8b", &["NousResearch_Hermes-2-Pro-Llama-3-8B"]),
            ("", &["", "///", "@", "instruct"]),
        ] {
            for id in ids {
                assert_eq!(model_name(id), name, "{id}");
            }
        }
    }
}
