//! Feedback on the real program: a thumb on an answer is in the ledger and in what is believed of the model, also after the server was
//! killed and started again.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(clippy::disallowed_methods, reason = "a test is a client: it opens sockets to the server")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};
use testkit::{Answer, Fake, Served, quiet_port};

const PROGRAM: &str = env!("CARGO_BIN_EXE_dewpoint");

/// Status, `x-request-id` and body of one call.
fn post(to: SocketAddr, path: &str, key: &str, body: &str) -> (u16, String, String) {
    let mut socket = TcpStream::connect(to).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let length = body.len();
    write!(
        socket,
        "POST {path} HTTP/1.1\r\nhost: {to}\r\nauthorization: Bearer {key}\r\ncontent-type: application/json\r\n\
         content-length: {length}\r\nconnection: close\r\n\r\n{body}"
    )
    .unwrap();
    let mut text = String::new();
    socket.read_to_string(&mut text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let id = head.lines().find_map(|l| l.strip_prefix("x-request-id: ")).unwrap_or_default();
    (status, id.to_owned(), body.to_owned())
}

fn dewpoint(folder: &Path, args: &[&str]) -> String {
    let mut command = Command::new(PROGRAM);
    command.env_clear().env("HOME", folder).env("DEWPOINT_DATA", folder.join("data")).current_dir(folder);
    let output = command.args(args).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{args:?}: {}{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}

fn json(folder: &Path, args: &[&str]) -> serde_json::Value {
    serde_json::from_str(&dewpoint(folder, args)).unwrap()
}

/// Waits until the ledger on the disk has so many lessons.
fn lessons(folder: &Path, n: usize) -> serde_json::Value {
    let start = Instant::now();
    loop {
        let found = json(folder, &["ledger", "lessons", "--json"]);
        if found.as_array().unwrap().len() == n {
            return found;
        }
        assert!(start.elapsed() < Duration::from_secs(30), "{found}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn secret(folder: &Path, name: &str) -> String {
    let made = json(folder, &["keys", "create", name, "--json"]);
    made["key"].as_str().unwrap().to_owned()
}

const CHAT: &str = r#"{"model":"own/llama3.1:8b","messages":[{"role":"user","content":"Say hello."}]}"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_thumb_is_learned_kept_and_known_after_a_restart() {
    let fake = Fake::start().await;
    fake.on(
        "POST /v1/chat/completions",
        Answer::json(
            200,
            r#"{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"Hello."},"finish_reason":"stop"}],"usage":{"prompt_tokens":9,"completion_tokens":1,"total_tokens":10}}"#,
        ),
    );
    let dir = tempfile::tempdir().unwrap();
    let (folder, port) = (dir.path().to_owned(), quiet_port());
    let config = format!(
        "[server]\nlisten = \"127.0.0.1:{port}\"\n[engine]\nenabled = false\n[discovery]\nenabled = false\n\
         [[place]]\nname = \"own\"\napi = \"openai\"\nbase_url = \"http://{}/v1\"\nzone = \"same-host\"\ntier = \"local\"\n\
         models = [{{ id = \"llama3.1:8b\", context_tokens = 8000 }}]\n",
        fake.address()
    );
    std::fs::write(folder.join("dewpoint.toml"), config).unwrap();
    let (ours, theirs) = (secret(&folder, "ours"), secret(&folder, "theirs"));
    let mut served = Served::start(Path::new(PROGRAM), &folder, port, &[]);
    served.ready().await;
    let to = served.address();
    let (status, id, body) = post(to, "/v1/chat/completions", &ours, CHAT);
    assert_eq!(status, 200, "{body}");
    let said = |thumb: &str| format!(r#"{{"request_id":"{id}","thumb":"{thumb}"}}"#);

    // Another key learns nothing of the request; ours is told who is rated. Said again it replaces.
    assert_eq!(post(to, "/v1/feedback", &theirs, &said("down")).0, 404);
    let (status, _, body) = post(to, "/v1/feedback", &ours, &said("up"));
    assert_eq!(status, 200, "{body}");
    let told: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!((&told["place"], &told["model"], &told["score"]), (&"own".into(), &"llama3.1:8b".into(), &1.0.into()));
    assert_eq!(post(to, "/v1/feedback", &ours, &said("down")).0, 200);
    let task = told["task"].as_str().unwrap().to_owned();
    lessons(&folder, 1);
    served.kill();

    // After a crash: the lesson is there once, as it was said last, and the id is still known.
    let mut served = Served::start(Path::new(PROGRAM), &folder, port, &[]);
    served.ready().await;
    let kept = lessons(&folder, 1);
    assert_eq!((&kept[0]["origin"], &kept[0]["score_permille"]), (&"feedback".into(), &0.into()), "{kept}");
    let (status, _, body) = post(to, "/v1/feedback", &ours, &said("up"));
    assert_eq!(status, 200, "from the disk: {body}");
    assert_eq!(post(to, "/v1/feedback", &theirs, &said("up")).0, 404);
    assert_eq!(served.stop(Duration::from_secs(20)).await, Some(0));

    let kept = lessons(&folder, 1);
    assert_eq!(kept[0]["score_permille"], 1000, "{kept}");
    let believed = json(&folder, &["abilities", "own/llama3.1:8b", "--task", &task, "--json"]);
    let row = &believed[0];
    assert_eq!((&row["evidence"]["good"], &row["evidence"]["bad"]), (&1.0.into(), &0.0.into()), "{believed}");
    assert!(row["source"].as_str().unwrap().contains("exams of llama-3-1-8b"), "{believed}");
    let mean = |of: &str| row[of]["mean_permille"].as_u64().unwrap();
    assert!(mean("posterior") > mean("prior"), "{believed}");
    let text = dewpoint(&folder, &["abilities", "own"]);
    assert!(text.contains("1.0 good, 0.0 bad: 1 feedback") && text.contains("math"), "{text}");
    let csv = dewpoint(&folder, &["ledger", "lessons", "--csv", "--origin", "feedback"]);
    assert!(csv.starts_with("at_unix_ms,request_id,") && csv.contains(&id), "{csv}");
    assert!(dewpoint(&folder, &["ledger", "verify"]).contains("1 lessons read"));
    let asked = fake.seen().iter().filter(|s| s.method == "POST").count();
    assert_eq!(asked, 1, "nothing but the question was sent to a model");
}
