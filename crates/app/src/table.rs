//! The table of places, for people.
//!
//! Never here: finding out what stands in it.

use crate::book::show_price;
use decide::{Fleet, Health, Model, PlaceState};
use std::sync::Arc;

/// Models named per place; the rest is counted.
const MODELS_SHOWN: usize = 3;
/// Characters of a model list; longer ids are cut.
const MODELS_WIDTH: usize = 56;

/// The whole table with its heading, one line a place.
pub(crate) fn places(fleet: &Fleet) -> String {
    let head = ["place", "models", "tier", "kind", "zone", "price (per Mtok)", "state"].map(str::to_owned);
    let mut rows = vec![head.to_vec()];
    rows.extend(fleet.places.iter().map(row));
    columns(&rows)
}

fn row(state: &PlaceState) -> Vec<String> {
    let place = &state.place;
    vec![
        place.id.to_string(),
        models(&state.models),
        place.tier.as_str().to_owned(),
        place.kind.as_str().to_owned(),
        place.zone.as_str().to_owned(),
        price(&state.models),
        health(&state.health),
    ]
}

fn models(list: &[Arc<Model>]) -> String {
    if list.is_empty() {
        return "(asking)".to_owned();
    }
    let mut text = list.iter().take(MODELS_SHOWN).map(|m| printable(&m.id)).collect::<Vec<_>>().join(", ");
    if text.chars().count() > MODELS_WIDTH {
        text = text.chars().take(MODELS_WIDTH - 1).chain(['…']).collect();
    }
    match list.len().saturating_sub(MODELS_SHOWN) {
        0 => text,
        more => format!("{text} +{more}"),
    }
}

/// The price of the first model; "from" when others differ.
fn price(list: &[Arc<Model>]) -> String {
    let Some(first) = list.first() else { return "-".to_owned() };
    let same = list.iter().all(|m| m.price == first.price);
    let cheapest = list
        .iter()
        .filter_map(|m| m.price.as_ref())
        .min_by_key(|p| (p.input_nanousd_per_mtok, p.output_nanousd_per_mtok));
    match cheapest {
        _ if same => show_price(first.price.as_ref()),
        Some(p) => format!("from {}", show_price(Some(p))),
        None => "unknown".to_owned(),
    }
}

fn health(health: &Health) -> String {
    match health {
        Health::Down(why) => format!("down: {}", printable(why).chars().take(60).collect::<String>()),
        Health::Unknown => "not asked yet".to_owned(),
        other => other.as_str().to_owned(),
    }
}

/// Text from outside: no control character of it reaches the terminal.
pub(crate) fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}

/// Left-aligned columns, two spaces between, no spaces at line ends.
pub(crate) fn columns(rows: &[Vec<String>]) -> String {
    let count = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |i: usize| rows.iter().filter_map(|r| r.get(i)).map(|c| c.chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..count).map(width).collect();
    let mut out = String::new();
    for row in rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            let pad = width.saturating_sub(cell.chars().count()) + 2;
            line.push_str(cell);
            line.extend(std::iter::repeat_n(' ', pad));
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use decide::{Api, Kind, Load, Place, PlaceId, Price, Tier, Zone};

    fn model(id: &str, price: Option<i64>) -> Arc<Model> {
        let price = price.map(|p| Price { input_nanousd_per_mtok: p, output_nanousd_per_mtok: p, ..Price::free("t") });
        Arc::new(Model { id: Arc::from(id), price, ..Model::default() })
    }

    fn state(id: &str, models: Vec<Arc<Model>>, health: Health) -> PlaceState {
        let place = Place {
            id: PlaceId::new(id),
            api: Api::Openai,
            tier: Tier::Cloud,
            kind: Kind::Serverless,
            zone: Zone::VendorCloud,
            provider: Arc::from("x"),
            terms: decide::Terms::default(),
            economics: None,
        };
        PlaceState { place: Arc::new(place), models, health, load: Load::default() }
    }

    #[test]
    fn one_line_a_place() {
        let many =
            vec![model("a", Some(2_000_000_000)), model("b", Some(1_000_000_000)), model("c", None), model("d", None)];
        let fleet = Fleet {
            version: 1,
            places: vec![
                state("openai", many, Health::Up),
                state("x", vec![], Health::Down("refused\u{1b}[31m".into())),
                state("free", vec![model("m", Some(0))], Health::Loading),
            ],
        };
        insta::assert_snapshot!(places(&fleet), @r"
        place   models      tier   kind        zone          price (per Mtok)    state
        openai  a, b, c +1  cloud  serverless  vendor-cloud  from $1 in, $1 out  up
        x       (asking)    cloud  serverless  vendor-cloud  -                   down: refused?[31m
        free    m           cloud  serverless  vendor-cloud  free                loading
        ");
    }
}
