//! The command line of `dewpoint audit`.
//!
//! Never here: what the commands do.

use crate::flags::Class;
use clap::{Args, Subcommand, ValueEnum};
use decide::Zone;
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub(crate) enum Audit {
    /// Check every record, link and signature, and name the first bad record. Changes nothing; exit code 1 when something is wrong. Runs
    /// beside a server.
    Verify {
        #[command(flatten)]
        at: At,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Print the last signed head, to be kept elsewhere: it proves later what the trail was.
    Head {
        #[command(flatten)]
        place: Place,
        /// Print every head instead.
        #[arg(long)]
        all: bool,
    },
    /// Check the trail, and say in one page what went where: by class, zone and legal seat, with what was denied.
    Report(Report),
}

/// Which trail.
#[derive(Debug, Args)]
pub(crate) struct Place {
    /// Configuration file, for the folder of the trail.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// The folder of a trail, or of a copy of one; then no configuration is read.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) dir: Option<PathBuf>,
}

/// Which trail, and what it is held against.
#[derive(Debug, Args)]
pub(crate) struct At {
    #[command(flatten)]
    pub(crate) place: Place,
    /// Heads that were kept elsewhere, as `dewpoint audit head` printed them.
    #[arg(long, value_name = "FILE")]
    pub(crate) head: Option<PathBuf>,
    /// The public key that must have signed: 64 hexadecimal digits.
    #[arg(long, value_name = "HEX", value_parser = key)]
    pub(crate) key: Option<[u8; 32]>,
}

#[derive(Debug, Args)]
pub(crate) struct Report {
    #[command(flatten)]
    pub(crate) at: At,
    /// First day (UTC), 2026-07-01, or a moment, 2026-07-01T00:00:00.000Z. Left out: the beginning.
    #[arg(long, value_name = "DATE", value_parser = from)]
    pub(crate) from: Option<u64>,
    /// Last day (UTC), the whole of it; or the first moment that is no longer meant. Left out: now.
    #[arg(long, value_name = "DATE", value_parser = to)]
    pub(crate) to: Option<u64>,
    /// Effective class of the requests; may be given several times. Left out: all.
    #[arg(long, value_enum)]
    pub(crate) class: Vec<Class>,
    /// A tag that the requests had.
    #[arg(long)]
    pub(crate) tag: Option<String>,
    /// Zone of the places that are asked about. Left out, with no legal seat either: everything beyond the own ground.
    #[arg(long, value_enum)]
    pub(crate) place_zone: Option<Ground>,
    /// Legal seat of the places that are asked about, such as US; beyond the own ground an unknown one counts too.
    #[arg(long, value_name = "COUNTRY")]
    pub(crate) legal_seat: Option<String>,
    /// How it is printed.
    #[arg(long, value_enum, default_value = "table")]
    pub(crate) format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Table,
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Ground {
    Embedded,
    SameHost,
    OwnNetwork,
    RentedDedicated,
    #[value(alias = "cloud")]
    VendorCloud,
}

impl Ground {
    pub(crate) fn zone(self) -> Zone {
        match self {
            Ground::Embedded => Zone::Embedded,
            Ground::SameHost => Zone::SameHost,
            Ground::OwnNetwork => Zone::OwnNetwork,
            Ground::RentedDedicated => Zone::RentedDedicated,
            Ground::VendorCloud => Zone::VendorCloud,
        }
    }
}

fn from(text: &str) -> Result<u64, String> {
    audit::day(text).ok_or_else(|| format!("\"{text}\" is no date: write 2026-07-01, or 2026-07-01T00:00:00.000Z"))
}

/// The end of a day, or a moment.
fn to(text: &str) -> Result<u64, String> {
    Ok(from(text)? + if text.len() == 10 { 86_400_000 } else { 0 })
}

fn key(text: &str) -> Result<[u8; 32], String> {
    crate::key::parse_hash(&format!("sha256:{}", text.trim()))
        .ok_or_else(|| "a public key has 64 hexadecimal digits".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_day_is_meant_whole() {
        assert_eq!(from("1970-01-02"), Ok(86_400_000));
        assert_eq!(to("1970-01-02"), Ok(172_800_000));
        assert_eq!(to("1970-01-02T00:00:00.001Z"), Ok(86_400_001));
        for bad in ["", "yesterday", "2026-02-30", "2026-7-1"] {
            assert!(from(bad).is_err(), "{bad} was taken");
        }
        assert!(key(&"0a".repeat(32)).is_ok() && key("0a").is_err());
    }
}
