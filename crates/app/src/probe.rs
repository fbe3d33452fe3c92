//! `dewpoint probe`: the two capacity parameters of a place, measured. A request takes about in/a + out/b seconds of the
//! place, where a is its prompt speed and b its decode speed, tokens per second of all its clients together.
//!
//! Never here: sending (`measure`), changing the file (`write`).

mod fit;
mod write;

use crate::book::{self, Book};
use crate::cli;
use crate::config::{self, Flags, Settings};
use crate::measure::{self, Seen, Shape, Target, decode_speed, median, prompt_speed};
use crate::problem::{Problem, Problems, suggest};
use crate::rig::Rig;
use crate::{discover, embedded, fleet};
use anyhow::{Context, Result};
use backend::Backend;
use decide::{Health, Model, Policy, Usage, Zone};
use serde::Serialize;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Clients of a place on own ground, where nothing is said: enough that a batching engine batches.
const CLIENTS_OWN: u16 = 4;
/// Tokens of context beyond prompt and answer.
const MARGIN: usize = 64;
/// For a model of the embedded engine to be loaded.
const LOAD: Duration = Duration::from_secs(600);

/// Median and range over the rounds, tokens per second.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
struct Figure {
    median: f64,
    least: f64,
    most: f64,
}

impl Figure {
    fn of(values: &[f64]) -> Figure {
        let fold = |f: fn(f64, f64) -> f64, from| values.iter().copied().fold(from, f);
        let (least, most) = (fold(f64::min, f64::INFINITY), fold(f64::max, 0.0));
        Figure { median: median(values.to_vec()), least, most }
    }
}

/// What was measured.
#[derive(Debug, Serialize)]
struct Report {
    place: String,
    model: String,
    clients: usize,
    rounds: u32,
    prompt_tokens_per_s: Figure,
    decode_tokens_per_s: Figure,
    /// With `--fit`: the mean distance of a batch's time from what both speeds say, percent.
    #[serde(skip_serializing_if = "Option::is_none")]
    off_percent: Option<f64>,
}

/// Measures a place or a model file, prints the figures, and writes them where told to.
pub(crate) fn run(args: &cli::Probe) -> Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.context("no runtime can be started")?;
    let found = config::find(args.common.config.as_deref(), &config::process_env);
    let path = Path::new(&args.target);
    let report = runtime.block_on(async {
        if path.is_file() {
            return file(path, args).await.map(Some);
        }
        let book = Arc::new(Book::built_in()?);
        let flags = Flags { listen: None, no_discovery: args.common.no_discovery };
        let settings = config::load(found.path.as_deref(), &flags, &config::process_env, &book)?;
        place(args, &settings, &book).await
    })?;
    let Some(report) = report else { return Ok(ExitCode::FAILURE) };
    let (a, b) = (report.prompt_tokens_per_s.median, report.decode_tokens_per_s.median);
    let text = if args.json { serde_json::to_string_pretty(&report)? + "\n" } else { show(&report) };
    crate::print(&text)?;
    if args.write {
        let file = found.path.as_deref().ok_or_else(|| {
            let help = "run `dewpoint init`, or name the file with --config";
            Problem::new("the figures cannot be written", "there is no configuration file", help)
        });
        let file = file.map_err(Problems::from)?;
        write::into(file, &report.place, a, b)?;
        eprintln!("written to {}", file.display());
    } else if !args.json {
        crate::print(&format!(
            "\nFor dewpoint.toml (or measure with --write):\n{}",
            write::lines(&report.place, a, b)
        ))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// A model file, with an engine of its own.
async fn file(path: &Path, args: &cli::Probe) -> Result<Report> {
    let clients = usize::from(args.clients.unwrap_or(CLIENTS_OWN));
    let context = usize::from(args.prompt) + usize::from(args.generate) + MARGIN;
    let rig = Rig::start(path, None, clients, context).await?;
    let model = rig.engine.models().first().map(Arc::clone).context("the engine has no model")?;
    let report = measured(rig.engine.clone(), model, Policy::default(), clients, args).await;
    rig.engine.shutdown().await;
    report
}

/// A configured or discovered place; `None` where it would cost money and nobody has agreed.
async fn place(args: &cli::Probe, settings: &Settings, book: &Arc<Book>) -> Result<Option<Report>> {
    if settings.engine.as_ref().is_some_and(|e| e.place.id.as_str() == args.target) {
        return own_engine(args, settings).await.map(Some);
    }
    let dialer = fleet::dialer(settings)?;
    let ports = discover::usual_ports(&config::process_env);
    let finds = discover::look(settings, &config::process_env, book, &dialer, &ports).await;
    let places: Vec<_> = settings.places.iter().chain(&finds.places).collect();
    let Some(place) = places.iter().find(|p| p.place.id.as_str() == args.target) else {
        let mut names: Vec<&str> = places.iter().map(|p| p.place.id.as_str()).collect();
        names.extend(settings.engine.iter().map(|e| e.place.id.as_str()));
        let what = format!("\"{}\" is neither a place nor a model file", args.target);
        let why = "a place is named in dewpoint.toml or discovered; a model file is a path";
        return Err(Problems::from(Problem::new(what, why, suggest(&args.target, &names))).into());
    };
    let backend = fleet::build(place, &dialer).map_err(Problems::from)?;
    let models = if place.models.is_empty() {
        let found = backend.probe().await.models.unwrap_or_default();
        found.iter().map(|d| Arc::new(book::discovered(book, Some(place.profile), &place.place, d))).collect()
    } else {
        place.models.clone()
    };
    let model = chosen(args, &models)?;
    let own = place.place.zone <= Zone::OwnNetwork;
    let clients = usize::from(args.clients.unwrap_or(if own { CLIENTS_OWN } else { 1 }));
    if !agreed(args, &model, clients) {
        return Ok(None);
    }
    measured(backend, model, settings.policy.clone(), clients, args).await.map(Some)
}

async fn own_engine(args: &cli::Probe, settings: &Settings) -> Result<Report> {
    let engine = embedded::start(settings)?;
    let report = async {
        let backend = engine.backend().ok_or_else(|| {
            let help = "give the path of a GGUF file instead";
            Problems::from(Problem::new("the embedded engine cannot be measured", engine.note(), help))
        })?;
        let model = chosen(args, backend.models())?;
        ready(backend.as_ref()).await?;
        let clients = usize::from(args.clients.unwrap_or(CLIENTS_OWN));
        measured(backend, model, settings.policy.clone(), clients, args).await
    };
    let report = report.await;
    engine.shutdown().await;
    report
}

/// Waits until the engine answers.
async fn ready(backend: &dyn Backend) -> Result<()> {
    let wait = async {
        loop {
            match backend.probe().await.health {
                Health::Up => return Ok(()),
                Health::Down(why) => return Err(why),
                Health::Loading | Health::Unknown => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    };
    let ended = tokio::time::timeout(LOAD, wait).await.unwrap_or_else(|_| Err("it took too long to load".to_owned()));
    let help = "`dewpoint check` shows what is configured";
    ended.map_err(|why| Problems::from(Problem::new("the embedded engine cannot be measured", why, help)).into())
}

/// The model that was named, else the first one.
fn chosen(args: &cli::Probe, models: &[Arc<Model>]) -> Result<Arc<Model>> {
    let ids: Vec<&str> = models.iter().map(|m| &*m.id).collect();
    let named = |m: &&Arc<Model>| args.model.as_ref().is_none_or(|id| **id == *m.id);
    models.iter().find(named).map(Arc::clone).ok_or_else(|| {
        let what = format!("the place \"{}\" has no such model", args.target);
        let why =
            args.model.as_ref().map_or_else(|| "it told of none".to_owned(), |id| format!("\"{id}\" is not known"));
        Problems::from(Problem::new(what, why, suggest(args.model.as_deref().unwrap_or_default(), &ids))).into()
    })
}

/// What each round asks, as tokens of a prompt and of an answer: every prompt twice, for one token and for all; to fit, four sizes.
fn sizes(args: &cli::Probe) -> Vec<(u16, u16)> {
    let (prompt, generate) = (args.prompt, args.generate);
    if args.fit {
        let (short, little) = ((prompt / 4).max(1), (generate / 4).max(2));
        vec![(prompt, 1), (prompt, generate), (short, generate), (short, little)]
    } else {
        vec![(prompt, 1), (prompt, generate)]
    }
}

/// The tokens that all rounds take at most.
fn usage(args: &cli::Probe, clients: usize) -> Usage {
    let requests = u64::from(args.rounds) * clients as u64;
    let (input, output) = sizes(args).iter().fold((0, 0), |(i, o), (p, g)| (i + u64::from(*p), o + u64::from(*g)));
    Usage { input: requests * input, output: requests * output, ..Usage::default() }
}

/// What costs money, or may, is measured only when that was agreed to.
fn agreed(args: &cli::Probe, model: &Model, clients: usize) -> bool {
    let usage = usage(args, clients);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let cost = match &model.price {
        Some(price) => match decide::cost(price, &usage, now) {
            free if free.0 == 0 => return true,
            cost => format!("costs about ${cost}"),
        },
        None => "may cost money: its price is not known".to_owned(),
    };
    let tokens = format!("about {} prompt and {} completion tokens", usage.input, usage.output);
    eprintln!("Measuring {}/{} takes {tokens} and {cost}.", args.target, model.id);
    if !args.yes {
        eprintln!("Nothing was sent. Agree with --yes; fewer tokens with --rounds, --prompt and --generate.");
    }
    args.yes
}

async fn measured(
    backend: Arc<dyn Backend>,
    model: Arc<Model>,
    policy: Policy,
    clients: usize,
    args: &cli::Probe,
) -> Result<Report> {
    let (place, id) = (backend.place().id.to_string(), model.id.to_string());
    let mut target = Target::new(backend, model, policy);
    target.calibrate(usize::from(args.prompt)).await.map_err(|f| measure::problem(&f))?;
    let (mut prompt, mut decode, mut off) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..args.rounds {
        eprintln!("{place}/{id}: round {} of {}", round + 1, args.rounds);
        let mut batches = Vec::new();
        for (size, (p, g)) in sizes(args).into_iter().enumerate() {
            // To fit, no size may find the prompt of another in the cache.
            let round = if args.fit { u64::from(round) * 4 + size as u64 } else { u64::from(round) };
            let shape = Shape { clients, prompt: p.into(), generate: g.into(), round };
            let seen = target.together(shape).await.map_err(|f| measure::problem(&f))?;
            match (args.fit, size) {
                (true, _) => batches.extend(batch(&seen)),
                (false, 0) => prompt.push(prompt_speed(&seen)),
                (false, _) => decode.push(decode_speed(&seen)),
            }
        }
        if args.fit {
            let (a, b, far) = fit::fit(&batches).unwrap_or((0.0, 0.0, 0.0));
            prompt.push(a);
            decode.push(b);
            off.push(far * 100.0);
        }
    }
    if decode.iter().chain(&prompt).any(|speed| *speed <= 0.0) {
        let why = if args.fit {
            "the times of the batches do not follow from how many tokens they had, or the place said nothing of tokens"
        } else {
            "the place gave its answer in one piece, or said nothing of tokens"
        };
        let help = "ask for more tokens (--generate), or measure with another model";
        return Err(Problems::from(Problem::new("no speed can be measured", why, help)).into());
    }
    Ok(Report {
        place,
        model: id,
        clients,
        rounds: args.rounds,
        prompt_tokens_per_s: Figure::of(&prompt),
        decode_tokens_per_s: Figure::of(&decode),
        off_percent: args.fit.then(|| median(off)),
    })
}

/// A batch as its clients saw it.
fn batch(seen: &[Seen]) -> Option<fit::Batch> {
    let began = seen.iter().map(|s| s.began).min()?;
    let ended = seen.iter().filter_map(|s| s.pieces.last().copied()).max()?;
    let input: u64 = seen.iter().map(|s| s.usage.input.saturating_sub(s.usage.cached)).sum();
    let output: u64 = seen.iter().map(|s| s.usage.output).sum();
    Some(fit::Batch { input: input as f64, output: output as f64, seconds: (ended - began).as_secs_f64() })
}

/// The report for people.
fn show(report: &Report) -> String {
    let figure = |f: &Figure| format!("{:.1} tokens/s ({:.1} to {:.1})", f.median, f.least, f.most);
    let (place, model) = (&report.place, crate::table::printable(&report.model));
    let rows = [
        ("prompt", figure(&report.prompt_tokens_per_s)),
        ("decode", figure(&report.decode_tokens_per_s)),
        ("measured", format!("{place}/{model}, {} clients, median of {} rounds", report.clients, report.rounds)),
        ("fit", report.off_percent.map(|off| format!("batches lie {off:.0} % from both speeds")).unwrap_or_default()),
    ];
    let rows = rows.into_iter().filter(|(_, text)| !text.is_empty()).collect::<Vec<_>>();
    crate::table::columns(&rows.into_iter().map(|(name, text)| vec![name.to_owned(), text]).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_is_the_median_with_its_range() {
        let figure = Figure::of(&[3.0, 1.0, 2.0]);
        assert_eq!(figure, Figure { median: 2.0, least: 1.0, most: 3.0 });
    }
}
