//! What a provider bills: reading its export.
//!
//! | form | told by its columns |
//! |---|---|
//! | OpenAI, usage (CSV, or the usage API's JSON) | `start_time`, `model`, `input_tokens`, `output_tokens` |
//! | OpenAI, costs (CSV, or the costs API's JSON) | `start_time`, `amount_value`, `amount_currency`, `line_item` |
//! | Anthropic, usage (CSV, or the usage report API's JSON) | `usage_date_utc`, `model_version`, `usage_input_tokens_no_cache`, … |
//! | Anthropic, costs (CSV, or the cost report API's JSON) | `usage_date_utc`, `model`, `cost_usd`; the API's amounts are cents |
//! | the simple one | `day`, `model`, `input_tokens`, `output_tokens`, `cost_usd` |
//!
//! A line that cannot be read is named and left out; nothing is guessed. Prompt tokens include cached ones, as in the ledger.
//! Never here: comparing; floating point.

use super::day::Day;
use serde_json::Value;
use std::collections::BTreeMap;

/// A bill, longer than any of a month: 64 MiB.
pub(super) const MAX_BYTES: u64 = 64 << 20;
/// So many bad lines are named; all are counted.
const NAMED: usize = 20;

/// What is billed for a day and a model.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Billed {
    pub(super) input: Option<i128>,
    pub(super) output: Option<i128>,
    /// In 1e-18 dollars: shares of a nano-dollar add up.
    pub(super) cost_atto: Option<i128>,
}

impl Billed {
    fn add(&mut self, other: &Billed) {
        for (sum, more) in
            [(&mut self.input, other.input), (&mut self.output, other.output), (&mut self.cost_atto, other.cost_atto)]
        {
            if let Some(more) = more {
                *sum = Some(sum.unwrap_or(0).saturating_add(more));
            }
        }
    }

    /// Nano-dollars, to the nearest.
    pub(super) fn cost_nanousd(&self) -> Option<i128> {
        self.cost_atto.map(|atto| (atto + 500_000_000).div_euclid(1_000_000_000))
    }
}

/// What was read.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Bill {
    /// By day and model; the model is empty where the export does not say it.
    pub(super) lines: BTreeMap<(Day, String), Billed>,
    /// Lines that could not be read, and how many there are.
    pub(super) bad: Vec<String>,
    pub(super) bad_total: usize,
}

impl Bill {
    fn take(&mut self, at: &str, line: Result<Option<(Day, String, Billed)>, String>) {
        match line {
            Ok(Some((day, model, billed))) => self.lines.entry((day, model)).or_default().add(&billed),
            Ok(None) => {}
            Err(why) => {
                self.bad_total += 1;
                if self.bad.len() < NAMED {
                    self.bad.push(format!("{at}: {why}"));
                }
            }
        }
    }
}

/// Reads an export.
///
/// # Errors
/// When it has none of the known forms as a whole.
pub(super) fn read(text: &str) -> Result<Bill, String> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.trim_start().starts_with(['{', '[']) { read_json(text) } else { read_csv(text) }
}

fn read_csv(text: &str) -> Result<Bill, String> {
    // OpenAI's page copies with tabs.
    let tabs = text.lines().next().is_some_and(|head| head.contains('\t') && !head.contains(','));
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(if tabs { b'\t' } else { b',' })
        .flexible(true)
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let heads = reader.headers().map_err(|e| format!("its first line is no line of CSV: {e}"))?.clone();
    let columns = Columns::of(&heads)?;
    let mut bill = Bill::default();
    for (at, record) in reader.records().enumerate() {
        let (number, line) = match record {
            Ok(record) => (record.position().map_or(at as u64 + 2, csv::Position::line), columns.read(&record)),
            Err(error) => (at as u64 + 2, Err(error.to_string())),
        };
        bill.take(&format!("line {number}"), line);
    }
    Ok(bill)
}

/// Which column holds what.
struct Columns {
    day: usize,
    model: Option<usize>,
    input: Vec<usize>,
    output: Option<usize>,
    cost: Option<usize>,
    currency: Option<usize>,
}

impl Columns {
    fn of(heads: &csv::StringRecord) -> Result<Columns, String> {
        let find = |name: &str| heads.iter().position(|h| h.trim().eq_ignore_ascii_case(name));
        let first = |names: &[&str]| names.iter().find_map(|name| find(name));
        let anthropic = [
            "usage_input_tokens_no_cache",
            "usage_input_tokens_cache_write_5m",
            "usage_input_tokens_cache_write_1h",
            "usage_input_tokens_cache_read",
        ];
        let input: Vec<usize> = match find("input_tokens") {
            Some(at) => vec![at],
            None => anthropic.iter().filter_map(|name| find(name)).collect(),
        };
        let known = "day (or date, start_time, usage_date_utc), model, and input_tokens, output_tokens or cost_usd";
        let day = first(&["day", "date", "usage_date_utc", "start_time_iso", "start_time"])
            .ok_or_else(|| format!("its first line names no day; there must be the columns {known}"))?;
        let columns = Columns {
            day,
            model: first(&["model", "model_version", "line_item"]),
            input,
            output: first(&["output_tokens", "usage_output_tokens"]),
            cost: first(&["cost_usd", "amount_value"]),
            currency: first(&["amount_currency", "currency"]),
        };
        if columns.input.is_empty() && columns.output.is_none() && columns.cost.is_none() {
            return Err(format!("its first line names neither tokens nor costs; there must be the columns {known}"));
        }
        Ok(columns)
    }

    /// `None` for a bucket in which nothing was used.
    fn read(&self, record: &csv::StringRecord) -> Result<Option<(Day, String, Billed)>, String> {
        let cell = |at: usize| record.get(at).unwrap_or_default();
        let filled = |at: usize| Some(cell(at)).filter(|text| !text.is_empty());
        let mut input = None;
        for at in &self.input {
            if let Some(text) = filled(*at) {
                input = Some(input.unwrap_or(0) + count(text)?);
            }
        }
        let output = self.output.and_then(filled).map(count).transpose()?;
        let cost_atto = self.cost.and_then(filled).map(atto).transpose()?;
        let day = day(cell(self.day))?;
        if input.is_none() && output.is_none() && cost_atto.is_none() {
            return Ok(None);
        }
        check_currency(self.currency.and_then(filled))?;
        let model = self.model.map(cell).unwrap_or_default();
        Ok(Some((day, called(model), Billed { input, output, cost_atto })))
    }
}

fn check_currency(currency: Option<&str>) -> Result<(), String> {
    match currency {
        Some(other) if !other.eq_ignore_ascii_case("usd") => {
            Err(format!("the currency is {other:?}; only US dollars are compared"))
        }
        _ => Ok(()),
    }
}

/// A model as providers bill it: "gpt-5-mini-2025-08-07, input" and "claude-sonnet-4-5-20250929" are of the models without the date.
pub(super) fn called(model: &str) -> String {
    let model = model.split(", ").next().unwrap_or_default().trim();
    let digits = |text: &str, count: usize| text.len() == count && text.bytes().all(|b| b.is_ascii_digit());
    let dated = |text: &str| {
        let at = text.len().checked_sub(11)?;
        let date = text.get(at..)?;
        let parts = [(1..5, 4), (6..8, 2), (9..11, 2)];
        let right = parts.into_iter().all(|(range, len)| date.get(range).is_some_and(|part| digits(part, len)));
        let dashes = [0, 5, 8].into_iter().all(|at| date.as_bytes().get(at) == Some(&b'-'));
        (right && dashes).then_some(at)
    };
    let short = model.rsplit_once('-').filter(|(_, date)| digits(date, 8)).map(|(name, _)| name.len());
    let cut = dated(model).or(short).filter(|at| *at > 0);
    cut.and_then(|at| model.get(..at)).unwrap_or(model).to_owned()
}

fn day(text: &str) -> Result<Day, String> {
    if text.bytes().all(|b| b.is_ascii_digit()) && !text.is_empty() {
        let seconds: u64 = text.parse().map_err(|_| format!("\"{text}\" is no time"))?;
        return Ok(Day::of(seconds.saturating_mul(1000)));
    }
    // A time is cut to its day: exports are in UTC.
    Day::parse(text.split(['T', ' ']).next().unwrap_or_default())
}

fn count(text: &str) -> Result<i128, String> {
    // Some write counts as decimals.
    let whole = text.strip_suffix(".0").unwrap_or(text);
    let found = whole.parse::<u64>().ok().filter(|n| *n <= i64::MAX as u64);
    found.map(i128::from).ok_or_else(|| format!("\"{text}\" is no number of tokens"))
}

/// Dollars in 1e-18: digits, a point, an exponent. What is finer than that is rounded down; above a trillion nothing is taken.
fn atto(text: &str) -> Result<i128, String> {
    let bad = || format!("\"{text}\" is no amount of dollars");
    let (negative, rest) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let (mantissa, exponent) = match rest.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().map_err(|_| bad())?),
        None => (rest, 0),
    };
    let (whole, part) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits: String = [whole, part].concat();
    let plain = !whole.is_empty() && digits.len() <= 40 && digits.bytes().all(|b| b.is_ascii_digit());
    if !plain || exponent.abs() > 40 {
        return Err(bad());
    }
    // The number of zeros behind the digits, or of digits to be cut off.
    let shift = 18 + exponent - i32::try_from(part.len()).unwrap_or(0);
    let digits = match usize::try_from(shift) {
        Ok(zeros) => digits + &"0".repeat(zeros),
        Err(_) => {
            digits.get(..digits.len().saturating_sub(shift.unsigned_abs() as usize)).unwrap_or_default().to_owned()
        }
    };
    let digits = digits.trim_start_matches('0');
    let amount = if digits.is_empty() { 0 } else { digits.parse::<i128>().map_err(|_| bad())? };
    if amount > 1_000_000_000_000 * 1_000_000_000_000_000_000 {
        return Err(bad());
    }
    Ok(if negative { -amount } else { amount })
}

/// Buckets of time with results in them, as both providers' APIs give them; or a list of lines of the simple form.
fn read_json(text: &str) -> Result<Bill, String> {
    let page: Value = serde_json::from_str(text).map_err(|e| format!("it is no JSON: {e}"))?;
    let list = page.get("data").unwrap_or(&page).as_array();
    let list = list.ok_or("it holds no list \"data\" of buckets, and is no list of lines")?;
    let mut bill = Bill::default();
    for (at, entry) in list.iter().enumerate() {
        let when = ["start_time", "starting_at", "day", "date"].iter().find_map(|name| entry.get(name));
        let results = entry.get("results").and_then(Value::as_array);
        for (nth, result) in results.map_or(std::slice::from_ref(entry), Vec::as_slice).iter().enumerate() {
            let place = if results.is_some() { format!("entry {at}, result {nth}") } else { format!("entry {at}") };
            bill.take(&place, result_of(when, result));
        }
    }
    if page.get("has_more") == Some(&Value::Bool(true)) {
        let why = "has_more is true: this is one page of several, put the entries of all of them into one \"data\"";
        bill.take("the end", Err(why.to_owned()));
    }
    Ok(bill)
}

fn result_of(when: Option<&Value>, result: &Value) -> Result<Option<(Day, String, Billed)>, String> {
    let text = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    let field = |name: &str| result.pointer(name).and_then(text);
    let day = day(&when.and_then(text).ok_or("it says no day")?)?;
    let mut input = None;
    let parts = [
        "/input_tokens",
        "/uncached_input_tokens",
        "/cache_creation/ephemeral_1h_input_tokens",
        "/cache_creation/ephemeral_5m_input_tokens",
        "/cache_read_input_tokens",
    ];
    for part in parts.iter().filter_map(|name| field(name)) {
        input = Some(input.unwrap_or(0) + count(&part)?);
    }
    let output = field("/output_tokens").map(|t| count(&t)).transpose()?;
    check_currency(field("/amount/currency").or(field("/currency")).as_deref())?;
    // OpenAI: an object with dollars. Anthropic: a text with cents. The simple form: dollars.
    let dollars = field("/amount/value").or(field("/cost_usd")).map(|t| atto(&t)).transpose()?;
    let cents = field("/amount").map(|t| atto(&t).map(|cents| cents / 100)).transpose()?;
    let billed = Billed { input, output, cost_atto: dollars.or(cents) };
    if billed == Billed::default() {
        return Ok(None);
    }
    let model = field("/model").or(field("/line_item")).unwrap_or_default();
    Ok(Some((day, called(&model), billed)))
}

#[cfg(test)]
#[path = "bill_tests.rs"]
mod tests;
