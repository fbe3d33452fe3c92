//! Load out of a metrics page in the Prometheus text format.
//!
//! Never here: histograms, or anything that is not one of the three gauges a profile names.

use crate::profile::MetricNames;
use decide::Load;

/// Lines looked at, at most; a page with many labels has some thousands.
const LINES_MAX: usize = 100_000;

/// Reads the gauges of `names`. Series of several engines or models in one server are added up, KV use is the highest
/// of them. `None` when the page has neither running nor waiting requests.
pub(crate) fn load(page: &str, names: &MetricNames) -> Option<Load> {
    let (mut running, mut waiting, mut kv) = (None, None, None);
    for line in page.lines().take(LINES_MAX) {
        let Some((name, value)) = sample(line) else { continue };
        if name == names.running {
            running = Some(running.unwrap_or(0.0) + value);
        } else if name == names.waiting {
            waiting = Some(waiting.unwrap_or(0.0) + value);
        } else if Some(name) == names.kv {
            kv = Some(value.max(kv.unwrap_or(0.0)));
        }
    }
    if running.is_none() && waiting.is_none() {
        return None;
    }
    Some(Load {
        running: count(running),
        waiting: count(waiting),
        kv_permille: kv.map(|share| (share.clamp(0.0, 1.0) * 1000.0).round() as u16),
        ours: None,
        ttft_ms: None,
        itl_us: None,
    })
}

/// Name and value of one sample line; `None` for comments, blank lines and what is not a finite number from 0 up.
fn sample(line: &str) -> Option<(&str, f64)> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return None;
    }
    let end = line.find(['{', ' ', '\t'])?;
    let (name, rest) = line.split_at(end);
    // A label's value may hold spaces and braces; the sample's value stands behind the last closing brace.
    let rest = if rest.starts_with('{') { &rest[rest.rfind('}')? + 1..] } else { rest };
    let value: f64 = rest.split_ascii_whitespace().next()?.parse().ok()?;
    (value.is_finite() && value >= 0.0).then_some((name, value))
}

/// A float to `u32` is saturating, and the sample is finite and not negative.
fn count(value: Option<f64>) -> u32 {
    value.unwrap_or(0.0).round() as u32
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::profile::Profile;

    fn of(profile: &str, page: &str) -> Option<Load> {
        load(page, &Profile::find(profile).unwrap().metrics.unwrap())
    }

    #[test]
    fn adds_up_series_and_takes_the_fullest_cache() {
        let page = "# HELP vllm:num_requests_running x\n# TYPE vllm:num_requests_running gauge\n\
            vllm:num_requests_running{engine=\"0\",model_name=\"a b} 7\"} 3.0\n\
            vllm:num_requests_running{engine=\"1\",model_name=\"m\"} 4\n\
            vllm:num_requests_waiting{engine=\"0\"} 2\n\
            vllm:num_requests_waiting_by_reason{reason=\"capacity\"} 9\n\
            vllm:kv_cache_usage_perc{engine=\"0\"} 0.25\n\
            vllm:kv_cache_usage_perc{engine=\"1\"} 0.5004 1700000000\n";
        let load = of("vllm", page).unwrap();
        assert_eq!((load.running, load.waiting, load.kv_permille), (7, 2, Some(500)));
    }

    #[test]
    fn takes_pages_without_labels_or_without_kv() {
        let load = of("llama-server", "llamacpp:requests_processing 1\nllamacpp:requests_deferred 5\n").unwrap();
        assert_eq!((load.running, load.waiting, load.kv_permille), (1, 5, None));
        let load = of("sglang", "sglang:num_running_reqs{x=\"y\"} 2\n").unwrap();
        assert_eq!((load.running, load.waiting), (2, 0));
    }

    #[test]
    fn garbage_is_no_load() {
        for page in ["", "<html></html>", "vllm:num_requests_running NaN", "vllm:num_requests_running{", "[1,2]", "\0"]
        {
            assert_eq!(of("vllm", page), None, "{page}");
        }
        let huge = of("vllm", "vllm:num_requests_running 1e300\nvllm:kv_cache_usage_perc 55\n").unwrap();
        assert_eq!((huge.running, huge.kv_permille), (u32::MAX, Some(1000)));
    }
}
