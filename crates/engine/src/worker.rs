//! The worker's side: `dewpoint engine-worker`. It speaks [`crate::protocol`] on stdin and stdout, holds one model, and
//! ends when its stdin closes, so a gateway that was killed leaves no orphan.
//!
//! Three things run here: a thread that reads frames, the main thread that computes, and C code. What C code prints goes
//! to stderr.
//!
//! Never here: a socket, the supervisor, a vendor type (only `llama`, `session` and `sampler` see those).

mod calls;
mod cells;
mod draft;
mod encode;
mod grammar;
mod held;
mod job;
mod llama;
mod memory;
mod pace;
mod pick;
mod place;
mod prefix;
mod propose;
mod queue;
mod sampler;
mod session;
mod sign;
mod slots;
mod step;
#[cfg(test)]
mod tests;
mod vision;

use crate::protocol::{self, FromWorker, Load, Role, ToWorker, VERSION};
use crate::source::Facts;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Frames read ahead of the computing thread. The gateway sends no more than its own queue allows.
const INBOX: usize = 1024;

/// Bounds of a [`Load`]. llama.cpp has 256 sequences, and slots take two each.
const SLOTS_MAX: u32 = 64;
const CELLS_MAX: u32 = crate::source::CONTEXT_MAX * SLOTS_MAX;
const BATCH_MIN: u32 = 16;
const BATCH_MAX: u32 = 8192;
const GPU_LAYERS_MAX: u32 = 100_000;
const LORAS_MAX: u32 = 16;
const LORA_SCALE_MAX: f32 = 100.0;

/// Runs the worker until it is told to quit or its stdin closes.
pub(crate) fn main() -> ExitCode {
    let out = match claim_stdout() {
        Ok(out) => Outbox::new(out),
        Err(e) => {
            eprintln!("engine worker: stdout cannot be used: {e}");
            return ExitCode::FAILURE;
        }
    };
    let gone = Arc::new(AtomicBool::new(false));
    let inbox = listen(Arc::clone(&gone));
    match serve(&out, &inbox, gone) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            // The gateway may be gone; then nobody is there to read it and stderr has it.
            eprintln!("engine worker: {message}");
            let _ = out.send(&FromWorker::Failed { message });
            ExitCode::FAILURE
        }
    }
}

/// Loads what the first frame names, then works until the end.
fn serve(out: &Outbox, inbox: &Receiver<ToWorker>, gone: Arc<AtomicBool>) -> Result<(), String> {
    out.send(&FromWorker::Hello { version: VERSION }).map_err(|e| e.to_string())?;
    let load = match inbox.recv() {
        Ok(ToWorker::Load(load)) => load,
        Ok(ToWorker::Quit) | Err(_) => return Ok(()),
        Ok(_) => return Err("the first frame is not a load; this program is started by the gateway".into()),
    };
    let facts = check(&load)?;
    let progress = out.clone();
    let mut last = 0;
    let model = llama::Model::load(&load, move |permille| {
        if permille >= last + 50 {
            last = permille;
            let _ = progress.send(&FromWorker::Loading { permille });
        }
        !gone.load(Ordering::Relaxed)
    })?;
    if load.role != Role::Generate {
        return encode::run(&model, &load, facts.pooling, out, inbox);
    }
    let draft = draft::DraftModel::load(&model, &load)?;
    let session = session::Session::new(&model, &load)?;
    let projector = vision::Projector::load(&model, &load)?;
    let drafts = if model.rewinds() { draft::drafts(&session, draft.as_ref(), &load)? } else { None };
    let mut slots = slots::Slots::new(&model, session, &load, out.clone())?;
    slots.see_with(projector.as_ref());
    slots.propose_with(drafts);
    let ready = FromWorker::Ready(Box::new(model.info(&load)));
    out.send(&ready).map_err(|e| e.to_string())?;
    slots.run(inbox)
}

/// The values of a load, before any of them reaches C.
fn check(load: &Load) -> Result<Facts, String> {
    if load.version != VERSION {
        return Err(format!(
            "the gateway speaks version {} of the engine protocol and this worker version {VERSION}; the program on disk \
             was replaced while the gateway runs; restart the gateway",
            load.version
        ));
    }
    let fits = |name: &str, value: u32, least: u32, most: u32| {
        let message = || format!("{name} is {value}; it must be between {least} and {most}");
        (least..=most).contains(&value).then_some(()).ok_or_else(message)
    };
    fits("context", load.context, crate::source::CONTEXT_MIN, crate::source::CONTEXT_MAX)?;
    fits("threads", u32::from(load.threads), 1, 512)?;
    fits("slots", u32::from(load.slots), 1, SLOTS_MAX)?;
    fits("cells", load.cells, load.context, CELLS_MAX)?;
    fits("batch", load.batch, BATCH_MIN.max(u32::from(load.slots)), BATCH_MAX)?;
    fits("gpu_layers", load.gpu_layers.unwrap_or(0), 0, GPU_LAYERS_MAX)?;
    fits("the number of adapters", load.loras.len().try_into().unwrap_or(u32::MAX), 0, LORAS_MAX)?;
    for lora in &load.loras {
        if !lora.scale.is_finite() || lora.scale.abs() > LORA_SCALE_MAX {
            let (path, scale) = (&lora.path, lora.scale);
            return Err(format!(
                "the scale of {path} is {scale}; it must be between -{LORA_SCALE_MAX} and {LORA_SCALE_MAX}"
            ));
        }
        crate::source::adapter(std::path::Path::new(&lora.path))?;
    }
    if let Some(projector) = &load.projector {
        crate::source::check_projector(std::path::Path::new(projector))?;
    }
    crate::cpu::check()?;
    crate::source::examine(std::path::Path::new(&load.path))
}

/// Reads frames on a thread of its own. At the end of stdin the gateway is gone: whatever the main thread is at, the
/// process ends within seconds.
fn listen(gone: Arc<AtomicBool>) -> Receiver<ToWorker> {
    let (sender, inbox): (SyncSender<ToWorker>, _) = sync_channel(INBOX);
    #[expect(clippy::disallowed_methods, reason = "the last way out when C code does not return and nobody is left")]
    std::thread::spawn(move || {
        let mut stdin = io::stdin().lock();
        loop {
            match protocol::read::<ToWorker>(&mut stdin) {
                Ok(Some(message)) => {
                    if sender.send(message).is_err() {
                        break;
                    }
                }
                Ok(None) => break,
                Err(e) => {
                    eprintln!("engine worker: {e}");
                    break;
                }
            }
        }
        gone.store(true, Ordering::Relaxed);
        drop(sender);
        std::thread::sleep(Duration::from_secs(2));
        std::process::exit(0);
    });
    inbox
}

/// Where frames for the gateway go.
#[derive(Clone)]
struct Outbox(Arc<Mutex<BufWriter<Box<dyn Write + Send>>>>);

impl Outbox {
    fn new(to: impl Write + Send + 'static) -> Outbox {
        Outbox(Arc::new(Mutex::new(BufWriter::new(Box::new(to)))))
    }

    /// Writes one frame and sends it off.
    fn send(&self, message: &FromWorker) -> Result<(), protocol::FrameError> {
        self.put(message)?;
        self.flush()
    }

    /// Writes one frame; it leaves at the next [`Outbox::flush`].
    fn put(&self, message: &FromWorker) -> Result<(), protocol::FrameError> {
        let mut out = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        protocol::write(&mut *out, message)
    }

    fn flush(&self) -> Result<(), protocol::FrameError> {
        Ok(self.0.lock().unwrap_or_else(PoisonError::into_inner).flush()?)
    }
}

/// Takes stdout for the protocol, and lets everything else that is printed go to stderr.
#[cfg(unix)]
fn claim_stdout() -> io::Result<File> {
    use std::os::fd::AsFd;
    let own = io::stdout().as_fd().try_clone_to_owned()?;
    rustix::stdio::dup2_stdout(io::stderr())?;
    Ok(File::from(own))
}

#[cfg(windows)]
fn claim_stdout() -> io::Result<File> {
    use std::os::windows::io::AsHandle;
    Ok(File::from(io::stdout().as_handle().try_clone_to_owned()?))
}
