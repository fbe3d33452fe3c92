//! What a header says: keys, and what its tensors are.
//!
//! Never here: reading of files.

use std::collections::BTreeMap;

/// A tensor: what is known of it without its weights.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tensor {
    pub(crate) name: String,
    /// Number of its type, as in `ggml.h`.
    pub(crate) kind: u32,
    /// Dimensions that it has, and how many rows a matrix of it has.
    pub(crate) dimensions: u32,
    pub(crate) rows: u64,
    /// Bytes in the file.
    pub(crate) bytes: u64,
    pub(super) elements: u64,
    pub(super) offset: u64,
}

/// A scalar of the metadata. Arrays are checked and skipped, but for short ones of integers.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Scalar {
    /// Any integer type and bool.
    Int(i128),
    /// f32 and f64.
    Float(f64),
    /// Text.
    Text(String),
}

/// What the header says.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Header {
    pub(super) scalars: BTreeMap<String, Scalar>,
    pub(super) ints: BTreeMap<String, Vec<i64>>,
    /// All tensors, in the order of the file.
    pub(crate) tensors: Vec<Tensor>,
    /// Elements of all tensors.
    pub(crate) params: u64,
    /// Length of the file.
    pub(crate) file_len: u64,
}

impl Header {
    /// A text value.
    pub(crate) fn text(&self, key: &str) -> Option<&str> {
        match self.scalars.get(key)? {
            Scalar::Text(t) => Some(t),
            _ => None,
        }
    }

    /// A non-negative integer value.
    pub(crate) fn uint(&self, key: &str) -> Option<u64> {
        match self.scalars.get(key)? {
            Scalar::Int(i) => u64::try_from(*i).ok(),
            _ => None,
        }
    }

    /// A number, whole or not.
    pub(crate) fn float(&self, key: &str) -> Option<f64> {
        match self.scalars.get(key)? {
            Scalar::Int(i) => Some(*i as f64),
            Scalar::Float(f) => Some(*f),
            Scalar::Text(_) => None,
        }
    }

    /// A non-negative integer per layer, under the key of the file's own architecture: from an array, or the same for all.
    pub(crate) fn arch_uint_of_layer(&self, key: &str, layer: usize) -> Option<u64> {
        let key = format!("{}.{key}", self.text("general.architecture")?);
        match self.ints.get(&key) {
            Some(array) => array.get(layer).and_then(|n| u64::try_from(*n).ok()),
            None => self.uint(&key),
        }
    }

    /// A value under the key of the file's own architecture (`llama.context_length`).
    pub(crate) fn arch_uint(&self, key: &str) -> Option<u64> {
        self.uint(&format!("{}.{key}", self.text("general.architecture")?))
    }
}
