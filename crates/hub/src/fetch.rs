//! One question to a server: redirects followed under rules, the token kept to its host, and what a refusal means for people.
//!
//! Rules of redirects: at most five; https, or this host; never from elsewhere to this host; no token once the origin has been left.
//!
//! Never here: bodies of models.

use crate::address::Address;
use crate::card::Digest;
use crate::endpoint::Endpoint;
use crate::problem::Problem;
use backend::{Auth, CallError, Dialer, Errand, Peer, Reason};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use std::time::Duration;

/// Redirects followed.
const REDIRECTS_MAX: usize = 5;
/// Bytes of a refusal that are read.
const REFUSAL_MAX: usize = 4 << 10;

/// Why there was no answer that can be used.
#[derive(Debug)]
pub(crate) enum Fault {
    /// Asking again may help.
    Passing(Problem),
    /// No connection at all.
    Unreachable(String),
    /// Asking again does not help.
    Final(Problem),
}

/// What the hub says of a file before it sends one elsewhere to fetch it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Linked {
    /// `X-Linked-Etag` of a large file is its SHA-256.
    pub(crate) sha256: Option<Digest>,
    /// `X-Linked-Size`.
    pub(crate) bytes: Option<u64>,
}

impl Linked {
    fn read(headers: &HeaderMap, before: Linked) -> Linked {
        let text = |name: &str| headers.get(name).and_then(|v| v.to_str().ok());
        let sha256 = text("x-linked-etag").and_then(|v| Digest::parse(v.trim_start_matches("W/").trim_matches('"')));
        let bytes = text("x-linked-size").and_then(|v| v.parse().ok());
        Linked { sha256: before.sha256.or(sha256), bytes: before.bytes.or(bytes) }
    }
}

/// Asks servers.
#[derive(Clone)]
pub(crate) struct Fetch {
    pub(crate) dialer: Dialer,
    pub(crate) endpoint: Endpoint,
    /// For a connection.
    pub(crate) connect: Duration,
    /// Without a sign of life.
    pub(crate) stall: Duration,
}

impl Fetch {
    /// Asks, and follows redirects until something else comes.
    ///
    /// # Errors
    /// [`Fault`]: no connection, no answer in time, a redirect that is not followed.
    pub(crate) async fn get(
        &self,
        start: &Address,
        headers: &[(HeaderName, HeaderValue)],
    ) -> Result<(Response<Incoming>, Linked), Fault> {
        let mut at = start.clone();
        let mut linked = Linked::default();
        let mut trusted = true;
        for _ in 0..=REDIRECTS_MAX {
            trusted &= at.origin == self.endpoint.address.origin;
            let answer = self.once(&at, headers, trusted).await?;
            linked = Linked::read(answer.headers(), linked);
            if !answer.status().is_redirection() || answer.status() == StatusCode::NOT_MODIFIED {
                return Ok((answer, linked));
            }
            let location = answer.headers().get(header::LOCATION).and_then(|v| v.to_str().ok()).unwrap_or_default();
            at = follow(&at, location).map_err(Fault::Final)?;
        }
        let why = format!("it redirects more than {REDIRECTS_MAX} times");
        Err(Fault::Final(Problem::new(format!("{start} leads nowhere"), why, "check the address in a browser")))
    }

    async fn once(
        &self,
        at: &Address,
        headers: &[(HeaderName, HeaderValue)],
        trusted: bool,
    ) -> Result<Response<Incoming>, Fault> {
        let token = self.endpoint.token.clone().filter(|_| trusted);
        let broken = |why: String| {
            Fault::Final(Problem::new(
                format!("{at} cannot be asked"),
                why,
                "check the address, and the token in HF_TOKEN",
            ))
        };
        // An origin without a path: paths of downloads are whole.
        let upstream = self
            .dialer
            .upstream(at.origin.clone(), token, Auth::Bearer, Peer::Hub)
            .map_err(|e| broken(e.to_string()))?;
        let route = upstream.below(&at.path).map_err(|e| broken(e.to_string()))?;
        let asked = upstream.send(Errand::Pull, &route, headers, self.connect, None);
        match tokio::time::timeout(self.stall + self.connect, asked).await {
            Err(_) | Ok(Err(CallError::Late)) => Err(Fault::Passing(self.silent(at))),
            Ok(Err(CallError::Connect(why) | CallError::ConnectSlow(why))) => {
                Err(Fault::Unreachable(format!("{}: {why}", at.origin)))
            }
            Ok(Err(CallError::Lost(why))) => {
                Err(Fault::Passing(Problem::new(format!("{at} did not answer"), why, AGAIN)))
            }
            Ok(Err(CallError::Built(why))) => Err(broken(why)),
            Ok(Err(CallError::Forbidden { reason, why })) => Err(Fault::Final(shut(at, reason, why))),
            Ok(Ok(answer)) => Ok(answer),
        }
    }

    /// Nothing came for too long.
    pub(crate) fn silent(&self, at: &Address) -> Problem {
        let why = format!("nothing came for {} seconds", self.stall.as_secs().max(1));
        Problem::new(format!("{} has gone silent", at.origin), why, AGAIN)
    }

    /// A short document, whole.
    ///
    /// # Errors
    /// [`Fault`], a refusal, or more than `most` bytes.
    pub(crate) async fn document(&self, at: &Address, what: &str, most: usize) -> Result<Vec<u8>, Fault> {
        let (answer, _) = self.get(at, &[]).await?;
        if answer.status() != StatusCode::OK {
            return Err(self.refusal(answer, what, at).await);
        }
        let bytes = self.start_of(answer.into_body(), most.saturating_add(1)).await;
        if bytes.len() > most {
            let why = format!("the answer has more than {most} bytes");
            return Err(Fault::Final(Problem::new(
                format!("{at} cannot be read"),
                why,
                "name the file: hf:owner/repo:file.gguf",
            )));
        }
        Ok(bytes)
    }

    /// At most `most` bytes of a body; what comes before a break.
    async fn start_of(&self, mut body: Incoming, most: usize) -> Vec<u8> {
        let mut out = Vec::new();
        while let Ok(Some(Ok(frame))) = tokio::time::timeout(self.stall, body.frame()).await {
            if let Some(data) = frame.data_ref() {
                let room = most - out.len();
                out.extend_from_slice(&data[..data.len().min(room)]);
            }
            if out.len() >= most {
                break;
            }
        }
        out
    }

    /// What a status that is no success means. `what` is what was asked for, as people name it.
    fn refused(&self, status: StatusCode, head: &HeaderMap, body: &[u8], what: &str, at: &Address) -> Fault {
        let at_hub = at.origin == self.endpoint.address.origin;
        let said = said(head, body);
        let code = status.as_u16();
        match code {
            401 | 403 if at_hub => {
                let have = match &self.endpoint.token {
                    None => "no token was sent (HF_TOKEN is not set)",
                    Some(_) => "the token in HF_TOKEN is not allowed to",
                };
                let why = format!("{} answers {code}: {have}{said}", at.origin);
                let help = format!(
                    "the repository is gated, private, or not there: check its name, accept its terms at {}, make a token that may read under \
                     {}/settings/tokens, and set HF_TOKEN to it",
                    repo_page(at),
                    at.origin
                );
                Fault::Final(Problem::new(format!("{what} was refused"), why, help))
            }
            401 | 403 => {
                let help = "the address wants a login, or has expired; tokens are sent to the hub only";
                Fault::Final(Problem::new(
                    format!("{what} was refused"),
                    format!("{} answers {code}{said}", at.origin),
                    help,
                ))
            }
            404 | 410 => {
                let help = if at_hub {
                    "check owner, repository and file; hf:owner/repo without a file lists what there is"
                } else {
                    "check the address"
                };
                Fault::Final(Problem::new(format!("{what} is not there"), format!("{at} answers {code}{said}"), help))
            }
            408 | 429 | 500.. => Fault::Passing(Problem::new(
                format!("{what} cannot be had now"),
                format!("{} answers {code}{said}", at.origin),
                AGAIN,
            )),
            _ => Fault::Final(Problem::new(
                format!("{what} was not sent"),
                format!("{at} answers {code}{said}"),
                "check the address in a browser",
            )),
        }
    }

    /// Reads the beginning of a refusal and says what it means.
    pub(crate) async fn refusal(&self, answer: Response<Incoming>, what: &str, at: &Address) -> Fault {
        let (head, body) = answer.into_parts();
        let body = self.start_of(body, REFUSAL_MAX).await;
        self.refused(head.status, &head.headers, &body, what, at)
    }
}

/// The egress list does not let a download go there.
fn shut(at: &Address, reason: Reason, why: String) -> Problem {
    let help = match reason {
        Reason::Airgap => "bring the file here by other means, and name its path in [engine] model".to_owned(),
        Reason::NotListed => {
            format!(
                "if downloads may come from there, add pull = [\"{}\"] to [egress] in dewpoint.toml",
                at.origin.host()
            )
        }
        _ => "check the name, and who answers for it; a network of your own is listed in [egress] private".to_owned(),
    };
    Problem::new(format!("{} is not asked", at.origin), why, help)
}

/// What to do when it may work later.
pub(crate) const AGAIN: &str = "run the same command again in a while; what is there is kept";

/// Whether a redirect is followed, and where to.
fn follow(from: &Address, location: &str) -> Result<Address, Problem> {
    let refuse = |why: String| {
        Problem::new(
            format!("a redirect of {from} is not followed"),
            why,
            "check the address; a mirror is set with HF_ENDPOINT",
        )
    };
    if location.is_empty() {
        return Err(refuse("it says no address".to_owned()));
    }
    let to = from.join(location).map_err(|why| refuse(format!("to where it leads: {why}")))?;
    if !to.is_safe() {
        return Err(refuse(format!("it leads to {}, which is not https", to.origin)));
    }
    if to.origin.is_loopback() && !from.origin.is_loopback() {
        return Err(refuse(format!("it leads from another host to {} on this one", to.origin)));
    }
    Ok(to)
}

/// The server's own words, if there are any: Hugging Face's header, or a short text that is no page.
fn said(head: &HeaderMap, body: &[u8]) -> String {
    let header = head.get("x-error-message").and_then(|v| v.to_str().ok()).map(str::to_owned);
    let json = || {
        let value: serde_json::Value = serde_json::from_slice(body).ok()?;
        value.get("error")?.as_str().map(str::to_owned)
    };
    let plain = || {
        let text = std::str::from_utf8(body).ok()?.trim();
        (!text.is_empty() && text.len() <= 200 && !text.starts_with(['<', '{'])).then(|| text.to_owned())
    };
    header
        .or_else(json)
        .or_else(plain)
        .map(|t| format!(" and says: {}", t.chars().take(300).collect::<String>()))
        .unwrap_or_default()
}

/// The page of the repository that an address is in.
fn repo_page(at: &Address) -> String {
    let path = at.plain_path().trim_start_matches("/api/models");
    let path = path.split("/resolve/").next().unwrap_or(path);
    format!("{}{path}", at.origin)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_redirect_never_leads_to_this_host_or_into_the_clear() {
        let hub = Address::parse("https://hub.example/o/r/resolve/main/m.gguf").unwrap();
        assert_eq!(follow(&hub, "https://cdn.example/x?s=1").unwrap().to_string(), "https://cdn.example/x");
        for bad in ["http://cdn.example/x", "http://127.0.0.1:80/x", "https://localhost/x", "https://[::1]/x", ""] {
            let refused = follow(&hub, bad).map(|to| to.to_string());
            assert!(refused.is_err(), "{bad}: {refused:?}");
        }
        // A test server may send one about on this host.
        let local = Address::parse("http://127.0.0.1:1/x").unwrap();
        assert!(follow(&local, "http://127.0.0.1:2/y").is_ok());
    }

    #[test]
    fn the_servers_words_are_short_and_no_page() {
        let none = HeaderMap::new();
        assert_eq!(said(&none, b"<html>x</html>"), "");
        assert_eq!(said(&none, br#"{"error":"no such repo"}"#), " and says: no such repo");
        assert_eq!(said(&none, b"Forbidden\n"), " and says: Forbidden");
        assert_eq!(said(&none, "x".repeat(201).as_bytes()), "");
        let long = serde_json::json!({ "error": "y".repeat(5_000) }).to_string();
        assert_eq!(said(&none, long.as_bytes()).len(), " and says: ".len() + 300);
    }

    #[test]
    fn the_page_of_a_gated_repository_is_named() {
        for path in ["/o/r/resolve/main/q/m.gguf", "/api/models/o/r?blobs=true"] {
            let at = Address::parse(&format!("https://hub.example{path}")).unwrap();
            assert_eq!(repo_page(&at), "https://hub.example/o/r");
        }
    }
}
