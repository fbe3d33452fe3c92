//! What is no secret though it stands where one would: placeholders, variables, words, paths, dates; and how random a
//! text looks.
//!
//! Never here: shapes and names of secrets (`rules`).

use super::super::list::{Words, any_of};
use super::shape::{ALNUM, HEX};
use aho_corasick::AhoCorasick;
use std::sync::LazyLock;

/// Bytes that are looked at of a long value.
const LOOK: usize = 512;

/// Shannon entropy in bits per character (of the first 512 bytes): −Σ p·log₂ p over the bytes' frequencies.
pub(super) fn entropy(value: &[u8]) -> f32 {
    let value = &value[..value.len().min(LOOK)];
    let mut counts = [0u16; 256];
    for byte in value {
        counts[usize::from(*byte)] += 1;
    }
    let mut sum = 0.0;
    for byte in value {
        sum += WEIGHTS[usize::from(std::mem::take(&mut counts[usize::from(*byte)]))];
    }
    #[allow(clippy::cast_precision_loss)]
    let all = value.len() as f32;
    if value.is_empty() { 0.0 } else { all.log2() - sum / all }
}

/// n·log₂ n for each count n there can be.
static WEIGHTS: LazyLock<[f32; LOOK + 1]> = LazyLock::new(|| {
    #[allow(clippy::cast_precision_loss)]
    std::array::from_fn(|n| if n == 0 { 0.0 } else { n as f32 * (n as f32).log2() })
});

/// Parts of a thousand at which letters and digits, or lower and upper case, change within words. Random text of letters
/// and digits has 350 and more; names, versions and sentences have few changes. A capital before a small letter is
/// how names are written and does not count, nor does what stands beside a mark.
pub(super) fn restless(value: &[u8]) -> usize {
    let value = &value[..value.len().min(LOOK)];
    let kind = |c: u8| match c {
        b'0'..=b'9' => 1,
        b'a'..=b'z' => 2,
        b'A'..=b'Z' => 3,
        _ => 0u8,
    };
    let change = |w: &&[u8]| match (kind(w[0]), kind(w[1])) {
        (0, _) | (_, 0) | (3, 2) => false,
        (a, b) => a != b,
    };
    value.windows(2).filter(change).count() * 1000 / value.len().max(1)
}

/// Parts of a thousand of its letters that are vowels; of few letters, all of them.
pub(super) fn vowels(value: &[u8]) -> usize {
    let value = &value[..value.len().min(LOOK)];
    let letters = value.iter().filter(|c| c.is_ascii_alphabetic()).count();
    let vowels = value.iter().filter(|c| b"aeiouyAEIOUY".contains(c)).count();
    if letters < 8 { 1000 } else { vowels * 1000 / letters }
}

/// Whether a value of a known length looks made by chance and is no word: digits only, or digits among letters, or few
/// vowels.
pub(super) fn random_looking(value: &[u8]) -> bool {
    let digits = value.iter().filter(|c| c.is_ascii_digit()).count();
    let unspoken = value.len() >= 14 && vowels(value) < 280;
    let restless = restless(value);
    digits == value.len()
        || (digits > 0 && (restless >= 120 || unspoken))
        || restless >= 250
        || (restless >= 150 && unspoken)
}

/// Whether more than half of it is one character again and again, or a sequence such as `123456` or `abcdef`.
pub(super) fn filler(value: &[u8]) -> bool {
    let value = &value[..value.len().min(LOOK)];
    let (mut same, mut up, mut worn) = (1usize, 1usize, 0usize);
    for pair in value.windows(2) {
        same = if pair[0] == pair[1] { same + 1 } else { 1 };
        up = if pair[0].wrapping_add(1) == pair[1] || pair == b"90" { up + 1 } else { 1 };
        worn += match (same, up) {
            (4, _) | (_, 5) => 4,
            (5.., _) | (_, 6..) => 1,
            _ => 0,
        };
    }
    worn * 2 >= value.len() || value.windows(2).all(|w| w[0] == w[1]) || (value.len() >= 12 && repeats(value))
}

/// Whether the same group of four or more characters stands three times between marks: `1234-1234-1234-…`.
fn repeats(value: &[u8]) -> bool {
    let groups: Vec<&[u8]> =
        value.split(|c| !ALNUM.has(*c)).filter(|g| g.len() >= 4 && g.len() <= 8).take(16).collect();
    groups.iter().any(|g| groups.iter().filter(|o| o == &g).count() >= 3)
}

/// Whether a variable, a template, a call or a path stands where the value would.
pub(super) fn variable(value: &[u8]) -> bool {
    let has = |what: &[u8]| memchr::memmem::find(value, what).is_some();
    let shell = value.first() == Some(&b'$')
        && value[1..].iter().enumerate().all(|(i, c)| ALNUM.has(*c) && (i > 0 || !c.is_ascii_digit()) || *c == b'_');
    let pair = |open: u8, close: u8| value.first() == Some(&open) && value.last() == Some(&close);
    shell
        || has(b"${")
        || has(b"$(")
        || has(b"{{")
        || has(b"}}")
        || has(b"<%")
        || has(b"://")
        || pair(b'<', b'>')
        || pair(b'[', b']')
        || (pair(b'{', b'}') && !random_looking(value))
        || pair(b'%', b'%')
        || pair(b'@', b'@')
        || (value.len() <= 2 && value.starts_with(b"$"))
        || (value.len() <= 4 && value.starts_with(b"%"))
        || path(value)
        || [b"process.env".as_slice(), b"os.environ", b"env.", b"secrets.", b"vars.", b"self.", b"this.", b"config."]
            .iter()
            .any(|root| value.starts_with(root))
}

/// Whether it is a path of the system or a relative one: a short word as its first folder.
fn path(value: &[u8]) -> bool {
    let folder = |rest: &[u8]| {
        rest.iter()
            .enumerate()
            .take_while(|(i, c)| c.is_ascii_lowercase() || (*i == 0 && c.is_ascii_uppercase()))
            .count()
    };
    let first = value.strip_prefix(b"/").map_or(0, folder);
    let root = (2..=8).contains(&first) && value.get(first + 1) == Some(&b'/');
    root || [b"./".as_slice(), b"../", b"~/"].iter().any(|start| value.starts_with(start))
}

/// Values that stand for a value; the last two are those of NuGet's manual.
const STAND_INS: &str = "password passwd passw0rd passphrase pass pwd secret token key apikey api_key api-key user username userpass \
    user_pass test testing tester test123 testpass testpassword example changeme changeit change_me change-me \
    admin administrator root guest demo default foo bar baz foobar foobarbaz hello none null nil undefined true \
    false string str text varchar integer number boolean object required optional value todo tbd redacted hidden \
    masked removed omitted placeholder dummy fake sample empty mypassword mysecret mytoken myapikey my_password \
    my_secret my_token abc abc123 deadbeef cafebabe pw postgres mysql redis mongo rabbitmq db_password \
    dbpassword database login hunter2 33f!!lloppa hal+9ooo_da!sy";

/// Words that make a value a stand-in wherever they stand in it.
const TELLTALES: &str = "example placeholder changeme change_me change-me change_this your_ your- yourpass yourtoken yourkey \
    yoursecret yourapi insert_ insert- replace_ replace- replaceme redacted dummy < > ... **** xxxx lorem \
    goes_here goes-here goeshere -here _here foobar notreal not_real not-a- not_a_ enter_ enter-";

/// Whether a person wrote it where a secret of one's own belongs.
pub(super) fn stand_in(value: &[u8]) -> bool {
    let value = &value[..value.len().min(LOOK)];
    STAND_INS_SET.has(&value.to_ascii_lowercase())
        || TELLTALES_SET.as_ref().is_some_and(|any| any.is_match(value))
        || filler(value)
}

static STAND_INS_SET: LazyLock<Words> = LazyLock::new(|| Words::of(STAND_INS));
static TELLTALES_SET: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| any_of(TELLTALES.split(' ')));
static NAMING_SET: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| any_of(NAMING.iter().copied()));

/// Words that name a secret and so are not part of one.
const NAMING: &[&str] =
    &["password", "passwd", "secret", "token", "apikey", "api_key", "api-key", "credential", "test_", "test-"];

/// Whether it is a name in a program: it holds a word that names a secret.
pub(super) fn naming(value: &[u8]) -> bool {
    NAMING_SET.as_ref().is_some_and(|any| any.is_match(&value[..value.len().min(LOOK)]))
}

/// Whether all of it is hexadecimal digits, perhaps with dashes (a hash or a UUID).
pub(super) fn hexadecimal(value: &[u8]) -> bool {
    value.iter().all(|c| HEX.has(*c) || *c == b'-')
}

/// Whether both capitals and small letters are in it.
pub(super) fn both_cases(value: &[u8]) -> bool {
    value.iter().any(u8::is_ascii_uppercase) && value.iter().any(u8::is_ascii_lowercase)
}
