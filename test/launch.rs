//! The launch files name only what exists: arguments, files, programs, parameters, topics. Where ROS 2's `launch` is
//! installed, it reads them too.

use halfslam::config::Config;
use halfslam::options::Options;
use roxmltree::{Document, Node};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Stands before every path of this package in a launch file.
const SHARE: &str = "$(find-pkg-share halfslam)/";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// File name to text.
fn launch_files() -> BTreeMap<String, String> {
    let entries = fs::read_dir(root().join("launch")).expect("launch files");
    let names = entries.map(|entry| entry.expect("entry").file_name().into_string().expect("a plain name"));
    let files: BTreeMap<String, String> = names.map(|name| (name.clone(), read(&format!("launch/{name}")))).collect();
    assert!(files.len() >= 4 && files.keys().all(|name| name.ends_with(".launch.xml")), "{:?}", files.keys());
    files
}

/// Calls `check` with each file's name and its elements.
fn for_each_element(mut check: impl FnMut(&str, Node<'_, '_>)) {
    for (name, text) in launch_files() {
        let document = Document::parse(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        document.descendants().filter(Node::is_element).for_each(|element| check(&name, element));
    }
}

/// An attribute that must be there.
fn attribute<'a>(file: &str, element: Node<'a, '_>, name: &str) -> &'a str {
    element.attribute(name).unwrap_or_else(|| panic!("{file}: {element:?} has no {name}"))
}

/// The arguments that a launch file declares, with their defaults.
fn arguments(text: &str) -> BTreeMap<String, Option<String>> {
    let document = Document::parse(text).expect("XML");
    let declared = document.root_element().children().filter(|child| child.has_tag_name("arg"));
    let of = |arg: Node<'_, '_>, name| arg.attribute(name).map(str::to_owned);
    declared.map(|arg| (of(arg, "name").expect("a name"), of(arg, "default"))).collect()
}

/// The names in every `$(var NAME)` of a text.
fn variables(text: &str) -> Vec<&str> {
    text.split("$(var ").skip(1).filter_map(|rest| rest.split(')').next()).collect()
}

#[test]
fn every_argument_has_a_description_and_a_default() {
    for_each_element(|file, element| {
        if element.has_tag_name("arg") && element.parent().is_some_and(|parent| parent.has_tag_name("launch")) {
            let name = attribute(file, element, "name");
            assert!(attribute(file, element, "description").len() > 10, "{file}: {name}");
            // Which recording to play nobody else can know.
            let is_needed = (file, name) == ("replay.launch.xml", "source");
            assert_eq!(element.attribute("default").is_none(), is_needed, "{file}: default of {name}");
        }
    });
}

#[test]
fn every_argument_is_used_and_every_used_one_is_declared() {
    for (file, text) in launch_files() {
        let mut declared: BTreeSet<String> = arguments(&text).into_keys().collect();
        let document = Document::parse(&text).expect("XML");
        let set = document.descendants().filter(|element| element.has_tag_name("let"));
        declared.extend(set.map(|element| attribute(&file, element, "name").to_owned()));
        let used: BTreeSet<String> = variables(&text).into_iter().map(str::to_owned).collect();
        assert_eq!(declared, used, "{file}");
    }
}

#[test]
fn included_files_take_what_they_are_given_and_have_the_same_defaults() {
    let files = launch_files();
    for_each_element(|file, element| {
        if !element.has_tag_name("include") {
            return;
        }
        let path = attribute(file, element, "file").strip_prefix(SHARE).expect("a file of this package");
        let name = path.strip_prefix("launch/").expect("a launch file");
        let inner = arguments(files.get(name).unwrap_or_else(|| panic!("{file}: includes {path}")));
        let outer = arguments(&files[file]);
        for given in element.children().filter(|child| child.has_tag_name("arg")) {
            let (argument, value) = (attribute(file, given, "name"), attribute(file, given, "value"));
            let default =
                inner.get(argument).unwrap_or_else(|| panic!("{file}: {name} has no argument {argument}")).as_deref();
            if let [variable] = variables(value)[..] {
                assert_eq!(outer[variable].as_deref(), default, "{file} and {name}: default of {argument}");
            }
        }
    });
}

#[test]
fn paths_lead_to_files_that_are_installed() {
    let cmake = read("CMakeLists.txt");
    let installed = cmake.lines().find_map(|line| line.strip_prefix("foreach(folder ")).expect("installed folders");
    for (file, text) in launch_files() {
        for rest in text.split(SHARE).skip(1) {
            let path = rest.split(['"', ')']).next().expect("a path");
            let folder = path.split('/').next().expect("a folder");
            assert!(installed.contains(folder), "{file}: {folder} is not installed");
            assert!(root().join(path).is_file(), "{file}: {path}");
        }
    }
}

#[test]
fn nodes_are_programs_of_this_package() {
    let cargo = read("Cargo.toml");
    let installed = read("CMakeLists.txt");
    for_each_element(|file, element| {
        if element.has_tag_name("node") {
            let (package, program) = (attribute(file, element, "pkg"), attribute(file, element, "exec"));
            attribute(file, element, "name");
            attribute(file, element, "namespace");
            if package == "rviz2" {
                assert_eq!((program, element.attribute("if")), ("rviz2", Some("$(var rviz)")));
                return;
            }
            assert_eq!(package, "halfslam", "{file}");
            assert!(cargo.contains(&format!("[[bin]]\nname = \"{program}\"")), "{file}: no program {program}");
            assert!(installed.contains(&format!("release/{program}\"")), "{file}: {program} is not installed");
        }
    });
}

#[test]
fn parameters_are_options() {
    let table: BTreeSet<String> = Config::table().into_iter().map(|row| row.name).collect();
    for_each_element(|file, element| {
        if let (true, Some(name)) = (element.has_tag_name("param"), element.attribute("name")) {
            assert!(table.contains(name) || name == "use_sim_time", "{file}: there is no parameter {name}");
        }
    });
}

#[test]
fn remapped_topics_are_those_of_the_topic_page() {
    let page = read("docs/topics.md");
    let mut remapped = 0;
    for_each_element(|file, element| {
        if element.has_tag_name("remap") {
            let topic = attribute(file, element, "from");
            assert!(page.contains(&format!("| `{topic}` |")), "{file}: there is no topic {topic}");
            let to = variables(attribute(file, element, "to"));
            let declared = arguments(&launch_files()[file]);
            assert_eq!(declared[to[0]].as_deref(), Some(topic), "{file}: the default must leave {topic} as it is");
            remapped += 1;
        }
    });
    assert!(remapped > 20);
}

/// The real parser finds what the checks above cannot: grammar, types, entities that it does not know.
#[test]
fn launch_itself_reads_them_where_it_is_installed() {
    let python = |script: &Path, arguments: &[PathBuf]| {
        Command::new("python3").arg(script).args(arguments).output().expect("python3 starts")
    };
    let script = root().join("test/python/parse_launch.py");
    if !python(&script, &[]).status.success() {
        println!("skipped: ROS 2's launch is not installed");
        return;
    }
    let paths: Vec<PathBuf> = launch_files().keys().map(|name| root().join("launch").join(name)).collect();
    let output = python(&script, &paths);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    for (name, text) in launch_files() {
        let found = String::from_utf8_lossy(&output.stdout);
        let line = found.lines().find(|line| line.starts_with(&name)).unwrap_or_else(|| panic!("{name}: {found}"));
        let expected: Vec<String> = arguments(&text).into_keys().collect();
        assert_eq!(line, format!("{name}: {}", expected.join(" ")));
    }
}
