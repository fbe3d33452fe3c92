//! Stored forms of the enums of `decide`: a number in the journal, a name in SQLite.
//!
//! The numbers are a file format: they are given here, apart from the order of declaration in `decide`, and never change.

use decide::{DataClass, Kind, Origin, Outcome, Priced, Task, Tier};

const TIERS: [Tier; 3] = [Tier::Edge, Tier::Local, Tier::Cloud];
const KINDS: [Kind; 4] = [Kind::Serverless, Kind::Burst, Kind::Dedicated, Kind::Appliance];
const PRICED: [Priced; 4] = [Priced::Unknown, Priced::Exact, Priced::Estimated, Priced::Own];
const OUTCOMES: [Outcome; 6] =
    [Outcome::Ok, Outcome::Failed, Outcome::Cancelled, Outcome::Refused, Outcome::Unknown, Outcome::Doubted];

pub(crate) const fn class_code(class: DataClass) -> u8 {
    match class {
        DataClass::Public => 0,
        DataClass::Internal => 1,
        DataClass::Personal => 2,
        DataClass::Sensitive => 3,
        DataClass::Secret => 4,
    }
}

pub(crate) const fn task_code(task: Task) -> u8 {
    match task {
        Task::Chat => 0,
        Task::Classify => 1,
        Task::Extract => 2,
        Task::Summarize => 3,
        Task::Transform => 4,
        Task::Answer => 5,
        Task::Write => 6,
        Task::Code => 7,
        Task::Math => 8,
        Task::Reason => 9,
        Task::Tool => 10,
        Task::ExplainCode => 11,
        Task::Boilerplate => 12,
        Task::Grounded => 13,
        Task::Search => 14,
        Task::Agent => 15,
    }
}

pub(crate) const fn tier_code(tier: Tier) -> u8 {
    match tier {
        Tier::Edge => 0,
        Tier::Local => 1,
        Tier::Cloud => 2,
    }
}

pub(crate) const fn outcome_code(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::Ok => 0,
        Outcome::Failed => 1,
        Outcome::Cancelled => 2,
        Outcome::Refused => 3,
        Outcome::Unknown => 4,
        Outcome::Doubted => 5,
    }
}

pub(crate) const fn kind_code(kind: Kind) -> u8 {
    match kind {
        Kind::Serverless => 0,
        Kind::Burst => 1,
        Kind::Dedicated => 2,
        Kind::Appliance => 3,
    }
}

pub(crate) const fn priced_code(priced: Priced) -> u8 {
    match priced {
        Priced::Unknown => 0,
        Priced::Exact => 1,
        Priced::Estimated => 2,
        Priced::Own => 3,
    }
}

pub(crate) const fn origin_code(origin: Origin) -> u8 {
    match origin {
        Origin::Feedback => 0,
        Origin::Check => 1,
        Origin::Escalation => 2,
        Origin::Shadow => 3,
    }
}

pub(crate) fn origin_of(code: u8) -> Option<Origin> {
    Origin::ALL.into_iter().find(|v| origin_code(*v) == code)
}

pub(crate) fn origin_named(name: &str) -> Option<Origin> {
    Origin::ALL.into_iter().find(|v| v.as_str() == name)
}

pub(crate) fn kind_of(code: u8) -> Option<Kind> {
    KINDS.into_iter().find(|v| kind_code(*v) == code)
}

pub(crate) fn priced_of(code: u8) -> Option<Priced> {
    PRICED.into_iter().find(|v| priced_code(*v) == code)
}

pub(crate) fn class_of(code: u8) -> Option<DataClass> {
    DataClass::ALL.into_iter().find(|v| class_code(*v) == code)
}

pub(crate) fn task_of(code: u8) -> Option<Task> {
    Task::ALL.into_iter().find(|v| task_code(*v) == code)
}

pub(crate) fn tier_of(code: u8) -> Option<Tier> {
    TIERS.into_iter().find(|v| tier_code(*v) == code)
}

pub(crate) fn outcome_of(code: u8) -> Option<Outcome> {
    OUTCOMES.into_iter().find(|v| outcome_code(*v) == code)
}

pub(crate) fn task_named(name: &str) -> Option<Task> {
    Task::ALL.into_iter().find(|v| v.as_str() == name)
}

pub(crate) fn tier_named(name: &str) -> Option<Tier> {
    TIERS.into_iter().find(|v| v.as_str() == name)
}

pub(crate) fn kind_named(name: &str) -> Option<Kind> {
    KINDS.into_iter().find(|v| v.as_str() == name)
}

pub(crate) fn priced_named(name: &str) -> Option<Priced> {
    PRICED.into_iter().find(|v| v.as_str() == name)
}

pub(crate) fn outcome_named(name: &str) -> Option<Outcome> {
    OUTCOMES.into_iter().find(|v| v.as_str() == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_comes_back_from_its_code_and_its_name() {
        for v in DataClass::ALL {
            assert_eq!(class_of(class_code(v)), Some(v));
        }
        for v in Task::ALL {
            assert_eq!((task_of(task_code(v)), task_named(v.as_str())), (Some(v), Some(v)));
        }
        for v in TIERS {
            assert_eq!((tier_of(tier_code(v)), tier_named(v.as_str())), (Some(v), Some(v)));
        }
        for v in KINDS {
            assert_eq!((kind_of(kind_code(v)), kind_named(v.as_str())), (Some(v), Some(v)));
        }
        for v in PRICED {
            assert_eq!((priced_of(priced_code(v)), priced_named(v.as_str())), (Some(v), Some(v)));
        }
        for v in Origin::ALL {
            assert_eq!((origin_of(origin_code(v)), origin_named(v.as_str())), (Some(v), Some(v)));
        }
        for v in OUTCOMES {
            assert_eq!((outcome_of(outcome_code(v)), outcome_named(v.as_str())), (Some(v), Some(v)));
        }
    }

    #[test]
    fn an_unknown_code_or_name_is_none() {
        assert_eq!((class_of(5), task_of(16), tier_of(3), outcome_of(6)), (None, None, None, None));
        assert_eq!((origin_of(4), origin_named("Check")), (None, None));
        assert_eq!((kind_of(4), priced_of(4), kind_named("Burst"), priced_named("free")), (None, None, None, None));
        assert_eq!((task_named("Chat"), tier_named(""), outcome_named("okay")), (None, None, None));
    }
}
