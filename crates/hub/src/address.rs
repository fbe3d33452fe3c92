//! An address to download from: an origin that `backend` would dial, with a path and a query. Also where a redirect leads.
//!
//! Never here: credentials.

use backend::Origin;
use http::Uri;

/// `https://host[:port]/path[?query]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    /// Scheme, host and port.
    pub(crate) origin: Origin,
    /// Path and query, beginning with `/`.
    pub(crate) path: String,
}

impl Address {
    /// Reads an absolute address. A fragment is dropped.
    ///
    /// # Errors
    /// Why it cannot be asked: not http(s), a user name or password in it, a link-local host.
    pub(crate) fn parse(text: &str) -> Result<Address, String> {
        let text = text.split('#').next().unwrap_or(text);
        let not_url = || "it is no address of the form https://host/path".to_owned();
        let uri: Uri = text.parse().map_err(|_| not_url())?;
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else { return Err(not_url()) };
        let origin = Origin::parse(&format!("{scheme}://{authority}"))
            .map_err(|e| e.to_string().replace("base_url", "the address"))?;
        let path = uri.path_and_query().map_or("/", |p| p.as_str());
        Ok(Address { origin, path: if path.starts_with('/') { path.to_owned() } else { format!("/{path}") } })
    }

    /// Where a `Location` header of an answer from here leads.
    ///
    /// # Errors
    /// As [`Address::parse`].
    pub(crate) fn join(&self, location: &str) -> Result<Address, String> {
        let root = self.origin.to_string();
        let whole = if location.contains("://") && !location.starts_with('/') {
            location.to_owned()
        } else if let Some(rest) = location.strip_prefix("//") {
            format!("{}://{rest}", if self.origin.is_https() { "https" } else { "http" })
        } else if location.starts_with('/') {
            format!("{root}{location}")
        } else {
            let folder = self.plain_path().rsplit_once('/').map_or("", |(folder, _)| folder);
            format!("{root}{folder}/{location}")
        };
        Address::parse(&whole)
    }

    /// The path without the query.
    pub(crate) fn plain_path(&self) -> &str {
        self.path.split('?').next().unwrap_or("/")
    }

    /// May it be asked without knowing a digest? TLS, or this host.
    pub(crate) fn is_safe(&self) -> bool {
        self.origin.is_https() || self.origin.is_loopback()
    }
}

/// Without the query: signed addresses carry their credential there.
impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}{}", self.origin, self.plain_path())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn redirects_lead_where_browsers_go() {
        let from = Address::parse("https://hub.example/a/b/c?x=1").unwrap();
        for (location, path) in [
            ("https://cdn.example/x?sig=1", "https://cdn.example/x?sig=1"),
            ("//cdn.example/x", "https://cdn.example/x"),
            ("/api/y?u=https://z", "https://hub.example/api/y?u=https://z"),
            ("d", "https://hub.example/a/b/d"),
        ] {
            let to = from.join(location).unwrap();
            assert_eq!(format!("{}{}", to.origin, to.path), path);
        }
        for bad in ["ftp://x/y", "https://u:p@x/y", "http://169.254.169.254/", "https://", "http://x:0/"] {
            assert!(from.join(bad).is_err(), "{bad} was taken");
        }
    }

    #[test]
    fn plain_http_is_safe_on_this_host_only() {
        assert!(Address::parse("https://h/x").unwrap().is_safe());
        assert!(Address::parse("http://127.0.0.1:1/x").unwrap().is_safe());
        assert!(!Address::parse("http://h/x").unwrap().is_safe());
    }

    #[test]
    fn what_is_shown_has_no_signature() {
        assert_eq!(Address::parse("https://h/x?sig=secret#f").unwrap().to_string(), "https://h/x");
    }
}
