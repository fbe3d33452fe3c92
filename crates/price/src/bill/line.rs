//! One line in, one line out: a raw answer with where it came from, and what it cost.
//!
//! Never here: files, standard input, the clock.

use super::extract::Counts;
use super::moment::unix_s;
use super::provider::Catalogue;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;

/// What `dewpoint price --json` reads per line.
#[derive(Deserialize)]
struct Line {
    provider: String,
    api_flavor: Option<String>,
    model: Option<String>,
    body: Value,
    at: Option<Value>,
}

/// What it writes per line. What is not known is null, never zero, and `error` says why.
#[derive(Debug, Default, Serialize, PartialEq, Eq)]
pub struct Answer {
    /// How many of each unit, zeros left out.
    #[serde(serialize_with = "counts")]
    usage: Option<Counts>,
    #[serde(serialize_with = "amount")]
    input_usd: Option<Decimal>,
    #[serde(serialize_with = "amount")]
    output_usd: Option<Decimal>,
    /// Input, output, and what is neither (searches, requests).
    #[serde(serialize_with = "amount")]
    total_usd: Option<Decimal>,
    /// The book, the provider and the model whose prices these are.
    price_version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

impl Answer {
    /// Why something is missing.
    pub fn error(&self) -> Option<&str> {
        self.error.as_deref()
    }

    /// An answer that is only an error.
    pub fn failed(error: impl Into<String>) -> Answer {
        Answer { error: Some(error.into()), ..Answer::default() }
    }
}

/// Prices one line. A line that cannot be priced gets an answer that says why. `usual_unix_s` is the moment where the line
/// has no `at`.
pub fn priced_line(catalogue: &Catalogue, line: &[u8], usual_unix_s: u64) -> Answer {
    let line: Line = match serde_json::from_slice(line) {
        Ok(line) => line,
        Err(error) => {
            return Answer::failed(format!(
                "this line is not {{\"provider\", \"api_flavor\", \"model\", \"body\"}}: {error}"
            ));
        }
    };
    let Some(provider) = catalogue.provider(&line.provider) else {
        let nearest = nearest(&line.provider, catalogue.ids());
        return Answer::failed(format!(
            "the provider `{}` is not in the book; nearest: {nearest}",
            short(&line.provider)
        ));
    };
    let extractor = match provider.extractor(line.api_flavor.as_deref().unwrap_or("default")) {
        Ok(extractor) => extractor,
        Err(flavors) if flavors.is_empty() => {
            return Answer::failed(format!("it is not known how answers of `{}` tell their usage", provider.id));
        }
        Err(flavors) => {
            return Answer::failed(format!("`api_flavor` of `{}` is one of: {}", provider.id, flavors.join(", ")));
        }
    };
    let usage = match extractor.usage(&line.body, &catalogue.units) {
        Ok(usage) => usage,
        Err(error) => return Answer::failed(error),
    };
    let at = match &line.at {
        None | Some(Value::Null) => Ok(usual_unix_s),
        Some(Value::String(text)) => unix_s(text).ok_or_else(|| format!("`at` is no moment: {}", short(text))),
        Some(Value::Number(n)) => n.as_u64().ok_or_else(|| format!("`at` is no moment: {n}")),
        Some(_) => Err("`at` is neither a text nor a number".to_owned()),
    };
    let named = line.model.as_deref().or_else(|| extractor.model(&line.body));
    let mut answer = match at.and_then(|at| price(catalogue, &provider.id, named, &usage, at)) {
        Ok(answer) => answer,
        Err(error) => Answer::failed(error),
    };
    answer.usage = Some(usage.into_iter().filter(|(_, n)| !n.is_zero()).collect());
    answer
}

fn price(
    catalogue: &Catalogue,
    provider: &str,
    model: Option<&str>,
    usage: &Counts,
    at_unix_s: u64,
) -> Result<Answer, String> {
    let found = catalogue.provider(provider).ok_or("the provider is not in the book")?;
    let name = model.ok_or("neither the line nor the answer names a model")?;
    let (owner, model) = catalogue.model(found, name).ok_or_else(|| {
        format!("the model `{}` is not in the book at `{provider}`; its price is unknown", short(name))
    })?;
    let rates = model.rates(at_unix_s).ok_or_else(|| format!("`{}` has no prices", model.id))?;
    let sum = super::sum::sum(rates, usage, &catalogue.units)?;
    Ok(Answer {
        input_usd: Some(sum.input),
        output_usd: Some(sum.output),
        total_usd: Some(sum.total),
        price_version: Some(format!("{}:{}/{}", catalogue.version(), owner.id, model.id)),
        ..Answer::default()
    })
}

/// At most 80 characters of a foreign text.
fn short(text: &str) -> String {
    text.chars().take(80).collect()
}

/// The three names that are nearest.
fn nearest<'a>(asked: &str, names: impl Iterator<Item = &'a str>) -> String {
    let asked = short(asked).to_lowercase();
    let mut names: Vec<_> = names.map(|name| (strsim::jaro_winkler(&asked, name), name)).collect();
    names.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    names.iter().take(3).map(|(_, name)| *name).collect::<Vec<_>>().join(", ")
}

/// A decimal as people write it, without needless zeros: `"0.00825"`.
fn amount<S: Serializer>(amount: &Option<Decimal>, to: S) -> Result<S::Ok, S::Error> {
    match amount {
        Some(amount) => to.serialize_str(&amount.normalize().to_string()),
        None => to.serialize_none(),
    }
}

fn counts<S: Serializer>(counts: &Option<Counts>, to: S) -> Result<S::Ok, S::Error> {
    match counts {
        None => to.serialize_none(),
        Some(counts) => to.collect_map(counts.iter().map(|(key, n)| (key, count(n)))),
    }
}

fn count(n: &Decimal) -> Value {
    let n = n.normalize();
    let whole = (n.scale() == 0).then(|| u64::try_from(n).ok()).flatten();
    whole.map_or_else(|| n.to_string().parse::<f64>().map_or(Value::Null, Value::from), Value::from)
}
