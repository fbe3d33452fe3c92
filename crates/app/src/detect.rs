//! The detectors as configured, for every command that needs them.
//!
//! Never here: the sections of the file (`config`), or detection itself (room `sense`).

use crate::config::Settings;
use crate::problem::{Problem, Problems};
use sense::{Finder, FinderError};

/// Sets the detectors up; `None` where they are switched off.
///
/// # Errors
/// A pattern, a dictionary, a region or a kind is wrong.
pub(crate) fn finder(settings: &Settings) -> Result<Option<Finder>, Problems> {
    if !settings.detect.enabled {
        return Ok(None);
    }
    Finder::new(&settings.detect.options).map(Some).map_err(|FinderError { option, why }| {
        let what = format!("[detect] {option} cannot be used");
        Problem::new(what, why, "correct it in the configuration, or take it out").into()
    })
}

/// Sets up what the gateway reads requests with.
///
/// # Errors
/// As [`finder`].
pub(crate) fn guard(settings: &Settings, key: [u8; 32]) -> Result<gateway::Guard, Problems> {
    Ok(match finder(settings)? {
        Some(finder) => gateway::Guard::with(std::sync::Arc::new(finder), key),
        None => gateway::Guard::off(key),
    })
}
