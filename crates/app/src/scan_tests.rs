//! Tests of `scan`.
#![allow(clippy::unwrap_used)]

use super::*;
use sense::{Dictionary, FinderOptions};

fn finder() -> Finder {
    let terms = vec!["Zephyr Ltd".to_owned()];
    let customers = Dictionary { name: "CUSTOMER".to_owned(), terms, class: DataClass::Sensitive };
    Finder::new(&FinderOptions { dictionaries: vec![customers], ..FinderOptions::default() }).unwrap()
}

fn scanned(input: &[u8], json: bool) -> (Vec<String>, u64) {
    let mut out = Vec::new();
    let bad = scan(&finder(), input, &mut out, json).unwrap();
    (String::from_utf8(out).unwrap().lines().map(str::to_owned).collect(), bad)
}

#[test]
fn every_line_in_has_one_line_out_and_offsets_are_characters() {
    let input = "{\"id\": 7, \"text\": \"für 日本 Zephyr Ltd, ja\"}\n{\"id\":\"b\",\"text\":\"nothing\",\"more\":1}\r\n{\"text\":\"\"}";
    let (lines, bad) = scanned(input.as_bytes(), true);
    assert_eq!(bad, 0);
    let first: serde_json::Value = serde_json::from_str(&lines[0]).unwrap();
    assert_eq!((&first["id"], &first["class"]), (&7.into(), &"sensitive".into()));
    let span = &first["spans"][0];
    assert_eq!((span[0].as_u64(), span[1].as_u64(), span[2].as_str()), (Some(7), Some(17), Some("CUSTOMER")));
    assert!(span[3].as_f64().is_some_and(|s| s > 0.0 && s <= 1.0), "{span}");
    assert_eq!(lines[1], r#"{"id":"b","spans":[],"class":"internal"}"#);
    assert_eq!(lines[2], r#"{"id":null,"spans":[],"class":"internal"}"#);
    assert_eq!(lines.len(), 3);
}

#[test]
fn a_bad_line_says_its_number_and_no_other_is_lost() {
    let good = r#"{"id":1,"text":"fine"}"#;
    for (bad, id, why) in [
        ("", "null", "not JSON"),
        ("no json", "null", "not JSON"),
        (r#"{"id":"x","text":7}"#, "\"x\"", "but not"),
        (r#"{"id":"x"}"#, "\"x\"", "but not"),
        ("\"secret words\"", "null", "but not"),
    ] {
        let (lines, count) = scanned(format!("{good}\n{bad}\n{good}\n").as_bytes(), true);
        assert_eq!((lines.len(), count), (3, 1), "{bad}");
        assert!(lines[1].starts_with(&format!("{{\"line\":2,\"id\":{id},\"error\":")), "{}", lines[1]);
        assert!(lines[1].contains(why) && !lines[1].contains("words"), "{}", lines[1]);
        assert_eq!(lines[0], lines[2]);
    }
    let (lines, count) = scanned(b"{\"id\":1,\"text\":\"\xff\"}\n{\"id\":1,\"text\":\"fine\"}", true);
    assert_eq!((lines.len(), count), (2, 1));
    assert!(lines[0].contains("not UTF-8"), "{}", lines[0]);
}

#[test]
fn the_longest_line_is_taken_and_one_byte_more_is_not() {
    let head = r#"{"id":1,"text":""#;
    let tail = "\"}";
    let text = |length: usize| format!("{head}{}{tail}", " ".repeat(length - head.len() - tail.len()));
    let input = format!("{}\n{}\n{}\n", text(LINE_MAX + 1), text(LINE_MAX), text(100));
    let (lines, bad) = scanned(input.as_bytes(), true);
    assert_eq!((lines.len(), bad), (3, 1));
    assert!(lines[0].contains("longer than"), "{}", lines[0]);
    assert!(lines[1].contains("\"spans\":[]") && lines[2].contains("\"spans\":[]"), "{lines:?}");
}

#[test]
fn for_people_each_line_is_a_row_with_kinds_and_counts() {
    let input = "{\"id\":\"a\",\"text\":\"Zephyr Ltd and Zephyr Ltd\"}\n{\"text\":\"hi\"}\noops\n";
    let (lines, bad) = scanned(input.as_bytes(), false);
    assert_eq!(bad, 1);
    assert_eq!(lines[0], "\"a\"               sensitive  CUSTOMER ×2");
    assert_eq!(lines[1], "line 2            internal   nothing found");
    assert_eq!(lines[2], "line 3  not scanned: it is not JSON (column 1)");
}
