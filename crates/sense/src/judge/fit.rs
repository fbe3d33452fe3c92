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
            let above = a[i];
            a[r].iter_mut().zip(above).skip(i).for_each(|(a, above)| *a -= times * above);
            b[r] -= times * b[i];
        }
    }
    for i in (0..N).rev() {
        let known: f64 = (i + 1..N).map(|c| a[i][c] * b[c]).sum();
        b[i] = (b[i] - known) / a[i][i];
    }
    b
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use wire::Sign;

    /// Answers of one token; every one is wrong as often as `chance` of it says, in turn.
    fn answers(n: u32, entropy: bool, chance: impl Fn(f64) -> f64) -> Vec<(TokenSigns, bool)> {
        let mut owed = [0.0f64; 10];
        let one = |i: u32| {
            let bin = (i % 10) as usize;
            let unsure = 0.02 * 2f64.powi(bin as i32);
            owed[bin] += chance(unsure);
            let wrong = owed[bin] >= 1.0;
            owed[bin] -= f64::from(u8::from(wrong));
            let sign = Sign { logprob: -unsure as f32, entropy: entropy.then_some(unsure as f32), bytes: 1 };
            (TokenSigns::of(&[sign]), !wrong)
        };
        (0..n).map(one).collect()
    }

    fn fitted(answers: &[(TokenSigns, bool)]) -> Result<TokenFit, FitError> {
        TokenFit::of(&answers.iter().map(|(s, r)| (s, *r)).collect::<Vec<_>>())
    }

    #[test]
    fn a_fit_says_what_came() {
        let truth = |unsure: f64| 1.0 / (1.0 + (-(0.5 + 1.2 * unsure.ln())).exp());
        for entropy in [false, true] {
            let all = answers(20_000, entropy, truth);
            let fit = fitted(&all).unwrap();
            for (signs, _) in &all[..10] {
                let unsure = f64::from(-signs.mean());
                // Beyond the bound of a mean it says no more.
                if unsure < 2.0 {
                    assert!((fit.wrong(signs) - truth(unsure)).abs() < 0.05, "{unsure}: {}", fit.wrong(signs));
                }
            }
            assert_eq!(fit, fitted(&all).unwrap());
        }
    }

    #[test]
    fn signs_that_always_tell_give_a_fit_all_the_same() {
        let fit = fitted(&answers(1000, true, |u| if u > 0.5 { 1.0 } else { 0.0 })).unwrap();
        assert!(fit.with_entropy.iter().all(|w| w.is_finite() && w.abs() < 100.0), "{fit:?}");
    }

    #[test]
    fn too_few_of_either_kind_are_said_to_be_so() {
        let half = |n| answers(n, true, |_| 0.5);
        let kinds = |all: &[(TokenSigns, bool)]| all.iter().filter(|a| !a.1).count();
        let (enough, few) = (half(80), half(60));
        assert_eq!((kinds(&enough), kinds(&few)), (LEAST, 30));
        assert!(fitted(&enough).is_ok());
        assert_eq!(fitted(&enough[1..]).unwrap_err(), FitError { right: 39, wrong: 40 });
        assert_eq!(
            fitted(&few).unwrap_err().to_string(),
            "30 right and 30 wrong answers with token log-probabilities; a fit needs 40 of each"
        );
        // An answer without a token is none.
        let none: Vec<_> = (0..500).map(|i| (TokenSigns::default(), i % 2 == 0)).collect();
        assert_eq!(fitted(&none), Err(FitError { right: 0, wrong: 0 }));
    }
}
