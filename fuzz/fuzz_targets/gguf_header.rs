//! Headers of model files: what is accepted lies within the file, and what is computed from it does not overflow.
#![no_main]

libfuzzer_sys::fuzz_target!(|file: &[u8]| engine::check_header(file));
