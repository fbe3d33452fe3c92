//! The same answer in odd framing, and things behind its end: faults 34, 35, 36 and 45.
//!
//! Never here: odd content.

use crate::rig::{CALLERS, End, Got, Rig, SOON, VOICES, all_ways};
use bytes::Bytes;
use decide::{Api, Record};
use std::time::Duration;
use testkit::{Answer, Framing, Step, Voice};

/// The bytes of a body with each frame passed through `f`.
fn reframed(answer: &Answer, f: impl Fn(&str) -> String) -> Answer {
    let frames = answer.steps.iter().map(|s| match s {
        Step::Bytes(b) => Step::Bytes(f(std::str::from_utf8(b).unwrap()).into()),
        other => other.clone(),
    });
    Answer { steps: frames.collect(), ..answer.clone() }
}

/// All lawful ways in which one stream may be written.
fn ways_to_write(voice: Voice, good: &Answer) -> Vec<(&'static str, Answer)> {
    let body = good.body();
    let close = Answer { framing: Framing::Close, ..good.clone() };
    let mut ways = vec![
        ("a byte per segment", good.dripped(1, Duration::ZERO)),
        ("a byte per chunk", good.clone().pieces(1)),
        ("three bytes per chunk", good.clone().pieces(3)),
        ("all frames in one segment", good.clone().pieces(usize::MAX)),
        ("to the end of the connection", close.clone()),
        ("CRLF", reframed(good, |f| f.replace('\n', "\r\n"))),
        ("CRLF, a byte per chunk", reframed(good, |f| f.replace('\n', "\r\n")).pieces(1)),
    ];
    if voice.profile.api == Api::Ollama {
        ways.push(("empty lines between", reframed(good, |f| format!("\n{f}\n"))));
        ways.push((
            "no line feed at the end",
            Answer { steps: vec![Step::Bytes(body.trim_ascii_end().to_vec().into())], ..close },
        ));
        return ways;
    }
    ways.extend([
        ("CR", reframed(good, |f| f.replace('\n', "\r"))),
        ("comments between", reframed(good, |f| format!(": wait\n\n:\n{f}"))),
        ("ids and retry times", reframed(good, |f| format!("id: 7\nretry: 10\nunknown: x\n{f}"))),
        ("no space behind the colon", reframed(good, |f| f.replace("data: ", "data:").replace("event: ", "event:"))),
        ("data in several lines", reframed(good, |f| f.replace("\",\"", "\",\ndata: \""))),
        (
            "a byte order mark",
            Answer { steps: vec![Step::Bytes([b"\xef\xbb\xbf".to_vec(), body].concat().into())], ..good.clone() },
        ),
    ]);
    ways
}

/// What has to be the same: text, end, finish reason and counts.
fn essence(got: &Got, records: &[Record]) -> (String, End, Vec<String>, Vec<u64>) {
    let reasons = got.frames.iter().filter_map(|f| {
        let v = f.json();
        let at = ["/choices/0/finish_reason", "/delta/stop_reason"];
        at.iter().find_map(|a| v.pointer(a)?.as_str().map(str::to_owned))
    });
    let counts = records.iter().flat_map(|r| [r.usage.input, r.usage.output, r.usage.cached]);
    (got.text(), got.end.clone(), reasons.collect(), counts.collect())
}

#[tokio::test]
async fn fault_34_however_it_is_framed_the_answer_is_the_same() {
    let rig = Rig::of_voices().start().await;
    for (place, name) in VOICES.iter().enumerate() {
        for caller in CALLERS {
            let model = format!("{name}/m");
            rig.heal(place);
            let got = rig.ask(caller, &model, true).await;
            let wanted = essence(&got, &rig.records(&got).await);
            assert_eq!((wanted.0.as_str(), wanted.1.clone()), (format!("Hello from {name}").as_str(), End::Clean));
            for (what, answer) in ways_to_write(rig.voice(place), &rig.good(place, true)) {
                rig.script(place, answer);
                let got = rig.ask(caller, &model, true).await;
                assert_eq!(essence(&got, &rig.records(&got).await), wanted, "{name} {caller:?} {what}: {got:#?}");
            }
        }
    }
    rig.finish().await;
}

/// Two, three and four bytes each; the last one is two characters joined.
const TEXT: &str = "Grüße, 世界 🌍👩‍🔬";

#[tokio::test]
async fn fault_35_characters_cut_anywhere_arrive_whole() {
    let rig = Rig::of_voices().start().await;
    for (place, caller, stream) in all_ways() {
        let voice = rig.voice(place);
        let good = if stream { voice.stream(&[TEXT, TEXT], true) } else { voice.plain(TEXT, Some(3)) };
        let text = if stream { TEXT.repeat(2) } else { TEXT.to_owned() };
        let mut answers = vec![good.dripped(1, Duration::ZERO), good.dripped(2, Duration::ZERO)];
        if stream {
            answers.extend((1..=4).map(|size| good.clone().pieces(size)));
        }
        for answer in answers {
            rig.script(place, answer);
            let got = rig.ask(caller, &format!("{}/m", VOICES[place]), stream).await;
            assert!(got.is_good() && got.text() == text, "{got:#?}");
        }
    }
    rig.finish().await;
}

#[tokio::test]
async fn fault_36_a_line_without_end_is_cut_at_its_bound() {
    let rig = Rig::of_voices().start().await;
    let line = Bytes::from(vec![b'x'; 1 << 20]);
    for (place, name) in VOICES.iter().enumerate() {
        let voice = rig.voice(place);
        let start = if voice.profile.api == Api::Ollama { "{\"message\":\"" } else { "data: {\"a\":\"" };
        let endless: Vec<Step> =
            std::iter::once(Step::Bytes(start.into())).chain((0..50).map(|_| Step::Bytes(line.clone()))).collect();
        for caller in CALLERS {
            rig.script(place, voice.streamed(endless.clone()));
            let got = rig.ask(caller, &format!("via-{name}"), true).await;
            assert_eq!(got.text(), "Hello from backup", "{got:#?}");
            assert_eq!(rig.records(&got).await[0].error.as_deref(), Some("upstream_invalid"));
            let got = rig.ask(caller, &format!("{name}/m"), true).await;
            assert_eq!(got.status, 502, "{got:#?}");
            // The same behind content.
            let begun = [voice.opening(false, true), vec![voice.text("Hel")], endless.clone()].concat();
            rig.script(place, voice.streamed(begun));
            let got = rig.ask(caller, &format!("{name}/m"), true).await;
            assert!(got.text() == "Hel" && matches!(got.end, End::Error(_)), "{:?}", got.end);
        }
        assert!(rig.upstream(place).wait(SOON, |seen| seen.last().is_some_and(testkit::Seen::closed_early)).await);
        rig.heal(place);
    }
    rig.finish().await;
}

#[tokio::test]
async fn fault_36_a_plain_answer_without_end_is_cut_at_its_bound() {
    let rig = Rig::of_voices().memory(200).start().await;
    let piece = Bytes::from(vec![b' '; 1 << 20]);
    for (place, name) in VOICES.iter().enumerate() {
        let endless = (0..100).map(|_| Step::Bytes(piece.clone())).collect();
        rig.script(place, Answer::of(endless).header("content-type", "application/json"));
        for caller in CALLERS {
            let got = rig.ask(caller, &format!("via-{name}"), false).await;
            assert_eq!(got.text(), "Hello from backup", "{:?}", got.end);
            let got = rig.ask(caller, &format!("{name}/m"), false).await;
            assert_eq!(got.status, 502, "{:?}", got.end);
        }
    }
    rig.finish().await;
}

#[tokio::test]
async fn fault_45_what_stands_behind_the_end_is_dropped() {
    let rig = Rig::of_voices().start().await;
    for (place, name) in VOICES.iter().enumerate() {
        let voice = rig.voice(place);
        let good = rig.good(place, true);
        let more = [good.steps.clone(), vec![voice.text("POISON")], voice.closing(false, 1_000_000, true)].concat();
        for caller in CALLERS {
            for answer in [voice.streamed(more.clone()), voice.streamed(more.clone()).pieces(usize::MAX)] {
                rig.script(place, answer);
                let got = rig.ask(caller, &format!("{name}/m"), true).await;
                assert!(got.is_good() && got.text() == format!("Hello from {name}"), "{got:#?}");
                assert!(rig.records(&got).await[0].usage.output < 100, "nor is it counted");
            }
        }
    }
    rig.finish().await;
}

/// A response that nobody asked for must not become the answer of the next request on that connection.
#[tokio::test]
async fn fault_45_a_second_response_is_nobodys_answer() {
    let rig = Rig::of_voices().start().await;
    for (place, caller, stream) in all_ways() {
        let (name, voice) = (VOICES[place], rig.voice(place));
        let poison = if stream { voice.stream(&["POISON"], true) } else { voice.plain("POISON", Some(1)) };
        rig.script(place, rig.good(place, stream).and_then(&poison));
        for _ in 0..10 {
            let got = rig.ask(caller, &format!("{name}/m"), stream).await;
            assert!(got.is_good() && got.text() == format!("Hello from {name}"), "{got:#?}");
        }
        rig.heal(place);
    }
    rig.finish().await;
}
