//! The newest records, as far as they say who answered whom. Filled by the writer thread, so that the way of a request pays nothing.
//!
//! Never here: the disk.

use decide::{Answered, Outcome, PlaceId, Record, Task};
use std::collections::VecDeque;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

/// So many attempts are remembered: some 2 MB at most.
const KEPT: usize = 8_192;
/// What answers a caller in words. Nobody is shown the answer of another endpoint: it is a question of our own about a request.
pub(super) const SHOWN: [&str; 3] = ["chat", "completions", "messages"];

/// One attempt at an answer.
#[derive(Debug, Clone)]
pub(super) struct Try {
    pub(super) request_id: Arc<str>,
    pub(super) key: Option<Arc<str>>,
    pub(super) arrived_unix_ms: u64,
    pub(super) attempt: u8,
    pub(super) task: Task,
    pub(super) by: Option<(PlaceId, Arc<str>)>,
    pub(super) outcome: Outcome,
}

impl Try {
    fn of(record: &Record) -> Try {
        Try {
            request_id: record.request_id.clone(),
            key: record.key.clone(),
            arrived_unix_ms: record.arrived_unix_ms,
            attempt: record.attempt,
            task: record.task,
            by: record.place.clone().zip(record.model.clone()),
            outcome: record.outcome,
        }
    }
}

/// The newest attempts. By the hash of their request's id, so that a look-up reads no text but the right one's.
#[derive(Debug, Default)]
pub(super) struct Recent {
    hashes: RandomState,
    tries: VecDeque<(u64, Try)>,
}

impl Recent {
    /// Remembers a record, and forgets the oldest where there are too many.
    pub(super) fn add(&mut self, record: &Record) {
        if !SHOWN.contains(&&*record.endpoint) {
            return;
        }
        if self.tries.len() >= KEPT {
            self.tries.pop_front();
        }
        self.tries.push_back((self.hashes.hash_one(&*record.request_id), Try::of(record)));
    }

    /// The answer to a request of a key.
    pub(super) fn find(&self, request_id: &str, key: Option<&str>) -> Option<Answered> {
        let hash = self.hashes.hash_one(request_id);
        let same = |t: &&Try| &*t.request_id == request_id && t.key.as_deref() == key;
        answered(self.tries.iter().filter(|(h, _)| *h == hash).map(|(_, t)| t).filter(same).cloned())
    }
}

/// What the caller was shown, of the attempts of all requests with one id and key: the last request counts, and of it the attempt whose
/// answer was relayed, whole or, where the caller left, in part.
pub(super) fn answered(tries: impl Iterator<Item = Try>) -> Option<Answered> {
    let shown = |t: &Try| match t.outcome {
        Outcome::Ok => 2,
        Outcome::Cancelled => 1,
        _ => 0,
    };
    let best = tries.max_by_key(|t| (t.arrived_unix_ms, shown(t), t.attempt))?;
    let by = if shown(&best) > 0 { best.by } else { None };
    Some(Answered {
        request_id: best.request_id,
        key: best.key,
        arrived_unix_ms: best.arrived_unix_ms,
        task: best.task,
        by,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::sample::record;

    fn one(id: &str, attempt: u8, outcome: Outcome) -> Record {
        Record {
            request_id: id.into(),
            key: Some("k".into()),
            attempt,
            endpoint: "chat".into(),
            place: Some(PlaceId::new(&format!("p{attempt}"))),
            model: Some("m".into()),
            outcome,
            arrived_unix_ms: 5,
            ..record(1)
        }
    }

    fn place(recent: &Recent, id: &str) -> Option<String> {
        recent.find(id, Some("k"))?.by.map(|(place, _)| place.to_string())
    }

    #[test]
    fn what_was_shown_counts_and_nothing_else() {
        let mut recent = Recent::default();
        for (attempt, outcome) in
            [(0, Outcome::Doubted), (1, Outcome::Ok), (2, Outcome::Cancelled), (3, Outcome::Failed)]
        {
            recent.add(&one("a", attempt, outcome));
        }
        assert_eq!(place(&recent, "a").as_deref(), Some("p1"));
        recent.add(&one("b", 0, Outcome::Failed));
        recent.add(&one("b", 1, Outcome::Cancelled));
        assert_eq!(place(&recent, "b").as_deref(), Some("p1"));
        recent.add(&one("c", 0, Outcome::Refused));
        assert_eq!(recent.find("c", Some("k")).unwrap().by, None);
        recent.add(&Record { endpoint: "second-reader".into(), ..one("d", 0, Outcome::Ok) });
        assert_eq!(recent.find("d", Some("k")), None);
    }

    #[test]
    fn another_key_finds_nothing_and_the_last_request_of_an_id_counts() {
        let mut recent = Recent::default();
        recent.add(&one("a", 0, Outcome::Ok));
        assert_eq!(
            (recent.find("a", None), recent.find("a", Some("l")), recent.find("", Some("k"))),
            (None, None, None)
        );
        recent.add(&Record { arrived_unix_ms: 9, ..one("a", 3, Outcome::Failed) });
        assert_eq!(recent.find("a", Some("k")).unwrap().by, None, "the later one was not answered");
    }

    #[test]
    fn the_oldest_are_forgotten() {
        let mut recent = Recent::default();
        (0..=KEPT).for_each(|n| recent.add(&one(&n.to_string(), 0, Outcome::Ok)));
        assert_eq!(recent.tries.len(), KEPT);
        assert_eq!((place(&recent, "0"), place(&recent, "1").as_deref()), (None, Some("p0")));
    }
}
