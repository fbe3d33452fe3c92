//! Tests of the door as a whole: real sockets on this host, and a resolver with a script.
#![allow(clippy::unwrap_used)]

use super::*;
use decide::{Api, Kind, Place, PlaceId, Tier, Zone};
use futures_util::FutureExt;
use http_body_util::BodyExt;
use std::sync::atomic::{AtomicUsize, Ordering};
use testkit::{Answer, Fake};

const WAIT: Duration = Duration::from_secs(5);

/// A resolver that says for the n-th look-up what stands n-th in `script` (the last one from then on), and how often it was asked.
fn scripted(script: &[&[&str]]) -> (Resolver, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    let found = |ips: &&[&str]| ips.iter().map(|ip| SocketAddr::new(ip.parse().unwrap(), 0)).collect();
    let script: Vec<Arc<[SocketAddr]>> = script.iter().map(found).collect();
    let look_up = move |_| {
        let nth = count.fetch_add(1, Ordering::SeqCst).min(script.len() - 1);
        let found = script[nth].clone();
        async move { Ok(found) }.boxed()
    };
    (Resolver::with(Box::new(look_up)), asked)
}

fn dialer(egress: Egress, resolver: Resolver) -> Dialer {
    Dialer::with(DialerOptions { egress, ..DialerOptions::default() }, resolver).unwrap()
}

fn origin(url: &str) -> Origin {
    Origin::parse(url).unwrap()
}

async fn get(dialer: &Dialer, at: &Origin) -> Result<String, CallError> {
    let upstream = dialer.upstream(at.clone(), None, Auth::None, Peer::Unknown).unwrap();
    let route = upstream.below("/models")?;
    let answer = upstream.send(Errand::Probe(Question::DOCUMENT), &route, &[], WAIT, None).await?;
    let body = answer.into_body().collect().await.map_err(|e| CallError::Lost(e.to_string()))?;
    Ok(String::from_utf8_lossy(&body.to_bytes()).into_owned())
}

fn reason(result: Result<impl std::fmt::Debug, CallError>) -> Reason {
    match result {
        Err(CallError::Forbidden { reason, .. }) => reason,
        other => unreachable!("it was not refused: {other:?}"),
    }
}

fn count(dialer: &Dialer, wanted: Reason) -> u64 {
    dialer.denied().find(|(reason, _)| *reason == wanted).unwrap().1
}

fn place(id: &str) -> Arc<Place> {
    Arc::new(Place {
        id: PlaceId::new(id),
        api: Api::Openai,
        tier: Tier::Local,
        kind: Kind::Appliance,
        zone: Zone::SameHost,
        provider: "x".into(),
        terms: decide::Terms::default(),
        economics: None,
    })
}

/// A fake that closes each connection after its answer, and an origin with a name that leads to it.
async fn house() -> (Fake, Origin) {
    let fake = Fake::start().await;
    fake.on("GET /v1/models", Answer::json(200, "{}").header("connection", "close"));
    let at = origin(&format!("http://gpu.example:{}/v1", fake.address().port()));
    (fake, at)
}

#[tokio::test]
async fn fault_21_a_name_that_leads_elsewhere_today_is_not_followed() {
    let (fake, at) = house().await;
    let (resolver, asked) =
        scripted(&[&["127.0.0.1"], &["93.184.216.34"], &["169.254.169.254", "127.0.0.1"], &["127.0.0.1"]]);
    let dialer = dialer(Egress::default().place(&at, Zone::SameHost), resolver);
    let again = async || {
        // What the resolver remembers grows old.
        tokio::time::pause();
        tokio::time::advance(Duration::from_secs(6)).await;
        tokio::time::resume();
        get(&dialer, &at).await
    };
    assert_eq!(get(&dialer, &at).await.as_deref(), Ok("{}"));
    assert_eq!(reason(again().await), Reason::Public, "the second connection");
    assert_eq!(reason(again().await), Reason::Forbidden, "the third");
    assert_eq!(again().await.as_deref(), Ok("{}"), "and back");
    assert_eq!((fake.connections(), asked.load(Ordering::SeqCst)), (2, 4));
    assert_eq!((count(&dialer, Reason::Public), count(&dialer, Reason::Forbidden)), (1, 1));
}

#[tokio::test]
async fn fault_21_a_vendors_name_never_leads_to_this_host_or_network() {
    let (fake, at) = house().await;
    for (answer, expected) in [
        (&[&["127.0.0.1"][..]][..], Reason::Loopback),
        (&[&["::1"]], Reason::Loopback),
        (&[&["::ffff:127.0.0.1"]], Reason::Loopback),
        (&[&["10.0.0.1"]], Reason::Private),
        (&[&["64:ff9b::10.0.0.1"]], Reason::Private),
        (&[&["100.100.100.200"]], Reason::Forbidden),
        (&[&["169.254.169.254", "1.1.1.1"]], Reason::Forbidden),
    ] {
        let dialer = dialer(Egress::default().place(&at, Zone::VendorCloud), scripted(answer).0);
        assert_eq!(reason(get(&dialer, &at).await), expected, "{answer:?}");
    }
    assert_eq!(fake.connections(), 0);
}

#[tokio::test]
async fn what_is_not_listed_is_neither_looked_up_nor_dialled_and_is_counted() {
    let (fake, named) = house().await;
    let literal = origin(&format!("http://{}/v1", fake.address()));
    let (resolver, asked) = scripted(&[&["127.0.0.1"]]);
    let dialer = dialer(Egress::default(), resolver);
    for at in [&named, &literal, &origin("https://api.example/v1")] {
        assert_eq!(reason(get(&dialer, at).await), Reason::NotListed);
        assert_eq!(reason(get(&dialer, at).await), Reason::NotListed);
        assert_eq!(reason(dialer.addresses(at).await), Reason::NotListed);
    }
    assert_eq!((fake.connections(), asked.load(Ordering::SeqCst)), (0, 0));
    assert_eq!(count(&dialer, Reason::NotListed), 9);
    // An upstream that was made before keeps nothing open once the list is another one.
    dialer.allow(Egress::default().place(&literal, Zone::SameHost));
    assert_eq!(get(&dialer, &literal).await.as_deref(), Ok("{}"));
    let upstream = dialer.upstream(literal.clone(), None, Auth::None, Peer::Unknown).unwrap();
    dialer.renew(Egress::default());
    let route = upstream.below("/models").unwrap();
    let sent = upstream.send(Errand::Probe(Question::DOCUMENT), &route, &[], WAIT, None).await;
    assert_eq!(reason(sent.map(|_| ())), Reason::NotListed);
}

#[tokio::test]
async fn an_air_gap_is_closed_for_good_and_asks_no_name_server() {
    let (fake, named) = house().await;
    let local = origin(&format!("http://localhost:{}/v1", fake.address().port()));
    let (resolver, asked) = scripted(&[&["127.0.0.1"]]);
    let list = || Egress::default().place(&named, Zone::SameHost).place(&local, Zone::SameHost);
    let dialer = dialer(list().airgapped(true), resolver);
    assert_eq!(reason(get(&dialer, &named).await), Reason::Airgap);
    assert_eq!(get(&dialer, &local).await.as_deref(), Ok("{}"));
    dialer.allow(list());
    dialer.renew(list());
    assert!(dialer.is_airgapped(), "a configuration that is read again opens nothing");
    assert_eq!(reason(get(&dialer, &named).await), Reason::Airgap);
    assert_eq!(asked.load(Ordering::SeqCst), 0);
    // The other way round it closes at once.
    let open =
        Dialer::with(DialerOptions { egress: list(), ..DialerOptions::default() }, scripted(&[&["127.0.0.1"]]).0)
            .unwrap();
    assert_eq!(get(&open, &named).await.as_deref(), Ok("{}"));
    open.renew(list().airgapped(true));
    assert_eq!(reason(get(&open, &named).await), Reason::Airgap);
}

#[tokio::test]
async fn each_upstream_runs_its_own_errands_only() {
    let (fake, _) = house().await;
    fake.on("POST /v1/chat/completions", Answer::json(200, "{}"));
    let at = origin(&format!("http://{}/v1", fake.address()));
    let dialer = Dialer::new(DialerOptions::default()).unwrap();
    let (here, there) = (place("here"), place("there"));
    let ask = |place| Errand::Ask(testkit::permit_for(1, place, "m"), Bytes::from_static(b"{}"));
    let probe = || Errand::Probe(Question::DOCUMENT);
    for (peer, good, bad) in [
        (Peer::Place(&here.id), vec![ask(&here), probe()], vec![ask(&there), Errand::Pull]),
        (Peer::Unknown, vec![probe()], vec![ask(&here), Errand::Pull]),
        (Peer::Hub, vec![Errand::Pull], vec![ask(&here), probe(), Errand::Probe(Question::model("m"))]),
    ] {
        let before = fake.requests();
        let upstream = dialer.upstream(at.clone(), None, Auth::None, peer).unwrap();
        let route = upstream.below("/chat/completions").unwrap();
        for errand in bad {
            let refused = upstream.send(errand, &route, &[], WAIT, None).await;
            assert!(matches!(refused, Err(CallError::Built(_))), "{peer:?}: {refused:?}");
        }
        assert_eq!(fake.requests(), before, "{peer:?}");
        let due = before + good.len();
        for errand in good {
            assert!(upstream.send(errand, &route, &[], WAIT, None).await.is_ok(), "{peer:?}");
        }
        assert_eq!(fake.requests(), due, "{peer:?}");
    }
}
