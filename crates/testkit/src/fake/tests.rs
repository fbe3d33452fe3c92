//! The fake itself, asked over bare sockets.

use super::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

#[expect(clippy::disallowed_methods, reason = "a client that no library stands in front of")]
async fn ask(fake: &Fake, path: &str) -> (TcpStream, Vec<u8>) {
    let mut socket = TcpStream::connect(fake.address()).await.unwrap();
    let request = format!("POST {path} HTTP/1.1\r\nhost: x\r\nX-Case: A\r\ncontent-length: 2\r\n\r\nhi");
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut head = vec![0; 4096];
    let read = socket.read(&mut head).await.unwrap_or(0);
    head.truncate(read);
    (socket, head)
}

#[tokio::test]
async fn it_notes_what_it_sees_and_answers_by_script() {
    let fake = Fake::start().await;
    fake.on("POST /a", Answer::json(200, "{}"));
    fake.once("POST /a", Answer::json(429, "first").header("retry-after", "3"));
    let (_, first) = ask(&fake, "/a?x=1").await;
    assert!(first.starts_with(b"HTTP/1.1 429") && first.ends_with(b"first"));
    let (_, second) = ask(&fake, "/a").await;
    assert!(second.starts_with(b"HTTP/1.1 200"));
    let (_, missing) = ask(&fake, "/b").await;
    assert!(missing.starts_with(b"HTTP/1.1 404"));
    let seen = fake.seen();
    assert_eq!(seen.len(), 3);
    assert_eq!((seen[0].query.as_str(), seen[0].header("x-case"), &seen[0].body[..]), ("x=1", Some("A"), &b"hi"[..]));
}

#[tokio::test]
async fn it_sees_a_client_that_leaves() {
    let fake = Fake::start().await;
    fake.on("POST /a", Answer::of(vec![Step::Bytes("x".into()), Step::Stall]));
    let (socket, head) = ask(&fake, "/a").await;
    assert!(head.ends_with(b"1\r\nx\r\n"), "{}", String::from_utf8_lossy(&head));
    assert!(!fake.last().closed_early());
    drop(socket);
    assert!(fake.wait(Duration::from_secs(5), |seen| seen[0].closed_early()).await);
}

#[tokio::test]
async fn a_reset_is_no_orderly_end() {
    let fake = Fake::start().await;
    fake.on(
        "POST /reset",
        Answer::of(vec![Step::Bytes("x".into()), Step::Wait(Duration::from_millis(50)), Step::Reset]),
    );
    fake.on("POST /close", Answer::of(vec![Step::Bytes("x".into()), Step::Close]));
    let (mut socket, _) = ask(&fake, "/reset").await;
    assert!(socket.read(&mut [0; 8]).await.is_err());
    let (mut socket, _) = ask(&fake, "/close").await;
    assert_eq!(socket.read(&mut [0; 8]).await.unwrap(), 0);
}

#[test]
fn answers_are_cut_anywhere() {
    let answer = Answer::stream("text/event-stream", ["abc", "def"]);
    assert_eq!(answer.clone().pieces(1).steps.len(), 6);
    assert_eq!(answer.clone().pieces(4).body(), b"abcdef");
    assert_eq!(answer.cut(1, Step::Reset).steps, [Step::Bytes("abc".into()), Step::Reset]);
}

#[test]
fn an_answer_breaks_off_at_any_byte() {
    let answer = Answer::stream("text/event-stream", ["abc", "def"]);
    let wire = answer.wire();
    assert!(wire.starts_with(b"HTTP/1.1 200 ") && wire.ends_with(b"3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n"));
    for offset in 0..=wire.len() {
        assert_eq!(answer.reset_at(offset).wire(), wire[..offset]);
        assert_eq!(answer.reset_at(offset).steps[1], Step::Reset);
    }
    assert_eq!(answer.dripped(1, Duration::ZERO).wire(), wire);
    assert_eq!(answer.closed_at(usize::MAX).wire(), wire);
    let twice = answer.clone().and_then(&answer);
    assert_eq!(twice.wire(), [wire.clone(), wire.clone()].concat());
    assert!(answer.after_hints(2).wire().starts_with(b"HTTP/1.1 103 "));
}

#[tokio::test]
async fn a_port_may_refuse_or_be_silent() {
    let limit = Duration::from_millis(300);
    #[expect(clippy::disallowed_methods, reason = "a client that no library stands in front of")]
    async fn connect(to: &str) -> std::io::Result<TcpStream> {
        TcpStream::connect(to.trim_start_matches("http://")).await
    }
    let refusing = Deaf::refusing();
    assert!(connect(&refusing.url("")).await.is_err());
    let silent = Deaf::silent().await;
    assert!(tokio::time::timeout(limit, connect(&silent.url(""))).await.is_err(), "nothing answers");
}

#[tokio::test]
async fn under_tls_a_stranger_gets_nothing() {
    let authority = Authority::new();
    let fake = Fake::start_tls(&authority.certificate("localhost")).await;
    assert!(fake.url("/x").starts_with("https://localhost:"));
    // In the clear nothing comes back that is HTTP.
    let (_, head) = ask(&fake, "/a").await;
    assert!(!head.starts_with(b"HTTP"), "{}", String::from_utf8_lossy(&head));
    assert!(fake.seen().is_empty());
}
