//! When to read the configuration or the stored keys again: SIGHUP, or the file has another content.
//!
//! Never here: what a reload does (`live`).

use super::live::Live;
use super::{Stop, stopped};
use notify::Watcher;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, watch as channel};

/// Editors write a file in several steps; the last one counts.
const SETTLE: Duration = Duration::from_millis(150);

/// Reloads until told to stop.
pub(super) async fn reload_on_change(live: Arc<Live>, mut hangup: Hangup, stopping: channel::Receiver<Stop>) {
    let changed = Arc::new(Notify::new());
    // Dropping the watcher would end the watch.
    let _watcher = live.path().and_then(|path| watcher(&path, &changed));
    let of_keys = Arc::new(Notify::new());
    let _key_watcher = live.keys_path().and_then(|path| {
        crate::key_store::make_folder(path.parent()?).ok();
        watcher(&path, &of_keys)
    });
    let content = || live.path().and_then(|p| std::fs::read(p).ok());
    let keys = || live.keys_path().and_then(|p| std::fs::read(p).ok());
    let (mut last, mut last_keys) = (content(), keys());
    let mut stop = std::pin::pin!(stopped(stopping, Stop::InOrder));
    loop {
        let forced = tokio::select! {
            () = &mut stop => return,
            () = changed.notified() => false,
            // It is put in place as a whole: there is nothing to wait for.
            () = of_keys.notified() => {
                let now = keys();
                if now.is_some() && now != last_keys {
                    last_keys = now;
                    live.reload_keys();
                }
                continue;
            }
            () = hangup.asked() => true,
        };
        if !forced {
            tokio::time::sleep(SETTLE).await;
        }
        let now = content();
        if forced || now != last {
            last = now;
            live.reload(if forced { "SIGHUP" } else { "the file changed" }).await;
        }
    }
}

/// SIGHUP where there is one; elsewhere it never comes.
pub(super) struct Hangup {
    #[cfg(unix)]
    signal: Option<tokio::signal::unix::Signal>,
}

impl Hangup {
    /// Handles the signal from now on.
    pub(super) fn new() -> Hangup {
        Hangup {
            #[cfg(unix)]
            signal: tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup()).ok(),
        }
    }

    async fn asked(&mut self) {
        #[cfg(unix)]
        if let Some(signal) = &mut self.signal
            && signal.recv().await.is_some()
        {
            return;
        }
        std::future::pending().await
    }
}

/// Watches the folder, not the file: editors and Kubernetes put a new file in the place of the old one.
fn watcher(path: &Path, changed: &Arc<Notify>) -> Option<notify::RecommendedWatcher> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    };
    let changed = Arc::clone(changed);
    let tell = move |event: notify::Result<notify::Event>| {
        if event.is_ok_and(|e| !e.kind.is_access()) {
            changed.notify_one();
        }
    };
    let made = notify::recommended_watcher(tell)
        .and_then(|mut watcher| watcher.watch(&folder, notify::RecursiveMode::NonRecursive).map(|()| watcher));
    made.inspect_err(|error| tracing::warn!(%error, "{} is not watched; use SIGHUP after a change", path.display()))
        .ok()
}
