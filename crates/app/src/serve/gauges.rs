//! The engine's numbers as families of `/metrics`: vLLM's names behind `dewpoint_engine_`, OpenMetrics text.
//!
//! Never here: counting (room `engine`).

use engine::{Histogram, Numbers};
use std::fmt::Write;

/// A family of one value for each model: name, type, help, value. A counter's value is written with `_total`.
type Plain = (&'static str, &'static str, &'static str, fn(&Numbers) -> Option<f64>);

const PLAIN: [Plain; 12] = [
    ("num_requests_running", "gauge", "Requests that are worked on", |n| Some(n.num_requests_running.into())),
    ("num_requests_waiting", "gauge", "Requests that wait for a slot", |n| Some(n.num_requests_waiting.into())),
    ("kv_cache_usage_perc", "gauge", "Share of the KV cache that requests use, 1 is all", |n| n.kv_cache_usage),
    ("prefix_cache_queries", "counter", "Prompt tokens looked up in the prefix cache", |n| {
        count(n.prefix_cache_queries)
    }),
    ("prefix_cache_hits", "counter", "Prompt tokens found in the prefix cache", |n| count(n.prefix_cache_hits)),
    ("num_preemptions", "counter", "Requests that made room and began again", |n| count(n.num_preemptions)),
    ("prompt_tokens", "counter", "Tokens of prompts, cached ones included", |n| count(n.prompt_tokens)),
    ("generation_tokens", "counter", "Tokens of answers", |n| count(n.generation_tokens)),
    ("spec_decode_num_drafts", "counter", "Times that tokens were drafted", |n| count(n.spec_decode_num_drafts)),
    ("spec_decode_num_draft_tokens", "counter", "Tokens drafted", |n| count(n.spec_decode_num_draft_tokens)),
    ("spec_decode_num_accepted_tokens", "counter", "Drafted tokens kept", |n| count(n.spec_decode_num_accepted_tokens)),
    ("resident_memory_bytes", "gauge", "Memory of the worker process", |n| {
        Some(n.resident_bytes as f64).filter(|b| *b > 0.0)
    }),
];

type Timing = (&'static str, &'static str, fn(&Numbers) -> &Histogram);

const TIMINGS: [Timing; 6] = [
    ("time_to_first_token_seconds", "From arrival to the first piece", |n| &n.time_to_first_token),
    ("inter_token_latency_seconds", "Between two pieces of one answer", |n| &n.inter_token_latency),
    ("e2e_request_latency_seconds", "From arrival to the end", |n| &n.e2e_request_latency),
    ("request_queue_time_seconds", "In the worker's queue", |n| &n.request_queue_time),
    ("request_prefill_time_seconds", "On the prompt", |n| &n.request_prefill_time),
    ("request_decode_time_seconds", "From the first piece to the end", |n| &n.request_decode_time),
];

fn count(value: u64) -> Option<f64> {
    Some(value as f64)
}

/// All families of all models; nothing where there is no model.
pub(super) fn text(all: &[Numbers]) -> String {
    let mut out = String::new();
    if all.is_empty() {
        return out;
    }
    for (name, kind, help, value) in PLAIN {
        head(&mut out, name, kind, help);
        let suffix = if kind == "counter" { "_total" } else { "" };
        for n in all {
            if let Some(value) = value(n) {
                let _ = writeln!(out, "dewpoint_engine_{name}{suffix}{{model_name=\"{}\"}} {value}", label(&n.model));
            }
        }
    }
    head(&mut out, "request_success", "counter", "Ended requests by how they ended");
    for n in all {
        let model = label(&n.model);
        for (reason, value) in n.request_success {
            let labels = format!("model_name=\"{model}\",finished_reason=\"{reason}\"");
            let _ = writeln!(out, "dewpoint_engine_request_success_total{{{labels}}} {value}");
        }
    }
    for (name, help, value) in TIMINGS {
        head(&mut out, name, "histogram", help);
        all.iter().for_each(|n| histogram(&mut out, name, &label(&n.model), value(n)));
    }
    out
}

fn head(out: &mut String, name: &str, kind: &str, help: &str) {
    let _ = writeln!(out, "# HELP dewpoint_engine_{name} {help}.\n# TYPE dewpoint_engine_{name} {kind}");
}

fn histogram(out: &mut String, name: &str, model: &str, h: &Histogram) {
    let mut sum = 0;
    let bounds = h.bounds.iter().map(ToString::to_string).chain(["+Inf".to_owned()]);
    for (bound, count) in bounds.zip(&h.counts) {
        sum += count;
        let labels = format!("model_name=\"{model}\",le=\"{bound}\"");
        let _ = writeln!(out, "dewpoint_engine_{name}_bucket{{{labels}}} {sum}");
    }
    let _ = writeln!(out, "dewpoint_engine_{name}_sum{{model_name=\"{model}\"}} {}", h.sum_s);
    let _ = writeln!(out, "dewpoint_engine_{name}_count{{model_name=\"{model}\"}} {sum}");
}

/// A label's value: backslash, quote and line feed are escaped.
fn label(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_are_whole_and_buckets_add_up() {
        let numbers = Numbers {
            model: "a\"b".into(),
            kv_cache_usage: Some(0.25),
            prompt_tokens: 7,
            request_success: [("stop", 2), ("length", 0), ("abort", 0), ("error", 1)],
            time_to_first_token: Histogram { bounds: &[0.5, 1.0], counts: vec![1, 2, 3], sum_s: 9.5 },
            ..Numbers::default()
        };
        let text = text(&[numbers]);
        for line in [
            r#"dewpoint_engine_kv_cache_usage_perc{model_name="a\"b"} 0.25"#,
            r#"dewpoint_engine_prompt_tokens_total{model_name="a\"b"} 7"#,
            r#"dewpoint_engine_request_success_total{model_name="a\"b",finished_reason="error"} 1"#,
            r#"dewpoint_engine_time_to_first_token_seconds_bucket{model_name="a\"b",le="1"} 3"#,
            r#"dewpoint_engine_time_to_first_token_seconds_bucket{model_name="a\"b",le="+Inf"} 6"#,
            r#"dewpoint_engine_time_to_first_token_seconds_sum{model_name="a\"b"} 9.5"#,
            r#"dewpoint_engine_time_to_first_token_seconds_count{model_name="a\"b"} 6"#,
            "# TYPE dewpoint_engine_prompt_tokens counter",
        ] {
            assert!(text.lines().any(|l| l == line), "{line} is not in\n{text}");
        }
        let unknown = super::text(&[Numbers::default()]);
        assert!(!unknown.contains("kv_cache_usage_perc{"), "an unknown share is not zero");
        assert_eq!(super::text(&[]), "");
    }
}
