//! The worker as a process: starting it, its three pipes, and how it ended.
//!
//! Never here: what frames mean, when to restart.

use crate::protocol::{FrameError, FromWorker, body_len};
use std::io;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::sync::mpsc::Receiver;
use tokio::task::JoinHandle;

/// What the worker gets of the environment. Credentials stay with the gateway.
const ENVIRONMENT: [&str; 14] = [
    "PATH",
    "HOME",
    "TMPDIR",
    "TMP",
    "TEMP",
    "SystemRoot",
    "LANG",
    "LC_ALL",
    "LD_LIBRARY_PATH",
    "DYLD_LIBRARY_PATH",
    "RUST_BACKTRACE",
    "CUDA_VISIBLE_DEVICES",
    "HIP_VISIBLE_DEVICES",
    "GGML_VK_VISIBLE_DEVICES",
];

/// Longest line of the worker's stderr that is kept, bytes.
const LINE_MAX: usize = 2000;

/// What is started as a worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Program {
    pub(super) path: PathBuf,
    pub(super) args: Vec<String>,
}

/// A running worker. Dropping it kills the process.
pub(super) struct Process {
    child: Child,
    pub(super) frames: Frames,
    complaint: Arc<Mutex<String>>,
    tasks: [JoinHandle<()>; 2],
}

impl Process {
    /// Starts the program; frames from `outbound` go to its stdin.
    ///
    /// # Errors
    /// The program cannot be started.
    pub(super) fn start(program: &Program, outbound: Receiver<Vec<u8>>) -> io::Result<Process> {
        let mut command = Command::new(&program.path);
        command
            .args(&program.args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command.env_clear().envs(ENVIRONMENT.iter().filter_map(|n| std::env::var_os(n).map(|v| (n, v))));
        // On abort ggml would start a debugger to print a backtrace, which takes seconds.
        command.env("GGML_NO_BACKTRACE", "1");
        // Ctrl-C in a terminal goes to the whole group; the gateway drains first and then ends the worker itself.
        #[cfg(unix)]
        command.process_group(0);
        let mut child = command.spawn()?;
        let missing = || io::Error::other("a pipe is missing");
        let stdin = child.stdin.take().ok_or_else(missing)?;
        let stdout = child.stdout.take().ok_or_else(missing)?;
        let stderr = child.stderr.take().ok_or_else(missing)?;
        let complaint = Arc::<Mutex<String>>::default();
        let tasks = [tokio::spawn(write(stdin, outbound)), tokio::spawn(log(stderr, Arc::clone(&complaint)))];
        Ok(Process { child, frames: Frames(BufReader::with_capacity(1 << 16, stdout)), complaint, tasks })
    }

    /// Its process id.
    pub(super) fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// The last line it wrote to stderr; empty if none.
    pub(super) fn complaint(&self) -> String {
        self.complaint.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits for its end and says how it was: `exit status: 1`, `signal: 9 (SIGKILL)`.
    pub(super) async fn wait(&mut self) -> String {
        self.child.wait().await.map_or_else(|e| e.to_string(), |status: ExitStatus| status.to_string())
    }

    /// Kills it.
    pub(super) fn kill(&mut self) {
        let _ = self.child.start_kill();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

/// The frames that the worker says.
pub(super) struct Frames(BufReader<ChildStdout>);

impl Frames {
    /// The next frame; `None` at the end. Not cancel-safe: poll one future to its end.
    ///
    /// # Errors
    /// A frame that is not of the protocol.
    pub(super) async fn next(&mut self, body: &mut Vec<u8>) -> Result<Option<FromWorker>, FrameError> {
        let mut prefix = [0u8; 4];
        match self.0.read_exact(&mut prefix).await {
            Ok(_) => {}
            Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            Err(e) => return Err(e.into()),
        }
        body.resize(body_len(prefix)?, 0);
        match self.0.read_exact(body).await {
            Ok(_) => Ok(Some(serde_json::from_slice(body)?)),
            Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
            Err(e) => Err(e.into()),
        }
    }
}

async fn write(mut stdin: ChildStdin, mut outbound: Receiver<Vec<u8>>) {
    while let Some(frame) = outbound.recv().await {
        if stdin.write_all(&frame).await.is_err() {
            return;
        }
    }
}

/// What the worker prints becomes log lines of ours; the last one is kept, since after a crash it says why.
async fn log(stderr: ChildStderr, complaint: Arc<Mutex<String>>) {
    let mut lines = BufReader::new(stderr);
    let mut line = Vec::new();
    loop {
        line.clear();
        let mut chunk = (&mut lines).take(LINE_MAX as u64);
        match chunk.read_until(b'\n', &mut line).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        let text = String::from_utf8_lossy(&line).trim().to_owned();
        if !text.is_empty() {
            tracing::warn!(target: "engine::worker", "{text}");
            *complaint.lock().unwrap_or_else(PoisonError::into_inner) = text;
        }
    }
}
