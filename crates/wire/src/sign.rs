//! How sure a model was of each token of its answer, as the gateway itself looks at it: two numbers a token. They are asked
//! for with [`Ask::signs`](crate::Ask::signs), apart from the log-probabilities that a caller may ask for, and no writer of
//! any dialect writes them.
//!
//! Never here: how they are taken from an answer (`taken`), or what follows from them (room `sense`).

/// Alternatives per token that an upstream is asked for where the gateway wants signs and the caller wants no
/// log-probabilities. OpenAI's completions endpoint gives no more than five.
pub const SIGNS_TOP: u32 = 5;

/// The least log-probability that a sign says: engines write -9999, minus infinity or null for "impossible".
pub const SIGN_LEAST: f32 = -30.0;

/// How sure a model was of one token.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sign {
    /// Natural logarithm of the token's probability, before any sampling parameter; between [`SIGN_LEAST`] and 0.
    pub logprob: f32,
    /// Entropy of what could have stood there, in nats. Of the whole vocabulary where the embedded engine says it; else of
    /// the alternatives that were given, with all the rest as one more: never more than the true one. `None` where no
    /// alternatives were given.
    pub entropy: Option<f32>,
    /// Bytes of text that it stands for.
    pub bytes: u16,
}
