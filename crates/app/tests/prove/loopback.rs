//! Part a: a network that has loopback and nothing else. The kernel counts each packet that no route takes, so that even an
//! attempt is seen.
//!
//! Never here: a wire that leads out (`link`).

use super::ask::Api;
use super::campaign::{Campaign, Locals};
use super::counters::Unroutable;
use super::far::datagram;
use super::link::{answer_well, stayed};
use super::namespace::{cover, inside, own, run, variable};
use super::server::Server;
use super::table::Row;
use std::net::ToSocketAddrs;
use std::time::{Duration, Instant};
use testkit::{Fake, Voice, tiny};

const WIDTH: usize = 64;
/// Where an example's server would be; nobody's, and here without a route.
const NOWHERE: &str = "192.0.2.1";
const NOWHERE6: &str = "2001:db8::1";
/// Clouds that cannot be reached: by version 4, version 6 and a name.
const CLOUDS: [(&str, &str, &str); 3] = [
    ("cloud-a", "openai", "http://192.0.2.1:8080"),
    ("cloud-b", "anthropic", "http://[2001:db8::1]:8080"),
    ("cloud-c", "ollama", "http://cloud.example.com:8080"),
];

/// Names are asked of a server that no route leads to: a look-up counts as well.
fn no_names(folder: &std::path::Path) {
    cover("/etc/resolv.conf", "nameserver 192.0.2.53\noptions timeout:1 attempts:1\n", folder);
    cover("/etc/hosts", "127.0.0.1 localhost\n", folder);
}

fn clouds() -> Vec<(&'static str, Voice, String)> {
    CLOUDS.iter().map(|(name, voice, origin)| (*name, Voice::of(voice), (*origin).to_owned())).collect()
}

/// (c): a connection and a datagram of each version, and a look-up; each moves its counter.
#[expect(clippy::disallowed_methods, reason = "a control: the counters must see this")]
fn controls() -> Unroutable {
    let start = Unroutable::now();
    let moved = |what: &str, f: &dyn Fn()| {
        let before = Unroutable::now();
        f();
        let moved = Unroutable::now() - before;
        assert!(moved.sum() > 0, "{what} is not counted: the proof would see nothing");
        moved
    };
    let connect = |to: &str| assert!(std::net::TcpStream::connect((to, 80)).is_err(), "{to} answers");
    assert!(moved("a connection", &|| connect(NOWHERE)).v4 > 0);
    assert!(moved("a connection of version 6", &|| connect(NOWHERE6)).v6 > 0);
    assert!(moved("a datagram", &|| datagram(NOWHERE, "out")).v4 > 0);
    assert!(moved("a datagram of version 6", &|| datagram(NOWHERE6, "out")).v6 > 0);
    assert!(moved("a look-up", &|| drop(("cloud.example.com", 80).to_socket_addrs())).v4 > 0);
    Unroutable::now() - start
}

const FIRED: &str = "TCP v4, TCP v6, UDP v4, UDP v6, look-up of a name";

#[test]
fn nothing_configured_sends_nothing_anywhere() {
    if !cfg!(feature = "engine") {
        println!("built without the engine: an engine in its place is in `local_engines_with_every_fault`");
        return;
    }
    inside("loopback::nothing_configured_sends_nothing_anywhere", || async {
        let folder = tempfile::tempdir().unwrap();
        no_names(folder.path());
        let model = folder.path().join("tiny.gguf");
        std::fs::write(&model, tiny::Family::ALL[0].file().bytes(tiny::SEED)).unwrap();
        // A found engine at the usual port of Ollama, which nobody else has in here.
        let found = Fake::start_at(11434).await;
        let voice = Voice::of("ollama");
        found.on(voice.models_route(), voice.models(&["m"]));
        found.on("GET /api/version", voice.health());
        found.on_fn(voice.chat_route(), move |seen| {
            let stream = seen.json()["stream"].as_bool().unwrap_or(true);
            if stream { voice.stream(&["Hello"], true) } else { voice.plain("Hello", Some(1)) }
        });
        let before = Unroutable::now();
        // Nothing but which file the engine loads.
        let config = format!("[engine]\nmodel = \"{}\"\n", model.display());
        let mut server = Server::start(&config, &[], &[]).await;
        let mut campaign = Campaign::default();
        for class in ["public", "internal", "personal", "sensitive", "secret"] {
            for model in ["auto", "ollama/m", "tiny"] {
                for (api, stream) in
                    [(Api::Chat, false), (Api::Chat, true), (Api::Messages, false), (Api::Messages, true)]
                {
                    campaign.push(api, stream, model, class);
                }
            }
            for api in Api::MORE {
                campaign.push(api, false, "auto", class);
            }
        }
        let answers = server.ask_all(&campaign.asks, 4).await;
        let by = |place: &str| answers.iter().filter(|g| g.status == 200 && g.place.as_deref() == Some(place)).count();
        let (engine, ollama) = (by("edge"), by("ollama"));
        let said: Vec<_> =
            campaign.asks.iter().zip(&answers).map(|(a, g)| (a.api, &a.model, g.status, g.text())).collect();
        assert!(engine >= 5, "the engine answered {engine} times: {said:?}");
        assert!(ollama >= 20, "what was found answered {ollama} times: {said:?}");
        server.keep_pages().await;
        // A round of probes and more.
        tokio::time::sleep(Duration::from_millis(2_500)).await;
        server.stop().await;
        let moved = Unroutable::now() - before;
        assert_eq!(moved, Unroutable::default(), "something tried to leave\n{}", server.log());
        Row {
            part: "a nothing set",
            asserted: format!("embedded engine ({engine} answers) and a discovered one ({ollama}), five classes, discovery and probes: no packet tried to leave"),
            requests: campaign.asks.len(),
            frames: None,
            moved: Some(moved.to_string()),
            controls: format!("{FIRED}: {}", controls()),
        }
        .write();
    });
}

#[test]
fn local_engines_with_every_fault() {
    inside("loopback::local_engines_with_every_fault", || async {
        let folder = tempfile::tempdir().unwrap();
        no_names(folder.path());
        // Redirections lead out; nobody may follow.
        let locals = Locals::start(CLOUDS[0].2).await;
        let before = Unroutable::now();
        let mut server = Server::start(&locals.config(&[]), &[], &[]).await;
        let campaign = Campaign::faults().and(Campaign::direct(&["cloud-a"]));
        let answers = server.ask_all(&campaign.asks, WIDTH).await;
        stayed_local(&campaign, &answers);
        server.stop().await;
        let moved = Unroutable::now() - before;
        assert_eq!(moved, Unroutable::default(), "something tried to leave\n{}", server.log());
        let good = answers.iter().filter(|g| g.status == 200).count();
        assert!(good > 100, "only {good} answers");
        Row {
            part: "a local only",
            asserted: format!("local engines with every fault, redirections outward, fallback, retry, hedge ({good} answers): no packet tried to leave"),
            requests: campaign.asks.len(),
            frames: None,
            moved: Some(moved.to_string()),
            controls: format!("{FIRED}: {}", controls()),
        }
        .write();
    });
}

fn stayed_local(campaign: &Campaign, answers: &[super::ask::Got]) {
    for (ask, got) in campaign.asks.iter().zip(answers) {
        let here = got.place.as_ref().is_none_or(|p| p.starts_with("near") || p == "none");
        assert!(here, "{ask:?}: {:?}", got.place);
    }
}

/// Clouds that are configured are probed, by design: what is asserted is that requests add nothing to that. The clouds have
/// addresses of loopback until they are believed to be up; then the addresses go, and each packet to them is counted.
#[test]
fn configured_clouds_get_probes_and_no_request() {
    inside("loopback::configured_clouds_get_probes_and_no_request", || async {
        let folder = tempfile::tempdir().unwrap();
        no_names(folder.path());
        cover("/etc/hosts", &format!("127.0.0.1 localhost\n{NOWHERE} cloud.example.com\n"), folder.path());
        addresses("add");
        let mut fakes = Vec::new();
        for (name, voice, origin) in CLOUDS {
            let (voice, ip) = (Voice::of(voice), if origin.contains("2001") { NOWHERE6 } else { NOWHERE });
            let fake = Fake::start_on(ip.parse().unwrap()).await;
            answer_well(name, voice, &fake);
            let origin = origin.replace("8080", &fake.address().port().to_string());
            fakes.push((name, voice, fake, origin));
        }
        let clouds: Vec<_> = fakes.iter().map(|(n, v, _, o)| (*n, *v, o.clone())).collect();
        let names: Vec<&str> = clouds.iter().map(|c| c.0).collect();
        let locals = Locals::start(&clouds[0].2).await;
        let mut server = Server::start(&locals.config(&clouds), &[], &[]).await;
        server.all_up(&names).await;

        addresses("del");
        let campaign = Campaign::direct(&names).and(Campaign::some_faults());
        let (before, since) = (Unroutable::now(), Instant::now());
        let answers = server.ask_all(&campaign.asks, WIDTH).await;
        let (moved, took) = (Unroutable::now() - before, since.elapsed().as_secs_f64());
        stayed(&campaign.asks, &answers);
        // A probe of a place is a connection, or first a packet on one that was open.
        let rounds = took / 2.0 + 2.0;
        let allowed = (rounds * 2.0 * names.len() as f64) as u64;
        let requests = campaign.asks.len() as u64;
        assert!(allowed < requests / 4, "{took:.1} s: too slow for probes to be told from {requests} requests");
        assert!(moved.sum() <= allowed, "{moved} in {took:.1} s; probes alone are {allowed} at most");

        // Control: what may leave, asked of places that are believed to be up, moves the counters at least once each.
        addresses("add");
        server.all_up(&names).await;
        let public = (0..8).fold(Campaign::default(), |c, _| c.and(Campaign::public(&names)));
        addresses("del");
        let before = Unroutable::now();
        let failed = server.ask_all(&public.asks, public.asks.len()).await;
        let leaked = Unroutable::now() - before;
        assert!(failed.iter().all(|g| g.status >= 500), "a cloud answered without a route to it");
        // Each tries at least one of the places, as long as no probe has told that they are gone; that takes a moment.
        assert!(leaked.sum() >= public.asks.len() as u64 / 2, "{leaked} of {} attempts", public.asks.len());
        server.stop().await;
        Row {
            part: "a clouds set",
            asserted: format!("three clouds that were up, now without a route: probes may move the counters (at most {allowed} in {took:.1} s), requests that are to stay do not"),
            requests: campaign.asks.len(),
            frames: None,
            moved: Some(moved.to_string()),
            controls: format!("{} requests of class public: {leaked}", public.asks.len()),
        }
        .write();
    });
}

/// Gives loopback the addresses of the clouds, or takes them away.
fn addresses(what: &str) {
    run("ip", &["addr", what, &format!("{NOWHERE}/32"), "dev", "lo"]);
    let six = format!("{NOWHERE6}/128");
    let more: &[&str] = if what == "add" { &["nodad"] } else { &[] };
    run("ip", &[&["addr", what, &six, "dev", "lo"], more].concat());
}

/// Expects `serve --airgap`.
#[test]
fn an_airgap_sends_nothing_whatever_is_configured() {
    inside("loopback::an_airgap_sends_nothing_whatever_is_configured", || async {
        let folder = tempfile::tempdir().unwrap();
        no_names(folder.path());
        let locals = Locals::start(CLOUDS[0].2).await;
        let clouds = clouds();
        let names: Vec<&str> = clouds.iter().map(|c| c.0).collect();
        let before = Unroutable::now();
        let mut server = Server::start(&locals.config(&clouds), &["--airgap"], &[]).await;
        // What would be free to go as well.
        let campaign = Campaign::public(&names).and(Campaign::some_faults()).and(Campaign::direct(&names));
        let answers = server.ask_all(&campaign.asks, WIDTH).await;
        stayed_local(&campaign, &answers);
        let good = answers.iter().filter(|g| g.status == 200).count();
        assert!(good > 20, "only {good} answers");
        tokio::time::sleep(Duration::from_millis(2_500)).await;
        server.stop().await;
        let moved = Unroutable::now() - before;
        assert_eq!(moved, Unroutable::default(), "something tried to leave\n{}", server.log());
        // Control: the same without the flag; the probes alone move both counters.
        let before = Unroutable::now();
        let mut open = Server::start(&locals.config(&clouds), &[], &[]).await;
        open.ask_all(&Campaign::public(&names).asks, 4).await;
        tokio::time::sleep(Duration::from_millis(500)).await;
        open.stop().await;
        let leaked = Unroutable::now() - before;
        assert!(leaked.v4 > 0 && leaked.v6 > 0, "{leaked}: the flag makes no difference");
        Row {
            part: "a airgap",
            asserted: "--airgap with three clouds configured, class public and all the others: no packet tried to leave, probes and look-ups included".to_owned(),
            requests: campaign.asks.len(),
            frames: None,
            moved: Some(moved.to_string()),
            controls: format!("without the flag: {leaked}; {FIRED}: {}", controls()),
        }
        .write();
    });
}

/// The guard of all this: what runs inside is not in the network of the host, and has no routes.
#[test]
fn the_namespace_is_our_own() {
    let outside = own();
    inside("loopback::the_namespace_is_our_own", || async {
        assert_ne!(variable("DEWPOINT_PROVE_OUTSIDE"), Some(own()));
        let devices = std::fs::read_to_string("/proc/thread-self/net/dev").unwrap();
        assert!(devices.contains("lo:") && !devices.contains("eth"), "{devices}");
        assert_eq!(std::fs::read_to_string("/proc/thread-self/net/route").unwrap().lines().skip(1).count(), 0);
    });
    assert_eq!(own(), outside, "the outside stays where it is");
}
