//! The eight places, where digits go for each, and the slots of the templates.

use std::ops::RangeInclusive;

use rand::{Rng, RngExt};

use super::PAPER_SIDE;
use crate::digits::SIDE;
use crate::shapes::Bounds;

/// Combinations of template and digit: two slots for each of the four pairs, one for each corner.
pub const SLOTS: usize = 12;

/// Where a digit stands; also the name of the template whose first digit stands there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Place {
    /// Left of another digit.
    Left,
    /// Right of another digit.
    Right,
    /// Above another digit.
    Top,
    /// Below another digit.
    Bottom,
    /// Alone at the top left of the image.
    TopLeft,
    /// Alone at the bottom right of the image.
    BottomRight,
    /// Alone at the top right of the image.
    TopRight,
    /// Alone at the bottom left of the image.
    BottomLeft,
}

impl Place {
    /// All places, in the order of the slots.
    pub const ALL: [Self; 8] = [
        Self::Left,
        Self::Right,
        Self::Top,
        Self::Bottom,
        Self::TopLeft,
        Self::BottomRight,
        Self::TopRight,
        Self::BottomLeft,
    ];

    /// The words between "is" and the second digit or "the image".
    pub fn words(self) -> &'static str {
        match self {
            Self::Left => "on the left of",
            Self::Right => "on the right of",
            Self::Top => "at the top of",
            Self::Bottom => "at the bottom of",
            Self::TopLeft => "at the top left of",
            Self::BottomRight => "at the bottom right of",
            Self::TopRight => "at the top right of",
            Self::BottomLeft => "at the bottom left of",
        }
    }

    /// Where the other digit stands; `None` where there is only one.
    pub fn opposite(self) -> Option<Self> {
        match self {
            Self::Left => Some(Self::Right),
            Self::Right => Some(Self::Left),
            Self::Top => Some(Self::Bottom),
            Self::Bottom => Some(Self::Top),
            _ => None,
        }
    }

    /// The places of a template's digits, in the order of the caption.
    pub fn of_template(self) -> impl Iterator<Item = Self> {
        std::iter::once(self).chain(self.opposite())
    }

    /// The slots of a template's digits, in the order of the caption, counted over all templates.
    pub fn slots(self) -> std::ops::Range<usize> {
        let first = |k: usize| if k < 4 { 2 * k } else { k + 4 };
        let k = Self::ALL.iter().position(|p| *p == self).unwrap_or_default();
        first(k)..first(k) + self.of_template().count()
    }

    /// Rows and columns that the upper left corner of a digit may have on a canvas of `side` pixels.
    pub fn offsets(self, side: usize) -> [RangeInclusive<usize>; 2] {
        // Of the paper's canvas, whose largest offset is 32 (released code).
        let (middle, first, second) = (16..=18, 0..=4, 28..=32);
        let (top, bottom) = (0..=2, 30..=32);
        let paper = match self {
            Self::Left => [middle, first],
            Self::Right => [middle, second],
            Self::Top => [top, middle],
            Self::Bottom => [bottom, middle],
            Self::TopLeft => [top, first],
            Self::BottomRight => [bottom, second],
            Self::TopRight => [top, second],
            Self::BottomLeft => [bottom, first],
        };
        let (last, paper_last) = (side - digit_side(side), PAPER_SIDE - SIDE);
        let scaled = |at: usize| (2 * at * last + paper_last) / (2 * paper_last); // rounded
        paper.map(|range| scaled(*range.start())..=scaled(*range.end()))
    }

    /// Where a digit of this place can have ink: the union of its possible boxes; beside another digit, its half of the
    /// canvas at most.
    pub fn region(self, side: usize) -> Bounds {
        let ([rows, columns], size) = (self.offsets(side), digit_side(side));
        let all = Bounds { x0: *columns.start(), y0: *rows.start(), x1: columns.end() + size, y1: rows.end() + size };
        let half = side / 2;
        match self {
            Self::Left => Bounds { x1: all.x1.min(half), ..all },
            Self::Right => Bounds { x0: all.x0.max(half), ..all },
            Self::Top => Bounds { y1: all.y1.min(half), ..all },
            Self::Bottom => Bounds { y0: all.y0.max(half), ..all },
            _ => all,
        }
    }

    /// A corner for each digit of a template; two digits share the offset across their line.
    pub(super) fn draw_positions(self, side: usize, rng: &mut impl Rng) -> Vec<[usize; 2]> {
        let mut positions: Vec<[usize; 2]> =
            self.of_template().map(|place| place.offsets(side).map(|range| rng.random_range(range))).collect();
        let shared = usize::from(matches!(self, Self::Top | Self::Bottom));
        if let [first, second] = positions.as_mut_slice() {
            second[shared] = first[shared];
        }
        positions
    }
}

/// Side of a digit on a canvas of `side` pixels.
pub(super) fn digit_side(side: usize) -> usize {
    side * SIDE / PAPER_SIDE
}
