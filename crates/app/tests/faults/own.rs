//! Faults 51 to 63: own process, disk and clock.
//!
//! Never here: the rig (`rig`).
