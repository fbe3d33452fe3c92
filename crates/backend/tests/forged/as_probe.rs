//! A caller's text does not pass as a question about the place: only the room itself makes questions with a body.
fn send(body: bytes::Bytes) -> [backend::Errand; 2] {
    [backend::Errand::Probe(body), backend::Errand::Probe(backend::Question(Some(body)))]
}
fn named(text: &str) -> backend::Question {
    backend::Question::model(text)
}
fn main() {}
