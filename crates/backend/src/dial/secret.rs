//! A credential that cannot be printed or serialised by accident.
//!
//! Never here: where credentials come from (room `app`).

/// A key for one upstream. `Debug` is redacted, and there is no `Display` and no `Serialize`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a key; surrounding white space (a newline at the end of a secrets file) is dropped.
    pub fn new(key: impl Into<String>) -> Secret {
        let key: String = key.into();
        Secret(key.trim().to_owned())
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The key itself, for the header that carries it.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }

    /// `text` without the key: upstreams repeat a rejected key in their errors.
    pub(crate) fn scrub(&self, text: &str) -> String {
        // A key of a few characters is a placeholder ("none", "x"), and would tear words apart.
        if self.0.len() < 8 { text.to_owned() } else { text.replace(&self.0, "[key]") }
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_prints_nothing_of_itself_and_leaves_texts() {
        let secret = Secret::new("sk-very-secret-1234\n");
        assert_eq!(format!("{secret:?}"), "Secret(…)");
        assert_eq!(secret.expose(), "sk-very-secret-1234");
        assert_eq!(secret.scrub("Incorrect key sk-very-secret-1234."), "Incorrect key [key].");
        assert_eq!(Secret::new("x").scrub("extra"), "extra");
        assert!(Secret::new(" \n").is_empty());
    }
}
