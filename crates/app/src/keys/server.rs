//! What the running server says of its budgets: its `/metrics`, read over loopback.
//!
//! Never here: another host.

use crate::config::Settings;
use crate::config::dollars;
use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(2);
/// Bytes of an answer at most.
const BYTES_MAX: u64 = 64 * 1024 * 1024;

/// `spent`, `reserved`, … by level, account and period, nano-dollars.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Told(HashMap<(String, String, String, String), i64>);

impl Told {
    /// The value of a family.
    pub(super) fn get(&self, family: &str, level: &str, account: &str, period: &str) -> Option<i64> {
        self.0.get(&(family.to_owned(), level.to_owned(), account.to_owned(), period.to_owned())).copied()
    }

    /// All rows of a family: level, account, period, value.
    pub(super) fn rows(&self, family: &str) -> impl Iterator<Item = (&str, &str, &str, i64)> {
        self.0
            .iter()
            .filter(move |(k, _)| k.0 == family)
            .map(|((_, l, a, p), v)| (l.as_str(), a.as_str(), p.as_str(), *v))
    }
}

/// Asks the server of `settings`; `None` where none answers there.
pub(super) fn told(settings: &Settings) -> Option<Told> {
    metrics(here(settings.server.listen)).ok().map(|text| parse(&text))
}

/// The address on this machine at which a server that listens on `listen` answers.
fn here(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

fn metrics(address: SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(format!("GET /metrics HTTP/1.0\r\nHost: {address}\r\n\r\n").as_bytes())?;
    let mut answer = String::new();
    stream.take(BYTES_MAX).read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or(std::io::ErrorKind::InvalidData)?;
    let good = head.split(' ').nth(1) == Some("200") && body.contains("dewpoint_");
    if good { Ok(body.to_owned()) } else { Err(std::io::ErrorKind::InvalidData.into()) }
}

fn parse(text: &str) -> Told {
    Told(text.lines().filter_map(row).collect())
}

/// One line of ours; nothing for another.
fn row(line: &str) -> Option<((String, String, String, String), i64)> {
    let rest = line.strip_prefix("dewpoint_budget_")?;
    let (family, rest) = rest.split_once("_usd{level=\"")?;
    let (level, rest) = rest.split_once("\",account=\"")?;
    // From the right: a name may hold anything.
    let (account, rest) = rest.rsplit_once("\",period=\"")?;
    let (period, value) = rest.split_once("\"} ")?;
    let value = match value.strip_prefix('-') {
        Some(value) => -dollars(value).ok()?,
        None => dollars(value).ok()?,
    };
    Some(((family.to_owned(), level.to_owned(), unlabel(account), period.to_owned()), value))
}

/// The text of a label's value.
fn unlabel(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (c, c == '\\') {
            (_, true) => out.extend(chars.next().map(|c| if c == 'n' { '\n' } else { c })),
            (c, _) => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_read_exactly_and_other_lines_left() {
        let told = parse(
            "# HELP x\ndewpoint_requests_total 3\n\
             dewpoint_budget_spent_usd{level=\"key\",account=\"a\\\"b\\\\\",period=\"month\"} 1.000000007\n\
             dewpoint_budget_spent_usd{level=\"key\",account=\"broken\n",
        );
        assert_eq!(told.get("spent", "key", "a\"b\\", "month"), Some(1_000_000_007));
        assert_eq!(told.rows("spent").count(), 1);
    }

    #[test]
    fn a_server_on_every_address_is_asked_on_this_machine() {
        for (listen, asked) in [("0.0.0.0:1", "127.0.0.1:1"), ("[::]:1", "[::1]:1"), ("127.0.0.1:9", "127.0.0.1:9")] {
            assert_eq!(listen.parse().map(here).ok(), asked.parse().ok());
        }
    }
}
