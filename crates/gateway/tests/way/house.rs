//! A gateway on a free loopback port with scripted backends and an outlet that keeps its records.

use arc_swap::ArcSwap;
use backend::{Backend, Board, BoxFuture, Deadlines, EventStream, Probed, Reply};
use bytes::Bytes;
use decide::*;
use futures_util::StreamExt;
use gateway::{Care, CareOptions, Key, Keys, Limits, Metrics, Wiring};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::oneshot;
use wire::{Answer, Ask, Choice, Chunk, Event, Finish};

/// What a scripted backend does with one request.
pub(crate) enum Act {
    Plain(Answer),
    /// Answers with the last message of what arrived; a stream in pieces of so many characters.
    Echo(usize),
    /// As a tool call, whose arguments have it as a JSON string.
    EchoCall(usize),
    /// Sends the last message up to and with so many characters, and breaks off.
    EchoBroken(usize),
    /// Answers with this text, with `{mark}` replaced by the first mark in the last message, as a second reader is asked for.
    Read(&'static str),
    /// The act, after a while.
    After(Duration, Box<Act>),
    Vectors(wire::Vectors),
    Ranking(wire::Ranking),
    Fail(Cause),
    /// This fault, as it is.
    Refuse(Fault),
    Panic,
    /// Never answers.
    Hang,
    /// These chunks, then nothing more: neither an end nor an error.
    Stall(Vec<Chunk>),
    /// Nothing until the deadline that a backend keeps, then its fault.
    Silent,
    /// These chunks, then a panic.
    Break(Vec<Chunk>),
    /// This chunk again and again, so many times, then the end of the connection.
    Again(Chunk, usize),
    /// These chunks, then the end of the connection.
    Chunks(Vec<Result<Chunk, Fault>>),
}

pub(crate) struct Scripted {
    place: Arc<Place>,
    models: Vec<Arc<Model>>,
    acts: Mutex<VecDeque<Act>>,
    pub(crate) seen: Mutex<Vec<Arc<Ask>>>,
    /// The deadlines of each attempt.
    pub(crate) bounds: Mutex<Vec<Deadlines>>,
    /// Chunks that were taken of what is sent again and again.
    pub(crate) taken: Arc<AtomicUsize>,
    pub(crate) dropped: Arc<AtomicUsize>,
}

/// Counts when what holds it is dropped.
struct Dropped(Arc<AtomicUsize>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Scripted {
    pub(crate) fn new(name: &str, zone: Zone, acts: Vec<Act>) -> Arc<Scripted> {
        let caps = Caps { tools: true, json_schema: true, logprobs: true, completions: true, ..Caps::default() };
        Scripted::able(name, zone, caps, acts)
    }

    /// One that costs nothing.
    pub(crate) fn free(name: &str, zone: Zone, acts: Vec<Act>) -> Arc<Scripted> {
        let mut free = Arc::into_inner(Scripted::new(name, zone, acts)).unwrap();
        for model in &mut free.models {
            let price = Price::free("test");
            *model = Arc::new(Model { price: Some(price), ..Model::clone(model) });
        }
        Arc::new(free)
    }

    /// One with a window of unknown size, which takes every length.
    pub(crate) fn wide(name: &str, zone: Zone, acts: Vec<Act>) -> Arc<Scripted> {
        let mut wide = Arc::into_inner(Scripted::new(name, zone, acts)).unwrap();
        for model in &mut wide.models {
            *model = Arc::new(Model { context_tokens: None, ..Model::clone(model) });
        }
        Arc::new(wide)
    }

    /// One whose price nobody knows.
    pub(crate) fn unpriced(name: &str, zone: Zone, acts: Vec<Act>) -> Arc<Scripted> {
        let mut unknown = Arc::into_inner(Scripted::new(name, zone, acts)).unwrap();
        for model in &mut unknown.models {
            *model = Arc::new(Model { price: None, ..Model::clone(model) });
        }
        Arc::new(unknown)
    }

    /// One whose model has this name.
    pub(crate) fn named(name: &str, model: &str, acts: Vec<Act>) -> Arc<Scripted> {
        let mut named = Arc::into_inner(Scripted::new(name, Zone::SameHost, acts)).unwrap();
        for known in &mut named.models {
            *known = Arc::new(Model { id: model.into(), ..Model::clone(known) });
        }
        Arc::new(named)
    }

    /// A vendor's, whose model has this name.
    pub(crate) fn vendor(name: &str, model: &str, acts: Vec<Act>) -> Arc<Scripted> {
        let mut vendor = Arc::into_inner(Scripted::new(name, Zone::VendorCloud, acts)).unwrap();
        for known in &mut vendor.models {
            *known = Arc::new(Model { id: model.into(), ..Model::clone(known) });
        }
        Arc::new(vendor)
    }

    /// With a model of this name that is expected to be so good, and costs accordingly.
    pub(crate) fn rated(self: Arc<Self>, model: &str, quality_permille: u16) -> Arc<Scripted> {
        let mut rated = Arc::into_inner(self).unwrap();
        for known in &mut rated.models {
            let price = Price::plain(i64::from(quality_permille) * 1_000_000, 1_000_000_000, None, "test");
            let (quality_permille, price) = (Some(quality_permille), Some(price));
            *known = Arc::new(Model { id: model.into(), quality_permille, price, ..Model::clone(known) });
        }
        Arc::new(rated)
    }

    /// One whose model can do this.
    pub(crate) fn able(name: &str, zone: Zone, caps: Caps, acts: Vec<Act>) -> Arc<Scripted> {
        let tier = if zone == Zone::VendorCloud { Tier::Cloud } else { Tier::Local };
        let place = Place {
            id: PlaceId::new(name),
            api: Api::Openai,
            tier,
            kind: Kind::Serverless,
            zone,
            provider: name.into(),
            terms: decide::Terms::default(),
            economics: None,
        };
        let price = Price::plain(1_000_000_000, 2_000_000_000, None, "test");
        let model = Model { id: "m".into(), context_tokens: Some(8_192), caps, price: Some(price), ..Model::default() };
        Arc::new(Scripted {
            place: Arc::new(place),
            models: vec![Arc::new(model)],
            acts: Mutex::new(acts.into()),
            seen: Mutex::default(),
            bounds: Mutex::default(),
            taken: Arc::default(),
            dropped: Arc::default(),
        })
    }
}

impl Backend for Scripted {
    fn place(&self) -> &Arc<Place> {
        &self.place
    }

    fn models(&self) -> &[Arc<Model>] {
        &self.models
    }

    fn send(&self, permit: Permit, ask: Arc<Ask>, deadlines: Deadlines) -> BoxFuture<'_, Result<Reply, Fault>> {
        Box::pin(async move {
            backend::check(&permit, &self.place, &ask)?;
            self.seen.lock().unwrap().push(ask.clone());
            self.bounds.lock().unwrap().push(deadlines);
            let held = Dropped(self.dropped.clone());
            let mut act = self.acts.lock().unwrap().pop_front().expect("the script has another act");
            while let Act::After(wait, then) = act {
                tokio::time::sleep(wait).await;
                act = *then;
            }
            match act {
                Act::After(..) => unreachable!("one wait is enough"),
                Act::Plain(answer) => Ok(Reply::Plain(Box::new(answer))),
                Act::Echo(piece) => Ok(echoed(answer(&last(&ask)), &ask, piece)),
                Act::EchoCall(piece) => {
                    let arguments = serde_json::json!({ "to": last(&ask) }).to_string();
                    let call = wire::ToolCall { id: "call_1".into(), name: "send".into(), arguments };
                    let choice =
                        Choice { tool_calls: vec![call], finish: Some(Finish::ToolCalls), ..Choice::default() };
                    Ok(echoed(Answer { choices: vec![choice], ..answer("") }, &ask, piece))
                }
                Act::EchoBroken(most) => {
                    let text: String = last(&ask).chars().take(most).collect();
                    let mut chunks = chunks(&text);
                    chunks.truncate(chunks.len() - 3);
                    Ok(Reply::Stream(Box::pin(futures_util::stream::iter(
                        chunks.into_iter().map(Ok).chain([Err(Fault::new(Cause::Truncated, "scripted"))]),
                    ))))
                }
                Act::Read(text) => {
                    let asked = last(&ask);
                    let mark = asked.strip_prefix('<').and_then(|t| t.split('>').next()).unwrap_or("no mark");
                    Ok(Reply::Plain(Box::new(answer(&text.replace("{mark}", mark)))))
                }
                Act::Vectors(vectors) => Ok(Reply::Vectors(Box::new(vectors))),
                Act::Ranking(ranking) => Ok(Reply::Ranking(Box::new(ranking))),
                Act::Fail(cause) => Err(Fault::new(cause, "scripted")),
                Act::Refuse(fault) => Err(fault),
                Act::Panic => panic!("scripted panic"),
                Act::Hang => {
                    let _held = held;
                    std::future::pending().await
                }
                Act::Silent => {
                    tokio::time::sleep(deadlines.first.min(deadlines.total)).await;
                    Err(Fault::new(Cause::Timeout, "scripted"))
                }
                Act::Break(chunks) => {
                    let head = futures_util::stream::iter(chunks.into_iter().map(Ok));
                    let end = futures_util::stream::once(async { panic!("scripted panic") });
                    Ok(Reply::Stream(with(held, Box::pin(head.chain(end)))))
                }
                Act::Again(chunk, times) => {
                    let taken = self.taken.clone();
                    let chunks = std::iter::repeat_n(chunk, times).map(move |chunk| {
                        taken.fetch_add(1, Ordering::SeqCst);
                        Ok(chunk)
                    });
                    Ok(Reply::Stream(with(held, Box::pin(futures_util::stream::iter(chunks)))))
                }
                Act::Stall(chunks) => {
                    let head = futures_util::stream::iter(chunks.into_iter().map(Ok));
                    Ok(Reply::Stream(with(held, Box::pin(head.chain(futures_util::stream::pending())))))
                }
                Act::Chunks(chunks) => Ok(Reply::Stream(with(held, Box::pin(futures_util::stream::iter(chunks))))),
            }
        })
    }

    fn count(&self, permit: Permit, ask: Arc<Ask>) -> Option<BoxFuture<'_, Result<u32, Fault>>> {
        let counted = backend::check(&permit, &self.place, &ask).map(|()| 42u32);
        (self.place.zone == Zone::Embedded).then(|| Box::pin(async { counted }) as BoxFuture<'_, _>)
    }

    fn probe(&self) -> BoxFuture<'_, Probed> {
        Box::pin(async { Probed { health: Health::Up, models: None, load: None } })
    }
}

/// The text of the last message.
pub(crate) fn last(ask: &Ask) -> String {
    ask.messages.last().map(|m| m.content.texts().collect()).unwrap_or_default()
}

/// An answer as the request wants it; a stream in pieces of so many characters.
fn echoed(answer: Answer, ask: &Ask, piece: usize) -> Reply {
    if !ask.stream {
        return Reply::Plain(Box::new(answer));
    }
    let split = |text: String| {
        let chars: Vec<char> = text.chars().collect();
        chars.chunks(piece).map(|c| c.iter().collect::<String>()).collect::<Vec<_>>()
    };
    let events = answer.into_events().into_iter().flat_map(|event| match event {
        Event::Text { choice, text, .. } => {
            split(text).into_iter().map(|text| Event::Text { choice, text, logprobs: vec![] }).collect()
        }
        Event::CallArguments { choice, call, text } => {
            split(text).into_iter().map(|text| Event::CallArguments { choice, call, text }).collect()
        }
        other => vec![other],
    });
    let chunks: Vec<_> = events.map(|event| Ok(Chunk { events: vec![event], raw: None })).collect();
    Reply::Stream(Box::pin(futures_util::stream::iter(chunks)))
}

fn with(held: Dropped, stream: EventStream) -> EventStream {
    Box::pin(stream.map(move |item| {
        let _ = &held;
        item
    }))
}

/// Keeps records; has room for as many as it is told.
pub(crate) struct Kept {
    pub(crate) records: Mutex<Vec<Record>>,
    /// What was left before the first byte of each attempt.
    pub(crate) sent: Mutex<Vec<Record>>,
    pub(crate) room: AtomicUsize,
    /// Whether the disk fails: what may cost money is refused.
    pub(crate) failing: AtomicBool,
    /// Whether records reach the disk.
    pub(crate) commits: AtomicBool,
}

struct KeptSlot(Arc<Kept>);

impl Slot for KeptSlot {
    fn sent(&mut self, estimate: &Record) {
        self.0.sent.lock().unwrap().push(estimate.clone());
    }

    fn put(self: Box<Self>, record: Record) {
        self.0.records.lock().unwrap().push(record);
    }

    fn put_then(self: Box<Self>, record: Record, committed: Committed) {
        let commits = self.0.commits.load(Ordering::SeqCst);
        self.put(record);
        if commits {
            committed();
        }
    }
}

struct KeptOutlet(Arc<Kept>);

impl Outlet for KeptOutlet {
    fn reserve(&self, paid: bool) -> Result<Box<dyn Slot>, OutletFull> {
        if paid && self.0.failing.load(Ordering::SeqCst) {
            return Err(OutletFull);
        }
        let left = self.0.room.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1));
        left.map_err(|_| OutletFull)?;
        Ok(Box::new(KeptSlot(self.0.clone())))
    }

    fn trouble(&self) -> Option<Trouble> {
        let failing = self.0.failing.load(Ordering::SeqCst);
        failing.then(|| Trouble { why: "the disk is full".into(), refuses_all: false })
    }
}

pub(crate) struct House {
    pub(crate) address: std::net::SocketAddr,
    pub(crate) kept: Arc<Kept>,
    pub(crate) policy: Arc<ArcSwap<Policy>>,
    pub(crate) stop: Option<oneshot::Sender<()>>,
    pub(crate) served: tokio::task::JoinHandle<std::io::Result<()>>,
    pub(crate) wiring: Arc<Wiring>,
}

pub(crate) async fn house(backends: &[Arc<Scripted>]) -> House {
    house_with(backends, Limits { body_max_bytes: 2_048, ..Limits::default() }, vec![]).await
}

pub(crate) async fn house_with(backends: &[Arc<Scripted>], limits: Limits, keys: Vec<Key>) -> House {
    house_of(backends, limits, keys, CareOptions::default()).await
}

/// With everything that can be chosen.
pub(crate) async fn house_of(backends: &[Arc<Scripted>], limits: Limits, keys: Vec<Key>, care: CareOptions) -> House {
    house_told(backends, limits, keys, care, Arc::new(decide::Blind)).await
}

/// With a witness.
pub(crate) async fn house_told(
    backends: &[Arc<Scripted>],
    limits: Limits,
    keys: Vec<Key>,
    care: CareOptions,
    witness: Arc<dyn decide::Witness>,
) -> House {
    house_learning(backends, (limits, keys, care), witness, gateway::Learned::default()).await
}

/// With what was learned, and is.
pub(crate) async fn house_learning(
    backends: &[Arc<Scripted>],
    (limits, keys, care): (Limits, Vec<Key>, CareOptions),
    witness: Arc<dyn decide::Witness>,
    learned: gateway::Learned,
) -> House {
    let table = backends.iter().map(|b| b.clone() as Arc<dyn Backend>).collect();
    let board = Board::new(table, Box::new(|_, _| unreachable!("models are configured")));
    board.probe_once().await;
    let kept = Arc::new(Kept {
        records: Mutex::default(),
        room: AtomicUsize::new(1_000),
        failing: AtomicBool::new(false),
        commits: AtomicBool::new(true),
        sent: Mutex::default(),
    });
    let policy = Arc::new(ArcSwap::from_pointee(Policy::default()));
    let wiring = Arc::new(Wiring {
        board,
        policy: policy.clone(),
        keys: Arc::new(ArcSwap::from_pointee(Keys::new(keys))),
        outlet: Arc::new(KeptOutlet(kept.clone())),
        guard: Arc::new(ArcSwap::from_pointee(gateway::Guard::new(&sense::FinderOptions::default(), [7; 32]).unwrap())),
        witness,
        limits,
        metrics: Metrics::default().comparing_one_in(1),
        care: Arc::new(Care::new(care)),
        draining: AtomicBool::new(false),
        door: Arc::default(),
        cut: gateway::Cut::default(),
        learned: Arc::new(learned.recalling(kept.clone())),
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let served = tokio::spawn(gateway::serve(listener, wiring.clone(), async {
        let _ = stopped.await;
    }));
    House { address, kept, policy, stop: Some(stop), served, wiring }
}

/// A response, whole.
pub(crate) struct Got {
    pub(crate) status: u16,
    pub(crate) headers: http::HeaderMap,
    pub(crate) body: Bytes,
}

impl Got {
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {:?}", self.text()))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap_or_else(|| panic!("no {name} in {:?}", self.headers)).to_str().unwrap()
    }
}

impl House {
    pub(crate) async fn call(&self, method: &str, path: &str, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Got {
        let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
        let mut request = http::Request::builder().method(method).uri(format!("http://{}{path}", self.address));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = client.request(request.body(Full::new(body.into())).unwrap()).await.unwrap();
        let (head, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Got { status: head.status.as_u16(), headers: head.headers, body }
    }

    pub(crate) async fn chat(&self, extra: &str, headers: &[(&str, &str)]) -> Got {
        let body = format!(r#"{{"model":"auto","messages":[{{"role":"user","content":"Say hello."}}]{extra}}}"#);
        self.call("POST", "/v1/chat/completions", headers, body).await
    }

    pub(crate) async fn messages(&self, extra: &str) -> Got {
        let body = format!(
            r#"{{"model":"auto","max_tokens":99,"messages":[{{"role":"user","content":"Say hello."}}]{extra}}}"#
        );
        self.call("POST", "/v1/messages", &[("anthropic-version", "2023-06-01")], body).await
    }

    pub(crate) fn records(&self) -> Vec<Record> {
        self.kept.records.lock().unwrap().clone()
    }

    /// Waits until there are `n` records (at most two seconds).
    pub(crate) async fn settled(&self, n: usize) -> Vec<Record> {
        for _ in 0..200 {
            if self.records().len() >= n {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        self.records()
    }
}

pub(crate) fn answer(text: &str) -> Answer {
    Answer {
        id: "chatcmpl-1".into(),
        model: "m-2026".into(),
        created: 1,
        choices: vec![Choice { text: Some(text.into()), finish: Some(Finish::Stop), ..Choice::default() }],
        usage: Some(wire::Usage { input: 10, output: 5, ..wire::Usage::default() }),
        raw: None,
    }
}

/// The answer in pieces: start, each word, finish, usage, done.
pub(crate) fn chunks(text: &str) -> Vec<Chunk> {
    let one = |event| Chunk { events: vec![event], raw: None };
    let mut out = vec![one(Event::Start { id: "chatcmpl-1".into(), model: "m-2026".into(), created: 1 })];
    out.extend(text.split_inclusive(' ').map(|t| one(Event::Text { choice: 0, text: t.into(), logprobs: vec![] })));
    out.push(one(Event::Finish { choice: 0, finish: Finish::Stop }));
    out.push(one(Event::Usage(wire::Usage { input: 10, output: 5, ..wire::Usage::default() })));
    out.push(one(Event::Done));
    out
}

pub(crate) fn good(text: &str) -> Act {
    Act::Chunks(chunks(text).into_iter().map(Ok).collect())
}

/// Opens a connection by hand, sends a request, and reads until `until` has been seen.
pub(crate) async fn read_until(h: &House, path: &str, stream: bool, until: &str) -> tokio::net::TcpStream {
    let body =
        format!(r#"{{"model":"auto","max_tokens":99,"stream":{stream},"messages":[{{"role":"user","content":"x"}}]}}"#);
    #[expect(clippy::disallowed_methods, reason = "a client that vanishes must be made by hand, and only on loopback")]
    let mut socket = tokio::net::TcpStream::connect(h.address).await.unwrap();
    let head = format!("POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    socket.write_all(head.as_bytes()).await.unwrap();
    let mut seen = Vec::new();
    while !until.is_empty() && !String::from_utf8_lossy(&seen).contains(until) {
        let mut buffer = [0; 1024];
        let read = tokio::time::timeout(Duration::from_secs(10), socket.read(&mut buffer)).await;
        let n = read.unwrap_or_else(|_| panic!("no {until:?} in {}", String::from_utf8_lossy(&seen))).unwrap();
        assert!(n > 0, "closed early: {}", String::from_utf8_lossy(&seen));
        seen.extend_from_slice(&buffer[..n]);
    }
    socket
}
