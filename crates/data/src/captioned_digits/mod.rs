//! `captioned-digits`: one or two handwritten digits on a black canvas, and a caption that says which and where.
//!
//! The generator of AlignDRAW's released code (Mansimov, Parisotto, Ba, Salakhutdinov 2016, arXiv:1511.02793): eight
//! templates of twelve tokens, placement with a margin of a few pixels, and one digit for each slot of a template that is
//! never shown there in training. The canvas of the paper has 60 pixels a side; smaller ones scale digits and places.
//!
//! A scene follows from (seed, split, index) alone, so that the paper's 10,000 fresh pictures an epoch are an endless
//! list. Nothing in the list of one split shows a picture of the other.

mod caption;
mod place;
mod scaled;

pub use crate::shapes::CaptionError;
pub use caption::{Claims, WORDS, normalised};
pub use place::{Place, SLOTS};

use easel_core::noise::{Noise, Stream};
use rand::RngExt;

use crate::dataset::{Dataset, DatasetError, Split};
use crate::digits::{CLASSES, DigitsError, digits};
use crate::shapes::Bounds;

/// Side of the paper's canvas in pixels.
pub const PAPER_SIDE: usize = 60;

/// Which combinations of digit and slot a list shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Combinations {
    /// Those of training.
    Seen,
    /// At least one digit stands where training never shows it.
    HeldOut,
}

/// One digit of a scene.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Digit {
    /// 0 to 9.
    pub class: usize,
    /// Index of its picture in the split of [`digits`].
    pub picture: usize,
}

/// What a picture shows, in the order of the caption.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scene {
    /// The template, named by the place of its first digit.
    pub template: Place,
    /// One digit at a corner, or two side by side.
    pub digits: Vec<Digit>,
    /// Row and column of each digit's upper left corner, in pixels.
    pub positions: Vec<[usize; 2]>,
}

/// A generator that cannot make scenes.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CaptionedDigitsError {
    /// Digits would be larger than they are, or too small to read.
    #[error("captioned-digits: canvases of {0} pixels a side; 32 to 60 are possible")]
    Side(usize),
    /// The digits cannot be decoded.
    #[error(transparent)]
    Digits(#[from] DigitsError),
    /// The parts do not fit together.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
}

/// An endless, seeded list of scenes.
#[derive(Debug, Clone)]
pub struct CaptionedDigits {
    side: usize,
    split: Split,
    combinations: Combinations,
    banned: [usize; SLOTS],
    scenes: Stream,
    labels: Vec<usize>,
    pictures: Vec<u8>, // [N, digit side, digit side]
}

impl CaptionedDigits {
    /// Scenes of seen combinations on canvases of `side` pixels, from the digits of `split`.
    ///
    /// # Errors
    /// A side outside 32..=60, damaged digits.
    pub fn new(side: usize, seed: u64, split: Split) -> Result<Self, CaptionedDigitsError> {
        if !(32..=PAPER_SIDE).contains(&side) {
            return Err(CaptionedDigitsError::Side(side));
        }
        let data = digits(split)?;
        let target = place::digit_side(side);
        let pictures = (0..data.len()).flat_map(|i| scaled::by_area(data.image(i), crate::digits::SIDE, target));
        let noise = Noise::new(seed);
        let bans = noise.purpose("captioned-digits/held-out");
        Ok(Self {
            side,
            split,
            combinations: Combinations::Seen,
            banned: std::array::from_fn(|slot| bans.below(0, slot as u64, CLASSES.len())),
            scenes: noise.purpose(&format!("captioned-digits/scene/{}", split.name())),
            labels: data.labels().unwrap_or_default().iter().map(|&l| l as usize).collect(),
            pictures: pictures.collect(),
        })
    }

    /// The list of scenes with other combinations.
    pub fn showing(self, combinations: Combinations) -> Self {
        Self { combinations, ..self }
    }

    /// Height and width of a canvas.
    pub fn side(&self) -> usize {
        self.side
    }

    /// Height and width of a digit: 28 on the paper's canvas, 18 on one of 40 pixels.
    pub fn digit_side(&self) -> usize {
        place::digit_side(self.side)
    }

    /// The digit that training never shows in each slot ([`Place::slots`]).
    pub fn banned(&self) -> &[usize; SLOTS] {
        &self.banned
    }

    /// Whether a caption holds a combination of digit and slot that training never shows.
    pub fn is_held_out(&self, claims: &Claims) -> bool {
        claims.template.slots().zip(&claims.digits).any(|(slot, digit)| self.banned[slot] == *digit)
    }

    /// Scene `index`: template uniform, pictures uniform over the split, offsets uniform, until the combination is one
    /// of those wanted.
    pub fn scene(&self, index: u64) -> Scene {
        let mut rng = self.scenes.rng(u64::from(self.combinations == Combinations::HeldOut), index);
        loop {
            let template = Place::ALL[rng.random_range(0..Place::ALL.len())];
            let digits: Vec<Digit> = template
                .slots()
                .map(|_| rng.random_range(0..self.labels.len()))
                .map(|picture| Digit { class: self.labels[picture], picture })
                .collect();
            let claims = Claims { template, digits: digits.iter().map(|d| d.class).collect() };
            if self.is_held_out(&claims) == (self.combinations == Combinations::HeldOut) {
                let positions = template.draw_positions(self.side, &mut rng);
                return Scene { template, digits, positions };
            }
        }
    }

    /// What the caption of a scene claims.
    pub fn claims(&self, scene: &Scene) -> Claims {
        Claims { template: scene.template, digits: scene.digits.iter().map(|d| d.class).collect() }
    }

    /// The caption: twelve words of [`WORDS`], as "the digit three is at the top left of the image ."
    pub fn caption(&self, scene: &Scene) -> String {
        self.claims(scene).words()
    }

    /// The picture, u8 `[side, side]`, white on black.
    pub fn render(&self, scene: &Scene) -> Vec<u8> {
        let (side, digit) = (self.side, self.digit_side());
        let mut canvas = vec![0; side * side];
        for (d, &[row, column]) in scene.digits.iter().zip(&scene.positions) {
            let picture = &self.pictures[d.picture * digit * digit..(d.picture + 1) * digit * digit];
            for (y, line) in picture.chunks_exact(digit).enumerate() {
                let start = (row + y) * side + column;
                // The margins of two digits may overlap by a few pixels.
                canvas[start..start + digit].iter_mut().zip(line).for_each(|(c, v)| *c = (*c).max(*v));
            }
        }
        canvas
    }

    /// The box of each digit, margin included.
    pub fn boxes(&self, scene: &Scene) -> Vec<Bounds> {
        let size = self.digit_side();
        scene.positions.iter().map(|&[y, x]| Bounds { x0: x, y0: y, x1: x + size, y1: y + size }).collect()
    }

    /// Scenes `range` as u8 `[N, 1, side, side]` with captions.
    ///
    /// # Errors
    /// None that a valid generator could cause.
    pub fn dataset(&self, range: std::ops::Range<u64>) -> Result<Dataset, CaptionedDigitsError> {
        let scenes: Vec<Scene> = range.map(|index| self.scene(index)).collect();
        let images: Vec<u8> = scenes.iter().flat_map(|scene| self.render(scene)).collect();
        let captions = scenes.iter().map(|scene| self.caption(scene)).collect();
        let name = format!("captioned-digits ({})", self.split.name());
        Ok(Dataset::new(name, [scenes.len(), 1, self.side, self.side], images)?.with_captions(captions)?)
    }
}
