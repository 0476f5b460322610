//! What an export holds.

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use notebooks_export::{ExportError, Language, Parts, Request, export};
use serde_json::Value;
use support::{Fake, everything};

/// All files of a folder by path.
fn read(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).expect("listed") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).expect("inside").to_string_lossy().into_owned();
                files.insert(name, std::fs::read(&path).expect("read"));
            }
        }
    }
    files
}

fn exported(fake: &Fake) -> BTreeMap<String, Vec<u8>> {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("site");
    export(fake, &everything(&out)).expect("exported");
    read(&out)
}

fn text<'a>(files: &'a BTreeMap<String, Vec<u8>>, name: &str) -> &'a str {
    std::str::from_utf8(files.get(name).unwrap_or_else(|| panic!("{name} is there"))).expect("UTF-8")
}

#[test]
fn the_same_source_gives_the_same_bytes_and_the_manifest_knows_them() {
    let (first, second) = (exported(&Fake::default()), exported(&Fake::default()));
    assert!(first == second);
    let manifest: Value = serde_json::from_str(text(&first, "MANIFEST.json")).expect("JSON");
    assert_eq!(manifest["papers"]["ddpm"]["seed"], 0);
    let listed: BTreeSet<&String> = manifest["files"].as_object().expect("files").keys().collect();
    let there: BTreeSet<&String> = first.keys().filter(|name| *name != "MANIFEST.json").collect();
    assert_eq!(listed, there);
    for (name, entry) in manifest["files"].as_object().expect("files") {
        assert_eq!(entry["blake3"], blake3_of(&first[name]), "{name}");
    }
    let bytes: usize = first.values().map(Vec::len).sum();
    println!("{} files, {bytes} bytes", first.len());
}

fn blake3_of(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex().to_string()
}

#[test]
fn every_local_address_of_every_page_is_a_file() {
    let files = exported(&Fake::default());
    let mut checked = 0;
    for (name, bytes) in files.iter().filter(|(name, _)| name.ends_with(".html")) {
        let page = std::str::from_utf8(bytes).expect("UTF-8");
        let folder = Path::new(name).parent().expect("a parent");
        for quoted in page.split(" href=\"").skip(1).chain(page.split(" src=\"").skip(1)) {
            let address = quoted.split('"').next().expect("quoted");
            let (file, anchor) = address.split_once('#').unwrap_or((address, ""));
            if file.starts_with("https://") || file.starts_with("data:") {
                continue;
            }
            let mut path = folder.to_owned();
            for part in file.split('/').filter(|part| !part.is_empty()) {
                if part == ".." {
                    path.pop();
                } else {
                    path.push(part);
                }
            }
            let target = if file.is_empty() { name.clone() } else { path.to_string_lossy().into_owned() };
            assert!(files.contains_key(&target), "{name}: {address}");
            if !anchor.is_empty() {
                assert!(text(&files, &target).contains(&format!(" id=\"{anchor}\"")), "{name}: {address}");
            }
            checked += 1;
        }
    }
    assert!(checked > 100, "{checked}");
}

#[test]
fn a_papers_folder_holds_all_that_its_pages_show() {
    let files = exported(&Fake::default());
    for (name, bytes) in files.iter().filter(|(name, _)| name.contains('/') && name.ends_with(".html")) {
        let page = std::str::from_utf8(bytes).expect("UTF-8");
        for quoted in page.split(" src=\"").skip(1).chain(page.split("rel=\"stylesheet\" href=\"").skip(1)) {
            let address = quoted.split('"').next().expect("quoted");
            assert!(!address.contains("..") && !address.contains(':'), "{name}: {address}");
        }
        assert!(!page.contains("http://") && !page.contains("@import"), "{name}");
    }
}

#[test]
fn markup_in_names_and_captions_stays_text() {
    let files = exported(&Fake::default());
    for (name, bytes) in files.iter().filter(|(name, _)| !name.ends_with(".png")) {
        let mut page = std::str::from_utf8(bytes).expect("UTF-8").to_owned();
        if name.ends_with(".ipynb") {
            // What is declared as plain text may hold anything; all else is Markdown or a picture.
            let mut notebook: Value = serde_json::from_str(&page).expect("JSON");
            for cell in notebook["cells"].as_array_mut().expect("cells") {
                cell.pointer_mut("/outputs/0/data")
                    .map(|data| data.as_object_mut().map(|data| data.remove("text/plain")));
            }
            page = notebook.to_string();
        }
        assert!(!page.contains("<script>alert"), "{name}");
        let markup = name.ends_with(".html") || name.ends_with(".svg");
        assert!(!(markup && page.contains("<img src=x")), "{name}");
        assert!(!(markup && page.contains("<angle")), "{name}");
    }
    assert!(text(&files, "guidance/figures/guidance_grid.svg").contains("&lt;script&gt;"));
    assert!(text(&files, "index.html").contains("&lt;script&gt;alert(1)"));
    let notebook = text(&files, "guidance/guidance.ipynb");
    assert!(notebook.contains("&lt;angle brackets&gt;"), "{notebook}");
}

#[test]
fn values_stand_where_they_were_asked_for() {
    let files = exported(&Fake::default());
    let page = text(&files, "ddpm/index.html");
    for part in [
        "trained on 60,000 pictures, and 80.8% of",
        "distance is 7.19 and its shift −0.25;",
        "<a href=\"../solvers/index.html\">Solvers</a>",
        "<code>{{more}}</code> and <code>&lt;b&gt;</code>",
        "<span class=\"tag\">(2)</span>",
        "<span class=\"tag\">(4)</span>",
        "<th scope=\"row\">recognised</th><td class=\"value\">0.8075</td><td class=\"value\">≥ 0.9000</td><td class=\"value\">no</td>",
        "not measured",
        "<b>$ cargo easel info ddpm --preset small</b>\nddpm, preset small",
        "&amp; &lt;more&gt;",
        "<span class=\"k\">pub</span>",
        "// {{more}} is no directive here",
    ] {
        assert!(page.contains(part), "{part}");
    }
    assert!(!page.contains('\u{E000}') && !page.contains("{{number"));
    let chinese = text(&files, "ddpm/index.zh.html");
    assert!(
        chinese.contains("lang=\"zh-Hans\"") && chinese.contains("很难学会；把它拆成"),
        "lines of Chinese are joined"
    );
    assert!(chinese.contains("../solvers/index.zh.html"));
    // The line of a figure in the document's words, on the page and in the gallery; English where it has none.
    let told = "<span lang=\"zh-Hans\">一条链 &lt;b&gt;</span>";
    let gallery = text(&files, "index.zh.html");
    assert!(chinese.contains(told) && gallery.contains(told) && gallery.contains("<span lang=\"en\">"));
    assert!(!text(&files, "index.html").contains("一条链"));
    let slides = text(&files, "ddpm/slides.html");
    assert!(slides.contains("One step".to_lowercase().as_str()) || slides.contains("one step"));
    assert!(!slides.contains("trained on 60,000"), "what follows {{{{more}}}} is not on the slide");
    assert_eq!(slides.matches("<section class=\"slide").count(), 8);
}

#[test]
fn notebooks_keep_the_rules_of_the_format() {
    let files = exported(&Fake::default());
    let mut notebooks = 0;
    for (name, bytes) in files.iter().filter(|(name, _)| name.ends_with(".ipynb")) {
        assert!(bytes.ends_with(b"}\n"), "{name}");
        let notebook: Value = serde_json::from_slice(bytes).expect("JSON");
        assert_eq!((&notebook["nbformat"], &notebook["nbformat_minor"]), (&4.into(), &5.into()));
        assert_eq!(notebook["metadata"]["kernelspec"]["name"], "python3");
        let mut ids = BTreeSet::new();
        let cells = notebook["cells"].as_array().expect("cells");
        for cell in cells {
            let id = cell["id"].as_str().expect("an id");
            assert!((1..=64).contains(&id.len()) && id.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c)));
            assert!(ids.insert(id.to_owned()), "{name}: {id} twice");
            assert!(cell["metadata"].is_object());
            let lines = cell["source"].as_array().expect("lines");
            assert!(!lines.is_empty() && lines.iter().all(Value::is_string));
            match cell["cell_type"].as_str() {
                Some("markdown") => assert!(cell.get("outputs").is_none() && cell.get("execution_count").is_none()),
                Some("code") => {
                    let source = lines[0].as_str().expect("text");
                    assert!(source.starts_with("!cargo easel "), "{source}");
                    let outputs = cell["outputs"].as_array().expect("outputs");
                    // Training alone is left to the reader.
                    assert_eq!(outputs.is_empty(), source.starts_with("!cargo easel run "), "{source}");
                    assert_eq!(cell["execution_count"].is_u64(), !outputs.is_empty(), "{source}");
                    for output in outputs {
                        match output["output_type"].as_str() {
                            Some("display_data") => {
                                assert!(output["metadata"].is_object());
                                assert!(output["data"]["image/png"].as_str().expect("a picture").starts_with("iVBOR"));
                                assert!(
                                    output["data"]["image/svg+xml"][0].as_str().expect("lines").starts_with("<svg")
                                );
                            }
                            Some("stream") => assert_eq!(output["name"], "stdout"),
                            other => panic!("{other:?}"),
                        }
                    }
                }
                other => panic!("{other:?}"),
            }
        }
        notebooks += 1;
    }
    assert_eq!(notebooks, 6);
    let english = text(&files, "ddpm/ddpm.ipynb");
    assert!(english.contains("!cargo easel figure ddpm_chain --out figures") && english.contains("x > -0.25"));
    assert!(english.contains("[Solvers](../solvers/solvers.ipynb)"));
}

/// The error of a document of `ddpm` with this body, whose first line is line 7.
fn error(body: &str) -> String {
    let front = "---\ntitle: T\nshort: S\ncitation: C\nthemes: diffusion\n---\n";
    let fake = Fake { document: Some(format!("{front}{body}")) };
    let folder = tempfile::tempdir().expect("a folder");
    let request = Request {
        papers: vec!["ddpm".into()],
        languages: vec![Language::En],
        parts: Parts::ALL,
        out: folder.path().join("site"),
    };
    let error = export(&fake, &request).expect_err(body);
    assert!(!request.out.exists(), "nothing is written");
    error.to_string()
}

#[test]
fn what_does_not_resolve_is_an_error_with_file_and_line() {
    for (body, line, part) in [
        ("## A\n\n{{figure nothing}}\n", 9, "no figure is called `nothing`"),
        ("## A\n\nx\ny {{number ddpm fid .2}}\n", 10, "no metric is called `fid`; there are: fd-digits"),
        ("## A\n\ny {{number gone fid .2}}\n", 9, "no experiment is called `gone`"),
        ("## A\n\ny {{number ddpm recognised ,}}\n", 9, "not a whole number"),
        ("## A\n\n{{more}}\n\n{{table ddpm fd-digits nope}}\n", 11, "`nope`"),
        ("## A\n\n{{expected guidance}}\n", 9, "no numbers are expected"),
        ("## A\n\n{{code crates/ddpm/src/loss.rs nope}}\n", 9, "there are: l-simple"),
        ("## A\n\n{{code ../secret nope}}\n", 9, "from the project's root"),
        ("## A\n\n{{command easel dance}}\n", 9, "unrecognized subcommand 'dance'"),
        ("## A\n\nsee {{link nobody}}\n", 9, "docs/papers/nobody.md"),
    ] {
        let message = error(body);
        assert!(message.starts_with(&format!("docs/papers/ddpm.md:{line}: {{{{")), "{message}");
        assert!(message.contains("does not resolve") && message.contains(part), "{message}");
    }
}

#[test]
fn what_is_not_in_the_syntax_is_an_error_with_file_and_line() {
    for (body, line, part) in [
        ("# Title\n", 7, "front matter"),
        ("## A\n\n<b>bold</b>\n", 9, "HTML is not part"),
        ("## A\n\nx <!-- y -->\n", 9, "HTML is not part"),
        ("## A\n\n![x](y.png)\n", 9, "{{figure NAME}}"),
        ("## A\n\n[x](../errata.md)\n", 9, "leads nowhere"),
        ("## A\n\n[x](javascript:alert)\n", 9, "leads nowhere"),
        ("## A\n\n[x]\n\n[x]: https://example.org\n", 11, "in the link itself"),
        ("## A\n\n{{picture x}}\n", 9, "no directive is called `picture`"),
        ("## A\n\n{{figure}}\n", 9, "{{figure NAME}}"),
        ("## A\n\nwords {{figure ddpm_chain}}\n", 9, "stands alone"),
        ("## A\n\nwords {{figure ddpm_chain\n", 9, "without a directive and `}}`"),
        ("## A\n\n{{more}}\n\nx\n\n{{more}}\n", 13, "once"),
        ("{{more}}\n", 7, "after its heading"),
        ("## A\n\n{{number ddpm \"fd .2}}\n", 9, "not closed"),
        ("## A\n\nx {{number ddpm fd-digits 2}}\n", 9, "no format"),
        ("## A\n\n$$\\nonsense$$\n", 9, "nonsense"),
        ("## A\n\n$$a\n\nb\n", 9, "`$$` is not closed"),
        ("## A\n\nit costs 5 $ or \\$ 5\n", 9, "without its partner"),
        ("## A\n\nan equation $a\n+ b$\n", 9, "without its partner"),
    ] {
        let message = error(body);
        assert!(message.starts_with(&format!("docs/papers/ddpm.md:{line}: ")), "{body}: {message}");
        assert!(message.contains(part), "{message}");
    }
    for (text, line, part) in [
        ("## A\n", 1, "begins with"),
        ("---\ntitle: T\n---\n", 3, "no `short`"),
        ("---\nname: T\n---\n", 2, "unknown key `name`"),
        ("---\ntitle: T\ntitle: U\n---\n", 3, "twice"),
        ("---\ntitle: T\nshort: S\ncitation: C\nthemes: magic\n---\n", 5, "unknown theme `magic`"),
    ] {
        let fake = Fake { document: Some(text.into()) };
        let folder = tempfile::tempdir().expect("a folder");
        let request = Request { papers: vec!["ddpm".into()], ..everything(&folder.path().join("site")) };
        match export(&fake, &request).expect_err(text) {
            ExportError::Syntax { line: at, what, .. } => assert!(at == line && what.contains(part), "{at} {what}"),
            other => panic!("{other}"),
        }
    }
}

#[test]
fn a_paper_alone_links_to_nothing_that_is_not_there() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("site");
    let request = Request { papers: vec!["ddpm".into()], languages: vec![Language::Zh], ..everything(&out) };
    export(&Fake::default(), &request).expect("exported");
    let files = read(&out);
    let page = text(&files, "ddpm/index.html");
    assert!(page.contains("接下来请看 求解器 与 引导") && !page.contains("../solvers"), "plain words");
    assert!(page.contains("lang=\"zh-Hans\""), "the only language has the plain names");
    let unknown = Request { papers: vec!["gone".into()], ..everything(&out) };
    let message = export(&Fake::default(), &unknown).expect_err("unknown").to_string();
    assert!(message.contains("there are: ddpm, solvers, guidance"), "{message}");
}

#[test]
fn parts_can_be_had_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("site");
    let none = Parts { notebook: false, page: false, slides: false };
    let names = |parts| {
        export(&Fake::default(), &Request { parts, ..everything(&out) }).expect("exported");
        read(&out).into_keys().collect::<Vec<_>>()
    };
    let notebooks = names(Parts { notebook: true, ..none });
    assert_eq!(notebooks.len(), 7, "{notebooks:?}");
    let slides = names(Parts { slides: true, ..none });
    assert!(slides.contains(&"ddpm/figures/ddpm_chain.svg".to_owned()) && !slides.contains(&"index.html".to_owned()));
    assert!(!slides.iter().any(|name| name.ends_with(".ipynb")), "what is stale goes");
}
