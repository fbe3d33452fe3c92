//! Finding structured personal data and secrets in a text, in one pass.
//!
//! Way of a text: `view` folds what hides data (full-width digits, zero-width characters, NBSP) and keeps offsets →
//! `pii` and `secret` look at the same candidates → `resolve` lets overlapping findings settle → [`Finding`]s in the
//! order of the text.
//!
//! Never here: network, disk, clock; what follows from a finding (room `decide`); taking it out (room `redact`).

mod joined;
mod pii;
mod secret;

use decide::{DataClass, Found};
use std::sync::Arc;
use wire::Ask;

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

/// A pattern of the user (syntax of the crate `regex`, linear time).
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
        Ok(Finder { pii: pii::Pii::new(options)?, secret: secret::Secrets::new(options)? })
    }

    /// Everything found in one text, in its order, without overlaps.
    ///
    /// # Errors
    /// [`Unread`] when the budget of work for a text of this size is used up.
    pub fn find(&self, text: &str) -> Result<Vec<Finding>, Unread> {
        let mut out = Vec::new();
        self.pii.find(text, &mut out);
        self.secret.find(text, &mut out);
        out.sort_by_key(|f| (f.start, f.end));
        Ok(out)
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
