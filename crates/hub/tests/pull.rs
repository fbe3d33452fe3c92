//! Pulling from a local server: whole, resumed, refused. Everything is real but the hub.
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "support/server.rs"]
mod server;

use bytes::Bytes;
use hub::{Event, Wanted, find};
use server::{Rig, cut, file, gguf, sha256};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use testkit::{Answer, Fake, Step};

const PATH: &str = "GET /o/r/resolve/main/m.gguf";
const NAME: &str = "hf:o/r:m.gguf";

async fn serving(body: &Bytes) -> Rig {
    let rig = Rig::start().await;
    let body = body.clone();
    rig.fake.on_fn(PATH, move |seen| file(seen, &body, "\"e1\""));
    rig
}

#[tokio::test]
async fn a_whole_file_is_kept_with_its_card_and_not_fetched_twice() {
    let body = gguf(300_000);
    let mut rig = serving(&body).await;
    let pulled = rig.pull(NAME).await.unwrap();
    assert!(pulled.fetched);
    assert_eq!(pulled.name, "m");
    assert_eq!(std::fs::read(&pulled.path).unwrap(), body);
    assert_eq!(rig.files(), ["m.gguf", "m.json"]);
    let card = &pulled.card;
    assert_eq!(
        (card.source.as_str(), card.license.as_deref(), card.bytes()),
        ("hf:o/r:m.gguf", Some("mit"), body.len() as u64)
    );
    assert_eq!(card.files[0].sha256.to_string(), sha256(&body));
    // Nobody promised that digest.
    assert!(!card.files[0].verified);
    assert!(rig.events.contains(&Event::At(body.len() as u64)));
    let folders = hub::Folders { store: rig.folder.path().to_owned(), ..hub::Folders::default() };
    assert_eq!(find("M", &folders).unwrap(), pulled.path);
    assert_eq!(find(NAME, &folders).unwrap(), pulled.path);
    let again = rig.pull(NAME).await.unwrap();
    assert!(!again.fetched);
    assert_eq!(again.card, pulled.card);
    // The body was not read a second time.
    assert!(rig.fake.wait(Duration::from_secs(5), |seen| seen.len() == 2).await);
    assert_eq!(rig.files(), ["m.gguf", "m.json"]);
}

#[tokio::test]
async fn a_file_that_was_replaced_at_its_address_is_fetched_again() {
    let mut rig = serving(&gguf(500)).await;
    rig.pull(NAME).await.unwrap();
    let mut newer = gguf(500).to_vec();
    let at = newer.windows(4).position(|w| w == b"xxxx").unwrap();
    newer[at] = b'y';
    let newer = Bytes::from(newer);
    let body = newer.clone();
    rig.fake.on_fn(PATH, move |seen| file(seen, &body, "\"e2\""));
    assert!(rig.pull(NAME).await.unwrap().fetched);
    assert_eq!(std::fs::read(rig.path("m.gguf")).unwrap(), newer);
}

#[tokio::test]
async fn a_known_digest_needs_no_network_the_second_time() {
    let body = gguf(10);
    let mut rig = serving(&body).await;
    let what = format!("{NAME}:sha256={}", sha256(&body));
    assert!(rig.pull(&what).await.unwrap().card.files[0].verified);
    assert!(!rig.pull(&what).await.unwrap().fetched);
    assert_eq!(rig.fake.seen().len(), 1);
}

#[tokio::test]
async fn after_a_cut_it_goes_on_from_where_it_was() {
    let body = gguf(300_000);
    let mut rig = serving(&body).await;
    rig.fake.once(PATH, cut(&body, 100_000, "\"e1\"", Step::Reset));
    let pulled = rig.pull(NAME).await.unwrap();
    assert_eq!(std::fs::read(&pulled.path).unwrap(), body);
    let seen = rig.fake.seen();
    assert_eq!(seen.len(), 2);
    assert_eq!(seen[1].header("if-range"), Some("\"e1\""));
    let from: u64 =
        seen[1].header("range").unwrap().strip_prefix("bytes=").unwrap().strip_suffix('-').unwrap().parse().unwrap();
    assert!((1..=100_000).contains(&from), "{from}");
    assert!(rig.events.iter().any(|e| matches!(e, Event::Retry(..))));
}

#[tokio::test]
async fn another_run_goes_on_too() {
    let body = gguf(300_000);
    let mut rig = serving(&body).await;
    rig.limits.attempts = 1;
    rig.fake.once(PATH, cut(&body, 100_000, "\"e1\"", Step::Close));
    let error = rig.pull(NAME).await.unwrap_err();
    assert!(error.help.contains("100 kB of 300 kB are kept"), "{error:?}");
    assert_eq!(rig.files(), ["m.gguf.part", "m.gguf.part.json"]);
    assert!(rig.store().list().is_empty());
    rig.pull(NAME).await.unwrap();
    assert_eq!(std::fs::read(rig.path("m.gguf")).unwrap(), body);
    assert_eq!(rig.fake.last().header("range"), Some("bytes=100000-"));
    assert_eq!(rig.files(), ["m.gguf", "m.json"]);
}

#[tokio::test]
async fn a_pull_that_is_dropped_leaves_a_part_that_goes_on() {
    let body = gguf(300_000);
    let mut rig = serving(&body).await;
    rig.fake.once(PATH, cut(&body, 100_000, "\"e1\"", Step::Stall));
    let puller = rig.puller();
    let wanted = Wanted::parse(NAME).unwrap();
    let (send, arrived) = tokio::sync::oneshot::channel();
    let mut send = Some(send);
    let mut watch = |event: Event| {
        if event == Event::At(100_000) {
            let _ = send.take().map(|s| s.send(()));
        }
    };
    // As on Ctrl-C: the future is dropped in the middle.
    tokio::select! {
        ended = puller.pull(&wanted, None, &mut watch) => panic!("{ended:?}"),
        _ = arrived => {}
    }
    assert_eq!(rig.files(), ["m.gguf.part", "m.gguf.part.json"]);
    rig.pull(NAME).await.unwrap();
    assert_eq!(rig.fake.last().header("range"), Some("bytes=100000-"));
    assert_eq!(std::fs::read(rig.path("m.gguf")).unwrap(), body);
}

#[tokio::test]
async fn a_server_without_ranges_is_asked_from_the_beginning() {
    let body = gguf(300_000);
    let mut rig = Rig::start().await;
    let whole = Answer::new(200, "application/octet-stream", body.clone()).header("etag", "\"e1\"");
    rig.fake.on(PATH, whole);
    rig.fake.once(PATH, cut(&body, 100_000, "\"e1\"", Step::Close));
    rig.pull(NAME).await.unwrap();
    assert!(rig.events.iter().any(|e| matches!(e, Event::Restart(_))));
    assert_eq!(std::fs::read(rig.path("m.gguf")).unwrap(), body);
}

#[tokio::test]
async fn a_changed_file_is_fetched_from_the_beginning() {
    let (old, new) = (gguf(300_000), gguf(299_000));
    let mut rig = Rig::start().await;
    let body = new.clone();
    rig.fake.on_fn(PATH, move |seen| file(seen, &body, "\"e2\""));
    rig.fake.once(PATH, cut(&old, 100_000, "\"e1\"", Step::Close));
    rig.pull(NAME).await.unwrap();
    assert_eq!(std::fs::read(rig.path("m.gguf")).unwrap(), new);
}

#[tokio::test]
async fn a_server_that_ignores_if_range_cannot_mix_two_files() {
    let (old, new) = (gguf(300_000), gguf(299_000));
    let mut rig = Rig::start().await;
    let body = new.clone();
    let range_without_condition = move |seen: &testkit::Seen| {
        let from =
            seen.header("range").and_then(|r| r.strip_prefix("bytes=")?.strip_suffix('-')?.parse::<usize>().ok());
        match from {
            Some(from) => Answer::new(206, "x/y", body.slice(from..))
                .header("content-range", &format!("bytes {from}-{}/{}", body.len() - 1, body.len())),
            None => Answer::new(200, "x/y", body.clone()),
        }
        .header("etag", "\"e2\"")
    };
    rig.fake.on_fn(PATH, range_without_condition);
    rig.fake.once(PATH, cut(&old, 100_000, "\"e1\"", Step::Close));
    rig.pull(NAME).await.unwrap();
    assert_eq!(std::fs::read(rig.path("m.gguf")).unwrap(), new);
}

#[tokio::test]
async fn a_wrong_digest_is_refused_and_removed() {
    let mut rig = serving(&gguf(1000)).await;
    let error = rig.pull(&format!("{NAME}:sha256={}", "a".repeat(64))).await.unwrap_err();
    assert!(error.why.contains(&sha256(&gguf(1000))) && error.why.contains(&"a".repeat(64)), "{error:?}");
    assert!(rig.files().is_empty());
}

#[tokio::test]
async fn the_hubs_digest_is_checked_and_a_contradiction_stops_at_once() {
    let body = gguf(1000);
    let linked = |digest: &str| {
        Answer::new(302, "text/plain", "")
            .header("location", "/cdn/x")
            .header("x-linked-etag", &format!("\"{digest}\""))
    };
    let mut rig = Rig::start().await;
    rig.fake.on("GET /cdn/x", Answer::new(200, "x/y", body.clone()));
    rig.fake.on(PATH, linked(&"b".repeat(64)));
    assert!(rig.pull(NAME).await.unwrap_err().why.contains(&"b".repeat(64)));
    let error = rig.pull(&format!("{NAME}:sha256={}", "a".repeat(64))).await.unwrap_err();
    assert!(error.what.contains("is not the file that was meant"), "{error:?}");
    rig.fake.on(PATH, linked(&sha256(&body)));
    assert!(rig.pull(NAME).await.unwrap().card.files[0].verified);
}

#[tokio::test]
async fn refusals_say_what_to_do() {
    let mut rig = Rig::start().await;
    let missing = rig.pull(NAME).await.unwrap_err();
    assert!(missing.what == "m.gguf is not there" && missing.why.contains("404"), "{missing:?}");
    let gated =
        Answer::json(401, r#"{"error":"Access to model o/r is restricted."}"#).header("x-error-code", "GatedRepo");
    rig.fake.on(PATH, gated);
    let gated = rig.pull(NAME).await.unwrap_err();
    assert!(gated.why.contains("HF_TOKEN is not set") && gated.why.contains("is restricted"), "{gated:?}");
    assert!(gated.help.contains("/o/r,") && gated.help.contains("/settings/tokens"), "{gated:?}");
    rig.env.insert("HF_TOKEN", "hf_secret_0123456789".to_owned());
    assert!(rig.pull(NAME).await.unwrap_err().why.contains("is not allowed to"));
    rig.fake.on(PATH, Answer::json(503, "{}"));
    let busy = rig.pull(NAME).await.unwrap_err();
    assert!(busy.what.contains("cannot be had now"), "{busy:?}");
    assert!(rig.files().is_empty());
}

#[tokio::test]
async fn the_token_goes_to_the_hub_and_nowhere_else() {
    let body = gguf(1000);
    let cdn = Fake::start().await;
    let served = body.clone();
    cdn.on_fn("GET /blob", move |seen| file(seen, &served, "\"c\""));
    let mut rig = Rig::start().await;
    rig.env.insert("HF_TOKEN", "hf_secret_0123456789".to_owned());
    rig.fake.on(PATH, Answer::new(302, "text/plain", "").header("location", "/api/cache/m.gguf"));
    rig.fake
        .on("GET /api/cache/m.gguf", Answer::new(307, "text/plain", "").header("location", &cdn.url("/blob?sig=1")));
    rig.pull(NAME).await.unwrap();
    assert!(rig.fake.seen().iter().all(|s| s.header("authorization") == Some("Bearer hf_secret_0123456789")));
    assert_eq!(rig.fake.seen().len(), 2);
    assert_eq!((cdn.last().header("authorization"), cdn.last().query.as_str()), (None, "sig=1"));
    // An address of another host never sees it, and a signature is not written down.
    let mut rig = Rig::start().await;
    rig.env.insert("HF_TOKEN", "hf_secret_0123456789".to_owned());
    let pulled = rig.pull(&cdn.url("/blob?sig=2")).await.unwrap();
    assert_eq!(cdn.last().header("authorization"), None);
    assert_eq!((pulled.name.as_str(), pulled.card.files[0].url.contains("sig")), ("blob", false));
}

#[tokio::test]
async fn redirects_have_rules() {
    let mut rig = Rig::start().await;
    for bad in ["http://192.0.2.1/x", "http://169.254.169.254/latest", "ftp://h/x", "https://u:p@h/x", ""] {
        rig.fake.on(PATH, Answer::new(302, "text/plain", "").header("location", bad));
        let error = rig.pull(NAME).await.unwrap_err();
        assert!(error.what.contains("is not followed"), "{bad}: {error:?}");
    }
    rig.fake.on(PATH, Answer::new(302, "text/plain", "").header("location", "/o/r/resolve/main/m.gguf"));
    let before = rig.fake.seen().len();
    assert!(rig.pull(NAME).await.unwrap_err().why.contains("more than 5"));
    assert_eq!(rig.fake.seen().len() - before, 6);
    assert!(rig.pull("http://192.0.2.1/m.gguf").await.unwrap_err().help.contains(":sha256="));
}

#[tokio::test]
async fn a_full_disk_stops_before_and_during() {
    let body = gguf(300_000);
    let mut rig = serving(&body).await;
    rig.free = 301_000;
    let before = rig.pull(NAME).await.unwrap_err();
    assert!(before.what.contains("no room") && before.help.contains("DEWPOINT_MODELS"), "{before:?}");
    assert!(rig.files().is_empty());
    rig.free = body.len() as u64 + 999;
    assert!(rig.pull(NAME).await.unwrap_err().what.contains("no room"));
    // Exactly what is needed beside the spare.
    rig.free = body.len() as u64 + 1000;
    rig.pull(NAME).await.unwrap();
    // Somebody else fills it meanwhile: what is there is kept.
    let mut rig = serving(&body).await;
    rig.limits.checkpoint_bytes = 50_000;
    let filled = std::sync::Arc::new(AtomicBool::new(false));
    let full = filled.clone();
    let puller = rig
        .puller()
        .space(std::sync::Arc::new(move |_| Some(if full.swap(true, Ordering::SeqCst) { 0 } else { 1 << 40 })));
    let error = puller.pull(&Wanted::parse(NAME).unwrap(), None, &mut |_: Event| {}).await.unwrap_err();
    assert!(error.what.contains("no room"), "{error:?}");
    assert_eq!(rig.files(), ["m.gguf.part", "m.gguf.part.json"]);
    rig.pull(NAME).await.unwrap();
    assert!(rig.fake.last().header("range").is_some());
}

#[tokio::test]
async fn a_silent_server_is_left_and_asked_again() {
    let body = gguf(300_000);
    let mut rig = serving(&body).await;
    rig.limits.stall = Duration::from_millis(100);
    rig.fake.once(PATH, cut(&body, 1000, "\"e1\"", Step::Stall));
    rig.pull(NAME).await.unwrap();
    let silent = |e: &Event| matches!(e, Event::Retry(p, _) if p.what.contains("has gone silent"));
    assert!(rig.events.iter().any(silent), "{:?}", rig.events);
}

#[tokio::test]
async fn absurd_lengths_and_wrong_contents_are_refused() {
    let mut rig = Rig::start().await;
    let huge = "HTTP/1.1 200 OK\r\ncontent-length: 9000000000000000000\r\n\r\nGGUF";
    rig.fake.on(PATH, Answer::of(vec![Step::Raw(huge.into()), Step::Stall]));
    assert!(rig.pull(NAME).await.unwrap_err().what.contains("too large"));
    rig.fake.on(PATH, Answer::new(200, "text/html", "<html>please log in</html>"));
    let page = rig.pull(NAME).await.unwrap_err();
    assert!(page.what.contains("no GGUF") && page.why.contains("text/html"), "{page:?}");
    // The right letters, and then nonsense.
    rig.fake.on(PATH, Answer::new(200, "x/y", Bytes::from_static(b"GGUF and then nothing of use")));
    let broken = rig.pull(NAME).await.unwrap_err();
    assert!(broken.what.contains("no GGUF"), "{broken:?}");
    // Chunked without end: more than a file may have.
    rig.limits.file_bytes = 5_000;
    rig.fake.on(PATH, Answer::stream("x/y", [gguf(6_000)]));
    assert!(rig.pull(NAME).await.unwrap_err().what.contains("longer than it may be"));
    assert!(rig.files().is_empty());
    // Exactly at the limit.
    let body = gguf(100);
    rig.limits.file_bytes = body.len() as u64;
    rig.fake.on(PATH, Answer::stream("x/y", [body]));
    rig.pull(NAME).await.unwrap();
}

#[tokio::test]
async fn names_from_servers_and_users_stay_in_the_store() {
    let mut rig = Rig::start().await;
    let body = gguf(10);
    rig.fake.on("GET /x/..%2f..%2fevil.gguf", Answer::new(200, "x/y", body.clone()));
    let pulled = rig.pull(&rig.fake.url("/x/..%2f..%2fevil.gguf")).await.unwrap();
    assert_eq!(pulled.path.parent(), Some(rig.folder.path()));
    let wanted = Wanted::parse(NAME).unwrap();
    for bad in ["../evil", "/evil", "a/b", ".hidden", ""] {
        assert!(rig.puller().pull(&wanted, Some(bad), &mut |_: Event| {}).await.is_err(), "{bad} was taken");
    }
}

#[tokio::test]
async fn of_two_pulls_at_once_the_second_says_so() {
    let body = gguf(300_000);
    let mut rig = serving(&body).await;
    rig.fake.once(PATH, cut(&body, 1000, "\"e1\"", Step::Stall));
    let first = rig.puller();
    let wanted = Wanted::parse(NAME).unwrap();
    let (send, begun) = tokio::sync::oneshot::channel();
    let mut send = Some(send);
    let mut watch = move |event: Event| {
        if matches!(event, Event::At(_)) {
            let _ = send.take().map(|s| s.send(()));
        }
    };
    let second = async {
        begun.await.unwrap();
        rig.pull(NAME).await.unwrap_err()
    };
    tokio::select! {
        ended = first.pull(&wanted, None, &mut watch) => panic!("{ended:?}"),
        error = second => assert!(error.what.contains("being pulled") && error.why.contains(&std::process::id().to_string()), "{error:?}"),
    }
}

#[tokio::test]
async fn a_name_is_not_given_to_two_models() {
    let mut rig = serving(&gguf(10)).await;
    rig.pull(NAME).await.unwrap();
    rig.fake.on("GET /other/r/resolve/main/m.gguf", Answer::new(200, "x/y", gguf(20)));
    assert!(rig.pull("hf:other/r:m.gguf").await.unwrap_err().help.contains("--name"));
    let wanted = Wanted::parse("hf:other/r:m.gguf").unwrap();
    rig.puller().pull(&wanted, Some("m2"), &mut |_: Event| {}).await.unwrap();
    assert_eq!(rig.store().list().len(), 2);
}

#[tokio::test]
async fn a_file_copied_by_hand_is_recognised_by_its_digest() {
    let body = gguf(1000);
    let mut rig = Rig::start().await;
    std::fs::write(rig.path("m.gguf"), &body).unwrap();
    assert!(rig.pull(NAME).await.unwrap_err().why.contains("copied in by hand"));
    assert!(rig.pull(&format!("{NAME}:sha256={}", "a".repeat(64))).await.unwrap_err().why.contains(&sha256(&body)));
    let pulled = rig.pull(&format!("{NAME}:sha256={}", sha256(&body))).await.unwrap();
    assert!(!pulled.fetched && pulled.card.files[0].verified);
    assert!(rig.fake.seen().is_empty());
}

#[tokio::test]
async fn without_a_file_the_usual_one_is_chosen_and_all_parts_come() {
    let parts = [gguf(500), gguf(700)];
    let mut rig = Rig::start().await;
    let names = ["q/M-Q4_K_M-00001-of-00002.gguf", "q/M-Q4_K_M-00002-of-00002.gguf"];
    let sibling = |i: usize| serde_json::json!({ "rfilename": names[i], "size": parts[i].len(), "lfs": { "sha256": sha256(&parts[i]) } });
    let listing = serde_json::json!({ "tags": ["license:apache-2.0"], "siblings": [{ "rfilename": "M-Q8_0.gguf" }, sibling(1), sibling(0)] });
    rig.fake.on("GET /api/models/o/r", Answer::json(200, listing.to_string()));
    for (name, part) in names.iter().zip(&parts) {
        rig.fake.on(&format!("GET /o/r/resolve/main/{name}"), Answer::new(200, "x/y", part.clone()));
    }
    let pulled = rig.pull("hf:o/r").await.unwrap();
    assert_eq!(pulled.name, "m-q4_k_m");
    assert_eq!(rig.files(), ["m-q4_k_m-00001-of-00002.gguf", "m-q4_k_m-00002-of-00002.gguf", "m-q4_k_m.json"]);
    assert!(pulled.card.files.iter().all(|f| f.verified));
    assert_eq!(pulled.card.license.as_deref(), Some("apache-2.0"));
    assert_eq!(rig.store().list().len(), 1);
    assert!(!rig.pull("hf:o/r:Q4_K_M").await.unwrap().fetched);
    // A part by its name brings the others.
    let mut rig2 = Rig::start().await;
    rig2.fake.on("GET /o/r/resolve/main/M-00001-of-00002.gguf", Answer::new(200, "x/y", parts[0].clone()));
    assert!(
        rig2.pull("hf:o/r:M-00001-of-00002.gguf")
            .await
            .unwrap_err()
            .what
            .contains("M-00002-of-00002.gguf is not there")
    );
    assert!(rig2.store().list().is_empty());
}

#[tokio::test]
async fn offline_it_says_what_to_copy_where() {
    let mut rig = Rig::start().await;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let nobody = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    rig.env.insert("HF_ENDPOINT", nobody.clone());
    let error = rig.pull(NAME).await.unwrap_err();
    assert_eq!(error.what, format!("{nobody} cannot be reached"));
    assert!(error.help.contains(&format!("{nobody}/o/r/resolve/main/m.gguf")), "{error:?}");
    assert!(error.help.contains(&rig.path("m.gguf").display().to_string()), "{error:?}");
    let error = rig.pull("hf:o/r").await.unwrap_err();
    assert!(error.help.contains(&format!("{nobody}/o/r/tree/main")) && error.help.contains("NAME.gguf"), "{error:?}");
    assert!(rig.files().is_empty());
    // The file was copied there: it counts.
    std::fs::write(rig.path("m.gguf"), gguf(1)).unwrap();
    assert_eq!(rig.store().list()[0].name, "m");
}
