//! Which bytes of a connection were which bytes of a body: framing stands between them, and the kernel counts both.

use std::{collections::VecDeque, ops::Range};

/// Most pieces that are remembered: more than any system holds back of what it was given.
const MOST: usize = 1024;

/// The last pieces that were handed to the system.
#[derive(Default)]
pub(super) struct Trail(VecDeque<Stretch>);

/// One of them.
pub(super) struct Stretch {
    /// Bytes of the connection before it.
    pub(super) wire: u64,
    /// Bytes of the body before it.
    pub(super) body: u64,
    /// Which of its bytes belong to the body, and every how many of them one does; 0: all.
    pub(super) of_body: Range<usize>,
    pub(super) stride: usize,
}

impl Trail {
    pub(super) fn add(&mut self, stretch: Stretch) {
        if self.0.len() == MOST {
            self.0.pop_front();
        }
        self.0.push_back(stretch);
    }

    /// How much of the body had gone when so many bytes of the connection had.
    pub(super) fn body_at(&self, wire: u64) -> u64 {
        let last = self.0.iter().rev().find(|stretch| stretch.wire <= wire);
        match (last, self.0.front()) {
            (Some(stretch), _) => {
                stretch.body + of_body(&stretch.of_body, stretch.stride, usize::try_from(wire - stretch.wire).unwrap_or(usize::MAX))
            }
            // Longer ago than anybody remembers: that much at the most.
            (None, Some(first)) => first.body,
            (None, None) => 0,
        }
    }
}

/// How many of the first `at` bytes of a piece belong to the body.
pub(super) fn of_body(range: &Range<usize>, stride: usize, at: usize) -> u64 {
    let part = at.clamp(range.start, range.end) - range.start;
    (part.checked_div(stride).unwrap_or(part)) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn framing_is_no_part_of_the_body() {
        let mut trail = Trail::default();
        // A head of 100 bytes, a chunk of 50 in a frame of 60, and ten chunks of one byte each.
        trail.add(Stretch { wire: 100, body: 0, of_body: 4..54, stride: 0 });
        trail.add(Stretch { wire: 160, body: 50, of_body: 0..60, stride: 6 });
        let told = [0, 100, 103, 104, 129, 154, 160, 165, 166, 219, 220, 900].map(|wire| trail.body_at(wire));
        assert_eq!(told, [0, 0, 0, 0, 25, 50, 50, 50, 51, 59, 60, 60]);
    }

    #[test]
    fn what_went_long_ago_is_told_as_no_more_than_it_was() {
        let mut trail = Trail::default();
        for piece in 0..3000 {
            trail.add(Stretch { wire: piece * 10, body: piece * 10, of_body: 0..10, stride: 0 });
        }
        assert_eq!((trail.0.len(), trail.body_at(5), trail.body_at(29_995)), (MOST, 19_760, 29_995));
        assert_eq!(Trail::default().body_at(7), 0);
    }
}
