//! Fits the chance of a wrong answer to answers whose worth is known: ridge logistic regression by Newton's method, the same
//! on every machine.
//!
//! Never here: where the answers come from, and how good the fit is (`dewpoint eval tokens`).

use super::tokens::{TokenFit, TokenSigns};

/// Answers that a fit needs of each kind, right and wrong: ten for each of its four coefficients (Peduzzi et al., "A simulation
/// study of the number of events per variable in logistic regression analysis", 1996).
const LEAST: usize = 40;
/// Pulls every coefficient but the base towards 0, as if by this many further answers that say nothing.
const RIDGE: f64 = 1.0;
const STEPS: usize = 50;

/// Why nothing could be fitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{right} right and {wrong} wrong answers with token log-probabilities; a fit needs {LEAST} of each")]
pub struct FitError {
    /// Right answers.
    pub right: usize,
    /// Wrong answers.
    pub wrong: usize,
}

impl TokenFit {
    /// A fit of answers and whether each was right.
    ///
    /// # Errors
    /// Too few of either kind.
    pub fn of(answers: &[(&TokenSigns, bool)]) -> Result<TokenFit, FitError> {
        let known: Vec<_> = answers.iter().filter(|(s, _)| s.n() > 0).collect();
        let wrong = known.iter().filter(|(_, right)| !right).count();
        let right = known.len() - wrong;
        if right < LEAST || wrong < LEAST {
            return Err(FitError { right, wrong });
        }
        let row = |s: &TokenSigns| s.features();
        let plain: Vec<_> = known.iter().map(|(s, r)| ([1.0, row(s).0[0], row(s).0[1]], !r)).collect();
        let without = newton(&plain);
        let full = known.iter().filter_map(|(s, r)| {
            let ([mean, least], entropy) = row(s);
            entropy.map(|[e, most]| ([1.0, mean, least, e, most], !r))
        });
        let full: Vec<_> = full.collect();
        let (wrong, right) = (full.iter().filter(|f| f.1).count(), full.iter().filter(|f| !f.1).count());
        let with_entropy = if wrong >= LEAST && right >= LEAST {
            newton(&full)
        } else {
            let [base, mean, least] = without;
            [base, mean, least, 0.0, 0.0]
        };
        Ok(TokenFit { with_entropy, without })
    }
}

/// The likeliest coefficients; `true` is what they give the chance of.
fn newton<const N: usize>(rows: &[([f64; N], bool)]) -> [f64; N] {
    let mut w = [0.0; N];
    for _ in 0..STEPS {
        let mut gradient = [0.0; N];
        let mut hessian = [[0.0; N]; N];
        for (x, y) in rows {
            let z: f64 = x.iter().zip(&w).map(|(x, w)| x * w).sum();
            let p = 1.0 / (1.0 + (-z).exp());
            let (miss, weight) = (f64::from(u8::from(*y)) - p, (p * (1.0 - p)).max(1e-9));
            for i in 0..N {
                gradient[i] += miss * x[i];
                for j in 0..N {
                    hessian[i][j] += weight * x[i] * x[j];
                }
            }
        }
        for i in 1..N {
            gradient[i] -= RIDGE * w[i];
            hessian[i][i] += RIDGE;
        }
        hessian[0][0] += 1e-9;
        let step = solve(hessian, gradient);
        let size = step.iter().fold(0.0f64, |m, s| m.max(s.abs()));
        // Far from the goal a whole step may overshoot.
        let share = if size > 4.0 { 4.0 / size } else { 1.0 };
        for (w, s) in w.iter_mut().zip(step) {
            *w += share * s;
        }
        if size < 1e-9 {
            break;
        }
    }
    w
}

/// Gauss's elimination with pivots; the ridge keeps the matrix regular.
fn solve<const N: usize>(mut a: [[f64; N]; N], mut b: [f64; N]) -> [f64; N] {
    for i in 0..N {
        let pivot = (i..N).max_by(|p, q| a[*p][i].abs().total_cmp(&a[*q][i].abs())).unwrap_or(i);
        a.swap(i, pivot);
        b.swap(i, pivot);
        for r in i + 1..N {
            let times = a[r][i] / a[i][i];
            for c in i..N {
                a[r][c] -= times * a[i][c];
            }
            b[r] -= times * b[i];
        }
    }
    for i in (0..N).rev() {
        let known: f64 = (i + 1..N).map(|c| a[i][c] * b[c]).sum();
        b[i] = (b[i] - known) / a[i][i];
    }
    b
}
