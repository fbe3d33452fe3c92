//! Writes test models: `test-models DIR [--real-size]`.
//!
//! Never here: what they are made of.
#![allow(clippy::unwrap_used, clippy::expect_used)]
use std::fs::File;
use std::io::BufWriter;
use testkit::tiny;

fn main() {
    let dir = std::env::args().nth(1).unwrap();
    for (name, layers) in [("half", tiny::LAYERS), ("half-draft", tiny::DRAFT_LAYERS)] {
        let path = format!("{dir}/{name}.gguf");
        tiny::real(layers).write(7, BufWriter::with_capacity(1 << 20, File::create(&path).unwrap())).unwrap();
    }
}
