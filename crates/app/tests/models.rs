//! The real binary with models: pull, models, show, rm, Ctrl-C, offline. Every run has its own home.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use bytes::Bytes;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;
use testkit::{Answer, Fake, Step};

/// A file with a true header of the architecture `llama`, and a text of `pad` bytes in it.
fn gguf(pad: usize) -> Bytes {
    let mut out = b"GGUF".to_vec();
    out.extend(3u32.to_le_bytes());
    out.extend(0u64.to_le_bytes());
    out.extend(5u64.to_le_bytes());
    let key = |out: &mut Vec<u8>, key: &str, kind: u32| {
        out.extend((key.len() as u64).to_le_bytes());
        out.extend(key.as_bytes());
        out.extend(kind.to_le_bytes());
    };
    for (name, value) in
        [("general.architecture", "llama"), ("pad", &"x".repeat(pad)), ("tokenizer.chat_template", "{{ tools }}")]
    {
        key(&mut out, name, 8);
        out.extend((value.len() as u64).to_le_bytes());
        out.extend(value.as_bytes());
    }
    for (name, value) in [("general.file_type", 15u32), ("llama.context_length", 4096)] {
        key(&mut out, name, 4);
        out.extend(value.to_le_bytes());
    }
    out.into()
}

fn command(home: &Path, hub: &str, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dewpoint"));
    command.env_clear().env("HOME", home).env("HF_ENDPOINT", hub).current_dir(home).args(args);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs it beside the server, which needs this thread's runtime.
async fn run(home: &Path, hub: &str, args: &[&str]) -> (i32, String, String) {
    let mut command = command(home, hub, args);
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[tokio::test]
async fn a_model_comes_is_listed_shown_and_goes() {
    let fake = Fake::start().await;
    let body = gguf(200_000);
    fake.on("GET /o/r/resolve/main/M-Q4_K_M.gguf", Answer::new(200, "x/y", body.clone()));
    let home = tempfile::tempdir().unwrap();
    let hub = fake.url("");
    let (code, out, err) = run(home.path(), &hub, &["pull", "hf:o/r:M-Q4_K_M.gguf", "--name", "mine"]).await;
    assert_eq!(code, 0, "{err}");
    assert!(out.starts_with("mine is there now: 200 kB, no SHA-256 was promised"), "{out}");
    assert!(
        err.contains("mine from hf:o/r:M-Q4_K_M.gguf") && err.contains("mine.gguf: 200 kB") && err.contains("checking"),
        "{err}"
    );
    let file = home.path().join(".local/share/dewpoint/models/mine.gguf");
    assert_eq!(std::fs::read(&file).unwrap(), body);
    let again = run(home.path(), &hub, &["pull", "hf:o/r:M-Q4_K_M.gguf", "--name", "mine"]).await;
    assert!(again.0 == 0 && again.1.starts_with("mine is there already"), "{again:?}");

    let (code, out, _) = run(home.path(), &hub, &["models"]).await;
    let row: Vec<&str> = out.lines().nth(1).unwrap().split_whitespace().collect();
    assert_eq!(
        (code, row.as_slice()),
        (0, ["mine", "200", "kB", "Q4_K_M", "4096", "llama", "-", "store"].as_slice()),
        "{out}"
    );
    let (_, json, _) = run(home.path(), &hub, &["models", "--json"]).await;
    let rows: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&rows[0]["tools"], &rows[0]["where"]), (&serde_json::json!(true), &serde_json::json!("store")));
    let (code, out, _) = run(home.path(), &hub, &["show", "mine"]).await;
    assert!(code == 0 && out.contains("context       4096 tokens") && out.contains("its template knows them"), "{out}");
    let (code, _, err) = run(home.path(), &hub, &["show", "mime"]).await;
    assert!(code == 1 && err.contains("the nearest name here is mine"), "{err}");

    let (code, _, err) = run(home.path(), &hub, &["rm", "mine"]).await;
    assert!(code == 1 && err.contains("say --yes") && file.exists(), "{err}");
    let (code, out, _) = run(home.path(), &hub, &["rm", "mine", "--yes"]).await;
    assert!(code == 0 && out.starts_with("mine is removed, 20"), "{out}");
    assert!(std::fs::read_dir(file.parent().unwrap()).unwrap().next().is_none());
    let (code, _, err) = run(home.path(), &hub, &["rm", "mine", "--yes"]).await;
    assert!(code == 1 && err.contains("no file of that name"), "{err}");
}

#[tokio::test]
async fn what_ollama_has_is_listed_and_not_removed() {
    let home = tempfile::tempdir().unwrap();
    let hex = "a".repeat(64);
    let blob = home.path().join(format!(".ollama/models/blobs/sha256-{hex}"));
    let manifest = home.path().join(".ollama/models/manifests/registry.ollama.ai/library/tiny/1b");
    for path in [&blob, &manifest] {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    }
    std::fs::write(&blob, gguf(10)).unwrap();
    let text =
        format!(r#"{{"layers":[{{"mediaType":"application/vnd.ollama.image.model","digest":"sha256:{hex}"}}]}}"#);
    std::fs::write(&manifest, text).unwrap();
    let (_, out, _) = run(home.path(), "http://127.0.0.1:1", &["models"]).await;
    assert!(out.contains("ollama:tiny:1b"), "{out}");
    let (code, _, err) = run(home.path(), "http://127.0.0.1:1", &["rm", "ollama:tiny:1b", "--yes"]).await;
    assert!(code == 1 && err.contains("ollama rm") && blob.exists(), "{err}");
    // A configured model is listed too, and a broken configuration does not hide the others.
    std::fs::write(home.path().join("dewpoint.toml"), format!("[engine]\nmodel = \"{}\"\n", blob.display())).unwrap();
    std::fs::write(home.path().join("bad.toml"), "[engine]\nmodle = 1\n").unwrap();
    let (code, out, err) = run(home.path(), "http://127.0.0.1:1", &["models", "--config", "bad.toml"]).await;
    assert!(code == 0 && out.contains("ollama:tiny:1b") && err.contains("was not read"), "{err}");
}

#[tokio::test]
async fn without_models_or_network_it_says_what_to_do() {
    let home = tempfile::tempdir().unwrap();
    let (code, out, _) = run(home.path(), "http://127.0.0.1:1", &["models"]).await;
    assert!(code == 0 && out.contains("dewpoint models --catalog"), "{out}");
    let (code, out, _) = run(home.path(), "http://127.0.0.1:1", &["models", "--catalog"]).await;
    assert!(code == 0 && out.contains("qwen2.5-0.5b") && out.contains("Apache-2.0"), "{out}");
    let (code, _, err) = run(home.path(), "http://127.0.0.1:1", &["pull", "qwen2.5-0.5b"]).await;
    let place = home.path().join(".local/share/dewpoint/models/qwen2.5-0.5b.gguf");
    assert!(code == 1 && err.contains("cannot be reached") && err.contains(&place.display().to_string()), "{err}");
    let (code, _, err) = run(home.path(), "http://127.0.0.1:1", &["pull", "qwen2.5-0.5bb"]).await;
    assert!(code == 1 && err.contains("the nearest name is qwen2.5-0.5b"), "{err}");
}

#[cfg(unix)]
#[tokio::test]
async fn ctrl_c_leaves_a_part_that_goes_on() {
    let fake = Fake::start().await;
    let body = gguf(200_000);
    let route = "GET /o/r/resolve/main/m.gguf";
    let rest = body.clone();
    fake.on_fn(route, move |seen| {
        assert_eq!(seen.header("range"), Some("bytes=50000-"));
        let range = format!("bytes 50000-{}/{}", rest.len() - 1, rest.len());
        Answer::new(206, "x/y", rest.slice(50_000..)).header("content-range", &range).header("etag", "\"e\"")
    });
    let mut start = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\netag: \"e\"\r\n\r\n", body.len()).into_bytes();
    start.extend_from_slice(&body[..50_000]);
    fake.once(route, Answer::of(vec![Step::Raw(start.into()), Step::Stall]));
    let home = tempfile::tempdir().unwrap();
    let part = home.path().join(".local/share/dewpoint/models/m.gguf.part");
    let mut child = command(home.path(), &fake.url(""), &["pull", "hf:o/r:m.gguf"]).spawn().unwrap();
    // What the server sent has been written before it is stopped.
    let written = async {
        while std::fs::metadata(&part).map_or(0, |m| m.len()) < 50_000 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), written).await.expect("a part of 50,000 bytes");
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let status = tokio::task::spawn_blocking(move || child.wait().unwrap()).await.unwrap();
    assert_eq!(status.code(), Some(130));
    let (code, out, err) = run(home.path(), &fake.url(""), &["pull", "hf:o/r:m.gguf"]).await;
    assert!(code == 0 && out.starts_with("m is there now"), "{err}");
    assert_eq!(std::fs::read(part.with_extension("")).unwrap(), body);
}
