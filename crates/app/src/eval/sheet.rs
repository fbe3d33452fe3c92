//! One exam with two models and helpers: the scores, and how the shipped weights rate each question. Ratings never see a score.
//!
//! Never here: measures.

use super::Exam;
use super::data::{self, Row};
use super::measure::Scores;
use crate::problem::{Problem, Problems, suggest};
use anyhow::Result;
use sense::brain::{Brain, Case, Rank, look};
use std::collections::{BTreeMap, BTreeSet};

/// Helpers at most.
const HELPERS_MAX: usize = 3;

/// The exam, rated.
pub(super) struct Sheet {
    pub(super) scores: Scores,
    /// Expected gain of the strong model, from the prompt alone.
    pub(super) before: Vec<f64>,
    /// The same after looking at answers; `None` where the file has no answers of the weak model.
    pub(super) after: Option<Vec<f64>>,
    /// Characters of the prompt.
    pub(super) length: Vec<f64>,
    /// Task and subtask, as numbers.
    pub(super) label: Vec<usize>,
    /// Task alone, by name.
    pub(super) task: Vec<String>,
    /// Group of the question, as a number.
    pub(super) group: Vec<u64>,
    /// What the helpers wrote against what the strong model would have, in characters, over all questions.
    pub(super) helper_cost_share: Option<f64>,
    /// Share of questions unlike anything trained on.
    pub(super) unfamiliar: f64,
    /// Lines that could not be used, and rows without a score of both models.
    pub(super) bad_rows: usize,
    pub(super) unscored_rows: usize,
}

/// Reads and rates.
///
/// # Errors
/// The file cannot be read; it does not know a model, or the task; no row has both scores.
pub(super) fn read(exam: &Exam) -> Result<Sheet> {
    let read = data::read(&exam.data)?;
    for complaint in &read.complaints {
        eprintln!("dewpoint: {}: {complaint}; left out", exam.data.display());
    }
    if read.bad > read.complaints.len() {
        eprintln!("dewpoint: {}: {} further lines left out", exam.data.display(), read.bad - read.complaints.len());
    }
    known(exam, &read.rows)?;
    let wanted = |row: &&Row| exam.task.as_deref().is_none_or(|t| t == row.task) && row.contaminated == 0;
    let score = |row: &Row, name: &str| row.mark(name).and_then(|m| m.s);
    let all: Vec<&Row> = read.rows.iter().filter(wanted).collect();
    let rows: Vec<&Row> =
        all.iter().copied().filter(|r| score(r, &exam.weak).is_some() && score(r, &exam.strong).is_some()).collect();
    if rows.is_empty() {
        let why = format!("no row of it has a score of both {} and {}", exam.weak, exam.strong);
        return Err(problem(exam, why, "name two models that answered the same questions"));
    }
    let scores = Scores {
        weak: rows.iter().filter_map(|r| score(r, &exam.weak)).collect(),
        strong: rows.iter().filter_map(|r| score(r, &exam.strong)).collect(),
    };
    let mut sheet = rate(exam, &rows, scores);
    sheet.bad_rows = read.bad;
    sheet.unscored_rows = all.len() - rows.len();
    Ok(sheet)
}

fn problem(exam: &Exam, why: String, help: impl Into<String>) -> anyhow::Error {
    Problems::from(Problem::new(format!("{} cannot be evaluated", exam.data.display()), why, help)).into()
}

fn known(exam: &Exam, rows: &[Row]) -> Result<()> {
    if exam.helpers.len() > HELPERS_MAX {
        return Err(problem(exam, format!("more than {HELPERS_MAX} helpers"), "name three at most"));
    }
    let models: BTreeSet<&str> = rows.iter().flat_map(|r| r.m.keys().map(String::as_str)).collect();
    let models: Vec<&str> = models.into_iter().collect();
    for name in [&exam.weak, &exam.strong].into_iter().chain(&exam.helpers) {
        if !models.contains(&name.as_str()) {
            return Err(problem(exam, format!("no row of it is about a model {name}"), suggest(name, &models)));
        }
    }
    let tasks: BTreeSet<&str> = rows.iter().map(|r| r.task.as_str()).collect();
    let tasks: Vec<&str> = tasks.into_iter().collect();
    match &exam.task {
        Some(task) if !tasks.contains(&task.as_str()) => {
            Err(problem(exam, format!("it has no task {task}"), suggest(task, &tasks)))
        }
        _ => Ok(()),
    }
}

fn rate(exam: &Exam, rows: &[&Row], scores: Scores) -> Sheet {
    let brain = Brain::shipped();
    let (weak, strong) = (Rank::of_name(&exam.weak), Rank::of_name(&exam.strong));
    let answers = rows.iter().any(|r| r.mark(&exam.weak).is_some_and(|m| m.answer().is_some()));
    let (mut before, mut after, mut unfamiliar) = (Vec::new(), Vec::new(), 0usize);
    for row in rows {
        let chance = brain.chance(&look(&row.prompt, row.functions.as_deref().unwrap_or_default()));
        unfamiliar += usize::from(chance.unfamiliar);
        before.push(f64::from(chance.gain(weak, strong)));
        if answers {
            after.push(judged(exam, row, |case| {
                f64::from(brain.doubt(&Case { chance: &chance, weak, strong, ..case }))
            }));
        }
    }
    let mut names = BTreeMap::new();
    let label = rows.iter().map(|r| {
        let next = names.len();
        *names.entry((r.task.as_str(), r.subtask.as_deref())).or_insert(next)
    });
    Sheet {
        label: label.collect(),
        task: rows.iter().map(|r| r.task.clone()).collect(),
        length: rows.iter().map(|r| r.prompt.chars().count() as f64).collect(),
        group: rows.iter().map(|r| number(&r.gid)).collect(),
        helper_cost_share: helper_cost_share(exam, rows),
        unfamiliar: unfamiliar as f64 / rows.len() as f64,
        after: answers.then_some(after),
        scores,
        before,
        bad_rows: 0,
        unscored_rows: 0,
    }
}

/// Puts a row into the form that doubt reads.
fn judged<T>(exam: &Exam, row: &Row, ask: impl FnOnce(Case<'_>) -> T) -> T {
    let nothing = sense::brain::Chance { right: [0.0; 4], score: [0.0; 4], form: 0, log_bytes: 0.0, unfamiliar: true };
    let answer = |name: &String| row.mark(name).and_then(|m| m.answer());
    let helpers: Vec<_> = exam.helpers.iter().map(answer).collect();
    let helpers: Vec<Option<&str>> = helpers.iter().map(|a| a.as_deref()).collect();
    let wrote: Vec<f64> = exam.helpers.iter().filter_map(|h| row.mark(h)?.oc).collect();
    let mean = (!wrote.is_empty()).then(|| (wrote.iter().sum::<f64>() / wrote.len() as f64) as f32);
    ask(Case {
        chance: &nothing,
        weak: Rank::Local,
        strong: Rank::Frontier,
        answer: answer(&exam.weak).as_deref(),
        written: row.mark(&exam.weak).and_then(|m| m.oc).map(|n| n as f32),
        helpers: &helpers,
        helpers_wrote: mean,
    })
}

/// Characters of all helpers over those of the strong model, as if a character cost the same at each: helpers are cheaper, so
/// this is the most that they can cost. `None` where the file does not say.
fn helper_cost_share(exam: &Exam, rows: &[&Row]) -> Option<f64> {
    let wrote = |name: &String| rows.iter().filter_map(|r| r.mark(name)?.oc).sum::<f64>();
    let strong = wrote(&exam.strong);
    (strong > 0.0).then(|| exam.helpers.iter().map(wrote).sum::<f64>() / strong)
}

/// FNV-1a.
fn number(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |h, b| (h ^ u64::from(b)).wrapping_mul(0x100_0000_01b3)) >> 16
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn exam(text: &str, weak: &str, task: Option<&str>, helpers: &[&str]) -> (tempfile::TempDir, Exam) {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("exam.jsonl");
        std::fs::write(&data, text).unwrap();
        let helpers = helpers.iter().map(|h| (*h).to_owned()).collect();
        let exam = Exam { data, task: task.map(str::to_owned), weak: weak.into(), strong: "big".into(), helpers };
        (folder, exam)
    }

    fn rows(flip: bool) -> String {
        let row = |n: i32| {
            let score = i32::from((n % 2 == 0) != flip);
            format!(
                r#"{{"id":"{n}","gid":"{n}","task":"sums","prompt":"What is {n} + 1?","m":{{"small":{{"s":{score},"a":"{n}","oc":9}},"other":{{"a":{},"oc":5}},"big":{{"s":1,"oc":20}},"mute":{{"s":0}}}}}}"#,
                n % 3
            ) + "\n"
        };
        (0..6).map(row).collect()
    }

    #[test]
    fn ratings_never_see_a_score() {
        let rate = |flip| {
            let (_folder, exam) = exam(&rows(flip), "small", None, &["other"]);
            read(&exam).unwrap()
        };
        let (one, other) = (rate(false), rate(true));
        assert_eq!((&one.before, &one.after), (&other.before, &other.after));
        assert_ne!(one.scores.weak, other.scores.weak);
        let after = one.after.unwrap();
        assert!(after[1] < after[5], "the helper agrees on 1 and not on 5: {after:?}");
        assert_eq!(one.helper_cost_share, Some(0.25));
    }

    #[test]
    fn without_answers_there_is_no_cascade_and_rows_without_scores_are_counted() {
        let text =
            format!("{}{}\nbad\n", rows(false), r#"{"id":"x","gid":"x","prompt":"p","m":{"mute":{},"big":{"s":1}}}"#);
        let (_folder, exam) = exam(&text, "mute", None, &[]);
        let sheet = read(&exam).unwrap();
        assert!(sheet.after.is_none());
        assert_eq!((sheet.scores.weak.len(), sheet.unscored_rows, sheet.bad_rows), (6, 1, 1));
    }

    #[test]
    fn wrong_names_are_told_with_the_nearest() {
        let told = |weak: &str, task: Option<&str>, helpers: &[&str]| {
            let (_folder, exam) = exam(&rows(false), weak, task, helpers);
            crate::problem::shown(&read(&exam).err().unwrap())
        };
        assert!(told("smal", None, &[]).contains("small"));
        assert!(told("small", Some("sum"), &[]).contains("sums"));
        assert!(told("small", None, &["nobody"]).contains("nobody"));
        assert!(told("small", None, &["other", "other", "other", "other"]).contains("more than 3"));
        assert!(told("other", None, &[]).contains("score of both"));
    }
}
