//! Passwords in URLs (`postgres://user:password@host`, `https://user:token@host`), and the secret half of an AWS key pair.
//!
//! Never here: URLs without credentials.

use super::allow;
use super::shape::{ALNUM, Alphabet, HEX};

/// Bytes of user and password looked at.
const AUTHORITY: usize = 400;
/// What ends the authority of a URL.
const STOPS: Alphabet = Alphabet::of(b"/ \t\r\n\"'`<>\\,;|");
/// Schemes of databases, queues and caches.
const SERVERS: &[&str] = &[
    "postgres",
    "postgresql",
    "mysql",
    "mysqlx",
    "mariadb",
    "mongodb",
    "redis",
    "rediss",
    "valkey",
    "amqp",
    "amqps",
    "mssql",
    "sqlserver",
    "oracle",
    "clickhouse",
    "cockroachdb",
    "cassandra",
    "neo4j",
    "bolt",
    "nats",
    "kafka",
    "mqtt",
    "mqtts",
    "ldap",
    "ldaps",
    "snowflake",
    "couchdb",
    "influxdb",
    "elasticsearch",
    "memcached",
    "smtp",
    "smtps",
    "imap",
    "imaps",
    "jdbc",
    "tds",
    "db2",
    "vertica",
    "trino",
    "presto",
    "hive",
];

/// The span of the password in the URL whose `://` is at `at`, and its kind.
pub(super) fn credentials(text: &[u8], at: usize) -> Option<((usize, usize), &'static str)> {
    let scheme = &text[ALNUM.with(b"+.-").run_back(text, at, 24)..at];
    let start = at + 3;
    let mut sign = None;
    for (i, c) in text.iter().enumerate().skip(start).take(AUTHORITY) {
        match c {
            b'@' => sign = Some(i),
            // A mark in a password that should have been encoded; after the host it begins a query.
            b'?' | b'#' if sign.is_some() => break,
            c if STOPS.has(*c) => break,
            _ => {}
        }
    }
    let sign = sign.filter(|sign| *sign > start && scheme.len() >= 2)?;
    let host = &text[sign + 1..text.len().min(sign + 40)];
    let Some(colon) = text[start..sign].iter().position(|c| *c == b':').map(|i| start + i) else {
        let user = &text[start..sign];
        let token = user.len() >= 20
            && allow::random_looking(user)
            && allow::entropy(user) >= 3.0
            && allow::restless(user) >= 150;
        return (token && !allow::variable(user) && !allow::stand_in(user))
            .then_some(((start, sign), "url-credentials"));
    };
    let (user, password) = (&text[start..colon], &text[colon + 1..sign]);
    let eight = |t: &[u8]| t.len() == 8 && t.iter().all(|c| HEX.has(*c));
    let contribsys = [b"gems.contribsys.com".as_slice(), b"enterprise.contribsys.com"];
    if eight(user) && eight(password) && contribsys.iter().any(|h| host.starts_with(h)) {
        return Some(((start, sign), "sidekiq-sensitive-url"));
    }
    if password.len() < 3 || password == user || allow::variable(password) || allow::stand_in(password) {
        return None;
    }
    let name = scheme.to_ascii_lowercase();
    let name = name.split(|c| *c == b'+').next().unwrap_or_default();
    let server = SERVERS.iter().any(|s| s.as_bytes() == name);
    Some(((colon + 1, sign), if server { "connection-string" } else { "url-credentials" }))
}

/// The secret key that stands within 200 bytes after an access key of AWS: 40 characters of Base64 by themselves.
pub(super) fn aws_secret(text: &[u8], from: usize) -> Option<(usize, usize)> {
    let alphabet = ALNUM.with(b"+/");
    let limit = text.len().min(from + 200);
    let mut at = from;
    while at < limit {
        let end = alphabet.run(text, at, 64);
        let value = &text[at..end];
        if value.len() == 40
            && allow::both_cases(value)
            && value.iter().any(u8::is_ascii_digit)
            && allow::entropy(value) >= 4.0
            && !value.ends_with(b"EXAMPLEKEY")
        {
            return Some((at, end));
        }
        at = alphabet.run(text, end, text.len()).max(at) + 1;
    }
    None
}
