//! `xtask capacity FOLDER`: the table of speeds and rents of GPUs inside the binary, derived from public measurements.
//!
//! FOLDER holds `throughput/{throughput,splitwise_perf_model,local_llamacpp}.csv.gz` and `prices/gpu_rental_prices.csv`.
//!
//! Never here: judgement of a measurement. What is left out is left out by a rule that stands beside it.

mod gpu;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Prompt and answer together of a measurement that says something of ordinary requests, tokens. Beyond, decoding is slowed by
/// contexts that few requests have, and one decode speed does not describe both.
const LONGEST: f64 = 10_000.0;

/// The whole table.
#[derive(Debug, Serialize)]
pub struct Table {
    interactive: Interactive,
    speed: Vec<Speed>,
    rent: Vec<Rent>,
}

/// What is left of the speed of batches where answers have to be quick.
#[derive(Debug, PartialEq, Serialize)]
struct Interactive {
    permille: u16,
    configurations: usize,
    source: &'static str,
}

/// Both speeds of one model on one GPU.
#[derive(Debug, PartialEq, Serialize)]
struct Speed {
    gpu: String,
    model: String,
    quant: String,
    engine: String,
    /// GPUs that it was measured on together.
    gpus: u32,
    /// Of each of them.
    prompt_tokens_per_s: f64,
    decode_tokens_per_s: f64,
    /// Requests at once; 0 is "as many as possible".
    seats: u32,
    measurements: usize,
    /// The farthest that a measurement lies from both speeds, percent.
    off_percent: u32,
    source: String,
}

/// What a GPU is rented for, each hour.
#[derive(Debug, PartialEq, Serialize)]
struct Rent {
    gpu: String,
    vram_gb: u32,
    usd_per_hour: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    usd_per_hour_spot: Option<String>,
    offers: usize,
    source: String,
}

/// Derives the table from a folder.
///
/// # Errors
/// A file is missing or is not what it was.
pub fn table(folder: &Path) -> Result<String> {
    let read = |name: &str| -> Result<Vec<u8>> {
        let path = folder.join(name);
        let file = File::open(&path).with_context(|| path.display().to_string())?;
        let mut bytes = Vec::new();
        if name.ends_with(".gz") {
            flate2::read::GzDecoder::new(file).read_to_end(&mut bytes)?;
        } else {
            { file }.read_to_end(&mut bytes)?;
        }
        Ok(bytes)
    };
    let throughput: Vec<Throughput> = rows(&read("throughput/throughput.csv.gz")?)?;
    let mut speed = served(&throughput);
    speed.extend(modelled(&rows(&read("throughput/splitwise_perf_model.csv.gz")?)?));
    speed.extend(local(&rows(&read("throughput/local_llamacpp.csv.gz")?)?));
    speed.sort_by(|a, b| (&a.gpu, &a.model, &a.quant, a.gpus).cmp(&(&b.gpu, &b.model, &b.quant, b.gpus)));
    let table = Table {
        interactive: interactive(&throughput),
        speed,
        rent: rents(&rows(&read("prices/gpu_rental_prices.csv")?)?),
    };
    Ok(format!("{HEAD}{}", toml::to_string(&table)?))
}

const HEAD: &str =
    "# Derived by `cargo run -p xtask -- capacity FOLDER > crates/app/data/capacity.toml`; not edited by hand.
# Speeds are tokens per second of one GPU at full load; a request takes input/prompt + output/decode seconds of it.
# Rents are the median over the offers named, US dollars per hour and GPU.

";

fn rows<T: for<'de> Deserialize<'de>>(bytes: &[u8]) -> Result<Vec<T>> {
    csv::Reader::from_reader(bytes).deserialize().map(|row| row.context("a row")).collect()
}

#[derive(Debug, Clone, Deserialize)]
struct Throughput {
    model: String,
    quant: String,
    gpu: String,
    gpus: String,
    engine: String,
    scenario: String,
    isl: Option<f64>,
    osl: Option<f64>,
    out_tok_s_per_gpu: Option<f64>,
    in_tok_s_per_gpu: Option<f64>,
    source: String,
}

/// Servers at full load, measured at several lengths: both speeds by least squares.
fn served(rows: &[Throughput]) -> Vec<Speed> {
    let mut groups: BTreeMap<_, Vec<(f64, f64)>> = BTreeMap::new();
    for r in rows.iter().filter(|r| r.scenario.starts_with("max load")) {
        let (Some(i), Some(o)) = (r.in_tok_s_per_gpu, r.out_tok_s_per_gpu) else { continue };
        if r.isl.unwrap_or(0.0) + r.osl.unwrap_or(0.0) > LONGEST {
            continue;
        }
        let key = (gpu::key(&r.gpu, None), &r.model, &r.quant, &r.engine, &r.gpus, &r.source);
        groups.entry(key).or_default().push((i, o));
    }
    let speed = |((gpu, model, quant, engine, gpus, source), points): (
        (_, &String, &String, &String, &String, &String),
        Vec<_>,
    )| {
        let (a, b, off) = fit(&points)?;
        Some(Speed {
            gpu,
            model: model.clone(),
            quant: quant.clone(),
            engine: engine.clone(),
            gpus: gpus.parse().ok()?,
            prompt_tokens_per_s: a,
            decode_tokens_per_s: b,
            seats: 0,
            measurements: points.len(),
            off_percent: off,
            source: source.clone(),
        })
    };
    groups.into_iter().filter_map(speed).collect()
}

/// Fits 1 = in/a + out/b to pairs of rates: every second of full load is one second of work. `None` where the pairs do not
/// tell both speeds. Both speeds, and the farthest that a pair lies from them in percent.
fn fit(points: &[(f64, f64)]) -> Option<(f64, f64, u32)> {
    let sum = |f: fn(f64, f64) -> f64| points.iter().map(|(i, o)| f(*i, *o)).sum::<f64>();
    let (ii, io, oo) = (sum(|i, _| i * i), sum(|i, o| i * o), sum(|_, o| o * o));
    let (i, o) = (sum(|i, _| i), sum(|_, o| o));
    let det = ii * oo - io * io;
    let (x, y) = ((i * oo - o * io) / det, (ii * o - io * i) / det);
    // Pairs of one proportion are parallel: what they seem to say of either speed is rounding.
    if points.len() < 2 || det <= 1e-3 * ii * oo || x <= 0.0 || y <= 0.0 {
        return None;
    }
    let off = points.iter().map(|(i, o)| (i * x + o * y - 1.0).abs()).fold(0.0, f64::max);
    Some(((1.0 / x).round(), (1.0 / y).round(), (off * 100.0).round() as u32))
}

#[derive(Debug, Deserialize)]
struct Modelled {
    model: String,
    hardware: String,
    prompt_size: f64,
    batch_size: u32,
    prompt_time: f64,
    token_time: f64,
    tensor_parallel: u32,
}

/// Splitwise's measurements: the time of a prompt phase and of a token of the largest batch, milliseconds.
fn modelled(rows: &[Modelled]) -> Vec<Speed> {
    let mut groups: BTreeMap<_, Vec<&Modelled>> = BTreeMap::new();
    // A GPU whose power was capped is no GPU that one can name.
    for r in rows.iter().filter(|r| !r.hardware.ends_with("pcap")) {
        groups.entry((&r.model, &r.hardware, r.tensor_parallel)).or_default().push(r);
    }
    let speed = |((model, hardware, gpus), rows): ((&String, &String, u32), Vec<&Modelled>)| {
        let mut batches: BTreeMap<u32, Vec<&Modelled>> = BTreeMap::new();
        for r in rows.into_iter().filter(|r| r.batch_size > 1) {
            batches.entry(r.batch_size).or_default().push(r);
        }
        // A batch whose prompts took less time than those of a smaller one did not fit, and was not run as one.
        let mut slowest = 0.0;
        let grew = |(_, rows): &(u32, Vec<&Modelled>)| {
            let took = median(rows.iter().map(|r| r.prompt_time).collect());
            let grew = took > slowest;
            slowest = f64::max(took, slowest);
            grew
        };
        let (seats, largest) = batches.into_iter().filter(grew).last()?;
        let of = |f: &dyn Fn(&Modelled) -> f64| median(largest.iter().map(|r| f(r)).collect());
        let per_gpu = f64::from(seats) * 1_000.0 / f64::from(gpus);
        Some(Speed {
            gpu: gpu::key(hardware, None),
            model: model.clone(),
            quant: "fp16".to_owned(),
            engine: "vLLM (Splitwise)".to_owned(),
            gpus,
            prompt_tokens_per_s: of(&|r| per_gpu * r.prompt_size / r.prompt_time).round(),
            decode_tokens_per_s: of(&|r| per_gpu / r.token_time).round(),
            seats,
            measurements: largest.len(),
            off_percent: 0,
            source: "Splitwise (Patel et al., ISCA 2024), performance model of splitwise-sim (MIT)".to_owned(),
        })
    };
    groups.into_iter().filter_map(speed).collect()
}

#[derive(Debug, Deserialize)]
struct Local {
    model: String,
    quant: String,
    hardware: String,
    engine: String,
    metric: String,
    tok_s: Option<f64>,
    source: String,
}

/// llama.cpp on single machines: the speed of a prompt and of an answer of 1,024 tokens, one request at a time.
fn local(rows: &[Local]) -> Vec<Speed> {
    let mut groups: BTreeMap<_, [Option<f64>; 2]> = BTreeMap::new();
    // Several GPUs in one machine take turns there: that is not the speed of each.
    for r in rows.iter().filter(|r| !r.hardware.contains('*')) {
        let at = match r.metric.as_str() {
            "pp1024" => 0,
            "tg1024" => 1,
            _ => continue,
        };
        groups.entry((&r.hardware, &r.model, &r.quant, &r.engine, &r.source)).or_default()[at] = r.tok_s;
    }
    type Run<'a> = ((&'a String, &'a String, &'a String, &'a String, &'a String), [Option<f64>; 2]);
    let speed = |((hardware, model, quant, engine, source), [prompt, decode]): Run<'_>| {
        Some(Speed {
            gpu: gpu::key(hardware, None),
            model: model.clone(),
            quant: quant.clone(),
            engine: engine.clone(),
            gpus: 1,
            prompt_tokens_per_s: prompt?,
            decode_tokens_per_s: decode?,
            seats: 1,
            measurements: 1,
            off_percent: 0,
            source: source.clone(),
        })
    };
    groups.into_iter().filter_map(speed).collect()
}

/// The median over configurations of what MLPerf's interactive scenario leaves of its offline one.
fn interactive(rows: &[Throughput]) -> Interactive {
    let mut groups: BTreeMap<_, [Vec<f64>; 2]> = BTreeMap::new();
    for r in rows {
        let at = match r.scenario.as_str() {
            "mlperf5.1 Interactive" => 0,
            "mlperf5.1 Offline" => 1,
            _ => continue,
        };
        let key = (&r.model, &r.gpu, &r.gpus, &r.source, &r.engine);
        groups.entry(key).or_default()[at].extend(r.out_tok_s_per_gpu);
    }
    let mean = |v: &[f64]| v.iter().sum::<f64>() / v.len() as f64;
    let both = groups.values().filter(|[a, b]| !a.is_empty() && !b.is_empty());
    let shares: Vec<f64> = both.map(|[a, b]| mean(a) / mean(b)).collect();
    Interactive {
        configurations: shares.len(),
        permille: (median(shares) * 1_000.0).round() as u16,
        source: "MLPerf Inference 5.1, output tokens per second of Interactive over Offline, same system and model",
    }
}

#[derive(Debug, Deserialize)]
struct Offer {
    provider: String,
    gpu: String,
    vram_gb: u32,
    count: f64,
    usd_per_hour_on_demand: Option<f64>,
    usd_per_hour_spot: Option<f64>,
    source: String,
}

fn rents(offers: &[Offer]) -> Vec<Rent> {
    let mut groups: BTreeMap<_, Vec<&Offer>> = BTreeMap::new();
    for offer in offers.iter().filter(|o| o.usd_per_hour_on_demand.is_some()) {
        groups.entry((gpu::key(&offer.gpu, Some(offer.vram_gb)), offer.vram_gb)).or_default().push(offer);
    }
    let rent = |((gpu, vram_gb), offers): ((String, u32), Vec<&Offer>)| {
        let of = |f: fn(&Offer) -> Option<f64>| {
            let each: Vec<f64> = offers.iter().filter_map(|o| Some(f(o)? / o.count)).collect();
            (!each.is_empty()).then(|| format!("{:.4}", median(each)))
        };
        let mut providers: Vec<&str> = offers.iter().map(|o| o.provider.as_str()).collect();
        providers.dedup();
        let catalogue = |o: &&Offer| o.source.split(' ').next().unwrap_or_default().to_owned();
        let mut catalogues: Vec<String> = offers.iter().map(catalogue).collect();
        catalogues.dedup();
        Some(Rent {
            gpu,
            vram_gb,
            usd_per_hour: of(|o| o.usd_per_hour_on_demand)?,
            usd_per_hour_spot: of(|o| o.usd_per_hour_spot),
            offers: offers.len(),
            source: format!("{} ({})", providers.join(", "), catalogues.join(", ")),
        })
    };
    groups.into_iter().filter_map(rent).collect()
}

/// The middle one; the mean of the two in the middle. 0 of none.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    match (values.len(), values.len() / 2) {
        (0, _) => 0.0,
        (n, half) if n % 2 == 1 => values[half],
        (_, half) => f64::midpoint(values[half - 1], values[half]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_speeds_come_out_of_what_they_make() {
        // a = 10,000 and b = 1,000: so many tokens in and out fill a second.
        let full = |i: f64, o: f64| {
            let s = i / 10_000.0 + o / 1_000.0;
            (i / s, o / s)
        };
        let points = [full(1_000.0, 1_000.0), full(8_000.0, 1_000.0), full(1_000.0, 8_000.0)];
        assert_eq!(fit(&points), Some((10_000.0, 1_000.0, 0)));
        assert_eq!(fit(&points[..1]), None, "one pair says nothing of two speeds");
        assert_eq!(fit(&[points[0], points[0]]), None, "nor does the same one twice");
        let (_, _, off) = fit(&[points[0], points[1], (points[2].0 * 1.5, points[2].1 * 1.5)]).unwrap_or_default();
        assert!(off > 5, "what does not fit is told: {off}");
    }

    #[test]
    fn rents_are_medians_per_gpu() {
        let offer = |provider: &str, gpu: &str, count, usd, spot| Offer {
            provider: provider.to_owned(),
            gpu: gpu.to_owned(),
            vram_gb: 80,
            count,
            usd_per_hour_on_demand: usd,
            usd_per_hour_spot: spot,
            source: "cat/alogue file".to_owned(),
        };
        let offers = [
            offer("a", "H100 SXM", 8.0, Some(16.0), None),
            offer("a", "H100", 1.0, Some(3.0), Some(1.0)),
            offer("b", "H100 SXM5", 1.0, Some(4.0), None),
            offer("b", "H100 SXM5", 1.0, None, None),
        ];
        let rents = rents(&offers);
        assert_eq!(rents.len(), 1);
        let rent = &rents[0];
        assert_eq!((rent.gpu.as_str(), rent.usd_per_hour.as_str(), rent.offers), ("h100", "3.0000", 3));
        assert_eq!((rent.usd_per_hour_spot.as_deref(), rent.source.as_str()), (Some("1.0000"), "a, b (cat/alogue)"));
    }
}
