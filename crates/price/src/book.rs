//! The book as rows: a model at a provider, and a search through all of them.
//!
//! Never here: the network, the clock. What is not in it is unknown; unknown is not free.

use crate::row::Row;
use crate::volume::{Head, Volume};
use crate::{Damaged, names};
use decide::Price;
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

/// All rows, read provider by provider when they are asked for.
#[derive(Debug)]
pub struct Book {
    volume: &'static Volume,
    version: Arc<str>,
    providers: BTreeMap<String, OnceLock<Vec<Row>>>,
}

/// A row, and whose it is.
#[derive(Debug, Clone, Copy)]
pub struct Found<'a> {
    /// The provider's id.
    pub provider: &'a str,
    /// The row.
    pub row: &'a Row,
}

impl Book {
    /// The one inside the binary.
    ///
    /// # Errors
    /// It is damaged.
    pub fn built_in() -> Result<Book, Damaged> {
        let volume = Volume::built_in()?;
        let providers = volume.sections("rows/").map(|id| (id.to_owned(), OnceLock::new())).collect();
        Ok(Book { volume, version: Arc::from(volume.version()), providers })
    }

    /// Which book it is: stands in the ledger beside every cost.
    pub fn version(&self) -> &Arc<str> {
        &self.version
    }

    /// Where it comes from.
    pub fn head(&self) -> &Head {
        self.volume.head()
    }

    /// Ids of the providers that it knows.
    pub fn providers(&self) -> impl Iterator<Item = &str> {
        self.providers.keys().map(String::as_str)
    }

    /// The rows of a provider, by id; none where it is not known.
    pub fn rows(&self, provider: &str) -> &[Row] {
        let Some(rows) = self.providers.get(provider) else { return &[] };
        rows.get_or_init(|| self.volume.json(&format!("rows/{provider}")).unwrap_or_default())
    }

    /// A model at a provider, each by any of its names: an id with a date behind it is the model without, unless the book
    /// has it with.
    pub fn row(&self, provider: &str, model: &str) -> Option<Found<'_>> {
        let (provider, _) = self.providers.get_key_value(&names::provider_id(provider))?;
        let rows = self.rows(provider);
        let by_id = |id: &str| {
            let at = rows.binary_search_by(|row| row.id.to_lowercase().as_str().cmp(id)).ok()?;
            rows.get(at)
        };
        let row = names::readings(model).iter().find_map(|id| by_id(id))?;
        Some(Found { provider, row })
    }

    /// What a model's tokens cost at a provider; `None` where that is not known.
    pub fn price(&self, provider: &str, model: &str) -> Option<Price> {
        self.row(provider, model)?.row.price(&self.version)
    }

    /// The dearest price that is known at a provider: by what a thousand tokens in and a thousand out cost.
    pub fn dearest(&self, provider: &str) -> Option<Price> {
        let prices = self.rows(&names::provider_id(provider)).iter().filter(|row| row.kind.is_none());
        prices
            .filter_map(|row| row.price(&self.version))
            .max_by_key(|p| p.input_nanousd_per_mtok.saturating_add(p.output_nanousd_per_mtok))
    }

    /// Rows whose id or name has every word of `words` in it, of one provider or of all; the best match first, then the
    /// cheapest. An exact id beats a part of one.
    pub fn search(&self, words: &str, provider: Option<&str>) -> Vec<Found<'_>> {
        let asked = words.to_lowercase();
        let parts: Vec<&str> = asked.split_whitespace().collect();
        let mut found: Vec<(u8, i64, Found<'_>)> = Vec::new();
        for id in self.chosen(provider) {
            for row in self.rows(id) {
                let known = format!("{} {} {id}/{}", row.id, row.name.as_deref().unwrap_or(""), row.id).to_lowercase();
                if parts.iter().all(|part| known.contains(part)) {
                    let own = row.id.to_lowercase();
                    let tail = own.rsplit('/').next() == Some(&asked);
                    let rank = if own == asked {
                        0
                    } else if tail {
                        1
                    } else if own.starts_with(&asked) {
                        2
                    } else {
                        3
                    };
                    let price = row.price(&self.version);
                    let dear =
                        price.map_or(i64::MAX, |p| p.input_nanousd_per_mtok.saturating_add(p.output_nanousd_per_mtok));
                    found.push((rank, dear, Found { provider: id, row }));
                }
            }
        }
        found.sort_by(|a, b| (a.0, a.1, a.2.provider, &a.2.row.id).cmp(&(b.0, b.1, b.2.provider, &b.2.row.id)));
        found.into_iter().map(|(_, _, found)| found).collect()
    }

    /// The names that are nearest to one that is not there, at most five.
    pub fn nearest(&self, model: &str, provider: Option<&str>) -> Vec<String> {
        let asked: String = model.to_lowercase().chars().take(80).collect();
        let mut near: Vec<(f64, String)> = Vec::new();
        for id in self.chosen(provider) {
            for row in self.rows(id) {
                let tail = row.id.rsplit('/').next().unwrap_or(&row.id).to_lowercase();
                let alike = strsim::jaro_winkler(&asked, &tail);
                if alike > 0.8 && !near.iter().any(|(_, name)| *name == tail) {
                    near.push((alike, tail));
                }
            }
        }
        near.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
        near.into_iter().take(5).map(|(_, name)| name).collect()
    }

    fn chosen(&self, provider: Option<&str>) -> Vec<&str> {
        match provider {
            None => self.providers().collect(),
            Some(name) => {
                self.providers.get_key_value(&names::provider_id(name)).map(|(id, _)| id.as_str()).into_iter().collect()
            }
        }
    }
}
