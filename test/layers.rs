//! The layers hold: no `use crate::` points to a later layer, r2r is named under `src/ros` only, and no file is left out.

use std::fs;
use std::path::{Path, PathBuf};

fn source_files(folder: &Path, files: &mut Vec<PathBuf>) {
    let entries = fs::read_dir(folder).expect("readable");
    let mut entries: Vec<_> = entries.map(|entry| entry.expect("entry").path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            source_files(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

fn sources() -> (PathBuf, Vec<PathBuf>) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    source_files(&root, &mut files);
    assert!(files.len() > 20, "the sources are where they should be");
    (root, files)
}

/// The layers in the order in which `src/lib.rs` declares them.
fn layers(root: &Path) -> Vec<String> {
    let text = fs::read_to_string(root.join("lib.rs")).expect("lib.rs");
    let declared = text.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'));
    let names: Vec<String> = declared.map(str::to_owned).collect();
    assert!(names.len() > 10, "lib.rs declares the layers, found {names:?}");
    names
}

/// The layer of a file: its first path component.
fn layer_of(root: &Path, file: &Path) -> String {
    let relative = file.strip_prefix(root).expect("below src");
    let first = relative.components().next().expect("a name").as_os_str().to_string_lossy().into_owned();
    first.trim_end_matches(".rs").to_owned()
}

/// The layers named in `crate::NAME` and `crate::{NAME…}`.
fn named_layers(text: &str) -> Vec<String> {
    let word = |text: &str| text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    let after = text.split("crate::").skip(1);
    after
        .flat_map(|rest| match rest.strip_prefix('{') {
            Some(group) => {
                let inside = group.split('}').next().unwrap_or("");
                inside.split(',').map(|item| word(item.trim())).collect::<Vec<_>>()
            }
            None => vec![word(rest)],
        })
        .collect()
}

#[test]
fn no_layer_knows_one_above_it() {
    let (root, files) = sources();
    let order = layers(&root);
    let place = |name: &str| order.iter().position(|layer| layer == name);
    let mut wrong = Vec::new();
    let mut checked = 0;
    for file in &files {
        let Some(own) = place(&layer_of(&root, file)) else { continue };
        let text = fs::read_to_string(file).expect("a source file");
        for named in named_layers(&text) {
            if let Some(other) = place(&named) {
                checked += 1;
                if other > own {
                    wrong.push(format!("{}: {} must not know {named}", file.display(), order[own]));
                }
            }
        }
    }
    assert!(checked > 50, "only {checked} imports found");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn files_outside_that_hold(allowed: impl Fn(&Path) -> bool, words: &[&str]) -> Vec<PathBuf> {
    let (root, files) = sources();
    let below_src = |file: &PathBuf| file.strip_prefix(&root).expect("below src").to_owned();
    let holds = |file: &PathBuf| {
        let text = fs::read_to_string(file).expect("a source file");
        words.iter().any(|word| text.contains(word))
    };
    files.into_iter().filter(|file| !allowed(&below_src(file))).filter(holds).collect()
}

#[test]
fn r2r_is_named_in_the_ros_layer_only() {
    let wrong = files_outside_that_hold(|file| file.starts_with("ros"), &["r2r::"]);
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[test]
fn unsafe_code_is_in_kernels_only() {
    let in_kernels = |file: &Path| file.starts_with("precision/kernels");
    let wrong = files_outside_that_hold(in_kernels, &["unsafe {", "unsafe fn", "unsafe impl"]);
    assert!(wrong.is_empty(), "{wrong:?}");
}

/// The compiler says nothing of a file that no `mod` names, and its tests are never run.
#[test]
fn every_file_is_part_of_the_crate() {
    let (root, files) = sources();
    let is_root = |file: &PathBuf| file.parent() == Some(&root.join("bin")) || *file == root.join("lib.rs");
    for file in files.iter().filter(|file| !is_root(file)) {
        // `a/mod.rs` is declared beside `a`, `a/b.rs` in `a/mod.rs` or `a.rs`, a program's parts in its `main.rs`.
        let module = if file.ends_with("mod.rs") { file.parent().expect("a folder") } else { file };
        let name = module.file_stem().expect("a name").to_string_lossy();
        let folder = module.parent().expect("a folder");
        let declaring =
            [folder.join("mod.rs"), folder.join("lib.rs"), folder.join("main.rs"), folder.with_extension("rs")];
        let declares = |parent: &PathBuf| {
            let text = fs::read_to_string(parent).unwrap_or_default();
            text.lines().any(|line| line.ends_with(&format!("mod {name};")))
        };
        let is_program = file.ends_with("main.rs");
        assert!(is_program || declaring.iter().any(declares), "{}: no `mod {name};` names it", file.display());
    }
}
