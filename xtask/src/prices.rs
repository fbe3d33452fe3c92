//! `cargo xtask prices`: the embedded price book, from public catalogues on the disk.
//!
//! Which catalogue is believed: genai-prices where it names the model; LiteLLM; models.dev; OpenRouter's list; and last
//! genai-prices where only one of its patterns covers the model. Of capabilities and identities models.dev is believed
//! first. Where a price has no rate for something (batch, cache writes), the next catalogue that agrees on input and output
//! gives it. What the others say otherwise, by more than 1 %, stays in the row.
//!
//! Never here: the network; a price that none of the catalogues has.

mod amount;
mod genai;
mod litellm;
mod merge;
mod models_dev;

use anyhow::{Context, Result, bail};
use flate2::read::GzDecoder;
use price::volume::{Catalog, Head, bind, seal};
use ring::{digest, signature::Ed25519KeyPair};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

/// As of this day the book is put together: the day of its newest dated catalogue.
const DATE: &str = "2026-08-21";
/// Seed of the development key. It is no secret and vouches for nobody; it keeps the way of a release in use.
const DEVELOPMENT_SEED: [u8; 32] = *b"dewpoint price book: development";

/// The catalogues: mark, name, issue and licence, day, file.
const SOURCES: [(char, &str, &str, &str, &str); 5] = [
    ('g', "genai-prices", "snapshot of 2026-08-21, MIT", DATE, "genai_prices_2026-08-21.min.json.gz"),
    ('l', "LiteLLM", "1.109.1, MIT", DATE, "litellm_1.109.1_prices.min.json.gz"),
    ('m', "models.dev", "f3fc692, MIT", "2026-07-02", "models_dev_2026-07-02.min.json.gz"),
    ('o', "OpenRouter list", "in models.dev, MIT", "2026-07-02", "openrouter_list_in_models_dev.min.json.gz"),
    ('s', "genai-prices, full schema", "0.1.4 and 0.1.5, MIT", DATE, "supplement.json"),
];

/// Writes `book.bin`, its seal and the public half of the key into `crates/price/data`.
///
/// # Errors
/// A catalogue is missing or not as expected, or the key cannot be read.
pub fn run(root: &Path, args: &[&str]) -> Result<()> {
    let mut data = root.join("../shared/data/economics/prices");
    let mut key = None;
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        let value = args.next().with_context(|| format!("{arg} wants a value"))?;
        match *arg {
            "--data" => data = root.join(value),
            "--key" => key = Some(std::fs::read(value).with_context(|| format!("{value} cannot be read"))?),
            _ => bail!("prices knows --data DIR and --key FILE, not {arg}"),
        }
    }
    let key = match key {
        Some(pkcs8) => Ed25519KeyPair::from_pkcs8_maybe_unchecked(&pkcs8),
        None => Ed25519KeyPair::from_seed_unchecked(&DEVELOPMENT_SEED),
    }
    .map_err(|e| anyhow::anyhow!("this is no Ed25519 key in PKCS#8: {e}"))?;
    let out = root.join("crates/price/data");
    let (bytes, rows) = book(&data, &out)?;
    let (seal, public) = seal(&bytes, &key);
    std::fs::write(out.join("book.bin"), &bytes)?;
    std::fs::write(out.join("book.seal.json"), format!("{}\n", serde_json::to_string_pretty(&seal)?))?;
    std::fs::write(out.join("book.pub"), format!("{public}\n"))?;
    println!("prices: {} bytes; {rows}", bytes.len());
    Ok(())
}

/// The book, and how many rows of how many providers it has.
fn book(data: &Path, out: &Path) -> Result<(Vec<u8>, String)> {
    let mut sources = Vec::new();
    let mut read = Vec::new();
    for (mark, name, issue, date, file) in SOURCES {
        let folder = if mark == 's' { out } else { data };
        let (value, sha256) = json_file(&folder.join(file))?;
        let (name, issue, date) = (name.to_owned(), issue.to_owned(), date.to_owned());
        sources.push(Catalog { mark, name, issue, date, sha256 });
        read.push(value);
    }
    let [genai, litellm, models_dev, openrouter, supplement] =
        <[Value; 5]>::try_from(read).map_err(|_| anyhow::anyhow!("five catalogues"))?;
    let providers = genai::providers(genai, &supplement)?;

    let mut pile = merge::Pile::default();
    models_dev::read(&models_dev, &mut pile)?;
    models_dev::openrouter(&openrouter, &mut pile)?;
    litellm::read(&litellm, &mut pile)?;
    genai::read(&providers, DATE, &mut pile)?;
    let shelves = pile.rows();

    let priced = shelves.iter().map(|(_, rows)| rows.iter().filter(|r| r.source.is_some()).count());
    let told = format!(
        "{} models priced at {} providers, {} rows",
        priced.clone().sum::<usize>(),
        priced.filter(|n| *n > 0).count(),
        shelves.values().map(Vec::len).sum::<usize>(),
    );
    let mut sections = BTreeMap::new();
    for (provider, rows) in &shelves {
        sections.insert(format!("rows/{provider}"), serde_json::to_vec(rows)?);
    }
    let heads: Vec<Value> =
        providers.iter().map(|p| json!({"id": p["id"], "provider_match": p["provider_match"]})).collect();
    sections.insert("bill".to_owned(), serde_json::to_vec(&json!({"units": supplement["units"], "providers": heads}))?);
    for provider in &providers {
        let id = provider["id"].as_str().context("a provider without an id")?;
        sections.insert(format!("bill/{id}"), serde_json::to_vec(&genai::billing(provider))?);
    }
    let head: Head = serde_json::from_value(json!({"date": DATE, "sources": sources}))?;
    Ok((bind(head, &sections)?, told))
}

/// A file of JSON, gzipped where it is called so, and the SHA-256 of its bytes.
fn json_file(path: &Path) -> Result<(Value, String)> {
    let bytes = std::fs::read(path)
        .with_context(|| format!("{} cannot be read; name the folder with --data", path.display()))?;
    let digest = digest::digest(&digest::SHA256, &bytes);
    let sha256 = digest.as_ref().iter().map(|b| format!("{b:02x}")).collect();
    let mut text = Vec::new();
    if path.extension().is_some_and(|e| e == "gz") {
        GzDecoder::new(bytes.as_slice()).read_to_end(&mut text)?;
    } else {
        text = bytes;
    }
    Ok((serde_json::from_slice(&text).with_context(|| format!("{} is no JSON", path.display()))?, sha256))
}
