//! OpenAI's dialect: chat completions and legacy completions, requests and answers, plain and streamed; errors and the
//! list of models.
//!
//! - Reading a request: [`read_chat`], [`read_completions`]. Writing one to an upstream: [`write_chat`],
//!   [`write_completions`].
//! - Reading an upstream's answer: [`read_chat_answer`], [`read_completions_answer`], and piece by piece
//!   [`ChatReader`], [`CompletionsReader`]. Writing one to a caller: [`write_chat_answer`],
//!   [`write_completions_answer`], [`ChatWriter`], [`CompletionsWriter`].
//! - Vectors and scores: [`read_embeddings`], [`write_embeddings`], [`read_vectors`], [`write_vectors`], and the same four
//!   for `rerank`, which is not OpenAI's but has one form at all who serve it (Jina's and Cohere's).
//! - Errors: [`error_body`], [`error_frame`].
//!
//! A request that came in this dialect leaves in it with every member it had, known or not. One that came in another
//! dialect leaves with what maps; members that only its own dialect has stay behind.
//!
//! Never here: which upstream wants what (a [`crate::Shape`] says it).

mod answer;
mod answer_in;
mod answer_out;
mod ask;
mod embed;
mod error;
mod finish;
pub(crate) mod logprobs;
mod message;
mod message_out;
mod part;
pub(crate) mod request;
mod rerank;
mod stream;
mod stream_out;
mod tool;

pub use answer::{read_chat_answer, read_completions_answer};
pub use answer_out::{write_chat_answer, write_completions_answer};
pub use ask::{read_chat, read_completions};
pub use embed::{INPUTS_MAX, read_embeddings, read_vectors, write_embeddings, write_vectors};
pub use error::{error_body, error_frame};
pub use request::{write_chat, write_completions};
pub use rerank::{read_ranking, read_rerank, write_ranking, write_rerank};
pub use stream::{ChatReader, CompletionsReader};
pub use stream_out::{ChatWriter, CompletionsWriter};
