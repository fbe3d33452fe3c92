//! A wire out of the namespace: a pair of interfaces, the far one in a second namespace, with "clouds" that belong to the
//! test and a sniffer that sees every frame.
//!
//! Addresses are those that are reserved for examples (RFC 5737, RFC 3849): nobody's, and only in here.
//!
//! Never here: requests, or what may be in a frame.

use super::namespace::{own, run};
use rustix::net::{AddressFamily, Protocol, SocketFlags, SocketType, recv, socket_with, sockopt};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use std::net::{IpAddr, UdpSocket};
use std::os::fd::AsFd;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};
use testkit::{Fake, Voice};
use tokio::sync::oneshot;

pub(crate) const NEAR: &str = "203.0.113.1";
pub(crate) const FAR: &str = "203.0.113.2";
pub(crate) const NEAR6: &str = "2001:db8:77::1";
pub(crate) const FAR6: &str = "2001:db8:77::2";
/// A name of the far end, which `/etc/hosts` in here knows.
pub(crate) const NAME: &str = "cloud.example.com";
/// Nobody answers there; a question that goes out is a frame.
pub(crate) const NAMES: &str = "203.0.113.53";

const MACS: [&str; 3] = ["02:00:00:00:00:01", "02:00:00:00:00:02", "02:00:00:00:00:03"];
/// All protocols, `ETH_P_ALL`.
const ALL: u16 = 3;
/// Larger than any frame, offloaded ones included.
const FRAME: usize = 1 << 17;

/// The wire.
pub(crate) struct Wire {
    /// The clouds: at the address of version 4, of version 6, and behind the name.
    pub(crate) clouds: Vec<(&'static str, Voice, Fake, String)>,
    frames: Arc<Mutex<Vec<Vec<u8>>>>,
    stop: Arc<AtomicBool>,
    end: Option<oneshot::Sender<()>>,
    threads: Vec<std::thread::JoinHandle<()>>,
    /// Holds the far namespace as long as it lives.
    holder: Child,
}

impl Wire {
    pub(crate) async fn new() -> Wire {
        let mut holder = Command::new("unshare").args(["--net", "cat"]).stdin(Stdio::piped()).spawn().unwrap();
        let link = format!("/proc/{}/ns/net", holder.id());
        let (ours, deadline) = (own(), Instant::now() + Duration::from_secs(10));
        // It is there when it has left ours.
        while std::fs::read_link(&link).map_or(true, |l| l.display().to_string() == ours) {
            let ended = holder.try_wait().unwrap();
            assert!(ended.is_none() && Instant::now() < deadline, "no second namespace: {ended:?}");
            std::thread::sleep(Duration::from_millis(2));
        }
        let (frames, stop) = (Arc::<Mutex<Vec<Vec<u8>>>>::default(), Arc::<AtomicBool>::default());
        let sniffer = {
            let (frames, stop, link) = (frames.clone(), stop.clone(), link.clone());
            let (ready, is_ready) = mpsc::sync_channel(1);
            let thread = std::thread::spawn(move || {
                cross(&link);
                sniff(&frames, &stop, &ready);
            });
            is_ready.recv().expect("a sniffer");
            thread
        };
        // Behind the sniffer: not even the first frame of the kernel's own is missed.
        interfaces(&holder.id().to_string(), &link);
        let (end, ended) = oneshot::channel::<()>();
        let (told, clouds) = oneshot::channel();
        let server = std::thread::spawn(move || {
            cross(&link);
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                let mut clouds = Vec::new();
                for (name, voice, address) in
                    [("cloud-a", "openai", FAR), ("cloud-b", "anthropic", FAR6), ("cloud-c", "ollama", NAME)]
                {
                    let ip: IpAddr = if address == NAME { FAR.parse().unwrap() } else { address.parse().unwrap() };
                    let (voice, fake) = (Voice::of(voice), Fake::start_on(ip).await);
                    let origin = match address {
                        NAME => format!("http://{NAME}:{}", fake.address().port()),
                        _ => fake.url(""),
                    };
                    clouds.push((name, voice, fake, origin));
                }
                told.send(clouds).ok().expect("somebody waits");
                let _ = ended.await;
            });
        });
        let clouds = clouds.await.expect("clouds at the far end");
        Wire { clouds, frames, stop, end: Some(end), threads: vec![sniffer, server], holder }
    }

    /// Every frame so far, in both directions. A datagram is sent behind all that was sent before and waited for; then
    /// there must be as many as the kernel counted at the far end, so that none was missed.
    pub(crate) async fn frames(&self) -> Vec<Vec<u8>> {
        let mark = format!("mark-{:016x}", fastrand::u64(..));
        datagram(FAR, &mark);
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            let frames = self.frames.lock().unwrap().clone();
            let marked = frames.iter().any(|f| f.windows(mark.len()).any(|w| w == mark.as_bytes()));
            let counted = counted(&self.holder.id().to_string());
            if marked && frames.len() == counted {
                return frames;
            }
            let n = frames.len();
            assert!(Instant::now() < deadline, "frames were missed: {n} seen, {counted} counted, mark seen: {marked}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// What clouds were asked, but for probes: the bodies.
    pub(crate) fn asked(&self) -> Vec<Vec<u8>> {
        let seen = self.clouds.iter().flat_map(|(_, _, fake, _)| fake.seen());
        seen.filter(|s| s.method != "GET" && s.path != "/api/show").map(|s| s.body.to_vec()).collect()
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        drop(self.end.take());
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

/// Sends text in the clear: what a leak looks like.
pub(crate) fn datagram(to: &str, text: &str) {
    let any = if to.contains(':') { "[::]:0" } else { "0.0.0.0:0" };
    let socket = UdpSocket::bind(any).unwrap();
    // Refused where there is no route: that is counted, and what is wanted then.
    let _ = socket.send_to(text.as_bytes(), (to.parse::<IpAddr>().unwrap(), 9));
}

/// Makes the two interfaces, with fixed neighbours: nothing has to be asked for on the wire.
fn interfaces(holder: &str, link: &str) {
    let near = |line: &str| run("ip", &line.split(' ').collect::<Vec<_>>());
    let net = format!("--net={link}");
    let far = |line: &str| {
        let mut arguments = vec![net.as_str(), "ip"];
        arguments.extend(line.split(' '));
        run("nsenter", &arguments);
    };
    let [a, b, c] = MACS;
    near(&format!("link add near address {a} type veth peer name far address {b} netns {holder}"));
    near(&format!("addr add {NEAR}/24 dev near"));
    near(&format!("addr add {NEAR6}/64 dev near nodad"));
    far("link set lo up");
    far(&format!("addr add {FAR}/24 dev far"));
    far(&format!("addr add {FAR6}/64 dev far nodad"));
    near("link set near up");
    far("link set far up");
    for (there, mac) in [(FAR, b), (FAR6, b), (NAMES, c)] {
        near(&format!("neigh add {there} lladdr {mac} dev near nud permanent"));
    }
    for there in [NEAR, NEAR6] {
        far(&format!("neigh add {there} lladdr {a} dev far nud permanent"));
    }
    // Whatever is sent anywhere takes this wire.
    near(&format!("route add default via {FAR}"));
    near(&format!("-6 route add default via {FAR6}"));
}

/// Takes the calling thread, and what it starts, over to the far end.
fn cross(link: &str) {
    let file = std::fs::File::open(link).unwrap();
    move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network)).expect("root of this namespace may");
}

fn sniff(frames: &Mutex<Vec<Vec<u8>>>, stop: &AtomicBool, ready: &mpsc::SyncSender<()>) {
    let all = Protocol::from_raw(u32::from(ALL.to_be()).try_into().unwrap());
    let socket = socket_with(AddressFamily::PACKET, SocketType::RAW, SocketFlags::CLOEXEC, Some(all)).unwrap();
    sockopt::set_socket_timeout(&socket, sockopt::Timeout::Recv, Some(Duration::from_millis(20))).unwrap();
    // The kernel gives what it may; whether it was enough is counted in the end.
    let _ = sockopt::set_socket_recv_buffer_size(&socket, 64 << 20);
    ready.send(()).unwrap();
    let mut buffer = vec![0; FRAME];
    while !stop.load(Ordering::SeqCst) {
        if let Ok((n, _)) = recv(&socket, &mut buffer[..], rustix::net::RecvFlags::empty()) {
            frames.lock().unwrap().push(buffer[..n].to_vec());
        }
    }
}

/// Frames that the far interface has sent and received, by its own count.
fn counted(holder: &str) -> usize {
    let all = std::fs::read_to_string(format!("/proc/{holder}/net/dev")).expect("the holder lives");
    let line = all.lines().find_map(|l| l.trim().strip_prefix("far:")).expect("the far interface");
    let numbers: Vec<usize> = line.split_whitespace().map(|n| n.parse().unwrap()).collect();
    // Packets are the second number of each half.
    numbers[1] + numbers[9]
}
