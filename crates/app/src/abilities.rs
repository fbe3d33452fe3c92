//! `dewpoint abilities`: what is believed of each model, from where, and how sure that is. Nothing is sent to a model.
//!
//! Never here: the beliefs themselves.

use crate::book::Book;
use crate::config::{self, Flags, Settings};
use crate::flags::Common;
use crate::priors::BUILT_IN;
use crate::problem::{Problem, Problems};
use crate::source::failed;
use crate::table::printable;
use crate::{discover, embedded, fleet};
use anyhow::Result;
use decide::{Ability, Belief, Fleet, Offer, Origin, Task};
use gateway::Learned;
use serde::Serialize;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// Which abilities to show.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    common: Common,
    /// Only of this place, or of this model of it.
    #[arg(value_name = "PLACE[/MODEL]")]
    target: Option<String>,
    /// Only at this task (chat, code, math, …).
    #[arg(long, value_parser = task)]
    task: Option<Task>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

fn task(name: &str) -> Result<Task, String> {
    let all = || Task::ALL.map(Task::as_str).join(", ");
    Task::ALL
        .into_iter()
        .find(|t| t.as_str() == name)
        .ok_or_else(|| format!("there is no such task; there are {}", all()))
}

/// A belief for programs: observations, mean and central 90 %.
#[derive(Serialize)]
struct Shown {
    good: f64,
    bad: f64,
    mean_permille: u16,
    low_permille: u16,
    high_permille: u16,
}

impl Shown {
    fn of(belief: Belief) -> Shown {
        let (low_permille, high_permille) = belief.interval_permille();
        let [good, bad] = [belief.good_milli, belief.bad_milli].map(|n| n as f64 / 1_000.0);
        Shown { good, bad, mean_permille: belief.mean_permille(), low_permille, high_permille }
    }
}

#[derive(Serialize)]
struct Row {
    place: String,
    model: String,
    task: Task,
    prior: Shown,
    evidence: Option<Shown>,
    /// Lessons behind the evidence, by origin.
    lessons: Vec<(Origin, usize)>,
    posterior: Shown,
    source: Arc<str>,
}

/// Prints them.
pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let found = config::find(args.common.config.as_deref(), &config::process_env);
    let flags = Flags { listen: None, no_discovery: args.common.no_discovery };
    let book = Arc::new(Book::built_in()?);
    let settings = config::load(found.path.as_deref(), &flags, &config::process_env, &book)?;
    let fleet = look(&settings, &book)?;
    let offers: Vec<Offer<'_>> = fleet.offers().filter(|o| wanted(o, args.target.as_deref())).collect();
    if let (true, Some(target)) = (offers.is_empty(), &args.target) {
        let known: Vec<String> = fleet.offers().map(|o| format!("{}/{}", o.state.place.id, o.model.id)).collect();
        let why = format!("there are: {}", known.join(", "));
        let what = format!("there is no place or model \"{}\"", printable(target));
        return Err(Problems::from(Problem::new(what, printable(&why), "name one of them, or none for all")).into());
    }
    let lessons = match &settings.ledger {
        Some(kept) => read(&kept.dir)?,
        None => Vec::new(),
    };
    let learned = Learned::default();
    learned.remember(lessons.iter().cloned(), now_unix_ms());
    let rows: Vec<Row> = offers.iter().flat_map(|o| rows(o, args.task, &learned, &lessons)).collect();
    let text = if args.json { serde_json::to_string_pretty(&rows)? + "\n" } else { text(&rows, lessons.len()) };
    crate::print(&text)
}

/// The places, as `explain` sees them.
fn look(settings: &Settings, book: &Arc<Book>) -> Result<Fleet> {
    fleet::short_runtime()?.block_on(async {
        let dialer = fleet::dialer(settings)?;
        let ports = discover::usual_ports(&config::process_env);
        let finds = discover::look(settings, &config::process_env, book, &dialer, &ports).await;
        let places: Vec<_> = settings.places.iter().cloned().chain(finds.places).collect();
        let mut fleet = fleet::survey(&places, book, &dialer).await?;
        if let Some(engine) = settings.engine.as_ref().and_then(embedded::preview) {
            fleet.places.insert(0, engine);
        }
        anyhow::Ok(fleet)
    })
}

/// A gateway that never served has no ledger, and learned nothing.
fn read(dir: &std::path::Path) -> Result<Vec<decide::Lesson>> {
    match ledger::lessons(dir, None) {
        Err(ledger::LedgerError::Missing { .. }) => Ok(Vec::new()),
        read => Ok(read.map_err(|e| failed(&e))?),
    }
}

fn wanted(offer: &Offer<'_>, target: Option<&str>) -> bool {
    let (place, model) = (offer.state.place.id.as_str(), &*offer.model.id);
    offer.model.caps.writes()
        && target.is_none_or(|t| t == place || t.split_once('/').is_some_and(|(p, m)| (p, m) == (place, model)))
}

fn rows(offer: &Offer<'_>, only: Option<Task>, learned: &Learned, lessons: &[decide::Lesson]) -> Vec<Row> {
    let (place, model) = (&offer.state.place.id, &offer.model.id);
    let ability: Arc<Ability> = offer.model.ability.clone().unwrap_or_else(|| BUILT_IN.of(model));
    let source = match (&offer.model.ability, offer.model.quality_permille) {
        (None, Some(q)) => format!("not used: quality_permille = {q} is declared").into(),
        _ => ability.source.clone(),
    };
    let mine: Vec<_> = lessons.iter().filter(|l| l.place == *place && l.model == *model).collect();
    let row = |task: Task| {
        let evidence = learned.evidence(place, model, task);
        let count = |origin| mine.iter().filter(|l| l.origin == origin && l.task == task).count();
        Row {
            place: place.to_string(),
            model: model.to_string(),
            task,
            prior: Shown::of(ability.at(task)),
            evidence: evidence.map(Shown::of),
            lessons: Origin::ALL.map(|o| (o, count(o))).into_iter().filter(|(_, n)| *n > 0).collect(),
            posterior: Shown::of(ability.at(task).and(evidence.unwrap_or_default())),
            source: source.clone(),
        }
    };
    Task::ALL.into_iter().filter(|t| only.is_none_or(|o| o == *t)).map(row).collect()
}

fn text(rows: &[Row], lessons: usize) -> String {
    if rows.is_empty() {
        return "there is no model that writes text\n".to_owned();
    }
    let percent = |permille: u16| format!("{:.1} %", f64::from(permille) / 10.0);
    let span = |s: &Shown| {
        format!("{} ({} to {})", percent(s.mean_permille), percent(s.low_permille), percent(s.high_permille))
    };
    let mut out = String::new();
    let mut rest = rows;
    while let Some(first) = rest.first() {
        let here = rest.iter().take_while(|r| (&r.place, &r.model) == (&first.place, &first.model)).count();
        let (model, others) = rest.split_at(here);
        rest = others;
        out += &format!("{}/{}: {}\n", printable(&first.place), printable(&first.model), printable(&first.source));
        let mut lines = vec![["  task", "prior", "evidence", "believed"].map(str::to_owned).to_vec()];
        for row in model {
            let evidence = row.evidence.as_ref().map_or_else(
                || "-".to_owned(),
                |e| {
                    let from: Vec<String> = row.lessons.iter().map(|(o, n)| format!("{n} {}", o.as_str())).collect();
                    format!("{:.1} good, {:.1} bad: {}", e.good, e.bad, from.join(", "))
                },
            );
            lines.push(vec![format!("  {}", row.task.as_str()), span(&row.prior), evidence, span(&row.posterior)]);
        }
        out += &ledger::align(&lines);
        out.push('\n');
    }
    out += &format!("share of requests answered well: mean and central 90 %; {lessons} lessons in the ledger\n");
    out
}

fn now_unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
