//! Tests of the configuration as a whole; `config/mistakes.toml` holds the mistakes whose messages are goldens.
#![allow(clippy::unwrap_used, clippy::panic)]

use super::*;
use decide::{DataClass, Kind, Tier, Zone};
use std::fmt::Write as _;

fn env(name: &str) -> Option<String> {
    match name {
        "HOME" => Some("/home/u".to_owned()),
        "OPENAI_API_KEY" => Some("sk-test".to_owned()),
        "CALLER" => Some("dp_a_0123456789abcdef".to_owned()),
        "SHORT" => Some("abc".to_owned()),
        _ => None,
    }
}

pub(super) fn load_as(text: &str, flags: &Flags) -> Result<Settings, Problems> {
    load_text("dewpoint.toml", text, flags, &env, &Book::built_in().unwrap())
}

pub(super) fn good(text: &str) -> Settings {
    load_as(text, &Flags::default()).unwrap_or_else(|e| panic!("{e}"))
}

/// Every mistake with its whole message: a golden, reviewed as prose.
#[test]
fn every_mistake_has_a_clear_message() {
    let cases = include_str!("config/mistakes.toml");
    let mut out = String::new();
    for case in cases.split("#### ").skip(1) {
        let (title, text) = case.split_once('\n').unwrap();
        let problems = load_as(text.trim_end(), &Flags::default()).map(|_| ()).unwrap_err();
        let _ = writeln!(out, "#### {title}\n{}\n\n{problems}\n", text.trim_end());
    }
    insta::assert_snapshot!("config_mistakes", out);
}

#[test]
fn nothing_configured_is_valid() {
    let s = good("");
    assert_eq!(s.server.listen.to_string(), "127.0.0.1:4141");
    assert_eq!(s.ledger.map(|l| l.dir), Some(PathBuf::from("/home/u/.local/share/dewpoint")));
    assert!(s.engine.is_some() && s.places.is_empty() && s.keys.is_empty());
    assert!(s.discovery.enabled);
    assert_eq!(s.policy, decide::Policy::default());
    assert_eq!(s.server.deadlines, backend::Deadlines::default());
}

#[test]
fn resilience_has_the_gateway_s_defaults_and_bounds_on_every_number() {
    assert_eq!(good("").resilience, gateway::CareOptions::default());
    let with = |line: &str| load_as(&format!("[resilience]\n{line}\n"), &Flags::default());
    for (key, least, most) in [
        ("retry_percent", 0, 100),
        ("retry_floor_per_s", 0, 1_000),
        ("breaker_failures", 0, 1_000),
        ("breaker_percent", 0, 100),
        ("breaker_open_max_ms", 1_000, 600_000),
        ("breaker_open_ms", 100, 5_000),
        ("key_open_s", 0, 3_600),
        ("pause_max_s", 0, 3_600),
        ("limit_min", 1, 1_000),
        ("limit_max", 3, 100_000),
        ("limit_slow_ms", 1, 3_600_000),
        ("batch_percent", 1, 100),
        ("hedge_after_ms", 1, 3_600_000),
    ] {
        for fits in [least, most] {
            assert!(with(&format!("{key} = {fits}")).is_ok(), "{key} = {fits}");
        }
        for past in [least - 1, most + 1] {
            let problems = with(&format!("{key} = {past}")).map(|_| ()).unwrap_err().to_string();
            assert!(problems.contains(key), "{key} = {past}: {problems}");
        }
    }
    let hedge = |line: &str| with(&format!("hedge = true\nhedge_after_ms = 250\n{line}")).map(|s| s.resilience.hedge);
    let after = std::time::Duration::from_millis(250);
    let cost_max = |n| Some(gateway::Hedge { after, cost_max: decide::Nanousd(n) });
    assert_eq!(hedge("").unwrap(), cost_max(10_000_000), "one cent where nothing is said");
    assert_eq!(hedge("hedge_cost_max_usd = 0.25").unwrap(), cost_max(250_000_000));
    assert!(hedge("hedge_cost_max_usd = -1").is_err());
    assert_eq!(with("hedge_after_ms = 250").unwrap().resilience.hedge, None, "off unless it is switched on");
}

#[test]
fn measured_speeds_are_noted_and_bounded() {
    let place = |line: &str| format!("[[place]]\nname = \"openai\"\n{line}\n");
    let settings = good(&place("prompt_tokens_per_s = 812.3\ndecode_tokens_per_s = 1e9"));
    assert!(settings.values.to_string().contains("place.openai.prompt_tokens_per_s"), "{}", settings.values);
    for bad in ["0", "-1", "nan", "inf", "1.1e9"] {
        let problems = load_as(&place(&format!("decode_tokens_per_s = {bad}")), &Flags::default()).map(|_| ());
        assert!(problems.unwrap_err().to_string().contains("decode_tokens_per_s"), "{bad} was taken");
    }
}

#[test]
fn the_place_of_the_issue_reads_as_written() {
    let s = good(
        r#"
[[place]]
name = "openai"
api = "openai"
base_url = "https://api.openai.com/v1"
api_key = { env = "OPENAI_API_KEY" }
tier = "cloud"
kind = "serverless"
zone = "vendor-cloud"
models = ["gpt-5-mini"]
"#,
    );
    let p = &s.places[0];
    assert_eq!((p.place.tier, p.place.kind, p.place.zone), (Tier::Cloud, Kind::Serverless, Zone::VendorCloud));
    assert_eq!((p.profile.name, &*p.place.provider), ("openai", "openai"));
    assert!(p.key.is_some());
    let price = p.models[0].price.as_ref().unwrap();
    assert_eq!((price.input_nanousd_per_mtok, price.output_nanousd_per_mtok), (250_000_000, 2_000_000_000));
    assert!(p.models[0].caps.tools && p.models[0].caps.vision);
    assert!(s.warnings.is_empty(), "{:?}", s.warnings);
}

#[test]
fn what_is_left_out_counts_as_the_worst_unless_it_is_known() {
    let s = good(
        r#"
[[place]]
name = "here"
profile = "vllm"
[[place]]
name = "there"
profile = "vllm"
base_url = "http://10.0.0.7:8000/v1"
models = ["m"]
[[place]]
name = "ours"
profile = "vllm"
base_url = "http://10.0.0.8:8000/v1"
zone = "own-network"
models = ["m"]
[[place]]
name = "rented"
api = "openai"
base_url = "https://gpu.example.com/v1"
zone = "rented-dedicated"
models = ["m"]
[[place]]
name = "gemini"
[[place]]
name = "work"
api = "openai"
base_url = "https://openrouter.ai/api/v1"
"#,
    );
    let seen: Vec<_> = s
        .places
        .iter()
        .map(|p| (p.place.id.as_str(), p.profile.name, p.place.tier, p.place.kind, p.place.zone))
        .collect();
    assert_eq!(
        seen,
        [
            ("here", "vllm", Tier::Local, Kind::Appliance, Zone::SameHost),
            ("there", "vllm", Tier::Local, Kind::Serverless, Zone::VendorCloud),
            ("ours", "vllm", Tier::Local, Kind::Appliance, Zone::OwnNetwork),
            ("rented", "generic", Tier::Cloud, Kind::Dedicated, Zone::RentedDedicated),
            ("gemini", "gemini", Tier::Cloud, Kind::Serverless, Zone::VendorCloud),
            ("work", "openrouter", Tier::Cloud, Kind::Serverless, Zone::VendorCloud),
        ]
    );
    let price = |i: usize| s.places[i].models[0].price.as_ref().map(|p| p.input_nanousd_per_mtok);
    assert_eq!([price(1), price(2), price(3)], [None, Some(0), Some(0)]);
}

#[test]
fn prices_are_exact_decimals() {
    let s = good(
        r#"
[[place]]
name = "x"
api = "openai"
base_url = "https://x.example/v1"
models = [{ id = "m", price = { input_per_mtok = 0.1, output_per_mtok = 3, cached_per_mtok = 0.000_000_001 }, tools = true }]
"#,
    );
    let m = &s.places[0].models[0];
    let p = m.price.as_ref().unwrap();
    assert_eq!(
        (p.input_nanousd_per_mtok, p.output_nanousd_per_mtok, p.cached_nanousd_per_mtok, &*p.version),
        (100_000_000, 3_000_000_000, Some(1), "config")
    );
    assert!(m.caps.tools && !m.caps.vision);
}

#[test]
fn policy_routes_and_keys() {
    let s = good(
        r#"
[policy]
auto = "cheap"
reach = { internal = "own-network", secret = "embedded" }
[[place]]
name = "openai"
[[route]]
name = "fast-cheap"
targets = ["openai/gpt-5-mini", "edge/*", "ollama/llama3"]
objective = "fast"
class = "personal"
[[key]]
name = "ci"
secret = "${CALLER}"
places = ["openai"]
models = ["gpt-5*"]
class = "sensitive"
"#,
    );
    assert_eq!(s.policy.auto, decide::Objective::Cheap);
    assert_eq!(s.policy.reach(DataClass::Internal), Zone::OwnNetwork);
    assert_eq!(s.policy.reach(DataClass::Secret), Zone::Embedded);
    assert_eq!(s.policy.reach(DataClass::Public), Zone::VendorCloud);
    let route = &s.policy.routes["fast-cheap"];
    assert_eq!(route.targets[1], decide::Target { place: "edge".into(), model: "*".into() });
    assert_eq!((route.objective, route.class), (Some(decide::Objective::Fast), Some(DataClass::Personal)));
    assert_eq!(s.keys[0].secret_sha256, crate::key::sha256("dp_a_0123456789abcdef"));
    assert_eq!(s.keys[0].class, Some(DataClass::Sensitive));
    // ollama is not configured, but may be discovered.
    assert_eq!(s.warnings.len(), 1, "{:?}", s.warnings);
    assert!(s.warnings[0].starts_with("dewpoint.toml:9:"), "{:?}", s.warnings);
}

#[test]
fn every_value_knows_where_it_came_from() {
    let flags = Flags { listen: Some("127.0.0.1:9".to_owned()), no_discovery: true };
    let text = "[server]\nlisten = \"127.0.0.1:8\"\ngap_s = 7\n[[place]]\nname = \"openai\"\n";
    let s = load_as(text, &flags).unwrap();
    assert_eq!(s.server.listen.port(), 9);
    let origin = |path: &str| s.values.origin(path).unwrap_or_else(|| panic!("{path} is missing")).to_string();
    assert_eq!(origin("server.listen"), "flag --listen");
    assert_eq!(origin("server.gap_s"), "dewpoint.toml:3");
    assert_eq!(origin("server.total_s"), "default");
    assert_eq!(origin("discovery.enabled"), "flag --no-discovery");
    assert_eq!(origin("ledger.dir"), "default");
    assert_eq!(origin("place.openai.base_url"), "default, usual address of openai");
    assert_eq!(origin("place.openai.zone"), "default, not declared counts as the worst");
    let data = |name: &str| (name == "DEWPOINT_DATA").then(|| "/data".to_owned());
    let s = load_text("d", "", &Flags::default(), &data, &Book::built_in().unwrap()).unwrap();
    assert_eq!(s.values.origin("ledger.dir").unwrap().to_string(), "environment DEWPOINT_DATA");
}

#[test]
fn every_key_of_the_schema_appears_in_the_values() {
    let text = r#"
[[place]]
name = "p"
api = "openai"
profile = "vllm"
base_url = "http://127.0.0.1:1/v1"
api_key = "${OPENAI_API_KEY}"
tier = "local"
kind = "appliance"
zone = "same-host"
models = ["m"]
prompt_tokens_per_s = 800
decode_tokens_per_s = 90.5
[place.terms]
regions = ["DE"]
[place.economics]
capital_usd = 1000
"#;
    let s = good(text);
    let schema: serde_json::Value = serde_json::from_str(&reference::schema().unwrap()).unwrap();
    for section in ["server", "ledger", "engine", "discovery", "policy", "cascade"] {
        let name = section[..1].to_uppercase() + &section[1..];
        for key in schema["$defs"][&name]["properties"].as_object().unwrap().keys() {
            let path = format!("{section}.{key}");
            assert!(s.values.0.iter().any(|v| v.path.starts_with(&path)), "{path} has no provenance");
        }
    }
    for key in schema["$defs"]["Place"]["properties"].as_object().unwrap().keys().filter(|k| *k != "name") {
        assert!(s.values.origin(&format!("place.p.{key}")).is_some(), "place.{key} has no provenance");
    }
}

#[test]
fn the_file_is_found_in_order() {
    let named = |name: &str| (name == FILE_VARIABLE).then(|| "/e.toml".to_owned());
    let none = |_: &str| None;
    assert_eq!(find(Some(Path::new("/f.toml")), &named).path, Some(PathBuf::from("/f.toml")));
    assert_eq!(find(None, &named).path, Some(PathBuf::from("/e.toml")));
    assert_eq!(find(None, &none).named_by, "the current folder");
}

#[test]
fn a_file_that_is_not_there_says_so() {
    let book = Book::built_in().unwrap();
    let e = load(Some(Path::new("/nonexistent.toml")), &Flags::default(), &env, &book).unwrap_err();
    assert!(e.to_string().starts_with("error: the configuration /nonexistent.toml cannot be read\n  "), "{e}");
    assert!(e.to_string().contains("help: name a readable file"), "{e}");
}

#[test]
fn all_mistakes_are_told_at_once() {
    let e =
        load_as("[server]\ngap_s = 0\nbody_max_mb = 0\n[[place]]\nname = \"a b\"\n", &Flags::default()).unwrap_err();
    assert_eq!(e.0.len(), 4, "{e}");
}

#[cfg(bundled_model)]
#[test]
fn the_engine_may_have_several_models() {
    let s = good(
        r#"
[engine]
memory_mb = 4000
max_loaded = 2
threads = 3
context_tokens = 4096
keep_alive = "10m"
[[engine.model]]
name = "team/small"
path = "bundled"
context_tokens = 64
slots = 64
cache_tokens = 64
cache = "q8_0"
threads = 512
gpu_layers = 0
split = "row"
experts_on_cpu = true
mmap = false
prefix_cache_mb = 0
lookup = false
keep_alive = "-1"
[[engine.model]]
name = "large"
path = "bundled"
[[engine.model]]
name = "always"
path = "bundled"
preload = true
"#,
    );
    let engine = s.engine.unwrap();
    assert_eq!((engine.memory_bytes, engine.max_loaded), (Some(4_000_000_000), Some(2)));
    let [small, large, always] = engine.models.as_slice() else { panic!("{}", engine.models.len()) };
    assert_eq!(small.id.as_deref(), Some("team/small"));
    assert_eq!((small.context_tokens, small.slots, small.cache_tokens), (Some(64), Some(64), Some(64)));
    assert_eq!((small.cache, small.split), (::engine::CacheType::Q8_0, ::engine::Split::Row));
    assert_eq!((small.threads, small.gpu_layers, small.prefix_bytes), (Some(512), Some(0), 0));
    assert!(small.experts_on_cpu && !small.mmap && !small.lookup && !small.preload && small.keep_alive.is_none());
    assert_eq!((large.context_tokens, large.threads, large.prefix_bytes), (Some(4096), Some(3), 256_000_000));
    assert_eq!((large.keep_alive, large.preload), (Some(std::time::Duration::from_secs(600)), false));
    assert_eq!((always.keep_alive, always.preload), (None, true));
    let shown = s.values.to_string();
    assert!(shown.contains("engine.model.always.preload = true (loaded at the start)"), "{shown}");
    assert!(matches!(s.values.origin("engine.model.large.path"), Some(Origin::File(at)) if at == "dewpoint.toml:25"));
}

#[test]
fn a_model_without_a_path_is_the_one_of_that_name_in_the_store() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("qwen2.5-7b.gguf");
    std::fs::write(&file, b"GGUF").unwrap();
    std::fs::write(folder.path().join("llama3.gguf"), b"GGUF").unwrap();
    let store = folder.path().to_str().unwrap().to_owned();
    let env = move |name: &str| if name == "DEWPOINT_MODELS" { Some(store.clone()) } else { env(name) };
    let load = |name: &str| {
        let text = format!("[[engine.model]]\nname = \"{name}\"\n");
        load_text("dewpoint.toml", &text, &Flags::default(), &env, &Book::built_in().unwrap())
    };
    let engine = load("qwen2.5-7b").unwrap().engine.unwrap();
    assert_eq!(engine.models[0].source, ::engine::ModelSource::Path(file));
    let problems = load("lama3").unwrap_err().to_string();
    assert!(problems.contains("dewpoint.toml:2: there is no model lama3 on this machine"), "{problems}");
    assert!(problems.contains("the nearest name here is llama3"), "{problems}");
}

#[test]
fn rules_terms_and_tags_are_read() {
    let s = good(
        r#"
[[policy.rule]]
id = "eu"
class = ["personal", "sensitive"]
regions = ["EU"]
legal_seat = ["DE", "fr"]
retention = 30
training = "opted-out"
contracts = ["dpa"]
redact = "elsewhere"
[[policy.rule]]
id = "acme"
tags = ["Customer:ACME"]
keys = ["clinic"]
routes = ["help"]
places = ["op*", "ollama"]
zone = "own-network"
[[policy.rule]]
id = "no"
class = "sensitive"
places = ["openai"]
deny = true
[[place]]
name = "openai"
[place.terms]
regions = ["EEA"]
legal_seat = "us"
retention = "none"
training = "never"
contracts = ["BAA", "dpa"]
evidence = "https://example.com/dpa.pdf"
expires = 2999-12-31
[[route]]
name = "help"
tags = ["b", "A"]
[[key]]
name = "clinic"
secret = "${CALLER}"
tags = ["HIPAA"]
"#,
    );
    let [eu, acme, no] = s.policy.rules.as_slice() else { panic!("{:?}", s.policy.rules) };
    assert_eq!(eu.demand.regions.as_ref().map(|r| r.len()), Some(27));
    assert_eq!(
        eu.demand.legal_seat.as_ref().map(|r| r.iter().map(|c| &**c).collect::<Vec<_>>()),
        Some(vec!["DE", "FR"])
    );
    assert_eq!(eu.demand.retention, Some(decide::Retention::Days(30)));
    assert_eq!(eu.demand.training, Some(decide::Training::OptedOut));
    assert!(eu.demand.contracts.contains("DPA") && eu.grants());
    assert_eq!(eu.through, decide::Through::RedactedElsewhere);
    assert!(acme.tags.contains("customer:acme") && acme.keys.contains("clinic") && acme.routes.contains("help"));
    assert!(acme.demand.zone == Some(Zone::OwnNetwork) && !acme.grants());
    assert_eq!((no.through, no.lowest_class()), (decide::Through::Nothing, DataClass::Sensitive));
    let terms = &s.places[0].place.terms;
    assert_eq!((terms.regions.len(), terms.legal_seat.as_deref()), (30, Some("US")));
    assert_eq!((terms.retention, terms.training), (decide::Retention::None, decide::Training::Never));
    assert!(terms.contracts.contains("DPA") && terms.hold_at(32_503_593_600) && !terms.hold_at(32_503_680_000));
    assert_eq!(s.policy.routes["help"].tags.iter().map(|t| &**t).collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(&*s.keys[0].tags[0], "hipaa");
    let shown = s.values.to_string();
    assert!(shown.contains("class personal, sensitive; regions EU; legal_seat DE, fr; retention 30 days"), "{shown}");
    assert!(shown.contains("regions EEA; legal_seat us; retention none; training never"), "{shown}");
    assert_eq!(s.warnings.len(), 1, "only that ollama is not configured: {:?}", s.warnings);
}

#[test]
fn what_is_probably_not_meant_is_told() {
    let warned = |text: &str| good(text).warnings.join("\n");
    let rule = |text: &str| warned(&format!("[[policy.rule]]\nid = \"r\"\n{text}\n"));
    assert!(rule("class = \"sensitive\"\nregions = [\"EU\"]").contains("no rule about personal"));
    assert_eq!(rule("class = [\"personal\", \"sensitive\"]\nregions = [\"EU\"]"), "");
    assert_eq!(rule("class = \"sensitive\"\nzone = \"same-host\""), "");
    assert!(rule("class = \"personal\"").contains("lets personal data go as it is to every place"));
    assert!(rule("class = \"secret\"\nregions = [\"EU\"]").contains("declared secret leave this host"));
    let reach = warned("[policy.reach]\nsensitive = \"vendor-cloud\"\n");
    assert!(reach.contains("class sensitive is said to go as far as vendor-cloud"), "{reach}");
    assert_eq!(warned("[policy.reach]\npersonal = \"own-network\"\n"), "");
    let place = |terms: &str| warned(&format!("[[place]]\nname = \"openai\"\n[place.terms]\n{terms}\n"));
    assert!(place("evidence = \"x\"\nexpires = 2020-01-01").contains("expired with 2020-01-01"));
    assert!(place("regions = [\"DE\"]").contains("have no evidence"));
    assert_eq!(place("evidence = \"x\"\nexpires = \"2999-01-01\""), "");
}

/// What the book says about rules can be pasted.
#[test]
fn the_examples_of_the_book_are_valid() {
    let page = std::fs::read_to_string(format!("{}/../../docs/book/policy.md", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let blocks: Vec<&str> = page.split("```toml\n").skip(1).filter_map(|b| b.split("```").next()).collect();
    assert!(blocks.len() >= 7, "{}", blocks.len());
    let any = |name: &str| (!name.starts_with("DEWPOINT")).then(|| format!("a-long-value-of-{name}"));
    for block in blocks {
        let loaded = load_text("policy.md", block, &Flags::default(), &any, &Book::built_in().unwrap());
        let settings = loaded.unwrap_or_else(|e| panic!("{block}\n{e}"));
        assert!(settings.warnings.iter().all(|w| w.contains("is configured")), "{block}\n{:?}", settings.warnings);
    }
}

#[test]
fn a_second_reader_is_off_by_default_and_its_bounds_can_be_reached() {
    assert_eq!(good("").detect.second, None);
    for (ms, bytes) in [(50, 1_000), (60_000, 1_000_000)] {
        let text = format!("[detect]\nreader = \"edge/m/x\"\nreader_ms = {ms}\nreader_max_bytes = {bytes}\n");
        let second = good(&text).detect.second.unwrap();
        assert_eq!((second.name.as_str(), second.bytes_max), ("edge/m/x", bytes));
        assert_eq!(second.within, std::time::Duration::from_millis(ms));
    }
    for (ms, bytes) in [(49, 1_000), (60_001, 1_000), (50, 999), (50, 1_000_001)] {
        let text = format!("[detect]\nreader = \"edge/m\"\nreader_ms = {ms}\nreader_max_bytes = {bytes}\n");
        assert!(load_as(&text, &Flags::default()).is_err(), "{ms} ms, {bytes} bytes");
    }
    // What discovery can find on this host may come later; what it finds by a key is a cloud.
    let ollama = good("[detect]\nreader = \"ollama/gemma3:4b\"\n");
    assert!(ollama.detect.second.is_some());
    assert!(
        ollama.warnings.iter().any(|w| w.contains("until it is discovered, nothing leaves")),
        "{:?}",
        ollama.warnings
    );
    let unknown = |text: &str| load_as(text, &Flags::default()).map(|_| ()).unwrap_err().to_string();
    assert!(unknown("[detect]\nreader = \"openai/gpt-5-mini\"\n").contains("names an unknown place"));
    let off = "[detect]\nreader = \"ollama/m\"\n[discovery]\nenabled = false\n";
    assert!(unknown(off).contains("names an unknown place"));
}
