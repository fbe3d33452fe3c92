//! The header of a GGUF file, read with a bound on everything, before any of it reaches C: magic, version, counts, key
//! lengths, types, and every tensor's place within the file. (Format: `docs/gguf.md` of ggml.)
//!
//! Never here: weights, a vendor type.

mod header;
mod shape;
mod tensor_type;

pub(crate) use header::{Header, Scalar, Tensor};

use std::collections::{BTreeMap, HashSet};
use std::io::{self, Read, Seek, SeekFrom};

/// Most keys and most tensors of a file; the largest known models have a few thousand tensors.
const ENTRIES_MAX: u64 = 1 << 16;
/// Longest key or tensor name that is looked at, bytes. llama.cpp allows tensor names of 63.
const NAME_MAX: u64 = 63;
const KEY_MAX: u64 = 65_535;
/// Longest string value that is kept; chat templates have some tens of kilobytes. Longer ones are skipped.
const STRING_MAX: u64 = 1 << 20;
/// All string values together.
const STRINGS_MAX: u64 = 16 << 20;

/// Why a file is no usable GGUF file.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HeaderError {
    /// Nothing in it.
    #[error("it is empty")]
    Empty,
    /// Other magic bytes.
    #[error("it does not begin with the letters GGUF")]
    Magic,
    /// A version this build does not read.
    #[error("it has GGUF version {0}, and this build reads versions 2 and 3")]
    Version(u32),
    /// The bytes say something impossible.
    #[error("its header is damaged: {0}")]
    Damaged(String),
    /// Something lies beyond the end of the file.
    #[error("it is cut off: {what} ends at byte {end}, and the file has {len}")]
    Cut { what: String, end: u64, len: u64 },
    /// Reading failed.
    #[error("{0}")]
    Io(#[from] io::Error),
}

/// Longest array of integers that is kept, elements: one value per layer. Longer ones are skipped.
const INTS_MAX: u64 = 1024;
/// Elements of all kept arrays together.
const INTS_SUM_MAX: usize = 1 << 16;

/// Reads and checks a header. Reads no weights.
///
/// # Errors
/// [`HeaderError`].
pub(crate) fn read<R: Read + Seek>(mut from: R) -> Result<Header, HeaderError> {
    let len = from.seek(SeekFrom::End(0))?;
    from.seek(SeekFrom::Start(0))?;
    if len == 0 {
        return Err(HeaderError::Empty);
    }
    let mut r = Reader { from, at: 0, len, strings: 0, ints: BTreeMap::new(), kept: 0 };
    let mut magic = [0u8; 4];
    if len < 4 || r.bytes(&mut magic, "the magic").is_err() || &magic != b"GGUF" {
        return Err(HeaderError::Magic);
    }
    let version = r.u32("the version")?;
    if !(2..=3).contains(&version) {
        return Err(HeaderError::Version(version));
    }
    let tensors = r.count("tensors")?;
    let keys = r.count("keys")?;
    let mut header = Header { file_len: len, ..Header::default() };
    let mut seen = HashSet::new();
    for _ in 0..keys {
        let (key, value) = r.pair()?;
        if !seen.insert(key.clone()) {
            return Err(HeaderError::Damaged(format!("the key {key} is there twice")));
        }
        if let Some(value) = value {
            header.scalars.insert(key, value);
        }
    }
    shape::check(&header).map_err(HeaderError::Damaged)?;
    let alignment = match header.scalars.get("general.alignment") {
        None => 32,
        Some(Scalar::Int(a)) if *a > 0 && *a <= 1 << 20 && a.count_ones() == 1 => *a as u64,
        Some(_) => return Err(HeaderError::Damaged("general.alignment is not a power of two".into())),
    };
    header.tensors = r.tensors(tensors, alignment)?;
    header.params = header.tensors.iter().fold(0, |sum, t| sum.saturating_add(t.elements));
    header.ints = r.ints;
    Ok(header)
}

struct Reader<R> {
    from: R,
    at: u64,
    len: u64,
    strings: u64,
    ints: BTreeMap<String, Vec<i64>>,
    kept: usize,
}

impl<R: Read + Seek> Reader<R> {
    fn need(&self, more: u64, what: &str) -> Result<(), HeaderError> {
        match self.at.checked_add(more) {
            Some(end) if end <= self.len => Ok(()),
            end => Err(HeaderError::Cut { what: what.to_owned(), end: end.unwrap_or(u64::MAX), len: self.len }),
        }
    }

    fn bytes(&mut self, into: &mut [u8], what: &str) -> Result<(), HeaderError> {
        self.need(into.len() as u64, what)?;
        self.from.read_exact(into)?;
        self.at += into.len() as u64;
        Ok(())
    }

    fn skip(&mut self, count: u64, what: &str) -> Result<(), HeaderError> {
        self.need(count, what)?;
        // Fits: `need` has seen that it ends within the file, and file lengths fit i64. A relative seek keeps the buffer.
        self.from.seek_relative(count as i64)?;
        self.at += count;
        Ok(())
    }

    fn u32(&mut self, what: &str) -> Result<u32, HeaderError> {
        let mut b = [0; 4];
        self.bytes(&mut b, what)?;
        Ok(u32::from_le_bytes(b))
    }

    fn u64(&mut self, what: &str) -> Result<u64, HeaderError> {
        let mut b = [0; 8];
        self.bytes(&mut b, what)?;
        Ok(u64::from_le_bytes(b))
    }

    fn count(&mut self, what: &str) -> Result<u64, HeaderError> {
        let count = self.u64(&format!("the number of {what}"))?;
        if count > ENTRIES_MAX {
            return Err(HeaderError::Damaged(format!("it claims {count} {what}, and {ENTRIES_MAX} is the limit")));
        }
        Ok(count)
    }

    fn name(&mut self, most: u64, what: &str) -> Result<String, HeaderError> {
        let length = self.u64(what)?;
        if length > most {
            return Err(HeaderError::Damaged(format!("{what} is {length} bytes long, and {most} is the limit")));
        }
        let mut bytes = vec![0; length as usize];
        self.bytes(&mut bytes, what)?;
        String::from_utf8(bytes).map_err(|_| HeaderError::Damaged(format!("{what} is not UTF-8")))
    }

    /// One key and its value; `None` for arrays and over-long strings, which are checked and skipped.
    fn pair(&mut self) -> Result<(String, Option<Scalar>), HeaderError> {
        let key = self.name(KEY_MAX, "a key")?;
        let what = format!("the value of {key}");
        let kind = self.u32(&what)?;
        let value = match kind {
            8 => self.string(&what)?,
            9 => {
                self.array(&key, &what)?;
                None
            }
            _ => Some(self.scalar(kind, &what)?),
        };
        Ok((key, value))
    }

    fn string(&mut self, what: &str) -> Result<Option<Scalar>, HeaderError> {
        let length = self.u64(what)?;
        self.need(length, what)?;
        if length > STRING_MAX || self.strings + length > STRINGS_MAX {
            self.skip(length, what)?;
            return Ok(None);
        }
        self.strings += length;
        let mut bytes = vec![0; length as usize];
        self.bytes(&mut bytes, what)?;
        Ok(Some(Scalar::Text(String::from_utf8_lossy(&bytes).into_owned())))
    }

    fn scalar(&mut self, kind: u32, what: &str) -> Result<Scalar, HeaderError> {
        let width = width(kind).ok_or_else(|| HeaderError::Damaged(format!("{what} has the unknown type {kind}")))?;
        let mut b = [0u8; 8];
        self.bytes(&mut b[..width as usize], what)?;
        let raw = u64::from_le_bytes(b);
        Ok(match kind {
            1 => Scalar::Int(i128::from(raw as u8 as i8)),
            3 => Scalar::Int(i128::from(raw as u16 as i16)),
            5 => Scalar::Int(i128::from(raw as u32 as i32)),
            11 => Scalar::Int(i128::from(raw as i64)),
            6 => Scalar::Float(f64::from(f32::from_bits(raw as u32))),
            12 => Scalar::Float(f64::from_bits(raw)),
            _ => Scalar::Int(i128::from(raw)),
        })
    }

    fn array(&mut self, key: &str, what: &str) -> Result<(), HeaderError> {
        let kind = self.u32(what)?;
        let count = self.u64(what)?;
        let damaged = |text: &str| HeaderError::Damaged(format!("{what} {text}"));
        match (kind, width(kind)) {
            // Every string takes at least its length of eight bytes, so the loop is bounded by the file.
            (8, _) => {
                self.need(count.checked_mul(8).ok_or_else(|| damaged("is absurdly long"))?, what)?;
                for _ in 0..count {
                    let length = self.u64(what)?;
                    self.skip(length, what)?;
                }
                Ok(())
            }
            (4 | 5, Some(_)) if count <= INTS_MAX && self.kept + count as usize <= INTS_SUM_MAX => {
                self.kept += count as usize;
                let one = |r: &mut Reader<R>| {
                    Ok(if kind == 4 { i64::from(r.u32(what)?) } else { i64::from(r.u32(what)?.cast_signed()) })
                };
                let array = (0..count).map(|_| one(self)).collect::<Result<Vec<i64>, HeaderError>>()?;
                self.ints.insert(key.to_owned(), array);
                Ok(())
            }
            (_, Some(width)) => {
                let bytes = count.checked_mul(width).ok_or_else(|| damaged("is absurdly long"))?;
                self.skip(bytes, what)
            }
            _ => Err(damaged(&format!("is an array of the unknown type {kind}"))),
        }
    }

    /// Checks every tensor's shape and place.
    fn tensors(&mut self, count: u64, alignment: u64) -> Result<Vec<Tensor>, HeaderError> {
        let mut tensors = Vec::new();
        let mut names = HashSet::new();
        let mut last = (0, String::new());
        for _ in 0..count {
            let name = self.name(NAME_MAX, "a tensor name")?;
            if !names.insert(name.clone()) {
                return Err(HeaderError::Damaged("two tensors have the same name".into()));
            }
            let tensor = self.tensor(name, alignment)?;
            let end = tensor.offset.checked_add(tensor.bytes);
            let end = end.ok_or_else(|| HeaderError::Damaged(format!("tensor {} ends nowhere", tensor.name)))?;
            if end >= last.0 {
                last = (end, tensor.name.clone());
            }
            tensors.push(tensor);
        }
        let end = self.at.div_ceil(alignment).saturating_mul(alignment).saturating_add(last.0);
        if end > self.len && !tensors.is_empty() {
            return Err(HeaderError::Cut { what: format!("tensor {}", last.1), end, len: self.len });
        }
        Ok(tensors)
    }

    fn tensor(&mut self, name: String, alignment: u64) -> Result<Tensor, HeaderError> {
        let damaged = |text: String| HeaderError::Damaged(format!("tensor {name} {text}"));
        let dimensions = self.u32(&name)?;
        if !(1..=4).contains(&dimensions) {
            return Err(damaged(format!("has {dimensions} dimensions")));
        }
        let mut elements = 1u64;
        let (mut row, mut rows) = (0, 1);
        for i in 0..dimensions {
            let n = self.u64(&name)?;
            row = if i == 0 { n } else { row };
            rows = if i == 1 { n } else { rows };
            let product = elements.checked_mul(n).filter(|e| n > 0 && *e <= i64::MAX as u64);
            elements = product.ok_or_else(|| damaged(format!("has an impossible dimension {n}")))?;
        }
        let kind = self.u32(&name)?;
        let (block, bytes) = tensor_type::block(kind)
            .ok_or_else(|| damaged(format!("has type {kind}, which this build does not know")))?;
        if row % block != 0 {
            return Err(damaged(format!("has rows of {row}, which is no multiple of its block of {block}")));
        }
        let offset = self.u64(&name)?;
        if offset % alignment != 0 {
            return Err(damaged(format!("begins at {offset}, which is not aligned to {alignment}")));
        }
        let size = (elements / block).checked_mul(bytes).ok_or_else(|| damaged("is absurdly large".into()))?;
        Ok(Tensor { name, kind, dimensions, rows, bytes: size, elements, offset })
    }
}

/// Bytes of a scalar type; `None` for strings, arrays and unknown types.
const fn width(kind: u32) -> Option<u64> {
    Some(match kind {
        0 | 1 | 7 => 1,
        2 | 3 => 2,
        4..=6 => 4,
        10..=12 => 8,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;
    use crate::tiny::Tiny;
    use std::io::Cursor;

    fn parse(bytes: &[u8]) -> Result<Header, HeaderError> {
        read(Cursor::new(bytes))
    }

    #[test]
    fn a_good_file_is_read() {
        let bytes =
            Tiny { template: Some("{{ x }}"), floats: vec![("general.sampling.temp", 0.25)], ..Tiny::default() };
        let header = parse(&bytes.bytes()).unwrap();
        assert_eq!(header.text("general.architecture"), Some("llama"));
        assert_eq!(header.arch_uint("context_length"), Some(512));
        assert_eq!(header.text("tokenizer.chat_template"), Some("{{ x }}"));
        assert_eq!(header.float("general.sampling.temp"), Some(0.25));
        assert_eq!(header.text("tokenizer.ggml.tokens"), None, "arrays are skipped");
        let down = header.tensors.last().unwrap();
        assert_eq!((down.name.as_str(), down.kind, down.dimensions), ("blk.0.ffn_down.weight", 0, 2));
        assert_eq!((down.rows, down.bytes), (64, 4 * 64 * 32));
        assert_eq!(header.arch_uint_of_layer("attention.head_count_kv", 5), Some(2), "a number is that of every layer");
        assert_eq!(header.params, 2 * 259 * 64 + 3 * 64 + 4 * 64 * 64 + 3 * 64 * 32);
    }

    #[test]
    fn what_is_no_gguf_is_named() {
        assert!(matches!(parse(b""), Err(HeaderError::Empty)));
        assert!(matches!(parse(b"GG"), Err(HeaderError::Magic)));
        assert!(matches!(parse(b"<!DOCTYPE html>"), Err(HeaderError::Magic)));
        assert!(matches!(parse(b"GGUF\x01\0\0\0........"), Err(HeaderError::Version(1))));
    }

    #[test]
    fn a_file_cut_anywhere_is_refused() {
        let bytes = Tiny::default().bytes();
        // The last tensor is followed by no padding, so every shorter file lacks something.
        let steps = (1..2000).chain((2000..bytes.len()).step_by(997)).chain([bytes.len() - 1]);
        for cut in steps {
            assert!(parse(&bytes[..cut]).is_err(), "cut at {cut}");
        }
        let Err(HeaderError::Cut { what, .. }) = parse(&bytes[..bytes.len() - 1]) else { panic!("not a cut") };
        assert_eq!(what, "tensor blk.0.ffn_down.weight");
    }

    #[test]
    fn absurd_counts_take_no_memory() {
        let mut bytes = Tiny::default().bytes();
        bytes[8..16].copy_from_slice(&u64::MAX.to_le_bytes());
        assert!(matches!(parse(&bytes), Err(HeaderError::Damaged(_))));
        let mut bytes = Tiny::default().bytes();
        bytes[24..32].copy_from_slice(&(1u64 << 60).to_le_bytes());
        assert!(matches!(parse(&bytes), Err(HeaderError::Damaged(_))));
    }

    #[test]
    fn ten_thousand_mutations_never_panic() {
        let good = Tiny { template: Some("{{ messages }}"), ..Tiny::default() }.bytes();
        let header_len = good.len() - parse(&good).unwrap().params as usize * 4;
        let mut seed = 42u64;
        let mut random = |below: usize| {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            (seed % below as u64) as usize
        };
        let mut refused = 0;
        for _ in 0..10_000 {
            let mut bytes = good.clone();
            for _ in 0..=random(4) {
                let at = random(header_len);
                match random(3) {
                    0 => bytes[at] ^= 1 << random(8),
                    1 => bytes[at] = 0xff,
                    _ => {
                        let end = (at + 8).min(bytes.len());
                        bytes[at..end].fill(if random(2) == 0 { 0xff } else { 0 });
                    }
                }
            }
            refused += u32::from(parse(&bytes).is_err());
        }
        // Most flips land in token strings and are harmless; the others must be seen.
        assert!(refused > 1_000, "only {refused} of 10,000 were refused");
    }
}
