//! Shapes of secrets: pieces of fixed text and runs of an alphabet, matched left to right without going back.
//!
//! A shape has an anchor, its longest fixed text: the one automaton of `secret` looks for anchors, and the shape is tried
//! where one stands. What comes before an anchor is matched from right to left. Each step looks at a bounded number of
//! bytes, so a shape costs the same wherever it is tried.
//!
//! Never here: which secrets there are (`rules`), what is a placeholder (`allow`).

/// A set of ASCII characters: a bit for each byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Alphabet([u64; 4]);

impl Alphabet {
    pub(super) const fn of(characters: &[u8]) -> Alphabet {
        NONE.with(characters)
    }

    const fn range(self, first: u8, last: u8) -> Alphabet {
        let mut set = self;
        let mut c = first;
        while c <= last {
            set = set.with(&[c]);
            c += 1;
        }
        set
    }

    pub(super) const fn with(self, characters: &[u8]) -> Alphabet {
        let mut set = self.0;
        let mut i = 0;
        while i < characters.len() {
            set[(characters[i] >> 6) as usize] |= 1 << (characters[i] & 63);
            i += 1;
        }
        Alphabet(set)
    }

    #[inline]
    pub(super) const fn has(self, byte: u8) -> bool {
        self.0[(byte >> 6) as usize] >> (byte & 63) & 1 == 1
    }

    /// One past the last byte of the run of this alphabet that begins at `at`, at most `most` bytes on.
    #[inline]
    pub(super) fn run(self, text: &[u8], at: usize, most: usize) -> usize {
        let end = text.len().min(at.saturating_add(most));
        let mut i = at;
        while i < end && self.has(text[i]) {
            i += 1;
        }
        i
    }

    /// First byte of the run of this alphabet that ends before `at`, at most `most` bytes back.
    #[inline]
    pub(super) fn run_back(self, text: &[u8], at: usize, most: usize) -> usize {
        let first = at.saturating_sub(most);
        let mut i = at;
        while i > first && self.has(text[i - 1]) {
            i -= 1;
        }
        i
    }

    #[cfg(test)]
    pub(super) fn characters(self) -> Vec<u8> {
        (0..128).filter(|c| self.has(*c)).collect()
    }

    /// The alphabet of this name in the tables.
    fn named(name: &str) -> Option<Alphabet> {
        Some(match name {
            "digit" => DIGIT,
            "hex" => DIGIT.range(b'a', b'f'),
            "HEX" => DIGIT.range(b'A', b'F'),
            "Hex" => HEX,
            "lower" => NONE.range(b'a', b'z'),
            "alpha" => NONE.range(b'a', b'z').range(b'A', b'Z'),
            "alnum" => ALNUM,
            "lownum" => DIGIT.range(b'a', b'z'),
            "upnum" => DIGIT.range(b'A', b'Z'),
            "word" => WORD,
            "url" => URL,
            "b64" => ALNUM.with(b"+/"),
            "b32" => NONE.range(b'A', b'Z').range(b'2', b'7'),
            "bech32" => Alphabet::of(b"QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L"),
            "ah" => DIGIT.range(b'a', b'h').range(b'A', b'H'),
            "pad" => Alphabet::of(b"="),
            _ => return None,
        })
    }
}

const NONE: Alphabet = Alphabet([0; 4]);
const DIGIT: Alphabet = NONE.range(b'0', b'9');
/// Everything that is printed and no space.
pub(super) const DENSE: Alphabet = NONE.range(b'!', b'~');
pub(super) const HEX: Alphabet = DIGIT.range(b'a', b'f').range(b'A', b'F');
pub(super) const ALNUM: Alphabet = DIGIT.range(b'a', b'z').range(b'A', b'Z');
pub(super) const WORD: Alphabet = ALNUM.with(b"_");
pub(super) const URL: Alphabet = WORD.with(b"-");

/// Characters taken at most where a table gives no bound.
const UNBOUNDED: u16 = 4096;

/// A piece of a shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    /// One of these texts; whatever its case if set.
    Text(Vec<Box<[u8]>>, bool),
    /// As many characters of the alphabet as there are, within these bounds.
    Run(Alphabet, u16, u16),
}

impl Part {
    /// Where this part ends if it begins at `at`.
    fn forward(&self, text: &[u8], at: usize) -> Option<usize> {
        match self {
            Part::Text(texts, any_case) => {
                let rest = text.get(at..)?;
                let fits = |t: &[u8]| match any_case {
                    true => rest.get(..t.len()).is_some_and(|head| head.eq_ignore_ascii_case(t)),
                    false => rest.starts_with(t),
                };
                texts.iter().find(|t| fits(t)).map(|t| at + t.len())
            }
            Part::Run(alphabet, least, most) => {
                let end = alphabet.run(text, at, usize::from(*most));
                (end - at >= usize::from(*least)).then_some(end)
            }
        }
    }

    /// Where this part begins if it ends before `at`.
    fn backward(&self, text: &[u8], at: usize) -> Option<usize> {
        match self {
            Part::Text(texts, _) => texts.iter().find_map(|t| {
                let start = at.checked_sub(t.len())?;
                (self.forward(text, start) == Some(at)).then_some(start)
            }),
            Part::Run(alphabet, least, most) => {
                let start = alphabet.run_back(text, at, usize::from(*most));
                (at - start >= usize::from(*least)).then_some(start)
            }
        }
    }
}

/// A shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) parts: Vec<Part>,
    /// Index of the anchor among the parts.
    anchor: Option<usize>,
}

impl Shape {
    /// Reads the notation of the tables.
    pub(super) fn read(notation: &str) -> Result<Shape, String> {
        let mut parts = Vec::new();
        for word in notation.split_whitespace() {
            read_part(word, &mut parts).ok_or_else(|| format!("`{word}` is no part of a shape"))?;
        }
        // The longest text is the rarest, and one text rarer than one of several; of equal ones the first.
        let length = |p: &Part| match p {
            Part::Text(texts, _) => {
                texts.iter().map(|t| t.len() * 2).min().map_or(0, |l| l + usize::from(texts.len() == 1))
            }
            Part::Run(..) => 0,
        };
        let longest = parts.iter().map(length).max().filter(|l| *l > 1);
        let anchor = longest.and_then(|longest| parts.iter().position(|p| length(p) == longest));
        Ok(Shape { parts, anchor })
    }

    /// The texts to look for.
    pub(super) fn anchors(&self) -> &[Box<[u8]>] {
        match self.anchor.and_then(|i| self.parts.get(i)) {
            Some(Part::Text(texts, _)) => texts,
            _ => &[],
        }
    }

    /// The span of the shape around an anchor at `at`.
    pub(super) fn around(&self, text: &[u8], at: usize) -> Option<(usize, usize)> {
        let (before, from) = self.parts.split_at(self.anchor?);
        match before.split_first() {
            None if !begins(text, at) => return None,
            // What a fixed number of characters away must stand is looked at before the characters between.
            Some((first @ Part::Text(..), between)) => {
                let fixed = between
                    .iter()
                    .map(|p| if let Part::Run(_, n, m) = p { (n == m).then_some(usize::from(*n)) } else { None });
                if let Some(away) = fixed.sum::<Option<usize>>() {
                    first.backward(text, at.checked_sub(away)?)?;
                }
            }
            _ => {}
        }
        let start = before.iter().rev().try_fold(at, |at, part| part.backward(text, at))?;
        let end = from.iter().try_fold(at, |at, part| part.forward(text, at))?;
        Some((start, end))
    }

    /// Whether many characters are looked at to try it.
    pub(super) fn long(&self) -> bool {
        self.parts.iter().any(|p| matches!(p, Part::Run(_, _, most) if *most >= 58))
    }

    /// Where the shape ends that begins at `at`.
    pub(super) fn from(&self, text: &[u8], at: usize) -> Option<usize> {
        self.parts.iter().try_fold(at, |at, part| part.forward(text, at))
    }
}

fn read_part(word: &str, parts: &mut Vec<Part>) -> Option<()> {
    let text = |t: &str| Box::from(t.as_bytes());
    if word == "Uuid" {
        for (i, count) in [8u16, 4, 4, 4, 12].into_iter().enumerate() {
            if i > 0 {
                parts.push(Part::Text(vec![text("-")], false));
            }
            parts.push(Part::Run(HEX, count, count));
        }
    } else if let Some(quoted) = word.strip_prefix("~\"").and_then(|w| w.strip_suffix('"')) {
        parts.push(Part::Text(vec![text(quoted)], true));
    } else if let Some(quoted) = word.strip_prefix('"').and_then(|w| w.strip_suffix('"')) {
        parts.push(Part::Text(vec![text(quoted)], false));
    } else if let Some(several) = word.strip_prefix('(').and_then(|w| w.strip_suffix(')')) {
        parts.push(Part::Text(several.split('|').map(text).collect(), false));
    } else {
        let (alphabet, count) = word.strip_suffix('}')?.split_once('{')?;
        let (name, extra) = alphabet.split_once('&').unwrap_or((alphabet, ""));
        let alphabet = Alphabet::named(name)?.with(extra.as_bytes());
        let (least, most) = match count.split_once('-') {
            None => (count.parse().ok()?, count.parse().ok()?),
            Some((least, "")) => (least.parse().ok()?, UNBOUNDED),
            Some((least, most)) => (least.parse().ok()?, most.parse().ok()?),
        };
        parts.push(Part::Run(alphabet, least, most));
    }
    Some(())
}

/// Whether a token may begin at `start`: not in the middle of a word. An escape (`%3D`, `\n`, `\u0022`) is no word.
pub(super) fn begins(text: &[u8], start: usize) -> bool {
    let Some(before) = start.checked_sub(1) else { return true };
    if !WORD.with(b"+").has(text[before]) {
        return true;
    }
    let escape = |back: usize, mark: &[u8]| start.checked_sub(back).is_some_and(|at| text[at..].starts_with(mark));
    (escape(2, b"\\") && b"nrt".contains(&text[before]))
        || (escape(3, b"%") && text[start - 2..start].iter().all(|c| HEX.has(*c)))
        || (escape(6, b"\\u") && text[start - 4..start].iter().all(|c| HEX.has(*c)))
}

/// Whether a token may end before `end`: no further character of a word, no padding, nor a dot or dash within a word.
pub(super) fn ends(text: &[u8], end: usize) -> bool {
    match text.get(end) {
        None => true,
        Some(b'.' | b'-') => !text.get(end + 1).is_some_and(|c| ALNUM.has(*c)),
        Some(b'\\') => true,
        Some(next) => !WORD.with(b"+=").has(*next),
    }
}
