//! Speed of detection: `cargo bench -p sense --bench find [-- FILE.jsonl]`. FILE holds NDJSON rows with `text`; without one, a
//! mixed text stands in. Prints MB/s over all texts, percentiles for pieces of 4 KB, and what hostile texts cost a byte.
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
        let text = unit.repeat((1 << 20) / unit.len());
        let ns = best(3, || drop(black_box(finder.find(black_box(&text))))) / text.len() as f64;
        println!("| `{}` | {ns:.1} | {:.1} |", unit.escape_default(), ns / median);
    }
    let short = "Please write a short and friendly answer to the question of how a committee comes to a decision when half of its \
                 members cannot agree about the budget, and say what you would do about it in their place. "
        .repeat(3);
    let ns = best(20, || (0..100).for_each(|_| drop(black_box(finder.find(black_box(&short[..500])))))) / 100.0;
    println!("\n500 bytes without anything: {ns:.0} ns");
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
