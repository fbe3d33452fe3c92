//! Tests of the ledger: who is let in, who leaves, in which order.
#![allow(clippy::unwrap_used, clippy::panic)]

use super::*;

fn ledger(budget: u64, most: usize, names: &[&str]) -> (Arc<Ledger>, Vec<u64>) {
    let ledger = Arc::new(Ledger::new(budget, most));
    let keys = names.iter().map(|n| ledger.join((*n).into(), Arc::default())).collect();
    (ledger, keys)
}

/// Loads a model that has room.
async fn load(ledger: &Arc<Ledger>, key: u64, bytes: u64) -> Claim {
    let claim = ledger.claim(key, bytes, true).await.unwrap();
    ledger.open(key);
    claim
}

fn is_leaving(ledger: &Ledger, key: u64) -> bool {
    ledger.leave(key, None) == Leave::Now
}

/// Polls a claim once; it must not be ready.
async fn waits<F: Future<Output = Result<Claim, NoRoom>>>(claim: &mut std::pin::Pin<&mut F>) {
    let polled = std::future::poll_fn(|cx| std::task::Poll::Ready(claim.as_mut().poll(cx).is_pending())).await;
    assert!(polled, "there was room");
}

#[tokio::test(start_paused = true)]
async fn what_was_measured_counts_instead_of_the_estimate() {
    let (ledger, keys) = ledger(100, 9, &["a"]);
    let claim = load(&ledger, keys[0], 60).await;
    assert_eq!(ledger.totals(), (100, 60));
    claim.measured(30);
    assert_eq!(ledger.totals(), (100, 30));
    claim.measured(20);
    assert_eq!((ledger.totals().1, ledger.entry(keys[0]).unwrap().memory), (30, Use { reserved: 60, resident: 30 }));
    drop(claim);
    assert_eq!((ledger.totals().1, ledger.entry(keys[0]).unwrap().memory), (0, Use::default()));
}

#[tokio::test(start_paused = true)]
async fn a_need_at_the_budget_fits_and_one_past_it_never_does() {
    let (ledger, keys) = ledger(100, 9, &["a"]);
    assert_eq!(ledger.claim(keys[0], 101, true).await.err(), Some(NoRoom::Never { budget: 100 }));
    assert!(ledger.claim(keys[0], 100, true).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn the_idle_one_that_was_used_longest_ago_leaves_and_no_more_than_needed() {
    let (ledger, keys) = ledger(100, 9, &["a", "b", "c", "d"]);
    let mut claims = Vec::new();
    for (key, bytes) in [(keys[0], 30), (keys[1], 50), (keys[2], 20)] {
        claims.push(load(&ledger, key, bytes).await);
        tokio::time::advance(Duration::from_secs(1)).await;
    }
    // a was used last.
    assert_eq!(ledger.enter(keys[0], false), Entered::Active);
    ledger.done(keys[0]);
    let mut claim = std::pin::pin!(ledger.claim(keys[3], 20, true));
    waits(&mut claim).await;
    assert_eq!(keys[..3].iter().map(|k| is_leaving(&ledger, *k)).collect::<Vec<_>>(), [false, true, false]);
    drop(claims.remove(1));
    assert!(claim.await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_small_one_stays_when_a_large_one_alone_makes_the_room() {
    let (ledger, keys) = ledger(100, 9, &["small", "large", "new"]);
    let _small = load(&ledger, keys[0], 10).await;
    tokio::time::advance(Duration::from_secs(1)).await;
    let _large = load(&ledger, keys[1], 80).await;
    let mut claim = std::pin::pin!(ledger.claim(keys[2], 60, true));
    waits(&mut claim).await;
    assert!(!is_leaving(&ledger, keys[0]) && is_leaving(&ledger, keys[1]));
}

#[tokio::test(start_paused = true)]
async fn nothing_leaves_under_a_request_and_everybodys_turn_comes() {
    let (ledger, keys) = ledger(100, 9, &["a", "b", "c"]);
    let a = load(&ledger, keys[0], 80).await;
    assert_eq!(ledger.enter(keys[0], false), Entered::Active);
    let mut b = std::pin::pin!(ledger.claim(keys[1], 80, true));
    waits(&mut b).await;
    // c would fit beside a, but b was first.
    let mut c = std::pin::pin!(ledger.claim(keys[2], 20, true));
    waits(&mut c).await;
    // The request under way goes on; a new one waits.
    assert_eq!(ledger.leave(keys[0], None), Leave::Wait);
    assert_eq!(ledger.enter(keys[0], false), Entered::Waiting);
    ledger.done(keys[0]);
    assert_eq!(ledger.leave(keys[0], None), Leave::Now);
    drop(a);
    assert!(b.await.is_ok());
    assert!(c.await.is_ok());
    assert!(ledger.is_asked_for(keys[0]));
}

#[tokio::test(start_paused = true)]
async fn who_was_to_make_room_goes_on_when_the_room_is_not_wanted_any_more() {
    let (ledger, keys) = ledger(100, 9, &["a", "b"]);
    let _a = load(&ledger, keys[0], 80).await;
    assert_eq!(ledger.enter(keys[0], false), Entered::Active);
    {
        let mut b = std::pin::pin!(ledger.claim(keys[1], 80, true));
        waits(&mut b).await;
        assert_eq!(ledger.enter(keys[0], false), Entered::Waiting);
    }
    assert_eq!(ledger.enter(keys[0], true), Entered::Active);
    ledger.done(keys[0]);
    ledger.done(keys[0]);
    assert_eq!(ledger.leave(keys[0], None), Leave::Wait);
}

#[tokio::test(start_paused = true)]
async fn a_load_that_nobody_waits_for_does_not_happen() {
    let (ledger, keys) = ledger(100, 9, &["a", "b"]);
    let _a = load(&ledger, keys[0], 80).await;
    assert_eq!(ledger.enter(keys[0], false), Entered::Active);
    assert_eq!(ledger.enter(keys[1], false), Entered::Waiting);
    let mut b = std::pin::pin!(ledger.claim(keys[1], 80, false));
    waits(&mut b).await;
    ledger.gave_up(keys[1]);
    assert_eq!(b.await.err(), Some(NoRoom::Nobody));
}

#[tokio::test(start_paused = true)]
async fn so_many_models_at_most_are_loaded() {
    let (ledger, keys) = ledger(u64::MAX, 2, &["a", "b", "c"]);
    let (_a, _b) = (load(&ledger, keys[0], 1).await, load(&ledger, keys[1], 1).await);
    let mut c = std::pin::pin!(ledger.claim(keys[2], 1, true));
    waits(&mut c).await;
    assert!(is_leaving(&ledger, keys[0]) && !is_leaving(&ledger, keys[1]));
}

#[tokio::test(start_paused = true)]
async fn idleness_ends_after_the_time_to_keep_and_a_request_may_say_another() {
    let (ledger, keys) = ledger(100, 9, &["a"]);
    let key = keys[0];
    let minute = Some(Duration::from_secs(60));
    let _a = load(&ledger, key, 1).await;
    let due = Instant::now() + Duration::from_secs(60);
    assert_eq!(ledger.leave(key, minute), Leave::At(due));
    assert_eq!(ledger.leave(key, None), Leave::Wait);
    tokio::time::advance(Duration::from_secs(30)).await;
    assert_eq!(ledger.enter(key, false), Entered::Active);
    assert_eq!(ledger.leave(key, minute), Leave::Wait);
    ledger.done(key);
    tokio::time::advance(Duration::from_secs(59)).await;
    assert!(matches!(ledger.leave(key, minute), Leave::At(_)));
    ledger.keep(key, None);
    tokio::time::advance(Duration::from_secs(600)).await;
    assert_eq!(ledger.leave(key, minute), Leave::Wait);
    ledger.keep(key, Some(Duration::ZERO));
    assert_eq!(ledger.leave(key, minute), Leave::Now);
    // Nobody gets in after that.
    assert_eq!(ledger.enter(key, false), Entered::Waiting);
}

#[tokio::test(start_paused = true)]
async fn those_who_wait_for_a_load_have_a_bound() {
    let (ledger, keys) = ledger(100, 9, &["a"]);
    assert!((0..QUEUE_MAX).all(|_| ledger.enter(keys[0], false) == Entered::Waiting));
    assert_eq!(ledger.enter(keys[0], false), Entered::Full);
    assert_eq!(ledger.enter(keys[0], true), Entered::Waiting);
    ledger.gave_up(keys[0]);
    assert_eq!(ledger.enter(keys[0], false), Entered::Waiting);
}

#[tokio::test(start_paused = true)]
async fn measuring_more_than_there_is_makes_idle_ones_leave() {
    let (ledger, keys) = ledger(100, 9, &["a", "b"]);
    let (_a, b) = (load(&ledger, keys[0], 40).await, load(&ledger, keys[1], 40).await);
    b.measured(60);
    assert!(!is_leaving(&ledger, keys[0]));
    b.measured(61);
    assert!(is_leaving(&ledger, keys[0]) && !is_leaving(&ledger, keys[1]));
}

#[tokio::test(start_paused = true)]
async fn a_smaller_budget_counts_at_once() {
    let (ledger, keys) = ledger(100, 9, &["a"]);
    let _a = load(&ledger, keys[0], 40).await;
    ledger.rebound(40, 9);
    assert!(!is_leaving(&ledger, keys[0]));
    ledger.rebound(39, 9);
    assert!(is_leaving(&ledger, keys[0]));
}

#[test]
fn bytes_for_people() {
    let all = [0, 999_999, 1_000_000, 512_400_000, 999_000_000, 1_000_000_000, 12_345_000_000].map(shown);
    assert_eq!(all, ["0 kB", "1000 kB", "1 MB", "513 MB", "999 MB", "1.0 GB", "12.3 GB"]);
}
