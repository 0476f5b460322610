//! The words of the toy world, and scenes drawn from them.

use std::ops::RangeInclusive;

use rand::{Rng, RngExt};

use super::Pair;
use crate::words::words;

words! {
    /// Shape of an object, always upright.
    Shape {
        /// A disc.
        Circle = "circle",
        /// A square on its side.
        Square = "square",
        /// A triangle, tip up.
        Triangle = "triangle",
        /// A five-pointed star, tip up.
        Star = "star",
        /// A plus sign.
        Cross = "cross",
        /// A disc with a hole.
        Ring = "ring",
    }
}

words! {
    /// A colour of the palette.
    Colour {
        /// Red.
        Red = "red",
        /// Green.
        Green = "green",
        /// Blue.
        Blue = "blue",
        /// Yellow.
        Yellow = "yellow",
        /// Orange.
        Orange = "orange",
        /// Purple.
        Purple = "purple",
        /// Pink.
        Pink = "pink",
        /// Cyan.
        Cyan = "cyan",
        /// White, of backgrounds only.
        White = "white",
        /// Grey, of backgrounds only.
        Grey = "grey",
        /// Black, of backgrounds only.
        Black = "black",
    }
}

words! {
    /// Size of an object.
    Size {
        /// Radius 0.095 to 0.115 of the side.
        Small = "small",
        /// Radius 0.17 to 0.19 of the side.
        Large = "large",
    }
}

words! {
    /// Where the first object lies, seen from the second.
    Relation {
        /// To its left.
        Left = "left of",
        /// To its right.
        Right = "right of",
        /// Above it.
        Above = "above",
        /// Below it.
        Below = "below",
    }
}

words! {
    /// Part of the picture, row by row.
    Place {
        /// Row 0, column 0.
        TopLeft = "top left",
        /// Row 0, column 1.
        Top = "top",
        /// Row 0, column 2.
        TopRight = "top right",
        /// Row 1, column 0.
        Left = "left",
        /// Row 1, column 1.
        Centre = "centre",
        /// Row 1, column 2.
        Right = "right",
        /// Row 2, column 0.
        BottomLeft = "bottom left",
        /// Row 2, column 1.
        Bottom = "bottom",
        /// Row 2, column 2.
        BottomRight = "bottom right",
    }
}

impl Colour {
    /// The colours objects have.
    pub const OBJECTS: &'static [Self] = Self::ALL.split_at(8).0;

    /// Red, green, blue, 0..=255. Any two colours lie at least 90 apart.
    pub fn rgb(self) -> [u8; 3] {
        match self {
            Self::Red => [220, 30, 40],
            Self::Green => [30, 150, 60],
            Self::Blue => [30, 70, 220],
            Self::Yellow => [250, 230, 50],
            Self::Orange => [250, 135, 20],
            Self::Purple => [130, 35, 170],
            Self::Pink => [250, 140, 200],
            Self::Cyan => [60, 210, 230],
            Self::White => [245, 245, 245],
            Self::Grey => [128, 128, 128],
            Self::Black => [15, 15, 15],
        }
    }
}

impl Size {
    /// Radii of that size, as a part of the picture's side.
    pub fn radii(self) -> RangeInclusive<f64> {
        match self {
            Self::Small => 0.095..=0.115,
            Self::Large => 0.17..=0.19,
        }
    }

    /// The size whose radii are nearest.
    pub fn of_radius(radius: f64) -> Self {
        let border = (Self::Small.radii().end() + Self::Large.radii().start()) / 2.0;
        if radius < border { Self::Small } else { Self::Large }
    }
}

impl Relation {
    /// How a centre `a` lies to a centre `b`: along the axis on which they differ more. `None` when equal.
    pub fn between(a: [f64; 2], b: [f64; 2]) -> Option<Self> {
        let [dx, dy] = [a[0] - b[0], a[1] - b[1]];
        if dx.abs() == dy.abs() {
            None
        } else if dx.abs() > dy.abs() {
            Some(if dx < 0.0 { Self::Left } else { Self::Right })
        } else {
            Some(if dy < 0.0 { Self::Above } else { Self::Below })
        }
    }
}

impl Place {
    /// The place of a centre: thirds of the picture.
    pub fn of(centre: [f64; 2]) -> Self {
        let third = |v: f64| usize::from(v >= BORDERS[0]) + usize::from(v >= BORDERS[1]);
        Self::ALL[3 * third(centre[1]) + third(centre[0])]
    }
}

/// Where the left, middle and right places meet.
const BORDERS: [f64; 2] = [0.385, 0.615];
/// Centres that captions call left, in the middle and right: clear of [`BORDERS`].
pub(crate) const COLUMNS: [[f64; 2]; 3] = [[0.0, 0.33], [0.44, 0.56], [0.67, 1.0]];
/// Distance of objects from the picture's border.
const MARGIN: f64 = 0.03;
/// Distance of two objects' circles.
const GAP: f64 = 0.07;
/// A relation needs this many times more distance along its axis than across it.
pub(crate) const DOMINANCE: f64 = 1.5;

/// An object of a scene; lengths are parts of the picture's side, y runs down.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Object {
    /// Shape.
    pub shape: Shape,
    /// Colour, one of [`Colour::OBJECTS`].
    pub colour: Colour,
    /// Size.
    pub size: Size,
    /// Centre (x, y).
    pub centre: [f64; 2],
    /// Radius of the circle that the shape lies in.
    pub radius: f64,
}

impl Object {
    fn draw(rng: &mut impl Rng) -> Self {
        let size = pick(rng, Size::ALL);
        Self {
            shape: pick(rng, Shape::ALL),
            colour: pick(rng, Colour::OBJECTS),
            size,
            centre: [0.5, 0.5],
            radius: rng.random_range(size.radii()),
        }
    }

    /// Colour and shape.
    pub fn pair(&self) -> Pair {
        (self.colour, self.shape)
    }
}

/// A plain background and 1 to 3 objects that do not touch; no two share both colour and shape.
#[derive(Debug, Clone, PartialEq)]
pub struct Scene {
    /// Colour of the background; no object has it.
    pub background: Colour,
    /// Objects. A single one lies clearly in one [`Place`]; of more, each stands in a clear [`Relation`] to the next.
    pub objects: Vec<Object>,
}

/// Centre and radius of an object seen `factor` times as large and, along each axis, as far on its way between the borders as
/// before. The inverse of the same with 1 / `factor`, as long as the object fits.
pub fn magnified(centre: [f64; 2], radius: f64, factor: f64) -> ([f64; 2], f64) {
    let room = |radius: f64| 1.0 - 2.0 * (radius + MARGIN);
    (centre.map(|c| 0.5 + (c - 0.5) * room(radius * factor) / room(radius)), radius * factor)
}

impl Scene {
    /// A scene with a number of objects from `count` and without the `held_out` pairs.
    pub fn draw(rng: &mut impl Rng, count: RangeInclusive<usize>, held_out: &[Pair]) -> Self {
        let count = rng.random_range(count);
        let background = pick(rng, Colour::ALL);
        loop {
            let objects: Vec<Object> = (0..count).map(|_| Object::draw(rng)).collect();
            let scene = Self { background, objects };
            if scene.is_allowed(held_out)
                && let Some(scene) = scene.arranged(rng)
            {
                return scene;
            }
        }
    }

    fn is_allowed(&self, held_out: &[Pair]) -> bool {
        self.objects.iter().enumerate().all(|(i, object)| {
            object.colour != self.background
                && !held_out.contains(&object.pair())
                && self.objects[..i].iter().all(|other| other.pair() != object.pair())
        })
    }

    /// Puts the objects where they obey the margins; `None` when they did not in many tries.
    fn arranged(mut self, rng: &mut impl Rng) -> Option<Self> {
        if let [object] = self.objects.as_mut_slice() {
            let reach = object.radius + MARGIN;
            object.centre = [0; 2].map(|_: i32| {
                let [low, high] = COLUMNS[rng.random_range(0..COLUMNS.len())];
                rng.random_range(low.max(reach)..=high.min(1.0 - reach))
            });
            return Some(self);
        }
        (0..200).find_map(|_| {
            for object in &mut self.objects {
                let reach = object.radius + MARGIN;
                object.centre = [0; 2].map(|_: i32| rng.random_range(reach..=1.0 - reach));
            }
            self.is_clear().then(|| self.clone())
        })
    }

    fn is_clear(&self) -> bool {
        let offset = |a: &Object, b: &Object| [a.centre[0] - b.centre[0], a.centre[1] - b.centre[1]].map(f64::abs);
        let apart = |a: &Object, b: &Object| {
            let [dx, dy] = offset(a, b);
            dx.hypot(dy) >= a.radius + b.radius + GAP
        };
        let related = |a: &Object, b: &Object| {
            let [dx, dy] = offset(a, b);
            dx.max(dy) >= DOMINANCE * dx.min(dy)
        };
        let all = &self.objects;
        all.windows(2).all(|pair| related(&pair[0], &pair[1]))
            && (0..all.len()).all(|i| all[..i].iter().all(|other| apart(other, &all[i])))
    }
}

fn pick<T: Copy>(rng: &mut impl Rng, values: &[T]) -> T {
    values[rng.random_range(0..values.len())]
}
