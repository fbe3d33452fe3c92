//! The policy against cost curves and texts whose truth is known. The numbers of the book's page on drafting come from here:
//! `cargo test --release -p engine drafting_table -- --nocapture`.
//!
//! Never here: anything that is shipped.
#![allow(clippy::unwrap_used)]

use super::policy::{Arm, Offer, Policy};

/// A machine: microseconds of a step by its tokens, and of a token that the draft model writes.
#[derive(Clone, Copy)]
struct Machine {
    step: fn(usize) -> f64,
    draft: f64,
}

/// A GPU, or any machine bound by memory: eight more tokens are nearly free.
const FLAT: Machine = Machine { step: |t| 20_000.0 + 250.0 * t as f64, draft: 1_500.0 };
/// The 0.5B model with its vocabulary of 152k on a CPU: every token costs almost a whole step. Drafting four at a time
/// with half of them accepted gives 8.8 tokens/s there instead of 21.4, as measured for the issue.
const LINEAR: Machine = Machine { step: |t| 46_700.0 * (1.0 + 0.93 * (t as f64 - 1.0)), draft: 0.0 };
/// llama.cpp on four cores with 1, 4, 8, 16 sequences: 31, 79, 90, 102 tokens/s together, as measured for the issue.
const CORES: Machine = Machine {
    step: |t| match t {
        1 => 32_258.0,
        2..=4 => 32_258.0 + (50_633.0 - 32_258.0) * (t - 1) as f64 / 3.0,
        5..=8 => 50_633.0 + (88_889.0 - 50_633.0) * (t - 4) as f64 / 4.0,
        _ => 88_889.0 + (156_863.0 - 88_889.0) * (t - 8) as f64 / 8.0,
    },
    draft: 0.0,
};

/// A text: the chance that a proposed token is kept, after so many tokens; and the chance that there is a proposal at all.
#[derive(Clone, Copy)]
struct Text {
    kept: fn(usize) -> f64,
    found: f64,
}

const HALF: Text = Text { kept: |_| 0.5, found: 1.0 };
const PROSE: Text = Text { kept: |_| 0.1, found: 0.15 };
const COPY: Text = Text { kept: |_| 0.9, found: 0.9 };
const MODEL: Text = Text { kept: |_| 0.75, found: 1.0 };

struct Chance(u64);

impl Chance {
    fn below(&mut self, p: f64) -> bool {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 11) as f64 / (1u64 << 53) as f64) < p
    }
}

/// How it decides.
#[derive(Clone, Copy, PartialEq)]
enum By {
    Policy,
    Always(usize),
    Never,
}

#[derive(Debug, Default, Clone, Copy)]
struct Run {
    tokens: usize,
    us: f64,
    drafted: usize,
}

impl Run {
    fn speed(self) -> f64 {
        self.tokens as f64 * 1e6 / self.us
    }
}

/// Runs `slots` requests side by side until they have `tokens` tokens each, with ±10 % noise on every time.
fn run(policy: &mut Policy, by: By, machine: Machine, text: Text, arm: Arm, slots: usize, tokens: usize) -> Run {
    let mut chance = Chance(7);
    let mut done = Run::default();
    let mut place = vec![0usize; slots];
    while done.tokens < tokens * slots {
        policy.begin(slots);
        let mut drafted = vec![0; slots];
        let mut drafting = 0.0;
        for (slot, into) in drafted.iter_mut().enumerate() {
            if !chance.below(text.found) {
                continue;
            }
            let chosen = match by {
                By::Policy => policy.choose(slot as u32, &[Offer { arm, most: 16, lag: 0 }]).map_or(0, |(_, k)| k),
                By::Always(k) => k,
                By::Never => 0,
            };
            let us = machine.draft * chosen as f64;
            if by == By::Policy && chosen > 0 {
                policy.drafted(slot as u32, arm, chosen, us, 0, 0.0);
            }
            *into = chosen;
            drafting += us;
        }
        let size = slots + drafted.iter().sum::<usize>();
        let noise = if chance.below(0.5) { 0.9 } else { 1.1 };
        let us = (machine.step)(size) * noise;
        for (slot, drafted) in drafted.into_iter().enumerate() {
            let kept = (0..drafted).take_while(|_| chance.below((text.kept)(place[slot]))).count();
            if by == By::Policy && drafted > 0 {
                policy.learned(slot as u32, arm, drafted, kept);
            }
            place[slot] += kept + 1;
            done.tokens += kept + 1;
        }
        policy.end(slots, 0, us);
        done.us += us + drafting;
        done.drafted += size - slots;
    }
    done
}

fn ratio(machine: Machine, text: Text, arm: Arm, slots: usize, tokens: usize) -> f64 {
    let with = run(&mut Policy::new(), By::Policy, machine, text, arm, slots, tokens);
    with.speed() / run(&mut Policy::new(), By::Never, machine, text, arm, slots, tokens).speed()
}

#[test]
fn the_half_billion_model_of_the_issue_is_caught() {
    let never = run(&mut Policy::new(), By::Never, LINEAR, HALF, Arm::Model, 1, 2000).speed();
    let always = run(&mut Policy::new(), By::Always(4), LINEAR, HALF, Arm::Model, 1, 2000).speed();
    assert!((never - 21.4).abs() < 0.4 && (always - 8.8).abs() < 0.4, "the model of the machine: {never} and {always}");
    let policy = run(&mut Policy::new(), By::Policy, LINEAR, HALF, Arm::Model, 1, 2000);
    assert!(policy.speed() > 0.98 * never, "{} against {never}", policy.speed());
    assert!(policy.drafted > 0, "it has tried");
}

#[test]
fn where_tokens_are_nearly_free_it_gains() {
    assert!(ratio(FLAT, MODEL, Arm::Model, 1, 2000) > 1.8);
    assert!(ratio(FLAT, COPY, Arm::Lookup4, 1, 2000) > 3.0);
    // Close to the best fixed length, found by trying them all.
    let best = (1..=16).map(|k| run(&mut Policy::new(), By::Always(k), FLAT, MODEL, Arm::Model, 1, 2000).speed());
    let best = best.fold(0.0, f64::max);
    let own = run(&mut Policy::new(), By::Policy, FLAT, MODEL, Arm::Model, 1, 2000).speed();
    assert!(own > 0.9 * best, "{own} against {best}");
}

#[test]
fn copying_gains_on_a_cpu_too_and_prose_loses_nothing() {
    assert!(ratio(CORES, COPY, Arm::Lookup4, 1, 2000) > 1.5);
    for machine in [FLAT, LINEAR, CORES] {
        for slots in [1, 2, 8] {
            let ratio = ratio(machine, PROSE, Arm::Lookup2, slots, 2000);
            assert!(ratio > 0.98, "{slots} slots: {ratio}");
        }
    }
}

#[test]
fn a_full_batch_drafts_less() {
    let share = |slots| {
        let run = run(&mut Policy::new(), By::Policy, CORES, MODEL, Arm::Lookup4, slots, 1000);
        run.drafted as f64 / run.tokens as f64
    };
    assert!(share(1) > 2.0 * share(8), "{} and {}", share(1), share(8));
}

#[test]
fn a_change_of_the_text_is_followed_both_ways() {
    let turns = Text {
        kept: |at| {
            if at < 1000 {
                0.05
            } else if at < 2000 {
                0.95
            } else {
                0.05
            }
        },
        found: 0.95,
    };
    let mut policy = Policy::new();
    let mut run_part = |from: fn(usize) -> f64| {
        run(&mut policy, By::Policy, CORES, Text { kept: from, ..turns }, Arm::Lookup3, 1, 1000).speed()
    };
    let (first, copy, last) = (run_part(|_| 0.05), run_part(|_| 0.95), run_part(|_| 0.05));
    let plain = run(&mut Policy::new(), By::Never, CORES, turns, Arm::Lookup3, 1, 1000).speed();
    assert!(first > 0.98 * plain && last > 0.97 * plain, "{first}, {last} against {plain}");
    assert!(copy > 1.35 * plain, "{copy} against {plain}");
}

#[test]
fn a_machine_that_slows_down_for_all_changes_no_decision() {
    let mut policy = Policy::new();
    let before = run(&mut policy, By::Policy, CORES, COPY, Arm::Lookup4, 1, 1000);
    let slow = Machine { step: |t| (CORES.step)(t) * 4.0, draft: 0.0 };
    let after = run(&mut policy, By::Policy, slow, COPY, Arm::Lookup4, 1, 1000);
    assert!(after.speed() > 0.2 * before.speed(), "{} and {}", before.speed(), after.speed());
}

#[test]
fn no_machine_and_no_text_loses_more_than_its_share() {
    let steps: [fn(usize) -> f64; 4] = [
        |t| 1000.0 + 900.0 * t as f64,
        |t| 300.0 * t as f64,
        |t| if t == 1 { 1000.0 } else { 12_000.0 },
        |t| 1e5 + t as f64,
    ];
    for step in steps {
        for kept in [0.0, 0.2, 0.35, 0.5, 0.65, 0.8] {
            let kept: fn(usize) -> f64 = match (kept * 100.0) as u32 {
                0 => |_| 0.0,
                20 => |_| 0.2,
                35 => |_| 0.35,
                50 => |_| 0.5,
                65 => |_| 0.65,
                _ => |_| 0.8,
            };
            for draft in [0.0, 400.0, 5000.0] {
                for slots in [1, 4] {
                    let text = Text { kept, found: 0.8 };
                    let ratio = ratio(Machine { step, draft }, text, Arm::Model, slots, 1500);
                    assert!(
                        ratio > 0.98,
                        "{ratio} with {slots} slots, {} kept, draft {draft}, C(4) {}",
                        kept(0),
                        step(4)
                    );
                }
            }
        }
    }
}

#[test]
fn drafting_table() {
    let cases = [
        ("nearly free tokens (GPU)", FLAT, MODEL, Arm::Model, 4, 1),
        ("nearly free tokens (GPU), 8 at once", FLAT, MODEL, Arm::Model, 4, 8),
        ("4 cores, copying, lookup", CORES, COPY, Arm::Lookup4, 4, 1),
        ("4 cores, copying, lookup, 8 at once", CORES, COPY, Arm::Lookup4, 4, 8),
        ("4 cores, prose, lookup", CORES, PROSE, Arm::Lookup2, 4, 1),
        ("0.5B with 152k vocabulary, draft model", LINEAR, HALF, Arm::Model, 4, 1),
    ];
    println!("| case | without | always 4 | policy |\n|---|---|---|---|");
    for (name, machine, text, arm, k, slots) in cases {
        let speed = |by| run(&mut Policy::new(), by, machine, text, arm, slots, 2000).speed();
        let (never, always, policy) = (speed(By::Never), speed(By::Always(k)), speed(By::Policy));
        println!("| {name} | {never:.1} | {always:.1} | {policy:.1} |");
        assert!(policy > 0.98 * never);
    }
}
