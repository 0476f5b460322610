//! Captions: what is claimed of a scene, its words, and the parser that reads the words back.
//!
//! ```text
//! caption  = ["a picture of" | "there is"] body ["on" article colour "background"]
//! body     = object ["at the" place]
//!          | object (relation | "and") object
//!          | object relation object ", and" object relation "the" noun
//!          | object "," object "and" object
//! object   = article noun          noun = [size] colour shape
//! relation = ["to the"] ("left of" | "right of") | "above" | "over" | "below" | "under"
//! ```

use rand::{Rng, RngExt};

use super::scene::{Colour, Object, Place, Relation, Scene, Shape, Size};

/// Which of several true captions to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// Index of the opening: none, "a picture of", "there is".
    pub opening: usize,
    /// Name the sizes.
    pub sizes: bool,
    /// Say how objects lie to each other, or where a single one lies.
    pub positions: bool,
    /// Name the background.
    pub background: bool,
    /// "to the left of", "over", "under" instead of "left of", "above", "below".
    pub synonyms: bool,
}

const OPENINGS: [&str; 3] = ["", "a picture of ", "there is "];

impl Style {
    /// Says everything, in the plainest words.
    pub const FULL: Self = Self { opening: 0, sizes: true, positions: true, background: true, synonyms: false };

    /// A random style; each part is named three times out of four.
    pub fn draw(rng: &mut impl Rng) -> Self {
        Self {
            opening: rng.random_range(0..OPENINGS.len()),
            sizes: rng.random_bool(0.75),
            positions: rng.random_bool(0.75),
            background: rng.random_bool(0.75),
            synonyms: rng.random_bool(0.25),
        }
    }

    /// All 48 styles.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..16 * OPENINGS.len()).map(|i| Self {
            opening: i / 16,
            sizes: i & 1 > 0,
            positions: i & 2 > 0,
            background: i & 4 > 0,
            synonyms: i & 8 > 0,
        })
    }
}

/// What a caption says of one object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    /// Its size, where named.
    pub size: Option<Size>,
    /// Its colour.
    pub colour: Colour,
    /// Its shape.
    pub shape: Shape,
    /// Where it lies, where named.
    pub place: Option<Place>,
}

/// What a caption says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claims {
    /// The objects; there are no others.
    pub objects: Vec<Claim>,
    /// (a, relation, b): object a lies so to object b.
    pub relations: Vec<(usize, Relation, usize)>,
    /// Colour of the background, where named.
    pub background: Option<Colour>,
}

/// A caption outside the grammar.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("caption \"{caption}\": word {} is \"{found}\", expected {expected}", word + 1)]
pub struct CaptionError {
    /// The caption.
    pub caption: String,
    /// Index of the word at fault.
    pub word: usize,
    /// The word, or "the end".
    pub found: String,
    /// What may stand there.
    pub expected: String,
}

impl Claims {
    /// What a caption of that style says of `scene`.
    pub fn of(scene: &Scene, style: Style) -> Self {
        let single = scene.objects.len() == 1;
        let claim = |object: &Object| Claim {
            size: style.sizes.then_some(object.size),
            colour: object.colour,
            shape: object.shape,
            place: (style.positions && single).then(|| Place::of(object.centre)),
        };
        let relation = |a: usize, b: usize| {
            let relation = Relation::between(scene.objects[a].centre, scene.objects[b].centre)?;
            Some((a, relation, b))
        };
        // The first object is seen from the second, and so is the third: "A left of B, and C above the B".
        let pairs = [(0, 1), (2, 1)].into_iter().take(scene.objects.len() - 1);
        Self {
            objects: scene.objects.iter().map(claim).collect(),
            relations: pairs.filter(|_| style.positions).filter_map(|(a, b)| relation(a, b)).collect(),
            background: style.background.then_some(scene.background),
        }
    }

    /// The caption, in the opening and the words of `style`.
    pub fn words(&self, style: Style) -> String {
        let says = |relation| relation_words(relation, style.synonyms);
        let named: Vec<String> = self.objects.iter().map(|claim| with_article(&claim.noun())).collect();
        let mut text = OPENINGS[style.opening].to_owned();
        text += &match (named.as_slice(), self.relations.as_slice()) {
            ([a, b], [(0, relation, 1)]) => format!("{a} {} {b}", says(*relation)),
            ([a, b, c], [(0, first, 1), (2, second, 1)]) => {
                format!("{a} {} {b}, and {c} {} the {}", says(*first), says(*second), self.objects[1].noun())
            }
            ([many @ .., last], _) if !many.is_empty() => format!("{} and {last}", many.join(", ")),
            _ => named.concat(),
        };
        if let [Claim { place: Some(place), .. }] = self.objects.as_slice() {
            text += &format!(" at the {place}");
        }
        if let Some(colour) = self.background {
            text += &format!(" on {} background", with_article(colour.word()));
        }
        text
    }

    /// Reads a caption of the grammar above.
    pub fn parse(caption: &str) -> Result<Self, CaptionError> {
        let spaced = caption.to_lowercase().replace(',', " , ");
        let words: Vec<&str> = spaced.split_whitespace().collect();
        let mut parser = Parser { caption, words: &words, at: 0 };
        let claims = parser.claims()?;
        if parser.at < words.len() { Err(parser.error("the end")) } else { Ok(claims) }
    }
}

impl Claim {
    fn noun(&self) -> String {
        let size = self.size.map_or(String::new(), |size| format!("{size} "));
        format!("{size}{} {}", self.colour, self.shape)
    }
}

fn with_article(noun: &str) -> String {
    let vowel = noun.starts_with(['a', 'e', 'i', 'o', 'u']);
    format!("{} {noun}", if vowel { "an" } else { "a" })
}

fn relation_words(relation: Relation, synonym: bool) -> &'static str {
    match (relation, synonym) {
        (relation, false) => relation.word(),
        (Relation::Left, true) => "to the left of",
        (Relation::Right, true) => "to the right of",
        (Relation::Above, true) => "over",
        (Relation::Below, true) => "under",
    }
}

struct Parser<'a> {
    caption: &'a str,
    words: &'a [&'a str],
    at: usize,
}

impl Parser<'_> {
    fn claims(&mut self) -> Result<Claims, CaptionError> {
        let _ = OPENINGS.iter().filter(|opening| !opening.is_empty()).any(|opening| self.take(opening));
        let mut objects = vec![self.object()?];
        let mut relations = Vec::new();
        if self.take("at the") {
            objects[0].place = Some(self.place()?);
        } else if let Some(relation) = self.relation() {
            objects.push(self.object()?);
            relations.push((0, relation, 1));
            if self.take(", and") {
                objects.push(self.object()?);
                let relation = self.relation().ok_or_else(|| self.error("a relation"))?;
                relations.push((2, relation, self.reference(&objects[..2])?));
            }
        } else if self.take(",") {
            objects.push(self.object()?);
            self.expect("and", "\"and\"")?;
            objects.push(self.object()?);
        } else if self.take("and") {
            objects.push(self.object()?);
        }
        let mut background = None;
        if self.take("on") {
            self.article()?;
            background = Some(self.colour(Colour::ALL)?);
            self.expect("background", "\"background\"")?;
        }
        Ok(Claims { objects, relations, background })
    }

    fn object(&mut self) -> Result<Claim, CaptionError> {
        self.article()?;
        self.noun()
    }

    fn noun(&mut self) -> Result<Claim, CaptionError> {
        let size = self.one(Size::ALL, |size| size.word());
        let colour = self.colour(Colour::OBJECTS)?;
        let shape = self.one(Shape::ALL, |shape| shape.word()).ok_or_else(|| self.error("a shape"))?;
        Ok(Claim { size, colour, shape, place: None })
    }

    /// "the" and a noun that was said before.
    fn reference(&mut self, before: &[Claim]) -> Result<usize, CaptionError> {
        self.expect("the", "\"the\"")?;
        let start = self.at;
        let noun = self.noun()?;
        before.iter().position(|claim| *claim == noun).ok_or_else(|| {
            self.at = start;
            self.error("an object named before, in the same words")
        })
    }

    fn colour(&mut self, colours: &[Colour]) -> Result<Colour, CaptionError> {
        self.one(colours, |colour| colour.word()).ok_or_else(|| self.error("a colour"))
    }

    fn place(&mut self) -> Result<Place, CaptionError> {
        // Longer words first: "top left" before "top".
        let mut places = Place::ALL.to_vec();
        places.sort_by_key(|place| std::cmp::Reverse(place.word().len()));
        self.one(&places, |place| place.word()).ok_or_else(|| self.error("a place"))
    }

    fn relation(&mut self) -> Option<Relation> {
        [true, false].into_iter().find_map(|synonym| self.one(Relation::ALL, |r| relation_words(r, synonym)))
    }

    fn article(&mut self) -> Result<(), CaptionError> {
        if self.take("a") { Ok(()) } else { self.expect("an", "\"a\" or \"an\"") }
    }

    fn one<T: Copy>(&mut self, values: &[T], word: impl Fn(T) -> &'static str) -> Option<T> {
        values.iter().copied().find(|&value| self.take(word(value)))
    }

    fn expect(&mut self, words: &str, expected: &'static str) -> Result<(), CaptionError> {
        if self.take(words) { Ok(()) } else { Err(self.error(expected)) }
    }

    /// Steps over `words` if they come next.
    fn take(&mut self, words: &str) -> bool {
        let count = words.split_whitespace().count();
        let next = self.words[self.at..].iter().take(count).copied();
        let matches = next.eq(words.split_whitespace());
        self.at += if matches { count } else { 0 };
        matches
    }

    fn error(&self, expected: &'static str) -> CaptionError {
        let found = self.words.get(self.at).copied().unwrap_or("the end").to_owned();
        CaptionError { caption: self.caption.to_owned(), word: self.at, found, expected: expected.to_owned() }
    }
}
