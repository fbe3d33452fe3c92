//! Ridge regression on sparse rows by conjugate gradients, and isotonic regression.
//!
//! Never here: data and features.

/// Sparse rows.
#[derive(Debug, Default, Clone)]
pub(crate) struct Rows {
    pub(crate) ends: Vec<usize>,
    pub(crate) entries: Vec<(u32, f32)>,
}

impl Rows {
    pub(crate) fn push(&mut self, features: impl IntoIterator<Item = (u32, f32)>) {
        self.entries.extend(features);
        self.ends.push(self.entries.len());
    }

    fn row(&self, at: usize) -> &[(u32, f32)] {
        let from = if at == 0 { 0 } else { self.ends[at - 1] };
        &self.entries[from..self.ends[at]]
    }
}

/// What is fitted: row, target, weight.
pub(crate) type Sample = (u32, f32, f32);

/// Weights and bias that minimise Σ w (y − b − x·v)² + penalty |v|², with b the weighted mean of y.
/// `exact`: share of the first residual (squared) at which it ends; ending early shrinks the weights as well.
pub(crate) fn ridge(rows: &Rows, size: usize, samples: &[Sample], penalty: f64, exact: f64) -> (Vec<f32>, f32) {
    let total: f64 = samples.iter().map(|s| f64::from(s.2)).sum();
    let bias = samples.iter().map(|s| f64::from(s.1) * f64::from(s.2)).sum::<f64>() / total.max(1e-9);
    let mut residual = vec![0.0f64; size];
    for (row, target, weight) in samples {
        let off = (f64::from(*target) - bias) * f64::from(*weight);
        rows.row(*row as usize).iter().for_each(|(i, v)| residual[*i as usize] += off * f64::from(*v));
    }
    let mut fitted = vec![0.0f64; size];
    let mut direction = residual.clone();
    let mut norm = dot(&residual, &residual);
    let goal = norm * exact;
    let mut image = vec![0.0f64; size];
    for _ in 0..120 {
        if norm <= goal {
            break;
        }
        image.iter_mut().zip(&direction).for_each(|(i, d)| *i = penalty * d);
        for (row, _, weight) in samples {
            let row = rows.row(*row as usize);
            let along: f64 = row.iter().map(|(i, v)| direction[*i as usize] * f64::from(*v)).sum();
            let along = along * f64::from(*weight);
            row.iter().for_each(|(i, v)| image[*i as usize] += along * f64::from(*v));
        }
        let step = norm / dot(&direction, &image).max(1e-30);
        fitted.iter_mut().zip(&direction).for_each(|(f, d)| *f += step * d);
        residual.iter_mut().zip(&image).for_each(|(r, i)| *r -= step * i);
        let next = dot(&residual, &residual);
        let keep = next / norm;
        direction.iter_mut().zip(&residual).for_each(|(d, r)| *d = r + keep * *d);
        norm = next;
    }
    (fitted.into_iter().map(|f| f as f32).collect(), bias as f32)
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Isotonic regression (pool adjacent violators) of targets on scores, read at evenly spread scores from 0 to 1.
pub(crate) fn isotonic(mut points: Vec<(f32, f32)>, knots: usize) -> Vec<f32> {
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut blocks: Vec<(f64, f64, f64)> = Vec::new();
    for (score, target) in points {
        blocks.push((f64::from(score), f64::from(target), 1.0));
        while blocks.len() > 1 && blocks[blocks.len() - 2].1 >= blocks[blocks.len() - 1].1 {
            if let (Some(b), Some(a)) = (blocks.pop(), blocks.last_mut()) {
                let n = a.2 + b.2;
                *a = ((a.0 * a.2 + b.0 * b.2) / n, (a.1 * a.2 + b.1 * b.2) / n, n);
            }
        }
    }
    // Small blocks at the ends are noise.
    let read = |at: f64| {
        let above = blocks.partition_point(|b| b.0 < at);
        match (above.checked_sub(1).map(|i| blocks[i]), blocks.get(above)) {
            (Some(a), Some(b)) => a.1 + (b.1 - a.1) * (at - a.0) / (b.0 - a.0).max(1e-9),
            (Some(a), None) => a.1,
            (None, Some(b)) => b.1,
            (None, None) => at,
        }
    };
    (0..knots).map(|k| read(k as f64 / (knots - 1) as f64).clamp(0.02, 0.98) as f32).collect()
}
