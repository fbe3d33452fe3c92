//! Exact token counts where a model's tokenizer is published: OpenAI's `o200k_base` and `cl100k_base`.
//!
//! Not for the way of a request: a vocabulary takes some 100 ms and 7 MB when it is first used, and a kilobyte of text some
//! 10 µs. The time is linear in the text whatever the text (no backtracking, a heap for long pieces), so that nobody can make
//! a count dear.
//!
//! Own code, since none of the libraries fits: `bpe-openai` 0.3 grows the binary by 47 MB, `bpe` 0.2 takes 1.7 s and 90 MB to
//! load, `tiktoken-rs` 0.12 takes 46 MB a vocabulary and panics on a megabyte of spaces. The tests compare with the last.
//!
//! Never here: how many tokens a request has by a guess (`tokens`).

mod merge;
mod vocabulary;

use regex::Regex;
use std::sync::LazyLock;
use vocabulary::Vocabulary;
use wire::{Ask, Content, Endpoint, Message, Role};

/// Tokens of a message beside its text, and of the beginning of the answer (OpenAI's cookbook, "How to count tokens").
const MESSAGE: u64 = 3;
const NAME: u64 = 1;
const ANSWER: u64 = 3;

/// A published tokenizer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Tokenizer {
    /// Of gpt-4o, gpt-4.1, gpt-5, o1, o3, o4 and gpt-oss.
    O200k,
    /// Of gpt-4, gpt-3.5 and the embedding models.
    Cl100k,
}

/// By the beginning of a model's name, the first that fits; as `tiktoken` 0.14 has it.
const BY_NAME: [(&str, Tokenizer); 15] = [
    ("gpt-4o", Tokenizer::O200k),
    ("gpt-4.1", Tokenizer::O200k),
    ("gpt-4.5", Tokenizer::O200k),
    ("gpt-4-", Tokenizer::Cl100k),
    ("gpt-5", Tokenizer::O200k),
    ("chatgpt-4o", Tokenizer::O200k),
    ("codex-mini", Tokenizer::O200k),
    ("gpt-oss", Tokenizer::O200k),
    ("gpt-3.5", Tokenizer::Cl100k),
    ("gpt-35", Tokenizer::Cl100k),
    ("text-embedding-3-", Tokenizer::Cl100k),
    ("text-embedding-ada-002", Tokenizer::Cl100k),
    ("o1", Tokenizer::O200k),
    ("o3", Tokenizer::O200k),
    ("o4-mini", Tokenizer::O200k),
];

impl Tokenizer {
    /// The tokenizer of a model; a vendor before a slash (`openai/gpt-4o`) does not matter.
    pub fn of(model: &str) -> Option<Tokenizer> {
        let name = model.rsplit_once('/').map_or(model, |(_, name)| name);
        if name == "gpt-4" {
            return Some(Tokenizer::Cl100k);
        }
        let fits = |start: &str| {
            let rest = name.strip_prefix(start);
            // `o1` and `o1-mini`, but not `o100`.
            rest.is_some_and(|r| {
                !start.ends_with(|c: char| c.is_ascii_digit()) || !r.starts_with(|c: char| c.is_ascii_digit())
            })
        };
        BY_NAME.iter().find(|(start, _)| fits(start)).map(|(_, tokenizer)| *tokenizer)
    }

    /// Tokens of a text. Special tokens count as the text that they are written in.
    pub fn count(self, text: &str) -> u64 {
        let (vocabulary, pattern) = match self {
            Tokenizer::O200k => (&O200K, &O200K_PATTERN),
            Tokenizer::Cl100k => (&CL100K, &CL100K_PATTERN),
        };
        let (Some(vocabulary), Some(pattern)) = (&**vocabulary, &**pattern) else { return 0 };
        pieces(pattern, text).map(|piece| merge::count(vocabulary, piece.as_bytes())).sum()
    }

    /// Prompt tokens of a request, where they are known to the last one: plain texts. Tools, schemas, images and files go into
    /// a prompt in a form that is not published.
    pub fn prompt(self, ask: &Ask) -> Option<u64> {
        if !ask.tools.is_empty() || ask.format.is_some() {
            return None;
        }
        match ask.endpoint {
            // A place of OpenAI's dialect is asked for a chat either way.
            Endpoint::Chat | Endpoint::Messages => {
                let each = |m| self.message(m);
                ask.messages.iter().map(each).sum::<Option<u64>>().map(|sum| sum + ANSWER)
            }
            Endpoint::Completions if ask.suffix.is_none() => match ask.messages.as_slice() {
                [one] => self.texts(&one.content),
                _ => None,
            },
            _ => None,
        }
    }

    fn message(self, message: &Message) -> Option<u64> {
        if !message.tool_calls.is_empty() || message.reasoning.is_some() || message.role == Role::Tool {
            return None;
        }
        let name = message.name.as_deref().map_or(0, |n| self.count(n) + NAME);
        // Each role is one token.
        Some(MESSAGE + 1 + name + self.texts(&message.content)?)
    }

    fn texts(self, content: &Content) -> Option<u64> {
        match content {
            Content::Parts(parts) if parts.iter().any(|p| !matches!(p, wire::Part::Text { .. })) => None,
            _ => Some(content.texts().map(|text| self.count(text)).sum()),
        }
    }
}

static O200K: LazyLock<Option<Vocabulary>> =
    LazyLock::new(|| Vocabulary::unpack(include_bytes!("../data/o200k_base.gz")));
static CL100K: LazyLock<Option<Vocabulary>> =
    LazyLock::new(|| Vocabulary::unpack(include_bytes!("../data/cl100k_base.gz")));

/// The published patterns without `\s+(?!\S)`, which [`pieces`] does: such a look-ahead needs backtracking.
static O200K_PATTERN: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let upper = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]";
    let lower = r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]";
    let ending = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?";
    Regex::new(&format!(
        r"[^\r\n\p{{L}}\p{{N}}]?{upper}*{lower}+{ending}|[^\r\n\p{{L}}\p{{N}}]?{upper}+{lower}*{ending}|\p{{N}}{{1,3}}| ?[^\s\p{{L}}\p{{N}}]+[\r\n/]*|\s*[\r\n]+|\s+"
    ))
    .ok()
});
static CL100K_PATTERN: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let ending = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)";
    Regex::new(&format!(
        r"{ending}|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|\p{{N}}{{1,3}}| ?[^\s\p{{L}}\p{{N}}]+[\r\n]*|\s+$|\s*[\r\n]|\s+"
    ))
    .ok()
});

/// The pieces that merging does not cross. White space before something else leaves its last character to that: what
/// `\s+(?!\S)` before `\s+` means.
fn pieces<'t>(pattern: &'static Regex, text: &'t str) -> impl Iterator<Item = &'t str> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let found = pattern.find_at(text, at)?;
        let mut end = found.end();
        let piece = found.as_str();
        let last = piece.chars().next_back()?;
        if end < text.len()
            && last.len_utf8() < piece.len()
            && !matches!(last, '\r' | '\n')
            && piece.chars().all(char::is_whitespace)
        {
            end -= last.len_utf8();
        }
        at = end;
        Some(&text[found.start()..end])
    })
}
