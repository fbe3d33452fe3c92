//! Tensors of seeded random values, in the plain and in the quantised types of ggml. Only integer arithmetic and exact
//! float operations are used, so that the bytes are the same on every machine.
//! Block layouts: `ggml-common.h` of llama.cpp.
//!
//! Never here: which tensors a model has.

use std::io::{self, Write};
use std::ops::Range;

/// How values are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// 32-bit floats.
    F32,
    /// 16-bit floats.
    F16,
    /// 32 values in 22 bytes: 5 bits and one scale.
    Q5_0,
    /// 32 values in 34 bytes: 8 bits and one scale.
    Q8_0,
    /// 256 values in 144 bytes: 4 bits, scales and minima of 32.
    Q4K,
    /// 256 values in 210 bytes: 6 bits, scales of 16.
    Q6K,
}

impl Kind {
    /// ggml's number of the type.
    pub fn code(self) -> u32 {
        match self {
            Kind::F32 => 0,
            Kind::F16 => 1,
            Kind::Q5_0 => 6,
            Kind::Q8_0 => 8,
            Kind::Q4K => 12,
            Kind::Q6K => 14,
        }
    }

    /// Values and bytes of one block.
    pub fn block(self) -> (usize, usize) {
        match self {
            Kind::F32 => (1, 4),
            Kind::F16 => (1, 2),
            Kind::Q5_0 => (32, 22),
            Kind::Q8_0 => (32, 34),
            Kind::Q4K => (256, 144),
            Kind::Q6K => (256, 210),
        }
    }
}

/// What a tensor holds.
#[derive(Debug, Clone, PartialEq)]
pub enum Fill {
    /// Random values around zero with this standard deviation.
    Random(f32),
    /// Random values around one with this standard deviation: norms.
    AroundOne(f32),
    /// As [`Fill::Random`], with the rows of this range at a fifth.
    QuietRows {
        /// Standard deviation of the others.
        deviation: f32,
        /// Numbers of the quiet rows.
        quiet: Range<usize>,
    },
    /// The same value everywhere.
    Same(f32),
    /// These values.
    Values(Vec<f32>),
}

/// One tensor: the shape is in ggml's order, the contiguous dimension first.
#[derive(Debug, Clone, PartialEq)]
pub struct Tensor {
    /// Its name in the file.
    pub name: String,
    /// Its dimensions.
    pub shape: Vec<usize>,
    /// Its type.
    pub kind: Kind,
    /// Its values.
    pub fill: Fill,
}

impl Tensor {
    /// A tensor of 32-bit floats.
    pub fn new(name: impl Into<String>, shape: &[usize], fill: Fill) -> Tensor {
        Tensor { name: name.into(), shape: shape.to_vec(), kind: Kind::F32, fill }
    }

    /// The same in another type. Quantised types hold only [`Fill::Random`], in rows of whole blocks.
    pub fn of(mut self, kind: Kind) -> Tensor {
        let (values, _) = kind.block();
        assert!(self.shape[0].is_multiple_of(values), "{}: rows of {} in blocks of {values}", self.name, self.shape[0]);
        self.kind = kind;
        self
    }

    fn values(&self) -> usize {
        self.shape.iter().product()
    }

    /// Bytes of its data, without padding.
    pub fn bytes(&self) -> u64 {
        let (values, bytes) = self.kind.block();
        (self.values() / values * bytes) as u64
    }

    /// Writes its data. Each tensor has its own chain of random numbers, from `seed` and its name: a model with fewer
    /// layers has the same first layers.
    pub(crate) fn write(&self, seed: u64, out: &mut impl Write) -> io::Result<()> {
        let mut random = Random::new(seed, &self.name);
        let (per_block, bytes) = self.kind.block();
        if bytes <= 4 {
            return self.write_plain(&mut random, out);
        }
        let Fill::Random(deviation) = self.fill else { panic!("{}: quantised tensors are random", self.name) };
        let mut block = vec![0u8; bytes];
        for _ in 0..self.values() / per_block {
            random.fill(&mut block);
            match self.kind {
                // (q - 16) * d, q even in 0..32: deviation 9.23 d.
                Kind::Q5_0 => block[..2].copy_from_slice(&half(deviation / 9.23)),
                // q * d, q even in -128..128: deviation 73.9 d.
                Kind::Q8_0 => block[..2].copy_from_slice(&half(deviation / 73.9)),
                Kind::Q4K => q4k(&mut block, deviation),
                _ => q6k(&mut block, deviation),
            }
            out.write_all(&block)?;
        }
        Ok(())
    }

    fn write_plain(&self, random: &mut Random, out: &mut impl Write) -> io::Result<()> {
        for i in 0..self.values() {
            let value = match &self.fill {
                Fill::Random(deviation) => random.normal() * deviation,
                Fill::AroundOne(deviation) => 1.0 + random.normal() * deviation,
                Fill::QuietRows { deviation, quiet } => {
                    let part = if quiet.contains(&(i / self.shape[0])) { 0.2 } else { 1.0 };
                    random.normal() * deviation * part
                }
                Fill::Same(value) => *value,
                Fill::Values(values) => values[i],
            };
            match self.kind {
                Kind::F16 => out.write_all(&half(value))?,
                _ => out.write_all(&value.to_le_bytes())?,
            }
        }
        Ok(())
    }
}

/// d, dmin, 12 bytes of packed 6-bit scales and minima, 128 bytes of 4-bit values. A value is `d·scale·q − dmin·min`;
/// with `min = scale` and `dmin = 7.5 d` its mean is zero and its deviation `4.61·scale·d`. Scales are 32 to 47,
/// on average 39.5.
fn q4k(block: &mut [u8], deviation: f32) {
    let d = deviation / (4.61 * 40.0);
    block[..2].copy_from_slice(&half(d));
    block[2..4].copy_from_slice(&half(d * 7.5));
    let scales: [u8; 8] = std::array::from_fn(|i| 32 + (block[4 + i] & 15));
    for i in 0..4 {
        // Bytes 0..4: scale 0..4 below, the upper two bits of scale 4..8 above; bytes 4..8 the same of the minima.
        block[4 + i] = scales[i] | ((scales[4 + i] >> 4) << 6);
        block[8 + i] = block[4 + i];
        // Bytes 8..12: the lower nibble of scale 4..8, then of its minimum.
        block[12 + i] = (scales[4 + i] & 15) | ((scales[4 + i] & 15) << 4);
    }
}

/// 128 bytes of lower nibbles, 64 of upper pairs, 16 signed scales, d. A value is `d·scale·(q − 32)`, q in 0..64:
/// deviation `18.5·|scale|·d`; scales have both signs, so that the mean is zero.
fn q6k(block: &mut [u8], deviation: f32) {
    for scale in &mut block[192..208] {
        let size = 16 + (*scale & 15) as i8;
        *scale = if *scale & 128 == 0 { size } else { -size } as u8;
    }
    block[208..210].copy_from_slice(&half(deviation / (18.5 * 24.0)));
}

/// The nearest 16-bit float below in size (cut, not rounded), little-endian.
fn half(value: f32) -> [u8; 2] {
    let bits = value.to_bits();
    let sign = (bits >> 16 & 0x8000) as u16;
    let exponent = (bits >> 23 & 0xff) as i32 - 127;
    let mantissa = bits & 0x7f_ffff | 0x80_0000;
    let size = match exponent {
        16.. => 0x7bff,
        -14..=15 => (((exponent + 15) as u32) << 10 | (mantissa >> 13 & 0x3ff)) as u16,
        -24..=-15 => (mantissa >> (13 + (-14 - exponent))) as u16,
        _ => 0,
    };
    (sign | size).to_le_bytes()
}

/// SplitMix64: <https://prng.di.unimi.it/splitmix64.c>.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64, name: &str) -> Random {
        // FNV-1a of the name.
        let hash =
            name.bytes().fold(0xcbf2_9ce4_8422_2325u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3));
        Random(seed ^ hash)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Close to a normal distribution of deviation one: four uniform numbers of 16 bits.
    pub(crate) fn normal(&mut self) -> f32 {
        let bits = self.next();
        let sum: i64 = (0..4).map(|i| (bits >> (16 * i) & 0xffff) as i64).sum();
        // Each has variance 65536²/12; the sum's deviation is 65536/√3.
        (sum - 2 * 65_535) as f32 / 37_837.2
    }

    pub(crate) fn fill(&mut self, out: &mut [u8]) {
        for chunk in out.chunks_mut(8) {
            chunk.copy_from_slice(&self.next().to_le_bytes()[..chunk.len()]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(bytes: [u8; 2]) -> f32 {
        let bits = u16::from_le_bytes(bytes);
        let (exponent, mantissa) = (i32::from(bits >> 10 & 31), f32::from(bits & 1023));
        let size =
            if exponent == 0 { mantissa * 2f32.powi(-24) } else { (1024.0 + mantissa) * 2f32.powi(exponent - 25) };
        if bits & 0x8000 == 0 { size } else { -size }
    }

    #[test]
    fn halves_are_near() {
        for value in [0.0, 1.0, -1.0, 0.333, 65_504.0, 6.1e-5, 3.4e-5, -1e-6, 0.02] {
            let back = number(half(value));
            assert!((back - value).abs() <= value.abs() / 1024.0 + 6e-8, "{value} became {back}");
        }
        assert_eq!(number(half(1e9)), 65_504.0);
        assert_eq!(half(1e-9), [0, 0]);
    }

    #[test]
    fn blocks_have_the_deviation_that_was_asked_for() {
        let mut random = Random::new(7, "blocks");
        let (mut sums, mut count) = ([0f64; 2], 0f64);
        for _ in 0..2000 {
            let mut block = [0u8; 144];
            random.fill(&mut block);
            q4k(&mut block, 0.02);
            let (d, least) = (number([block[0], block[1]]), number([block[2], block[3]]));
            for i in 0..8 {
                let (scale, min) = match i {
                    0..4 => (block[4 + i] & 63, block[8 + i] & 63),
                    _ => {
                        let packed = block[8 + i];
                        ((packed & 15) | ((block[i] >> 6) << 4), (packed >> 4) | ((block[4 + i] >> 6) << 4))
                    }
                };
                assert!((32..48).contains(&scale) && scale == min, "{scale} {min}");
                let q = f32::from(block[16 + i] & 15);
                let value = f64::from(d * f32::from(scale) * q - least * f32::from(min));
                (sums[0], sums[1], count) = (sums[0] + value, sums[1] + value * value, count + 1.0);
            }
        }
        let (mean, deviation) = (sums[0] / count, (sums[1] / count).sqrt());
        assert!(mean.abs() < 0.001, "{mean}");
        assert!((0.018..0.022).contains(&deviation), "{deviation}");
    }

    #[test]
    fn normal_has_deviation_one() {
        let mut random = Random::new(1, "normal");
        let values: Vec<f32> = (0..50_000).map(|_| random.normal()).collect();
        let mean = values.iter().sum::<f32>() / 50_000.0;
        let deviation = (values.iter().map(|v| v * v).sum::<f32>() / 50_000.0).sqrt();
        assert!(mean.abs() < 0.02 && (0.98..1.02).contains(&deviation), "{mean} {deviation}");
    }

    #[test]
    fn the_bytes_are_the_same_on_every_platform() {
        let mut bytes = Vec::new();
        for kind in [Kind::F32, Kind::F16, Kind::Q5_0, Kind::Q8_0, Kind::Q4K, Kind::Q6K] {
            Tensor::new("t", &[512, 3], Fill::Random(0.02)).of(kind).write(7, &mut bytes).unwrap();
        }
        for fill in [Fill::AroundOne(0.1), Fill::QuietRows { deviation: 0.2, quiet: 1..2 }, Fill::Same(0.5)] {
            Tensor::new("t", &[64, 3], fill).write(7, &mut bytes).unwrap();
        }
        let fnv =
            bytes.iter().fold(0xcbf2_9ce4_8422_2325u64, |h, b| (h ^ u64::from(*b)).wrapping_mul(0x0100_0000_01b3));
        assert_eq!(fnv, 0x6d45_e2a9_0eae_c077, "{fnv:#x}: files of the same seed are no longer the same");
    }
}
