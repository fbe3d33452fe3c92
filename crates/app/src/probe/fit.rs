//! Both speeds by least squares over batches of several sizes: the time of a batch is about in/a + out/b.
//!
//! Never here: sending.

/// One batch: fresh prompt tokens, completion tokens, and the seconds until its last answer ended.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Batch {
    pub(super) input: f64,
    pub(super) output: f64,
    pub(super) seconds: f64,
}

/// Prompt and decode speed, tokens per second, and the mean distance of a batch from what they say, as a share. Each batch weighs the
/// same whatever its size. `None` where the batches do not tell both.
pub(super) fn fit(batches: &[Batch]) -> Option<(f64, f64, f64)> {
    // 1 = (in/t) x + (out/t) y, in the sense of least squares.
    let rows: Vec<(f64, f64)> =
        batches.iter().filter(|b| b.seconds > 0.0).map(|b| (b.input / b.seconds, b.output / b.seconds)).collect();
    let sum = |f: fn(f64, f64) -> f64| rows.iter().map(|(i, o)| f(*i, *o)).sum::<f64>();
    let (ii, io, oo) = (sum(|i, _| i * i), sum(|i, o| i * o), sum(|_, o| o * o));
    let (i, o) = (sum(|i, _| i), sum(|_, o| o));
    let det = ii * oo - io * io;
    // Batches of one proportion say nothing of each speed.
    if rows.len() < 2 || det <= 1e-6 * ii * oo {
        return None;
    }
    let (x, y) = ((i * oo - o * io) / det, (ii * o - io * i) / det);
    if x <= 0.0 || y <= 0.0 {
        return None;
    }
    let off = rows.iter().map(|(i, o)| (i * x + o * y - 1.0).abs()).sum::<f64>() / rows.len() as f64;
    Some((1.0 / x, 1.0 / y, off))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(input: f64, output: f64) -> Batch {
        Batch { input, output, seconds: input / 2_000.0 + output / 100.0 }
    }

    #[test]
    fn speeds_come_out_of_the_times_that_they_make() {
        let all = [batch(256.0, 1.0), batch(256.0, 128.0), batch(64.0, 128.0), batch(64.0, 32.0)];
        let (a, b, off) = fit(&all).unwrap_or_default();
        assert!((a - 2_000.0).abs() < 1e-6 && (b - 100.0).abs() < 1e-6 && off < 1e-9, "{a} {b} {off}");
        let slow = Batch { seconds: all[0].seconds * 2.0, ..all[0] };
        assert!(fit(&[slow, all[1], all[2]]).is_some_and(|(a, _, off)| a < 2_000.0 && off > 0.0));
    }

    #[test]
    fn what_does_not_tell_both_speeds_gives_neither() {
        assert_eq!(fit(&[]), None);
        assert_eq!(fit(&[batch(256.0, 128.0)]), None);
        assert_eq!(fit(&[batch(256.0, 128.0), batch(512.0, 256.0)]), None, "the same proportion twice");
        let still = Batch { seconds: 0.0, ..batch(1.0, 2.0) };
        assert_eq!(fit(&[still, still]), None);
        // More tokens in less time: no speeds make that.
        let odd =
            [Batch { input: 100.0, output: 10.0, seconds: 1.0 }, Batch { input: 300.0, output: 12.0, seconds: 0.5 }];
        assert_eq!(fit(&odd), None);
    }
}
