//! Reads ground, colours and positions back from a picture, as far as that goes without knowing the sprites.
//!
//! 1. The ground is the palette colour nearest to most pixels.
//! 2. A pixel that lies on the line between the ground and a neighbour is a mixture of the two and takes the
//!    neighbour's hue: rims would otherwise show colours that nobody named.
//! 3. Saturated pixels vote for the object colour of nearest hue; the ground's own hue is no vote.
//!
//! Exact on rendered scenes: the ground; the colour inside a known mask ([`colour_inside`]); that every named colour is
//! there. Nearly: positions (wrong in 2 of 12,000 scenes, where a grey handle vanishes in a grey ground and the like).
//! Not read: nouns, counts, and which of several objects of one colour is which. [`Verdict::strangers`] is a measure
//! and not a verdict: thin dark outlines at 32 pixels do mix into hues of their own.

use super::scene::{COLOURS, GROUNDS, Layout, Scene};
use super::sprite::chroma;
use crate::shapes::{Bounds, Colour, Place, Relation};

/// Part of the picture from which a colour counts as there; the least of a named colour in 12,000 scenes was 0.0027.
pub const MIN_SHARE: f64 = 0.002;
/// Chroma, 0..=255, below which a pixel has no hue.
const MIN_CHROMA: f64 = 40.0;
/// Distance, 0..=442, to the ground's colour below which a pixel is ground.
const NEAR_GROUND: f64 = 45.0;
/// Distance, 0..=442, from the line between two colours within which a pixel counts as their mixture.
const OFF_LINE: f64 = 12.0;

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
    /// Its part of the picture, pale pixels counting less.
    pub share: f64,
    /// Mean position (x, y) as a part of the side.
    pub centre: [f64; 2],
}

/// What a picture shows.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    /// Colour of the ground.
    pub ground: Colour,
    /// Middle (x, y) of the box around all that is not ground, as a part of the side; else that of the picture.
    pub middle: [f64; 2],
    /// Colours of objects, the largest first.
    pub patches: Vec<Patch>,
}

/// Whether a picture shows what a scene's caption says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Verdict {
    /// The ground has the named colour.
    pub ground: bool,
    /// Every named colour of an object is there.
    pub colours: bool,
    /// The named positions hold. `None` where the caption names none ([`Layout::Alike`]) or two objects share a colour.
    pub positions: Option<bool>,
    /// Share of colours that nobody named among all object colours, 0..=1.
    pub strangers: f64,
}

impl Verdict {
    /// Whether ground, colours and, where judged, positions hold.
    pub fn holds(&self) -> bool {
        self.ground && self.colours && self.positions.unwrap_or(true)
    }
}

/// What the picture u8 `[3, side, side]` shows.
pub fn read(image: &[u8], side: usize) -> Result<Seen, PictureError> {
    let pixels = pixels(image, side)?;
    let ground = ground(&pixels);
    let mut votes = [(0.0, [0.0; 2]); COLOURS.len()];
    for at in 0..pixels.len() {
        let source = pixels[unmixed(&pixels, side, at, ground)];
        let Some(colour) = hue_colour(source).filter(|colour| *colour != ground) else { continue };
        let Some(i) = COLOURS.iter().position(|c| *c == colour) else { continue };
        let weight = distance(pixels[at], ground).min(chroma(source)) / 255.0;
        let (sum, moment) = &mut votes[i];
        *sum += weight;
        moment[0] += weight * ((at % side) as f64 + 0.5) / side as f64;
        moment[1] += weight * ((at / side) as f64 + 0.5) / side as f64;
    }
    let patches = COLOURS.iter().zip(votes).map(|(&colour, (sum, moment))| Patch {
        colour,
        share: sum / pixels.len() as f64,
        centre: moment.map(|m| m / sum),
    });
    let mut patches: Vec<Patch> = patches.filter(|patch| patch.share >= MIN_SHARE).collect();
    patches.sort_by(|a, b| b.share.total_cmp(&a.share));
    let figure: Vec<bool> = pixels.iter().map(|&rgb| distance(rgb, ground) >= NEAR_GROUND).collect();
    let bounds = Bounds::of_mask(&figure, side).unwrap_or(Bounds { x0: 0, y0: 0, x1: side, y1: side });
    let middle = [bounds.x0 + bounds.x1, bounds.y0 + bounds.y1].map(|sum| sum as f64 / (2 * side) as f64);
    Ok(Seen { ground, middle, patches })
}

/// The neighbour (or the pixel itself) that the pixel is a mixture of, together with the ground: the one furthest from
/// the ground of those whose line to the ground passes by the pixel.
fn unmixed(pixels: &[[f64; 3]], side: usize, at: usize, ground: Colour) -> usize {
    let ground = ground.rgb().map(f64::from);
    let from_ground = |i: usize| [0, 1, 2].map(|k| pixels[i][k] - ground[k]);
    let dot = |a: [f64; 3], b: [f64; 3]| (0..3).map(|k| a[k] * b[k]).sum::<f64>();
    let (x, y, own) = (at % side, at / side, from_ground(at));
    let mut best = (dot(own, own), at);
    for v in y.saturating_sub(1)..(y + 2).min(side) {
        for u in x.saturating_sub(1)..(x + 2).min(side) {
            let other = from_ground(v * side + u);
            let length = dot(other, other);
            let part = dot(own, other) / length;
            let rest = [0, 1, 2].map(|k| own[k] - part * other[k]);
            if length > best.0 && part > 0.0 && dot(rest, rest).sqrt() < OFF_LINE {
                best = (length, v * side + u);
            }
        }
    }
    best.1
}

/// The colour of the object that `mask` `[side, side]` outlines: the hue for which the saturated pixels inside vote,
/// each by its chroma. `None` when none is saturated. Exact on rendered scenes, whatever else they show.
pub fn colour_inside(image: &[u8], side: usize, mask: &[bool]) -> Result<Option<Colour>, PictureError> {
    let pixels = pixels(image, side)?;
    let ground = ground(&pixels);
    let mut votes = [0.0; COLOURS.len()];
    for at in (0..mask.len().min(pixels.len())).filter(|&at| mask[at]) {
        let source = pixels[unmixed(&pixels, side, at, ground)];
        let colour = hue_colour(source).filter(|colour| *colour != ground);
        if let Some(i) = COLOURS.iter().position(|c| Some(*c) == colour) {
            votes[i] += distance(pixels[at], ground).min(chroma(source));
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
            Layout::Alone(place) => Place::of(self.middle) == place,
            Layout::Beside(relation) => Relation::between(centres[0], centres[1]) == Some(relation),
            Layout::Row => centres.windows(2).all(|pair| pair[0][0] < pair[1][0]),
            Layout::Column => centres.windows(2).all(|pair| pair[0][1] < pair[1][1]),
            Layout::Alike => true,
        };
        let all: f64 = self.patches.iter().map(|patch| patch.share).sum();
        let unnamed = self.patches.iter().filter(|patch| !named.contains(&patch.colour));
        let strange: f64 = unnamed.map(|patch| patch.share).sum();
        let judged = distinct && scene.layout() != Layout::Alike;
        Verdict {
            ground: self.ground == scene.ground(),
            colours: centres.is_some(),
            positions: judged.then(|| centres.as_deref().is_some_and(holds)),
            strangers: if all > 0.0 { strange / all } else { 0.0 },
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

/// The coloured palette entry with the nearest hue; `None` for pixels without hue.
fn hue_colour(rgb: [f64; 3]) -> Option<Colour> {
    if chroma(rgb) < MIN_CHROMA {
        return None;
    }
    let away = |colour: &Colour| {
        let turn = (hue(rgb) - hue(colour.rgb().map(f64::from))).rem_euclid(360.0);
        turn.min(360.0 - turn)
    };
    let coloured = GROUNDS.iter().copied().filter(|colour| chroma(colour.rgb().map(f64::from)) >= MIN_CHROMA);
    coloured.min_by(|a, b| away(a).total_cmp(&away(b)))
}

/// Hue in degrees; mixing with white, grey or black leaves it as it is.
fn hue([r, g, b]: [f64; 3]) -> f64 {
    (3f64.sqrt() * (g - b)).atan2(2.0 * r - g - b).to_degrees()
}
