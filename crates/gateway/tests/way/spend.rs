//! What a key may spend: money reserved before anything is sent and settled after, whatever becomes of it; limits per minute and
//! their headers; scopes. The sums of the budgets are those of the records.

use super::house::*;
use budget::{AccountId, Budgets, Level, OnBudget, Period, Terms};
use decide::{Cause, DataClass, Outcome, Record, Zone};
use gateway::{CareOptions, Hedge, Key, Limits};
use ring::digest::{SHA256, digest};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const AUTH: [(&str, &str); 1] = [("authorization", "Bearer dp_key")];
/// What [`answer`] costs: 10 tokens of prompt at 1,000 and 5 of answer at 2,000 nano-dollars.
const COST: i64 = 20_000;

fn now() -> u64 {
    u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

fn month(nanousd: i64) -> Terms {
    Terms { budget_nanousd: [None, None, Some(nanousd)], soft_permille: 800, ..Terms::default() }
}

/// The key "k" of the team "t" of the organisation "o", with these terms.
struct Desk {
    budgets: Budgets,
    key: Key,
}

fn desk(team: Terms, key: Terms) -> Desk {
    let budgets = Budgets::new();
    let ids =
        [AccountId::new(Level::Organisation, "o"), AccountId::new(Level::Team, "t"), AccountId::new(Level::Key, "k")];
    let terms = [Terms::default(), team, key];
    budgets.take_over(&ids.iter().cloned().zip(terms).collect::<Vec<_>>(), now());
    let secret = digest(&SHA256, b"dp_key").as_ref().try_into().unwrap();
    let key = Key {
        team: Some("o/t".into()),
        purse: budgets.purse(&ids),
        unpriced: Some(decide::Unpriced::Estimate),
        ..Key::named("k", secret)
    };
    Desk { budgets, key }
}

impl Desk {
    async fn house(&self, backends: &[Arc<Scripted>]) -> House {
        house_with(backends, Limits::default(), vec![self.key.clone()]).await
    }

    /// Spent and reserved this month; the same at every level.
    fn month(&self) -> (i64, i64) {
        let all = self.budgets.standings(now());
        let mut of: Vec<_> = all.iter().filter(|s| s.period == Period::Month).collect();
        let one = of.pop().unwrap();
        assert!(of.iter().all(|s| (s.spent_nanousd, s.reserved_nanousd) == (one.spent_nanousd, one.reserved_nanousd)));
        (one.spent_nanousd, one.reserved_nanousd)
    }

    /// Waits until nothing is under way, and gives what the records say was spent.
    async fn settled(&self, h: &House, records: usize) -> Vec<Record> {
        let records = h.settled(records).await;
        for _ in 0..200 {
            if self.month().1 == 0 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let sum: i64 = records.iter().filter_map(|r| r.full.or(r.cost)).map(|c| c.0).sum();
        assert_eq!(self.month(), (sum, 0), "the budget is the sum of the records: {records:#?}");
        records
    }
}

fn cloud(acts: Vec<Act>) -> Arc<Scripted> {
    Scripted::new("cloud", Zone::VendorCloud, acts)
}

#[tokio::test]
async fn an_attempt_reserves_the_most_it_may_cost_and_is_charged_what_it_did() {
    let desk = desk(Terms::default(), month(1_000_000));
    let h = desk.house(&[cloud(vec![Act::Plain(answer("Hello.")), good("Hello you")])]).await;
    assert_eq!(h.chat(r#","max_tokens":100"#, &AUTH).await.status, 200);
    assert_eq!(h.chat(r#","max_tokens":100,"stream":true"#, &AUTH).await.status, 200);
    let records = desk.settled(&h, 2).await;
    for r in &records {
        assert_eq!(r.team.as_deref(), Some("o/t"));
        let reserved = r.reserved.unwrap().0;
        assert!((200_000..250_000).contains(&reserved), "100 tokens at 2,000 and the prompt: {reserved}");
    }
    assert_eq!(desk.month(), (2 * COST, 0));
}

#[tokio::test]
async fn a_budget_without_room_refuses_in_the_dialect_and_says_whose_until_when_and_what_to_do() {
    let desk = desk(month(1_000), Terms::default());
    let h = desk.house(&[cloud(vec![])]).await;
    let got = h.chat("", &AUTH).await;
    assert_eq!(got.status, 429);
    assert_eq!(
        (got.json()["error"]["code"].as_str(), got.header("x-should-retry")),
        (Some("budget_exceeded"), "false")
    );
    let text = got.json()["error"]["message"].as_str().unwrap().to_owned();
    let reset = budget::Window::containing(Period::Month, now()).end_ms;
    for part in ["the team \"t\"", "for this month", &budget::rfc3339(reset), "Send max_tokens"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains("0.000001"), "not what others may spend: {text}");
    let wait: u64 = got.header("retry-after").parse().unwrap();
    assert!((1..=31 * 86_400).contains(&wait));
    let body = r#"{"model":"auto","max_tokens":99,"messages":[{"role":"user","content":"Say hello."}]}"#;
    let headers = [("x-api-key", "dp_key"), ("anthropic-version", "2023-06-01")];
    let got = h.call("POST", "/v1/messages", &headers, body).await;
    assert_eq!((got.status, got.json()["error"]["type"].as_str()), (429, Some("rate_limit_error")));
    let records = desk.settled(&h, 2).await;
    assert!(records.iter().all(|r| r.outcome == Outcome::Refused && r.error.as_deref() == Some("budget_exceeded")));
}

#[tokio::test]
async fn the_next_candidate_may_still_fit() {
    let desk = desk(Terms::default(), month(1_000));
    let free = Scripted::free("own", Zone::OwnNetwork, vec![Act::Plain(answer("Hello."))]);
    let h = desk.house(&[cloud(vec![]), free]).await;
    let got = h.chat("", &AUTH).await;
    assert_eq!((got.status, got.header("x-dewpoint-place")), (200, "own"));
    assert_eq!(desk.settled(&h, 1).await.len(), 1);
}

#[tokio::test]
async fn attempts_that_failed_were_outrun_or_cancelled_are_settled_too() {
    let desk = desk(month(100_000_000), month(100_000_000));
    let one = Scripted::new(
        "one",
        Zone::VendorCloud,
        vec![
            Act::Fail(Cause::UpstreamBusy),
            Act::Fail(Cause::Truncated),
            Act::Panic,
            Act::Break(chunks("Hello")[..2].to_vec()),
        ],
    );
    let two = Scripted::new("two", Zone::VendorCloud, vec![Act::Plain(answer("Hello.")), Act::Plain(answer("Hello."))]);
    let h = desk.house(&[one, two]).await;
    let body = |stream| {
        format!(
            r#"{{"model":"m","max_tokens":50,"stream":{stream},"messages":[{{"role":"user","content":"Hi there"}}]}}"#
        )
    };
    let call = async |stream| h.call("POST", "/v1/chat/completions", &AUTH, body(stream)).await.status;
    assert_eq!((call(false).await, call(false).await), (200, 200), "the second place answers");
    assert_eq!(call(false).await, 500, "a panic");
    let _ = call(true).await;
    let records = desk.settled(&h, 6).await;
    let panicked = records.iter().find(|r| r.error.as_deref() == Some("internal_error")).unwrap();
    assert!(panicked.cost.is_some(), "what was under way is charged at its estimate: {panicked:?}");
}

#[tokio::test]
async fn a_hedge_reserves_for_itself_and_the_one_that_is_outrun_is_settled() {
    let desk = desk(Terms::default(), month(100_000_000));
    let slow = Scripted::new("slow", Zone::VendorCloud, vec![Act::Hang, Act::Hang]);
    let fast = Scripted::new("fast", Zone::VendorCloud, vec![good("Hello you")]);
    let hedge = Hedge { after: Duration::from_millis(10), cost_max: decide::Nanousd(i64::MAX) };
    let care = CareOptions { hedge: Some(hedge), ..CareOptions::default() };
    let h = house_of(&[slow, fast], Limits::default(), vec![desk.key.clone()], care).await;
    let body = r#"{"model":"m","max_tokens":50,"stream":true,"messages":[{"role":"user","content":"Hi"}]}"#;
    assert_eq!(h.call("POST", "/v1/chat/completions", &AUTH, body).await.status, 200);
    let records = desk.settled(&h, 1).await;
    assert!(records.iter().all(|r| r.reserved.is_some_and(|n| n.0 >= 100_000)), "{records:?}");
}

#[tokio::test]
async fn a_thousand_at_once_against_a_hundred() {
    let unit = 60_000;
    let desk = desk(month(100 * unit), Terms::default());
    let acts =
        (0..1_000).map(|_| Act::After(Duration::from_millis(20), Box::new(Act::Plain(answer("Hello."))))).collect();
    let backend = cloud(acts);
    let h = Arc::new(house_with(std::slice::from_ref(&backend), Limits::default(), vec![desk.key.clone()]).await);
    h.kept.room.store(10_000, std::sync::atomic::Ordering::SeqCst);
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..1_000 {
        let h = h.clone();
        tasks.spawn(async move { h.chat(r#","max_tokens":25"#, &AUTH).await.status });
    }
    let statuses = tasks.join_all().await;
    let records = desk.settled(&h, 1_000).await;
    assert_eq!(records.len(), 1_000, "none lost");
    assert!(statuses.iter().all(|s| matches!(s, 200 | 429)));
    let answered = statuses.iter().filter(|s| **s == 200).count();
    assert!(answered >= 80, "{answered}");
    assert!(desk.month().0 <= 100 * unit, "{:?}", desk.month());
}

#[tokio::test]
async fn what_is_billed_above_what_was_reserved_is_reported() {
    let desk = desk(Terms::default(), month(1_000_000));
    let mut more = answer("Hello.");
    more.usage = Some(wire::Usage { input: 10, output: 500, ..wire::Usage::default() });
    let h = desk.house(&[cloud(vec![Act::Plain(more)])]).await;
    assert_eq!(h.chat(r#","max_tokens":20"#, &AUTH).await.status, 200);
    let records = desk.settled(&h, 1).await;
    let over = records[0].cost.unwrap().0 - records[0].reserved.unwrap().0;
    assert!(over > 900_000);
    let key = desk.budgets.standings(now()).into_iter().find(|s| s.account.level == Level::Key).unwrap();
    assert_eq!(key.over_nanousd, over);
    assert_eq!(h.chat(r#","max_tokens":1"#, &AUTH).await.status, 429, "and counts");
}

#[tokio::test]
async fn above_the_soft_share_a_request_says_that_it_wants_the_cheapest() {
    for (on_budget, degrades) in [(OnBudget::Degrade, true), (OnBudget::Refuse, false)] {
        let desk = desk(Terms::default(), Terms { on_budget, ..month(1_000_000) });
        let purse = desk.key.purse.clone().unwrap();
        assert!(!purse.mood(now()).degrade);
        let _ = purse.reserve(now(), 800_000).unwrap().settle(800_000);
        assert_eq!(purse.mood(now()).degrade, degrades);
    }
}

#[tokio::test]
async fn limits_per_minute_refuse_with_a_wait_and_every_answer_says_how_they_stand() {
    let limits = Terms { requests_per_minute: Some(2), tokens_per_minute: Some(1_000), ..Terms::default() };
    let desk = desk(Terms::default(), limits);
    let h = desk.house(&[cloud(vec![Act::Plain(answer("Hello.")), Act::Plain(answer("Hello."))])]).await;
    let first = h.chat("", &AUTH).await;
    assert_eq!(first.status, 200);
    assert_eq!(
        (first.header("x-ratelimit-limit-requests"), first.header("x-ratelimit-remaining-requests")),
        ("2", "1")
    );
    assert_eq!(first.header("x-ratelimit-limit-tokens"), "1000");
    assert!(first.header("x-ratelimit-reset-requests").ends_with('s'));
    assert_eq!(h.chat("", &AUTH).await.status, 200);
    let third = h.chat("", &AUTH).await;
    assert_eq!((third.status, third.json()["error"]["code"].as_str()), (429, Some("rate_limit_exceeded")));
    assert!(third.text().contains("2 requests per minute of the key"), "{}", third.text());
    let wait: u64 = third.header("retry-after").parse().unwrap();
    assert!((1..=30).contains(&wait), "{wait}");
    assert_eq!(third.header("x-ratelimit-remaining-requests"), "0");
    let headers = [("x-api-key", "dp_key"), ("anthropic-version", "2023-06-01")];
    let got = h.call("POST", "/v1/messages", &headers, "{").await;
    assert_eq!(got.status, 400, "every answer, also to what is malformed");
    assert_eq!(got.header("anthropic-ratelimit-requests-remaining"), "0");
    assert!(got.header("anthropic-ratelimit-requests-reset").ends_with('Z'));
    assert!(got.headers.get("x-ratelimit-limit-requests").is_none());
}

#[tokio::test]
async fn tokens_are_counted_as_expected_and_then_as_they_were() {
    let desk = desk(Terms::default(), Terms { tokens_per_minute: Some(100_000), ..Terms::default() });
    let h = desk.house(&[cloud(vec![Act::Plain(answer("Hello."))])]).await;
    assert_eq!(h.chat("", &AUTH).await.status, 200);
    desk.settled(&h, 1).await;
    let purse = desk.key.purse.clone().unwrap();
    for _ in 0..200 {
        if purse.rates(now()).tokens.unwrap().remaining >= 99_985 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(purse.rates(now()).tokens.unwrap().remaining >= 99_985, "15 tokens were used");
    let tight = self::desk(Terms::default(), Terms { tokens_per_minute: Some(5), ..Terms::default() });
    let h = tight.house(&[cloud(vec![])]).await;
    let got = h.chat("", &AUTH).await;
    assert_eq!(got.status, 429);
    assert!(got.text().contains("can never pass") && got.headers.get("retry-after").is_none(), "{}", got.text());
}

#[tokio::test]
async fn scopes_of_routes_and_classes_hold() {
    let mut desk = desk(Terms::default(), Terms::default());
    desk.key.routes = Some(vec!["auto:cheap".into()]);
    desk.key.class_max = Some(DataClass::Internal);
    let h = desk.house(&[cloud(vec![Act::Plain(answer("Hello."))])]).await;
    let got = h.chat("", &AUTH).await;
    assert_eq!((got.status, got.json()["error"]["param"].as_str()), (403, Some("model")));
    let body = r#"{"model":"auto:cheap","messages":[{"role":"user","content":"Hi"}]}"#;
    let classed = [AUTH[0], ("x-dewpoint-class", "secret")];
    let got = h.call("POST", "/v1/chat/completions", &classed, body).await;
    assert_eq!((got.status, got.json()["error"]["param"].as_str()), (403, Some("x-dewpoint-class")));
    assert_eq!(h.call("POST", "/v1/chat/completions", &AUTH, body).await.status, 200);
    let listed = h.call("GET", "/v1/models", &AUTH, "").await.json();
    let names: Vec<_> = listed["data"].as_array().unwrap().iter().map(|m| m["id"].as_str().unwrap()).collect();
    assert_eq!(names, ["auto:cheap"], "what it may not ask for is not listed");
}

#[tokio::test]
async fn without_a_price_a_budget_is_not_bypassed_unless_the_key_says_so() {
    for (unpriced, status) in [(decide::Unpriced::Estimate, 403), (decide::Unpriced::Allow, 200)] {
        let mut desk = desk(Terms::default(), month(1_000_000));
        desk.key.unpriced = Some(unpriced);
        let backend = Scripted::unpriced("cloud", Zone::VendorCloud, vec![Act::Plain(answer("Hello."))]);
        let h = desk.house(&[backend]).await;
        assert_eq!(h.chat("", &AUTH).await.status, status, "{unpriced:?}");
        assert_eq!(desk.settled(&h, 1).await.len(), 1);
    }
}

#[tokio::test]
async fn a_doubted_answer_its_helper_and_the_one_that_is_shown_are_all_charged() {
    let desk = desk(month(10_000_000_000), Terms::default());
    let weak = Scripted::named("edge", "small-8b", vec![Act::Plain(answer("7")), Act::Plain(answer(" "))]);
    let helper = Scripted::new("h1", Zone::OwnNetwork, vec![Act::Plain(answer("8"))]);
    let h = desk.house(&[weak, helper, cloud(vec![Act::Plain(answer("8")), Act::Plain(answer("Well."))])]).await;
    let helpers = vec![decide::Target { place: "h1".into(), model: "m".into() }];
    let cascade = decide::Cascade { helpers, ..decide::Cascade::default() };
    h.policy.store(Arc::new(decide::Policy { cascade, ..decide::Policy::default() }));
    for (records, calls) in [(3, 3), (5, 2)] {
        let got = h.chat("", &AUTH).await;
        assert_eq!((got.status, got.header("x-dewpoint-place")), (200, "cloud"), "{:?}", got.headers);
        let settled = desk.settled(&h, records).await;
        assert!(settled.iter().all(|r| r.team.as_deref() == Some("o/t") && r.reserved.is_some()));
        assert_eq!(got.header("x-dewpoint-cost-usd"), decide::Nanousd(calls * COST).to_string());
    }
    assert_eq!(desk.month(), (5 * COST, 0));
}
