//! The sections `[server]`, `[discovery]`, and where data is kept.
//!
//! Never here: the ledger, the engine, places, keys, policy.

use super::{KeySettings, Reader, ServerSettings};
use crate::config::origin::Origin;
use crate::config::shape;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// The variable that says where data is kept.
pub(crate) const DATA_VARIABLE: &str = "DEWPOINT_DATA";

pub(super) fn server(r: &mut Reader<'_>, section: &shape::Server) -> Option<ServerSettings> {
    let (text, origin) = match &r.flags.listen {
        Some(flag) => (flag.clone(), Origin::Flag("--listen")),
        None => (section.listen.clone(), r.origin("server.listen")),
    };
    let listen = listen(r, &text, &origin);
    r.values.note("server.listen", &text, origin);
    let mut seconds = |name: &str, value: u32, least: u32| {
        let path = format!("server.{name}");
        if value < least {
            let what = format!("{path} is {value}");
            r.wrong(&path, what, "nothing can be done in no time", "write at least 1, or leave the line out");
        }
        r.note(&path, value);
        Duration::from_secs(u64::from(value))
    };
    let deadlines = backend::Deadlines {
        connect: seconds("connect_s", section.connect_s, 1),
        first: seconds("first_s", section.first_s, 1),
        gap: seconds("gap_s", section.gap_s, 1),
        total: seconds("total_s", section.total_s, 1),
    };
    let drain = seconds("drain_s", section.drain_s, 0);
    let head = seconds("head_s", section.head_s, 1);
    let body = seconds("body_s", section.body_s, 1);
    let idle = seconds("idle_s", section.idle_s, 1);
    if !(1..=1024).contains(&section.body_max_mb) {
        let what = format!("server.body_max_mb is {}", section.body_max_mb);
        r.wrong("server.body_max_mb", what, "a body is held in memory", "write a number from 1 to 1024");
    }
    r.note("server.body_max_mb", section.body_max_mb);
    if section.bodies_max_mb < section.body_max_mb || section.bodies_max_mb > 1_048_576 {
        let what = format!("server.bodies_max_mb is {}", section.bodies_max_mb);
        let help = "write at least body_max_mb, and at most 1048576";
        r.wrong("server.bodies_max_mb", what, "all bodies together hold at least one", help);
    }
    r.note("server.bodies_max_mb", section.bodies_max_mb);
    if !(1..=1_000_000).contains(&section.connections_max) {
        let what = format!("server.connections_max is {}", section.connections_max);
        r.wrong("server.connections_max", what, "every connection takes a file and memory", "write 1 to 1000000");
    }
    r.note("server.connections_max", section.connections_max);
    if section.workers > 1024 {
        let what = format!("server.workers is {}", section.workers);
        r.wrong("server.workers", what, "more threads than cores only cost", "write 0 for one per core");
    }
    r.note("server.workers", shown_count(section.workers, "one per core"));
    Some(ServerSettings {
        listen: listen?,
        body_max_bytes: megabytes(section.body_max_mb),
        bodies_max_bytes: megabytes(section.bodies_max_mb),
        connections_max: usize::try_from(section.connections_max).unwrap_or(usize::MAX),
        head,
        body,
        idle,
        deadlines,
        drain,
        workers: Some(usize::from(section.workers)).filter(|w| *w > 0),
    })
}

fn megabytes(mb: u32) -> usize {
    usize::try_from(u64::from(mb) * 1_000_000).unwrap_or(usize::MAX)
}

pub(super) fn shown_count(count: u16, when_zero: &str) -> String {
    if count == 0 { format!("0 ({when_zero})") } else { count.to_string() }
}

fn listen(r: &mut Reader<'_>, text: &str, origin: &Origin) -> Option<SocketAddr> {
    let spelled = text.replace("localhost:", "127.0.0.1:");
    if let Ok(addr) = spelled.parse() {
        return Some(addr);
    }
    let why = "it needs an IP address and a port";
    let help = "write for example \"127.0.0.1:4141\", or \"0.0.0.0:4141\" for every network (needs a [[key]])";
    match origin {
        Origin::Flag(flag) => r.wrong("", format!("{flag} {text} is not an address"), why, help),
        _ => r.wrong("server.listen", format!("\"{text}\" is not an address to listen on"), why, help),
    }
    None
}

/// Beyond this host nobody may call without a key.
pub(super) fn refuse_open(r: &mut Reader<'_>, server: &ServerSettings, keys: &[KeySettings]) {
    if server.listen.ip().is_loopback() || !keys.is_empty() {
        return;
    }
    let path = if r.flags.listen.is_some() { "" } else { "server.listen" };
    r.wrong(
        path,
        format!("listening on {} without keys is refused", server.listen),
        "everyone who reaches that address could spend your money and read your models' answers",
        "make a key with `dewpoint key new` and add its [[key]], or listen on 127.0.0.1",
    );
}

/// Where data is kept when nothing is configured.
pub(crate) fn data_dir(env: crate::config::secret::Env<'_>) -> Option<(PathBuf, Origin)> {
    let from = |name: &str, rest: &str| {
        let base = env(name).filter(|v| !v.is_empty())?;
        let base = PathBuf::from(base);
        let dir = if rest.is_empty() { base } else { base.join(rest) };
        Some((dir, Origin::Environment(name.to_owned())))
    };
    from(DATA_VARIABLE, "").or_else(|| from("XDG_DATA_HOME", "dewpoint")).or_else(|| {
        let (dir, _) = from("HOME", ".local/share/dewpoint")?;
        Some((dir, Origin::Default))
    })
}

pub(super) fn discovery(r: &mut Reader<'_>, section: &shape::Discovery) -> shape::Discovery {
    let mut discovery = section.clone();
    if r.flags.no_discovery {
        discovery.enabled = false;
        r.values.note("discovery.enabled", false, Origin::Flag("--no-discovery"));
    } else {
        r.note("discovery.enabled", discovery.enabled);
    }
    r.note("discovery.environment", discovery.environment);
    r.note("discovery.loopback", discovery.loopback);
    discovery
}
