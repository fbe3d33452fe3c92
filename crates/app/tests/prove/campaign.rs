//! The requests of a proof: every fault of a local engine × callers' dialects × plain and streamed × each way of saying that
//! a request is to stay, along routes whose next target is a cloud.
//!
//! Never here: witnesses.

use super::ask::{Api, Ask};
use super::canary::Canary;
use super::server::{CALM, QUIET, SHORT, key, place};
use ring::digest::{SHA256, digest};
use std::time::Duration;
use testkit::{Answer, Deaf, Fake, Framing, Seen, Step, Voice};

/// What a local engine does; each is one thing that upstreams of the test kit can do, and every step of its scripts is
/// among them.
pub(crate) const FAULTS: [&str; 36] = [
    "good",
    "slow",
    "drip",
    "pieces",
    "hints",
    "status-400",
    "status-401",
    "status-403",
    "status-404",
    "status-408",
    "status-409",
    "status-413",
    "status-422",
    "status-429",
    "status-500",
    "status-502",
    "status-503",
    "status-529",
    "redirect-301",
    "redirect-302",
    "redirect-307",
    "redirect-308",
    "in-band",
    "reset-first",
    "reset-mid",
    "close-first",
    "close-mid",
    "short",
    "stall-first",
    "stall-head",
    "stall-mid",
    "garbage",
    "raw",
    "html",
    "empty",
    "gzip",
];

/// How a request says that it is to stay: headers, and the key it comes with.
const STAYS: [(&str, Option<&str>, &str); 6] = [
    ("header sensitive", Some("sensitive"), "plain"),
    ("header secret", Some("secret"), "plain"),
    ("key", None, "ward"),
    ("key, and a header that would lower it", Some("public"), "ward"),
    ("key and header", Some("secret"), "ward"),
    ("route", None, "plain"),
];

/// Two local engines of these voices, which do what a request's text tells them.
pub(crate) struct Locals {
    engines: Vec<(&'static str, Voice, Fake)>,
    refusing: Deaf,
}

impl Locals {
    /// `elsewhere` is where redirections lead.
    pub(crate) async fn start(elsewhere: &str) -> Locals {
        let mut engines = Vec::new();
        for (name, profile) in [("near-a", "vllm"), ("near-b", "ollama")] {
            let (voice, fake) = (Voice::of(profile), Fake::start().await);
            fake.on(voice.models_route(), voice.models(&["m"]));
            if let Some(path) = voice.profile.health {
                fake.on(&format!("GET {path}"), voice.health());
            }
            let elsewhere = elsewhere.to_owned();
            fake.on_fn(voice.chat_route(), move |seen| obey(voice, seen, &elsewhere));
            engines.push((name, voice, fake));
        }
        Locals { engines, refusing: Deaf::refusing() }
    }

    /// How many chats they were asked.
    pub(crate) fn asked(&self) -> usize {
        self.engines.iter().flat_map(|(_, _, fake)| fake.seen()).filter(|s| s.method == "POST").count()
    }

    /// A configuration with these engines, one that refuses connections, and clouds: name, voice, origin.
    pub(crate) fn config(&self, clouds: &[(&str, Voice, String)]) -> String {
        let mut out = format!("{QUIET}{SHORT}{CALM}[policy]\nattempts_max = 5\n\n");
        for (name, class) in [("plain", ""), ("ward", "class = \"sensitive\"\n")] {
            out.push_str(&key_toml(name, class));
        }
        let local = "tier = \"local\"\nkind = \"appliance\"";
        for (name, voice, fake) in &self.engines {
            out.push_str(&place(name, *voice, &fake.url(""), local));
        }
        out.push_str(&place("near-gone", Voice::of("vllm"), &self.refusing.url(""), local));
        for (name, voice, origin) in clouds {
            out.push_str(&place(name, *voice, origin, "tier = \"cloud\""));
        }
        let all = |firsts: &[&str]| {
            let names = firsts.iter().copied().chain(clouds.iter().map(|c| c.0));
            names.map(|n| format!("\"{n}/m\"")).collect::<Vec<_>>().join(", ")
        };
        for (route, targets, more) in [
            ("fall", all(&["near-a", "near-b"]), ""),
            ("pair", all(&["near-b"]), ""),
            ("gone", all(&["near-gone"]), ""),
            ("best", all(&["near-a"]), "objective = \"best\"\n"),
            ("clinic", all(&["near-a"]), "class = \"sensitive\"\n"),
        ] {
            out.push_str(&format!("[[route]]\nname = \"{route}\"\ntargets = [{targets}]\n{more}\n"));
        }
        out
    }
}

/// The lines of a caller's key.
pub(crate) fn key_toml(name: &str, more: &str) -> String {
    let hash = digest(&SHA256, key(name).as_bytes());
    let hash: String = hash.as_ref().iter().map(|b| format!("{b:02x}")).collect();
    format!("[[key]]\nname = \"{name}\"\nhash = \"sha256:{hash}\"\n{more}\n")
}

/// What the text of a request says after `fault=`; well where it says nothing.
fn obey(voice: Voice, seen: &Seen, elsewhere: &str) -> Answer {
    let body = seen.json();
    let text = body["messages"][0]["content"].as_str().unwrap_or_default();
    let fault = text.split_once("fault=").and_then(|(_, f)| f.split_once(';')).map_or("good", |(f, _)| f);
    act(voice, seen, fault, elsewhere)
}

/// One of [`FAULTS`]. Good answers repeat the text.
pub(crate) fn act(voice: Voice, seen: &Seen, fault: &str, elsewhere: &str) -> Answer {
    let body = seen.json();
    let text = body["messages"][0]["content"].as_str().unwrap_or_default();
    let stream = body["stream"].as_bool().unwrap_or(voice.profile.api == decide::Api::Ollama);
    let good = if stream { voice.stream(&["You said: ", text], true) } else { voice.plain(text, Some(3)) };
    let middle = good.wire().len() / 2;
    if let Some(status) = fault.strip_prefix("status-").map(|n| n.parse().expect("a status")) {
        let answer = voice.error(status, "no");
        return if status == 429 { answer.header("retry-after", "1") } else { answer };
    }
    if let Some(status) = fault.strip_prefix("redirect-").map(|n| n.parse().expect("a status")) {
        let (_, path) = voice.chat_route().split_once(' ').expect("method and path");
        return Answer::json(status, "").header("location", &format!("{elsewhere}{path}"));
    }
    match fault {
        "good" => good,
        "slow" => good.insert(0, Step::Wait(Duration::from_millis(150))),
        "drip" => good.dripped(64, Duration::from_millis(1)),
        "pieces" => good.pieces(3),
        "hints" => good.after_hints(3),
        "in-band" if stream => voice.streamed(voice.in_band("no")),
        "in-band" => Answer::json(200, r#"{"error":{"message":"no","type":"server_error"}}"#),
        "reset-first" => Answer::of(vec![Step::Reset]),
        "reset-mid" => good.reset_at(middle),
        "close-first" => Answer::of(vec![Step::Close]),
        "close-mid" => good.closed_at(middle),
        "short" => {
            let steps = good.steps.len();
            good.framed(Framing::Close).cut(steps.saturating_sub(1), Step::Close)
        }
        "stall-first" => Answer::of(vec![Step::Stall]),
        "stall-head" => Answer::of(vec![Step::Head, Step::Stall]),
        "stall-mid" => good.stalled_at(middle),
        "garbage" => Answer::garbage("\0\u{1}this is not HTTP\r\n\r\n"),
        "raw" => Answer::raw("HTTP/1.1 200 OK\r\n"),
        "html" => Answer::new(200, "text/html", "<html>log in</html>"),
        "empty" => Answer::json(200, ""),
        "gzip" => good.header("content-encoding", "gzip"),
        other => panic!("no such fault: {other}"),
    }
}

/// Requests, each with the canary of the same number.
#[derive(Default)]
pub(crate) struct Campaign {
    pub(crate) asks: Vec<Ask>,
    pub(crate) canaries: Vec<Canary>,
}

impl Campaign {
    fn add(&mut self, ask: impl FnOnce(&Canary) -> Ask) {
        let canary = Canary::new();
        self.asks.push(ask(&canary));
        self.canaries.push(canary);
    }

    /// One more request, of this class, without a key.
    pub(crate) fn push(&mut self, api: Api, stream: bool, model: &str, class: &str) {
        self.add(|canary| Ask::new(api, stream, model, canary).class(class));
    }

    /// What is to stay on this host, along local engines with every fault; a cloud would be next.
    pub(crate) fn faults() -> Campaign {
        Campaign::with_faults(STAYS.len())
    }

    /// The same, each fault in each way with one of the ways of staying, in turns.
    pub(crate) fn some_faults() -> Campaign {
        Campaign::with_faults(1)
    }

    fn with_faults(stays: usize) -> Campaign {
        let mut out = Campaign::default();
        for (i, fault) in FAULTS.iter().enumerate() {
            for (j, (api, stream)) in ways().into_iter().enumerate() {
                for k in 0..stays {
                    let (stay, class, key) = STAYS[(i + j + k) % STAYS.len()];
                    let model = if stay == "route" { "clinic" } else { ["fall", "pair", "best"][(i + j + k) % 3] };
                    out.add(|canary| {
                        let mut ask = with(Ask::new(api, stream, model, canary), class, key);
                        ask.text = format!("fault={fault}; {}", canary.text());
                        // A third of them is asked for twice under one key of idempotency: its answer is kept.
                        if k % 3 == 0 { ask.header("idempotency-key", &format!("{i}-{j}-{k}")) } else { ask }
                    });
                }
            }
        }
        out
    }

    /// What is to stay, asked of clouds by name, by `auto`, by every endpoint, and behind an engine that is gone.
    pub(crate) fn direct(clouds: &[&str]) -> Campaign {
        let mut out = Campaign::default();
        let named: Vec<String> = clouds.iter().flat_map(|c| ["m", "v", "r"].map(|m| format!("{c}/{m}"))).collect();
        let more = Api::MORE.map(|api| (api, false));
        for (i, (api, stream)) in ways().into_iter().chain(more).enumerate() {
            for (j, model) in named.iter().map(String::as_str).chain(["gone", "auto", "best"]).enumerate() {
                // Each model with three of the ways of staying that do not need a route; in turns.
                for k in 0..3 {
                    let (_, class, key) = STAYS[(i + j + k) % 5];
                    out.add(|canary| with(Ask::new(api, stream, model, canary), class, key));
                }
            }
        }
        out
    }

    /// What may go anywhere, asked of these clouds: the control.
    pub(crate) fn public(clouds: &[&str]) -> Campaign {
        let mut out = Campaign::default();
        for cloud in clouds {
            for (api, stream) in ways() {
                let model = format!("{cloud}/m");
                out.add(|canary| with(Ask::new(api, stream, &model, canary), Some("public"), "plain"));
            }
        }
        out
    }

    pub(crate) fn and(mut self, other: Campaign) -> Campaign {
        self.asks.extend(other.asks);
        self.canaries.extend(other.canaries);
        self
    }
}

/// The dialects in which one may talk, plain and streamed.
fn ways() -> Vec<(Api, bool)> {
    Api::TALK.into_iter().flat_map(|api| [(api, false), (api, true)]).collect()
}

fn with(ask: Ask, class: Option<&str>, caller: &str) -> Ask {
    let ask = ask.header("authorization", &format!("Bearer {}", key(caller)));
    if let Some(class) = class { ask.class(class) } else { ask }
}
