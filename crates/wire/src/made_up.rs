//! Identifiers for what a backend leaves without one. They are made from what it did send, so that the same bytes give
//! the same id; there is no chance in this room.

/// FNV-1a over the pieces, with a separator between them: not for secrets, only to tell calls of different turns apart.
pub(crate) fn digest(pieces: &[&[u8]]) -> u64 {
    const PRIME: u64 = 0x0000_0100_0000_01b3;
    let mix = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(PRIME);
    pieces.iter().fold(0xcbf2_9ce4_8422_2325, |hash, piece| mix(piece.iter().fold(hash, |h, b| mix(h, *b)), 0xff))
}

/// The id of a tool call: from the answer it is in and its position.
pub(crate) fn call_id(answer: &str, at: usize) -> String {
    format!("call_{:016x}", digest(&[answer.as_bytes(), &at.to_le_bytes()]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_differ_by_answer_and_position() {
        let ids = [call_id("a", 0), call_id("a", 1), call_id("b", 0)];
        assert!(ids[0] != ids[1] && ids[0] != ids[2] && ids[1] != ids[2]);
        assert_eq!(call_id("a", 0), ids[0]);
        assert_ne!(digest(&[b"ab", b"c"]), digest(&[b"a", b"bc"]));
    }
}
