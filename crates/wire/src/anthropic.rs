//! Anthropic's dialect: messages, requests and answers, plain and streamed; errors and the count of tokens.
//!
//! - Reading a request: [`read_messages`], [`read_count_tokens`]. Writing one to an upstream: [`write_messages`].
//! - Reading an upstream's answer: [`read_answer`], and event by event [`Reader`]. Writing one to a caller:
//!   [`write_answer`], [`Writer`].
//! - Errors: [`error_body`], [`error_frame`]. Counting: [`count_tokens_body`].
//!
//! Never here: which upstream wants what (a [`crate::Shape`] says it), HTTP headers (`anthropic-version`).

mod answer;
mod answer_in;
mod ask;
mod block;
mod block_out;
mod error;
mod finish;
mod request;
mod stream;
mod stream_out;
mod tool;
mod turn;

pub use answer::{read_answer, write_answer};
pub use ask::{read_count_tokens, read_messages};
pub use error::{count_tokens_body, error_body, error_frame};
pub use request::{MAX_TOKENS_DEFAULT, write_messages};
pub use stream::Reader;
pub use stream_out::Writer;
