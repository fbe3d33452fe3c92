//! `xtask deny`: the parts of deny.toml that need no network, over what Cargo.lock resolves to. `cargo deny` checks the
//! same file and the advisories besides; it takes minutes to install, and its advisories come from the web.

mod spdx;

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

#[derive(Debug, Deserialize)]
struct Config {
    licenses: Licenses,
    bans: Bans,
}

#[derive(Debug, Deserialize)]
struct Licenses {
    allow: BTreeSet<String>,
    #[serde(default)]
    exceptions: Vec<Exception>,
}

#[derive(Debug, Deserialize)]
struct Exception {
    #[serde(rename = "crate")]
    name: String,
    allow: BTreeSet<String>,
}

#[derive(Debug, Deserialize)]
struct Bans {
    #[serde(default)]
    deny: Vec<Ban>,
}

#[derive(Debug, Deserialize)]
struct Ban {
    #[serde(rename = "crate")]
    name: String,
    reason: String,
}

#[derive(Debug, Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

/// One resolved package, as `cargo metadata` prints it.
#[derive(Debug, Deserialize)]
struct Package {
    name: String,
    version: String,
    license: Option<String>,
    source: Option<String>,
}

/// Checks the workspace at `root`; each string is one thing to put right.
///
/// # Errors
/// No deny.toml, or `cargo metadata` failed.
pub fn check(root: &Path) -> Result<Vec<String>> {
    let text = std::fs::read_to_string(root.join("deny.toml")).context("reading deny.toml")?;
    let config: Config = toml::from_str(&text).context("deny.toml")?;
    let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["metadata", "--format-version", "1", "--locked", "--manifest-path"])
        .arg(root.join("Cargo.toml"))
        .output()
        .context("running cargo metadata")?;
    if !output.status.success() {
        bail!("cargo metadata failed: {}", String::from_utf8_lossy(&output.stderr));
    }
    let metadata: Metadata = serde_json::from_slice(&output.stdout).context("the answer of cargo metadata")?;
    Ok(judge(&config, &metadata.packages))
}

fn judge(config: &Config, packages: &[Package]) -> Vec<String> {
    let mut findings = Vec::new();
    for package in packages {
        let who = format!("{} {}", package.name, package.version);
        if let Some(ban) = config.bans.deny.iter().find(|b| b.name == package.name) {
            findings.push(format!("{who}: banned by deny.toml: {}", ban.reason));
        }
        let Some(source) = &package.source else { continue };
        if source != REGISTRY {
            findings.push(format!(
                "{who}: comes from {source}; only crates.io is allowed, since anything else may vanish or change"
            ));
        }
        if let Some(problem) = licence_problem(config, package) {
            findings.push(format!("{who}: {problem}"));
        }
    }
    findings.sort();
    findings
}

fn licence_problem(config: &Config, package: &Package) -> Option<String> {
    let Some(expression) = package.license.as_deref().filter(|l| !l.trim().is_empty()) else {
        return Some("declares no licence; find out what it is under, or do without it".to_owned());
    };
    let extra = config.licenses.exceptions.iter().find(|e| e.name == package.name);
    let allowed = |id: &str| config.licenses.allow.contains(id) || extra.is_some_and(|e| e.allow.contains(id));
    match spdx::satisfied(expression, &allowed) {
        Ok(true) => None,
        Ok(false) => Some(format!("is under `{expression}`, which [licenses] in deny.toml does not allow")),
        Err(error) => Some(format!("its licence `{expression}` cannot be read: {error}")),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn judged(name: &str, license: Option<&str>, source: Option<&str>) -> usize {
        let config: Config = toml::from_str(
            "[licenses]\nallow = [\"MIT\"]\nexceptions = [{ crate = \"x\", allow = [\"Zlib\"] }]\n[bans]\ndeny = [{ crate = \"openssl\", reason = \"rustls\" }]",
        )
        .unwrap();
        let [license, source] = [license, source].map(|o| o.map(str::to_owned));
        judge(&config, &[Package { name: name.to_owned(), version: "1.0.0".to_owned(), license, source }]).len()
    }

    #[test]
    fn licences_bans_and_sources() {
        assert_eq!(judged("a", Some("MIT OR GPL-3.0"), Some(REGISTRY)), 0);
        assert_eq!(judged("a", Some("GPL-3.0"), Some(REGISTRY)), 1);
        assert_eq!(judged("a", Some("Zlib"), Some(REGISTRY)), 1);
        assert_eq!(judged("x", Some("Zlib"), Some(REGISTRY)), 0);
        assert_eq!(judged("a", None, Some(REGISTRY)), 1);
        assert_eq!(judged("a", Some("MIT AND"), Some(REGISTRY)), 1);
        assert_eq!(judged("a", Some("MIT"), Some("git+https://example.com/a")), 1);
        assert_eq!(judged("openssl", Some("MIT"), Some(REGISTRY)), 1);
        // Our own packages have no source.
        assert_eq!(judged("gateway", None, None), 0);
    }
}
