//! What a placeholder looks like: `[[EMAIL_7Q3K9DXZ]]`.
//!
//! Two brackets, the type, `_`, eight characters. ASCII, since ⟦ and ⟧ are three bytes each and are cut into byte tokens;
//! square brackets, since models copy them as they copy wiki links, while `<…>` is taken for markup and `{…}` for a template;
//! the type in letters, so that a model knows what stands there and keeps its sentence whole. The eight characters are of
//! Crockford's base 32 (no I, L, O, U): one case, so that a changed case can be undone, nothing that is easily mixed up, and
//! 40 bits of an HMAC, so that nobody guesses one. Its length is fixed and it ends where it ends: none begins another.
//!
//! Never here: finding one in a text, or what it stands for.

use ring::hmac;
use std::sync::Arc;

/// What makes placeholders unguessable and consistent: a key of this installation, and whose conversation it is.
#[derive(Clone)]
pub struct Scope {
    /// Secret of this installation, 32 bytes.
    pub key: Arc<[u8; 32]>,
    /// Caller's key id and conversation: the same value has the same placeholder inside it, and another one outside.
    pub conversation: String,
}

/// Characters of a code.
pub(crate) const CODE: usize = 8;

/// Letters of a type at most.
pub(crate) const LABEL_MOST: usize = 24;

/// Crockford's base 32.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// The part of a placeholder that says which value it stands for.
pub(crate) type Code = [u8; CODE];

/// One character of a code, whatever its case and if it was mixed up; `None` for what is none.
pub(crate) fn fold(byte: u8) -> Option<u8> {
    match byte.to_ascii_uppercase() {
        b'O' => Some(b'0'),
        b'I' | b'L' => Some(b'1'),
        b'U' => None,
        other => other.is_ascii_alphanumeric().then_some(other),
    }
}

/// The type that stands in a placeholder for a kind: letters and digits only, since whatever joins words is what models
/// escape, split and replace.
pub(crate) fn label(kind: &str) -> String {
    let short = match kind {
        "EMAIL_ADDRESS" => "EMAIL",
        "CREDIT_CARD" => "CARD",
        "IBAN_CODE" => "IBAN",
        "PHONE_NUMBER" => "PHONE",
        "IP_ADDRESS" => "IP",
        "MAC_ADDRESS" => "MAC",
        other => other,
    };
    let clean = short.bytes().filter(u8::is_ascii_alphanumeric).map(|b| char::from(b.to_ascii_uppercase()));
    let label: String = clean.skip_while(char::is_ascii_digit).take(LABEL_MOST).collect();
    if label.is_empty() { "DATA".to_owned() } else { label }
}

/// What makes the codes of one scope.
pub(crate) struct Coder {
    key: hmac::Key,
    conversation: String,
}

impl Coder {
    /// The codes of this installation and conversation.
    pub(crate) fn new(scope: &Scope) -> Coder {
        Coder { key: hmac::Key::new(hmac::HMAC_SHA256, &*scope.key), conversation: scope.conversation.clone() }
    }

    /// The code of a value; another one for each `attempt`.
    pub(crate) fn code(&self, label: &str, value: &str, attempt: u32) -> Code {
        self.characters(label, value, attempt)
    }

    /// An id that stands for another one.
    pub(crate) fn id(&self, id: &str) -> String {
        let code: [u8; 2 * CODE] = self.characters("tool call id", id, 0);
        format!("call_{}", code.map(char::from).iter().collect::<String>())
    }

    fn characters<const N: usize>(&self, label: &str, value: &str, attempt: u32) -> [u8; N] {
        let mut context = hmac::Context::with_key(&self.key);
        context.update(b"dewpoint placeholder 1");
        for part in [self.conversation.as_str(), label, value] {
            // With its length, so that no two lists of parts are the same bytes.
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part.as_bytes());
        }
        context.update(&attempt.to_be_bytes());
        let tag = context.sign();
        let mut code = [b'0'; N];
        // 256 divides by 32: each character is as likely as any other.
        for (character, byte) in code.iter_mut().zip(tag.as_ref()) {
            *character = ALPHABET[usize::from(byte % 32)];
        }
        code
    }
}

/// The placeholder as it is written.
pub(crate) fn placeholder(label: &str, code: &Code) -> String {
    format!("[[{label}_{}]]", code.map(char::from).iter().collect::<String>())
}

/// What stands for a secret, for good: no code, so nothing can be put back.
pub(crate) fn removed(kind: &str) -> String {
    let clean = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
    let kind: String = kind.chars().take(LABEL_MOST).map(clean).collect();
    format!("[[REMOVED_{kind}]]")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn coder(key: u8, conversation: &str) -> Coder {
        Coder::new(&Scope { key: [key; 32].into(), conversation: conversation.into() })
    }

    #[test]
    fn the_form_is_fixed() {
        let code = coder(1, "k/c").code("EMAIL", "a@b.example", 0);
        let text = placeholder("EMAIL", &code);
        assert_eq!(text.len(), 2 + 5 + 1 + 8 + 2);
        assert!(code.iter().all(|b| ALPHABET.contains(b) && fold(*b) == Some(*b)), "{text}");
        assert_eq!(removed("github-pat"), "[[REMOVED_GITHUB_PAT]]");
    }

    #[test]
    fn labels_are_letters_and_digits() {
        for (kind, expected) in [
            ("EMAIL_ADDRESS", "EMAIL"),
            ("DE_TAX_ID", "DETAXID"),
            ("2fa code", "FACODE"),
            ("Kunde", "KUNDE"),
            ("顧客", "DATA"),
            ("", "DATA"),
        ] {
            assert_eq!(label(kind), expected);
        }
        assert_eq!(label(&"A".repeat(99)).len(), LABEL_MOST);
    }

    #[test]
    fn a_code_depends_on_everything_it_is_made_of() {
        let all = [
            coder(1, "c").code("EMAIL", "a", 0),
            coder(2, "c").code("EMAIL", "a", 0),
            coder(1, "d").code("EMAIL", "a", 0),
            coder(1, "c").code("IBAN", "a", 0),
            coder(1, "c").code("EMAIL", "b", 0),
            coder(1, "c").code("EMAIL", "a", 1),
            coder(1, "cE").code("MAIL", "a", 0),
        ];
        for (at, one) in all.iter().enumerate() {
            assert!(all[at + 1..].iter().all(|other| other != one));
        }
        assert_eq!(all[0], coder(1, "c").code("EMAIL", "a", 0));
    }

    #[test]
    fn what_is_easily_mixed_up_is_the_same() {
        assert_eq!((fold(b'o'), fold(b'l'), fold(b'I'), fold(b'q')), (Some(b'0'), Some(b'1'), Some(b'1'), Some(b'Q')));
        assert_eq!((fold(b'u'), fold(b' '), fold(0xC3)), (None, None, None));
    }
}
