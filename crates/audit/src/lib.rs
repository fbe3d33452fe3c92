//! The evidence: each decision in a hash chain with signed heads, written behind the hot path, verified and reported offline.
//!
//! Never here: text of a request; the money of it (room `ledger`); judgement (room `decide`).
