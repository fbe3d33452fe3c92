//! Grows the symmetric trees that `sense::brain` evaluates: gradient boosting on squared error, several targets at once, on
//! histograms of codes. Deterministic: rows and values are drawn from a seed.
//!
//! The libraries for it (`gbdt`, `forust-ml`, `lightgbm3`) grow one tree for each target and ship their own formats or C++; the format
//! here has to be read in a few thousand instructions. Never here: what the values mean.

use crate::measure::Chance as Lot;
use sense::brain::{BORDERS, DEPTH, LEAVES};

const CODES: usize = BORDERS + 1;

/// How trees are grown.
#[derive(Debug, Clone, Copy)]
pub struct Growth {
    pub trees: usize,
    /// Share of what a tree says that is believed.
    pub rate: f64,
    /// Rows that a leaf is pulled to zero by.
    pub pull: f64,
    /// Shares of the rows and of the values that each tree looks at.
    pub rows: f64,
    pub values: f64,
}

/// Rows of `width` values, with targets (`S` of each row; not every one need be known) and weights.
pub struct Field<'a, const S: usize> {
    pub width: usize,
    pub values: &'a [f32],
    pub targets: &'a [[Option<f32>; S]],
    pub weights: &'a [f32],
}

/// Grows a forest, in the layout of `sense::brain`.
pub fn grow<const S: usize>(field: &Field<'_, S>, growth: Growth) -> Vec<u8> {
    let n = field.targets.len();
    let borders: Vec<Vec<f32>> = (0..field.width).map(|value| borders(field, value)).collect();
    let mut bytes: Vec<u8> = borders.iter().flatten().flat_map(|b| b.to_le_bytes()).collect();
    let codes: Vec<Vec<u8>> = (0..field.width).map(|v| coded(field, v, &borders[v])).collect();
    let (base, worth) = start(field);
    let mut off: Vec<[f32; S]> = Vec::with_capacity(n);
    let known: Vec<[f32; S]> =
        field.targets.iter().zip(field.weights).map(|(t, w)| t.map(|t| t.map_or(0.0, |_| *w))).collect();
    for targets in field.targets {
        off.push(std::array::from_fn(|s| targets[s].map_or(0.0, |t| t - base[s] as f32)));
    }
    let mut lot = Lot(17);
    let mut draw = |share: f64| (lot.next() >> 11) as f64 / (1u64 << 53) as f64 <= share;
    for tree in 0..growth.trees {
        let rows: Vec<u32> = (0..n as u32).filter(|_| draw(growth.rows)).collect();
        let values: Vec<usize> = (0..field.width).filter(|_| draw(growth.values)).collect();
        let mut leaf = vec![0u8; n];
        for level in 0..DEPTH {
            let (value, code) = split(&codes, &values, &rows, &leaf, 1 << level, &off, &known, &worth, growth.pull);
            bytes.extend([value as u8, code]);
            leaf.iter_mut().zip(&codes[value]).for_each(|(leaf, c)| *leaf |= u8::from(*c > code) << level);
        }
        let mut sums = [[[0.0f64; 2]; S]; LEAVES];
        for row in rows.iter().map(|row| *row as usize) {
            for s in 0..S {
                let sum = &mut sums[usize::from(leaf[row])][s];
                sum[0] += f64::from(off[row][s] * known[row][s]);
                sum[1] += f64::from(known[row][s]);
            }
        }
        let says = sums.map(|leaf| leaf.map(|[sum, weight]| (growth.rate * sum / (weight + growth.pull)) as f32));
        for (row, leaf) in leaf.iter().enumerate() {
            (0..S).for_each(|s| off[row][s] -= says[usize::from(*leaf)][s]);
        }
        for leaf in says {
            for (s, said) in leaf.into_iter().enumerate() {
                bytes.extend((said + if tree == 0 { base[s] as f32 } else { 0.0 }).to_le_bytes());
            }
        }
    }
    bytes
}

/// Mean of each target, and the inverse of its variance: by how much a target counts when splits are chosen.
fn start<const S: usize>(field: &Field<'_, S>) -> ([f64; S], [f64; S]) {
    let mut sums = [[0.0f64; 3]; S];
    for (targets, weight) in field.targets.iter().zip(field.weights) {
        for (sum, target) in sums.iter_mut().zip(targets) {
            let Some(target) = target.map(f64::from) else { continue };
            let weight = f64::from(*weight);
            *sum = [sum[0] + weight, sum[1] + weight * target, sum[2] + weight * target * target];
        }
    }
    let mean = sums.map(|[n, sum, _]| if n > 0.0 { sum / n } else { 0.0 });
    (mean, std::array::from_fn(|s| 1.0 / (sums[s][2] / sums[s][0].max(1.0) - mean[s] * mean[s]).max(1e-3)))
}

/// Values that stand at even shares of the rows.
fn borders<const S: usize>(field: &Field<'_, S>, value: usize) -> Vec<f32> {
    let mut all: Vec<f32> = field.values.iter().skip(value).step_by(field.width).copied().collect();
    all.sort_by(f32::total_cmp);
    let mut found: Vec<f32> = Vec::new();
    for border in 1..=BORDERS {
        let at = all.get(border * all.len() / (BORDERS + 1)).copied().unwrap_or(f32::INFINITY);
        if found.last().is_none_or(|last| *last < at) && all.last().is_some_and(|most| at < *most) {
            found.push(at);
        }
    }
    found.resize(BORDERS, f32::INFINITY);
    found
}

fn coded<const S: usize>(field: &Field<'_, S>, value: usize, borders: &[f32]) -> Vec<u8> {
    let column = field.values.iter().skip(value).step_by(field.width);
    column.map(|v| borders.partition_point(|border| border < v) as u8).collect()
}

/// The value and code that take most of the squared error away, over all leaves of a level.
#[allow(clippy::too_many_arguments, reason = "the state of one tree")]
fn split<const S: usize>(
    codes: &[Vec<u8>],
    values: &[usize],
    rows: &[u32],
    leaf: &[u8],
    leaves: usize,
    off: &[[f32; S]],
    known: &[[f32; S]],
    worth: &[f64; S],
    pull: f64,
) -> (usize, u8) {
    let mut best = (0.0, 0, u8::MAX);
    let mut sums = vec![[[0.0f32; 2]; S]; leaves * CODES];
    for value in values {
        sums.fill([[0.0; 2]; S]);
        let column = &codes[*value];
        for row in rows.iter().map(|row| *row as usize) {
            let sum = &mut sums[usize::from(leaf[row]) * CODES + usize::from(column[row])];
            for s in 0..S {
                sum[s][0] += off[row][s] * known[row][s];
                sum[s][1] += known[row][s];
            }
        }
        let mut gains = [0.0f64; CODES];
        for leaf in sums.chunks_exact(CODES) {
            for s in 0..S {
                let sum = |part: usize| leaf.iter().map(|code| f64::from(code[s][part])).sum::<f64>();
                let (all, weight) = (sum(0), sum(1));
                let (mut left, mut on_left) = (0.0, 0.0);
                for (code, gain) in gains.iter_mut().enumerate().take(BORDERS) {
                    left += f64::from(leaf[code][s][0]);
                    on_left += f64::from(leaf[code][s][1]);
                    let right = all - left;
                    let parts = left * left / (on_left + pull) + right * right / (weight - on_left + pull);
                    *gain += worth[s] * (parts - all * all / (weight + pull));
                }
            }
        }
        for (code, gain) in gains.iter().enumerate().take(BORDERS) {
            if *gain > best.0 {
                best = (*gain, *value, code as u8);
            }
        }
    }
    (best.1, best.2)
}
