//! `dewpoint explain --request ID`: what the attempts of a past request came to, from the ledger: which answer was doubted, how much
//! and why, which one was shown, and what each cost.
//!
//! Never here: text of a request or an answer (the ledger has none), or judgement.

use crate::problem::{Problem, Problems};
use crate::source::{self, failed};
use crate::table::{columns, printable};
use anyhow::Result;
use decide::{Nanousd, Outcome, Record};
use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;

/// Prints the attempts of a request.
pub(crate) fn run(id: &str, config: Option<&Path>, json: bool) -> Result<ExitCode> {
    let dir = source::folder_of(source::settings(config)?)?;
    let records = ledger::request(&dir, id).map_err(|e| failed(&e))?;
    if records.is_empty() {
        let why = format!("the ledger in {} has no record of `{}`", dir.display(), printable(id));
        let help = "take the id from the header x-request-id of the answer; a request is there some milliseconds after its end";
        return Err(Problems::from(Problem::new("there is no such request", why, help)).into());
    }
    crate::print(&if json { serde_json::to_string_pretty(&records)? + "\n" } else { show(&records) })
}

fn show(records: &[Record]) -> String {
    let Some(first) = records.first() else { return String::new() };
    let mut out = String::new();
    // Writing into a String cannot fail.
    let _ = writeln!(
        out,
        "{}  {}  {} asked for `{}`, class {}, task {}, difficulty {}\n{}\n",
        printable(&first.request_id),
        budget::rfc3339(first.arrived_unix_ms),
        printable(&first.endpoint),
        printable(&first.asked),
        first.class,
        first.task.as_str(),
        first.difficulty.0,
        printable(&first.decision),
    );
    let head = ["attempt", "at", "end", "doubt", "took", "cost $", "why"].map(str::to_owned);
    let rows: Vec<_> = std::iter::once(head.to_vec()).chain(records.iter().map(row)).collect();
    out.push_str(&columns(&rows));
    let _ = writeln!(
        out,
        "\ntogether ${}",
        cost(records.iter().map(charged).try_fold(0i64, |all, one| Some(all + one?.0)).map(Nanousd))
    );
    out
}

fn row(record: &Record) -> Vec<String> {
    let at = match (&record.place, &record.model) {
        (Some(place), Some(model)) => printable(&format!("{place}/{model}")),
        _ => "nowhere".to_owned(),
    };
    // A question of our own counts its attempts anew.
    let own = ["helper", "shadow", "detect"].contains(&&*record.endpoint);
    let attempt = if own { record.endpoint.to_string() } else { (u32::from(record.attempt) + 1).to_string() };
    let doubt = record.doubt_permille.map_or("-".to_owned(), |d| format!("{:.2}", f64::from(d) / 1_000.0));
    let took = format!("{:.2} s", record.total_us as f64 / 1e6);
    vec![attempt, at, record.outcome.as_str().to_owned(), doubt, took, cost(charged(record)), why(record)]
}

fn charged(record: &Record) -> Option<Nanousd> {
    record.full.or(record.cost).or((record.outcome == Outcome::Refused).then_some(Nanousd(0)))
}

fn cost(cost: Option<Nanousd>) -> String {
    cost.map_or("unknown".to_owned(), |cost| cost.to_string())
}

/// Why it ended so, in words where the code alone says little.
fn why(record: &Record) -> String {
    let Some(code) = record.error.as_deref() else { return String::new() };
    let words = match code {
        _ if record.outcome != Outcome::Doubted => return printable(code),
        "empty" => "there is nothing in the answer",
        "refused" => "it refuses",
        "not-json" => "JSON was asked for, and it is none",
        "off-schema" => "it breaks the schema that was asked for",
        "no-call" => "a tool had to be called",
        "unknown-tool" => "it calls a tool that does not exist",
        "bad-call" => "the arguments of a call do not fit its tool",
        "repeats" => "it repeats itself",
        "cut-off" => "it was cut off",
        "open-code" => "a block of code does not end",
        "tongue" => "it is in another language than the prompt",
        "unbalanced" => "brackets in code do not match",
        "hedges" => "it says that it does not know",
        "helpers" => "helpers said something else",
        "expected" => "more is expected of a better place",
        "tokens" => "the model was not sure of its words",
        "unpromised" => "no promise covers it",
        other => return printable(other),
    };
    format!("{code}: {words}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use decide::{PlaceId, Usage};

    fn record(attempt: u8, place: &str, outcome: Outcome, error: Option<&str>) -> Record {
        Record {
            attempt_id: attempt.into(),
            request_id: "req_1".into(),
            attempt,
            key: None,
            endpoint: "chat".into(),
            asked: "auto".into(),
            class: decide::DataClass::Internal,
            task: decide::Task::Extract,
            difficulty: decide::Difficulty(180),
            decision: "sufficient;chosen=edge/m".into(),
            place: Some(PlaceId::new(place)),
            model: Some("m".into()),
            tier: None,
            usage: Usage::default(),
            cost: Some(Nanousd(20_000)),
            full: None,
            priced: decide::Priced::Exact,
            reserved: None,
            team: None,
            kind: None,
            quality_permille: None,
            baselines: decide::Baselines::default(),
            doubt_permille: (outcome == Outcome::Doubted).then_some(1_000),
            price_version: None,
            arrived_unix_ms: 0,
            ttft_us: None,
            total_us: 1_500_000,
            stream: false,
            outcome,
            error: error.map(Into::into),
        }
    }

    #[test]
    fn it_says_which_answer_was_doubted_why_and_what_all_cost() {
        let mut records = [
            record(0, "edge", Outcome::Doubted, Some("not-json")),
            record(1, "cloud", Outcome::Ok, None),
            record(0, "h1", Outcome::Ok, None),
        ];
        records[2].endpoint = "helper".into();
        let text = show(&records);
        assert!(
            text.contains("1        edge/m   doubted  1.00   1.50 s  0.000020000  not-json: JSON was asked for"),
            "{text}"
        );
        assert!(text.contains("2        cloud/m  ok       -"), "{text}");
        assert!(text.contains("helper   h1/m"), "{text}");
        assert!(text.ends_with("together $0.000060000\n"), "{text}");
        records[1].cost = None;
        assert!(show(&records).ends_with("together $unknown\n"));
        records[1].error = Some("up\u{1b}stream".into());
        assert!(!show(&records).contains('\u{1b}'));
    }
}
