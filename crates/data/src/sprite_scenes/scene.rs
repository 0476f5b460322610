//! The words of the sprite world, and scenes drawn from them.
//!
//! ```text
//! caption = objects "on a" colour "ground"
//! objects = a-noun "at the" place                          one object
//!         | a-noun relation a-noun                         two different ones
//!         | a-noun "," a-noun "and" a-noun direction       three different ones, in a row or column
//!         | number colour plural                           two or three of a kind
//! a-noun  = "a" colour noun
//! relation = "to the left of" | "to the right of" | "above" | "below"
//! direction = "from left to right" | "from top to bottom"
//! ```
//!
//! No colour begins with a vowel, so that an edit of one word never changes an article.

use std::ops::RangeInclusive;

use rand::{Rng, RngExt};

use super::Pair;
use super::sprite::Sprites;
use crate::emoji::ArtStyle;
use crate::shapes::scene::{COLUMNS, DOMINANCE};
use crate::shapes::{Colour, Place, Relation};
use crate::words::words;

/// The colours objects have; their hues are at least 30 degrees apart.
pub const COLOURS: [Colour; 6] =
    [Colour::Red, Colour::Yellow, Colour::Green, Colour::Blue, Colour::Purple, Colour::Pink];

/// The colours grounds have.
pub const GROUNDS: [Colour; 10] = [
    Colour::Red,
    Colour::Yellow,
    Colour::Green,
    Colour::Blue,
    Colour::Purple,
    Colour::Pink,
    Colour::Cyan,
    Colour::White,
    Colour::Grey,
    Colour::Black,
];

words! {
    /// What an object is: things whose larger part is coloured in all four styles.
    Noun {
        /// U+1F34E.
        Apple = "apple",
        /// U+1F353.
        Strawberry = "strawberry",
        /// U+1F344.
        Mushroom = "mushroom",
        /// U+1F408.
        Cat = "cat",
        /// U+1F415.
        Dog = "dog",
        /// U+1F41F.
        Fish = "fish",
        /// U+1F419.
        Octopus = "octopus",
        /// U+1F980.
        Crab = "crab",
        /// U+1F98B.
        Butterfly = "butterfly",
        /// U+1F41E.
        Ladybug = "ladybug",
        /// U+1F697.
        Car = "car",
        /// U+1F388.
        Balloon = "balloon",
        /// U+2B50.
        Star = "star",
        /// U+2764.
        Heart = "heart",
        /// U+1F511.
        Key = "key",
        /// U+1F514.
        Bell = "bell",
        /// U+1F4D5.
        Book = "book",
        /// U+2602.
        Umbrella = "umbrella",
        /// U+1F457.
        Dress = "dress",
        /// U+1F9E2.
        Cap = "cap",
    }
}

impl Noun {
    /// The word for several.
    pub fn plural(self) -> &'static str {
        match self {
            Self::Apple => "apples",
            Self::Strawberry => "strawberries",
            Self::Mushroom => "mushrooms",
            Self::Cat => "cats",
            Self::Dog => "dogs",
            Self::Fish => "fish",
            Self::Octopus => "octopuses",
            Self::Crab => "crabs",
            Self::Butterfly => "butterflies",
            Self::Ladybug => "ladybugs",
            Self::Car => "cars",
            Self::Balloon => "balloons",
            Self::Star => "stars",
            Self::Heart => "hearts",
            Self::Key => "keys",
            Self::Bell => "bells",
            Self::Book => "books",
            Self::Umbrella => "umbrellas",
            Self::Dress => "dresses",
            Self::Cap => "caps",
        }
    }

    /// Key of its emoji.
    pub fn key(self) -> &'static str {
        match self {
            Self::Apple => "1f34e",
            Self::Strawberry => "1f353",
            Self::Mushroom => "1f344",
            Self::Cat => "1f408",
            Self::Dog => "1f415",
            Self::Fish => "1f41f",
            Self::Octopus => "1f419",
            Self::Crab => "1f980",
            Self::Butterfly => "1f98b",
            Self::Ladybug => "1f41e",
            Self::Car => "1f697",
            Self::Balloon => "1f388",
            Self::Star => "2b50",
            Self::Heart => "2764",
            Self::Key => "1f511",
            Self::Bell => "1f514",
            Self::Book => "1f4d5",
            Self::Umbrella => "2602",
            Self::Dress => "1f457",
            Self::Cap => "1f9e2",
        }
    }
}

/// An object of a scene; lengths are parts of the picture's side, y runs down.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Object {
    /// What it is.
    pub noun: Noun,
    /// Its colour, one of [`COLOURS`].
    pub colour: Colour,
    /// Centre (x, y) of its square.
    pub centre: [f64; 2],
    /// Side of the square that its sprite fills.
    pub size: f64,
}

impl Object {
    /// Colour and noun.
    pub fn pair(&self) -> Pair {
        (self.colour, self.noun)
    }
}

/// What the caption says of positions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// One object at a place.
    Alone(Place),
    /// Two or three objects of one colour and noun, anywhere.
    Alike,
    /// Two different objects; the first lies so, seen from the second.
    Beside(Relation),
    /// Three different objects from left to right.
    Row,
    /// Three different objects from top to bottom.
    Column,
}

/// A plain ground and 1 to 3 objects in one style whose squares do not touch.
#[derive(Debug, Clone)]
pub struct Scene {
    pub(super) ground: Colour,
    pub(super) style: ArtStyle,
    pub(super) layout: Layout,
    pub(super) objects: Vec<Object>,
    pub(super) sprites: &'static Sprites,
}

/// Distance of squares from the picture's border; rounding to pixels moves an edge by up to 3/4 of a pixel.
const MARGIN: f64 = 0.025;
/// Distance of squares from each other, more than twice 3/4 of a pixel of the smallest picture.
const GAP: f64 = 0.05;
/// Sides of the squares of scenes of 1, 2 and 3 objects.
const SIZES: [RangeInclusive<f64>; 3] = [0.42..=0.55, 0.34..=0.42, 0.25..=0.28];

impl Scene {
    /// A scene with a number of objects from `count`, in one of `styles`, that shows `pairs` only.
    pub(super) fn draw(
        rng: &mut impl Rng,
        count: RangeInclusive<usize>,
        styles: &[ArtStyle],
        pairs: &[Pair],
        sprites: &'static Sprites,
    ) -> Self {
        let count = rng.random_range(count);
        let (ground, style) = (pick(rng, &GROUNDS), pick(rng, styles));
        let layout = match (count, rng.random_range(0..6)) {
            (1, _) => Layout::Alone(pick(rng, Place::ALL)),
            (_, 0 | 1) => Layout::Alike,
            (2, _) => Layout::Beside(pick(rng, Relation::ALL)),
            (_, 2 | 3) => Layout::Row,
            _ => Layout::Column,
        };
        let free: Vec<Pair> = pairs.iter().copied().filter(|pair| pair.0 != ground).collect();
        let mut shown: Vec<Pair> = Vec::with_capacity(count);
        while shown.len() < count {
            let next = if layout == Layout::Alike && !shown.is_empty() { shown[0] } else { pick(rng, &free) };
            if layout == Layout::Alike || !shown.contains(&next) {
                shown.push(next);
            }
        }
        let sizes: Vec<f64> = (0..count).map(|_| rng.random_range(SIZES[count - 1].clone())).collect();
        let centres = layout.centres(rng, &sizes);
        let objects = shown.into_iter().zip(centres).zip(sizes);
        let objects = objects.map(|(((colour, noun), centre), size)| Object { noun, colour, centre, size }).collect();
        Self { ground, style, layout, objects, sprites }
    }

    /// Colour of the ground, one of [`GROUNDS`]; no object has it.
    pub fn ground(&self) -> Colour {
        self.ground
    }

    /// Who drew the objects.
    pub fn style(&self) -> ArtStyle {
        self.style
    }

    /// What the caption says of positions.
    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// The objects, in the caption's order. Unless they are [`Layout::Alike`], no two share both colour and noun.
    pub fn objects(&self) -> &[Object] {
        &self.objects
    }

    /// The scene in a sentence of the grammar above.
    pub fn caption(&self) -> String {
        let named: Vec<String> = self.objects.iter().map(|o| format!("a {} {}", o.colour, o.noun)).collect();
        let objects = match (self.layout, named.as_slice()) {
            (Layout::Alike, _) => {
                let (number, first) = (["", "one", "two", "three"][self.objects.len()], &self.objects[0]);
                format!("{number} {} {}", first.colour, first.noun.plural())
            }
            (Layout::Alone(place), _) => format!("{} at the {place}", named.concat()),
            (Layout::Beside(relation), _) => named.join(&format!(" {} ", says(relation))),
            (Layout::Row | Layout::Column, [many @ .., last]) => {
                let direction = if self.layout == Layout::Row { "from left to right" } else { "from top to bottom" };
                format!("{} and {last} {direction}", many.join(", "))
            }
            (Layout::Row | Layout::Column, []) => String::new(),
        };
        format!("{objects} on a {} ground", self.ground)
    }
}

fn says(relation: Relation) -> &'static str {
    match relation {
        Relation::Left => "to the left of",
        Relation::Right => "to the right of",
        Relation::Above => "above",
        Relation::Below => "below",
    }
}

impl Layout {
    /// Centres of squares of these sizes that obey the layout and the margins.
    fn centres(self, rng: &mut impl Rng, sizes: &[f64]) -> Vec<[f64; 2]> {
        match self {
            Self::Alone(place) => {
                let (row, column) = (place as usize / 3, place as usize % 3);
                let reach = sizes[0] / 2.0 + MARGIN;
                vec![[column, row].map(|third| {
                    let [low, high] = COLUMNS[third];
                    rng.random_range(low.max(reach)..=high.min(1.0 - reach))
                })]
            }
            Self::Beside(relation) => {
                let axis = usize::from(matches!(relation, Relation::Above | Relation::Below));
                let mut centres = in_line(rng, sizes, axis);
                if matches!(relation, Relation::Right | Relation::Below) {
                    // The first object stands behind the second: mirrored along the axis.
                    centres.iter_mut().for_each(|centre| centre[axis] = 1.0 - centre[axis]);
                }
                centres
            }
            Self::Row => in_line(rng, sizes, 0),
            Self::Column => in_line(rng, sizes, 1),
            Self::Alike => loop {
                let axis = |size: f64, rng: &mut _| anywhere(rng, size);
                let centres: Vec<[f64; 2]> = sizes.iter().map(|&s| [axis(s, rng), axis(s, rng)]).collect();
                if apart(&centres, sizes) {
                    break centres;
                }
            },
        }
    }
}

/// Squares one after the other along `axis`; each [`DOMINANCE`] times further from the one before along the axis than
/// across it.
fn in_line(rng: &mut impl Rng, sizes: &[f64], axis: usize) -> Vec<[f64; 2]> {
    let slack = 1.0 - 2.0 * MARGIN - GAP * (sizes.len() - 1) as f64 - sizes.iter().sum::<f64>();
    let mut offsets: Vec<f64> = sizes.iter().map(|_| rng.random_range(0.0..=slack)).collect();
    offsets.sort_by(f64::total_cmp);
    let mut start = MARGIN;
    let along: Vec<f64> = sizes
        .iter()
        .zip(offsets)
        .map(|(size, offset)| {
            let centre = start + offset + size / 2.0;
            start += size + GAP;
            centre
        })
        .collect();
    loop {
        let across: Vec<f64> = sizes.iter().map(|&size| anywhere(rng, size)).collect();
        let dominates = |i: usize| (across[i] - across[i - 1]).abs() * DOMINANCE <= along[i] - along[i - 1];
        if (1..sizes.len()).all(dominates) {
            let centre = |(&a, &b): (&f64, &f64)| if axis == 0 { [a, b] } else { [b, a] };
            return along.iter().zip(&across).map(centre).collect();
        }
    }
}

/// A centre at which a square of that side keeps the margin.
fn anywhere(rng: &mut impl Rng, size: f64) -> f64 {
    let reach = size / 2.0 + MARGIN;
    rng.random_range(reach..=1.0 - reach)
}

fn apart(centres: &[[f64; 2]], sizes: &[f64]) -> bool {
    let free = |a: usize, b: usize| {
        let room = (sizes[a] + sizes[b]) / 2.0 + GAP;
        (0..2).any(|k| (centres[a][k] - centres[b][k]).abs() >= room)
    };
    (0..sizes.len()).all(|a| (0..a).all(|b| free(a, b)))
}

fn pick<T: Copy>(rng: &mut impl Rng, values: &[T]) -> T {
    values[rng.random_range(0..values.len())]
}
