//! Cases in which the upstream fails: what it says becomes one fault, in plain words, that says whether another place may
//! help.

use super::rig::{KEY, Rig, ask, backend_at, deadlines};
use crate::{Answer, Framing, Step, Voice, permit_for};
use bytes::Bytes;
use decide::{Cause, Fault, Retry, Side};
use std::sync::Arc;

/// What is true of every fault that an upstream causes.
fn check(fault: &Fault, cause: Cause, retry: Retry) {
    assert_eq!((fault.cause, fault.retry), (cause, retry), "{fault:?}");
    assert!(fault.shown.contains("`there`"), "names the place: {}", fault.shown);
    assert!(fault.shown.chars().count() < 700, "is short: {}", fault.shown);
    for never in [KEY, "<html", "<body", "127.0.0.1"] {
        assert!(!fault.shown.contains(never), "shows {never}: {}", fault.shown);
    }
    assert!(!fault.detail.as_deref().unwrap_or_default().contains(KEY), "{fault:?}");
}

/// Every status, in the engine's own shape, plain and streamed alike.
pub async fn statuses(voice: Voice) {
    use Cause::{UpstreamAuth, UpstreamBusy, UpstreamError, UpstreamRefused};
    let rig = Rig::new(voice).await;
    for (status, cause, retry) in [
        (400, UpstreamRefused, Retry::Never),
        (401, UpstreamAuth, Retry::NextPlace),
        (403, UpstreamAuth, Retry::NextPlace),
        (404, UpstreamRefused, Retry::Never),
        (409, UpstreamError, Retry::NextPlace),
        (422, UpstreamRefused, Retry::Never),
        (429, UpstreamBusy, Retry::NextPlace),
        (500, UpstreamError, Retry::NextPlace),
        (503, UpstreamBusy, Retry::NextPlace),
        (529, UpstreamError, Retry::NextPlace),
    ] {
        let answer = voice.error(status, &format!("the very reason, and the key {KEY}")).header("retry-after", "17");
        rig.fake.on(voice.chat_route(), answer);
        for fault in [rig.plain_fault().await, rig.stream_fault().await] {
            check(&fault, cause, retry);
            assert_eq!(fault.side, Side::Backend, "the caller's key is not at fault");
            assert_eq!(fault.retry_after_s, Some(17));
            if cause != UpstreamAuth {
                assert!(fault.shown.contains("the very reason"), "{status}: {}", fault.shown);
            }
        }
    }
}

/// Another place may have a larger window.
pub async fn too_long_a_prompt(voice: Voice) {
    let rig = Rig::new(voice).await;
    rig.fake.on(voice.chat_route(), voice.too_long());
    for fault in [rig.plain_fault().await, rig.stream_fault().await] {
        check(&fault, Cause::ContextLength, Retry::NextPlace);
    }
}

/// An error before any text leaves nothing behind that would forbid another attempt.
pub async fn error_before_text(voice: Voice) {
    let rig = Rig::new(voice).await;
    rig.fake.on(voice.chat_route(), voice.streamed(voice.in_band("the very reason")));
    let ended = rig.stream().await;
    assert_eq!(ended.text(), "");
    assert!(!ended.events().any(|e| matches!(e, wire::Event::Error { .. } | wire::Event::Done)));
    let fault = ended.fault.unwrap();
    check(&fault, Cause::UpstreamError, Retry::NextPlace);
    assert!(fault.shown.contains("the very reason"), "{}", fault.shown);
}

/// An error after some text comes behind that text, and no end marker makes it good.
pub async fn error_after_text(voice: Voice) {
    let rig = Rig::new(voice).await;
    let mut steps = voice.opening(false, true);
    steps.push(voice.text("half an ans"));
    steps.extend(voice.in_band("the very reason"));
    rig.fake.on(voice.chat_route(), voice.streamed(steps));
    let ended = rig.stream().await;
    assert_eq!(ended.text(), "half an ans");
    check(&ended.fault.unwrap(), Cause::UpstreamError, Retry::NextPlace);
}

/// An error body with status 200 is an error.
pub async fn error_with_status_200(voice: Voice) {
    let rig = Rig::new(voice).await;
    rig.fake.on(voice.chat_route(), Answer::json(200, r#"{"error":{"message":"the very reason","type":"x"}}"#));
    let fault = rig.plain_fault().await;
    check(&fault, Cause::UpstreamError, Retry::NextPlace);
    assert!(fault.shown.contains("the very reason"), "{}", fault.shown);
    let fault = rig.stream_fault().await;
    check(&fault, Cause::UpstreamError, Retry::NextPlace);
}

/// A plain answer that breaks off is no answer.
pub async fn truncated_plain(voice: Voice) {
    let rig = Rig::new(voice).await;
    let body = voice.plain("a longer answer than that", Some(3)).body();
    let half = Bytes::copy_from_slice(&body[..body.len() / 2]);
    let whole = voice.plain("a longer answer than that", Some(3));
    let head = format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n", body.len());
    rig.fake
        .on(voice.chat_route(), whole.cut(0, Step::Raw(head.into())).insert(1, Step::Raw(half)).insert(2, Step::Close));
    check(&rig.plain_fault().await, Cause::Truncated, Retry::NextPlace);
}

/// A stream that ends without its terminal event is an error, wherever it is cut and however its end is told.
pub async fn truncated_stream(voice: Voice) {
    let rig = Rig::new(voice).await;
    let whole = voice.stream(&["one", "two"], true);
    let terminal = whole.steps.len() - 1;
    for (cut, framing) in [(terminal, Framing::Chunked), (terminal, Framing::Close), (1, Framing::Chunked)] {
        let mut answer = whole.clone().framed(framing);
        answer.steps.truncate(cut);
        rig.fake.on(voice.chat_route(), answer);
        check(&rig.stream_fault().await, Cause::Truncated, Retry::NextPlace);
    }
    // In the middle of a frame.
    let body = whole.body();
    let cut = Bytes::copy_from_slice(&body[..body.len() - body.len() / 5]);
    rig.fake.on(voice.chat_route(), whole.cut(0, Step::Bytes(cut)));
    check(&rig.stream_fault().await, Cause::Truncated, Retry::NextPlace);
}

/// The instance died before it answered.
pub async fn reset_before_the_head(voice: Voice) {
    let rig = Rig::new(voice).await;
    rig.fake.on(voice.chat_route(), Answer::of(vec![Step::Reset]));
    for fault in [rig.plain_fault().await, rig.stream_fault().await] {
        check(&fault, Cause::UpstreamError, Retry::NextPlace);
    }
    assert_eq!(rig.fake.seen().len(), 2, "each request is sent once");
}

/// The instance died while it answered.
pub async fn reset_in_the_stream(voice: Voice) {
    let rig = Rig::new(voice).await;
    let pause = Step::Wait(std::time::Duration::from_millis(50));
    let mut steps = voice.opening(false, true);
    steps.extend([voice.text("half"), pause, Step::Reset]);
    rig.fake.on(voice.chat_route(), voice.streamed(steps));
    let ended = rig.stream().await;
    assert_eq!(ended.text(), "half");
    check(&ended.fault.unwrap(), Cause::Truncated, Retry::NextPlace);
}

/// Something else listens there.
pub async fn not_http(voice: Voice) {
    let rig = Rig::new(voice).await;
    rig.fake.on(voice.chat_route(), Answer::garbage("SSH-2.0-OpenSSH_9.6\r\n\0\0\0"));
    for fault in [rig.plain_fault().await, rig.stream_fault().await] {
        check(&fault, Cause::UpstreamError, Retry::NextPlace);
    }
}

/// HTTP, but no answer.
pub async fn garbage_as_answer(voice: Voice) {
    let rig = Rig::new(voice).await;
    for body in ["", "{", "null", "[]", "{}", "plain words", "\u{0}\u{1}", r#"{"hello":"world"}"#, "17"] {
        rig.fake.on(voice.chat_route(), Answer::json(200, body));
        check(&rig.plain_fault().await, Cause::UpstreamInvalid, Retry::NextPlace);
    }
}

/// A stream of something else.
pub async fn garbage_as_stream(voice: Voice) {
    let rig = Rig::new(voice).await;
    let garbage = if voice.stream_type() == "text/event-stream" { "data: {\"cho\n\n" } else { "{\"mess\n" };
    rig.fake.on(voice.chat_route(), Answer::stream(voice.stream_type(), [garbage]));
    check(&rig.stream_fault().await, Cause::UpstreamInvalid, Retry::NextPlace);
    rig.fake.on(voice.chat_route(), Answer::stream(voice.stream_type(), ["x".repeat(3 << 20)]));
    let fault = rig.stream_fault().await;
    assert!(matches!(fault.cause, Cause::UpstreamInvalid | Cause::Truncated), "{fault:?}");
}

/// A login page with status 200, and one with an error status.
pub async fn web_page(voice: Voice) {
    let rig = Rig::new(voice).await;
    let page = "<html><body>Please log in</body></html>";
    rig.fake.on(voice.chat_route(), Answer::new(200, "text/html; charset=utf-8", page));
    check(&rig.plain_fault().await, Cause::UpstreamInvalid, Retry::NextPlace);
    check(&rig.stream_fault().await, Cause::UpstreamInvalid, Retry::NextPlace);
    rig.fake.on(voice.chat_route(), Answer::new(502, "text/html", page));
    let fault = rig.plain_fault().await;
    check(&fault, Cause::UpstreamError, Retry::NextPlace);
    assert!(!fault.shown.contains("log in"), "{}", fault.shown);
}

/// Redirects are not followed.
pub async fn redirect(voice: Voice) {
    let (rig, other) = (Rig::new(voice).await, Rig::new(voice).await);
    for status in [301, 302, 307, 308] {
        let to = other.fake.url("/v1/chat/completions");
        rig.fake.on(voice.chat_route(), Answer::json(status, "{}").header("location", &to));
        check(&rig.plain_fault().await, Cause::UpstreamInvalid, Retry::NextPlace);
    }
    assert!(other.fake.seen().is_empty());
}

/// Compression is not asked for and not guessed at.
pub async fn unasked_compression(voice: Voice) {
    let rig = Rig::new(voice).await;
    rig.fake.on(voice.chat_route(), voice.plain("x", Some(1)).header("content-encoding", "gzip"));
    check(&rig.plain_fault().await, Cause::UpstreamInvalid, Retry::NextPlace);
    let stream = voice.stream(&["x"], true).header("content-encoding", "gzip");
    rig.fake.on(voice.chat_route(), stream);
    check(&rig.stream_fault().await, Cause::UpstreamInvalid, Retry::NextPlace);
    assert_eq!(rig.fake.last().header("accept-encoding"), Some("identity"));
}

/// An answer without bound is not read.
pub async fn too_large(voice: Voice) {
    let rig = Rig::new(voice).await;
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 99999999999\r\n\r\n{";
    rig.fake.on(voice.chat_route(), Answer::of(vec![Step::Raw(head.into()), Step::Stall]));
    check(&rig.plain_fault().await, Cause::UpstreamInvalid, Retry::NextPlace);
}

/// Nobody listens there.
pub async fn unreachable(voice: Voice) {
    let port = {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        listener.local_addr().unwrap().port()
    };
    let (place, backend) = backend_at(voice, &format!("http://127.0.0.1:{port}{}", voice.base_path()));
    let permit = permit_for(super::rig::ASK_ID, &place, "test-model");
    let fault = backend.send(permit, Arc::new(ask(false)), deadlines()).await.err().unwrap();
    check(&fault, Cause::Connect, Retry::NextPlace);
}
