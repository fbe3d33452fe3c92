//! A server of files on loopback that knows ranges and ETags, and small files with a GGUF header.
//!
//! Never here: anything that is shipped.
#![allow(dead_code, unreachable_pub, missing_docs, clippy::unwrap_used)]

use bytes::Bytes;
use hub::{Endpoint, Event, Limits, Problem, Puller, Store, Wanted};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use testkit::{Answer, Fake, Seen, Step};

/// A file with a true header of the architecture `llama`, and a text of `pad` bytes in it.
pub fn gguf(pad: usize) -> Bytes {
    let mut out = b"GGUF".to_vec();
    out.extend(3u32.to_le_bytes());
    out.extend(0u64.to_le_bytes());
    let text = |out: &mut Vec<u8>, t: &str| {
        out.extend((t.len() as u64).to_le_bytes());
        out.extend(t.as_bytes());
    };
    out.extend(4u64.to_le_bytes());
    for (key, value) in [("general.architecture", "llama"), ("general.license", "mit"), ("pad", &"x".repeat(pad))] {
        text(&mut out, key);
        out.extend(8u32.to_le_bytes());
        text(&mut out, value);
    }
    text(&mut out, "general.file_type");
    out.extend(4u32.to_le_bytes());
    out.extend(15u32.to_le_bytes());
    out.into()
}

pub fn sha256(bytes: &[u8]) -> String {
    ring::digest::digest(&ring::digest::SHA256, bytes).as_ref().iter().map(|b| format!("{b:02x}")).collect()
}

/// As a good server answers: whole, or the range if `If-Range` still fits.
pub fn file(seen: &Seen, body: &Bytes, etag: &str) -> Answer {
    let from = seen.header("range").and_then(|r| r.strip_prefix("bytes=")?.strip_suffix('-')?.parse::<usize>().ok());
    let fits = seen.header("if-range").is_none_or(|e| e == etag);
    let answer = match from.filter(|_| fits) {
        Some(from) if from >= body.len() => {
            return Answer::new(416, "text/plain", "").header("content-range", &format!("bytes */{}", body.len()));
        }
        Some(from) => Answer::new(206, "application/octet-stream", body.slice(from..))
            .header("content-range", &format!("bytes {from}-{}/{}", body.len() - 1, body.len())),
        None => Answer::new(200, "application/octet-stream", body.clone()),
    };
    answer.header("etag", etag)
}

/// The first `bytes` of an answer of `body`, and then the connection is cut.
pub fn cut(body: &Bytes, bytes: usize, etag: &str, then: Step) -> Answer {
    let whole = Answer::new(200, "application/octet-stream", body.clone()).header("etag", etag);
    let mut head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\netag: {etag}\r\n\r\n", body.len()).into_bytes();
    head.extend_from_slice(&body[..bytes]);
    Answer { steps: vec![Step::Raw(head.into()), then], ..whole }
}

pub struct Rig {
    pub fake: Fake,
    pub folder: tempfile::TempDir,
    pub events: Vec<Event>,
    pub env: BTreeMap<&'static str, String>,
    pub limits: Limits,
    pub free: u64,
}

impl Rig {
    pub async fn start() -> Rig {
        let fake = Fake::start().await;
        let env = BTreeMap::from([("HF_ENDPOINT", fake.url(""))]);
        let limits = Limits {
            connect: Duration::from_secs(5),
            stall: Duration::from_secs(5),
            attempts: 3,
            pause: Duration::from_millis(1),
            spare_bytes: 1000,
            checkpoint_bytes: 1 << 20,
            file_bytes: 1 << 30,
        };
        Rig { fake, folder: tempfile::tempdir().unwrap(), events: Vec::new(), env, limits, free: 1 << 40 }
    }

    pub fn store(&self) -> Store {
        Store::new(self.folder.path())
    }

    pub fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join(file)
    }

    pub fn puller(&self) -> Puller {
        let dialer = backend::Dialer::new(backend::DialerOptions::default()).unwrap();
        let endpoint = Endpoint::from_env(&|name| self.env.get(name).cloned()).unwrap();
        let free = self.free;
        Puller::new(self.store(), dialer, endpoint)
            .limits(self.limits.clone())
            .space(Arc::new(move |_: &Path| Some(free)))
    }

    pub async fn pull(&mut self, what: &str) -> Result<hub::Pulled, Problem> {
        let wanted = Wanted::parse(what)?;
        let puller = self.puller();
        let events = &mut self.events;
        let mut watch = |event: Event| events.push(event);
        puller.pull(&wanted, None, &mut watch).await
    }

    /// What lies in the store, in order.
    pub fn files(&self) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(self.folder.path())
            .unwrap()
            .map(|e| e.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}
