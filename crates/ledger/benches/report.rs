//! How long a statement of a million records takes: `cargo bench -p ledger --bench report`. `DEWPOINT_LEDGER=DIR` makes the ledger there and keeps it, or takes
//! the one that is there; `DEWPOINT_RECORDS`, `DEWPOINT_TEAMS` and `DEWPOINT_PLACES` say how many; `-- --only-make` only makes it.
//! Fails when a statement of a whole page takes more than [`LIMIT_MS`] at its best of five.
#![allow(clippy::disallowed_methods, reason = "a bench is told by its environment where its ledger lies")]

#[path = "../tests/sample/month.rs"]
mod month;
#[path = "../tests/sample/record.rs"]
mod sample;

use ledger::{Dim, Period, View, Wanted, statement};
use std::path::PathBuf;
use std::time::Instant;

/// What was promised of `dewpoint report --format html`, on four cores.
const LIMIT_MS: f64 = 2000.0;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let kept = std::env::var_os("DEWPOINT_LEDGER").map(PathBuf::from);
    let own = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let dir = kept.unwrap_or_else(|| own.path().to_owned());
    let records =
        std::env::var("DEWPOINT_RECORDS").ok().and_then(|n| n.parse().ok()).unwrap_or(month::Size::MONTH.records);
    if !dir.join("ledger.sqlite").exists() {
        std::fs::create_dir_all(&dir)?;
        let start = Instant::now();
        let number = |name: &str| std::env::var(name).ok().and_then(|n| n.parse::<u64>().ok());
        let teams = number("DEWPOINT_TEAMS").unwrap_or(month::Size::MONTH.teams);
        let places = number("DEWPOINT_PLACES").map_or(month::Size::MONTH.places, |n| n.clamp(1, 6) as usize);
        month::fill(&dir, month::Size { records, teams, places, ..month::Size::MONTH })?;
        let bytes = std::fs::metadata(dir.join("ledger.sqlite"))?.len();
        println!(
            "made {records} records in {:.1} s, {} bytes each",
            start.elapsed().as_secs_f64(),
            bytes / records.max(1)
        );
    }
    if std::env::args().any(|arg| arg == "--only-make") {
        return Ok(());
    }
    let page = vec![
        View::crossed(Dim::Day, Dim::Place),
        View::crossed(Dim::Day, Dim::Kind),
        View::timed(Dim::Day),
        View::timed(Dim::Place),
        View::of(Dim::Team),
        View::of(Dim::Key),
        View::of(Dim::Model),
        View::of(Dim::Task),
        View::of(Dim::Kind),
    ];
    let week = Period { from_unix_ms: month::START_UNIX_MS, until_unix_ms: month::START_UNIX_MS + 7 * ledger::DAY_MS };
    let one = vec![View::of(Dim::Place)];
    for (what, period, views, readers) in [
        ("all of a page, 1 reader", Period::ALL, &page, 1),
        ("all of a page, 2 readers", Period::ALL, &page, 2),
        ("all of a page", Period::ALL, &page, 0),
        ("by place", Period::ALL, &one, 0),
        ("all of a page, one week", week, &page, 0),
    ] {
        let mut times = Vec::new();
        let mut attempts = 0;
        for _ in 0..5 {
            let start = Instant::now();
            let wanted = Wanted { period, place: None, views: views.clone(), readers };
            attempts = statement(&dir, &wanted)?.total.attempts;
            times.push(start.elapsed().as_secs_f64() * 1e3);
        }
        times.sort_by(f64::total_cmp);
        println!("{what:<28} {:>7.0} ms median, {:>7.0} best of 5, {attempts} attempts", times[2], times[0]);
        if readers == 0 && records <= month::Size::MONTH.records && times[0] > LIMIT_MS {
            return Err(format!("{what} took {:.0} ms at best; {LIMIT_MS:.0} were promised", times[0]).into());
        }
    }
    Ok(())
}
