//! What is usual of ranks at tasks, per mille. Written by `cargo run -p xtask -- abilities`; a change by hand is overwritten.
//!
//! Sources: RouteLLM (lm-sys, Apache-2.0); ZeroEval (WildEval, Apache-2.0); MMLU-Pro (TIGER-AI-Lab, Apache-2.0); RouterBench, by RouterDC (no licence stated; sums only); Berkeley Function-Calling Leaderboard, 2024-08-11 (no licence stated; sums only).
//! Never here: single models (`crates/app/data/abilities.json`).

use crate::{RANKS, Task};

/// By rank, the least able first.
pub(super) const fn of(task: Task) -> [u16; RANKS] {
    match task {
        Task::Math => [429, 561, 729, 769],
        Task::Code => [321, 488, 606, 713],
        Task::Answer => [587, 587, 725, 747],
        Task::Reason => [336, 463, 625, 728],
        Task::Tool => [724, 724, 737, 808],
        _ => [479, 564, 684, 753],
    }
}
