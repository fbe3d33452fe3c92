//! The board against backends that answer probes from a script, on a paused clock.

#![allow(clippy::unwrap_used, clippy::panic)]

use super::*;
use crate::{BoxFuture, Deadlines, Reply};
use decide::{Api, Caps, Cause, Fault, Health, Kind, Permit, Tier, Zone};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use wire::Ask;

/// A backend that answers probes from a script and nothing else.
struct Scripted {
    place: Arc<Place>,
    models: Vec<Arc<Model>>,
    answer: Mutex<Probed>,
    delay: Duration,
    probes: AtomicU32,
}

impl Scripted {
    fn new(name: &str, zone: Zone, health: Health, models: &[&str]) -> Arc<Scripted> {
        let place = Place {
            id: PlaceId::new(name),
            api: Api::Openai,
            tier: Tier::Local,
            kind: Kind::Appliance,
            zone,
            provider: "x".into(),
            terms: decide::Terms::default(),
            economics: None,
        };
        let told = models.iter().map(|id| Discovered { id: (*id).to_owned(), ..Discovered::default() }).collect();
        Arc::new(Scripted {
            place: Arc::new(place),
            models: Vec::new(),
            answer: Mutex::new(Probed { health, models: Some(told), load: None }),
            delay: Duration::ZERO,
            probes: AtomicU32::new(0),
        })
    }

    fn up(name: &str, models: &[&str]) -> Arc<Scripted> {
        Scripted::new(name, Zone::SameHost, Health::Up, models)
    }

    fn asked(&self) -> u32 {
        self.probes.load(Ordering::SeqCst)
    }
}

impl Backend for Scripted {
    fn place(&self) -> &Arc<Place> {
        &self.place
    }

    fn models(&self) -> &[Arc<Model>] {
        &self.models
    }

    fn send(&self, _: Permit, _: Arc<Ask>, _: Deadlines) -> BoxFuture<'_, Result<Reply, Fault>> {
        Box::pin(async { Err(Fault::new(Cause::Internal, "not here")) })
    }

    fn probe(&self) -> BoxFuture<'_, Probed> {
        Box::pin(async {
            self.probes.fetch_add(1, Ordering::SeqCst);
            tokio::time::sleep(self.delay).await;
            self.answer.lock().unwrap().clone()
        })
    }
}

fn complete() -> Complete {
    Box::new(|_, d| Model {
        ability: None,
        id: d.id.as_str().into(),
        context_tokens: d.context_tokens,
        caps: Caps { tools: true, ..Caps::default() },
        price: None,
        price_assumed: None,
        output_tokens_max: None,
        tier: None,
        quality_permille: None,
    })
}

fn ids(board: &Board, place: &str) -> Vec<String> {
    board.fleet().find(&PlaceId::new(place)).unwrap().models.iter().map(|m| m.id.to_string()).collect()
}

fn health(board: &Board, place: &str) -> Health {
    board.fleet().find(&PlaceId::new(place)).unwrap().health.clone()
}

#[tokio::test(start_paused = true)]
async fn a_new_board_knows_its_places_and_a_probe_fills_them() {
    let a = Scripted::up("a", &["m", "n"]);
    let board = Board::new(vec![a.clone()], complete());
    assert_eq!((health(&board, "a"), board.fleet().version), (Health::Unknown, 1));
    board.probe_once().await;
    assert_eq!(ids(&board, "a"), ["m", "n"]);
    assert_eq!((health(&board, "a"), board.fleet().version), (Health::Up, 2));
    assert!(board.fleet().places[0].models[0].caps.tools, "the caller's function completes models");
}

#[tokio::test(start_paused = true)]
async fn nothing_new_is_not_published_and_load_is() {
    let a = Scripted::up("a", &["m"]);
    let board = Board::new(vec![a.clone()], complete());
    board.probe_once().await;
    let before = Arc::clone(&board.fleet());
    board.probe_once().await;
    assert!(Arc::ptr_eq(&before, &board.fleet()));
    board.entry(&PlaceId::new("a")).unwrap().meter.begin();
    board.probe_once().await;
    assert_eq!(board.fleet().places[0].load.running, 1);
    assert_eq!(board.fleet().version, before.version + 1);
    assert!(Arc::ptr_eq(&before.places[0].models[0], &board.fleet().places[0].models[0]));
    // The place's own count wins, our own times stay.
    a.answer.lock().unwrap().load = Some(Load { running: 7, waiting: 3, kv_permille: Some(500), ..Load::default() });
    board.entry(&PlaceId::new("a")).unwrap().meter.ttft(Duration::from_millis(80));
    board.probe_once().await;
    let load = board.fleet().places[0].load;
    assert_eq!((load.running, load.waiting, load.kv_permille, load.ttft_ms), (7, 3, Some(500), Some(80)));
    assert_eq!(load.ours, Some(1), "of which one is ours");
}

#[tokio::test(start_paused = true)]
async fn a_place_that_cannot_be_listed_keeps_its_models() {
    let a = Scripted::up("a", &["m"]);
    let board = Board::new(vec![a.clone()], complete());
    board.probe_once().await;
    *a.answer.lock().unwrap() = Probed { health: Health::Down("x".into()), models: None, load: None };
    board.probe_once().await;
    assert_eq!(health(&board, "a"), Health::Down("x".into()));
    assert_eq!(ids(&board, "a"), ["m"]);
}

#[tokio::test(start_paused = true)]
async fn silence_is_down_and_delays_nobody() {
    let mut silent = Arc::into_inner(Scripted::up("silent", &["m"])).unwrap();
    silent.delay = Duration::from_secs(3600);
    let quick = Scripted::up("quick", &["m"]);
    let board = Board::new(vec![Arc::new(silent), quick], complete());
    let probing = tokio::spawn({
        let board = board.clone();
        async move { board.probe_once().await }
    });
    tokio::time::sleep(Duration::from_millis(10)).await;
    assert_eq!(health(&board, "quick"), Health::Up);
    assert_eq!(health(&board, "silent"), Health::Unknown);
    probing.await.unwrap();
    assert!(matches!(health(&board, "silent"), Health::Down(_)));
}

#[tokio::test(start_paused = true)]
async fn a_reload_swaps_everything_at_once_and_keeps_meters() {
    let board = Board::new(vec![Scripted::up("a", &["m"]), Scripted::up("b", &["m"])], complete());
    board.probe_once().await;
    let meter = board.entry(&PlaceId::new("a")).unwrap().meter;
    board.replace(vec![Scripted::up("c", &["m"]), Scripted::up("a", &["n"])]);
    let fleet = Arc::clone(&board.fleet());
    let names: Vec<_> = fleet.places.iter().map(|s| s.place.id.to_string()).collect();
    assert_eq!(names, ["c", "a"]);
    assert!(board.entry(&PlaceId::new("b")).is_none());
    assert!(Arc::ptr_eq(&meter, &board.entry(&PlaceId::new("a")).unwrap().meter));
    assert_eq!(fleet.places[1].health, Health::Unknown, "another backend has to be probed first");
    board.probe_once().await;
    assert_eq!(ids(&board, "a"), ["n"]);
}

#[tokio::test(start_paused = true)]
async fn the_answer_of_a_replaced_backend_counts_for_nothing() {
    let mut slow = Arc::into_inner(Scripted::up("a", &["old"])).unwrap();
    slow.delay = Duration::from_secs(1);
    let board = Board::new(vec![Arc::new(slow)], complete());
    let probing = tokio::spawn({
        let board = board.clone();
        async move { board.probe_once().await }
    });
    tokio::time::sleep(Duration::from_millis(10)).await;
    board.replace(vec![Scripted::up("a", &["new"])]);
    probing.await.unwrap();
    assert!(ids(&board, "a").is_empty());
    board.probe_once().await;
    assert_eq!(ids(&board, "a"), ["new"]);
}

#[tokio::test(start_paused = true)]
async fn rounds_come_at_their_interval_and_vendors_seldom() {
    let near = Scripted::up("near", &["m"]);
    let vendor = Scripted::new("vendor", Zone::VendorCloud, Health::Up, &["m"]);
    let gone = Scripted::new("gone", Zone::VendorCloud, Health::Down("cannot be reached".into()), &["m"]);
    let board = Board::new(vec![near.clone(), vendor.clone(), gone.clone()], complete());
    board.probe_once().await;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let running = tokio::spawn({
        let board = board.clone();
        async move { board.run(Duration::from_secs(10), async { drop(stopped.await) }).await }
    });
    tokio::time::sleep(Duration::from_secs(601)).await;
    assert_eq!((near.asked(), vendor.asked()), (61, 3));
    assert_eq!(gone.asked(), 31, "one that is down is asked more often");
    stop.send(()).unwrap();
    running.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_suspect_is_probed_soon_but_not_in_a_storm() {
    let a = Scripted::up("a", &["m"]);
    let board = Board::new(vec![a.clone()], complete());
    board.probe_once().await;
    let running = tokio::spawn({
        let board = board.clone();
        async move { board.run(Duration::from_secs(3600), std::future::pending()).await }
    });
    tokio::time::sleep(Duration::from_millis(1)).await;
    *a.answer.lock().unwrap() = Probed { health: Health::Down("gone".into()), ..Probed::default() };
    for _ in 0..1000 {
        board.suspect(&PlaceId::new("a"));
        board.suspect(&PlaceId::new("nobody"));
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(health(&board, "a"), Health::Down("gone".into()));
    assert!((2..8).contains(&a.asked()), "{} probes", a.asked());
    running.abort();
}

#[tokio::test(start_paused = true)]
async fn a_place_that_loads_is_asked_again_soon() {
    let a = Scripted::new("a", Zone::Embedded, Health::Loading, &["m"]);
    let board = Board::new(vec![a.clone()], complete());
    board.probe_once().await;
    tokio::spawn({
        let board = board.clone();
        async move { board.run(Duration::from_secs(3600), std::future::pending()).await }
    });
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(health(&board, "a"), Health::Loading);
    a.answer.lock().unwrap().health = Health::Up;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(health(&board, "a"), Health::Up);
    assert!(a.asked() <= 8, "{} probes", a.asked());
}
