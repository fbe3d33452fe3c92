//! Vectors of texts and scores of documents: what is asked beside the texts themselves, and what is answered.
//!
//! Never here: a dialect's shapes.

use crate::{Raw, Usage};
use data_encoding::BASE64;

/// What only requests for vectors or scores have. The texts stand in [`crate::Ask::messages`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Encode {
    /// Texts that came as token ids: all of them or none, and then there are no messages.
    pub tokens: Vec<Vec<u32>>,
    /// How vectors are written; `None` where the caller did not say, and then they are written as floats.
    pub encoding: Option<Encoding>,
    /// Length of the vectors; `None` is the model's own.
    pub dimensions: Option<u32>,
    /// Rerank: what the documents are scored against.
    pub query: String,
    /// Rerank: results at most, the best ones.
    pub top_n: Option<u32>,
    /// Rerank: each result carries its document.
    pub return_documents: bool,
    /// A text that is too long is cut at its end instead of refused.
    pub truncate: Option<bool>,
}

/// How vectors are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Encoding {
    /// A list of numbers.
    #[default]
    Float,
    /// Base64 of the numbers as 32-bit floats, little endian.
    Base64,
}

impl Encoding {
    /// Its name in the dialect.
    pub const fn as_str(self) -> &'static str {
        match self {
            Encoding::Float => "float",
            Encoding::Base64 => "base64",
        }
    }
}

/// One vector, as it came.
#[derive(Debug, Clone, PartialEq)]
pub enum Vector {
    /// Numbers.
    Float(Vec<f32>),
    /// Base64 of the numbers as 32-bit floats, little endian; checked.
    Base64(String),
}

impl Vector {
    /// How it is written.
    pub fn encoding(&self) -> Encoding {
        match self {
            Vector::Float(_) => Encoding::Float,
            Vector::Base64(_) => Encoding::Base64,
        }
    }

    /// How many numbers it has.
    pub fn dimensions(&self) -> usize {
        match self {
            Vector::Float(numbers) => numbers.len(),
            Vector::Base64(text) => decoded_len(text) / 4,
        }
    }

    /// The numbers; empty for base64 that is not of whole floats.
    pub fn numbers(&self) -> Vec<f32> {
        match self {
            Vector::Float(numbers) => numbers.clone(),
            Vector::Base64(text) => {
                let bytes = BASE64.decode(text.as_bytes()).unwrap_or_default();
                bytes.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect()
            }
        }
    }

    /// The numbers as base64.
    pub fn base64(&self) -> String {
        match self {
            Vector::Float(numbers) => BASE64.encode(&numbers.iter().flat_map(|n| n.to_le_bytes()).collect::<Vec<u8>>()),
            Vector::Base64(text) => text.clone(),
        }
    }

    /// From base64; `None` where it is none, or not of whole floats.
    pub(crate) fn from_base64(text: &str) -> Option<Vector> {
        let whole = BASE64.decode_len(text.len()).is_ok() && BASE64.decode(text.as_bytes()).is_ok();
        (whole && decoded_len(text).is_multiple_of(4)).then(|| Vector::Base64(text.to_owned()))
    }
}

/// Bytes that padded base64 stands for.
fn decoded_len(text: &str) -> usize {
    let padding = text.bytes().rev().take_while(|b| *b == b'=').count();
    (text.len() / 4 * 3).saturating_sub(padding)
}

/// Vectors in the order of the texts.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Vectors {
    /// The model that made them.
    pub model: String,
    /// One per text.
    pub vectors: Vec<Vector>,
    /// Token counts; `None` where the backend did not say.
    pub usage: Option<Usage>,
    /// The backend's own body, forwarded untouched to a caller of the same flavour.
    pub raw: Option<Raw>,
}

/// Documents by their score.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Ranking {
    /// Id; empty where the backend has none.
    pub id: String,
    /// The model that scored.
    pub model: String,
    /// In any order; the writer sorts.
    pub results: Vec<Ranked>,
    /// Token counts; `None` where the backend did not say.
    pub usage: Option<Usage>,
}

/// The score of one document.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ranked {
    /// Index of the document in the request.
    pub index: usize,
    /// How relevant, larger is better; from 0 to 1 at most places.
    pub score: f64,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn base64_is_the_same_numbers() {
        for numbers in [vec![], vec![1.0f32], vec![-0.5, 1e-20], vec![0.1, 0.2, 0.3]] {
            let text = Vector::Float(numbers.clone()).base64();
            let read = Vector::from_base64(&text).unwrap();
            assert_eq!((read.numbers(), read.dimensions()), (numbers.clone(), numbers.len()), "{text}");
        }
        // What OpenAI's SDK decodes: 1.0 is 00 00 80 3f.
        assert_eq!(Vector::Float(vec![1.0]).base64(), "AACAPw==");
        for wrong in ["AACAPw", "AACAPw=", "AAA=", "not base64!", "AACAPw==AACAPw=="] {
            assert_eq!(Vector::from_base64(wrong), None, "{wrong}");
        }
    }
}
