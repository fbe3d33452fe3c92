//! There is no permit out of nothing.
fn main() {
    let _: decide::Permit = Default::default();
}
