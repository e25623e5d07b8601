//! The written reference (configuration file, parameter page) says what the table in the code says.

use halfslam::config::Config;
use halfslam::options::Options;
use std::fs;
use std::path::Path;

fn repository_file(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn the_configuration_file_holds_every_default() {
    let hint = "run: cargo run --release -- parameters > config/halfslam.yaml";
    assert_eq!(repository_file("config/halfslam.yaml"), Config::default().to_yaml(), "{hint}");
}

#[test]
fn the_parameter_page_is_the_table() {
    let hint = "run: cargo run --release -- parameters --format markdown > docs/parameters.md";
    assert_eq!(repository_file("docs/parameters.md"), Config::reference_page(), "{hint}");
}

#[test]
fn the_configuration_file_is_read_back_as_the_default() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/halfslam.yaml");
    assert_eq!(Config::load(&path).expect("own file"), Config::default());
}

#[test]
fn every_parameter_has_a_text_and_a_default_that_is_allowed() {
    for row in Config::table() {
        assert!(row.text.len() > 10 && row.text.ends_with('.'), "{}: '{}'", row.name, row.text);
        let mut config = Config::default();
        config.change(&row.name, &row.default).unwrap_or_else(|error| panic!("default refused: {error}"));
    }
}
