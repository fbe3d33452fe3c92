//! The detectors as configured, for every command that needs them.
//!
//! Never here: the sections of the file (`config`), or detection itself (room `sense`).

use crate::config::{DetectSettings, SecondSettings, Settings};
use crate::problem::{Problem, Problems};
use gateway::{Guard, Second};
use sense::{Finder, FinderError};

/// Sets the detectors up; `None` where they are switched off.
///
/// # Errors
/// A pattern, a dictionary, a region or a kind is wrong.
pub(crate) fn finder(settings: &Settings) -> Result<Option<Finder>, Problems> {
    let DetectSettings { enabled, options, .. } = &settings.detect;
    enabled.then(|| Finder::new(options).map_err(wrong)).transpose()
}

/// Sets up what the gateway reads requests with.
///
/// # Errors
/// As [`finder`].
pub(crate) fn guard(settings: &Settings, key: [u8; 32]) -> Result<Guard, Problems> {
    warnings(settings).iter().for_each(|warning| tracing::warn!("{warning}"));
    let DetectSettings { enabled, options, second } = &settings.detect;
    let guard = if *enabled { Guard::new(options, key).map_err(wrong)? } else { Guard::off(key) };
    Ok(match second {
        Some(SecondSettings { name, within, bytes_max }) => guard.and(Second::new(name, *within, *bytes_max)),
        None => guard,
    })
}

/// What should be known of the patterns of the configuration: those that some texts make dear.
pub(crate) fn warnings(settings: &Settings) -> Vec<String> {
    let DetectSettings { enabled, options, .. } = &settings.detect;
    let warnings = if *enabled { options.warnings() } else { Vec::new() };
    warnings.iter().map(|warning| format!("[detect] {warning}")).collect()
}

fn wrong(FinderError { option, why }: FinderError) -> Problems {
    let what = format!("[detect] {option} cannot be used");
    Problem::new(what, why, "correct it in the configuration, or take it out").into()
}
