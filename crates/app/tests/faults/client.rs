//! Faults 1 to 26: what clients do.
//!
//! Never here: the rig (`rig`).
