//! `dewpoint eval tokens`: the real binary and the bundled model, on a part of its exam and on an exam of the user's.
#![cfg(feature = "engine")]
#![allow(clippy::unwrap_used, clippy::panic)]

use serde_json::Value;
use std::path::Path;
use std::process::Command;

fn run(folder: &Path, args: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dewpoint"));
    command.env_clear().env("HOME", folder).env("DEWPOINT_DATA", folder.join("data")).current_dir(folder);
    let output = command.args(["eval", "tokens"]).args(args).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// A rating's area and its interval.
fn area(report: &Value, list: &str, name: &str) -> (f64, f64, f64) {
    let found = report[list].as_array().unwrap().iter().find(|r| r["name"] == name).unwrap();
    let auroc = &found["auroc"];
    let at = |v: &Value| v.as_f64().unwrap();
    (at(&auroc["value"]), at(&auroc["ci"][0]), at(&auroc["ci"][1]))
}

#[test]
fn the_bundled_model_is_least_sure_where_it_is_wrong() {
    if !Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/edge/dewpoint-edge.gguf").is_file() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (code, out, err) = run(folder.path(), &["--every", "4", "--json"]);
    assert_eq!(code, 0, "{err}");
    let report: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&report["asked"], &report["answered"]), (&Value::from(600), &Value::from(600)));
    let accuracy = report["accuracy"].as_f64().unwrap();
    assert!((0.85..0.96).contains(&accuracy), "{accuracy}");
    // Whole intervals above the controls', so that it cannot pass by chance.
    let label = area(&report, "controls", "task label, other half");
    for sign in ["mean log-probability", "least log-probability", "mean entropy", "largest entropy", "shipped fit"] {
        let sign = area(&report, "signs", sign);
        assert!(sign.1 > 0.8 && sign.1 > label.0, "{sign:?} {label:?}");
    }
    for control in ["random", "answer length"] {
        let (_, least, most) = area(&report, "controls", control);
        assert!(least < 0.5 && most > 0.5, "{control} {least} {most}");
    }
    // What the program ships is calibrated on what it was fitted on.
    let shipped = report["calibration"].as_array().unwrap().iter().find(|c| c["name"] == "shipped fit").unwrap();
    assert!(shipped["ece"]["value"].as_f64().unwrap() < 0.05, "{shipped}");
    assert!(shipped["brier"].as_f64().unwrap() < shipped["brier_base"].as_f64().unwrap(), "{shipped}");
}

#[test]
fn an_exam_of_ones_own_and_what_is_wrong_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let good = file(
        "exam.jsonl",
        "{\"task\":\"t\",\"prompt\":\"2+2\",\"right\":[\"2 + 2 = 4\"]}\n{\"prompt\":\"What is the capital of France?\",\"right\":[\"x\"]}\n",
    );
    let (code, out, err) = run(folder.path(), &["--data", &good]);
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("2 of 2 questions answered, 1 right") && out.contains("No fit"), "{out}");
    for (text, why) in [("{\"prompt\":\"a\"}\n", "line 1"), ("", "no row"), ("{\"right\":[\"a\"]}", "either")] {
        let bad = file("bad.jsonl", text);
        let (code, _, err) = run(folder.path(), &["--data", &bad]);
        assert!(code == 1 && err.contains(why), "{text}: {err}");
    }
    let (code, _, err) = run(folder.path(), &["--model", "nonesuch.gguf"]);
    assert!(code == 1 && err.contains("nonesuch.gguf"), "{err}");
    let (code, _, err) = run(folder.path(), &["--temperature", "2.1"]);
    assert!(code == 2 && err.contains("between 0 and 2"), "{err}");
}
