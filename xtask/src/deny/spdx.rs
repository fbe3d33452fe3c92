//! Licence expressions: `MIT OR Apache-2.0`, `(A OR B) AND C`, `Apache-2.0 WITH LLVM-exception`, and the old `A/B`.

use anyhow::{Result, bail};

/// Can the terms of `expression` be met with licences for which `allowed` holds?
///
/// # Errors
/// An expression that is none.
pub(super) fn satisfied(expression: &str, allowed: &dyn Fn(&str) -> bool) -> Result<bool> {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let tokens: Vec<&str> = spaced.split_whitespace().collect();
    let mut rest = tokens.as_slice();
    let met = either(&mut rest, allowed)?;
    if let Some(token) = rest.first() {
        bail!("`{token}` is not expected there");
    }
    Ok(met)
}

fn either(rest: &mut &[&str], allowed: &dyn Fn(&str) -> bool) -> Result<bool> {
    let mut met = both(rest, allowed)?;
    while take(rest, "OR") {
        met |= both(rest, allowed)?;
    }
    Ok(met)
}

fn both(rest: &mut &[&str], allowed: &dyn Fn(&str) -> bool) -> Result<bool> {
    let mut met = one(rest, allowed)?;
    while take(rest, "AND") {
        met &= one(rest, allowed)?;
    }
    Ok(met)
}

fn one(rest: &mut &[&str], allowed: &dyn Fn(&str) -> bool) -> Result<bool> {
    if take(rest, "(") {
        let met = either(rest, allowed)?;
        if !take(rest, ")") {
            bail!("a bracket is not closed");
        }
        return Ok(met);
    }
    let Some((id, after)) = rest.split_first() else { bail!("it ends too early") };
    if ["AND", "OR", "WITH", ")"].contains(id) {
        bail!("`{id}` is not expected there");
    }
    *rest = after;
    if take(rest, "WITH") {
        let Some((exception, after)) = rest.split_first() else { bail!("it ends too early") };
        *rest = after;
        // An exception only gives more rights, so the plain licence does as well.
        return Ok(allowed(&format!("{id} WITH {exception}")) || allowed(id));
    }
    Ok(allowed(id))
}

fn take(rest: &mut &[&str], token: &str) -> bool {
    match rest.split_first() {
        Some((first, after)) if *first == token => {
            *rest = after;
            true
        }
        _ => false,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn expressions() {
        let allowed = |id: &str| ["MIT", "Apache-2.0", "Unicode-3.0"].contains(&id);
        for yes in [
            "MIT",
            "MIT OR GPL-3.0",
            "GPL-3.0/MIT",
            "(GPL-2.0 OR MIT) AND Unicode-3.0",
            "Apache-2.0 WITH LLVM-exception",
        ] {
            assert!(satisfied(yes, &allowed).unwrap(), "{yes}");
        }
        for no in ["GPL-3.0", "MIT AND GPL-3.0", "MIT AND (GPL-2.0 OR GPL-3.0)", "GPL-2.0 WITH Classpath-exception-2.0"]
        {
            assert!(!satisfied(no, &allowed).unwrap(), "{no}");
        }
        for bad in ["", "MIT AND", "(MIT", "MIT MIT", "OR", "MIT WITH", "MIT )"] {
            assert!(satisfied(bad, &allowed).is_err(), "{bad}");
        }
    }
}
