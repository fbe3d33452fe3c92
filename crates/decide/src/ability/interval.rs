//! Quantiles of a Beta distribution.
//!
//! The regularised incomplete beta function by its continued fraction (NIST Digital Library of Mathematical Functions, 8.17.22, evaluated
//! with the modified Lentz method), the logarithm of the gamma function by Stirling's series (DLMF 5.11.1), and bisection. Not on the
//! way of a request.
//!
//! Never here: what is believed.

/// Bisections: 2^-24 is far below a per mille.
const STEPS: u32 = 24;
/// Terms of the fraction; it needs about the square root of the larger parameter.
const TERMS: u32 = 2_000;

/// The value below which a Beta distribution has this share.
pub(super) fn quantile(a: f64, b: f64, share: f64) -> f64 {
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..STEPS {
        let middle = (low + high) / 2.0;
        if below(a, b, middle) < share { low = middle } else { high = middle }
    }
    (low + high) / 2.0
}

/// The share below `x`: the regularised incomplete beta function.
fn below(a: f64, b: f64, x: f64) -> f64 {
    // The fraction converges quickly on this side; the other one is its mirror.
    if x > (a + 1.0) / (a + b + 2.0) {
        return 1.0 - below(b, a, 1.0 - x);
    }
    let front = a * x.ln() + b * (1.0 - x).ln() - (ln_gamma(a) + ln_gamma(b) - ln_gamma(a + b));
    front.exp() * fraction(a, b, x) / a
}

fn fraction(a: f64, b: f64, x: f64) -> f64 {
    let guard = |v: f64| if v.abs() < 1e-300 { 1e-300 } else { v };
    let (mut c, mut d) = (1.0, 1.0 / guard(1.0 - (a + b) * x / (a + 1.0)));
    let mut value = d;
    for m in 1..TERMS {
        let m = f64::from(m);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        let before = value;
        for term in [even, odd] {
            d = 1.0 / guard(1.0 + term * d);
            c = guard(1.0 + term / c);
            value *= c * d;
        }
        if (value - before).abs() <= value.abs() * 1e-12 {
            break;
        }
    }
    value
}

fn ln_gamma(x: f64) -> f64 {
    // The series is good from 8 on; below, Γ(x + 1) = x Γ(x).
    let (mut x, mut shift) = (x, 0.0);
    while x < 8.0 {
        shift += x.ln();
        x += 1.0;
    }
    let y = 1.0 / (x * x);
    let series = (1.0 / 12.0 - y * (1.0 / 360.0 - y * (1.0 / 1260.0 - y / 1680.0))) / x;
    (x - 0.5) * x.ln() - x + 0.5 * (2.0 * std::f64::consts::PI).ln() + series - shift
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Exact where it can be said in closed form: Beta(1, b), Beta(a, 1), the arcsine law, and the median of a symmetric one.
    #[test]
    fn quantiles_are_right_where_they_are_known() {
        for share in [0.05, 0.3, 0.5, 0.95] {
            for n in [0.5, 1.0, 3.0, 40.0, 900.0] {
                assert!((quantile(1.0, n, share) - (1.0 - (1.0 - share).powf(1.0 / n))).abs() < 1e-6, "1 {n} {share}");
                assert!((quantile(n, 1.0, share) - share.powf(1.0 / n)).abs() < 1e-6, "{n} 1 {share}");
                assert!((quantile(n, n, 0.5) - 0.5).abs() < 1e-6, "{n}");
            }
            let arcsine = (std::f64::consts::FRAC_PI_2 * share).sin().powi(2);
            assert!((quantile(0.5, 0.5, share) - arcsine).abs() < 1e-6, "{share}");
        }
    }

    /// And where the distribution is nearly normal.
    #[test]
    fn quantiles_of_much_evidence_are_nearly_normal() {
        let (a, b) = (700_000.0, 300_000.0);
        let sd = (0.7f64 * 0.3 / 1_000_001.0).sqrt();
        assert!((quantile(a, b, 0.95) - (0.7 + 1.644_853_6 * sd)).abs() < 1e-5);
        assert!((quantile(a, b, 0.05) - (0.7 - 1.644_853_6 * sd)).abs() < 1e-5);
    }
}
