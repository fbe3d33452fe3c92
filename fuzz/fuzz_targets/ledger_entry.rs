//! Entries of the ledger's journal: what is read is written and reads the same, and fits the room that is promised for one.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| ledger::check_entry(bytes));
