//! Namespaces of one's own: the test runs itself again as root of a new user, network and mount namespace.
//!
//! Never here: what is tested inside.

use std::future::Future;
use std::path::Path;
use std::process::Command;

/// Names the test that runs inside.
const INSIDE: &str = "DEWPOINT_PROVE_INSIDE";
/// The network namespace that the inside must not be in.
const OUTSIDE: &str = "DEWPOINT_PROVE_OUTSIDE";
/// Set by `make prove`: then nothing may be left out.
const REQUIRED: &str = "DEWPOINT_PROVE";

#[expect(clippy::disallowed_methods, reason = "a test is told by its environment what it is to be")]
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Whether everything has to run.
pub(crate) fn required() -> bool {
    variable(REQUIRED).is_some_and(|v| v == "1")
}

/// The network namespace of the calling thread.
pub(crate) fn own() -> String {
    std::fs::read_link("/proc/thread-self/ns/net").expect("Linux").display().to_string()
}

/// Runs `body` in namespaces that only it is in, with loopback up and nothing else. `test` is the whole name of the
/// calling test (`loopback::embedded`).
///
/// # Panics
/// When the body does, or when namespaces are not permitted and [`required`].
pub(crate) fn inside<F: Future<Output = ()>>(test: &str, body: impl FnOnce() -> F) {
    if variable(INSIDE).as_deref() == Some(test) {
        begin();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(body());
        return;
    }
    if let Err(why) = permitted() {
        assert!(!required(), "NOT PROVED: {why}");
        println!("{test}: skipped, NOTHING IS PROVED by it here: {why}");
        return;
    }
    let done = Command::new("unshare")
        .args(["--user", "--map-root-user", "--net", "--mount", "--fork", "--kill-child", "--"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env("PATH", path())
        .env(INSIDE, test)
        .env(OUTSIDE, own())
        .output()
        .expect("`unshare` was there a moment ago");
    let said = format!("{}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    assert!(done.status.success(), "{test} failed inside its namespace ({})\n{said}", done.status);
    // A name that is wrong would run nothing, and well.
    assert!(said.contains("1 passed"), "{test} is not the name of a test\n{said}");
    println!("{said}");
}

/// With the folders of the system's tools, which not every user has.
fn path() -> String {
    variable("PATH").unwrap_or_default() + ":/usr/sbin:/sbin"
}

/// Why a namespace cannot be had here, and what to do.
fn permitted() -> Result<(), String> {
    let tried = Command::new("unshare").args(["--user", "--map-root-user", "--net", "--mount", "true"]).output();
    let tried = tried.map_err(|e| format!("`unshare` cannot be started ({e}); install util-linux"))?;
    if !tried.status.success() {
        let why = String::from_utf8_lossy(&tried.stderr).trim().to_owned();
        return Err(format!(
            "this user may not make user and network namespaces ({why}). On the host: sysctl kernel.unprivileged_userns_clone=1, \
             sysctl kernel.apparmor_restrict_unprivileged_userns=0, user.max_user_namespaces above 0; in a container: a seccomp \
             profile that permits unshare (docker run --security-opt seccomp=unconfined), or run it on the host"
        ));
    }
    for tool in [["ip", "-V"], ["nsenter", "-V"]] {
        Command::new(tool[0])
            .arg(tool[1])
            .env("PATH", path())
            .output()
            .map_err(|e| format!("`{}` cannot be started ({e}); install iproute2 and util-linux", tool[0]))?;
    }
    Ok(())
}

/// Makes sure that nobody else is here, and sets loopback up.
fn begin() {
    let outside = variable(OUTSIDE).expect("told by the outside");
    assert_ne!(own(), outside, "still in the host's network namespace: nothing is sent from there");
    let routes = std::fs::read_to_string("/proc/thread-self/net/route").expect("Linux");
    assert_eq!(routes.lines().skip(1).count(), 0, "a new namespace has no routes: {routes}");
    run("ip", &["link", "set", "lo", "up"]);
}

/// Lets `text` stand in place of a file, for this mount namespace alone.
pub(crate) fn cover(file: &str, text: &str, folder: &Path) {
    let own = folder.join(file.replace('/', "_"));
    std::fs::write(&own, text).unwrap();
    run("mount", &["--bind", own.to_str().unwrap(), file]);
}

/// Runs a program of the system.
///
/// # Panics
/// When it does not end well.
pub(crate) fn run(program: &str, arguments: &[&str]) {
    let done = Command::new(program).args(arguments).output().unwrap_or_else(|e| panic!("{program}: {e}"));
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{program} {}: {said}", arguments.join(" "));
}
