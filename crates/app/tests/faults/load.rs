//! Faults 47 to 50: load and slow places.
//!
//! Never here: the rig (`rig`).
