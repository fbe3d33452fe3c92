//! Overlapping findings settle: the highest class wins, then the score, then the length. Nothing that was found is uncovered
//! by that: what sticks out of a winner of the same class makes it longer, of a higher class stays a finding of its own.
//!
//! Never here: detection.

use super::Finding;
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// The findings in the order of the text, without overlaps.
pub(super) fn resolve(mut found: Vec<Finding>) -> Vec<Finding> {
    found.retain(|f| f.start < f.end);
    found.sort_by_key(|f| f.start);
    if found.windows(2).all(|w| w[0].end <= w[1].start) {
        return found;
    }
    // Only what overlaps has to settle: one cluster after the other.
    let mut settled = Vec::with_capacity(found.len());
    let mut cluster: Vec<Finding> = Vec::new();
    let mut reach = 0;
    for finding in found {
        if finding.start >= reach {
            settle(&mut cluster, &mut settled);
        }
        reach = reach.max(finding.end);
        cluster.push(finding);
    }
    settle(&mut cluster, &mut settled);
    settled
}

/// Settles what overlaps, and leaves the cluster empty.
fn settle(cluster: &mut Vec<Finding>, settled: &mut Vec<Finding>) {
    if cluster.len() < 2 {
        return settled.append(cluster);
    }
    cluster.sort_by_key(|f| (Reverse((f.kind.class, f.score, f.end - f.start)), f.start));
    let mut placed: BTreeMap<usize, Finding> = BTreeMap::new();
    for finding in cluster.drain(..) {
        place(&mut placed, finding);
    }
    settled.extend(placed.into_values());
}

fn place(placed: &mut BTreeMap<usize, Finding>, finding: Finding) {
    let over: Vec<(usize, usize)> = placed
        .range(..finding.end)
        .rev()
        .take_while(|(_, p)| p.end > finding.start)
        .map(|(&start, p)| (start, p.end))
        .collect();
    // Where nothing lies yet; whether a winner ends where the gap begins, and whether one begins where it ends.
    let (mut from, mut joins) = (finding.start, false);
    let mut gaps = Vec::new();
    for &(start, end) in over.iter().rev() {
        if from < start {
            gaps.push((from, start, joins, true));
        }
        (from, joins) = (end, true);
    }
    if from < finding.end {
        gaps.push((from, finding.end, joins, false));
    }
    let class = finding.kind.class;
    for (start, end, after, before) in gaps {
        let left = placed.range_mut(..start).next_back().map(|(_, p)| p);
        if let Some(winner) = left.filter(|p| after && p.end == start && p.kind.class == class) {
            winner.end = end;
        } else if before && placed.get(&end).is_some_and(|p| p.kind.class == class) {
            if let Some(mut winner) = placed.remove(&end) {
                winner.start = start;
                placed.insert(start, winner);
            }
        } else {
            placed.insert(start, Finding { start, end, ..finding.clone() });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::find::Kind;
    use decide::DataClass::{self, Internal, Personal, Secret};
    use proptest::prelude::*;

    fn finding(start: usize, end: usize, class: DataClass, score: u8) -> Finding {
        Finding { start, end, kind: Kind { name: class.as_str().into(), class }, score }
    }

    fn shown(found: Vec<Finding>) -> Vec<(usize, usize, DataClass)> {
        resolve(found).iter().map(|f| (f.start, f.end, f.kind.class)).collect()
    }

    #[test]
    fn the_higher_class_wins_and_the_rest_stays_covered() {
        let url_with_card = vec![finding(0, 40, Internal, 90), finding(10, 26, Personal, 90)];
        assert_eq!(shown(url_with_card), [(0, 10, Internal), (10, 26, Personal), (26, 40, Internal)]);
        let same = vec![finding(0, 10, Personal, 60), finding(5, 15, Personal, 90)];
        assert_eq!(shown(same), [(0, 15, Personal)], "one finding, longer");
        let inside = vec![finding(0, 40, Secret, 90), finding(5, 15, Personal, 100)];
        assert_eq!(shown(inside), [(0, 40, Secret)]);
        let apart = vec![finding(5, 9, Personal, 60), finding(0, 5, Personal, 60)];
        assert_eq!(shown(apart), [(0, 5, Personal), (5, 9, Personal)]);
    }

    proptest! {
        #[test]
        fn sorted_apart_and_nothing_uncovered(raw in prop::collection::vec((0_usize..60, 1_usize..30, 0_usize..5, 0_u8..100), 0..25)) {
            let found: Vec<Finding> = raw.iter().map(|&(s, n, c, p)| finding(s, s + n, DataClass::ALL[c], p)).collect();
            let out = resolve(found.clone());
            prop_assert!(out.windows(2).all(|w| w[0].end <= w[1].start));
            for at in 0..100 {
                let best = found.iter().filter(|f| (f.start..f.end).contains(&at)).map(|f| f.kind.class).max();
                let got = out.iter().find(|f| (f.start..f.end).contains(&at)).map(|f| f.kind.class);
                prop_assert_eq!(best, got, "byte {}", at);
            }
        }
    }
}
