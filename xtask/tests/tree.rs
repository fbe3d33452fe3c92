//! The rules of the house hold for this repository: `xtask tidy` as one of the tests.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::Path;
use xtask::tidy;

#[test]
fn the_tree_is_tidy() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let findings = tidy::check(&tidy::Tree::load(root).unwrap());
    if !findings.is_empty() {
        let shown: Vec<String> = findings.iter().map(ToString::to_string).collect();
        panic!("{} to put right:\n\n{}", findings.len(), shown.join("\n\n"));
    }
}
