//! Faults 12 and 13: clients that leave, and clients that only close their half.

use super::{chat, to_the_end, until};
use crate::rig::{Rig, SOON};
use decide::Outcome;
use std::time::{Duration, Instant};
use testkit::{Answer, Seen, Step, Voice};
use tokio::io::AsyncWriteExt;

async fn rig() -> Rig {
    Rig::new().place(Voice::of("openai")).start().await
}

/// What may pass until the upstream is let go, with room for a busy machine.
const LET_GO: Duration = Duration::from_millis(100);

/// Waits until the upstream saw its request and gives it.
async fn asked(rig: &Rig) -> Seen {
    let begun = Instant::now();
    loop {
        if let Some(seen) = rig.chats(0).pop() {
            return seen;
        }
        assert!(begun.elapsed() < SOON, "the upstream is not asked");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

async fn let_go(seen: &Seen) -> Duration {
    let begun = Instant::now();
    while !seen.closed_early() {
        assert!(begun.elapsed() < SOON, "the upstream was not let go");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    begun.elapsed()
}

/// An answer that stops: before its first content, in the middle, or one chunk before the usage.
fn stopping(rig: &Rig, when: &str) -> Answer {
    let voice = rig.voice(0);
    let mut steps = voice.opening(false, true);
    if when != "before" {
        steps.push(voice.text("Hello"));
    }
    if when == "end" {
        steps.push(voice.text(" you."));
    }
    steps.push(Step::Stall);
    voice.streamed(steps)
}

#[tokio::test]
async fn fault_12_the_upstream_of_a_client_that_left_is_let_go() {
    for (when, wanted) in [("before", ""), ("middle", "Hello"), ("end", " you.")] {
        for reset in [false, true] {
            let rig = rig().await;
            rig.script(0, stopping(&rig, when));
            let mut socket = rig.connect().await;
            until(&mut socket, chat(&rig, true, "").as_bytes(), wanted).await;
            let seen = asked(&rig).await;
            if reset {
                socket.set_zero_linger().unwrap();
            }
            drop(socket);
            let took = let_go(&seen).await;
            println!("{when}, {}: let go after {took:?}", if reset { "reset" } else { "closed" });
            assert!(took < LET_GO, "{when}, reset {reset}: {took:?}");
            let all = rig.ledger_when(|all| all.iter().any(|r| r.outcome == Outcome::Cancelled)).await;
            assert_eq!(
                (all.len(), all[0].usage.output > 0),
                (1, when != "before"),
                "settled on what was seen: {all:#?}"
            );
            assert!(all[0].usage.estimated);
            rig.finish().await;
        }
    }
}

/// A plain answer: nothing was written yet, so the server has to find out by asking.
#[tokio::test]
async fn fault_12_a_client_that_left_before_a_plain_answer_is_noticed() {
    let rig = rig().await;
    rig.script(0, Answer::of(vec![Step::Stall]));
    for reset in [false, true] {
        let before = rig.chats(0).len();
        let mut socket = rig.connect().await;
        socket.write_all(chat(&rig, false, "").as_bytes()).await.unwrap();
        while rig.chats(0).len() == before {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let seen = asked(&rig).await;
        if reset {
            socket.set_zero_linger().unwrap();
        }
        drop(socket);
        let took = let_go(&seen).await;
        println!("plain, {}: let go after {took:?}", if reset { "reset" } else { "closed" });
        assert!(took < LET_GO, "reset {reset}: {took:?}");
    }
    rig.ledger_when(|all| all.len() == 2 && all.iter().all(|r| r.outcome == Outcome::Cancelled)).await;
    rig.finish().await;
}

#[tokio::test]
async fn fault_13_a_half_closed_client_is_answered() {
    let rig = rig().await;
    for (stream, slow) in [(false, false), (false, true), (true, false), (true, true)] {
        let mut answer = rig.good(0, stream);
        if slow {
            answer = answer.insert(0, Step::Wait(Duration::from_millis(200)));
        }
        rig.once(0, answer);
        let mut socket = rig.connect().await;
        socket.write_all(chat(&rig, stream, "").as_bytes()).await.unwrap();
        socket.shutdown().await.unwrap();
        let text = to_the_end(&mut socket).await;
        assert!(text.contains("HTTP/1.1 200") && text.contains("openai"), "{stream} {slow}: {text}");
        assert_eq!(text.contains("[DONE]"), stream, "{text}");
    }
    let all = rig.ledger_when(|all| all.len() == 4).await;
    assert!(all.iter().all(|r| r.outcome == Outcome::Ok), "{all:#?}");
    rig.finish().await;
}
