//! How hard a request is, per mille: a prior for the task, plus what the text says, plus a small learned correction.
//!
//! The scale is the chance that a weak model fails, read against the tiers: up to about 250 a small edge model will
//! do, up to about 600 a local model of 7 to 32 billion parameters, beyond that a frontier model is worth its price.
//! Priors and steps are set by hand on `tests/everyday.rs`; the correction is trained (`train/fit.py`, README.md).
//!
//! Never here: which place gets the request (room `decide`).

use crate::features;
use crate::lexicon::Cue;
use crate::scan::{self, Reading};
use crate::task;
use crate::weights::{CENTRE, WEIGHTS};
use decide::Task;
use wire::{Ask, Format, Role};

/// Weight of a reason that goes before every step.
const NAMED: i32 = 10_000;

/// A difficulty under construction, with the reasons found on the way.
#[derive(Debug, Clone)]
pub(crate) struct Estimate {
    pub(crate) value: i32,
    floor: i32,
    reasons: [(i32, &'static str); Estimate::MOST],
    used: usize,
}

impl Estimate {
    /// Reasons kept; more steps than this never apply to one text.
    const MOST: usize = 24;

    fn new(prior: i32) -> Estimate {
        Estimate { value: prior, floor: 0, reasons: [(0, ""); Estimate::MOST], used: 0 }
    }

    /// Adds a step with its reason; steps of zero leave no trace.
    fn step(&mut self, by: i32, why: &'static str) {
        self.value += by;
        if by != 0 {
            self.keep(by.abs(), why);
        }
    }

    /// As [`Estimate::step`], for what names the task: it comes first among the reasons.
    fn name(&mut self, by: i32, why: &'static str) {
        self.value += by;
        self.keep(NAMED, why);
    }

    fn keep(&mut self, weight: i32, why: &'static str) {
        if self.used < Estimate::MOST {
            self.reasons[self.used] = (weight, why);
            self.used += 1;
        }
    }

    fn step_if(&mut self, applies: bool, by: i32, why: &'static str) {
        if applies {
            self.step(by, why);
        }
    }

    /// Whatever else is said, not below this.
    fn at_least(&mut self, floor: i32) {
        self.floor = self.floor.max(floor);
    }

    /// Says that the estimate is that of an earlier message.
    pub(crate) fn follows(&mut self) {
        self.keep(NAMED + 1, "follow-up of an earlier question");
    }

    /// The value within its scale.
    pub(crate) fn per_mille(&self) -> u16 {
        self.value.max(self.floor).clamp(0, 1000) as u16
    }

    /// The weightiest reasons, weightiest first.
    pub(crate) fn reasons(&mut self, most: usize) -> impl Iterator<Item = &'static str> + '_ {
        let reasons = &mut self.reasons[..self.used];
        reasons.sort_by_key(|(weight, _)| std::cmp::Reverse(*weight)); // stable: equal steps stay in order
        reasons.iter().take(most).map(|(_, why)| *why)
    }
}

/// Estimates the text of the last user message under its task.
pub(crate) fn of_text(task: Task, r: &Reading) -> Estimate {
    let mut e = Estimate::new(prior(task));
    by_task(&mut e, task, r);
    by_content(&mut e, task, r);
    by_size(&mut e, task, r);
    let learned = learned(task, r);
    let kin =
        if learned > 0 { "like questions that small models fail" } else { "like questions that small models answer" };
    e.step(learned, kin);
    e
}

/// Adds what stands in the request beside the text.
pub(crate) fn add_request(e: &mut Estimate, ask: &Ask) {
    let structured = matches!(ask.format, Some(Format::JsonObject | Format::JsonSchema { .. } | Format::Other(_)));
    e.step_if(structured, 30, "asks for structured output");
    let turns = u32::try_from(ask.messages.len()).unwrap_or(u32::MAX);
    e.step_if(turns > 4, (features::log2(turns) * 8.0) as i32, "long conversation");
    let effort = ask.reasoning.as_ref().and_then(|r| r.effort.as_deref());
    e.step_if(matches!(effort, Some("high" | "xhigh" | "max")), 150, "asks for high reasoning effort");
    e.step_if(ask.has_images(), 60, "has images");
}

/// Turns the estimate into one for a request with tools: choosing calls is work of its own, the more the longer the
/// wish and the more tools there are.
pub(crate) fn add_tools(e: &mut Estimate, r: &Reading, tools: usize, turns: usize) {
    let many = features::log2(u32::try_from(tools).unwrap_or(u32::MAX)) * 20.0 + turns.min(8) as f32 * 10.0;
    let alone = 380 + (many + features::log2(r.words) * 20.0).min(300.0) as i32;
    let by = (alone - e.value).max(30);
    e.name(by, "has tools");
}

fn prior(task: Task) -> i32 {
    match task {
        Task::Chat => 330,
        Task::Classify => 170,
        Task::Extract => 200,
        Task::Summarize => 260,
        Task::Transform => 260,
        Task::Answer => 400,
        Task::Write => 390,
        Task::Code => 540,
        Task::Math => 480,
        Task::Reason => 630,
        Task::Tool | Task::Agent => 500,
        Task::ExplainCode => 480,
        Task::Boilerplate => 420,
        Task::Grounded => 340,
        Task::Search => 260,
    }
}

fn by_task(e: &mut Estimate, task: Task, r: &Reading) {
    let tiny = r.words + r.numbers <= 6;
    match task {
        Task::Chat if r.count(Cue::Greet) > 0 => e.name(-230, "small talk"),
        Task::Chat => e.step_if(r.words + r.numbers <= 2 && r.math_marks == 0, -150, "hardly any text"),
        Task::Classify => e.name(0, "asks to classify"),
        Task::Extract => e.name(0, "asks to extract"),
        Task::Summarize => e.name(0, "asks for a summary"),
        Task::Transform => e.name(0, "asks to rewrite or translate"),
        Task::Answer => {
            e.name(0, "asks a question");
            e.step_if(r.choices >= 3, 80, "multiple choice");
            e.step_if(r.choices < 3 && r.words <= 12, -20, "short question");
            e.step_if(r.asked(Cue::Explain) > 0, 40, "asks for an explanation");
            e.step_if(r.asked(Cue::Explain) > 0 && learned_subject(r), 80, "of a learned subject");
            e.step_if(r.choices < 3 && r.sentences > 2, 60, "a question about a described case");
        }
        Task::Write => {
            e.name(0, "asks for a text");
            e.step_if(r.count(Cue::Short) > 0, -60, "asks for a short text");
            e.step_if(r.count(Cue::Long) > 0, 160, "asks for a long text");
        }
        Task::Code => {
            e.name(20, "asks for code");
            e.step(steps(r.count(Cue::HardCode), 90, 180), "code that is hard to get right");
            e.step((features::log2(r.code_marks) * 8.0) as i32, "code in the prompt");
        }
        Task::Math => {
            if r.asked(Cue::Proof) == 0 {
                e.name(0, "asks to calculate");
            }
            e.step_if(tiny && r.count(Cue::HardMath) == 0, -90, "simple arithmetic");
            e.step_if(r.tex_marks >= 4, 120, "formulas");
            e.step(steps(r.numbers.saturating_sub(2), 8, 80), "several quantities");
        }
        Task::Reason => {
            e.name(20, "asks for a judgement or a plan");
            e.step(steps(r.asked(Cue::Reason).saturating_sub(1), 25, 75), "several things to weigh");
        }
        Task::ExplainCode => {
            e.name(20, "asks what code does");
            e.step(steps(r.count(Cue::HardCode), 90, 180), "code that is hard to get right");
            e.step((features::log2(r.code_marks) * 8.0) as i32, "code in the prompt");
        }
        Task::Boilerplate => e.name(0, "asks for code of a known pattern"),
        Task::Grounded => e.name(0, "asks about given documents"),
        Task::Search => e.name(0, "asks for something to search with"),
        Task::Tool | Task::Agent => {}
    }
}

fn by_content(e: &mut Estimate, task: Task, r: &Reading) {
    // In material that is only to be sorted or shortened, these words are not the work.
    let routine = matches!(task, Task::Classify | Task::Extract | Task::Summarize | Task::Transform);
    let share = if routine { 3 } else { 1 };
    let heads = [r.opens, r.closes].contains(&Some(Cue::Proof as u8));
    if heads || (r.asked(Cue::Proof) > 0 && !routine) {
        e.name(250, "asks for a proof");
        e.at_least(720);
    }
    e.step(steps(r.count(Cue::HardMath), 60, 240) / share, "higher mathematics");
    e.step_if(task != Task::Reason, steps(r.asked(Cue::Reason), 70, 140) / share, "asks to weigh or plan");
    e.step(steps(r.asked(Cue::Steps), 40, 80) / share, "asks for careful steps");
    e.step(steps(r.count(Cue::Limit), 12, 84) / share, "several conditions");
    e.step(steps(r.parts, 15, 90) / share, "several parts");
    e.step(steps(r.questions.saturating_sub(1), 15, 60) / share, "several questions");
    e.step_if(r.asked(Cue::Brief) > 0, -20, "a short answer is enough");
}

fn by_size(e: &mut Estimate, task: Task, r: &Reading) {
    let bytes = u32::try_from(r.bytes).unwrap_or(u32::MAX);
    let beyond = features::log2(bytes) - features::log2(1500);
    e.step((beyond.clamp(0.0, 6.0) * 15.0) as i32, "long prompt");
    let open = matches!(task, Task::Answer | Task::Math | Task::Reason | Task::Code);
    e.step_if(open && r.words > 60, 30, "long question");
}

fn learned_subject(r: &Reading) -> bool {
    [Cue::Science, Cue::Law, Cue::Medicine, Cue::HardMath, Cue::HardCode].into_iter().any(|cue| r.count(cue) > 0)
}

/// `each` for every occurrence, up to `most`.
fn steps(count: u32, each: i32, most: i32) -> i32 {
    (count.min(100) as i32 * each).min(most)
}

/// The learned part of the difficulty that [`crate::assess`] gives, per mille, so that an evaluation can tell it from
/// the part set by hand.
pub fn correction(ask: &Ask) -> i32 {
    let user = ask.messages.iter().rev().find(|m| m.role == Role::User);
    let reading = user.map(|m| scan::scan_content(&m.content)).unwrap_or_default();
    learned(task::of_text(&reading).task, &reading)
}

/// Largest learned correction, per mille.
const REACH: f32 = 100.0;
/// Per mille for one unit of log-odds.
const SLOPE: f32 = 110.0;

/// Shortest text that the exams have, as log2 of its bytes: shorter ones are not rated easier still.
const SHORTEST: f32 = 7.0;

/// The learned correction. It was trained on exam questions, so only tasks like those get it.
pub(crate) fn learned(task: Task, r: &Reading) -> i32 {
    if !matches!(task, Task::Answer | Task::Math) {
        return 0;
    }
    let least = if r.asked(Cue::Proof) > 0 { 0.0 } else { -REACH }; // the exams hold no proofs
    (log_odds(r) * SLOPE).clamp(least, REACH) as i32
}

/// Log-odds that a weak model fails, against an average exam question.
fn log_odds(r: &Reading) -> f32 {
    let mut x = features::of(r);
    x[0] = x[0].max(SHORTEST);
    x.iter().zip(WEIGHTS).fold(-CENTRE, |sum, (x, w)| sum + x * w)
}
