//! Part d: random policies × places × faults × requests against clouds that record. No body arrives where its class may not go.
//!
//! The rules are said again here in a few lines, with none of the program's own code, and only what is certain: a class has
//! its own farthest zone, whatever else may tighten it.
//!
//! Never here: what rules and terms look like (`rules`), or values that are taken out (`redacted`).

use super::ask::{Api, Ask};
use super::campaign::{act, key_toml};
use super::canary::{Canary, Search};
use super::rules::{Rule, TAG, Terms, rules};
use super::server::{CALM, QUIET, SHORT, Server, key, place};
use super::table::Row;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestError, TestRunner};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use testkit::{Fake, Voice};

/// Nearest first, as the documentation has them; the engine's own zone has no upstream.
pub(crate) const ZONES: [&str; 4] = ["same-host", "own-network", "rented-dedicated", "vendor-cloud"];
/// Lowest first.
pub(crate) const CLASSES: [&str; 5] = ["public", "internal", "personal", "sensitive", "secret"];
/// For each class, the number of the farthest zone with nothing configured. `personal` goes anywhere, redacted: the texts
/// of these requests have nothing that would be taken out.
const UNTOLD: [usize; 5] = [3, 3, 3, 1, 0];
/// The class of a request that says nothing.
const UNSAID: usize = 1;
/// Faults that cost no time.
const FAULTS: [&str; 13] = [
    "good",
    "good",
    "good",
    "slow",
    "status-500",
    "status-503",
    "status-429",
    "status-404",
    "reset-first",
    "reset-mid",
    "in-band",
    "garbage",
    "redirect-307",
];
const PLACES: usize = 4;
const VOICES: [&str; PLACES] = ["openai", "anthropic", "ollama", "vllm"];

#[derive(Debug, Clone)]
pub(crate) struct Case {
    zones: [usize; PLACES],
    faults: [usize; PLACES],
    reach: [Option<usize>; 5],
    route: Option<usize>,
    ward: Option<usize>,
    objective: Option<&'static str>,
    order: Vec<usize>,
    rules: Vec<Rule>,
    terms: Option<[Terms; PLACES]>,
    requests: Vec<Wish>,
}

#[derive(Debug, Clone)]
struct Wish {
    messages: bool,
    stream: bool,
    class: Option<usize>,
    warded: bool,
    tagged: bool,
    /// A place by its number, then the route, then `auto`.
    model: usize,
}

/// Cases with the farthest zone of each class alone, or with rules and terms as well.
fn cases(ruled: bool) -> impl Strategy<Value = Case> {
    let class = || proptest::option::of(0..CLASSES.len());
    let model = prop_oneof![0..PLACES, Just(PLACES), Just(PLACES), Just(PLACES + 1)];
    let wish = (any::<bool>(), any::<bool>(), class(), any::<bool>(), any::<bool>(), model).prop_map(
        move |(messages, stream, class, warded, tagged, model)| Wish {
            messages,
            stream,
            class,
            warded,
            tagged: tagged && ruled,
            model,
        },
    );
    let objective = proptest::option::of(proptest::sample::select(vec!["best", "cheap", "sufficient", "fast"]));
    let reach = proptest::option::weighted(if ruled { 0.2 } else { 0.5 }, 0..ZONES.len());
    let least = (class(), class(), objective);
    let order = Just((0..PLACES).collect::<Vec<_>>()).prop_shuffle();
    (
        (proptest::array::uniform4(0..ZONES.len()), proptest::array::uniform4(0..FAULTS.len())),
        proptest::array::uniform5(reach),
        least,
        order,
        rules(),
        proptest::collection::vec(wish, 1..10),
    )
        .prop_map(move |((zones, faults), reach, (route, ward, objective), order, (rules, terms), requests)| {
            let (rules, terms) = if ruled { (rules, Some(terms)) } else { (Vec::new(), None) };
            Case { zones, faults, reach, route, ward, objective, order, rules, terms, requests }
        })
}

impl Case {
    fn config(&self, fakes: &[Fake]) -> String {
        let mut out = format!("{QUIET}{SHORT}{CALM}[policy]\nattempts_max = 5\n");
        let reach = self.reach.iter().zip(CLASSES).filter_map(|(z, c)| z.map(|z| format!("{c} = \"{}\"", ZONES[z])));
        out.push_str(&format!("reach = {{ {} }}\n\n", reach.collect::<Vec<_>>().join(", ")));
        let class = |c: Option<usize>| c.map_or(String::new(), |c| format!("class = \"{}\"\n", CLASSES[c]));
        self.rules.iter().enumerate().for_each(|(i, rule)| out.push_str(&rule.toml(i)));
        out.push_str(&key_toml("plain", ""));
        out.push_str(&key_toml("ward", &class(self.ward)));
        for (i, fake) in fakes.iter().enumerate() {
            let more = format!("zone = \"{}\"", ZONES[self.zones[i]]);
            out.push_str(&place(&format!("p{i}"), Voice::of(VOICES[i]), &fake.url(""), &more));
            out.push_str(&self.terms.as_ref().map_or(String::new(), |all| all[i].toml()));
        }
        let targets: Vec<String> = self.order.iter().map(|i| format!("\"p{i}/m\"")).collect();
        let objective = self.objective.map_or(String::new(), |o| format!("objective = \"{o}\"\n"));
        out + &format!(
            "[[route]]\nname = \"way\"\ntargets = [{}]\n{objective}{}\n",
            targets.join(", "),
            class(self.route)
        )
    }

    fn ask(&self, wish: &Wish, canary: &Canary) -> Ask {
        let model = match wish.model {
            PLACES => "way".to_owned(),
            n if n < PLACES => format!("p{n}/m"),
            _ => "auto".to_owned(),
        };
        let api = if wish.messages { Api::Messages } else { Api::Chat };
        let name = if wish.warded { "ward" } else { "plain" };
        let mut ask =
            Ask::new(api, wish.stream, &model, canary).header("authorization", &format!("Bearer {}", key(name)));
        // What each place is to do with it, by their order.
        let faults: Vec<&str> = self.faults.iter().map(|f| FAULTS[*f]).collect();
        ask.text = format!("faults={}; {}", faults.join(","), canary.text());
        if wish.tagged {
            ask = ask.header("x-dewpoint-tags", TAG);
        }
        match wish.class {
            Some(class) => ask.class(CLASSES[class]),
            None => ask,
        }
    }

    /// The rules, said again: the highest class that anybody declared; the farthest zone of its own and of all below it;
    /// and no rule against it.
    fn may_go(&self, wish: &Wish, place: usize, untold: &[usize; 5]) -> bool {
        let key = if wish.warded { self.ward } else { None };
        let asked = wish.class.max(key).unwrap_or(UNSAID);
        let route = if wish.model == PLACES { self.route.unwrap_or(0) } else { 0 };
        let class = asked.max(route);
        let zone = self.zones[place];
        // With rules alone it is certain that a class keeps to what holds for those below it.
        let lowest = if self.terms.is_some() { 0 } else { class };
        let far = |c: usize| {
            let granted = self.rules.iter().any(|r| r.grants(c));
            zone <= self.reach[c].unwrap_or(if granted { ZONES.len() } else { untold[c] })
        };
        let terms = self.terms.clone().unwrap_or_default();
        let against = |r: &Rule| r.forbids(class, wish.tagged, wish.warded, place, zone, &terms[place]);
        (lowest..=class).all(far) && !self.rules.iter().any(against)
    }
}

/// The recording places, and the program between them and the requests.
struct House {
    fakes: Vec<Fake>,
    server: Server,
}

async fn house() -> House {
    let mut fakes = Vec::new();
    for _ in 0..PLACES {
        fakes.push(Fake::start().await);
    }
    for (i, fake) in fakes.iter().enumerate() {
        let voice = Voice::of(VOICES[i]);
        fake.on(voice.models_route(), voice.models(&["m"]));
        if let Some(path) = voice.profile.health {
            fake.on(&format!("GET {path}"), voice.health());
        }
        // Redirections lead to the next place.
        let elsewhere = fakes[(i + 1) % PLACES].url("");
        fake.on_fn(voice.chat_route(), move |seen| {
            let body = seen.json();
            let text = body["messages"][0]["content"].as_str().unwrap_or_default();
            let list = text.split_once("faults=").and_then(|(_, f)| f.split_once(';')).map_or("", |(l, _)| l);
            act(voice, seen, list.split(',').nth(i).unwrap_or("good"), &elsewhere)
        });
    }
    let server = Server::start(&format!("{QUIET}{SHORT}{CALM}"), &[], &[]).await;
    House { fakes, server }
}

impl House {
    /// Runs a case. Gives the number of bodies that arrived in each zone, or what is against the rules.
    async fn run(&self, case: &Case, untold: &[usize; 5]) -> Result<[usize; 4], String> {
        let before: Vec<usize> = self.fakes.iter().map(|f| f.seen().len()).collect();
        self.server.reload(&case.config(&self.fakes)).await;
        let canaries: Vec<Canary> = case.requests.iter().map(|_| Canary::new()).collect();
        let asks: Vec<Ask> = case.requests.iter().zip(&canaries).map(|(w, c)| case.ask(w, c)).collect();
        let answers = self.server.ask_all(&asks, asks.len()).await;
        let search = Search::of(&canaries);
        let mut arrived = [0; 4];
        for (place, fake) in self.fakes.iter().enumerate() {
            for seen in &fake.seen()[before[place]..] {
                let numbers: std::collections::BTreeSet<_> =
                    search.bytes(&seen.body).into_iter().map(|h| h.canary).collect();
                for number in numbers {
                    arrived[case.zones[place]] += 1;
                    if !case.may_go(&case.requests[number], place, untold) {
                        let zone = ZONES[case.zones[place]];
                        return Err(format!("{:?} arrived at p{place} ({zone})", asks[number]));
                    }
                }
            }
        }
        let broken = answers.iter().find(|g| g.status == 0 || g.status == 500);
        broken.map_or(Ok(arrived), |g| Err(format!("not an answer: {g:?}")))
    }
}

/// Random cases, at most `count`, against a house of their own; stops at the first that is against the rules.
fn run(count: u32, ruled: bool, untold: &[usize; 5], tally: &Tally) -> Result<(), Found> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let mut house = runtime.block_on(house());
    let config = Config { cases: count, failure_persistence: None, max_shrink_iters: 40, ..Config::default() };
    let result = TestRunner::new(config).run(&cases(ruled), |case| {
        let arrived = runtime.block_on(house.run(&case, untold)).map_err(TestCaseError::fail)?;
        tally.requests.fetch_add(case.requests.len(), Relaxed);
        for (n, all) in arrived.iter().zip(&tally.bodies) {
            all.fetch_add(*n, Relaxed);
        }
        Ok(())
    });
    runtime.block_on(house.server.stop());
    result.map_err(|e| match e {
        TestError::Fail(why, least) => Found { why: format!("{why}\n{least:#?}"), requests: least.requests.len() },
        TestError::Abort(why) => Found { why: format!("no case could be made: {why}"), requests: 0 },
    })
}

/// A case that is against the rules.
#[derive(Debug)]
struct Found {
    /// What is, and the least case that shows it.
    why: String,
    /// Its requests.
    requests: usize,
}

/// What was asked, and what arrived in each zone.
#[derive(Default)]
struct Tally {
    requests: AtomicUsize,
    bodies: [AtomicUsize; 4],
}

/// Houses beside each other: the time goes by in waiting, for answers and for configurations to be taken over.
const HOUSES: u32 = 4;
const CASES: u32 = 16;

#[test]
fn no_body_arrives_where_its_class_is_not_allowed() {
    prove(false, "d property");
}

/// Needs `[[policy.rule]]`, `[place.terms]` and `x-dewpoint-tags`.
#[test]
fn no_body_arrives_where_a_rule_is_against_it() {
    prove(true, "d rules");
}

fn prove(ruled: bool, part: &'static str) {
    let (tally, untold) = (Tally::default(), Tally::default());
    let (results, control) = std::thread::scope(|scope| {
        let houses: Vec<_> = (0..HOUSES).map(|_| scope.spawn(|| run(CASES, ruled, &UNTOLD, &tally))).collect();
        // Control: with one rule said otherwise (internal stays on this host), the same search finds a body out of place.
        let control = scope.spawn(|| run(4 * CASES, ruled, &[3, 0, 3, 1, 0], &untold));
        (houses.into_iter().map(|h| h.join().unwrap()).collect::<Vec<_>>(), control.join().unwrap())
    });
    for result in results {
        result.unwrap_or_else(|found| panic!("{}", found.why));
    }
    let (requests, bodies) = (tally.requests.into_inner(), tally.bodies.map(AtomicUsize::into_inner));
    assert!(bodies.iter().all(|n| *n >= 5), "too little arrived in a zone to prove anything: {bodies:?} of {requests}");
    let found = control.expect_err("the oracle sees nothing");
    assert!(found.why.contains("arrived at"), "{}", found.why);
    let what = if ruled { "policies with rules, tags and terms" } else { "policies" };
    Row {
        part,
        asserted: format!(
            "{} random {what} × places × faults: no body where its class may not be; bodies by zone, nearest first: {bodies:?}",
            HOUSES * CASES
        ),
        requests,
        frames: None,
        moved: None,
        controls: format!("a rule said otherwise: found, shrunk to {} request(s)", found.requests),
    }
    .write();
}
