//! The process: start, log, signals, size, end.
//!
//! Never here: HTTP.

use super::Builder;
use std::net::SocketAddr;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::Notify;

/// For a server to start, on a machine that is busy.
const START: Duration = Duration::from_secs(60);

/// What has been written, by both pipes.
#[derive(Default)]
struct Log {
    text: Mutex<String>,
    changed: Notify,
}

pub(super) struct Server {
    child: Child,
    pub(super) address: SocketAddr,
    log: Arc<Log>,
    code: Option<Option<i32>>,
}

/// What a process holds; zeros where the system does not say.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Size {
    pub(super) rss_kib: u64,
    pub(super) descriptors: usize,
}

impl Server {
    pub(super) async fn start(folder: &tempfile::TempDir, builder: &Builder) -> Server {
        let log = Arc::new(Log::default());
        let (child, address) = spawn(folder, builder, &log).await;
        Server { child, address, log, code: None }
    }

    /// Starts again behind the end of the old process; the log goes on.
    pub(super) async fn restart(&mut self, folder: &tempfile::TempDir, builder: &Builder) {
        assert!(self.code.is_some(), "the old process must have ended");
        (self.child, self.address) = spawn(folder, builder, &self.log).await;
        self.code = None;
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.id().expect("a process that was not waited for")
    }

    pub(super) fn log(&self) -> String {
        self.log.text.lock().unwrap().clone()
    }

    pub(super) async fn logged(&self, limit: Duration, wanted: impl Fn(&str) -> bool) -> bool {
        self.log.when(limit, wanted).await
    }

    pub(super) fn signal(&self, name: &str) {
        let pid = self.pid().to_string();
        let sent = std::process::Command::new("kill").args([&format!("-{name}"), &pid]).status();
        assert!(sent.is_ok_and(|s| s.success()), "no signal {name} to {pid}");
    }

    /// Waits for the end; gives the exit code.
    pub(super) async fn exited(&mut self, limit: Duration) -> Option<i32> {
        if let Some(code) = self.code {
            return code;
        }
        let ended = tokio::time::timeout(limit, self.child.wait()).await;
        let status = ended.unwrap_or_else(|_| panic!("the server does not end\n{}", self.log())).unwrap();
        self.code = Some(status.code());
        status.code()
    }

    /// Whether it has ended, as far as is known.
    pub(super) fn is_over(&mut self) -> bool {
        if self.code.is_none()
            && let Ok(Some(status)) = self.child.try_wait()
        {
            self.code = Some(status.code());
        }
        self.code.is_some()
    }

    pub(super) fn size(&self) -> Size {
        let pid = self.pid();
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let rss = status.lines().find_map(|l| l.strip_prefix("VmRSS:"));
        let rss_kib = rss.and_then(|l| l.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0);
        let descriptors = std::fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, Iterator::count);
        Size { rss_kib, descriptors }
    }
}

impl Log {
    async fn when(&self, limit: Duration, wanted: impl Fn(&str) -> bool) -> bool {
        let waiting = async {
            loop {
                let changed = self.changed.notified();
                if wanted(&self.text.lock().unwrap()) {
                    return;
                }
                changed.await;
            }
        };
        tokio::time::timeout(limit, waiting).await.is_ok()
    }
}

async fn spawn(folder: &tempfile::TempDir, builder: &Builder, log: &Arc<Log>) -> (Child, SocketAddr) {
    let from = log.text.lock().unwrap().len();
    let binary = env!("CARGO_BIN_EXE_dewpoint");
    let mut command = if builder.before.is_empty() {
        Command::new(binary)
    } else {
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", &format!("{}; exec \"$0\" \"$@\"", builder.before), binary]);
        shell
    };
    command
        .args(["serve", "--listen", "127.0.0.1:0", "--config"])
        .arg(Builder::config_path(folder))
        .current_dir(folder.path())
        .env_clear()
        .env("HOME", folder.path())
        .env("DEWPOINT_DATA", folder.path().join("data"))
        .env("RUST_LOG", "info,gateway=debug,backend=debug,ledger=debug,dewpoint=debug")
        .envs(builder.env.iter().map(|(n, v)| (n, v)))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    let mut child = command.spawn().expect("the binary starts");
    tokio::spawn(follow(child.stdout.take().expect("a pipe"), log.clone()));
    tokio::spawn(follow(child.stderr.take().expect("a pipe"), log.clone()));
    let up = |text: &str| address(&text[from..]).is_some();
    assert!(log.when(START, up).await, "the server does not start\n{}", log.text.lock().unwrap());
    let address = address(&log.text.lock().unwrap()[from..]).expect("just seen");
    (child, address)
}

/// From "Dewpoint … on http://ADDRESS (…".
fn address(log: &str) -> Option<SocketAddr> {
    let line = log.lines().find(|l| l.starts_with("Dewpoint ") && l.ends_with(" ms"))?;
    line.split_once("http://")?.1.split(' ').next()?.parse().ok()
}

async fn follow(pipe: impl AsyncRead + Unpin, log: Arc<Log>) {
    let mut lines = BufReader::new(pipe).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let mut text = log.text.lock().unwrap();
        text.push_str(&line);
        text.push('\n');
        drop(text);
        log.changed.notify_waiters();
    }
}

/// The last lines of a text.
pub(super) fn tail(text: &str, lines: usize) -> String {
    let all: Vec<&str> = text.lines().collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}
