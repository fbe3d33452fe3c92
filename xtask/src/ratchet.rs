//! `xtask ratchet`: figures that a bench printed, against their bounds in `benches.toml`. Figures may only improve;
//! wall-clock times do not belong here, since they are noise on shared machines (instruction counts and ratios within
//! one run do).
//!
//! A bench prints one line for each figure: `ratchet NAME VALUE`.

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;

const BOUNDS: &str = "benches.toml";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Bounds {
    /// A figure may exceed its bound by so much before the check fails.
    tolerance_percent: f64,
    #[serde(default)]
    figure: BTreeMap<String, Bound>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Bound {
    at_most: f64,
    /// What is counted, for people.
    #[allow(dead_code, reason = "read by people")]
    unit: String,
    /// A figure that never may exceed this, whatever is measured; `--write` leaves `at_most` alone for it.
    #[serde(default)]
    fixed: bool,
}

/// Compares the figures in `printed` with the bounds; each string is one thing to put right.
///
/// # Errors
/// A file that is not there or cannot be read.
pub fn check(root: &Path, printed: &Path) -> Result<Vec<String>> {
    let bounds: Bounds = toml::from_str(&read(&root.join(BOUNDS))?).context(BOUNDS)?;
    let figures = figures(&read(printed)?)?;
    let gained = 1.0 - bounds.tolerance_percent / 100.0;
    for (name, value) in &figures {
        let better = bounds.figure.get(name).is_some_and(|b| !b.fixed && *value < b.at_most * gained);
        let note = if better {
            "   better than its bound: hold the gain with `cargo run -p xtask -- ratchet FILE --write`"
        } else {
            ""
        };
        println!("ratchet {name} {value}{note}");
    }
    Ok(compare(&bounds, &figures))
}

/// Sets every bound to what was measured, except those that are fixed.
///
/// # Errors
/// A file that is not there or cannot be read or written.
pub fn write(root: &Path, printed: &Path) -> Result<()> {
    let path = root.join(BOUNDS);
    let text = read(&path)?;
    let bounds: Bounds = toml::from_str(&text).context(BOUNDS)?;
    let figures = figures(&read(printed)?)?;
    std::fs::write(&path, rewritten(&text, &bounds, &figures)).with_context(|| path.display().to_string())
}

fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))
}

fn figures(printed: &str) -> Result<BTreeMap<String, f64>> {
    let mut figures = BTreeMap::new();
    for line in printed.lines() {
        let mut words = line.split_whitespace();
        let (Some("ratchet"), Some(name), Some(value)) = (words.next(), words.next(), words.next()) else { continue };
        let value: f64 = value.parse().with_context(|| format!("`{line}`: the value is not a number"))?;
        if !value.is_finite() || value < 0.0 {
            bail!("`{line}`: the value is not a count or a ratio");
        }
        figures.insert(name.to_owned(), value);
    }
    Ok(figures)
}

fn compare(bounds: &Bounds, figures: &BTreeMap<String, f64>) -> Vec<String> {
    let mut findings = Vec::new();
    let slack = 1.0 + bounds.tolerance_percent / 100.0;
    for (name, bound) in &bounds.figure {
        let most = bound.at_most;
        match figures.get(name) {
            None => findings.push(format!("{name}: no bench printed it; a figure that is not measured is not held")),
            Some(value) if *value > if bound.fixed { most } else { most * slack } => findings.push(format!(
                "{name}: {value}, and at most {most} is allowed. Make it as good as it was; or, where the change is worth it, \
                 raise the bound in {BOUNDS} and say why in the commit"
            )),
            Some(_) => {}
        }
    }
    let unknown = figures.keys().filter(|name| !bounds.figure.contains_key(*name));
    findings.extend(unknown.map(|name| format!("{name}: a bench prints it and {BOUNDS} has no bound for it; add one")));
    findings
}

/// The text of the bounds with new numbers; everything else stays as it is written.
fn rewritten(text: &str, bounds: &Bounds, figures: &BTreeMap<String, f64>) -> String {
    let mut current = String::new();
    let mut lines = Vec::new();
    for line in text.lines() {
        if let Some(name) = line.trim().strip_prefix("[figure.").and_then(|l| l.strip_suffix(']')) {
            current = name.trim_matches('"').to_owned();
        }
        let fixed = bounds.figure.get(&current).is_none_or(|b| b.fixed);
        match figures.get(&current).filter(|_| line.trim_start().starts_with("at_most") && !fixed) {
            Some(value) => lines.push(format!("at_most = {value}")),
            None => lines.push(line.to_owned()),
        }
    }
    lines.join("\n") + "\n"
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const TEXT: &str = "# Head.\ntolerance_percent = 3\n\n[figure.\"choose\"]\nat_most = 1000\nunit = \"instructions\"\n\n[figure.\"ratio\"]\nat_most = 4\nunit = \"ratio\"\nfixed = true\n";

    fn findings(printed: &str) -> usize {
        compare(&toml::from_str(TEXT).unwrap(), &figures(printed).unwrap()).len()
    }

    #[test]
    fn figures_may_only_improve() {
        assert_eq!(findings("noise\nratchet choose 1000\nratchet ratio 3.9"), 0);
        assert_eq!(findings("ratchet choose 1029\nratchet ratio 1.0"), 0);
        assert_eq!(findings("ratchet choose 1031\nratchet ratio 4.0"), 1);
        assert_eq!(findings("ratchet choose 900\nratchet ratio 4.0"), 0, "a gain is noted, not refused");
        assert_eq!(findings("ratchet choose 1000\nratchet ratio 4.01"), 1, "a fixed bound has no tolerance");
        assert_eq!(findings("ratchet choose 1000"), 1, "one is missing");
        assert_eq!(findings("ratchet choose 1000\nratchet ratio 1\nratchet other 1"), 1, "one is unknown");
        assert!(figures("ratchet choose fast").is_err());
        assert!(figures("ratchet choose NaN").is_err());
    }

    #[test]
    fn writing_changes_the_numbers_only() {
        let new =
            rewritten(TEXT, &toml::from_str(TEXT).unwrap(), &figures("ratchet choose 900\nratchet ratio 2").unwrap());
        assert_eq!(new, TEXT.replace("1000", "900"));
    }
}
