//! Every diagnostic, each with a manifest that causes it and the message that it must give.
//!
//! `tests/bad/CODE.toml` or `tests/bad/CODE--VARIANT.toml` must have a problem with that code, and
//! must be rendered as in the `.expected` file beside it. After a wanted change of a message, run
//! the tests with `UPDATE=1` and read the difference.

mod common;

use partita_board::{
    Architecture, Board, QEMU_VIRT_AARCH64, QEMU_VIRT_RISCV64, Riscv64, SecureMemory, Window,
};
use partita_manifest::{Code, Problems, load_for_boards};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// A board with so few protection entries that a partition can want more.
static NARROW: Board = Board {
    name: "narrow-riscv64",
    architecture: Architecture::Riscv64(Riscv64 {
        protection_entries: 6,
        ..*QEMU_VIRT_RISCV64.architecture.riscv64().unwrap()
    }),
    ..QEMU_VIRT_RISCV64
};

/// A board with so little flash that a system can want more.
static SHORT: Board = Board {
    name: "short-aarch64",
    secure: Some(SecureMemory {
        flash: Window {
            base: 0,
            size: 0x20_1000,
        },
        images_device: None,
        ..QEMU_VIRT_AARCH64.secure.unwrap()
    }),
    ..QEMU_VIRT_AARCH64
};

/// A board of Arm without secure memory.
static OPEN: Board = Board {
    name: "open-aarch64",
    image_base: QEMU_VIRT_AARCH64.ram_base,
    secure: None,
    ..QEMU_VIRT_AARCH64
};

fn manifests() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bad");
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "toml")
        })
        .collect();
    files.sort();
    files
}

/// The code that a file is named after.
fn code_of(path: &Path) -> String {
    let stem = path.file_stem().unwrap().to_str().unwrap();
    stem.split("--").next().unwrap().to_owned()
}

/// The problems of a manifest, or the warnings if it has a plan all the same.
fn problems_of(path: &Path, folder: &Path) -> Problems {
    let copy = folder.join(path.file_name().unwrap());
    fs::copy(path, &copy).unwrap();
    let mut boards: Vec<&'static Board> = partita_board::ALL.to_vec();
    if code_of(path) == Code::ProtectionEntries.name() {
        boards.push(&NARROW);
    }
    if code_of(path) == Code::ImageTooLarge.name() {
        boards.push(&SHORT);
    }
    if path.to_string_lossy().contains("--open") {
        boards.push(&OPEN);
    }
    match load_for_boards(&copy, &boards) {
        Ok(plan) => plan.warnings,
        Err(problems) => problems,
    }
}

#[test]
fn every_bad_manifest_gets_the_message_beside_it() {
    let folder = common::folder("bad");
    let prefix = format!("{}/", folder.display());
    let update = std::env::var_os("UPDATE").is_some();
    let mut failures = Vec::new();
    for path in manifests() {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let problems = problems_of(&path, &folder);
        let code = code_of(&path);
        if !problems.iter().any(|problem| problem.code.name() == code) {
            failures.push(format!("{name} does not cause `{code}` but\n{problems}"));
        }
        let rendered = problems.render(false).replace(&prefix, "");
        let expected_path = path.with_extension("expected");
        if update {
            fs::write(&expected_path, &rendered).unwrap();
        }
        let expected = fs::read_to_string(&expected_path).unwrap_or_default();
        if rendered != expected {
            failures.push(format!("{name} gives\n{rendered}\nand not\n{expected}"));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

#[test]
fn every_code_has_a_bad_manifest() {
    let known: BTreeSet<String> = Code::ALL
        .iter()
        .map(|code| code.name().to_owned())
        .collect();
    let tested: BTreeSet<String> = manifests().iter().map(|path| code_of(path)).collect();
    assert_eq!(tested, known);
    assert_eq!(known.len(), Code::ALL.len(), "two codes have the same name");
}

#[test]
fn every_error_says_where_and_what_to_change() {
    let folder = common::folder("bad-style");
    for path in manifests() {
        for problem in &problems_of(&path, &folder) {
            let message = &problem.message;
            let starts_low =
                !message.starts_with(char::is_uppercase) || message.starts_with("Linux");
            assert!(starts_low, "{message}");
            assert!(!message.ends_with('.'), "{message}");
            let whole = [Code::ManifestUnreadable, Code::NoSmepmp];
            if !whole.contains(&problem.code) {
                assert!(!problem.labels.is_empty(), "{message}");
            }
        }
    }
}

#[test]
fn problems_can_be_read_by_tools() {
    let folder = common::folder("bad-json");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bad/device-conflict.toml");
    let json = problems_of(&path, &folder).to_json();
    assert_eq!(json[0]["code"], "device-conflict");
    assert_eq!(json[0]["severity"], "error");
    let labels = json[0]["labels"].as_array().unwrap();
    assert_eq!(labels.len(), 2);
    assert!(labels.iter().all(|label| label["line"].as_u64() > Some(0)));
}
