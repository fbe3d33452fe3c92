//! What must not compile: sending a caller's text without a permit, or with one that was used.

#[test]
fn nothing_of_a_caller_is_sent_without_a_permit() {
    trybuild::TestCases::new().compile_fail("tests/forged/*.rs");
}
