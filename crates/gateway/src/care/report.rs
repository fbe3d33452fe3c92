//! Care in figures: families of `/metrics` in OpenMetrics text. Labels are places of the configuration and words of ours.
//!
//! Never here: counting.

use super::Care;
use super::ward::Figures;
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::time::Instant;

/// States of a breaker.
const STATES: [&str; 3] = ["closed", "open", "half_open"];

impl Care {
    /// The families, whole lines, without the end mark.
    pub(crate) fn text(&self) -> String {
        let (now, options) = (Instant::now(), self.options.load());
        let wards = self.wards.load();
        let mut places: Vec<(String, Figures)> =
            wards.iter().map(|(id, ward)| (label(id.as_str()), ward.figures(now, &options))).collect();
        places.sort_by(|a, b| a.0.cmp(&b.0));
        let mut out = String::new();
        head(&mut out, "place_breaker", "gauge", "1 for the state that the breaker of a place is in");
        for (place, f) in &places {
            for state in STATES {
                let is = u8::from(state == f.breaker);
                let _ = writeln!(out, "dewpoint_place_breaker{{place=\"{place}\",state=\"{state}\"}} {is}");
            }
        }
        let mut gauge = |name: &str, help: &str, value: &dyn Fn(&Figures) -> f64| {
            head(&mut out, name, "gauge", help);
            for (place, f) in &places {
                let _ = writeln!(out, "dewpoint_{name}{{place=\"{place}\"}} {}", value(f));
            }
        };
        gauge("place_pause_seconds", "For how long a place still asks us to wait", &|f| f.paused.as_secs_f64());
        gauge("place_limit", "Requests that may be under way at a place", &|f| f.limit.into());
        gauge("place_running", "Requests under way at a place", &|f| f.running.into());
        gauge("place_outstanding_tokens", "Estimated tokens of the requests under way at a place", &|f| {
            f.tokens as f64
        });
        let left = self.budget().left(now, options.budget());
        head(&mut out, "retry_budget_remaining", "gauge", "Further attempts that the budget has now");
        let _ = writeln!(out, "dewpoint_retry_budget_remaining {left}");
        let c = &self.counted;
        counter(
            &mut out,
            "further_attempts",
            "Retries and hedges that were asked for, by the budget's answer",
            &[("result=\"granted\"", &c.granted), ("result=\"denied\"", &c.denied)],
        );
        counter(&mut out, "hedges", "Second attempts that ran beside a first one", &[("", &c.hedges)]);
        counter(
            &mut out,
            "shed",
            "Requests turned away because every place had enough work",
            &[("class=\"interactive\"", &c.shed_interactive), ("class=\"batch\"", &c.shed_batch)],
        );
        out
    }
}

fn head(out: &mut String, name: &str, kind: &str, help: &str) {
    let _ = writeln!(out, "# HELP dewpoint_{name} {help}.\n# TYPE dewpoint_{name} {kind}");
}

fn counter(out: &mut String, name: &str, help: &str, series: &[(&str, &AtomicU64)]) {
    head(out, name, "counter", help);
    for (labels, value) in series {
        let labels = if labels.is_empty() { String::new() } else { format!("{{{labels}}}") };
        let _ = writeln!(out, "dewpoint_{name}_total{labels} {}", value.load(Ordering::Relaxed));
    }
}

/// A label's value: backslash, quote and line feed are escaped.
fn label(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
