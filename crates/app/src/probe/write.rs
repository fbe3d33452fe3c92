//! Two values of a `[[place]]` in the operator's own file, whose comments and order stay as they are.
//!
//! Never here: measuring.

use crate::problem::{Problem, Problems};
use anyhow::Result;
use std::path::Path;
use toml_edit::{DocumentMut, value};

/// The keys, as `config::shape` has them.
const KEYS: [&str; 2] = ["prompt_tokens_per_s", "decode_tokens_per_s"];

/// One decimal: more would only pretend.
fn rounded(speed: f64) -> f64 {
    (speed * 10.0).round() / 10.0
}

/// What to paste below the place's `name`.
pub(super) fn lines(place: &str, prompt: f64, decode: f64) -> String {
    let [a, b] = KEYS;
    format!("[[place]]\nname = \"{place}\"\n{a} = {:?}\n{b} = {:?}\n", rounded(prompt), rounded(decode))
}

/// Sets both keys of the place in the file.
///
/// # Errors
/// The file cannot be read, changed or written, or has no such place.
pub(super) fn into(file: &Path, place: &str, prompt: f64, decode: f64) -> Result<()> {
    let fault = |why: String, help: &str| {
        Problems::from(Problem::new(format!("{} cannot be changed", file.display()), why, help))
    };
    let text = std::fs::read_to_string(file).map_err(|e| fault(e.to_string(), "paste the lines by hand"))?;
    let text = set(&text, place, prompt, decode).map_err(|why| fault(why, "paste the lines into its [[place]]"))?;
    // Aside and renamed, so that a running Dewpoint, which watches the file, never reads half of it.
    let aside = file.with_extension("toml.new");
    std::fs::write(&aside, text)
        .and_then(|()| std::fs::rename(&aside, file))
        .map_err(|e| fault(e.to_string(), "paste the lines by hand").into())
}

fn set(text: &str, place: &str, prompt: f64, decode: f64) -> Result<String, String> {
    let mut document: DocumentMut = text.parse().map_err(|e: toml_edit::TomlError| e.to_string())?;
    let missing = || format!("it has no [[place]] with name = \"{place}\"");
    let tables = document.get_mut("place").and_then(|p| p.as_array_of_tables_mut()).ok_or_else(missing)?;
    let named = |t: &&mut toml_edit::Table| t.get("name").and_then(|n| n.as_str()) == Some(place);
    let table = tables.iter_mut().find(named).ok_or_else(missing)?;
    for (key, speed) in KEYS.into_iter().zip([prompt, decode]) {
        table[key] = value(rounded(speed));
    }
    Ok(document.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_gets_both_and_everything_else_stays() {
        let text = "# mine\n[server]\nworkers = 2 # few\n\n[[place]]\nname = \"a\"\n\n[[place]]\nname = \"b\" # the big one\ndecode_tokens_per_s = 1\n";
        let new = set(text, "b", 812.34, 96.0).unwrap_or_default();
        let wanted =
            text.replace("decode_tokens_per_s = 1\n", "decode_tokens_per_s = 96.0\nprompt_tokens_per_s = 812.3\n");
        assert_eq!(new, wanted);
        assert_eq!(set(&new, "b", 812.34, 96.0).as_deref(), Ok(new.as_str()));
        assert!(set(text, "c", 1.0, 1.0).is_err_and(|why| why.contains("\"c\"")));
    }
}
