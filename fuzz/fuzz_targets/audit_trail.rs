//! The files of an audit trail: whatever stands in them, checking ends with a finding; a changed or cut byte of a good chain is found, and
//! its record is named.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| audit::check_trail(input));
