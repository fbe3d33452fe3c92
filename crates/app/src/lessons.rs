//! `dewpoint ledger lessons`: what was learned of answers, one by one, newest first; as columns, CSV or JSON.
//!
//! Never here: what follows from them (`dewpoint abilities`).

use crate::flags::span;
use crate::source::{failed, folder_of, settings};
use crate::table::printable;
use anyhow::Result;
use decide::{Lesson, Origin};
use ledger::Sought;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

/// Which lessons to show.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Configuration file, for the folder of the ledger.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// How far back: 30s, 15m, 1h, 7d. Left out: everything.
    #[arg(long, value_name = "TIME", value_parser = span)]
    since: Option<std::time::Duration>,
    /// Only from there: feedback, check, escalation, shadow.
    #[arg(long, value_parser = origin)]
    origin: Option<Origin>,
    /// So many at most, the newest.
    #[arg(long, value_name = "N", default_value = "1000", value_parser = clap::value_parser!(u32).range(1..=200_000))]
    limit: u32,
    /// Print JSON.
    #[arg(long, conflicts_with = "csv")]
    json: bool,
    /// Print CSV.
    #[arg(long)]
    csv: bool,
}

fn origin(name: &str) -> Result<Origin, String> {
    let all = || Origin::ALL.map(Origin::as_str).join(", ");
    Origin::ALL.into_iter().find(|o| o.as_str() == name).ok_or_else(|| format!("lessons come from {}", all()))
}

const HEADS: [&str; 13] = [
    "at_unix_ms",
    "request_id",
    "origin",
    "place",
    "model",
    "task",
    "score_permille",
    "weight_milli",
    "asked",
    "stronger_place",
    "stronger_model",
    "doubt_permille",
    "loss_permille",
];

/// Prints them.
pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let dir = folder_of(settings(args.config.as_deref())?)?;
    let since_unix_ms = args.since.map(|span| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(now.saturating_sub(span).as_millis()).unwrap_or(u64::MAX)
    });
    let sought = Sought { since_unix_ms, origin: args.origin, limit: Some(args.limit as usize), ..Sought::default() };
    let lessons = ledger::newest_lessons(&dir, &sought).map_err(|e| failed(&e))?;
    let text = if args.json {
        serde_json::to_string_pretty(&lessons)? + "\n"
    } else if args.csv {
        csv(&lessons)?
    } else if lessons.is_empty() {
        "no lessons\n".to_owned()
    } else {
        let heads = HEADS.map(str::to_owned).to_vec();
        ledger::align(&std::iter::once(heads).chain(lessons.iter().map(|l| cells(l, printable))).collect::<Vec<_>>())
    };
    crate::print(&text)
}

fn csv(lessons: &[Lesson]) -> Result<String> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(HEADS)?;
    for lesson in lessons {
        writer.write_record(cells(lesson, crate::statement::harmless))?;
    }
    let bytes = writer.into_inner().map_err(|e| e.into_error())?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Texts that come from outside go through `safe`.
fn cells(l: &Lesson, safe: fn(&str) -> String) -> Vec<String> {
    let c = l.compared.as_ref();
    let text = |t: Option<&str>| t.map(safe).unwrap_or_default();
    let number = |n: Option<i16>| n.map_or_else(String::new, |n| n.to_string());
    vec![
        l.at_unix_ms.to_string(),
        safe(&l.request_id),
        l.origin.as_str().to_owned(),
        safe(l.place.as_str()),
        safe(&l.model),
        l.task.as_str().to_owned(),
        l.score_permille.to_string(),
        l.weight_milli.to_string(),
        text(c.map(|c| &*c.asked)),
        text(c.map(|c| c.place.as_str())),
        text(c.map(|c| &*c.model)),
        number(c.map(|c| c.doubt_permille)),
        number(c.map(|c| c.loss_permille)),
    ]
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use decide::{Compared, PlaceId, Task};

    #[test]
    fn a_column_for_each_field_and_no_formula_from_outside() {
        let lesson = Lesson {
            request_id: "=1+1".into(),
            at_unix_ms: 7,
            place: PlaceId::new("edge"),
            model: "m,\"".into(),
            task: Task::Code,
            origin: Origin::Shadow,
            score_permille: 500,
            weight_milli: 500,
            compared: Some(Compared {
                asked: "auto".into(),
                place: PlaceId::new("openai"),
                model: "gpt".into(),
                doubt_permille: -3,
                loss_permille: 1000,
            }),
        };
        let alone = Lesson { compared: None, ..lesson.clone() };
        let text = csv(&[lesson, alone]).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], HEADS.join(","));
        assert_eq!(lines[1], "7,'=1+1,shadow,edge,\"m,\"\"\",code,500,500,auto,openai,gpt,-3,1000");
        assert_eq!(lines[2], "7,'=1+1,shadow,edge,\"m,\"\"\",code,500,500,,,,,");
    }
}
