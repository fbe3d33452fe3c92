//! One fake, one backend that asks it, and the short ways to use them.

use crate::{Fake, Voice, permit_for, place};
use backend::{Backend, Deadlines, Dialer, DialerOptions, EventStream, PlaceSpec, Reply, Secret, build};
use decide::{Fault, Place};
use futures_util::StreamExt;
use std::sync::Arc;
use std::time::Duration;
use wire::{Answer, Ask, Chunk, Endpoint, Event, Join, Message, Role};

pub(super) const KEY: &str = "sk-test-0123456789abcdef";
pub(super) const ASK_ID: u128 = 7;

pub(super) struct Rig {
    pub(super) voice: Voice,
    pub(super) fake: Fake,
    pub(super) place: Arc<Place>,
    pub(super) backend: Arc<dyn Backend>,
}

impl Rig {
    pub(super) async fn new(voice: Voice) -> Rig {
        let fake = Fake::start().await;
        let base = fake.url(voice.base_path());
        let (place, backend) = backend_at(voice, &base);
        Rig { voice, fake, place, backend }
    }

    /// Sends with time enough for a busy machine.
    pub(super) async fn send(&self, ask: Ask) -> Result<Reply, Fault> {
        self.send_within(ask, deadlines()).await
    }

    pub(super) async fn send_within(&self, ask: Ask, deadlines: Deadlines) -> Result<Reply, Fault> {
        let permit = permit_for(ASK_ID, &self.place, "test-model");
        self.backend.send(permit, Arc::new(ask), deadlines).await
    }

    /// A plain answer.
    pub(super) async fn plain(&self) -> Result<Answer, Fault> {
        self.plain_of(ask(false)).await
    }

    pub(super) async fn plain_of(&self, ask: Ask) -> Result<Answer, Fault> {
        match self.send(ask).await? {
            Reply::Plain(answer) => Ok(*answer),
            _ => panic!("a plain answer was asked for"),
        }
    }

    /// A stream to its end: what came, and how it ended.
    pub(super) async fn stream(&self) -> Ended {
        self.stream_of(ask(true), deadlines()).await
    }

    pub(super) async fn stream_of(&self, ask: Ask, deadlines: Deadlines) -> Ended {
        match self.send_within(ask, deadlines).await {
            Ok(Reply::Stream(stream)) => drain(stream).await,
            Ok(_) => panic!("a stream was asked for"),
            Err(fault) => Ended { chunks: Vec::new(), fault: Some(fault) },
        }
    }

    /// The fault of a plain request.
    pub(super) async fn plain_fault(&self) -> Fault {
        self.plain().await.expect_err("a fault")
    }

    /// The fault of a streamed request, whether it came instead of the stream or in it.
    pub(super) async fn stream_fault(&self) -> Fault {
        self.stream().await.fault.expect("a fault")
    }
}

/// The backend of a voice at another address.
pub(super) fn backend_at(voice: Voice, base_url: &str) -> (Arc<Place>, Arc<dyn Backend>) {
    let place = place("there", voice.profile);
    let spec = PlaceSpec {
        place: place.clone(),
        models: Vec::new(),
        base_url: base_url.to_owned(),
        key: Some(Secret::new(KEY)),
        profile: voice.profile,
    };
    let dialer = Dialer::new(DialerOptions::default()).expect("a dialer");
    (place, build(spec, &dialer).expect("a backend"))
}

/// How a stream went.
pub(super) struct Ended {
    pub(super) chunks: Vec<Chunk>,
    pub(super) fault: Option<Fault>,
}

impl Ended {
    pub(super) fn events(&self) -> impl Iterator<Item = &Event> {
        self.chunks.iter().flat_map(|c| &c.events)
    }

    /// All visible text.
    pub(super) fn text(&self) -> String {
        let text = |e: &Event| if let Event::Text { text, .. } = e { text.clone() } else { String::new() };
        self.events().map(text).collect()
    }

    /// The stream as a whole answer.
    ///
    /// # Panics
    /// When it did not end well.
    pub(super) fn joined(self) -> Answer {
        assert_eq!(self.fault, None);
        let mut join = Join::default();
        self.chunks.into_iter().flat_map(|c| c.events).for_each(|e| join.push(e));
        assert!(join.is_done(), "the stream ended without its terminal event");
        join.finish()
    }
}

async fn drain(mut stream: EventStream) -> Ended {
    let mut ended = Ended { chunks: Vec::new(), fault: None };
    while let Some(item) = stream.next().await {
        assert!(ended.fault.is_none(), "something came behind a fault");
        match item {
            Ok(chunk) => ended.chunks.push(chunk),
            Err(fault) => ended.fault = Some(fault),
        }
    }
    ended
}

/// Short of nothing, so that only what a case is about can fail.
pub(super) fn deadlines() -> Deadlines {
    let long = Duration::from_secs(20);
    Deadlines { connect: long, first: long, gap: long, total: long }
}

/// A request of one message.
pub(super) fn ask(stream: bool) -> Ask {
    let mut ask = Ask::new(Endpoint::Chat);
    ask.id = ASK_ID;
    ask.model = "whatever the caller wrote".to_owned();
    ask.messages = vec![Message::text(Role::User, "Say hello.")];
    ask.stream = stream;
    ask.include_usage = stream;
    ask
}
