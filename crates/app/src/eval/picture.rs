//! Quality against the share of strong calls, as a plain SVG picture.
//!
//! Never here: measuring.

use std::fmt::Write;

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 400.0;
const LEFT: f64 = 56.0;
const RIGHT: f64 = 150.0;
const TOP: f64 = 36.0;
const BOTTOM: f64 = 44.0;
/// Highest share of the strong model's gain that is drawn.
const MOST: f64 = 1.5;
/// Points of a line.
const POINTS: usize = 200;
const COLOURS: [&str; 6] = ["#718096", "#c05621", "#2b6cb0", "#2f855a", "#805ad5", "#b83280"];

/// Draws lines: share of the gain recovered, from no to all calls strong. Random is drawn as the diagonal.
pub(crate) fn draw(title: &str, lines: &[(&str, Vec<f64>)]) -> String {
    let x = |share: f64| LEFT + (WIDTH - LEFT - RIGHT) * share;
    let y = |gain: f64| HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * gain.clamp(0.0, MOST) / MOST;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" font-size=\"12\" \
         fill=\"#1a202c\">\n<rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"white\"/>\n<text x=\"{LEFT}\" y=\"20\" \
         font-weight=\"bold\">{}</text>\n",
        escaped(title)
    );
    for tenth in [0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5] {
        let _ = writeln!(
            out,
            "<line x1=\"{LEFT}\" x2=\"{}\" y1=\"{at:.1}\" y2=\"{at:.1}\" stroke=\"#e2e8f0\"/><text x=\"{}\" y=\"{:.1}\" \
             text-anchor=\"end\">{:.0} %</text>",
            WIDTH - RIGHT,
            LEFT - 6.0,
            y(tenth) + 4.0,
            100.0 * tenth,
            at = y(tenth)
        );
    }
    for share in [0.0, 0.25, 0.5, 0.75, 1.0] {
        let (at, below) = (x(share), HEIGHT - BOTTOM + 16.0);
        let _ = writeln!(out, "<text x=\"{at:.1}\" y=\"{below}\" text-anchor=\"middle\">{:.0} %</text>", 100.0 * share);
    }
    let _ = writeln!(
        out,
        "<text x=\"{:.1}\" y=\"{}\" text-anchor=\"middle\">calls to the strong model (up: share of its gain that is recovered)</text>",
        x(0.5),
        HEIGHT - 8.0
    );
    let _ = writeln!(
        out,
        "<line x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{:.1}\" stroke=\"#a0aec0\" stroke-dasharray=\"5 4\"/>",
        x(0.0),
        y(0.0),
        x(1.0),
        y(1.0)
    );
    let names = lines.iter().map(|line| line.0).chain(["random"]);
    for (at, name) in names.enumerate() {
        let (colour, down) =
            (if name == "random" { "#a0aec0" } else { COLOURS[at % COLOURS.len()] }, TOP + 14.0 + 18.0 * at as f64);
        let _ = writeln!(
            out,
            "<text x=\"{}\" y=\"{down}\" fill=\"{colour}\">{}</text>",
            WIDTH - RIGHT + 12.0,
            escaped(name)
        );
    }
    for (at, (_, points)) in lines.iter().enumerate() {
        let last = points.len().saturating_sub(1);
        let path: Vec<String> = (0..=POINTS)
            .filter_map(|step| {
                let index = step * last / POINTS;
                Some(format!("{:.1},{:.1}", x(step as f64 / POINTS as f64), y(*points.get(index)?)))
            })
            .collect();
        let colour = COLOURS[at % COLOURS.len()];
        let _ = writeln!(
            out,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>",
            path.join(" ")
        );
    }
    out.push_str("</svg>\n");
    out
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_have_names_and_names_cannot_break_out() {
        let svg = draw("<a & b>", &[("query only", vec![0.0, 0.7, 1.0])]);
        assert!(svg.contains("&lt;a &amp; b&gt;") && svg.contains(">query only<") && svg.contains(">random<"));
        assert_eq!(svg.matches("<polyline").count(), 1);
        assert!(draw("", &[("none", Vec::new())]).ends_with("</svg>\n"));
    }
}
