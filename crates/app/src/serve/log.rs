//! Log lines on their way to standard error: a bounded queue and one thread that writes. Whoever reads them may be slow, stopped
//! or gone (`dewpoint serve 2>&1 | less`, a full journald): then lines are dropped and counted, and no request waits.
//!
//! `tracing-appender` does the same and was not taken: it says on standard error that it cannot stop, which waits for ever on a
//! full pipe; it does not count what a failed write loses; and it brings `time` and `crossbeam-channel` for files that roll.
//!
//! Never here: what is logged; records (room `ledger`), which are never dropped.

use std::any::Any;
use std::fmt::Write as _;
use std::io::{self, Write};
use std::panic::{PanicHookInfo, set_hook};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

/// Lines that may wait to be written.
const LINES_MAX: usize = 2048;
/// Longest line, bytes; the rest is cut. With [`LINES_MAX`] this bounds the memory of a stopped log at 16 MiB.
const LINE_MAX: usize = 8 << 10;
/// How long the end of the program waits for the last lines.
const PATIENCE: Duration = Duration::from_millis(500);

enum Item {
    Line(Box<[u8]>),
    /// Everything before this is written: say so.
    Mark(SyncSender<()>),
}

/// Where `tracing` writes to.
struct Queue {
    to: SyncSender<Item>,
    dropped: Arc<AtomicU64>,
}

/// The log; when it is dropped, the last lines are written, unless nobody takes them.
pub(super) struct Log {
    queue: Arc<Queue>,
}

/// Counts what was dropped, for `/metrics`.
#[derive(Clone)]
pub(super) struct Dropped(Arc<AtomicU64>);

/// Log lines go to standard error; `RUST_LOG` chooses which. Panics are log lines too: where, and only a message that
/// stands in the program itself, since others may quote what was asked.
pub(super) fn begin() -> Log {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    let ansi = io::IsTerminal::is_terminal(&io::stderr());
    let log = Log::to(io::stderr());
    // A second subscriber (in tests) is no reason not to serve.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(Arc::clone(&log.queue))
        .with_ansi(ansi)
        .try_init();
    set_hook(Box::new(panicked));
    log
}

fn panicked(info: &PanicHookInfo<'_>) {
    let place = info.location().map_or_else(|| "an unknown place".to_owned(), ToString::to_string);
    tracing::error!("panicked at {place}: {}. Please report this.", said(info.payload()));
}

/// The message of a panic if it is a literal.
fn said(payload: &dyn Any) -> &'static str {
    payload.downcast_ref::<&'static str>().copied().unwrap_or("(not shown: it may quote a request)")
}

impl Log {
    fn to(sink: impl Write + Send + 'static) -> Log {
        let (to, from) = sync_channel(LINES_MAX);
        let dropped = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&dropped);
        let thread = std::thread::Builder::new().name("log".to_owned());
        // Without a thread nothing is logged: every line then counts as dropped.
        let _ = thread.spawn(move || write(&from, sink, &counted));
        Log { queue: Arc::new(Queue { to, dropped }) }
    }

    /// For `/metrics`.
    pub(super) fn dropped(&self) -> Dropped {
        Dropped(Arc::clone(&self.queue.dropped))
    }

    /// Waits until what was logged so far is written; `false` if that took longer than [`PATIENCE`].
    fn flush(&self) -> bool {
        let (done, wait) = sync_channel(1);
        self.queue.to.try_send(Item::Mark(done)).is_ok() && wait.recv_timeout(PATIENCE).is_ok()
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        self.flush();
    }
}

impl Dropped {
    /// The counter as OpenMetrics text.
    pub(super) fn text(&self) -> String {
        let mut out = String::new();
        out.push_str("# HELP dewpoint_log_lines_dropped Log lines that standard error did not take.\n");
        out.push_str("# TYPE dewpoint_log_lines_dropped counter\n");
        let _ = writeln!(out, "dewpoint_log_lines_dropped_total {}", self.0.load(Ordering::Relaxed));
        out
    }
}

impl Write for &Queue {
    /// Takes one whole line, which is how `tracing-subscriber` writes them. Never waits.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut kept = line.get(..LINE_MAX).unwrap_or(line).to_vec();
        if let Some(last) = kept.last_mut().filter(|_| line.len() > LINE_MAX) {
            *last = b'\n';
        }
        if self.to.try_send(Item::Line(kept.into_boxed_slice())).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The thread. Ends with the program.
fn write(from: &Receiver<Item>, mut sink: impl Write, dropped: &AtomicU64) {
    let mut told = 0;
    for item in from {
        match item {
            Item::Line(line) if sink.write_all(&line).is_err() => {
                dropped.fetch_add(1, Ordering::Relaxed);
            }
            Item::Line(_) => {
                let lines = dropped.load(Ordering::Relaxed) - told;
                if lines > 0 {
                    told += lines;
                    tracing::warn!(lines, "log lines were dropped: standard error did not take them in time");
                }
            }
            Item::Mark(done) => {
                let _ = sink.flush();
                let _ = done.send(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use std::sync::Mutex;
    use std::time::Instant;

    /// A reader that takes nothing until it is told to.
    struct Stuck {
        go: Receiver<()>,
        gone: bool,
        taken: Arc<Mutex<Vec<u8>>>,
    }

    impl Write for Stuck {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if !self.gone {
                // An error: the other end was dropped, which means "go on" for good.
                self.gone = self.go.recv().is_err();
            }
            self.taken.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn stuck() -> (Log, SyncSender<()>, Arc<Mutex<Vec<u8>>>) {
        let (go, wait) = sync_channel(0);
        let taken = Arc::new(Mutex::new(Vec::new()));
        (Log::to(Stuck { go: wait, gone: false, taken: Arc::clone(&taken) }), go, taken)
    }

    fn log(log: &Log, line: &str) {
        let mut queue = &*log.queue;
        queue.write_all(line.as_bytes()).unwrap();
    }

    #[test]
    fn fault_62_a_reader_that_stopped_holds_nobody_up_and_what_is_dropped_is_counted() {
        let (the, go, taken) = stuck();
        let start = Instant::now();
        // One is in the thread's hands at most, the queue holds its bound, the rest is dropped.
        for n in 0..LINES_MAX + 500 {
            log(&the, &format!("line {n}\n"));
        }
        assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
        let dropped = the.dropped().0.load(Ordering::Relaxed);
        assert!((499..=500).contains(&dropped), "{dropped}");
        assert!(the.dropped().text().contains(&format!("dewpoint_log_lines_dropped_total {dropped}\n")));
        let start = Instant::now();
        assert!(!the.flush(), "nobody takes them");
        assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());

        drop(go);
        let deadline = Instant::now() + Duration::from_secs(30);
        while !the.flush() && Instant::now() < deadline {}
        let text = String::from_utf8(taken.lock().unwrap().clone()).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len() as u64, (LINES_MAX + 500) as u64 - dropped);
        assert_eq!((lines[0], lines[100]), ("line 0", "line 100"), "in order");
    }

    #[test]
    fn fault_62_a_reader_that_is_gone_is_counted_line_by_line() {
        struct Gone;
        impl Write for Gone {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
        }
        let the = Log::to(Gone);
        (0..10).for_each(|n| log(&the, &format!("line {n}\n")));
        assert!(the.flush());
        assert_eq!(the.dropped().0.load(Ordering::Relaxed), 10);
    }

    #[test]
    fn a_line_at_the_limit_is_whole_and_a_longer_one_is_cut_to_a_line() {
        let (the, go, taken) = stuck();
        drop(go);
        for length in [LINE_MAX, LINE_MAX + 1, 10 * LINE_MAX] {
            log(&the, &format!("{}\n", "x".repeat(length - 1)));
        }
        assert!(the.flush());
        let text = String::from_utf8(taken.lock().unwrap().clone()).unwrap();
        let lengths: Vec<usize> = text.lines().map(|line| line.len() + 1).collect();
        assert_eq!(lengths, [LINE_MAX, LINE_MAX, LINE_MAX]);
    }

    #[test]
    fn fault_63_a_panic_message_that_may_quote_a_request_is_not_logged() {
        let literal: Box<dyn Any + Send> = Box::new("capacity overflow");
        assert_eq!(said(&*literal), "capacity overflow");
        let quoted: Box<dyn Any + Send> = Box::new(format!("byte index 1 is out of bounds of `{}`", "my diary"));
        assert!(!said(&*quoted).contains("diary"));
    }
}
