//! Names to addresses: the system's resolver, off the executor, one look-up per name at a time, with a short memory.
//!
//! The system's resolver blocks a thread for as long as it likes (30 s and more where no server answers). Requests that
//! want the same name share one look-up, each waits no longer than its own deadline, and where a look-up fails the last
//! good answer is used for a while: a place does not go away because a name server does. The number of names is that of
//! the configured places; the memory is bounded all the same.
//!
//! `localhost` and names below it are this host (RFC 6761), whatever a name server says: nobody is asked for them.
//!
//! Never here: connections; which addresses may be dialled (`egress`); names that came with a request.

use super::origin::is_localhost;
use futures_util::future::{BoxFuture, FutureExt, Shared};
use hyper_util::client::legacy::connect::dns::{GaiResolver, Name};
use std::collections::HashMap;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;
use tower_service::Service;

/// A good answer is fresh for so long.
const FRESH: Duration = Duration::from_secs(5);
/// A failure is believed for so long, so that a burst of requests asks once.
const FAILED: Duration = Duration::from_secs(1);
/// A good answer stands in for a failing look-up for so long.
const STALE: Duration = Duration::from_secs(600);
/// After so long an unanswered look-up is not waited for where there is an older answer.
const PATIENCE: Duration = Duration::from_secs(1);
/// Names remembered at most.
const NAMES_MAX: usize = 1024;

/// What a look-up gave: addresses, or why there are none.
pub(super) type Found = Result<Arc<[SocketAddr]>, Arc<str>>;
type Asking = Shared<BoxFuture<'static, Found>>;
pub(super) type LookUp = dyn Fn(Name) -> BoxFuture<'static, Found> + Send + Sync;

/// The resolver of the one connector.
#[derive(Clone)]
pub(super) struct Resolver(Arc<Inner>);

struct Inner {
    known: Mutex<HashMap<Box<str>, Known>>,
    look_up: Box<LookUp>,
}

/// What is known of one name.
#[derive(Default)]
struct Known {
    good: Option<(Instant, Arc<[SocketAddr]>)>,
    failed: Option<(Instant, Arc<str>)>,
    asking: Option<Asking>,
}

/// What a look at what is known gives.
enum Look {
    /// A fresh answer, or what has to do for one.
    Known(Found),
    /// The look-up to wait for, and an older answer.
    Ask(Asking, Option<Arc<[SocketAddr]>>),
}

impl Resolver {
    pub(super) fn new() -> Resolver {
        Resolver::with(Box::new(|name| ask_system(name).boxed()))
    }

    pub(super) fn with(look_up: Box<LookUp>) -> Resolver {
        Resolver(Arc::new(Inner { known: Mutex::default(), look_up }))
    }

    /// The addresses of a name, whatever they are; their port is 0.
    pub(super) async fn find(&self, name: Name) -> Result<Arc<[SocketAddr]>, Arc<str>> {
        if is_localhost(name.as_str()) {
            return Ok([SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), SocketAddr::from((Ipv6Addr::LOCALHOST, 0))].into());
        }
        let (asking, old) = match self.look(&name) {
            Look::Known(found) => return found,
            Look::Ask(asking, old) => (asking, old),
        };
        let found = match &old {
            None => asking.await,
            Some(old) => tokio::time::timeout(PATIENCE, asking).await.unwrap_or_else(|_| Ok(old.clone())),
        };
        found.or_else(|why| old.ok_or(why))
    }

    /// What is known and fresh, or the look-up to wait for and an older answer.
    fn look(&self, name: &Name) -> Look {
        let now = Instant::now();
        let mut all = self.0.known.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= NAMES_MAX && !all.contains_key(name.as_str()) {
            all.retain(|_, known| known.asking.is_some());
        }
        let known = all.entry(name.as_str().into()).or_default();
        if let Some((_, found)) = known.good.as_ref().filter(|(at, _)| now - *at < FRESH) {
            return Look::Known(Ok(found.clone()));
        }
        let old = known.good.as_ref().filter(|(at, _)| now - *at < STALE).map(|(_, found)| found.clone());
        if let Some((_, why)) = known.failed.as_ref().filter(|(at, _)| now - *at < FAILED) {
            return Look::Known(old.ok_or_else(|| why.clone()));
        }
        let asking = known.asking.get_or_insert_with(|| self.ask(name.clone()));
        Look::Ask(asking.clone(), old)
    }

    /// Starts a look-up that goes on though nobody waits for it any more.
    fn ask(&self, name: Name) -> Asking {
        let this = self.clone();
        let asked = tokio::spawn(async move {
            let found = (this.0.look_up)(name.clone()).await;
            let mut all = this.0.known.lock().unwrap_or_else(PoisonError::into_inner);
            let known = all.entry(name.as_str().into()).or_default();
            known.asking = None;
            match &found {
                Ok(addresses) => (known.good, known.failed) = (Some((Instant::now(), addresses.clone())), None),
                Err(why) => known.failed = Some((Instant::now(), why.clone())),
            }
            found
        });
        async move { asked.await.unwrap_or_else(|_| Err("the look-up was given up".into())) }.boxed().shared()
    }
}

/// Asks the system, on a thread of its own.
#[expect(clippy::disallowed_methods, reason = "this is the one resolver")]
async fn ask_system(name: Name) -> Found {
    let resolved = GaiResolver::new().call(name).await.map_err(|e| Arc::from(e.to_string()))?;
    let found: Arc<[SocketAddr]> = resolved.collect();
    if found.is_empty() { Err("the name has no address".into()) } else { Ok(found) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn name() -> Name {
        "places.example".parse().unwrap()
    }

    fn address(last: u8) -> SocketAddr {
        SocketAddr::from(([10, 0, 0, last], 0))
    }

    /// A resolver that takes `time` and gives what `script` says for the n-th look-up.
    fn resolver(time: Duration, script: fn(usize) -> Found) -> (Resolver, Arc<AtomicUsize>) {
        let asked = Arc::new(AtomicUsize::new(0));
        let count = asked.clone();
        let look_up = move |_: Name| {
            let nth = count.fetch_add(1, Ordering::SeqCst);
            async move {
                tokio::time::sleep(time).await;
                script(nth)
            }
            .boxed()
        };
        (Resolver::with(Box::new(look_up)), asked)
    }

    #[tokio::test(start_paused = true)]
    async fn fault_28_many_requests_share_one_look_up_and_a_hanging_one_costs_one_thread() {
        let (resolver, asked) = resolver(Duration::from_secs(30), |_| Ok([address(1)].into()));
        for _ in 0..1000 {
            let waited = tokio::time::timeout(Duration::from_millis(1), resolver.find(name())).await;
            assert!(waited.is_err(), "each leaves at its own deadline");
        }
        assert_eq!(asked.load(Ordering::SeqCst), 1);
        assert_eq!(resolver.find(name()).await.unwrap()[..], [address(1)]);
        assert_eq!(resolver.find(name()).await.unwrap()[..], [address(1)]);
        assert_eq!(asked.load(Ordering::SeqCst), 1, "a fresh answer is not asked for again");
    }

    #[tokio::test(start_paused = true)]
    async fn fault_28_a_failure_is_believed_for_a_moment_only() {
        let (resolver, asked) =
            resolver(Duration::ZERO, |nth| if nth == 0 { Err("no such name".into()) } else { Ok([address(2)].into()) });
        for _ in 0..100 {
            assert_eq!(&*resolver.find(name()).await.unwrap_err(), "no such name");
        }
        assert_eq!(asked.load(Ordering::SeqCst), 1);
        tokio::time::advance(FAILED).await;
        assert_eq!(resolver.find(name()).await.unwrap()[..], [address(2)]);
    }

    #[tokio::test(start_paused = true)]
    async fn fault_28_the_last_good_answer_stands_in_for_a_failing_or_hanging_look_up() {
        let script = |nth| if nth == 0 { Ok([address(3)].into()) } else { Err("servfail".into()) };
        let (resolver, _) = resolver(Duration::from_secs(20), script);
        assert!(resolver.find(name()).await.is_ok());
        tokio::time::advance(FRESH).await;
        let began = Instant::now();
        assert_eq!(resolver.find(name()).await.unwrap()[..], [address(3)]);
        assert_eq!(began.elapsed(), PATIENCE, "a hanging look-up is not waited for to its end");
        tokio::time::advance(Duration::from_secs(30)).await;
        assert!(resolver.find(name()).await.is_ok(), "it failed meanwhile");
        tokio::time::advance(STALE).await;
        assert!(resolver.find(name()).await.is_err(), "not for ever");
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_remembered_is_bounded() {
        let (resolver, _) = resolver(Duration::ZERO, |_| Ok([address(4)].into()));
        for n in 0..NAMES_MAX + 1 {
            let name: Name = format!("n{n}.example").parse().unwrap();
            assert!(resolver.find(name).await.is_ok());
        }
        assert!(resolver.0.known.lock().unwrap().len() <= NAMES_MAX);
    }

    #[tokio::test]
    async fn this_host_is_known_without_asking_and_other_names_are_asked() {
        let (resolver, asked) = resolver(Duration::ZERO, |_| Ok([address(5)].into()));
        for name in ["localhost", "LOCALHOST", "ollama.localhost"] {
            let found = resolver.find(name.parse().unwrap()).await.unwrap();
            assert!(found.len() == 2 && found.iter().all(|a| a.ip().is_loopback()), "{name}");
        }
        assert_eq!(asked.load(Ordering::SeqCst), 0);
        assert!(Resolver::new().find("no-such-name.invalid".parse().unwrap()).await.is_err());
    }
}
