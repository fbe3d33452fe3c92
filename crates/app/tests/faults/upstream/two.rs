//! Upstreams that speak HTTP/2: fault 46.
//!
//! Never here: HTTP/1.

use crate::rig::{CALLERS, End, Rig, SOON, callers};
use decide::{Api, Outcome};
use std::time::Duration;
use testkit::{Authority, FakeTwo, Step, Two, TwoEnd, Voice};

/// A place `two` behind HTTP/2 and a backup behind HTTP/1.
struct Pair {
    rig: Rig,
    two: FakeTwo,
    _folder: tempfile::TempDir,
}

const VOICE: &str = "openai";

fn pieces(steps: &[Step]) -> Vec<bytes::Bytes> {
    let bytes = |s: &Step| if let Step::Bytes(b) = s { Some(b.clone()) } else { None };
    steps.iter().filter_map(bytes).collect()
}

/// A stream (or a plain answer) of which the first `count` frames come, and its end.
fn answer(stream: bool, count: usize, end: TwoEnd) -> Two {
    let voice = Voice::of(VOICE);
    assert_eq!(voice.profile.api, Api::Openai);
    let whole =
        if stream { voice.stream(&["Hello ", "from ", "two"], true) } else { voice.plain("Hello from two", Some(3)) };
    let mut pieces = pieces(&whole.steps);
    pieces.truncate(count);
    Two { media: if stream { "text/event-stream" } else { "application/json" }, pieces, end }
}

const ALL: usize = usize::MAX;
/// The frame with the role, and the first with text.
const CONTENT: usize = 2;

impl Pair {
    async fn start(config: &str, window: usize) -> Pair {
        let authority = Authority::new();
        let folder = tempfile::tempdir().unwrap();
        let roots = folder.path().join("roots.pem");
        authority.write(&roots);
        let two = FakeTwo::start(&authority.certificate("localhost"), answer(true, ALL, TwoEnd::Well)).await;
        two.window(window);
        let rig = Rig::new()
            .place_at("two", Voice::of(VOICE), &two.url("/v1"))
            .named("backup", Voice::of("vllm"))
            .env("SSL_CERT_FILE", roots.to_str().unwrap())
            .config(config)
            .start()
            .await;
        Pair { rig, two, _folder: folder }
    }

    async fn is_well(&self) {
        for (caller, stream) in callers() {
            self.two.answers(answer(stream, ALL, TwoEnd::Well));
            let got = self.rig.ask(caller, "two/m", stream).await;
            assert!(got.is_good() && got.text() == "Hello from two", "{got:#?}");
        }
    }
}

#[tokio::test]
async fn fault_46_a_reset_stream_is_a_broken_answer_and_others_go_on() {
    let pair = Pair::start("", 1 << 16).await;
    pair.is_well().await;
    let connections = pair.two.connections();
    for caller in CALLERS {
        for stream in [true, false] {
            pair.two.answers(answer(stream, if stream { 1 } else { 0 }, TwoEnd::Reset));
            let got = pair.rig.ask(caller, "via-two", stream).await;
            assert_eq!(got.text(), "Hello from backup", "{got:#?}");
        }
        pair.two.answers(answer(true, CONTENT, TwoEnd::Reset));
        let got = pair.rig.ask(caller, "via-two", true).await;
        assert_eq!(got.text(), "Hello ", "{got:#?}");
        assert!(matches!(got.end, End::Error(_)), "{got:#?}");
        let records = pair.rig.records(&got).await;
        assert_eq!((records.len(), records[0].outcome), (1, Outcome::Failed), "{records:#?}");
    }
    pair.is_well().await;
    assert_eq!(pair.two.connections(), connections, "a reset is of one stream; the connection goes on");
    pair.rig.finish().await;
}

#[tokio::test]
async fn fault_46_a_connection_that_goes_away_is_not_used_again() {
    let pair = Pair::start("", 1 << 16).await;
    for caller in CALLERS {
        for (count, stream) in [(1, true), (0, false)] {
            pair.two.answers(answer(stream, count, TwoEnd::Away));
            let got = pair.rig.ask(caller, "via-two", stream).await;
            assert_eq!(got.text(), "Hello from backup", "{got:#?}");
            pair.is_well().await;
        }
        let connections = pair.two.connections();
        pair.two.answers(answer(true, CONTENT, TwoEnd::Away));
        let got = pair.rig.ask(caller, "via-two", true).await;
        assert_eq!(got.text(), "Hello ", "{got:#?}");
        assert!(matches!(got.end, End::Error(_)), "{got:#?}");
        pair.is_well().await;
        assert!(pair.two.connections() > connections, "a new connection");
    }
    pair.rig.finish().await;
}

#[tokio::test]
async fn fault_46_a_stalled_stream_ends_at_the_gaps_deadline() {
    let pair = Pair::start("[server]\ngap_s = 1\n", 1 << 16).await;
    for caller in CALLERS {
        pair.two.answers(answer(true, CONTENT, TwoEnd::Stall));
        let got = pair.rig.ask(caller, "via-two", true).await;
        assert_eq!(got.text(), "Hello ", "{got:#?}");
        assert!(matches!(got.end, End::Error(_)), "{got:#?}");
        assert!(got.took > Duration::from_millis(900) && got.took < SOON);
        pair.is_well().await;
    }
    pair.rig.finish().await;
}

/// The body of the request can never be sent.
#[tokio::test]
async fn fault_46_a_window_that_never_opens_runs_into_the_deadline() {
    let pair = Pair::start("[server]\nfirst_s = 1\ntotal_s = 3\n", 0).await;
    for caller in CALLERS {
        let got = pair.rig.ask(caller, "via-two", true).await;
        assert_eq!(got.text(), "Hello from backup", "{got:#?}");
        assert!(got.took > Duration::from_millis(900) && got.took < SOON);
        assert_eq!(pair.rig.records(&got).await[0].error.as_deref(), Some("upstream_timeout"));
    }
    // From now on the upstream is well, for whoever makes a new connection.
    pair.two.window(1 << 16);
    pair.is_well().await;
    pair.rig.finish().await;
}
