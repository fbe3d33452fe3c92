//! Who is next: first come, first served within a class, interactive before batch, and no batch request is passed by
//! anybody who came more than [`AGEING`] after it.
//!
//! Never here: clocks (now is an argument), what a request is.

use crate::protocol::Class;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// A batch request counts like an interactive one that came so much later: long enough that a burst of people goes
/// first, short enough that nothing starves.
pub(super) const AGEING: Duration = Duration::from_secs(30);

/// A place in the queue; it is kept by a request that is put back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ticket {
    pub(super) class: Class,
    pub(super) came: Instant,
    /// Nobody wants the answer from then on.
    pub(super) until: Option<Instant>,
}

impl Ticket {
    /// When it counts as having come.
    fn turn(&self) -> Instant {
        match self.class {
            Class::Interactive => self.came,
            Class::Batch => self.came + AGEING,
        }
    }

    /// Has its deadline passed?
    pub(super) fn late(&self, now: Instant) -> bool {
        self.until.is_some_and(|until| until <= now)
    }
}

/// Those who wait.
pub(super) struct Queue<T> {
    most: usize,
    interactive: VecDeque<(Ticket, T)>,
    batch: VecDeque<(Ticket, T)>,
}

impl<T> Queue<T> {
    /// An empty queue that takes `most`.
    pub(super) fn new(most: usize) -> Queue<T> {
        Queue { most, interactive: VecDeque::new(), batch: VecDeque::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.interactive.len() + self.batch.len()
    }

    /// Does it take no more?
    pub(super) fn full(&self) -> bool {
        self.len() >= self.most
    }

    fn line(&mut self, class: Class) -> &mut VecDeque<(Ticket, T)> {
        match class {
            Class::Interactive => &mut self.interactive,
            Class::Batch => &mut self.batch,
        }
    }

    /// At the end of its class.
    pub(super) fn push(&mut self, ticket: Ticket, item: T) {
        self.line(ticket.class).push_back((ticket, item));
    }

    /// Back to where it was: before all of its class who came after it. Its place was counted when it came.
    pub(super) fn put_back(&mut self, ticket: Ticket, item: T) {
        let line = self.line(ticket.class);
        let at = line.iter().take_while(|(t, _)| t.came < ticket.came).count();
        line.insert(at, (ticket, item));
    }

    /// The next one.
    pub(super) fn pop(&mut self) -> Option<(Ticket, T)> {
        let first = match (self.interactive.front(), self.batch.front()) {
            (Some((i, _)), Some((b, _))) if b.turn() < i.turn() => Class::Batch,
            (Some(_), _) => Class::Interactive,
            (None, _) => Class::Batch,
        };
        self.line(first).pop_front()
    }

    /// Takes out all of which `which` says so.
    pub(super) fn take(&mut self, which: impl Fn(&Ticket, &T) -> bool) -> Vec<T> {
        let mut taken = Vec::new();
        for line in [&mut self.interactive, &mut self.batch] {
            // Most often nobody is to be taken.
            if !line.iter().any(|(t, item)| which(t, item)) {
                continue;
            }
            for (ticket, item) in std::mem::take(line) {
                if which(&ticket, &item) { taken.push(item) } else { line.push_back((ticket, item)) }
            }
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ticket(class: Class, came: Instant) -> Ticket {
        Ticket { class, came, until: None }
    }

    fn order(queue: &mut Queue<u32>) -> Vec<u32> {
        std::iter::from_fn(|| queue.pop().map(|(_, n)| n)).collect()
    }

    #[test]
    fn interactive_goes_first_and_within_a_class_who_came_first() {
        let (start, mut queue) = (Instant::now(), Queue::new(8));
        let at = |n: u64| start + Duration::from_millis(n);
        for (n, class) in [(1, Class::Batch), (2, Class::Interactive), (3, Class::Batch), (4, Class::Interactive)] {
            queue.push(ticket(class, at(n)), n as u32);
        }
        assert_eq!(order(&mut queue), [2, 4, 1, 3]);
    }

    #[test]
    fn batch_is_passed_only_by_those_who_came_within_the_bound() {
        let (start, mut queue) = (Instant::now(), Queue::new(8));
        queue.push(ticket(Class::Batch, start), 0);
        queue.push(ticket(Class::Interactive, start + AGEING), 1);
        queue.push(ticket(Class::Interactive, start + AGEING + Duration::from_millis(1)), 2);
        assert_eq!(order(&mut queue), [1, 0, 2]);
    }

    #[test]
    fn the_bound_is_exact() {
        let (now, mut queue) = (Instant::now(), Queue::new(2));
        queue.push(ticket(Class::Interactive, now), 1);
        assert!(!queue.full());
        queue.push(ticket(Class::Batch, now), 2);
        assert!(queue.full());
        queue.pop();
        assert!(!queue.full() && queue.len() == 1);
    }

    #[test]
    fn what_is_put_back_keeps_its_place_and_what_is_late_is_taken() {
        let (start, mut queue) = (Instant::now(), Queue::new(8));
        let at = |n: u64| start + Duration::from_millis(n);
        for n in [1, 2, 4] {
            queue.push(Ticket { until: Some(at(10 * n)), ..ticket(Class::Interactive, at(n)) }, n as u32);
        }
        queue.put_back(ticket(Class::Interactive, at(3)), 3);
        assert_eq!(queue.take(|t, _| t.late(at(20))), [1, 2]);
        assert_eq!(queue.take(|t, _| t.late(at(39))), [0u32; 0]);
        assert_eq!(order(&mut queue), [3, 4]);
    }
}
