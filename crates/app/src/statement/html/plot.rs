//! Plots of the page, as SVG that takes its colours from the page.
//!
//! Never here: tables; text from outside that is not escaped.

use super::safe;
use crate::statement::day::Day;
use crate::statement::page::{Saving, called};
use crate::statement::shown::{dollars, quality, short};
use ledger::{Dim, Line, Name, Sheet};
use std::collections::BTreeMap;
use std::fmt::Write;

/// Colours; the last is that of the rest.
const COLOURS: usize = 6;
/// Bars of one plot, at most: more days are put together.
const BARS: u32 = 124;
/// Room for the labels of an axis.
const LEFT: f64 = 62.0;
const BOTTOM: f64 = 24.0;
const TOP: f64 = 10.0;

/// Width and height in units of the page.
#[derive(Clone, Copy)]
struct Frame {
    width: f64,
    height: f64,
}

impl Frame {
    fn open(self, title: &str) -> String {
        let Frame { width, height } = self;
        format!("<svg viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"{}\">\n", safe(title))
    }

    fn y(self, value: f64, top: f64) -> f64 {
        let room = self.height - TOP - BOTTOM;
        TOP + room * (1.0 - if top > 0.0 { value / top } else { 0.0 })
    }

    /// Lines across with their values; the top of the axis.
    fn axis(self, out: &mut String, most: f64, label: impl Fn(f64) -> String) -> f64 {
        let step = nice(most / 3.5);
        let count = (most / step).ceil().max(1.0) as u32;
        let top = step * f64::from(count);
        for at in 0..=count {
            let value = step * f64::from(at);
            let y = self.y(value, top);
            let _ = writeln!(
                out,
                "<line class=\"g\" x1=\"{LEFT}\" x2=\"{}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/><text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                self.width,
                LEFT - 8.0,
                y + 4.0,
                label(value)
            );
        }
        top
    }

    /// Days below: about one label each ninety units.
    fn days(self, out: &mut String, first: u32, bars: u32, per: u32) {
        let width = (self.width - LEFT) / f64::from(bars.max(1));
        let every = (92.0 / width).ceil().max(1.0) as u32;
        for bar in (0..bars).step_by(every as usize) {
            let (_, month, day) = Day(first + bar * per).date();
            let names = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
            let name = names.get(month as usize - 1).copied().unwrap_or_default();
            let x = LEFT + width * (f64::from(bar) + 0.5);
            let _ = writeln!(
                out,
                "<text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{day} {name}</text>",
                self.height - 6.0
            );
        }
    }
}

/// 1, 2 or 5 times a power of ten, not below `least`.
fn nice(least: f64) -> f64 {
    if least.is_nan() || least <= 0.0 {
        return 1.0;
    }
    let power = 10f64.powf(least.log10().floor());
    [1.0, 2.0, 5.0, 10.0].into_iter().map(|n| n * power).find(|n| *n >= least * 0.999).unwrap_or(10.0 * power)
}

/// Amounts on an axis: whole dollars without cents, small ones with the digits that they need.
fn axis_dollars(nano: f64) -> String {
    match nano / 1e9 {
        zero if zero <= 0.0 => "$0".to_owned(),
        value if value >= 10_000.0 => format!("${}", short(value)),
        value if (value - value.round()).abs() < 1e-9 => format!("${value:.0}"),
        value => {
            let decimals = (1 - value.log10().floor() as i32).clamp(1, 9) as usize;
            format!("${value:.decimals$}")
        }
    }
}

fn legend(names: &[String]) -> String {
    let mut out = String::from("<ul class=\"key\">");
    for (at, name) in names.iter().enumerate() {
        let _ = write!(
            out,
            "<li><svg viewBox=\"0 0 10 10\" aria-hidden=\"true\"><rect class=\"f{at}\" width=\"10\" height=\"10\" rx=\"2\"/></svg>{}</li>",
            safe(name)
        );
    }
    out.push_str("</ul>");
    out
}

/// The days of a sheet: the first, how many bars, and how many days each is.
fn span(sheet: &Sheet) -> Option<(u32, u32, u32)> {
    let day = |line: &Line| if let Name::Day(day) = line.name { Some(day) } else { None };
    let (first, last) = (sheet.lines.iter().filter_map(day).min()?, sheet.lines.iter().filter_map(day).max()?);
    let days = last - first + 1;
    let per = days.div_ceil(BARS);
    Some((first, days.div_ceil(per), per))
}

/// Spend per day, stacked by place: the dearest five and the others.
pub(super) fn spend(sheet: &Sheet) -> String {
    let Some((first, bars, per)) = span(sheet) else { return String::new() };
    let mut totals = BTreeMap::<&Name, i128>::new();
    sheet.lines.iter().for_each(|l| *totals.entry(&l.across).or_default() += l.sums.spend.nanousd);
    let mut order: Vec<(&Name, i128)> = totals.into_iter().filter(|(_, nano)| *nano > 0).collect();
    order.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
    if order.is_empty() {
        return "<p class=\"lead\">Nothing was spent in this period.</p>".to_owned();
    }
    let shown = if order.len() > COLOURS { COLOURS - 1 } else { order.len() };
    let colour = |name: &Name| order.iter().position(|(n, _)| *n == name).map(|at| at.min(shown).min(COLOURS - 1));
    let mut stacks = vec![[0i128; COLOURS]; bars as usize];
    for line in &sheet.lines {
        let Name::Day(day) = line.name else { continue };
        let stack = stacks.get_mut(((day - first) / per) as usize);
        if let Some(part) = stack.zip(colour(&line.across)).and_then(|(stack, at)| stack.get_mut(at)) {
            *part += line.sums.spend.nanousd;
        }
    }
    let mut names: Vec<String> = order.iter().take(shown).map(|(name, _)| called(Dim::Place, name)).collect();
    if order.len() > shown {
        names.push(format!("{} others", order.len() - shown));
    }
    let frame = Frame { width: 984.0, height: 250.0 };
    let mut out = frame.open("Spend per day, stacked by place");
    let most = stacks.iter().map(|s| s.iter().sum::<i128>()).max().unwrap_or(0) as f64;
    let top = frame.axis(&mut out, most, axis_dollars);
    let width = (frame.width - LEFT) / f64::from(bars);
    for (bar, stack) in stacks.iter().enumerate() {
        let x = LEFT + width * bar as f64 + width * 0.12;
        let mut below = 0i128;
        let day = Day(first + bar as u32 * per);
        for (at, part) in stack.iter().enumerate().filter(|(_, part)| **part > 0) {
            let (y0, y1) = (frame.y(below as f64, top), frame.y((below + part) as f64, top));
            let name = names.get(at).map_or("", String::as_str);
            let _ = writeln!(
                out,
                "<rect class=\"f{at}\" x=\"{x:.1}\" y=\"{y1:.1}\" width=\"{:.1}\" height=\"{:.1}\"><title>{day} {}: {}</title></rect>",
                (width * 0.76).min(64.0),
                y0 - y1,
                safe(name),
                dollars(*part)
            );
            below += part;
        }
    }
    frame.days(&mut out, first, bars, per);
    let per = if per > 1 { format!("<p class=\"lead\">A bar is {per} days.</p>") } else { String::new() };
    format!("{out}</svg>{}{per}", legend(&names))
}

/// What a line shows of a day.
type Value<'a> = &'a dyn Fn(&Line) -> Option<f64>;

/// Lines over days; a day without a value is a gap.
fn lines(title: &str, sheet: &Sheet, values: &[Value<'_>], label: impl Fn(f64) -> String) -> String {
    let Some((first, bars, per)) = span(sheet).filter(|(_, bars, _)| *bars > 1) else { return String::new() };
    // A line is of single days, also where bars are of several.
    let days = bars * per;
    let of_day = |line: &Line| if let Name::Day(day) = line.name { Some(day - first) } else { None };
    let frame = Frame { width: 470.0, height: 200.0 };
    let most = sheet.lines.iter().flat_map(|l| values.iter().filter_map(|v| v(l))).fold(0.0, f64::max);
    if most <= 0.0 {
        return String::new();
    }
    let mut out = frame.open(title);
    let top = frame.axis(&mut out, most, label);
    let width = (frame.width - LEFT) / f64::from(days);
    for (at, value) in values.iter().enumerate() {
        let mut path = String::new();
        let mut last = None;
        for line in &sheet.lines {
            let Some((day, value)) = of_day(line).zip(value(line)) else { continue };
            let joined = last.is_some_and(|last: u32| last + 1 == day);
            let (x, y) = (LEFT + width * (f64::from(day) + 0.5), frame.y(value, top));
            let _ = write!(path, "{}{x:.1} {y:.1}", if joined { "L" } else { "M" });
            last = Some(day);
        }
        let _ = writeln!(out, "<path class=\"l s{at}\" d=\"{path}\"/>");
    }
    frame.days(&mut out, first, bars, per);
    out + "</svg>"
}

/// What a request cost, by day.
pub(super) fn cost_per_request(sheet: &Sheet) -> String {
    let value = |l: &Line| (l.sums.requests > 0).then(|| l.sums.spend.nanousd as f64 / l.sums.requests as f64);
    lines("Cost per request by day", sheet, &[&value], axis_dollars)
}

/// Times to the first token, by day.
pub(super) fn ttft(sheet: &Sheet) -> String {
    let of = |l: &Line| l.latency.and_then(|t| t.ttft_ms);
    let (p50, p95) = (|l: &Line| of(l).map(|t| t.0), |l: &Line| of(l).map(|t| t.1));
    let label = |ms: f64| if ms >= 1000.0 { format!("{:.1} s", ms / 1000.0) } else { format!("{ms:.0} ms") };
    let plot = lines("Time to first token by day, median and 95th percentile", sheet, &[&p50, &p95], label);
    if plot.is_empty() { plot } else { plot + &legend(&["median".to_owned(), "95th percentile".to_owned()]) }
}

/// Bars to the right, each with a name before it and a value behind it.
fn bars(title: &str, rows: &[(String, Vec<f64>, String)]) -> String {
    const ROW: f64 = 30.0;
    const NAMES: f64 = 262.0;
    let frame = Frame { width: 984.0, height: ROW * rows.len() as f64 };
    let most = rows.iter().map(|r| r.1.iter().sum::<f64>()).fold(0.0, f64::max);
    if most <= 0.0 {
        return String::new();
    }
    let room = frame.width - NAMES - 240.0;
    let mut out = frame.open(title);
    for (at, (name, parts, value)) in rows.iter().enumerate() {
        let y = ROW * at as f64;
        let _ = write!(
            out,
            "<text class=\"v\" x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            NAMES - 12.0,
            y + 19.0,
            safe(name)
        );
        let mut x = NAMES;
        for (colour, part) in parts.iter().enumerate() {
            let width = room * part / most;
            let _ = write!(
                out,
                "<rect class=\"f{colour}\" x=\"{x:.1}\" y=\"{:.1}\" width=\"{width:.1}\" height=\"18\"/>",
                y + 6.0
            );
            x += width;
        }
        let _ = writeln!(out, "<text class=\"v\" x=\"{:.1}\" y=\"{:.1}\">{}</text>", x + 10.0, y + 19.0, safe(value));
    }
    out + "</svg>"
}

/// What was spent, and what each baseline would have cost, with the quality of each.
pub(super) fn savings(savings: &[Saving]) -> String {
    let row = |name: String, nano: i128, q: Option<u64>| {
        let value = match q {
            Some(_) => format!("{}, quality {}", dollars(nano), quality(q)),
            None => format!("{}, quality not known", dollars(nano)),
        };
        (name, vec![nano.max(0) as f64], value)
    };
    let mut rows = Vec::new();
    if let Some(first) = savings.first() {
        rows.push(row(
            "as it was, failed and doubted attempts included".to_owned(),
            first.here_nanousd + first.failed_nanousd,
            first.quality_here,
        ));
    }
    rows.extend(savings.iter().map(|s| row(s.what.clone(), s.there_nanousd, s.quality_there)));
    bars("Spend as it was and of each baseline", &rows)
}

/// Tokens of each task.
pub(super) fn tokens(sheet: &Sheet) -> String {
    let mut sorted: Vec<&Line> = sheet.lines.iter().filter(|l| l.sums.input + l.sums.output > 0).collect();
    sorted.sort_by(|a, b| {
        let tokens = |l: &Line| l.sums.input + l.sums.output;
        tokens(b).cmp(&tokens(a)).then(a.name.cmp(&b.name))
    });
    let row = |l: &Line| {
        let s = &l.sums;
        let fresh = (s.input - s.cached).max(0);
        let parts = vec![fresh as f64, s.cached as f64, s.output as f64];
        let value = format!("{} in, {} out", short(s.input as f64), short(s.output as f64));
        (called(Dim::Task, &l.name), parts, value)
    };
    let plot = bars("Tokens by task", &sorted.into_iter().map(row).collect::<Vec<_>>());
    let names = ["prompt", "prompt from a cache", "completion"].map(str::to_owned);
    if plot.is_empty() { plot } else { plot + &legend(&names) }
}
