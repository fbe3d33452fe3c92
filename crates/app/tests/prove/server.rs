//! The real program in a folder of its own, which is its home, its data, its place for temporary files and its log.
//!
//! Never here: requests.

use super::ask::{Ask, Asker};
use super::canary::{Hit, Search};
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::time::Duration;
use tempfile::TempDir;
use testkit::{Served, Voice};

/// Nothing of its own accord, short deadlines, and nothing learned of one fault that would hide the next.
pub(crate) const QUIET: &str = "[engine]\nenabled = false\n[discovery]\nenabled = false\n";
pub(crate) const SHORT: &str = "[server]\nfirst_s = 1\ngap_s = 1\nconnect_s = 1\ntotal_s = 4\n";
pub(crate) const CALM: &str = "[resilience]\nbreaker_failures = 0\nbreaker_percent = 0\nkey_open_s = 0\npause_max_s = 0\n\
    retry_percent = 100\nretry_floor_per_s = 1000\nhedge = true\nhedge_after_ms = 40\nhedge_cost_max_usd = 1\n";

/// A key that callers use: assembled, so that no scanner takes it for one.
pub(crate) fn key(name: &str) -> String {
    format!("dp_{name}_{}", "0".repeat(32))
}

/// The lines of a place with a model that can do all that is asked here.
pub(crate) fn place(name: &str, voice: Voice, origin: &str, more: &str) -> String {
    let (profile, path) = (voice.profile.name, voice.base_path());
    let able =
        "context_tokens = 8192, tools = true, completions = true, price = { input_per_mtok = 1, output_per_mtok = 2 }";
    format!(
        "[[place]]\nname = \"{name}\"\nprofile = \"{profile}\"\nbase_url = \"{origin}{path}\"\napi_key = {{ env = \"UPSTREAM\" }}\n{more}\n\
         models = [{{ id = \"m\", {able} }}, {{ id = \"v\", embeddings = true }}, {{ id = \"r\", rerank = true }}]\n\n"
    )
}

/// The program, running.
pub(crate) struct Server {
    pub(crate) folder: TempDir,
    pub(crate) asker: Asker,
    served: Option<Served>,
    port: u16,
    arguments: Vec<&'static str>,
}

impl Server {
    /// Starts it with this configuration, these further arguments, and this before it (`strace …`).
    pub(crate) async fn start(config: &str, arguments: &[&'static str], before: &[&str]) -> Server {
        let folder = tempfile::tempdir().unwrap();
        Server::start_in(folder, config, arguments, before).await
    }

    /// The same in a folder that is there.
    pub(crate) async fn start_in(folder: TempDir, config: &str, arguments: &[&'static str], before: &[&str]) -> Server {
        std::fs::create_dir_all(folder.path().join("tmp")).unwrap();
        std::fs::write(folder.path().join("dewpoint.toml"), config).unwrap();
        let port = testkit::quiet_port();
        let mut server = Server {
            asker: Asker::new(([127, 0, 0, 1], port).into()),
            folder,
            served: None,
            port,
            arguments: arguments.to_vec(),
        };
        server.begin(before).await;
        server
    }

    async fn begin(&mut self, before: &[&str]) {
        let program = env!("CARGO_BIN_EXE_dewpoint");
        let command = match before {
            [] => Command::new(program),
            [first, rest @ ..] => {
                let mut command = Command::new(first);
                command.args(rest).arg(program);
                command
            }
        };
        let temporary = self.folder.path().join("tmp").display().to_string();
        let environment = [
            ("TMPDIR", temporary.as_str()),
            ("UPSTREAM", "a-key-for-places"),
            // All that it can say, but for the libraries, whose traces are theirs.
            (
                "RUST_LOG",
                "debug,dewpoint=trace,gateway=trace,backend=trace,decide=trace,ledger=trace,engine=trace,audit=trace",
            ),
            ("RUST_BACKTRACE", "1"),
        ];
        let path = self.folder.path();
        let mut served = Served::start_as(command, path, self.port, &self.arguments, &environment);
        served.ready().await;
        self.served = Some(served);
    }

    /// Waits until these places are taken as up.
    pub(crate) async fn all_up(&self, places: &[&str]) {
        let deadline = std::time::Instant::now() + Duration::from_secs(20);
        loop {
            let page: serde_json::Value = serde_json::from_slice(&self.asker.get("/readyz").await.body).unwrap();
            if places.iter().all(|p| page["places"][p]["state"] == "up") {
                return;
            }
            assert!(std::time::Instant::now() < deadline, "not up: {page}\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Takes another configuration over.
    pub(crate) async fn reload(&self, config: &str) {
        let served = self.served.as_ref().expect("it runs");
        let count = || {
            let log = served.log();
            (log.matches("taken over (SIGHUP").count(), log.matches("not taken over (SIGHUP").count())
        };
        let before = count();
        std::fs::write(self.folder.path().join("dewpoint.toml"), config).unwrap();
        served.signal("HUP");
        let deadline = std::time::Instant::now() + Duration::from_secs(20);
        while count().0 == before.0 {
            assert!(std::time::Instant::now() < deadline, "no reload\n{}", served.log());
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        assert_eq!(count().1, before.1, "the configuration is refused:\n{config}\n{}", served.log());
    }

    /// Asks many at once, at most `width` at a time; what came back is in the same order.
    pub(crate) async fn ask_all(&self, asks: &[Ask], width: usize) -> Vec<super::ask::Got> {
        use futures_util::StreamExt;
        let all = asks.iter().enumerate().map(|(i, ask)| async move { (i, self.asker.ask(ask).await) });
        let mut got: Vec<_> = futures_util::stream::iter(all).buffer_unordered(width).collect().await;
        got.sort_by_key(|(i, _)| *i);
        got.into_iter().map(|(_, got)| got).collect()
    }

    /// `kill -9`, and a start on the same folder.
    pub(crate) async fn kill_and_start(&mut self) {
        self.served.take().expect("it runs").kill();
        self.begin(&[]).await;
    }

    /// Keeps the pages that it shows in its folder, so that they are searched with the rest.
    pub(crate) async fn keep_pages(&self) {
        for page in ["metrics", "readyz", "v1/models", "healthz"] {
            let got = self.asker.get(&format!("/{page}")).await;
            std::fs::write(self.folder.path().join(page.replace('/', "_")), &got.body).unwrap();
        }
        let report = Command::new(env!("CARGO_BIN_EXE_dewpoint"))
            .args(["report", "--json"])
            .env("DEWPOINT_DATA", self.folder.path().join("data"))
            .current_dir(self.folder.path())
            .output()
            .unwrap();
        std::fs::write(self.folder.path().join("report"), report.stdout).unwrap();
    }

    /// Ends it in order.
    pub(crate) async fn stop(&mut self) {
        let Some(served) = self.served.take() else { return };
        assert_eq!(served.stop(Duration::from_secs(20)).await, Some(0), "an orderly stop\n{}", self.log());
    }

    /// Ends the program that a tracer started, which the tracer itself would not pass a signal on to.
    pub(crate) async fn stop_traced(&mut self) {
        let tracer = format!("PPid:\t{}\n", self.served.as_ref().expect("it runs").id());
        let processes = std::fs::read_dir("/proc").expect("Linux").flatten().map(|e| e.path());
        let of_tracer = |p: &Path| std::fs::read_to_string(p.join("status")).is_ok_and(|s| s.contains(&tracer));
        let child = processes.into_iter().find(|p| of_tracer(p)).expect("a traced process");
        super::namespace::run("kill", &["-TERM", child.file_name().and_then(|n| n.to_str()).expect("a number")]);
        let mut served = self.served.take().expect("it runs");
        let deadline = std::time::Instant::now() + Duration::from_secs(20);
        while served.ended().is_none() {
            assert!(std::time::Instant::now() < deadline, "no end\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// What of these canaries is in anything that it has written, and how many files that is.
    pub(crate) fn written(&self, search: &Search) -> (BTreeSet<(String, Hit)>, usize) {
        let (found, files) = search.folder(self.folder.path());
        assert!(
            files >= 4 && Path::new(&self.folder.path().join("log")).exists(),
            "too few files to be searched: {files}"
        );
        (found, files)
    }
}
