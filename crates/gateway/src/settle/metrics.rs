//! `/metrics`: names and buckets of the OpenTelemetry GenAI conventions, in Prometheus form. Labels are bounded by the
//! configuration: never a caller's own words.

use super::judged::Judged;
use super::reconcile::Reconcile;
use arc_swap::ArcSwap;
use decide::{Found, Outcome, PlaceId, Record};
use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use std::collections::HashMap;
use std::sync::Arc;

/// Token counts, ×4 (OpenTelemetry GenAI `gen_ai.client.token.usage`).
const TOKEN_BUCKETS: [f64; 14] = [
    1.0, 4.0, 16.0, 64.0, 256.0, 1024.0, 4096.0, 16384.0, 65536.0, 262144.0, 1048576.0, 4194304.0, 16777216.0,
    67108864.0,
];
/// Seconds, ×2 (`gen_ai.client.operation.duration`).
const DURATION_BUCKETS: [f64; 14] =
    [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92];
/// Seconds (`gen_ai.server.time_to_first_token`).
const TTFT_BUCKETS: [f64; 16] =
    [0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];
/// Seconds (`gen_ai.server.time_per_output_token`).
const TPOT_BUCKETS: [f64; 13] = [0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    gen_ai_operation_name: Arc<str>,
    gen_ai_provider_name: Arc<str>,
    gen_ai_response_model: Arc<str>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TokenLabels {
    gen_ai_operation_name: Arc<str>,
    gen_ai_provider_name: Arc<str>,
    gen_ai_response_model: Arc<str>,
    gen_ai_token_type: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabels {
    place: Arc<str>,
    outcome: &'static str,
    error_type: Arc<str>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PlaceLabels {
    place: Arc<str>,
}

/// As bounded as the built-in kinds and those of the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct KindLabels {
    kind: Arc<str>,
}

type Timings = Family<Labels, Histogram, fn() -> Histogram>;

/// The series of one model at one place for one operation, found once and then updated without building labels.
struct Series {
    ok: Counter,
    duration: Histogram,
    ttft: Histogram,
    tpot: Histogram,
    input: Histogram,
    output: Histogram,
    cost: Counter,
    unpriced: Counter,
}

/// By place, then by model. Replaced as a whole when a new pair turns up; read without a lock. As bounded as the
/// configuration.
type Known = HashMap<PlaceId, HashMap<Arc<str>, Arc<Series>>>;

/// Counters and histograms of the gateway. Updating them is a few atomic additions.
pub struct Metrics {
    registry: Registry,
    tokens: Family<TokenLabels, Histogram, fn() -> Histogram>,
    duration: Timings,
    ttft: Timings,
    tpot: Timings,
    attempts: Family<OutcomeLabels, Counter>,
    cost: Family<PlaceLabels, Counter>,
    unpriced: Family<PlaceLabels, Counter>,
    chat: ArcSwap<Known>,
    completions: ArcSwap<Known>,
    embeddings: ArcSwap<Known>,
    rerank: ArcSwap<Known>,
    found: Family<KindLabels, Counter>,
    /// What became of answers that were looked at.
    pub(crate) judged: Judged,
    /// Requests of which something was taken out for a place, one for each class above which it was.
    pub(crate) redacted: Counter,
    /// Placeholders in answers that their request never had.
    pub(crate) unknown: Counter,
    /// What places count against what we count.
    pub(crate) reconcile: Reconcile,
    more: Option<More>,
}

/// More families in OpenMetrics form, without the end mark.
type More = Box<dyn Fn() -> String + Send + Sync>;

impl Default for Metrics {
    fn default() -> Metrics {
        let mut registry = Registry::default();
        let tokens = Family::new_with_constructor((|| Histogram::new(TOKEN_BUCKETS)) as fn() -> Histogram);
        registry.register("gen_ai_client_token_usage", "Tokens per attempt, input and output", tokens.clone());
        let mut timing = |name: &str, help: &str, new: fn() -> Histogram| {
            let family = Timings::new_with_constructor(new);
            registry.register(name, help, family.clone());
            family
        };
        let duration = timing("gen_ai_client_operation_duration_seconds", "Duration of an attempt", || {
            Histogram::new(DURATION_BUCKETS)
        });
        let ttft = timing("gen_ai_server_time_to_first_token_seconds", "Time to first content of a stream", || {
            Histogram::new(TTFT_BUCKETS)
        });
        let tpot =
            timing("gen_ai_server_time_per_output_token_seconds", "Time per output token after the first", || {
                Histogram::new(TPOT_BUCKETS)
            });
        let attempts = Family::<OutcomeLabels, Counter>::default();
        registry.register(
            "dewpoint_attempts",
            "Attempts by place and outcome; place none is a refusal",
            attempts.clone(),
        );
        let cost = Family::<PlaceLabels, Counter>::default();
        registry.register("dewpoint_cost_nanousd", "Cost in nano-dollars where the price is known", cost.clone());
        let unpriced = Family::<PlaceLabels, Counter>::default();
        registry.register(
            "dewpoint_unpriced_attempts",
            "Attempts whose price is unknown, and so not in the cost",
            unpriced.clone(),
        );
        let found = Family::<KindLabels, Counter>::default();
        registry.register("dewpoint_findings", "Data that detectors found in requests, by kind", found.clone());
        let mut counter = |name: &str, help: &str| {
            let counter = Counter::default();
            registry.register(name, help, counter.clone());
            counter
        };
        let redacted = counter("dewpoint_redacted_requests", "Requests of which something was taken out for a place");
        let unknown = counter("dewpoint_placeholders_unknown", "Placeholders in answers that their request never had");
        let reconcile = Reconcile::new(&mut registry);
        let judged = Judged::new(&mut registry);
        Metrics {
            registry,
            reconcile,
            found,
            judged,
            redacted,
            unknown,
            tokens,
            duration,
            ttft,
            tpot,
            attempts,
            cost,
            unpriced,
            chat: ArcSwap::default(),
            completions: ArcSwap::default(),
            embeddings: ArcSwap::default(),
            rerank: ArcSwap::default(),
            more: None,
        }
    }
}

impl Metrics {
    /// With families that somebody else counts, asked for on every read: whole lines of OpenMetrics text, without the
    /// end mark.
    #[must_use]
    pub fn with(mut self, more: impl Fn() -> String + Send + Sync + 'static) -> Metrics {
        self.more = Some(Box::new(more));
        self
    }

    /// Compares the token counts of one request of so many with our own (by default of one in sixteen; 1: of each).
    #[must_use]
    pub fn comparing_one_in(mut self, requests: u32) -> Metrics {
        self.reconcile.one_in(requests);
        self
    }

    /// Counts one settled record. `provider` is the place's `gen_ai.provider.name`.
    pub(crate) fn settled(&self, record: &Record, provider: &str) {
        let (Some(place), Some(model)) = (&record.place, &record.model) else {
            self.ended(Arc::from("none"), record).inc();
            return;
        };
        let series = self.series(record, place, model, provider);
        match record.outcome {
            Outcome::Ok => series.ok.inc(),
            _ => self.ended(place.0.clone(), record).inc(),
        };
        series.duration.observe(record.total_us as f64 / 1e6);
        if let Some(ttft_us) = record.ttft_us {
            series.ttft.observe(ttft_us as f64 / 1e6);
            if record.usage.output > 1 {
                let rest_s = record.total_us.saturating_sub(ttft_us) as f64 / 1e6;
                series.tpot.observe(rest_s / (record.usage.output - 1) as f64);
            }
        }
        series.input.observe(record.usage.input as f64);
        series.output.observe(record.usage.output as f64);
        match record.cost {
            Some(cost) => series.cost.inc_by(u64::try_from(cost.0).unwrap_or(0)),
            None => series.unpriced.inc(),
        };
    }

    /// Counts what was found in one request.
    pub(crate) fn findings(&self, found: &Found) {
        for (kind, count) in &found.kinds {
            self.found.get_or_create_owned(&KindLabels { kind: kind.clone() }).inc_by(count.n.into());
        }
    }

    /// The counter of attempts with this end at a place.
    fn ended(&self, place: Arc<str>, record: &Record) -> Counter {
        let error_type = record.error.clone().unwrap_or_else(|| Arc::from(""));
        let labels = OutcomeLabels { place, outcome: record.outcome.as_str(), error_type };
        self.attempts.get_or_create_owned(&labels)
    }

    fn series(&self, record: &Record, place: &PlaceId, model: &Arc<str>, provider: &str) -> Arc<Series> {
        let (known, operation) = match &*record.endpoint {
            "completions" => (&self.completions, "text_completion"),
            "embeddings" => (&self.embeddings, "embeddings"),
            "rerank" => (&self.rerank, "rerank"),
            _ => (&self.chat, "chat"),
        };
        if let Some(series) = known.load().get(place).and_then(|models| models.get(model)) {
            return series.clone();
        }
        let series = Arc::new(self.found(place, model, operation, provider));
        known.rcu(|now| {
            let mut next = Known::clone(now);
            next.entry(place.clone()).or_default().insert(model.clone(), series.clone());
            next
        });
        series
    }

    fn found(&self, place: &PlaceId, model: &Arc<str>, operation: &str, provider: &str) -> Series {
        let labels = Labels {
            gen_ai_operation_name: Arc::from(operation),
            gen_ai_provider_name: Arc::from(provider),
            gen_ai_response_model: model.clone(),
        };
        let tokens = |kind| {
            let Labels { gen_ai_operation_name, gen_ai_provider_name, gen_ai_response_model } = labels.clone();
            let labels = TokenLabels {
                gen_ai_operation_name,
                gen_ai_provider_name,
                gen_ai_response_model,
                gen_ai_token_type: kind,
            };
            self.tokens.get_or_create_owned(&labels)
        };
        let ok = OutcomeLabels { place: place.0.clone(), outcome: Outcome::Ok.as_str(), error_type: Arc::from("") };
        let of_place = PlaceLabels { place: place.0.clone() };
        Series {
            ok: self.attempts.get_or_create_owned(&ok),
            duration: self.duration.get_or_create_owned(&labels),
            ttft: self.ttft.get_or_create_owned(&labels),
            tpot: self.tpot.get_or_create_owned(&labels),
            input: tokens("input"),
            output: tokens("output"),
            cost: self.cost.get_or_create_owned(&of_place),
            unpriced: self.unpriced.get_or_create_owned(&of_place),
        }
    }

    /// The text of `/metrics`.
    pub(crate) fn text(&self) -> String {
        let mut out = String::new();
        // Writing into a String cannot fail.
        let _ = text::encode(&mut out, &self.registry);
        if let Some(more) = &self.more {
            const END: &str = "# EOF\n";
            let end = out.len() - if out.ends_with(END) { END.len() } else { 0 };
            out.insert_str(end, &more());
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_count_stands_before_the_one_end_mark() {
        let metrics = Metrics::default();
        let own = metrics.text();
        let text = metrics.with(|| "# TYPE x gauge\nx 1\n".to_owned()).text();
        assert!(text.ends_with("# TYPE x gauge\nx 1\n# EOF\n"), "{text}");
        assert_eq!(text.matches("# EOF").count(), 1);
        assert!(text.starts_with(own.trim_end_matches("# EOF\n")), "what is counted here comes first: {own} {text}");
    }
}
