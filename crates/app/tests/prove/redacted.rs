//! Part b, of what may travel only with its values taken out: no frame has a value, every answer has it again, and a secret
//! neither leaves nor comes back.
//!
//! Each request has a mark beside its values that may be seen, and must be: it shows that this very request was on the wire.
//!
//! Never here: which kinds are found (room `sense`), or how a placeholder is made (room `redact`).

use super::ask::{Api, Ask, Got};
use super::campaign::key_toml;
use super::canary::{Canary, Search, letters};
use super::far::{FAR, NAME, NAMES, Wire};
use super::frames::streams;
use super::link::seen_in;
use super::namespace::{cover, inside};
use super::server::{CALM, QUIET, SHORT, Server, key, place};
use super::table::Row;
use serde_json::Value;
use std::collections::BTreeSet;

/// Digits that end as Luhn's formula wants.
fn card() -> String {
    let mut digits = String::from("4") + &(0..14).map(|_| fastrand::digit(10)).collect::<String>();
    // Every second digit from the right counts twice; the check digit will stand at the very right.
    let sum: u32 = digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(i, d)| {
            let d = u32::from(d - b'0') * if i % 2 == 0 { 2 } else { 1 };
            d / 10 + d % 10
        })
        .sum();
    digits.push(char::from(b'0' + ((10 - sum % 10) % 10) as u8));
    digits
}

fn mail() -> String {
    format!("{}.{}@{}.de", letters(6), letters(8), letters(7))
}

/// Of the form of a token, assembled so that no scanner of this repository takes it for one.
fn token() -> String {
    let tail: String = std::iter::repeat_with(fastrand::alphanumeric).take(36).collect();
    ["gh", "p_", &tail].concat()
}

struct Sent {
    ask: Ask,
    values: Vec<String>,
    token: Option<String>,
    mark: Canary,
}

fn sent(api: Api, stream: bool, model: &str, class: &str, with_token: bool) -> Sent {
    let (card, mail, mark) = (card(), mail(), Canary::new());
    let token = with_token.then(token);
    let mut ask = Ask::new(api, stream, model, &mark).class(class);
    ask = ask.header("authorization", &format!("Bearer {}", key("plain")));
    let secret = token.as_ref().map_or(String::new(), |t| format!(" My GitHub token is {t} for now."));
    ask.text = format!("Charge card {card} and write to {mail}, please.{secret} {}", mark.text());
    Sent { ask, values: vec![card, mail], token, mark }
}

/// The text of an answer, its events put together.
fn said(got: &Got) -> String {
    let of = |v: &Value| {
        let at = |p: &str| v.pointer(p).and_then(Value::as_str).unwrap_or_default().to_owned();
        at("/choices/0/message/content") + &at("/choices/0/delta/content") + &at("/content/0/text") + &at("/delta/text")
    };
    match serde_json::from_slice(&got.body) {
        Ok(whole) => of(&whole),
        Err(_) => {
            let text = got.text();
            let frames = text.lines().filter_map(|l| l.strip_prefix("data: "));
            frames.filter_map(|f| serde_json::from_str(f).ok()).map(|v: Value| of(&v)).collect()
        }
    }
}

/// Needs detection, masking and restoring to be wired into the gateway.
#[test]
fn a_value_is_in_no_frame_and_in_every_answer() {
    inside("redacted::a_value_is_in_no_frame_and_in_every_answer", || async {
        let names = tempfile::tempdir().unwrap();
        cover("/etc/resolv.conf", &format!("nameserver {NAMES}\noptions timeout:1 attempts:1\n"), names.path());
        cover("/etc/hosts", &format!("127.0.0.1 localhost\n{FAR} {NAME}\n"), names.path());
        let wire = Wire::new().await;
        let mut config = format!("{QUIET}{SHORT}{CALM}{}", key_toml("plain", ""));
        for (name, voice, fake, origin) in &wire.clouds {
            let voice = *voice;
            super::link::answer_well(name, voice, fake);
            // Says what it was told, a few characters at a time.
            fake.on_fn(voice.chat_route(), move |seen| {
                let body = seen.json();
                let content = &body["messages"][0]["content"];
                let text = content.as_str().or_else(|| content[0]["text"].as_str()).unwrap_or_default().to_owned();
                let letters: Vec<char> = text.chars().collect();
                let pieces: Vec<String> = letters.chunks(5).map(|c| c.iter().collect()).collect();
                let pieces: Vec<&str> = pieces.iter().map(String::as_str).collect();
                let stream = body["stream"].as_bool().unwrap_or(voice.profile.api == decide::Api::Ollama);
                if stream { voice.stream(&pieces, true) } else { voice.plain(&text, Some(3)) }
            });
            config.push_str(&place(name, voice, origin, "tier = \"cloud\""));
        }
        let mut server = Server::start(&config, &[], &[]).await;
        let mut all = Vec::new();
        for (name, ..) in &wire.clouds {
            for (api, stream) in [(Api::Chat, false), (Api::Chat, true), (Api::Messages, false), (Api::Messages, true)]
            {
                for class in ["public", "personal"] {
                    for with_token in [false, true] {
                        all.push(sent(api, stream, &format!("{name}/m"), class, with_token));
                    }
                }
            }
        }
        let asks: Vec<Ask> = all.iter().map(|s| s.ask.clone()).collect();
        let answers = server.ask_all(&asks, 16).await;
        server.keep_pages().await;
        let frames = wire.frames().await;

        for (of, got) in all.iter().zip(&answers) {
            assert_eq!(got.status, 200, "{:?}: {}", of.ask, got.text());
            let text = said(got);
            for value in &of.values {
                assert!(text.contains(value.as_str()), "{value} is not in the answer again: {text}");
            }
            if let Some(token) = &of.token {
                assert!(!text.contains(token.as_str()), "a secret came back: {text}");
            }
        }
        let values: Vec<Canary> =
            all.iter().flat_map(|s| s.values.iter().chain(&s.token)).map(|v| Canary::value(v)).collect();
        let search = Search::of(&values);
        let leaked: Vec<String> = seen_in(&search, &frames).into_iter().map(|h| values[h.canary].text()).collect();
        assert_eq!(leaked, Vec::<String>::new(), "on the wire");
        let (written, files) = server.written(&search);
        assert_eq!(written, BTreeSet::new(), "in a file");
        // Each request was on the wire, with placeholders.
        let marks: Vec<Canary> = all.iter().map(|s| s.mark.clone()).collect();
        let seen: BTreeSet<usize> = seen_in(&Search::of(&marks), &frames).into_iter().map(|h| h.canary).collect();
        assert_eq!(seen.len(), all.len(), "the mark of each request is seen");
        let placeholders = |kind: &str| {
            streams(&frames)
                .iter()
                .map(|s| s.windows(kind.len()).filter(|w| *w == kind.as_bytes()).count())
                .sum::<usize>()
        };
        let (cards, mails) = (placeholders("[[CARD_"), placeholders("[[EMAIL_"));
        assert!(
            cards >= all.len() && mails >= all.len(),
            "{cards} cards and {mails} addresses of {} requests",
            all.len()
        );

        // Control: what is not looked for leaves, and the search sees it.
        server.reload(&format!("{config}\n[detect]\nenabled = false\n")).await;
        let open = sent(Api::Chat, false, "cloud-a/m", "public", false);
        assert_eq!(server.asker.ask(&open.ask).await.status, 200);
        let values: Vec<Canary> = open.values.iter().map(|v| Canary::value(v)).collect();
        let frames_then = wire.frames().await;
        let open: BTreeSet<usize> = seen_in(&Search::of(&values), &frames_then).into_iter().map(|h| h.canary).collect();
        assert_eq!(open.len(), values.len(), "detection off: both values are seen");
        server.stop().await;
        Row {
            part: "b redacted",
            asserted: format!("card, e-mail, token to three clouds: no value on the wire or in {files} files, {cards} + {mails} placeholders, card and e-mail restored, token never"),
            requests: all.len(),
            frames: Some(frames.len()),
            moved: None,
            controls: format!("each request's mark seen ({}); detection off: {} values seen", seen.len(), values.len()),
        }
        .write();
    });
}

#[test]
fn cards_are_valid() {
    for _ in 0..100 {
        let card = card();
        let sum: u32 = card
            .bytes()
            .rev()
            .enumerate()
            .map(|(i, d)| {
                let d = u32::from(d - b'0') * if i % 2 == 1 { 2 } else { 1 };
                if d > 9 { d - 9 } else { d }
            })
            .sum();
        assert_eq!((sum % 10, card.len()), (0, 16), "{card}");
    }
}
