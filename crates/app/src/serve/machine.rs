//! What the machine gives this process: file descriptors and memory. Limits of the configuration that go beyond are
//! lowered, since what is refused at the door costs one request and what runs out inside costs all of them.
//!
//! Never here: using any of it.

use crate::config::Settings;

/// Descriptors that are not connections: the ledger, the log, the listener, watchers, pipes to the engine, probes.
const OWN_FILES: u64 = 64;
/// One for the client and one for the place that answers.
const FILES_PER_CONNECTION: u64 = 2;
/// The share of memory that request bodies may take: each is there as text and once more in canonical form.
const BODIES_SHARE: u64 = 8;

/// Connections at most. Raises this process's own limit of descriptors as far as it may.
pub(super) fn connections(settings: &Settings) -> usize {
    let wanted = settings.server.connections_max;
    let Some(files) = files() else { return wanted };
    let room = connections_of(files);
    // A few less than wished for is no news.
    if room < wanted / 2 {
        tracing::warn!(
            connections = room,
            files,
            "fewer connections than [server] connections_max = {wanted}: this process may open {files} files; raise the \
             limit (`ulimit -n`, LimitNOFILE=) for more"
        );
    }
    wanted.min(room)
}

fn connections_of(files: u64) -> usize {
    let room = files.saturating_sub(OWN_FILES) / FILES_PER_CONNECTION;
    usize::try_from(room).unwrap_or(usize::MAX).max(1)
}

/// Bytes of request bodies at most; never less than one body.
pub(super) fn bodies(settings: &Settings) -> usize {
    let wanted = settings.server.bodies_max_bytes;
    let most = memory_limit().map_or(wanted, |limit| usize::try_from(limit / BODIES_SHARE).unwrap_or(usize::MAX));
    wanted.min(most).max(settings.server.body_max_bytes)
}

#[cfg(unix)]
fn files() -> Option<u64> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        let most = Rlimit { current: limit.maximum, maximum: limit.maximum };
        // Where it is refused the limit stays as it is.
        let _ = setrlimit(Resource::Nofile, most);
    }
    getrlimit(Resource::Nofile).current
}

#[cfg(not(unix))]
fn files() -> Option<u64> {
    None
}

/// The memory limit of this process's control group (version 2), or of one above it. `None` without one.
fn memory_limit() -> Option<u64> {
    let groups = std::fs::read_to_string("/proc/self/cgroup").ok()?;
    let mut path = std::path::Path::new("/sys/fs/cgroup").join(own_group(&groups)?);
    let mut least: Option<u64> = None;
    while path.starts_with("/sys/fs/cgroup") {
        let said = std::fs::read_to_string(path.join("memory.max")).ok();
        if let Some(limit) = said.and_then(|text| text.trim().parse::<u64>().ok()) {
            least = Some(least.map_or(limit, |l| l.min(limit)));
        }
        if !path.pop() {
            break;
        }
    }
    least
}

/// The path behind `0::/`.
fn own_group(groups: &str) -> Option<&str> {
    groups.lines().find_map(|line| line.strip_prefix("0::/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptors_are_shared_out() {
        for (files, connections) in [(0, 1), (64, 1), (66, 1), (68, 2), (256, 96), (1 << 20, 524_256)] {
            assert_eq!(connections_of(files), connections, "{files}");
        }
    }

    #[test]
    fn the_own_group_is_found() {
        assert_eq!(own_group("1:cpu:/x\n0::/system.slice/a.service\n"), Some("system.slice/a.service"));
        assert_eq!(own_group("0::/\n"), Some(""));
        assert_eq!(own_group("1:cpu:/x\n"), None);
    }
}
