//! What is believed of models before any evidence.
//!
//! `data/abilities.json` is written by `cargo run -p xtask -- abilities`, which says how it is made and from what.
//!
//! Never here: what follows from it (room `decide`).

use decide::{Ability, Belief, Rank, Task, model_name};
use serde::Deserialize;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

const DATA: &str = include_str!("../data/abilities.json");
/// Observations for a task that no exam is about, in thousandths: nearly anything may still be true.
const WIDE_MILLI: u64 = 2_000;
/// The demonstration model answers next to no question right, and that is well known.
const DEMONSTRATION: (u16, u64) = (20, 20_000);

/// The table.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Abilities {
    tasks: HashMap<String, OfTask>,
    models: HashMap<String, HashMap<String, Known>>,
}

#[derive(Debug, Deserialize)]
struct OfTask {
    exams: Vec<String>,
    size_milli: (i64, i64),
    listed_milli: u64,
    unlisted_milli: u64,
}

#[derive(Debug, Deserialize)]
struct Known {
    permille: u16,
}

/// The table inside the binary. A test keeps a damaged one from being released.
pub(crate) static BUILT_IN: LazyLock<Abilities> = LazyLock::new(|| serde_json::from_str(DATA).unwrap_or_default());

impl Abilities {
    /// What is believed of the model of this id: from its exams, else from its size, else from the rank that its name suggests.
    pub(crate) fn of(&self, id: &str) -> Arc<Ability> {
        self.ranked(id, Rank::of_name(id))
    }

    /// The same where its name may say nothing: a size still does, then the level it has in the book, then its name, then the level of its tier.
    pub(crate) fn levelled(&self, id: &str, book: Option<u16>, tier: u16) -> Arc<Ability> {
        let rank = match (Rank::billions_of_name(id), book) {
            (None, Some(level)) => Rank::of_level(level),
            _ => Rank::told_by_name(id).unwrap_or(Rank::of_level(tier)),
        };
        self.ranked(id, rank)
    }

    fn ranked(&self, id: &str, rank: Rank) -> Arc<Ability> {
        let billions = Rank::billions_of_name(id);
        let name = model_name(id);
        let known = self.models.get(&name);
        let tasks = Task::ALL.map(|task| match self.tasks.get(task.as_str()) {
            None => Belief::of_mean(Ability::typical(rank, task), WIDE_MILLI),
            Some(of) => match known.and_then(|k| k.get(task.as_str())) {
                Some(known) => Belief::of_mean(known.permille, of.listed_milli),
                None => Belief::of_mean(of.unlisted(rank, task, billions), of.unlisted_milli),
            },
        });
        Arc::new(Ability { rank, tasks, source: self.source(&name, known, rank, billions).into() })
    }

    /// What is believed of the model that comes with Dewpoint.
    pub(crate) fn demonstration() -> Arc<Ability> {
        let (mean, observations) = DEMONSTRATION;
        let tasks = Task::ALL.map(|_| Belief::of_mean(mean, observations));
        Arc::new(Ability { rank: Rank::Edge, tasks, source: "a demonstration model, which can do no exam".into() })
    }

    /// For people.
    fn source(&self, name: &str, known: Option<&HashMap<String, Known>>, rank: Rank, billions: Option<u32>) -> String {
        let rest = match billions {
            Some(b) => format!("its size ({b} billion parameters)"),
            None => format!("its rank ({})", rank.as_str()),
        };
        let Some(known) = known else { return rest };
        let of_task = |task: &&Task| known.contains_key(task.as_str());
        let exams = Task::ALL.iter().filter(of_task).filter_map(|t| self.tasks.get(t.as_str())).flat_map(|t| &t.exams);
        let mut exams: Vec<&str> = exams.map(String::as_str).collect();
        exams.sort_unstable();
        exams.dedup();
        format!("exams of {name} ({}); for other tasks {rest}", exams.join(", "))
    }
}

impl OfTask {
    /// Mean, per mille, of a model that sat none of the exams.
    fn unlisted(&self, rank: Rank, task: Task, billions: Option<u32>) -> u16 {
        let Some(billions) = billions else { return Ability::typical(rank, task) };
        let (base, slope) = (self.size_milli.0 as f64 / 1e3, self.size_milli.1 as f64 / 1e3);
        let odds = base + slope * f64::from(billions.max(1)).log2();
        (1_000.0 / (1.0 + (-odds).exp())).round() as u16
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use decide::Tier;

    fn at(id: &str, task: Task) -> Belief {
        BUILT_IN.of(id).at(task)
    }

    #[test]
    fn the_table_is_whole() {
        assert!(serde_json::from_str::<Abilities>(DATA).is_ok());
        assert!(BUILT_IN.models.len() > 60 && BUILT_IN.tasks.len() >= 5);
        for (name, tasks) in &BUILT_IN.models {
            assert_eq!(&model_name(name), name, "an entry that nobody finds");
            assert!(tasks.values().all(|k| k.permille <= 1_000));
            assert!(tasks.keys().all(|t| BUILT_IN.tasks.contains_key(t)));
        }
    }

    #[test]
    fn a_name_that_says_nothing_has_the_rank_of_its_level() {
        let rank = |id: &str, book, tier: Tier| BUILT_IN.levelled(id, book, tier.quality_permille()).rank;
        assert_eq!(rank("gpt-6-luna", Some(650), Tier::Cloud), Rank::Large);
        assert_eq!(rank("gpt-6.1-sol", Some(950), Tier::Cloud), Rank::Frontier);
        assert_eq!(rank("somebody-8b", Some(950), Tier::Cloud), Rank::Local, "its size says more");
        assert_eq!(rank("claude-haiku-9", None, Tier::Cloud), Rank::Large, "so does the vendor's word");
        let unknown = [Tier::Edge, Tier::Local, Tier::Cloud].map(|tier| rank("nobody-knows", None, tier));
        assert_eq!(unknown, [Rank::Edge, Rank::Local, Rank::Frontier]);
    }

    #[test]
    fn what_is_known_of_a_model_is_found_under_the_names_it_is_served_by() {
        let exam = at("Meta-Llama-3.1-8B-Instruct", Task::Math);
        for id in ["llama3.1:8b", "meta-llama/Llama-3.1-8B-Instruct", "llama3.1:8b-instruct-q4_K_M"] {
            assert_eq!(at(id, Task::Math), exam, "{id}");
            assert!(BUILT_IN.of(id).source.contains("exams of llama-3-1-8b"), "{}", BUILT_IN.of(id).source);
        }
        assert!(at("gpt-4o", Task::Math).mean_permille() > exam.mean_permille() + 100);
        assert!(
            at("claude-3-5-sonnet-latest", Task::Code).mean_permille() > at("gemma2:2b", Task::Code).mean_permille()
        );
    }

    #[test]
    fn a_new_model_starts_with_a_wide_interval_and_not_with_zero() {
        for (id, says) in [("brand-new-70b", "70 billion"), ("gpt-9-turbo", "rank"), ("x", "rank (local)")] {
            let ability = BUILT_IN.of(id);
            assert!(ability.source.contains(says.split(' ').next().unwrap_or_default()), "{}", ability.source);
            for task in Task::ALL {
                let (low, high) = ability.at(task).interval_permille();
                assert!(low > 0 && high - low > 150, "{id} {task:?}: {low} to {high}");
            }
            let (low, high) = ability.at(Task::Chat).interval_permille();
            assert!(high - low > 600, "no exam is about it: {low} to {high}");
        }
        let sizes = ["new-2b", "new-8b", "new-70b", "new-400b"].map(|id| at(id, Task::Math).mean_permille());
        assert!(sizes.is_sorted() && sizes[0] + 100 < sizes[3], "{sizes:?}");
    }

    #[test]
    fn the_demonstration_model_can_do_nothing() {
        let ability = Abilities::demonstration();
        for task in Task::ALL {
            let (_, high) = ability.at(task).interval_permille();
            assert!(high < 150, "{high}");
        }
    }
}
