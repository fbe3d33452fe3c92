//! The embedded inference engine: a [`backend::Backend`] whose model runs in a worker process of the same binary, since
//! the C++ below can abort or crash the process it lives in.
//!
//! [`Engine`] is the supervisor in the gateway's process: it starts the worker, speaks `protocol` with it, restarts it
//! when it dies, and turns its tokens into canonical events. [`worker_main`] is the other end.
//!
//! Sampling: what the caller leaves out is taken from the model file (`general.sampling.temp`, `.top_p`, `.top_k`,
//! `.min_p`), else temperature 0.7, top_p 0.95, top_k 40, min_p 0.05. Temperature 0 is greedy.
//!
//! Never here: HTTP, choosing a place, a vendor type in any `pub` item.

#[cfg(test)]
#[path = "../tests/support/tiny.rs"]
mod tiny;

mod cpu;
#[cfg(feature = "llama")]
mod disarm;
mod engine;
mod fit;
#[cfg(feature = "fuzz")]
mod fuzz;
mod gguf;
mod inspect;
#[cfg(feature = "llama")]
mod picture;
mod protocol;
mod source;
mod spec;
mod speech;
#[cfg(feature = "llama")]
mod stop;
mod tally;
#[cfg(feature = "llama")]
mod template;
#[cfg(feature = "llama")]
mod utf8;
#[cfg(feature = "llama")]
mod worker;

pub use engine::{About, Engine, ModelState, Phase, keep_alive};
#[cfg(feature = "fuzz")]
pub use fuzz::{check_frames, check_header};
pub use inspect::{FileFacts, inspect};
pub use protocol::{CacheType, Split};
pub use source::ModelSource;
pub use spec::{EngineSpec, ModelSpec};
#[cfg(feature = "fuzz")]
#[doc(hidden)]
pub use speech::check as check_speech;
pub use tally::{Histogram, Numbers};

/// Requests that may wait for the engine; beyond that it says that it is busy.
const QUEUE_MAX: usize = 256;

/// Looks at the header of a model file, as the engine does before it loads one. Reads no weights.
///
/// # Errors
/// What is wrong with the file and what to do, for people.
pub fn check(path: &std::path::Path) -> Result<(), String> {
    source::examine(path).map(drop)
}

/// What `dewpoint engine-worker` runs: the engine itself, speaking with its supervisor over stdin and stdout. Ends when
/// stdin closes.
#[cfg(feature = "llama")]
pub fn worker_main() -> std::process::ExitCode {
    worker::main()
}

/// What `dewpoint engine-worker` runs. This build has no engine and says so.
#[cfg(not(feature = "llama"))]
pub fn worker_main() -> std::process::ExitCode {
    eprintln!("{NO_ENGINE}");
    std::process::ExitCode::FAILURE
}

/// What a build without the engine answers.
const NO_ENGINE: &str = "This build of Dewpoint has no embedded engine (it was built without the feature `engine`). Use \
                         another place, or a build with the engine.";
