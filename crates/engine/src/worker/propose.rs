//! Where tokens come from that the model has not chosen yet. The step feeds them behind the last token, lets the request's
//! own sampler choose at each of them, and keeps those it would have chosen anyway: an answer is the same with and without.
//!
//! Never here: how tokens are proposed, when it pays (`draft`).

/// Something that guesses what comes next. A slot is one request from [`Proposer::propose`] to [`Proposer::forget`].
pub(super) trait Proposer {
    /// At most `most` tokens that may follow `history` (prompt and answer so far); none is always allowed.
    fn propose(&mut self, slot: u32, history: &[i32], most: usize) -> Vec<i32>;

    /// A step is done in which this slot had `proposed` tokens (0 without any) and kept `accepted` of them. The whole step
    /// computed `batch_tokens` tokens of all slots in `step_us` microseconds.
    fn learned(&mut self, slot: u32, proposed: usize, accepted: usize, step_us: u64, batch_tokens: usize);

    /// The slot's request has ended or lost its place.
    fn forget(&mut self, slot: u32);
}
