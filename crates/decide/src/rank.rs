//! Ranks of models: how able a model is, read from its name where nothing better is known.
//!
//! Never here: measured ability of places.

use serde::{Deserialize, Serialize};

/// Number of ranks.
pub const RANKS: usize = 4;

/// How able a model is, roughly. Edge and local are the tiers of that name; a vendor's model is large or frontier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Rank {
    /// Up to 5 billion parameters.
    Edge,
    /// Up to 35 billion parameters, or as many active as such a model.
    Local,
    /// Open models of about 70 billion parameters, and the small models of vendors.
    Large,
    /// The best of their time.
    Frontier,
}

/// Words that make a vendor's model one of its small ones.
const SMALL: [&str; 8] = ["mini", "flash", "haiku", "instant", "gpt-3.5", "lite", "nano", "small"];
/// Names of the best of their time, where a name says no size.
const BEST: [&str; 16] = [
    "gpt-4",
    "gpt4",
    "gpt-5",
    "o1",
    "o3",
    "sonnet",
    "opus",
    "claude-v",
    "claude-2",
    "gemini",
    "mistral-large",
    "grok",
    "deepseek",
    "jamba-1.5-large",
    "nemotron-4",
    "yi-large",
];

impl Rank {
    /// The rank that a model's name suggests ([`Rank::told_by_name`]). A name that says nothing is [`Rank::Local`].
    pub fn of_name(name: &str) -> Rank {
        Rank::told_by_name(name).unwrap_or(Rank::Local)
    }

    /// The rank of a level (expected quality, per mille): about what a model of that rank is set down with.
    pub const fn of_level(permille: u16) -> Rank {
        match permille {
            0..400 => Rank::Edge,
            400..650 => Rank::Local,
            650..860 => Rank::Large,
            _ => Rank::Frontier,
        }
    }

    /// What a model's name says of its rank: billions of parameters where it says them (`8B`, `8x7b`), else the vendor's word for it;
    /// `None` where it says nothing.
    pub fn told_by_name(name: &str) -> Option<Rank> {
        let name = name.to_ascii_lowercase();
        if let Some(billions) = billions(&name) {
            return Some(match billions {
                0..=5 => Rank::Edge,
                6..=60 => Rank::Local,
                61..=200 => Rank::Large,
                _ => Rank::Frontier,
            });
        }
        if name.contains("phi-3") {
            return Some(Rank::Edge);
        }
        let best = BEST.iter().any(|word| name.contains(word));
        let small = SMALL.iter().any(|word| {
            name.split(['-', '_', '/', '.', '@']).any(|part| part == *word)
                || (word.contains('.') && name.contains(word))
        });
        match (best, small) {
            (true, false) => Some(Rank::Frontier),
            (_, true) => Some(Rank::Large),
            (false, false) => None,
        }
    }
}

impl Rank {
    /// Every rank, the least able first.
    pub const ALL: [Rank; RANKS] = [Rank::Edge, Rank::Local, Rank::Large, Rank::Frontier];

    /// The lower-case name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Rank::Edge => "edge",
            Rank::Local => "local",
            Rank::Large => "large",
            Rank::Frontier => "frontier",
        }
    }

    /// Billions of parameters, where a model's name says them.
    pub fn billions_of_name(name: &str) -> Option<u32> {
        billions(&name.to_ascii_lowercase())
    }
}

/// Billions of parameters that a name says: the number before a `b` that ends a word; of a mixture `8x7b` 8 times 7.
fn billions(name: &str) -> Option<u32> {
    let bytes = name.as_bytes();
    for (at, _) in name.match_indices('b') {
        if bytes.get(at + 1).is_some_and(u8::is_ascii_alphanumeric) {
            continue;
        }
        let digits = bytes[..at].iter().rev().take_while(|b| b.is_ascii_digit() || matches!(b, b'.' | b'x')).count();
        let number = name[at - digits..at].trim_start_matches(['.', 'x']);
        let (times, each) = number.split_once('x').unwrap_or(("1", number));
        if let (Ok(times), Ok(each)) = (times.parse::<f64>(), each.parse::<f64>()) {
            return Some((times * each).round().clamp(0.0, 1e6) as u32);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_ranks() {
        for (name, rank) in [
            ("gemma-2-2b-it", Rank::Edge),
            ("Phi-3.5-mini-instruct", Rank::Edge),
            ("Meta-Llama-3_1-8B-Instruct", Rank::Local),
            ("mixtral-8x7b-instruct-v0.1", Rank::Local),
            ("mistralai/mixtral-8x7b-chat", Rank::Local),
            ("Meta-Llama-3.1-70B-Instruct", Rank::Large),
            ("gpt-4o-mini-2024-07-18", Rank::Large),
            ("gemini-1.5-flash-exp-0827", Rank::Large),
            ("gpt-3.5-turbo-0125", Rank::Large),
            ("gpt-4-1106-preview", Rank::Frontier),
            ("gemini-1.5-pro-002", Rank::Frontier),
            ("claude-3-5-sonnet-20241022", Rank::Frontier),
            ("Llama-3.1-405B-Inst@sambanova", Rank::Frontier),
            ("some-model", Rank::Local),
            ("", Rank::Local),
            ("b", Rank::Local),
        ] {
            assert_eq!(Rank::of_name(name), rank, "{name}");
        }
    }
}
