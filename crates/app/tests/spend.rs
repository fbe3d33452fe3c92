//! Budgets on the real program: requests of one unit against a budget of a hundred, with upstreams that fail and stall, clients
//! that leave, hedges, and the server killed and restarted in between. The budget holds, nothing is lost, and what the server counts
//! as spent is what the ledger says.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use bytes::Bytes;
use decide::{Outcome, Record};
use std::collections::HashSet;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use testkit::{Answer, Call, Caller, Ending, Fake, Manner, Seen, Served, Step, quiet_port};

/// One token of answer at 1,000 dollars per million; prompts are free.
const UNIT: i64 = 1_000_000;
/// Of the team, in units.
const BUDGET: i64 = 100;
const PROGRAM: &str = env!("CARGO_BIN_EXE_dewpoint");

fn config(port: u16, fakes: &[(&str, &Fake)]) -> String {
    let mut out = format!("[server]\nlisten = \"127.0.0.1:{port}\"\nfirst_s = 1\ngap_s = 1\n");
    // The commands find the server where the configuration says.
    out.push_str(
        "[engine]\nenabled = false\n[discovery]\nenabled = false\n[audit]\nenabled = false\n\
                   [detect]\nenabled = false\n\
                   [resilience]\nhedge = true\nhedge_after_ms = 30\nretry_percent = 100\n\
                   [[organisation]]\nname = \"acme\"\nbudget = { month = 1 }\n\
                   [[team]]\nname = \"lab\"\norganisation = \"acme\"\nbudget = { month = 0.1, pace = false }\n",
    );
    for (name, fake) in fakes {
        out.push_str(&format!(
            "[[place]]\nname = \"{name}\"\napi = \"openai\"\nbase_url = \"http://{}/v1\"\nzone = \"vendor-cloud\"\n\
             models = [{{ id = \"m\", context_tokens = 8000, price = {{ input_per_mtok = 0, output_per_mtok = 1000 }} }}]\n",
            fake.address()
        ));
    }
    out
}

/// Runs the program beside the server, on its folder.
fn dewpoint(folder: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(PROGRAM);
    command.env_clear().env("HOME", folder).env("DEWPOINT_DATA", folder.join("data")).current_dir(folder);
    command.args(args).output().unwrap()
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Makes a key and gives it back.
fn key(folder: &Path, args: &[&str]) -> String {
    let made = dewpoint(folder, &[&["keys", "create", "--json"], args].concat());
    assert!(made.status.success(), "{}", text(&made));
    let made: serde_json::Value = serde_json::from_slice(&made.stdout).unwrap();
    made["key"].as_str().unwrap().to_owned()
}

/// One token, or some mishap: by chance, from a seed.
fn upstream(fake: &Fake, seed: u64) {
    let count = AtomicU64::new(seed);
    fake.on_fn("POST /v1/chat/completions", move |seen| {
        let mut chance = fastrand::Rng::with_seed(count.fetch_add(1, Ordering::Relaxed));
        let well = one_token(seen);
        if seen.json()["user"] == "calm" {
            return well;
        }
        match chance.u8(..100) {
            0..60 => well,
            60..70 => well.insert(0, Step::Wait(Duration::from_millis(chance.u64(20..120)))),
            70..78 => Answer::json(500, r#"{"error":{"message":"no"}}"#),
            78..84 => Answer::json(429, r#"{"error":{"message":"busy"}}"#),
            84..90 => Answer::of(vec![Step::Reset]),
            90..95 => Answer::garbage("nonsense\r\n"),
            _ => well.cut(1, Step::Close),
        }
    });
}

fn one_token(seen: &Seen) -> Answer {
    let usage = r#""usage":{"prompt_tokens":9,"completion_tokens":1,"total_tokens":10}"#;
    if seen.json()["stream"] == true {
        let head = r#""id":"c","object":"chat.completion.chunk","created":1,"model":"m""#;
        return Answer::stream(
            "text/event-stream",
            [
                format!(
                    "data: {{{head},\"choices\":[{{\"index\":0,\"delta\":{{\"role\":\"assistant\",\"content\":\"x\"}}}}]}}\n\n"
                ),
                format!(
                    "data: {{{head},\"choices\":[{{\"index\":0,\"delta\":{{}},\"finish_reason\":\"length\"}}]}}\n\n"
                ),
                format!("data: {{{head},\"choices\":[],{usage}}}\n\n"),
                "data: [DONE]\n\n".to_owned(),
            ],
        );
    }
    Answer::json(
        200,
        format!(
            r#"{{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{{"index":0,"message":{{"role":"assistant","content":"x"}},"finish_reason":"length"}}],{usage}}}"#
        ),
    )
}

fn call(id: &str, key: &str, stream: bool, calm: bool, manner: Manner) -> Call {
    let user = if calm { "calm" } else { "wild" };
    let body = format!(
        r#"{{"model":"m","max_tokens":1,"user":"{user}","stream":{stream},"messages":[{{"role":"user","content":"Say x."}}]}}"#
    );
    let headers =
        vec![("authorization".to_owned(), format!("Bearer {key}")), ("x-request-id".to_owned(), id.to_owned())];
    let patience = Duration::from_secs(30);
    Call { path: "/v1/chat/completions".to_owned(), body: Bytes::from(body), headers, manner, patience }
}

/// What clients saw, over all waves.
#[derive(Default)]
struct Saw {
    complete: HashSet<String>,
    refused: HashSet<String>,
    over_budget: usize,
}

/// One wave of requests at once; the server is killed in the middle of it where `kill_after` says so.
async fn wave(
    saw: &mut Saw,
    served: Served,
    (number, of): (usize, usize),
    keys: &[String],
    kill_after: Option<Duration>,
) -> Option<Served> {
    let caller = Arc::new(Caller::new(served.address()));
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..of {
        let mut chance = fastrand::Rng::with_seed((number * 10_000 + n) as u64);
        let manner = match chance.u8(..100) {
            0..6 => Manner::LeaveAfter(Duration::from_millis(chance.u64(1..60))),
            _ => Manner::Read,
        };
        let id = format!("w{number}-{n}");
        let call = call(&id, &keys[n % keys.len()], chance.bool(), false, manner);
        let caller = caller.clone();
        tasks.spawn(async move {
            // So that not all wait for the same moment.
            tokio::time::sleep(Duration::from_micros(chance.u64(..300_000))).await;
            (id, caller.call(&call).await)
        });
    }
    let mut served = Some(served);
    if let Some(after) = kill_after {
        tokio::time::sleep(after).await;
        served.take().unwrap().kill();
    }
    while let Some(done) = tasks.join_next().await {
        let (id, heard) = done.unwrap();
        if heard.complete() {
            saw.complete.insert(id);
        } else if heard.ending == Ending::Whole && heard.status.is_some_and(|s| s >= 400) {
            saw.over_budget += usize::from(String::from_utf8_lossy(&heard.tail).contains("budget_exceeded"));
            saw.refused.insert(id);
        }
    }
    served
}

/// What the ledger charges a record with.
fn charged(r: &Record) -> i64 {
    r.full.or(r.cost).map_or(0, |c| c.0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_requests_of_one_unit_against_a_budget_of_a_hundred_with_kills_and_restarts() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let (one, two) = (Fake::start().await, Fake::start().await);
    let seed = fastrand::u64(..1 << 32);
    println!("seed {seed}");
    upstream(&one, seed);
    upstream(&two, seed + 500_000);
    let port = quiet_port();
    std::fs::write(folder.join("dewpoint.toml"), config(port, &[("one", &one), ("two", &two)])).unwrap();
    let keys: Vec<String> =
        ["ann", "bob"].map(|name| key(folder, &[name, "--team", "lab", "--budget", "day=0.09"])).into();
    let start = || Served::start(Path::new(PROGRAM), folder, port, &[]);
    let mut saw = Saw::default();
    for number in 0..4 {
        let mut served = start();
        served.ready().await;
        let kill_after = (number < 3).then(|| Duration::from_millis(60 + 90 * number as u64));
        if let Some(served) = wave(&mut saw, served, (number, 250), &keys, kill_after).await {
            assert_eq!(served.stop(Duration::from_secs(20)).await, Some(0));
        }
    }
    // What is left of the budget is used up to the last unit, after one more restart.
    let mut served = start();
    served.ready().await;
    let caller = Caller::new(served.address());
    let mut refused = 0;
    for n in 0..400 {
        let heard = caller.call(&call(&format!("rest-{n}"), &keys[n % 2], false, true, Manner::Read)).await;
        match heard.status {
            Some(200) => {
                saw.complete.insert(format!("rest-{n}"));
                refused = 0;
            }
            Some(429) => refused += 1,
            other => panic!("{other:?}: {}", String::from_utf8_lossy(&heard.tail)),
        }
        if refused == 4 {
            break;
        }
    }
    assert_eq!(refused, 4, "in the end both keys are refused");
    let audit = dewpoint(folder, &["keys", "audit", "--json"]);
    let audit_text = text(&audit);
    let shown = text(&dewpoint(folder, &["budgets"]));
    assert_eq!(served.stop(Duration::from_secs(20)).await, Some(0));

    let records = ledger::records(&folder.join("data"), None, usize::MAX).unwrap();
    let spent: i64 = records.iter().map(charged).sum();
    let settled = records.iter().filter(|r| charged(r) > 0).count();
    let unknown = records.iter().filter(|r| r.outcome == Outcome::Unknown).count();
    println!(
        "{} attempts, {settled} charged, {unknown} of unknown end, {} answered, {} over budget\n{audit_text}{shown}",
        records.len(),
        saw.complete.len(),
        saw.over_budget
    );
    assert!(settled as i64 <= BUDGET && spent <= BUDGET * UNIT, "{settled} settled, {spent} nano-dollars");
    assert_eq!(
        spent,
        BUDGET * UNIT,
        "and the whole budget could be used: nothing was lost as reserved or as spent twice"
    );
    assert!(audit.status.success() && audit_text.contains("\"differ\":[]"), "{audit_text}");
    assert!(shown.contains("0.100000000"), "{shown}");
    for id in &saw.complete {
        let of: Vec<_> = records.iter().filter(|r| *r.request_id == **id).collect();
        let answered = of.iter().filter(|r| matches!(r.outcome, Outcome::Ok | Outcome::Unknown)).count();
        assert!(answered >= 1, "{id} was answered and is not in the ledger: {of:?}");
    }
    let ids: HashSet<_> = records.iter().map(|r| r.attempt_id).collect();
    assert_eq!(ids.len(), records.len());
    for id in &saw.refused {
        assert!(records.iter().any(|r| *r.request_id == **id), "{id} was told an error and is not in the ledger");
    }
    let teams: HashSet<_> = records.iter().filter(|r| r.place.is_some()).map(|r| r.team.as_deref()).collect();
    assert_eq!(teams, HashSet::from([Some("acme/lab")]));
}

/// Waits until `wanted` holds, at most five seconds.
async fn soon(what: &str, wanted: impl AsyncFn() -> bool) -> Duration {
    let since = Instant::now();
    while !wanted().await {
        assert!(since.elapsed() < Duration::from_secs(5), "not {what} within five seconds");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    since.elapsed()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_are_made_rotated_and_revoked_under_a_running_server() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let fake = Fake::start().await;
    upstream(&fake, 1);
    let port = quiet_port();
    std::fs::write(folder.join("dewpoint.toml"), config(port, &[("one", &fake)])).unwrap();
    let mut served = Served::start(Path::new(PROGRAM), folder, port, &[]);
    served.ready().await;
    let caller = Caller::new(served.address());
    let told = async |key: &str| {
        let heard = caller.call(&call("x", key, false, true, Manner::Read)).await;
        (heard.status.unwrap_or(0), String::from_utf8_lossy(&heard.tail).into_owned())
    };
    let status = async |key: &str| told(key).await.0;
    let ann = key(folder, &["ann", "--team", "lab"]);
    assert!(ann.starts_with("dp_") && ann.split('_').count() == 3, "{ann}");
    let after = soon("closed by the first key", async || status("").await == 401).await;
    println!("the first key closes the gateway after {after:?}");
    assert_eq!(status(&ann).await, 200);

    let rotated = dewpoint(folder, &["keys", "rotate", "ann", "--overlap", "1h", "--json"]);
    let new = serde_json::from_slice::<serde_json::Value>(&rotated.stdout).unwrap()["key"].as_str().unwrap().to_owned();
    soon("the new secret", async || status(&new).await == 200).await;
    assert_eq!(status(&ann).await, 200, "the overlap");
    let rotated = dewpoint(folder, &["keys", "rotate", "ann", "--overlap", "0s", "--json"]);
    let newest =
        serde_json::from_slice::<serde_json::Value>(&rotated.stdout).unwrap()["key"].as_str().unwrap().to_owned();
    soon("the newest secret", async || status(&newest).await == 200).await;
    let (code, why) = told(&new).await;
    assert_eq!(code, 401);
    assert!(why.contains("was replaced and is refused since"), "{why}");
    assert!(told(&ann).await.1.contains("not known"), "before last: forgotten");

    let listed = text(&dewpoint(folder, &["keys", "list"]));
    assert!(listed.contains("ann") && !listed.contains(newest.split('_').next_back().unwrap()), "{listed}");
    assert!(!listed.contains("never"), "last used: {listed}");
    assert!(dewpoint(folder, &["keys", "revoke", "ann"]).status.success());
    let after = soon("refused", async || status(&newest).await == 401).await;
    println!("a revoked key is refused after {after:?}");
    assert!(told(&newest).await.1.contains("was revoked on"));
    assert_eq!(status("").await, 401, "the last key was revoked: that opens nothing");
    let again = dewpoint(folder, &["keys", "revoke", "ann"]);
    assert!(!again.status.success() && text(&again).contains("it was revoked on"), "{}", text(&again));
    let twice = dewpoint(folder, &["keys", "create", "ann"]);
    assert!(text(&twice).contains("there is a key \"ann\" already"), "{}", text(&twice));
    let team = dewpoint(folder, &["keys", "create", "bob", "--team", "labs"]);
    assert!(text(&team).contains("did you mean \"lab\"?"), "{}", text(&team));
    let stored = std::fs::read_to_string(folder.join("data/keys.json")).unwrap();
    assert!(!stored.contains(newest.split('_').next_back().unwrap()), "no secret is stored");
    assert_eq!(served.stop(Duration::from_secs(20)).await, Some(0));
}
