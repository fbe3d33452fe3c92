//! The tables of secrets, read once at start: what gives itself away (`tokens.txt`) and what the name before it gives
//! away (`context.txt`).
//!
//! Kinds, prefixes, lengths and alphabets are public facts of the services; the kinds are named as gitleaks names them.
//!
//! Never here: looking at texts.

use super::allow;
use super::jwt;
use super::shape::{self, Shape};

/// A secret that gives itself away by a fixed piece of text.
#[derive(Debug)]
pub(super) struct Token {
    pub(super) kind: &'static str,
    /// Least entropy in bits per character.
    entropy: f32,
    digit: bool,
    both_cases: bool,
    /// Nothing is asked of what follows.
    open: bool,
    /// What its longest run, which is Base64, must hold.
    holds: Option<&'static str>,
    pub(super) shape: Shape,
}

impl Token {
    /// The span of this secret around an anchor at `at`.
    pub(super) fn around(&self, text: &[u8], at: usize) -> Option<(usize, usize)> {
        let (start, end) = self.shape.around(text, at)?;
        let value = &text[start..end];
        let good = shape::begins(text, start)
            && (self.open || shape::ends(text, end))
            && allow::entropy(value) >= self.entropy
            && (!self.digit || value.iter().any(u8::is_ascii_digit))
            && (!self.both_cases || allow::both_cases(value))
            && !value.ends_with(b"EXAMPLE")
            && !allow::filler(value)
            && self.holds.is_none_or(|what| holds(value, what));
        good.then_some((start, end))
    }
}

/// Whether a run of Base64 in it stands for a text that holds `what`.
fn holds(value: &[u8], what: &str) -> bool {
    let runs = value.split(|c| *c == b'_' || *c == b'=');
    let longest = runs.max_by_key(|run| run.len()).and_then(jwt::decode);
    longest.is_some_and(|text| memchr::memmem::find(&text, what.as_bytes()).is_some())
}

/// A word of a name, and where in it a capital may stand after a small letter (a bit per position).
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Word {
    pub(super) lower: String,
    capitals: u64,
}

impl Word {
    fn read(written: &str) -> Word {
        let starts = written.char_indices().filter(|(_, c)| c.is_ascii_uppercase());
        let capitals = starts.fold(1, |set, (i, _)| set | 1u64.checked_shl(i as u32).unwrap_or(0));
        Word { lower: written.to_ascii_lowercase(), capitals }
    }

    /// Whether the word that stands at `at` (whatever its case) is a part of a name there, not letters of other words
    /// (`SetSysctl` is not `etsy`).
    pub(super) fn stands(&self, text: &[u8], at: usize) -> bool {
        let here = &text[at..at + self.lower.len()];
        let broken = |i: usize| here[i].is_ascii_uppercase() && here[i - 1].is_ascii_lowercase();
        if (1..here.len()).any(|i| broken(i) && self.capitals >> i.min(63) & 1 == 0) {
            return false;
        }
        match at.checked_sub(1).map(|i| text[i]) {
            Some(before) if before.is_ascii_alphabetic() => {
                here.len() >= 6 || (before.is_ascii_lowercase() && here[0].is_ascii_uppercase())
            }
            _ => true,
        }
    }
}

/// A secret that only the name before it gives away.
#[derive(Debug)]
pub(super) struct Context {
    pub(super) kind: &'static str,
    pub(super) words: Vec<Word>,
    entropy: f32,
    /// Its shape says enough.
    plain: bool,
    /// The name should hold this.
    pub(super) hint: Option<&'static str>,
    /// The name must hold one of these.
    needs: Vec<&'static str>,
    pub(super) shape: Shape,
}

impl Context {
    /// Where this secret ends if it is the value that begins at `at`, given by a name (in lower case).
    pub(super) fn value(&self, name: &str, text: &[u8], at: usize) -> Option<usize> {
        let end = self.shape.from(text, at)?;
        let value = &text[at..end];
        let good = shape::ends(text, end)
            && (self.needs.is_empty() || self.needs.iter().any(|n| name.contains(n)))
            && allow::entropy(value) >= self.entropy
            && (self.plain || (allow::random_looking(value) && !allow::filler(value)));
        good.then_some(end)
    }
}

/// Both tables.
#[derive(Debug, Default)]
pub(super) struct Rules {
    pub(super) tokens: Vec<Token>,
    pub(super) contexts: Vec<Context>,
}

impl Rules {
    /// The rules compiled into this program.
    pub(super) fn built_in() -> Result<Rules, String> {
        let mut rules = Rules::default();
        for (number, line) in lines(include_str!("tokens.txt")) {
            rules.tokens.push(token(line).map_err(|why| format!("tokens.txt, line {number}: {why}"))?);
        }
        for (number, line) in lines(include_str!("context.txt")) {
            rules.contexts.push(context(line).map_err(|why| format!("context.txt, line {number}: {why}"))?);
        }
        Ok(rules)
    }
}

/// The kinds of both tables.
pub(super) fn kinds() -> impl Iterator<Item = &'static str> {
    [include_str!("tokens.txt"), include_str!("context.txt")]
        .into_iter()
        .flat_map(lines)
        .filter_map(|(_, line)| line.split_once(" | ").map(|(kind, _)| kind))
}

fn lines(table: &'static str) -> impl Iterator<Item = (usize, &'static str)> {
    table
        .lines()
        .enumerate()
        .map(|(i, line)| (i + 1, line.trim()))
        .filter(|(_, l)| !l.is_empty() && !l.starts_with('#'))
}

fn tenths(field: &str) -> Result<f32, String> {
    let tenths: u8 = field.parse().map_err(|_| format!("`{field}` is no number of tenths of a bit"))?;
    Ok(f32::from(tenths) / 10.0)
}

fn token(line: &'static str) -> Result<Token, String> {
    let mut fields = line.splitn(4, " | ").map(str::trim);
    let (Some(kind), Some(entropy), Some(marks), Some(shape)) =
        (fields.next(), fields.next(), fields.next(), fields.next())
    else {
        return Err("four fields are needed".to_owned());
    };
    let shape = Shape::read(shape)?;
    if shape.anchors().iter().any(|a| a.is_empty()) || shape.anchors().is_empty() {
        return Err("a fixed text is needed to look for".to_owned());
    }
    let (marks, holds) = marks.split_once('=').map_or((marks, None), |(marks, what)| (marks, Some(what)));
    let has = |mark: char| marks.contains(mark);
    Ok(Token { holds, kind, entropy: tenths(entropy)?, digit: has('d'), both_cases: has('u'), open: has('o'), shape })
}

fn context(line: &'static str) -> Result<Context, String> {
    let mut fields = line.splitn(5, " | ").map(str::trim);
    let (Some(kind), Some(words), Some(entropy), Some(marks), Some(shape)) =
        (fields.next(), fields.next(), fields.next(), fields.next(), fields.next())
    else {
        return Err("five fields are needed".to_owned());
    };
    let (marks, needs) = marks.split_once('!').unwrap_or((marks, ""));
    let (marks, hint) = marks.split_once('?').map_or((marks, None), |(marks, hint)| (marks, Some(hint)));
    Ok(Context {
        kind,
        words: words.split(',').map(Word::read).collect(),
        entropy: tenths(entropy)?,
        plain: marks.contains('p'),
        hint: hint.or_else(|| {
            ["secret", "client-id"].into_iter().find(|h| kind.contains(h)).map(|h| h.trim_start_matches("client-"))
        }),
        needs: needs.split(',').filter(|n| !n.is_empty()).collect(),
        shape: Shape::read(shape)?,
    })
}
