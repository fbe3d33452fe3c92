//! Measured requests to one model of one place, sent as the gateway would send them: through a verdict and with a permit.
//!
//! Never here: what is made of the figures (`bench`, `probe`).

use crate::problem::{Problem, Problems};
use anyhow::Result;
use backend::{Backend, Deadlines, Reply};
use decide::{Api, DataClass, Fault, Fleet, Health, Load, Model, PlaceState, Policy};
use futures_util::StreamExt;
use futures_util::future::try_join_all;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use wire::{Ask, Endpoint, Event, Message, Role, Usage};

/// Everyday words: most vocabularies have about one token for each.
const WORDS: [&str; 64] = [
    "the", "of", "and", "to", "in", "that", "for", "it", "was", "with", "be", "by", "on", "not", "he", "his", "but",
    "at", "are", "this", "have", "from", "or", "had", "an", "they", "which", "one", "you", "were", "all", "her", "she",
    "there", "would", "their", "we", "him", "been", "has", "when", "who", "will", "no", "more", "if", "out", "so",
    "up", "said", "what", "its", "about", "than", "into", "them", "can", "only", "other", "time", "new", "some",
    "could", "these",
];
/// A cold prompt on a slow machine may take minutes.
const PATIENCE: Duration = Duration::from_secs(1800);

/// One model of one place.
pub(crate) struct Target {
    backend: Arc<dyn Backend>,
    model: Arc<Model>,
    fleet: Fleet,
    policy: Policy,
    next: AtomicU64,
    /// Words for each token, measured where the place can count.
    words_per_token: f64,
}

/// What is asked at once: so many clients, each with a prompt of so many tokens, for so many tokens.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) clients: usize,
    pub(crate) prompt: usize,
    pub(crate) generate: usize,
    /// Two rounds of the same number send the same prompts; another number, others from the first word on.
    pub(crate) round: u64,
}

/// One request as its caller saw it.
pub(crate) struct Seen {
    pub(crate) began: Instant,
    /// When each piece of the answer came; at least one.
    pub(crate) pieces: Vec<Instant>,
    pub(crate) usage: Usage,
}

impl Seen {
    pub(crate) fn ttft(&self) -> Duration {
        self.first() - self.began
    }

    fn first(&self) -> Instant {
        self.pieces.first().copied().unwrap_or(self.began)
    }

    fn last(&self) -> Instant {
        self.pieces.last().copied().unwrap_or(self.began)
    }
}

impl Target {
    /// Requests to `model` at the place of `backend`, under `policy`. Prompts are made up here, so they are public.
    pub(crate) fn new(backend: Arc<dyn Backend>, model: Arc<Model>, policy: Policy) -> Target {
        let state = PlaceState {
            place: Arc::clone(backend.place()),
            models: vec![Arc::clone(&model)],
            health: Health::Up,
            load: Load::default(),
        };
        let fleet = Fleet { version: 1, places: vec![state] };
        Target { backend, model, fleet, policy, next: AtomicU64::new(1), words_per_token: 1.0 }
    }

    /// Learns from a prompt of so many words how many of them make a token, where the place can count.
    ///
    /// # Errors
    /// The place refuses to count.
    pub(crate) async fn calibrate(&mut self, words: usize) -> Result<(), Fault> {
        let ask = self.ask(&text(u64::MAX, words), 1);
        let permit = self.permit(&ask)?;
        if let Some(counting) = self.backend.count(permit, Arc::new(ask)) {
            self.words_per_token = words as f64 / f64::from(counting.await?.max(1));
        }
        Ok(())
    }

    fn ask(&self, prompt: &str, generate: usize) -> Ask {
        let own = self.backend.place().api == Api::Engine;
        let completions = self.model.caps.completions;
        let mut ask = Ask::new(if completions { Endpoint::Completions } else { Endpoint::Chat });
        ask.id = u128::from(self.next.fetch_add(1, Ordering::Relaxed));
        ask.model = self.name();
        ask.messages = vec![Message::text(Role::User, prompt)];
        ask.max_tokens = Some(generate as u64);
        (ask.stream, ask.include_usage) = (true, true);
        if own {
            ask.sampling.temperature = Some(0.0);
            ask.extra.extend(
                serde_json::value::RawValue::from_string("true".to_owned()).ok().map(|v| ("ignore_eos".to_owned(), v)),
            );
        }
        ask
    }

    fn permit(&self, ask: &Ask) -> Result<decide::Permit, Fault> {
        let mut need = sense::assess(ask);
        (need.ask_id, need.class) = (ask.id, DataClass::Public);
        let verdict = decide::choose(&need, &self.fleet, &self.policy);
        if let Some(fault) = verdict.fault(&need, &self.fleet) {
            return Err(fault);
        }
        decide::permit(&verdict, 0, &self.fleet, &self.policy)
            .map_err(|refusal| Fault::new(decide::Cause::PolicyDenied, format!("The place {refusal}.")))
    }

    /// Sends one request that is not streamed, and gives the whole answer.
    ///
    /// # Errors
    /// The place's fault.
    pub(crate) async fn answer(&self, mut ask: Ask) -> Result<wire::Answer, Fault> {
        ask.id = u128::from(self.next.fetch_add(1, Ordering::Relaxed));
        let permit = self.permit(&ask)?;
        ask.model = self.model.id.to_string();
        let deadlines = Deadlines { first: PATIENCE, gap: PATIENCE, total: PATIENCE, ..Deadlines::default() };
        match self.backend.send(permit, Arc::new(ask), deadlines).await? {
            Reply::Plain(answer) => Ok(*answer),
            _ => Err(Fault::new(decide::Cause::Internal, "A whole answer was asked for and a stream came.")),
        }
    }

    /// The name of the model as a caller writes it.
    pub(crate) fn name(&self) -> String {
        format!("{}/{}", self.backend.place().id, self.model.id)
    }

    /// Sends one request and follows its stream to the end.
    async fn one(&self, prompt: String, generate: usize) -> Result<Seen, Fault> {
        let mut ask = self.ask(&prompt, generate);
        let permit = self.permit(&ask)?;
        // As the gateway does after choosing: the place knows its own name of the model only.
        ask.model = self.model.id.to_string();
        let deadlines = Deadlines { first: PATIENCE, gap: PATIENCE, total: PATIENCE, ..Deadlines::default() };
        let mut seen = Seen { began: Instant::now(), pieces: Vec::with_capacity(generate), usage: Usage::default() };
        let Reply::Stream(mut stream) = self.backend.send(permit, Arc::new(ask), deadlines).await? else {
            return Err(Fault::new(decide::Cause::Internal, "A stream was asked for and none came."));
        };
        while let Some(chunk) = stream.next().await {
            let now = Instant::now();
            for event in chunk?.events {
                match event {
                    Event::Text { .. } | Event::Reasoning { .. } => seen.pieces.push(now),
                    Event::Usage(usage) => seen.usage = usage,
                    _ => {}
                }
            }
        }
        if seen.pieces.is_empty() {
            seen.pieces.push(Instant::now());
        }
        Ok(seen)
    }

    /// All clients of a shape at once.
    ///
    /// # Errors
    /// The first fault; the other requests are cancelled.
    pub(crate) async fn together(&self, shape: Shape) -> Result<Vec<Seen>, Fault> {
        let words = ((shape.prompt as f64 * self.words_per_token) as usize).max(1);
        let one = |client: usize| {
            let seed = (shape.round << 24) | ((shape.clients as u64) << 12) | client as u64;
            self.one(text(seed, words), shape.generate)
        };
        try_join_all((0..shape.clients).map(one)).await
    }
}

/// A prompt that shares no beginning with that of another seed.
fn text(seed: u64, words: usize) -> String {
    // SplitMix64 (Steele, Lea, Flood 2014): any seed gives a good sequence.
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    };
    let mut out = String::with_capacity(words * 5);
    for i in 0..words {
        if i > 0 {
            out.push(' ');
        }
        out.push_str(WORDS[(next() % WORDS.len() as u64) as usize]);
    }
    out
}

/// Prompt tokens per second: all prompts, until the last client had its first piece.
pub(crate) fn prompt_speed(seen: &[Seen]) -> f64 {
    let began = seen.iter().map(|s| s.began).min();
    let last = seen.iter().map(Seen::first).max();
    let took = began.zip(last).map_or(0.0, |(began, last)| (last - began).as_secs_f64());
    let fresh: u64 = seen.iter().map(|s| s.usage.input.saturating_sub(s.usage.cached)).sum();
    fresh as f64 / took.max(1e-9)
}

/// Tokens per second of all clients while every one of them decodes. A piece is a token, or sometimes several (characters
/// of several tokens): the share of a client's pieces that fell in the window is the share of its tokens. Where there is
/// no such moment, since answers end before others begin: everything after the first pieces, from the first to the last,
/// which says too little rather than too much. 0 where nothing was decoded.
pub(crate) fn decode_speed(seen: &[Seen]) -> f64 {
    let between = |from: Option<Instant>, to: Option<Instant>| -> f64 {
        let Some((from, to)) = from.zip(to) else { return 0.0 };
        let Some(took) = to.checked_duration_since(from).filter(|took| !took.is_zero()) else { return 0.0 };
        let within = |s: &Seen| {
            let pieces = s.pieces.iter().skip(1).filter(|p| **p > from && **p <= to).count();
            s.usage.output as f64 * pieces as f64 / s.pieces.len() as f64
        };
        seen.iter().map(within).sum::<f64>() / took.as_secs_f64()
    };
    let together = between(seen.iter().map(Seen::first).max(), seen.iter().map(Seen::last).min());
    if together > 0.0 {
        return together;
    }
    between(seen.iter().map(Seen::first).min(), seen.iter().map(Seen::last).max())
}

/// The middle one; the mean of the two in the middle. 0 of none.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    match (values.len(), values.len() / 2) {
        (0, _) => 0.0,
        (n, half) if n % 2 == 1 => values[half],
        (_, half) => f64::midpoint(values[half - 1], values[half]),
    }
}

/// A fault in the form of the command line.
pub(crate) fn problem(fault: &Fault) -> anyhow::Error {
    let (what, help) = ("a measured request failed", "correct that and measure again");
    Problems::from(Problem::new(what, fault.shown.clone(), help)).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(began: Instant, pieces_ms: &[u64], usage: Usage) -> Seen {
        Seen { began, pieces: pieces_ms.iter().map(|ms| began + Duration::from_millis(*ms)).collect(), usage }
    }

    #[test]
    fn prompts_of_different_seeds_differ_from_the_start_and_the_same_seed_is_the_same_prompt() {
        assert_eq!(text(7, 50), text(7, 50));
        let beginnings: std::collections::HashSet<String> = (0..500).map(|seed| text(seed, 4)).collect();
        assert!(beginnings.len() > 498, "{}", beginnings.len());
    }

    #[test]
    fn speeds_follow_from_what_was_seen() {
        let began = Instant::now();
        let usage = |input, cached, output| Usage { input, cached, output, ..Usage::default() };
        // The last first piece comes after 200 ms; 300 fresh tokens.
        let all = [seen(began, &[100, 300, 400], usage(200, 0, 3)), seen(began, &[200, 300, 500], usage(200, 100, 6))];
        assert!((prompt_speed(&all) - 1500.0).abs() < 1e-6);
        // From 200 to 400 ms: 2 of 3 pieces of 3 tokens, 1 of 3 pieces of 6 tokens.
        assert!((decode_speed(&all) - 20.0).abs() < 1e-6);
        let apart = [seen(began, &[1, 2], usage(1, 0, 2)), seen(began, &[3, 4], usage(1, 0, 2))];
        // Never together: one token each after the first, in 3 ms.
        assert!((decode_speed(&apart) - 2000.0 / 3.0).abs() < 1e-6, "{}", decode_speed(&apart));
        assert!(decode_speed(&[seen(began, &[5], usage(1, 0, 1))]).abs() < 1e-9);
    }

    #[test]
    fn the_median_is_in_the_middle() {
        assert!((median(vec![3.0, 1.0, 2.0]) - 2.0).abs() < 1e-12);
        assert!((median(vec![4.0, 1.0]) - 2.5).abs() < 1e-12);
    }
}
