//! The configured places: profile, address, key, and the defaults that follow from them.
//!
//! Never here: discovered places (`discover`), or the embedded engine (`server`).

use super::{EngineSettings, Reader, capacity, price};
use crate::book::{self, Told};
use crate::config::shape::{self, ModelTable};
use crate::problem::suggest;
use backend::{Origin, PROFILES, Profile, Secret};
use decide::{Api, Caps, Kind, Model, Place, PlaceId, Tier, Zone};
use std::sync::Arc;

/// A place that can be built into a backend.
#[derive(Debug, Clone)]
pub(crate) struct PlaceSettings {
    pub(crate) place: Arc<Place>,
    pub(crate) profile: &'static Profile,
    pub(crate) base_url: String,
    pub(crate) key: Option<Secret>,
    /// Complete models; empty means they are to be discovered.
    pub(crate) models: Vec<Arc<Model>>,
    /// Where it came from, for the table: `dewpoint.toml:12`, `OPENAI_API_KEY`, `port 11434`.
    pub(crate) from: String,
}

impl PlaceSettings {
    /// Whether the backend of one serves for the other.
    pub(crate) fn is_same(&self, other: &PlaceSettings) -> bool {
        self.place == other.place
            && std::ptr::eq(self.profile, other.profile)
            && self.base_url == other.base_url
            && self.key == other.key
            && self.models == other.models
    }
}

/// Whether an address is on this host, by its literal host: a name is never looked up, except `localhost`.
pub(crate) fn is_loopback(base_url: &str) -> bool {
    Origin::parse(base_url).is_ok_and(|o| o.is_loopback())
}

pub(super) fn places(r: &mut Reader<'_>, list: &[shape::Place], engine: Option<&EngineSettings>) -> Vec<PlaceSettings> {
    let mut places = Vec::new();
    let mut engines = 0;
    for (i, section) in list.iter().enumerate() {
        let path = format!("place[{i}]");
        check_name(r, section, &path, &list[..i], engine);
        capacity::check(r, section, &path);
        if section.api == Some(shape::Api::Engine) {
            engines += 1;
            check_engine(r, section, &path, engines);
            continue;
        }
        places.extend(place(r, section, &path));
    }
    places
}

fn check_name(
    r: &mut Reader<'_>,
    section: &shape::Place,
    path: &str,
    earlier: &[shape::Place],
    engine: Option<&EngineSettings>,
) {
    let name = section.name.as_str();
    let path = format!("{path}.name");
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if name.is_empty() || name.len() > 64 || !name.chars().all(allowed) {
        let why = "a name has 1 to 64 letters, digits, dots, dashes and underscores";
        r.wrong(&path, format!("a place cannot be called \"{name}\""), why, "write for example \"openai\"");
    } else if name == "auto" {
        let why = "\"auto\" is the model name that lets Dewpoint choose";
        r.wrong(&path, "a place cannot be called \"auto\"", why, "give it another name");
    }
    if let Some(first) = earlier.iter().position(|p| p.name == name) {
        let line = r.source.at(&format!("place[{first}].name"));
        let why = format!("the first one is at {line}, and \"{name}/model\" must name one place");
        r.wrong(&path, format!("the place \"{name}\" stands twice"), why, "give one of them another name");
    }
    let taken = engine.is_some_and(|e| e.place.id.as_str() == name) && section.api != Some(shape::Api::Engine);
    if taken {
        let why = format!("the embedded engine is called \"{name}\"");
        let help = "give this place another name, or set [engine] enabled = false";
        r.wrong(&path, format!("the name \"{name}\" is taken"), why, help);
    }
}

/// A place with `api = "engine"` only renames the embedded engine.
fn check_engine(r: &mut Reader<'_>, section: &shape::Place, path: &str, count: u32) {
    if count > 1 {
        let help = "keep one place with api = \"engine\"; run other engines as servers of their own";
        r.wrong(path, "a second embedded engine", "there is one engine in a Dewpoint", help);
    }
    let unfit: Vec<&str> = [
        (section.base_url.is_some(), "base_url"),
        (section.api_key.is_some(), "api_key"),
        (section.profile.is_some(), "profile"),
        (!section.models.is_empty(), "models"),
        (section.terms.is_some(), "terms"),
        (section.kind.is_some_and(|k| k != shape::Kind::Appliance), "kind"),
        (section.zone.is_some_and(|z| z != shape::Zone::Embedded), "zone"),
    ]
    .into_iter()
    .filter_map(|(is, name)| is.then_some(name))
    .collect();
    for key in unfit {
        let why = "the embedded engine runs in this binary: it has no address, no key and one zone";
        let help = format!("remove {key}; the model is set with [engine] model = \"path.gguf\"");
        r.wrong(&format!("{path}.{key}"), format!("api = \"engine\" takes no such {key}"), why, help);
    }
    let origin = r.origin(path);
    r.values.note(format!("place.{}.api", section.name), "engine", origin);
}

fn place(r: &mut Reader<'_>, section: &shape::Place, path: &str) -> Option<PlaceSettings> {
    let profile = profile(r, section, path)?;
    let base_url = base_url(r, section, path, profile)?;
    let loopback = is_loopback(&base_url);
    let name = &section.name;
    let zone = match section.zone {
        Some(zone) => zone.into(),
        None if loopback => Zone::SameHost,
        None => Zone::VendorCloud,
    };
    let own_ground = zone <= Zone::OwnNetwork;
    let tier = section.tier.map_or(if own_ground { Tier::Local } else { profile.tier }, Tier::from);
    let kind = match section.kind {
        Some(kind) => kind.into(),
        None if own_ground => Kind::Appliance,
        None if zone == Zone::RentedDedicated => Kind::Dedicated,
        None => Kind::Serverless,
    };
    for (key, value, how) in [
        ("tier", tier.as_str(), format!("usual for {}", profile.name)),
        ("kind", kind.as_str(), format!("follows from zone {}", zone.as_str())),
        ("zone", zone.as_str(), zone_reason(loopback).to_owned()),
    ] {
        let origin = r.origin_or(&format!("{path}.{key}"), &how);
        r.values.note(format!("place.{name}.{key}"), value, origin);
    }
    if section.zone.is_some() && zone == Zone::Embedded {
        let help = "write same-host, own-network, rented-dedicated or vendor-cloud";
        r.wrong(&format!("{path}.zone"), "zone = \"embedded\"", "only the engine inside this binary is embedded", help);
    }
    let key = key(r, section, path, &base_url, loopback);
    let place = Place {
        id: PlaceId::new(name),
        api: profile.api,
        tier,
        kind,
        zone,
        provider: Arc::from(profile.provider),
        terms: super::terms::terms(r, section, path),
        economics: super::economics::economics(r, section, path, kind),
    };
    let models = models(r, section, path, profile, &place);
    Some(PlaceSettings { place: Arc::new(place), profile, base_url, key, models, from: r.source.at(path) })
}

fn zone_reason(loopback: bool) -> &'static str {
    if loopback { "the address is loopback" } else { "not declared counts as the worst" }
}

/// The profile: written, else that of the address's provider, else the one named like the place, else the API's plain one.
fn profile(r: &mut Reader<'_>, section: &shape::Place, path: &str) -> Option<&'static Profile> {
    let name = &section.name;
    let by_address = |p: &&Profile| match (&section.base_url, p.base_url) {
        (Some(given), Some(usual)) => same_origin(given, usual) && p.zone == Zone::VendorCloud,
        (None, _) => p.name == name,
        _ => false,
    };
    let api = section.api.map(Api::from);
    let fits = |p: &&Profile| api.is_none_or(|a| a == p.api);
    let (found, how) = if let Some(written) = &section.profile {
        let Some(found) = Profile::find(written) else {
            let names: Vec<&str> = PROFILES.iter().map(|p| p.name).collect();
            let what = format!("there is no profile \"{written}\"");
            let help = suggest(written, &names);
            r.wrong(&format!("{path}.profile"), what, "a profile says how a provider or engine differs", help);
            return None;
        };
        (found, "written")
    } else if let Some(found) = PROFILES.iter().find(|p| by_address(p) && fits(p)) {
        (found, if section.base_url.is_some() { "from its address" } else { "from its name" })
    } else if let Some(found) = api.and_then(Profile::for_api) {
        (found, "the API's plain one")
    } else {
        let help = "add api = \"openai\" (or anthropic, ollama, engine), or a profile such as profile = \"vllm\"";
        let what = format!("the place \"{name}\" says no api");
        r.wrong(path, what, "neither its name nor its address is one that Dewpoint knows", help);
        return None;
    };
    if !fits(&found) {
        let what = format!("profile \"{}\" does not speak this api", found.name);
        let why = format!("the profile speaks {}", serde_name(found.api));
        r.wrong(&format!("{path}.profile"), what, why, "remove api, or choose another profile");
    }
    let origin = r.origin_or(&format!("{path}.profile"), how);
    r.values.note(format!("place.{name}.profile"), found.name, origin);
    let origin = r.origin_or(&format!("{path}.api"), "spoken by the profile");
    r.values.note(format!("place.{name}.api"), serde_name(found.api), origin);
    Some(found)
}

fn serde_name(api: Api) -> &'static str {
    match api {
        Api::Openai => "openai",
        Api::Anthropic => "anthropic",
        Api::Ollama => "ollama",
        Api::Engine => "engine",
    }
}

fn same_origin(a: &str, b: &str) -> bool {
    let origin = |url: &str| {
        let uri: http::Uri = url.parse().ok()?;
        Some((uri.scheme()?.clone(), uri.authority()?.as_str().to_ascii_lowercase()))
    };
    origin(a).is_some_and(|x| origin(b).is_some_and(|y| x == y))
}

fn base_url(r: &mut Reader<'_>, section: &shape::Place, path: &str, profile: &Profile) -> Option<String> {
    let path = format!("{path}.base_url");
    let Some(url) = section.base_url.as_deref().or(profile.base_url) else {
        let what = format!("the place \"{}\" has no base_url", section.name);
        let why = format!("the profile {} has no usual address", profile.name);
        r.wrong(&path, what, why, "add base_url = \"https://host/v1\"");
        return None;
    };
    let origin = r.origin_or(&path, &format!("usual address of {}", profile.name));
    r.values.note(format!("place.{}.base_url", section.name), url, origin);
    match Origin::parse(url) {
        Ok(_) => Some(url.to_owned()),
        Err(e) => {
            let help = "write http(s)://host[:port][/path], for example https://api.openai.com/v1";
            r.wrong(&path, "not an address that can be asked", e.to_string(), help);
            None
        }
    }
}

fn key(r: &mut Reader<'_>, section: &shape::Place, path: &str, base_url: &str, loopback: bool) -> Option<Secret> {
    let reference = section.api_key.as_ref()?;
    let path = format!("{path}.api_key");
    let origin = r.origin(&path);
    r.values.note(format!("place.{}.api_key", section.name), reference.shown(), origin);
    if base_url.starts_with("http://") && !loopback {
        r.warn(&path, &format!("the key of \"{}\" travels unencrypted to {base_url}; use https", section.name));
    }
    match reference.fetch(r.env) {
        Ok(secret) => Some(Secret::new(secret)),
        Err((why, help)) => {
            r.wrong(&path, format!("the place \"{}\" has no key", section.name), why, help);
            None
        }
    }
}

fn models(
    r: &mut Reader<'_>,
    section: &shape::Place,
    path: &str,
    profile: &'static Profile,
    place: &Place,
) -> Vec<Arc<Model>> {
    let mut models: Vec<Arc<Model>> = Vec::new();
    for (j, entry) in section.models.iter().enumerate() {
        let path = format!("{path}.models[{j}]");
        let (id, told) = match entry {
            shape::Model::Id(id) => (id, Told::default()),
            shape::Model::Table(table) => (&table.id, told(r, table, &path)),
        };
        if id.trim().is_empty() || models.iter().any(|m| &*m.id == id.as_str()) {
            let what = format!("the model \"{id}\" is empty or stands twice");
            r.wrong(&path, what, "the ids of a place's models are unique", "remove one of them");
            continue;
        }
        models.push(Arc::new(book::complete(r.book, profile, place, id, &told)));
    }
    let shown = models.iter().map(|m| &*m.id).collect::<Vec<_>>().join(", ");
    let shown = if shown.is_empty() { "(discovered)" } else { &shown };
    let origin = r.origin_or(&format!("{path}.models"), "asked of the place");
    r.values.note(format!("place.{}.models", section.name), shown, origin);
    for model in &models {
        note_price(r, section, path, model);
    }
    models
}

fn note_price(r: &mut Reader<'_>, section: &shape::Place, path: &str, model: &Model) {
    let shown = book::show_price(model.price.as_ref());
    let version = model.price.as_ref().map_or("not in the book", |p| &*p.version);
    let origin = if version == "config" {
        r.origin(&format!("{path}.models"))
    } else {
        crate::config::origin::Origin::Derived(version.to_owned())
    };
    r.values.note(format!("place.{}.{}.price", section.name, model.id), shown, origin);
}

/// What the file says of a model.
fn told(r: &mut Reader<'_>, table: &ModelTable, path: &str) -> Told {
    let price = table.price.as_ref().and_then(|p| price::price(r, p, &format!("{path}.price")));
    if table.quality_permille.is_some_and(|q| q > 1000) {
        let why = "it is a share of a thousand";
        r.wrong(&format!("{path}.quality_permille"), "quality_permille is above 1000", why, "write 0 to 1000");
    }
    if table.context_tokens == Some(0) {
        let why = "nothing fits into no context";
        r.wrong(&format!("{path}.context_tokens"), "context_tokens is 0", why, "leave it out when it is not known");
    }
    Told {
        context_tokens: table.context_tokens,
        tools: table.tools,
        json_schema: table.json_schema,
        vision: table.vision,
        audio: table.audio,
        logprobs: table.logprobs,
        completions: table.completions,
        embeddings: table.embeddings,
        rerank: table.rerank,
        tier: table.tier.map(Tier::from),
        quality_permille: table.quality_permille,
        price,
        caps: None::<Caps>,
    }
}
