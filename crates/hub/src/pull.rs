//! `pull`: from what a user wrote to a model in the store.
//!
//! Never here: the terminal.

use crate::address::Address;
use crate::card::{Card, Digest, FileCard};
use crate::endpoint::Endpoint;
use crate::fetch::{Fault, Fetch};
use crate::listing::{Entry, LISTING_MAX, Listing};
use crate::name::{Pick, Wanted, check_own, of_file, shard, shard_file};
use crate::problem::Problem;
use crate::space::{Space, free_bytes};
use crate::store::Store;
use crate::transfer::{Remote, Transfer, offline};
use crate::watch::{Event, Limits, Watch};
use backend::Dialer;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// Brings models into a store.
pub struct Puller {
    store: Store,
    fetch: Fetch,
    limits: Limits,
    space: Space,
}

/// A model that is there now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pulled {
    /// What it is called in the store.
    pub name: String,
    /// Its file, or the first of its parts.
    pub path: PathBuf,
    /// Where it came from.
    pub card: Card,
    /// Whether anything was fetched; else it was there already.
    pub fetched: bool,
}

/// What is to be fetched, before anything is known of lengths.
struct Plan {
    name: String,
    source: String,
    license: Option<String>,
    files: Vec<Planned>,
}

/// One file of a plan.
struct Planned {
    address: Address,
    sha256: Option<Digest>,
    bytes: Option<u64>,
}

impl Puller {
    /// Brings models into `store` through `dialer`.
    pub fn new(store: Store, dialer: Dialer, endpoint: Endpoint) -> Puller {
        let limits = Limits::default();
        let fetch = Fetch { dialer, endpoint, connect: limits.connect, stall: limits.stall };
        Puller { store, fetch, limits, space: Arc::new(free_bytes) }
    }

    /// With other limits.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Puller {
        self.fetch.connect = limits.connect;
        self.fetch.stall = limits.stall;
        self.limits = limits;
        self
    }

    /// With another way to ask for room on the disk.
    #[must_use]
    pub fn space(mut self, space: Space) -> Puller {
        self.space = space;
        self
    }

    /// Brings a model here, unless it is there. `own_name` is what it shall be called; else it is called after the catalog or its file. Dropping
    /// the future leaves a part from which the same call goes on.
    ///
    /// # Errors
    /// What stopped it, for people.
    pub async fn pull(
        &self,
        wanted: &Wanted,
        own_name: Option<&str>,
        watch: &mut dyn Watch,
    ) -> Result<Pulled, Problem> {
        if let Some(name) = own_name {
            check_own(name)?;
        }
        let plan = self.plan(wanted, own_name).await?;
        self.store.create()?;
        let _lock = self.store.lock(&plan.name)?;
        let have = self.have(&plan).await?;
        watch.event(Event::Wanted { name: plan.name.clone(), source: plan.source.clone(), files: plan.files.len() });
        let transfer = Transfer { fetch: &self.fetch, limits: &self.limits, space: &self.space };
        let mut files = Vec::with_capacity(plan.files.len());
        let mut fetched = false;
        for (index, Planned { address, sha256, bytes }) in plan.files.iter().enumerate() {
            let have = have.as_ref().and_then(|card| card.files.get(index)).cloned();
            if let Some(have) = have.clone().filter(|have| *sha256 == Some(have.sha256)) {
                files.push(have);
                continue;
            }
            let target = self.target(&plan, index);
            let shown = address.plain_path().rsplit('/').next().unwrap_or_default().to_owned();
            let remote = Remote { address: address.clone(), shown, target, sha256: *sha256, bytes: *bytes, have };
            let (card, new) = transfer.file(&remote, watch).await.map_err(|p| self.every_file(p, &plan, index))?;
            fetched |= new;
            files.push(card);
        }
        let path = self.target(&plan, 0);
        let card = match have.filter(|_| !fetched) {
            Some(card) => card,
            None => {
                let license = plan.license.clone().or_else(|| engine::inspect(&path).ok()?.license);
                let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                let card = Card { source: plan.source.clone(), files, license, pulled_unix_s: now.as_secs() };
                self.store.note(&plan.name, &card)?;
                card
            }
        };
        Ok(Pulled { name: plan.name, path, card, fetched })
    }

    /// An offline error of a split model names all its parts.
    fn every_file(&self, problem: Problem, plan: &Plan, index: usize) -> Problem {
        if index > 0 || plan.files.len() == 1 || !problem.what.ends_with("cannot be reached") {
            return problem;
        }
        let targets: Vec<PathBuf> = (0..plan.files.len()).map(|i| self.target(plan, i)).collect();
        offline(&plan.files[0].address, &targets, &problem.why)
    }

    /// Where a file of the plan goes.
    fn target(&self, plan: &Plan, index: usize) -> PathBuf {
        let count = plan.files.len() as u32;
        let file =
            if count == 1 { format!("{}.gguf", plan.name) } else { shard_file(&plan.name, index as u32 + 1, count) };
        self.store.folder().join(file)
    }

    /// What is there under the plan's name. A file that was copied in by hand is hashed and gets a card if it is what is wanted.
    ///
    /// # Errors
    /// The name belongs to another model.
    async fn have(&self, plan: &Plan) -> Result<Option<Card>, Problem> {
        let Some(stored) = self.store.get(&plan.name) else { return Ok(None) };
        let taken = |by: &str| {
            let why = format!("the store has another model of that name, {by}");
            let help =
                format!("give this one another name with --name, or remove that one with `dewpoint rm {}`", plan.name);
            Problem::new(format!("{} was not pulled", plan.name), why, help)
        };
        if let Some(card) = stored.card {
            let same = card.source == plan.source && card.files.len() == plan.files.len();
            return if same { Ok(Some(card)) } else { Err(taken(&format!("from {}", card.source))) };
        }
        let by_hand = || taken("copied in by hand, and nothing says that it is the same");
        if stored.files.len() != plan.files.len() {
            return Err(by_hand());
        }
        let mut files = Vec::new();
        for (path, Planned { address, sha256, .. }) in stored.files.iter().zip(&plan.files) {
            let wanted = sha256.ok_or_else(by_hand)?;
            let hashed = {
                let path = path.clone();
                tokio::task::spawn_blocking(move || Digest::of_file(&path))
            };
            let found = hashed
                .await
                .map_err(std::io::Error::other)
                .and_then(|r| r)
                .map_err(|e| Problem::file("read", path, &e))?;
            if found != wanted {
                return Err(taken(&format!("copied in by hand, whose SHA-256 is {found}")));
            }
            let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let bytes = std::fs::metadata(path).map_or(0, |m| m.len());
            files.push(FileCard {
                file,
                url: address.to_string(),
                bytes,
                sha256: found,
                validator: None,
                verified: true,
            });
        }
        let license = plan.license.clone();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let card = Card { source: plan.source.clone(), files, license, pulled_unix_s: now.as_secs() };
        self.store.note(&plan.name, &card)?;
        Ok(Some(card))
    }

    async fn plan(&self, wanted: &Wanted, own_name: Option<&str>) -> Result<Plan, Problem> {
        let named = |usual: &str| own_name.map_or_else(|| usual.to_owned(), str::to_owned);
        match wanted {
            Wanted::Catalog(row) => {
                let (owner, repo) = row.repo.split_once('/').unwrap_or_default();
                let digest = row.sha256.and_then(Digest::parse);
                Ok(Plan {
                    name: named(row.name),
                    source: format!("hf:{}:{}", row.repo, row.file),
                    license: Some(row.license.to_owned()),
                    files: self.hub_files(
                        owner,
                        repo,
                        &[Entry { path: row.file.to_owned(), bytes: None, sha256: digest }],
                    )?,
                })
            }
            Wanted::HuggingFace { owner, repo, pick: Pick::File(file), digest } => {
                let files = all_parts(file, *digest)?;
                Ok(Plan {
                    name: named(&of_file(file)),
                    source: format!("hf:{owner}/{repo}:{}", files[0].path),
                    license: None,
                    files: self.hub_files(owner, repo, &files)?,
                })
            }
            Wanted::HuggingFace { owner, repo, pick, digest } => {
                let listing = self.listing(owner, repo).await?;
                let picked = listing.pick(&format!("{owner}/{repo}"), pick)?;
                let first = picked.first().map(|e| e.path.clone()).unwrap_or_default();
                one_digest(picked.len(), *digest)?;
                let file = |e: Entry| Entry { sha256: digest.or(e.sha256), ..e };
                let files: Vec<_> = picked.into_iter().map(file).collect();
                Ok(Plan {
                    name: named(&of_file(&first)),
                    source: format!("hf:{owner}/{repo}:{first}"),
                    license: listing.license,
                    files: self.hub_files(owner, repo, &files)?,
                })
            }
            Wanted::Url { url, digest } => url_plan(url, *digest, named),
        }
    }

    /// Addresses of files of a repository.
    fn hub_files(&self, owner: &str, repo: &str, files: &[Entry]) -> Result<Vec<Planned>, Problem> {
        let planned = |file: &Entry| {
            let address = safe(self.fetch.endpoint.file(owner, repo, &file.path)?, file.sha256)?;
            Ok(Planned { address, sha256: file.sha256, bytes: file.bytes })
        };
        files.iter().map(planned).collect()
    }

    async fn listing(&self, owner: &str, repo: &str) -> Result<Listing, Problem> {
        let address = safe(self.fetch.endpoint.below(&format!("/api/models/{owner}/{repo}?blobs=true"))?, None)?;
        let what = format!("the list of files of {owner}/{repo}");
        let bytes = self.fetch.document(&address, &what, LISTING_MAX).await.map_err(|fault| match fault {
            Fault::Final(problem) | Fault::Passing(problem) => problem,
            Fault::Unreachable(why) => self.no_list(owner, repo, &why),
        })?;
        Listing::read(&bytes).map_err(|why| {
            Problem::new(format!("{what} cannot be read"), why, "name the file: hf:owner/repo:file.gguf")
        })
    }

    /// Offline before the files are known: the page to look at, and where the file goes.
    fn no_list(&self, owner: &str, repo: &str, why: &str) -> Problem {
        let folder: &Path = self.store.folder();
        let hub = &self.fetch.endpoint.address;
        Problem::new(
            format!("{} cannot be reached", hub.origin),
            why,
            format!(
                "on a machine with a network open {}/{owner}/{repo}/tree/main, fetch one .gguf file (usually the Q4_K_M), copy it here as {}, and go \
                 on: `dewpoint models` shows it, no pull is needed. A mirror is set with HF_ENDPOINT; proxies are not used",
                hub.origin,
                folder.join("NAME.gguf").display()
            ),
        )
    }
}

fn url_plan(url: &str, digest: Option<Digest>, named: impl Fn(&str) -> String) -> Result<Plan, Problem> {
    let bad = |why: String| Problem::new(format!("{url} cannot be asked"), why, "check the address");
    let address = Address::parse(url).map_err(bad)?;
    let file = address.plain_path().to_owned();
    let mut files = Vec::new();
    for Entry { path, bytes, sha256 } in all_parts(&file, digest)? {
        let query = address.path.strip_prefix(file.as_str()).unwrap_or_default();
        let address = Address { origin: address.origin.clone(), path: format!("{path}{query}") };
        files.push(Planned { address: safe(address, sha256)?, sha256, bytes });
    }
    Ok(Plan { name: named(&of_file(&file)), source: address.to_string(), license: None, files })
}

/// Plain http to another host is taken with a digest only.
fn safe(address: Address, digest: Option<Digest>) -> Result<Address, Problem> {
    if address.is_safe() || digest.is_some() {
        return Ok(address);
    }
    let why = "over plain http anybody on the way can put another file in its place";
    Err(Problem::new(
        format!("{address} is not asked"),
        why,
        "use https, or say what must arrive: put :sha256=<64 digits> behind the address",
    ))
}

/// The file itself, or all parts of the model that it is a part of.
fn all_parts(file: &str, digest: Option<Digest>) -> Result<Vec<Entry>, Problem> {
    let entry = |path: String| Entry { path, bytes: None, sha256: digest };
    let Some(part) = shard(file) else { return Ok(vec![entry(file.to_owned())]) };
    one_digest(part.count as usize, digest)?;
    Ok((1..=part.count).map(|n| entry(shard_file(part.stem, n, part.count))).collect())
}

fn one_digest(files: usize, digest: Option<Digest>) -> Result<(), Problem> {
    if files <= 1 || digest.is_none() {
        return Ok(());
    }
    let why = format!("the model is split into {files} files, and one digest fits one file");
    Err(Problem::new(
        "the digest cannot be checked",
        why,
        "leave `:sha256=…` out; the hub's own digests are checked for each part",
    ))
}
