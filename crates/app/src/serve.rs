//! `dewpoint serve`: puts the rooms together, prints what was found, serves until told to stop, and takes changed
//! configuration over.
//!
//! Never here: the way of a request (`gateway`).

mod evidence;
mod gauges;
mod kept;
mod lessons;
mod live;
mod log;
mod machine;
mod nowhere;
mod promises;
mod spending;
mod watch;
mod watchdog;

use crate::book::{self, Book};
use crate::cli;
use crate::config::{self, Flags, Found, Settings};
use crate::discover::Finds;
use crate::problem::{Problem, Problems};
use crate::{embedded, table};
use anyhow::{Context, Result};
use arc_swap::ArcSwap;
use backend::Board;
use decide::{Health, Outlet, Zone};
use live::Live;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::watch as channel;

/// Between two rounds of probes.
const PROBE_PERIOD: Duration = Duration::from_secs(2);
/// How long the first table waits for places on this host to answer.
const FIRST_LOOK: Duration = Duration::from_millis(250);
/// Connections that wait to be accepted.
const BACKLOG: u32 = 1024;
/// Bytes that the kernel holds of what a client does not read (it doubles the number). Its own choice goes up to
/// megabytes for each connection, and what a stream needs is far less.
const SEND_BUFFER_BYTES: u32 = 128 * 1024;
/// What is still under way gets this long to end with an error when told to stop at once.
const AT_ONCE: Duration = Duration::from_secs(5);

/// Serves until SIGTERM or SIGINT. Exit code 0 after an orderly stop.
pub(crate) fn run(args: &cli::Serve) -> Result<ExitCode> {
    let started = Instant::now();
    let log = log::begin();
    let found = config::find(args.common.config.as_deref(), &config::process_env);
    let flags = Flags { listen: args.listen.clone(), no_discovery: args.common.no_discovery };
    let book = Arc::new(Book::built_in()?);
    let mut settings = config::load(found.path.as_deref(), &flags, &config::process_env, &book)?;
    settings.egress.airgap |= args.airgap;
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    if let Some(workers) = settings.server.workers {
        builder.worker_threads(workers);
    }
    let runtime = builder.enable_all().build().context("the runtime cannot be started")?;
    let code = runtime.block_on(serve(settings, found, flags, book, started, &log));
    // Probes that hang in a name look-up must not hold the process.
    runtime.shutdown_timeout(Duration::from_millis(200));
    code
}

async fn serve(
    settings: Settings,
    found: Found,
    flags: Flags,
    book: Arc<Book>,
    started: Instant,
    log: &log::Log,
) -> Result<ExitCode> {
    let (stop, stopping) = channel::channel(Stop::No);
    signals(stop)?;
    // Before anything is served: an unhandled SIGHUP ends a process.
    let hangup = watch::Hangup::new();
    let listener = bind(&settings)?;
    let ledger = kept::open(&settings)?;
    let trail = evidence::open(&settings)?;
    let guard = crate::detect::guard(&settings, evidence::installation_key(&settings)?)?;
    let engine = embedded::start(&settings)?;
    let limits = limits(&settings);
    let address = listener.local_addr().context("the listener has no address")?;
    let (live, finds) = Live::new(settings, found, flags, book, engine, (address, guard)).await?;
    let probes = tokio::spawn(probe(live.board.clone(), stopping.clone()));
    let reloads = tokio::spawn(watch::reload_on_change(live.clone(), hangup, stopping.clone()));
    first_look(&live.board).await;
    announce(&live, &finds, started);
    let counted = live.clone();
    let (watched, audited) = (ledger.as_ref().map(ledger::Ledger::watch), trail.as_ref().map(audit::Trail::watch));
    let (dropped, watchdog) = (log.dropped(), watchdog::watch());
    let seen = watchdog.seen.clone();
    let wiring = Arc::new(gateway::Wiring {
        board: live.board.clone(),
        policy: live.policy.clone(),
        keys: live.keys.clone(),
        outlet: outlet(ledger.as_ref()),
        guard: live.guard.clone(),
        witness: evidence::witness(trail.as_ref()),
        limits,
        metrics: gateway::Metrics::default().with(move || {
            gauges::text(&counted.engine.numbers())
                + &kept::text(watched.as_ref())
                + &evidence::text(audited.as_ref())
                + &seen.text()
                + &dropped.text()
                + &counted.denied()
                + &spending::text(&counted.budgets, now_unix_ms())
        }),
        care: live.care.clone(),
        draining: AtomicBool::new(false),
        door: Arc::default(),
        cut: gateway::Cut::default(),
        learned: lessons::learned(ledger.as_ref()),
    });
    let _promises = promises::keep(&live, wiring.learned.clone());
    let at_once = async {
        stopped(stopping.clone(), Stop::AtOnce).await;
        // What is under way ends with an error and is settled; that is what is waited for.
        wiring.cut.now();
        tokio::time::sleep(AT_ONCE).await;
    };
    let served = tokio::select! {
        served = gateway::serve(listener, wiring.clone(), stopped(stopping.clone(), Stop::InOrder)) => served,
        () = at_once => Ok(()),
    };
    drop(watchdog);
    probes.abort();
    reloads.abort();
    live.engine.shutdown().await;
    kept::close(ledger);
    evidence::close(trail);
    served.context("the listener failed").map(|()| ExitCode::SUCCESS).inspect(|_| tracing::info!("stopped"))
}

/// Where records go.
fn outlet(ledger: Option<&ledger::Ledger>) -> Arc<dyn Outlet> {
    match ledger {
        Some(ledger) => ledger.outlet(),
        None => Arc::new(nowhere::Nowhere),
    }
}

fn limits(settings: &Settings) -> gateway::Limits {
    let server = &settings.server;
    gateway::Limits {
        body_max_bytes: server.body_max_bytes,
        bodies_max_bytes: machine::bodies(settings),
        connections_max: machine::connections(settings),
        head: server.head,
        read: server.body,
        idle: server.idle,
        deadlines: server.deadlines,
        drain: server.drain,
        ..gateway::Limits::default()
    }
}

fn bind(settings: &Settings) -> Result<TcpListener> {
    let address = settings.server.listen;
    listen(address).map_err(|e| {
        let help = match e.kind() {
            std::io::ErrorKind::AddrInUse => {
                "stop the program that listens there (another Dewpoint?), or choose another port with --listen"
            }
            std::io::ErrorKind::PermissionDenied => "choose a port above 1023 with --listen",
            _ => "choose an address of this machine with --listen",
        };
        Problems::from(Problem::new(format!("cannot listen on {address}"), e.to_string(), help)).into()
    })
}

fn listen(address: std::net::SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // As the usual way of listening does: an address that was just in use is free again.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    // Accepted connections inherit it.
    socket.set_send_buffer_size(SEND_BUFFER_BYTES)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Whether and how to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stop {
    No,
    /// Nothing new; what is under way may finish.
    InOrder,
    /// What is under way is cut; it is settled on what was seen.
    AtOnce,
}

/// SIGTERM and SIGINT stop in order; a second one stops at once.
fn signals(stop: channel::Sender<Stop>) -> Result<()> {
    #[cfg(unix)]
    let mut term = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()).context("no signals")?;
    tokio::spawn(async move {
        for how in [Stop::InOrder, Stop::AtOnce] {
            #[cfg(unix)]
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = term.recv() => {}
            }
            #[cfg(not(unix))]
            let _ = tokio::signal::ctrl_c().await;
            tracing::info!("stopping {}", if how == Stop::InOrder { "(again to stop at once)" } else { "at once" });
            let _ = stop.send(how);
        }
        // Dropping the sender would read as "stop".
        std::future::pending::<()>().await;
    });
    Ok(())
}

/// Resolves when it is time to stop at least so.
async fn stopped(mut stopping: channel::Receiver<Stop>, how: Stop) {
    // An error means that the sender is gone, which only happens at the end.
    let _ = stopping.wait_for(|now| *now >= how).await;
}

async fn probe(board: Arc<Board>, stopping: channel::Receiver<Stop>) {
    board.run(PROBE_PERIOD, stopped(stopping, Stop::InOrder)).await;
}

/// Waits a moment for places on this host, so that the first table says something.
async fn first_look(board: &Board) {
    let deadline = Instant::now() + FIRST_LOOK;
    let open = || {
        let fleet = board.fleet();
        fleet.places.iter().any(|p| p.place.zone == Zone::SameHost && p.health == Health::Unknown)
    };
    while open() && Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// The table of places and where to call.
fn announce(live: &Live, finds: &Finds, started: Instant) {
    use std::io::Write;
    let fleet = live.board.fleet();
    let mut text = table::places(&fleet);
    if fleet.places.is_empty() {
        text = "There is no place that could answer. Run `dewpoint init`, or set a provider's API key and restart.\n"
            .to_owned();
    }
    for line in &finds.left {
        text.push_str(&format!("left alone: {}\n", table::printable(line)));
    }
    let missed = finds.missed_line();
    if !missed.is_empty() {
        text.push_str(&format!("{missed}\n"));
    }
    text.push_str(&format!("{}\n{}", live.engine.note(), live.egress()));
    let ms = started.elapsed().as_millis();
    let version = env!("CARGO_PKG_VERSION");
    let from = live.path().map_or_else(|| "nothing configured".to_owned(), |p| p.display().to_string());
    let line = format!(
        "\nDewpoint {version} on http://{} ({from}, prices {}), up in {ms} ms\n",
        live.address,
        live.book.version()
    );
    text.push_str(&line);
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    for warning in live.warnings() {
        tracing::warn!("{warning}");
    }
}

/// Unix milliseconds.
fn now_unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Which profile each place has, for completing discovered models; changes with a reload.
type Profiles = Arc<ArcSwap<Vec<(decide::PlaceId, &'static backend::Profile)>>>;

fn completer(profiles: Profiles, book: Arc<Book>) -> backend::Complete {
    Box::new(move |place, found| {
        let known = profiles.load();
        let profile = known.iter().find(|(id, _)| *id == place.id).map(|(_, p)| *p);
        book::discovered(&book, profile, place, found)
    })
}
