//! Answers that break off or stall: faults 31 to 33.
//!
//! Never here: what single frames say.

use crate::rig::{CALLERS, Dialect, End, Got, Rig, SOON, VOICES, case_of};
use decide::{Outcome, Record};
use futures_util::StreamExt;
use std::collections::{HashMap, HashSet};
use std::time::Duration;
use testkit::{Answer, Seen, Step};

/// Requests at once.
const AT_ONCE: usize = 24;

/// An answer that is cut at every byte, with what is known of its bytes.
struct Recorded {
    answer: Answer,
    wire: usize,
    /// Behind each piece of text: the offset at which its frame is complete, and the text up to there.
    texts: Vec<(usize, String)>,
    /// The offset at which the terminal event is complete.
    whole: usize,
}

impl Recorded {
    /// The bytes on the wire up to the end of a number of steps, without the line that closes the last chunk.
    fn upto(answer: &Answer, steps: usize) -> usize {
        answer.clone().cut(steps, Step::End).wire().len() - 2
    }

    fn stream(rig: &Rig, place: usize) -> Recorded {
        let (answer, voice) = (rig.good(place, true), rig.voice(place));
        let first = voice.opening(false, true).len();
        let (mut text, mut texts) = (String::new(), Vec::new());
        for (i, piece) in ["Hello ", "from ", VOICES[place]].iter().enumerate() {
            text.push_str(piece);
            texts.push((Recorded::upto(&answer, first + i + 1), text.clone()));
        }
        let whole = Recorded::upto(&answer, answer.steps.len());
        Recorded { wire: answer.wire().len(), answer, texts, whole }
    }

    fn plain(rig: &Rig, place: usize) -> Recorded {
        let answer = rig.good(place, false);
        let wire = answer.wire().len();
        Recorded { wire, answer, texts: Vec::new(), whole: wire }
    }

    /// What the caller must get when the answer is cut at this offset.
    fn check(&self, offset: usize, got: &Got, name: &str) {
        let what = || format!("{name}, cut at byte {offset} of {}: {got:#?}", self.wire);
        let seen = self.texts.iter().rev().find(|(at, _)| *at <= offset);
        if offset >= self.whole {
            assert!(got.is_good() && got.text() == format!("Hello from {name}"), "whole: {}", what());
        } else if let Some((_, text)) = seen {
            assert!(matches!(got.end, End::Error(_)), "broken: {}", what());
            assert_eq!(&got.text(), text, "broken: {}", what());
        } else {
            assert!(got.is_good() && got.text() == "Hello from backup", "replaced: {}", what());
        }
    }

    /// What the ledger must have.
    fn check_records(&self, offset: usize, records: &[Record]) {
        let ends: Vec<Outcome> = records.iter().map(|r| r.outcome).collect();
        if offset >= self.whole {
            assert_eq!(ends, [Outcome::Ok], "{offset}");
        } else if self.texts.iter().any(|(at, _)| *at <= offset) {
            assert_eq!(ends, [Outcome::Failed], "{offset}");
            assert!(records[0].cost.is_some_and(|c| c.0 > 0), "{offset}: what came is settled: {records:#?}");
        } else {
            assert_eq!(ends, [Outcome::Failed, Outcome::Ok], "{offset}");
        }
    }
}

/// Asks once for every offset, and checks each answer and each record.
async fn at_every_offset(stream: bool, callers: &[Dialect], cut: fn(&Answer, usize) -> Answer) {
    let rig = Rig::of_voices().start().await;
    for (place, name) in VOICES.iter().enumerate() {
        let recorded = if stream { Recorded::stream(&rig, place) } else { Recorded::plain(&rig, place) };
        let answer = recorded.answer.clone();
        rig.script_fn(place, move |seen| cut(&answer, case_of(seen)));
        let ways = callers.iter().flat_map(|c| (0..=recorded.wire).map(move |offset| (*c, offset)));
        let (rig, recorded) = (&rig, &recorded);
        let asked = futures_util::stream::iter(ways).map(|(caller, offset)| async move {
            let got = rig.ask_case(caller, &format!("via-{name}"), stream, offset).await;
            recorded.check(offset, &got, name);
            (offset, got.request_id())
        });
        let ids: Vec<(usize, String)> = asked.buffer_unordered(AT_ONCE).collect().await;
        let mut by_id: HashMap<String, Vec<Record>> = HashMap::new();
        // Records are committed a moment after the answer.
        let all = |records: &[Record]| {
            let there: HashSet<&str> = records.iter().map(|r| &*r.request_id).collect();
            ids.iter().all(|(_, id)| there.contains(id.as_str()))
        };
        for r in rig.ledger_when(all).await {
            by_id.entry(r.request_id.to_string()).or_default().push(r);
        }
        for (offset, id) in &ids {
            let mut records = by_id.remove(id).unwrap_or_else(|| panic!("{offset}: no records"));
            records.sort_by_key(|r| r.attempt);
            recorded.check_records(*offset, &records);
        }
    }
    rig.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_31_a_reset_at_every_byte_of_a_stream() {
    at_every_offset(true, &CALLERS, Answer::reset_at).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_31_a_reset_at_every_byte_of_a_plain_answer() {
    at_every_offset(false, &CALLERS, Answer::reset_at).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_32_an_end_at_every_byte_of_a_stream() {
    at_every_offset(true, &[Dialect::Openai], Answer::closed_at).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_32_an_end_at_every_byte_of_a_plain_answer() {
    at_every_offset(false, &[Dialect::Anthropic], Answer::closed_at).await;
}

/// The body ends as HTTP says it should, and yet the terminal event is missing.
#[tokio::test]
async fn fault_32_an_end_without_its_terminal_event_is_truncated() {
    let rig = Rig::of_voices().start().await;
    for (place, name) in VOICES.iter().enumerate() {
        let (voice, good) = (rig.voice(place), rig.good(place, true));
        let texts = voice.opening(false, true).len() + 3;
        // Behind the last text, and behind everything but the terminal event.
        for steps in [texts, good.steps.len() - 1] {
            let mut short = good.clone();
            short.steps.truncate(steps);
            rig.script(place, short);
            for caller in CALLERS {
                let got = rig.ask(caller, &format!("via-{name}"), true).await;
                assert_eq!(got.text(), format!("Hello from {name}"), "{got:#?}");
                assert!(matches!(got.end, End::Error(_)), "{got:#?}");
                let records = rig.records(&got).await;
                assert_eq!(records.len(), 1, "nothing is replaced behind the first content");
                assert_eq!(
                    (records[0].outcome, records[0].error.as_deref()),
                    (Outcome::Failed, Some("upstream_truncated"))
                );
                assert!(records[0].cost.is_some_and(|c| c.0 > 0), "what came is settled: {records:#?}");
            }
        }
    }
    rig.finish().await;
}

#[tokio::test]
async fn fault_33_a_stall_for_ever_ends_at_the_gaps_deadline() {
    let rig = Rig::of_voices().config("[server]\ngap_s = 1\n").start().await;
    for (place, name) in VOICES.iter().enumerate() {
        let voice = rig.voice(place);
        let steps = [voice.opening(false, true), vec![voice.text("Hel"), Step::Stall]].concat();
        rig.script(place, voice.streamed(steps));
        let both = CALLERS.map(|caller| {
            let rig = &rig;
            async move {
                let got = rig.ask(caller, &format!("via-{name}"), true).await;
                assert_eq!(got.text(), "Hel", "{got:#?}");
                assert!(matches!(got.end, End::Error(_)), "{got:#?}");
                assert!(got.took >= Duration::from_millis(900) && got.took < SOON, "{:?}", got.took);
                let records = rig.records(&got).await;
                assert_eq!(records.len(), 1, "{records:#?}");
                assert_eq!(
                    (records[0].outcome, records[0].error.as_deref()),
                    (Outcome::Failed, Some("upstream_timeout"))
                );
            }
        });
        futures_util::future::join_all(both).await;
        assert!(rig.upstream(place).wait(SOON, |seen| seen.iter().any(Seen::closed_early)).await, "it is let go");
    }
    rig.finish().await;
}

#[tokio::test]
async fn fault_33_a_stall_that_ends_costs_nothing() {
    let rig = Rig::of_voices().config("[server]\ngap_s = 20\n").start().await;
    for (place, name) in VOICES.iter().enumerate() {
        let at = rig.voice(place).opening(false, true).len() + 1;
        rig.script(place, rig.good(place, true).insert(at, Step::Wait(Duration::from_millis(1200))));
        let both = CALLERS.map(|caller| {
            let rig = &rig;
            async move { rig.ask(caller, &format!("via-{name}"), true).await }
        });
        for got in futures_util::future::join_all(both).await {
            assert!(got.is_good() && got.text() == format!("Hello from {name}"), "{got:#?}");
        }
    }
    rig.finish().await;
}

/// A proxy on the way ends connections that are silent for long, so after fifteen seconds something is said that is none
/// of the answer.
#[tokio::test]
async fn fault_33_a_silent_stream_is_kept_open() {
    let rig = Rig::of_voices().config("[server]\ngap_s = 60\n").start().await;
    let wait = Duration::from_secs(20);
    let rig_ = &rig;
    let ways = (0..VOICES.len()).flat_map(|place| CALLERS.map(|caller| (place, caller)));
    for place in 0..VOICES.len() {
        let at = rig.voice(place).opening(false, true).len() + 1;
        rig.script(place, rig.good(place, true).insert(at, Step::Wait(wait)));
    }
    let all = ways.map(|(place, caller)| async move {
        let mut live = rig_.open(caller, rig_.body_for(caller, &format!("via-{}", VOICES[place]), true)).await;
        assert!(live.until(|b| b.windows(6).any(|w| w == b"Hello ")).await);
        let before = live.bytes().len();
        let began = std::time::Instant::now();
        assert!(live.more().await);
        assert!(began.elapsed() < wait - Duration::from_secs(1), "something comes before the answer goes on");
        let said = String::from_utf8_lossy(&live.bytes()[before..]).into_owned();
        let ping = if caller == Dialect::Anthropic { "event: ping\n" } else { ":" };
        assert!(said.starts_with(ping), "{said:?}");
        assert!(!said.contains("from"), "{said:?}");
        let got = rig_.note(live.rest().await);
        assert!(got.is_good() && got.text() == format!("Hello from {}", VOICES[place]), "{got:#?}");
    });
    futures_util::future::join_all(all).await;
    rig.finish().await;
}
