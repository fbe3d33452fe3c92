//! An upstream comes from the dialer, which asks its list, and shows nobody its client.
fn client(upstream: &backend::Upstream) {
    let _ = &upstream.door;
}
fn main() {
    let _ = backend::Dialer(Default::default());
}
