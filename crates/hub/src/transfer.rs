//! One file from its address into its place: resumed, checked, and only then under its name.
//!
//! Never here: which files a model has; printing.

use crate::address::Address;
use crate::card::{Digest, FileCard};
use crate::fetch::{AGAIN, Fault, Fetch};
use crate::part::Part;
use crate::problem::Problem;
use crate::resume::{Magic, continues, number, resume_headers, validator};
use crate::space::{Space, shown_bytes};
use crate::watch::{Event, Limits, Watch};
use http::{Response, StatusCode, header};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// A file to fetch.
#[derive(Debug, Clone)]
pub(crate) struct Remote {
    pub(crate) address: Address,
    /// How people name it.
    pub(crate) shown: String,
    /// Where it goes.
    pub(crate) target: PathBuf,
    /// What it must hash to.
    pub(crate) sha256: Option<Digest>,
    /// How long it is said to be.
    pub(crate) bytes: Option<u64>,
    /// What the card says of the file that is there under this name.
    pub(crate) have: Option<FileCard>,
}

/// Fetches files.
pub(crate) struct Transfer<'a> {
    pub(crate) fetch: &'a Fetch,
    pub(crate) limits: &'a Limits,
    pub(crate) space: &'a Space,
}

/// How an attempt ended that did not fail.
enum End {
    /// The part is whole.
    Whole { promised: Option<Digest> },
    /// The file that is there is the one that was asked for.
    There,
}

impl Transfer<'_> {
    /// Fetches a file. Gives back its card, and whether it was fetched (or was there).
    ///
    /// # Errors
    /// What stopped it. What can be gone on from is left as a part.
    pub(crate) async fn file(&self, remote: &Remote, watch: &mut dyn Watch) -> Result<(FileCard, bool), Problem> {
        let disk = |e: std::io::Error| Problem::file("written", &remote.target, &e);
        let mut part = open(remote).await.map_err(disk)?;
        let began_with = part.written();
        let mut failures = 0;
        let promised = loop {
            let before = part.written();
            let fault = match self.attempt(remote, &mut part, watch).await {
                Ok(End::Whole { promised }) => break promised,
                Ok(End::There) => {
                    part.discard();
                    let card = remote.have.clone().ok_or_else(|| disk(ErrorKind::NotFound.into()))?;
                    return Ok((card, false));
                }
                Err(fault) => fault,
            };
            let problem = match fault {
                Fault::Final(problem) => return Err(problem),
                Fault::Unreachable(why) if part.written() == began_with => return Err(self.offline(remote, &why)),
                Fault::Unreachable(why) => self.offline(remote, &why),
                Fault::Passing(problem) => problem,
            };
            failures = if part.written() > before { 1 } else { failures + 1 };
            if failures >= self.limits.attempts {
                return Err(self.kept(problem, &part));
            }
            let pause = self.limits.pause.saturating_mul(1 << (failures - 1).min(6));
            watch.event(Event::Retry(problem, pause));
            tokio::time::sleep(pause).await;
        };
        watch.event(Event::Checking);
        self.accept(remote, part, promised).map(|card| (card, true))
    }

    async fn attempt(&self, remote: &Remote, part: &mut Part, watch: &mut dyn Watch) -> Result<End, Fault> {
        let disk = |e: std::io::Error| Fault::Final(Problem::file("written", &remote.target, &e));
        let headers = resume_headers(part);
        if headers.is_empty() && part.written() > 0 {
            watch.event(Event::Restart("the server gave nothing to know the file by"));
            part.restart().map_err(disk)?;
        }
        let (answer, linked) = self.fetch.get(&remote.address, &headers).await?;
        let promised = agreed(remote, linked.sha256)?;
        let head = answer.headers();
        let total = match answer.status() {
            StatusCode::OK => {
                if part.written() > 0 {
                    watch.event(Event::Restart("the file has changed, or the server does not resume"));
                    part.restart().map_err(disk)?;
                }
                number(head, header::CONTENT_LENGTH)
            }
            StatusCode::PARTIAL_CONTENT => match continues(head, part) {
                Some(total) => Some(total),
                None => {
                    part.restart().map_err(disk)?;
                    return Err(Fault::Passing(Problem::new(
                        format!("{} cannot be resumed", remote.shown),
                        "the server sent another part than was asked for",
                        AGAIN,
                    )));
                }
            },
            StatusCode::RANGE_NOT_SATISFIABLE => {
                part.restart().map_err(disk)?;
                let why = "the server has less of it than is here";
                return Err(Fault::Passing(Problem::new(format!("{} has changed", remote.shown), why, AGAIN)));
            }
            _ => return Err(self.fetch.refusal(answer, &remote.shown, &remote.address).await),
        };
        if is_there(remote, promised, total.or(linked.bytes), validator(head)) {
            return Ok(End::There);
        }
        part.note.sha256 = promised;
        part.note.total = total;
        part.note.validator = part.note.validator.take().filter(|_| part.written() > 0).or_else(|| validator(head));
        self.room(remote, total.or(remote.bytes).or(linked.bytes), part.written())?;
        let file = remote.target.file_name().unwrap_or_default().to_string_lossy().into_owned();
        watch.event(Event::Begin { file, total: total.or(linked.bytes), have: part.written() });
        self.receive(remote, part, total, answer, watch).await?;
        Ok(End::Whole { promised })
    }

    /// The body, into the part.
    async fn receive(
        &self,
        remote: &Remote,
        part: &mut Part,
        total: Option<u64>,
        answer: Response<Incoming>,
        watch: &mut dyn Watch,
    ) -> Result<(), Fault> {
        let (head, mut body) = answer.into_parts();
        let media = head.headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or("nothing");
        let mut magic = Magic { seen: part.written() };
        let mut checkpoint = part.written() + self.limits.checkpoint_bytes;
        loop {
            let frame = match tokio::time::timeout(self.fetch.stall, body.frame()).await {
                Err(_) => return Err(Fault::Passing(self.fetch.silent(&remote.address))),
                Ok(None) => break,
                Ok(Some(Err(e))) => return Err(lost(remote, &e.to_string())),
                Ok(Some(Ok(frame))) => frame,
            };
            let Some(data) = frame.data_ref() else { continue };
            if !magic.fits(data) {
                part.restart().map_err(|e| Fault::Final(Problem::file("written", part.path(), &e)))?;
                return Err(Fault::Final(not_gguf(
                    remote,
                    &format!("its bytes do not begin with GGUF (the server calls it {media})"),
                )));
            }
            let most = total.unwrap_or(self.limits.file_bytes);
            if part.written() + data.len() as u64 > most {
                let problem = Problem::new(
                    format!("{} is longer than it may be", remote.shown),
                    format!("{most} bytes were announced or are allowed"),
                    AGAIN,
                );
                part.restart().map_err(|e| Fault::Final(Problem::file("written", part.path(), &e)))?;
                return Err(Fault::Final(problem));
            }
            part.write(data).map_err(|e| self.disk(remote, part, total, &e))?;
            watch.event(Event::At(part.written()));
            if part.written() >= checkpoint {
                checkpoint = part.written() + self.limits.checkpoint_bytes;
                part.checkpoint().map_err(|e| self.disk(remote, part, total, &e))?;
                self.room(remote, total, part.written())?;
            }
        }
        match total {
            Some(total) if part.written() < total => {
                Err(lost(remote, &format!("it ended after {} of {total} bytes", part.written())))
            }
            _ => Ok(()),
        }
    }

    /// Digest and header, and then its name.
    fn accept(&self, remote: &Remote, part: Part, promised: Option<Digest>) -> Result<FileCard, Problem> {
        let found = part.digest();
        if let Some(promised) = promised.filter(|p| *p != found) {
            part.discard();
            let why = format!("its SHA-256 is {found}, and {promised} was promised; it has been removed");
            let help = "run the command again; if it happens twice, the file or the digest is not the one you think";
            return Err(Problem::new(format!("{} did not arrive as it should", remote.shown), why, help));
        }
        let (bytes, validator) = (part.written(), part.note.validator.clone());
        if let Err(why) = engine::inspect(part.path()) {
            part.discard();
            return Err(not_gguf(remote, &why));
        }
        part.finish(&remote.target).map_err(|e| Problem::file("written", &remote.target, &e))?;
        let file = remote.target.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let url = remote.address.to_string();
        Ok(FileCard { file, url, bytes, sha256: found, validator, verified: promised.is_some() })
    }

    /// Is there room for what is missing?
    fn room(&self, remote: &Remote, total: Option<u64>, have: u64) -> Result<(), Fault> {
        if let Some(total) = total.filter(|t| *t > self.limits.file_bytes) {
            let why = format!(
                "it is said to have {}, and {} is the limit",
                shown_bytes(total),
                shown_bytes(self.limits.file_bytes)
            );
            return Err(Fault::Final(Problem::new(format!("{} is too large", remote.shown), why, "check the address")));
        }
        let folder = remote.target.parent().unwrap_or(Path::new("."));
        let missing = total.map_or(0, |t| t.saturating_sub(have));
        match (self.space)(folder) {
            Some(free) if free < missing.saturating_add(self.limits.spare_bytes) => {
                Err(Fault::Final(self.full(remote, free, missing)))
            }
            _ => Ok(()),
        }
    }

    fn full(&self, remote: &Remote, free: u64, missing: u64) -> Problem {
        let folder = remote.target.parent().unwrap_or(Path::new("."));
        let why = format!(
            "{} are still to come and {} stay free, and {} has {}",
            shown_bytes(missing),
            shown_bytes(self.limits.spare_bytes),
            folder.display(),
            shown_bytes(free)
        );
        let help = "make room (`dewpoint rm NAME` removes a model), or put the store on another disk with DEWPOINT_MODELS; then run the \
                    same command again: what is there is kept";
        Problem::new(format!("there is no room for {}", remote.shown), why, help)
    }

    fn disk(&self, remote: &Remote, part: &Part, total: Option<u64>, error: &std::io::Error) -> Fault {
        Fault::Final(match error.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
                self.full(remote, 0, total.map_or(0, |t| t.saturating_sub(part.written())))
            }
            _ => Problem::file("written", part.path(), error),
        })
    }

    /// No connection: what to copy where.
    fn offline(&self, remote: &Remote, why: &str) -> Problem {
        offline(&remote.address, std::slice::from_ref(&remote.target), why)
    }

    fn kept(&self, problem: Problem, part: &Part) -> Problem {
        let of = part.note.total.map(|t| format!(" of {}", shown_bytes(t))).unwrap_or_default();
        let help = format!(
            "{}{of} are kept: run the same command again and it goes on from there",
            shown_bytes(part.written())
        );
        if part.written() == 0 { problem } else { Problem { help, ..problem } }
    }
}

/// The hub cannot be reached: what to copy where, and how to go on.
pub(crate) fn offline(address: &Address, targets: &[PathBuf], why: &str) -> Problem {
    let target = targets.first().map(|t| t.display().to_string()).unwrap_or_default();
    let folder = targets.first().and_then(|t| t.parent()).map(|f| f.display().to_string()).unwrap_or_default();
    let parts = if targets.len() > 1 {
        format!(", and the other {} parts beside it", targets.len() - 1)
    } else {
        String::new()
    };
    Problem::new(
        format!("{} cannot be reached", address.origin),
        why,
        format!(
            "on a machine with a network fetch {address}{parts}, copy it here as {target} (mkdir -p {folder}), and go on: \
             `dewpoint models` shows it, no pull is needed. A mirror is set with HF_ENDPOINT; proxies are not used"
        ),
    )
}

/// Opening reads what is there for its hash: gigabytes, so not on the runtime's thread.
async fn open(remote: &Remote) -> std::io::Result<Part> {
    let (target, url, sha256) = (remote.target.clone(), remote.address.to_string(), remote.sha256);
    let opening = tokio::task::spawn_blocking(move || Part::open(&target, &url, sha256));
    opening.await.map_err(std::io::Error::other)?
}

/// Is the file that is there the one that the server would send?
fn is_there(remote: &Remote, promised: Option<Digest>, total: Option<u64>, validator: Option<String>) -> bool {
    let Some(have) = &remote.have else { return false };
    match promised {
        Some(promised) => promised == have.sha256,
        // Nobody promises anything: the same address, the same length, and nothing that tells them apart.
        None => {
            let same = have.validator.is_none() || validator.is_none() || have.validator == validator;
            same && total == Some(have.bytes) && have.url == remote.address.to_string()
        }
    }
}

/// What both sides promise must be the same.
fn agreed(remote: &Remote, linked: Option<Digest>) -> Result<Option<Digest>, Fault> {
    match (remote.sha256, linked) {
        (Some(asked), Some(linked)) if asked != linked => {
            let why = format!("the server has SHA-256 {linked}, and {asked} was asked for");
            let help = "the file was replaced since; check the publisher's page, and pull hf:owner/repo:file:sha256=… with the digest that you trust";
            Err(Fault::Final(Problem::new(format!("{} is not the file that was meant", remote.shown), why, help)))
        }
        (asked, linked) => Ok(asked.or(linked)),
    }
}

fn lost(remote: &Remote, why: &str) -> Fault {
    Fault::Passing(Problem::new(format!("the connection to {} was lost", remote.address.origin), why, AGAIN))
}

fn not_gguf(remote: &Remote, why: &str) -> Problem {
    let help = "check the address: it must be the file itself (on Hugging Face /resolve/, not /blob/) and end in .gguf";
    Problem::new(format!("{} is no GGUF model", remote.shown), format!("{why}; it has been removed"), help)
}
