//! Reading a request: what kind of work it is, how hard, how large, what it needs of a model.
//!
//! One door: [`assess`]. It is a pure function of the [`wire::Ask`]; the same request gives the same
//! [`decide::Need`] on every machine. Text never steers policy: a prompt can change the *estimate* of its task,
//! difficulty and size, and nothing else; which data may go where is not read from text here.
//!
//! Way of a text: `scan` walks over its ends with the words of `lexicon` and `language` → `task` lets the cues vote →
//! `difficulty` adds prior, steps and the learned correction of `weights` → `outlook` asks the trained weights of [`brain`] →
//! [`assess`] fills the Need, with `tokens` and `prefix`.
//!
//! Never here: network, disk, clock, randomness, or choosing a place.

mod assess;
pub mod brain;
pub mod check;
mod compare;
mod count;
mod difficulty;
pub mod doubt;
mod features;
mod find;
mod judge;
mod language;
mod lexicon;
mod outlook;
mod prefix;
mod scan;
mod task;
mod tokens;
mod weights;

pub use assess::{assess, language};
pub use compare::{agree, comparable};
pub use count::Tokenizer;
pub use difficulty::correction;
pub use features::{FEATURE_NAMES, features};
pub use find::{
    Dictionary, Finder, FinderError, FinderOptions, Finding, Inspection, Kind, LONGEST, MOST, Pattern, RAISES, Unread,
    characters,
};
pub use judge::{FitError, TOKENS_KEPT, TokenFit, TokenSigns};
