//! The frames between gateway and worker, both ways: what is read is written and reads the same.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| engine::check_frames(bytes));
