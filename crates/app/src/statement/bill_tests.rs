//! Tests of reading bills.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;
use proptest::prelude::*;

fn line(bill: &Bill, day: &str, model: &str) -> (Option<i128>, Option<i128>, Option<i128>) {
    let billed = &bill.lines[&(Day::parse(day).unwrap(), model.to_owned())];
    (billed.input, billed.output, billed.cost_nanousd())
}

#[test]
fn the_simple_form() {
    let bill = read(
        "day,model,input_tokens,output_tokens,cost_usd\n2026-09-01,gpt-5,10,2,0.000000001\n\
         2026-09-01,gpt-5,5,1,0.5\n2026-09-02,\"gpt-5\",,,1.25\n",
    )
    .unwrap();
    assert_eq!(bill.bad_total, 0, "{bill:?}");
    assert_eq!(line(&bill, "2026-09-01", "gpt-5"), (Some(15), Some(3), Some(500_000_001)));
    assert_eq!(line(&bill, "2026-09-02", "gpt-5"), (None, None, Some(1_250_000_000)));
}

#[test]
fn openai_usage_and_costs_as_exported() {
    let usage = "\u{feff}start_time,end_time,start_time_iso,end_time_iso,project_id,num_model_requests,user_id,api_key_id,model,batch,\
        service_tier,input_tokens,output_tokens,input_cached_tokens\n\
        1785542400,1785628800,2026-08-01T00:00:00+00:00,2026-08-02T00:00:00+00:00,p,3,,k,gpt-5-mini-2025-08-07,,,1200,90,512\n\
        1785628800,1785715200,2026-08-02T00:00:00+00:00,2026-08-03T00:00:00+00:00,,,,,,,,,,\n";
    let bill = read(usage).unwrap();
    assert_eq!((bill.bad_total, bill.lines.len()), (0, 1), "{bill:?}");
    assert_eq!(line(&bill, "2026-08-01", "gpt-5-mini"), (Some(1200), Some(90), None));
    let costs = "start_time\tend_time\tamount_value\tamount_currency\tline_item\tproject_id\n\
        1785542400\t1785628800\t0.8958740000000000\tusd\tgpt-5-mini-2025-08-07, input\t\n\
        1785542400\t1785628800\t1e-3\tusd\tgpt-5-mini-2025-08-07, output\t\n\
        1785542400\t1785628800\t1\teur\tgpt-5\t\n";
    let bill = read(costs).unwrap();
    assert_eq!(line(&bill, "2026-08-01", "gpt-5-mini"), (None, None, Some(896_874_000)));
    assert!(bill.bad[0].starts_with("line 4: ") && bill.bad[0].contains("only US dollars"), "{:?}", bill.bad);
    let json = r#"{"object":"page","has_more":false,"data":[{"object":"bucket","start_time":1785542400,"end_time":1785628800,
        "results":[{"amount":{"value":0.06,"currency":"usd"},"line_item":"gpt-5, input"},{"input_tokens":7,"output_tokens":1,"model":"gpt-5"}]}]}"#;
    let bill = read(json).unwrap();
    assert_eq!(line(&bill, "2026-08-01", "gpt-5"), (Some(7), Some(1), Some(60_000_000)));
}

#[test]
fn anthropic_usage_and_costs_as_exported() {
    let usage = "usage_date_utc,model_version,api_key,workspace,usage_type,context_window,usage_input_tokens_no_cache,\
        usage_input_tokens_cache_write_5m,usage_input_tokens_cache_write_1h,usage_input_tokens_cache_read,usage_output_tokens,web_search_count\n\
        2026-08-01,claude-sonnet-4-5-20250929,k,Default,standard,≤ 200k,100,20,3,400,50,0\n";
    let bill = read(usage).unwrap();
    assert_eq!(line(&bill, "2026-08-01", "claude-sonnet-4-5"), (Some(523), Some(50), None));
    let costs = "usage_date_utc,model,workspace,cost_usd\n2026-08-01,claude-sonnet-4-5,Default,1.27\n";
    assert_eq!(line(&read(costs).unwrap(), "2026-08-01", "claude-sonnet-4-5"), (None, None, Some(1_270_000_000)));
    let json = r#"{"data":[{"starting_at":"2026-08-01T00:00:00Z","ending_at":"2026-08-02T00:00:00Z","results":[
        {"currency":"USD","amount":"123.78912","model":"claude-opus-4-5-20251101"},
        {"uncached_input_tokens":1500,"cache_creation":{"ephemeral_1h_input_tokens":1000,"ephemeral_5m_input_tokens":500},
         "cache_read_input_tokens":200,"output_tokens":500,"model":"claude-opus-4-5-20251101"}]}],"has_more":true}"#;
    let bill = read(json).unwrap();
    assert_eq!(line(&bill, "2026-08-01", "claude-opus-4-5"), (Some(3200), Some(500), Some(1_237_891_200)));
    assert!(bill.bad[0].contains("one page of several"), "{:?}", bill.bad);
}

#[test]
fn bad_lines_are_named_and_left_out() {
    let text = "day,model,input_tokens,output_tokens,cost_usd\n2026-02-30,m,1,1,1\n2026-02-20,m,-1,1,1\n2026-02-20,m,1,1,$3\n\
        2026-02-20,m,1,1,1\nrubbish\n2026-02-20,m,99999999999999999999,1,1\n";
    let bill = read(text).unwrap();
    assert_eq!(bill.bad_total, 5, "{:?}", bill.bad);
    let starts = [
        "line 2: \"2026-02-30\" is not a day",
        "line 3: \"-1\" is no number",
        "line 4: \"$3\" is no amount",
        "line 6: \"rubbish\"",
        "line 7: ",
    ];
    assert!(bill.bad.iter().zip(starts).all(|(bad, start)| bad.starts_with(start)), "{:?}", bill.bad);
    assert_eq!(line(&bill, "2026-02-20", "m"), (Some(1), Some(1), Some(1_000_000_000)));
    for (whole, says) in [
        ("", "no day"),
        ("a,b\n1,2\n", "names no day"),
        ("day,model\n", "neither tokens nor costs"),
        ("{}", "no list"),
        ("[", "no JSON"),
    ] {
        assert!(read(whole).unwrap_err().contains(says), "{whole}: {:?}", read(whole));
    }
}

#[test]
fn amounts_at_the_bounds() {
    for (text, value) in [
        ("0", 0),
        ("-1.5", -1_500_000_000_000_000_000),
        ("1e-18", 1),
        ("1e-19", 0),
        ("0.0", 0),
        ("12E2", 1_200_000_000_000_000_000_000),
    ] {
        assert_eq!(atto(text), Ok(value), "{text}");
    }
    assert!(atto("1000000000000").is_ok() && atto("1000000000000.1").is_err());
    for bad in ["", ".", ".5", "1,5", "1e", "1e99", "--1", "NaN", "inf", "0x1", "1 "] {
        assert!(atto(bad).is_err(), "{bad}");
    }
    assert_eq!(
        ["gpt-5", "a-20251101", "-20251101", "x-2025-1-01"].map(called),
        ["gpt-5", "a", "-20251101", "x-2025-1-01"]
    );
}

proptest! {
    #[test]
    fn whatever_comes_never_panics(text in "\\PC{0,300}", head in 0usize..4) {
        let heads = ["", "day,model,input_tokens,output_tokens,cost_usd\n", "start_time,amount_value,line_item\n", "[{\"day\":"];
        let _ = read(&format!("{}{text}", heads[head]));
    }

    #[test]
    fn amounts_read_as_they_are_shown(nano: i64, more in 0u32..4) {
        let text = format!("{}{}", super::super::shown::exact(nano.into()), "0".repeat(more as usize));
        prop_assert_eq!(atto(&text), Ok(i128::from(nano) * 1_000_000_000));
    }

    /// Lines add up, in whichever order they come.
    #[test]
    fn lines_add_up(lines in proptest::collection::vec((0u32..3, 0usize..3, 0u32..1000, 0u32..1000, 0i64..2_000_000_000), 0..40)) {
        let mut text = "day,model,input_tokens,output_tokens,cost_usd\n".to_owned();
        for (day, model, input, output, nano) in &lines {
            let cost = super::super::shown::exact((*nano).into());
            text += &format!("{},m{model},{input},{output},{cost}\n", Day(20_000 + day));
        }
        let bill = read(&text).unwrap();
        prop_assert_eq!(bill.bad_total, 0);
        let sum: i128 = bill.lines.values().filter_map(Billed::cost_nanousd).sum();
        prop_assert_eq!(sum, lines.iter().map(|l| i128::from(l.4)).sum::<i128>());
        let tokens: i128 = bill.lines.values().filter_map(|b| b.input).sum();
        prop_assert_eq!(tokens, lines.iter().map(|l| i128::from(l.2)).sum::<i128>());
    }
}
