//! The table of GPUs inside the binary: how fast public measurements found them with which models, and what they rent for; and
//! `dewpoint capacity`, which shows it.
//!
//! `data/capacity.toml` is derived by `xtask capacity`, with a source per row.
//!
//! Never here: measuring (`probe`), or what a place does with it (`config::resolve::economics`).

use crate::problem::{Problem, Problems, suggest};
use crate::table::columns;
use anyhow::{Context, Result};
use clap::Args;
use serde::{Deserialize, Serialize};
use std::fmt::Write as _;
use std::process::ExitCode;

/// The derived file inside the binary.
const DATA: &str = include_str!("../data/capacity.toml");

/// Arguments of `dewpoint capacity`.
#[derive(Debug, Args)]
pub(crate) struct Capacity {
    /// One GPU only, for example h100. Left out: all.
    pub(crate) gpu: Option<String>,
    /// As JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// The whole table.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Table {
    pub(crate) interactive: Interactive,
    pub(crate) speed: Vec<Speed>,
    pub(crate) rent: Vec<Rent>,
}

/// What is left of full speed where answers have to be quick.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Interactive {
    pub(crate) permille: u16,
    configurations: u32,
    source: String,
}

/// Speeds of one model on one GPU, tokens per second of each.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub(crate) struct Speed {
    pub(crate) gpu: String,
    pub(crate) model: String,
    quant: String,
    engine: String,
    /// GPUs that were measured together.
    pub(crate) gpus: u32,
    pub(crate) prompt_tokens_per_s: f64,
    pub(crate) decode_tokens_per_s: f64,
    /// Requests at once; 0 is "as many as possible".
    pub(crate) seats: u32,
    measurements: u32,
    off_percent: u32,
    source: String,
}

/// What a GPU rents for, US dollars per hour: the median of some offers.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub(crate) struct Rent {
    pub(crate) gpu: String,
    vram_gb: u32,
    pub(crate) usd_per_hour: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) usd_per_hour_spot: Option<String>,
    offers: u32,
    source: String,
}

impl Table {
    /// Reads the table inside the binary.
    ///
    /// # Errors
    /// It is damaged; a test keeps that from being released.
    pub(crate) fn built_in() -> Result<Table> {
        toml::from_str(DATA).context("the built-in table of capacities cannot be read")
    }

    /// Every GPU that it knows anything of, in order.
    pub(crate) fn gpus(&self) -> Vec<&str> {
        let mut all: Vec<&str> =
            self.speed.iter().map(|s| s.gpu.as_str()).chain(self.rent.iter().map(|r| r.gpu.as_str())).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// Models that were measured on a GPU.
    pub(crate) fn models(&self, gpu: &str) -> Vec<&str> {
        let mut all: Vec<&str> = self.speed.iter().filter(|s| s.gpu == gpu).map(|s| s.model.as_str()).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// The speeds of a model on a GPU: of several measurements, the one with the nearest number of GPUs, of those the slowest.
    pub(crate) fn speed(&self, gpu: &str, model: &str, gpus: u32) -> Option<&Speed> {
        let fits = |s: &&Speed| s.gpu == gpu && s.model.eq_ignore_ascii_case(model);
        let rank = |s: &&Speed| (s.gpus.abs_diff(gpus), s.decode_tokens_per_s as u64, s.prompt_tokens_per_s as u64);
        self.speed.iter().filter(fits).min_by_key(rank)
    }

    /// The rent of a GPU.
    pub(crate) fn rent(&self, gpu: &str) -> Option<&Rent> {
        self.rent.iter().find(|r| r.gpu == gpu)
    }
}

/// Prints the table, or one GPU of it.
pub(crate) fn run(args: &Capacity) -> Result<ExitCode> {
    let mut table = Table::built_in()?;
    if let Some(gpu) = &args.gpu {
        if !table.gpus().contains(&gpu.as_str()) {
            let why = "nobody measured or offered it in what the table was made of";
            let help = suggest(gpu, &table.gpus());
            return Err(Problems::from(Problem::new(format!("there is no GPU \"{gpu}\" here"), why, help)).into());
        }
        table.speed.retain(|s| s.gpu == *gpu);
        table.rent.retain(|r| r.gpu == *gpu);
    }
    let text = if args.json { serde_json::to_string_pretty(&table)? + "\n" } else { show(&table) };
    crate::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

/// The table for people.
fn show(table: &Table) -> String {
    let row = |cells: &[&str]| cells.iter().map(|c| (*c).to_owned()).collect::<Vec<_>>();
    let mut out = String::new();
    if !table.speed.is_empty() {
        let head = ["gpu", "model", "quant", "gpus", "prompt/s", "decode/s", "at once", "off", "source"];
        let mut rows = vec![row(&head)];
        for s in &table.speed {
            let seats = if s.seats == 0 { "full load".to_owned() } else { s.seats.to_string() };
            let off = if s.measurements > 2 && s.seats == 0 { format!("{} %", s.off_percent) } else { "-".to_owned() };
            let (prompt, decode) = (format!("{:.0}", s.prompt_tokens_per_s), format!("{:.0}", s.decode_tokens_per_s));
            let gpus = s.gpus.to_string();
            let source = format!("{}; {}", s.engine, s.source);
            rows.push(row(&[&s.gpu, &s.model, &s.quant, &gpus, &prompt, &decode, &seats, &off, &source]));
        }
        out.push_str(&columns(&rows));
        let i = &table.interactive;
        let _ = writeln!(
            out,
            "\nTokens per second of one GPU. Where answers have to be quick, 0.{:03} of it is left (median of {} configurations: {}).",
            i.permille, i.configurations, i.source
        );
    }
    if !table.rent.is_empty() {
        let mut rows = vec![row(&["gpu", "memory", "$/h", "$/h spot", "offers", "of"])];
        for r in &table.rent {
            let (memory, offers) = (format!("{} GB", r.vram_gb), r.offers.to_string());
            let spot = r.usd_per_hour_spot.as_deref().unwrap_or("-");
            rows.push(row(&[&r.gpu, &memory, &r.usd_per_hour, spot, &offers, &r.source]));
        }
        let gap = if out.is_empty() { "" } else { "\n" };
        let _ = write!(out, "{gap}{}", columns(&rows));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::number::nanousd;

    #[test]
    fn the_table_is_whole_and_every_row_has_a_source() {
        let table = Table::built_in().unwrap();
        assert!(table.speed.len() > 50 && table.rent.len() > 15, "{} {}", table.speed.len(), table.rent.len());
        for s in &table.speed {
            assert!(s.prompt_tokens_per_s > 0.0 && s.decode_tokens_per_s > 0.0 && s.gpus > 0, "{s:?}");
            assert!(!s.source.is_empty() && s.prompt_tokens_per_s < 1e6, "{s:?}");
        }
        for r in &table.rent {
            assert!(nanousd(&r.usd_per_hour).is_ok_and(|n| n > 0) && !r.source.is_empty(), "{r:?}");
            let spot = r.usd_per_hour_spot.as_ref();
            assert!(spot.is_none_or(|s| nanousd(s).is_ok_and(|n| n > 0)), "{r:?}");
        }
        assert!((1..=1_000).contains(&table.interactive.permille));
    }

    #[test]
    fn of_several_measurements_the_nearest_counts() {
        let table = Table::built_in().unwrap();
        let one = table.speed("h100", "llama2-70b", 2).unwrap();
        assert_eq!((one.gpus, one.seats), (2, 32));
        assert_eq!(table.speed("h100", "LLAMA2-70B", 6).unwrap().gpus, 4, "of two as near, the slower");
        assert!(table.speed("h100", "no-such-model", 1).is_none());
    }

    #[test]
    fn people_see_speeds_rents_and_where_they_come_from() {
        let mut table = Table::built_in().unwrap();
        table.speed.retain(|s| s.gpu == "h100");
        table.rent.retain(|r| r.gpu == "h100");
        let text = show(&table);
        assert!(text.contains("Llama-3.3-70B") && text.contains("TensorRT-LLM") && text.contains("MLPerf"), "{text}");
        assert!(text.contains("80 GB") && text.contains("skypilot"), "{text}");
    }
}
