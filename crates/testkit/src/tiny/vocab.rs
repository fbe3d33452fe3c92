//! The small vocabularies: byte-level BPE, SentencePiece with byte fallback, WordPiece; each with its special tokens.
//!
//! Never here: weights.

use super::bpe::{bpe, words};
use super::gguf::Gguf;
use std::collections::HashSet;

/// Merges of a small vocabulary: words and pieces of words, and still many letters.
const MERGES: usize = 400;

/// Token types as GGUF numbers them.
mod kind {
    pub(super) const NORMAL: i32 = 1;
    pub(super) const UNKNOWN: i32 = 2;
    pub(super) const CONTROL: i32 = 3;
    pub(super) const PART: i32 = 4;
    pub(super) const BYTE: i32 = 6;
}

/// What a vocabulary comes to.
pub(super) struct Vocab {
    /// How many tokens.
    pub(super) size: usize,
    /// The ids of marks that no text should have by chance.
    pub(super) marks: std::ops::Range<usize>,
}

/// Special tokens: control marks, then marks that are part of the text.
pub(super) struct Marks<'a> {
    pub(super) control: &'a [&'a str],
    pub(super) part: &'a [&'a str],
    pub(super) bos: Option<&'a str>,
    pub(super) eos: &'a str,
}

fn id(tokens: &[String], text: &str) -> u32 {
    tokens.iter().position(|t| t == text).expect("a mark is in the vocabulary") as u32
}

fn special(file: &mut Gguf, tokens: &[String], marks: &Marks<'_>) {
    file.uint("tokenizer.ggml.eos_token_id", id(tokens, marks.eos));
    if let Some(bos) = marks.bos {
        file.uint("tokenizer.ggml.bos_token_id", id(tokens, bos));
    }
    file.flag("tokenizer.ggml.add_bos_token", marks.bos.is_some());
    file.flag("tokenizer.ggml.add_eos_token", false);
}

/// Byte-level BPE; `pre` names the way of splitting (`qwen2`, `llama-bpe`).
pub(super) fn byte_level(file: &mut Gguf, pre: &str, marks: &Marks<'_>) -> Vocab {
    let words = bpe(MERGES);
    let mut tokens = words.tokens;
    let mut kinds = vec![kind::NORMAL; tokens.len()];
    let first = tokens.len();
    tokens.extend(marks.control.iter().chain(marks.part).map(|t| (*t).to_owned()));
    kinds.extend(marks.control.iter().map(|_| kind::CONTROL));
    kinds.extend(marks.part.iter().map(|_| kind::PART));
    file.text("tokenizer.ggml.model", "gpt2");
    file.text("tokenizer.ggml.pre", pre);
    file.texts("tokenizer.ggml.tokens", &tokens);
    file.ints("tokenizer.ggml.token_type", &kinds);
    file.texts("tokenizer.ggml.merges", &words.merges);
    special(file, &tokens, marks);
    Vocab { size: tokens.len(), marks: first..tokens.len() }
}

/// SentencePiece: marks first, then a token per byte, letters, and pieces whose scores fall with their rank.
pub(super) fn pieces(file: &mut Gguf, unknown: &str, marks: &Marks<'_>) -> Vocab {
    let mut tokens: Vec<String> = marks.control.iter().chain(marks.part).map(|t| (*t).to_owned()).collect();
    let last = tokens.len();
    let mut kinds: Vec<i32> = marks.control.iter().map(|_| kind::CONTROL).collect();
    kinds.extend(marks.part.iter().map(|_| kind::PART));
    let unknown = id(&tokens, unknown);
    kinds[unknown as usize] = kind::UNKNOWN;
    tokens.extend((0..=255u8).map(|b| format!("<0x{b:02X}>")));
    kinds.resize(tokens.len(), kind::BYTE);
    let letters = (b'!'..=b'~').map(|b| char::from(b).to_string()).chain(["▁".to_owned()]);
    tokens.extend(letters);
    let scored = tokens.len();
    let joined: Vec<String> = bpe(MERGES).tokens.split_off(256);
    tokens.extend(joined.iter().map(|t| t.replace('Ġ', "▁")));
    kinds.resize(tokens.len(), kind::NORMAL);
    let scores: Vec<f32> = (0..tokens.len())
        .map(|i| if i < scored { if kinds[i] == kind::NORMAL { -1e4 } else { 0.0 } } else { -((i - scored) as f32) })
        .collect();
    file.text("tokenizer.ggml.model", "llama");
    file.text("tokenizer.ggml.pre", "default");
    file.texts("tokenizer.ggml.tokens", &tokens);
    file.floats("tokenizer.ggml.scores", &scores);
    file.ints("tokenizer.ggml.token_type", &kinds);
    file.uint("tokenizer.ggml.unknown_token_id", unknown);
    special(file, &tokens, marks);
    Vocab { size: tokens.len(), marks: 0..last }
}

/// WordPiece in lower case: whole words and letters begin with `▁`, pieces that continue a word do not.
pub(super) fn word_pieces(file: &mut Gguf) -> Vocab {
    let marks = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];
    let mut tokens: Vec<String> = marks.map(String::from).to_vec();
    let mut known: HashSet<String> = HashSet::new();
    let letters = (b'!'..=b'~').map(char::from).filter(|c| !c.is_ascii_uppercase());
    let texts = letters.flat_map(|c| [format!("▁{c}"), c.to_string()]);
    let texts = texts.chain(words().take(700).flat_map(|w| {
        let end = ["ing", "ed", "er", "ly", "s"].contains(&w).then(|| w.to_owned());
        [Some(format!("▁{}", w.to_lowercase())), end].into_iter().flatten()
    }));
    let texts = texts.chain(["ing", "ed", "er", "ly", "tion", "ment", "ness", "able"].map(String::from));
    for text in texts {
        if known.insert(text.clone()) {
            tokens.push(text);
        }
    }
    let mut kinds = vec![kind::NORMAL; tokens.len()];
    kinds[..marks.len()].fill(kind::CONTROL);
    kinds[1] = kind::UNKNOWN;
    file.text("tokenizer.ggml.model", "bert");
    file.text("tokenizer.ggml.pre", "default");
    file.texts("tokenizer.ggml.tokens", &tokens);
    file.ints("tokenizer.ggml.token_type", &kinds);
    file.uint("tokenizer.ggml.token_type_count", 2);
    for (key, mark) in [
        ("padding", "[PAD]"),
        ("unknown", "[UNK]"),
        ("bos", "[CLS]"),
        ("cls", "[CLS]"),
        ("seperator", "[SEP]"),
        ("mask", "[MASK]"),
    ] {
        file.uint(&format!("tokenizer.ggml.{key}_token_id"), id(&tokens, mark));
    }
    Vocab { size: tokens.len(), marks: 0..marks.len() }
}
