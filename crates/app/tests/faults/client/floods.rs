//! Fault 16: floods of HTTP/2 frames, written by hand (RFC 9113).

use crate::rig::{Dialect, Rig};
use std::time::{Duration, Instant};
use testkit::{Answer, Step, Voice};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let n = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut out = vec![n[1], n[2], n[3], kind, flags];
    out.extend_from_slice(&stream.to_be_bytes());
    out.extend_from_slice(payload);
    out
}

/// A literal field without indexing (RFC 7541, 6.2.2); names and values shorter than 127 bytes.
fn field(name: &str, value: &str) -> Vec<u8> {
    let text = |s: &str| [&[u8::try_from(s.len()).unwrap()][..], s.as_bytes()].concat();
    [vec![0], text(name), text(value)].concat()
}

/// `POST /v1/chat/completions`.
fn head() -> Vec<u8> {
    [
        field(":method", "POST"),
        field(":scheme", "http"),
        field(":path", "/v1/chat/completions"),
        field(":authority", "localhost"),
        field("content-type", "application/json"),
    ]
    .concat()
}

/// How a flood ended.
struct Ended {
    /// The error code of a GOAWAY frame.
    goaway: Option<u32>,
    took: Duration,
}

/// Writes frames until the server ends the connection, or there are no more; reads all the while, as a peer does.
async fn flood(rig: &Rig, frames: impl Iterator<Item = Vec<u8>> + Send + 'static) -> Ended {
    let begun = Instant::now();
    let (mut reader, mut writer) = rig.connect().await.into_split();
    let writing = tokio::spawn(async move {
        let opening = [PREFACE, &frame(SETTINGS, 0, 0, &[])].concat();
        if writer.write_all(&opening).await.is_err() {
            return;
        }
        for bytes in frames {
            if writer.write_all(&bytes).await.is_err() {
                return;
            }
        }
        // Stays open: it is the server who ends it.
        std::future::pending::<()>().await;
    });
    let mut seen = Vec::new();
    let _ = tokio::time::timeout(crate::rig::SOON, reader.read_to_end(&mut seen)).await.expect("the server ends it");
    writing.abort();
    let mut goaway = None;
    let mut rest = &seen[..];
    while rest.len() >= 9 {
        let n = u32::from_be_bytes([0, rest[0], rest[1], rest[2]]) as usize;
        if rest[3] == GOAWAY && rest.len() >= 17 {
            goaway = Some(u32::from_be_bytes([rest[13], rest[14], rest[15], rest[16]]));
        }
        rest = rest.get(9 + n..).unwrap_or_default();
    }
    Ended { goaway, took: begun.elapsed() }
}

/// CPU time of the server so far.
fn cpu(rig: &Rig) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", rig.pid())).unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    Duration::from_millis(ticks * 10)
}

const ENHANCE_YOUR_CALM: u32 = 11;

async fn rig() -> Rig {
    let rig = Rig::new().place(Voice::of("openai")).start().await;
    rig.script(0, Answer::of(vec![Step::Stall]));
    rig
}

/// Others are served as ever, and little was spent.
async fn calm(rig: Rig, before: Duration, what: &str) {
    let spent = cpu(&rig) - before;
    println!("{what}: {spent:?} of CPU time");
    assert!(spent < Duration::from_secs(3), "{what}: {spent:?} of CPU time");
    rig.heal(0);
    assert!(rig.ask(Dialect::Openai, "any", false).await.is_good(), "{what}");
    rig.finish().await;
}

#[tokio::test]
async fn fault_16_rapid_resets_end_the_connection() {
    let rig = rig().await;
    let before = cpu(&rig);
    let frames = (0..50_000u32).map(|i| {
        let id = 2 * i + 1;
        let body = br#"{"model":"any","messages":[{"role":"user","content":"x"}]}"#;
        [
            frame(HEADERS, END_HEADERS, id, &head()),
            frame(DATA, END_STREAM, id, body),
            frame(RST_STREAM, 0, id, &8u32.to_be_bytes()),
        ]
        .concat()
    });
    let ended = flood(&rig, frames).await;
    assert_eq!(ended.goaway, Some(ENHANCE_YOUR_CALM), "after {:?}", ended.took);
    calm(rig, before, "rapid reset").await;
}

#[tokio::test]
async fn fault_16_continuation_without_end_ends_the_connection() {
    let rig = rig().await;
    let before = cpu(&rig);
    let first = frame(HEADERS, 0, 1, &head());
    let next = frame(CONTINUATION, 0, 1, &field("x-more", &"a".repeat(100)).repeat(100));
    let ended = flood(&rig, std::iter::once(first).chain(std::iter::repeat_n(next, 100_000))).await;
    println!("CONTINUATION flood ended with {:?} after {:?}", ended.goaway, ended.took);
    calm(rig, before, "CONTINUATION").await;
}

#[tokio::test]
async fn fault_16_a_header_bomb_is_not_unpacked() {
    let rig = rig().await;
    let before = cpu(&rig);
    // A field of 4 kB in the dynamic table, then 16,000 one-byte references to it: 64 MB of headers in 16 kB.
    let value = "a".repeat(4_000 - 32);
    let mut block = head();
    block.extend([0x40, 1, b'x', 0x7f]);
    let mut n = value.len() - 127;
    while n >= 128 {
        block.push(u8::try_from(n % 128).unwrap() | 0x80);
        n /= 128;
    }
    block.push(u8::try_from(n).unwrap());
    block.extend_from_slice(value.as_bytes());
    let bomb = [frame(HEADERS, END_STREAM, 1, &block), frame(CONTINUATION, END_HEADERS, 1, &[0xbe; 16_000])].concat();
    let rss = || {
        let status = std::fs::read_to_string(format!("/proc/{}/status", rig.pid())).unwrap();
        let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap()
    };
    let at_first = rss();
    let mut socket: TcpStream = rig.connect().await;
    socket.write_all(&[PREFACE, &frame(SETTINGS, 0, 0, &[]), &bomb].concat()).await.unwrap();
    let mut seen = vec![0; 4096];
    // 431, a reset of the stream, or the end; not an answer.
    let _ = tokio::time::timeout(crate::rig::SOON, socket.read(&mut seen)).await.expect("something comes");
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(rss() - at_first < 16 * 1024, "{} kB more", rss() - at_first);
    assert!(rig.chats(0).is_empty(), "it went upstream");
    drop(socket);
    calm(rig, before, "header bomb").await;
}

/// A flood whose frames ask for an answer, from a peer that reads none: the server's queue of answers is bounded, so it
/// stops reading or ends the connection.
#[tokio::test]
async fn fault_16_settings_and_pings_cost_bounded_memory() {
    let rig = rig().await;
    for (what, bytes) in [("SETTINGS", frame(SETTINGS, 0, 0, &[])), ("PING", frame(PING, 0, 0, &[7; 8]))] {
        let before = cpu(&rig);
        let mut socket = rig.connect().await;
        socket.write_all(&[PREFACE, &frame(SETTINGS, 0, 0, &[])].concat()).await.unwrap();
        let many = bytes.repeat(1_000);
        let begun = Instant::now();
        let mut written = 0usize;
        // 2,000,000 frames, or until the server takes no more.
        for _ in 0..2_000 {
            match tokio::time::timeout(Duration::from_secs(2), socket.write_all(&many)).await {
                Ok(Ok(())) => written += 1_000,
                _ => break,
            }
        }
        println!("{what}: {written} frames taken in {:?}, {:?} of CPU time", begun.elapsed(), cpu(&rig) - before);
        drop(socket);
    }
    rig.heal(0);
    assert!(rig.ask(Dialect::Openai, "any", false).await.is_good());
    rig.finish().await;
}
