//! Where an upstream is: scheme, host, port and path prefix, read once from the configured `base_url`.
//!
//! Never here: anything that a request says. An origin comes from configuration only.

use super::ground::{Ground, ground};
use http::Uri;
use http::uri::{Authority, PathAndQuery, Scheme};
use std::net::IpAddr;

/// A parsed `base_url`. Requests go to this scheme, host and port and below this prefix, and nowhere else.
#[derive(Clone, PartialEq, Eq)]
pub struct Origin {
    https: bool,
    authority: Authority,
    prefix: String,
}

/// What is wrong with a `base_url`. The text says what to write instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OriginError {
    /// Not an absolute URL.
    #[error("`{0}` is not a URL; write it like `https://api.openai.com/v1`")]
    NotUrl(String),
    /// Neither http nor https.
    #[error("base_url has the scheme `{0}`; only http and https are spoken")]
    Scheme(String),
    /// A user name or password in the URL.
    #[error("base_url carries a user name or password; put the key into `api_key` and leave the URL without `@`")]
    Userinfo,
    /// A query or a fragment.
    #[error("base_url has a `{0}` part; an address ends with its path")]
    Extra(char),
    /// A path that could climb out of its prefix.
    #[error("base_url has the path `{0}`; write a plain path without `.`, `..`, `//` or `\\`")]
    Path(String),
    /// Link-local addresses serve instance metadata and their credentials.
    #[error("base_url points at the link-local or metadata address {0}, which is never asked")]
    Forbidden(IpAddr),
}

impl Origin {
    /// Reads a configured `base_url`.
    ///
    /// # Errors
    /// [`OriginError`] for anything but `http(s)://host[:port][/path]`.
    pub fn parse(base_url: &str) -> Result<Origin, OriginError> {
        let not_url = || OriginError::NotUrl(shorten(base_url));
        if let Some(extra) = base_url.chars().find(|c| matches!(c, '?' | '#')) {
            return Err(OriginError::Extra(extra));
        }
        let uri: Uri = base_url.parse().map_err(|_| not_url())?;
        let parts = uri.into_parts();
        let https = match parts.scheme.as_ref().map(Scheme::as_str) {
            Some("https") => true,
            Some("http") => false,
            Some(other) => return Err(OriginError::Scheme(other.to_owned())),
            None => return Err(not_url()),
        };
        let authority = parts.authority.ok_or_else(not_url)?;
        if authority.as_str().contains('@') {
            return Err(OriginError::Userinfo);
        }
        if authority.host().is_empty() || authority.port_u16() == Some(0) || has_bad_port(&authority) {
            return Err(not_url());
        }
        if let Some(ip) = literal(authority.host()).filter(|ip| forbidden(*ip)) {
            return Err(OriginError::Forbidden(ip));
        }
        let authority = authority.as_str().to_ascii_lowercase().parse().map_err(|_| not_url())?;
        let prefix = prefix(parts.path_and_query.as_ref())?;
        Ok(Origin { https, authority, prefix })
    }

    /// Is it TLS?
    pub fn is_https(&self) -> bool {
        self.https
    }

    /// Is it this host, by a literal loopback address or the name `localhost`?
    pub fn is_loopback(&self) -> bool {
        is_loopback_host(self.authority.host())
    }

    /// The host, in lower case; an IPv6 address in brackets.
    pub fn host(&self) -> &str {
        self.authority.host()
    }

    /// The port, the scheme's usual one where none is written.
    pub fn port(&self) -> u16 {
        self.authority.port_u16().unwrap_or(if self.https { 443 } else { 80 })
    }

    /// The address, where the host is one and no name.
    pub fn literal(&self) -> Option<IpAddr> {
        literal(self.host())
    }

    /// The path of `tail` below the configured prefix: `/v1` and `/chat/completions`.
    pub(crate) fn below(&self, tail: &str) -> Option<PathAndQuery> {
        format!("{}{tail}", self.prefix).parse().ok()
    }

    /// The path of `tail` beside the API: as [`Origin::below`], without a version at the end of the prefix. Health
    /// and metrics stand there (`/v1` and `/health` give `/health`).
    pub(crate) fn beside(&self, tail: &str) -> Option<PathAndQuery> {
        let root = self.prefix.strip_suffix("/v1").unwrap_or(&self.prefix);
        format!("{root}{tail}").parse().ok()
    }

    /// The whole address of a path on this origin.
    pub(crate) fn uri(&self, path: PathAndQuery) -> Result<Uri, http::Error> {
        let scheme = if self.https { Scheme::HTTPS } else { Scheme::HTTP };
        Uri::builder().scheme(scheme).authority(self.authority.clone()).path_and_query(path).build()
    }
}

/// `scheme://host[:port]/prefix`; there is nothing secret in it.
impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}://{}{}", if self.https { "https" } else { "http" }, self.authority, self.prefix)
    }
}

impl std::fmt::Debug for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Origin({self})")
    }
}

/// The prefix without a slash at its end. Dot segments and empty segments are refused rather than resolved, so that
/// what is configured is what is asked.
fn prefix(path: Option<&PathAndQuery>) -> Result<String, OriginError> {
    let path = path.map_or("", PathAndQuery::path);
    let trimmed = path.strip_suffix('/').unwrap_or(path);
    let plain = trimmed.split('/').skip(1).all(|s| !s.is_empty() && s != "." && s != "..") && !trimmed.contains('\\');
    if plain { Ok(trimmed.to_owned()) } else { Err(OriginError::Path(shorten(path))) }
}

/// `http` accepts `host:` and `host:99999`; neither is an address.
fn has_bad_port(authority: &Authority) -> bool {
    let after_host = &authority.as_str()[authority.host().len()..];
    !after_host.is_empty() && authority.port_u16().is_none()
}

pub(super) fn literal(host: &str) -> Option<IpAddr> {
    host.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

/// A literal loopback address, or a name that means this host wherever it is asked (RFC 6761).
pub(super) fn is_loopback_host(host: &str) -> bool {
    is_localhost(host) || literal(host).is_some_and(|ip| ip.is_loopback())
}

pub(super) fn is_localhost(name: &str) -> bool {
    name.eq_ignore_ascii_case("localhost") || name.to_ascii_lowercase().ends_with(".localhost")
}

/// Nothing that answers prompts lives there, and what does live there gives out credentials.
fn forbidden(ip: IpAddr) -> bool {
    matches!(ground(ip), Ground::Never(_) | Ground::LinkLocal)
}

fn shorten(text: &str) -> String {
    text.chars().take(200).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn reads_what_people_configure() {
        for (given, shown, chat, health) in [
            ("https://api.openai.com/v1", "https://api.openai.com/v1", "/v1/chat", "/health"),
            ("https://API.OpenAI.com/v1/", "https://api.openai.com/v1", "/v1/chat", "/health"),
            ("http://127.0.0.1:8000", "http://127.0.0.1:8000", "/chat", "/health"),
            ("http://[::1]:8000/v1", "http://[::1]:8000/v1", "/v1/chat", "/health"),
            ("http://gpu.lan/llm/v1", "http://gpu.lan/llm/v1", "/llm/v1/chat", "/llm/health"),
        ] {
            let origin = Origin::parse(given).unwrap();
            assert_eq!(origin.to_string(), shown);
            assert_eq!(origin.below("/chat").unwrap(), chat);
            assert_eq!(origin.beside("/health").unwrap(), health);
        }
    }

    #[test]
    fn refuses_what_could_lead_elsewhere() {
        for bad in [
            "",
            "api.openai.com/v1",
            "/v1",
            "ftp://host/v1",
            "file:///etc/passwd",
            "https://user:pw@host/v1",
            "https://good.example@evil.example/v1",
            "https://host/v1?key=x",
            "https://host/v1#x",
            "https://host/a/../b",
            "https://host/a//b",
            "https://host/./a",
            "http://host:0/",
            "http://host:99999/",
            "http://host:/",
            "http://ho st/",
            "http://169.254.169.254/latest",
            "http://[fe80::1]/",
            "http://[::ffff:169.254.169.254]/",
            "http://[fd00:ec2::254]/",
            "http://0.0.0.0/",
            "http://100.100.100.200/",
            "http://168.63.129.16/",
            "http://[2002:a9fe:a9fe::1]/",
        ] {
            assert!(Origin::parse(bad).is_err(), "{bad} was accepted");
        }
    }

    #[test]
    fn knows_its_own_host() {
        assert!(Origin::parse("http://localhost:1").unwrap().is_loopback());
        assert!(Origin::parse("http://127.0.0.1:1").unwrap().is_loopback());
        assert!(Origin::parse("http://[::1]:1").unwrap().is_loopback());
        assert!(Origin::parse("http://ollama.localhost:1").unwrap().is_loopback());
        assert!(!Origin::parse("http://localhost.evil.example:1").unwrap().is_loopback());
    }
}
