//! Folders of pictures.

use std::path::Path;

use easel_data::folder::{FolderError, load};
use image::{Rgb, RgbImage, Rgba, RgbaImage};

fn plain(path: &Path, w: u32, h: u32, colour: [u8; 3]) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    RgbImage::from_pixel(w, h, Rgb(colour)).save(path).unwrap();
}

#[test]
fn captions_come_from_the_metadata_in_its_order() {
    let folder = tempfile::tempdir().unwrap();
    plain(&folder.path().join("a.png"), 8, 8, [1, 2, 3]);
    plain(&folder.path().join("in/b.png"), 4, 6, [7, 8, 9]);
    let lines =
        "{\"file_name\": \"in/b.png\", \"text\": \"b\", \"more\": 1}\n\n{\"file_name\": \"a.png\", \"text\": \"a\"}\n";
    std::fs::write(folder.path().join("metadata.jsonl"), lines).unwrap();
    let data = load(folder.path(), 4).unwrap();
    assert_eq!(data.shape(), [2, 3, 4, 4]);
    assert_eq!(data.captions().unwrap(), ["b", "a"]);
    assert_eq!(data.image(0), [[7; 16], [8; 16], [9; 16]].concat());
    assert_eq!(data.image(1), [[1; 16], [2; 16], [3; 16]].concat());
}

#[test]
fn sub_folders_are_classes() {
    let folder = tempfile::tempdir().unwrap();
    plain(&folder.path().join("dog/1.png"), 4, 4, [1; 3]);
    plain(&folder.path().join("cat/1.png"), 4, 4, [2; 3]);
    plain(&folder.path().join("cat/2.png"), 4, 4, [3; 3]);
    std::fs::write(folder.path().join(".hidden"), "").unwrap();
    let data = load(folder.path(), 2).unwrap();
    assert_eq!((data.labels().unwrap(), data.classes()), (&[0, 0, 1][..], &["cat".to_owned(), "dog".to_owned()][..]));
    assert_eq!((data.image(1)[0], data.image(2)[0]), (3, 1));
    let flat = load(&folder.path().join("cat"), 2).unwrap();
    assert_eq!((flat.len(), flat.labels(), flat.captions()), (2, None, None));
}

#[test]
fn pictures_are_cut_in_the_middle_laid_on_white_and_antialiased() {
    let folder = tempfile::tempdir().unwrap();
    // The middle square is green, what lies outside is red.
    let wide = RgbImage::from_fn(32, 16, |x, _| if (8..24).contains(&x) { Rgb([0, 255, 0]) } else { Rgb([255, 0, 0]) });
    wide.save(folder.path().join("a.png")).unwrap();
    RgbaImage::from_pixel(8, 8, Rgba([9, 9, 9, 0])).save(folder.path().join("b.png")).unwrap();
    // Stripes of one pixel become an even grey, not stripes of another width.
    let stripes = RgbImage::from_fn(64, 64, |x, _| Rgb([255 * (x % 2) as u8; 3]));
    stripes.save(folder.path().join("c.png")).unwrap();
    let data = load(folder.path(), 16).unwrap();
    assert_eq!(data.image(0), [[0; 256], [255; 256], [0; 256]].concat());
    assert_eq!(data.image(1), [255; 768]);
    assert!(data.image(2).iter().all(|v| v.abs_diff(127) < 20), "{:?}", &data.image(2)[..16]);
}

#[test]
fn faults_name_file_and_line() {
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("set");
    plain(&folder.path().join("outside.png"), 4, 4, [0; 3]);
    plain(&inner.join("a.png"), 4, 4, [0; 3]);
    let fault = |lines: &str| {
        std::fs::write(inner.join("metadata.jsonl"), lines).unwrap();
        load(&inner, 4).unwrap_err()
    };
    let good = "{\"file_name\": \"a.png\", \"text\": \"x\"}\n";
    let error = fault(&format!("{good}{{\"file_name\": 3}}"));
    assert!(matches!(error, FolderError::Entry { line: 2, .. }) && error.to_string().contains("metadata.jsonl:2"));
    assert!(matches!(fault("{\"file_name\": \"a.png\"}"), FolderError::Entry { line: 1, .. }));
    assert!(matches!(fault(&good.replace("a.png", "c.png")), FolderError::Missing { line: 1, .. }));
    assert!(matches!(fault(&good.replace("a.png", "../outside.png")), FolderError::Outside { .. }));
    let absolute = folder.path().join("outside.png");
    assert!(matches!(fault(&good.replace("a.png", &absolute.to_string_lossy())), FolderError::Outside { .. }));
    let again = format!("{good}{}", good.replace("a.png", "./a.png"));
    assert!(matches!(fault(&again), FolderError::Duplicate { line: 2, first: 1, .. }));
    assert!(matches!(fault(""), FolderError::Empty(_)));
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(&absolute, inner.join("link.png")).unwrap();
        assert!(matches!(fault(&good.replace("a.png", "link.png")), FolderError::Outside { .. }));
    }
    std::fs::write(inner.join("a.png"), "no picture").unwrap();
    let error = fault(good);
    assert!(matches!(&error, FolderError::Picture { path, .. } if path.ends_with("a.png")), "{error}");
    assert!(matches!(load(&inner.join("none"), 4), Err(FolderError::Io { .. })));
    assert!(matches!(load(&inner, 0), Err(FolderError::Side)));
}
