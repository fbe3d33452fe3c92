//! Doubt in an answer, after looking at it: what is expected to be gained by asking the stronger place instead, per mille.
//!
//! Three kinds of signs come together here. What is trained and calibrated on exams ([`gain`]: who agrees, what form the answer has,
//! what was expected of the prompt) is the base where it may speak. Mechanical checks ([`crate::check`]) and the model's own
//! unsureness come on top, as independent reasons: each leaves so much of what was not doubted yet. Their weights are settings, not
//! measurements, and are said in docs/book/cascade.md.
//!
//! Never here: whether to escalate (room `gateway`), or asking anybody.

mod gain;

pub use gain::{Beside, gain};

use crate::check::{Checked, Flaw};
use std::fmt;

/// Doubt in an answer that is of no use.
pub const CERTAIN: i16 = 1_000;
/// Doubt above which an answer is replaced where no promise sets another threshold, per mille: asking the stronger place is
/// expected to get right at least three more such requests in ten.
pub const DOUBT_MAX: i16 = 300;
/// An expected gain is a reason that is told from here on.
const TOLD: i16 = 100;
/// Share of a model's own unsureness that counts: it was shown on the bundled model and its tasks only.
const UNSURE_SHARE: i32 = 250;

/// What was seen of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Signals {
    /// Mechanical checks.
    pub checked: Checked,
    /// What is expected to be gained by asking the stronger place ([`gain`]), where that may speak.
    pub gain: Option<f32>,
    /// A helper that was asked the same said something else.
    pub disputed: bool,
    /// How likely the answer is wrong by the log-probabilities of its tokens, per mille, where there are any.
    pub tokens_permille: Option<u16>,
}

/// A reason for doubt. In the order in which they are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// A mechanical check.
    Flaw(Flaw),
    /// Helpers said something else.
    Helpers,
    /// More is expected of the stronger place.
    Expected,
    /// The model was not sure of its own words.
    Tokens,
}

impl Why {
    /// The name in headers, records and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Why::Flaw(flaw) => match flaw {
                Flaw::Empty => "empty",
                Flaw::Refused => "refused",
                Flaw::NotJson => "not-json",
                Flaw::OffSchema => "off-schema",
                Flaw::NoCall => "no-call",
                Flaw::UnknownTool => "unknown-tool",
                Flaw::BadCall => "bad-call",
                Flaw::Repeats => "repeats",
                Flaw::CutOff => "cut-off",
                Flaw::OpenCode => "open-code",
                Flaw::Tongue => "tongue",
                Flaw::Unbalanced => "unbalanced",
                Flaw::Hedges => "hedges",
            },
            Why::Helpers => "helpers",
            Why::Expected => "expected",
            Why::Tokens => "tokens",
        }
    }
}

/// How much an answer is doubted, and why.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Doubt {
    /// Expected gain of asking the stronger place, per mille, from -1000 to 1000.
    pub permille: i16,
    /// It is of no use, and is replaced at any threshold.
    pub hard: bool,
    signals: Signals,
}

impl Doubt {
    /// Its reasons, the strongest kind first; none where there is no doubt.
    pub fn why(&self) -> impl Iterator<Item = Why> {
        let s = self.signals;
        let expected = s.gain.is_some_and(|gain| permille(gain) >= TOLD);
        let tokens = s.tokens_permille.is_some_and(|p| unsure(p) > 0);
        let more = [(s.disputed, Why::Helpers), (expected, Why::Expected), (tokens, Why::Tokens)];
        s.checked.flaws().map(Why::Flaw).chain(more.into_iter().filter(|(is, _)| *is).map(|(_, why)| why))
    }
}

/// As in `x-dewpoint-doubt`: `0.42;why=hedges,expected`.
impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let size = self.permille.unsigned_abs();
        let sign = if self.permille <= -10 { "-" } else { "" };
        write!(f, "{sign}{}.{:02}", size / 1_000, size % 1_000 / 10)?;
        for (at, why) in self.why().enumerate() {
            f.write_str(if at == 0 { ";why=" } else { "," })?;
            f.write_str(why.as_str())?;
        }
        Ok(())
    }
}

/// Brings all signs of one answer together.
pub fn judge(signals: &Signals) -> Doubt {
    // The trained estimate weighs hedging itself.
    let checked = if signals.gain.is_some() { signals.checked.without(Flaw::Hedges) } else { signals.checked };
    let hard = checked.is_hard();
    let base = signals.gain.map_or(0, permille);
    let unsure = signals.tokens_permille.map_or(0, unsure);
    let left =
        checked.flaws().map(weight).chain([unsure]).fold(1_000 - i32::from(base), |left, w| left * (1_000 - w) / 1_000);
    let permille = if hard { CERTAIN } else { (1_000 - left) as i16 };
    Doubt { permille, hard, signals: *signals }
}

/// What a flaw takes of what was not doubted yet, per mille.
const fn weight(flaw: Flaw) -> i32 {
    match flaw {
        Flaw::Repeats => 900,
        Flaw::CutOff => 600,
        Flaw::OpenCode => 550,
        Flaw::Tongue => 450,
        Flaw::Unbalanced | Flaw::Hedges => 250,
        _ => 1_000,
    }
}

/// Only what is beyond even odds.
fn unsure(wrong_permille: u16) -> i32 {
    (i32::from(wrong_permille.min(1_000)) - 500).max(0) * UNSURE_SHARE / 1_000
}

fn permille(gain: f32) -> i16 {
    if gain.is_finite() { (gain.clamp(-1.0, 1.0) * 1_000.0).round() as i16 } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::check;
    use decide::Task;
    use wire::{Ask, Choice, Endpoint};

    fn checked(text: &str) -> Checked {
        let choice = Choice { text: Some(text.to_owned()), ..Choice::default() };
        check(&Ask::new(Endpoint::Chat), Task::Chat, &choice, true)
    }

    fn of(signals: Signals) -> Doubt {
        judge(&signals)
    }

    #[test]
    fn no_sign_is_no_doubt_and_a_hard_flaw_is_certain() {
        let none = of(Signals { checked: checked("Paris."), ..Signals::default() });
        assert_eq!((none.permille, none.hard, none.to_string().as_str()), (0, false, "0.00"));
        let empty = of(Signals { checked: checked(" "), gain: Some(-0.4), ..Signals::default() });
        assert_eq!((empty.permille, empty.hard, empty.to_string().as_str()), (CERTAIN, true, "1.00;why=empty"));
    }

    #[test]
    fn reasons_add_up_and_never_beyond_certainty() {
        let hedged = checked("I am not sure, perhaps Paris.");
        assert_eq!(of(Signals { checked: hedged, ..Signals::default() }).to_string(), "0.25;why=hedges");
        let unsure = of(Signals { checked: hedged, tokens_permille: Some(900), ..Signals::default() });
        assert_eq!(unsure.to_string(), "0.32;why=hedges,tokens");
        let sure = of(Signals { checked: hedged, tokens_permille: Some(400), ..Signals::default() });
        assert_eq!(sure.permille, 250, "a model that is sure of itself takes no doubt away");
        let open = checked("```rust\nfn main() {");
        let both = of(Signals { checked: open, gain: Some(0.4), disputed: true, ..Signals::default() });
        assert_eq!(both.to_string(), "0.73;why=open-code,helpers,expected");
        for gain in [f32::NAN, f32::INFINITY, -9.0, 9.0, 0.9999] {
            let all = Signals { checked: open, gain: Some(gain), disputed: true, tokens_permille: Some(u16::MAX) };
            assert!((-1_000..=1_000).contains(&of(all).permille), "{gain}");
        }
    }

    #[test]
    fn what_the_trained_estimate_weighs_counts_once() {
        let hedged = checked("I am not sure.");
        assert_eq!(of(Signals { checked: hedged, gain: Some(0.2), ..Signals::default() }).permille, 200);
        for (gain, shown) in [(-0.1, "-0.10"), (-0.004, "0.00"), (-0.01, "-0.01"), (0.019, "0.01")] {
            assert_eq!(of(Signals { gain: Some(gain), ..Signals::default() }).to_string(), shown);
        }
    }
}
