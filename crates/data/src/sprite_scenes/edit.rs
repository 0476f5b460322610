//! A scene with one word of its caption changed, everything else in its place: what an edited picture should be.

use super::scene::{COLOURS, GROUNDS, Layout, Noun, Scene};

/// What the changed word tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EditKind {
    /// The colour of an object.
    Colour,
    /// The noun of an object.
    Noun,
    /// The colour of the ground.
    Ground,
}

/// One changed word.
#[derive(Debug, Clone)]
pub struct Edit {
    /// The scene after the change.
    pub scene: Scene,
    /// What the word tells.
    pub kind: EditKind,
    /// The objects that the word names: one, all of [`Layout::Alike`], none for the ground.
    pub objects: Vec<usize>,
    /// Index of the word in the caption, split at white space. The word itself may carry a comma.
    pub word: usize,
}

impl Scene {
    /// Every edit of one word that gives a scene of this world: colours that are not the ground's, nouns, grounds that
    /// are no object's colour; never two different objects with the same words.
    pub fn edits(&self) -> Vec<Edit> {
        let caption = self.caption();
        let named: Vec<Vec<usize>> = match self.layout {
            Layout::Alike => vec![(0..self.objects.len()).collect()],
            _ => (0..self.objects.len()).map(|i| vec![i]).collect(),
        };
        let mut edits = Vec::new();
        for objects in named {
            for &colour in COLOURS.iter().filter(|&&colour| colour != self.ground) {
                let mut scene = self.clone();
                objects.iter().for_each(|&i| scene.objects[i].colour = colour);
                edits.extend(self.edit(&caption, scene, EditKind::Colour, &objects));
            }
            for &noun in Noun::ALL {
                let mut scene = self.clone();
                objects.iter().for_each(|&i| scene.objects[i].noun = noun);
                edits.extend(self.edit(&caption, scene, EditKind::Noun, &objects));
            }
        }
        for &ground in GROUNDS.iter().filter(|ground| self.objects.iter().all(|o| o.colour != **ground)) {
            let scene = Self { ground, ..self.clone() };
            edits.extend(self.edit(&caption, scene, EditKind::Ground, &[]));
        }
        edits
    }

    /// `None` when nothing changed or two different objects became one and the same.
    fn edit(&self, caption: &str, scene: Scene, kind: EditKind, objects: &[usize]) -> Option<Edit> {
        let twins = |i: usize| scene.objects[..i].iter().any(|other| other.pair() == scene.objects[i].pair());
        if self.layout != Layout::Alike && (0..scene.objects.len()).any(twins) {
            return None;
        }
        let after = scene.caption();
        let word = caption.split_whitespace().zip(after.split_whitespace()).position(|(a, b)| a != b)?;
        Some(Edit { scene, kind, objects: objects.to_vec(), word })
    }
}

impl Edit {
    /// The pixels `[side, side]` that may differ between the pictures of `before` and of the edited scene: those that
    /// the named objects touch in either, or for the ground those that objects do not cover wholly.
    pub fn region(&self, before: &Scene, side: usize) -> Vec<bool> {
        match self.kind {
            EditKind::Ground => before.cover(side).iter().map(|cover| *cover < 1.0).collect(),
            EditKind::Colour | EditKind::Noun => {
                let mut region = vec![false; side * side];
                for &object in &self.objects {
                    for scene in [before, &self.scene] {
                        scene.for_each_pixel(object, side, |at, _, cover| region[at] |= cover > 0.0);
                    }
                }
                region
            }
        }
    }
}
