//! Part e, a third witness where `strace` is installed: each address that the process and its children name to the kernel.
//!
//! Never here: what is in a packet (`link`).

use super::campaign::{Campaign, Locals};
use super::link::stayed;
use super::namespace::inside;
use super::server::Server;
use super::table::Row;
use std::collections::BTreeSet;
use std::process::Command;
use testkit::Voice;

const CALLS: &str = "trace=connect,sendto,sendmsg,sendmmsg";

/// The addresses in a trace that are neither loopback nor of this host's own kinds (unix, netlink), and how many calls there were.
fn outward(trace: &str) -> (BTreeSet<String>, usize) {
    let mut out = BTreeSet::new();
    let mut calls = 0;
    for line in trace.lines().filter(|l| ["connect(", "sendto(", "sendmsg(", "sendmmsg("].iter().any(|c| l.contains(c)))
    {
        calls += 1;
        let quoted = |mark: &str| {
            let behind = line.split(mark).skip(1);
            behind.filter_map(|rest| rest.split('"').next().map(str::to_owned)).collect::<Vec<_>>()
        };
        let four = quoted("inet_addr(\"").into_iter().filter(|a| !a.starts_with("127."));
        let six = quoted("inet_pton(AF_INET6, \"").into_iter().filter(|a| a != "::1");
        out.extend(four.chain(six));
        // An address of a kind that is not known here is no excuse.
        let known = ["AF_INET", "AF_UNIX", "AF_NETLINK", "AF_UNSPEC"];
        if line.contains("sa_family=") && !known.iter().any(|k| line.contains(&format!("sa_family={k}"))) {
            out.insert(line.to_owned());
        }
    }
    (out, calls)
}

async fn traced(config: &str, campaign: &Campaign) -> (String, Vec<super::ask::Got>) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("calls").display().to_string();
    let mut server = Server::start_in(folder, config, &[], &["strace", "-f", "-qq", "-e", CALLS, "-o", &file]).await;
    let answers = server.ask_all(&campaign.asks, 16).await;
    server.stop_traced().await;
    (std::fs::read_to_string(file).unwrap(), answers)
}

#[test]
fn the_kernel_is_told_of_no_address_but_this_hosts() {
    if Command::new("strace").arg("-V").output().is_err() {
        println!("strace is not installed: its witness is left out");
        Row {
            part: "e calls",
            asserted: "NOT SHOWN: strace is not installed (a third witness; the others do not need it)".to_owned(),
            controls: "-".to_owned(),
            ..Row::default()
        }
        .write();
        return;
    }
    inside("calls::the_kernel_is_told_of_no_address_but_this_hosts", || async {
        let clouds = [("cloud-a", Voice::of("openai"), "http://192.0.2.1:8080".to_owned())];
        let locals = Locals::start(&clouds[0].2).await;
        let mut campaign = Campaign::some_faults();
        // Where nothing is configured that is not of this host, there is not even a probe.
        let (trace, answers) = traced(&locals.config(&[]), &campaign).await;
        let (out, calls) = outward(&trace);
        assert_eq!(out, BTreeSet::new(), "of {calls} calls");
        let good = answers.iter().filter(|g| g.status == 200).count();
        assert!(calls > good && good > 20, "{calls} calls for {good} answers: the trace is not whole");
        let requests = campaign.asks.len();
        // Control: the same with a cloud, and what may go there; its address is in the trace.
        campaign = Campaign::public(&["cloud-a"]);
        let (trace, answers) = traced(&locals.config(&clouds), &campaign).await;
        stayed(&[], &answers);
        let (leaked, _) = outward(&trace);
        assert_eq!(leaked, BTreeSet::from(["192.0.2.1".to_owned()]), "the address of a cloud is not seen");
        Row {
            part: "e calls",
            asserted: format!("strace of all threads and children: {calls} connect and send calls, none names an address beyond loopback"),
            requests,
            frames: Some(calls),
            moved: None,
            controls: "a cloud configured: its address is found".to_owned(),
        }
        .write();
    });
}

#[test]
fn addresses_are_read_from_a_trace() {
    let trace = "12 connect(9, {sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr(\"127.0.0.1\")}, 16) = -1 EINPROGRESS\n\
        12 connect(9, {sa_family=AF_INET6, sin6_port=htons(80), sin6_flowinfo=htonl(0), inet_pton(AF_INET6, \"2001:db8::1\", &sin6_addr), sin6_scope_id=0}, 28) = -1 ENETUNREACH\n\
        12 sendto(9, \"GET / HTTP/1.1\\r\\nhost: 203.0.113.9\", 30, MSG_NOSIGNAL, NULL, 0) = 30\n\
        12 connect(9, {sa_family=AF_UNIX, sun_path=\"/run/nscd\"}, 110) = -1 ENOENT\n\
        12 sendmmsg(9, [{msg_hdr={msg_name={sa_family=AF_INET, sin_port=htons(53), sin_addr=inet_addr(\"192.0.2.53\")}}}], 2, 0) = 2\n\
        12 connect(9, {sa_family=AF_VSOCK, svm_cid=2, svm_port=1}, 16) = 0\n\
        12 +++ exited with 0 +++\n";
    let (out, calls) = outward(trace);
    assert_eq!(calls, 6);
    assert_eq!(out.len(), 3, "{out:?}");
    assert!(out.contains("2001:db8::1") && out.contains("192.0.2.53"), "{out:?}");
}
