//! The processes of the bench: a fake upstream, the bare proxy, Dewpoint.

use arc_swap::ArcSwap;
use bytes::Bytes;
use decide::*;
use futures_util::StreamExt;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::future::Future;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use tokio::net::TcpListener;

/// A role under way.
pub(crate) struct Child {
    process: std::process::Child,
    pub(crate) address: SocketAddr,
}

impl Child {
    /// Starts this program in a role.
    pub(crate) fn start(args: &[&str]) -> Child {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(args);
        Child::spawn(command)
    }

    /// Starts a command that prints its address, and stops when its standard input closes.
    pub(crate) fn spawn(mut command: Command) -> Child {
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Child { process, address: line.trim().parse().expect("the role prints its address") }
    }

    /// CPU time of all its threads so far, in nanoseconds (Linux).
    pub(crate) fn cpu_ns(&self) -> u64 {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.process.id())).expect("Linux");
        tasks
            .filter_map(|t| std::fs::read_to_string(t.ok()?.path().join("schedstat")).ok())
            .filter_map(|s| s.split_whitespace().next()?.parse::<u64>().ok())
            .sum()
    }

    /// Asks it to stop and waits for it.
    pub(crate) fn stop(&mut self) {
        drop(self.process.stdin.take());
        self.process.wait().unwrap();
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Binds, prints the address, and runs until standard input closes. Two threads, as many as the smallest machine has.
fn until_closed<F: Future<Output = ()> + Send + 'static>(start: impl FnOnce(TcpListener) -> F + Send + 'static) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        println!("{}", listener.local_addr().unwrap());
        let serving = tokio::spawn(start(listener));
        tokio::task::spawn_blocking(|| {
            let _ = std::io::stdin().read_line(&mut String::new());
        })
        .await
        .unwrap();
        serving.abort();
    });
    // No destructors: callgrind counts what has happened so far, and nothing is worth tidying up.
    #[expect(clippy::disallowed_methods, reason = "a role of the bench has nothing to settle")]
    std::process::exit(0);
}

pub(crate) fn bare(upstream: SocketAddr) {
    until_closed(move |listener| testkit::bare_proxy(listener, upstream));
}

const ANSWER: &str = r#"{"id":"chatcmpl-bench","object":"chat.completion","created":1750000000,"model":"gpt-bench","choices":[{"index":0,"message":{"role":"assistant","content":"The customer ordered a blue bicycle in size M three weeks ago, it was not delivered although the tracking page says so, and wants to know when it comes.","refusal":null},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":112,"completion_tokens":33,"total_tokens":145}}"#;

/// Thirty-two frames as OpenAI sends them.
fn frames() -> Vec<Bytes> {
    let frame = |delta: &str, finish: &str| {
        Bytes::from(format!(
            "data: {{\"id\":\"chatcmpl-bench\",\"object\":\"chat.completion.chunk\",\"created\":1750000000,\"model\":\"gpt-bench\",\"choices\":[{{\"index\":0,\"delta\":{delta},\"logprobs\":null,\"finish_reason\":{finish}}}]}}\n\n"
        ))
    };
    let mut out = vec![frame(r#"{"role":"assistant","content":""}"#, "null")];
    out.extend((0..30).map(|i| frame(&format!(r#"{{"content":" word{i}"}}"#), "null")));
    out.push(frame("{}", r#""stop""#));
    out.push(Bytes::from("data: {\"id\":\"chatcmpl-bench\",\"object\":\"chat.completion.chunk\",\"created\":1750000000,\"model\":\"gpt-bench\",\"choices\":[],\"usage\":{\"prompt_tokens\":112,\"completion_tokens\":32,\"total_tokens\":144}}\n\n"));
    out.push(Bytes::from("data: [DONE]\n\n"));
    out
}

type Body = http_body_util::combinators::UnsyncBoxBody<Bytes, Infallible>;

async fn upstream(request: http::Request<Incoming>) -> Result<http::Response<Body>, Infallible> {
    let body = request.into_body().collect().await.map(|c| c.to_bytes()).unwrap_or_default();
    let streamed = body.windows(13).any(|w| w == br#""stream":true"#);
    let (kind, body): (_, Body) = if streamed {
        // One frame per write, as models send them: a yield between frames keeps them apart.
        let pieces = futures_util::stream::iter(frames()).then(|f| async move {
            tokio::task::yield_now().await;
            Ok(Frame::data(f))
        });
        ("text/event-stream", StreamBody::new(pieces).boxed_unsync())
    } else {
        ("application/json", Full::new(Bytes::from_static(ANSWER.as_bytes())).boxed_unsync())
    };
    Ok(http::Response::builder().header("content-type", kind).body(body).unwrap())
}

pub(crate) fn fake() {
    until_closed(|listener| async move {
        while let Ok((socket, _)) = listener.accept().await {
            let _ = socket.set_nodelay(true);
            let serve =
                hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(socket), service_fn(upstream));
            tokio::spawn(async move { serve.await.ok() });
        }
    });
}

/// A stored key with a team and an organisation, all three with budgets and limits that hold everything.
pub(crate) fn key() -> gateway::Keys {
    use budget::{AccountId, Budgets, Level, Terms};
    let most = Some(i64::MAX / 4);
    let terms = Terms {
        budget_nanousd: [most; 3],
        pace: true,
        requests_per_minute: Some(1 << 40),
        tokens_per_minute: Some(1 << 50),
        soft_permille: 800,
        ..Terms::default()
    };
    let ids = [Level::Organisation, Level::Team, Level::Key].map(|level| AccountId::new(level, level.as_str()));
    let budgets = Budgets::new();
    budgets.take_over(&ids.clone().map(|id| (id, terms)), 1_795_435_200_000);
    let digest = ring::digest::digest(&ring::digest::SHA256, crate::load::KEY.as_bytes());
    let key = gateway::Key {
        public_id: Some("bench123".into()),
        team: Some("organisation/team".into()),
        purse: budgets.purse(&ids),
        ..gateway::Key::named("key", digest.as_ref().try_into().unwrap())
    };
    gateway::Keys::new(vec![key])
}

/// Dewpoint as it is served: board, policy, ledger on disk, metrics.
pub(crate) fn dewpoint(upstream: &str, keys: gateway::Keys) {
    let base_url = format!("http://{upstream}/v1");
    until_closed(move |listener| async move {
        let dir = tempfile::tempdir().unwrap();
        let ledger = ledger::Ledger::open(dir.path(), ledger::Options::default()).unwrap();
        let dialer = backend::Dialer::new(backend::DialerOptions::default()).unwrap();
        let place = Place {
            id: PlaceId::new("openai"),
            api: Api::Openai,
            tier: Tier::Cloud,
            kind: Kind::Serverless,
            zone: Zone::VendorCloud,
            provider: "openai".into(),
            terms: decide::Terms::default(),
            economics: None,
        };
        let model = Model {
            id: "gpt-bench".into(),
            context_tokens: Some(128_000),
            caps: Caps { tools: true, ..Caps::default() },
            price: Some(Price::plain(250_000_000, 2_000_000_000, None, "bench")),
            ..Model::default()
        };
        let spec = backend::PlaceSpec {
            place: Arc::new(place),
            models: vec![Arc::new(model)],
            base_url,
            key: Some(backend::Secret::new("sk-bench")),
            profile: backend::Profile::find("openai").unwrap(),
        };
        let board = backend::Board::new(vec![backend::build(spec, &dialer).unwrap()], Box::new(|_, _| unreachable!()));
        let wiring = gateway::Wiring {
            board,
            policy: Arc::new(ArcSwap::from_pointee(Policy::default())),
            keys: Arc::new(ArcSwap::from_pointee(keys)),
            outlet: ledger.outlet(),
            guard: Arc::new(ArcSwap::from_pointee(
                gateway::Guard::new(&sense::FinderOptions::default(), [7; 32]).unwrap(),
            )),
            witness: Arc::new(decide::Blind),
            limits: gateway::Limits::default(),
            metrics: gateway::Metrics::default(),
            care: Arc::default(),
            draining: AtomicBool::new(false),
            door: Arc::default(),
            cut: gateway::Cut::default(),
            learned: Arc::default(),
        };
        gateway::serve(listener, Arc::new(wiring), std::future::pending()).await.unwrap();
    });
}
