//! A prompt as sparse features: words and pairs of words (hashed), and what its form says, by kind of form.
//!
//! Never here: weights.

/// Buckets of hashed words.
pub const HASHED: usize = 1 << 15;
/// Kinds of form.
pub const FORMS: usize = 11;
const VALUES: usize = 24;
const BINS: usize = 16;
const GROUP: usize = VALUES * (BINS + 1) + 1;
/// Number of features.
pub const SIZE: usize = HASHED + (FORMS + 1) * GROUP;

/// Bytes of the question that are read for words, at its end.
const WINDOW: usize = 3072;
/// Weights of the groups against each other: what a ridge penalty costs them.
const WORD_SCALE: f32 = 3.0;
const LINE_SCALE: f32 = 0.12;
const BIN_SCALE: f32 = 0.2;
const FORM_LINE_SCALE: f32 = 0.12;
const FORM_BIN_SCALE: f32 = 0.25;

const NAMES: [&str; FORMS] = [
    "tools",
    "many options",
    "letter only",
    "options",
    "code",
    "formulas",
    "blank",
    "numbers",
    "plain",
    "two options",
    "examples",
];
const NEGATIONS: [&str; 6] = ["not", "except", "never", "least", "without", "no"];
const SUMS: [&str; 12] =
    ["percent", "half", "twice", "times", "each", "per", "total", "more", "less", "many", "much", "remaining"];
const ASKING: [&str; 7] = ["who", "which", "what", "when", "where", "how", "why"];
const CODE: [&str; 8] = ["def", "return", "assert", "python", "function", "class", "import", "print"];

/// A prompt, read.
#[derive(Debug, Clone)]
pub struct Look {
    /// Feature and value; a feature stands once.
    pub features: Vec<(u32, f32)>,
    /// Kind of form, below [`FORMS`].
    pub form: usize,
    /// log2 of the bytes of the question.
    pub log_bytes: f32,
    /// Bits of the vocabulary that its words have.
    pub words: Vec<u16>,
}

impl Look {
    /// Share of its words that `known` knows; 1 for a prompt without words.
    pub fn known_share(&self, known: impl Fn(usize) -> bool) -> f32 {
        let hits = self.words.iter().filter(|bit| known(usize::from(**bit))).count();
        if self.words.is_empty() { 1.0 } else { hits as f32 / self.words.len() as f32 }
    }
}

/// Name of a form.
pub fn form_name(form: usize) -> &'static str {
    NAMES.get(form).copied().unwrap_or_default()
}

/// Reads a prompt. `tools` is the text of the tools that stand with it, empty without any.
pub fn look(prompt: &str, tools: &str) -> Look {
    let block = question(prompt);
    let text = tail(block, WINDOW);
    let mut words = Words::new();
    words.read(text);
    words.cut();
    words.read(head(tools, WINDOW / 4));
    let (form, values) = values(block, text, tools, &words);
    let form = if form == 2 && block.len() < prompt.trim_end().len() { 10 } else { form };
    let mut features = words.features();
    let shared = HASHED + FORMS * GROUP;
    let own = HASHED + form * GROUP;
    for (index, value) in values.into_iter().enumerate() {
        let bin = (value + 0.5).clamp(0.0, (BINS - 1) as f32) as usize;
        let line = value.min(20.0) / 4.0;
        for (group, line_scale, bin_scale) in [(shared, LINE_SCALE, BIN_SCALE), (own, FORM_LINE_SCALE, FORM_BIN_SCALE)]
        {
            let at = group + index * (BINS + 1);
            features.push((at as u32, line * line_scale));
            features.push(((at + 1 + bin) as u32, bin_scale));
        }
    }
    features.push(((own + GROUP - 1) as u32, 1.0));
    Look { features, form, log_bytes: log2(block.len()), words: words.bits }
}

/// The question itself: behind the worked examples of a prompt that shows some (`… Answer: B`, then the next one).
fn question(prompt: &str) -> &str {
    let trimmed = prompt.trim_end();
    let shown = trimmed.strip_suffix("Answer:").unwrap_or(trimmed);
    let Some(last) = shown.rfind("Answer:") else { return trimmed };
    let rest = &trimmed[last..];
    rest.find("\n\n").map_or(trimmed, |gap| rest[gap..].trim_start())
}

fn tail(text: &str, most: usize) -> &str {
    let mut from = text.len().saturating_sub(most);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    &text[from..]
}

fn head(text: &str, most: usize) -> &str {
    let mut until = text.len().min(most);
    while !text.is_char_boundary(until) {
        until -= 1;
    }
    &text[..until]
}

fn log2(n: usize) -> f32 {
    crate::features::log2(u32::try_from(n).unwrap_or(u32::MAX))
}

/// Words on their way into buckets.
struct Words {
    seen: Vec<u64>,
    buckets: Vec<u32>,
    bits: Vec<u16>,
    before: u32,
    total: usize,
    long: usize,
    letters: usize,
    numbers: usize,
    negations: usize,
    sums: usize,
    asking: usize,
    code: usize,
}

impl Words {
    fn new() -> Words {
        Words {
            seen: vec![0; HASHED / 64],
            buckets: Vec::with_capacity(256),
            bits: Vec::with_capacity(128),
            before: 0,
            total: 0,
            long: 0,
            letters: 0,
            numbers: 0,
            negations: 0,
            sums: 0,
            asking: 0,
            code: 0,
        }
    }

    fn cut(&mut self) {
        self.before = 0;
    }

    fn read(&mut self, text: &str) {
        let bytes = text.as_bytes();
        let mut at = 0;
        while at < bytes.len() {
            let byte = bytes[at];
            let from = at;
            at += 1;
            if byte.is_ascii_alphabetic() || byte >= 0x80 {
                while at < bytes.len() && (bytes[at].is_ascii_alphabetic() || bytes[at] >= 0x80) {
                    at += 1;
                }
                self.word(&bytes[from..at]);
            } else if byte.is_ascii_digit() {
                while at < bytes.len() && bytes[at].is_ascii_digit() {
                    at += 1;
                }
                self.numbers += 1;
                self.token(mix(0x23 + (at - from).min(5) as u32));
            } else if !byte.is_ascii_whitespace() {
                self.token(mix(u32::from(byte)));
            }
        }
    }

    fn word(&mut self, word: &[u8]) {
        let mut hash = 0x811c_9dc5u32;
        for (index, byte) in word.iter().enumerate() {
            hash = (hash ^ u32::from(byte.to_ascii_lowercase())).wrapping_mul(0x0100_0193);
            if index == 4 && word.len() >= 7 {
                self.bucket(mix(hash ^ 0x5bd1_e995));
            }
        }
        self.total += 1;
        self.letters += word.len();
        self.long += usize::from(word.len() > 8);
        let is = |list: &[&str]| usize::from(list.iter().any(|w| w.as_bytes().eq_ignore_ascii_case(word)));
        self.negations += is(&NEGATIONS);
        self.sums += is(&SUMS);
        self.asking += is(&ASKING);
        self.code += is(&CODE);
        self.bits.push((mix(hash) >> 16) as u16);
        self.token(hash);
    }

    fn token(&mut self, hash: u32) {
        self.bucket(mix(hash));
        if self.before != 0 {
            self.bucket(mix(self.before.rotate_left(7) ^ hash.wrapping_mul(0x9e37_79b1)));
        }
        self.before = hash;
    }

    fn bucket(&mut self, hash: u32) {
        let bucket = hash as usize % HASHED;
        let mask = 1u64 << (bucket % 64);
        if self.seen[bucket / 64] & mask == 0 {
            self.seen[bucket / 64] |= mask;
            self.buckets.push(bucket as u32);
        }
    }

    fn features(&self) -> Vec<(u32, f32)> {
        let value = WORD_SCALE / (self.buckets.len().max(16) as f32).sqrt();
        let mut features = Vec::with_capacity(self.buckets.len() + 4 * VALUES + 1);
        features.extend(self.buckets.iter().map(|bucket| (*bucket, value)));
        features
    }
}

/// The finisher of MurmurHash3: every bit of the input reaches every bit of the output.
fn mix(mut hash: u32) -> u32 {
    hash ^= hash >> 16;
    hash = hash.wrapping_mul(0x85eb_ca6b);
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(0xc2b2_ae35);
    hash ^ hash >> 16
}

/// What the form says: its kind, and numbers of about 0 to 15.
fn values(block: &str, text: &str, tools: &str, words: &Words) -> (usize, [f32; VALUES]) {
    let count = |test: fn(&u8) -> bool| text.bytes().filter(test).count();
    let bytes = text.len().max(1) as f32;
    let total = words.total.max(1) as f32;
    let (options, option_bytes) = options(text);
    let maths = count(|b| matches!(b, b'$' | b'\\' | b'^'));
    let blanks = count(|b| *b == b'_');
    let marks = count(|b| matches!(b, b'(' | b')' | b'[' | b']' | b'{' | b'}' | b'=' | b';'));
    let asked = tools.matches("\"required\"").count();
    let named = tools.matches("\"name\"").count();
    let values = [
        (log2(block.len()) - 4.0) * 1.6,
        (log2(words.total) - 1.0) * 1.6,
        log2(words.numbers) * 3.0,
        count(u8::is_ascii_digit) as f32 / bytes * 60.0,
        options as f32,
        log2(count(|b| *b == b'\n')) * 2.0,
        count(|b| *b == b'?') as f32 * 2.0,
        log2(maths) * 2.0,
        count(u8::is_ascii_punctuation) as f32 / bytes * 60.0,
        (words.letters as f32 / total - 2.5) * 3.0,
        count(u8::is_ascii_uppercase) as f32 / bytes * 80.0,
        (log2(tools.len()) - 5.0).max(0.0) * 1.6,
        named as f32,
        asked as f32 * 2.0,
        log2(marks) * 2.0,
        words.long as f32 / total * 30.0,
        log2(count(|b| matches!(b, b'.' | b'!'))) * 3.0,
        log2(blanks) * 2.0,
        words.buckets.len() as f32 / total * 3.0,
        words.negations as f32 * 2.0,
        log2(words.sums) * 3.0,
        log2(words.asking) * 3.0,
        log2(count(|b| matches!(b, b'"' | b'\''))) * 2.0,
        log2(option_bytes / options.max(1)) * 2.0,
    ];
    let form = match () {
        () if !tools.is_empty() => 0,
        () if options >= 5 => 1,
        () if options == 2 => 9,
        () if options > 2 && text.ends_with("Answer:") => 2,
        () if options > 2 => 3,
        () if words.code >= 2 => 4,
        () if maths > 1 => 5,
        () if blanks > 0 => 6,
        () if words.numbers > 0 => 7,
        () => 8,
    };
    (form, values)
}

/// Lines that begin with a letter and a mark, and the bytes of those lines.
fn options(text: &str) -> (usize, usize) {
    let is_option = |line: &&str| {
        let b = line.as_bytes();
        b.len() > 2 && b[0].is_ascii_uppercase() && matches!(b[1], b'.' | b')') && b[2] == b' '
    };
    text.lines().filter(is_option).fold((0, 0), |(n, bytes), line| (n + 1, bytes + line.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn features_stand_once_and_within_bounds() {
        for text in ["", "a", "😀", "Was ist 3 + 4?", &"word ".repeat(100_000), &"ü".repeat(5000)] {
            let look = look(text, "");
            let mut indices: Vec<u32> = look.features.iter().map(|f| f.0).collect();
            indices.sort_unstable();
            assert!(indices.windows(2).all(|pair| pair[0] != pair[1]));
            assert!(indices.iter().all(|index| (*index as usize) < SIZE));
            assert!(look.features.iter().all(|f| f.1.is_finite()));
        }
    }

    #[test]
    fn worked_examples_are_not_the_question() {
        let shown = "Two?\nA) 1\nB) 2\nAnswer:\nB\n\nThree?\nA) 3\nB) 4\nAnswer:";
        assert_eq!(question(shown), "Three?\nA) 3\nB) 4\nAnswer:");
        assert_eq!(question("One?\nAnswer:"), "One?\nAnswer:");
        assert_eq!(question(""), "");
    }

    #[test]
    fn forms_are_told_apart() {
        let form = |prompt: &str, tools: &str| form_name(look(prompt, tools).form);
        assert_eq!(form("Weather in Bonn?", "[{\"name\": \"weather\"}]"), "tools");
        assert_eq!(form("Which?\nA. 1\nB. 2\nC. 3\nD. 4\nAnswer:", ""), "letter only");
        assert_eq!(form("Which?\nA. 1\nB. 2\nC. 3\nD. 4", ""), "options");
        assert_eq!(form("Which?\nA. 1\nB. 2\nC. 3\nD. 4\nE. 5", ""), "many options");
        assert_eq!(form("He ate _ of it.\nA) all\nB) none", ""), "two options");
        assert_eq!(form("Write a python function to sort.", ""), "code");
        assert_eq!(form("Anna has 3 apples.", ""), "numbers");
        assert_eq!(form("Hello", ""), "plain");
    }
}
