//! Taking out what may not leave, and putting it back into the answer.
//!
//! Way of a request: [`mask`] replaces findings above a class by placeholders and gives the [`Vault`] that knows them → the
//! masked [`Ask`](wire::Ask) is sent → [`Vault::restore`] or a [`Restorer`] puts the originals back, chunk by chunk. Secrets
//! are replaced for good.
//!
//! A vault belongs to one request and is passed along with it: nothing here is shared between requests, and what another
//! request's placeholder stands for is not known. Placeholders are made from a key and the conversation, so the next
//! request of the conversation makes the same ones without anything being kept.
//!
//! Never here: detection (room `sense`), what must be taken out (room `decide`), sockets, clock, randomness.

mod book;
mod channel;
mod form;
mod frame;
mod mask;
mod places;
mod stream;
mod tokens;
mod vault;

pub use form::Scope;
pub use mask::{MaskError, mask};
pub use stream::Restorer;
pub use vault::Vault;
