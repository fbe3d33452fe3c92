//! `dewpoint capacity`: the table of GPUs, for people and as JSON.
//!
//! Never here: the table itself (`capacity`).

use crate::capacity::Table;
use crate::problem::{Problem, Problems, suggest};
use crate::table::columns;
use anyhow::Result;
use clap::Args;
use std::fmt::Write as _;
use std::process::ExitCode;

/// Arguments of `dewpoint capacity`.
#[derive(Debug, Args)]
pub(crate) struct Capacity {
    /// One GPU only, for example h100. Left out: all.
    pub(crate) gpu: Option<String>,
    /// As JSON.
    #[arg(long)]
    pub(crate) json: bool,
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
    #![allow(clippy::unwrap_used)]
    use super::*;

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
