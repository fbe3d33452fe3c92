//! The real binary: exit codes, messages, start, reload and stop. Every run has its own folder and environment.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(clippy::disallowed_methods, reason = "a test is a client: it opens sockets to the server")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

fn dewpoint(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dewpoint"));
    command.env_clear().env("HOME", folder).env("DEWPOINT_DATA", folder.join("data")).current_dir(folder);
    command
}

fn run(folder: &Path, args: &[&str]) -> (i32, String, String) {
    seen(dewpoint(folder).args(args).output().unwrap())
}

fn seen(output: Output) -> (i32, String, String) {
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn folder(config: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    if !config.is_empty() {
        std::fs::write(folder.path().join("dewpoint.toml"), config).unwrap();
    }
    folder
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A running server; killed when the test ends.
struct Server {
    child: Child,
    lines: mpsc::Receiver<String>,
    port: u16,
}

impl Server {
    fn start(folder: &Path, port: u16, args: &[&str]) -> Server {
        let listen = format!("127.0.0.1:{port}");
        let mut command = dewpoint(folder);
        command.args(["serve", "--listen", &listen]).args(args);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (send, lines) = mpsc::sync_channel(1000);
        let pipes: [Box<dyn Read + Send>; 2] =
            [Box::new(child.stdout.take().unwrap()), Box::new(child.stderr.take().unwrap())];
        for pipe in pipes {
            let send = send.clone();
            std::thread::spawn(move || {
                for line in BufReader::new(pipe).lines().map_while(Result::ok) {
                    let _ = send.send(line);
                }
            });
        }
        Server { child, lines, port }
    }

    /// Waits for a line that contains `part` and gives it.
    fn line(&self, part: &str) -> String {
        let deadline = Instant::now() + Duration::from_secs(20);
        let mut before = String::new();
        while let Ok(line) = self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            if line.contains(part) {
                return line;
            }
            before.push_str(&line);
            before.push('\n');
        }
        panic!("no line with \"{part}\" in\n{before}");
    }

    fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([name, &pid]).status().unwrap().success());
    }

    fn stop(mut self) -> i32 {
        self.signal("-TERM");
        self.child.wait().unwrap().code().unwrap()
    }

    fn get(&self, path: &str) -> String {
        self.ask(&format!("GET {path}"), "")
    }

    /// A chat with a model.
    #[cfg(all(feature = "engine", bundled_model))]
    fn chat(&self, model: &str) -> String {
        let body = format!(r#"{{"model":"{model}","max_tokens":4,"messages":[{{"role":"user","content":"hi"}}]}}"#);
        self.ask("POST /v1/chat/completions", &body)
    }

    fn ask(&self, what: &str, body: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let head = "host: 127.0.0.1\r\nconnection: close\r\ncontent-type: application/json";
        write!(stream, "{what} HTTP/1.1\r\n{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const QUIET: &str = "[engine]\nenabled = false\n[discovery]\nenabled = false\n";

#[test]
fn check_says_where_values_come_from() {
    let dir = folder("[server]\ngap_s = 7\n[discovery]\nenabled = false\n");
    let (code, out, err) = run(dir.path(), &["check"]);
    assert_eq!((code, err.as_str()), (0, ""));
    assert!(out.starts_with("dewpoint.toml is valid (named by the current folder).\n"), "{out}");
    let has = |left: &str, right: &str| out.lines().any(|l| l.starts_with(left) && l.ends_with(right));
    assert!(has("server.gap_s = 7", "# dewpoint.toml:2"), "{out}");
    assert!(has("server.total_s = 600", "# default"), "{out}");
    assert!(has("ledger.dir = ", "# environment DEWPOINT_DATA"), "{out}");
}

#[test]
fn a_mistake_is_told_and_fails_every_command() {
    let dir = folder("[server]\nlissten = \"127.0.0.1:1\"\n");
    for args in [&["check"][..], &["serve"], &["explain", "hi"], &["ledger"]] {
        let (code, out, err) = run(dir.path(), args);
        assert_eq!((code, out.as_str()), (1, ""), "{args:?}");
        assert!(err.starts_with("error: dewpoint.toml:2: unknown key \"lissten\" in [server]\n"), "{err}");
        assert!(err.contains("help: did you mean \"listen\"?"), "{err}");
    }
}

#[test]
fn the_configuration_is_named_by_flag_then_variable() {
    let dir = folder("");
    std::fs::write(dir.path().join("a.toml"), "[server]\ngap_s = 1\n").unwrap();
    std::fs::write(dir.path().join("b.toml"), "[server]\ngap_s = 2\n").unwrap();
    let mut command = dewpoint(dir.path());
    let (_, out, _) =
        seen(command.env("DEWPOINT_CONFIG", "b.toml").args(["check", "--no-discovery"]).output().unwrap());
    assert!(out.contains("server.gap_s = 2") && out.contains("named by environment DEWPOINT_CONFIG"), "{out}");
    let flagged = command.args(["--config", "a.toml"]).output().unwrap();
    assert!(seen(flagged).1.contains("server.gap_s = 1"));
    let (code, _, err) = run(dir.path(), &["check", "--config", "none.toml"]);
    assert_eq!(code, 1);
    assert!(err.starts_with("error: the configuration none.toml cannot be read\n"), "{err}");
}

#[test]
fn init_writes_a_valid_file_once() {
    let dir = folder("");
    let init = |extra: &[&str]| {
        let mut command = dewpoint(dir.path());
        seen(command.env("OPENAI_API_KEY", "sk-test-0123456789").arg("init").args(extra).output().unwrap())
    };
    let (code, out, err) = init(&[]);
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    assert!(out.starts_with("Wrote dewpoint.toml.\n") && out.contains("\nopenai "), "{out}");
    let text = std::fs::read_to_string(dir.path().join("dewpoint.toml")).unwrap();
    assert!(text.contains("api_key = { env = \"OPENAI_API_KEY\" }") && !text.contains("sk-test"), "{text}");
    let (code, _, err) = init(&[]);
    assert_eq!(code, 1);
    assert!(err.contains("dewpoint.toml is there already") && err.contains("init --force"), "{err}");
    assert_eq!(init(&["--force"]).0, 0);
    let mut check = dewpoint(dir.path());
    let (code, _, err) = seen(check.env("OPENAI_API_KEY", "sk-test-0123456789").arg("check").output().unwrap());
    assert_eq!((code, err.as_str()), (0, ""));
}

#[test]
fn explain_shows_or_prints_the_verdict_and_needs_no_network() {
    let dir = folder(
        "[engine]\nenabled = false\n[discovery]\nenabled = false\n[[place]]\nname = \"openai\"\nmodels = [\"gpt-5-mini\"]\n",
    );
    let (code, out, err) = run(dir.path(), &["explain", "Prove that there are infinitely many primes"]);
    assert_eq!((code, err.as_str()), (0, ""));
    assert!(out.contains("  1.  openai/gpt-5-mini  ") && out.contains("task        math"), "{out}");
    let (code, out, _) = run(dir.path(), &["explain", "--json", "--model", "openai/gpt-5-mini", "hi"]);
    assert_eq!(code, 0);
    assert!(out.contains("\"order\"") && out.trim_start().starts_with('{'), "{out}");
    let (code, out, _) = run(dir.path(), &["explain", "--class", "secret", "my password"]);
    assert_eq!(code, 1);
    assert!(out.contains("goes nowhere: The policy lets this request go nowhere"), "{out}");
    let mut command = dewpoint(dir.path());
    let mut child = command.args(["explain", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"Classify the sentiment: I love it").unwrap();
    assert!(seen(child.wait_with_output().unwrap()).1.contains("task        classify"));
}

#[test]
fn serve_refuses_what_it_must_not_do() {
    let dir = folder(QUIET);
    let (code, _, err) = run(dir.path(), &["serve", "--listen", "0.0.0.0:0"]);
    assert_eq!(code, 1);
    assert!(err.starts_with("error: listening on 0.0.0.0:0 without keys is refused\n"), "{err}");
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (code, _, err) = run(dir.path(), &["serve", "--listen", &address]);
    assert_eq!(code, 1);
    assert!(err.starts_with(&format!("error: cannot listen on {address}\n")) && err.contains("--listen"), "{err}");
}

#[test]
fn serve_starts_fast_answers_and_stops_in_order() {
    let dir = folder("[engine]\nenabled = false\n");
    // The best of three: a busy machine says nothing about Dewpoint.
    let best = (0..3).map(|_| started_in_ms(dir.path())).min().unwrap();
    assert!(best < 1000, "{best} ms");
    let server = Server::start(dir.path(), free_port(), &[]);
    server.line("looked for and not found: OPENAI_API_KEY");
    server.line(" on http://127.0.0.1:");
    assert!(server.get("/healthz").starts_with("HTTP/1.1 200"));
    assert!(server.get("/readyz").starts_with("HTTP/1.1 503"), "nothing can answer here");
    assert_eq!(server.stop(), 0);
    let (code, out, _) = run(dir.path(), &["ledger", "--since", "1h", "--json"]);
    assert_eq!(code, 0);
    assert!(out.contains("\"rows\""), "{out}");
}

fn started_in_ms(folder: &Path) -> u64 {
    let server = Server::start(folder, free_port(), &[]);
    let up = server.line(" on http://127.0.0.1:");
    assert_eq!(server.stop(), 0);
    up.rsplit("up in ").next().unwrap().trim_end_matches(" ms").parse().unwrap()
}

#[test]
fn a_second_server_on_the_same_ledger_is_refused() {
    let dir = folder(QUIET);
    let first = Server::start(dir.path(), free_port(), &[]);
    first.line(" on http://");
    let (code, _, err) = run(dir.path(), &["serve", "--listen", "127.0.0.1:0"]);
    assert_eq!(code, 1);
    assert!(err.starts_with("error: the ledger cannot be used\n  ") && err.contains("is in use by"), "{err}");
}

#[test]
fn a_changed_file_is_taken_over_and_an_invalid_one_is_not() {
    let place = |model: &str| {
        format!(
            "{QUIET}[[place]]\nname = \"x\"\napi = \"openai\"\nbase_url = \"http://127.0.0.1:9/v1\"\nmodels = [\"{model}\"]\n"
        )
    };
    let dir = folder(&place("one"));
    let path = dir.path().join("dewpoint.toml");
    let server = Server::start(dir.path(), free_port(), &[]);
    server.line(" on http://");
    assert!(server.get("/v1/models").contains("one"));
    std::fs::write(&path, "[server]\nbogus = 1\n").unwrap();
    server.line("the new configuration is not taken over (the file changed); the old one stays in force");
    server.line("dewpoint.toml:2: unknown key \"bogus\" in [server]");
    assert!(server.get("/v1/models").contains("one"));
    // As editors do it: a new file in the place of the old one.
    std::fs::write(dir.path().join("new"), place("two")).unwrap();
    std::fs::rename(dir.path().join("new"), &path).unwrap();
    server.line("configuration taken over (the file changed)");
    let models = server.get("/v1/models");
    assert!(models.contains("two") && !models.contains("\"x/one\""), "{models}");
    server.signal("-HUP");
    server.line("configuration taken over (SIGHUP)");
    assert_eq!(server.stop(), 0);
}

#[test]
fn a_second_signal_stops_at_once_and_nothing_is_left_behind() {
    let dir = folder(QUIET);
    let mut server = Server::start(dir.path(), free_port(), &[]);
    server.line(" on http://");
    // A connection in the middle of a request would hold an orderly stop for the whole drain time.
    let mut held = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
    held.write_all(b"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 100\r\n\r\n{").unwrap();
    std::thread::sleep(Duration::from_millis(200));
    let started = Instant::now();
    server.signal("-TERM");
    server.line("stopping (again to stop at once)");
    server.signal("-TERM");
    server.child.wait().unwrap();
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    assert_eq!(run(dir.path(), &["ledger"]).0, 0);
}

#[test]
fn keys_and_reports() {
    let dir = folder("");
    let (code, out, _) = run(dir.path(), &["key", "new"]);
    assert_eq!(code, 0);
    let key = out.lines().next().unwrap();
    assert!(key.starts_with("dp_") && key.len() == "dp_".len() + 6 + 1 + 32, "{key}");
    let lines = out.split("[[key]]").nth(1).unwrap();
    std::fs::write(dir.path().join("dewpoint.toml"), format!("[[key]]{lines}")).unwrap();
    assert_eq!(run(dir.path(), &["check", "--no-discovery"]).0, 0);
    let (code, _, err) = run(dir.path(), &["ledger"]);
    assert_eq!(code, 1);
    assert!(err.starts_with("error: the ledger cannot be used\n  there is no ledger in "), "{err}");
    assert_ne!(run(dir.path(), &["ledger", "--since", "soon"]).0, 0);
    assert_ne!(run(dir.path(), &["nonsense"]).0, 0);
}

/// Processes that a process has started and that are alive.
#[cfg(all(target_os = "linux", feature = "engine", bundled_model))]
fn children(pid: u32) -> Vec<u32> {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let lists = tasks.filter_map(|t| std::fs::read_to_string(t.path().join("children")).ok());
    lists.flat_map(|l| l.split_whitespace().map(|p| p.parse().unwrap()).collect::<Vec<_>>()).collect()
}

#[cfg(all(target_os = "linux", feature = "engine", bundled_model))]
#[test]
fn models_of_the_engine_come_and_go_while_it_runs() {
    let file = |names: &[&str]| {
        let table = |n: &&str| format!("[[engine.model]]\nname = \"{n}\"\npath = \"bundled\"\n");
        format!("[discovery]\nenabled = false\n{}", names.iter().map(table).collect::<String>())
    };
    let dir = folder(&file(&["a", "team/b"]));
    let server = Server::start(dir.path(), free_port(), &[]);
    server.line("edge/team/b is a demonstration model");
    server.line(" on http://");
    let gateway = server.child.id();
    let listed = server.get("/v1/models");
    assert!(listed.contains("\"edge/a\"") && listed.contains("\"edge/team/b\""), "{listed}");
    assert_eq!(children(gateway), [], "nothing is loaded before it is asked for");
    let answer = server.chat("edge/team/b");
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("team/b"), "{answer}");
    let workers = children(gateway);
    assert_eq!(workers.len(), 1);
    std::fs::write(dir.path().join("new"), file(&["c", "team/b"])).unwrap();
    std::fs::rename(dir.path().join("new"), dir.path().join("dewpoint.toml")).unwrap();
    server.line("configuration taken over (the file changed)");
    let listed = server.get("/v1/models");
    assert!(listed.contains("\"edge/c\"") && !listed.contains("\"edge/a\""), "{listed}");
    assert!(server.chat("edge/team/b").starts_with("HTTP/1.1 200"));
    assert_eq!(children(gateway), workers, "the model that stayed was loaded again");
    assert!(server.chat("edge/c").starts_with("HTTP/1.1 200"));
    assert!(server.chat("edge/a").starts_with("HTTP/1.1 404"));
    assert_eq!(children(gateway).len(), 2);
    // A crash of a worker reaches neither the gateway nor the next request.
    assert!(Command::new("kill").args(["-KILL", &workers[0].to_string()]).status().unwrap().success());
    let answer = server.chat("edge/team/b");
    assert!(answer.starts_with("HTTP/1.1 200") || answer.starts_with("HTTP/1.1 502"), "{answer}");
    assert!(server.chat("edge/team/b").starts_with("HTTP/1.1 200"));
    let last = children(gateway);
    assert_eq!(server.stop(), 0);
    assert!(last.iter().all(|pid| !Path::new(&format!("/proc/{pid}/cmdline")).exists()), "{last:?}");
}
