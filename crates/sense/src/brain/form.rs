//! What the form of a prompt says: its kind, and numbers that trees split on. One pass over the bytes, one over the lines.
//!
//! Never here: weights, and words beyond the few that are counted.

/// Kinds of form.
pub const FORMS: usize = 12;
/// Numbers that a prompt is described by.
pub const VALUES: usize = 45;

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
    "code wanted",
];

/// Name of a form.
pub fn form_name(form: usize) -> &'static str {
    NAMES.get(form).copied().unwrap_or_default()
}

/// Groups of words that are counted.
const GROUPS: usize = 10;
const WORDS: [&[&str]; GROUPS] = [
    &["not", "except", "never", "least", "without", "no"],
    &["percent", "half", "twice", "times", "each", "per", "total", "more", "less", "many", "much", "remaining"],
    &["who", "which", "what", "when", "where", "how", "why"],
    &["def", "return", "assert", "python", "function", "class", "import", "print"],
    &["each", "every", "per"],
    &["if", "then"],
    &["half", "third", "quarter", "twice", "double", "triple", "times", "percent"],
    &["for", "while", "in", "range"],
    &["statement", "true", "false"],
    &["and"],
];
const SLOTS: usize = 256;
/// Hash of a word and the groups that it is in, as bits; placed by the low bits of the hash.
static TABLE: [(u32, u16); SLOTS] = table();

/// FNV-1a of a word in lower case, a byte at a time.
pub(super) const fn step(hash: u32, byte: u8) -> u32 {
    (hash ^ byte.to_ascii_lowercase() as u32).wrapping_mul(0x0100_0193)
}

/// Where the hash of a word begins.
pub(super) const START: u32 = 0x811c_9dc5;

const fn table() -> [(u32, u16); SLOTS] {
    let mut table = [(0, 0); SLOTS];
    let mut group = 0;
    while group < GROUPS {
        let mut word = 0;
        while word < WORDS[group].len() {
            let bytes = WORDS[group][word].as_bytes();
            let (mut hash, mut at) = (START, 0);
            while at < bytes.len() {
                hash = step(hash, bytes[at]);
                at += 1;
            }
            let mut slot = hash as usize % SLOTS;
            while table[slot].1 != 0 && table[slot].0 != hash {
                slot = (slot + 1) % SLOTS;
            }
            table[slot] = (hash, table[slot].1 | 1 << group);
            word += 1;
        }
        group += 1;
    }
    table
}

/// What reading the words has counted.
#[derive(Debug, Default)]
pub(super) struct Counted {
    pub(super) words: usize,
    pub(super) letters: usize,
    pub(super) long: usize,
    pub(super) longest: usize,
    pub(super) numbers: usize,
    pub(super) longest_number: usize,
    pub(super) distinct: usize,
    pub(super) distinct_numbers: usize,
    groups: [usize; GROUPS],
}

impl Counted {
    pub(super) fn word(&mut self, hash: u32, length: usize) {
        self.words += 1;
        self.letters += length;
        self.long += usize::from(length > 8);
        self.longest = self.longest.max(length);
        let mut slot = hash as usize % SLOTS;
        while TABLE[slot].1 != 0 && TABLE[slot].0 != hash {
            slot = (slot + 1) % SLOTS;
        }
        let mut groups = TABLE[slot].1;
        while groups != 0 {
            self.groups[groups.trailing_zeros() as usize] += 1;
            groups &= groups - 1;
        }
    }
}

/// The options of a question: lines that begin with a letter and a mark.
#[derive(Default)]
struct Options {
    count: usize,
    bytes: usize,
    squares: f32,
    longest: usize,
    shortest: usize,
    with_digits: usize,
    /// Bytes before the first.
    stem: usize,
    /// Lines that are indented by four or more.
    indented: usize,
}

fn options(text: &str) -> Options {
    let mut found = Options { shortest: usize::MAX, stem: text.len(), ..Options::default() };
    let mut at = 0;
    for line in text.split('\n') {
        let b = line.as_bytes();
        if b.len() > 2 && b[0].is_ascii_uppercase() && matches!(b[1], b'.' | b')') && b[2] == b' ' {
            if found.count == 0 {
                found.stem = at;
            }
            let length = b.len() - 3;
            found.count += 1;
            found.bytes += length;
            found.squares += (length * length) as f32;
            found.longest = found.longest.max(length);
            found.shortest = found.shortest.min(length);
            found.with_digits += usize::from(b[3..].iter().any(u8::is_ascii_digit));
        }
        found.indented += usize::from(b.starts_with(b"    "));
        at += line.len() + 1;
    }
    found
}

/// Kind of a question; `formulas`: marks of formulas that are not money.
fn kind(text: &str, tools: bool, options: &Options, words: &Counted, of: &[u32; 256], formulas: f32) -> usize {
    let marks = b"()[]{}=;".iter().map(|b| of[usize::from(*b)]).sum::<u32>();
    match () {
        () if tools => 0,
        () if options.count >= 5 => 1,
        () if options.count == 2 => 9,
        () if options.count > 2 && text.ends_with("Answer:") => 2,
        () if options.count > 2 => 3,
        // A text about code has neither the marks nor the indents of code.
        () if words.groups[3] >= 2 && (options.indented > 0 || marks > 11) => 4,
        () if words.groups[3] >= 2 => 11,
        () if formulas > 1.0 => 5,
        () if of[usize::from(b'_')] > 0 => 6,
        () if words.numbers > 0 => 7,
        () => 8,
    }
}

/// Kind and numbers of a question: `block` whole, `text` the part of it that is read, `tools` what stands with it.
pub(super) fn read(block: &str, text: &str, tools: &str, words: &Counted) -> (usize, [f32; VALUES]) {
    let mut of = [0u32; 256];
    text.bytes().for_each(|b| of[usize::from(b)] += 1);
    let many = |marks: &[u8]| marks.iter().map(|b| of[usize::from(*b)]).sum::<u32>() as f32;
    let among = |from: u8, to: u8| of[usize::from(from)..=usize::from(to)].iter().sum::<u32>() as f32;
    let bytes = text.len().max(1) as f32;
    let total = words.words.max(1) as f32;
    let punctuation = among(b'!', b'/') + among(b':', b'@') + among(b'[', b'`') + among(b'{', b'~');
    let pairs = |test: fn(u8, u8) -> bool| text.as_bytes().windows(2).filter(|w| test(w[0], w[1])).count() as f32;
    let money = if of[usize::from(b'$')] > 0 { pairs(|a, b| a == b'$' && b.is_ascii_digit()) } else { 0.0 };
    let decimals = if words.numbers > 1 { pairs(|a, b| a == b'.' && b.is_ascii_digit()) } else { 0.0 };
    let maths = many(b"$\\^");
    let options = options(text);
    let each = options.count.max(1) as f32;
    let mean = options.bytes as f32 / each;
    let group = |group: usize| words.groups[group] as f32;
    let form = kind(text, !tools.is_empty(), &options, words, &of, maths - money);
    let of_tools = |key: &str| memchr::memmem::find_iter(tools.as_bytes(), key).count() as f32;
    let values = [
        log2(block.len()),
        log2(words.words),
        words.numbers as f32,
        among(b'0', b'9') / bytes,
        options.count as f32,
        many(b"\n"),
        many(b"?"),
        maths,
        punctuation / bytes,
        words.letters as f32 / total,
        among(b'A', b'Z') / bytes,
        log2(tools.len()),
        of_tools("\"name\""),
        of_tools("\"required\""),
        many(b"()[]{}=;"),
        words.long as f32 / total,
        many(b".!?"),
        many(b"_"),
        words.distinct as f32 / total,
        group(0),
        group(1),
        group(2),
        many(b"\"'"),
        options.longest as f32,
        if options.count == 0 { 0.0 } else { options.shortest as f32 },
        mean,
        (options.squares / each - mean * mean).max(0.0).sqrt(),
        log2(options.stem),
        options.with_digits as f32 / each,
        words.distinct_numbers as f32,
        words.longest_number as f32,
        decimals,
        group(4),
        group(5),
        group(6),
        many(b"%"),
        many(b"/"),
        group(7),
        group(8),
        words.longest as f32,
        options.indented as f32,
        group(9),
        many(b","),
        many(b":"),
        form as f32,
    ];
    (form, values)
}

pub(super) fn log2(n: usize) -> f32 {
    crate::features::log2(u32::try_from(n).unwrap_or(u32::MAX))
}
