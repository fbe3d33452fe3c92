//! Recovery of the ledger from a damaged journal: the input is a script of records, crashes and damage. No record is invented,
//! none is changed, none whose bytes are whole is lost, and recovering twice is the same as once.
#![no_main]

libfuzzer_sys::fuzz_target!(|script: &[u8]| ledger::check_recovery(script));
