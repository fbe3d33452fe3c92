//! Attempts under way: one, or two where a second was started beside a slow first. What is dropped here is cancelled
//! upstream.
//!
//! Never here: which attempts start, or how they are settled.

use crate::relay::Brought;
use crate::settle::Attempt;
use decide::Fault;
use std::future::Future;
use std::pin::Pin;
use std::task::Poll;

/// Room for one attempt and its future, which lives on the stack of the request.
pub(super) struct Lane<'s, 'v, F> {
    attempt: Option<Attempt<'v>>,
    bringing: Pin<&'s mut Option<F>>,
}

impl<'s, F> Lane<'s, '_, F> {
    pub(super) fn new(bringing: Pin<&'s mut Option<F>>) -> Self {
        Lane { attempt: None, bringing }
    }
}

/// The attempts under way.
pub(super) struct Race<'s, 'v, F> {
    lanes: [Lane<'s, 'v, F>; 2],
}

impl<'s, 'v, F: Future<Output = Result<Brought, Fault>>> Race<'s, 'v, F> {
    pub(super) fn new(lanes: [Lane<'s, 'v, F>; 2]) -> Self {
        Race { lanes }
    }

    /// Whether nothing is under way.
    pub(super) fn is_over(&self) -> bool {
        self.lanes.iter().all(|lane| lane.attempt.is_none())
    }

    /// Starts one more; there is room for two.
    pub(super) fn start(&mut self, attempt: Attempt<'v>, bringing: F) {
        if let Some(lane) = self.lanes.iter_mut().find(|lane| lane.attempt.is_none()) {
            lane.attempt = Some(attempt);
            lane.bringing.set(Some(bringing));
        }
    }

    /// The next one to come to an end, good or bad. Waits for ever when nothing is under way.
    pub(super) async fn next(&mut self) -> (Attempt<'v>, Result<Brought, Fault>) {
        std::future::poll_fn(|cx| {
            for lane in &mut self.lanes {
                let Some(bringing) = lane.bringing.as_mut().as_pin_mut() else { continue };
                let Poll::Ready(brought) = bringing.poll(cx) else { continue };
                lane.bringing.set(None);
                if let Some(attempt) = lane.attempt.take() {
                    return Poll::Ready((attempt, brought));
                }
            }
            Poll::Pending
        })
        .await
    }

    /// Stops what is still under way, and gives each attempt to be settled.
    pub(super) fn stop(&mut self, mut settle: impl FnMut(Attempt<'v>)) {
        for lane in &mut self.lanes {
            lane.bringing.set(None);
            if let Some(attempt) = lane.attempt.take() {
                settle(attempt);
            }
        }
    }
}
