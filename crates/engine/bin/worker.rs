//! The engine worker alone, for this room's tests.
fn main() -> std::process::ExitCode {
    engine::worker_main()
}
