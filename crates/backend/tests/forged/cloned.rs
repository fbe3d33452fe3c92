//! An errand cannot be doubled on its way.
fn send(errand: backend::Errand) -> (backend::Errand, backend::Errand) {
    (errand.clone(), errand)
}
fn main() {}
