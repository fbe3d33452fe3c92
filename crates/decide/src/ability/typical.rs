//! What is usual of ranks at tasks, per mille. Written by `cargo run -p xtask -- abilities`; a change by hand is overwritten.
//!
//! Sources: RouteLLM (lm-sys, Apache-2.0); ZeroEval (WildEval, Apache-2.0); MMLU-Pro (TIGER-AI-Lab, Apache-2.0); RouterBench, by RouterDC (no licence stated; sums only); Berkeley Function-Calling Leaderboard, 2024-08-11 (no licence stated; sums only).
//! Never here: single models (`crates/app/data/abilities.json`).

use crate::{RANKS, Task};

/// By rank, the least able first.
pub(super) const fn of(task: Task) -> [u16; RANKS] {
    match task {
        Task::Math => [429, 537, 707, 782],
        Task::Code | Task::ExplainCode => [325, 443, 608, 732],
        Task::Answer => [573, 573, 716, 739],
        Task::Reason => [337, 421, 619, 733],
        Task::Tool | Task::Agent => [720, 720, 743, 808],
        _ => [476, 538, 678, 758],
    }
}
