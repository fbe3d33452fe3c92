//! Names of the network: e-mail addresses, URLs, domain names.
//!
//! Never here: addresses made of digits (`host`).

use super::list::{Pairs, Words};
use std::sync::LazyLock;

/// A stretch that was recognised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seen {
    pub start: usize,
    pub end: usize,
}

/// Longest local part and longest name looked at (RFC 5321: 64 and 255).
const LOCAL: usize = 64;
const NAME: usize = 255;

/// The e-mail address around the `@` at `at`.
pub(super) fn email(text: &str, at: usize) -> Option<Seen> {
    let bytes = text.as_bytes();
    let start = local_start(text, at)?;
    let end = name_end(bytes, at + 1)?;
    // `git@host:path` is a remote, not a mailbox.
    if &bytes[start..at] == b"git" && bytes.get(end) == Some(&b':') {
        return None;
    }
    Some(Seen { start, end })
}

/// `name [at] host [dot] tld`, with `(`, `{` or none of them around the words; `at` is at the opening bracket.
pub(super) fn spelled(text: &str, at: usize) -> Option<Seen> {
    let bytes = text.as_bytes();
    let close = bytes.get(at + 3)?;
    if !bytes.get(at + 1..at + 3)?.eq_ignore_ascii_case(b"at") || !matches!(close, b']' | b')' | b'}') {
        return None;
    }
    let before = bytes[..at].iter().rev().take(2).take_while(|b| **b == b' ').count();
    let start = local_start(text, at - before)?;
    let mut from = at + 4;
    while bytes.get(from) == Some(&b' ') && from < at + 6 {
        from += 1;
    }
    let (end, dots) = spelled_name(bytes, from);
    (dots > 0).then_some(Seen { start, end })
}

/// `name at host dot tld` in plain words; `dot` is at the space before "dot".
pub(super) fn in_words(text: &str, dot: usize) -> Option<Seen> {
    let bytes = text.as_bytes();
    let mut host = dot;
    while host > 0 && dot - host < 63 && (bytes[host - 1].is_ascii_alphanumeric() || bytes[host - 1] == b'-') {
        host -= 1;
    }
    let at = host.checked_sub(4)?;
    if host == dot || !bytes.get(at..host)?.eq_ignore_ascii_case(b" at ") {
        return None;
    }
    let start = local_start(text, at)?;
    let (end, dots) = spelled_name(bytes, host);
    (dots > 0).then_some(Seen { start, end })
}

/// Labels joined by `.`, `[dot]`, `(dot)` or ` dot `; how many joints there were before a known top-level name.
fn spelled_name(bytes: &[u8], from: usize) -> (usize, usize) {
    let label = |mut at: usize| {
        let begin = at;
        while at < bytes.len() && at - begin < 63 && (bytes[at].is_ascii_alphanumeric() || bytes[at] == b'-') {
            at += 1;
        }
        at
    };
    let (mut end, mut joints, mut known) = (label(from), 0, (from, 0));
    for _ in 0..8 {
        let rest = &bytes[end..];
        let joint = [&b"."[..], b"[.]", b"(.)", b"[dot]", b"(dot)", b"{dot}", b" [dot] ", b" (dot) ", b" dot "]
            .into_iter()
            .find(|j| rest.get(..j.len()).is_some_and(|r| r.eq_ignore_ascii_case(j)));
        let Some(joint) = joint else { break };
        let next = label(end + joint.len());
        if next == end + joint.len() {
            break;
        }
        joints += 1;
        if is_top(&bytes[end + joint.len()..next]) {
            known = (next, joints);
        }
        end = next;
    }
    known
}

/// Where the local part before `at` begins.
fn local_start(text: &str, at: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut start = at;
    for c in text.get(at.saturating_sub(LOCAL)..at).unwrap_or_else(|| tail(text, at)).chars().rev() {
        let ok = c.is_ascii_alphanumeric() || "._%+-'#!$&*=?^`{|}~/".contains(c) || ('\u{c0}'..='\u{24f}').contains(&c);
        if !ok || (c == '/' || c == '\'' || c == '=' || c == '{' || c == '|' || c == '`' || c == '*') {
            break;
        }
        start -= c.len_utf8();
    }
    // A local part begins with a letter or digit (or `_`, `+`).
    while start < at
        && !(bytes[start].is_ascii_alphanumeric() || bytes[start] >= 0x80 || matches!(bytes[start], b'_' | b'+'))
    {
        start += 1;
    }
    (start < at && bytes[at - 1] != b'.').then_some(start)
}

/// The last characters before `at` where cutting at a fixed distance would split one.
fn tail(text: &str, at: usize) -> &str {
    let mut from = at.saturating_sub(LOCAL);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    &text[from..at]
}

/// Where the host name at `from` ends: labels with dots, the last of two letters or more.
fn name_end(bytes: &[u8], from: usize) -> Option<usize> {
    let latin = |i: usize| {
        bytes[i] >= 0xC3 && bytes[i] <= 0xC9
            || (bytes[i] >= 0x80 && bytes[i] < 0xC0 && i > from && bytes[i - 1] >= 0xC3 && bytes[i - 1] <= 0xC9)
    };
    let mut end = from;
    while end < bytes.len()
        && end - from < NAME
        && (bytes[end].is_ascii_alphanumeric() || matches!(bytes[end], b'-' | b'.') || latin(end))
    {
        end += 1;
    }
    while end > from && matches!(bytes[end - 1], b'.' | b'-') {
        end -= 1;
    }
    // `user@example.com.Then` and `a@b.com..` end where labels end.
    let name = &bytes[from..end];
    let cut = name.windows(2).position(|w| w == b"..").map_or(name.len(), |i| i);
    let name = &name[..cut];
    let dot = name.iter().rposition(|b| *b == b'.')?;
    let top = &name[dot + 1..];
    let right = top.len() >= 2 && (top.iter().all(|b| b.is_ascii_alphabetic()) || top.starts_with(b"xn--"));
    (right && dot > 0 && name[0] != b'-' && name[0] != b'.').then_some(from + cut)
}

/// Characters that end a sentence, or close what a URL stands in, rather than belong to it.
fn closing(byte: u8) -> bool {
    matches!(byte, b'.' | b',' | b';' | b':' | b'!' | b'?' | b')' | b']' | b'*' | b'_' | b'\'' | b'&')
}

/// Where the run of characters of URLs that was read last ends, with and without what closes it: many `://` may stand in one run.
#[derive(Debug, Default)]
pub(super) struct Urls {
    end: usize,
    trimmed: usize,
}

/// A URL around `://` at `colon`: where it lies, and where a name with its password lies in it. `run` goes along with one text,
/// from left to right.
pub(super) fn url(run: &mut Urls, text: &str, colon: usize) -> Option<(Seen, Option<Seen>)> {
    let bytes = text.as_bytes();
    let mut start = colon;
    while start > 0
        && colon - start < 24
        && (bytes[start - 1].is_ascii_alphanumeric() || matches!(bytes[start - 1], b'+' | b'-' | b'.'))
    {
        start -= 1;
    }
    while start < colon && !bytes[start].is_ascii_alphabetic() {
        start += 1;
    }
    if start == colon {
        return None;
    }
    let from = colon + 3;
    if from >= run.end {
        let end = from + bytes[from..].iter().take_while(|b| in_url(**b)).count();
        let closing = bytes[from..end].iter().rev().take_while(|b| closing(**b)).count();
        *run = Urls { end, trimmed: end - closing };
    }
    let end = run.trimmed.max(from);
    let rest = &bytes[colon + 3..end];
    let authority = &rest[..rest.iter().position(|b| matches!(b, b'/' | b'?' | b'#')).unwrap_or(rest.len())];
    let (user, host) = match authority.iter().rposition(|b| *b == b'@') {
        Some(i) => (&authority[..i], &authority[i + 1..]),
        None => (&authority[..0], authority),
    };
    let password = user.iter().position(|b| *b == b':').is_some_and(|i| telling(&user[i + 1..]));
    let bracketed = host.first() == Some(&b'[');
    let named = host.iter().position(|b| *b == b'.').is_some_and(|i| i > 0 && i + 1 < host.len());
    // Host names in other scripts count too; `http://localhost` and `http://service` are nobody's.
    let user = Seen { start: colon + 3, end: colon + 3 + user.len() };
    (password || named || bracketed).then_some((Seen { start, end }, password.then_some(user)))
}

/// Whether a password in a URL is one: not a variable or a placeholder of documentation.
fn telling(password: &[u8]) -> bool {
    let placeholder = [&b"password"[..], b"pass", b"pwd", b"secret", b"passwd", b"pw", b"token"];
    !password.is_empty()
        && !matches!(password[0], b'$' | b'<' | b'{' | b'*' | b'[' | b'%')
        && !placeholder.iter().any(|p| password.eq_ignore_ascii_case(p))
        && !password.iter().all(|b| b.eq_ignore_ascii_case(&b'x') || *b == b'.')
}

fn in_url(byte: u8) -> bool {
    !(byte <= b' '
        || byte == 0x7f
        || matches!(byte, b'"' | b'<' | b'>' | b'`' | b'|' | b'\\' | b'^' | b'{' | b'}')
        || byte >= 0x80)
}

/// The domain name around the dot at `dot`, with the path behind it.
pub(super) fn domain(text: &str, dot: usize) -> Option<Seen> {
    let bytes = text.as_bytes();
    let part = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.');
    let mut start = dot;
    while start > 0 && dot - start < 63 && part(bytes[start - 1]) {
        start -= 1;
    }
    let mut end = dot + 1;
    while end < bytes.len() && end - dot < NAME && part(bytes[end]) {
        end += 1;
    }
    while end > dot && matches!(bytes[end - 1], b'.' | b'-') {
        end -= 1;
    }
    while start < dot && !bytes[start].is_ascii_alphanumeric() {
        start += 1;
    }
    let name = &bytes[start..end];
    let last = name.iter().rposition(|b| *b == b'.')?;
    let top = &name[last + 1..];
    let before = start.checked_sub(1).map_or(b' ', |i| bytes[i]);
    let after = bytes.get(end).copied().unwrap_or(b' ');
    let glued = matches!(before, b'@' | b'/' | b'\\' | b'_' | b'$' | b'#' | b'~')
        || matches!(after, b'@' | b'(' | b'_' | b'=' | b'[');
    if start >= dot || end <= dot || glued || !is_top(top) || name.windows(2).any(|w| w == b"..") {
        return None;
    }
    // A sentence that goes on without a space (`done.It was`) is none.
    if top[0].is_ascii_uppercase() && !top.iter().all(u8::is_ascii_uppercase) {
        return None;
    }
    let labels = name.iter().filter(|b| **b == b'.').count() + 1;
    let path = after == b'/' && bytes.get(end + 1).is_some_and(|b| b.is_ascii_alphanumeric());
    let ambiguous = AMBIGUOUS_SET.has(&top.to_ascii_lowercase());
    let www = name.get(..4).is_some_and(|n| n.eq_ignore_ascii_case(b"www."));
    if ambiguous && labels < 3 && !www && !path {
        return None;
    }
    // The label before the top-level name holds a letter: `3.14.de` may be one, `1.de` is none.
    if !name[..last].iter().any(u8::is_ascii_alphabetic) {
        return None;
    }
    let mut stop = end;
    if path || after == b':' && bytes.get(end + 1).is_some_and(u8::is_ascii_digit) {
        while stop < bytes.len() && in_url(bytes[stop]) {
            stop += 1;
        }
        while matches!(bytes[stop - 1], b'.' | b',' | b';' | b':' | b'!' | b'?' | b')' | b']' | b'*' | b'\'') {
            stop -= 1;
        }
    }
    Some(Seen { start, end: stop })
}

/// Whether a label is a top-level domain that names without a scheme are recognised by.
fn is_top(label: &[u8]) -> bool {
    let mut lower = [0; 12];
    let Some(lower) = lower.get_mut(..label.len()) else { return false };
    lower.copy_from_slice(label);
    lower.make_ascii_lowercase();
    match lower.len() {
        2 => COUNTRY_SET.begin(lower),
        3.. => GENERIC_SET.has(lower) || lower.starts_with(b"xn--"),
        _ => false,
    }
}

static GENERIC_SET: LazyLock<Words> = LazyLock::new(|| Words::of(GENERIC));
static AMBIGUOUS_SET: LazyLock<Words> = LazyLock::new(|| Words::of(AMBIGUOUS));

static COUNTRY_SET: Pairs = Pairs::of(COUNTRIES);

/// Country codes of IANA's root zone.
const COUNTRIES: &str = "ac ad ae af ag ai al am ao aq ar as at au aw ax az ba bb bd be bf bg bh bi bj bm bn bo br bs bt bw by bz ca cc \
cd cf cg ch ci ck cl cm cn co cr cu cv cw cx cy cz de dj dk dm do dz ec ee eg er es et eu fi fj fk fm fo fr ga gd ge gf gg gh gi gl gm \
gn gp gq gr gs gt gu gw gy hk hm hn hr ht hu id ie il im in io iq ir is it je jm jo jp ke kg kh ki km kn kp kr kw ky kz la lb lc li lk \
lr ls lt lu lv ly ma mc md me mg mh mk ml mm mn mo mp mq mr ms mt mu mv mw mx my mz na nc ne nf ng ni nl no np nr nu nz om pa pe pf pg \
ph pk pl pm pn pr ps pt pw py qa re ro rs ru rw sa sb sc sd se sg sh si sk sl sm sn so sr ss st su sv sx sy sz tc td tf tg th tj tk tl \
tm tn to tr tt tv tw tz ua ug uk us uy uz va vc ve vg vi vn vu wf ws ye yt za zm zw";

/// Of the generic ones those that are in common use and no usual names in code.
const GENERIC: &str = "com net org edu gov mil int info biz mobi pro coop aero jobs museum travel tel cat asia post arpa app dev xyz online \
site shop store tech cloud blog club agency company email group live media network news page plus rocks social software solutions space studio \
support systems team today top tools website wiki work world zone bank law finance health hospital clinic bio eco energy design digital \
consulting capital ventures academy university school foundation ngo africa berlin hamburg koeln cologne bayern wien paris london nyc tokyo swiss \
onion local internal lan corp intranet";

/// Top-level domains that are words, file extensions or fields in code: only with three labels, `www.` or a path.
const AMBIGUOUS: &str = "py rs md sh pl cc so ps ml st vi am is it in to no my be by us la ma me do as at id cs mm py tc tf pm ai mk ms \
ac bz gz ts cu hs kt ex al an co.im in re im ad ba go li ne pa pro post cat local internal tel work plus live page top tools group team media \
support design social network email software systems company store site world news space app dev zone id int";

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn at<T>(text: &str, mark: &str, read: impl Fn(&str, usize) -> Option<T>) -> Option<T> {
        read(text, text.find(mark).unwrap())
    }

    fn shown(text: &str, seen: Option<Seen>) -> Option<&str> {
        seen.map(|s| &text[s.start..s.end])
    }

    #[test]
    fn addresses_of_mail() {
        for (text, found) in [
            ("write to jo.doe+x@mail.example.org, please", Some("jo.doe+x@mail.example.org")),
            ("<a@xn--d1acufc.xn--p1ai>", Some("a@xn--d1acufc.xn--p1ai")),
            ("'müller@firma.de'", Some("müller@firma.de")),
            ("邮箱是foo@bar.com谢谢", Some("foo@bar.com")),
            ("end of it a@b.de.", Some("a@b.de")),
            ("npm i react@18.2.0", None),
            ("user@localhost", None),
            ("@mention.com and more", None),
            ("git@github.com:me/it", None),
        ] {
            assert_eq!(shown(text, at(text, "@", email)), found, "{text}");
        }
        for (text, found) in [
            ("jo [at] example [dot] org now", Some("jo [at] example [dot] org")),
            ("jo.doe(AT)example.org", Some("jo.doe(AT)example.org")),
            ("look [at] this picture", None),
        ] {
            assert_eq!(shown(text, at(text, if text.contains('[') { "[" } else { "(" }, spelled)), found, "{text}");
        }
        let text = "mail jo at example dot com today";
        assert_eq!(shown(text, at(text, " dot ", in_words)), Some("jo at example dot com"));
        let text = "look at the dot on the wall";
        assert_eq!(shown(text, at(text, " dot ", in_words)), None);
    }

    #[test]
    fn urls_and_passwords_in_them() {
        for (text, found, password) in [
            ("(see https://www.example.org/a?b=c#d).", Some("https://www.example.org/a?b=c#d"), false),
            ("postgres://app:hunter2x@db:5432/main", Some("postgres://app:hunter2x@db:5432/main"), true),
            ("postgres://app:${PASS}@db.example.org/main", None, false),
            ("https://user:password@example.org", Some("https://user:password@example.org"), false),
            ("http://microsoft", None, false),
            ("://x.y", None, false),
        ] {
            let seen = at(text, "://", |t, i| url(&mut Urls::default(), t, i));
            if let Some(found) = found {
                assert_eq!(
                    (shown(text, seen.map(|s| s.0)), seen.map(|s| s.1.is_some())),
                    (Some(found), Some(password)),
                    "{text}"
                );
            } else {
                assert!(seen.is_none_or(|s| s.1.is_none()), "{text}");
            }
        }
    }

    #[test]
    fn names_without_a_scheme() {
        for (text, found) in [
            ("go to example.com now", Some("example.com")),
            ("google.co.il!", Some("google.co.il")),
            ("it is on bit.ly/abc1.", Some("bit.ly/abc1")),
            ("done.It was late", None),
            ("open main.rs", None),
            ("self.name = 3", None),
            ("foo.is(x)", None),
            ("john.me@x.com", None),
            ("3.14", None),
            ("e.g. this", None),
        ] {
            assert_eq!(shown(text, at(text, ".", domain)), found, "{text}");
        }
    }
}
