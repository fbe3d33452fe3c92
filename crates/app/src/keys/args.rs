//! The command line of `dewpoint keys` and `dewpoint budgets`.
//!
//! Never here: what the commands do.

use crate::flags::Class;
use clap::{Args, Subcommand, ValueEnum};
use std::path::PathBuf;
use std::time::Duration;

#[derive(Debug, Subcommand)]
pub(crate) enum Keys {
    /// Make a key and store its hash. The key itself is shown this once.
    Create(Box<Create>),
    /// List the stored keys, those of the configuration, and what they may. Never a secret.
    List(List),
    /// Revoke a key. A running server refuses it within a second.
    Revoke(Revoke),
    /// Give a key a new secret. The old one works until the overlap is over.
    Rotate(Rotate),
    /// Check that what a running server counts as spent is what the ledger says, to the nano-dollar.
    Audit(Audit),
}

#[derive(Debug, Args)]
pub(crate) struct Create {
    /// Its name, in the ledger and in reports.
    pub(crate) name: String,
    /// The team that it belongs to.
    #[arg(long)]
    pub(crate) team: Option<String>,
    /// Place that it may use; may be given several times. Left out: all.
    #[arg(long, value_name = "PLACE")]
    pub(crate) place: Vec<String>,
    /// Model that it may use (gpt-5*, openai/*); may be given several times. Left out: all.
    #[arg(long, value_name = "MODEL")]
    pub(crate) model: Vec<String>,
    /// Route that it may ask for (also auto, auto:cheap); may be given several times. Left out: all.
    #[arg(long, value_name = "ROUTE")]
    pub(crate) route: Vec<String>,
    /// The least data class of its requests.
    #[arg(long, value_enum)]
    pub(crate) class: Option<Class>,
    /// The highest data class that its requests may declare.
    #[arg(long, value_enum)]
    pub(crate) class_max: Option<Class>,
    /// Tag of its requests; may be given several times.
    #[arg(long)]
    pub(crate) tag: Vec<String>,
    /// After what time it expires: 12h, 90d. Left out: never.
    #[arg(long, value_name = "TIME", value_parser = crate::cli::span)]
    pub(crate) expires: Option<Duration>,
    /// What it may spend, in dollars: day=5, week=20, month=50; several with commas.
    #[arg(long, value_name = "PERIOD=DOLLARS", value_delimiter = ',', value_parser = amount)]
    pub(crate) budget: Vec<(budget::Period, i64)>,
    /// Share of a budget from which on it prefers the cheapest that may answer.
    #[arg(long, value_name = "SHARE", default_value = "0.8", value_parser = share)]
    pub(crate) soft: u16,
    /// What happens above that share.
    #[arg(long, value_enum, default_value = "degrade")]
    pub(crate) on_budget: OnBudget,
    /// Requests per minute.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) requests_per_minute: Option<u32>,
    /// Tokens per minute, of prompts and answers together.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) tokens_per_minute: Option<u32>,
    /// What becomes of offers whose price is not known. Left out: estimate where it has a budget.
    #[arg(long, value_enum)]
    pub(crate) unpriced: Option<Unpriced>,
    /// Every answer waits until its record is on the disk.
    #[arg(long)]
    pub(crate) strict: bool,
    #[command(flatten)]
    pub(crate) common: Common,
}

/// What all these commands take.
#[derive(Debug, Args)]
pub(crate) struct Common {
    /// Configuration file, for teams and for the folder of the keys.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct List {
    /// Revoked and expired keys too.
    #[arg(long)]
    pub(crate) all: bool,
    #[command(flatten)]
    pub(crate) common: Common,
}

#[derive(Debug, Args)]
pub(crate) struct Revoke {
    /// Its name or id.
    pub(crate) key: String,
    #[command(flatten)]
    pub(crate) common: Common,
}

#[derive(Debug, Args)]
pub(crate) struct Rotate {
    /// Its name or id.
    pub(crate) key: String,
    /// How long the old secret works on: 30m, 24h, 7d; 0s ends it at once.
    #[arg(long, value_name = "TIME", default_value = "24h", value_parser = crate::cli::span)]
    pub(crate) overlap: Duration,
    #[command(flatten)]
    pub(crate) common: Common,
}

#[derive(Debug, Args)]
pub(crate) struct Audit {
    #[command(flatten)]
    pub(crate) common: Common,
}

#[derive(Debug, Args)]
pub(crate) struct Budgets {
    #[command(flatten)]
    pub(crate) common: Common,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum OnBudget {
    Degrade,
    Refuse,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Unpriced {
    Deny,
    Estimate,
    Allow,
}

impl From<Unpriced> for decide::Unpriced {
    fn from(unpriced: Unpriced) -> decide::Unpriced {
        match unpriced {
            Unpriced::Deny => decide::Unpriced::Deny,
            Unpriced::Estimate => decide::Unpriced::Estimate,
            Unpriced::Allow => decide::Unpriced::Allow,
        }
    }
}

/// `month=50`.
fn amount(text: &str) -> Result<(budget::Period, i64), String> {
    let (period, dollars) = text.split_once('=').ok_or("write a period and dollars, such as month=50")?;
    let period = budget::Period::ALL
        .into_iter()
        .find(|p| p.as_str() == period.trim())
        .ok_or_else(|| format!("\"{period}\" is none of day, week and month"))?;
    let nanousd = crate::config::dollars(dollars).map_err(|why| why.replace("a price", "an amount"))?;
    Ok((period, nanousd))
}

/// `0.8`, per mille.
fn share(text: &str) -> Result<u16, String> {
    let share: f64 = text.parse().map_err(|_| "write a share such as 0.8".to_owned())?;
    // NaN is in no range.
    if !(0.0..=1.0).contains(&share) {
        return Err("a share is from 0 to 1".to_owned());
    }
    Ok((share * 1_000.0).round() as u16)
}

#[cfg(test)]
mod tests {
    use super::*;
    use budget::Period;

    #[test]
    fn amounts_are_exact_and_slips_are_named() {
        assert_eq!(amount("month=50"), Ok((Period::Month, 50_000_000_000)));
        assert_eq!(amount("day=0.000000001"), Ok((Period::Day, 1)));
        for bad in ["50", "year=1", "day=", "day=-1", "day=1e3", "day=0.0000000001"] {
            assert!(amount(bad).is_err(), "{bad} was taken");
        }
        assert_eq!((share("0.8"), share("1"), share("0")), (Ok(800), Ok(1_000), Ok(0)));
        assert!(share("1.01").is_err() && share("NaN").is_err() && share("-0.1").is_err());
    }
}
