//! What is promised of every model name that is asked for and every kind of task, by what the ledger keeps: the same for a running
//! server, which acts on it, and for `dewpoint routes`, which shows it.
//!
//! Never here: the test itself (`decide::promise`).

use decide::{COMPARED_DAYS, Lesson, Origin, Policy, Promise, Promised, Task, groups, promised};
use ledger::{LedgerError, Sought};
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

const DAY_MS: u64 = 86_400_000;

/// One group: what was asked for, what kind of task, and what the comparisons allow.
#[derive(Debug, Clone)]
pub(crate) struct Group {
    pub(crate) asked: Arc<str>,
    pub(crate) task: Task,
    /// What may be lost, per mille; `None`: nobody asked for a promise.
    pub(crate) max_loss_permille: Option<u16>,
    pub(crate) made: Promised,
}

/// The comparisons of the ledger in `dir` that may count. Reads a file: not on a thread that serves.
///
/// # Errors
/// The ledger cannot be read.
pub(crate) fn comparisons(dir: &Path, now_unix_ms: u64) -> Result<Vec<Lesson>, LedgerError> {
    let since_unix_ms = Some(now_unix_ms.saturating_sub(COMPARED_DAYS * DAY_MS));
    let sought = Sought { since_unix_ms, origin: Some(Origin::Shadow), compared: true, ..Sought::default() };
    ledger::newest_lessons(dir, &sought)
}

/// Every group of which there are comparisons, by name and task.
pub(crate) fn of(lessons: &[Lesson], policy: &Policy, now_unix_ms: u64) -> Vec<Group> {
    let mut all: Vec<Group> = groups(lessons, now_unix_ms)
        .into_iter()
        .map(|((asked, task), samples)| {
            let max_loss_permille = policy.cascade_of(&asked).max_quality_loss_permille;
            let made = promised(&samples, f64::from(max_loss_permille.unwrap_or(0)) / 1_000.0);
            Group { asked, task, max_loss_permille, made }
        })
        .collect();
    all.sort_by(|a, b| a.asked.cmp(&b.asked).then_with(|| a.task.as_str().cmp(b.task.as_str())));
    all
}

/// What the gateway is told: the groups for which somebody asked.
pub(crate) fn told(groups: &[Group]) -> HashMap<String, HashMap<Task, Promise>> {
    let mut out: HashMap<String, HashMap<Task, Promise>> = HashMap::new();
    for group in groups.iter().filter(|g| g.max_loss_permille.is_some()) {
        out.entry(group.asked.to_string()).or_default().insert(group.task, group.made.promise);
    }
    out
}

/// How a group stands, in words; `needed` is the least number of comparisons.
pub(crate) fn status(made: &Promised, max_loss_permille: Option<u16>, needed: Option<usize>) -> String {
    let n = made.evidence;
    match (max_loss_permille, made.drift, made.promise, needed) {
        (None, ..) => "nothing is promised: max_quality_loss is not set".to_owned(),
        (Some(_), Some(drift), ..) => format!("withdrawn: {}", drift.as_str()),
        (Some(_), None, Promise::Kept { doubt, share, .. }, _) => {
            format!("doubts up to {doubt:.2} are kept ({:.0} % of the answers)", 100.0 * share)
        }
        (Some(_), None, Promise::NotYet { .. }, None) => {
            "can never be promised: it would take no loss at all".to_owned()
        }
        (Some(_), None, Promise::NotYet { .. }, Some(least)) if n < least => {
            format!("not yet promised: {n} of at least {least} comparisons")
        }
        (Some(_), None, Promise::NotYet { .. }, Some(_)) => {
            let lost = 100.0 * made.loss_of_keeping_all.unwrap_or(0.0);
            format!("not yet promised: of {n} compared answers {lost:.1} % were not what the stronger place said")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use decide::{Compared, Origin, PlaceId, Route};

    /// Comparisons asked for under `asked`: each `doubt` in turn, lost where it is above 500.
    fn lessons(asked: &str, n: usize) -> Vec<Lesson> {
        (0..n)
            .map(|i| {
                let doubt_permille = (i * 37 % 1_000) as i16;
                let (asked, place, model) = (Arc::from(asked), PlaceId::new("cloud"), Arc::from("big"));
                let loss_permille = if doubt_permille > 500 { 1_000 } else { 0 };
                Lesson {
                    request_id: format!("r{i}").into(),
                    at_unix_ms: 1_000 + i as u64,
                    place: PlaceId::new("here"),
                    model: "small".into(),
                    task: Task::Math,
                    origin: Origin::Shadow,
                    score_permille: 1_000,
                    weight_milli: 500,
                    compared: Some(Compared { asked, place, model, doubt_permille, loss_permille }),
                }
            })
            .collect()
    }

    #[test]
    fn each_name_has_its_own_bound_and_its_own_evidence() {
        let mut policy = Policy::default();
        let own = |loss| decide::Cascade { max_quality_loss_permille: Some(loss), ..decide::Cascade::default() };
        policy.routes.insert("strict".into(), Route { cascade: Some(own(5)), ..Route::default() });
        policy.routes.insert("loose".into(), Route { cascade: Some(own(50)), ..Route::default() });
        let lessons: Vec<Lesson> = ["auto", "strict", "loose"]
            .iter()
            .flat_map(|name| lessons(name, if *name == "loose" { 40 } else { 900 }))
            .collect();
        let groups = of(&lessons, &policy, 10_000);
        let said: Vec<(&str, String)> = groups
            .iter()
            .map(|g| {
                let needed = g.max_loss_permille.and_then(|loss| decide::needed(f64::from(loss) / 1_000.0));
                (&*g.asked, status(&g.made, g.max_loss_permille, needed))
            })
            .collect();
        assert_eq!(said[0], ("auto", "nothing is promised: max_quality_loss is not set".to_owned()));
        assert!(said[1].1.starts_with("not yet promised: 40 of at least "), "{}", said[1].1);
        assert!(
            said[2].1.starts_with("doubts up to 0.5") && said[2].1.ends_with("(50 % of the answers)"),
            "{}",
            said[2].1
        );
        let told = told(&groups);
        assert!(!told.contains_key("auto"), "nobody asked for a promise");
        assert!(told["strict"][&Task::Math].keeps(0.4) && !told["strict"][&Task::Math].keeps(0.6));
        assert!(!told["loose"][&Task::Math].keeps(-1.0), "too few: everything is escalated");
    }

    #[test]
    fn what_cannot_be_promised_says_why() {
        let bad: Vec<Lesson> = lessons("auto", 900)
            .into_iter()
            .map(|mut lesson| {
                if let Some(compared) = &mut lesson.compared {
                    (compared.doubt_permille, compared.loss_permille) = (-600, 1_000);
                }
                lesson
            })
            .collect();
        let mut policy = Policy::default();
        policy.cascade.max_quality_loss_permille = Some(20);
        let made = of(&bad, &policy, 10_000)[0].made;
        let why = status(&made, Some(20), decide::needed(0.02));
        assert_eq!(why, "not yet promised: of 900 compared answers 100.0 % were not what the stronger place said");
        assert!(status(&made, Some(0), decide::needed(0.0)).starts_with("can never be promised"));
    }
}
