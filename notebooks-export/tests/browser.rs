//! The site as a reader sees it, in a real Chromium.

#[path = "support/chromium.rs"]
mod chromium;
mod support;

use std::path::{Path, PathBuf};

use chromium::Browser;
use notebooks_export::export;
use serde_json::{Value, json};
use support::{Fake, everything};

/// Name, size, and whether it is a phone.
const WINDOWS: [(&str, [u32; 2], bool); 3] =
    [("phone", [390, 844], true), ("laptop", [1366, 768], false), ("projector", [1920, 1080], false)];

/// The site of the fake source, and a browser; none where there is no Chromium.
fn site() -> Option<(tempfile::TempDir, PathBuf, Browser)> {
    let Some(program) = chromium::find() else {
        chromium::skipped(
            "no Chromium on this machine, so that nothing was opened in a browser",
            "Install it (Debian: apt-get install chromium), or set CHROMIUM to the program",
        );
        return None;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().canonicalize().expect("a path").join("site");
    export(&Fake::default(), &everything(&out)).expect("exported");
    Some((folder, out, Browser::start(&program)))
}

fn pages(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("listed") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(pages(&path));
        } else if path.extension().is_some_and(|ending| ending == "html") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Where pictures of the windows go, for eyes.
fn screenshot(browser: &mut Browser, name: &str) {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("screenshots");
    std::fs::create_dir_all(&folder).expect("made");
    let png = browser.file("Page.captureScreenshot", json!({"format": "png"}));
    std::fs::write(folder.join(format!("{name}.png")), png).expect("written");
}

#[test]
fn every_page_is_whole_at_every_size() {
    let Some((_folder, out, mut browser)) = site() else { return };
    for (window, size, mobile) in WINDOWS {
        browser.resize(size, mobile);
        for page in pages(&out) {
            let name = page.strip_prefix(&out).expect("inside").display().to_string();
            browser.open(&page, "");
            let complaints = browser.complaints(page.parent().expect("a folder"));
            assert!(complaints.is_empty(), "{window}, {name}: {complaints:#?}");
            let broken = browser.run("[...document.images].filter((i) => i.src && !i.naturalWidth).map((i) => i.src)");
            assert_eq!(broken, json!([]), "{window}, {name}: pictures");
            let flat = browser.run(
                "[...document.querySelectorAll('math')].filter((m) => { const b = m.getBoundingClientRect(); \
                 return b.width < 2 || b.height < 2; }).map((m) => m.textContent)",
            );
            assert_eq!(flat, json!([]), "{window}, {name}: mathematics");
            let links = browser.run("[...document.links].map((a) => a.href)");
            for link in links.as_array().expect("links").iter().filter_map(Value::as_str) {
                let Some(path) = link.strip_prefix("file://") else {
                    assert!(link.starts_with("https://"), "{name}: {link}");
                    continue;
                };
                assert!(Path::new(path.split('#').next().expect("a path")).is_file(), "{name}: {link}");
            }
            let wide = browser.run("document.documentElement.scrollWidth - document.documentElement.clientWidth");
            assert!(wide.as_i64() <= Some(0), "{window}, {name}: {wide} px too wide");
            let unnamed = browser.run(
                "[...document.querySelectorAll('input, select, button, img')].filter((e) => !(e.labels && e.labels.length) \
                 && !e.ariaLabel && !e.textContent.trim() && !e.alt && !e.closest('dialog')).map((e) => e.outerHTML)",
            );
            assert_eq!(unnamed, json!([]), "{window}, {name}: without a name for screen readers");
        }
        for (file, anchor) in [
            ("index.html", ""),
            ("index.html", "#gallery"),
            ("index.zh.html", ""),
            ("ddpm/index.html", ""),
            ("ddpm/index.html", "#the-forward-process"),
            ("ddpm/index.html", "#results"),
            ("ddpm/index.html", "#explore-chain"),
            ("guidance/index.html", "#explore-guidance"),
            ("solvers/index.html", "#explore-schedules"),
            ("ddpm/slides.html", "#1"),
            ("ddpm/slides.html", "#3"),
            ("ddpm/slides.html", "#7"),
        ] {
            browser.open(&out.join(file), anchor);
            browser.run("new Promise((done) => setTimeout(done, 300))");
            screenshot(&mut browser, &format!("{window}-{}{anchor}", file.replace('/', "-")));
        }
    }
    browser.open(&out.join("ddpm/index.html"), "");
    let equations = browser.run("document.querySelectorAll('math').length");
    assert!(equations.as_i64() >= Some(7), "{equations}");
}

#[test]
fn sliders_move_the_pictures() {
    let Some((_folder, out, mut browser)) = site() else { return };
    browser.resize([1366, 768], false);
    browser.open(&out.join("ddpm/index.html"), "");
    let source = "document.querySelector('[data-explore] img').src.split('/').pop()";
    let state = format!("[{source}, document.querySelector('[name=step]').getAttribute('aria-valuetext')]");
    browser.until(&state, &json!(["reverse-00.png", "t = 1000"]));
    browser.run("document.querySelector('[name=step]').focus()");
    browser.press("ArrowRight", 39);
    browser.until(&state, &json!(["reverse-01.png", "t = 900"]));
    browser.press("End", 35);
    browser.until(&state, &json!(["reverse-10.png", "t = 0"]));
    browser.click("[value=forward]");
    browser.until(&state, &json!(["forward-00.png", "t = 0"]));
    browser.click("[data-explore] button");
    browser.until(source, &json!("forward-10.png"));
    let width = "document.querySelector('[data-explore] img').decode().then(() => document.querySelector('[data-explore] img').naturalWidth)";
    assert!(browser.run(width).as_i64() > Some(0));

    browser.open(&out.join("guidance/index.html"), "");
    browser.run("document.querySelector('[name=scale]').focus()");
    browser.press("ArrowRight", 39);
    browser.press("ArrowRight", 39);
    browser.run("document.querySelector('[name=eta]').focus()");
    browser.press("ArrowRight", 39);
    browser.until(source, &json!("eta1-scale2.png"));
    assert_eq!(browser.run("document.querySelector('[data-explore] img').alt"), json!("s = 2, eta = 0.5"));

    browser.open(&out.join("solvers/index.html"), "");
    let shown = "[document.querySelectorAll('[data-chart=alpha_bar] .dot').length, document.querySelector('.curve').getAttribute('points'), \
                 document.querySelector('.times span').textContent]";
    let first = browser.run(shown);
    assert_eq!(first[0], 10);
    browser.run("document.querySelector('[name=steps]').focus()");
    browser.press("End", 35);
    browser.until("document.querySelectorAll('[data-chart=alpha_bar] .dot').length", &json!(20));
    let more = browser.run(shown);
    assert_eq!(more[1], first[1], "more steps, the same curve");
    browser.choose("schedule", "1");
    assert_ne!(browser.run(shown)[1], first[1], "another schedule has another curve");
    browser.choose("sampler", "1");
    assert_ne!(browser.run(shown)[2], more[2], "another sampler has other times");
    assert!(browser.complaints(&out.join("solvers")).is_empty());
}

#[test]
fn the_gallery_filters_and_opens_figures() {
    let Some((_folder, out, mut browser)) = site() else { return };
    browser.resize([1366, 768], false);
    browser.open(&out.join("index.html"), "");
    let visible = "[...document.querySelectorAll('.gallery > li')].filter((e) => e.checkVisibility()).length";
    assert_eq!(browser.run(visible), 4);
    browser.choose("theme", "unconditional");
    assert_eq!(browser.run(visible), 2);
    browser.choose("paper", "guidance");
    assert_eq!(browser.run(visible), 0);
    browser.choose("theme", "");
    assert_eq!(
        (browser.run(visible), browser.run("document.querySelector('.filters output b').textContent")),
        (json!(1), json!("1"))
    );
    browser.click(".gallery > li:not([hidden]) a.picture");
    let dialog = "[document.querySelector('dialog').open, document.querySelector('dialog p').textContent, \
                  document.querySelectorAll('dialog .files a').length, document.querySelectorAll('dialog img, dialog script').length]";
    browser.until(dialog, &json!([true, support::HOSTILE, 2, 1]));
    screenshot(&mut browser, "laptop-dialog");
    browser.press("Escape", 27);
    browser.until("document.querySelector('dialog').open", &json!(false));
    let ground = "getComputedStyle(document.body).backgroundColor";
    let before = browser.run(ground);
    browser.click("button.theme");
    browser.until(&format!("{ground} !== {before}"), &json!(true));
    let after = browser.run(ground);
    browser.open(&out.join("ddpm/index.html"), "");
    screenshot(&mut browser, "laptop-dark");
    assert_eq!(browser.run(ground), after, "the choice is kept");
    assert!(browser.complaints(&out.join("ddpm")).is_empty());
}

#[test]
fn slides_hold_one_window_each_and_print_one_page_each() {
    let Some((_folder, out, mut browser)) = site() else { return };
    for (window, size, mobile) in &WINDOWS[1..] {
        browser.resize(*size, *mobile);
        browser.open(&out.join("ddpm/slides.html"), "");
        let full = browser.run(
            "[...document.querySelectorAll('.slide')].filter((s) => [s, ...s.querySelectorAll('.body, .equation, .wide, pre')] \
             .some((b) => b.scrollHeight > b.clientHeight + 1 || b.scrollWidth > b.clientWidth + 1) || Math.abs(s.clientHeight - innerHeight) > 2).map((s) => s.id)",
        );
        assert_eq!(full, json!([]), "{window}: too full");
    }
    let hash = "location.hash";
    browser.press("ArrowRight", 39);
    browser.until(hash, &json!("#2"));
    browser.press("End", 35);
    browser.until(hash, &json!("#8"));
    browser.press("ArrowLeft", 37);
    browser.until(hash, &json!("#7"));
    browser.press("Home", 36);
    browser.click(".next");
    browser.until(hash, &json!("#2"));
    let pdf = browser.file("Page.printToPDF", json!({"preferCSSPageSize": true, "printBackground": true}));
    let pages = String::from_utf8_lossy(&pdf).matches("/Type /Page\n").count();
    assert_eq!(pages, 8, "pages of the PDF");
    std::fs::write(Path::new(env!("CARGO_TARGET_TMPDIR")).join("slides.pdf"), pdf).expect("written");
}

#[test]
fn a_papers_folder_works_when_it_is_copied_out() {
    let Some((folder, out, mut browser)) = site() else { return };
    let alone = folder.path().canonicalize().expect("a path").join("alone");
    std::fs::rename(out.join("ddpm"), &alone).expect("moved");
    std::fs::remove_dir_all(&out).expect("removed");
    browser.resize([1366, 768], false);
    for page in ["index.html", "index.zh.html", "slides.html", "slides.zh.html"] {
        browser.open(&alone.join(page), "");
        let complaints = browser.complaints(&alone);
        assert!(complaints.is_empty(), "{page}: {complaints:#?}");
        assert_eq!(browser.run("[...document.images].filter((i) => i.src && !i.naturalWidth).length"), 0, "{page}");
    }
}
