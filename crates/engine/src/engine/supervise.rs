//! The life of workers: one after the other, with a growing pause between those that fail.
//!
//! Never here: requests (they meet the worker at `link`).

use super::State;
use super::link::{Link, OUTBOUND};
use super::process::Process;
use crate::protocol::{FrameError, FromWorker, Load, ToWorker, VERSION, encode};
use crate::spec::EngineSpec;
use crate::{cpu, source};
use decide::{Cause, Fault};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::{self, Sender};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

const PAUSE_MIN: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(30);
/// A worker that lived this long was healthy: the next pause is short again.
const HEALTHY: Duration = Duration::from_secs(60);
/// With a pause up to this long requests wait for the next worker; with a longer one they are refused at once.
const WORTH_WAITING: Duration = Duration::from_secs(1);
/// A worker with work that says nothing for so long hangs. It speaks at least after every step, and the longest step is
/// one chunk of a prompt on a slow machine.
const HUNG: Duration = Duration::from_secs(180);
/// For a clean end.
const FAREWELL: Duration = Duration::from_secs(2);

/// How a worker ended.
struct End {
    why: String,
    was_ready: bool,
}

/// Keeps a worker alive until told to stop.
pub(super) async fn run(spec: Arc<EngineSpec>, state: watch::Sender<State>, mut stop: watch::Receiver<bool>) {
    let mut pause = PAUSE_MIN;
    loop {
        let began = Instant::now();
        let Some(end) = life(&spec, &state, &mut stop).await else { break };
        if began.elapsed() >= HEALTHY {
            pause = PAUSE_MIN;
        }
        tracing::error!(target: "engine", place = %spec.place.id, pause_ms = pause.as_millis() as u64, "{}", end.why);
        // After a crash requests wait for the next worker; what never worked is not worth waiting for.
        let patient = end.was_ready && pause <= WORTH_WAITING;
        state.send_replace(if patient { State::Loading(0) } else { State::Down(end.why) });
        tokio::select! {
            () = sleep(pause) => {}
            _ = stop.wait_for(|s| *s) => break,
        }
        pause = (pause * 2).min(PAUSE_MAX);
    }
    state.send_replace(State::Stopped);
}

/// One worker from start to end; `None` when it was told to stop.
async fn life(spec: &Arc<EngineSpec>, state: &watch::Sender<State>, stop: &mut watch::Receiver<bool>) -> Option<End> {
    let never = |why: String| Some(End { why, was_ready: false });
    let load = match prepare(Arc::clone(spec)).await {
        Ok(load) => load,
        Err(why) => return never(why),
    };
    let (to, outbound) = mpsc::channel(OUTBOUND);
    let mut process = match Process::start(spec, outbound) {
        Ok(process) => process,
        Err(e) => return never(format!("The engine worker {} cannot be started: {e}.", spec.program.display())),
    };
    let link = Arc::new(Link::new(process.id(), load.slots, load.context, to.clone()));
    say(&to, &ToWorker::Load(Box::new(load)));
    let mut ready = false;
    let ended = tokio::select! {
        ended = converse(&mut process, &link, state, &mut ready) => Some(ended),
        _ = stop.wait_for(|s| *s) => None,
    };
    let why = match ended {
        None => {
            link.close(Fault::new(Cause::Engine, "The embedded engine was shut down."));
            say(&to, &ToWorker::Quit);
            let _ = timeout(FAREWELL, process.wait()).await;
            process.kill();
            let _ = timeout(FAREWELL, process.wait()).await;
            return None;
        }
        Some(why) => why,
    };
    // In this order: a request that is failed now must find the next worker's state, not this one's.
    state.send_replace(State::Loading(0));
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
    Some(End { why, was_ready: ready })
}

async fn died(process: &mut Process, ready: bool) -> String {
    let status = process.wait().await;
    let when = if ready { "while it was running" } else { "while it loaded the model" };
    match process.complaint().as_str() {
        "" => format!("The engine worker ended {when} ({status})."),
        last => format!("The engine worker ended {when} ({status}); its last words: {last}"),
    }
}

/// Looks at processor and file, off the runtime's threads since it reads the disk.
async fn prepare(spec: Arc<EngineSpec>) -> Result<Load, String> {
    let looked = tokio::task::spawn_blocking(move || {
        cpu::check()?;
        let model = spec.models.first().ok_or("The embedded engine was given no model.")?;
        let path = source::path(&model.source)?;
        let facts = source::examine(&path)?;
        let context = facts.context(model.context_tokens)?;
        let text = path.to_str().ok_or_else(|| format!("The path {} is not UTF-8. Rename it.", path.display()))?;
        let threads = model.threads.unwrap_or_else(|| cpu::threads(facts.bytes)).clamp(1, 512);
        Ok(Load::new(text.to_owned(), context, facts.slots(model.slots, context), threads))
    });
    looked.await.unwrap_or_else(|e| Err(format!("The model could not be looked at: {e}.")))
}

fn say(to: &Sender<Vec<u8>>, message: &ToWorker) {
    if let Ok(frame) = encode(message) {
        let _ = to.try_send(frame);
    }
}

/// Listens to the worker until it ends. `None`: it closed its pipe. `Some`: why it must be killed, or what it said.
async fn converse(
    process: &mut Process,
    link: &Arc<Link>,
    state: &watch::Sender<State>,
    ready: &mut bool,
) -> Option<String> {
    let mut body = Vec::new();
    loop {
        let next = hear(process, link, &mut body).await;
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
                state.send_if_modified(|s| match s {
                    State::Loading(p) => {
                        *p = permille;
                        true
                    }
                    _ => false,
                });
            }
            FromWorker::Ready(info) => {
                tracing::info!(target: "engine", params = info.params, context = info.context, "the model is loaded");
                *ready = true;
                state.send_replace(State::Ready(Arc::clone(link)));
            }
            FromWorker::Failed { message } => return Some(message),
            FromWorker::Stats(stats) => link.note(*stats),
            frame => link.deliver(frame),
        }
    }
}

/// The next frame. A worker that has work and stays silent for [`HUNG`] is given up.
async fn hear(process: &mut Process, link: &Link, body: &mut Vec<u8>) -> Result<Option<FromWorker>, String> {
    let next = process.frames.next(body);
    tokio::pin!(next);
    loop {
        match timeout(HUNG, &mut next).await {
            Ok(Ok(frame)) => return Ok(frame),
            Ok(Err(FrameError::Io(_))) => return Ok(None),
            Ok(Err(e)) => return Err(format!("The engine worker broke the protocol: {e}.")),
            Err(_) if link.jobs() == 0 => {}
            Err(_) => return Err(format!("The engine worker hangs: nothing came for {} s.", HUNG.as_secs())),
        }
    }
}
