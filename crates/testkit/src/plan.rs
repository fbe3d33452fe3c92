//! Upstreams that do what each prompt asks for, so that the client knows what it is to expect: `[id=… plan=…]`. A plan that
//! fails does so at the first attempt only; who asks again is answered well.
//!
//! Never here: what the gateway makes of it.

use crate::fake::Seen;
use crate::{Answer, Fake, Framing, Step, Voice};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What an upstream does at the first attempt of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Plan {
    /// Answers well, after some milliseconds.
    Well,
    /// Answers well and long: a stream of many frames.
    Long,
    /// Resets the connection before the head.
    Reset,
    /// Cuts the answer in its middle.
    Cut,
    /// Status 500.
    Error,
    /// Status 429 with `retry-after: 1`.
    Busy,
    /// Sends what is not HTTP.
    Garbage,
    /// Sends a page of HTML with status 200.
    Page,
    /// Takes the request and never answers.
    Stall,
    /// Begins an answer and stops in its middle for ever.
    Hang,
}

impl Plan {
    /// Every plan.
    pub const ALL: [Plan; 10] = [
        Plan::Well,
        Plan::Long,
        Plan::Reset,
        Plan::Cut,
        Plan::Error,
        Plan::Busy,
        Plan::Garbage,
        Plan::Page,
        Plan::Stall,
        Plan::Hang,
    ];

    /// The lower-case name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Plan::Well => "well",
            Plan::Long => "long",
            Plan::Reset => "reset",
            Plan::Cut => "cut",
            Plan::Error => "error",
            Plan::Busy => "busy",
            Plan::Garbage => "garbage",
            Plan::Page => "page",
            Plan::Stall => "stall",
            Plan::Hang => "hang",
        }
    }

    /// What stands in the prompt.
    pub fn mark(self, id: &str) -> String {
        format!("[id={id} plan={}]", self.as_str())
    }

    /// Reads the mark in a body.
    fn read(body: &[u8]) -> Option<(String, Plan)> {
        let at = body.windows(4).position(|w| w == b"[id=")?;
        let rest = &body[at + 4..(at + 200).min(body.len())];
        let mark = std::str::from_utf8(&rest[..rest.iter().position(|b| *b == b']')?]).ok()?;
        let (id, plan) = mark.split_once(" plan=")?;
        let plan = Plan::ALL.into_iter().find(|p| p.as_str() == plan)?;
        Some((id.to_owned(), plan))
    }
}

/// How often each request was seen by all upstreams together, by the id in its prompt.
pub type Asked = Arc<Mutex<HashMap<String, u32>>>;

/// Makes `fake` speak like `voice`, offer the model `m`, and obey the plans in its prompts.
pub fn obey(fake: &Fake, voice: Voice, asked: &Asked) {
    fake.forget();
    fake.on(voice.models_route(), voice.models(&["m"]));
    let asked = asked.clone();
    fake.on_fn(voice.chat_route(), move |seen| {
        let Some((id, plan)) = Plan::read(&seen.body) else {
            return Answer::json(400, r#"{"error":{"message":"no plan in this prompt"}}"#);
        };
        let attempt = {
            let mut asked = asked.lock().unwrap();
            let count = asked.entry(id.clone()).or_default();
            *count += 1;
            *count
        };
        let plan = match plan {
            Plan::Well | Plan::Long => plan,
            _ if attempt > 1 => Plan::Well,
            plan => plan,
        };
        answer(voice, plan, seen, pace(&id))
    });
}

/// Some milliseconds that differ from request to request, always the same for one.
fn pace(id: &str) -> Duration {
    let sum = id.bytes().fold(17u64, |sum, b| sum.wrapping_mul(31).wrapping_add(u64::from(b)));
    Duration::from_millis(1 + sum % 8)
}

fn answer(voice: Voice, plan: Plan, seen: &Seen, pace: Duration) -> Answer {
    let stream = seen.json()["stream"].as_bool().unwrap_or(false);
    let well = || {
        let words = ["The ", "gateway ", "carries ", "it ", "on", "."];
        let long: Vec<&str> = words.iter().copied().cycle().take(200).collect();
        match (stream, plan == Plan::Long) {
            (false, long_one) => voice.plain(&words.concat().repeat(if long_one { 30 } else { 1 }), Some(6)),
            (true, false) => voice.stream(&words, true).insert(2, Step::Wait(pace)),
            (true, true) => voice.stream(&long, true),
        }
        .insert(0, Step::Wait(pace))
    };
    match plan {
        Plan::Well | Plan::Long => well(),
        Plan::Reset => Answer::of(vec![Step::Reset]),
        Plan::Garbage => Answer::garbage("SSH-2.0-OpenSSH_9.6\r\n"),
        Plan::Page => Answer::new(200, "text/html", "<html><title>Sign in</title></html>"),
        Plan::Stall => Answer::of(vec![Step::Stall]),
        Plan::Error => Answer::json(500, r#"{"error":{"message":"out of order"}}"#),
        Plan::Busy => Answer::json(429, r#"{"error":{"message":"slow down"}}"#).header("retry-after", "1"),
        Plan::Cut | Plan::Hang => {
            let end = if plan == Plan::Cut { Step::Close } else { Step::Stall };
            if stream {
                let whole = well();
                let half = whole.steps.len() - 2;
                whole.cut(half, end)
            } else {
                // Half of a body whose length was told.
                let body = voice.plain("half", Some(1)).body();
                let head = format!(
                    "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
                    body.len()
                );
                let half = [head.as_bytes(), &body[..body.len() / 2]].concat();
                Answer::of(vec![Step::Raw(half.into()), end]).framed(Framing::Close)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Call, Caller, Manner};
    use bytes::Bytes;

    #[tokio::test]
    async fn a_plan_fails_once_and_then_answers_well() {
        let (fake, asked) = (Fake::start().await, Asked::default());
        obey(&fake, Voice::of("openai"), &asked);
        let caller = Caller::new(fake.address());
        for stream in [false, true] {
            for plan in Plan::ALL {
                let id = format!("{}-{stream}", plan.as_str());
                let text = format!("{} hello", plan.mark(&id));
                let body =
                    format!(r#"{{"model":"m","stream":{stream},"messages":[{{"role":"user","content":"{text}"}}]}}"#);
                let call = Call {
                    path: "/v1/chat/completions".into(),
                    body: Bytes::from(body),
                    headers: vec![],
                    manner: Manner::Read,
                    patience: Duration::from_millis(if matches!(plan, Plan::Stall | Plan::Hang) { 100 } else { 5000 }),
                };
                let first = caller.call(&call).await;
                // A page with status 200 is whole; only who reads it knows better.
                let whole = matches!(plan, Plan::Well | Plan::Long | Plan::Page);
                assert_eq!(first.complete(), whole, "{plan:?} {first:?}");
                let again = caller.call(&Call { patience: Duration::from_secs(5), ..call }).await;
                assert!(again.complete(), "{plan:?} {again:?}");
                assert_eq!(asked.lock().unwrap()[&id], 2);
            }
        }
    }
}
