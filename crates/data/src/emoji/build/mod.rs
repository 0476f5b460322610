//! Makes the full set from the archives of `emoji`: joins names, keywords and four styles, and brings all to one size.

mod art;
mod font;

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use serde::Deserialize;

use super::{ArtStyle, Concept, Emoji, SIDES};
use crate::fetch::{Archive, FetchError, Files};
use font::Font;

/// Keywords kept of a concept.
const KEYWORDS: usize = 8;
/// Zstandard level; higher ones save 2 % in five times the time.
const LEVEL: i32 = 15;

/// The files of the set, one a side, from its archives in the order of its row in the list of sources.
pub(crate) fn make(archives: &[Archive]) -> Result<Vec<Vec<u8>>, FetchError> {
    let [names, keywords, twemoji, noto, fluent, openmoji] = archives else {
        return Ok(Vec::new()); // the row names six packages
    };
    let with = |archive: &Archive, folder: &str, ending: &str| {
        archive.files(|path| path.contains(folder) && path.ends_with(ending)).map(by_key)
    };
    let flat = with(twemoji, "/assets/72x72/", ".png")?;
    let shaded = noto.file("usr/share/fonts/truetype/noto/NotoColorEmoji.ttf")?;
    let font = Font::parse(&shaded).map_err(|message| noto.unreadable("NotoColorEmoji.ttf", message))?;
    let rendered = with(fluent, "package/assets/", ".webp")?;
    let outlined = with(openmoji, "package/color/svg/", ".svg")?;

    let concepts: Vec<Concept> = concepts(names, keywords)?
        .into_iter()
        .filter(|concept| {
            let key = &concept.key;
            [&flat, &rendered, &outlined].iter().all(|files| files.contains_key(key)) && font.picture(key).is_some()
        })
        .collect();
    let mut pixels = SIDES.map(|side| Vec::with_capacity(concepts.len() * ArtStyle::ALL.len() * 4 * side * side));
    for Concept { key, .. } in &concepts {
        for (style, archive) in ArtStyle::ALL.into_iter().zip([twemoji, noto, fluent, openmoji]) {
            let picture = match style {
                ArtStyle::Twemoji => art::raster(&flat[key]),
                ArtStyle::Noto => art::raster(font.picture(key).unwrap_or_default()),
                ArtStyle::Fluent => art::raster(&rendered[key]),
                ArtStyle::OpenMoji => art::vector(&outlined[key]),
            };
            let picture = picture.map_err(|message| archive.unreadable(key, message))?;
            for (side, pixels) in SIDES.into_iter().zip(&mut pixels) {
                pixels.extend(art::reduced(&picture, side));
            }
        }
    }
    let encoded = SIDES.into_iter().zip(pixels).map(|(side, pixels)| {
        let emoji = Emoji { side, concepts: Cow::Owned(concepts.clone()), pixels: Cow::Owned(pixels) };
        emoji.encode(LEVEL).map_err(|error| names.unreadable("the made file", error))
    });
    encoded.collect()
}

#[derive(Deserialize)]
struct Named {
    name: String,
    group: String,
}

/// All concepts that are wanted, in Unicode's order.
fn concepts(names: &Archive, keywords: &Archive) -> Result<Vec<Concept>, FetchError> {
    let file = "package/data-by-emoji.json";
    let entries: serde_json::Map<String, serde_json::Value> =
        serde_json::from_slice(&names.file(file)?).map_err(|error| names.unreadable(file, error))?;
    let other = "package/dist/emoji-en-US.json";
    let words: HashMap<String, Vec<String>> =
        serde_json::from_slice(&keywords.file(other)?).map_err(|error| keywords.unreadable(other, error))?;
    let mut concepts = Vec::new();
    for (emoji, entry) in entries {
        let Named { name, group } = Named::deserialize(entry).map_err(|error| names.unreadable(file, error))?;
        if is_wanted(&name, &group) {
            let name = name.to_lowercase();
            let keywords = words.get(&emoji).map_or_else(Vec::new, |words| kept(words, &name));
            concepts.push(Concept { key: key_of(&emoji), name, keywords, group });
        }
    }
    Ok(concepts)
}

/// Leaves out what a picture of 32 pixels cannot tell apart: flags, copies with another gender or direction, families,
/// the hours of the clock.
fn is_wanted(name: &str, group: &str) -> bool {
    let gender = |word: &str| ["man", "woman", "men", "women"].contains(&word.trim_end_matches(','));
    let is_copy = name.contains(' ') && name.split(' ').any(gender);
    let details = ["family", "facing right", "o’clock", "-thirty"];
    group != "Flags" && !is_copy && !details.iter().any(|part| name.contains(part))
}

/// Plain words among the keywords: lower case, neither the name nor twice.
fn kept(words: &[String], name: &str) -> Vec<String> {
    let mut seen = HashSet::from([name.to_owned()]);
    let plain = words.iter().map(|word| word.replace('_', " ").to_lowercase());
    plain
        .filter(|word| word.chars().all(|c| c.is_alphabetic() || c == ' ' || c == '-'))
        .filter(|word| word.chars().any(char::is_alphabetic) && seen.insert(word.clone()))
        .take(KEYWORDS)
        .collect()
}

/// Key of an emoji: see [`Concept::key`].
fn key_of(emoji: &str) -> String {
    let codes = emoji.chars().map(u32::from).filter(|&code| code != 0xfe0f);
    codes.map(|code| format!("{code:x}")).collect::<Vec<_>>().join("-")
}

/// Files by the keys that their stems spell: some with `fe0f`, leading zeros, capitals or `_`.
fn by_key(files: Files) -> HashMap<String, Vec<u8>> {
    let key = |path: &str| {
        let name = path.rsplit('/').next().unwrap_or(path).to_lowercase();
        let stem = name.split('.').next().unwrap_or_default();
        let parts = stem.split(['-', '_']).filter(|part| *part != "fe0f").map(|part| part.trim_start_matches('0'));
        parts.collect::<Vec<_>>().join("-")
    };
    files.into_iter().map(|(path, content)| (key(&path), content)).collect()
}
