//! The schema describes what the parser takes.

mod common;

use partita_manifest::{Code, load, schema};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// The tables of a manifest, as the schema calls them.
const TABLES: [&str; 11] = [
    "System",
    "Board",
    "Run",
    "Partition",
    "Linux",
    "FixedMemory",
    "Health",
    "ToldResponse",
    "Restart",
    "StartedWatchdog",
    "Interrupts",
];

/// The schema of the table with this name.
fn table<'a>(schema: &'a Value, name: &str) -> &'a Value {
    if name.is_empty() {
        return schema;
    }
    &schema["$defs"][name]
}

fn keys(schema: &Value, name: &str) -> BTreeSet<String> {
    let properties = table(schema, name)["properties"].as_object().unwrap();
    properties.keys().cloned().collect()
}

/// The keys that the parser names when it meets an unknown one.
fn parsed_keys(test: &str, manifest: &str) -> BTreeSet<String> {
    let folder = common::folder(test);
    let path = folder.join("system.toml");
    fs::write(&path, manifest).unwrap();
    let problems = load(&path).unwrap_err();
    let problem = problems
        .iter()
        .find(|problem| problem.code == Code::UnknownKey)
        .unwrap_or_else(|| panic!("{problems}"));
    let help = problem.help.clone().unwrap();
    let quoted = help.split('`').skip(1).step_by(2);
    quoted.map(str::to_owned).collect()
}

#[test]
fn the_schema_and_the_parser_know_the_same_keys() {
    let schema = schema();
    let unknown = "zzzzzzzzzzzzzz = 1\n";
    let partition = "[partition.a]\n";
    let cases = [
        ("", String::new()),
        ("System", "[system]\n".to_owned()),
        ("Board", "[board]\n".to_owned()),
        ("Run", "[run]\n".to_owned()),
        ("Partition", partition.to_owned()),
        ("Linux", format!("{partition}[partition.a.linux]\n")),
        ("FixedMemory", format!("{partition}[partition.a.memory]\n")),
        ("Health", format!("{partition}[partition.a.health]\n")),
        (
            "ToldResponse",
            format!("{partition}[partition.a.health.panic]\n"),
        ),
        ("Restart", format!("{partition}[partition.a.restart]\n")),
        (
            "StartedWatchdog",
            format!("{partition}[partition.a.watchdog]\n"),
        ),
        (
            "Interrupts",
            format!("{partition}[partition.a.interrupts]\n"),
        ),
    ];
    for (name, header) in cases {
        let manifest = format!("{header}{unknown}");
        assert_eq!(
            keys(&schema, name),
            parsed_keys(&format!("schema-{name}"), &manifest),
            "{name}"
        );
        assert_eq!(
            table(&schema, name)["additionalProperties"],
            false,
            "{name}"
        );
    }
}

#[test]
fn the_example_in_the_reference_is_a_sound_manifest() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/manifest.md");
    let page = fs::read_to_string(page).unwrap();
    let example = page.split("```toml\n").nth(1).unwrap();
    let example = example.split("```").next().unwrap();
    let folder = common::folder("reference");
    fs::copy(folder.join("program.elf"), folder.join("cluster.elf")).unwrap();
    let path = folder.join("system.toml");
    fs::write(&path, example).unwrap();
    let plan = load(&path).unwrap_or_else(|problems| panic!("{problems}"));
    assert!(plan.warnings.is_empty(), "{}", plan.warnings);
}

#[test]
fn nothing_may_be_null() {
    let text = schema().to_string();
    assert!(!text.contains("null"), "{text}");
}

#[test]
fn every_key_and_every_code_is_in_the_reference() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/manifest.md");
    let page = fs::read_to_string(page).unwrap();
    let schema = schema();
    for name in TABLES {
        for key in keys(&schema, name) {
            assert!(page.contains(&format!("`{key}`")), "{name}.{key}");
        }
    }
    for code in Code::ALL {
        assert!(page.contains(&format!("| `{code}` |")), "{code}");
    }
}

#[test]
fn every_key_is_described() {
    let schema = schema();
    for name in TABLES.into_iter().chain([""]) {
        let properties = table(&schema, name)["properties"].as_object().unwrap();
        for (key, property) in properties {
            assert!(property["description"].is_string(), "{name}.{key}");
        }
    }
}
