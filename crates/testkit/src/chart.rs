//! Plain SVG charts over time, a few panels one below the other, and sections of a book page that a run writes anew.
//!
//! Never here: measuring.

use std::fmt::Write;
use std::path::Path;

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 190.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 16.0;
const TOP: f64 = 30.0;
const BOTTOM: f64 = 26.0;
const COLOURS: [&str; 5] = ["#2b6cb0", "#c05621", "#2f855a", "#805ad5", "#718096"];

/// One panel: lines over the same seconds.
#[derive(Debug, Clone, Default)]
pub struct Panel {
    /// Title with the unit.
    pub title: String,
    /// Lines by name: seconds and value.
    pub lines: Vec<(String, Vec<(f64, f64)>)>,
    /// A horizontal line that means something, with its name.
    pub bound: Option<(String, f64)>,
    /// Values by powers of ten.
    pub log: bool,
}

/// A chart of panels over the same seconds, with vertical marks for what happened when.
pub fn chart(panels: &[Panel], marks: &[(f64, &str)]) -> String {
    chart_over("s", panels, marks)
}

/// The same over another unit of time.
pub fn chart_over(unit: &str, panels: &[Panel], marks: &[(f64, &str)]) -> String {
    let points = || panels.iter().flat_map(|p| &p.lines).flat_map(|l| &l.1);
    let until = points().map(|p| p.0).fold(1.0, f64::max);
    let high = panels.len() as f64 * HEIGHT;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {high}\" font-family=\"sans-serif\" \
         font-size=\"12\" fill=\"#1a202c\">\n<rect width=\"{WIDTH}\" height=\"{high}\" fill=\"white\"/>\n"
    );
    for (at, panel) in panels.iter().enumerate() {
        draw(&mut out, panel, at as f64 * HEIGHT, (until, unit), marks);
    }
    out.push_str("</svg>\n");
    out
}

fn draw(out: &mut String, panel: &Panel, y0: f64, (until, unit): (f64, &str), marks: &[(f64, &str)]) {
    let values = panel.lines.iter().flat_map(|l| l.1.iter().map(|p| p.1)).chain(panel.bound.as_ref().map(|b| b.1));
    let most = values.fold(0.0, f64::max).max(1e-9);
    let top = if panel.log { 10f64.powf(most.log10().ceil().max(1.0)) } else { nice(most) };
    let (plot, bottom) = (HEIGHT - TOP - BOTTOM, y0 + HEIGHT - BOTTOM);
    let x = |second: f64| LEFT + (WIDTH - LEFT - RIGHT) * second / until;
    let share = |value: f64| if panel.log { value.max(1.0).log10() / top.log10() } else { value / top };
    let y = |value: f64| bottom - plot * share(value).clamp(0.0, 1.0);
    let _ = writeln!(out, "<text x=\"{LEFT}\" y=\"{}\" font-weight=\"bold\">{}</text>", y0 + 16.0, panel.title);
    let steps: Vec<f64> = if panel.log {
        (0..=top.log10().round() as i32).map(|k| 10f64.powi(k)).collect()
    } else {
        (0..=4).map(|k| top * f64::from(k) / 4.0).collect()
    };
    for value in steps {
        let (at, right) = (y(value), WIDTH - RIGHT);
        let _ = writeln!(out, "<line x1=\"{LEFT}\" x2=\"{right}\" y1=\"{at:.1}\" y2=\"{at:.1}\" stroke=\"#e2e8f0\"/>");
        let _ = writeln!(out, "<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{value}</text>", LEFT - 6.0, at + 4.0);
    }
    for (second, name) in marks {
        let (at, above) = (x(*second), bottom - plot);
        let _ = writeln!(
            out,
            "<line x1=\"{at:.1}\" x2=\"{at:.1}\" y1=\"{above:.1}\" y2=\"{bottom:.1}\" stroke=\"#1a202c\" \
             stroke-dasharray=\"3 3\"/><text x=\"{:.1}\" y=\"{:.1}\" font-size=\"10\">{name}</text>",
            at + 3.0,
            above + 9.0
        );
    }
    if let Some((name, value)) = &panel.bound {
        let (at, right) = (y(*value), WIDTH - RIGHT);
        let _ = writeln!(
            out,
            "<line x1=\"{LEFT}\" x2=\"{right}\" y1=\"{at:.1}\" y2=\"{at:.1}\" stroke=\"#c53030\" \
             stroke-dasharray=\"6 3\"/><text x=\"{right}\" y=\"{:.1}\" text-anchor=\"end\" font-size=\"10\" \
             fill=\"#c53030\">{name}</text>",
            at - 3.0
        );
    }
    for (at, (name, points)) in panel.lines.iter().enumerate() {
        let colour = COLOURS[at % COLOURS.len()];
        let path: Vec<String> = points.iter().map(|p| format!("{:.1},{:.1}", x(p.0), y(p.1))).collect();
        let path = path.join(" ");
        let _ = writeln!(out, "<polyline points=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.5\"/>");
        let right = WIDTH - RIGHT - 130.0 * (panel.lines.len() - 1 - at) as f64;
        let _ = writeln!(
            out,
            "<text x=\"{right}\" y=\"{}\" text-anchor=\"end\" fill=\"{colour}\">{name}</text>",
            y0 + 16.0
        );
    }
    for k in 0..=6 {
        let second = (until * f64::from(k) / 6.0).round();
        let at = x(second);
        let _ = writeln!(
            out,
            "<text x=\"{at:.1}\" y=\"{:.1}\" text-anchor=\"middle\" font-size=\"10\">{second} {unit}</text>",
            bottom + 13.0
        );
    }
}

/// The next 1, 2, 2.5 or 5 times a power of ten.
fn nice(most: f64) -> f64 {
    let step = 10f64.powf(most.log10().floor());
    [1.0, 2.0, 2.5, 5.0, 10.0].iter().map(|k| k * step).find(|top| *top >= most).unwrap_or(most)
}

/// Replaces what stands in `page` between `<!-- name:begin -->` and `<!-- name:end -->`.
///
/// # Panics
/// When the page cannot be read or written, or has no such section.
pub fn write_section(page: &Path, name: &str, text: &str) {
    let old = std::fs::read_to_string(page).expect("the page can be read");
    let (begin, end) = (format!("<!-- {name}:begin -->\n"), format!("<!-- {name}:end -->"));
    let (before, rest) = old.split_once(&begin).expect("the page has the section");
    let (_, after) = rest.split_once(&end).expect("the section has an end");
    std::fs::write(page, format!("{before}{begin}{text}{end}{after}")).expect("the page can be written");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chart_holds_every_point_and_a_section_is_replaced() {
        let panel = Panel {
            title: "requests/s".into(),
            lines: vec![("ok".into(), vec![(0.0, 0.0), (10.0, 100.0)])],
            bound: Some(("limit".into(), 50.0)),
            log: false,
        };
        let log = Panel { log: true, ..panel.clone() };
        let svg = chart(&[panel, log], &[(5.0, "down")]);
        assert!(svg.contains("points=\"64.0,164.0 744.0,30.0\""), "{svg}");
        assert!(svg.contains(">down</text>") && svg.matches("<polyline").count() == 2);
        assert_eq!([nice(0.3), nice(7.0), nice(21.0), nice(100.0)], [0.5, 10.0, 25.0, 100.0]);
        let folder = std::env::temp_dir().join(format!("dewpoint-chart-{}", std::process::id()));
        std::fs::write(&folder, "a\n<!-- x:begin -->\nold\n<!-- x:end -->\nb\n").unwrap();
        write_section(&folder, "x", "new\n");
        assert_eq!(std::fs::read_to_string(&folder).unwrap(), "a\n<!-- x:begin -->\nnew\n<!-- x:end -->\nb\n");
        std::fs::remove_file(&folder).unwrap();
    }
}
