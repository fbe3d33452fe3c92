//! What the experiments share: upstreams that the experiment changes while it runs, the server, the load, and seconds of
//! what came back.
//!
//! Never here: an experiment.

use bytes::Bytes;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use testkit::series::{ms, percentile};
use testkit::{
    Answer, Arrivals, Call, Caller, Fake, Manner, Served, Shot, Shots, Step, Voice, arrive, place_toml, quiet_port,
};

const CONFIG: &str = "[engine]\nenabled = false\n[discovery]\nenabled = false\n[server]\nconnect_s = 1\n\n";

/// A replica that can be taken down and comes back on its port.
pub(crate) struct Replica {
    pub(crate) fake: Option<Fake>,
    /// Its name in the configuration; it stands in its answers too.
    pub(crate) name: String,
    port: u16,
    before: usize,
}

impl Replica {
    async fn start(name: String) -> Replica {
        let port = quiet_port();
        let mut replica = Replica { fake: None, name, port, before: 0 };
        replica.up().await;
        replica
    }

    /// Listens again; its models can be listed, and chats are what [`Replica::chats`] says next.
    pub(crate) async fn up(&mut self) {
        let (fake, voice) = (Fake::start_at(self.port).await, Voice::of("openai"));
        fake.forget();
        fake.on(voice.models_route(), voice.models(&["m"]));
        self.fake = Some(fake);
    }

    /// Nobody listens any more, and every connection is closed.
    pub(crate) fn down(&mut self) {
        self.before = self.requests();
        self.fake = None;
    }

    /// Answers chats like this from now on.
    pub(crate) fn chats(&self, answer: impl Fn(bool) -> Answer + Send + Sync + 'static) {
        let fake = self.fake.as_ref().expect("a replica that is up");
        let route = Voice::of("openai").chat_route();
        fake.on_fn(route, move |seen| answer(seen.json()["stream"].as_bool().unwrap_or(false)));
    }

    /// Answers chats well after `time` from now on.
    pub(crate) fn takes(&self, time: Duration) {
        let name = self.name.clone();
        self.chats(move |stream| well(stream, time, &name));
    }

    /// Requests that it has seen, probes included.
    pub(crate) fn requests(&self) -> usize {
        self.before + self.fake.as_ref().map_or(0, Fake::requests)
    }
}

/// A good answer after `time`, in which its author names itself.
pub(crate) fn well(stream: bool, time: Duration, name: &str) -> Answer {
    let voice = Voice::of("openai");
    let answer = if stream {
        voice.stream(&["All is ", "well at ", name], true)
    } else {
        voice.plain(&format!("All is well at {name}"), Some(4))
    };
    answer.insert(0, Step::Wait(time))
}

/// Whether the answer came from this replica.
pub(crate) fn from(shot: &Shot, name: &str) -> bool {
    shot.heard.as_ref().is_some_and(|h| String::from_utf8_lossy(&h.tail).contains(name))
}

/// The server with its replicas.
pub(crate) struct Stage {
    pub(crate) replicas: Vec<Replica>,
    pub(crate) served: Served,
    pub(crate) folder: tempfile::TempDir,
    started: Instant,
    started_unix_ms: u64,
}

impl Stage {
    /// So many replicas of one model, and more lines of configuration.
    pub(crate) async fn of(count: usize, resilience: &str) -> Stage {
        let (mut replicas, mut config) = (Vec::new(), format!("{CONFIG}{resilience}\n"));
        for n in 0..count {
            let replica = Replica::start(format!("replica-{n}")).await;
            config.push_str(&place_toml(&replica.name, Voice::of("openai"), ([127, 0, 0, 1], replica.port).into()));
            replicas.push(replica);
        }
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("dewpoint.toml"), config).unwrap();
        let mut served = Served::start(Path::new(env!("CARGO_BIN_EXE_dewpoint")), folder.path(), quiet_port(), &[]);
        served.ready().await;
        Stage { replicas, served, folder, started: Instant::now(), started_unix_ms: 0 }
    }

    /// Starts the load: chats, plain and streamed in turn, each its own conversation. `streamed` makes all of them streams.
    pub(crate) fn load(&mut self, per_s: u32, lasts: Duration, patience: Duration, streamed: bool) -> Load {
        let (shots, caller) = (Shots::default(), Arc::new(Caller::new(self.served.address())));
        let plan = Arrivals { per_s, lasts, under_way_max: 8000 };
        self.started = Instant::now();
        self.started_unix_ms = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64;
        let make = move |number: usize, _| {
            let stream = streamed || number.is_multiple_of(2);
            let text = format!("Conversation {number}: how are things?");
            let body = format!(
                r#"{{"model":"m","max_tokens":50,"stream":{stream},"messages":[{{"role":"user","content":"{text}"}}]}}"#
            );
            let path = "/v1/chat/completions".to_owned();
            Call { path, body: Bytes::from(body), headers: vec![], manner: Manner::Read, patience }
        };
        Load { task: tokio::spawn(arrive(caller, plan, shots.clone(), make)), shots }
    }

    /// Waits for a moment of the experiment.
    pub(crate) async fn until(&self, moment: Duration) {
        tokio::time::sleep_until((self.started + moment).into()).await;
    }

    /// Time since the load began.
    pub(crate) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// When a request of the ledger arrived, from the beginning of the load.
    pub(crate) fn moment(&self, unix_ms: u64) -> Duration {
        Duration::from_millis(unix_ms.saturating_sub(self.started_unix_ms))
    }
}

/// A load that is running.
pub(crate) struct Load {
    task: tokio::task::JoinHandle<()>,
    shots: Shots,
}

impl Load {
    pub(crate) fn is_finished(&self) -> bool {
        self.task.is_finished()
    }

    /// Everything that was sent, by the time it was due.
    pub(crate) async fn ended(self) -> Vec<Shot> {
        self.task.await.unwrap();
        let mut shots = std::mem::take(&mut *self.shots.lock().unwrap());
        shots.sort_by_key(|s| s.number);
        assert!(shots.iter().all(|s| s.heard.is_some()), "a request was not sent, too many were under way");
        shots
    }
}

/// The requests that were due in a time.
pub(crate) fn due(shots: &[Shot], from: Duration, until: Duration) -> impl Iterator<Item = &Shot> {
    shots.iter().filter(move |s| s.due >= from && s.due < until)
}

/// Requests per second for which `wanted` holds, by the second in which they were due.
pub(crate) fn per_second(shots: &[Shot], wanted: impl Fn(&Shot) -> bool) -> Vec<(f64, f64)> {
    let last = shots.last().map_or(0, |s| s.due.as_secs());
    let second = |n: u64| due(shots, Duration::from_secs(n), Duration::from_secs(n + 1)).filter(|s| wanted(s)).count();
    (0..=last).map(|n| (n as f64 + 0.5, second(n) as f64)).collect()
}

/// 99th percentile of the waiting times of requests for which `wanted` holds, in windows of `wide` every half second.
pub(crate) fn p99(shots: &[Shot], wide: Duration, wanted: impl Fn(&Shot) -> bool) -> Vec<(f64, f64)> {
    let last = shots.last().map_or(Duration::ZERO, |s| s.due);
    let mut out = Vec::new();
    let mut from = Duration::ZERO;
    while from + wide <= last + Duration::from_millis(10) {
        let mut times: Vec<Duration> = due(shots, from, from + wide).filter(|s| wanted(s)).map(Shot::waited).collect();
        if !times.is_empty() {
            out.push((from.as_secs_f64(), ms(percentile(&mut times, 990))));
        }
        from += Duration::from_millis(500);
    }
    out
}

/// The moment from which every later half second until `until` has at least this share of complete answers.
pub(crate) fn recovered(shots: &[Shot], from: Duration, until: Duration, share: f64) -> Option<Duration> {
    let half = Duration::from_millis(500);
    let mut since = None;
    let mut at = from;
    while at + half <= until {
        let (sent, good) = due(shots, at, at + half).fold((0, 0), |n, s| (n.0 + 1, n.1 + usize::from(s.complete())));
        if (good as f64) < share * sent as f64 {
            since = None;
        } else if since.is_none() {
            since = Some(at);
        }
        at += half;
    }
    since.map(|at| at - from)
}
