//! Speed of detection: `cargo bench -p sense --bench find [-- FILE.jsonl]`. FILE holds NDJSON rows with `text`; without one, a
//! mixed text stands in. Prints MB/s over all texts, percentiles for pieces of 4 KB, and what hostile texts cost a byte.
//! `-- --only=TEXT` repeats one hostile text alone, for a profiler; `-- --search=SECONDS` looks for worse ones by hill climbing.
//!
//! Wall clock, best of several rounds; on a shared machine read it as an order of magnitude.
#![allow(missing_docs, clippy::unwrap_used)]

use sense::{Finder, FinderOptions};
use std::hint::black_box;
use std::time::Instant;

const MIXED: &str = "The committee met on Monday, 2024-03-04, and discussed the budget; nobody could say why the costs had \
grown by 12.5 %. Minutes go to jo.doe@example.org, questions to (212) 555-0147 or https://intranet.example.org/a?b=1.\n\
fn main() { let x_1 = parse(&args[1])?; println!(\"{}\", x_1 * 2 + 7); } // see std::fmt and docs.rs\n\
{\"id\": 48213, \"rows\": [[1, 2.5, 3], [4, 5.25, 6]], \"at\": \"2024-03-15T14:30:00Z\", \"sum\": 1299.00}\n";

fn main() {
    let finder = Finder::new(&FinderOptions::default()).unwrap();
    if let Some(unit) = std::env::args().find_map(|a| a.strip_prefix("--only=").map(str::to_owned)) {
        return println!("{:.1} ns a byte", hostile(&finder, &unit, 30));
    }
    if let Some(seconds) = std::env::args().find_map(|a| a.strip_prefix("--search=").and_then(|s| s.parse().ok())) {
        return search(&finder, seconds);
    }
    let file = std::env::args().skip(1).find(|a| !a.starts_with("--"));
    let texts: Vec<String> = match &file {
        Some(path) => std::fs::read_to_string(path)
            .unwrap()
            .lines()
            .map(|l| serde_json::from_str::<serde_json::Value>(l).unwrap()["text"].as_str().unwrap().to_owned())
            .collect(),
        None => vec![MIXED.repeat(200)],
    };
    let bytes: usize = texts.iter().map(String::len).sum();
    let all = best(5, || texts.iter().for_each(|t| drop(black_box(finder.find(black_box(t))))));
    let speed = bytes as f64 / all * 1000.0;
    println!("{} texts, {bytes} bytes: {speed:.1} MB/s", texts.len());

    let joined = texts.join("\n");
    let mut pieces = Vec::new();
    let mut rest = joined.as_str();
    while rest.len() > 4096 && pieces.len() < 2000 {
        let cut = (0..=4096).rev().find(|&i| rest.is_char_boundary(i)).unwrap_or(0);
        pieces.push(&rest[..cut]);
        rest = &rest[cut..];
    }
    let mut times: Vec<f64> = pieces.iter().map(|p| best(3, || drop(black_box(finder.find(black_box(p)))))).collect();
    times.sort_by(f64::total_cmp);
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize] / 1000.0;
    println!(
        "{} pieces of 4 KB: median {:.0} µs, p99 {:.0} µs, most {:.0} µs",
        pieces.len(),
        at(0.5),
        at(0.99),
        at(1.0)
    );
    let median = at(0.5) * 1000.0 / 4096.0;

    println!("\n| 1 MB of | ns a byte | times the median ({median:.1} ns) |\n|---|---|---|");
    for unit in [
        "a",
        "1",
        "@",
        ".",
        ":",
        "-",
        "/",
        " ",
        "%",
        "\\",
        "[",
        "sk-",
        "1 ",
        "1.",
        "1-",
        "1:",
        "a.",
        "a@",
        "a1",
        "A1 ",
        "12 34 ",
        "555-0147 ",
        "4111 1111 ",
        "212-555-0147 ",
        "+1 ",
        "a@b.de ",
        "://",
        "a://b.c ",
        "%41",
        "\\n",
        "\u{200b}",
        "１",
        "ghp_",
        "AKIA",
        "=",
        "am9l",
        "card 4539",
        "phone 123456789 ",
        "[at]",
        "a dot ",
        "1/2/",
        "eyJ",
        "password=",
        "x.y.com/",
    ] {
        let ns = hostile(&finder, unit, 3);
        println!("| `{}` | {ns:.1} | {:.1} |", unit.escape_default(), ns / median);
    }
    let short = "Please write a short and friendly answer to the question of how a committee comes to a decision when half of its \
                 members cannot agree about the budget, and say what you would do about it in their place. "
        .repeat(3);
    let ns = best(20, || (0..100).for_each(|_| drop(black_box(finder.find(black_box(&short[..500])))))) / 100.0;
    println!("\n500 bytes without anything: {ns:.0} ns");
}

/// Nanoseconds a byte of 1 MB of `unit`.
fn hostile(finder: &Finder, unit: &str, rounds: usize) -> f64 {
    cost(finder, &unit.repeat((1 << 20) / unit.len()), rounds)
}

fn cost(finder: &Finder, text: &str, rounds: usize) -> f64 {
    best(rounds, || drop(black_box(finder.find(black_box(text))))) / text.len() as f64
}

/// What units are made of in the search: numbers, separators, words of all topics, anchors of secrets, wrappings.
const ATOMS: &[&str] = &[
    "1",
    "0",
    "7",
    "12",
    "34",
    "123",
    "555",
    "0147",
    "4111",
    "2024",
    "12345",
    "123456",
    "1234567",
    "12345678",
    "123456789",
    "1234567890",
    "12345678901",
    "4111111111111111",
    "+",
    "+1",
    "+49",
    "00",
    " ",
    "-",
    ".",
    "/",
    ":",
    ",",
    "(",
    ")",
    ") ",
    " - ",
    "\n",
    "a",
    "A",
    "x",
    "AB",
    "DE",
    "GB82",
    "K",
    "ab1",
    "tel",
    "phone",
    "card",
    "cc",
    "id",
    "nr.",
    "no.",
    "iban",
    "ssn",
    "born",
    "lat",
    "May",
    "ver.",
    "@",
    "[at]",
    " at ",
    " dot ",
    "b.de",
    "a@b.de",
    "://",
    "http://",
    "=",
    "\"",
    "'",
    "%41",
    "%",
    "\\n",
    "\\u0041",
    "\u{200b}",
    "\u{a0}",
    "\u{ff11}",
    "\u{e9}",
    "\u{b0}",
    "::",
    "fe80",
    "00:",
    "key",
    "password",
    "token",
    "secret",
    "sk-",
    "ghp_",
    "AKIA",
    "eyJ",
    "am9l",
    "ZXlK",
    "-----BEGIN ",
    "curl",
    "kind:",
    "Authorization: ",
    "{",
    "[",
    "<",
    ";",
    "aws",
    "dG9rZW4",
    "\\",
    "https://a:b@c.de/",
];

/// Hill climbing over repeated units of up to eight atoms; prints the worst of them.
fn search(finder: &Finder, seconds: u64) {
    let (begun, mut state) = (Instant::now(), 0x9E37_79B9_7F4A_7C15_u64);
    let mut random = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as usize % below
    };
    let price = |unit: &[usize], rounds| {
        let unit: String = unit.iter().map(|&i| ATOMS[i]).collect();
        cost(finder, &unit.repeat((1 << 15) / unit.len()), rounds)
    };
    let mut worst: Vec<(f64, String)> = Vec::new();
    while begun.elapsed().as_secs() < seconds {
        let mut unit: Vec<usize> = (0..1 + random(4)).map(|_| random(ATOMS.len())).collect();
        let (mut most, mut still) = (price(&unit, 2), 0);
        while still < 60 && begun.elapsed().as_secs() < seconds {
            let mut next = unit.clone();
            let at = random(next.len());
            match random(4) {
                0 if next.len() < 8 => next.insert(at, random(ATOMS.len())),
                1 if next.len() > 1 => drop(next.remove(at)),
                2 => next.swap(at, 0),
                _ => next[at] = random(ATOMS.len()),
            }
            let ns = price(&next, 1);
            still += 1;
            if ns > most * 1.03 && price(&next, 3) > most * 1.03 {
                most = price(&next, 3);
                (unit, still) = (next, 0);
            }
        }
        let text: String = unit.iter().map(|&i| ATOMS[i]).collect();
        worst.push((price(&unit, 5), text));
    }
    worst.sort_by(|a, b| b.0.total_cmp(&a.0));
    for (ns, unit) in worst.iter().take(25) {
        println!("{ns:6.1} ns a byte: `{}`", unit.escape_default());
    }
}

/// Nanoseconds of the fastest round.
fn best(rounds: usize, mut work: impl FnMut()) -> f64 {
    (0..rounds)
        .map(|_| {
            let begun = Instant::now();
            work();
            begun.elapsed().as_nanos() as f64
        })
        .fold(f64::INFINITY, f64::min)
}
