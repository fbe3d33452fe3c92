//! A caller's text does not pass as a download.
fn send(body: bytes::Bytes) -> backend::Errand {
    backend::Errand::Pull(body)
}
fn main() {}
