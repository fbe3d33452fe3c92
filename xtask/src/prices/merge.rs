//! What the catalogues say of one model at one provider, made one row.
//!
//! Never here: a catalogue's own format.

use decide::{More, Price};
use price::{Alternative, Pieces, Row, Source, write_rates};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Everything said, by provider and the lower case of the model's id.
#[derive(Default)]
pub(super) struct Pile(BTreeMap<String, BTreeMap<String, Heap>>);

/// What is said of one model. The first to say something about it is believed, save for prices.
#[derive(Default)]
pub(super) struct Heap {
    pub(super) row: Row,
    pub(super) prices: Vec<(Source, String, Price)>,
    pub(super) pieces: Vec<(Source, String, Pieces)>,
}

impl Pile {
    /// The heap of a model.
    pub(super) fn of(&mut self, provider: &str, id: &str) -> &mut Heap {
        let shelf = self.0.entry(provider.to_owned()).or_default();
        let heap = shelf.entry(id.to_lowercase()).or_default();
        if heap.row.id.is_empty() {
            id.clone_into(&mut heap.row.id);
        }
        heap
    }

    /// The models of a provider that something is said of.
    pub(super) fn has(&self, provider: &str, id: &str) -> bool {
        self.0.get(provider).is_some_and(|shelf| shelf.contains_key(&id.to_lowercase()))
    }

    /// The rows, by provider, in the order of their ids.
    pub(super) fn rows(self) -> BTreeMap<String, Vec<Row>> {
        self.0.into_iter().map(|(provider, shelf)| (provider, shelf.into_values().map(Heap::row).collect())).collect()
    }
}

impl Heap {
    fn row(mut self) -> Row {
        self.prices.sort_by_key(|(source, ..)| *source);
        self.pieces.sort_by_key(|(source, ..)| *source);
        let mut row = self.row;
        if row.name.as_deref() == Some(row.id.as_str()) {
            row.name = None;
        }
        if let Some((source, as_of, price)) = self.prices.first() {
            row.source = Some(*source);
            as_of.clone_into(&mut row.as_of);
            let whole = self.prices[1..].iter().fold(price.clone(), |price, (_, _, other)| filled(price, other));
            write_rates(&mut row, &whole);
            row.alternatives = self.prices[1..]
                .iter()
                .filter(|(_, _, other)| differs(price, other))
                .map(|(source, _, p)| Alternative(*source, p.input_nanousd_per_mtok, p.output_nanousd_per_mtok))
                .collect();
        } else if let Some((source, as_of, _)) = self.pieces.first() {
            row.source = Some(*source);
            as_of.clone_into(&mut row.as_of);
        }
        row.pieces = self.pieces.first().map(|(_, _, pieces)| *pieces);
        row
    }
}

/// By more than 1 % on input or output.
fn differs(a: &Price, b: &Price) -> bool {
    let apart = |a: i64, b: i64| (a - b).abs() > a.max(b) / 100;
    apart(a.input_nanousd_per_mtok, b.input_nanousd_per_mtok)
        || apart(a.output_nanousd_per_mtok, b.output_nanousd_per_mtok)
}

/// The price with rates that it lacks from one that agrees with it on input and output.
fn filled(price: Price, other: &Price) -> Price {
    let same = |f: fn(&Price) -> i64| f(&price) == f(other);
    if !same(|p| p.input_nanousd_per_mtok) || !same(|p| p.output_nanousd_per_mtok) {
        return price;
    }
    let mine = price.more.as_deref().cloned().unwrap_or_default();
    let theirs = other.more.as_deref().cloned().unwrap_or_default();
    let (mut extra, from) = (mine.extra, theirs.extra);
    extra.cache_write_nanousd_per_mtok = extra.cache_write_nanousd_per_mtok.or(from.cache_write_nanousd_per_mtok);
    extra.cache_write_long_nanousd_per_mtok =
        extra.cache_write_long_nanousd_per_mtok.or(from.cache_write_long_nanousd_per_mtok);
    extra.reasoning_nanousd_per_mtok = extra.reasoning_nanousd_per_mtok.or(from.reasoning_nanousd_per_mtok);
    extra.audio_input_nanousd_per_mtok = extra.audio_input_nanousd_per_mtok.or(from.audio_input_nanousd_per_mtok);
    extra.audio_output_nanousd_per_mtok = extra.audio_output_nanousd_per_mtok.or(from.audio_output_nanousd_per_mtok);
    // Tiers and dates of two catalogues do not mix.
    let more = More { extra, batch: mine.batch.or(theirs.batch), ..mine };
    Price {
        cached_nanousd_per_mtok: price.cached_nanousd_per_mtok.or(other.cached_nanousd_per_mtok),
        more: (more != More::default()).then(|| Arc::new(more)),
        ..price
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use decide::{Batch, Extra};

    #[test]
    fn the_first_catalogue_is_believed_and_the_others_are_heard() {
        let mut pile = Pile::default();
        let heap = pile.of("p", "M");
        heap.prices.push((Source::ModelsDev, "d2".into(), Price::plain(102, 200, Some(10), "")));
        let batch = Batch { input_nanousd_per_mtok: 50, output_nanousd_per_mtok: 100, cached_nanousd_per_mtok: None };
        let extra = Extra { cache_write_nanousd_per_mtok: Some(125), ..Extra::default() };
        let more = Some(Arc::new(More { extra, batch: Some(batch), ..More::default() }));
        heap.prices.push((Source::Litellm, "d1".into(), Price { more, ..Price::plain(100, 200, None, "") }));
        heap.prices.push((Source::GenaiPrices, "d0".into(), Price::plain(100, 200, None, "")));
        let rows = pile.rows();
        let row = &rows["p"][0];
        assert_eq!((row.source, row.as_of.as_str()), (Some(Source::GenaiPrices), "d0"));
        let price = row.price(&Arc::from("t")).unwrap();
        assert_eq!(price.base().extra, extra, "filled from who agrees");
        assert_eq!(price.batch().map(|p| p.input_nanousd_per_mtok), Some(50));
        assert_eq!(price.cached_nanousd_per_mtok, None, "and not from who does not");
        assert_eq!(row.alternatives, [Alternative(Source::ModelsDev, 102, 200)]);
    }
}
