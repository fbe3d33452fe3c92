//! Whole characters out of token bytes: a character may be spread over several tokens.
//!
//! Never here: stop sequences (`stop`).

/// Joins bytes into valid UTF-8, keeping at most three bytes of an unfinished character back.
#[derive(Debug, Default)]
pub(crate) struct Utf8 {
    pending: Vec<u8>,
}

impl Utf8 {
    /// Takes the bytes of the next token and gives what is now whole. Bytes that can never become a character come out
    /// as U+FFFD.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> String {
        self.pending.extend_from_slice(bytes);
        let mut out = String::new();
        let mut from = 0;
        loop {
            match std::str::from_utf8(&self.pending[from..]) {
                Ok(rest) => {
                    out.push_str(rest);
                    from = self.pending.len();
                    break;
                }
                Err(e) => {
                    let valid = from + e.valid_up_to();
                    out.push_str(&String::from_utf8_lossy(&self.pending[from..valid]));
                    from = valid;
                    match e.error_len() {
                        Some(bad) => {
                            out.push('\u{fffd}');
                            from += bad;
                        }
                        None => break,
                    }
                }
            }
        }
        self.pending.drain(..from);
        out
    }

    /// What is left at the end: U+FFFD for an unfinished character, else nothing.
    pub(crate) fn finish(&mut self) -> String {
        let left = String::from_utf8_lossy(&self.pending).into_owned();
        self.pending.clear();
        left
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_character_over_three_tokens_comes_once_and_whole() {
        let mut utf8 = Utf8::default();
        let euro = "€".as_bytes();
        assert_eq!(utf8.push(&euro[..1]), "");
        assert_eq!(utf8.push(&euro[1..2]), "");
        assert_eq!(utf8.push(&euro[2..]), "€");
        assert_eq!(utf8.finish(), "");
    }

    proptest! {
        #[test]
        fn any_cut_of_any_bytes_gives_the_lossy_text(
            bytes in proptest::collection::vec(prop_oneof![any::<u8>(), Just(0xc3), Just(0xa9), Just(0xf0), Just(0x9f)], 0..60),
            step in 1usize..5,
        ) {
            let mut utf8 = Utf8::default();
            let mut text: String = bytes.chunks(step).map(|c| utf8.push(c)).collect();
            text.push_str(&utf8.finish());
            prop_assert_eq!(text, String::from_utf8_lossy(&bytes));
        }

        #[test]
        fn never_more_than_three_bytes_are_kept(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            let mut utf8 = Utf8::default();
            for b in bytes {
                utf8.push(&[b]);
                prop_assert!(utf8.pending.len() <= 3);
            }
        }
    }
}
