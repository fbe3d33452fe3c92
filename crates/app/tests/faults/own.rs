//! Faults 51 to 63: own process, disk and clock.
//!
//! Never here: the rig (`rig`).

#[cfg(target_os = "linux")]
mod clock;
#[cfg(target_os = "linux")]
mod disk;
mod few;
mod log;
mod reload;
mod stop;
