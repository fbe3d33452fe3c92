//! `dewpoint keys audit`: what the running server counts as spent is what the ledger says.
//!
//! Never here: checksums of the ledger (`dewpoint ledger verify`).

use super::server::{self, Told};
use super::{args, list, now_unix_ms, settings};
use crate::config::Settings;
use anyhow::Result;
use budget::Standing;
use decide::Nanousd;
use std::process::ExitCode;
use std::time::Duration;

/// Requests end while we look: the server and the ledger are read again so often before a difference counts.
const TRIES: u32 = 5;
const BETWEEN: Duration = Duration::from_millis(300);

/// One account and period where the two differ.
#[derive(Debug, PartialEq)]
struct Differs {
    level: String,
    account: String,
    period: String,
    server: i64,
    ledger: i64,
}

pub(super) fn run(args: &args::Audit) -> Result<ExitCode> {
    let settings = settings(args.common.config.as_deref())?;
    let Some(mut told) = server::told(&settings) else {
        let listen = settings.server.listen;
        let help = "start it, or look at what the ledger says with `dewpoint budgets`";
        let why = "the sums in memory are the server's, and are made anew from the ledger when it starts";
        return Err(crate::problem::Problems::from(crate::problem::Problem::new(
            format!("no server answers on {listen}"),
            why,
            help,
        ))
        .into());
    };
    let mut differ = compare(&told, &of_ledger(&settings)?);
    for _ in 1..TRIES {
        if differ.is_empty() {
            break;
        }
        std::thread::sleep(BETWEEN);
        told = server::told(&settings).unwrap_or(told);
        differ = compare(&told, &of_ledger(&settings)?);
    }
    let rows = told.rows("spent").count();
    let text = if args.common.json {
        let list: Vec<_> = differ
            .iter()
            .map(|d| {
                serde_json::json!({ "level": d.level, "account": d.account, "period": d.period,
                    "server_usd": Nanousd(d.server).to_string(), "ledger_usd": Nanousd(d.ledger).to_string() })
            })
            .collect();
        serde_json::json!({ "compared": rows, "differ": list }).to_string() + "\n"
    } else {
        shown(rows, &differ)
    };
    crate::print(&text)?;
    Ok(if differ.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn of_ledger(settings: &Settings) -> Result<Vec<Standing>> {
    list::from_ledger(settings, now_unix_ms())
}

/// Where they differ: rows of the server against the ledger, and what the ledger has and the server does not.
fn compare(told: &Told, ledger: &[Standing]) -> Vec<Differs> {
    let mut out: Vec<Differs> = ledger
        .iter()
        .filter_map(|s| {
            let (level, account, period) = (s.account.level.as_str(), &*s.account.name, s.period.as_str());
            let server = told.get("spent", level, account, period).unwrap_or(0);
            (server != s.spent_nanousd).then(|| Differs {
                level: level.to_owned(),
                account: account.to_owned(),
                period: period.to_owned(),
                server,
                ledger: s.spent_nanousd,
            })
        })
        .collect();
    let known = |l: &str, a: &str, p: &str| {
        ledger.iter().any(|s| s.account.level.as_str() == l && *s.account.name == *a && s.period.as_str() == p)
    };
    out.extend(told.rows("spent").filter(|(l, a, p, v)| *v != 0 && !known(l, a, p)).map(|(l, a, p, v)| Differs {
        level: l.to_owned(),
        account: a.to_owned(),
        period: p.to_owned(),
        server: v,
        ledger: 0,
    }));
    out
}

fn shown(rows: usize, differ: &[Differs]) -> String {
    if differ.is_empty() {
        return format!("{rows} sums of the server are those of the ledger, to the nano-dollar\n");
    }
    let mut out = String::new();
    for d in differ {
        out.push_str(&format!(
            "{} \"{}\", {}: the server counts ${}, the ledger ${}\n",
            d.level,
            crate::table::printable(&d.account),
            d.period,
            Nanousd(d.server),
            Nanousd(d.ledger)
        ));
    }
    out + "A restart makes the server's sums anew from the ledger. Please report this: it is a fault of ours unless the ledger was changed.\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use budget::{AccountId, Budgets, Level, Terms};

    #[test]
    fn every_difference_is_found_in_both_directions() {
        let budgets = Budgets::new();
        let id = |name| AccountId::new(Level::Key, name);
        budgets.take_over(&[(id("a"), Terms::default()), (id("b"), Terms::default())], 0);
        budgets.charge_past(&id("a"), (0, 0), 5);
        let ledger = budgets.standings(0);
        assert_eq!(compare(&Told::default(), &ledger).len(), 3, "the server counts nothing, three periods");
        assert!(compare(&Told::default(), &ledger).iter().all(|d| (d.server, d.ledger) == (0, 5)));
        budgets.take_over(&[], 0);
        assert!(compare(&Told::default(), &budgets.standings(0)).is_empty());
    }
}
