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
