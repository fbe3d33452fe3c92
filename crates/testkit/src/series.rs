//! Numbers over time: a slope by least squares, and values below which a share lies.
//!
//! Never here: drawing ([`crate::chart`]), judging.

use std::time::Duration;

/// The slope of the line that fits `points` (x, y) best by least squares; zero for fewer than two different x.
///
/// With means x̄ and ȳ it is Σ(x−x̄)(y−ȳ) / Σ(x−x̄)².
pub fn slope(points: &[(f64, f64)]) -> f64 {
    let count = points.len() as f64;
    if points.is_empty() {
        return 0.0;
    }
    let (x_mean, y_mean) =
        (points.iter().map(|p| p.0).sum::<f64>() / count, points.iter().map(|p| p.1).sum::<f64>() / count);
    let spread: f64 = points.iter().map(|p| (p.0 - x_mean).powi(2)).sum();
    if spread == 0.0 {
        return 0.0;
    }
    points.iter().map(|p| (p.0 - x_mean) * (p.1 - y_mean)).sum::<f64>() / spread
}

/// The time that `permille` of `times` do not exceed (nearest rank); zero when there are none. Sorts them.
pub fn percentile(times: &mut [Duration], permille: usize) -> Duration {
    times.sort_unstable();
    let rank = (times.len() * permille).div_ceil(1000).max(1);
    times.get(rank - 1).copied().unwrap_or_default()
}

/// Milliseconds with a fraction.
pub fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slopes_and_ranks_are_those_of_the_textbook() {
        assert_eq!(slope(&[]), 0.0);
        assert_eq!(slope(&[(1.0, 5.0), (1.0, 9.0)]), 0.0);
        assert!((slope(&[(0.0, 1.0), (1.0, 3.0), (2.0, 5.0)]) - 2.0).abs() < 1e-12);
        // Noise of equal weight on both sides leaves the slope where it was.
        let noisy: Vec<(f64, f64)> =
            (0..100).map(|i| (f64::from(i), 3.0 * f64::from(i) + [7.0, -7.0, -7.0, 7.0][i as usize % 4])).collect();
        assert!((slope(&noisy) - 3.0).abs() < 0.01, "{}", slope(&noisy));
        let mut times: Vec<Duration> = (1..=100).rev().map(Duration::from_millis).collect();
        assert_eq!(percentile(&mut times, 990), Duration::from_millis(99));
        assert_eq!(percentile(&mut times, 500), Duration::from_millis(50));
        assert_eq!(percentile(&mut times[..1], 990), Duration::from_millis(1));
        assert_eq!(percentile(&mut [], 990), Duration::ZERO);
    }
}
