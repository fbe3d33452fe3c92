//! Drafting in the scheduler: the same text in fewer steps where that wins, and what it costs where it does not.
//!
//! Never here: the policy against known costs (`draft/simulation.rs`).

use super::*;
use crate::worker::draft::{Always, Drafts};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// A proposer that is told a price instead of the time that a step took, so that the machine decides nothing.
struct Priced {
    inner: Box<dyn Proposer>,
    us: fn(usize) -> u64,
}

impl Proposer for Priced {
    fn propose(&mut self, slot: u32, history: &[i32], most: usize) -> Vec<i32> {
        self.inner.propose(slot, history, most)
    }

    fn learned(&mut self, slot: u32, proposed: usize, accepted: usize, _: u64, tokens: usize) {
        self.inner.learned(slot, proposed, accepted, (self.us)(tokens), tokens);
    }

    fn forget(&mut self, slot: u32) {
        self.inner.forget(slot);
    }
}

/// A second for a step, and hardly more for more tokens; or two seconds more for each token more, which loses even where all
/// that is drafted is kept.
const CHEAP: fn(usize) -> u64 = |tokens| 1_000_000 + 10_000 * tokens as u64;
const DEAR: fn(usize) -> u64 = |tokens| 2_000_000 * tokens as u64 - 1_000_000;

#[derive(Debug, Clone, Copy, PartialEq)]
enum By {
    Lookup,
    Model,
}

fn priced(tiny: Tiny, by: By, us: fn(usize) -> u64, change: impl FnOnce(&mut Load)) -> Desk {
    let mut d = desk(tiny, |load| {
        change(load);
        load.lookup = by == By::Lookup;
        load.draft = (by == By::Model).then(|| Draft { path: load.path.clone(), most: 8 });
    });
    let mut inner = d.slots.proposer.take().unwrap();
    if by == By::Model {
        let weights: &DraftModel = Box::leak(Box::new(DraftModel::load(d.slots.model, &d.load).unwrap().unwrap()));
        let mut drafter = weights.drafter(&d.slots.session, &d.load).unwrap();
        // Tiny models are sure of little.
        drafter.sure = 0.0;
        inner = Box::new(Drafts::new(false, Some((drafter, 8))));
    }
    d.slots.propose_with(Some(Box::new(Priced { inner, us })));
    d
}

#[test]
fn drafting_takes_fewer_steps_where_tokens_are_cheap_and_none_more_where_they_are_dear() {
    let alone = desk(Tiny::default(), |_| {}).one(ask(1, "abc", 400)).0;
    for by in [By::Lookup, By::Model] {
        let run = |us| {
            let mut d = priced(Tiny::default(), by, us, |_| {});
            let (text, spent) = d.one(ask(1, "abc", 400));
            assert_eq!(text, alone, "{by:?}");
            (d.slots.stats.steps, spent)
        };
        let (steps, spent) = run(CHEAP);
        assert!(steps < 160 && spent.accepted > 240, "{by:?}: {steps} steps, {spent:?}");
        let (steps, spent) = run(DEAR);
        assert!(steps > 350 && spent.drafted < 50, "{by:?}: {steps} steps, {spent:?}");
    }
}

#[test]
fn several_that_draft_at_once_write_what_each_writes_alone() {
    let prompts: Vec<String> = (0..32).map(|i| prompt(300 + i, 24).repeat(2)).collect();
    let mut d = desk(thinker(), |_| {});
    let alone: Vec<String> =
        (0..).zip(&prompts).map(|(i, p)| d.one(Generate { logprobs: Some(2), ..ask(i, p, 40) }).0).collect();
    // Several tokens at once take other kernels than one, and a tie may fall the other way: those are not asked.
    let clear: Vec<u64> = (0..32).filter(|i| d.gaps[i] > 0.01).collect();
    assert!(clear.len() >= 6, "{:?}", d.gaps);
    for by in [By::Lookup, By::Model] {
        for unified in [false, true] {
            let mut d = priced(thinker(), by, CHEAP, |load| {
                if unified {
                    load.cells = 2048;
                }
            });
            clear.iter().for_each(|i| d.send(ask(*i, &prompts[*i as usize], 40)));
            d.finish(clear.iter().copied());
            for i in &clear {
                assert_eq!(d.texts[i], alone[*i as usize], "request {i}, {by:?}, unified {unified}");
            }
            assert!(d.slots.stats.drafted > 0, "{by:?}: {:?}", d.slots.stats);
        }
    }
}

/// A proposer on the clock.
struct Clocked {
    inner: Box<dyn Proposer>,
    took: Arc<Mutex<Duration>>,
}

impl Clocked {
    fn clock<T>(&mut self, work: impl FnOnce(&mut dyn Proposer) -> T) -> T {
        let began = Instant::now();
        let done = work(self.inner.as_mut());
        *self.took.lock().unwrap() += began.elapsed();
        done
    }
}

impl Proposer for Clocked {
    fn propose(&mut self, slot: u32, history: &[i32], most: usize) -> Vec<i32> {
        self.clock(|inner| inner.propose(slot, history, most))
    }

    fn learned(&mut self, slot: u32, proposed: usize, accepted: usize, us: u64, tokens: usize) {
        self.clock(|inner| inner.learned(slot, proposed, accepted, us, tokens));
    }

    fn forget(&mut self, slot: u32) {
        self.clock(|inner| inner.forget(slot));
    }
}

/// Lookup is on by default, so it must cost nothing where nothing repeats.
#[test]
fn looking_up_costs_next_to_nothing_where_nothing_is_found() {
    let run = |seed: u32| {
        let mut d = desk(thinker(), |load| load.lookup = true);
        let took = Arc::new(Mutex::new(Duration::ZERO));
        let inner = d.slots.proposer.take().unwrap();
        d.slots.propose_with(Some(Box::new(Clocked { inner, took: took.clone() })));
        let mut random = ask(1, &prompt(seed, 40), 900);
        random.sampling = Sampling { temperature: 2.0, seed, ..random.sampling };
        let began = Instant::now();
        let (_, spent) = d.one(random);
        let (all, own) = (began.elapsed().as_secs_f64() * 1e6, took.lock().unwrap().as_secs_f64() * 1e6);
        let tokens = f64::from(spent.completion);
        eprintln!("{:.2} µs of {:.0} µs a token, {spent:?}", own / tokens, all / tokens);
        assert!(spent.completion >= 100 && spent.drafted * 10 < spent.completion, "the text repeats itself: {spent:?}");
        own / tokens
    };
    let least = (1..6).map(run).fold(f64::INFINITY, f64::min);
    // A token of a model that is worth serving takes more than 2 ms: this is one per cent of it.
    assert!(least < 20.0, "{least} µs a token");
}

/// The files and computing threads that `DEWPOINT_DRAFTING` names (`MODEL,DRAFT,THREADS`), else a tiny one that drafts for itself.
#[expect(clippy::disallowed_methods, reason = "real models are given by hand, to measure with them")]
fn models(folder: &std::path::Path) -> (PathBuf, PathBuf, u16) {
    if let Ok(given) = std::env::var("DEWPOINT_DRAFTING") {
        let parts: Vec<&str> = given.split(',').collect();
        let [model, draft, threads] = parts[..] else { panic!("DEWPOINT_DRAFTING is not MODEL,DRAFT,THREADS") };
        return (model.into(), draft.into(), threads.parse().unwrap());
    }
    let path = folder.join("tiny.gguf");
    std::fs::write(&path, thinker().bytes()).unwrap();
    (path.clone(), path, 1)
}

/// The middle one, and the outer ones.
fn spread(mut values: Vec<f64>) -> (f64, f64, f64) {
    values.sort_by(f64::total_cmp);
    (values[values.len() / 2], values[0], values[values.len() - 1])
}

/// A request of a case: its answer is drawn at this temperature, of so few words that it copies itself, or of all.
fn drafting_case(d: &Desk, id: u64, tokens: u32, temperature: f32, words: u16) -> Generate {
    let mut ask = ask(id, &prompt(7, 60), tokens);
    ask.sampling = Sampling { temperature, seed: 5, ..ask.sampling };
    let end = d.slots.model.borders().1;
    ask.logit_bias = d.slots.model.tokens([end.as_str()]).last().map(|t| (*t, -100.0)).into_iter().collect();
    ask.logit_bias.extend((0..i32::from(words)).map(|word| (i32::from(b'a') + word, 100.0)));
    ask
}

/// Tokens per second of answers without drafting, with four tokens drafted in every step, and with the policy, in turn, so that
/// what else the machine does falls on all three alike. The table of the book's page on drafting.
#[test]
fn drafting_speed() {
    let folder = tempfile::tempdir().unwrap();
    let (path, draft, threads) = models(folder.path());
    let (rounds, tokens) = if path == draft { (1, 40) } else { (9, 96) };
    let mut d = desk_over(Load {
        draft: Some(Draft { path: draft.to_str().unwrap().into(), most: 16 }),
        ..Load::new(path.to_str().unwrap().into(), 512, 1, threads)
    });
    let weights: &DraftModel = Box::leak(Box::new(DraftModel::load(d.slots.model, &d.load).unwrap().unwrap()));
    println!("| case | drafting | tokens/s, median (range) | to without, median of rounds (range) | kept of drafted |");
    println!("|---|---|---|---|---|");
    let cases =
        [("copies", By::Lookup, 0.0, 6), ("new", By::Lookup, 1.0, 0), ("draft model of 2 layers", By::Model, 0.0, 0)];
    for (case, (name, by, temperature, words)) in (1..).zip(cases) {
        let drafter = || {
            let mut drafter = weights.drafter(&d.slots.session, &d.load).unwrap();
            // Random weights are sure of nothing; how often they are right is what counts.
            drafter.sure = 0.0;
            drafter
        };
        let model = || (by == By::Model).then(drafter);
        let mut proposers: [Option<Box<dyn Proposer>>; 3] = [
            None,
            Some(Box::new(Always::new(4, model()))),
            Some(Box::new(Drafts::new(by == By::Lookup, model().map(|m| (m, 16))))),
        ];
        let mut speeds: [Vec<f64>; 3] = Default::default();
        let mut counts = [(0, 0); 3];
        for round in 0..rounds {
            for turn in 0..3 {
                let at = (turn + round) % 3;
                d.slots.proposer = proposers[at].take();
                let id = case * 1000 + round as u64 * 10 + at as u64;
                d.send(drafting_case(&d, id, tokens, temperature, words));
                d.step();
                let (began, first) = (Instant::now(), d.slots.stats.generation_tokens);
                d.finish([id]);
                let written = d.slots.stats.generation_tokens - first;
                speeds[at].push(written as f64 / began.elapsed().as_secs_f64());
                let spent = d.spent(id);
                assert_eq!(spent.completion, tokens);
                counts[at] = (counts[at].0 + spent.accepted, counts[at].1 + spent.drafted);
                proposers[at] = d.slots.proposer.take();
            }
        }
        for (at, mode) in ["without", "always 4", "policy"].iter().enumerate() {
            let (speed, least, most) = spread(speeds[at].clone());
            let (ratio, low, high) =
                spread(speeds[at].iter().zip(&speeds[0]).map(|(own, without)| own / without).collect());
            let (kept, drafted) = counts[at];
            println!(
                "| {name} | {mode} | {speed:.1} ({least:.1} to {most:.1}) | {ratio:.3} ({low:.2} to {high:.2}) | {kept} of {drafted} |"
            );
        }
        assert_eq!(counts[0], (0, 0));
        assert!(name == "new" || counts[1].1 > 0, "{name}: nothing was drafted");
    }
}
