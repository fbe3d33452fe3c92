//! The table of faults: what each promises, and by which tests it holds. `docs/book/faults.md` is written from it.
//!
//! Tests with a number in their name (`fault_07_…`) stand in their row by themselves. To change a row: set its state, then `DEWPOINT_BLESS=1 cargo test --release -p app --test faults table` writes the page.
//!
//! Never here: tests of faults.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// How it stands with a fault.
enum State {
    /// It holds, by the tests that have its number in their name and by these, wherever in the sources they are.
    Holds(&'static [&'static str]),
    /// There is nothing here that it could happen to.
    #[allow(dead_code, reason = "no row has it at present; the state belongs to the table")]
    DoesNotApply(&'static str),
    /// Not yet, for this reason; tests of other names that there are already.
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
        Holds(&[])),
    Fault(2, "Wrong types", "`messages` as a string, `temperature` \"hot\", numbers past every range: 400 that names the field.",
        Holds(&[])),
    Fault(3, "Unknown fields", "Forwarded or left out as the dialect says; never a 500.",
        Holds(&[])),
    Fault(4, "Doubled keys", "A key that matters and stands twice (`model`, `stream`) is refused, so that what was checked is what is forwarded.",
        Holds(&[])),
    Fault(5, "Depth", "Ten thousand levels or a million brackets: 400 before the stack is used.",
        Holds(&[])),
    Fault(6, "Size", "A million messages, 100,000 tools, one string of 10 MB: refused by a limit; memory stays within twice the limit of a body.",
        NotYet("all are refused and memory is bounded, but a million tiny messages (28 MiB) take 90 MiB at the peak, where twice the limit of a body is 61", &[])),
    Fault(7, "Body over the limit", "With a length: 413 without reading it. Without one: cut at the limit, and the connection ends.",
        Holds(&[])),
    Fault(8, "Compression bombs", "Compressed bodies are not accepted: 415 before anything is unpacked.",
        Holds(&[])),
    Fault(9, "Text that is no text", "Invalid UTF-8, lone surrogates, NUL, a byte order mark, overlong forms: refused, or kept exactly.",
        Holds(&[])),
    Fault(10, "Slow writers", "Heads and bodies that come a byte at a time end with 408 or a closed connection; a thousand of them do not slow others.",
        Holds(&[])),
    Fault(11, "Slow readers", "A stream that is read a byte a second: a bounded buffer, pressure back to the upstream, then the deadline; nothing grows.",
        Holds(&[])),
    Fault(12, "Clients that leave", "Before the first token, in the middle, one chunk before the usage: the upstream is let go within 100 ms, and what was seen is settled.",
        Holds(&[])),
    Fault(13, "Half-closed connections", "A client that has said all and closed its half is answered; a reset is a client that left.",
        Holds(&[])),
    Fault(14, "Odd but lawful HTTP", "Pipelining, `Expect: 100-continue`, HEAD and OPTIONS, HTTP/1.0, absolute targets, HTTP/2 without TLS: as the RFCs say.",
        Holds(&[])),
    Fault(15, "Smuggling", "Length and chunks at once, two lengths, `xchunked`, folded lines, bare line feeds, a space before the colon: 400 and the end of the connection; nothing goes upstream.",
        Holds(&[])),
    Fault(16, "HTTP/2 floods", "Rapid resets, CONTINUATION, SETTINGS and PING floods, header bombs: GOAWAY, with bounded work.",
        Holds(&[])),
    Fault(17, "Large heads", "64 kB in one header, or 500 headers: 431.",
        Holds(&[])),
    Fault(18, "Host tricks", "A malformed host, none, two: 400, and the same answer to who asks.",
        Holds(&[])),
    Fault(19, "Path tricks", "Doubled slashes, encoded dots, a slash at the end, other case: 404; never a match that skips the key.",
        Holds(&[])),
    Fault(20, "Model names", "Paths, NUL, ten thousand characters, look-alikes, URLs: 400 or 404; no file and no socket is touched.",
        Holds(&[])),
    Fault(21, "Addresses in requests", "No address in a request is ever dialled; forbidden addresses are refused in the dialer, behind name resolution, and never with our keys.",
        Holds(&[])),
    Fault(22, "Keys", "None, wrong, of somebody else, revoked, with SQL or format strings in it, a megabyte long: 401 or 403, in the same time.",
        Holds(&[])),
    Fault(23, "Prompts that give orders", "Text that asks for another place, false roles, false frames: no effect on place, class or framing.",
        Holds(&[])),
    Fault(24, "Parts that may not leave", "An image or a file in a class that forbids the cloud is answered at home or refused.",
        Holds(&[])),
    Fault(25, "Numbers past reason", "`n` = 1000, 2^63 tokens, negative counts: limited or 400; no reservation overflows.",
        Holds(&[])),
    Fault(26, "Idempotency-Key", "The same key twice at once, afterwards, or with another body: one execution, its replay, or a refusal.",
        Holds(&[])),
    Fault(27, "Connection refused", "The next place that may answer does, else 502; what was not sent costs nothing.",
        Holds(&[])),
    Fault(28, "Names that do not resolve", "No such name, a failing or a silent resolver, an empty answer: the next place answers, else 502; nothing else waits for it.",
        Holds(&[])),
    Fault(29, "Bad TLS", "Expired, another name, self-signed, an unknown authority, a handshake that stalls: no connection, no downgrade, no storm of retries.",
        Holds(&[])),
    Fault(30, "Black holes", "A place that accepts and never answers runs into its deadline, and the next one answers.",
        Holds(&[])),
    Fault(31, "Reset at every byte", "A recorded response is cut at every offset: before the first content the next place answers; after it the stream ends with an error event, never as if it were whole; what came is settled.",
        Holds(&[])),
    Fault(32, "An end that is none", "A body that ends without its terminal event or its last chunk is truncated, not an answer.",
        Holds(&[])),
    Fault(33, "Stalls", "The caller gets comments that keep the connection; the gap's deadline ends the stream as a reset does.",
        Holds(&[])),
    Fault(34, "Framing", "A byte per segment, all frames in one, CR, LF or both, several `data:` lines, comments, ids, a byte order mark: the same answer.",
        Holds(&[])),
    Fault(35, "Split characters", "A UTF-8 character cut between chunks or segments arrives whole.",
        Holds(&[])),
    Fault(36, "Lines without end", "A line of 50 MB is cut at 1 MB; memory stays bounded.",
        Holds(&[])),
    Fault(37, "Garbage", "Frames that are no JSON, login pages with 200, lists, wrong content types: the place's fault; its body is not shown to the caller.",
        Holds(&[])),
    Fault(38, "429", "A place that says so is left alone for as long as it asks, within reason; the caller sees 429 only when none is left.",
        Holds(&[])),
    Fault(39, "Statuses", "Retried by one table: 408, 409, 429 and 5xx go to the next place, other 4xx to the caller; our rejected key is 502, not the caller's 401.",
        Holds(&[])),
    Fault(40, "Errors inside a 200", "An error as the first frame or as the body is a failure, and the next place answers.",
        Holds(&[])),
    Fault(41, "Odd responses", "Doubled and huge headers, storms of 1xx, 204 with a body, redirects: none is followed, and no key goes elsewhere.",
        Holds(&[])),
    Fault(42, "Compressed answers", "Only identity is asked for; what comes encoded all the same is refused, unpacked never.",
        Holds(&[])),
    Fault(43, "Usage that lies", "Missing, zero, negative, absurd or contradicting counts: our own estimate, flagged; sums never go down.",
        Holds(&[])),
    Fault(44, "Odd content", "Missing or unknown finish reasons, no choices, indexes out of range, arguments that are no JSON, doubled roles: passed on or made regular; no panic.",
        Holds(&[])),
    Fault(45, "Something behind the end", "Content after the terminal event is dropped; a second response on the connection ends the connection.",
        Holds(&[])),
    Fault(46, "HTTP/2 upstreams", "GOAWAY and RST_STREAM in a stream, a window that never opens: as a reset and as a stall; the pool does not use the connection again.",
        Holds(&[])),
    Fault(47, "A place that slows down", "Its limit of concurrent work falls, what is too much is shed at once with 503 and Retry-After, and it recovers with the place.",
        Holds(&[])),
    Fault(48, "All places down", "At most 20 % further attempts, flat memory, 503 with Retry-After at once, and no herd at the return.",
        Holds(&[])),
    Fault(49, "One place in three slow", "p99 is back under 1.5 times the healthy one within ten seconds.",
        Holds(&[])),
    Fault(50, "Nothing else allowed", "Where policy forbids the next place the answer is an error, and no byte goes there.",
        Holds(&[])),
    Fault(51, "kill -9", "What a client saw complete is in the ledger, once; open attempts are resolved; no end is doubled.",
        Holds(&[])),
    Fault(52, "Power loss", "What was committed stays; with `durability = \"strict\"` what a client saw complete was committed.",
        Holds(&[])),
    Fault(53, "Disk full and disk errors", "Paid requests are refused with `ledger_unavailable`; it recovers without a restart.",
        Holds(&[])),
    Fault(54, "Damaged files", "A damaged page, journal or record is found at the start or by `dewpoint ledger verify`, and named; nothing is guessed.",
        Holds(&[])),
    Fault(55, "Clocks", "A wall clock that jumps or stands makes no negative or endless times and breaks no stream; deadlines are of the monotonic clock. (No key ends and no limit turns by the wall clock yet.)",
        Holds(&[])),
    Fault(56, "Two replicas, one budget", "Never more than the budget, whoever crashes.",
        NotYet("replicas and budgets are not built yet; they come with the issue on scale-out", &[])),
    Fault(57, "Split brain", "No spending beyond the leased slice, and no double charge when it heals.",
        NotYet("replicas and budgets are not built yet; they come with the issue on scale-out", &[])),
    Fault(58, "Reload", "A bad file changes nothing; a good one counts for new requests at once; running streams finish.",
        Holds(&[])),
    Fault(59, "SIGTERM", "`/readyz` says 503 first, streams finish or get an error event, the exit code is 0 within the limit, and the ledger is complete.",
        Holds(&[])),
    Fault(60, "Few resources", "Out of descriptors it sheds connections, finishes what it has and comes back; on one thread nobody holds up the others.",
        Holds(&[])),
    Fault(61, "The engine fails", "Its worker's death costs its own requests only; it is started again, and traffic moves where policy lets it.",
        Holds(&["a_killed_worker_costs_its_own_requests_and_nobody_elses", "a_worker_that_dies_again_and_again_is_restarted_with_a_growing_pause", "a_broken_model_is_tried_again_when_asked_with_growing_pauses", "absurd_counts_take_no_memory", "test_a_worker_killed_under_sixteen_streams", "test_the_worker_that_dies_is_restarted"])),
    Fault(62, "Log and metrics", "A reader of logs that is slow or gone holds up nobody; labels are bounded.",
        Holds(&[])),
    Fault(63, "A panic", "500 for that request only; its record says so.",
        Holds(&[])),
    Fault(64, "Soak", "Under mixed faults memory's slope is near zero and descriptors stay flat.",
        Holds(&[])),
];

/// The page.
fn page(found: &Found) -> String {
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
        let tests: Vec<String> =
            tests_of(fault, found).iter().map(|(name, file)| format!("`{name}` ({})", file.display())).collect();
        let shown = match &fault.3 {
            Holds(_) => tests.join("<br>"),
            DoesNotApply(why) => format!("does not apply: {why}"),
            NotYet(why, _) => [vec![format!("**not yet**: {why}")], tests].concat().join("<br>"),
        };
        out.push_str(&format!("| {} | {} | {} | {shown} |\n", fault.0, fault.1, fault.2));
    }
    out
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Tests by name, with their files.
type Found = BTreeMap<String, PathBuf>;

/// Every function in the sources that is named like a test of a fault or stands in the table, with its file.
fn tests_in_sources() -> Found {
    let named: Vec<&str> = FAULTS.iter().flat_map(|f| named(&f.3)).copied().collect();
    let mut found = Found::new();
    let mut open: Vec<PathBuf> = ["crates", "tests"].iter().map(|d| root().join(d)).collect();
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(std::fs::read_dir(&path).unwrap().map(|e| e.unwrap().path()));
            continue;
        }
        let words = match path.extension().and_then(|e| e.to_str()) {
            Some("rs") => ["fn ", "async fn "],
            Some("py") => ["def ", "async def "],
            _ => continue,
        };
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        for line in text.lines() {
            let Some(rest) = words.iter().find_map(|w| line.trim_start().strip_prefix(w)) else { continue };
            let name = rest.split(['(', '<']).next().unwrap_or_default();
            if number(name).is_some() || named.contains(&name) {
                found.insert(name.to_owned(), path.strip_prefix(root()).unwrap().to_owned());
            }
        }
    }
    found
}

/// The number in the name of a test: `fault_07_…`, in Python `test_fault_07_…`.
fn number(name: &str) -> Option<u8> {
    name.trim_start_matches("test_").strip_prefix("fault_")?.get(..2)?.parse().ok()
}

fn named(state: &State) -> &'static [&'static str] {
    match state {
        Holds(tests) | NotYet(_, tests) => tests,
        DoesNotApply(_) => &[],
    }
}

/// The tests of a fault: those with its number, and those that the table names.
fn tests_of<'a>(fault: &Fault, found: &'a Found) -> Vec<(&'a String, &'a PathBuf)> {
    let mine = |name: &str| number(name) == Some(fault.0) || named(&fault.3).contains(&name);
    found.iter().filter(|(name, _)| mine(name)).collect()
}

#[test]
fn the_rows_are_in_order_and_what_holds_is_shown_by_tests_that_exist() {
    let found = tests_in_sources();
    for (i, fault) in FAULTS.iter().enumerate() {
        assert_eq!(usize::from(fault.0), i + 1);
        for name in named(&fault.3) {
            assert!(found.contains_key(*name), "{}: there is no test `{name}` in the sources", fault.0);
        }
        let shown = !tests_of(fault, &found).is_empty();
        assert!(shown || !matches!(fault.3, Holds(_)), "{} holds by no test", fault.0);
        assert!(!shown || !matches!(fault.3, DoesNotApply(_)), "{} does not apply and has tests", fault.0);
    }
    for name in found.keys() {
        assert!(number(name).is_none_or(|n| (1..=64).contains(&n)), "{name}: no such fault");
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
