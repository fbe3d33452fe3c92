//! Properties of expected quality: what a better ability, more evidence and an unfamiliar prompt may and may not do.
#![allow(clippy::unwrap_used, missing_docs)]

use decide::*;
use proptest::prelude::*;
use std::sync::Arc;

const RANKS_OF: [Rank; 4] = [Rank::Edge, Rank::Local, Rank::Large, Rank::Frontier];

#[derive(Debug, Clone)]
struct Spec {
    rank: usize,
    prior: (u64, u64),
    evidence: (u64, u64),
    dollars: Option<i64>,
    level: Option<u16>,
}

fn belief((good, bad): (u64, u64)) -> Belief {
    Belief { good_milli: good, bad_milli: bad }
}

/// A place for each, priced by the token: nothing but quality and money decides.
fn fleet(specs: &[Spec]) -> Fleet {
    let place = |(i, s): (usize, &Spec)| {
        let tier = [Tier::Edge, Tier::Local, Tier::Cloud, Tier::Cloud][s.rank];
        let ability =
            Ability { rank: RANKS_OF[s.rank], tasks: [belief(s.prior); Task::ALL.len()], source: "test".into() };
        let model = Model {
            id: "m".into(),
            price: s.dollars.map(|d| Price::plain(d * 1_000_000, d * 4_000_000, None, "test")),
            quality_permille: s.level,
            ability: Some(ability.into()),
            ..Model::default()
        };
        let place = Place {
            id: PlaceId::new(&format!("p{i}")),
            api: Api::Openai,
            tier,
            kind: Kind::Serverless,
            zone: Zone::VendorCloud,
            provider: "x".into(),
            terms: decide::Terms::default(),
            economics: None,
        };
        PlaceState { place: Arc::new(place), models: vec![Arc::new(model)], health: Health::Up, load: Load::default() }
    };
    Fleet { version: 1, places: specs.iter().enumerate().map(place).collect() }
}

struct Team(Vec<Belief>);

impl Live for Team {
    fn standing(&self, _: &PlaceId) -> Option<Standing> {
        None
    }

    fn chance(&self) -> u64 {
        0
    }

    fn evidence(&self, place: &PlaceId, _: &str, _: Task) -> Option<Belief> {
        let at: usize = place.as_str()[1..].parse().unwrap();
        Some(self.0[at]).filter(|b| *b != Belief::default())
    }
}

fn decided(specs: &[Spec], need: &Need, policy: &Policy) -> Verdict {
    choose_live(need, &fleet(specs), policy, &Team(specs.iter().map(|s| belief(s.evidence)).collect()))
}

fn position(verdict: &Verdict, place: usize) -> usize {
    verdict.order.iter().position(|c| c.place.id.as_str() == format!("p{place}")).unwrap()
}

fn spec() -> impl Strategy<Value = Spec> {
    let counts = || (0..60_000u64, 0..60_000u64);
    (
        0..4usize,
        counts(),
        prop_oneof![Just((0, 0)), counts()],
        prop::option::of(0..3_000i64),
        prop::option::of(0..=1000u16),
    )
        .prop_map(|(rank, prior, evidence, dollars, level)| Spec { rank, prior, evidence, dollars, level })
}

fn outlook() -> impl Strategy<Value = Option<Outlook>> {
    prop::option::of(
        (prop::array::uniform4(0..=1000u16), any::<bool>())
            .prop_map(|(good_permille, unfamiliar)| Outlook { good_permille, unfamiliar }),
    )
}

fn need() -> impl Strategy<Value = Need> {
    let names = prop::sample::select(vec!["auto", "auto:cheap", "auto:best", "auto:fast"]);
    (names, outlook(), 0..=1000u16, 0..3_000u32).prop_map(|(name, outlook, difficulty, tokens)| Need {
        model: name.into(),
        task: Task::Math,
        outlook,
        difficulty: Difficulty(difficulty),
        input_tokens: tokens,
        output_tokens: 300,
        ..Need::default()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    /// With what is priced by the token. Where a busy place's capacity has a price, that price follows the alternative, and a place that
    /// becomes sufficient can be worth more elsewhere.
    #[test]
    fn a_better_ability_or_better_evidence_never_lowers_a_place(
        specs in prop::collection::vec(spec(), 1..6), need in need(), which in any::<prop::sample::Index>(),
        more in 0..50_000u64, of_the_team in any::<bool>(),
    ) {
        let policy = Policy::default();
        let at = which.index(specs.len());
        let before = position(&decided(&specs, &need, &policy), at);
        let mut better = specs.clone();
        let counts = if of_the_team { &mut better[at].evidence } else { &mut better[at].prior };
        counts.0 += more;
        // The same sum of observations of the team or of exams weighs the rest the same: only the share changes.
        counts.1 = counts.1.saturating_sub(more);
        let after = position(&decided(&better, &need, &policy), at);
        prop_assert!(after <= before, "{before} to {after}");
    }

    #[test]
    fn evidence_moves_a_place_smoothly(spec in spec(), need in need(), good in any::<bool>()) {
        let quality = |s: &Spec| decided(std::slice::from_ref(s), &need, &Policy::default()).order[0].reason.quality_permille;
        let mut one_more = spec.clone();
        if good { one_more.evidence.0 += 1_000 } else { one_more.evidence.1 += 1_000 }
        let (before, after) = (quality(&spec), quality(&one_more));
        prop_assert!(if good { after >= before } else { after <= before }, "{before} to {after}");
        prop_assert!(before.abs_diff(after) <= 40, "one observation: {before} to {after}");
    }

    #[test]
    fn an_unfamiliar_prompt_is_decided_as_if_nothing_were_trained(
        specs in prop::collection::vec(spec(), 1..6), need in need(), told in prop::array::uniform4(0..=1000u16),
    ) {
        let policy = Policy::default();
        let without = Need { outlook: None, ..need.clone() };
        let unfamiliar = Need { outlook: Some(Outlook { good_permille: told, unfamiliar: true }), ..need };
        let (a, b) = (decided(&specs, &without, &policy), decided(&specs, &unfamiliar, &policy));
        prop_assert_eq!((&a.order, a.enough_permille), (&b.order, b.enough_permille));
    }

    #[test]
    fn the_same_inputs_give_the_same_verdict_and_its_terms_add_up(
        specs in prop::collection::vec(spec(), 1..6), need in need(), thrift in 0..5_000u32,
    ) {
        let policy = Policy { second_value: Nanousd(1_000_000), ..Policy::default() };
        let need = Need { thrift_permille: thrift, ..need };
        let verdict = decided(&specs, &need, &policy);
        prop_assert_eq!(&verdict, &decided(&specs, &need, &policy));
        let sums = verdict.sums(&need, &policy);
        prop_assert_eq!(sums.len(), verdict.order.len());
        for (candidate, sum) in verdict.order.iter().zip(sums) {
            prop_assert_eq!(sum.utility(), candidate.reason.utility_nanousd);
        }
    }

    /// The best that may answer is always enough where chances are known, and what is enough loses no more than was allowed.
    #[test]
    fn what_is_sufficient_loses_no_more_than_allowed(
        specs in prop::collection::vec(spec(), 1..6), need in need(), told in prop::array::uniform4(0..=1000u16), loss in 0..200u16,
    ) {
        let cascade = Cascade { max_quality_loss_permille: Some(loss), ..Cascade::default() };
        // Quality is worth more than any price here: else a price can be worth a little of it.
        let policy = Policy { cascade, quality_value: Nanousd(1_000_000_000_000_000), ..Policy::default() };
        let need = Need { model: "auto".into(), outlook: Some(Outlook { good_permille: told, unfamiliar: false }), ..need };
        let verdict = decided(&specs, &need, &policy);
        let best = verdict.order.iter().map(|c| c.reason.quality_permille).max().unwrap();
        prop_assert!(verdict.order.iter().any(|c| c.reason.sufficient));
        prop_assert!(verdict.order[0].reason.sufficient, "what is enough comes before what is not");
        prop_assert!(verdict.order[0].reason.quality_permille + loss >= best);
    }
}

#[test]
fn a_familiar_prompt_goes_to_the_cheapest_that_is_nearly_as_good() {
    let spec = |rank, dollars| Spec { rank, prior: (0, 0), evidence: (0, 0), dollars: Some(dollars), level: None };
    let specs = [spec(0, 0), spec(1, 10), spec(3, 2_000)];
    let first = |good_permille| {
        let outlook = Some(Outlook { good_permille, unfamiliar: false });
        let need =
            Need { model: "auto".into(), outlook, difficulty: Difficulty(999), output_tokens: 300, ..Need::default() };
        let verdict = decided(&specs, &need, &Policy::default());
        (verdict.order[0].place.id.to_string(), verdict.summary())
    };
    assert_eq!(first([900, 940, 960, 990]).0, "p0", "the difficulty of words no longer counts");
    assert_eq!(first([600, 900, 960, 990]).0, "p1");
    let (place, summary) = first([300, 600, 700, 900]);
    assert_eq!(place, "p2");
    let expected =
        "sufficient;task=chat;difficulty=999;outlook=300/600/700/900;class=internal;chosen=p2/m;quality=900;of=3";
    assert_eq!(summary, expected);
}

#[test]
fn the_teams_evidence_stands_in_the_verdict() {
    let spec = Spec { rank: 1, prior: (0, 0), evidence: (11_600, 0), dollars: Some(1), level: None };
    let need = Need { model: "auto".into(), difficulty: Difficulty(100), ..Need::default() };
    let verdict = decided(&[spec], &need, &Policy::default());
    assert!(verdict.summary().contains(";evidence=12;"), "{}", verdict.summary());
    let json = serde_json::to_value(&verdict).unwrap();
    assert_eq!(json["order"][0]["reason"]["evidence"]["good_milli"], 11_600);
}
