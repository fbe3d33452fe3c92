//! The door of the real binary: what is not on its list is not dialled, an air gap holds, and nothing of the environment leads elsewhere.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};
use testkit::{Answer, Call, Caller, Fake, Heard, Manner, Served, Voice, place_toml, quiet_port};

const PROGRAM: &str = env!("CARGO_BIN_EXE_dewpoint");

fn voice() -> Voice {
    Voice::of("openai")
}

/// A fake vendor.
async fn fake() -> Fake {
    let fake = Fake::start().await;
    fake.on(voice().chat_route(), voice().plain("Hello.", Some(2)));
    fake.on(voice().models_route(), voice().models(&["m"]));
    fake
}

/// A folder with this configuration; the embedded engine and discovery are off.
fn folder(config: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), config);
    folder
}

fn write(folder: &Path, config: &str) {
    let text = format!("[engine]\nenabled = false\n\n[discovery]\nenabled = false\n\n{config}");
    std::fs::write(folder.join("dewpoint.toml"), text).unwrap();
}

fn place(name: &str, base_url: &str, zone: &str) -> String {
    format!(
        "[[place]]\nname = \"{name}\"\napi = \"openai\"\nbase_url = \"{base_url}\"\nzone = \"{zone}\"\nmodels = [\"m\"]\n\n"
    )
}

async fn served(folder: &Path, environment: &[(&str, &str)]) -> Served {
    let mut served = Served::start(Path::new(PROGRAM), folder, quiet_port(), environment);
    served.ready().await;
    served
}

async fn ask(served: &Served, model: &str) -> Heard {
    let body = serde_json::json!({"model": model, "messages": [{"role": "user", "content": "Hi."}]}).to_string();
    let call = Call {
        path: "/v1/chat/completions".to_owned(),
        body: body.into(),
        headers: vec![("content-type".to_owned(), "application/json".to_owned())],
        manner: Manner::Read,
        patience: Duration::from_secs(20),
    };
    Caller::new(served.address()).call(&call).await
}

async fn metric(served: &Served, reason: &str) -> u64 {
    let page = Caller::new(served.address()).get("/metrics").await.unwrap();
    let name = format!("dewpoint_egress_denied_total{{reason=\"{reason}\"}} ");
    let line = page.lines().find_map(|l| l.strip_prefix(&name));
    line.unwrap_or_else(|| panic!("no {name}in\n{page}")).parse().unwrap()
}

async fn until(what: &str, mut is: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !is().await {
        assert!(Instant::now() < deadline, "{what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn log(folder: &Path) -> String {
    std::fs::read_to_string(folder.join("log")).unwrap()
}

fn run(folder: &Path, args: &[&str], environment: &[(&str, &str)]) -> (i32, String, String) {
    let mut command = Command::new(PROGRAM);
    command.args(args).env_clear().env("HOME", folder).env("DEWPOINT_DATA", folder.join("data"));
    let output = command.envs(environment.iter().copied()).current_dir(folder).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[tokio::test]
async fn an_air_gap_leaves_this_host_and_no_reload_opens_it() {
    let near = fake().await;
    // Addresses of a documentation range: were they dialled, nobody would answer, and the counter would not move.
    let far = place("cloud", "https://203.0.113.7/v1", "vendor-cloud")
        + &place("gpu", "http://10.255.255.1:8000/v1", "own-network");
    let config = place_toml("near", voice(), near.address()) + &far;
    let folder = folder(&format!("[egress]\nairgap = true\n\n{config}"));
    let served = served(folder.path(), &[]).await;
    assert!(log(folder.path()).contains("air gap closed: nothing but this host is dialled"), "{}", log(folder.path()));
    assert!(log(folder.path()).contains("refused: cloud, gpu"), "{}", log(folder.path()));
    assert_eq!(ask(&served, "near/m").await.status, Some(200));
    for model in ["cloud/m", "gpu/m"] {
        let began = Instant::now();
        let heard = ask(&served, model).await;
        assert!(matches!(heard.status, Some(403 | 503)), "{model}: {heard:?}");
        assert!(began.elapsed() < Duration::from_secs(4), "nothing was waited for");
    }
    until("both are counted", async || metric(&served, "airgap").await >= 2).await;
    write(
        folder.path(),
        &format!("[egress]\nairgap = false\n\n{config}{}", place("more", "https://203.0.113.8/v1", "vendor-cloud")),
    );
    served.signal("HUP");
    until("the reload is said", async || log(folder.path()).contains("the air gap stays closed until a restart")).await;
    let before = metric(&served, "airgap").await;
    until("the new place is there", async || ask(&served, "more/m").await.status != Some(404)).await;
    until("and refused", async || metric(&served, "airgap").await > before).await;
    assert_eq!(ask(&served, "near/m").await.status, Some(200));
    assert_eq!(served.stop(Duration::from_secs(20)).await, Some(0));
}

#[tokio::test]
async fn a_zone_that_is_not_true_is_said_and_not_dialled() {
    let near = fake().await;
    let lie = place("gpu", "https://203.0.113.7/v1", "own-network");
    let folder = folder(&(place_toml("near", voice(), near.address()) + &lie));
    let (code, _, warned) = run(folder.path(), &["check"], &[]);
    assert!(
        code == 0 && warned.contains("the place \"gpu\" will not be asked") && warned.contains("[egress] private"),
        "{warned}"
    );
    let served = served(folder.path(), &[]).await;
    let heard = ask(&served, "gpu/m").await;
    assert!(matches!(heard.status, Some(403 | 503)), "{heard:?}");
    let told = String::from_utf8_lossy(&heard.tail).into_owned();
    assert!(!told.contains("203.0.113.7"), "callers learn no addresses: {told}");
    until("it is counted", async || metric(&served, "public_address").await >= 1).await;
    assert_eq!(ask(&served, "near/m").await.status, Some(200));
    assert_eq!(metric(&served, "not_listed").await, 0);
    assert_eq!(served.stop(Duration::from_secs(20)).await, Some(0));
    // The log says it once, however often it was refused.
    assert_eq!(log(folder.path()).matches("no connection is made").count(), 1, "{}", log(folder.path()));
    // Listed, it is one's own.
    write(folder.path(), &format!("[egress]\nprivate = [\"203.0.113.0/24\"]\n\n{lie}"));
    let (code, shown, warned) = run(folder.path(), &["check"], &[]);
    assert!(code == 0 && !warned.contains("will not be asked") && shown.contains("203.0.113.0/24"), "{warned}");
}

#[tokio::test]
async fn no_proxy_of_the_environment_is_used() {
    let (near, decoy) = (fake().await, fake().await);
    let url = decoy.url("");
    let folder = folder(&place_toml("near", voice(), near.address()));
    let names = ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
    let environment: Vec<(&str, &str)> = names.iter().map(|name| (*name, url.as_str())).collect();
    let served = served(folder.path(), &environment).await;
    assert_eq!(ask(&served, "near/m").await.status, Some(200));
    assert_eq!(served.stop(Duration::from_secs(20)).await, Some(0));
    assert!(near.requests() > 0);
    assert_eq!(decoy.connections(), 0, "the proxy was asked");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_is_led_to_listed_hosts_only_and_nowhere_in_an_air_gap() {
    let (hub, other) = (fake().await, fake().await);
    let away = other.url("/m.gguf");
    hub.on("GET /o/r/resolve/main/m.gguf", Answer::new(302, "text/plain", "").header("location", &away));
    let folder = folder("");
    let endpoint = hub.url("");
    let models = folder.path().join("models").display().to_string();
    let environment = [("HF_ENDPOINT", endpoint.as_str()), ("DEWPOINT_MODELS", models.as_str())];
    let pull = ["pull", "hf:o/r:m.gguf"];
    let (code, _, told) = run(folder.path(), &pull, &environment);
    assert!(code != 0 && told.contains("is not on the egress list") && told.contains("add pull = ["), "{told}");
    assert_eq!(other.connections(), 0);
    let asked = hub.connections();
    assert!(asked > 0);
    // The file closes it, and the variable does.
    let closed = [environment[0], environment[1], ("DEWPOINT_AIRGAP", "true")];
    let (code, _, told) = run(folder.path(), &pull, &closed);
    assert!(code != 0 && told.contains("the air gap is closed"), "{told}");
    // Of the file that section is read only: a model that is not here yet stands in the way of nothing.
    std::fs::write(
        folder.path().join("dewpoint.toml"),
        "[egress]\nairgap = true\n[engine]\nmodel = \"missing.gguf\"\n",
    )
    .unwrap();
    let (code, _, told) = run(folder.path(), &pull, &environment);
    assert!(code != 0 && told.contains("the air gap is closed"), "{told}");
    assert_eq!(hub.connections(), asked, "nobody was asked");
}

#[test]
fn the_firewall_is_printed_for_what_is_configured() {
    let folder = folder(
        &(place("gpu", "http://10.0.0.7:8000/v1", "own-network")
            + &place("here", "http://127.0.0.1:9/v1", "same-host")),
    );
    let (code, rules, _) = run(folder.path(), &["egress-rules", "--format", "nftables", "--user", "svc"], &[]);
    assert!(code == 0 && rules.contains("10.0.0.7 . 8000") && rules.contains("skuid \"svc\" jump"), "{rules}");
    assert!(!rules.contains("127.0.0.1"), "loopback is let through as a whole");
    let (code, manifest, _) = run(folder.path(), &["egress-rules", "--format", "networkpolicy"], &[]);
    assert!(code == 0 && manifest.contains("cidr: \"10.0.0.7/32\""), "{manifest}");
    let (code, rules, _) = run(folder.path(), &["egress-rules", "--format", "nftables", "--airgap"], &[]);
    assert!(code == 0 && !rules.contains("10.0.0.7 . 8000"), "{rules}");
    write(folder.path(), &place("lie", "https://203.0.113.7/v1", "own-network"));
    let (code, rules, told) = run(folder.path(), &["egress-rules", "--format", "nftables"], &[]);
    assert!(code == 1 && !rules.contains("203.0.113.7 ."), "{rules}");
    assert!(told.contains("the place \"lie\" is not in these rules"), "{told}");
    let (code, ..) = run(folder.path(), &["egress-rules", "--format", "nftables", "--user", "x\" accept"], &[]);
    assert_eq!(code, 2, "a user is a word");
}

#[test]
fn wrong_values_are_said_with_their_line() {
    for (line, said) in [
        ("private = [\"10.0.0.1/8\"]", "is not a network"),
        ("private = [\"10.0.0.0/33\"]", "is not a network"),
        ("private = [\"example.com\"]", "is not a network"),
        ("pull = [\"https://hf.co\"]", "is not a host"),
        ("pull = [\"*\"]", "is not a host"),
        ("pull = [\"*.co.*\"]", "is not a host"),
        ("pull = [\"hf.co:443\"]", "is not a host"),
        ("pull = [\"10.0.0.1\"]", "is not a host"),
        ("airgap = \"yes\"", "wrong value for egress.airgap"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("dewpoint.toml"), format!("[egress]\n{line}\n")).unwrap();
        let (code, _, told) = run(folder.path(), &["check", "--no-discovery"], &[]);
        assert!(code == 1 && told.contains("dewpoint.toml:2") && told.contains(said), "{line}: {told}");
    }
    let folder = folder("");
    let (code, _, told) = run(folder.path(), &["check"], &[("DEWPOINT_AIRGAP", "maybe")]);
    assert!(code == 0 && told.contains("DEWPOINT_AIRGAP is neither 1 nor 0, which closes the air gap"), "{told}");
    for (value, shown) in [("1", "true"), ("0", "false"), ("", "false"), ("maybe", "true")] {
        let (code, values, _) = run(folder.path(), &["check"], &[("DEWPOINT_AIRGAP", value)]);
        let line = values.lines().find(|l| l.contains("egress.airgap")).unwrap_or_default();
        assert!(code == 0 && line.contains(shown), "{value}: {line}");
    }
}
