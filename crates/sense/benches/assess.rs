//! Time of one `assess`: `cargo bench -p sense`. Prints nanoseconds a call and the speed at which the prompt is passed.
//!
//! Wall clock, best of several rounds; on a shared machine read it as an order of magnitude.
#![allow(missing_docs)]

use std::hint::black_box;
use std::time::Instant;
use wire::{Ask, Endpoint, Message, Role};

const ROUNDS: usize = 20;

fn main() {
    let prose =
        "The committee met on Monday and discussed the budget; nobody could say why the costs had grown by 12 %. ";
    let code = "fn main() { let x_1 = parse(&args[1])?; println!(\"{}\", x_1 * 2 + 7); } // see the docs\n";
    println!("{:<24} {:>10} {:>12} {:>12}", "prompt", "bytes", "ns a call", "MB/s");
    for (name, text, bytes) in [
        ("greeting", "Say hello.", 10),
        ("prose", prose, 200),
        ("prose", prose, 2_000),
        ("code", code, 2_000),
        ("Chinese", "请证明素数有无穷多个。", 2_000),
        ("prose", prose, 20_000),
        ("prose", prose, 10_000_000),
    ] {
        let prompt: String = text.chars().cycle().scan(0, |sum, c| take(sum, c, bytes)).collect();
        let mut ask = Ask::new(Endpoint::Chat);
        ask.messages.push(Message::text(Role::System, "You are a helpful assistant."));
        ask.messages.push(Message::text(Role::User, prompt));
        let ns = best(&ask);
        println!("{name:<24} {bytes:>10} {ns:>12.0} {:>12.1}", bytes as f64 * 1000.0 / ns);
    }
    println!(
        "\n{:<24} {:>10} {:>12} {:>12}   the promise: at most 1 ms for 4 kB",
        "assess, single calls", "bytes", "p50 ns", "p99 ns"
    );
    let story =
        "Anna buys 12 boxes with 30 pens each for 4.50 dollars a box and sells every pen for 25 cents. How much? ";
    let options = "Which of these is a metal?\nA. Iron\nB. Oxygen\nC. Wood\nD. Glass\n";
    for (name, text) in [("letters", prose), ("calculation", story), ("options", options), ("code", code)] {
        for bytes in [200, 4_000, 100_000] {
            let prompt: String = text.chars().cycle().take(bytes).collect();
            let mut ask = Ask::new(Endpoint::Chat);
            ask.messages.push(Message::text(Role::User, prompt));
            let known = if sense::assess(&ask).outlook.is_some_and(|o| o.unfamiliar) { "" } else { ", weights asked" };
            let (p50, p99) = quantiles(&ask);
            println!("{:<24} {bytes:>10} {p50:>12} {p99:>12}", format!("{name}{known}"));
        }
    }
}

/// Median and 99th percentile of single calls, nanoseconds.
fn quantiles(ask: &Ask) -> (u128, u128) {
    let mut times: Vec<u128> = (0..4_000)
        .map(|_| {
            let begun = Instant::now();
            black_box(sense::assess(black_box(ask)));
            begun.elapsed().as_nanos()
        })
        .collect();
    times.sort_unstable();
    (times[times.len() / 2], times[times.len() * 99 / 100])
}

fn take(sum: &mut usize, c: char, most: usize) -> Option<char> {
    *sum += c.len_utf8();
    (*sum <= most).then_some(c)
}

fn best(ask: &Ask) -> f64 {
    fastest(|| {
        black_box(sense::assess(black_box(ask)));
    })
}

fn fastest(call: impl Fn()) -> f64 {
    let calls = 200;
    let round = || {
        let begun = Instant::now();
        for _ in 0..calls {
            call();
        }
        begun.elapsed().as_nanos() as f64 / f64::from(calls)
    };
    (0..ROUNDS).map(|_| round()).fold(f64::INFINITY, f64::min)
}
