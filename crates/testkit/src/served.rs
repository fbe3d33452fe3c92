//! The real program as a process of its own: started, watched from outside (memory, descriptors, log), signalled, killed.
//!
//! Never here: what is asked of it ([`crate::Caller`]).

use crate::{Caller, Voice};
use std::fs::{File, OpenOptions};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

/// Ports below those that Linux, macOS and the BSDs hand out by themselves.
const QUIET_PORTS: std::ops::Range<u16> = 18_000..30_000;

/// A free loopback port that the kernel gives to nobody by itself. A port that is closed for a while and opened again
/// must not be one of those: an outgoing connection may get it meanwhile, or even connect to itself.
///
/// # Panics
/// When none is free.
pub fn quiet_port() -> u16 {
    let seed = std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), std::process::id());
    let (count, first) = (u64::from(QUIET_PORTS.end - QUIET_PORTS.start), u64::from(QUIET_PORTS.start));
    let free = |port: &u16| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok();
    (0..1000).map(|n| (first + (seed.wrapping_add(n * 37)) % count) as u16).find(free).expect("a free port")
}

/// The machine that a run was on, for tables: processor, cores, and how busy it was.
pub fn machine() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let cpus = read("/proc/cpuinfo");
    let model = cpus.lines().find_map(|l| l.strip_prefix("model name")?.split_once(": ").map(|(_, name)| name));
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let load = read("/proc/loadavg");
    let load = load.split(' ').next().filter(|l| !l.is_empty()).map(|l| format!(", load average {l} at the start"));
    format!("{cores} cores, {}{}", model.unwrap_or(std::env::consts::ARCH), load.unwrap_or_default())
}

/// The lines of a configuration for a place that speaks like `voice` and has the model `m`, which costs money.
pub fn place_toml(name: &str, voice: Voice, address: SocketAddr) -> String {
    let (profile, path) = (voice.profile.name, voice.base_path());
    format!(
        "[[place]]\nname = \"{name}\"\nprofile = \"{profile}\"\nbase_url = \"http://{address}{path}\"\n\
         tier = \"local\"\nkind = \"appliance\"\n\
         models = [{{ id = \"m\", context_tokens = 1000000, price = {{ input_per_mtok = 1, output_per_mtok = 2 }} }}]\n\n"
    )
}

/// `dewpoint serve`, running. Killed when dropped.
pub struct Served {
    child: Child,
    folder: PathBuf,
    address: SocketAddr,
}

impl Served {
    /// Starts `program serve` on `port` in `folder`: its configuration is `dewpoint.toml` there, its ledger `data`, and
    /// its log is appended to `log`. Its environment is empty but for these and what `environment` says.
    ///
    /// # Panics
    /// When the program cannot be started.
    pub fn start(program: &Path, folder: &Path, port: u16, environment: &[(&str, &str)]) -> Served {
        Served::start_as(Command::new(program), folder, port, &[], environment)
    }

    /// As [`Served::start`]. `program` is the program, or one that starts it (`strace -f dewpoint`); `arguments` come
    /// behind `serve --listen ADDRESS`.
    ///
    /// # Panics
    /// As [`Served::start`].
    pub fn start_as(
        mut program: Command,
        folder: &Path,
        port: u16,
        arguments: &[&str],
        environment: &[(&str, &str)],
    ) -> Served {
        let log = OpenOptions::new().create(true).append(true).open(folder.join("log")).expect("a log file");
        let clone = |file: &File| file.try_clone().expect("a second handle");
        let child = program
            .args(["serve", "--listen", &format!("127.0.0.1:{port}")])
            .args(arguments)
            .env_clear()
            .env("HOME", folder)
            .env("DEWPOINT_DATA", folder.join("data"))
            .envs(environment.iter().copied())
            .current_dir(folder)
            .stdout(clone(&log))
            .stderr(log)
            .spawn()
            .expect("the program starts");
        Served { child, folder: folder.to_owned(), address: (Ipv4Addr::LOCALHOST, port).into() }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits until it answers.
    ///
    /// # Panics
    /// When it has ended or does not answer within 20 s; the end of its log says why.
    pub async fn ready(&mut self) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while Caller::new(self.address).get("/healthz").await.is_none() {
            let ended = self.ended();
            assert!(ended.is_none() && Instant::now() < deadline, "not serving ({ended:?})\n{}", self.log_end());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// The number of its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("our own child")
    }

    /// `kill -9`, and waits for the end.
    ///
    /// # Panics
    /// When it had ended by itself.
    pub fn kill(mut self) {
        let ended = self.ended();
        assert!(ended.is_none(), "it ended by itself, {ended:?}\n{}", self.log_end());
        self.child.kill().expect("our own child");
        self.child.wait().expect("our own child");
    }

    /// Sends a signal by name (`HUP`, `TERM`).
    ///
    /// # Panics
    /// When there is no such process.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([format!("-{name}"), self.child.id().to_string()]).status();
        assert!(sent.expect("`kill` is there").success(), "no process to signal\n{}", self.log_end());
    }

    /// SIGTERM, and the exit status; `None` when it did not end within `limit`.
    pub async fn stop(mut self, limit: Duration) -> Option<i32> {
        self.signal("TERM");
        let deadline = Instant::now() + limit;
        while Instant::now() < deadline {
            if let Some(status) = self.ended() {
                return status.code();
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        None
    }

    /// Resident memory of its own, kibibytes, without the pages of files that it maps (its program, the ledger's journal),
    /// which the kernel may take back at any time. Where there is no `/proc`, all that `ps` tells; `None` without either.
    pub fn resident_kib(&self) -> Option<u64> {
        let pid = self.child.id();
        if let Ok(status) = std::fs::read_to_string(format!("/proc/{pid}/status")) {
            let line = status.lines().find_map(|l| l.strip_prefix("RssAnon:"))?;
            return line.trim().trim_end_matches(" kB").parse().ok();
        }
        let ps = Command::new("ps").args(["-o", "rss=", "-p", &pid.to_string()]).output().ok()?;
        String::from_utf8(ps.stdout).ok()?.trim().parse().ok()
    }

    /// Open descriptors; `None` where there is no `/proc`.
    pub fn descriptors(&self) -> Option<usize> {
        Some(std::fs::read_dir(format!("/proc/{}/fd", self.child.id())).ok()?.count())
    }

    /// Its whole log.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(self.folder.join("log")).unwrap_or_default()).into_owned()
    }

    fn log_end(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
