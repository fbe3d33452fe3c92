//! The budgets of a server as families of `/metrics`. `dewpoint budgets` and `dewpoint keys audit` read them.
//!
//! Never here: sums (room `budget`).

use budget::{Budgets, Standing};
use decide::Nanousd;
use std::fmt::Write;

/// Rows at most; with more accounts those without a budget are left out first.
const ROWS_MAX: usize = 6_000;

/// A family: name, help, value in nano-dollars.
type Family = (&'static str, &'static str, fn(&Standing) -> Option<i64>);

const FAMILIES: [Family; 4] = [
    ("limit", "What may be spent in the window of now", |s| s.limit_nanousd),
    ("spent", "What was settled in the window of now", |s| Some(s.spent_nanousd)),
    ("reserved", "What is set aside for attempts under way", |s| Some(s.reserved_nanousd)),
    ("over", "Of what was settled, what was billed above what had been set aside", |s| Some(s.over_nanousd)),
];

/// All families of every account that has a budget or spent something; nothing where there is none.
pub(super) fn text(budgets: &Budgets, now_ms: u64) -> String {
    let used = |s: &Standing| s.limit_nanousd.is_some() || s.spent_nanousd != 0 || s.reserved_nanousd != 0;
    let mut standings: Vec<Standing> = budgets.standings(now_ms).into_iter().filter(used).collect();
    let mut out = String::new();
    if standings.is_empty() {
        return out;
    }
    let left_out = standings.len().saturating_sub(ROWS_MAX);
    if left_out > 0 {
        standings.sort_by_key(|s| s.limit_nanousd.is_none());
        standings.truncate(ROWS_MAX);
    }
    for (name, help, value) in FAMILIES {
        let name = format!("dewpoint_budget_{name}_usd");
        let _ = writeln!(out, "# HELP {name} {help}, dollars.\n# TYPE {name} gauge\n# UNIT {name} usd");
        for s in &standings {
            if let Some(value) = value(s) {
                let (level, period) = (s.account.level.as_str(), s.period.as_str());
                let account = label(&s.account.name);
                let value = Nanousd(value);
                let _ = writeln!(out, "{name}{{level=\"{level}\",account=\"{account}\",period=\"{period}\"}} {value}");
            }
        }
    }
    let name = "dewpoint_budget_rows_left_out";
    let _ = write!(out, "# HELP {name} Rows of budgets that are not shown.\n# TYPE {name} gauge\n{name} {left_out}\n");
    out
}

/// A label's value as OpenMetrics wants it.
fn label(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use budget::{AccountId, Level, Terms};

    #[test]
    fn nothing_without_accounts_and_exact_dollars_with() {
        let budgets = Budgets::new();
        assert_eq!(text(&budgets, 0), "");
        let terms = Terms { budget_nanousd: [None, None, Some(1_500_000_000)], ..Terms::default() };
        let key = AccountId::new(Level::Key, "a\"b\\");
        budgets.take_over(&[(key.clone(), terms), (AccountId::new(Level::Team, "idle"), Terms::default())], 0);
        budgets.charge_past(&key, (0, 0), 7);
        let text = text(&budgets, 0);
        let row = |family: &str, value: &str| {
            let row = format!(
                "dewpoint_budget_{family}_usd{{level=\"key\",account=\"a\\\"b\\\\\",period=\"month\"}} {value}\n"
            );
            assert!(text.contains(&row), "{row}\n{text}");
        };
        row("limit", "1.500000000");
        row("spent", "0.000000007");
        row("reserved", "0.000000000");
        assert!(!text.contains("idle"));
    }
}
