//! A caller's text is not sent without a permit.
fn send(body: bytes::Bytes) -> backend::Errand {
    backend::Errand::Ask(body)
}
fn main() {}
