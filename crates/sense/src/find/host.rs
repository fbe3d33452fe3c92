//! Addresses of machines: IPv4, IPv6, MAC.
//!
//! Never here: names (`net`).

use super::net::Seen;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Longest IPv6 address in text.
const LONGEST: usize = 45;

/// The IPv4 address at `start` (a digit that no other stands before), with a prefix length behind it.
pub(super) fn v4(bytes: &[u8], start: usize) -> Option<(Seen, IpAddr)> {
    let before = start.checked_sub(1).map_or(b' ', |i| bytes[i]);
    let before_that = start.checked_sub(2).map_or(b' ', |i| bytes[i]);
    // Deeper in dotted numbers; `Chrome/110.0.0.0` is a version, `http://192.0.2.1` is an address.
    if matches!(before, b'.' | b'-') && before_that.is_ascii_digit()
        || before == b'/' && before_that.is_ascii_alphabetic()
    {
        return None;
    }
    let mut end = start;
    while end < bytes.len() && end - start < 16 && (bytes[end].is_ascii_digit() || bytes[end] == b'.') {
        end += 1;
    }
    while end > start && bytes[end - 1] == b'.' {
        end -= 1;
    }
    let address: Ipv4Addr = std::str::from_utf8(&bytes[start..end]).ok()?.parse().ok()?;
    let next = bytes.get(end).copied().unwrap_or(b' ');
    if next.is_ascii_alphanumeric() || next == b'.' && bytes.get(end + 1).is_some_and(u8::is_ascii_digit) {
        return None;
    }
    Some((Seen { start, end: prefix(bytes, end, 32) }, IpAddr::V4(address)))
}

/// What stands around the colon at `at`: an IPv6 or MAC address. The second value is how far was read.
pub(super) fn colons(bytes: &[u8], at: usize, floor: usize) -> (Option<(Seen, Option<IpAddr>)>, usize) {
    let part = |b: u8| b.is_ascii_hexdigit() || b == b':' || b == b'.';
    let (mut start, mut end) = (at, at + 1);
    while start > floor && at - start < LONGEST && part(bytes[start - 1]) {
        start -= 1;
    }
    while end < bytes.len() && end - start <= LONGEST && part(bytes[end]) {
        end += 1;
    }
    let read = end;
    while end > start
        && (bytes[end - 1] == b'.' || bytes[end - 1] == b':' && (end < start + 2 || bytes[end - 2] != b':'))
    {
        end -= 1;
    }
    let word = &bytes[start..end];
    let before = start.checked_sub(1).map_or(b' ', |i| bytes[i]);
    let next = bytes.get(end).copied().unwrap_or(b' ');
    if word.len() == 17 && mac(word) && !before.is_ascii_alphanumeric() && !next.is_ascii_alphanumeric() {
        return (Some((Seen { start, end }, None)), read);
    }
    let colons = word.iter().filter(|b| **b == b':').count();
    if colons < 2 || next.is_ascii_alphanumeric() {
        return (None, read);
    }
    let Some(address) = std::str::from_utf8(word).ok().and_then(|w| w.parse::<Ipv6Addr>().ok()) else {
        return (None, read);
    };
    // `std::cafe` and `a::b` are paths of code: glued to a word only where an IPv4 address is inside, and never without digits.
    let glued = before.is_ascii_alphanumeric() || before == b'_';
    let dotted = word.contains(&b'.');
    let digits = word.iter().any(u8::is_ascii_digit);
    let bare = !digits && word != b"::";
    if glued && !(dotted && word[0] == b':') || bare && colons < 4 || matches!(next, b'_' | b'<' | b'{' | b'*') {
        return (None, read);
    }
    if word == b"::"
        && !(matches!(before, b' ' | b'=' | b'\n' | b'\t' | b'[') && matches!(next, b' ' | b'/' | b'\n' | b']' | b'\t'))
    {
        return (None, read);
    }
    let mut stop = end;
    if next == b'%' {
        stop += 1;
        while stop < bytes.len() && stop - end < 16 && bytes[stop].is_ascii_alphanumeric() {
            stop += 1;
        }
        stop = if stop == end + 1 { end } else { stop };
    }
    (Some((Seen { start, end: prefix(bytes, stop, 128) }, Some(IpAddr::V6(address)))), read)
}

/// The MAC address with hyphens whose first one is at `at`.
pub(super) fn hyphens(bytes: &[u8], at: usize) -> Option<Seen> {
    let start = at.checked_sub(2)?;
    let word = bytes.get(start..start + 17)?;
    let before = start.checked_sub(1).map_or(b' ', |i| bytes[i]);
    let next = bytes.get(start + 17).copied().unwrap_or(b' ');
    let apart = |b: u8| !b.is_ascii_alphanumeric() && b != b'-';
    (word[2] == b'-' && mac(word) && apart(before) && apart(next)).then_some(Seen { start, end: start + 17 })
}

/// A MAC address as `0012.3456.789a` whose first dot is at `at`.
pub(super) fn dotted(bytes: &[u8], at: usize) -> Option<Seen> {
    let start = at.checked_sub(4)?;
    let word = bytes.get(start..start + 14)?;
    let right = word.iter().enumerate().all(|(i, b)| if i % 5 == 4 { *b == b'.' } else { b.is_ascii_hexdigit() });
    let before = start.checked_sub(1).map_or(b' ', |i| bytes[i]);
    let next = bytes.get(start + 14).copied().unwrap_or(b' ');
    let apart = |b: u8| !b.is_ascii_alphanumeric();
    (right && apart(before) && before != b'.' && apart(next)).then_some(Seen { start, end: start + 14 })
}

/// Six pairs of hexadecimal digits with one separator; neither all zero nor the broadcast address.
fn mac(word: &[u8]) -> bool {
    let sep = word[2];
    let right = word.iter().enumerate().all(|(i, b)| if i % 3 == 2 { *b == sep } else { b.is_ascii_hexdigit() });
    let all = |c: u8| word.iter().enumerate().all(|(i, b)| i % 3 == 2 || b.eq_ignore_ascii_case(&c));
    right && matches!(sep, b':' | b'-') && !all(b'0') && !all(b'f')
}

fn prefix(bytes: &[u8], end: usize, most: u32) -> usize {
    if bytes.get(end) != Some(&b'/') {
        return end;
    }
    let n = bytes[end + 1..].iter().take(4).take_while(|b| b.is_ascii_digit()).count();
    let value = bytes[end + 1..end + 1 + n].iter().fold(0, |v, b| v * 10 + u32::from(b - b'0'));
    if (1..=3).contains(&n) && value <= most { end + 1 + n } else { end }
}

/// Whether an address can be a person's: not one of the own network, this machine, documentation or nobody.
pub(super) fn global(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(a) => {
            let o = a.octets();
            !(a.is_private()
                || a.is_loopback()
                || a.is_link_local()
                || a.is_broadcast()
                || a.is_documentation()
                || a.is_multicast())
                && o[0] != 0
                && o[0] < 240
                && !(o[0] == 100 && o[1] & 0xC0 == 64)
        }
        IpAddr::V6(a) => {
            let s = a.segments();
            if let Some(inner) = a.to_ipv4_mapped() {
                return global(IpAddr::V4(inner));
            }
            s[0] & 0xE000 == 0x2000 && !(s[0] == 0x2001 && s[1] == 0xDB8)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn six(text: &str) -> Option<&str> {
        let at = text.bytes().position(|b| b == b':').unwrap_or(0);
        colons(text.as_bytes(), at, 0).0.map(|(s, _)| &text[s.start..s.end])
    }

    #[test]
    fn addresses_of_both_kinds() {
        for (text, found) in [
            ("at 2001:db8::1, port", Some("2001:db8::1")),
            ("[2001:db8::1]:8080", Some("2001:db8::1")),
            ("fe80::1%eth0 up", Some("fe80::1%eth0")),
            ("2001:db8::/32.", Some("2001:db8::/32")),
            ("text::ffff:192.0.2.1", Some("::ffff:192.0.2.1")),
            ("00:1a:2b:3c:4d:5e", Some("00:1a:2b:3c:4d:5e")),
            ("FF:FF:FF:FF:FF:FF", None),
            ("12:34:56", None),
            ("std::fmt", None),
            ("std::cafe", None),
            ("a::b", None),
            ("fe80::1text", None),
            ("2001::25de::cade", None),
        ] {
            assert_eq!(six(text), found, "{text}");
        }
        let four = |text: &'static str| v4(text.as_bytes(), 0).map(|(s, _)| &text[s.start..s.end]);
        assert_eq!(
            (four("192.0.2.7."), four("10.0.0.0/8"), four("10.0.0.0/123")),
            (Some("192.0.2.7"), Some("10.0.0.0/8"), Some("10.0.0.0"))
        );
        assert_eq!((four("1.2.3"), four("1.2.3.4.5"), four("256.1.1.1"), four("1.2.3.4a")), (None, None, None, None));
        assert!(hyphens(b"AA-BB-CC-DD-EE-F1", 2).is_some() && hyphens(b"AA-BB-CC:DD-EE-F1", 2).is_none());
        assert!(dotted(b"0012.3456.789a", 4).is_some() && dotted(b"0012.3456.789", 4).is_none());
    }

    #[test]
    fn own_addresses_are_nobodys() {
        for own in [
            "10.1.2.3",
            "127.0.0.1",
            "169.254.1.1",
            "192.168.0.1",
            "100.64.0.1",
            "0.0.0.0",
            "203.0.113.9",
            "::1",
            "fe80::1",
            "fd00::1",
            "::ffff:10.0.0.1",
        ] {
            assert!(!own.parse().is_ok_and(global), "{own}");
        }
        for other in ["8.8.4.4", "100.128.0.1", "2a00:1450::5", "::ffff:8.8.4.4"] {
            assert!(other.parse().is_ok_and(global), "{other}");
        }
    }
}
