//! Reads ground, colours and positions back from a picture, as far as that is exact without knowing the sprites.
//!
//! 1. The ground is the palette colour nearest to most pixels.
//! 2. A pixel belongs to an object colour when it is far from the ground, saturated, and that hue is its nearest; it
//!    counts only when its four neighbours belong to the same, which leaves out rims that mix with the ground.
//! 3. A colour is seen when it has [`MIN_SHARE`] of the picture; its centre is the mean of its pixels.
//!
//! What it does not read: nouns, and which of several objects of one colour is which. Of scenes whose objects have
//! different colours it says exactly what their caption says; see [`Verdict`] for where it keeps silent.

use super::scene::{COLOURS, GROUNDS, Layout, Scene};
use super::sprite::chroma;
use crate::shapes::{Colour, Place, Relation};

/// Part of the picture from which a colour counts as seen.
pub const MIN_SHARE: f64 = 0.006;
/// Chroma, 0..=255, below which a pixel has no hue.
const MIN_CHROMA: f64 = 40.0;
/// Distance to the ground's colour below which a pixel is ground.
const NEAR_GROUND: f64 = 45.0;

/// A picture that the oracle cannot read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the oracle reads u8 [3, {side}, {side}] ({} bytes) with side >= 32; {found} bytes were given", 3 * side * side)]
pub struct PictureError {
    /// Side that was announced.
    pub side: usize,
    /// Bytes given.
    pub found: usize,
}

/// A colour of objects in a picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Patch {
    /// Which.
    pub colour: Colour,
    /// Its part of the picture, without rims.
    pub share: f64,
    /// Mean position (x, y) as a part of the side.
    pub centre: [f64; 2],
}

/// What a picture shows.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    /// Colour of the ground.
    pub ground: Colour,
    /// Colours of objects, the largest first.
    pub patches: Vec<Patch>,
}

/// Whether a picture shows what a scene's caption says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// The ground has the named colour.
    pub ground: bool,
    /// The colours of the objects are the named ones: all of them, no others.
    pub colours: bool,
    /// The named positions hold. `None` where the caption names none ([`Layout::Alike`]) or two objects share a colour.
    pub positions: Option<bool>,
}

impl Verdict {
    /// Whether everything that can be judged holds.
    pub fn holds(&self) -> bool {
        self.ground && self.colours && self.positions.unwrap_or(true)
    }
}

/// What the picture u8 `[3, side, side]` shows.
pub fn read(image: &[u8], side: usize) -> Result<Seen, PictureError> {
    let pixels = pixels(image, side)?;
    let ground = ground(&pixels);
    let classes: Vec<Option<Colour>> =
        pixels.iter().map(|&rgb| if distance(rgb, ground) < NEAR_GROUND { None } else { hue_colour(rgb) }).collect();
    let inner = |at: usize| {
        let (x, y) = (at % side, at / side);
        (1..side - 1).contains(&x)
            && (1..side - 1).contains(&y)
            && [at - 1, at + 1, at - side, at + side].iter().all(|&next| classes[next] == classes[at])
    };
    let mut patches = Vec::new();
    for &colour in &COLOURS {
        let members: Vec<usize> = (0..pixels.len()).filter(|&at| classes[at] == Some(colour) && inner(at)).collect();
        let share = members.len() as f64 / pixels.len() as f64;
        if share >= MIN_SHARE {
            let mean = |of: fn(usize, usize) -> usize| {
                let sum: f64 = members.iter().map(|&at| of(at, side) as f64 + 0.5).sum();
                sum / (members.len() * side) as f64
            };
            let centre = [mean(|at, side| at % side), mean(|at, side| at / side)];
            patches.push(Patch { colour, share, centre });
        }
    }
    patches.sort_by(|a, b| b.share.total_cmp(&a.share));
    Ok(Seen { ground, patches })
}

/// The colour of the object that `mask` `[side, side]` outlines: the hue that the saturated pixels inside vote for, each
/// by its chroma. `None` when none is saturated. Exact on rendered scenes, whatever else they show.
pub fn colour_inside(image: &[u8], side: usize, mask: &[bool]) -> Result<Option<Colour>, PictureError> {
    let mut votes = [0.0; COLOURS.len()];
    for (&rgb, _) in pixels(image, side)?.iter().zip(mask).filter(|(_, inside)| **inside) {
        if let Some(colour) = hue_colour(rgb) {
            votes[COLOURS.iter().position(|c| *c == colour).unwrap_or(0)] += chroma(rgb);
        }
    }
    let best = COLOURS.iter().zip(votes).max_by(|a, b| a.1.total_cmp(&b.1));
    Ok(best.filter(|(_, votes)| *votes > 0.0).map(|(colour, _)| *colour))
}

impl Seen {
    /// Holds what was seen against what the caption of `scene` says; where exactly its objects lie does not matter.
    pub fn verdict(&self, scene: &Scene) -> Verdict {
        let centre = |colour| self.patches.iter().find(|patch| patch.colour == colour).map(|patch| patch.centre);
        let named: Vec<Colour> = scene.objects().iter().map(|object| object.colour).collect();
        let distinct = (0..named.len()).all(|i| !named[..i].contains(&named[i]));
        let centres: Option<Vec<[f64; 2]>> = named.iter().map(|&colour| centre(colour)).collect();
        let holds = |centres: &[[f64; 2]]| match scene.layout() {
            Layout::Alone(place) => Place::of(centres[0]) == place,
            Layout::Beside(relation) => Relation::between(centres[0], centres[1]) == Some(relation),
            Layout::Row => centres.windows(2).all(|pair| pair[0][0] < pair[1][0]),
            Layout::Column => centres.windows(2).all(|pair| pair[0][1] < pair[1][1]),
            Layout::Alike => true,
        };
        let judged = distinct && scene.layout() != Layout::Alike;
        Verdict {
            ground: self.ground == scene.ground(),
            colours: centres.is_some() && self.patches.iter().all(|patch| named.contains(&patch.colour)),
            positions: judged.then(|| centres.as_deref().is_some_and(holds)),
        }
    }
}

fn pixels(image: &[u8], side: usize) -> Result<Vec<[f64; 3]>, PictureError> {
    let plane = side * side;
    if side < 32 || image.len() != 3 * plane {
        return Err(PictureError { side, found: image.len() });
    }
    Ok((0..plane).map(|at| [0, 1, 2].map(|k| f64::from(image[k * plane + at]))).collect())
}

fn ground(pixels: &[[f64; 3]]) -> Colour {
    let mut counts = [0; GROUNDS.len()];
    for &rgb in pixels {
        let nearest =
            (0..GROUNDS.len()).min_by(|&a, &b| distance(rgb, GROUNDS[a]).total_cmp(&distance(rgb, GROUNDS[b])));
        counts[nearest.unwrap_or(0)] += 1;
    }
    let most = (0..GROUNDS.len()).max_by_key(|&i| counts[i]);
    GROUNDS[most.unwrap_or(0)]
}

fn distance(rgb: [f64; 3], colour: Colour) -> f64 {
    colour.rgb().iter().zip(rgb).map(|(&v, p)| (f64::from(v) - p).powi(2)).sum::<f64>().sqrt()
}

/// The object colour with the nearest hue; `None` for pixels without hue.
fn hue_colour(rgb: [f64; 3]) -> Option<Colour> {
    if chroma(rgb) < MIN_CHROMA {
        return None;
    }
    let away = |colour: &Colour| {
        let turn = (hue(rgb) - hue(colour.rgb().map(f64::from))).rem_euclid(360.0);
        turn.min(360.0 - turn)
    };
    COLOURS.iter().copied().min_by(|a, b| away(a).total_cmp(&away(b)))
}

/// Hue in degrees; mixing with white, grey or black leaves it as it is.
fn hue([r, g, b]: [f64; 3]) -> f64 {
    (3f64.sqrt() * (g - b)).atan2(2.0 * r - g - b).to_degrees()
}
