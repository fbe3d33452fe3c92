//! One permit is one attempt: a retry asks for its own.
fn send(permit: decide::Permit, body: bytes::Bytes) -> (backend::Errand, backend::Errand) {
    (backend::Errand::Ask(permit, body.clone()), backend::Errand::Ask(permit, body))
}
fn main() {}
