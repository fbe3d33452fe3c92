//! The cut at the end of a drain: one signal that ends every request under way, each with an error of its dialect.
//!
//! Never here: when to cut (step 1 and room `app`), or how a request ends (`dispatch`, `relay`).

use tokio::sync::watch;

/// Ends all requests under way, once. After [`Cut::now`] those that wait for content are answered with
/// `shutting_down`, and streams end with that error as their last event, all within about a second: a caller who does
/// not read is waited for no longer than that.
#[derive(Debug)]
pub struct Cut(watch::Sender<bool>);

impl Default for Cut {
    fn default() -> Cut {
        Cut(watch::Sender::new(false))
    }
}

impl Cut {
    /// Cuts. Whatever starts after this is cut as well.
    pub fn now(&self) {
        self.0.send_replace(true);
    }

    /// Whether it has been made.
    pub(crate) fn is_made(&self) -> bool {
        *self.0.borrow()
    }

    /// Resolves when it is made.
    pub(crate) async fn made(&self) {
        // It cannot fail: `self` holds the sender.
        let _ = self.0.subscribe().wait_for(|made| *made).await;
    }
}
