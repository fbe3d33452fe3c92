//! The rig: scripted upstreams, the real server, clients, and the oracle that every test ends with.
//!
//! ```ignore
//! let rig = Rig::new().place(Voice::of("openai")).place(Voice::of("ollama")).config("[server]\nfirst_s = 1").start().await;
//! rig.once(0, Answer::json(500, "{}"));                        // the next chat at the first place
//! let got = rig.post(Dialect::Openai, rig.body(Dialect::Openai, false)).await;
//! assert_eq!(got.text(), "Hello from ollama");
//! assert_eq!(rig.records(&got).await.len(), 2);
//! rig.finish().await;                                          // the oracle; a rig dropped without it fails the test
//! ```
//!
//! Every place has the model `m` at 1 and 2 dollars per million tokens. The model name `any` asks for the places in
//! their order; `via-NAME` for the place of that name and then the last one. Places answer well (`Hello from NAME`)
//! until they are told otherwise. Every prompt has a canary, which the oracle looks for in the log and on the disk.
//!
//! Never here: faults and what is promised of them.

#![allow(dead_code, reason = "what one area does not use another does")]

mod builder;
mod client;
mod got;
mod oracle;
mod raw;
mod server;

pub(crate) use builder::Builder;
pub(crate) use client::Live;
pub(crate) use got::{End, Frame, Got};
pub(crate) use raw::Raw;

use crate::rig::client::Client;
use crate::rig::oracle::Noted;
use crate::rig::server::{Server, Size};
use decide::{Outcome, Record};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use testkit::{Answer, Fake, Seen, Voice};
pub(crate) use wire::Dialect;

/// The dialects in which a caller may ask. The Ollama API is not served yet; as an upstream it is.
pub(crate) const CALLERS: [Dialect; 2] = [Dialect::Openai, Dialect::Anthropic];
/// One voice of each protocol that upstreams speak.
pub(crate) const VOICES: [&str; 3] = ["openai", "anthropic", "ollama"];
/// For anything that happens soon, on a machine that is busy.
pub(crate) const SOON: Duration = Duration::from_secs(20);

/// Both callers, plain and streamed.
pub(crate) fn callers() -> impl Iterator<Item = (Dialect, bool)> {
    CALLERS.into_iter().flat_map(|c| [(c, false), (c, true)])
}

/// Every caller, plain and streamed, at every voice: the number of the voice in [`VOICES`], the caller, and whether it
/// is a stream.
pub(crate) fn all_ways() -> impl Iterator<Item = (usize, Dialect, bool)> {
    (0..VOICES.len()).flat_map(|v| callers().map(move |(c, s)| (v, c, s)))
}

/// The number that [`Rig::ask_case`] put into a prompt.
pub(crate) fn case_of(seen: &Seen) -> usize {
    let body = String::from_utf8_lossy(&seen.body);
    let digits = body.split_once("case=").expect("a request of `ask_case`").1.split(';').next().expect("digits");
    digits.parse().expect("a number")
}

/// A place of the rig.
struct Upstream {
    name: String,
    voice: Voice,
    fake: Option<Fake>,
}

/// A running server with its upstreams and its clients.
pub(crate) struct Rig {
    folder: tempfile::TempDir,
    upstreams: Vec<Upstream>,
    builder: Builder,
    server: Server,
    client: Client,
    canary: String,
    noted: Mutex<Vec<Noted>>,
    size: Size,
    /// Ended with SIGKILL at least once: attempts of unknown end are to be expected.
    killed: bool,
    /// A panic in the log is what the test is about.
    panics: AtomicBool,
    finished: bool,
}

impl Rig {
    /// A rig to be built.
    #[expect(clippy::new_ret_no_self, reason = "reads as what it makes: `Rig::new()….start()`")]
    pub(crate) fn new() -> Builder {
        Builder::new()
    }

    /// The places `openai`, `anthropic` and `ollama`, and a `backup` behind them (`via-NAME` falls over to it).
    pub(crate) fn of_voices() -> Builder {
        VOICES.iter().fold(Builder::new(), |b, v| b.place(Voice::of(v))).named("backup", Voice::of("vllm"))
    }

    // Upstreams.

    /// The upstream of a place.
    pub(crate) fn upstream(&self, place: usize) -> &Fake {
        self.upstreams[place].fake.as_ref().expect("a place with an upstream that is still there")
    }

    /// How the upstream of a place talks.
    pub(crate) fn voice(&self, place: usize) -> Voice {
        self.upstreams[place].voice
    }

    /// Answers every chat at a place like this from now on.
    pub(crate) fn script(&self, place: usize, answer: Answer) {
        self.upstream(place).on(self.voice(place).chat_route(), answer);
    }

    /// As [`Rig::script`], by a function of the request.
    pub(crate) fn script_fn(&self, place: usize, answer: impl Fn(&Seen) -> Answer + Send + Sync + 'static) {
        self.upstream(place).on_fn(self.voice(place).chat_route(), answer);
    }

    /// Answers the next chat at a place like this; several stand in line.
    pub(crate) fn once(&self, place: usize, answer: Answer) {
        self.upstream(place).once(self.voice(place).chat_route(), answer);
    }

    /// Lets a place answer well again.
    pub(crate) fn heal(&self, place: usize) {
        let up = &self.upstreams[place];
        builder::well(self.upstream(place), up.voice, &up.name);
    }

    /// What a place answers when all is well, plain or as a stream.
    pub(crate) fn good(&self, place: usize, stream: bool) -> Answer {
        builder::good(self.voice(place), &self.upstreams[place].name, stream)
    }

    /// The chats that a place was asked, so far.
    pub(crate) fn chats(&self, place: usize) -> Vec<Seen> {
        let (_, path) = self.voice(place).chat_route().split_once(' ').expect("method and path");
        self.upstream(place).seen().into_iter().filter(|s| s.path == path).collect()
    }

    /// The upstream goes away: its connections end and its port refuses.
    pub(crate) fn stop_upstream(&mut self, place: usize) {
        self.upstreams[place].fake = None;
    }

    // Clients.

    /// A request that is in order: for `any`, with the canary in its prompt.
    pub(crate) fn body(&self, dialect: Dialect, stream: bool) -> Value {
        self.body_for(dialect, "any", stream)
    }

    /// The same for another model name.
    pub(crate) fn body_for(&self, dialect: Dialect, model: &str, stream: bool) -> Value {
        let prompt = format!("Say hello. {}", self.canary);
        let mut body = json!({"model": model, "max_tokens": 64, "messages": [{"role": "user", "content": prompt}], "stream": stream});
        if stream && dialect == Dialect::Openai {
            body["stream_options"] = json!({"include_usage": true});
        }
        body
    }

    /// Text that may stand in no log and on no disk, for prompts of one's own.
    pub(crate) fn canary(&self) -> &str {
        &self.canary
    }

    /// Posts a chat and reads what comes to its end, in one piece or as a stream.
    pub(crate) async fn post(&self, dialect: Dialect, body: impl Into<client::Body>) -> Got {
        self.post_with(dialect, body, &[]).await
    }

    /// The same with further headers.
    pub(crate) async fn post_with(
        &self,
        dialect: Dialect,
        body: impl Into<client::Body>,
        headers: &[(&str, &str)],
    ) -> Got {
        self.note(self.client.post(dialect, body.into(), headers).await.rest().await)
    }

    /// Asks in order, for a model name: the short way for most tests.
    pub(crate) async fn ask(&self, dialect: Dialect, model: &str, stream: bool) -> Got {
        self.post(dialect, self.body_for(dialect, model, stream)).await
    }

    /// As [`Rig::ask`], with a number in the prompt by which the upstream's script tells requests apart: [`case_of`].
    pub(crate) async fn ask_case(&self, dialect: Dialect, model: &str, stream: bool, case: usize) -> Got {
        let mut body = self.body_for(dialect, model, stream);
        body["messages"][0]["content"] = format!("case={case}; {}", self.canary).into();
        self.post(dialect, body).await
    }

    /// Posts a streamed chat and gives it back as soon as its head is there. Dropping it closes the connection.
    pub(crate) async fn open(&self, dialect: Dialect, body: impl Into<client::Body>) -> Live<'_> {
        self.client.post(dialect, body.into(), &[]).await
    }

    /// Any other request.
    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<client::Body>,
    ) -> Got {
        self.note(self.client.send(method, path, headers, body.into()).await.rest().await)
    }

    /// A page.
    pub(crate) async fn get(&self, path: &str) -> Got {
        self.send("GET", path, &[], "").await
    }

    /// Bytes as they are on a connection of their own; gives what comes back until the server closes or is silent for
    /// a second.
    pub(crate) async fn raw(&self, bytes: impl AsRef<[u8]>) -> Raw {
        raw::exchange(self.server.address, bytes.as_ref()).await
    }

    /// A connection to the server for hand-written traffic.
    pub(crate) async fn connect(&self) -> tokio::net::TcpStream {
        raw::connect(self.server.address).await
    }

    /// Where the server listens.
    pub(crate) fn address(&self) -> std::net::SocketAddr {
        self.server.address
    }

    /// Shows the oracle an answer that was read by hand ([`Rig::open`]).
    pub(crate) fn note(&self, got: Got) -> Got {
        self.noted.lock().unwrap().push(Noted::of(&got));
        got
    }

    // The server.

    /// The log so far, with what stands on standard output.
    pub(crate) fn log(&self) -> String {
        self.server.log()
    }

    /// Waits until the log has this text.
    pub(crate) async fn logged(&self, part: &str) -> bool {
        self.server.logged(SOON, |log| log.contains(part)).await
    }

    /// The page of metrics.
    pub(crate) async fn metrics(&self) -> String {
        self.get("/metrics").await.text_of_body()
    }

    /// The sum of a metric over its labels (`dewpoint_attempts_total`), or over those that have a part
    /// (`dewpoint_attempts_total{place="a"`); `None` when there is no such line.
    pub(crate) async fn metric(&self, name: &str) -> Option<f64> {
        oracle::metric(&self.metrics().await, name)
    }

    /// Waits until the server takes a place as up.
    pub(crate) async fn ready(&self, place: &str) {
        let deadline = Instant::now() + SOON;
        while self.get("/readyz").await.json()["places"][place]["state"] != "up" {
            assert!(Instant::now() < deadline, "{place} does not come up\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// The number of the server's process.
    pub(crate) fn pid(&self) -> u32 {
        self.server.pid()
    }

    /// Takes another configuration in place of [`Builder::config`]'s; the places stay. Gives back whether the server
    /// took it over.
    pub(crate) async fn reload(&mut self, config: &str) -> bool {
        self.builder.more = config.to_owned();
        self.reload_file(&self.builder.file(&self.upstreams)).await
    }

    /// Takes this whole file over, places and all.
    pub(crate) async fn reload_file(&self, toml: &str) -> bool {
        let count =
            |log: &str| (log.matches("taken over (SIGHUP").count(), log.matches("not taken over (SIGHUP").count());
        let before = count(&self.log());
        std::fs::write(self.folder.path().join("dewpoint.toml"), toml).unwrap();
        self.signal("HUP");
        assert!(self.server.logged(SOON, |log| count(log).0 > before.0).await, "no reload\n{}", self.log());
        count(&self.log()).1 == before.1
    }

    /// Sends a signal to the server (`TERM`, `INT`, `HUP`, `STOP`, `CONT`).
    pub(crate) fn signal(&self, name: &str) {
        self.server.signal(name);
    }

    /// Waits until the server has ended; gives its exit code (`None` after a signal ended it).
    pub(crate) async fn exited(&mut self) -> Option<i32> {
        self.server.exited(Duration::from_secs(60)).await
    }

    /// Ends the server with SIGKILL.
    pub(crate) async fn kill(&mut self) {
        self.killed = true;
        self.signal("KILL");
        self.exited().await;
    }

    /// Starts the server again, on the same folder and at another port.
    pub(crate) async fn restart(&mut self) {
        self.server.restart(&self.folder, &self.builder).await;
        self.client = Client::new(self.server.address);
        self.size = self.server.size();
    }

    /// A panic in the log is expected.
    pub(crate) fn allow_panics(&self) {
        self.panics.store(true, Ordering::Relaxed);
    }

    // The ledger.

    /// Where the ledger is.
    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// All records that are committed now, in the order in which their requests came.
    pub(crate) fn ledger(&self) -> Vec<Record> {
        let mut all = ledger::records(&self.data(), None, 10_000_000).expect("a readable ledger");
        all.sort_by_key(|r| r.attempt_id);
        all
    }

    /// Waits until the committed records are as wanted, and gives them.
    pub(crate) async fn ledger_when(&self, wanted: impl Fn(&[Record]) -> bool) -> Vec<Record> {
        let deadline = Instant::now() + SOON;
        loop {
            let all = self.ledger();
            if wanted(&all) {
                return all;
            }
            assert!(Instant::now() < deadline, "the ledger does not become as wanted: {all:#?}\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// The records of a request, once they are settled: every attempt that was begun has its end.
    pub(crate) async fn records(&self, got: &Got) -> Vec<Record> {
        let id = got.request_id();
        self.records_when(&id, |_| true).await
    }

    /// The records of a request id, once none is open and they are as wanted.
    pub(crate) async fn records_when(&self, id: &str, wanted: impl Fn(&[Record]) -> bool) -> Vec<Record> {
        let of = |all: &[Record]| all.iter().filter(|r| &*r.request_id == id).cloned().collect::<Vec<_>>();
        let settled = |mine: &[Record]| !mine.is_empty() && mine.iter().all(|r| r.outcome != Outcome::Unknown);
        let all = self.ledger_when(|all| settled(&of(all)) && wanted(&of(all))).await;
        let mut mine = of(&all);
        mine.sort_by_key(|r| r.attempt);
        mine
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- the server's log\n{}", server::tail(&self.log(), 80));
        } else {
            assert!(self.finished, "the rig was dropped without `finish().await`: the oracle did not look");
        }
    }
}
