//! The sprite scenes: true captions, exact masks, edits that change what they say and nothing else.

use easel_data::emoji::ArtStyle;
use easel_data::shapes::Bounds;
use easel_data::sprite_scenes::{
    COLOURS, EditKind, GROUNDS, Layout, Noun, Place, Relation, Scene, SpriteScenes, SpriteScenesError, all_pairs,
    held_out_pairs, oracle,
};
use proptest::prelude::*;

fn scenes(side: usize) -> SpriteScenes {
    SpriteScenes::new(side, 3).unwrap()
}

/// What the words of a caption say, read without the generator: ground, (colour, noun) of the objects, and whether the
/// positions of `scene` agree.
fn caption_holds(scene: &Scene) -> bool {
    let caption = scene.caption();
    let (body, ground) = caption.strip_suffix(" ground").unwrap().rsplit_once(" on a ").unwrap();
    let objects = scene.objects();
    let centre = |i: usize| objects[i].centre;
    let is = |i: usize, words: &str| words == format!("a {} {}", objects[i].colour, objects[i].noun);
    let says_all = |text: &str| {
        let text = text.replace(" and ", ", ");
        let parts: Vec<&str> = text.split(", ").collect();
        parts.len() == objects.len() && parts.iter().enumerate().all(|(i, part)| is(i, part))
    };
    let rising = |axis: usize| objects.windows(2).all(|pair| pair[0].centre[axis] < pair[1].centre[axis]);
    let relations = [" to the left of ", " to the right of ", " above ", " below "];
    ground == scene.ground().word()
        && if let Some((object, place)) = body.split_once(" at the ") {
            is(0, object) && objects.len() == 1 && Place::of(centre(0)) == Place::from_word(place).unwrap()
        } else if let Some(relation) = relations.iter().find(|relation| body.contains(**relation)) {
            let (a, b) = body.split_once(relation).unwrap();
            let [dx, dy] = [0, 1].map(|k| centre(0)[k] - centre(1)[k]);
            let lies = match relation.trim() {
                "to the left of" => dx < -dy.abs(),
                "to the right of" => dx > dy.abs(),
                "above" => dy < -dx.abs(),
                _ => dy > dx.abs(),
            };
            is(0, a) && is(1, b) && lies
        } else if let Some(list) = body.strip_suffix(" from left to right") {
            says_all(list) && rising(0)
        } else if let Some(list) = body.strip_suffix(" from top to bottom") {
            says_all(list) && rising(1)
        } else {
            let words: Vec<&str> = body.split(' ').collect();
            let number = ["two", "three"].iter().position(|word| *word == words[0]).unwrap() + 2;
            let alike =
                |o: &easel_data::sprite_scenes::Object| (o.colour.word(), o.noun.plural()) == (words[1], words[2]);
            objects.len() == number && words.len() == 3 && objects.iter().all(alike)
        }
}

#[test]
fn captions_are_true_and_everything_is_drawn() {
    let scenes = scenes(32);
    let drawn: Vec<Scene> = (0..2000).map(|index| scenes.scene(index)).collect();
    for scene in &drawn {
        assert!(caption_holds(scene), "{} {scene:?}", scene.caption());
        assert!(scene.objects().iter().all(|object| object.colour != scene.ground()));
    }
    let shown = |holds: &dyn Fn(&Scene) -> bool| drawn.iter().any(holds);
    assert!(Noun::ALL.iter().all(|&noun| shown(&|s| s.objects()[0].noun == noun)));
    assert!(COLOURS.iter().all(|&colour| shown(&|s| s.objects()[0].colour == colour)));
    assert!(GROUNDS.iter().all(|&ground| shown(&|s| s.ground() == ground)));
    assert!(ArtStyle::ALL.iter().all(|&style| shown(&|s| s.style() == style)));
    assert!(Place::ALL.iter().all(|&place| shown(&|s| s.layout() == Layout::Alone(place))));
    assert!(Relation::ALL.iter().all(|&relation| shown(&|s| s.layout() == Layout::Beside(relation))));
    let others = [(Layout::Alike, 2), (Layout::Alike, 3), (Layout::Row, 3), (Layout::Column, 3)];
    assert!(others.iter().all(|&(layout, n)| shown(&|s| s.layout() == layout && s.objects().len() == n)));
}

#[test]
fn colours_can_be_told_and_need_no_other_article() {
    assert!(GROUNDS.iter().chain(&COLOURS).all(|colour| !colour.word().starts_with(['a', 'e', 'i', 'o', 'u'])));
}

#[test]
fn scenes_follow_from_seed_and_index_and_not_from_the_side() {
    let (small, large) = (scenes(32), scenes(64));
    for index in [0, 1, 999, u64::MAX] {
        assert_eq!(small.scene(index).caption(), large.scene(index).caption());
        assert_eq!(small.scene(index).objects(), large.scene(index).objects());
        assert_eq!(small.scene(index).render(48).image, large.scene(index).render(48).image);
    }
    let other = SpriteScenes::new(32, 4).unwrap();
    assert!((0..5).any(|index| small.scene(index).caption() != other.scene(index).caption()));
    let data = small.dataset(10..14).unwrap();
    assert_eq!(data.shape(), [4, 3, 32, 32]);
    assert_eq!(data.image(2), small.scene(12).render(32).image);
    assert_eq!(data.captions().unwrap()[2], small.scene(12).caption());
    let single = small.with_objects(1..=1).unwrap();
    let data = single.dataset(0..8).unwrap();
    assert!((0..8).all(|i| data.labels().unwrap()[i] == single.scene(i as u64).objects()[0].noun as i64));
}

#[test]
fn held_out_pairs_never_show_and_only_they_do_where_asked() {
    let held = held_out_pairs();
    assert_eq!(held.len(), Noun::ALL.len());
    let train = scenes(32).without(&held).unwrap();
    let test = scenes(32).only(&held).unwrap();
    for index in 0..500 {
        assert!(train.scene(index).objects().iter().all(|object| !held.contains(&object.pair())));
        assert!(test.scene(index).objects().iter().all(|object| held.contains(&object.pair())));
        assert!(train.allows(&train.scene(index)) && !train.allows(&test.scene(index)));
    }
    let seen = |noun, colour| !held.contains(&(colour, noun));
    assert!(Noun::ALL.iter().all(|&noun| COLOURS.iter().filter(|&&colour| seen(noun, colour)).count() == 5));
}

#[test]
fn settings_without_meaning_are_refused() {
    assert!(matches!(SpriteScenes::new(8, 0), Err(SpriteScenesError::Side(8))));
    assert!(matches!(scenes(32).with_objects(0..=2), Err(SpriteScenesError::Objects(_))));
    assert!(matches!(scenes(32).with_objects(2..=4), Err(SpriteScenesError::Objects(_))));
    assert!(matches!(scenes(32).with_styles(Vec::new()), Err(SpriteScenesError::Styles)));
    assert!(matches!(scenes(32).without(&all_pairs()), Err(SpriteScenesError::Pairs(0))));
    let one_colour: Vec<_> = all_pairs().into_iter().filter(|pair| pair.0 == COLOURS[0]).collect();
    assert!(matches!(scenes(32).only(&one_colour), Err(SpriteScenesError::Pairs(_))));
    let flat = scenes(32).with_styles(vec![ArtStyle::Twemoji]).unwrap();
    assert!((0..50).all(|index| flat.scene(index).style() == ArtStyle::Twemoji));
}

/// Exact in f64 what `render` computes, pixel by pixel, apart from rounding: the ground is untouched outside of masks
/// and their rims.
#[test]
fn masks_and_boxes_are_those_of_the_picture() {
    for side in [32, 64] {
        for index in 0..200 {
            let scene = scenes(side).scene(index);
            let drawn = scene.render(side);
            assert_eq!(drawn.masks.len(), scene.objects().len());
            assert_eq!(drawn.boxes.len(), drawn.masks.len(), "an object without pixels");
            for (object, (mask, bounds)) in scene.objects().iter().zip(drawn.masks.iter().zip(&drawn.boxes)) {
                assert_eq!(Bounds::of_mask(mask, side), Some(*bounds));
                // Inside the object's square, give or take the rounding to pixels.
                let edge = |k: usize, sign: f64| (object.centre[k] + sign * object.size / 2.0) * side as f64;
                assert!(bounds.x0 as f64 >= edge(0, -1.0) - 1.01 && bounds.x1 as f64 <= edge(0, 1.0) + 1.01);
                assert!(bounds.y0 as f64 >= edge(1, -1.0) - 1.01 && bounds.y1 as f64 <= edge(1, 1.0) + 1.01);
            }
            for at in 0..side * side {
                let owners = drawn.masks.iter().filter(|mask| mask[at]).count();
                assert!(owners <= 1);
            }
            // A second ground shows through where objects do not cover, and by how much: mask = at least half.
            let other = scene.edits().into_iter().find(|edit| edit.kind == EditKind::Ground).unwrap().scene;
            let (a, b) = (scene.ground().rgb(), other.ground().rgb());
            let repainted = other.render(side);
            let k = (0..3).max_by_key(|&k| a[k].abs_diff(b[k])).unwrap();
            let range = f64::from(b[k]) - f64::from(a[k]);
            for at in 0..side * side {
                let difference =
                    f64::from(repainted.image[k * side * side + at]) - f64::from(drawn.image[k * side * side + at]);
                let cover = 1.0 - difference / range;
                let inside = drawn.masks.iter().any(|mask| mask[at]);
                let rounding = 1.0 / range.abs();
                assert!(if inside { cover >= 0.5 - rounding } else { cover <= 0.5 + rounding }, "{cover} {inside}");
            }
        }
    }
}

#[test]
fn edits_change_one_word_and_only_the_pixels_they_name() {
    let side = 32;
    let scenes = scenes(side);
    for index in 0..60 {
        let scene = scenes.scene(index);
        let (before, caption) = (scene.render(side), scene.caption());
        let edits = scene.edits();
        assert!(
            [EditKind::Colour, EditKind::Noun, EditKind::Ground].iter().all(|k| edits.iter().any(|e| e.kind == *k))
        );
        for edit in edits {
            let after = edit.scene.caption();
            assert!(caption_holds(&edit.scene), "{after}");
            let (old, new): (Vec<&str>, Vec<&str>) = (caption.split(' ').collect(), after.split(' ').collect());
            assert_eq!(old.len(), new.len());
            let changed: Vec<usize> = (0..old.len()).filter(|&i| old[i] != new[i]).collect();
            assert_eq!(changed, [edit.word], "{caption} -> {after}");
            let same = |i: usize| {
                let (a, b) = (&scene.objects()[i], &edit.scene.objects()[i]);
                (a.centre, a.size) == (b.centre, b.size) && (edit.objects.contains(&i) || a == b)
            };
            assert!((0..scene.objects().len()).all(same));
            assert_eq!(edit.kind == EditKind::Ground, scene.ground() != edit.scene.ground());
            assert_eq!(edit.kind == EditKind::Ground, edit.objects.is_empty());
            let (region, image) = (edit.region(&scene, side), edit.scene.render(side).image);
            let differs = |at: usize| (0..3).any(|k| image[k * side * side + at] != before.image[k * side * side + at]);
            assert!((0..side * side).all(|at| region[at] || !differs(at)), "{caption} -> {after}");
            assert!((0..side * side).any(differs), "{caption} -> {after} changes nothing");
        }
    }
}

#[test]
fn oracle_reads_ground_colours_and_positions_of_every_scene() {
    for side in [32, 64] {
        let scenes = scenes(side);
        for index in 0..1000 {
            let scene = scenes.scene(index);
            let drawn = scene.render(side);
            let seen = oracle::read(&drawn.image, side).unwrap();
            let verdict = seen.verdict(&scene);
            assert!(verdict.holds(), "{side} {index} {} {:?} {verdict:?} {seen:?}", scene.caption(), scene.style());
            for (object, mask) in scene.objects().iter().zip(&drawn.masks) {
                let colour = oracle::colour_inside(&drawn.image, side, mask).unwrap();
                assert_eq!(colour, Some(object.colour), "{side} {index} {} {:?}", scene.caption(), scene.style());
            }
        }
    }
}

#[test]
fn oracle_refuses_what_is_false_and_what_is_no_picture() {
    let scenes = scenes(32);
    for index in 0..200 {
        let scene = scenes.scene(index);
        let seen = oracle::read(&scene.render(32).image, 32).unwrap();
        for edit in scene.edits() {
            let verdict = seen.verdict(&edit.scene);
            match edit.kind {
                EditKind::Ground => assert!(!verdict.ground && verdict.colours),
                // With two objects of one colour the other may still show the changed one's.
                EditKind::Colour if edit.objects.len() == scene.objects().len() => assert!(!verdict.colours),
                EditKind::Colour | EditKind::Noun => {}
            }
        }
    }
    assert!(oracle::read(&[0; 10], 32).unwrap_err().to_string().contains("10 bytes"));
    assert!(oracle::colour_inside(&[128; 3072], 32, &[true; 1024]).unwrap().is_none());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn squares_keep_their_distance(seed: u64, index: u64) {
        let scene = SpriteScenes::new(32, seed).unwrap().scene(index);
        let objects = scene.objects();
        for (i, a) in objects.iter().enumerate() {
            prop_assert!((0..2).all(|k| a.centre[k] - a.size / 2.0 > 0.024 && a.centre[k] + a.size / 2.0 < 0.976));
            for b in &objects[..i] {
                let room = (a.size + b.size) / 2.0 + 0.049;
                prop_assert!((0..2).any(|k| (a.centre[k] - b.centre[k]).abs() >= room), "{:?}", scene);
            }
        }
    }
}
