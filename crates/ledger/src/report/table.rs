//! A report as aligned columns for a terminal.

use super::{By, Report, Row};

const HEADS: [&str; 15] = [
    "requests",
    "attempts",
    "ok",
    "failed",
    "cancelled",
    "refused",
    "doubted",
    "unknown",
    "in",
    "out",
    "cached",
    "cost $",
    "no price",
    "ttft ms p50/p95",
    "total ms p50/p95",
];

impl Report {
    /// The report as text: one line a group, a total where there are several, and the time it is about (UTC).
    pub fn table(&self) -> String {
        let Some((first, last)) = self.first_unix_ms.zip(self.last_unix_ms) else {
            return "no attempts\n".to_owned();
        };
        let name = if self.by == By::None { "" } else { self.by.as_str() };
        let mut lines = vec![std::iter::once(name).chain(HEADS).map(str::to_owned).collect()];
        for row in &self.rows {
            let none = if self.by == By::None { "all" } else { "(none)" };
            lines.push(cells(row, row.group.as_deref().unwrap_or(none)));
        }
        if self.rows.len() > 1 {
            lines.push(cells(&self.total, "total"));
        }
        format!("{}\n{} to {}\n", align(&lines), utc(first), utc(last))
    }
}

fn cells(row: &Row, name: &str) -> Vec<String> {
    let counts = [row.requests, row.attempts, row.ok, row.failed, row.cancelled, row.refused, row.doubted, row.unknown]
        .map(|n| n.to_string());
    let tokens = [row.input_tokens, row.output_tokens, row.cached_tokens].map(|n| n.to_string());
    let known = row.attempts - row.refused > row.unknown_cost || row.unknown_cost == 0;
    let cost = if known { dollars(row.cost_nanousd) } else { "unknown".to_owned() };
    // A name comes from outside: no control character of it reaches the terminal.
    let mut out = vec![name.chars().map(|c| if c.is_control() { '?' } else { c }).collect()];
    out.extend(counts);
    out.extend(tokens);
    out.extend([cost, row.unknown_cost.to_string()]);
    out.extend([pair(row.ttft_ms_p50, row.ttft_ms_p95), pair(row.duration_ms_p50, row.duration_ms_p95)]);
    out
}

fn pair(p50: Option<f64>, p95: Option<f64>) -> String {
    let shown = |ms: Option<f64>| ms.map_or_else(|| "-".to_owned(), |ms| format!("{ms:.1}"));
    format!("{}/{}", shown(p50), shown(p95))
}

/// Dollars with nine decimals, exact.
fn dollars(nano: i128) -> String {
    let sign = if nano < 0 { "-" } else { "" };
    let abs = nano.unsigned_abs();
    format!("{sign}{}.{:09}", abs / 1_000_000_000, abs % 1_000_000_000)
}

/// Lines of cells as a table: the first column to the left, numbers to the right, two spaces between.
pub fn align(lines: &[Vec<String>]) -> String {
    let columns = lines.iter().map(Vec::len).max().unwrap_or(0);
    let width = |at: usize| lines.iter().filter_map(|l| l.get(at)).map(|c| c.chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut out = String::new();
    for line in lines {
        let mut text = String::new();
        for (at, (cell, &width)) in line.iter().zip(&widths).enumerate() {
            text += &if at == 0 { format!("{cell:<width$}") } else { format!("  {cell:>width$}") };
        }
        out += text.trim_end();
        out.push('\n');
    }
    out
}

/// `2026-08-21 14:03:05Z`. Days to a date: Hinnant's "days from civil", reversed, in the proleptic Gregorian calendar.
fn utc(unix_ms: u64) -> String {
    let seconds = unix_ms / 1000;
    let days = seconds / 86_400 + 719_468;
    let era = days / 146_097;
    let doe = days % 146_097;
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let day = doy - (153 * mp + 2) / 5 + 1;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    let year = yoe + era * 400 + u64::from(month <= 2);
    let (h, m, s) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02} {h:02}:{m:02}:{s:02}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_utc() {
        for (ms, text) in [
            (0, "1970-01-01 00:00:00Z"),
            (951_782_400_000, "2000-02-29 00:00:00Z"),
            (1_772_323_199_999, "2026-02-28 23:59:59Z"),
            (4_107_542_400_000, "2100-03-01 00:00:00Z"),
        ] {
            assert_eq!(utc(ms), text);
        }
    }

    fn row(group: &str) -> Row {
        Row { group: Some(group.to_owned()), requests: 1, attempts: 2, ok: 2, ..Row::default() }
    }

    #[test]
    fn columns_line_up_and_unknown_cost_is_not_zero() {
        let rows = vec![
            Row { cost_nanousd: 12_500, unknown_cost: 1, ttft_ms_p50: Some(0.44), ..row("größe") },
            Row { unknown_cost: 2, ..row("x\u{1b}[31m") },
        ];
        let report = Report { by: By::Place, first_unix_ms: Some(0), last_unix_ms: Some(1000), rows, total: row("") };
        let text = report.table();
        let lines: Vec<&str> = text.lines().collect();
        assert!(
            lines[0].starts_with("place") && lines[1].contains("0.000012500") && lines[1].contains("0.4/-"),
            "{text}"
        );
        assert!(lines[2].starts_with("x?[31m") && lines[2].contains("unknown"), "{text}");
        assert!(lines[3].starts_with("total"), "{text}");
        let ends: Vec<usize> = lines[..4].iter().map(|l| l.chars().count()).collect();
        assert!(ends.iter().all(|e| *e == ends[0]), "{text}");
        assert_eq!(lines[5], "1970-01-01 00:00:00Z to 1970-01-01 00:00:01Z");
    }

    #[test]
    fn an_empty_report_says_so() {
        let report =
            Report { by: By::None, first_unix_ms: None, last_unix_ms: None, rows: vec![], total: Row::default() };
        assert_eq!(report.table(), "no attempts\n");
    }
}
