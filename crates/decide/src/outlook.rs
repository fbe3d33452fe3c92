//! What a prompt alone says of how well models of each rank will answer it.
//!
//! Never here: working it out (room `sense`).

use crate::{RANKS, Rank};
use serde::{Deserialize, Serialize};

/// Calibrated probabilities of a good answer, before any model has seen the prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outlook {
    /// By rank, per mille.
    pub good_permille: [u16; RANKS],
    /// Unlike anything that was trained on: then the numbers are the prior and say nothing of this prompt.
    pub unfamiliar: bool,
}

impl Outlook {
    /// Of models of one rank, per mille.
    pub fn of(&self, rank: Rank) -> u16 {
        self.good_permille[rank as usize]
    }
}
