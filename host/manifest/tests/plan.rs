//! Good manifests, and what becomes of them.

mod common;

use partita_abi::table::SystemTable;
use partita_manifest::{Plan, load};
use std::fs;

fn plan(test: &str, manifest: &str) -> Plan {
    let folder = common::folder(test);
    let path = folder.join("system.toml");
    fs::write(&path, manifest).unwrap();
    load(&path).unwrap_or_else(|problems| panic!("{problems}"))
}

const COCKPIT: &str = r#"
[system]
name = "cockpit"

[board]
name = "qemu-virt-riscv64"
memory = "1GiB"
cores = 4

[partition.cluster]
criticality = "ASIL-B"
image = "relocated.elf"
memory = "1MiB"
cores = [1]
fp = "none"
budget = "800us"
period = "1ms"
devices = ["rtc"]

[partition.linux]
criticality = "QM"
linux = { kernel = "Image", initramfs = "initramfs.cpio", command-line = "console=ttyS0" }
memory = "512MiB"
cores = [0, 1, 2]
"#;

#[test]
fn the_cockpit_has_a_plan() {
    let plan = plan("cockpit", COCKPIT);
    println!("{}", partita_manifest::explain(&plan, false));
    for index in 0..2 {
        println!("{}", partita_manifest::device_tree_text(&plan, index));
    }
    let mut aligned = vec![0u64; plan.table.len().div_ceil(8)];
    let bytes = zerocopy::IntoBytes::as_mut_bytes(aligned.as_mut_slice());
    bytes[..plan.table.len()].copy_from_slice(&plan.table);
    let table = SystemTable::parse(bytes).unwrap();
    assert_eq!(table.partitions.len(), 2);
    assert_eq!(table.virtual_cores.len(), 4);
}
