//! The table of GPUs inside the binary: how fast public measurements found them with which models, and what they rent for.
//!
//! `data/capacity.toml` is derived by `xtask capacity`, with a source per row.
//!
//! Never here: measuring (`probe`), showing (`speeds`), or what a place does with it (`config::resolve::economics`).

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

/// The derived file inside the binary.
const DATA: &str = include_str!("../data/capacity.toml");

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
    pub(crate) configurations: u32,
    pub(crate) source: String,
}

/// Speeds of one model on one GPU, tokens per second of each.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub(crate) struct Speed {
    pub(crate) gpu: String,
    pub(crate) model: String,
    pub(crate) quant: String,
    pub(crate) engine: String,
    /// GPUs that were measured together.
    pub(crate) gpus: u32,
    pub(crate) prompt_tokens_per_s: f64,
    pub(crate) decode_tokens_per_s: f64,
    /// Requests at once; 0 is "as many as possible".
    pub(crate) seats: u32,
    pub(crate) measurements: u32,
    pub(crate) off_percent: u32,
    pub(crate) source: String,
}

/// What a GPU rents for, US dollars per hour: the median of some offers.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub(crate) struct Rent {
    pub(crate) gpu: String,
    pub(crate) vram_gb: u32,
    pub(crate) usd_per_hour: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) usd_per_hour_spot: Option<String>,
    pub(crate) offers: u32,
    pub(crate) source: String,
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::config::dollars as nanousd;

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
        assert_eq!(
            table.speed("h100", "LLAMA2-70B", 6).unwrap().gpus,
            8,
            "of two as near, the one with the slower GPUs"
        );
        assert!(table.speed("h100", "no-such-model", 1).is_none());
    }
}
