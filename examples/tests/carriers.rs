//! The page of carriers links to every example of one, and to nothing that does not exist.

use std::fs;
use std::path::Path;

/// Returns the targets of the links of the page, from the root of the repository.
fn links(page: &str) -> Vec<String> {
    let targets = page.split("](../").skip(1).filter_map(|rest| rest.split_once(')'));
    targets.map(|(target, _)| target.to_owned()).collect()
}

#[test]
fn ok_every_example_is_linked_and_every_link_has_a_file() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let links = links(&fs::read_to_string(root.join("docs/carriers.md")).unwrap());
    let missing: Vec<_> = links.iter().filter(|target| !root.join(target).is_file()).collect();
    assert!(missing.is_empty(), "{missing:?}");
    for folder in ["traceprop-core/examples", "examples/examples"] {
        for entry in fs::read_dir(root.join(folder)).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            if name.ends_with(".rs") {
                assert!(links.contains(&format!("{folder}/{name}")), "{folder}/{name} is not on the page");
            }
        }
    }
}
