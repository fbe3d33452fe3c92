//! `dewpoint bench engine`: how fast the embedded engine is with one model, as its requests see it (HTTP excepted), and
//! what memory it takes.
//!
//! Never here: sending (`measure`).

use crate::cli;
use crate::measure::{self, Shape, Target, decode_speed, median, prompt_speed};
use crate::rig::Rig;
use crate::table::{columns, printable};
use anyhow::{Context, Result};
use backend::Backend;
use decide::Policy;
use serde::Serialize;
use std::fmt::Write as _;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

/// Tokens of context beyond prompt and answer, since a prompt is rarely exactly as long as wanted.
const MARGIN: usize = 64;
/// The worker says how it is about once a second.
const STATS: Duration = Duration::from_millis(1200);

/// Everything that was measured.
#[derive(Debug, Serialize)]
struct Report {
    model: String,
    architecture: String,
    parameters: u64,
    file_bytes: u64,
    /// `null`: chosen by the engine.
    threads: Option<u16>,
    rounds: u32,
    load_s: f64,
    /// Resident memory of the worker after the last round; `null` where the system does not say.
    resident_bytes: Option<u64>,
    /// Bytes of KV cache for each token of context; `null` where the header does not say.
    cache_bytes_per_token: Option<u64>,
    rows: Vec<Row>,
}

/// One number of clients; medians over the rounds.
#[derive(Debug, Serialize)]
struct Row {
    clients: usize,
    prompt_tokens: u64,
    generated_tokens: u64,
    prompt_tokens_per_s: f64,
    decode_tokens_per_s: f64,
    /// To the first token of a prompt nobody has seen before.
    ttft_ms: f64,
    /// To the first token of the same prompt asked again.
    ttft_prefix_ms: f64,
    /// Share of the prompt that was found in the prefix cache then, 0 to 1.
    prefix_hit: f64,
}

/// Measures, showing how far it is, and prints the table.
pub(crate) fn engine(args: &cli::BenchEngine) -> Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let report = runtime.context("no runtime can be started")?.block_on(measured(args))?;
    let text = if args.json { serde_json::to_string_pretty(&report)? + "\n" } else { show(&report) };
    crate::print(&text)
}

async fn measured(args: &cli::BenchEngine) -> Result<Report> {
    let (prompt, generate) = (usize::from(args.prompt), usize::from(args.generate));
    let most = args.clients.iter().copied().max().unwrap_or(1);
    eprintln!("loading {}", args.model.display());
    let rig = Rig::start(&args.model, args.threads, usize::from(most), prompt + generate + MARGIN).await?;
    let models = rig.engine.models().to_vec();
    let model = models.first().context("the engine has no model")?;
    let mut target = Target::new(rig.engine.clone(), Arc::clone(model), Policy::default());
    let result = async {
        target.calibrate(prompt).await.map_err(|f| measure::problem(&f))?;
        let mut rows = Vec::new();
        for clients in &args.clients {
            rows.push(row(&target, usize::from(*clients), args).await?);
        }
        tokio::time::sleep(STATS).await;
        anyhow::Ok(rows)
    };
    let rows = result.await;
    let resident = rig.engine.numbers().first().map(|n| n.resident_bytes).filter(|b| *b > 0);
    rig.engine.shutdown().await;
    let about = rig.engine.about().cloned();
    Ok(Report {
        model: model.id.to_string(),
        architecture: about.as_ref().map(|a| a.architecture.clone()).unwrap_or_default(),
        parameters: about.as_ref().map_or(0, |a| a.params),
        file_bytes: about.as_ref().map_or(0, |a| a.file_bytes),
        threads: args.threads,
        rounds: args.rounds,
        load_s: rig.load.as_secs_f64(),
        resident_bytes: resident,
        cache_bytes_per_token: about.map(|a| a.cache_bytes_per_token).filter(|b| *b > 0),
        rows: rows?,
    })
}

/// Each round asks every prompt twice: first for one token, which is all prompt; then for the whole answer, which finds
/// the prompt in the prefix cache and so is all decoding.
async fn row(target: &Target, clients: usize, args: &cli::BenchEngine) -> Result<Row> {
    let mut figures: [Vec<f64>; 5] = Default::default();
    let mut tokens = (0, 0);
    for round in 0..args.rounds {
        eprintln!("{clients:>3} clients, round {} of {}", round + 1, args.rounds);
        let shape = Shape { clients, prompt: usize::from(args.prompt), generate: 1, round: u64::from(round) };
        let cold = target.together(shape).await.map_err(|f| measure::problem(&f))?;
        let warm = target.together(Shape { generate: usize::from(args.generate), ..shape }).await;
        let warm = warm.map_err(|f| measure::problem(&f))?;
        let ttft = |seen: &[measure::Seen]| median(seen.iter().map(|s| s.ttft().as_secs_f64() * 1e3).collect());
        let (cached, input) = warm.iter().fold((0, 0), |(c, i), s| (c + s.usage.cached, i + s.usage.input));
        let now = [
            prompt_speed(&cold),
            decode_speed(&warm),
            ttft(&cold),
            ttft(&warm),
            cached as f64 / (input as f64).max(1.0),
        ];
        figures.iter_mut().zip(now).for_each(|(all, one)| all.push(one));
        tokens = warm.first().map_or(tokens, |s| (s.usage.input, s.usage.output));
    }
    let [prompt, decode, ttft, again, hit] = figures.map(median);
    Ok(Row {
        clients,
        prompt_tokens: tokens.0,
        generated_tokens: tokens.1,
        prompt_tokens_per_s: prompt,
        decode_tokens_per_s: decode,
        ttft_ms: ttft,
        ttft_prefix_ms: again,
        prefix_hit: hit,
    })
}

/// The report for people.
fn show(report: &Report) -> String {
    let mib = |bytes: u64| format!("{:.0} MiB", bytes as f64 / f64::from(1 << 20));
    let facts = [
        ("model", format!("{} ({})", printable(&report.model), printable(&report.architecture))),
        ("parameters", format!("{:.2} billion, file {}", report.parameters as f64 / 1e9, mib(report.file_bytes))),
        ("threads", report.threads.map_or_else(|| "chosen by the engine".to_owned(), |t| t.to_string())),
        ("load", format!("{:.2} s", report.load_s)),
        ("memory", report.resident_bytes.map_or_else(|| "not known here".to_owned(), mib)),
        (
            "KV cache",
            report.cache_bytes_per_token.map_or_else(|| "not known".to_owned(), |b| format!("{b} bytes a token")),
        ),
    ];
    let mut out = columns(&facts.map(|(name, text)| vec![name.to_owned(), text]));
    let head = ["clients", "prompt t/s", "decode t/s", "first token", "with prefix hit", "prefix found"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    rows.extend(report.rows.iter().map(|r| {
        vec![
            r.clients.to_string(),
            format!("{:.1}", r.prompt_tokens_per_s),
            format!("{:.1}", r.decode_tokens_per_s),
            format!("{:.0} ms", r.ttft_ms),
            format!("{:.0} ms", r.ttft_prefix_ms),
            format!("{:.0} %", r.prefix_hit * 100.0),
        ]
    }));
    out.push('\n');
    out.push_str(&columns(&rows));
    if let Some(row) = report.rows.first() {
        let _ = writeln!(
            out,
            "\nprompts of {} tokens, {} generated, speculation off; speeds are those of all clients together",
            row.prompt_tokens, row.generated_tokens
        );
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_says_what_was_measured_and_what_is_not_known() {
        let row = Row {
            clients: 8,
            prompt_tokens: 512,
            generated_tokens: 128,
            prompt_tokens_per_s: 150.04,
            decode_tokens_per_s: 90.0,
            ttft_ms: 7350.4,
            ttft_prefix_ms: 100.0,
            prefix_hit: 0.998,
        };
        let report = Report {
            model: "half\u{1b}".to_owned(),
            architecture: "qwen2".to_owned(),
            parameters: 494_000_000,
            file_bytes: 400 << 20,
            threads: None,
            rounds: 1,
            load_s: 0.5,
            resident_bytes: None,
            cache_bytes_per_token: Some(12288),
            rows: vec![row],
        };
        insta::assert_snapshot!(show(&report), @r"
        model       half? (qwen2)
        parameters  0.49 billion, file 400 MiB
        threads     chosen by the engine
        load        0.50 s
        memory      not known here
        KV cache    12288 bytes a token

        clients  prompt t/s  decode t/s  first token  with prefix hit  prefix found
        8        150.0       90.0        7350 ms      100 ms           100 %

        prompts of 512 tokens, 128 generated, speculation off; speeds are those of all clients together
        ");
    }
}
