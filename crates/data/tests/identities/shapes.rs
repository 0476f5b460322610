//! The shapes world: what it promises by construction, and that its oracle reads it back.

use easel_core::noise::Noise;
use easel_data::shapes::{
    Bounds, Claims, Colour, Description, Object, Oracle, Place, Relation, Rendered, Scene, Shape, Shapes, ShapesError,
    Size, Style, geometry, magnified,
};
use proptest::prelude::*;

fn rms(a: [u8; 3], b: [u8; 3]) -> f64 {
    a.iter().zip(b).map(|(&a, b)| (f64::from(a) - f64::from(b)).powi(2)).sum::<f64>().sqrt()
}

#[test]
fn palette_colours_are_far_apart() {
    for (i, a) in Colour::ALL.iter().enumerate() {
        for b in &Colour::ALL[..i] {
            assert!(rms(a.rgb(), b.rgb()) >= 90.0, "{a} {b}: {}", rms(a.rgb(), b.rgb()));
        }
    }
}

/// Whether the description tells the scene, object for object.
fn tells(description: &Description, scene: &Scene, rendered: &Rendered) -> Result<(), String> {
    if description.background != scene.background || description.unread > 0 {
        return Err(format!("background or specks: {description:?}"));
    }
    if description.objects.len() != scene.objects.len() {
        return Err(format!("{} objects: {description:?}", scene.objects.len()));
    }
    for (object, bounds) in scene.objects.iter().zip(&rendered.boxes) {
        let same = |seen: &&easel_data::shapes::Seen| {
            (seen.shape, seen.colour, seen.size) == (object.shape, object.colour, object.size)
                && (0..2).all(|k| (seen.centre[k] - object.centre[k]).abs() * (rendered.side as f64) < 1.0)
                && seen.bounds.iou(bounds) > 0.5
        };
        description.objects.iter().find(same).ok_or_else(|| format!("{object:?} {bounds:?} in {description:?}"))?;
    }
    Ok(())
}

/// Share of 1,000 scenes that are read wrongly, with Gaussian noise of `sigma` in units of [-1, 1].
fn misread(side: usize, sigma: f64) -> Vec<String> {
    let (shapes, noise) = (Shapes::new(side, 7).unwrap(), Noise::new(8).purpose("oracle"));
    let faults = (0..1000).filter_map(|index| {
        let scene = shapes.scene(index);
        let rendered = scene.render(side);
        let mut z = vec![0.0; rendered.image.len()];
        noise.normal_f64(0, index, &mut z);
        let noisy: Vec<u8> =
            rendered.image.iter().zip(z).map(|(&v, z)| (f64::from(v) + 127.5 * sigma * z).round() as u8).collect();
        tells(&Oracle.read(&noisy, side).unwrap(), &scene, &rendered).err()
    });
    faults.collect()
}

#[test]
fn oracle_reads_every_clean_scene() {
    for side in [32, 64] {
        let faults = misread(side, 0.0);
        assert!(faults.is_empty(), "{side}: {} faults, first {}", faults.len(), faults[0]);
    }
}

#[test]
fn oracle_reads_noisy_scenes() {
    for side in [32, 64] {
        let faults = misread(side, 0.1);
        println!("{side}: {} of 1000 noisy scenes misread {:?}", faults.len(), faults.first());
        assert!(faults.len() <= 30, "{side}: {} faults, first {}", faults.len(), faults[0]);
    }
}

#[test]
fn every_caption_parses_back_and_holds_in_its_picture() {
    let shapes = Shapes::new(32, 3).unwrap();
    for index in 0..150 {
        let scene = shapes.scene(index);
        let description = Oracle.read(&scene.render(32).image, 32).unwrap();
        for style in Style::all() {
            let claims = Claims::of(&scene, style);
            let text = claims.words(style);
            assert_eq!(Claims::parse(&text).unwrap(), claims, "{text}");
            assert!(description.verdict(&claims).holds(), "{text}: {description:?}");
        }
        let text = shapes.caption(index);
        let verdict = Oracle.check(&scene.render(32).image, 32, &text).unwrap();
        assert!(verdict.holds() && verdict.score() == 1.0, "{text}");
    }
}

#[test]
fn a_wrong_claim_is_found_and_the_others_stand() {
    let shapes = Shapes::new(48, 4).unwrap().with_objects(2..=2).unwrap();
    for index in 0..100 {
        let scene = shapes.scene(index);
        let image = scene.render(48).image;
        let claims = Claims::of(&scene, Style::FULL);
        let falsehood = |change: &dyn Fn(&mut Claims)| {
            let mut claims = claims.clone();
            change(&mut claims);
            let verdict = Oracle.check(&image, 48, &claims.words(Style::FULL)).unwrap();
            assert_eq!(verdict.claims().filter(|held| !held).count(), 1, "{}", claims.words(Style::FULL));
            verdict
        };
        let unused = |used: &[Colour]| *Colour::OBJECTS.iter().find(|c| !used.contains(c)).unwrap();
        let used: Vec<Colour> = scene.objects.iter().map(|o| o.colour).chain([scene.background]).collect();
        assert!(!falsehood(&|c| c.objects[0].colour = unused(&used)).objects[0].colour);
        let shape = |c: &Claims| *Shape::ALL.iter().find(|&&s| c.objects.iter().all(|o| o.shape != s)).unwrap();
        assert!(!falsehood(&|c| c.objects[1].shape = shape(c)).objects[1].shape);
        assert_eq!(falsehood(&|c| c.background = Some(unused(&used))).background, Some(false));
        let mirrored = |relation| match relation {
            Relation::Left => Relation::Right,
            Relation::Right => Relation::Left,
            Relation::Above => Relation::Below,
            Relation::Below => Relation::Above,
        };
        let verdict = falsehood(&|c| c.relations[0].1 = mirrored(c.relations[0].1));
        assert_eq!(verdict.relations, [false]);
        let resized = |size| if size == Size::Small { Size::Large } else { Size::Small };
        let verdict = falsehood(&|c| c.objects[0].size = c.objects[0].size.map(resized));
        assert_eq!(verdict.objects[0].size, Some(false));
    }
}

#[test]
fn missing_and_surplus_objects_are_noticed() {
    let side = 32;
    let scene = Shapes::new(side, 5).unwrap().with_objects(1..=1).unwrap().scene(0);
    let image = scene.render(side).image;
    let [object] = scene.objects[..] else { panic!("one object was asked for") };
    let both = format!("a {} and a white ring", Claims::of(&scene, Style::FULL).words(Style::FULL));
    assert!(Oracle.check(&image, side, &both).is_err(), "white is no colour of objects");
    let both = format!("a {} {} and a red ring", object.colour, object.shape);
    let verdict = Oracle.check(&image, side, &both).unwrap();
    assert!(!verdict.count && verdict.objects[1].seen.is_none() && verdict.objects[0].shape);
    let plain = Scene { objects: vec![], ..scene.clone() }.render(side);
    let verdict = Oracle.check(&plain.image, side, "a red ring").unwrap();
    assert!(!verdict.holds() && verdict.objects[0].seen.is_none());
    // Uniform noise is not a scene.
    let mut values = vec![0.0; 3 * side * side];
    Noise::new(1).purpose("junk").uniform(0, 0, &mut values);
    let junk: Vec<u8> = values.iter().map(|v| (v * 255.0) as u8).collect();
    assert!(!Oracle.check(&junk, side, "a red ring").unwrap().holds());
    assert!(Oracle.read(&junk, 31).is_err());
}

#[test]
fn places_follow_a_single_object() {
    let shapes = Shapes::new(64, 6).unwrap().with_objects(1..=1).unwrap();
    let mut seen = std::collections::BTreeSet::new();
    for index in 0..200 {
        let scene = shapes.scene(index);
        let claims = Claims::of(&scene, Style::FULL);
        seen.insert(claims.objects[0].place);
        let described = Oracle.read(&scene.render(64).image, 64).unwrap();
        assert_eq!(described.objects.len(), 1);
        assert_eq!(Some(Place::of(described.objects[0].centre)), claims.objects[0].place);
    }
    assert_eq!(seen.len(), Place::ALL.len());
}

/// Seen from nearer by a single object still lies inside, and what was read there gives the object back.
#[test]
fn what_is_magnified_is_read_and_reduced_again() {
    const FACTOR: f64 = 1.6;
    let shapes = Shapes::new(32, 7).unwrap().with_objects(1..=1).unwrap();
    for index in 0..200 {
        let scene = shapes.scene(index);
        let object = scene.objects[0];
        let (centre, radius) = magnified(object.centre, object.radius, FACTOR);
        assert!(centre.iter().all(|&c| c > radius && c < 1.0 - radius), "{index}: outside");
        let back = magnified(centre, radius, 1.0 / FACTOR);
        assert!((0..2).all(|a| (back.0[a] - object.centre[a]).abs() < 1e-12) && (back.1 - object.radius).abs() < 1e-12);
        let nearer = Scene { objects: vec![Object { centre, radius, ..object }], ..scene.clone() };
        let seen = Oracle.read(&nearer.render(32).image, 32).unwrap().objects[0];
        let (centre, radius) = magnified(seen.centre, seen.radius, 1.0 / FACTOR);
        assert_eq!((seen.shape, seen.colour), (object.shape, object.colour), "{index}");
        assert_eq!((Place::of(centre), Size::of_radius(radius)), (Place::of(object.centre), object.size), "{index}");
    }
}

#[test]
fn captions_outside_the_grammar_name_the_word() {
    for (text, word, expected) in [
        ("", 0, "\"a\" or \"an\""),
        ("a tiny red circle", 1, "a colour"),
        ("a red hexagon", 2, "a shape"),
        ("a red circle near a blue square", 3, "the end"),
        (
            "a red circle left of a blue square, and a pink ring above the red square",
            15,
            "an object named before, in the same words",
        ),
        ("a red circle at the middle", 5, "a place"),
        ("a red circle on a green field", 6, "\"background\""),
        ("a white circle", 1, "a colour"),
    ] {
        let error = Claims::parse(text).unwrap_err();
        assert_eq!((error.word, error.expected.as_str()), (word, expected), "{error}");
    }
    let spoken = "A picture of a Small red circle, an orange star and a large blue ring on a grey background";
    assert_eq!(Claims::parse(spoken).unwrap().objects.len(), 3);
}

#[test]
fn held_out_pairs_never_appear() {
    let pairs = vec![(Colour::Red, Shape::Circle), (Colour::Blue, Shape::Star)];
    let seen = |shapes: &Shapes| (0..2000).any(|i| shapes.scene(i).objects.iter().any(|o| pairs.contains(&o.pair())));
    let all = Shapes::new(32, 1).unwrap();
    assert!(seen(&all) && !seen(&all.without(pairs.clone()).unwrap()));
    let most: Vec<_> = Colour::OBJECTS.iter().flat_map(|&c| Shape::ALL.iter().map(move |&s| (c, s))).take(40).collect();
    assert_eq!(Shapes::new(32, 1).unwrap().without(most).unwrap_err(), ShapesError::HeldOut(40));
    assert_eq!(Shapes::new(8, 1).unwrap_err(), ShapesError::Side(8));
    assert_eq!(Shapes::new(32, 1).unwrap().with_objects(0..=2).unwrap_err(), ShapesError::Objects(0..=2));
}

#[test]
fn the_data_set_is_the_scenes() {
    let shapes = Shapes::new(16, 9).unwrap();
    let whole = shapes.dataset(0..20).unwrap();
    let tail = shapes.dataset(15..20).unwrap();
    assert_eq!((whole.shape(), whole.labels()), ([20, 3, 16, 16], None));
    assert_eq!(whole.image(17), tail.image(2), "a scene depends on its index alone");
    assert_eq!(whole.captions().unwrap()[17], tail.captions().unwrap()[2]);
    assert_eq!(whole.image(3), shapes.scene(3).render(16).image);
    let single = shapes.clone().with_objects(1..=1).unwrap();
    let labels: Vec<i64> = (0..20).map(|i| single.scene(i).objects[0].shape as i64).collect();
    assert_eq!(single.dataset(0..20).unwrap().labels(), Some(labels.as_slice()));
    assert_ne!(shapes.scene(0), Shapes::new(16, 10).unwrap().scene(0));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn masks_are_disjoint_boxes_tight_edges_on_boundaries(seed: u64, index in 0u64..1000, side in 16usize..=96) {
        let scene = Shapes::new(side, seed).unwrap().scene(index);
        let drawn = scene.render(side);
        prop_assert_eq!(drawn.masks.len(), scene.objects.len());
        prop_assert_eq!(drawn.boxes.len(), scene.objects.len(), "a mask is empty");
        let at = |channel: usize, i: usize| drawn.image[channel * side * side + i];
        for i in 0..side * side {
            let owners: Vec<usize> = (0..drawn.masks.len()).filter(|&m| drawn.masks[m][i]).collect();
            prop_assert!(owners.len() <= 1, "masks overlap");
            let (x, y) = (i % side, i / side);
            // In the mask exactly when the pixel's centre is inside the outline; plain colour away from it.
            let unit = [(x as f64 + 0.5) / side as f64, (y as f64 + 0.5) / side as f64];
            let pixel = [at(0, i), at(1, i), at(2, i)];
            let mut expected = Some(scene.background);
            for (m, o) in scene.objects.iter().enumerate() {
                let local = [0, 1].map(|k| (unit[k] - o.centre[k]) / o.radius);
                let distance = geometry::signed_distance(o.shape, local[0], local[1]);
                prop_assert!(distance.abs() < 1e-9 || (distance < 0.0) == drawn.masks[m][i]);
                let pixels = distance * o.radius * side as f64;
                match (pixels.abs() > 0.51, pixels < 0.0) {
                    (true, true) => expected = Some(o.colour),
                    (true, false) => {}
                    (false, _) => expected = None,
                }
            }
            prop_assert!(expected.is_none_or(|colour| pixel == colour.rgb()));
            // A masked pixel is nearer to its object's colour than to the background.
            if let [m] = owners[..] {
                let near = |colour: Colour| rms(pixel, colour.rgb());
                prop_assert!(near(scene.objects[m].colour) <= near(scene.background) + 2.0);
            }
            // An edge pixel has a neighbour of another owner; an inner one has four of its own.
            let same = |nx: usize, ny: usize| nx < side && ny < side && drawn.masks[owners[0]][ny * side + nx];
            let inner = !owners.is_empty()
                && same(x.wrapping_sub(1), y) && same(x + 1, y) && same(x, y.wrapping_sub(1)) && same(x, y + 1);
            prop_assert_eq!(drawn.edges[i], !owners.is_empty() && !inner);
        }
        for (mask, bounds) in drawn.masks.iter().zip(&drawn.boxes) {
            prop_assert_eq!(Bounds::of_mask(mask, side), Some(*bounds));
            let inside = |x: usize, y: usize| mask[y * side + x];
            prop_assert!((bounds.y0..bounds.y1).all(|y| (0..side).filter(|&x| inside(x, y)).all(|x| (bounds.x0..bounds.x1).contains(&x))));
            prop_assert!((bounds.x0..bounds.x1).any(|x| inside(x, bounds.y0)) && (bounds.x0..bounds.x1).any(|x| inside(x, bounds.y1 - 1)));
            prop_assert!((bounds.y0..bounds.y1).any(|y| inside(bounds.x0, y)) && (bounds.y0..bounds.y1).any(|y| inside(bounds.x1 - 1, y)));
        }
    }

    #[test]
    fn relations_hold_with_a_margin(seed: u64, index in 0u64..1000) {
        let scene = Shapes::new(32, seed).unwrap().with_objects(2..=3).unwrap().scene(index);
        for pair in scene.objects.windows(2) {
            let [dx, dy] = [0, 1].map(|k| pair[0].centre[k] - pair[1].centre[k]);
            prop_assert!(dx.abs().max(dy.abs()) >= 1.5 * dx.abs().min(dy.abs()));
            // Along the axis of the relation the two are well apart.
            prop_assert!(dx.abs().max(dy.abs()) > 0.2);
            let relation = Relation::between(pair[0].centre, pair[1].centre);
            let expected = match (dx.abs() > dy.abs(), dx < 0.0, dy < 0.0) {
                (true, true, _) => Relation::Left,
                (true, false, _) => Relation::Right,
                (false, _, true) => Relation::Above,
                (false, _, false) => Relation::Below,
            };
            prop_assert_eq!(relation, Some(expected));
        }
        for (i, a) in scene.objects.iter().enumerate() {
            prop_assert!(a.colour != scene.background);
            prop_assert!(a.centre.iter().all(|c| (a.radius..=1.0 - a.radius).contains(c)));
            for b in &scene.objects[..i] {
                prop_assert!((a.centre[0] - b.centre[0]).hypot(a.centre[1] - b.centre[1]) > a.radius + b.radius);
                prop_assert!(a.pair() != b.pair());
            }
        }
    }

    #[test]
    fn coverage_integrates_to_the_area(x in -0.5..0.5f64, y in -0.5..0.5f64, radius in 8.0..14.0f64) {
        for (shape, area) in [
            (Shape::Circle, std::f64::consts::PI),
            (Shape::Square, 2.0),
            (Shape::Ring, std::f64::consts::PI * (1.0 - 0.55 * 0.55)),
            (Shape::Triangle, 2.0 * 0.71 * 0.70),
            (Shape::Cross, 4.0 * (2.0 * 0.95 * 0.31 - 0.31 * 0.31)),
            (Shape::Star, 10.0 * 0.5 * 0.42 * (std::f64::consts::PI / 5.0).sin()),
        ] {
            let cells = (0..1600).map(|i| (f64::from(i % 40) - 19.5, f64::from(i / 40) - 19.5));
            let sum: f64 = cells.map(|(px, py)| geometry::coverage(shape, [x, y], radius, px, py)).sum();
            prop_assert!((sum / (radius * radius) - area).abs() < 0.03 * area, "{}: {} {}", shape, sum / radius / radius, area);
        }
    }
}
