//! The binary `dewpoint`.
fn main() {}
