//! Stop sequences: text is held back while it may still become one, so that no part of a stop sequence is ever sent.
//!
//! Never here: bytes that are not yet characters (`utf8`).

/// Watches a text that comes in pieces for the first stop sequence to be complete.
#[derive(Debug)]
pub(crate) struct Stop {
    sequences: Vec<String>,
    held: String,
}

/// What may be sent now.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Released {
    /// Text, all of it before any stop sequence.
    pub(crate) text: String,
    /// The stop sequence that ended the text, if one did.
    pub(crate) hit: Option<String>,
}

impl Stop {
    /// Watches for these; empty ones never match.
    pub(crate) fn new(sequences: Vec<String>) -> Stop {
        Stop { sequences: sequences.into_iter().filter(|s| !s.is_empty()).collect(), held: String::new() }
    }

    /// Takes the next piece. The sequence that is complete first wins, and of several complete at once the longest, so
    /// the result does not depend on how the text is cut into pieces.
    pub(crate) fn push(&mut self, piece: &str) -> Released {
        if self.sequences.is_empty() {
            return Released { text: piece.to_owned(), hit: None };
        }
        self.held.push_str(piece);
        let first = self
            .sequences
            .iter()
            .filter_map(|s| self.held.find(s.as_str()).map(|at| (at + s.len(), at, s)))
            .min_by_key(|(end, at, _)| (*end, *at));
        if let Some((_, at, sequence)) = first {
            let hit = Some(sequence.clone());
            self.held.truncate(at);
            return Released { text: std::mem::take(&mut self.held), hit };
        }
        let keep = self.sequences.iter().map(|s| overlap(&self.held, s)).max().unwrap_or(0);
        let rest = self.held.split_off(self.held.len() - keep);
        Released { text: std::mem::replace(&mut self.held, rest), hit: None }
    }

    /// What was held back and did not become a stop sequence.
    pub(crate) fn finish(&mut self) -> String {
        std::mem::take(&mut self.held)
    }
}

/// Length in bytes of the longest end of `text` that begins `sequence` without being all of it.
fn overlap(text: &str, sequence: &str) -> usize {
    let most = text.len().min(sequence.len().saturating_sub(1));
    (1..=most)
        .rev()
        .find(|n| {
            text.is_char_boundary(text.len() - n) && sequence.as_bytes().starts_with(&text.as_bytes()[text.len() - n..])
        })
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn run(sequences: &[String], pieces: &[&str]) -> (String, Option<String>) {
        let mut stop = Stop::new(sequences.to_vec());
        let mut out = String::new();
        for piece in pieces {
            let r = stop.push(piece);
            out.push_str(&r.text);
            if r.hit.is_some() {
                return (out, r.hit);
            }
        }
        out.push_str(&stop.finish());
        (out, None)
    }

    /// Character by character over the whole text: the definition.
    fn expected(sequences: &[String], text: &str) -> (String, Option<String>) {
        for end in (0..=text.len()).filter(|i| text.is_char_boundary(*i)) {
            let longest =
                sequences.iter().filter(|s| !s.is_empty() && text[..end].ends_with(s.as_str())).max_by_key(|s| s.len());
            if let Some(s) = longest {
                return (text[..end - s.len()].to_owned(), Some(s.clone()));
            }
        }
        (text.to_owned(), None)
    }

    #[test]
    fn a_sequence_across_pieces_never_leaks() {
        let stops = ["\n\nUser:".to_owned()];
        assert_eq!(run(&stops, &["Hello", "\n", "\nUs", "er", ": more"]), ("Hello".into(), Some(stops[0].clone())));
        assert_eq!(run(&stops, &["Hello\n", "\nUser", "s"]), ("Hello\n\nUsers".into(), None));
    }

    proptest! {
        #[test]
        fn any_cut_gives_the_same_as_one_character_at_a_time(
            text in "[abé]{0,30}",
            sequences in proptest::collection::vec("[abé]{0,4}", 0..4),
            cuts in proptest::collection::vec(1usize..4, 1..12),
        ) {
            let chars: Vec<char> = text.chars().collect();
            let mut pieces = Vec::new();
            let mut at = 0;
            for step in cuts.iter().cycle() {
                if at >= chars.len() { break; }
                let end = (at + step).min(chars.len());
                pieces.push(chars[at..end].iter().collect::<String>());
                at = end;
            }
            let pieces: Vec<&str> = pieces.iter().map(String::as_str).collect();
            prop_assert_eq!(run(&sequences, &pieces), expected(&sequences, &text));
        }

        #[test]
        fn what_is_sent_so_far_never_contains_part_of_the_sequence_that_hits(
            text in "[ab]{0,30}", sequence in "[ab]{1,4}",
        ) {
            let (whole, hit) = expected(std::slice::from_ref(&sequence), &text);
            let mut stop = Stop::new(vec![sequence]);
            let mut sent = String::new();
            for c in text.chars() {
                let r = stop.push(&c.to_string());
                sent.push_str(&r.text);
                if hit.is_some() { prop_assert!(whole.starts_with(&sent)); }
                if r.hit.is_some() { break; }
            }
        }
    }
}
