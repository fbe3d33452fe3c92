//! `Idempotency-Key`: a request that is repeated under the same key is carried out once. A second one at the same time
//! waits for the first one's answer; a later one gets it again; another request under the same key is refused.
//!
//! Kept are good answers only, whole or streamed to their end, in memory, within bounds of number, bytes and age.
//! An answer that failed is given to those who waited for it, and then forgotten, so that trying again is possible.
//!
//! Never here: HTTP.

use bytes::Bytes;
use decide::{Cause, Fault};
use http::{HeaderMap, StatusCode};
use ring::digest::{Context, SHA256};
use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// Characters of a key at most.
const KEY_MAX: usize = 255;
/// How long an answer is kept: as long as Stripe's, whose header this is.
const KEPT_FOR: Duration = Duration::from_secs(24 * 3_600);
/// Answers kept at most.
const KEPT_MAX: usize = 10_000;
/// Bytes of all kept answers at most.
const KEPT_MAX_BYTES: usize = 64 * 1024 * 1024;
/// Bytes of one answer at most; a larger one is not kept.
pub(super) const ANSWER_MAX_BYTES: usize = 1024 * 1024;

type Digest = [u8; 32];

/// An answer as it went out.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Kept {
    /// About what it holds in memory.
    fn bytes(&self) -> usize {
        self.body.len() + self.headers.len() * 64 + 256
    }
}

/// How far the first request of a key is.
#[derive(Debug, Clone)]
enum Progress {
    Waiting,
    Streaming,
    Answered(Arc<Kept>),
}

#[derive(Debug)]
enum State {
    Running(watch::Receiver<Progress>),
    Done(Arc<Kept>, Instant),
}

#[derive(Debug)]
struct Entry {
    /// What was asked.
    print: Digest,
    serial: u64,
    state: State,
}

#[derive(Debug, Default)]
struct Table {
    entries: HashMap<Digest, Entry>,
    /// Kept answers, the oldest first.
    order: VecDeque<(Digest, u64)>,
    bytes: usize,
    serial: u64,
}

/// All keys in use.
#[derive(Debug, Default)]
pub(super) struct Once {
    table: Mutex<Table>,
    replayed: AtomicU64,
}

/// What a request under a key has to do.
pub(super) enum Turn {
    /// It is the first: carry it out.
    First(Ticket),
    /// It was answered already.
    Again(Arc<Kept>),
}

impl Once {
    /// Takes a turn under `key`, for the caller `scope` and the request: `path`, what its headers declare of its data, and
    /// `body`. Waits while the same request is under way.
    ///
    /// # Errors
    /// A malformed key; another request under this key; a stream of it under way.
    pub(super) async fn turn(
        self: &Arc<Once>,
        key: &[u8],
        scope: &str,
        (path, declared): (&str, &[u8]),
        body: &[u8],
    ) -> Result<Turn, Fault> {
        if key.is_empty() || key.len() > KEY_MAX || !key.iter().all(|b| (b' '..=b'~').contains(b)) {
            let shown = format!("The header idempotency-key must be 1 to {KEY_MAX} printable ASCII characters.");
            return Err(Fault::new(Cause::InvalidRequest, shown).at("idempotency-key"));
        }
        let print = digest(&[path.as_bytes(), declared, body]);
        let digest = digest(&[scope.as_bytes(), key]);
        loop {
            let mut running = match self.enter(digest, print)? {
                Entered::First(ticket) => return Ok(Turn::First(ticket)),
                Entered::Again(kept) => return Ok(self.again(kept)),
                Entered::Running(running) => running,
            };
            loop {
                let seen = running.borrow_and_update().clone();
                match seen {
                    Progress::Answered(kept) => return Ok(self.again(kept)),
                    Progress::Streaming => {
                        let shown = "A streamed answer to this idempotency-key is under way. Wait for its end, and ask \
                                     again to have it repeated.";
                        return Err(Fault::new(Cause::InFlight, shown).at("idempotency-key").after(1));
                    }
                    // The first one is gone without an answer: whoever asks next is the first.
                    Progress::Waiting if running.changed().await.is_err() => break,
                    Progress::Waiting => {}
                }
            }
        }
    }

    fn again(&self, kept: Arc<Kept>) -> Turn {
        self.replayed.fetch_add(1, Ordering::Relaxed);
        Turn::Again(kept)
    }

    fn enter(self: &Arc<Once>, digest: Digest, print: Digest) -> Result<Entered, Fault> {
        let mut table = self.table();
        table.forget_old(Instant::now());
        if let Some(entry) = table.entries.get(&digest) {
            if entry.print != print {
                let shown = "This idempotency-key was used for another request. Use a new key for a new request.";
                return Err(Fault::new(Cause::KeyReused, shown).at("idempotency-key"));
            }
            return Ok(match &entry.state {
                State::Running(progress) => Entered::Running(progress.clone()),
                State::Done(kept, _) => Entered::Again(kept.clone()),
            });
        }
        let (progress, watched) = watch::channel(Progress::Waiting);
        table.serial += 1;
        let serial = table.serial;
        table.entries.insert(digest, Entry { print, serial, state: State::Running(watched) });
        Ok(Entered::First(Ticket { once: self.clone(), digest, serial, progress }))
    }

    /// Kept answers, their bytes, and how often one was given again.
    pub(super) fn counts(&self) -> (usize, usize, u64) {
        let table = self.table();
        (table.order.len(), table.bytes, self.replayed.load(Ordering::Relaxed))
    }

    /// Nothing that holds the table can panic half-way through a change that matters.
    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

enum Entered {
    First(Ticket),
    Again(Arc<Kept>),
    Running(watch::Receiver<Progress>),
}

impl Table {
    /// Makes room: what is too old, and the oldest while there is too much.
    fn forget_old(&mut self, now: Instant) {
        while let Some((digest, serial)) = self.order.front().copied() {
            let entry = self.entries.get(&digest).filter(|e| e.serial == serial);
            let (old, bytes) = match entry.map(|e| &e.state) {
                Some(State::Done(kept, at)) => (now.duration_since(*at) >= KEPT_FOR, kept.bytes()),
                _ => (true, 0),
            };
            if !old && self.order.len() <= KEPT_MAX && self.bytes <= KEPT_MAX_BYTES {
                return;
            }
            self.order.pop_front();
            if entry.is_some() {
                self.entries.remove(&digest);
            }
            self.bytes -= bytes;
        }
    }
}

/// The right and the duty to answer for a key. Dropped without an answer, it leaves nothing behind.
#[derive(Debug)]
pub(super) struct Ticket {
    once: Arc<Once>,
    digest: Digest,
    serial: u64,
    progress: watch::Sender<Progress>,
}

impl Ticket {
    /// The answer is a stream: those who wait are sent away.
    pub(super) fn streams(&self) {
        self.progress.send_replace(Progress::Streaming);
    }

    /// The answer is complete. A good one is kept.
    pub(super) fn answered(self, kept: Kept) {
        let kept = Arc::new(kept);
        self.progress.send_replace(Progress::Answered(kept.clone()));
        if !kept.status.is_success() || kept.body.len() > ANSWER_MAX_BYTES {
            return;
        }
        let mut table = self.once.table();
        let now = Instant::now();
        if let Some(entry) = table.entries.get_mut(&self.digest).filter(|e| e.serial == self.serial) {
            table.bytes += {
                let bytes = kept.bytes();
                entry.state = State::Done(kept, now);
                bytes
            };
            table.order.push_back((self.digest, self.serial));
            table.forget_old(now);
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut table = self.once.table();
        let running = |e: &&Entry| e.serial == self.serial && matches!(e.state, State::Running(_));
        if table.entries.get(&self.digest).filter(running).is_some() {
            table.entries.remove(&self.digest);
        }
    }
}

/// SHA-256 of parts, each with its length before it, so that no two lists of parts look alike.
fn digest(parts: &[&[u8]]) -> Digest {
    let mut context = Context::new(&SHA256);
    for part in parts {
        context.update(&(part.len() as u64).to_le_bytes());
        context.update(part);
    }
    let mut out = [0; 32];
    out.copy_from_slice(context.finish().as_ref());
    out
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;

    fn kept(status: u16, bytes: usize) -> Kept {
        let status = StatusCode::from_u16(status).unwrap();
        Kept { status, headers: HeaderMap::new(), body: Bytes::from(vec![b'a'; bytes]) }
    }

    async fn first(once: &Arc<Once>, key: &str) -> Ticket {
        match once.turn(key.as_bytes(), "k", ("/p", b""), b"body").await.unwrap() {
            Turn::First(ticket) => ticket,
            Turn::Again(_) => panic!("{key} was answered already"),
        }
    }

    async fn is_kept(once: &Arc<Once>, key: &str) -> bool {
        matches!(once.turn(key.as_bytes(), "k", ("/p", b""), b"body").await.unwrap(), Turn::Again(_))
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_is_kept_for_a_day_and_not_longer() {
        let once = Arc::new(Once::default());
        first(&once, "a").await.answered(kept(200, 10));
        tokio::time::advance(KEPT_FOR - Duration::from_millis(1)).await;
        assert!(is_kept(&once, "a").await);
        tokio::time::advance(Duration::from_millis(1)).await;
        assert!(!is_kept(&once, "a").await);
        assert_eq!(once.counts(), (0, 0, 1));
    }

    #[tokio::test]
    async fn failures_and_large_answers_are_not_kept() {
        let once = Arc::new(Once::default());
        for (answer, is) in
            [(kept(503, 1), false), (kept(200, ANSWER_MAX_BYTES), true), (kept(200, ANSWER_MAX_BYTES + 1), false)]
        {
            let key = format!("{}-{}", answer.status, answer.body.len());
            first(&once, &key).await.answered(answer);
            assert_eq!(is_kept(&once, &key).await, is, "{key}");
        }
    }

    #[tokio::test]
    async fn the_oldest_answers_give_way() {
        let once = Arc::new(Once::default());
        for i in 0..=KEPT_MAX {
            first(&once, &i.to_string()).await.answered(kept(200, 1));
        }
        assert!(!is_kept(&once, "0").await && is_kept(&once, "1").await, "by number");
        assert_eq!(once.counts().0, KEPT_MAX);
        let once = Arc::new(Once::default());
        for i in 0..100 {
            first(&once, &i.to_string()).await.answered(kept(200, ANSWER_MAX_BYTES));
        }
        let (number, bytes, _) = once.counts();
        assert!(bytes <= KEPT_MAX_BYTES && number == KEPT_MAX_BYTES / (ANSWER_MAX_BYTES + 256), "{number} {bytes}");
        assert_eq!(once.table().entries.len(), number, "nothing is left behind");
    }

    #[tokio::test]
    async fn who_waits_takes_over_from_one_who_left() {
        let once = Arc::new(Once::default());
        let ticket = first(&once, "a").await;
        let waiting = tokio::spawn({
            let once = once.clone();
            async move { is_kept(&once, "a").await }
        });
        tokio::task::yield_now().await;
        drop(ticket);
        assert!(!waiting.await.unwrap(), "the second one carries it out");
        assert!(once.table().entries.is_empty());
    }

    #[tokio::test]
    async fn keys_are_checked_and_scoped() {
        let once = Arc::new(Once::default());
        let turn = async |key: &str, scope: &str, body: &str| {
            once.turn(key.as_bytes(), scope, ("/p", b""), body.as_bytes()).await
        };
        for (key, fine) in [("", false), (&*"k".repeat(255), true), (&*"k".repeat(256), false), ("a\u{7f}", false)] {
            assert_eq!(turn(key, "s", "b").await.is_ok(), fine, "{} characters", key.len());
        }
        let Turn::First(ticket) = turn("x", "s", "b").await.unwrap() else { panic!("kept") };
        ticket.answered(kept(200, 1));
        assert_eq!(turn("x", "s", "other").await.err().unwrap().cause, Cause::KeyReused);
        assert!(matches!(turn("x", "another caller", "other").await.unwrap(), Turn::First(_)));
        assert!(matches!(turn("x", "s", "b").await.unwrap(), Turn::Again(_)));
        let other_class = once.turn(b"x", "s", ("/p", b"sensitive"), b"b").await.err().unwrap();
        assert_eq!(other_class.cause, Cause::KeyReused, "another class is another request");
    }
}
