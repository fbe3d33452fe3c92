//! `make chaos`: the real server is killed with SIGKILL at random moments under load, again and again on the same ledger,
//! beside clients that keep their own account. In the end everything that a client saw complete is in the ledger, once.
//!
//! `DEWPOINT_CHAOS_KILLS` says how often (20 by default), `DEWPOINT_CHAOS_SEED` repeats a run's choices.
//!
//! Never here: the ledger's own crash tests, write by write (crate `ledger`).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(clippy::disallowed_methods, reason = "a test reads its size and seed from the environment")]

mod account;

use account::{Account, Balance};
use bytes::Bytes;
use decide::{Outcome, Record};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use testkit::{Asked, Call, Caller, Ending, Fake, Heard, Manner, Plan, Served, Voice, obey, place_toml, quiet_port};
use tokio::sync::Notify;

/// Clients, each with one request at a time.
const CLIENTS: usize = 16;
/// No embedded engine, nothing discovered, and short deadlines for what stalls.
const CONFIG: &str = "[engine]\nenabled = false\n[discovery]\nenabled = false\n[server]\nfirst_s = 1\ngap_s = 1\n\n";
/// Three upstreams that speak three dialects.
const VOICES: [(&str, &str); 3] = [("one", "openai"), ("two", "anthropic"), ("three", "ollama")];

fn setting(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |v| v.parse().expect("a whole number"))
}

/// What the clients share.
struct Clients {
    caller: Caller,
    account: Mutex<Account>,
    completed: Notify,
    next: AtomicUsize,
    stop: AtomicBool,
}

#[test]
fn fault_51_after_any_kill_what_clients_saw_complete_is_in_the_ledger_once() {
    let kills = setting("DEWPOINT_CHAOS_KILLS", 20);
    let seed = setting("DEWPOINT_CHAOS_SEED", fastrand::u64(..1 << 32));
    println!("{kills} kills, seed {seed} (DEWPOINT_CHAOS_SEED={seed} repeats its choices)");
    let (account, records) = account_and_ledger(kills, seed);
    let balance = account.balance(&records);
    let table = table(kills, &account, &balance, records.len());
    println!("{table}");
    if let Ok(page) = std::env::var("DEWPOINT_PAGE") {
        let head = format!("{kills} kills, {CLIENTS} clients; {}.\n\n", testkit::machine());
        testkit::chart::write_section(Path::new(&page), "chaos", &(head + &table));
    }
    assert!(account.complete.len() as u64 > kills * 20, "too little load to prove anything");
    assert!(balance.holds(), "{:?}", first_few(&balance));
}

/// The same account finds what is missing and what is there twice, if there is such a thing.
#[test]
fn the_account_finds_a_lost_and_a_doubled_record() {
    let (account, records) = account_and_ledger(1, 1);
    assert!(account.balance(&records).holds());
    let at = records.iter().position(|r| r.outcome == Outcome::Ok && account.complete.contains(&*r.request_id));
    let (at, id) = (at.unwrap(), records[at.unwrap()].request_id.to_string());

    let mut fewer = records.clone();
    fewer.retain(|r| *r.request_id != *id);
    let balance = account.balance(&fewer);
    assert_eq!((balance.lost.as_slice(), balance.unrecorded.as_slice()), (&[id.clone()][..], &[id.clone()][..]));
    // Recorded, but not as the answer that the client has.
    let mut failed = records.clone();
    failed[at].outcome = Outcome::Failed;
    assert_eq!(account.balance(&failed).lost, std::slice::from_ref(&id));

    for (outcome, attempt) in [(Outcome::Ok, 0), (Outcome::Ok, 1), (Outcome::Unknown, 1), (Outcome::Failed, 0)] {
        let mut more = records.clone();
        let attempt = records[at].attempt + attempt;
        more.push(Record { attempt_id: 1, outcome, attempt, ..records[at].clone() });
        assert_eq!(account.balance(&more).doubled, std::slice::from_ref(&id), "{outcome:?} {attempt}");
    }
    let mut plain = records.clone();
    plain[at].outcome = Outcome::Unknown;
    plain[at].usage.estimated = false;
    assert_eq!(account.balance(&plain).unflagged, [id]);
}

fn account_and_ledger(kills: u64, seed: u64) -> (Account, Vec<Record>) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let account = runtime.block_on(run(folder.path(), kills, seed));
    (account, ledger::records(&folder.path().join("data"), None, usize::MAX).unwrap())
}

async fn run(folder: &Path, kills: u64, seed: u64) -> Account {
    let (asked, mut config, mut fakes) = (Asked::default(), CONFIG.to_owned(), Vec::new());
    for (name, profile) in VOICES {
        let (fake, voice) = (Fake::start().await, Voice::of(profile));
        obey(&fake, voice, &asked);
        config.push_str(&place_toml(name, voice, fake.address()));
        fakes.push(fake);
    }
    std::fs::write(folder.join("dewpoint.toml"), config).unwrap();
    let (program, port) = (Path::new(env!("CARGO_BIN_EXE_dewpoint")), quiet_port());
    let clients = Arc::new(Clients {
        caller: Caller::new(([127, 0, 0, 1], port).into()),
        account: Mutex::default(),
        completed: Notify::new(),
        next: AtomicUsize::new(0),
        stop: AtomicBool::new(false),
    });
    let loops: Vec<_> = (0..CLIENTS).map(|n| tokio::spawn(client(clients.clone(), seed ^ n as u64))).collect();
    let mut rng = fastrand::Rng::with_seed(seed);
    for kill in 1..=kills {
        let mut served = Served::start(program, folder, port, &[]);
        if rng.u8(..100) < 15 {
            // While it starts: what the last crash left is being replayed.
            tokio::time::sleep(Duration::from_micros(rng.u64(..60_000))).await;
        } else {
            served.ready().await;
            tokio::time::sleep(Duration::from_micros(rng.u64(10_000..400_000))).await;
            if rng.bool() {
                // Right when a client has just seen the end of an answer.
                let _ = tokio::time::timeout(Duration::from_secs(1), clients.completed.notified()).await;
            }
        }
        served.kill();
        if kill % 10 == 0 {
            let account = clients.account.lock().unwrap();
            println!("{kill:>4} kills, {:>7} requests, {:>7} complete", account.requests, account.complete.len());
        }
    }
    let mut served = Served::start(program, folder, port, &[]);
    served.ready().await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    clients.stop.store(true, Ordering::SeqCst);
    for one in loops {
        one.await.unwrap();
    }
    assert_eq!(served.stop(Duration::from_secs(20)).await, Some(0), "it stops in order");
    let mut verify = Command::new(program);
    verify.env_clear().env("HOME", folder).env("DEWPOINT_DATA", folder.join("data")).current_dir(folder);
    let verified = verify.args(["ledger", "verify"]).output().unwrap();
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stderr));
    println!("{}", String::from_utf8_lossy(&verified.stdout).trim_end());
    let mut account = clients.account.lock().unwrap().clone();
    account.asked = asked.lock().unwrap().clone();
    account
}

/// One client: requests one after the other, plain and streamed, in both dialects, some of which meet a fault upstream.
async fn client(shared: Arc<Clients>, seed: u64) {
    let mut rng = fastrand::Rng::with_seed(seed);
    while !shared.stop.load(Ordering::SeqCst) {
        let id = format!("chaos-{}", shared.next.fetch_add(1, Ordering::Relaxed));
        let plan = match rng.u8(..100) {
            0..80 => Plan::Well,
            80..84 => Plan::Long,
            84..88 => Plan::Reset,
            88..92 => Plan::Error,
            92..95 => Plan::Cut,
            95..97 => Plan::Garbage,
            _ => Plan::Page,
        };
        let (messages, stream) = (rng.bool(), rng.bool());
        let text = format!("{} Say it again.", plan.mark(&id));
        let body = format!(
            r#"{{"model":"m","max_tokens":50,"stream":{stream},"messages":[{{"role":"user","content":"{text}"}}]}}"#
        );
        let call = Call {
            path: if messages { "/v1/messages" } else { "/v1/chat/completions" }.to_owned(),
            body: Bytes::from(body),
            headers: vec![("x-request-id".to_owned(), id.clone())],
            manner: Manner::Read,
            patience: Duration::from_secs(20),
        };
        let heard = shared.caller.call(&call).await;
        if heard.ending == Ending::NoConnection {
            tokio::time::sleep(Duration::from_millis(3)).await;
            continue;
        }
        if shared.note(id, &heard) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

impl Clients {
    /// Writes an answer into the account. Gives back whether it was an error.
    fn note(&self, id: String, heard: &Heard) -> bool {
        let mut account = self.account.lock().unwrap();
        account.requests += 1;
        let error = heard.status.is_some_and(|s| s >= 400) && heard.ending == Ending::Whole;
        if heard.complete() {
            assert_eq!(heard.request_id.as_ref(), Some(&id), "the request id is kept");
            account.complete.insert(id);
            self.completed.notify_one();
        } else if error {
            account.errors.insert(id);
        }
        error
    }
}

fn table(kills: u64, account: &Account, balance: &Balance, records: usize) -> String {
    let asked: u64 = account.asked.values().map(|n| u64::from(*n)).sum();
    let rows = [
        ("kills", kills),
        ("requests sent", account.requests),
        ("completed, as clients saw it", account.complete.len() as u64),
        ("… in the ledger as answered", balance.ok as u64),
        ("… in the ledger as unknown, at the estimate", balance.unknown as u64),
        ("whole error answers", account.errors.len() as u64),
        ("lost", balance.lost.len() as u64),
        ("doubled", balance.doubled.len() as u64),
        ("attempts that upstreams saw", asked),
        ("… without a record", balance.unrecorded.len() as u64),
        ("attempts in the ledger", records as u64),
        ("… of them unknown", balance.unknown_attempts as u64),
    ];
    let lines = rows.iter().map(|(name, count)| format!("| {name:<44} | {count:>8} |\n"));
    format!("| {:<44} | {:>8} |\n|{:-<46}|{:->9}:|\n{}", "", "count", "", "", lines.collect::<String>())
}

/// A failure names some requests, not thousands.
fn first_few(balance: &Balance) -> Balance {
    let few = |all: &[String]| all.iter().take(5).cloned().collect();
    Balance {
        lost: few(&balance.lost),
        doubled: few(&balance.doubled),
        unrecorded: few(&balance.unrecorded),
        unflagged: few(&balance.unflagged),
        ..balance.clone()
    }
}
