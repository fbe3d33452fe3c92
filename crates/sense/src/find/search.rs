//! The search of one pattern of a user, with a bound on its work.
//!
//! One search is linear, but all matches of a text are not: after each match the search begins anew, and a pattern such as `x(.*y)?`
//! looks at the whole rest of the text for each `x`. So each byte that is looked at is counted, and what would need more than
//! [`budget`] is given up: the same text and pattern always end the same way, on a slow machine too.
//!
//! Never here: which patterns there are (`user`).

use regex::Regex;
use regex_automata::hybrid::{dfa, regex as hybrid};
use regex_automata::nfa::thompson;
use regex_automata::util::pool::Pool;
use regex_automata::{Anchored, Input, MatchError};
use std::fmt;
use std::sync::Arc;

/// Steps for each byte of a text. A search that no text makes dear takes one for each byte and one more for each byte of a match.
const STEPS: usize = 16;
/// Steps that every text is worth, however short.
const LEAST: usize = 64 << 10;
/// Bytes of the compiled pattern, as the crate `regex` bounds them.
const SIZE: usize = 10 << 20;
/// Bytes of a text of the trial at start.
const TRIAL: usize = 16 << 10;

/// Steps that the search of one text may take.
pub(super) fn budget(bytes: usize) -> usize {
    bytes.saturating_mul(STEPS).saturating_add(LEAST)
}

type Caches = Pool<hybrid::Cache, Box<dyn Fn() -> hybrid::Cache + Send + Sync>>;

/// A pattern, ready to be looked for.
pub(super) struct Search {
    /// Takes over where the automaton cannot go on: at a Unicode word boundary beside a character that is not ASCII.
    regex: Regex,
    automaton: Option<(Arc<hybrid::Regex>, Caches)>,
    /// Bytes of the longest match; `None`: there is no longest.
    longest: Option<usize>,
}

impl fmt::Debug for Search {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Search").field(&self.regex).finish()
    }
}

impl Search {
    /// Compiles. Errors say what is wrong and what to do.
    pub(super) fn new(pattern: &str) -> Result<Search, String> {
        let regex = Regex::new(pattern).map_err(|e| format!("does not compile: {e}"))?;
        if regex.is_match("") {
            return Err("matches the empty text, so it would match everywhere: ask for at least one character".into());
        }
        let longest = regex_syntax::parse(pattern).ok().and_then(|hir| hir.properties().maximum_len());
        // The cache is never given up, so that what a text costs does not depend on the texts before it.
        let automaton = hybrid::Regex::builder()
            .dfa(dfa::Config::new().unicode_word_boundary(true).skip_cache_capacity_check(true))
            .thompson(thompson::Config::new().nfa_size_limit(Some(SIZE)))
            .build(pattern)
            .ok();
        let automaton = automaton.map(|regex| {
            let regex = Arc::new(regex);
            let of = regex.clone();
            let make: Box<dyn Fn() -> hybrid::Cache + Send + Sync> = Box::new(move || of.create_cache());
            (regex, Pool::new(make))
        });
        Ok(Search { regex, automaton, longest })
    }

    /// Tries what it costs on texts of one character each, those of the pattern and some others: what is wrong where one takes more
    /// steps than there are.
    pub(super) fn dear(&self) -> Option<String> {
        let mut units: Vec<char> =
            self.regex.as_str().chars().filter(|c| !c.is_control()).chain("a1A _.\u{e9}".chars()).collect();
        units.sort_unstable();
        units.dedup();
        let hard = |unit: &String| self.each(&unit.repeat(TRIAL / unit.len()), &mut |_, _| {}).is_err();
        let unit = units.into_iter().take(64).flat_map(|c| [format!("{c}"), format!("{c} ")]).find(hard)?;
        let beside = if unit.is_ascii() { "" } else { " (or write its word boundaries as `(?-u:\\b)`)" };
        Some(format!(
            "looks at the rest of a text again and again: {TRIAL} bytes of `{unit}` take more than {} steps, and a text that takes more \
             than there are is denied as unread; give what repeats in it a bound, such as `.{{0,64}}` for `.*`{beside}",
            budget(TRIAL)
        ))
    }

    /// Tells first byte and end of each match, in order, none empty, none overlapping.
    ///
    /// # Errors
    /// The steps that there were, where they were too few.
    pub(super) fn each(&self, text: &str, see: &mut dyn FnMut(usize, usize)) -> Result<(), usize> {
        let budget = budget(text.len());
        let (mut at, mut left) = (0, budget);
        let mut cache = self.automaton.as_ref().map(|(regex, caches)| (regex, caches.get()));
        while at <= text.len() {
            let fast = cache.as_mut().map(|(regex, cache)| next(regex, cache, text, at, &mut left).ok());
            let found = match fast.flatten() {
                Some(found) => found,
                None => self.slowly(text, at, &mut left),
            };
            let Some((start, end)) = found.map_err(|_: Spent| budget)? else { break };
            if start < end {
                see(start, end);
            }
            at = if start < end { end } else { text.ceil_char_boundary((end + 1).min(text.len() + 1)) };
            if start == end && end == text.len() {
                break;
            }
        }
        Ok(())
    }

    /// The next match without the automaton; counts all that may have been looked at.
    fn slowly(&self, text: &str, at: usize, left: &mut usize) -> Next {
        let rest = text.len() - at;
        let known = self.longest.is_some();
        if !known {
            *left = left.checked_sub(rest).ok_or(Spent)?;
        }
        let found = self.regex.find_at(text, at).map(|m| (m.start(), m.end()));
        if let Some(longest) = self.longest {
            let most = found.map_or(rest, |(_, end)| (end - at).saturating_add(longest).min(rest));
            *left = left.checked_sub(most).ok_or(Spent)?;
        }
        Ok(found)
    }
}

/// The steps are used up.
struct Spent;

/// First byte and end of a match, or that there is no more.
type Next = Result<Option<(usize, usize)>, Spent>;

/// The next match by the automaton, each byte counted. The error: the automaton cannot go on.
fn next(
    regex: &hybrid::Regex,
    cache: &mut hybrid::Cache,
    text: &str,
    at: usize,
    left: &mut usize,
) -> Result<Next, MatchError> {
    let (forward, reverse) = cache.as_parts_mut();
    let (dfa, bytes) = (regex.forward(), text.as_bytes());
    let gave_up = |at| move |_| MatchError::gave_up(at);
    let mut state = dfa.start_state_forward(forward, &Input::new(text).range(at..))?;
    let mut end = None;
    let mut ended = false;
    for (i, &byte) in bytes.iter().enumerate().skip(at) {
        let Some(less) = left.checked_sub(1) else { return Ok(Err(Spent)) };
        *left = less;
        state = dfa.next_state(forward, state, byte).map_err(gave_up(i))?;
        if state.is_tagged() {
            // A match is known one byte after its end.
            if state.is_match() {
                end = Some(i);
            } else if state.is_dead() {
                ended = true;
                break;
            } else if state.is_quit() {
                return Err(MatchError::quit(byte, i));
            }
        }
    }
    if !ended {
        state = dfa.next_eoi_state(forward, state).map_err(gave_up(bytes.len()))?;
        if state.is_match() {
            end = Some(bytes.len());
        }
    }
    let Some(end) = end else { return Ok(Ok(None)) };
    let Some(less) = left.checked_sub(end - at) else { return Ok(Err(Spent)) };
    *left = less;
    let back = Input::new(text).range(at..end).anchored(Anchored::Yes);
    let start = regex.reverse().try_search_rev(reverse, &back)?.map_or(end, |half| half.offset());
    Ok(Ok(Some((start, end))))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn all(search: &Search, text: &str) -> Result<Vec<(usize, usize)>, usize> {
        let mut out = Vec::new();
        search.each(text, &mut |s, e| out.push((s, e))).map(|()| out)
    }

    #[test]
    fn a_text_at_the_bound_is_read_and_one_past_it_is_not() {
        // Each `x` looks at the whole rest for a `y`: n + (n - 1) + …, and one step back for each.
        let search = Search::new("x(.*y)?").unwrap();
        let steps = |n: usize| n * (n + 1) / 2 + n;
        let most = (1..).find(|n| steps(n + 1) > budget(n + 1)).unwrap();
        assert_eq!(all(&search, &"x".repeat(most)).map(|all| all.len()), Ok(most));
        assert_eq!(all(&search, &"x".repeat(most + 1)), Err(budget(most + 1)));
        // A hundred times as long is given up as quickly in proportion.
        assert!(all(&search, &"x".repeat(most * 100)).is_err());
    }

    #[test]
    fn what_is_dear_is_known_at_start() {
        for dear in ["x(.*y)?", "(?s)a|b.*c|b", "[a-z](.*\\d)?", "\\bk(.*y)?"] {
            assert!(Search::new(dear).unwrap().dear().is_some(), "{dear}");
        }
        for fine in [
            ".*x",
            "CASE-[0-9]{4,}",
            "[A-Z]{2}\\d{6}",
            "\\bPRJ-\\d{4}\\b",
            "(?i)acme( corp)?",
            "\\w+@acme",
            "password=.*",
        ] {
            assert_eq!(Search::new(fine).unwrap().dear(), None, "{fine}");
        }
    }

    #[test]
    fn word_boundaries_of_other_letters_are_right_and_cheap_where_the_match_is_bounded() {
        let search = Search::new(r"\bPRJ-\d{4}\b").unwrap();
        let text = "für PRJ-1234 über éPRJ-1234 ".repeat(5_000);
        assert_eq!(all(&search, &text).unwrap().len(), 5_000);
    }

    proptest! {
        #[test]
        fn the_same_matches_as_the_crate_finds(pattern in 0_usize..10, text in "(x|y|a|1| |\n|é|-|ab|xy){0,40}") {
            let pattern = [
                "x.*y|x", "[a-z]+", r"\bx", r"x\b", r"\w+1", "(?m)^a.*$", "é+", "x*a|y", r"\B.", "a(b|1)?|(?s:1.*-)",
            ][pattern];
            let search = Search::new(pattern).unwrap();
            let regex = Regex::new(pattern).unwrap();
            let want: Vec<_> = regex.find_iter(&text).filter(|m| !m.is_empty()).map(|m| (m.start(), m.end())).collect();
            prop_assert_eq!(all(&search, &text).unwrap(), want, "{}", pattern);
        }
    }
}
