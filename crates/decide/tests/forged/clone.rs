//! A permit cannot be used twice: it is not `Clone`.
fn twice(p: decide::Permit) -> (decide::Permit, decide::Permit) {
    (p.clone(), p)
}
fn main() {}
