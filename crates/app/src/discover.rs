//! Looking for places that are not configured: keys in the environment, engines on the usual ports of this host.
//!
//! A key is only ever used for the origin of its own profile. Looking at a port sends no key, and nothing leaves the host.
//!
//! Never here: other hosts, or guessing what an unknown server is. What does not sign with a known name is not used.

use crate::book::{self, Book, Told};
use crate::config::Origin as From;
use crate::config::{Discovery, Env, PlaceSettings, Settings, Value, Values, is_loopback};
use backend::{Dialer, LOOPBACK_PORTS, PROFILES, Profile, Secret, identify};
use decide::{Place, PlaceId, Zone};
use std::sync::Arc;
use std::time::Duration;

/// For one port to say who it is. A local server answers in a few milliseconds; a busy one in tens.
const LOOK_LIMIT: Duration = Duration::from_millis(300);

/// What was found, and what was not.
#[derive(Debug, Default)]
pub(crate) struct Finds {
    /// Places, clouds first, in the order of the profiles.
    pub(crate) places: Vec<PlaceSettings>,
    /// What was looked for and is not there, for one line.
    pub(crate) missed: Vec<String>,
    /// What is there and was left alone, and why.
    pub(crate) left: Vec<String>,
}

/// The ports to look at: the usual ones, and where `OLLAMA_HOST` says if that is this host.
pub(crate) fn usual_ports(env: Env<'_>) -> Vec<u16> {
    let mut ports = LOOPBACK_PORTS.to_vec();
    if let Some(port) = env("OLLAMA_HOST").and_then(|host| loopback_port(&host))
        && !ports.contains(&port)
    {
        ports.push(port);
    }
    ports
}

/// The port of `OLLAMA_HOST` (`127.0.0.1:11434`, `http://localhost:11434`, `:11434`, `0.0.0.0`) if it is on this host.
/// `0.0.0.0` tells Ollama to listen everywhere, this host included.
fn loopback_port(host: &str) -> Option<u16> {
    let host = host.trim().trim_end_matches('/');
    let host = host.strip_prefix("http://").unwrap_or(host);
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') => (name, port.parse().ok()?),
        _ => (host, 11434),
    };
    let local =
        matches!(name, "" | "localhost" | "0.0.0.0" | "[::]" | "[::1]") || is_loopback(&format!("http://{name}"));
    local.then_some(port)
}

/// Looks for everything that `settings` allows, at once.
pub(crate) async fn look(settings: &Settings, env: Env<'_>, book: &Book, dialer: &Dialer, ports: &[u16]) -> Finds {
    let Discovery { enabled, environment, loopback } = settings.discovery;
    let mut finds = Finds::default();
    if !enabled {
        return finds;
    }
    if loopback {
        dialer.allow(at_ports(settings.egress.list(&settings.places), ports));
    }
    let mut taken = Taken::of(settings);
    if environment {
        keys(&mut finds, &mut taken, env, book);
    }
    if loopback {
        let own = settings.server.listen.port();
        let looks = ports.iter().filter(|p| **p != own).map(|port| async move {
            let base = format!("http://127.0.0.1:{port}");
            let found = tokio::time::timeout(LOOK_LIMIT, identify(&base, dialer)).await.ok().flatten();
            (*port, found)
        });
        for (port, found) in all(looks).await {
            engine(&mut finds, &mut taken, port, found);
        }
    }
    // What was found may be dialled from now on, and the ports where nothing was may not.
    dialer.allow(settings.egress.list(settings.places.iter().chain(&finds.places)));
    finds
}

/// The list with the ports that are looked at.
fn at_ports(list: backend::Egress, ports: &[u16]) -> backend::Egress {
    ports.iter().fold(list, |list, port| match backend::Origin::parse(&format!("http://127.0.0.1:{port}")) {
        Ok(origin) => list.place(&origin, Zone::SameHost),
        Err(_) => list,
    })
}

/// Runs futures at once and gives their results in order.
async fn all<T, F: std::future::Future<Output = T>>(futures: impl Iterator<Item = F>) -> Vec<T> {
    let mut pinned: Vec<_> = futures.map(|f| (Box::pin(f), None)).collect();
    std::future::poll_fn(|cx| {
        let mut pending = false;
        for (future, slot) in &mut pinned {
            if slot.is_none() {
                match future.as_mut().poll(cx) {
                    std::task::Poll::Ready(value) => *slot = Some(value),
                    std::task::Poll::Pending => pending = true,
                }
            }
        }
        if pending { std::task::Poll::Pending } else { std::task::Poll::Ready(()) }
    })
    .await;
    pinned.into_iter().filter_map(|(_, slot)| slot).collect()
}

/// Names and addresses that the configuration uses already.
struct Taken {
    names: Vec<String>,
    authorities: Vec<String>,
}

impl Taken {
    fn of(settings: &Settings) -> Taken {
        let engine = settings.engine.iter().map(|e| e.place.id.to_string());
        Taken {
            names: settings.places.iter().map(|p| p.place.id.to_string()).chain(engine).collect(),
            authorities: settings.places.iter().filter_map(|p| authority(&p.base_url)).collect(),
        }
    }

    /// Whether that address is configured.
    fn has(&self, base_url: &str) -> bool {
        authority(base_url).is_some_and(|a| self.authorities.contains(&a))
    }
}

/// `host:port`, with loopback names made one.
fn authority(base_url: &str) -> Option<String> {
    let uri: http::Uri = base_url.parse().ok()?;
    let port = uri.port_u16().unwrap_or(if uri.scheme_str() == Some("https") { 443 } else { 80 });
    let host = if is_loopback(base_url) { "127.0.0.1".to_owned() } else { uri.host()?.to_ascii_lowercase() };
    Some(format!("{host}:{port}"))
}

fn keys(finds: &mut Finds, taken: &mut Taken, env: Env<'_>, book: &Book) {
    for profile in PROFILES {
        let (Some(variable), Some(base_url)) = (profile.key_env, profile.base_url) else { continue };
        if taken.has(base_url) {
            continue;
        }
        let Some(text) = env(variable).map(|t| t.trim().to_owned()).filter(|t| !t.is_empty()) else {
            finds.missed.push(variable.to_owned());
            continue;
        };
        if let Some(why) = unfit(profile, variable, &text, env, taken) {
            finds.left.push(why);
            continue;
        }
        let place = place(profile);
        let told = Told::default();
        let models: Vec<_> = book
            .usual(profile.name)
            .into_iter()
            .map(|id| Arc::new(book::complete(book, profile, &place, id, &told)))
            .collect();
        taken.names.push(profile.name.to_owned());
        finds.places.push(PlaceSettings {
            place: Arc::new(place),
            profile,
            base_url: base_url.to_owned(),
            key: Some(Secret::new(text)),
            models,
            from: variable.to_owned(),
        });
    }
}

/// Why a key in the environment is left alone.
fn unfit(profile: &Profile, variable: &str, text: &str, env: Env<'_>, taken: &Taken) -> Option<String> {
    if taken.names.iter().any(|n| n == profile.name) {
        return Some(format!("{variable}: another place is called \"{}\"", profile.name));
    }
    if !text.bytes().all(|b| b.is_ascii_graphic()) {
        return Some(format!("{variable}: holds characters that are in no key"));
    }
    // The SDKs take the address from here: the key may be meant for that address and no other.
    let address = variable.replace("_API_KEY", "_BASE_URL");
    let elsewhere =
        env(&address).filter(|url| !url.is_empty() && authority(url) != profile.base_url.and_then(authority));
    elsewhere.map(|_| format!("{variable}: {address} names another address; configure it as a [[place]]"))
}

fn engine(finds: &mut Finds, taken: &mut Taken, port: u16, found: Option<&'static Profile>) {
    let base = format!("http://127.0.0.1:{port}");
    if taken.has(&base) {
        return;
    }
    let Some(profile) = found else {
        finds.missed.push(usual_at(port));
        return;
    };
    if profile.port.is_none() {
        // It may be a gateway that sends on to a cloud: it is not ours to call it same-host.
        finds.left.push(format!(
            "port {port}: an OpenAI-compatible server that does not say what it is; configure it as a [[place]]"
        ));
        return;
    }
    let mut place = place(profile);
    if taken.names.iter().any(|n| n == profile.name) {
        place.id = PlaceId::new(&format!("{}-{port}", profile.name));
    }
    if taken.names.iter().any(|n| n == place.id.as_str()) {
        finds.left.push(format!("port {port}: another place is called \"{}\"", place.id));
        return;
    }
    taken.names.push(place.id.to_string());
    let path = profile.base_url.and_then(|u| u.parse::<http::Uri>().ok()).map(|u| u.path().to_owned());
    let base_url = format!("{base}{}", path.as_deref().unwrap_or_default().trim_end_matches('/'));
    finds.places.push(PlaceSettings {
        place: Arc::new(place),
        profile,
        base_url,
        key: None,
        models: Vec::new(),
        from: format!("port {port}"),
    });
}

/// `Ollama (11434)`.
fn usual_at(port: u16) -> String {
    let names: Vec<&str> = PROFILES.iter().filter(|p| p.port == Some(port)).map(|p| p.name).collect();
    if names.is_empty() { format!("port {port}") } else { format!("{} ({port})", names.join(" or ")) }
}

/// The place that a profile describes at its usual address.
fn place(profile: &Profile) -> Place {
    Place {
        id: PlaceId::new(profile.name),
        api: profile.api,
        tier: profile.tier,
        kind: profile.kind,
        zone: profile.zone,
        provider: Arc::from(profile.provider),
        terms: decide::Terms::default(),
        economics: None,
    }
}

impl Finds {
    /// The discovered places as values with their origin, for `check`.
    pub(crate) fn note(&self, values: &mut Values) {
        for found in &self.places {
            let place = &found.place;
            let how = if place.zone == Zone::SameHost {
                format!("listens on {}", found.from)
            } else {
                format!("{} is set", found.from)
            };
            let models = found.models.iter().map(|m| &*m.id).collect::<Vec<_>>().join(", ");
            let models = if models.is_empty() { "(asked of the place)".to_owned() } else { models };
            for (key, value) in [
                ("profile", found.profile.name),
                ("base_url", found.base_url.as_str()),
                ("tier", place.tier.as_str()),
                ("kind", place.kind.as_str()),
                ("zone", place.zone.as_str()),
                ("models", models.as_str()),
            ] {
                let path = format!("place.{}.{key}", place.id);
                values.0.push(Value { path, value: value.to_owned(), origin: From::Discovered(how.clone()) });
            }
        }
    }

    /// The line about what is not there; empty when everything was found or nothing was looked for.
    pub(crate) fn missed_line(&self) -> String {
        if self.missed.is_empty() {
            return String::new();
        }
        format!("looked for and not found: {}", self.missed.join(", "))
    }
}

#[cfg(test)]
#[path = "discover_tests.rs"]
mod tests;
