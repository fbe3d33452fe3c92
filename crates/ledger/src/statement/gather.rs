//! What one reader has added up so far: groups by number, and the names of the numbers.
//!
//! Never here: SQL.

use super::sums::{Item, Spread, Sums};
use super::{DAY_MS, Dim, Latency, Line, Name, Sheet, Statement, View};
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// The number of a name that is not there.
const NONE: u32 = 0;

/// Texts by number. A name is looked up once a record, mostly the same few.
#[derive(Default)]
struct Names {
    numbers: HashMap<Box<[u8]>, u32, BuildHasherDefault<Mix>>,
    texts: Vec<String>,
}

impl Names {
    fn number(&mut self, text: Option<&[u8]>) -> u32 {
        let Some(text) = text else { return NONE };
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        self.texts.push(String::from_utf8_lossy(text).into_owned());
        let number = u32::try_from(self.texts.len()).unwrap_or(u32::MAX);
        self.numbers.insert(text.into(), number);
        number
    }

    fn name(&self, number: u32) -> Name {
        let at = usize::try_from(number).ok().and_then(|n| n.checked_sub(1));
        at.and_then(|at| self.texts.get(at)).map_or(Name::None, |text| Name::Text(text.clone()))
    }
}

/// Hashes names of a configuration and pairs of small numbers: what nobody outside chooses, so that it need not be as strong, and as slow, as the
/// standard one.
#[derive(Default)]
struct Mix(u64);

impl Hasher for Mix {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.write_u64(u64::from_le_bytes(*word));
        }
        let tail = rest.iter().fold(1, |tail, byte| tail << 8 | u64::from(*byte));
        self.write_u64(tail);
    }

    fn write_u64(&mut self, number: u64) {
        let mixed = (self.0 ^ number).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        self.0 = mixed ^ (mixed >> 32);
    }
}

#[derive(Default)]
struct Group {
    sums: Sums,
    times: Option<Box<[Spread; 2]>>,
}

type Groups = HashMap<u64, Group, BuildHasherDefault<Mix>>;

/// Names of one record, by what they are of.
#[derive(Default)]
pub(super) struct Texts<'a> {
    pub(super) team: Option<&'a [u8]>,
    pub(super) key: Option<&'a [u8]>,
    pub(super) place: Option<&'a [u8]>,
    pub(super) model: Option<&'a [u8]>,
    pub(super) task: Option<&'a [u8]>,
    pub(super) kind: Option<&'a [u8]>,
    pub(super) arrived_unix_ms: u64,
}

/// What one reader has added up.
pub(super) struct Gather {
    views: Vec<View>,
    names: [Names; Dim::ALL.len()],
    wanted: [bool; Dim::ALL.len()],
    groups: Vec<Groups>,
    total: Sums,
    first: Option<u64>,
    last: Option<u64>,
}

impl Gather {
    pub(super) fn new(views: &[View]) -> Gather {
        let wanted = Dim::ALL.map(|dim| views.iter().any(|v| v.rows == dim || v.across == dim));
        Gather {
            views: views.to_vec(),
            names: Default::default(),
            wanted,
            groups: views.iter().map(|_| Groups::default()).collect(),
            total: Sums::default(),
            first: None,
            last: None,
        }
    }

    pub(super) fn add(&mut self, texts: &Texts<'_>, item: &Item) {
        let arrived = texts.arrived_unix_ms;
        self.first = Some(self.first.map_or(arrived, |first| first.min(arrived)));
        self.last = Some(self.last.map_or(arrived, |last| last.max(arrived)));
        self.total.add(item);
        let mut numbers = [NONE; Dim::ALL.len()];
        for (dim, number) in Dim::ALL.into_iter().zip(&mut numbers) {
            let at = dim as usize;
            if self.wanted.get(at) == Some(&true) {
                *number = match (dim, self.names.get_mut(at)) {
                    (Dim::Day, _) => u32::try_from(arrived / DAY_MS).unwrap_or(u32::MAX),
                    (_, Some(names)) => names.number(texts.of(dim)),
                    _ => NONE,
                };
            }
        }
        let number = |dim: Dim| u64::from(numbers.get(dim as usize).copied().unwrap_or(NONE));
        for (view, groups) in self.views.iter().zip(&mut self.groups) {
            let group = groups.entry(number(view.rows) << 32 | number(view.across)).or_default();
            group.sums.add(item);
            if view.latency {
                let [ttft, total] = &mut **group.times.get_or_insert_default();
                if let Some(us) = item.ttft_us {
                    ttft.add(us);
                }
                if item.outcome == decide::Outcome::Ok {
                    total.add(item.total_us);
                }
            }
        }
    }

    fn name(&self, dim: Dim, number: u32) -> Name {
        match dim {
            Dim::Day => Name::Day(number),
            _ => self.names.get(dim as usize).map_or(Name::None, |names| names.name(number)),
        }
    }
}

impl<'a> Texts<'a> {
    fn of(&self, dim: Dim) -> Option<&'a [u8]> {
        match dim {
            Dim::Team => self.team,
            Dim::Key => self.key,
            Dim::Place => self.place,
            Dim::Model => self.model,
            Dim::Task => self.task,
            Dim::Kind => self.kind,
            Dim::All | Dim::Day => None,
        }
    }
}

/// Puts together what the readers have.
pub(super) fn together(views: &[View], parts: Vec<Gather>) -> Statement {
    let mut merged: Vec<HashMap<(Name, Name), Group>> = views.iter().map(|_| HashMap::new()).collect();
    let (mut total, mut first, mut last) = (Sums::default(), None::<u64>, None::<u64>);
    for mut part in parts {
        total.merge(&part.total);
        first = first.into_iter().chain(part.first).min();
        last = last.into_iter().chain(part.last).max();
        let groups = std::mem::take(&mut part.groups);
        for ((view, groups), merged) in views.iter().zip(groups).zip(&mut merged) {
            for (number, group) in groups {
                let name = (part.name(view.rows, (number >> 32) as u32), part.name(view.across, number as u32));
                let into = merged.entry(name).or_default();
                into.sums.merge(&group.sums);
                match (&mut into.times, group.times) {
                    (Some(into), Some(times)) => into.iter_mut().zip(times.iter()).for_each(|(a, b)| a.merge(b)),
                    (into, Some(times)) => *into = Some(times),
                    (_, None) => {}
                }
            }
        }
    }
    let sheets = views.iter().zip(merged).map(|(view, groups)| sheet(*view, groups)).collect();
    Statement { first_unix_ms: first, last_unix_ms: last, total, sheets }
}

fn sheet(view: View, groups: HashMap<(Name, Name), Group>) -> Sheet {
    let line = |((name, across), group): ((Name, Name), Group)| {
        let latency = group.times.map(|t| Latency { ttft_ms: t[0].ms(), total_ms: t[1].ms() });
        Line { name, across, sums: group.sums, latency }
    };
    let mut lines: Vec<Line> = groups.into_iter().map(line).collect();
    lines.sort_by(|a, b| (&a.name, &a.across).cmp(&(&b.name, &b.across)));
    Sheet { view, lines }
}
