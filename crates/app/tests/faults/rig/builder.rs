//! What a rig is made of: places, configuration, environment, start.
//!
//! Never here: requests.

use super::client::Client;
use super::server::Server;
use super::{Rig, Upstream};
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use testkit::{Answer, Certificate, Fake, Voice};

/// Where a place is.
#[derive(Clone)]
enum Where {
    Fake,
    Tls(Certificate),
    At(String),
}

/// A rig to be built. See [`super`] for what a place is like.
pub(crate) struct Builder {
    places: Vec<(String, Voice, Where)>,
    pub(super) more: String,
    pub(super) env: Vec<(String, String)>,
    pub(super) before: String,
    pub(super) memory_mib: u64,
    price: Option<(u32, u32)>,
    /// Places whose model is not `m`, each with its name and quality per mille.
    models: Vec<(usize, String, u16)>,
}

impl Builder {
    pub(super) fn new() -> Builder {
        let (more, before) = (String::new(), String::new());
        Builder {
            places: Vec::new(),
            more,
            env: Vec::new(),
            before,
            memory_mib: 64,
            price: Some((1, 2)),
            models: Vec::new(),
        }
    }

    /// A place with a scripted upstream, named like its profile.
    #[must_use]
    pub(crate) fn place(self, voice: Voice) -> Builder {
        self.named(voice.profile.name, voice)
    }

    /// The same under another name.
    #[must_use]
    pub(crate) fn named(self, name: &str, voice: Voice) -> Builder {
        self.with(name, voice, Where::Fake)
    }

    /// A place behind TLS, at `https://localhost`.
    #[must_use]
    pub(crate) fn place_tls(self, name: &str, voice: Voice, certificate: &Certificate) -> Builder {
        self.with(name, voice, Where::Tls(certificate.clone()))
    }

    /// A place at an address of one's own, without an upstream here.
    #[must_use]
    pub(crate) fn place_at(self, name: &str, voice: Voice, base_url: &str) -> Builder {
        self.with(name, voice, Where::At(base_url.to_owned()))
    }

    fn with(mut self, name: &str, voice: Voice, at: Where) -> Builder {
        self.places.push((name.to_owned(), voice, at));
        self
    }

    /// The model of the place that was added last has this name, and keeps a schema. (Routes name `m`.)
    #[must_use]
    pub(crate) fn model(mut self, id: &str, quality_permille: u16) -> Builder {
        self.models.push((self.places.len() - 1, id.to_owned(), quality_permille));
        self
    }

    /// More configuration: whole tables (`[server]`, `[policy]`, `[[key]]`, …).
    #[must_use]
    pub(crate) fn config(mut self, toml: &str) -> Builder {
        self.more = toml.to_owned();
        self
    }

    /// Places cost nothing.
    #[must_use]
    pub(crate) fn free(mut self) -> Builder {
        self.price = None;
        self
    }

    /// A variable of the server's environment, which has none but these.
    #[must_use]
    pub(crate) fn env(mut self, name: &str, value: &str) -> Builder {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// A line of shell before the server starts (`ulimit -n 256`).
    #[must_use]
    pub(crate) fn before(mut self, shell: &str) -> Builder {
        self.before = shell.to_owned();
        self
    }

    /// How much memory the server may have gained at the end, MiB. 64 unless said otherwise.
    #[must_use]
    pub(crate) fn memory(mut self, mib: u64) -> Builder {
        self.memory_mib = mib;
        self
    }

    /// Starts upstreams and server; gives the rig back when the server has looked at its places.
    pub(crate) async fn start(self) -> Rig {
        let folder = tempfile::tempdir().expect("a folder");
        let mut upstreams = Vec::new();
        for (name, voice, at) in &self.places {
            let fake = match at {
                Where::Fake => Some(Fake::start().await),
                Where::Tls(certificate) => Some(Fake::start_tls(certificate).await),
                Where::At(_) => None,
            };
            if let Some(fake) = &fake {
                fake.on(voice.models_route(), voice.models(&["m"]));
                if let Some(path) = voice.profile.health {
                    fake.on(&format!("GET {path}"), voice.health());
                }
                well(fake, *voice, name);
            }
            upstreams.push(Upstream { name: name.clone(), voice: *voice, fake });
        }
        let mut builder = self;
        for (i, up) in upstreams.iter().enumerate() {
            if let (Where::Fake | Where::Tls(_), Some(fake)) = (&builder.places[i].2, &up.fake) {
                // Kept beyond the life of the fake: a place that goes away stays configured.
                builder.env.push((format!("RIG_URL_{i}"), fake.url(up.voice.base_path())));
            }
            builder.env.push((key_name(i), secret(i)));
        }
        std::fs::write(folder.path().join("dewpoint.toml"), builder.file(&upstreams)).expect("a writable folder");
        let server = Server::start(&folder, &builder).await;
        let client = Client::new(server.address);
        let size = server.size();
        let canary = format!("canary-{:016x}", unique());
        Rig {
            folder,
            upstreams,
            builder,
            server,
            client,
            canary,
            noted: Mutex::default(),
            size,
            killed: false,
            panics: AtomicBool::new(false),
            finished: false,
        }
    }

    /// The whole file.
    pub(super) fn file(&self, upstreams: &[Upstream]) -> String {
        let mut out = self.more.clone();
        let calm = "[resilience]\nbreaker_failures = 0\nbreaker_percent = 0\nkey_open_s = 0\npause_max_s = 0\n\
                    retry_percent = 100\nretry_floor_per_s = 1000";
        for (table, quiet) in [
            ("[engine]", "[engine]\nenabled = false"),
            ("[discovery]", "[discovery]\nenabled = false"),
            // One fault after the other at the same place: what is learned of one must not hide the next.
            ("[resilience]", calm),
        ] {
            if !self.more.contains(table) {
                out.push_str(&format!("\n{quiet}\n"));
            }
        }
        let price = self
            .price
            .map_or(String::new(), |(i, o)| format!(", price = {{ input_per_mtok = {i}, output_per_mtok = {o} }}"));
        for (i, up) in upstreams.iter().enumerate() {
            let url = match &self.places[i].2 {
                Where::At(url) => url.clone(),
                _ => self.url(i),
            };
            let (name, profile, key) = (&up.name, up.voice.profile.name, key_name(i));
            let own = self.models.iter().find(|(place, ..)| *place == i);
            let model = own.map_or("id = \"m\"".to_owned(), |(_, id, permille)| {
                // Both are on this host and cost the same: the tier says which of two that suffice comes first.
                let tier = if *permille >= 800 { "cloud" } else { "local" };
                format!("id = \"{id}\", json_schema = true, quality_permille = {permille}, tier = \"{tier}\"")
            });
            out.push_str(&format!(
                "\n[[place]]\nname = \"{name}\"\nprofile = \"{profile}\"\nbase_url = \"{url}\"\napi_key = {{ env = \"{key}\" }}\nmodels = [{{ {model}, tools = true{price} }}]\n"
            ));
        }
        let all: Vec<String> = upstreams.iter().map(|u| format!("\"{}/m\"", u.name)).collect();
        if let Some((last, firsts)) = all.split_last() {
            out.push_str(&format!("\n[[route]]\nname = \"any\"\ntargets = [{}]\n", all.join(", ")));
            for (target, up) in firsts.iter().zip(upstreams) {
                out.push_str(&format!("\n[[route]]\nname = \"via-{}\"\ntargets = [{target}, {last}]\n", up.name));
            }
        }
        out
    }

    fn url(&self, place: usize) -> String {
        let name = format!("RIG_URL_{place}");
        self.env.iter().find(|(n, _)| *n == name).map(|(_, v)| v.clone()).expect("a place with an upstream")
    }

    /// The keys that go upstream; they may be nowhere else.
    pub(super) fn secrets(&self) -> Vec<String> {
        (0..self.places.len()).map(secret).collect()
    }

    /// The folder's configuration file.
    pub(super) fn config_path(folder: &tempfile::TempDir) -> PathBuf {
        folder.path().join("dewpoint.toml")
    }
}

fn key_name(place: usize) -> String {
    format!("RIG_KEY_{place}")
}

fn secret(place: usize) -> String {
    format!("sk-upstream-secret-{place}-7f3a9c51")
}

fn unique() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(std::process::id())
}

/// What a place answers when all is well.
pub(super) fn good(voice: Voice, name: &str, stream: bool) -> Answer {
    if stream {
        voice.stream(&["Hello ", "from ", name], true)
    } else {
        voice.plain(&format!("Hello from {name}"), Some(3))
    }
}

/// Lets a fake answer every chat well.
pub(super) fn well(fake: &Fake, voice: Voice, name: &str) {
    let name = name.to_owned();
    fake.on_fn(voice.chat_route(), move |seen| {
        // Ollama streams unless it is told not to.
        let asked = seen.json()["stream"].as_bool();
        good(voice, &name, asked.unwrap_or(voice.profile.api == decide::Api::Ollama))
    });
}
