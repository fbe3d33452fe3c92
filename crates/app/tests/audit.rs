//! `dewpoint audit` and the trail of a real server: killed, restarted, told apart from one that was tampered with.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;
use testkit::{Answer, Caller, Fake, Served, Voice, place_toml, quiet_port};

fn run(folder: &Path, args: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dewpoint"));
    command.env_clear().env("HOME", folder).env("DEWPOINT_DATA", folder.join("data")).current_dir(folder);
    let output = command.args(args).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

fn records(folder: &Path) -> Vec<Value> {
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder.join("data/audit")).unwrap().map(|e| e.unwrap().path()).collect();
    files.retain(|f| f.file_name().unwrap().to_str().unwrap().starts_with('0'));
    files.sort();
    let text: String = files.iter().map(|f| std::fs::read_to_string(f).unwrap()).collect();
    // The last line may be unfinished after a kill.
    text.lines().filter_map(|l| serde_json::from_str(l).ok()).collect()
}

const ANSWER: &str = r#"{"id":"x","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"Hi."},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}"#;

/// A cloud of the test, and the configuration of a server that may send to it.
async fn cloud(folder: &Path) -> Fake {
    let (fake, voice) = (Fake::start().await, Voice::of("openai"));
    fake.on(voice.models_route(), voice.models(&["m"]));
    fake.on(voice.chat_route(), Answer::json(200, ANSWER));
    let place = place_toml("cloud", voice, fake.address()).replace("tier = ", "zone = \"vendor-cloud\"\ntier = ");
    let head = "[engine]\nenabled = false\n[discovery]\nenabled = false\n\n";
    std::fs::write(folder.join("dewpoint.toml"), format!("{head}{place}")).unwrap();
    fake
}

/// A request whose id stands in its text too, so that the cloud sees it.
fn call(id: &str, class: &str) -> testkit::Call {
    let body = format!(r#"{{"model":"cloud/m","messages":[{{"role":"user","content":"mark={id};"}}]}}"#);
    testkit::Call {
        path: "/v1/chat/completions".to_owned(),
        body: body.into(),
        headers: vec![("x-request-id".to_owned(), id.to_owned()), ("x-dewpoint-class".to_owned(), class.to_owned())],
        manner: testkit::Manner::Read,
        patience: std::time::Duration::from_secs(20),
    }
}

/// What arrived at the cloud, by the marks in the bodies.
fn arrived(fake: &Fake) -> Vec<String> {
    let mark = |body: &[u8]| {
        let text = String::from_utf8_lossy(body).into_owned();
        text.split_once("mark=").and_then(|(_, rest)| rest.split_once(';')).map(|(id, _)| id.to_owned())
    };
    fake.seen().iter().filter_map(|s| mark(&s.body)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn after_any_kill_whatever_reached_the_cloud_was_decided_in_the_trail_before() {
    let dir = tempfile::tempdir().unwrap();
    let fake = cloud(dir.path()).await;
    let port = quiet_port();
    for round in 0..6_u64 {
        let mut served = Served::start(Path::new(env!("CARGO_BIN_EXE_dewpoint")), dir.path(), port, &[]);
        served.ready().await;
        let clients: Vec<_> = (0..8)
            .map(|client| {
                let caller = Caller::new(served.address());
                tokio::spawn(async move {
                    for n in 0..10_000 {
                        let class = if n % 4 == 0 { "sensitive" } else { "internal" };
                        caller.call(&call(&format!("k{round}-{client}-{n}"), class)).await;
                    }
                })
            })
            .collect();
        let seen = fake.requests();
        // At another moment each time, under load.
        while fake.requests() < seen + 40 + usize::try_from(round).unwrap() * 17 {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
        served.kill();
        clients.iter().for_each(tokio::task::JoinHandle::abort);
    }
    let mut served = Served::start(Path::new(env!("CARGO_BIN_EXE_dewpoint")), dir.path(), port, &[]);
    served.ready().await;
    assert_eq!(served.stop(std::time::Duration::from_secs(20)).await, Some(0));
    let (code, out, err) = run(dir.path(), &["audit", "verify"]);
    assert_eq!(code, Some(0), "{out}{err}");
    let all = records(dir.path());
    let decided: std::collections::HashMap<&str, &Value> =
        all.iter().filter(|r| r["kind"] == "decided").map(|r| (r["request"].as_str().unwrap(), r)).collect();
    let arrived = arrived(&fake);
    assert!(arrived.len() >= 200, "{}", arrived.len());
    for id in &arrived {
        let record = decided.get(id.as_str()).unwrap_or_else(|| panic!("{id} reached the cloud undecided"));
        assert_eq!((&record["class"], &record["may"][0]["place"]), (&"internal".into(), &"cloud".into()), "{record}");
    }
    assert!(decided.values().any(|r| r["denied"] == "policy_denied"), "denials are recorded");
    // The page says that some ends are not known, and could say nothing else.
    let (code, out, _) = run(dir.path(), &["audit", "report", "--class", "sensitive", "--place-zone", "cloud"]);
    assert!(code == Some(0) && out.contains("\n0 of ") && out.contains("of class sensitive went to"), "{out}");
}

#[tokio::test(flavor = "multi_thread")]
async fn head_verify_and_report_of_a_real_trail() {
    let dir = tempfile::tempdir().unwrap();
    let fake = cloud(dir.path()).await;
    let port = quiet_port();
    let mut served = Served::start(Path::new(env!("CARGO_BIN_EXE_dewpoint")), dir.path(), port, &[]);
    served.ready().await;
    let caller = Caller::new(served.address());
    for (n, class) in ["internal", "internal", "sensitive"].iter().enumerate() {
        caller.call(&call(&format!("canary-{n}"), class)).await;
    }
    assert_eq!(arrived(&fake).len(), 2);
    let metrics = caller.get("/metrics").await.unwrap();
    assert!(metrics.contains("dewpoint_audit_records_total ") && metrics.contains("dewpoint_audit_lost_total 0"));
    // Beside the running server, and a second server is kept out.
    assert_eq!(run(dir.path(), &["audit", "verify"]).0, Some(0));
    served.signal("HUP");
    assert_eq!(served.stop(std::time::Duration::from_secs(20)).await, Some(0));
    let (code, head, _) = run(dir.path(), &["audit", "head"]);
    assert_eq!(code, Some(0));
    std::fs::write(dir.path().join("head.json"), &head).unwrap();
    let key = serde_json::from_str::<Value>(&head).unwrap()["key"].as_str().unwrap().to_owned();
    let (code, out, _) = run(dir.path(), &["audit", "verify", "--head", "head.json", "--key", &key]);
    assert!(code == Some(0) && out.contains("1 of 1 heads that were kept elsewhere agree"), "{out}");
    let (code, out, _) = run(dir.path(), &["audit", "report", "--legal-seat", "US", "--format", "json"]);
    let json: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(
        (code, &json["decisions"], &json["went"], &json["denied"]["policy_denied"]),
        (Some(0), &3.into(), &2.into(), &1.into())
    );
    let text: String = records(dir.path()).iter().map(Value::to_string).collect();
    assert!(text.contains("canary-0") && !text.contains("mark="), "the id, and no text of the request");

    // One word is changed: named, exit code 1, and no server starts on it.
    let path = dir.path().join("data/audit").join(format!("{:020}.ndjson", 1));
    let whole = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, whole.replacen("\"class\":\"sensitive\"", "\"class\":\"internal\"", 1)).unwrap();
    let line = whole.lines().position(|l| l.contains("\"class\":\"sensitive\"")).unwrap() + 1;
    let (code, out, _) = run(dir.path(), &["audit", "verify"]);
    let named =
        format!("BAD record {line}, 00000000000000000001.ndjson, line {line}: its contents do not have the hash");
    assert!(code == Some(1) && out.contains(&named), "{out}");
    let (code, out, _) = run(dir.path(), &["audit", "verify", "--json"]);
    let json: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &json["whole"], &json["bad"][0]["seq"]), (Some(1), &false.into(), &line.into()));
    assert_eq!(run(dir.path(), &["audit", "report"]).0, Some(1));
    let (code, _, err) = run(dir.path(), &["serve", "--listen", &format!("127.0.0.1:{port}")]);
    assert!(code == Some(1) && err.contains("the audit trail cannot be used") && err.contains("is damaged"), "{err}");
    // The tail is cut off with its heads: only the exported head knows.
    let first: String = whole.lines().take(1).map(|l| format!("{l}\n")).collect();
    std::fs::write(&path, first).unwrap();
    let heads = dir.path().join("data/audit/heads.ndjson");
    let text = std::fs::read_to_string(&heads).unwrap();
    std::fs::write(&heads, text.lines().next().unwrap().to_owned() + "\n").unwrap();
    assert_eq!(run(dir.path(), &["audit", "verify"]).0, Some(0));
    let (code, out, _) = run(dir.path(), &["audit", "verify", "--head", "head.json"]);
    assert!(code == Some(1) && out.contains("its tail was cut off"), "{out}");
}

#[test]
fn what_cannot_be_used_is_said_at_the_start() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("file"), "").unwrap();
    let serve = |section: &str| {
        let text = format!("[engine]\nenabled = false\n[discovery]\nenabled = false\n[audit]\n{section}\n");
        std::fs::write(dir.path().join("dewpoint.toml"), text).unwrap();
        let (code, _, err) = run(dir.path(), &["serve", "--listen", "127.0.0.1:0"]);
        assert_eq!(code, Some(1), "{section}: {err}");
        err
    };
    let err = serve("dir = \"file/audit\"");
    assert!(err.contains("the audit trail cannot be used") && err.contains("help: check that the folder"), "{err}");
    let err = serve("key = { file = \"file\" }");
    assert!(err.contains("it is not an Ed25519 key") && err.contains("openssl genpkey"), "{err}");
    for (line, why) in [
        ("key = \"${KEY}\"", "must be in a file"),
        ("keep_days = 0", "it must be 1 to 36500"),
        ("keep_days = 36501", "it must be 1 to 36500"),
        ("when_failing = \"never\"", "refuse"),
    ] {
        let err = serve(line);
        assert!(err.contains(why), "{line}: {err}");
    }
    let (code, _, err) = run(dir.path(), &["audit", "verify", "--dir", "nowhere"]);
    assert!(code == Some(1) && err.contains("there is no audit trail in nowhere"), "{err}");
}
