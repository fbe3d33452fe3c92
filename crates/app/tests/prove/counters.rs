//! The kernel's own count of packets that no route takes, in the network namespace of the caller.
//!
//! Never here: what may be counted.

use std::fmt;
use std::ops::Sub;

/// `Ip: OutNoRoutes` and `Ip6OutNoRoutes`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Unroutable {
    pub(crate) v4: u64,
    pub(crate) v6: u64,
}

impl Unroutable {
    pub(crate) fn now() -> Unroutable {
        let read = |file: &str| std::fs::read_to_string(format!("/proc/thread-self/net/{file}")).expect("Linux");
        let (v4, v6) = (read("snmp"), read("snmp6"));
        let mut ip = v4.lines().filter_map(|l| l.strip_prefix("Ip: ")).map(|l| l.split(' '));
        let (mut names, mut values) = (ip.next().expect("names"), ip.next().expect("values"));
        let at = names.position(|n| n == "OutNoRoutes").expect("a counter of the kernel");
        let number = |text: &str| text.trim().parse().expect("a number");
        let v6 = v6.lines().find_map(|l| l.strip_prefix("Ip6OutNoRoutes")).expect("a counter of the kernel");
        Unroutable { v4: number(values.nth(at).expect("as many values as names")), v6: number(v6) }
    }

    pub(crate) fn sum(self) -> u64 {
        self.v4 + self.v6
    }
}

impl Sub for Unroutable {
    type Output = Unroutable;
    fn sub(self, before: Unroutable) -> Unroutable {
        Unroutable { v4: self.v4 - before.v4, v6: self.v6 - before.v6 }
    }
}

impl fmt::Display for Unroutable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "+{} / +{}", self.v4, self.v6)
    }
}
