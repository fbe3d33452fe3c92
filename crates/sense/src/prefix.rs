//! The hash of the part of a request that stays the same from turn to turn: system prompts, tools, first user message.
//!
//! It serves affinity only (which place has this prefix in its cache), so a collision costs a little speed and shows
//! nothing to anybody. Its work is bounded: of a very long piece only both ends and the length count.
//!
//! Never here: session keys of the caller (the gateway orders them).

use wire::{Ask, Role};

/// Bytes hashed at each end of a piece.
const ENDS: usize = 16 * 1024;
/// Bytes hashed in all; beyond them only lengths count.
const MOST: usize = 256 * 1024;

/// The hash; the same for equal prefixes on every machine and in every process.
pub(crate) fn of(ask: &Ask) -> u64 {
    let mut hash = Hash { state: 0x9e37_79b9_7f4a_7c15, left: MOST };
    for message in &ask.messages {
        if matches!(message.role, Role::System | Role::Developer) {
            message.content.texts().for_each(|text| hash.piece(1, text));
        }
    }
    for tool in &ask.tools {
        hash.piece(2, &tool.name);
        hash.piece(3, tool.description.as_deref().unwrap_or_default());
        hash.piece(4, tool.parameters.as_ref().map_or("", |p| p.get()));
        hash.piece(5, tool.raw.as_ref().map_or("", |r| r.get()));
    }
    if let Some(first) = ask.messages.iter().find(|m| m.role == Role::User) {
        first.content.texts().for_each(|text| hash.piece(6, text));
    }
    mix(hash.state, hash.state >> 32)
}

struct Hash {
    state: u64,
    left: usize,
}

impl Hash {
    /// Adds one piece: its kind and length always, its bytes within the bound.
    fn piece(&mut self, kind: u64, text: &str) {
        self.state = mix(self.state, (text.len() as u64).wrapping_mul(8).wrapping_add(kind));
        let bytes = text.as_bytes();
        let ends = ENDS.min(self.left / 2);
        if bytes.len() <= 2 * ends {
            self.bytes(bytes);
        } else {
            self.bytes(&bytes[..ends]);
            self.bytes(&bytes[bytes.len() - ends..]);
        }
        self.left -= bytes.len().min(2 * ends);
    }

    fn bytes(&mut self, bytes: &[u8]) {
        let (words, tail) = bytes.as_chunks::<8>();
        for word in words {
            self.state = mix(self.state, u64::from_le_bytes(*word));
        }
        self.state = tail.iter().fold(self.state, |state, byte| mix(state, u64::from(*byte) | 0x100));
    }
}

/// One step: a multiplication spreads a change upwards, the folded shift spreads it downwards.
#[inline]
const fn mix(state: u64, word: u64) -> u64 {
    let product = (state ^ word).wrapping_mul(0xd6e8_feb8_6659_fd93);
    product ^ (product >> 32)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use wire::{Endpoint, Message};

    fn ask(system: &str, user: &[&str]) -> Ask {
        let mut ask = Ask::new(Endpoint::Chat);
        ask.messages.push(Message::text(Role::System, system));
        ask.messages.extend(user.iter().map(|u| Message::text(Role::User, *u)));
        ask
    }

    #[test]
    fn is_the_same_for_ever() {
        // A changed value here throws away every affinity on an update: do it only for a reason.
        assert_eq!(of(&ask("You are kind.", &["Say hello."])), GOLDEN);
    }
    const GOLDEN: u64 = 1_050_203_478_808_013_841;

    #[test]
    fn later_turns_do_not_count_and_the_prefix_does() {
        let base = of(&ask("s", &["first"]));
        assert_eq!(base, of(&ask("s", &["first", "second"])));
        assert_ne!(base, of(&ask("t", &["first"])));
        assert_ne!(base, of(&ask("s", &["other"])));
        assert_ne!(of(&ask("ab", &["c"])), of(&ask("a", &["bc"])));
        assert_ne!(of(&ask("\0", &[])), of(&ask("", &[])));
    }

    #[test]
    fn every_bit_of_a_piece_counts() {
        let text = "The quick brown fox jumps over the lazy dog.";
        let mut seen = std::collections::BTreeSet::from([of(&ask(text, &[]))]);
        for at in 0..text.len() {
            let mut bytes = text.as_bytes().to_vec();
            bytes[at] ^= 1;
            assert!(seen.insert(of(&ask(&String::from_utf8(bytes).unwrap(), &[]))), "byte {at}");
        }
    }

    #[test]
    fn of_a_huge_piece_the_ends_and_the_length_count() {
        let big = "a".repeat(1 << 20);
        let base = of(&ask(&big, &[]));
        assert_ne!(base, of(&ask(&format!("{big}a"), &[])));
        assert_ne!(base, of(&ask(&format!("b{}", &big[1..]), &[])));
    }
}
