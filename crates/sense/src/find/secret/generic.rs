//! Values that only their name calls a secret: `api_key = "…"`, `password: …`, `Authorization: Bearer …`.
//!
//! A name is read word by word (`dbPasswordProd` is `db password prod`). It names a secret if one of its words does and
//! none after it says that the value is only about one (`token_url`, `key_id`, `secretName`).
//!
//! Never here: kinds with a shape of their own (`rules`).

use super::super::list::{Words, any_of};
use super::allow;
use super::assign::{Assigned, By};
use super::shape::{ALNUM, Alphabet};
use aho_corasick::AhoCorasick;
use std::sync::LazyLock;

/// What a name says its value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Names {
    /// A key or token: made by a machine.
    Token,
    /// A password: made by a machine or a person.
    Password,
    /// The header `Authorization`.
    Authorization,
}

/// Words to look for; each name of a secret holds one.
pub(super) const WORDS: &[&str] = &["token", "secret", "pass", "pwd", "key", "cred", "auth", "kennwort"];

/// Words for a password in other languages, looked for as they are written.
pub(super) const FOREIGN: &[&str] = &[
    "mot de passe",
    "contraseña",
    "senha",
    "wachtwoord",
    "hasło",
    "пароль",
    "Пароль",
    "密码",
    "密碼",
    "口令",
    "パスワード",
    "비밀번호",
    "암호",
];

/// A value of a token has these characters only.
const TOKEN: Alphabet = ALNUM.with(b"_.=+/~:-");

/// Words that make what stands before them no secret but something about it.
const ABOUT: &str = "id ids name names length len size file files filename path dir directory url uri endpoint host version type \
    kind alias count limit max min usage used total expiry expires expire expiration ttl at date time timestamp \
    format prefix suffix index idx position offset hint label placeholder field column param parameter regex \
    pattern class provider method mode policy scope scopes status state error message board frame mesh press \
    pressed ring selector signature stone storetype word up down left right variable var ref reference arn \
    source server service results manager handler factory builder store vault tokenizer code codes event binding \
    bindings map set list array by from for fingerprint thumbprint checksum strength rule rules sha hash \
    algorithm address addr balance symbol decimals contract amount in out";

/// Words before `key` or `token` that make it public.
const PUBLIC: &str = "public pub csrf xsrf foreign primary bucket natural schema sequence cache sort partition object row issuer \
    hot idx unique registry hash translation i18n react query publishable anonymous page continuation cursor \
    sync next prev previous cancellation random max min num";

/// Words before `key` without which it is any key.
const KEYED: &str = "api access secret private auth encryption encrypt crypto cipher signing sign master account shared storage \
    admin license client consumer app application session deploy webhook rest hmac aes jwt ssh rsa bot service \
    subscription integration gateway write root security server developer pre";

/// Ends of words written together that name a secret (`clientsecret`).
const ENDS: &[&str] =
    &["secret", "apikey", "accesskey", "secretkey", "privatekey", "accountkey", "token", "authkey", "signingkey"];
const PASSWORDS: &str = "password passwd pwd passphrase passcode passwort kennwort";

static ABOUT_SET: LazyLock<Words> = LazyLock::new(|| Words::of(ABOUT));
static PUBLIC_SET: LazyLock<Words> = LazyLock::new(|| Words::of(PUBLIC));
static KEYED_SET: LazyLock<Words> = LazyLock::new(|| Words::of(KEYED));
static PASSWORDS_SET: LazyLock<Words> = LazyLock::new(|| Words::of(PASSWORDS));

/// The words of a name in small letters.
fn words(name: &[u8]) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut before = b'_';
    for (i, &c) in name.iter().enumerate() {
        let small_next = name.get(i + 1).is_some_and(u8::is_ascii_lowercase);
        let begins = match c {
            b'A'..=b'Z' => !before.is_ascii_uppercase() || small_next,
            b'a'..=b'z' => !before.is_ascii_alphabetic(),
            _ => !before.is_ascii_digit() && c.is_ascii_digit(),
        };
        if ALNUM.has(c) {
            match words.last_mut() {
                Some(last) if !begins => last.push(c.to_ascii_lowercase() as char),
                _ => words.push((c.to_ascii_lowercase() as char).to_string()),
            }
        }
        before = c;
    }
    words
}

/// What the name says; nothing if it does not name a secret.
pub(super) fn names(name: &[u8]) -> Option<Names> {
    if FOREIGN.iter().any(|f| name.eq_ignore_ascii_case(f.as_bytes())) {
        return Some(Names::Password);
    }
    let words = words(name);
    let is = |list: &Words, word: &str| list.has(word.as_bytes());
    let says = |at: usize| -> Option<Names> {
        let word = words[at].as_str();
        let before = at.checked_sub(1).map_or("", |i| words[i].as_str());
        let last = at + 1 == words.len();
        if is(&PASSWORDS_SET, word)
            || (word == "pass" && last)
            || word.ends_with("password")
            || word.ends_with("passwd")
        {
            return Some(Names::Password);
        }
        let token = match word {
            "token" | "secret" | "apikey" => !is(&PUBLIC_SET, before),
            "key" | "keys" => is(&KEYED_SET, before),
            "auth" | "credential" | "credentials" | "creds" => last,
            "authorization" => return last.then_some(Names::Authorization),
            _ => ENDS.iter().any(|end| word.len() > end.len() && word.ends_with(end)),
        };
        token.then_some(Names::Token)
    };
    let (at, found) = (0..words.len()).rev().find_map(|at| says(at).map(|found| (at, found)))?;
    let about = words[at + 1..].iter().any(|w| is(&ABOUT_SET, w));
    let public = words[..at].last().is_some_and(|w| is(&PUBLIC_SET, w)) || words[..at].iter().any(|w| w == "public");
    (!about && !public).then_some(found)
}

/// Whether the value given to a name is a secret.
pub(super) fn secret(text: &[u8], given: &Assigned) -> bool {
    let value = &text[given.value.0..given.value.1];
    if value.len() < 5 || value.len() > 1000 {
        return false;
    }
    let tight = given.quoted || given.by == By::Sign && given.value.0 == given.name.1 + 1;
    let letters = || tight && value.len() >= 16 && allow::both_cases(value);
    if !value.iter().any(u8::is_ascii_digit) && !letters() && !in_connection_string(text, given) {
        return false;
    }
    let name = &text[given.name.0..given.name.1];
    match names(name) {
        None => false,
        // `tests.pass("…")`, `to pass 12 …`
        Some(Names::Password) if matches!(given.by, By::Comma | By::Is) && name.ends_with(b"pass") => false,
        Some(Names::Password) => password(text, value, given),
        Some(Names::Authorization) if given.by == By::Is => false,
        Some(Names::Authorization | Names::Token) => {
            token(value)
                || (given.quoted && phrase(value))
                || (in_connection_string(text, given) && value.len() >= 16 && random(value))
        }
    }
}

/// Whether it looks made by chance. Words have more vowels than chance brings (a third and more; chance: a fifth).
fn random(value: &[u8]) -> bool {
    let digit = value.iter().any(u8::is_ascii_digit);
    let changes = allow::restless(value) >= 150;
    let unspoken = value.len() >= 16 && allow::vowels(value) < 280;
    if digit { changes || unspoken } else { changes && unspoken }
}

/// Whether it looks like a key made by a machine.
fn token(value: &[u8]) -> bool {
    let body = value.strip_suffix(b"==").or_else(|| value.strip_suffix(b"=")).unwrap_or(value);
    // A short value cannot have much entropy: sixteen digits by chance have 3.2 bits each, thirty-two 3.6.
    let least = match (allow::hexadecimal(value), value.len() < 20) {
        (true, true) => 2.6,
        (true, false) => 3.0,
        (false, true) => 3.1,
        (false, false) => 3.3,
    };
    value.len() >= 10
        && value.iter().all(|c| TOKEN.has(*c))
        && random(body)
        && allow::entropy(value) >= least
        && !dated(value)
        && !allow::variable(value)
        && !allow::stand_in(value)
        && !allow::naming(value)
}

/// Whether it is a long key with all kinds of marks in it, as frameworks make them.
fn phrase(value: &[u8]) -> bool {
    let marks = value.iter().filter(|c| b"!@#$%^&*()[]{}|?~".contains(c)).count();
    let digits = value.iter().filter(|c| c.is_ascii_digit()).count();
    (24..=200).contains(&value.len())
        && value.iter().all(u8::is_ascii_graphic)
        && marks >= 3
        && digits >= 2
        && allow::entropy(value) >= 4.0
        && !allow::variable(value)
        && !allow::filler(value)
}

/// Whether it stands as configuration has it, where no name of a program can be: `NAME=value`, or `name: value` on a line
/// of its own.
fn configured(text: &[u8], given: &Assigned) -> bool {
    let ended = text.get(given.value.1).is_none_or(|c| matches!(c, b'\n' | b'\r'));
    let tight = given.value.0 == given.name.1 + 1 && text.get(given.value.1).is_none_or(u8::is_ascii_whitespace);
    match given.by {
        By::Sign => tight,
        By::Colon | By::Is => ended || given.by == By::Is,
        By::Option | By::Element => true,
        By::Comma => false,
    }
}

/// Words that say how a password is kept, not what it is.
const METHODS: &str = "sha md5 utf base64 base32 aes bcrypt argon2 pbkdf2 scrypt hmac rsa oauth x509 tls";

/// Whether it looks like a password.
fn password(text: &[u8], value: &[u8], given: &Assigned) -> bool {
    if value.len() > 128
        || value.iter().any(u8::is_ascii_whitespace)
        || allow::variable(value)
        || allow::stand_in(value)
    {
        return false;
    }
    let count = |is: fn(&u8) -> bool| value.iter().filter(|c| is(c)).count();
    let digits = count(u8::is_ascii_digit);
    let marks = count(|c| b"!@#$%^&*?~+-_=".contains(c));
    let letters = count(u8::is_ascii_alphabetic);
    if in_connection_string(text, given) {
        return allow::entropy(value) >= 2.0;
    }
    let plain = !given.quoted
        && value.iter().all(|c| ALNUM.has(*c) || matches!(c, b'_' | b'.'))
        && allow::restless(value) < 120;
    let configured = !given.quoted && configured(text, given);
    let long = if given.by == By::Is {
        value.len() >= 8 && digits >= 2
    } else {
        value.len() >= 6 && configured || value.len() >= 10
    };
    let mixed = digits > 0 && letters > 0 && (marks > 0 || allow::both_cases(value) || long);
    let lower = value.to_ascii_lowercase();
    let method = METHODS.split(' ').any(|m| lower.starts_with(m.as_bytes())) && value.len() <= 12;
    let least = if value.len() >= 10 { 2.5 } else { 2.2 };
    // Where programs are written it may be a name: `password = user.password2`.
    value.len() >= 6 && mixed && (!plain || configured) && !method && !dated(value) && allow::entropy(value) >= least
}

/// Whether other settings of a connection stand beside it: `host=… password=…`, `Server=…;Pwd=…;`.
pub(super) fn in_connection_string(text: &[u8], given: &Assigned) -> bool {
    if given.by != By::Sign || given.quoted {
        return false;
    }
    let line = &text[given.name.0.saturating_sub(160)..given.name.0];
    let line = memchr::memrchr(b'\n', line).map_or(line, |at| &line[at + 1..]);
    SETTINGS.as_ref().is_some_and(|settings| settings.is_match(line))
}

/// Settings that stand beside a password.
static SETTINGS: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
    any_of([
        "host=",
        "server=",
        "data source=",
        "user id=",
        "uid=",
        "dbname=",
        "accountname=",
        "endpoint=sb:",
        "sharedaccesskeyname=",
        "user=",
    ])
});

/// Whether a date or a version stands in it.
fn dated(value: &[u8]) -> bool {
    let digits = |w: &[u8]| w.iter().all(u8::is_ascii_digit);
    let iso = value
        .windows(10)
        .any(|w| digits(&w[..4]) && w[4] == b'-' && digits(&w[5..7]) && w[7] == b'-' && digits(&w[8..]));
    let parts: Vec<&[u8]> = value.split(|c| matches!(c, b'.' | b'-' | b'_' | b':')).collect();
    let short = parts.iter().filter(|p| !p.is_empty() && p.len() <= 3 && digits(p)).count();
    iso || (value.contains(&b'.') && short >= 3)
}

/// `password = "…"` as Terraform writes it, of letters and digits only.
pub(super) fn terraform(text: &[u8], given: &Assigned) -> bool {
    let (name, value) = (&text[given.name.0..given.name.1], &text[given.value.0..given.value.1]);
    let between = &text[given.name.1..given.value.0];
    matches!(name, b"password" | b"administrator_login_password")
        && between.trim_ascii_start() == b"= \""
        && between.starts_with(b" ")
        && (8..=20).contains(&value.len())
        && value.iter().all(|c| ALNUM.has(*c) || matches!(c, b'=' | b'_' | b'-'))
        && allow::entropy(value) >= 2.0
        && !allow::stand_in(value)
}
