//! Ollama's native dialect: `POST /api/chat` over NDJSON.
//!
//! - Writing a request to an upstream: [`write_chat`]. Reading its answer: [`read_answer`], and line by line [`Reader`].
//! - Writing an answer to a caller: [`write_answer`], [`Writer`]; errors: [`error_body`], [`error_frame`].
//!
//! Never here: `/api/generate` and the calls that manage models (room `backend` asks `/api/tags` and `/api/ps`).

mod answer;
mod answer_in;
mod request;
mod stream;
mod stream_out;
mod time;

pub use answer::{read_answer, write_answer};
pub use request::write_chat;
pub use stream::Reader;
pub use stream_out::Writer;

use crate::json::write::body;

/// The body of an error.
pub fn error_body(message: &str) -> Vec<u8> {
    body(128, |o| o.str("error", message))
}

/// The same inside a stream: one whole line.
pub fn error_frame(message: &str) -> Vec<u8> {
    [&error_body(message)[..], b"\n"].concat()
}
