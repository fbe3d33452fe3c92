//! Data classes: how far the content of a request may travel.
//!
//! Never here: detection (room `sense`) or the rules themselves ([`crate::Policy`]).

use serde::{Deserialize, Serialize};

/// How sensitive the content of a request is. Totally ordered; a conversation has the highest class of its parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DataClass {
    /// May be published.
    Public,
    /// Ordinary company content; the default when nothing is declared.
    #[default]
    Internal,
    /// Personal data (GDPR Art. 4).
    Personal,
    /// Health, finance, special categories (GDPR Art. 9).
    Sensitive,
    /// Credentials and keys.
    Secret,
}

impl DataClass {
    /// Every class, lowest first.
    pub const ALL: [DataClass; 5] =
        [DataClass::Public, DataClass::Internal, DataClass::Personal, DataClass::Sensitive, DataClass::Secret];

    /// The lower-case name used in configuration and in `x-dewpoint-class`.
    pub const fn as_str(self) -> &'static str {
        match self {
            DataClass::Public => "public",
            DataClass::Internal => "internal",
            DataClass::Personal => "personal",
            DataClass::Sensitive => "sensitive",
            DataClass::Secret => "secret",
        }
    }

    /// Reads a class by its lower-case name; `None` for anything else.
    pub fn parse(name: &str) -> Option<DataClass> {
        DataClass::ALL.into_iter().find(|c| c.as_str() == name)
    }
}

impl std::fmt::Display for DataClass {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
