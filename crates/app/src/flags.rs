//! What several commands take on the command line.
//!
//! Never here: a command.

use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// Flags of every command that reads the configuration.
#[derive(Debug, Clone, Args)]
pub(crate) struct Common {
    /// Configuration file; else DEWPOINT_CONFIG, else ./dewpoint.toml if it is there.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Look for no places beyond the configured ones.
    #[arg(long)]
    pub(crate) no_discovery: bool,
}

/// A data class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Class {
    Public,
    Internal,
    Personal,
    Sensitive,
    Secret,
}

impl From<Class> for decide::DataClass {
    fn from(class: Class) -> decide::DataClass {
        match class {
            Class::Public => decide::DataClass::Public,
            Class::Internal => decide::DataClass::Internal,
            Class::Personal => decide::DataClass::Personal,
            Class::Sensitive => decide::DataClass::Sensitive,
            Class::Secret => decide::DataClass::Secret,
        }
    }
}

/// `30s`, `15m`, `1h`, `7d`.
pub(crate) fn span(text: &str) -> Result<std::time::Duration, String> {
    let bad = || format!("\"{text}\" is not a time: write a number and s, m, h or d, such as 1h");
    let unit = text.chars().last().ok_or_else(bad)?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return Err(bad()),
    };
    let count: u64 = text[..text.len() - 1].parse().map_err(|_| bad())?;
    count.checked_mul(seconds).map(std::time::Duration::from_secs).ok_or_else(bad)
}
