//! The life of a model's workers: one after the other, loaded when somebody asks or from the start, unloaded when nobody
//! does or others need the room, with a growing pause between those that fail.
//!
//! Never here: requests (they meet the worker at `link`).

use super::ledger::{Claim, Leave, NoRoom, shown};
use super::link::{Link, OUTBOUND};
use super::memory;
use super::prepare::prepare;
use super::process::Process;
use super::seat::{Seat, State};
use crate::protocol::{FrameError, FromWorker, ToWorker, VERSION, encode};
use decide::{Cause, Fault};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::{self, Sender};
use tokio::time::{Instant, sleep, sleep_until, timeout, timeout_at};

const PAUSE_MIN: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(30);
/// A worker that lived this long was healthy: the next pause is short again.
const HEALTHY: Duration = Duration::from_secs(60);
/// With a pause up to this long requests wait for the next worker; with a longer one they are refused at once.
const WORTH_WAITING: Duration = Duration::from_secs(1);
/// For a clean end.
const FAREWELL: Duration = Duration::from_secs(2);
/// Between two measurements of a worker's memory.
const WEIGHING: Duration = Duration::from_secs(10);

/// How a worker ended.
enum End {
    /// Told to.
    Stopped,
    /// Nobody used it, or others needed the room.
    Unloaded,
    /// Not as it should.
    Failed { why: String, was_ready: bool },
}

fn never(why: String) -> End {
    End::Failed { why, was_ready: false }
}

/// Keeps a model until told to stop. Its row leaves the ledger at the end, also when the task is aborted.
pub(super) async fn run(seat: Arc<Seat>) {
    let _row = Row(Arc::clone(&seat));
    let mut pause = PAUSE_MIN;
    // Loaded without being asked for: at the start, and after a crash, where it is to be there always.
    let mut unasked = seat.spec.preload;
    loop {
        if !unasked {
            tokio::select! {
                () = seat.asked_for() => {}
                () = seat.stopped() => break,
            }
        }
        let began = Instant::now();
        let (why, was_ready) = match life(&seat, unasked).await {
            End::Stopped => break,
            End::Unloaded => {
                (pause, unasked) = (PAUSE_MIN, false);
                continue;
            }
            End::Failed { why, was_ready } => (why, was_ready),
        };
        if began.elapsed() >= HEALTHY {
            pause = PAUSE_MIN;
        }
        unasked = seat.spec.preload;
        let pause_ms = pause.as_millis() as u64;
        tracing::error!(target: "engine", place = %seat.place, model = %seat.id, pause_ms, "{why}");
        // After a crash requests wait for the next worker; what never worked is not worth waiting for.
        let patient = was_ready && pause <= WORTH_WAITING;
        seat.set(match patient {
            true if unasked => State::Loading(0),
            true => State::Unloaded,
            false => State::Down(why, Instant::now() + pause),
        });
        tokio::select! {
            () = sleep(pause) => {}
            () = seat.stopped() => break,
        }
        pause = (pause * 2).min(PAUSE_MAX);
    }
    seat.set(State::Stopped);
}

/// The row of a seat, while its keeper lives.
struct Row(Arc<Seat>);

impl Drop for Row {
    fn drop(&mut self) {
        self.0.ledger.part(self.0.key);
    }
}

/// One worker from start to end.
async fn life(seat: &Arc<Seat>, unasked: bool) -> End {
    // While a model that has failed is tried again, the reason of the failure stays in sight.
    let step = |from: fn(&State) -> bool, to: State| {
        seat.state.send_if_modified(|s| {
            let is = from(s);
            if is {
                *s = to;
            }
            is
        });
    };
    step(|s| matches!(s, State::Unloaded), State::Loading(0));
    let (load, need) = match prepare(seat.spec.clone()).await {
        Ok(prepared) => prepared,
        Err(why) => return never(why),
    };
    step(|s| matches!(s, State::Loading(_)), State::Queued);
    let claim = tokio::select! {
        claim = seat.ledger.claim(seat.key, need, unasked) => claim,
        () = seat.stopped() => return End::Stopped,
    };
    let claim = match claim {
        Ok(claim) => claim,
        Err(NoRoom::Nobody) => {
            step(|s| matches!(s, State::Queued), State::Unloaded);
            return End::Unloaded;
        }
        Err(NoRoom::Never { budget }) => return never(too_large(seat, need, budget)),
    };
    step(|s| matches!(s, State::Queued), State::Loading(0));
    let (to, outbound) = mpsc::channel(OUTBOUND);
    let mut process = match Process::start(&seat.program, outbound) {
        Ok(process) => process,
        Err(e) => {
            return never(format!("The engine worker {} cannot be started: {e}.", seat.program.path.display()));
        }
    };
    let link = Arc::new(Link::new(process.id(), load.slots, load.context, to.clone()));
    say(&to, &ToWorker::Load(Box::new(load)));
    let mut ready = false;
    let (why, gently) = tokio::select! {
        why = converse(&mut process, &link, seat, &claim, &mut ready) => (why, None),
        () = seat.stopped() => (None, Some(End::Stopped)),
        () = idle(seat) => (None, Some(End::Unloaded)),
        () = weigh(seat, link.pid, &claim) => (None, None),
    };
    seat.ledger.shut(seat.key);
    if let Some(end) = gently {
        if matches!(end, End::Unloaded) {
            tracing::info!(target: "engine", place = %seat.place, model = %seat.id, "the model is unloaded");
            seat.set(State::Unloaded);
        }
        link.close(Fault::new(Cause::Engine, "The embedded engine was shut down."));
        say(&to, &ToWorker::Quit);
        let _ = timeout(FAREWELL, process.wait()).await;
        process.kill();
        let _ = timeout(FAREWELL, process.wait()).await;
        return end;
    }
    // In this order: a request that is failed now must find the next worker's state, not this one's.
    if ready {
        seat.set(if seat.spec.preload { State::Loading(0) } else { State::Unloaded });
    }
    let shown = "The embedded engine stopped while it worked on this request. It is being restarted; try again.";
    link.close(Fault::new(Cause::Engine, shown));
    let why = match why {
        Some(why) => {
            process.kill();
            process.wait().await;
            why
        }
        None => {
            // The pipe is closed, so the process is at its end or will not come back.
            if timeout(FAREWELL, process.wait()).await.is_err() {
                process.kill();
            }
            died(&mut process, ready).await
        }
    };
    End::Failed { why, was_ready: ready }
}

/// What will never fit, with both numbers and what to do.
fn too_large(seat: &Seat, need: u64, budget: u64) -> String {
    format!(
        "The model {} needs about {} of memory and the embedded engine may use {}. Choose a smaller model or a smaller \
         quantisation, a smaller context_tokens or fewer slots, cache = \"q8_0\", or set a larger [engine] memory_mb.",
        seat.id,
        shown(need),
        shown(budget)
    )
}

async fn died(process: &mut Process, ready: bool) -> String {
    let status = process.wait().await;
    let when = if ready { "while it was running" } else { "while it loaded the model" };
    match process.complaint().as_str() {
        "" => format!("The engine worker ended {when} ({status})."),
        last => format!("The engine worker ended {when} ({status}); its last words: {last}"),
    }
}

fn say(to: &Sender<Vec<u8>>, message: &ToWorker) {
    if let Ok(frame) = encode(message) {
        let _ = to.try_send(frame);
    }
}

/// Ready when the worker is to be ended because nobody uses it or others need its room. No request gets in any more then.
async fn idle(seat: &Seat) {
    loop {
        match seat.ledger.leave(seat.key, seat.spec.keep_alive) {
            Leave::Now => return,
            Leave::Wait => seat.bell.notified().await,
            Leave::At(due) => tokio::select! {
                () = sleep_until(due) => {}
                () = seat.bell.notified() => {}
            },
        }
        // Whoever was told to wait while it was to make room, and it no longer is, looks again.
        if seat.ledger.is_asked_for(seat.key) {
            seat.state.send_if_modified(|s| matches!(s, State::Ready(_)));
        }
    }
}

/// Measures the memory of a loaded worker again and again. Does not return.
async fn weigh(seat: &Seat, pid: Option<u32>, claim: &Claim) {
    let _ = seat.state.subscribe().wait_for(|s| matches!(s, State::Ready(_))).await;
    loop {
        if let Some(pid) = pid
            && let Ok(Some(bytes)) = tokio::task::spawn_blocking(move || memory::resident(pid)).await
        {
            claim.measured(bytes);
        }
        sleep(WEIGHING).await;
    }
}

/// Listens to the worker until it ends. `None`: it closed its pipe. `Some`: why it must be killed, or what it said.
async fn converse(
    process: &mut Process,
    link: &Arc<Link>,
    seat: &Seat,
    claim: &Claim,
    ready: &mut bool,
) -> Option<String> {
    let mut body = Vec::new();
    loop {
        let bound = if *ready { seat.bounds.hung } else { seat.bounds.hung_loading };
        let next = hear(process, link, &mut body, bound, *ready).await;
        let frame = match next {
            Ok(Some(frame)) => frame,
            Ok(None) => return None,
            Err(why) => return Some(why),
        };
        match frame {
            FromWorker::Hello { version } if version == VERSION => {}
            FromWorker::Hello { version } => {
                return Some(format!(
                    "The engine worker speaks version {version} of the protocol and this gateway version {VERSION}: the \
                     program was replaced while the gateway runs. Restart the gateway."
                ));
            }
            FromWorker::Loading { permille } => {
                // While a model that has failed is tried again, the reason of the failure stays in sight.
                seat.state.send_if_modified(|s| match s {
                    State::Loading(p) => {
                        *p = permille;
                        true
                    }
                    _ => false,
                });
            }
            FromWorker::Ready(info) => {
                tracing::info!(
                    target: "engine", place = %seat.place, model = %seat.id, params = info.params, context = info.context,
                    "the model is loaded"
                );
                *ready = true;
                weighed(claim, info.resident);
                seat.set(State::Ready(Arc::clone(link)));
                seat.ledger.open(seat.key);
                // Only now may those who wait come in.
                seat.state.send_modify(|_| {});
            }
            FromWorker::Failed { message } => return Some(message),
            FromWorker::Stats(stats) => {
                weighed(claim, stats.resident);
                link.note(*stats);
            }
            frame => link.deliver(frame),
        }
    }
}

/// What a worker says of its own size counts where the system does not say it.
fn weighed(claim: &Claim, resident: u64) {
    if cfg!(not(target_os = "linux")) && resident > 0 {
        claim.measured(resident);
    }
}

/// The next frame. A worker that has work (or is loading: `!ready`) and stays silent for `bound` is given up.
async fn hear(
    process: &mut Process,
    link: &Link,
    body: &mut Vec<u8>,
    bound: Duration,
    ready: bool,
) -> Result<Option<FromWorker>, String> {
    let next = process.frames.next(body);
    tokio::pin!(next);
    let heard = Instant::now();
    let mut until = heard + bound;
    loop {
        match timeout_at(until, &mut next).await {
            Ok(Ok(frame)) => return Ok(frame),
            Ok(Err(FrameError::Io(_))) => return Ok(None),
            Ok(Err(e)) => return Err(format!("The engine worker broke the protocol: {e}.")),
            Err(_) => {}
        }
        // A worker without work has nothing to say: its silence counts from when it got some.
        let silent_since = if ready { link.busy_since().map(|busy| busy.max(heard)) } else { Some(heard) };
        let now = Instant::now();
        until = silent_since.unwrap_or(now) + bound;
        if until <= now {
            return Err(format!("The engine worker hangs: nothing came for {:.1} s.", bound.as_secs_f64()));
        }
    }
}
