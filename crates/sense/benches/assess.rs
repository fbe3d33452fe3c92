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
    println!("\nchance, by the trained weights");
    for bytes in [10, 400, 4_000, 1_000_000] {
        let prompt: String = prose.chars().cycle().take(bytes).collect();
        let ns = fastest(|| {
            let look = sense::brain::look(black_box(&prompt), "");
            black_box(sense::brain::Brain::shipped().chance(&look));
        });
        println!("{:<24} {bytes:>10} {ns:>12.0} {:>12.1}", "prose", bytes as f64 * 1000.0 / ns);
    }
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
