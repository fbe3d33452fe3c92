//! What users add: own patterns and dictionaries of exact terms.
//!
//! Never here: built-in detectors.

use super::search::Search;
use super::{FinderError, FinderOptions, Finding, Kind, Unread};
use aho_corasick::{AhoCorasick, MatchKind};

/// Score of a user's own: they said so.
const SURE: u8 = 100;

/// The user's own detectors.
#[derive(Debug)]
pub(super) struct Own {
    patterns: Vec<(Search, Kind)>,
    terms: Option<AhoCorasick>,
    /// By term.
    kinds: Vec<Kind>,
}

impl Own {
    pub(super) fn new(options: &FinderOptions) -> Result<Own, FinderError> {
        let mut patterns = Vec::new();
        for pattern in &options.patterns {
            let refuse = |why: String| FinderError { option: format!("pattern `{}`", pattern.name), why };
            if pattern.name.is_empty() {
                return Err(refuse("has no name: give it one, findings are reported under it".into()));
            }
            let search = Search::new(&pattern.regex).map_err(refuse)?;
            patterns.push((search, Kind { name: pattern.name.as_str().into(), class: pattern.class }));
        }
        let (mut terms, mut kinds) = (Vec::new(), Vec::new());
        for dictionary in &options.dictionaries {
            let refuse =
                |why: &str| FinderError { option: format!("dictionary `{}`", dictionary.name), why: why.into() };
            if dictionary.name.is_empty() {
                return Err(refuse("has no name: give it one, findings are reported under it"));
            }
            if dictionary.terms.is_empty() {
                return Err(refuse("has no terms: add some, or take the dictionary out"));
            }
            let kind = Kind { name: dictionary.name.as_str().into(), class: dictionary.class };
            for term in &dictionary.terms {
                let term = term.trim();
                if term.is_empty() {
                    return Err(refuse("has an empty term, which would match everywhere: take it out"));
                }
                // ASCII is matched whatever its case; of other letters the usual three ways of writing a term.
                let mut ways = vec![term.to_owned()];
                if !term.is_ascii() {
                    ways.extend([term.to_lowercase(), term.to_uppercase(), title(term)]);
                    ways.sort();
                    ways.dedup();
                }
                kinds.extend(ways.iter().map(|_| kind.clone()));
                terms.append(&mut ways);
            }
        }
        let machine = |terms: &[String]| {
            AhoCorasick::builder().ascii_case_insensitive(true).match_kind(MatchKind::LeftmostLongest).build(terms)
        };
        let terms = match terms.len() {
            0 => None,
            _ => Some(machine(&terms).map_err(|e| FinderError {
                option: "dictionaries".into(),
                why: format!("are too large ({e}): take fewer or shorter terms"),
            })?),
        };
        Ok(Own { patterns, terms, kinds })
    }

    pub(super) fn none(&self) -> bool {
        self.patterns.is_empty() && self.terms.is_none()
    }

    pub(super) fn find(&self, text: &str, out: &mut Vec<Finding>) -> Result<(), Unread> {
        for (search, kind) in &self.patterns {
            let mut see = |start, end| out.push(Finding { start, end, kind: kind.clone(), score: SURE });
            search.each(text, &mut see).map_err(|work| {
                let name = &kind.name;
                Unread(format!("the pattern `{name}` of the configuration took more than {work} steps on it").into())
            })?;
        }
        let Some(terms) = &self.terms else { return Ok(()) };
        for found in terms.find_iter(text) {
            let (start, end) = (found.start(), found.end());
            if whole(text, start, end) {
                out.push(Finding { start, end, kind: self.kinds[found.pattern().as_usize()].clone(), score: SURE });
            }
        }
        Ok(())
    }
}

fn title(term: &str) -> String {
    term.split_inclusive(' ')
        .flat_map(|word| {
            let mut chars = word.chars();
            let first: Vec<char> = chars.next().into_iter().flat_map(char::to_uppercase).collect();
            first.into_iter().chain(chars.flat_map(char::to_lowercase)).collect::<Vec<_>>()
        })
        .collect()
}

/// Whether no letter or digit goes on at either side. Scripts that set no spaces (Chinese, Japanese, Thai) have no such sides.
fn whole(text: &str, start: usize, end: usize) -> bool {
    let word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() && (c as u32) < 0x0E00);
    let first = text[start..end].chars().next();
    let last = text[start..end].chars().next_back();
    !(word(first) && word(text[..start].chars().next_back()) || word(last) && word(text[end..].chars().next()))
}
