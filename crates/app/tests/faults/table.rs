//! The table of faults: what each promises, and by which tests it holds. `docs/book/faults.md` is written from it.
//!
//! To change a row: set its state, then `DEWPOINT_BLESS=1 cargo test --release -p app --test faults table` writes the page.
//!
//! Never here: tests of faults.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// How it stands with a fault.
enum State {
    /// It holds, by these tests, wherever in the sources they are.
    Holds(&'static [&'static str]),
    /// There is nothing here that it could happen to.
    #[allow(dead_code, reason = "no row has it at present; the state belongs to the table")]
    DoesNotApply(&'static str),
    /// Not yet, for this reason; the tests that there are already.
    NotYet(&'static str, &'static [&'static str]),
}
use State::{DoesNotApply, Holds, NotYet};

/// One row.
struct Fault(u8, &'static str, &'static str, State);

/// The chapters, by the number of their first fault.
const CHAPTERS: [(u8, &str); 4] = [
    (1, "What clients do"),
    (27, "What upstreams do"),
    (47, "Load and slow places"),
    (51, "Own process, disk and clock"),
];

#[rustfmt::skip]
const FAULTS: [Fault; 64] = [
    Fault(1, "Body that is no object", "Truncated JSON, a trailing comma, nothing, `null`, a list, a number: 400 `invalid_request_error` at once; nothing goes upstream.",
        Holds(&["fault_01_a_body_that_is_no_object_is_refused_at_once"])),
    Fault(2, "Wrong types", "`messages` as a string, `temperature` \"hot\", numbers past every range: 400 that names the field.",
        Holds(&["fault_02_wrong_types_are_refused_by_name"])),
    Fault(3, "Unknown fields", "Forwarded or left out as the dialect says; never a 500.",
        Holds(&["fault_03_unknown_fields_are_forwarded_to_their_own_dialect"])),
    Fault(4, "Doubled keys", "A key that matters and stands twice (`model`, `stream`) is refused, so that what was checked is what is forwarded.",
        Holds(&["fault_04_doubled_keys_are_refused"])),
    Fault(5, "Depth", "Ten thousand levels or a million brackets: 400 before the stack is used.",
        Holds(&["fault_05_depth_is_refused_before_the_stack_is_used"])),
    Fault(6, "Size", "A million messages, 100,000 tools, one string of 10 MB: refused by a limit; memory stays within twice the limit of a body.",
        NotYet("all are refused and memory is bounded, but a million tiny messages (28 MiB) take 90 MiB at the peak, where twice the limit of a body is 61", &["fault_06_size_is_bounded_in_number_and_in_memory"])),
    Fault(7, "Body over the limit", "With a length: 413 without reading it. Without one: cut at the limit, and the connection ends.",
        Holds(&["fault_07_a_body_over_the_limit_is_not_read"])),
    Fault(8, "Compression bombs", "Compressed bodies are not accepted: 415 before anything is unpacked.",
        Holds(&["fault_08_compressed_bodies_are_not_unpacked"])),
    Fault(9, "Text that is no text", "Invalid UTF-8, lone surrogates, NUL, a byte order mark, overlong forms: refused, or kept exactly.",
        Holds(&["fault_09_text_that_is_no_text_is_refused_or_kept"])),
    Fault(10, "Slow writers", "Heads and bodies that come a byte at a time end with 408 or a closed connection; a thousand of them do not slow others.",
        Holds(&["fault_10_slow_heads_and_bodies_end_with_408", "fault_10_a_body_that_keeps_coming_is_read", "fault_10_a_thousand_slow_clients_do_not_slow_others"])),
    Fault(11, "Slow readers", "A stream that is read a byte a second: a bounded buffer, pressure back to the upstream, then the deadline; nothing grows.",
        Holds(&["fault_11_a_slow_reader_is_bounded_and_then_cut", "fault_11_a_reader_who_does_not_read_holds_little_and_is_let_go"])),
    Fault(12, "Clients that leave", "Before the first token, in the middle, one chunk before the usage: the upstream is let go within 100 ms, and what was seen is settled.",
        Holds(&["fault_12_the_upstream_of_a_client_that_left_is_let_go", "fault_12_a_client_that_left_before_a_plain_answer_is_noticed", "fault_12_a_reset_cancels_before_the_first_content_and_in_a_stream"])),
    Fault(13, "Half-closed connections", "A client that has said all and closed its half is answered; a reset is a client that left.",
        Holds(&["fault_13_a_half_closed_client_is_answered", "fault_13_half_close_is_still_answered", "fault_13_a_client_that_closed_for_good_is_noticed_within_100_ms", "fault_13_a_body_that_ends_early_is_refused_at_once", "fault_13_pipelined_requests_before_a_half_close_are_all_answered"])),
    Fault(14, "Odd but lawful HTTP", "Pipelining, `Expect: 100-continue`, HEAD and OPTIONS, HTTP/1.0, absolute targets, HTTP/2 without TLS: as the RFCs say.",
        Holds(&["fault_14_odd_but_lawful_http_is_served", "fault_14_http_2_without_tls_is_served"])),
    Fault(15, "Smuggling", "Length and chunks at once, two lengths, `xchunked`, folded lines, bare line feeds, a space before the colon: 400 and the end of the connection; nothing goes upstream.",
        Holds(&["fault_15_smuggling_is_refused_and_the_connection_ends", "fault_15_what_follows_a_refusal_is_not_read"])),
    Fault(16, "HTTP/2 floods", "Rapid resets, CONTINUATION, SETTINGS and PING floods, header bombs: GOAWAY, with bounded work.",
        Holds(&["fault_16_rapid_resets_end_the_connection", "fault_16_continuation_without_end_ends_the_connection", "fault_16_a_header_bomb_is_not_unpacked", "fault_16_settings_and_pings_cost_bounded_memory"])),
    Fault(17, "Large heads", "64 kB in one header, or 500 headers: 431.",
        Holds(&["fault_17_large_heads_are_431"])),
    Fault(18, "Host tricks", "A malformed host, none, two: 400, and the same answer to who asks.",
        Holds(&["fault_18_host_tricks_are_refused_alike"])),
    Fault(19, "Path tricks", "Doubled slashes, encoded dots, a slash at the end, other case: 404; never a match that skips the key.",
        Holds(&["fault_19_path_tricks_match_nothing"])),
    Fault(20, "Model names", "Paths, NUL, ten thousand characters, look-alikes, URLs: 400 or 404; no file and no socket is touched.",
        Holds(&["fault_20_model_names_are_names"])),
    Fault(21, "Addresses in requests", "No address in a request is ever dialled; forbidden addresses are refused in the dialer, behind name resolution, and never with our keys.",
        Holds(&["fault_21_no_address_in_a_request_is_dialled"])),
    Fault(22, "Keys", "None, wrong, of somebody else, revoked, with SQL or format strings in it, a megabyte long: 401 or 403, in the same time.",
        Holds(&["fault_22_keys_are_known_or_refused", "fault_22_a_nearly_right_key_takes_no_longer", "fault_22_a_revoked_key_is_refused_from_then_on_and_its_stream_finishes"])),
    Fault(23, "Prompts that give orders", "Text that asks for another place, false roles, false frames: no effect on place, class or framing.",
        Holds(&["fault_23_prompts_give_no_orders"])),
    Fault(24, "Parts that may not leave", "An image or a file in a class that forbids the cloud is answered at home or refused.",
        Holds(&["fault_24_parts_do_not_leave_in_a_class_that_forbids_it"])),
    Fault(25, "Numbers past reason", "`n` = 1000, 2^63 tokens, negative counts: limited or 400; no reservation overflows.",
        Holds(&["fault_25_numbers_past_reason_are_refused_or_limited"])),
    Fault(26, "Idempotency-Key", "The same key twice at once, afterwards, or with another body: one execution, its replay, or a refusal.",
        Holds(&["fault_26_a_repeated_key_gives_the_first_answer_again", "fault_26_the_same_key_twice_at_once_is_carried_out_once", "fault_26_a_failure_is_not_kept"])),
    Fault(27, "Connection refused", "The next place that may answer does, else 502; what was not sent costs nothing.",
        Holds(&["fault_27_a_refused_connection_is_replaced"])),
    Fault(28, "Names that do not resolve", "No such name, a failing or a silent resolver, an empty answer: the next place answers, else 502; nothing else waits for it.",
        NotYet("a resolver that is silent is not simulated yet", &["fault_28_a_name_that_does_not_resolve_is_replaced"])),
    Fault(29, "Bad TLS", "Expired, another name, self-signed, an unknown authority, a handshake that stalls: no connection, no downgrade, no storm of retries.",
        Holds(&["fault_29_a_certificate_that_proves_nothing_gets_nothing", "fault_29_a_handshake_that_stalls_has_a_deadline"])),
    Fault(30, "Black holes", "A place that accepts and never answers runs into its deadline, and the next one answers.",
        Holds(&["fault_30_a_place_that_never_answers_runs_into_its_deadline"])),
    Fault(31, "Reset at every byte", "A recorded response is cut at every offset: before the first content the next place answers; after it the stream ends with an error event, never as if it were whole; what came is settled.",
        Holds(&["fault_31_a_reset_at_every_byte_of_a_plain_answer", "fault_31_a_reset_at_every_byte_of_a_stream"])),
    Fault(32, "An end that is none", "A body that ends without its terminal event or its last chunk is truncated, not an answer.",
        Holds(&["fault_32_an_end_at_every_byte_of_a_plain_answer", "fault_32_an_end_at_every_byte_of_a_stream", "fault_32_an_end_without_its_terminal_event_is_truncated"])),
    Fault(33, "Stalls", "The caller gets comments that keep the connection; the gap's deadline ends the stream as a reset does.",
        NotYet("the comments while a place is silent are not tested yet", &["fault_33_a_stall_for_ever_ends_at_the_gaps_deadline", "fault_33_a_stall_that_ends_costs_nothing"])),
    Fault(34, "Framing", "A byte per segment, all frames in one, CR, LF or both, several `data:` lines, comments, ids, a byte order mark: the same answer.",
        Holds(&["fault_34_however_it_is_framed_the_answer_is_the_same"])),
    Fault(35, "Split characters", "A UTF-8 character cut between chunks or segments arrives whole.",
        Holds(&["fault_35_characters_cut_anywhere_arrive_whole"])),
    Fault(36, "Lines without end", "A line of 50 MB is cut at 1 MB; memory stays bounded.",
        Holds(&["fault_36_a_line_without_end_is_cut_at_its_bound", "fault_36_a_plain_answer_without_end_is_cut_at_its_bound"])),
    Fault(37, "Garbage", "Frames that are no JSON, login pages with 200, lists, wrong content types: the place's fault; its body is not shown to the caller.",
        Holds(&["fault_37_a_garbled_frame_behind_content_ends_the_stream_as_an_error", "fault_37_garbage_is_the_places_fault_and_is_not_shown"])),
    Fault(38, "429", "A place that says so is left alone for as long as it asks, within reason; the caller sees 429 only when none is left.",
        Holds(&["fault_38_a_place_that_says_429_is_left_alone_and_others_answer", "fault_38_429_reaches_the_caller_only_when_no_place_is_left"])),
    Fault(39, "Statuses", "Retried by one table: 408, 409, 429 and 5xx go to the next place, other 4xx to the caller; our rejected key is 502, not the caller's 401.",
        Holds(&["fault_39_our_rejected_key_is_not_the_callers", "fault_39_statuses_are_retried_by_one_table", "fault_39_a_refused_key_is_reported_once_and_not_tried_in_a_loop"])),
    Fault(40, "Errors inside a 200", "An error as the first frame or as the body is a failure, and the next place answers.",
        Holds(&["fault_40_an_error_behind_content_ends_the_stream_as_an_error", "fault_40_an_error_inside_a_200_is_replaced_before_content"])),
    Fault(41, "Odd responses", "Doubled and huge headers, storms of 1xx, 204 with a body, redirects: none is followed, and no key goes elsewhere.",
        Holds(&["fault_41_a_redirect_is_not_followed", "fault_41_odd_heads_are_survived"])),
    Fault(42, "Compressed answers", "Only identity is asked for; what comes encoded all the same is refused, unpacked never.",
        Holds(&["fault_42_only_identity_is_asked_for_and_nothing_is_unpacked"])),
    Fault(43, "Usage that lies", "Missing, zero, negative, absurd or contradicting counts: our own estimate, flagged; sums never go down.",
        Holds(&["fault_43_counts_that_cannot_be_are_estimated"])),
    Fault(44, "Odd content", "Missing or unknown finish reasons, no choices, indexes out of range, arguments that are no JSON, doubled roles: passed on or made regular; no panic.",
        Holds(&["fault_44_odd_content_harms_nobody"])),
    Fault(45, "Something behind the end", "Content after the terminal event is dropped; a second response on the connection ends the connection.",
        Holds(&["fault_45_a_second_response_is_nobodys_answer", "fault_45_what_stands_behind_the_end_is_dropped"])),
    Fault(46, "HTTP/2 upstreams", "GOAWAY and RST_STREAM in a stream, a window that never opens: as a reset and as a stall; the pool does not use the connection again.",
        NotYet("a connection whose window stays closed is used again", &["fault_46_a_connection_that_goes_away_is_not_used_again", "fault_46_a_reset_stream_is_a_broken_answer_and_others_go_on", "fault_46_a_stalled_stream_ends_at_the_gaps_deadline", "fault_46_a_window_that_never_opens_runs_into_the_deadline"])),
    Fault(47, "A place that slows down", "Its limit of concurrent work falls, what is too much is shed at once with 503 and Retry-After, and it recovers with the place.",
        Holds(&["fault_47_the_limit_of_a_place_that_slows_down_falls_and_recovers"])),
    Fault(48, "All places down", "At most 20 % further attempts, flat memory, 503 with Retry-After at once, and no herd at the return.",
        NotYet("the experiment over 60 seconds (`make storm`) is not in the tree yet", &["fault_48_with_all_places_down_the_refusal_is_immediate_and_says_when_to_come_back"])),
    Fault(49, "One place in three slow", "p99 is back under 1.5 times the healthy one within ten seconds.",
        NotYet("not tested yet", &[])),
    Fault(50, "Nothing else allowed", "Where policy forbids the next place the answer is an error, and no byte goes there.",
        Holds(&["fault_50_a_place_that_policy_forbids_is_not_even_connected_to"])),
    Fault(51, "kill -9", "What a client saw complete is in the ledger, once; open attempts are resolved; no end is doubled.",
        NotYet("not tested yet", &[])),
    Fault(52, "Power loss", "What was committed stays; with `durability = \"strict\"` what a client saw complete was committed.",
        NotYet("not tested yet", &[])),
    Fault(53, "Disk full and disk errors", "Paid requests are refused with `ledger_unavailable`; it recovers without a restart.",
        NotYet("not tested yet", &[])),
    Fault(54, "Damaged files", "A damaged page, journal or record is found at the start or by `dewpoint ledger verify`, and named; nothing is guessed.",
        NotYet("not tested yet", &[])),
    Fault(55, "Clocks", "Jumps of the wall clock make no negative times, revive no key and open no limit; deadlines are of the monotonic clock.",
        NotYet("not tested yet", &[])),
    Fault(56, "Two replicas, one budget", "Never more than the budget, whoever crashes.",
        NotYet("replicas and budgets are not built yet; they come with the issue on scale-out", &[])),
    Fault(57, "Split brain", "No spending beyond the leased slice, and no double charge when it heals.",
        NotYet("replicas and budgets are not built yet; they come with the issue on scale-out", &[])),
    Fault(58, "Reload", "A bad file changes nothing; a good one counts for new requests at once; running streams finish.",
        Holds(&["fault_58_a_bad_file_changes_nothing_and_a_good_one_counts_at_once"])),
    Fault(59, "SIGTERM", "`/readyz` says 503 first, streams finish or get an error event, the exit code is 0 within the limit, and the ledger is complete.",
        Holds(&["fault_59_sigterm_lets_streams_finish_and_refuses_new_work", "fault_59_at_the_drain_limit_streams_end_with_an_error", "fault_59_a_second_signal_stops_at_once_and_still_settles"])),
    Fault(60, "Few resources", "With few descriptors and little memory it sheds work and does not die.",
        Holds(&["fault_60_few_descriptors_shed_connections_and_recover", "fault_60_bodies_past_the_room_for_them_are_refused"])),
    Fault(61, "The engine fails", "Its worker's death costs its own requests only; it is started again, and traffic moves where policy lets it.",
        NotYet("not tested yet", &[])),
    Fault(62, "Log and metrics", "A reader of logs that is slow or gone holds up nobody; labels are bounded.",
        NotYet("not tested yet", &[])),
    Fault(63, "A panic", "500 for that request only; its record says so.",
        Holds(&["fault_63_a_panic_harms_no_other_request", "fault_63_a_blocked_executor_is_noticed_while_it_lasts"])),
    Fault(64, "Soak", "Under mixed faults memory's slope is near zero and descriptors stay flat.",
        NotYet("not tested yet", &[])),
];

/// The page.
fn page(found: &BTreeMap<String, PathBuf>) -> String {
    let count = |f: fn(&State) -> bool| FAULTS.iter().filter(|r| f(&r.3)).count();
    let holds = count(|s| matches!(s, Holds(_)));
    let not_here = count(|s| matches!(s, DoesNotApply(_)));
    let mut out = format!(
        "# Faults\n\n<!-- Written from crates/app/tests/faults/table.rs; do not edit. -->\n\n\
         What Dewpoint promises when something goes wrong, and the tests that show it. Of 64 faults {holds} hold, {not_here} do not \
         apply, and {} are not there yet. `make faults` runs the suite; each of its tests starts the real server between scripted \
         upstreams, plain and streamed, for callers of the OpenAI and Anthropic APIs and upstreams of the OpenAI, Anthropic and \
         Ollama protocols where that makes a difference. (The Ollama API is not served to callers yet.)\n\n\
         Every test of the suite ends with the same oracle: the process lives and then ends in order with code 0; memory and \
         descriptors are back; nothing is under way or reserved; the sums of the ledger are those of its records; each request has \
         at most one good end, and has it exactly when the client saw one; each error was in the caller's dialect with a request \
         id; no prompt and no key of an upstream is in the log, in an error or in the ledger's files.\n",
        64 - holds - not_here
    );
    for fault in &FAULTS {
        if let Some((_, chapter)) = CHAPTERS.iter().find(|(first, _)| *first == fault.0) {
            out.push_str(&format!("\n## {chapter}\n\n| | fault | promise | shown by |\n|---|---|---|---|\n"));
        }
        let test = |name: &&str| match found.get(*name) {
            Some(file) => format!("`{name}` ({})", file.display()),
            None => format!("`{name}`"),
        };
        let list = |names: &[&str]| names.iter().map(test).collect::<Vec<_>>().join("<br>");
        let shown = match &fault.3 {
            Holds(tests) => list(tests),
            DoesNotApply(why) => format!("does not apply: {why}"),
            NotYet(why, []) => format!("**not yet**: {why}"),
            NotYet(why, tests) => format!("**not yet**: {why}<br>{}", list(tests)),
        };
        out.push_str(&format!("| {} | {} | {} | {shown} |\n", fault.0, fault.1, fault.2));
    }
    out
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Every function in the sources that is named like a test of a fault or stands in the table, with its file.
fn tests_in_sources() -> BTreeMap<String, PathBuf> {
    let named: Vec<&str> = FAULTS.iter().flat_map(|f| tests(&f.3)).copied().collect();
    let mut found = BTreeMap::new();
    let mut open: Vec<PathBuf> = ["crates", "tests"].iter().map(|d| root().join(d)).collect();
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(std::fs::read_dir(&path).unwrap().map(|e| e.unwrap().path()));
            continue;
        }
        let word = match path.extension().and_then(|e| e.to_str()) {
            Some("rs") => "fn ",
            Some("py") => "def ",
            _ => continue,
        };
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        for line in text.lines() {
            let Some((_, rest)) = line.split_once(word) else { continue };
            let name = rest.split(['(', '<']).next().unwrap_or_default();
            if name.starts_with("fault_") || named.contains(&name) {
                found.insert(name.to_owned(), path.strip_prefix(root()).unwrap().to_owned());
            }
        }
    }
    found
}

fn tests(state: &State) -> &'static [&'static str] {
    match state {
        Holds(tests) | NotYet(_, tests) => tests,
        DoesNotApply(_) => &[],
    }
}

#[test]
fn the_rows_are_in_order_and_every_test_exists() {
    let found = tests_in_sources();
    for (i, fault) in FAULTS.iter().enumerate() {
        assert_eq!(usize::from(fault.0), i + 1);
        assert!(!matches!(fault.3, Holds([])), "{} holds by no test", fault.0);
        for name in tests(&fault.3) {
            assert!(found.contains_key(*name), "{}: there is no test `{name}` in the sources", fault.0);
        }
    }
}

/// The other way round: a test named by a number stands in that row.
#[test]
fn every_numbered_test_stands_in_its_row() {
    for name in tests_in_sources().keys().filter(|n| n.starts_with("fault_")) {
        let number: usize = name[6..8].parse().unwrap_or_else(|_| panic!("{name}: no number"));
        let row = FAULTS.get(number.wrapping_sub(1)).unwrap_or_else(|| panic!("{name}: no such fault"));
        assert!(tests(&row.3).contains(&name.as_str()), "`{name}` does not stand in row {number} of the table");
    }
}

#[test]
fn the_page_in_the_book_is_current() {
    let (path, page) = (root().join("docs/book/faults.md"), page(&tests_in_sources()));
    if std::env::var_os("DEWPOINT_BLESS").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let there = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        there == page,
        "docs/book/faults.md is not current: DEWPOINT_BLESS=1 cargo test --release -p app --test faults table"
    );
}
