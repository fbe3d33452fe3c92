//! Writing a GGUF file: keys, tensor table, data. Everything little-endian, version 3, data aligned to 32 bytes.
//! Layout: <https://github.com/ggml-org/ggml/blob/master/docs/gguf.md>.
//!
//! Never here: what a model is made of, reading.

use super::tensor::Tensor;
use std::io::{self, Write};

const VERSION: u32 = 3;
const ALIGN: u64 = 32;

/// A file in the making: keys as they come, tensors described and filled when it is written.
#[derive(Debug, Default, Clone)]
pub struct Gguf {
    keys: Vec<u8>,
    count: u64,
    tensors: Vec<Tensor>,
}

impl Gguf {
    fn key(&mut self, key: &str, kind: u32) -> &mut Vec<u8> {
        self.count += 1;
        string(&mut self.keys, key);
        self.keys.extend(kind.to_le_bytes());
        &mut self.keys
    }

    fn array(&mut self, key: &str, kind: u32, length: usize) -> &mut Vec<u8> {
        let out = self.key(key, 9);
        out.extend(kind.to_le_bytes());
        out.extend((length as u64).to_le_bytes());
        out
    }

    /// A string.
    pub fn text(&mut self, key: &str, value: &str) {
        let out = self.key(key, 8);
        string(out, value);
    }

    /// An unsigned 32-bit number.
    pub fn uint(&mut self, key: &str, value: u32) {
        self.key(key, 4).extend(value.to_le_bytes());
    }

    /// A 32-bit float.
    pub fn float(&mut self, key: &str, value: f32) {
        self.key(key, 6).extend(value.to_le_bytes());
    }

    /// A truth value.
    pub fn flag(&mut self, key: &str, value: bool) {
        self.key(key, 7).push(u8::from(value));
    }

    /// Strings.
    pub fn texts<S: AsRef<str>>(&mut self, key: &str, values: &[S]) {
        let out = self.array(key, 8, values.len());
        values.iter().for_each(|v| string(out, v.as_ref()));
    }

    /// Signed 32-bit numbers.
    pub fn ints(&mut self, key: &str, values: &[i32]) {
        let out = self.array(key, 5, values.len());
        values.iter().for_each(|v| out.extend(v.to_le_bytes()));
    }

    /// 32-bit floats.
    pub fn floats(&mut self, key: &str, values: &[f32]) {
        let out = self.array(key, 6, values.len());
        values.iter().for_each(|v| out.extend(v.to_le_bytes()));
    }

    /// One more tensor.
    pub fn tensor(&mut self, tensor: Tensor) {
        self.tensors.push(tensor);
    }

    /// Its tensors so far, to change them.
    pub fn tensors_mut(&mut self) -> &mut Vec<Tensor> {
        &mut self.tensors
    }

    /// Everything before the tensors' data, padded to where the data begins.
    pub fn header(&self) -> Vec<u8> {
        let mut out = b"GGUF".to_vec();
        out.extend(VERSION.to_le_bytes());
        out.extend((self.tensors.len() as u64).to_le_bytes());
        out.extend(self.count.to_le_bytes());
        out.extend(&self.keys);
        let mut offset = 0u64;
        for tensor in &self.tensors {
            string(&mut out, &tensor.name);
            out.extend((tensor.shape.len() as u32).to_le_bytes());
            tensor.shape.iter().for_each(|n| out.extend((*n as u64).to_le_bytes()));
            out.extend(tensor.kind.code().to_le_bytes());
            out.extend(offset.to_le_bytes());
            offset = (offset + tensor.bytes()).next_multiple_of(ALIGN);
        }
        out.resize(out.len().next_multiple_of(ALIGN as usize), 0);
        out
    }

    /// Writes the whole file; the same keys, tensors and seed give the same bytes on every machine.
    ///
    /// # Errors
    /// What `out` says.
    pub fn write(&self, seed: u64, mut out: impl Write) -> io::Result<()> {
        out.write_all(&self.header())?;
        for tensor in &self.tensors {
            tensor.write(seed, &mut out)?;
            let size = tensor.bytes();
            let padding = size.next_multiple_of(ALIGN) - size;
            out.write_all(&[0u8; ALIGN as usize][..padding as usize])?;
        }
        out.flush()
    }

    /// The whole file in memory: for the tiny ones.
    pub fn bytes(&self, seed: u64) -> Vec<u8> {
        let mut out = Vec::new();
        self.write(seed, &mut out).expect("memory takes what is written");
        out
    }
}

fn string(out: &mut Vec<u8>, text: &str) {
    out.extend((text.len() as u64).to_le_bytes());
    out.extend(text.as_bytes());
}
