//! `dewpoint explain`: where a prompt would go and why. Nothing is sent to a model; places on this host are asked how
//! they are, clouds are not.
//!
//! Never here: judgement. The same `sense::assess` and `decide::choose` run for a real request.

use crate::book::Book;
use crate::cli;
use crate::config::{self, Flags, Settings};
use crate::problem::{Problem, Problems, suggest};
use crate::table::{columns, printable};
use crate::{detect, discover, embedded, fleet, past};
mod worth;

use anyhow::Result;
use decide::{Fleet, Found, Need, Policy, Verdict};
use sense::Finder;
use serde::Serialize;
use std::fmt::Write as _;
use std::io::Read;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};
use wire::{Ask, Endpoint, Message, Role};

/// Largest prompt read from standard input, bytes.
const PROMPT_MAX: u64 = 32 * 1024 * 1024;

/// Prints the verdict. Exit code 1 when nothing may or can answer.
pub(crate) fn run(args: &cli::Explain) -> Result<ExitCode> {
    if let Some(id) = &args.request {
        return past::run(id, args.common.config.as_deref(), args.json);
    }
    let prompt = prompt(args.prompt.as_deref().unwrap_or_default())?;
    let found = config::find(args.common.config.as_deref(), &config::process_env);
    let flags = Flags { listen: None, no_discovery: args.common.no_discovery };
    let book = Arc::new(Book::built_in()?);
    let settings = config::load(found.path.as_deref(), &flags, &config::process_env, &book)?;
    let fleet = fleet::short_runtime()?.block_on(async {
        let dialer = fleet::dialer(&settings)?;
        let ports = discover::usual_ports(&config::process_env);
        let finds = discover::look(&settings, &config::process_env, &book, &dialer, &ports).await;
        let places: Vec<_> = settings.places.iter().cloned().chain(finds.places).collect();
        let mut fleet = fleet::survey(&places, &book, &dialer).await?;
        if let Some(engine) = settings.engine.as_ref().and_then(embedded::preview) {
            fleet.places.insert(0, engine);
        }
        anyhow::Ok(fleet)
    })?;
    let finder = detect::finder(&settings)?;
    let mut need = need(&prompt, &args.model, args.class.map(Into::into), finder.as_ref());
    need.at_unix_s = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    caller(&mut need, args, &settings)?;
    need.thrift_permille = args.money.map_or(0, |times| ((times - 1.0) * 1_000.0).round() as u32);
    let verdict = decide::choose(&need, &fleet, &settings.policy);
    let text = if args.json {
        let sums = worth::sums(&need, &verdict, &settings.policy);
        let (found, language) = (&need.found, need.language);
        let explained = Explained { verdict: &verdict, sums, language, found, searched: finder.is_some() };
        serde_json::to_string_pretty(&explained)? + "\n"
    } else {
        show(&need, &verdict, &fleet, &settings.policy) + &second(&settings, &verdict)
    };
    crate::print(&text)?;
    Ok(if verdict.order.is_empty() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn prompt(argument: &str) -> Result<String> {
    if argument != "-" {
        return Ok(argument.to_owned());
    }
    let fault = |why: String| {
        Problems::from(Problem::new("the prompt cannot be read", why, "give UTF-8 text on standard input"))
    };
    let mut text = String::new();
    std::io::stdin().take(PROMPT_MAX + 1).read_to_string(&mut text).map_err(|e| fault(e.to_string()))?;
    if text.len() as u64 > PROMPT_MAX {
        return Err(fault(format!("it is longer than {PROMPT_MAX} bytes")).into());
    }
    Ok(text)
}

/// The verdict for programs, with what was found. Never a value.
#[derive(Serialize)]
struct Explained<'a> {
    #[serde(flatten)]
    verdict: &'a Verdict,
    /// What the utility of each candidate is made of, in the order of the verdict; none where the order was given.
    sums: Vec<worth::Row>,
    /// The language of the prompt, where it can be told.
    language: Option<decide::Language>,
    found: &'a Found,
    /// Whether detectors looked at all.
    searched: bool,
}

/// What one user message needs, as the gateway would read it.
fn need(prompt: &str, model: &str, class: Option<decide::DataClass>, finder: Option<&Finder>) -> Need {
    let mut ask = Ask::new(Endpoint::Chat);
    ask.model = model.to_owned();
    ask.messages.push(Message::text(Role::User, prompt));
    let mut need = sense::assess(&ask);
    need.class = class.unwrap_or_default();
    need.found = finder.map(|f| f.inspect(&ask).found).unwrap_or_default();
    need
}

/// Kinds and counts of what was found, the most sensitive first.
fn found(found: &Found) -> String {
    let mut kinds: Vec<_> = found.kinds.iter().collect();
    kinds.sort_by_key(|(_, count)| std::cmp::Reverse(count.class));
    let kinds: Vec<String> =
        kinds.iter().map(|(kind, count)| format!("{} ×{} ({})", printable(kind), count.n, count.class)).collect();
    match (&found.failed, kinds.is_empty()) {
        (Some(why), _) => format!("not searched to the end ({}): nothing leaves this host", printable(why)),
        (None, true) => {
            "no personal data or secret that a pattern finds; names and free text are not searched for".to_owned()
        }
        (None, false) => kinds.join(", "),
    }
}

/// What a second reader would add, where it would be asked.
fn second(settings: &Settings, verdict: &Verdict) -> String {
    match &settings.detect.second {
        Some(reader) if verdict.order.iter().any(|c| !c.place.zone.is_own_ground()) => format!(
            "\nThe second reader {} is not asked here. It may raise the class of such a request, and keep it on own ground.\n",
            printable(&reader.name)
        ),
        _ => String::new(),
    }
}

/// Adds what the key and the headers of the request would say.
fn caller(need: &mut Need, args: &cli::Explain, settings: &Settings) -> Result<()> {
    let wrong = |what: String, why: &str, help: String| Problems::from(Problem::new(what, why, help));
    if let Some(name) = &args.key {
        let Some(key) = settings.keys.iter().find(|k| k.name == *name) else {
            let names: Vec<&str> = settings.keys.iter().map(|k| k.name.as_str()).collect();
            let why = "a key is named as in its [[key]]";
            return Err(wrong(format!("there is no key \"{name}\""), why, suggest(name, &names)).into());
        };
        need.class = key.class.map_or(need.class, |least| args.class.map_or(least, |c| least.max(c.into())));
        need.tags.clone_from(&key.tags);
        need.places_allowed.clone_from(&key.places);
        need.models_allowed.clone_from(&key.models);
        need.key = Some(Arc::from(name.as_str()));
    }
    for word in &args.tag {
        let why = "a tag has 1 to 64 letters, digits and -_.:/@";
        let help = || "write for example customer:acme".to_owned();
        need.tags.push(decide::tag(word).ok_or_else(|| wrong(format!("\"{word}\" is no tag"), why, help()))?);
    }
    need.tags.sort_unstable();
    need.tags.dedup();
    Ok(())
}

/// The verdict for people.
fn show(need: &Need, verdict: &Verdict, fleet: &Fleet, policy: &Policy) -> String {
    let how = match verdict.objective {
        Some(_) if need.degrade => {
            format!("{} (optimises: cheap, since a budget is nearly used up)", printable(&need.model))
        }
        Some(objective) => format!("{} (optimises: {})", printable(&need.model), objective.as_str()),
        None => format!("{} (in the order given)", printable(&need.model)),
    };
    let signals = if need.signals.is_empty() { "nothing in particular".to_owned() } else { need.signals.join("; ") };
    let facts = [
        ("model", how),
        ("task", need.task.as_str().to_owned()),
        ("difficulty", format!("{}.{:02} of 1", need.difficulty.0 / 1000, need.difficulty.0 % 1000 / 10)),
        ("signals", signals),
        ("language", need.language.map(|l| l.to_string()).unwrap_or_default()),
        ("outlook", worth::outlook(verdict)),
        ("enough", worth::enough(verdict, need, policy)),
        ("found", found(&need.found)),
        ("class", class(verdict, policy)),
        ("tags", need.tags.join(", ")),
        ("money", need.thrift().map(|weighs| format!("weighs {}", printable(&weighs))).unwrap_or_default()),
        ("spills over", verdict.spill().map(|s| printable(&s.to_string())).unwrap_or_default()),
        ("tokens", format!("about {} in, {} out", need.input_tokens, need.output_tokens)),
    ];
    let rows: Vec<Vec<String>> = facts
        .into_iter()
        .filter(|(_, text)| !text.is_empty())
        .map(|(name, text)| vec![name.to_owned(), text])
        .collect();
    let mut out = columns(&rows);
    if let Some(fault) = verdict.fault(need, fleet) {
        let _ = writeln!(out, "\ngoes nowhere: {}", printable(&fault.shown));
    } else {
        out.push_str("\ngoes to, in this order\n");
        out.push_str(&columns(&order(verdict)));
        out.push_str(&worth::table(need, verdict, policy));
    }
    if !verdict.refused.is_empty() {
        out.push_str("\nrefused\n");
        let name = |r: &decide::Refused| format!("  {}/{}", r.place.id, printable(&r.model.id));
        let rows: Vec<_> = verdict.refused.iter().map(|r| vec![name(r), printable(&r.why.to_string())]).collect();
        out.push_str(&columns(&rows));
    }
    out
}

/// The class, where it came from, and how far zones alone let it go; rules, terms and findings stand with the places.
fn class(verdict: &Verdict, policy: &Policy) -> String {
    let found = match verdict.declared {
        declared if declared < verdict.class => format!(" (found; declared {declared})"),
        _ => String::new(),
    };
    format!("{}{found}, may go as it is as far as {}", verdict.class, policy.reach(verdict.class).as_str())
}

fn order(verdict: &Verdict) -> Vec<Vec<String>> {
    let name = |c: &decide::Candidate| format!("{}/{}", c.place.id, printable(&c.model.id));
    verdict.order.iter().enumerate().map(|(i, c)| vec![format!("{:>3}.", i + 1), name(c), c.to_string()]).collect()
}

#[cfg(test)]
#[path = "explain_tests.rs"]
mod tests;
