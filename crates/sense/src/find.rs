//! Finding structured personal data and secrets in a text, in one pass.
//!
//! Way of a text: `view` folds what hides data (full-width digits, zero-width characters, NBSP) and keeps offsets →
//! `pii` and `secret` read the view, and the text inside of words of Base64 → `resolve` lets overlapping findings settle →
//! [`Finding`]s in the order of the text.
//!
//! Never here: network, disk, clock; what follows from a finding (room `decide`); taking it out (room `redact`).

mod america;
mod card;
mod chain;
mod check;
mod coin;
mod context;
mod day;
mod europe;
mod host;
mod hunt;
mod joined;
mod kit;
mod list;
mod net;
mod phone;
mod pii;
mod place;
mod rec;
mod resolve;
mod search;
mod secret;
mod union;
mod user;
mod view;
mod words;
mod world;
mod wrap;

use decide::{DataClass, Found};
use std::sync::Arc;
use view::View;
use wire::Ask;

/// The score from which on a reading counts: it raises the class of a request and is masked. What is below may as well be an
/// order number, and only `dewpoint scan` shows it ([`Finder::scan`]): a number of nine digits passes somebody's check digit in
/// one of three cases. What raises has a form that is hard to meet by chance, or a word beside it that says what it is.
pub const RAISES: u8 = 50;

/// Longest text that is read, in bytes; beyond it the answer is [`Unread`].
pub const LONGEST: usize = 64 << 20;

/// Most readings of one text; a text with more is [`Unread`]: it is a table of somebody's data, and nothing is learned from more.
pub const MOST: usize = 1 << 18;

/// What was found at one position. Offsets are bytes of the text as given, on character boundaries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
    /// Its kind.
    pub kind: Kind,
    /// How sure, per cent.
    pub score: u8,
}

/// A kind of data. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kind {
    /// Its name: for personal data the usual one (`EMAIL_ADDRESS`, `CREDIT_CARD`, `IBAN_CODE`, `DE_TAX_ID`), for secrets the
    /// usual one of secret scanners (`github-pat`), for a user's own pattern or dictionary the name given there.
    pub name: Arc<str>,
    /// The class it raises a request to.
    pub class: DataClass,
}

/// What users add to the built-in detectors.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FinderOptions {
    /// Own patterns.
    pub patterns: Vec<Pattern>,
    /// Own dictionaries of exact terms.
    pub dictionaries: Vec<Dictionary>,
    /// Kinds that are not looked for.
    pub off: Vec<String>,
    /// Regions whose local phone numbers are recognised without a country code (ISO 3166-1 alpha-2); empty: a usual set.
    pub phone_regions: Vec<String>,
}

impl FinderOptions {
    /// What is no fault and should be known: patterns that some texts make so dear that these are denied as unread. Each is tried on
    /// some hostile texts, which takes milliseconds. A pattern that does not compile is [`Finder::new`]'s to refuse.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let dear = |p: &Pattern| Some(format!("pattern `{}` {}", p.name, search::Search::new(&p.regex).ok()?.dear()?));
        self.patterns.iter().filter_map(dear).collect()
    }
}

/// A pattern of the user (syntax of the crate `regex`; its work on one text is bounded, see [`Finder::find`]).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    /// Name of the kind.
    pub name: String,
    /// The expression.
    pub regex: String,
    /// Its class.
    pub class: DataClass,
}

/// Exact terms of the user (names of customers, code names), matched whole and whatever their case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dictionary {
    /// Name of the kind.
    pub name: String,
    /// The terms.
    pub terms: Vec<String>,
    /// Their class.
    pub class: DataClass,
}

/// Why detectors cannot be set up: which option, what is wrong with it, what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{option} {why}")]
pub struct FinderError {
    /// The option's name.
    pub option: String,
    /// What is wrong, and what to do.
    pub why: String,
}

/// A text could not be read to its end; whoever asked must deny.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the text was not read to its end: {0}")]
pub struct Unread(pub Arc<str>);

/// The detectors, built once from the options.
#[derive(Debug)]
pub struct Finder {
    pii: pii::Pii,
    secret: secret::Secrets,
    own: user::Own,
}

/// What was found in a whole request.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Inspection {
    /// Kinds and counts.
    pub found: Found,
    /// Findings by field, in the order of [`wire::Ask::visit_fields`]; fields without any are left out.
    pub fields: Vec<(usize, Vec<Finding>)>,
}

impl Finder {
    /// Builds the detectors.
    ///
    /// # Errors
    /// [`FinderError`] for a pattern that does not compile, an empty dictionary, an unknown region or kind.
    pub fn new(options: &FinderOptions) -> Result<Finder, FinderError> {
        Ok(Finder {
            pii: pii::Pii::new(options)?,
            secret: secret::Secrets::new(options)?,
            own: user::Own::new(options)?,
        })
    }

    /// Everything found in one text that counts ([`RAISES`]), in its order, without overlaps.
    ///
    /// # Errors
    /// [`Unread`] for a text longer than [`LONGEST`], with more than [`MOST`] readings, or on which a user's own pattern takes more
    /// than 16 steps a byte and 65,536 besides.
    pub fn find(&self, text: &str) -> Result<Vec<Finding>, Unread> {
        let mut out = self.read(text)?;
        if out.is_empty() {
            return Ok(out);
        }
        out.retain(|f| f.score >= RAISES);
        Ok(resolve::resolve(out))
    }

    /// Every reading of one text, weak and overlapping ones too, by first byte. For people who want to see what was considered.
    ///
    /// # Errors
    /// As [`Finder::find`].
    pub fn scan(&self, text: &str) -> Result<Vec<Finding>, Unread> {
        let mut out = self.read(text)?;
        out.sort_by(|a, b| (a.start, a.end, b.score, &a.kind.name).cmp(&(b.start, b.end, a.score, &b.kind.name)));
        out.dedup_by(|b, a| (a.start, a.end, &a.kind.name) == (b.start, b.end, &b.kind.name));
        Ok(out)
    }

    /// Every reading, in no order.
    fn read(&self, text: &str) -> Result<Vec<Finding>, Unread> {
        let mut out = Vec::new();
        if text.len() > LONGEST {
            return Err(Unread(format!("it has {} bytes, and {LONGEST} are read at most", text.len()).into()));
        }
        let view = View::new(text);
        let mut wrapped = Vec::new();
        self.pii.find(view.text(), &mut out, &mut wrapped);
        // Secrets in words of Base64 are found there too: `secret` unwraps by itself.
        self.secret.find(view.text(), &mut out);
        for word in wrapped {
            let (mut inner, mut deeper) = (Vec::new(), Vec::new());
            self.pii.find(&word.text, &mut inner, &mut deeper);
            self.own.find(&word.text, &mut inner)?;
            let (start, end) = (word.start, word.end);
            out.extend(inner.into_iter().filter(|f| f.score >= RAISES).map(|f| Finding { start, end, ..f }));
        }
        if view.folded() {
            if !self.own.none() {
                self.own.find(view.text(), &mut out)?;
            }
            for finding in &mut out {
                (finding.start, finding.end) = view.back(finding.start, finding.end);
            }
        }
        if !self.own.none() {
            self.own.find(text, &mut out)?;
        }
        match out.len() {
            n if n > MOST => Err(Unread(format!("it has {n} readings, and {MOST} are taken at most").into())),
            _ => Ok(out),
        }
    }

    /// Everything found in the texts of a request. A detector that fails is noted in [`Found::failed`].
    pub fn inspect(&self, ask: &Ask) -> Inspection {
        let mut seen = Inspection::default();
        ask.visit_fields(&mut |field| match self.find_in(&field) {
            Ok(findings) if findings.is_empty() => {}
            Ok(findings) => {
                for finding in &findings {
                    seen.found.note(&finding.kind.name, finding.kind.class);
                }
                seen.fields.push((field.index, findings));
            }
            Err(Unread(why)) => seen.found.failed = Some(why),
        });
        seen
    }
}

/// The places of findings counted in characters instead of bytes, in the order given; `findings` are sorted by first byte.
/// For answers to people and programs that count so (`dewpoint scan`).
#[must_use]
pub fn characters(text: &str, findings: &[Finding]) -> Vec<(usize, usize)> {
    let mut marks: Vec<usize> = findings.iter().flat_map(|f| [f.start, f.end]).collect();
    marks.sort_unstable();
    marks.dedup();
    let (mut at, mut count) = (0, 0);
    let counts: Vec<usize> = marks
        .iter()
        .map(|&mark| {
            count += text.get(at..mark).map_or(0, |t| t.chars().count());
            at = mark;
            count
        })
        .collect();
    let count = |byte: usize| marks.binary_search(&byte).ok().and_then(|i| counts.get(i)).copied().unwrap_or_default();
    findings.iter().map(|f| (count(f.start), count(f.end))).collect()
}
