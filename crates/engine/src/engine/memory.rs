//! How much memory there is and how much a worker uses, as the kernel says. Linux only: elsewhere a worker says itself
//! what it uses, and the budget is what is configured.
//!
//! Never here: deciding what to load (`ledger`).

use std::fs;
use std::path::{Path, PathBuf};

/// Bytes that new processes may use without pushing others out: what the kernel calls available, or less where a control
/// group of this process allows less. `None` where the system does not say.
pub(super) fn available() -> Option<u64> {
    let host = fs::read_to_string("/proc/meminfo").ok().and_then(|text| kilobytes(&text, "MemAvailable:"));
    let own = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    [host, groups(&own, Path::new("/sys/fs/cgroup"))].into_iter().flatten().min()
}

/// Bytes of a process in memory, as `/proc/PID/smaps_rollup` says: pages that several processes share (a model file that
/// two workers map) count for each by its share.
pub(super) fn resident(pid: u32) -> Option<u64> {
    let read = |file: &str, key: &str| {
        fs::read_to_string(format!("/proc/{pid}/{file}")).ok().and_then(|text| kilobytes(&text, key))
    };
    read("smaps_rollup", "Pss:").or_else(|| read("status", "VmRSS:"))
}

/// The value of a line such as `Pss:   123 kB`, in bytes.
fn kilobytes(text: &str, key: &str) -> Option<u64> {
    let rest = text.lines().find_map(|line| line.strip_prefix(key))?;
    rest.split_whitespace().next()?.parse::<u64>().ok()?.checked_mul(1024)
}

/// The least room that any control group of this process has, its own and those above it. `own` is `/proc/self/cgroup`.
fn groups(own: &str, root: &Path) -> Option<u64> {
    own.lines().filter_map(|line| group(line, root)).min()
}

/// One line of `/proc/self/cgroup`: `0::/user.slice` (version 2) or `9:memory:/docker/x` (version 1).
fn group(line: &str, root: &Path) -> Option<u64> {
    let mut parts = line.splitn(3, ':');
    let (_, controllers, path) = (parts.next()?, parts.next()?, parts.next()?);
    let (root, limit, usage, cache) = match controllers {
        "" => (root.to_owned(), "memory.max", "memory.current", "inactive_file"),
        c if c.split(',').any(|c| c == "memory") => {
            (root.join("memory"), "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
        }
        _ => return None,
    };
    // Inside a container the path may name folders that are not mounted; those that are there count.
    let mut folder: PathBuf = root.join(path.trim_start_matches('/'));
    let mut least = None;
    while folder.starts_with(&root) {
        let number = |name: &str| fs::read_to_string(folder.join(name)).ok()?.trim().parse::<u64>().ok();
        if let (Some(limit), Some(usage)) = (number(limit), number(usage)) {
            // File pages that nobody used lately are given back when memory is asked for.
            let stat = fs::read_to_string(folder.join("memory.stat")).unwrap_or_default();
            let field = |line: &str| line.strip_prefix(cache)?.trim().parse::<u64>().ok();
            let cached = stat.lines().find_map(field).unwrap_or(0);
            let room = limit.saturating_sub(usage.saturating_sub(cached));
            least = Some(least.map_or(room, |l: u64| l.min(room)));
        }
        if !folder.pop() {
            break;
        }
    }
    least
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_tightest_group_counts_and_cached_files_are_room() {
        let root = tempfile::tempdir().unwrap();
        let inner = root.path().join("a/b");
        fs::create_dir_all(&inner).unwrap();
        let put = |folder: &Path, name: &str, text: &str| fs::write(folder.join(name), text).unwrap();
        put(&inner, "memory.max", "max\n");
        put(&inner, "memory.current", "10\n");
        assert_eq!(groups("0::/a/b\n", root.path()), None);
        let outer = root.path().join("a");
        put(&outer, "memory.max", "1000\n");
        put(&outer, "memory.current", "700\n");
        put(&outer, "memory.stat", "anon 1\ninactive_file 200\nactive_file 5\n");
        assert_eq!(groups("0::/a/b\n", root.path()), Some(500));
        put(&inner, "memory.max", "90\n");
        assert_eq!(groups("0::/a/b\n", root.path()), Some(80));
        assert_eq!(groups("0::/not/mounted/here\n", root.path()), None);
        let first = root.path().join("memory/x");
        fs::create_dir_all(&first).unwrap();
        put(&first, "memory.limit_in_bytes", "50");
        put(&first, "memory.usage_in_bytes", "60");
        assert_eq!(groups("3:cpu,cpuacct:/x\n2:memory:/x\n", root.path()), Some(0));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_has_a_size_and_the_host_has_room() {
        let own = resident(std::process::id()).unwrap();
        assert!(own > 1 << 20 && own < 1 << 40, "{own}");
        assert!(available().unwrap() > 1 << 20);
        assert_eq!(resident(u32::MAX), None);
    }
}
