//! Boosted trees, evaluated: each is symmetric (one split for each level, the same in every branch), so that a tree is four
//! comparisons and one read. Values become small codes by a table of borders first.
//!
//! Never here: growing trees (examples/train-sense), and what the values mean.

/// Splits of a tree.
pub const DEPTH: usize = 4;
/// Leaves of a tree.
pub const LEAVES: usize = 1 << DEPTH;
/// Borders of a value: codes go from 0 to this.
pub const BORDERS: usize = 31;

/// Bytes of a forest of so many values, trees and sums: borders, then for each tree its splits (value, code) and its leaves.
pub(super) const fn bytes(values: usize, trees: usize, sums: usize) -> usize {
    4 * values * BORDERS + trees * tree(sums)
}

const fn tree(sums: usize) -> usize {
    2 * DEPTH + 4 * LEAVES * sums
}

fn float(bytes: &[u8]) -> f32 {
    bytes.first_chunk().map_or(0.0, |four| f32::from_le_bytes(*four))
}

/// Values at most: a power of two, so that no place can be beyond it.
const MOST: usize = 64;

/// The code of each value: how many of its borders are below it.
fn codes<const VALUES: usize>(forest: &[u8], values: &[f32; VALUES]) -> [u8; MOST] {
    const { assert!(VALUES <= MOST) };
    let mut codes = [0; MOST];
    for ((code, value), borders) in codes.iter_mut().zip(values).zip(forest.chunks_exact(4 * BORDERS)) {
        // Branchless search: 31 borders are 5 halvings.
        let mut below = 0;
        for half in [16, 8, 4, 2, 1] {
            let at = 4 * (below + half - 1);
            below += if float(&borders[at..]) < *value { half } else { 0 };
        }
        *code = below as u8;
    }
    codes
}

/// Adds up what the trees say.
pub(super) fn sums<const VALUES: usize, const SUMS: usize>(forest: &[u8], values: &[f32; VALUES]) -> [f32; SUMS] {
    let codes = codes(forest, values);
    let mut sums = [0.0; SUMS];
    for tree in forest[4 * VALUES * BORDERS..].chunks_exact(tree(SUMS)) {
        let (splits, leaves) = tree.split_at(2 * DEPTH);
        let mut leaf = 0;
        for level in 0..DEPTH {
            let above = codes[usize::from(splits[2 * level]) % MOST] > splits[2 * level + 1];
            leaf |= usize::from(above) << level;
        }
        for (sum, value) in sums.iter_mut().zip(leaves[4 * SUMS * leaf..].chunks_exact(4)) {
            *sum += float(value);
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_made_by_hand_says_what_it_should() {
        // Two values with borders 0, 1, 2, …; one tree on "first above 4", "second above 9", and both again.
        let mut forest = Vec::new();
        for _ in 0..2 {
            (0..BORDERS).for_each(|b| forest.extend((b as f32).to_le_bytes()));
        }
        forest.extend([0u8, 4, 1, 9, 0, 4, 1, 9]);
        for leaf in 0..LEAVES {
            forest.extend((leaf as f32).to_le_bytes());
            forest.extend((-(leaf as f32)).to_le_bytes());
        }
        assert_eq!(forest.len(), bytes(2, 1, 2));
        let said = |a: f32, b: f32| sums::<2, 2>(&forest, &[a, b]);
        assert_eq!(said(0.0, 0.0), [0.0, 0.0]);
        assert_eq!(said(4.0, 0.0), [0.0, 0.0], "a border is not above itself");
        assert_eq!(said(4.5, 0.0), [5.0, -5.0]);
        assert_eq!(said(0.0, 99.0), [10.0, -10.0]);
        assert_eq!(said(99.0, 99.0), [15.0, -15.0]);
        assert_eq!(said(f32::NAN, f32::NAN), [0.0, 0.0]);
    }
}
