//! Part b: every frame on the one wire that leads out. What is to stay on this host is in none of them, nor in anything
//! that is written; and what goes out on purpose is seen.
//!
//! There is no cascade and no shadow traffic in Dewpoint today; both would be attempts like any other and pass the same door.
//!
//! Never here: what redaction lets travel (`redacted`).

use super::ask::{Api, Ask, Got};
use super::campaign::{Campaign, FAULTS, Locals};
use super::canary::{Canary, Hit, Search};
use super::far::{FAR, FAR6, NAME, NAMES, Wire, datagram};
use super::frames::{Kinds, streams};
use super::namespace::{cover, inside};
use super::server::Server;
use super::table::Row;
use std::collections::BTreeSet;
use std::io::Write;
use testkit::Fake;

/// Requests at once.
const WIDTH: usize = 96;

/// All that a search finds in frames as they are and in the streams that they carry.
pub(crate) fn seen_in(search: &Search, frames: &[Vec<u8>]) -> BTreeSet<Hit> {
    frames.iter().chain(&streams(frames)).flat_map(|bytes| search.bytes(bytes)).collect()
}

/// Requests that stand on the wire, but for probes: those are GETs, and Ollama's question about a model.
pub(crate) fn posts(frames: &[Vec<u8>]) -> usize {
    let count = |s: &Vec<u8>, what: &[u8]| s.windows(what.len()).filter(|w| *w == what).count();
    streams(frames).iter().map(|s| count(s, b"POST /") - count(s, b"POST /api/show ")).sum()
}

/// Nothing of what was to stay came from a cloud, and what was asked of a cloud by name was refused without a word of it.
pub(crate) fn stayed(asks: &[Ask], answers: &[Got]) {
    for (ask, got) in asks.iter().zip(answers) {
        let from_cloud = got.place.as_ref().is_some_and(|p| p.starts_with("cloud"));
        assert!(!from_cloud, "{ask:?} was answered by {:?}", got.place);
        // Tokens are counted here, whatever the model.
        if ask.model.starts_with("cloud") && ask.api != Api::Count {
            assert!(got.status >= 400, "{ask:?}: {} {}", got.status, got.text());
            assert!(!got.text().contains(&ask.text[..12]), "a refusal says what it refuses: {}", got.text());
            if ask.model.ends_with("/m") && ask.api != Api::Ollama {
                let refused = got.status == 403 && got.text().contains("policy");
                assert!(refused, "{ask:?}: {} {}", got.status, got.text());
            }
        }
    }
}

#[test]
fn what_is_to_stay_is_in_no_frame_and_in_no_file() {
    inside("link::what_is_to_stay_is_in_no_frame_and_in_no_file", || async {
        let names = tempfile::tempdir().unwrap();
        cover("/etc/resolv.conf", &format!("nameserver {NAMES}\noptions timeout:1 attempts:1\n"), names.path());
        cover("/etc/hosts", &format!("127.0.0.1 localhost\n{FAR} {NAME}\n"), names.path());
        let wire = Wire::new().await;
        for (name, voice, fake, _) in &wire.clouds {
            answer_well(name, *voice, fake);
        }
        let locals = Locals::start(&wire.clouds[0].3).await;
        let clouds: Vec<_> = wire.clouds.iter().map(|(n, v, _, o)| (*n, *v, o.clone())).collect();
        let mut server = Server::start(&locals.config(&clouds), &[], &[]).await;
        let cloud_names: Vec<&str> = clouds.iter().map(|c| c.0).collect();

        let local = Campaign::faults().and(Campaign::direct(&cloud_names));
        let answers = server.ask_all(&local.asks, WIDTH).await;
        stayed(&local.asks, &answers);
        let good = answers.iter().filter(|g| g.status == 200).count();
        assert!(good > 100, "only {good} answers: too little went well to prove anything");
        // Kept answers, given again; and a crash in the midst of requests, with what is left of them behind it.
        let again: Vec<Ask> =
            local.asks.iter().filter(|a| a.headers.iter().any(|h| h.0 == "idempotency-key")).cloned().collect();
        stayed(&again, &server.ask_all(&again, WIDTH).await);
        server.keep_pages().await;
        let asker = server.asker.clone();
        let stalled: Vec<Ask> = local.asks.iter().filter(|a| a.text.contains("stall")).take(24).cloned().collect();
        let under_way =
            tokio::spawn(
                async move { futures_util::future::join_all(stalled.iter().map(|a| asker.ask(a))).await.len() },
            );
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        server.kill_and_start().await;
        assert_eq!(under_way.await.unwrap(), 24, "each client came to an end");
        server.keep_pages().await;

        let search = Search::of(&local.canaries);
        let frames = wire.frames().await;
        let leaked = seen_in(&search, &frames);
        assert_eq!(leaked, BTreeSet::new(), "on the wire");
        assert_eq!(posts(&frames), 0, "somebody sent more than a probe to a cloud");
        assert_eq!(wire.asked(), Vec::<Vec<u8>>::new(), "a cloud was asked");
        let (written, files) = server.written(&search);
        assert_eq!(written, BTreeSet::new(), "in a file");
        assert!(locals.asked() >= good, "the local engines answered");
        let requests = local.asks.len() + again.len() + 24;
        Row {
            part: "b frames",
            asserted: format!(
                "{} canaries, {} faults of local engines, fallback, retry, hedge, kept answers, kill -9: none on the wire ({}), none in {files} files; requests to clouds: 0",
                local.canaries.len(), FAULTS.len(), Kinds::of(&frames)
            ),
            requests,
            frames: Some(frames.len()),
            moved: None,
            controls: "below".to_owned(),
        }
        .write();

        let controls = controls(&wire, &server, &cloud_names).await;
        server.stop().await;
        controls.write();
    });
}

/// (c): what the part reports of a leak.
async fn controls(wire: &Wire, server: &Server, clouds: &[&str]) -> Row {
    let before = wire.frames().await;
    // What may go out is seen, in each protocol, by version 4, version 6 and a name.
    let public = Campaign::public(clouds);
    let answers = server.ask_all(&public.asks, 1).await;
    for (ask, got) in public.asks.iter().zip(&answers) {
        assert_eq!(got.status, 200, "{ask:?}: {}", got.text());
    }
    let search = Search::of(&public.canaries);
    let frames = wire.frames().await[before.len()..].to_vec();
    let seen: BTreeSet<usize> = seen_in(&search, &frames).into_iter().map(|h| h.canary).collect();
    assert_eq!(seen, (0..public.asks.len()).collect(), "each leak is seen on the wire");
    let mut arrived = BTreeSet::new();
    wire.asked().iter().for_each(|body| arrived.extend(search.bytes(body).into_iter().map(|h| h.canary)));
    assert_eq!(arrived.len(), public.asks.len(), "each leak is seen where it arrives");
    assert_eq!(posts(&frames), public.asks.len(), "each leak is a POST on the wire");

    // In a datagram to each version, encoded; and a few bytes at a time over many frames.
    let hidden = Canary::new();
    let search = Search::of([&hidden]);
    let base64 = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, hidden.text());
    for there in [FAR, FAR6] {
        let before = wire.frames().await.len();
        datagram(there, &base64);
        let frames = wire.frames().await;
        let seen = seen_in(&search, &frames[before..]);
        assert!(seen.iter().any(|h| h.form == "base64"), "in a datagram to {there}: {seen:?}");
    }
    let before = wire.frames().await.len();
    let pieces = drip(wire.clouds[0].2.address(), &hidden.text());
    let frames = wire.frames().await[before..].to_vec();
    let whole: BTreeSet<Hit> = frames.iter().flat_map(|f| search.bytes(f)).collect();
    assert_eq!(whole, BTreeSet::new(), "a frame holds too much for this control");
    assert!(!seen_in(&search, &frames).is_empty(), "split over {pieces} frames");

    // In a log, and in a file that is left.
    for (file, text) in [("log", hidden.text()), ("tmp/crash", base64)] {
        let path = server.folder.path().join(file);
        let mut opened = std::fs::OpenOptions::new().create(true).append(true).open(&path).unwrap();
        opened.write_all(text.as_bytes()).unwrap();
        let (found, _) = server.written(&search);
        assert!(found.iter().any(|(f, _)| f.ends_with(file)), "in {file}: {found:?}");
    }
    Row {
        part: "b control",
        asserted: "class public to each cloud (v4, v6, by name), a datagram, a text split over frames, a line in the log, a file: each is found".to_owned(),
        requests: public.asks.len(),
        frames: Some(frames.len()),
        moved: None,
        controls: format!("{} of {} leaks on the wire, 2 datagrams, 1 split over {pieces} frames, 2 files", seen.len(), public.asks.len()),
    }
}

/// A cloud that answers whatever it is asked.
pub(crate) fn answer_well(name: &'static str, voice: testkit::Voice, fake: &Fake) {
    fake.on(voice.models_route(), voice.models(&["m"]));
    if let Some(path) = voice.profile.health {
        fake.on(&format!("GET {path}"), voice.health());
    }
    fake.on_fn(voice.chat_route(), move |seen| {
        let stream = seen.json()["stream"].as_bool().unwrap_or(voice.profile.api == decide::Api::Ollama);
        if stream { voice.stream(&["Hello ", "from ", name], true) } else { voice.plain(name, Some(3)) }
    });
}

/// Sends a text in pieces of four bytes, each of which has gone before the next one is written; gives their number.
#[expect(clippy::disallowed_methods, reason = "a control: the sniffer must see this")]
fn drip(to: std::net::SocketAddr, text: &str) -> usize {
    let mut socket = std::net::TcpStream::connect(to).unwrap();
    socket.set_nodelay(true).unwrap();
    text.as_bytes().chunks(4).map(|piece| socket.write_all(piece).unwrap()).count()
}
