//! What a request costs, measured as ratios in one run, since machines are shared and noisy:
//!
//! - instructions per decision (`sense::assess` + `decide::choose` + `permit`) by callgrind;
//! - instructions and CPU time per proxied request, plain and streamed, of Dewpoint and of the bare hyper proxy of
//!   `testkit`, against the same fake upstream and the same client. Each role is a process of its own (this program
//!   again), so that only the proxy's own work is counted.
//!
//! `cargo bench -p app --bench way` prints the table (`-- count` leaves out CPU time); lines `ratchet NAME VALUE` are
//! compared with `benches.toml` in CI.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]
#![allow(clippy::disallowed_methods, reason = "a load client for loopback; it is not shipped")]

mod count;
mod decision;
mod load;
mod roles;

/// As in the binary; for both proxies, so that the ratio says nothing of allocators.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["decision", n] => decision::repeat(n.parse().unwrap(), false),
        ["guarded", n] => decision::repeat(n.parse().unwrap(), true),
        ["assess", n] => decision::assess(n.parse().unwrap()),
        ["fake"] => roles::fake(),
        ["bare", upstream] => roles::bare(upstream.parse().unwrap()),
        ["dewpoint", upstream] => roles::dewpoint(upstream, gateway::Keys::default()),
        ["keyed", upstream] => roles::dewpoint(upstream, roles::key()),
        ["count"] => report(false),
        _ => report(true),
    }
}

/// Requests whose CPU time is measured, in rounds that alternate between the two proxies.
const REQUESTS: usize = 2_000;
const ROUNDS: usize = 7;

/// Prints the table; without `cpu` only what is counted, which is what CI gates on.
fn report(cpu: bool) {
    println!("instructions per decision (callgrind; difference of two run lengths)");
    let (decision, guarded) = (count::decision("decision"), count::decision("guarded"));
    println!("  assess + choose + permit over 8 places   {decision:>9}");
    println!("  with the search for data before it       {guarded:>9}");
    println!("ratchet instructions_per_decision {decision}");
    let assess = count::decision("assess");
    println!("  assess of a calculation of 4 kB          {assess:>9}");
    println!("ratchet instructions_per_assess_4k {assess}");

    let fake = roles::Child::start(&["fake"]);
    let open = count::proxied("dewpoint", &fake, load::Kind::Plain);
    let keyed = count::proxied("keyed", &fake, load::Kind::Keyed);
    println!(
        "\ninstructions that a key with a team and an organisation, each with budgets and limits, adds to a request"
    );
    println!("  plain                                    {:>9}", keyed.saturating_sub(open));

    println!("\nper proxied request, Dewpoint against the bare hyper proxy in the same run");
    println!("  {:<21} {:>10} {:>10} {:>7}", "", "Dewpoint", "bare", "ratio");
    for kind in [load::Kind::Plain, load::Kind::Stream] {
        let (ours, bare) = (count::proxied("dewpoint", &fake, kind), count::proxied("bare", &fake, kind));
        let ratio = ours as f64 / bare as f64;
        println!("  {:<6} {:<14} {ours:>10} {bare:>10} {ratio:>7.2}", kind.name(), "instructions");
        if cpu {
            let (ours, bare) = cpu_us(&fake, kind);
            let ratio = ours / bare;
            println!("  {:<6} {:<14} {ours:>10.1} {bare:>10.1} {ratio:>7.2}", kind.name(), "CPU time, µs");
            assert!(ratio < 4.0, "CPU time per proxied request must stay under 4.0 times the bare proxy's");
        }
        println!("ratchet instructions_ratio_{} {ratio:.3}", kind.name());
    }
}

/// Median CPU microseconds per request of both proxies, rounds alternating.
fn cpu_us(fake: &roles::Child, kind: load::Kind) -> (f64, f64) {
    let ours = roles::Child::start(&["dewpoint", &fake.address.to_string()]);
    let bare = roles::Child::start(&["bare", &fake.address.to_string()]);
    let measure = |child: &roles::Child| {
        let before = child.cpu_ns();
        load::run(child.address, kind, REQUESTS, 8);
        (child.cpu_ns() - before) as f64 / 1e3 / REQUESTS as f64
    };
    load::run(ours.address, kind, 200, 8);
    load::run(bare.address, kind, 200, 8);
    let (mut a, mut b): (Vec<_>, Vec<_>) = (0..ROUNDS).map(|_| (measure(&ours), measure(&bare))).unzip();
    a.sort_by(f64::total_cmp);
    b.sort_by(f64::total_cmp);
    (a[ROUNDS / 2], b[ROUNDS / 2])
}
