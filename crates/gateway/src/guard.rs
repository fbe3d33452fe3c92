//! What reads a request for data that may not travel, and what stands in its place on the way: the detectors in force, and the
//! key behind placeholders. A value that is swapped as a whole when the configuration changes.
//!
//! Fail closed: a reader that panics, runs out of its budget of work or out of time has failed, and then the request goes
//! nowhere beyond this host.
//!
//! Never here: what follows from a finding (room `decide`), or text of a request in a log.

mod second;

pub use second::{SECOND_READER, Second};

use crate::beside::{BESIDE_BYTES, seat};
use ring::digest::{SHA256, digest};
use sense::{Finder, FinderError, FinderOptions, Inspection};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;
use wire::Ask;

/// How long the reading of one large request may take. The largest body by default (32 MB) takes under two seconds.
const READ_MAX: Duration = Duration::from_secs(20);

/// Reads requests for data that may not travel. [`Finder`] is the one that is shipped.
pub trait Reader: Send + Sync {
    /// Everything found in the texts of a request.
    fn inspect(&self, ask: &Ask) -> Inspection;
}

impl Reader for Finder {
    fn inspect(&self, ask: &Ask) -> Inspection {
        Finder::inspect(self, ask)
    }
}

/// Detectors and the key of this installation.
#[derive(Clone)]
pub struct Guard {
    /// The detectors; `None` where they are switched off: then only what is declared counts.
    pub reader: Option<Arc<dyn Reader>>,
    /// A model that reads what patterns do not find, where one is configured.
    pub second: Option<Arc<Second>>,
    /// Which detectors, for evidence: name, version, and a hash of what the operator added and took away.
    pub detector: Arc<str>,
    /// Secret of this installation, for placeholders and for the fingerprints of prompts.
    pub key: Arc<[u8; 32]>,
}

impl Guard {
    /// Sets up the detectors.
    ///
    /// # Errors
    /// What is wrong with the options.
    pub fn new(options: &FinderOptions, key: [u8; 32]) -> Result<Guard, FinderError> {
        let finder = Finder::new(options)?;
        // The `Debug` form names every field and every term; nothing else here has a stable one.
        let hash = digest(&SHA256, format!("{options:?}").as_bytes());
        let hash: String = hash.as_ref().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        let detector = format!("dewpoint {} options {hash}", env!("CARGO_PKG_VERSION"));
        Ok(Guard::with(Arc::new(finder), &detector, key))
    }

    /// With a reader of one's own, called `detector`.
    pub fn with(reader: Arc<dyn Reader>, detector: &str, key: [u8; 32]) -> Guard {
        Guard { reader: Some(reader), second: None, detector: Arc::from(detector), key: Arc::new(key) }
    }

    /// Without detectors.
    pub fn off(key: [u8; 32]) -> Guard {
        Guard { reader: None, second: None, detector: Arc::from("none"), key: Arc::new(key) }
    }

    /// With a second reader.
    #[must_use]
    pub fn and(self, second: Second) -> Guard {
        let detector = Arc::from(format!("{}, second reader {}", self.detector, second.name()));
        Guard { second: Some(Arc::new(second)), detector, ..self }
    }
}

/// Reads a request whose body had so many bytes. Always gives an inspection; one that is not complete says so in
/// [`decide::Found::failed`].
pub(crate) async fn inspect(guard: &Arc<Guard>, ask: &Arc<Ask>, bytes: usize) -> Inspection {
    let Some(reader) = &guard.reader else { return Inspection::default() };
    if bytes <= BESIDE_BYTES {
        return caught(&**reader, ask);
    }
    let _seat = seat().await;
    let (reader, ask) = (reader.clone(), ask.clone());
    let reading = tokio::task::spawn_blocking(move || caught(&*reader, &ask));
    match tokio::time::timeout(READ_MAX, reading).await {
        Ok(Ok(seen)) => seen,
        Ok(Err(_)) => failed("a detector did not come to its end"),
        Err(_) => failed("the detectors ran out of time"),
    }
}

fn caught(reader: &dyn Reader, ask: &Ask) -> Inspection {
    catch_unwind(AssertUnwindSafe(|| reader.inspect(ask))).unwrap_or_else(|_| failed("a detector panicked"))
}

fn failed(why: &str) -> Inspection {
    let mut seen = Inspection::default();
    seen.found.failed = Some(Arc::from(why));
    seen
}

#[cfg(test)]
mod tests {
    #![allow(clippy::panic)]
    use super::*;
    use std::sync::atomic::{AtomicBool, Ordering};
    use wire::Endpoint;

    struct Hook(Box<dyn Fn() + Send + Sync>);

    impl Reader for Hook {
        fn inspect(&self, _: &Ask) -> Inspection {
            (self.0)();
            Inspection::default()
        }
    }

    async fn read(bytes: usize, hook: impl Fn() + Send + Sync + 'static) -> Option<Arc<str>> {
        let guard = Arc::new(Guard::with(Arc::new(Hook(Box::new(hook))), "hook", [0; 32]));
        inspect(&guard, &Arc::new(Ask::new(Endpoint::Chat)), bytes).await.found.failed
    }

    #[tokio::test]
    async fn a_detector_that_panics_has_failed_whatever_the_size() {
        for bytes in [1, BESIDE_BYTES, BESIDE_BYTES + 1] {
            let why = read(bytes, || panic!("a bug of the detector")).await;
            assert_eq!(why.as_deref(), Some("a detector panicked"), "{bytes} bytes");
            assert_eq!(read(bytes, || {}).await, None, "{bytes} bytes");
        }
    }

    #[tokio::test]
    async fn only_a_large_request_leaves_the_thread_that_serves() {
        let here = std::thread::current().id();
        for (bytes, beside) in [(BESIDE_BYTES, false), (BESIDE_BYTES + 1, true)] {
            let was_beside = Arc::new(AtomicBool::new(false));
            let seen = was_beside.clone();
            read(bytes, move || seen.store(std::thread::current().id() != here, Ordering::SeqCst)).await;
            assert_eq!(was_beside.load(Ordering::SeqCst), beside, "{bytes} bytes");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_detector_that_runs_out_of_time_has_failed() {
        let (release, wait) = std::sync::mpsc::sync_channel::<()>(1);
        let wait = std::sync::Mutex::new(wait);
        let why = read(BESIDE_BYTES + 1, move || {
            let _ = wait.lock().map(|w| w.recv());
        });
        // Paused time stands still while something blocks beside; this moves it on.
        let hurried = async {
            tokio::task::yield_now().await;
            tokio::time::advance(READ_MAX + Duration::from_secs(1)).await;
            std::future::pending::<()>().await
        };
        let why = tokio::select! { why = why => why, () = hurried => None };
        assert_eq!(why.as_deref(), Some("the detectors ran out of time"));
        drop(release);
    }
}
