//! Reads a picture back into words, without a network: the exact judge of generated scenes.
//!
//! 1. The background is the palette colour nearest to most pixels.
//! 2. Pixels that are nearer to another colour form connected components (8 neighbours); specks are dropped.
//! 3. Each component is compared with every shape. With d = pixel − background and a = coverage of a template, the
//!    best colour of the template is background + Σad / Σa², and its fit is |Σad|² / (Σa² Σ|d|²), the squared
//!    correlation in 0..=1. Centre and radius climb to the best fit; the best shape wins.
//!
//! Reading the colour off the template rather than off single pixels matters for small shapes, most of whose pixels are
//! mixed with the background.

use super::caption::{CaptionError, Claim, Claims};
use super::geometry::coverage;
use super::render::Bounds;
use super::scene::{Colour, Place, Relation, Shape, Size};

/// A template that explains less than this of a component is not an object.
const MIN_FIT: f64 = 0.6;
/// Components smaller than this part of the picture are specks.
const MIN_AREA: f64 = 0.004;

/// A picture or caption that the oracle cannot judge.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OracleError {
    /// Not a square RGB picture of the given side.
    #[error("the oracle reads u8 [3, {side}, {side}] ({} bytes) with side >= 16; {found} bytes were given", 3 * side * side)]
    Picture {
        /// Side that was announced.
        side: usize,
        /// Bytes given.
        found: usize,
    },
    /// A caption outside the grammar.
    #[error(transparent)]
    Caption(#[from] CaptionError),
}

/// An object found in a picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Seen {
    /// Best shape.
    pub shape: Shape,
    /// Nearest palette colour.
    pub colour: Colour,
    /// Size.
    pub size: Size,
    /// Centre (x, y) as a part of the side.
    pub centre: [f64; 2],
    /// Radius as a part of the side.
    pub radius: f64,
    /// Tight box of the fitted shape, in pixels.
    pub bounds: Bounds,
    /// How much of the component the shape explains, 0..=1.
    pub fit: f64,
}

/// What a picture shows.
#[derive(Debug, Clone, PartialEq)]
pub struct Description {
    /// Colour of the background.
    pub background: Colour,
    /// Objects, from top to bottom.
    pub objects: Vec<Seen>,
    /// Components that fit no shape.
    pub unread: usize,
}

/// How one claimed object fares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ObjectVerdict {
    /// Index in [`Description::objects`] of the object held against the claim; `None` when there was none left.
    pub seen: Option<usize>,
    /// The shape is right.
    pub shape: bool,
    /// The colour is right.
    pub colour: bool,
    /// The size is right; `None` when not claimed.
    pub size: Option<bool>,
    /// The place is right; `None` when not claimed.
    pub place: Option<bool>,
}

/// Which claims of a caption hold in a picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// One a claimed object, in the caption's order.
    pub objects: Vec<ObjectVerdict>,
    /// One a claimed relation; false when one of its objects is missing.
    pub relations: Vec<bool>,
    /// The background is right; `None` when not claimed.
    pub background: Option<bool>,
    /// There are as many objects as claimed and nothing unreadable.
    pub count: bool,
}

impl Verdict {
    /// Every single claim, true or false.
    pub fn claims(&self) -> impl Iterator<Item = bool> {
        let objects = self.objects.iter();
        let objects = objects.flat_map(|o| [Some(o.shape), Some(o.colour), o.size, o.place].into_iter().flatten());
        objects.chain(self.relations.iter().copied()).chain(self.background).chain([self.count])
    }

    /// Whether every claim holds.
    pub fn holds(&self) -> bool {
        self.claims().all(|claim| claim)
    }

    /// Part of the claims that hold, 0..=1.
    pub fn score(&self) -> f64 {
        let (held, all) = self.claims().fold((0, 0), |(held, all), claim| (held + u32::from(claim), all + 1));
        f64::from(held) / f64::from(all)
    }
}

/// Reads pictures of the `shapes` world.
#[derive(Debug, Clone, Copy, Default)]
pub struct Oracle;

impl Oracle {
    /// What the picture u8 `[3, side, side]` shows.
    pub fn read(&self, image: &[u8], side: usize) -> Result<Description, OracleError> {
        if side < 16 || image.len() != 3 * side * side {
            return Err(OracleError::Picture { side, found: image.len() });
        }
        let plane = side * side;
        let pixels: Vec<[f64; 3]> = (0..plane).map(|i| [0, 1, 2].map(|c| f64::from(image[c * plane + i]))).collect();
        let nearest: Vec<Colour> = pixels.iter().map(|&pixel| nearest_colour(pixel, Colour::ALL)).collect();
        let count = |colour: &&Colour| nearest.iter().filter(|n| n == colour).count();
        let background = Colour::ALL.iter().max_by_key(count).copied().unwrap_or(Colour::Black);

        let ground: Vec<&[f64; 3]> =
            pixels.iter().zip(&nearest).filter(|(_, n)| **n == background).map(|(p, _)| p).collect();
        let mean = [0, 1, 2].map(|c| ground.iter().map(|p| p[c]).sum::<f64>() / ground.len() as f64);
        let difference = pixels.iter().map(|p| [0, 1, 2].map(|c| p[c] - mean[c])).collect();
        let figure: Vec<bool> = nearest.iter().map(|&n| n != background).collect();
        let (owner, boxes) = components(&figure, side);

        let colours: Vec<Colour> = Colour::OBJECTS.iter().copied().filter(|&c| c != background).collect();
        let scan = Scan { side, difference, owner, mean, colours };
        let seen: Vec<Seen> = boxes.iter().enumerate().map(|(i, bounds)| scan.fit(i + 1, bounds)).collect();
        let total = seen.len();
        let mut objects: Vec<Seen> = seen.into_iter().filter(|seen| seen.fit >= MIN_FIT).collect();
        objects.sort_by_key(|seen| (seen.bounds.y0, seen.bounds.x0));
        Ok(Description { background, unread: total - objects.len(), objects })
    }

    /// Which claims of `caption` hold in the picture u8 `[3, side, side]`.
    pub fn check(&self, image: &[u8], side: usize, caption: &str) -> Result<Verdict, OracleError> {
        let claims = Claims::parse(caption)?;
        Ok(self.read(image, side)?.verdict(&claims))
    }
}

impl Description {
    /// Holds `claims` against what was seen: of all ways to pair claimed with seen objects, the one under which most
    /// claims are true (the first of equals).
    pub fn verdict(&self, claims: &Claims) -> Verdict {
        let mut best: Option<(usize, Verdict)> = None;
        for pairing in pairings(claims.objects.len(), self.objects.len()) {
            let verdict = self.paired(claims, &pairing);
            let held = verdict.claims().filter(|claim| *claim).count();
            if best.as_ref().is_none_or(|(most, _)| held > *most) {
                best = Some((held, verdict));
            }
        }
        best.map_or_else(|| self.paired(claims, &vec![None; claims.objects.len()]), |(_, verdict)| verdict)
    }

    fn paired(&self, claims: &Claims, pairing: &[Option<usize>]) -> Verdict {
        let centre = |claim: usize| pairing[claim].map(|seen| self.objects[seen].centre);
        let relation = |&(a, relation, b): &(usize, Relation, usize)| match (centre(a), centre(b)) {
            (Some(a), Some(b)) => Relation::between(a, b) == Some(relation),
            _ => false,
        };
        Verdict {
            objects: claims.objects.iter().zip(pairing).map(|(claim, &seen)| self.judge(claim, seen)).collect(),
            relations: claims.relations.iter().map(relation).collect(),
            background: claims.background.map(|colour| colour == self.background),
            count: self.objects.len() == claims.objects.len() && self.unread == 0,
        }
    }

    fn judge(&self, claim: &Claim, index: Option<usize>) -> ObjectVerdict {
        let seen = index.map(|i| &self.objects[i]);
        ObjectVerdict {
            seen: index,
            shape: seen.is_some_and(|s| s.shape == claim.shape),
            colour: seen.is_some_and(|s| s.colour == claim.colour),
            size: claim.size.map(|size| seen.is_some_and(|s| s.size == size)),
            place: claim.place.map(|place| seen.is_some_and(|s| Place::of(s.centre) == place)),
        }
    }
}

/// All ways to give each of `claims` its own one of `seen`, as many as possible.
fn pairings(claims: usize, seen: usize) -> Vec<Vec<Option<usize>>> {
    let mut all = vec![Vec::new()];
    for done in 0..claims {
        all = all
            .into_iter()
            .flat_map(|pairing: Vec<Option<usize>>| {
                let used = pairing.iter().flatten().count();
                let free = (0..seen).filter(|s| !pairing.contains(&Some(*s))).map(Some);
                // A claim goes without only where the remaining claims outnumber the objects left.
                let skip = (claims - done > seen - used).then_some(None);
                free.chain(skip).map(|next| [pairing.as_slice(), &[next]].concat()).collect::<Vec<_>>()
            })
            .collect();
    }
    all
}

/// The palette colour nearest to a pixel.
fn nearest_colour(pixel: [f64; 3], palette: &[Colour]) -> Colour {
    let distance =
        |colour: &&Colour| -> f64 { colour.rgb().iter().zip(pixel).map(|(&v, p)| (f64::from(v) - p).powi(2)).sum() };
    palette.iter().min_by(|a, b| distance(a).total_cmp(&distance(b))).copied().unwrap_or(Colour::Black)
}

/// Connected components of a mask: the number of its component a pixel (0: none), and their boxes.
fn components(mask: &[bool], side: usize) -> (Vec<usize>, Vec<Bounds>) {
    let smallest = (MIN_AREA * (side * side) as f64).ceil() as usize;
    let (mut owner, mut boxes) = (vec![0; mask.len()], Vec::new());
    let mut visited = vec![false; mask.len()];
    for start in 0..mask.len() {
        if !mask[start] || visited[start] {
            continue;
        }
        visited[start] = true;
        let mut members = vec![start];
        let mut next = 0;
        while next < members.len() {
            let (x, y) = (members[next] % side, members[next] / side);
            next += 1;
            for ny in y.saturating_sub(1)..(y + 2).min(side) {
                for nx in x.saturating_sub(1)..(x + 2).min(side) {
                    let at = ny * side + nx;
                    if mask[at] && !visited[at] {
                        visited[at] = true;
                        members.push(at);
                    }
                }
            }
        }
        if members.len() >= smallest {
            let (xs, ys) = (members.iter().map(|m| m % side), members.iter().map(|m| m / side));
            let (x0, y0) = (xs.clone().min().unwrap_or(0), ys.clone().min().unwrap_or(0));
            let (x1, y1) = (xs.max().unwrap_or(0) + 1, ys.max().unwrap_or(0) + 1);
            boxes.push(Bounds { x0, y0, x1, y1 });
            members.into_iter().for_each(|member| owner[member] = boxes.len());
        }
    }
    (owner, boxes)
}

/// `pose` with the radius at which the shape's box has the half width that `pose` gives as radius.
fn upright(shape: Shape, pose: Pose) -> Pose {
    let extent = match shape {
        Shape::Square | Shape::Triangle => std::f64::consts::SQRT_2,
        Shape::Circle | Shape::Ring | Shape::Cross | Shape::Star => 1.0,
    };
    [pose[0], pose[1], pose[2] * extent]
}

/// A picture under examination.
struct Scan {
    side: usize,
    /// Pixel − background.
    difference: Vec<[f64; 3]>,
    /// Component of each pixel.
    owner: Vec<usize>,
    /// Mean of the background.
    mean: [f64; 3],
    /// Colours objects may have here.
    colours: Vec<Colour>,
}

/// A template's centre x, centre y and radius in pixels.
type Pose = [f64; 3];

impl Scan {
    /// The best shape for component `id`.
    fn fit(&self, id: usize, bounds: &Bounds) -> Seen {
        // Two pixels around take in the soft border; pixels of other components don't count.
        let window: Vec<(usize, f64, f64)> = (bounds.y0.saturating_sub(2)..(bounds.y1 + 2).min(self.side))
            .flat_map(|y| (bounds.x0.saturating_sub(2)..(bounds.x1 + 2).min(self.side)).map(move |x| (x, y)))
            .map(|(x, y)| (y * self.side + x, x as f64 + 0.5, y as f64 + 0.5))
            .filter(|(at, ..)| self.owner[*at] == 0 || self.owner[*at] == id)
            .collect();
        let energy: f64 = window.iter().flat_map(|(at, ..)| self.difference[*at]).map(|v| v * v).sum();
        let start = [
            (bounds.x0 + bounds.x1) as f64 / 2.0,
            (bounds.y0 + bounds.y1) as f64 / 2.0,
            (bounds.x1 - bounds.x0).max(bounds.y1 - bounds.y0) as f64 / 2.0,
        ];
        let mut found: Vec<(f64, Shape, Pose)> = Shape::ALL
            .iter()
            .map(|&shape| {
                let (score, pose) = self.climb(shape, upright(shape, start), &[1.0, 0.5], &window);
                (score, shape, pose)
            })
            .collect();
        found.sort_by(|a, b| b.0.total_cmp(&a.0));
        // Only close rivals deserve the fine steps.
        let rivals = found.iter().filter(|rival| rival.0 > 0.9 * found[0].0);
        let refined = rivals.map(|&(_, shape, pose)| {
            let (score, pose) = self.climb(shape, pose, &[0.25, 0.125], &window);
            (score, shape, pose)
        });
        let best = refined.max_by(|a, b| a.0.total_cmp(&b.0));
        let (score, shape, [x, y, radius]) = best.unwrap_or(found[0]);
        let (sum, squares) = self.project(shape, [x, y, radius], &window);
        let colour = [0, 1, 2].map(|c| self.mean[c] + sum[c] / squares.max(f64::MIN_POSITIVE));
        let side = self.side as f64;
        let mut mask = vec![false; self.side * self.side];
        for &(at, px, py) in &window {
            mask[at] = coverage(shape, [x, y], radius, px, py) >= 0.5;
        }
        Seen {
            shape,
            colour: nearest_colour(colour, &self.colours),
            size: Size::of_radius(radius / side),
            centre: [x / side, y / side],
            radius: radius / side,
            bounds: Bounds::of_mask(&mask, self.side).unwrap_or(*bounds),
            fit: score / energy,
        }
    }

    /// Coordinate ascent from `pose` with the given steps in pixels: the best score and where it is.
    fn climb(&self, shape: Shape, mut pose: Pose, steps: &[f64], window: &[(usize, f64, f64)]) -> (f64, Pose) {
        let score = |pose: Pose| {
            let (sum, squares) = self.project(shape, pose, window);
            sum.iter().map(|v| v * v).sum::<f64>() / squares.max(f64::MIN_POSITIVE)
        };
        let mut best = score(pose);
        for &step in steps {
            let mut improved = true;
            while improved {
                improved = false;
                for (axis, sign) in [(0, 1.0), (0, -1.0), (1, 1.0), (1, -1.0), (2, 1.0), (2, -1.0)] {
                    let mut next = pose;
                    next[axis] += sign * step;
                    let found = score(next);
                    if next[2] >= 1.0 && found > best {
                        (best, pose, improved) = (found, next, true);
                    }
                }
            }
        }
        (best, pose)
    }

    /// (Σ a d, Σ a²) over the window.
    fn project(&self, shape: Shape, [x, y, radius]: Pose, window: &[(usize, f64, f64)]) -> ([f64; 3], f64) {
        let (mut sum, mut squares) = ([0.0; 3], 0.0);
        for &(at, px, py) in window {
            let a = coverage(shape, [x, y], radius, px, py);
            if a > 0.0 {
                squares += a * a;
                (0..3).for_each(|c| sum[c] += a * self.difference[at][c]);
            }
        }
        (sum, squares)
    }
}
