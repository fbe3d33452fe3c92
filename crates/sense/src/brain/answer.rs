//! Answers in a form that can be compared: options, numbers, literals of code, JSON, short texts.
//!
//! Never here: whether an answer is right.

/// Bytes of an answer that are compared; longer ones never agree but by being the same bytes.
const LONGEST: usize = 8192;

/// What kind of thing an answer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shape {
    /// Nothing, or nothing that could be found in the text.
    Missing,
    /// One letter.
    Option,
    /// A number.
    Number,
    /// A list, tuple, object or quoted text.
    Literal,
    /// A formula or a few words.
    Short,
    /// Anything longer.
    Text,
}

/// Kind of an answer.
pub fn shape(answer: Option<&str>) -> Shape {
    let Some(text) = answer.map(canonical).filter(|text| !text.is_empty()) else { return Shape::Missing };
    let first = text.as_bytes()[0];
    match () {
        () if text.len() == 1 && first.is_ascii_alphabetic() => Shape::Option,
        () if number(&text).is_some() => Shape::Number,
        () if matches!(first, b'[' | b'{' | b'"' | b'\'') || (first == b'(' && text.contains(',')) => Shape::Literal,
        () if text.len() <= 60 => Shape::Short,
        () => Shape::Text,
    }
}

/// Whether two answers say the same; an answer that is missing agrees with nothing.
pub fn same(a: Option<&str>, b: Option<&str>) -> bool {
    let (Some(a), Some(b)) = (a, b) else { return false };
    let (a, b) = (canonical(a), canonical(b));
    if a.is_empty() || b.is_empty() {
        return false;
    }
    if let (Some(a), Some(b)) = (number(&a), number(&b)) {
        return (a - b).abs() <= 1e-6 * a.abs().max(b.abs()).max(1e-9);
    }
    a == b
}

/// The form that is compared: without spaces, marks around it, units of money, wrappings of TeX and quotes, lower case
/// but for quoted texts.
pub fn canonical(answer: &str) -> String {
    let mut text = answer.trim();
    if text.len() > LONGEST {
        return text.to_owned();
    }
    for wrap in ["\\boxed{", "\\text{", "\\mathrm{", "```json", "```python", "```"] {
        if let Some(inner) = text.strip_prefix(wrap) {
            text = inner.trim_end_matches("```").trim();
            text = if wrap.ends_with('{') { text.strip_suffix('}').unwrap_or(text) } else { text };
        }
    }
    let text = text.trim_matches(|c: char| c.is_whitespace() || matches!(c, '$' | '.' | '€' | '£' | '*' | '`'));
    let mut out = String::with_capacity(text.len());
    let mut quoted = None;
    for c in text.chars() {
        match (c, quoted) {
            ('"' | '\'', None) => {
                quoted = Some(c);
                out.push('\'');
            }
            (c, Some(mark)) if c == mark => {
                quoted = None;
                out.push('\'');
            }
            (c, Some(_)) => out.push(c),
            (c, None) if c.is_whitespace() => {}
            (c, None) => out.extend(c.to_lowercase()),
        }
    }
    if out.contains('\\') {
        out =
            out.replace("\\dfrac", "\\frac").replace("\\tfrac", "\\frac").replace("\\left", "").replace("\\right", "");
        out = out.replace("\\!", "").replace("\\,", "").replace("\\%", "%").replace("\\$", "").replace("^\\circ", "");
    }
    let bare = out.strip_prefix('\'').and_then(|o| o.strip_suffix('\'')).filter(|o| !o.contains('\''));
    bare.map(str::to_owned).unwrap_or(out)
}

/// The number that a canonical answer is: with thousands set apart, a sign of percent, or a fraction.
pub(super) fn number(text: &str) -> Option<f64> {
    let text = text.trim_end_matches('%');
    if let Some(fraction) = text.strip_prefix("\\frac{") {
        let (above, below) = fraction.strip_suffix('}')?.split_once("}{")?;
        return ratio(above, below);
    }
    if let Some((above, below)) = text.split_once('/') {
        return ratio(above, below);
    }
    let plain = if groups(text) { text.replace(',', "") } else { text.to_owned() };
    let digits = plain.bytes().any(|b| b.is_ascii_digit());
    plain.parse::<f64>().ok().filter(|n| digits && n.is_finite())
}

fn ratio(above: &str, below: &str) -> Option<f64> {
    let (above, below) = (above.parse::<f64>().ok()?, below.parse::<f64>().ok()?);
    (below != 0.0).then(|| above / below).filter(|n| n.is_finite())
}

/// Commas stand where thousands end.
fn groups(text: &str) -> bool {
    let whole = text.split('.').next().unwrap_or_default();
    whole.contains(',') && whole.split(',').skip(1).all(|g| g.len() == 3 && g.bytes().all(|b| b.is_ascii_digit()))
}

/// Whether a text hedges or refuses.
pub fn hedges(answer: &str) -> bool {
    const PHRASES: [&str; 12] = [
        "i'm not sure",
        "i am not sure",
        "i don't know",
        "i do not know",
        "i cannot",
        "i can't",
        "unable to",
        "cannot be determined",
        "not enough information",
        "as an ai",
        "none of the",
        "unclear",
    ];
    let mut end = answer.len().min(2048);
    while !answer.is_char_boundary(end) {
        end -= 1;
    }
    let text = answer[..end].to_ascii_lowercase();
    PHRASES.iter().any(|phrase| text.contains(phrase))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_answers_agree_in_whatever_dress() {
        for (a, b) in [
            ("70000", "70,000"),
            ("$3.00", "3"),
            ("\\frac{1}{2}", "0.5"),
            ("\\dfrac{1}{2}", "1/2"),
            ("\\boxed{12}", "12."),
            ("[(4, 1), (2, 3)]", "[(4,1),(2,3)]"),
            ("'abc'", "\"abc\""),
            ("abc", "'abc'"),
            ("B", "b"),
            ("50%", "50 %"),
        ] {
            assert!(same(Some(a), Some(b)), "{a} {b}");
        }
    }

    #[test]
    fn different_answers_do_not() {
        for (a, b) in
            [("1", "2"), ("[1, 2]", "[2, 1]"), ("'a b'", "'ab'"), ("(1,234)", "1234"), ("A", "B"), ("1/0", "2/0")]
        {
            assert!(!same(Some(a), Some(b)), "{a} {b}");
        }
        assert!(!same(None, None) && !same(Some(""), Some("")) && !same(Some("1"), None));
    }

    #[test]
    fn shapes() {
        for (text, is) in [
            ("A", Shape::Option),
            ("-15", Shape::Number),
            ("[1]", Shape::Literal),
            ("x+1", Shape::Short),
            ("   ", Shape::Missing),
        ] {
            assert_eq!(shape(Some(text)), is, "{text}");
        }
        assert_eq!(shape(None), Shape::Missing);
        assert_eq!(shape(Some(&"so it is ".repeat(20))), Shape::Text);
    }
}
