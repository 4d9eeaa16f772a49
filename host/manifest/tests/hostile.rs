//! Nothing that a file can hold makes the planner panic.

mod common;

use partita_manifest::{explain, load};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use std::fs;
use std::ops::Range;

const MANIFEST: &str = r#"[system]
name = "hostile"
[board]
name = "qemu-virt-riscv64"
memory = "1GiB"
cores = 4
[partition.cluster]
criticality = "ASIL-B"
image = "relocated.elf"
memory = { base = "0x9000_0000", size = "1MiB" }
cores = [1]
fp = "none"
budget = "800us"
period = "1ms"
devices = ["rtc"]
arguments = "text"
[partition.linux]
criticality = "QM"
linux = { kernel = "Image", initramfs = "initramfs.cpio", command-line = "quiet" }
memory = "64MiB"
cores = [0, 1]
accept = ["dma"]
[run]
console = "linux"
"#;

/// The same for 64-bit Arm, with everything that only it has.
const ARM: &str = r#"[system]
name = "hostile"
isolation = "stage2"
[board]
name = "qemu-virt-aarch64-gicv2"
cpu = "cortex-a72"
memory = "1GiB"
cores = 4
[partition.cluster]
criticality = "ASIL-B"
image = "relocated-{arch}.elf"
isolation = "trustzone"
memory = { base = "0x0e30_0000", size = "1MiB" }
cores = [1]
devices = ["rtc"]
accept = ["trusted-base"]
[partition.gateway]
criticality = "ASIL-A"
image = "program-{arch}.elf"
memory = "64KiB"
cores = [1, 2]
console = "uart"
[partition.linux]
criticality = "QM"
linux = { kernel = "Image-{arch}", initramfs = "initramfs.cpio", kvm = false }
memory = { base = "0x4020_0000", size = "64MiB" }
cores = [0, 1]
devices = ["virtio0"]
accept = ["dma"]
"#;

fn run<S: Strategy>(cases: u32, strategy: S, test: impl Fn(S::Value) -> Result<(), TestCaseError>) {
    let mut runner = TestRunner::new(Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    });
    runner.run(&strategy, test).unwrap();
}

/// Values that are likely to overflow something.
fn word() -> impl Strategy<Value = u64> {
    prop_oneof![
        any::<u64>(),
        0_u64..0x4000,
        (0_u32..64).prop_map(|bit| 1 << bit),
        (0_u64..16).prop_map(|below| u64::MAX - below),
    ]
}

#[test]
fn any_manifest_gets_a_plan_or_problems() {
    edit("hostile-manifest", MANIFEST);
}

#[test]
fn any_manifest_for_arm_gets_a_plan_or_problems() {
    edit("hostile-arm", ARM);
}

/// Edits a manifest in a few places, and loads the system.
fn edit(test: &str, manifest: &str) {
    let folder = common::folder(test);
    let path = folder.join("system.toml");
    fs::write(&path, manifest).unwrap();
    load(&path).unwrap_or_else(|problems| panic!("{problems}"));
    let snippets = [
        "\"",
        "[",
        "]",
        "{",
        "=",
        "\n",
        "9",
        "-1",
        "0x",
        "\\u0000",
        "é",
        "[partition.x]",
    ];
    let edit = (0..manifest.len(), 0_usize..12, 0_usize..snippets.len());
    run(4000, proptest::collection::vec(edit, 1..4), |edits| {
        let mut text = manifest.to_owned();
        for (start, length, snippet) in edits {
            let start = start.min(text.len());
            let end = (start + length).min(text.len());
            if text.is_char_boundary(start) && text.is_char_boundary(end) {
                text.replace_range(start..end, snippets[snippet]);
            }
        }
        fs::write(&path, &text).unwrap();
        match load(&path) {
            Ok(plan) => {
                prop_assert!(!plan.table.is_empty());
                prop_assert!(!explain(&plan, false).is_empty());
            }
            Err(problems) => {
                prop_assert!(!problems.is_empty());
                prop_assert!(!problems.render(true).is_empty());
            }
        }
        Ok(())
    });
}

/// Replaces words at the `place` in `file`, and cuts it, and loads the system.
fn damage(test: &str, file: &str, place: impl Fn(usize) -> Range<usize>) {
    let folder = common::folder(test);
    let path = folder.join("system.toml");
    fs::write(&path, MANIFEST).unwrap();
    let original = fs::read(folder.join(file)).unwrap();
    let offset = place(original.len());
    let cut = prop_oneof![4 => Just(usize::MAX), 1 => 0..original.len()];
    let edits = proptest::collection::vec((offset, word(), 1_usize..=8), 1..4);
    run(4000, (edits, cut), |(edits, cut)| {
        let mut bytes = original.clone();
        for (offset, word, length) in edits {
            let end = (offset + length).min(bytes.len());
            bytes[offset..end].copy_from_slice(&word.to_le_bytes()[..end - offset]);
        }
        bytes.truncate(cut);
        fs::write(folder.join(file), &bytes).unwrap();
        if let Err(problems) = load(&path) {
            prop_assert!(!problems.is_empty());
        }
        Ok(())
    });
}

#[test]
fn any_elf_file_is_placed_or_refused() {
    // File header and program headers.
    damage("hostile-elf", "relocated.elf", |_| 0..64 + 5 * 56);
}

#[test]
fn any_relocation_table_is_applied_or_refused() {
    // The table and the dynamic section stand last.
    damage("hostile-relocations", "relocated.elf", |length| {
        length - 88..length
    });
}

#[test]
fn any_kernel_is_placed_or_refused() {
    damage("hostile-kernel", "Image", |_| 0..0x40);
}
