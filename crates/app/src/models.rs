//! `dewpoint models`, `show` and `rm`: what is on this disk, what it is, and its end.
//!
//! Never here: reading of model files (room `engine`), the store (room `hub`).

use crate::book::Book;
use crate::cli;
use crate::config::{self, Flags};
use crate::problem::{Problem, Problems};
use crate::table::{columns, printable};
use anyhow::Result;
use engine::{FileFacts, ModelSource, ModelSpec};
use hub::{CATALOG, Folders, Held, Store, Where, find_held, shown_bytes, survey};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::io::{BufRead, IsTerminal, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Contexts whose memory `show` tells, tokens.
const CONTEXTS: [u64; 4] = [4_096, 8_192, 32_768, 131_072];

/// The hub's problem in the words of this room.
pub(crate) fn told(problem: hub::Problem) -> Problems {
    Problem::new(problem.what, problem.why, problem.help).into()
}

/// Lists what is there, or the catalog.
pub(crate) fn list(args: &cli::Models) -> Result<ExitCode> {
    if args.catalog {
        return crate::print(&if args.json { catalog_json() } else { catalog() });
    }
    let folders = Folders::from_env(&config::process_env);
    let mut all = configured(args.config.as_deref());
    // A file of the store that is configured too stands there once, with its name.
    let found = survey(&folders);
    all.retain(|held| found.iter().all(|f| f.path != held.path));
    all.extend(found);
    let facts: Vec<(Held, Result<FileFacts, String>)> =
        all.into_iter().map(|h| (h.clone(), engine::inspect(&h.path))).collect();
    if args.json {
        let rows: Vec<Value> = facts.iter().map(|(held, facts)| as_json(held, facts)).collect();
        return crate::print(&(serde_json::to_string_pretty(&rows)? + "\n"));
    }
    if facts.is_empty() {
        let text = format!(
            "There is no model on this machine yet (looked in {} and the caches of Ollama, Hugging Face and llama.cpp).\n\
             Next: `dewpoint models --catalog`, then `dewpoint pull NAME`.\n",
            folders.store.display()
        );
        return crate::print(&text);
    }
    let head = ["name", "size", "quantisation", "context", "architecture", "licence", "where"].map(str::to_owned);
    let mut rows = vec![head.to_vec()];
    rows.extend(facts.iter().map(|(held, facts)| row(held, facts)));
    crate::print(&columns(&rows))
}

fn row(held: &Held, facts: &Result<FileFacts, String>) -> Vec<String> {
    let or_dash = |text: Option<String>| text.map_or("-".to_owned(), |t| printable(&t).chars().take(40).collect());
    let known = facts.as_ref().ok();
    let architecture = match facts {
        Ok(facts) => or_dash(facts.architecture.clone()),
        Err(_) => "unreadable".to_owned(),
    };
    vec![
        printable(&held.name),
        shown_bytes(held.bytes),
        or_dash(known.and_then(|f| f.quantisation).map(str::to_owned)),
        or_dash(known.and_then(|f| f.context_tokens).map(|n| n.to_string())),
        architecture,
        or_dash(license(held, known)),
        held.place.as_str().to_owned(),
    ]
}

fn license(held: &Held, facts: Option<&FileFacts>) -> Option<String> {
    held.license.clone().or_else(|| facts?.license.clone())
}

fn as_json(held: &Held, facts: &Result<FileFacts, String>) -> Value {
    let known = facts.as_ref().ok();
    json!({
        "name": held.name,
        "path": held.path.display().to_string(),
        "size_bytes": held.bytes,
        "where": held.place.as_str(),
        "source": held.source,
        "license": license(held, known),
        "architecture": known.and_then(|f| f.architecture.clone()),
        "quantisation": known.and_then(|f| f.quantisation),
        "parameters": known.map(|f| f.params),
        "context_tokens": known.and_then(|f| f.context_tokens),
        "layers": known.and_then(|f| f.layers),
        "experts": known.and_then(|f| f.experts),
        "cache_bytes_per_token": known.and_then(|f| f.cache_bytes_per_token),
        "chat_template": known.map(|f| f.template),
        "tools": known.map(|f| f.tools),
        "encoder": known.map(|f| f.encoder),
        "reranker": known.map(|f| f.reranker),
        "problem": facts.as_ref().err(),
    })
}

fn catalog() -> String {
    let head = ["name", "size", "memory", "for", "licence", "repository"].map(str::to_owned);
    let about = |mb: u32| format!("{:.1} GB", f64::from(mb) / 1e3);
    let mut rows = vec![head.to_vec()];
    rows.extend(CATALOG.iter().map(|row| {
        let words =
            [row.name.to_owned(), about(row.about_mb), about(row.about_memory_mb()), row.task.as_str().to_owned()];
        words.into_iter().chain([row.license.to_owned(), row.repo.to_owned()]).collect()
    }));
    let notes = "\nSizes are rounded; memory is a rule of thumb for a context of 8,192 tokens (`dewpoint show` computes it from the file).\n\
                 Next: `dewpoint pull NAME`, or any other GGUF with `dewpoint pull hf:owner/repo`.\n";
    columns(&rows) + notes
}

fn catalog_json() -> String {
    let rows: Vec<Value> = CATALOG
        .iter()
        .map(|row| {
            json!({ "name": row.name, "repo": row.repo, "file": row.file, "sha256": row.sha256, "about_mb": row.about_mb,
                "about_memory_mb": row.about_memory_mb(), "task": row.task.as_str(), "license": row.license })
        })
        .collect();
    serde_json::to_string_pretty(&rows).unwrap_or_default() + "\n"
}

/// Says what a model is, and what memory it takes.
pub(crate) fn show(args: &cli::Show) -> Result<ExitCode> {
    let folders = Folders::from_env(&config::process_env);
    let held = match configured(args.config.as_deref()).into_iter().find(|h| h.name == args.model) {
        Some(held) => held,
        None => find_held(&args.model, &folders).map_err(told)?,
    };
    let facts = engine::inspect(&held.path);
    if args.json {
        return crate::print(&(serde_json::to_string_pretty(&as_json(&held, &facts))? + "\n"));
    }
    let facts = facts.map_err(|why| {
        let what = format!("{} cannot be read as a model", held.path.display());
        Problems::from(Problem::new(what, why, "copy or pull it again; `dewpoint rm` removes one of the store"))
    })?;
    crate::print(&described(&held, &facts, free_memory()))
}

/// All that the header says, one line each.
fn described(held: &Held, facts: &FileFacts, free: Option<u64>) -> String {
    let mut out = String::new();
    let mut line = |name: &str, text: String| {
        let _ = writeln!(out, "{name:<14}{}", printable(&text));
    };
    let yes = |is: bool| if is { "yes" } else { "no" }.to_owned();
    line("name", held.name.clone());
    line("file", held.path.display().to_string());
    line("where", held.place.as_str().to_owned());
    for (name, text) in [
        ("from", held.source.clone()),
        ("title", facts.name.clone()),
        ("licence", license(held, Some(facts))),
        ("architecture", facts.architecture.clone()),
        ("quantisation", facts.quantisation.map(str::to_owned)),
        ("experts", facts.experts.map(|n| n.to_string())),
        ("layers", facts.layers.map(|n| n.to_string())),
        ("width", facts.width.map(|n| n.to_string())),
        ("context", facts.context_tokens.map(|n| format!("{n} tokens"))),
    ] {
        if let Some(text) = text {
            line(name, text);
        }
    }
    if facts.parts == 1 {
        line("parameters", format!("{:.2} billion", facts.params as f64 / 1e9));
    } else {
        line("parts", facts.parts.to_string());
    }
    line("size", shown_bytes(held.bytes));
    let kind = match (facts.reranker, facts.encoder) {
        (true, _) => "orders documents (rerank)",
        (_, true) => "makes vectors (embeddings)",
        _ => "writes text",
    };
    line("kind", kind.to_owned());
    line("template", yes(facts.template));
    line(
        "tools",
        if facts.tools { "its template knows them".to_owned() } else { "its template does not know them".to_owned() },
    );
    memory(held, facts, free, &mut line);
    out
}

/// What memory it takes, and which context fits here.
fn memory(held: &Held, facts: &FileFacts, free: Option<u64>, line: &mut impl FnMut(&str, String)) {
    let most = facts.context_tokens.unwrap_or(u64::MAX);
    let mut contexts: Vec<u64> = CONTEXTS.into_iter().filter(|c| *c < most).collect();
    contexts.extend(facts.context_tokens);
    if facts.cache_bytes_per_token.is_none() {
        contexts.truncate(1);
    }
    let said: Vec<String> =
        contexts.iter().map(|c| format!("{} at {c}", shown_bytes(facts.memory_bytes(held.bytes, *c)))).collect();
    line("memory", format!("about {} tokens of context, one request, 16-bit cache", said.join(", ")));
    let Some(free) = free else { return };
    let advice = match facts.context_within(held.bytes, free) {
        Some(0) => format!("{} are free here: too little; take a smaller model or quantisation", shown_bytes(free)),
        Some(tokens) if Some(tokens) == facts.context_tokens => {
            format!("{} are free here: its whole context fits", shown_bytes(free))
        }
        Some(tokens) => {
            format!("{} are free here: a context of {tokens} tokens fits ([engine] context_tokens)", shown_bytes(free))
        }
        None => format!("{} are free here", shown_bytes(free)),
    };
    line("advice", advice);
}

/// Memory that can be had without swapping, bytes; none where the system does not say it in Linux's way.
fn free_memory() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|l| l.strip_prefix("MemAvailable:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

/// Removes a model of the store.
pub(crate) fn remove(args: &cli::Rm) -> Result<ExitCode> {
    let folders = Folders::from_env(&config::process_env);
    let store = Store::new(&folders.store);
    let name = match find_held(&args.model, &folders) {
        Ok(held) if held.place == Where::Store => held.name,
        Ok(held) if store.files_of(&args.model).is_empty() => return Err(not_ours(&held).into()),
        _ => args.model.clone(),
    };
    let files = store.files_of(&name);
    if !files.is_empty() && !args.yes && !agreed(&name, &files)? {
        eprintln!("Nothing was removed.");
        return Ok(ExitCode::FAILURE);
    }
    let freed = store.remove(&name).map_err(told)?;
    crate::print(&format!("{name} is removed, {} are free again.\n", shown_bytes(freed)))
}

fn not_ours(held: &Held) -> Problems {
    let help = match held.place {
        Where::Ollama => "remove it with `ollama rm`".to_owned(),
        Where::HuggingFace => "remove it with `hf cache rm` or `huggingface-cli delete-cache`".to_owned(),
        _ => format!("remove the file yourself: {}", held.path.display()),
    };
    let why = format!("it is not in Dewpoint's store ({}), and nothing else is touched", held.place.as_str());
    Problem::new(format!("{} was not removed", held.name), why, help).into()
}

fn agreed(name: &str, files: &[PathBuf]) -> Result<bool> {
    if !std::io::stdin().is_terminal() {
        let why = "there is no terminal to ask on";
        return Err(Problems::from(Problem::new(format!("{name} was not removed"), why, "say --yes")).into());
    }
    for file in files {
        eprintln!("  {}", file.display());
    }
    eprint!("Remove {name}? [y/N] ");
    std::io::stderr().flush()?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}

/// The models that the configuration names by their files. A configuration that cannot be read is no reason not to list the others; it is said.
fn configured(flag: Option<&Path>) -> Vec<Held> {
    let found = config::find(flag, &config::process_env);
    let book = match Book::built_in() {
        Ok(book) => book,
        Err(_) => return Vec::new(),
    };
    // Secrets are not needed for this.
    let env = |name: &str| config::process_env(name).or_else(|| Some(format!("not-set-{name}-0123456789")));
    let settings = match config::load(found.path.as_deref(), &Flags::default(), &env, &book) {
        Ok(settings) => settings,
        Err(problems) => {
            eprintln!("The configuration was not read, so models that it names are not listed:\n{problems}\n");
            return Vec::new();
        }
    };
    let held = |model: ModelSpec| {
        let ModelSource::Path(path) = model.source else { return None };
        let bytes = std::fs::metadata(&path).ok()?.len();
        let name = model.id.unwrap_or(path.file_stem()?.to_string_lossy().into_owned());
        Some(Held { name, path, bytes, place: Where::Configured, license: None, source: None })
    };
    settings.engine.map(|engine| engine.models).unwrap_or_default().into_iter().filter_map(held).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_gives_memory_and_advice() {
        let facts = FileFacts {
            architecture: Some("qwen2".to_owned()),
            quantisation: Some("Q4_K_M"),
            params: 494_000_000,
            context_tokens: Some(32_768),
            cache_bytes_per_token: Some(12_288),
            template: true,
            tools: true,
            parts: 1,
            ..FileFacts::default()
        };
        let held = Held {
            name: "qwen2.5-0.5b\u{1b}[2J".to_owned(),
            path: PathBuf::from("/m/q.gguf"),
            bytes: 400_000_000,
            place: Where::Store,
            license: Some("apache-2.0".to_owned()),
            source: None,
        };
        insta::assert_snapshot!(described(&held, &facts, Some(2_000_000_000)), @r"
        name          qwen2.5-0.5b?[2J
        file          /m/q.gguf
        where         store
        licence       apache-2.0
        architecture  qwen2
        quantisation  Q4_K_M
        context       32768 tokens
        parameters    0.49 billion
        size          400 MB
        kind          writes text
        template      yes
        tools         its template knows them
        memory        about 660 MB at 4096, 710 MB at 8192, 1.01 GB at 32768 tokens of context, one request, 16-bit cache
        advice        2.00 GB are free here: its whole context fits
        ");
        let tight = described(&held, &facts, Some(640_000_000));
        assert!(tight.contains("a context of 2048 tokens fits"), "{tight}");
        assert!(described(&held, &facts, Some(300_000_000)).contains("too little"));
    }
}
