//! Bookkeeping of the KV cache: which sequence holds which cells. A cell that several sequences share (a common prefix)
//! counts once, and is free when the last of them lets it go, exactly as in llama.cpp's unified cache. Cells have no
//! place here: any free cell will do, since llama.cpp takes scattered ones.
//!
//! Never here: what is in a cell, who is worth keeping (`prefix`, `step`).

/// Who holds what.
pub(super) struct Cells {
    /// Sequences that hold each cell.
    owners: Vec<u16>,
    spare: Vec<u32>,
    held: Vec<Vec<u32>>,
}

impl Cells {
    /// `all` free cells, and `sequences` that hold nothing.
    pub(super) fn new(all: u32, sequences: u32) -> Cells {
        Cells {
            owners: vec![0; all as usize],
            spare: (0..all).rev().collect(),
            held: vec![Vec::new(); sequences as usize],
        }
    }

    /// All cells.
    pub(super) fn all(&self) -> usize {
        self.owners.len()
    }

    /// Cells that nobody holds.
    pub(super) fn free(&self) -> usize {
        self.spare.len()
    }

    /// Cells of one sequence, shared ones included.
    pub(super) fn len(&self, sequence: u32) -> usize {
        self.held.get(sequence as usize).map_or(0, Vec::len)
    }

    /// A sequence takes `more` cells; false, and nothing changes, where there are not so many.
    pub(super) fn grow(&mut self, sequence: u32, more: usize) -> bool {
        let Some(held) = self.held.get_mut(sequence as usize) else { return false };
        if more > self.spare.len() {
            return false;
        }
        for cell in self.spare.drain(self.spare.len() - more..) {
            self.owners[cell as usize] = 1;
            held.push(cell);
        }
        true
    }

    /// `to`, which holds `at` cells of the same tokens, also takes the cells of `from` from there up to `until`.
    pub(super) fn share(&mut self, from: u32, to: u32, at: usize, until: usize) {
        let Some(source) = self.held.get(from as usize) else { return };
        let shared: Vec<u32> = source.get(at..until.min(source.len())).unwrap_or_default().to_vec();
        let Some(held) = self.held.get_mut(to as usize) else { return };
        shared.iter().for_each(|cell| self.owners[*cell as usize] += 1);
        held.extend(shared);
    }

    /// A sequence lets go of everything from `from` on.
    pub(super) fn trim(&mut self, sequence: u32, from: usize) {
        let Some(held) = self.held.get_mut(sequence as usize) else { return };
        for cell in held.drain(from.min(held.len())..) {
            let owners = &mut self.owners[cell as usize];
            *owners = owners.saturating_sub(1);
            if *owners == 0 {
                self.spare.push(cell);
            }
        }
    }

    /// Cells that would be free if all of these sequences let go.
    pub(super) fn only_in(&self, sequences: impl Iterator<Item = u32>) -> usize {
        let mut seen = vec![0u16; self.owners.len()];
        let mut only = 0;
        for sequence in sequences {
            for cell in self.held.get(sequence as usize).into_iter().flatten() {
                let seen = &mut seen[*cell as usize];
                *seen += 1;
                only += usize::from(*seen == self.owners[*cell as usize]);
            }
        }
        only
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn shared_cells_count_once_and_are_freed_by_the_last() {
        let mut cells = Cells::new(10, 3);
        assert!(cells.grow(0, 6));
        cells.share(0, 1, 0, 4);
        assert!(cells.grow(1, 2));
        assert_eq!((cells.len(0), cells.len(1), cells.free()), (6, 6, 2));
        assert_eq!((cells.only_in([0].into_iter()), cells.only_in([0, 1].into_iter())), (2, 8));
        cells.trim(0, 0);
        assert_eq!(cells.free(), 4);
        cells.trim(1, 3);
        assert_eq!((cells.free(), cells.len(1)), (7, 3));
        assert!(!cells.grow(2, 8) && cells.grow(2, 7));
        assert_eq!(cells.free(), 0);
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_nothing_is_counted_twice(
            steps in proptest::collection::vec((0u8..3, 0u32..5, 0u32..5, 0usize..20), 1..200)
        ) {
            let mut cells = Cells::new(32, 5);
            for (what, a, b, n) in steps {
                match what {
                    0 => drop(cells.grow(a, n)),
                    1 if a != b && cells.len(b) <= cells.len(a) => {
                        let at = cells.len(b);
                        cells.share(a, b, at, at + n);
                    }
                    _ => cells.trim(a, n),
                }
                let held: std::collections::HashSet<u32> = cells.held.iter().flatten().copied().collect();
                prop_assert_eq!(held.len() + cells.free(), cells.all());
                for (cell, owners) in cells.owners.iter().enumerate() {
                    let real = cells.held.iter().flatten().filter(|c| **c as usize == cell).count();
                    prop_assert_eq!(usize::from(*owners), real);
                }
                prop_assert_eq!(cells.only_in(0..5), held.len());
            }
        }
    }
}
