//! Work on large requests beside the threads that serve, so that it never starves them.
//!
//! Never here: what the work is.

use std::sync::LazyLock;
use tokio::sync::{Semaphore, SemaphorePermit};

/// A request of more bytes than this is read and masked beside the threads that serve: at 20 MB/s it holds one for 13 ms.
pub(crate) const BESIDE_BYTES: usize = 256 << 10;

/// Large requests that are read or masked at the same time: one per core, so that reading never starves serving.
static SEATS: LazyLock<Semaphore> =
    LazyLock::new(|| Semaphore::new(std::thread::available_parallelism().map_or(1, usize::from)));

/// Waits for leave to work beside. Never `None`, since nothing closes the seats; it would read as "no limit".
pub(crate) async fn seat() -> Option<SemaphorePermit<'static>> {
    SEATS.acquire().await.ok()
}

/// Does work of a large request, as much at a time as there are cores. `None`: it panicked.
pub(crate) async fn beside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let _seat = seat().await;
    tokio::task::spawn_blocking(work).await.ok()
}
