//! `dewpoint egress-rules`: what `serve` would dial now, name by name and address by address, as a firewall.
//!
//! Never here: applying it. The text is for an administrator to read, and for `nft -f` or `kubectl apply`.

use super::plan::{Plan, Way};
use super::{nftables, policy};
use crate::book::Book;
use crate::config::{self, Flags, PlaceSettings};
use crate::problem::{Problem, Problems};
use crate::{discover, fleet};
use anyhow::Result;
use backend::{CallError, Dialer, Origin};
use clap::{Args, ValueEnum};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Arguments of `dewpoint egress-rules`.
#[derive(Debug, Args)]
pub(crate) struct EgressRules {
    /// What reads it.
    #[arg(long, value_enum)]
    pub(crate) format: Format,
    /// Configuration file; else DEWPOINT_CONFIG, else ./dewpoint.toml if it is there.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Look for no places beyond the configured ones.
    #[arg(long)]
    pub(crate) no_discovery: bool,
    /// As for a server that runs with --airgap.
    #[arg(long)]
    pub(crate) airgap: bool,
    /// nftables: the user that `dewpoint serve` runs as, by name or number.
    #[arg(long, value_name = "USER", default_value = "dewpoint", value_parser = word)]
    pub(crate) user: String,
    /// networkpolicy: the namespace of the pods.
    #[arg(long, value_name = "NAME", default_value = "default", value_parser = word)]
    pub(crate) namespace: String,
}

/// Forms of a firewall.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// A ruleset for `nft -f`, for one user of one host.
    Nftables,
    /// A Kubernetes NetworkPolicy.
    Networkpolicy,
}

/// The names of users and namespaces: they stand in a ruleset, so they are words and nothing else.
fn word(text: &str) -> Result<String, String> {
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if !text.is_empty()
        && text.len() <= 63
        && text.chars().all(good)
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
    {
        Ok(text.to_owned())
    } else {
        Err("a name has letters, digits, dots, dashes and underscores, 63 at most".to_owned())
    }
}

/// Prints the rules. Exit code 1 when a place is missing in them.
pub(crate) fn run(args: &EgressRules) -> Result<ExitCode> {
    let found = config::find(args.config.as_deref(), &config::process_env);
    let plan = fleet::short_runtime()?.block_on(plan(args, found.path.as_deref()))?;
    let text = match args.format {
        Format::Nftables => nftables::ruleset(&plan, &args.user),
        Format::Networkpolicy => policy::manifest(&plan, &args.namespace),
    };
    crate::print(&text)?;
    let missing: Vec<&Way> = plan.ways.iter().filter(|w| w.addresses.is_err()).collect();
    for way in &missing {
        let why = way.addresses.as_ref().err().map_or("", String::as_str);
        eprintln!("warning: the place \"{}\" is not in these rules: {why}", way.place);
    }
    Ok(if missing.is_empty() || plan.airgap { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn plan(args: &EgressRules, path: Option<&Path>) -> Result<Plan> {
    let flags = Flags { listen: None, no_discovery: args.no_discovery };
    let book = Book::built_in()?;
    let mut settings = config::load(path, &flags, &config::process_env, &book)?;
    settings.egress.airgap |= args.airgap;
    let dialer = fleet::dialer(&settings)?;
    let ports = discover::usual_ports(&config::process_env);
    let finds = discover::look(&settings, &config::process_env, &book, &dialer, &ports).await;
    let mut ways = Vec::new();
    for place in settings.places.iter().chain(&finds.places) {
        ways.extend(way(place, &dialer).await?);
    }
    let source =
        path.map_or_else(|| "what was discovered (nothing is configured)".to_owned(), |p| p.display().to_string());
    let text = std::fs::read_to_string("/etc/resolv.conf").unwrap_or_default();
    Ok(Plan { source, airgap: settings.egress.airgap, ways, resolvers: resolvers(&text) })
}

/// The way to a place; `None` where it does not leave this host.
async fn way(place: &PlaceSettings, dialer: &Dialer) -> Result<Option<Way>, Problems> {
    let origin = Origin::parse(&place.base_url).map_err(|e| {
        Problem::new(format!("the place \"{}\" has no address", place.place.id), e.to_string(), "correct its base_url")
    })?;
    if origin.is_loopback() {
        return Ok(None);
    }
    let addresses = match dialer.addresses(&origin).await {
        Ok(found) => {
            let mut ips: Vec<IpAddr> =
                found.iter().map(|a| a.ip().to_canonical()).filter(|ip| !ip.is_loopback()).collect();
            ips.sort_unstable();
            ips.dedup();
            if ips.is_empty() {
                return Ok(None);
            }
            Ok(ips)
        }
        Err(CallError::Forbidden { why, .. }) => Err(why),
        Err(other) => Err(other.to_string()),
    };
    Ok(Some(Way {
        place: place.place.id.to_string(),
        zone: place.place.zone.as_str(),
        host: origin.host().to_owned(),
        port: origin.port(),
        named: origin.literal().is_none(),
        addresses,
    }))
}

/// The name servers of a `resolv.conf`; a zone index of a link-local one is dropped.
fn resolvers(text: &str) -> Vec<IpAddr> {
    let lines = text.lines().filter_map(|line| line.trim().strip_prefix("nameserver"));
    let mut out: Vec<IpAddr> =
        lines.filter_map(|rest| rest.trim().split(['%', ' ', '\t']).next()?.parse().ok()).collect();
    out.dedup();
    out
}

#[cfg(test)]
#[path = "rules_tests.rs"]
mod tests;
