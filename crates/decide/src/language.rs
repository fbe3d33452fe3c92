//! The language of a text, by its ISO 639-1 code.
//!
//! Never here: telling languages apart (room `sense`).

use serde::{Deserialize, Serialize};

/// Two lower-case letters: `en`, `de`, `zh`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Language([u8; 2]);

impl Language {
    /// Reads a code; `None` unless it is two lower-case ASCII letters.
    pub const fn new(code: &str) -> Option<Language> {
        match code.as_bytes() {
            [a @ b'a'..=b'z', b @ b'a'..=b'z'] => Some(Language([*a, *b])),
            _ => None,
        }
    }

    /// The code.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl TryFrom<String> for Language {
    type Error = String;

    fn try_from(code: String) -> Result<Language, String> {
        Language::new(&code)
            .ok_or_else(|| format!("`{code}` is not a language: write two lower-case letters, such as en"))
    }
}

impl From<Language> for String {
    fn from(language: Language) -> String {
        language.as_str().to_owned()
    }
}

impl std::fmt::Display for Language {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_two_lower_case_letters() {
        assert_eq!(Language::new("de").map(|l| l.to_string()).as_deref(), Some("de"));
        for wrong in ["", "d", "deu", "DE", "d1", "é"] {
            assert_eq!(Language::new(wrong), None, "{wrong}");
        }
        let json = serde_json::to_string(&Language::new("pt")).unwrap_or_default();
        assert_eq!(json, "\"pt\"");
        assert_eq!(serde_json::from_str::<Language>(&json).ok(), Language::new("pt"));
        assert!(serde_json::from_str::<Language>("\"english\"").is_err());
    }
}
