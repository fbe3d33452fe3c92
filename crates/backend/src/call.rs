//! One exchange with an upstream: send, wait for the head, and read a plain body, all under the attempt's deadlines.
//!
//! Never here: streams (`stream`), dialects, trying again.

use crate::blame::{Whom, refusal};
use crate::{CallError, Deadlines, Errand, Question, Route, Upstream};
use bytes::{Bytes, BytesMut};
use decide::Fault;
use http::{HeaderMap, HeaderName, HeaderValue, Response, header};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use std::time::{Duration, SystemTime};
use tokio::time::Instant;

/// Largest plain answer that is read.
pub(crate) const PLAIN_MAX: usize = 64 << 20;
/// Largest error body that is read; the rest of it is not.
const ERROR_MAX: usize = 64 << 10;
/// For reading an error body.
const ERROR_TIME: Duration = Duration::from_secs(5);
/// For a probe to connect; the board has a limit of its own for all that a probe asks.
const PROBE_CONNECT: Duration = Duration::from_secs(1);

/// For an answer to a probe's question to begin.
const PROBE_TIME: Duration = Duration::from_secs(5);
/// Between two pieces of what a probe reads.
const PROBE_GAP: Duration = Duration::from_secs(5);

/// One attempt on one upstream. The clock starts when it is made.
pub(crate) struct Call<'a> {
    pub(crate) upstream: &'a Upstream,
    pub(crate) whom: &'a Whom,
    pub(crate) deadlines: Deadlines,
    pub(crate) started: Instant,
}

impl<'a> Call<'a> {
    pub(crate) fn new(upstream: &'a Upstream, whom: &'a Whom, deadlines: Deadlines) -> Call<'a> {
        Call { upstream, whom, deadlines, started: Instant::now() }
    }

    /// Runs `errand` and waits for a good response head; anything else is a fault. `limit` counts from the start.
    pub(crate) async fn open(
        &self,
        route: &Route,
        errand: Errand,
        further: &[(HeaderName, HeaderValue)],
        limit: Duration,
    ) -> Result<Response<Incoming>, Fault> {
        let due = Some(self.started + limit);
        let sent = self.upstream.send(errand, route, further, self.deadlines.connect, due);
        let response = sent.await.map_err(|e| match e {
            CallError::Late => self.whom.late("did not begin to answer", limit),
            other => self.whom.call(&other),
        })?;
        if response.status() != http::StatusCode::OK {
            return Err(self.refused(response).await);
        }
        readable(response.headers()).map_err(|why| self.whom.invalid(&why))?;
        Ok(response)
    }

    /// The fault of a status that is not success, with what the body says of it.
    async fn refused(&self, response: Response<Incoming>) -> Fault {
        let (head, body) = response.into_parts();
        let read = tokio::time::timeout(ERROR_TIME, read_head(body, ERROR_MAX)).await;
        let body = read.unwrap_or_default();
        refusal(self.whom, head.status, &head.headers, &body, SystemTime::now())
    }

    /// Reads a whole plain body, until `limit` after the start. Once it has begun, silence for longer than the gap is its
    /// end: a place thinks before it writes, not in the middle of writing a whole answer.
    pub(crate) async fn whole(&self, response: Response<Incoming>, limit: Duration) -> Result<Bytes, Fault> {
        let gap = self.deadlines.gap;
        let read = read_all(response.into_body(), PLAIN_MAX, gap);
        match tokio::time::timeout_at(self.started + limit, read).await {
            Ok(Err(Unread::Silent)) => Err(self.whom.late("stopped answering: nothing came", gap)),
            Ok(Ok(body)) => Ok(body),
            Ok(Err(Unread::TooLarge)) => {
                Err(self.whom.invalid(&format!("the answer is larger than {} MiB", PLAIN_MAX >> 20)))
            }
            Ok(Err(Unread::Lost(why))) => Err(self.whom.truncated(&why)),
            Err(_) => Err(self.whom.late("did not complete its answer", limit)),
        }
    }
}

/// Compression was not asked for, and pages are no answers.
fn readable(headers: &HeaderMap) -> Result<(), String> {
    if let Some(coding) = headers.get(header::CONTENT_ENCODING).filter(|v| v.as_bytes() != b"identity") {
        return Err(format!("the answer is encoded ({coding:?}), which was not asked for"));
    }
    if has_type(headers, "text/html") {
        return Err("the answer is a web page".to_owned());
    }
    Ok(())
}

/// Whether the answer says that it has this media type.
pub(crate) fn has_type(headers: &HeaderMap, media: &str) -> bool {
    let told = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    told.get(..media.len()).is_some_and(|start| start.eq_ignore_ascii_case(media))
}

/// Why a body was not read to its end.
pub(crate) enum Unread {
    TooLarge,
    /// It began, and nothing more came.
    Silent,
    Lost(String),
}

/// Bytes of one block that small pieces are gathered in. A buffer that grows by doubling would hold twice the body while it
/// grows, and for a body that is too large that would be for nothing.
const BLOCK: usize = 1 << 20;

/// Reads a body of at most `max` bytes, with at most `gap` between its pieces. A body in one piece is not copied; one in
/// several is joined when all are there.
pub(crate) async fn read_all(mut body: Incoming, max: usize, gap: Duration) -> Result<Bytes, Unread> {
    if body.size_hint().lower() > max as u64 {
        return Err(Unread::TooLarge);
    }
    let mut blocks: Vec<Bytes> = Vec::new();
    let mut block = BytesMut::new();
    let mut read = 0;
    loop {
        let next = if read > 0 && !body.is_end_stream() {
            tokio::time::timeout(gap, body.frame()).await.map_err(|_| Unread::Silent)?
        } else {
            body.frame().await
        };
        let Some(frame) = next else { break };
        let frame = frame.map_err(|e| Unread::Lost(e.to_string()))?;
        let Ok(data) = frame.into_data() else { continue };
        read += data.len();
        if read > max {
            return Err(Unread::TooLarge);
        }
        if blocks.is_empty() {
            blocks.push(data);
            continue;
        }
        if block.len() + data.len() > BLOCK && !block.is_empty() {
            blocks.push(std::mem::take(&mut block).freeze());
        }
        block.extend_from_slice(&data);
    }
    if block.is_empty() {
        return Ok(blocks.pop().unwrap_or_default());
    }
    let mut joined = BytesMut::with_capacity(read);
    blocks.iter().for_each(|b| joined.extend_from_slice(b));
    joined.extend_from_slice(&block);
    Ok(joined.freeze())
}

/// As much of a body as there is, up to `max` bytes.
async fn read_head(mut body: Incoming, max: usize) -> Vec<u8> {
    let mut out = Vec::new();
    while let Some(Ok(frame)) = body.frame().await {
        if let Some(data) = frame.data_ref() {
            out.extend_from_slice(&data[..data.len().min(max - out.len())]);
        }
        if out.len() == max {
            break;
        }
    }
    out
}

/// What a probe's question got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) status: u16,
    pub(crate) body: Bytes,
}

/// Asks for a document of at most `max` bytes.
pub(crate) async fn fetch(
    upstream: &Upstream,
    route: &Route,
    further: &[(HeaderName, HeaderValue)],
    max: usize,
) -> Result<Seen, CallError> {
    let asked = Errand::Probe(Question::DOCUMENT);
    seen(upstream.send(asked, route, further, PROBE_CONNECT, None).await?, max).await
}

/// Asks a question with a body.
pub(crate) async fn inquire(
    upstream: &Upstream,
    route: &Route,
    question: Question,
    max: usize,
) -> Result<Seen, CallError> {
    let due = Some(Instant::now() + PROBE_TIME);
    seen(upstream.send(Errand::Probe(question), route, &[], PROBE_CONNECT, due).await?, max).await
}

async fn seen(response: Response<Incoming>, max: usize) -> Result<Seen, CallError> {
    let status = response.status().as_u16();
    match read_all(response.into_body(), max, PROBE_GAP).await {
        Ok(body) => Ok(Seen { status, body }),
        Err(Unread::TooLarge) => Err(CallError::Lost(format!("the answer is larger than {max} bytes"))),
        Err(Unread::Silent) => Err(CallError::Lost("the answer stopped in the middle".to_owned())),
        Err(Unread::Lost(why)) => Err(CallError::Lost(why)),
    }
}
