//! The scheduler, step by step, over the real model code and tiny models.
#![allow(clippy::unwrap_used, clippy::panic)]

mod drafting;
mod vision;

use super::Outbox;
use super::draft::{DraftModel, drafts};
use super::llama::Model;
use super::propose::Proposer;
use super::session::Session;
use super::slots::Slots;
use crate::protocol::{
    CacheType, Class, Constraint, Draft, FromWorker, Generate, Input, Kind, Load, Reason, Sampling, Sign, Spent,
    ToWorker, read,
};
use crate::tiny::Tiny;
use std::collections::HashMap;
use std::io::Write;
use std::sync::{Arc, Mutex};

#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A worker without its process: steps are counted here.
struct Desk {
    slots: Slots<'static>,
    sink: Sink,
    texts: HashMap<u64, String>,
    /// The least distance of the two likeliest tokens, where log-probabilities were asked for.
    gaps: HashMap<u64, f32>,
    signs: HashMap<u64, Vec<Sign>>,
    chosen: HashMap<u64, Vec<f32>>,
    ended: HashMap<u64, Result<(Reason, Spent), Kind>>,
    load: Load,
    /// Where the model's file is, as long as it may be loaded again.
    folder: Option<tempfile::TempDir>,
}

fn desk(tiny: Tiny, change: impl FnOnce(&mut Load)) -> Desk {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tiny.gguf");
    std::fs::write(&path, tiny.bytes()).unwrap();
    let mut load = Load::new(path.to_str().unwrap().into(), tiny.context, 4, 1);
    change(&mut load);
    let mut desk = desk_over(load);
    desk.folder = Some(folder);
    desk
}

fn desk_over(load: Load) -> Desk {
    super::check(&load).unwrap();
    let model: &'static Model = Box::leak(Box::new(Model::load(&load, |_| true).unwrap()));
    let session = Session::new(model, &load).unwrap();
    let sink = Sink::default();
    let draft = DraftModel::load(model, &load).unwrap().map(|d| &*Box::leak(Box::new(d)));
    let drafts = drafts(&session, draft, &load).unwrap();
    let mut slots = Slots::new(model, session, &load, Outbox::new(sink.clone())).unwrap();
    slots.propose_with(drafts);
    Desk {
        slots,
        sink,
        texts: HashMap::new(),
        gaps: HashMap::new(),
        signs: HashMap::new(),
        chosen: HashMap::new(),
        ended: HashMap::new(),
        load,
        folder: None,
    }
}

/// A model whose every token depends on all before it.
fn thinker() -> Tiny {
    Tiny { context: 1024, attends: true, ..Tiny::default() }
}

/// Few cells for many slots: the cache is unified.
fn tight(cells: u32) -> impl FnOnce(&mut Load) {
    move |load| {
        load.context = 512.min(cells);
        load.cells = cells;
    }
}

fn prompt(seed: u32, bytes: usize) -> String {
    let mut x = seed.wrapping_mul(2_654_435_761).max(1);
    let mut next = || {
        x ^= x << 13;
        x ^= x >> 17;
        x ^= x << 5;
        char::from(b'a' + (x % 26) as u8)
    };
    (0..bytes).map(|_| next()).collect()
}

fn ask(id: u64, prompt: &str, max: u32) -> Generate {
    Generate {
        id,
        input: Input::Raw { prompt: prompt.into() },
        sampling: Sampling { temperature: 0.0, ..Sampling::default() },
        max_tokens: Some(max),
        stop: Vec::new(),
        logprobs: None,
        signs: false,
        constraint: None,
        logit_bias: Vec::new(),
        special: false,
        ignore_eos: false,
        class: Class::Interactive,
        deadline_ms: None,
    }
}

impl Desk {
    fn send(&mut self, generate: Generate) {
        assert!(self.slots.take(ToWorker::Generate(Box::new(generate))).unwrap());
    }

    /// One step, and who got a token in it.
    fn step(&mut self) -> Vec<u64> {
        self.slots.step().unwrap();
        let cells = self.slots.session.cells();
        assert!(cells.free() <= cells.all());
        self.slots.take(ToWorker::Ping { id: 0 }).unwrap();
        let bytes = std::mem::take(&mut *self.sink.0.lock().unwrap());
        let mut rest = bytes.as_slice();
        let mut got = Vec::new();
        while let Some(frame) = read::<FromWorker>(&mut rest).unwrap() {
            match frame {
                FromWorker::Token { id, text, logprobs, signs } => {
                    self.signs.entry(id).or_default().extend(signs);
                    self.chosen.entry(id).or_default().extend(logprobs.iter().map(|l| l.logprob));
                    for l in logprobs.iter().filter(|l| l.top.len() > 1) {
                        let gap = self.gaps.entry(id).or_insert(f32::INFINITY);
                        *gap = gap.min(l.top[0].1 - l.top[1].1);
                    }
                    self.texts.entry(id).or_default().push_str(&text);
                    got.push(id);
                }
                FromWorker::Finish { id, reason, spent } => {
                    assert!(self.ended.insert(id, Ok((reason, spent))).is_none(), "{id} ended twice");
                }
                FromWorker::Error { id, kind, message } => {
                    assert!(!message.is_empty());
                    assert!(self.ended.insert(id, Err(kind)).is_none(), "{id} ended twice");
                }
                _ => {}
            }
        }
        got
    }

    /// Steps until these have ended.
    fn finish(&mut self, ids: impl IntoIterator<Item = u64>) -> usize {
        let ids: Vec<u64> = ids.into_iter().collect();
        for steps in 0..20_000 {
            if ids.iter().all(|id| self.ended.contains_key(id)) {
                return steps;
            }
            self.step();
        }
        panic!("no end: {:?}", self.ended);
    }

    fn one(&mut self, generate: Generate) -> (String, Spent) {
        let id = generate.id;
        self.send(generate);
        self.finish([id]);
        (self.texts.remove(&id).unwrap_or_default(), self.spent(id))
    }

    fn spent(&self, id: u64) -> Spent {
        self.ended[&id].as_ref().unwrap().1
    }

    fn running(&self) -> usize {
        self.slots.slots.iter().flatten().count()
    }

    fn used(&self) -> usize {
        self.slots.session.cells().all() - self.slots.session.cells().free()
    }
}

#[test]
fn answers_go_on_in_every_step_of_a_long_prompt() {
    let mut d = desk(thinker(), |_| {});
    d.send(ask(1, &prompt(1, 20), 200));
    d.step();
    d.send(ask(2, &prompt(2, 900), 5));
    let mut steps = 0;
    while !d.texts.contains_key(&2) {
        assert!(d.step().contains(&1), "no token in step {steps}");
        steps += 1;
    }
    // 900 tokens at no more than 256 a step.
    assert!(steps >= 4, "the long prompt took {steps} steps only");
}

#[test]
fn interactive_goes_before_batch_and_a_slot_is_enough_for_both() {
    let mut d = desk(thinker(), |load| load.slots = 1);
    d.send(ask(1, &prompt(1, 20), 3));
    d.step();
    d.send(Generate { class: Class::Batch, ..ask(2, &prompt(2, 20), 3) });
    d.send(ask(3, &prompt(3, 20), 3));
    d.finish([3]);
    assert!(!d.ended.contains_key(&2), "the batch request was first");
    d.finish([2]);
}

#[test]
fn a_cancelled_request_is_gone_before_the_next_step_and_its_slot_is_taken() {
    let mut d = desk(thinker(), |load| load.slots = 1);
    d.send(ask(1, &prompt(1, 900), 100));
    d.send(ask(2, &prompt(2, 20), 5));
    d.step();
    assert_eq!((d.running(), d.slots.queue.len()), (1, 1));
    d.slots.take(ToWorker::Cancel { id: 1 }).unwrap();
    assert_eq!(d.running(), 0);
    assert_eq!(d.step(), [2]);
    d.slots.take(ToWorker::Cancel { id: 2 }).unwrap();
    assert_eq!(d.step(), [0u64; 0]);
    assert!(d.ended.is_empty(), "who cancels wants to hear nothing");
}

#[test]
fn what_is_late_is_told_so_waiting_or_running() {
    let mut d = desk(thinker(), |load| load.slots = 1);
    d.send(Generate { deadline_ms: Some(0), ..ask(1, "abc", 5) });
    d.send(ask(2, "abc", 5));
    d.finish([1, 2]);
    assert_eq!(d.ended[&1], Err(Kind::Late));
    assert!(d.ended[&2].is_ok());
    d.send(Generate { deadline_ms: Some(60), ..ask(3, "abc", 1000) });
    d.send(Generate { deadline_ms: Some(60), ..ask(4, "abc", 5) });
    d.step();
    std::thread::sleep(std::time::Duration::from_millis(61));
    d.step();
    assert_eq!((&d.ended[&3], &d.ended[&4]), (&Err(Kind::Late), &Err(Kind::Late)));
    assert_eq!(d.running(), 0);
}

#[test]
fn sixteen_at_once_write_what_each_writes_alone() {
    for unified in [false, true] {
        let mut d = desk(thinker(), |load| {
            load.slots = 16;
            load.context = 256;
            load.cells = if unified { 2048 } else { 16 * 256 };
        });
        assert_eq!(d.slots.session.streams(), !unified);
        let prompts: Vec<String> = (0..16).map(|i| prompt(i, 20 + i as usize)).collect();
        let alone: Vec<String> = prompts.iter().enumerate().map(|(i, p)| d.one(ask(100 + i as u64, p, 40)).0).collect();
        let mut fresh = desk(thinker(), |load| {
            load.slots = 16;
            load.context = 256;
            load.cells = if unified { 2048 } else { 16 * 256 };
        });
        for (i, p) in prompts.iter().enumerate() {
            fresh.send(ask(i as u64, p, 40));
        }
        fresh.finish(0..16);
        assert!(fresh.slots.stats.steps < 60, "{} steps are no batching", fresh.slots.stats.steps);
        for (i, text) in alone.iter().enumerate() {
            assert_eq!(fresh.texts.get(&(i as u64)), Some(text), "request {i}, unified {unified}");
        }
        let different: std::collections::HashSet<&String> = alone.iter().collect();
        assert!(different.len() > 8, "the model ignores its prompt: {alone:?}");
    }
}

#[test]
fn a_full_cache_sends_the_youngest_back_and_no_text_changes() {
    let prompts: Vec<String> = (0..4).map(|i| prompt(50 + i, 60)).collect();
    let mut d = desk(thinker(), |_| {});
    let alone: Vec<String> = (0..).zip(&prompts).map(|(i, p)| d.one(ask(i, p, 150)).0).collect();
    for bytes in [0, 64 << 20] {
        let mut d = desk(thinker(), |load| {
            tight(512)(load);
            load.prefix_bytes = bytes;
        });
        (0..).zip(&prompts).for_each(|(i, p)| d.send(ask(i, p, 150)));
        d.finish(0..4);
        assert!(d.slots.stats.preemptions > 0, "four times 210 tokens fitted into 512 cells");
        for (i, text) in alone.iter().enumerate() {
            assert_eq!(d.texts.get(&(i as u64)), Some(text), "request {i}, {bytes} bytes of host memory");
            assert_eq!(d.spent(i as u64).completion, 150);
        }
    }
}

#[test]
fn a_lone_request_uses_its_whole_context_though_the_cache_is_full_of_others() {
    let mut d = desk(thinker(), tight(512));
    for i in 0..6 {
        d.one(ask(i, &prompt(i as u32, 60), 10));
    }
    assert!(d.used() > 300, "nothing is kept");
    d.send(ask(9, &prompt(99, 100), 1000));
    d.finish([9]);
    assert_eq!(d.ended[&9].as_ref().unwrap().0, Reason::Length);
    assert_eq!(d.spent(9).completion, 412);
}

#[test]
fn a_known_prefix_is_not_computed_again_and_changes_no_text() {
    for unified in [false, true] {
        let load = |load: &mut Load| {
            if unified {
                load.cells = 2048;
            }
        };
        let common = prompt(7, 600);
        let (first, second) = (format!("{common}xyz"), format!("{common}qrs"));
        let alone = desk(thinker(), load).one(ask(1, &second, 30)).0;
        let mut d = desk(thinker(), load);
        d.one(ask(1, &first, 30));
        let before = d.slots.stats.steps;
        let (text, spent) = d.one(ask(2, &second, 30));
        assert_eq!((text, spent.cached), (alone.clone(), 600), "unified {unified}");
        assert_eq!(d.slots.stats.steps - before, 30, "the prompt took steps of its own");
        // The conversation goes on after the answer, which is known too.
        let (_, spent) = d.one(ask(3, &format!("{second}{alone}and so on"), 4));
        assert!(spent.cached >= 600 + 3 + 28, "{spent:?}");
        assert_eq!(d.slots.stats.prefix_hits, 600 + u64::from(spent.cached));
    }
}

#[test]
fn equal_prompts_at_the_same_time_are_computed_once() {
    for unified in [false, true] {
        let mut d = desk(thinker(), |load| {
            if unified {
                load.cells = 2048;
            }
        });
        let same = prompt(7, 700);
        (0..4).for_each(|i| d.send(ask(i, &same, 20)));
        d.finish(0..4);
        let cached: u32 = (0..4).map(|i| d.spent(i).cached).sum();
        assert_eq!(cached, 3 * 699, "unified {unified}");
        assert!((1..4).all(|i| d.texts[&i] == d.texts[&0]));
    }
}

#[test]
fn what_left_the_cache_comes_back_from_host_memory() {
    let common = prompt(7, 400);
    let load = |bytes: u64| {
        move |load: &mut Load| {
            load.slots = 1;
            load.prefix_bytes = bytes;
        }
    };
    let run = |bytes: u64| {
        let mut d = desk(thinker(), load(bytes));
        d.one(ask(1, &common, 5));
        d.one(ask(2, &prompt(8, 400), 5));
        let kept = d.slots.prefixes.bytes();
        let (text, spent) = d.one(ask(3, &format!("{common}xyz"), 20));
        (text, spent.cached, kept)
    };
    let (without, cached, kept) = run(0);
    assert_eq!((cached, kept), (0, 0));
    let (with, cached, kept) = run(16 << 20);
    assert_eq!((with, cached), (without, 400));
    // 404 cells of one layer, 64 wide, keys and values in 16 bits, and a little around them.
    assert!((100_000..140_000).contains(&kept), "{kept}");
    let (_, cached, kept) = run(100_000);
    assert_eq!((cached, kept), (0, 0), "a copy over the bound was kept");
}

#[test]
fn smaller_caches_take_less_memory_and_still_answer() {
    let bytes = |cache: CacheType| {
        let mut d = desk(thinker(), |load| {
            load.cache = cache;
            load.prefix_bytes = 16 << 20;
            load.slots = 1;
        });
        let (text, spent) = d.one(ask(1, &prompt(1, 300), 20));
        assert_eq!((text.is_empty(), spent.completion), (false, 20));
        d.one(ask(2, &prompt(2, 300), 2));
        d.slots.prefixes.bytes()
    };
    let (f16, q8, q4) = (bytes(CacheType::F16), bytes(CacheType::Q8_0), bytes(CacheType::Q4_0));
    // 8.5 and 4.5 bits a value instead of 16.
    assert!(q8 * 100 < f16 * 60 && q4 * 100 < f16 * 36 && q4 < q8, "{f16} {q8} {q4}");
}

#[test]
fn running_requests_stay_neighbours() {
    let mut d = desk(thinker(), |_| {});
    let lengths = [10, 300, 10, 300];
    let alone: Vec<String> = {
        let mut d = desk(thinker(), |_| {});
        (0..).zip(lengths).map(|(i, n)| d.one(ask(i, &prompt(i as u32, 30), n)).0).collect()
    };
    (0..).zip(lengths).for_each(|(i, n)| d.send(ask(i, &prompt(i as u32, 30), n)));
    d.finish([0, 2]);
    (0..10).for_each(|_| drop(d.step()));
    let mut at: Vec<u32> = d.slots.slots.iter().flatten().map(|r| r.sequence).collect();
    at.sort_unstable();
    assert!(at.len() == 2 && at[1] == at[0] + 1, "{at:?}");
    d.finish(0..4);
    (0..).zip(&alone).for_each(|(i, text)| assert_eq!(&d.texts[&i], text, "request {i}"));
}

#[test]
fn every_stream_keeps_a_conversation_and_all_come_back_at_once() {
    let mut d = desk(thinker(), |_| {});
    let prompts: Vec<String> = (0..4).map(|i| prompt(i, 200)).collect();
    // One after the other: each finds an empty stream though the first would be free.
    let first: Vec<String> = (0..).zip(&prompts).map(|(i, p)| d.one(ask(i, p, 8)).0).collect();
    for round in 1..4u64 {
        let ids = (0..4).map(|i| 10 * round + (i + round) % 4).collect::<Vec<_>>();
        ids.iter().for_each(|id| d.send(ask(*id, &prompts[(id % 10) as usize], 8)));
        d.finish(ids.clone());
        for id in ids {
            assert_eq!(d.spent(id).cached, 199, "request {id}");
            assert_eq!(d.texts[&id], first[(id % 10) as usize]);
        }
    }
}

/// How sure the model was: of each token that was sent, and of none that a stop sequence took back, and the text is the same.
#[test]
fn signs_agree_with_log_probabilities_and_change_nothing() {
    let mut d = desk(thinker(), |_| {});
    let plain = d.one(ask(1, &prompt(1, 30), 25)).0;
    let both = Generate { signs: true, logprobs: Some(0), ..ask(2, &prompt(1, 30), 25) };
    assert_eq!(d.one(both).0, plain);
    // Where something is penalised the logits that the token is drawn from are not those that the model computed.
    let sampling = Sampling { temperature: 0.0, presence_penalty: 1.5, ..Sampling::default() };
    let penalised = d.one(Generate { signs: true, logprobs: Some(0), sampling, ..ask(3, &prompt(1, 30), 25) }).0;
    assert_ne!(penalised, plain);
    for id in [2, 3] {
        let (signs, chosen) = (&d.signs[&id], &d.chosen[&id]);
        assert!(signs.len() >= 20, "{signs:?}");
        assert_eq!(signs.len(), chosen.len());
        for (Sign(surprise, entropy, _), logprob) in signs.iter().zip(chosen) {
            assert!((f32::from(*surprise) / 1000.0 + logprob).abs() < 0.002, "{surprise} {logprob}");
            assert!(*entropy > 0 && f32::from(*entropy) / 1000.0 < 12.0, "{entropy}");
        }
    }
    let bytes = |d: &Desk, id: u64| d.signs[&id].iter().map(|s| usize::from(s.2)).sum::<usize>();
    assert_eq!((bytes(&d, 2), bytes(&d, 3)), (plain.len(), penalised.len()));
    assert!(!d.signs.contains_key(&1) || d.signs[&1].is_empty());
    let middle = plain.char_indices().nth(6).unwrap().0;
    let stop = vec![plain[middle..].chars().take(2).collect::<String>()];
    let cut = d.one(Generate { signs: true, stop, ..ask(4, &prompt(1, 30), 25) }).0;
    assert!(plain.starts_with(&cut) && cut.len() < plain.len(), "{cut:?}");
    assert!(bytes(&d, 4) >= cut.len() && d.signs[&4].len() < d.signs[&2].len(), "{:?}", d.signs[&4]);
}

/// Many requests with prefixes in common come and are cancelled, in caches of every form and size: each text is what it is
/// alone, and in the end nothing is lost.
#[test]
fn whatever_happens_each_text_is_what_it_is_alone() {
    let asks: Vec<(String, u32)> = (0..24u32)
        .map(|i| (format!("{}{}{}", prompt(i % 3, 90), prompt(i % 7, 40), prompt(i, i as usize)), 5 + i % 40))
        .collect();
    let mut d = desk(thinker(), |load| load.prefix_bytes = 0);
    let alone: Vec<String> =
        (0..).zip(&asks).map(|(i, (p, n))| d.one(Generate { logprobs: Some(2), ..ask(i, p, *n) }).0).collect();
    // In a unified cache sums are added in another order, and a tie may fall the other way: those are not asked.
    let clear: Vec<usize> = (0..asks.len()).filter(|i| d.gaps[&(*i as u64)] > 0.01).collect();
    assert!(clear.len() >= 10, "{:?}", d.gaps);
    let mut hits = 0;
    for (slots, context, cells, bytes) in
        [(3, 256, 768, 0), (3, 256, 768, 400_000), (6, 256, 512, 0), (6, 256, 512, 400_000)]
    {
        let mut d = desk(thinker(), |load| {
            (load.slots, load.context, load.cells, load.prefix_bytes) = (slots, context, cells, bytes);
            load.lookup = bytes > 0;
            load.draft = (bytes > 0).then(|| Draft { path: load.path.clone(), most: 4 });
        });
        let (mut x, mut next, mut cancelled) = (12_345u32, 0u64, Vec::new());
        while next < 150 || d.running() > 0 || d.slots.queue.len() > 0 {
            x = x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            if next < 150 && x >> 30 != 0 {
                let which = clear[(x >> 8) as usize % clear.len()];
                let (p, n) = &asks[which];
                d.send(ask(1000 * next + which as u64, p, *n));
                next += 1;
            }
            if x >> 27 == 7
                && let Some(r) = d.slots.slots.iter().flatten().next()
            {
                let id = r.job.id;
                cancelled.push(id);
                d.slots.take(ToWorker::Cancel { id }).unwrap();
            }
            d.step();
        }
        assert_eq!(d.ended.len() + cancelled.len(), 150);
        assert!(cancelled.len() > 3);
        for id in d.ended.keys() {
            assert_eq!(
                d.texts[id],
                alone[(id % 1000) as usize],
                "request {id}, {slots} slots, {cells} cells, {bytes} bytes"
            );
            assert!(d.spent(*id).cached < d.spent(*id).prompt);
        }
        hits += d.slots.stats.prefix_hits;
        // Whether drafting pays is measured, and on a busy machine it may not; that it happens is shown elsewhere.
        assert!(bytes > 0 || d.slots.stats.drafts == 0, "{:?}", d.slots.stats);
        let kept: Vec<u32> = d.slots.prefixes.kept().collect();
        assert_eq!(d.used(), d.slots.session.cells().only_in(kept.iter().copied()), "cells without an owner");
        assert_eq!(kept.len() + d.slots.spare.len(), d.slots.session.sequences() as usize, "a sequence was lost");
    }
    assert!(hits > 10_000, "{hits}");
}

/// Proposes what the answer will be, wrong from a certain token on.
struct Oracle {
    answer: Vec<i32>,
    prompt: usize,
    wrong_at: usize,
    told: Arc<Mutex<Vec<(usize, usize)>>>,
}

impl Proposer for Oracle {
    fn propose(&mut self, _: u32, history: &[i32], most: usize) -> Vec<i32> {
        let from = history.len() - self.prompt;
        let next = self.answer.iter().enumerate().skip(from).take(most.min(6));
        next.map(|(i, t)| if i % self.wrong_at == self.wrong_at - 1 { (t + 1) % 200 } else { *t }).collect()
    }

    fn learned(&mut self, _: u32, proposed: usize, accepted: usize, _: u64, tokens: usize) {
        assert!(tokens > proposed);
        self.told.lock().unwrap().push((proposed, accepted));
    }

    fn forget(&mut self, _: u32) {}
}

#[test]
fn drafted_tokens_are_kept_only_where_the_sampler_agrees() {
    for temperature in [0.0, 1.2] {
        for unified in [false, true] {
            let load = |load: &mut Load| {
                if unified {
                    load.cells = 2048;
                }
            };
            let generate = |id| {
                let mut g = ask(id, &prompt(3, 40), 60);
                g.sampling = Sampling { temperature, seed: 11, repetition_penalty: 1.1, ..g.sampling };
                g
            };
            let mut d = desk(thinker(), load);
            d.send(generate(1));
            let mut answer = Vec::new();
            while !d.ended.contains_key(&1) {
                d.step();
                if let Some(running) = d.slots.slots[0].as_ref() {
                    answer = running.job.tokens[running.job.prompt..].to_vec();
                }
            }
            let alone = d.texts.remove(&1).unwrap();
            let told = Arc::new(Mutex::new(Vec::new()));
            let mut d = desk(thinker(), load);
            d.slots.proposer = Some(Box::new(Oracle { answer, prompt: 40, wrong_at: 5, told: told.clone() }));
            let (text, spent) = d.one(generate(2));
            assert_eq!(text, alone, "temperature {temperature}, unified {unified}");
            assert!(d.slots.stats.steps < 40, "{} steps for 60 tokens", d.slots.stats.steps);
            assert!(spent.drafted > spent.accepted && spent.accepted > 30, "{spent:?}");
            assert_eq!(told.lock().unwrap().iter().map(|t| t.1 as u32).sum::<u32>(), spent.accepted);
            assert_eq!(d.slots.stats.accepted, u64::from(spent.accepted));
        }
    }
}

#[test]
fn a_bias_forces_and_forbids_and_must_name_a_token() {
    let mut d = desk(Tiny::default(), |_| {});
    assert_eq!(d.one(ask(1, "abc", 4)).0, "defg");
    let mut forced = ask(2, "abc", 4);
    forced.logit_bias = vec![(i32::from(b'x'), 100.0)];
    assert_eq!(d.one(forced).0, "xxxx");
    let mut forbidden = ask(3, "abc", 4);
    forbidden.logit_bias = vec![(i32::from(b'd'), -100.0)];
    assert!(!d.one(forbidden).0.starts_with('d'));
    for (id, token) in [(4, -1), (5, 259)] {
        let mut unknown = ask(id, "abc", 4);
        unknown.logit_bias = vec![(token, 1.0)];
        d.send(unknown);
        d.finish([id]);
        assert_eq!(d.ended[&id], Err(Kind::Invalid));
    }
    let mut last = ask(6, "abc", 4);
    last.logit_bias = vec![(258, -1.0)];
    assert_eq!(d.one(last).0, "defg");
}

#[test]
fn repetition_is_penalised_from_the_prompt_on() {
    let mut d = desk(Tiny::default(), |_| {});
    let mut g = ask(1, "abcdefghij", 3);
    assert_eq!(d.one(ask(2, "abcabc", 3)).0, "def");
    g.input = Input::Raw { prompt: "defabc".into() };
    g.sampling.repetition_penalty = 100.0;
    assert!(!d.one(g).0.starts_with('d'), "d was in the prompt");
}

#[test]
fn a_grammar_holds_at_once_or_from_its_trigger_on() {
    let mut d = desk(Tiny::default(), |_| {});
    let mut eager = ask(1, "abc", 20);
    eager.constraint = Some(Constraint::Grammar { gbnf: "root ::= \"yes\" | \"no\"".into(), triggers: Vec::new() });
    let text = d.one(eager).0;
    assert!(["yes", "no"].contains(&text.as_str()), "{text}");
    let mut lazy = ask(2, "abc", 8);
    let triggers = vec!["[^g]*(g)[\\s\\S]*".to_owned()];
    lazy.constraint = Some(Constraint::Grammar { gbnf: "root ::= \"g\" [0-9] [0-9] [0-9] [0-9]".into(), triggers });
    let text = d.one(lazy).0;
    assert!(text.starts_with("defg") && text.len() == 8 && text[4..].bytes().all(|b| b.is_ascii_digit()), "{text}");
    let mut broken = ask(3, "abc", 8);
    broken.constraint = Some(Constraint::Grammar { gbnf: "root ::= nothing".into(), triggers: Vec::new() });
    d.send(broken);
    d.finish([3]);
    assert_eq!(d.ended[&3], Err(Kind::Invalid));
}

#[test]
fn control_tokens_are_text_only_where_asked_and_never_the_end() {
    let mut d = desk(Tiny { mark: Some("<tool_call>"), ..Tiny::default() }, |_| {});
    let (mark, other) = (crate::tiny::IM_START as i32 + 3, crate::tiny::IM_START as i32);
    let both = "<tool_call><tool_call>";
    for (id, token, special, wanted) in [(1, mark, false, ""), (2, mark, true, both), (4, other, true, "")] {
        let mut g = ask(id, "abc", 2);
        g.special = special;
        g.logit_bias = vec![(token, 100.0)];
        assert_eq!(d.one(g).0, wanted, "only the family's marks are shown");
    }
    let mut g = ask(3, "7", 9);
    g.special = true;
    assert_eq!(d.one(g).0, "89");
    assert_eq!(d.ended[&3].as_ref().unwrap().0, Reason::End);
}

/// The shortest of many runs, microseconds: what others do on the machine makes runs longer, never shorter.
fn shortest(mut run: impl FnMut()) -> f64 {
    let once = |_| {
        let began = std::time::Instant::now();
        run();
        began.elapsed().as_secs_f64() * 1e6
    };
    (0..30).map(once).fold(f64::INFINITY, f64::min)
}

#[test]
fn a_token_of_a_large_vocabulary_is_chosen_faster_than_by_llama_cpp() {
    use super::pick::{Chance, Scratch, pick};
    use llama_cpp_2::sampling::LlamaSampler;
    use llama_cpp_2::token::{LlamaToken, data::LlamaTokenData, data_array::LlamaTokenDataArray};
    let logits: Vec<f32> =
        prompt(5, 151_936).bytes().zip(0u32..).map(|(b, i)| f32::from(b) + (i % 977) as f32 * 1e-3).collect();
    let usual = Sampling { top_k: 40, top_p: 0.95, min_p: 0.05, temperature: 0.7, ..Sampling::default() };
    let greedy = Sampling { temperature: 0.0, ..usual };
    let theirs = |steps: Vec<LlamaSampler>| {
        let mut chain = LlamaSampler::chain(steps, true);
        shortest(|| {
            let data = (0..).zip(&logits).map(|(i, l)| LlamaTokenData::new(LlamaToken(i), *l, 0.0));
            let mut all = LlamaTokenDataArray::from_iter(data, false);
            all.apply_sampler(&mut chain);
            assert!(all.selected_token().is_some());
        })
    };
    let ours = |s: &Sampling| {
        let (mut chance, mut m) = (Chance::new(1), Scratch::default());
        shortest(|| assert!(pick(&logits, s, &mut chance, &mut m).unwrap().is_some()))
    };
    let chain = vec![
        LlamaSampler::top_k(40),
        LlamaSampler::top_p(0.95, 1),
        LlamaSampler::min_p(0.05, 1),
        LlamaSampler::temp(0.7),
        LlamaSampler::dist(1),
    ];
    for (name, ours, theirs) in
        [("greedy", ours(&greedy), theirs(vec![LlamaSampler::greedy()])), ("usual", ours(&usual), theirs(chain))]
    {
        eprintln!("{name}: {ours:.1} µs, llama.cpp {theirs:.1} µs");
        assert!(ours < theirs, "{name}: {ours:.1} µs, llama.cpp {theirs:.1} µs");
    }
}

#[test]
fn a_token_costs_little_beside_its_computation() {
    let mut d = desk(Tiny { context: 2048, ..Tiny::default() }, |load| load.slots = 2);
    d.send(ask(1, "abc", 2000));
    (0..5).for_each(|_| drop(d.step()));
    let step = shortest(|| (0..20).for_each(|_| d.slots.step().unwrap())) / 20.0;
    let token = d.slots.slots[0].as_ref().unwrap().job.tokens.last().copied().unwrap();
    d.slots.take(ToWorker::Cancel { id: 1 }).unwrap();
    // As many tokens in the second stream, from its beginning too.
    let mut at = 0;
    let session = &mut d.slots.session;
    let bare = shortest(|| {
        for _ in 0..20 {
            session.begin();
            session.add(1, token, at, true).unwrap();
            assert!(session.decode().is_ok());
            at += 1;
        }
    }) / 20.0;
    eprintln!("a step {step:.1} µs, decoding alone {bare:.1} µs");
    // The aim is 50 µs; a loaded machine gets twice that.
    assert!(step - bare < 100.0, "a step {step:.1} µs, decoding alone {bare:.1} µs");
}
