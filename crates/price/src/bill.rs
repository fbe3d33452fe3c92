//! What one raw answer of a provider costs: its usage taken out by the provider's own extractors, its model found by the
//! provider's rules, the prices of the moment applied exactly. The semantics are those of genai-prices (MIT).
//!
//! Never here: the canonical usage of the gateway (room `wire`), integer money (room `decide`), the clock.

mod clause;
mod extract;
mod line;
mod moment;
mod provider;
mod sum;
mod unit;

pub use line::{Answer, priced_line};
pub use moment::unix_s;
pub use provider::Catalogue;
