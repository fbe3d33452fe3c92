//! Log-odds of probabilities in whole numbers, so that every machine gets the same ones: a table made at compile time.
//!
//! Never here: what the odds are about.

/// What one nat is counted as.
pub(crate) const NAT: i32 = 10_000;

/// ln(p / (1000 - p)) in ten-thousandths of a nat, for p per mille; strictly increasing. The ends count as 1 and 999 per mille,
/// so that nothing is ever certain.
static TABLE: [i32; 1001] = table();

/// Log-odds of a probability per mille.
pub(crate) fn log_odds(permille: u16) -> i32 {
    TABLE[usize::from(permille.min(1_000))]
}

/// The probability, per mille, whose log-odds these are: the greatest that is not above them, from 1 to 999. `permille_of(log_odds(p)) == p`.
pub(crate) fn permille_of(odds: i32) -> u16 {
    TABLE[1..1_000].partition_point(|known| *known <= odds).max(1) as u16
}

const fn table() -> [i32; 1001] {
    let mut table = [0; 1001];
    let mut p = 1;
    while p < 1_000 {
        let odds = (ln(p as f64) - ln((1_000 - p) as f64)) * NAT as f64;
        table[p] = if odds < 0.0 { (odds - 0.5) as i32 } else { (odds + 0.5) as i32 };
        p += 1;
    }
    table[0] = table[1];
    table[1_000] = table[999];
    table
}

/// The natural logarithm of a number of at least 1: halved until it is below 2, then 2 artanh((x - 1) / (x + 1)) as a series.
const fn ln(mut x: f64) -> f64 {
    const LN_2: f64 = std::f64::consts::LN_2;
    let mut whole = 0.0;
    while x >= 2.0 {
        x /= 2.0;
        whole += LN_2;
    }
    let z = (x - 1.0) / (x + 1.0);
    let (mut power, mut sum, mut n) = (z, 0.0, 1.0);
    while n < 60.0 {
        sum += power / n;
        power *= z * z;
        n += 2.0;
    }
    whole + 2.0 * sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_the_logarithm_strictly_rises_and_comes_back() {
        for p in 1..1_000u16 {
            let exact = (f64::from(p) / f64::from(1_000 - p)).ln() * f64::from(NAT);
            assert!((f64::from(log_odds(p)) - exact).abs() <= 0.51, "{p}");
            assert_eq!(permille_of(log_odds(p)), p);
            assert!(p == 1 || log_odds(p) > log_odds(p - 1));
        }
        assert_eq!((log_odds(0), log_odds(1_000), log_odds(u16::MAX)), (log_odds(1), log_odds(999), log_odds(999)));
        assert_eq!((permille_of(i32::MIN), permille_of(0), permille_of(i32::MAX)), (1, 500, 999));
    }
}
