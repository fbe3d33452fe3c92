//! `bench engine`, `probe` and the engine's part of `/metrics`, with the bundled model and the real binary.
#![cfg(feature = "engine")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::{Path, PathBuf};
use std::process::Command;

fn model() -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/edge/dewpoint-edge.gguf");
    path.is_file().then_some(path)
}

fn run(folder: &Path, args: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dewpoint"));
    command.env_clear().env("HOME", folder).env("DEWPOINT_DATA", folder.join("data")).current_dir(folder);
    let output = command.args(args).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn bench_engine_measures_what_was_asked_for() {
    let Some(model) = model() else { return };
    let folder = tempfile::tempdir().unwrap();
    let model = model.to_str().unwrap();
    let args = ["bench", "engine", model, "--clients", "1,3", "--prompt", "24", "--generate", "96", "--json"];
    let (code, out, err) = run(folder.path(), &args);
    assert_eq!(code, 0, "{err}");
    let report: serde_json::Value = serde_json::from_str(&out).unwrap();
    for (row, clients) in report["rows"].as_array().unwrap().iter().zip([1, 3]) {
        assert_eq!(row["clients"], clients);
        // `ignore_eos`: exactly as many as asked for. More than the engine joins into one chunk (64), so that they take time.
        assert_eq!(row["generated_tokens"], 96, "{report}");
        for figure in ["prompt_tokens_per_s", "decode_tokens_per_s", "ttft_ms", "ttft_prefix_ms"] {
            assert!(row[figure].as_f64().unwrap() > 0.0, "{figure} of {report}");
        }
        let tokens = row["prompt_tokens"].as_u64().unwrap();
        assert!((12..=48).contains(&tokens), "{tokens} prompt tokens instead of about 24");
    }
    assert!(report["load_s"].as_f64().unwrap() > 0.0);
}

#[test]
fn what_cannot_be_measured_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let (code, out, err) = run(folder.path(), &["bench", "engine", "absent.gguf"]);
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(err.contains("error: the model absent.gguf cannot be measured") && err.contains("help:"), "{err}");
    let (code, _, err) = run(folder.path(), &["probe", "edgy", "--no-discovery"]);
    assert_eq!(code, 1);
    assert!(err.contains("\"edgy\" is neither a place nor a model file") && err.contains("\"edge\""), "{err}");
}

#[test]
fn probe_writes_both_speeds_of_a_place() {
    if model().is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let config = "# mine\n[discovery]\nenabled = false\n\n[[place]]\nname = \"edge\"\napi = \"engine\"\n";
    let file = folder.path().join("dewpoint.toml");
    std::fs::write(&file, config).unwrap();
    let args = ["probe", "edge", "--prompt", "24", "--generate", "96", "--rounds", "1", "--clients", "2", "--write"];
    let (code, out, err) = run(folder.path(), &args);
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("edge/dewpoint-edge, 2 clients"), "{out}");
    let new = std::fs::read_to_string(&file).unwrap();
    let rest = new.strip_prefix(config).unwrap_or_else(|| panic!("the file lost something: {new}"));
    for key in ["prompt_tokens_per_s = ", "decode_tokens_per_s = "] {
        let speed = rest.lines().find_map(|l| l.strip_prefix(key)).unwrap();
        assert!(speed.parse::<f64>().unwrap() > 0.0, "{speed}");
    }
    let (code, out, _) = run(folder.path(), &["check"]);
    assert!(code == 0 && out.contains("place.edge.prompt_tokens_per_s"), "{out}");
}

#[test]
fn a_place_that_costs_money_is_not_measured_without_a_yes() {
    let folder = tempfile::tempdir().unwrap();
    // Nothing listens there: had anything been sent, it would have failed otherwise.
    let config = "[engine]\nenabled = false\n[discovery]\nenabled = false\n[[place]]\nname = \"far\"\napi = \"openai\"\n\
                  base_url = \"http://127.0.0.1:9/v1\"\nzone = \"vendor-cloud\"\nmodels = [{ id = \"m\", price = { \
                  input_per_mtok = 1, output_per_mtok = 10 } }]\n";
    std::fs::write(folder.path().join("dewpoint.toml"), config).unwrap();
    let (code, out, err) =
        run(folder.path(), &["probe", "far", "--rounds", "1", "--prompt", "100", "--generate", "49"]);
    assert_eq!((code, out.as_str()), (1, ""), "{err}");
    // 200 prompt tokens at $1 and 50 completion tokens at $10 a million.
    assert!(err.contains("about 200 prompt and 50 completion tokens and costs about $0.000700000"), "{err}");
    assert!(err.contains("Nothing was sent. Agree with --yes"), "{err}");
}
