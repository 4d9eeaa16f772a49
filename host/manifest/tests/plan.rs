//! Good manifests, and what becomes of them.

mod common;

use partita_abi::digest::digest;
use partita_abi::table::{Header, Kind, RegionKind, Route, SystemTable};
use partita_manifest::{
    Criticality, PartRole, Plan, device_tree_text, explain, explain_json, load,
};
use std::fs;
use zerocopy::IntoBytes;

fn plan(test: &str, manifest: &str) -> Plan {
    let folder = common::folder(test);
    let path = folder.join("system.toml");
    fs::write(&path, manifest).unwrap();
    load(&path).unwrap_or_else(|problems| panic!("{problems}"))
}

const BOARD: &str = r#"
[system]
name = "test"

[board]
name = "qemu-virt-riscv64"
memory = "1GiB"
cores = 4
"#;

const COCKPIT: &str = r#"
[system]
name = "cockpit"

[board]
name = "qemu-virt-riscv64"
memory = "1GiB"
cores = 4

[partition.linux]
criticality = "QM"
linux = { kernel = "Image", initramfs = "initramfs.cpio", command-line = "console=ttyS0" }
memory = "512MiB"
cores = [0, 1, 2, 3]
devices = ["virtio3"]
accept = ["dma"]

[partition.cluster]
criticality = "ASIL-B"
image = "relocated.elf"
memory = "1MiB"
cores = [1]
fp = "none"
budget = "800us"
period = "1ms"
devices = ["rtc"]
arguments = "tick=1ms"
"#;

fn with_table<T>(plan: &Plan, read: impl FnOnce(&SystemTable<'_>) -> T) -> T {
    let mut words = vec![0_u64; plan.table.len().div_ceil(8)];
    words.as_mut_bytes()[..plan.table.len()].copy_from_slice(&plan.table);
    read(&SystemTable::parse(words.as_bytes()).unwrap())
}

#[test]
fn the_table_says_what_the_plan_says() {
    let plan = plan("table", COCKPIT);
    with_table(&plan, |table| {
        let names: Vec<&str> = table
            .partitions
            .iter()
            .map(|entry| entry.name.as_str())
            .collect();
        assert_eq!(names, ["linux", "cluster"]);
        assert_eq!(table.header.system.as_str(), "cockpit");
        assert_eq!(table.header.store_end, plan.store_end);
        let [linux, cluster] = table.partitions else {
            panic!()
        };
        assert_eq!(linux.kind, Kind::Linux as u8);
        assert_eq!(linux.uart_base, 0x1000_0000);
        assert_eq!((cluster.budget_ns, cluster.period_ns), (800_000, 1_000_000));
        assert_eq!(cluster.criticality, Criticality::AsilB.level());
        assert_eq!(table.virtual_cores_of(linux).len(), 4);
        let line = table.lines_of(cluster)[0];
        assert_eq!((line.line, line.route), (11, Route::Mediated as u8));
        let line = table.lines_of(linux)[0];
        assert_eq!((line.line, line.route), (4, Route::Direct as u8));
        for core in table.virtual_cores {
            let entries = table.protections_of(core);
            assert!(!entries.is_empty());
            for entry in entries {
                let region = &table.regions[usize::from(entry.region)];
                assert_eq!(region.partition, core.partition);
            }
        }
        for (part, stored) in table.image_parts_of(cluster).iter().zip(&plan.parts) {
            assert_eq!(part.source, stored.source);
            assert_eq!(part.hash, stored.digest);
        }
    });
}

#[test]
fn the_hash_in_the_table_is_that_of_the_rest() {
    let plan = plan("hash", COCKPIT);
    let hash: [u8; 32] = digest(&plan.table[Header::HASHED_FROM..]);
    with_table(&plan, |table| assert_eq!(table.header.hash, hash));
}

#[test]
fn the_same_manifest_gives_the_same_table() {
    assert_eq!(
        plan("again-1", COCKPIT).table,
        plan("again-2", COCKPIT).table
    );
}

#[test]
fn the_most_critical_image_comes_first_in_the_store() {
    let plan = plan("store", COCKPIT);
    let order: Vec<&str> = plan
        .parts
        .iter()
        .map(|part| plan.partitions[part.partition].name.as_str())
        .collect();
    assert_eq!(order, ["cluster", "cluster", "linux", "linux", "linux"]);
    let sources: Vec<u64> = plan.parts.iter().map(|part| part.source).collect();
    assert!(sources.is_sorted());
    assert_eq!(sources[0], 0x8020_0000);
}

#[test]
fn a_position_independent_program_is_relocated_to_its_memory() {
    let plan = plan("relocate", COCKPIT);
    let cluster = &plan.partitions[1];
    let part = &plan.parts[0];
    assert_eq!(
        (part.role, part.destination),
        (PartRole::Program, cluster.ram.base)
    );
    assert_eq!(cluster.entry, cluster.ram.base + 0x10);
    let word = part.bytes[0x2008..0x2010].try_into().unwrap();
    assert_eq!(u64::from_le_bytes(word), cluster.ram.base + 0x123);
}

#[test]
fn a_program_at_fixed_addresses_fixes_its_memory() {
    let manifest = format!(
        "{BOARD}[partition.cluster]\ncriticality = \"QM\"\nimage = \"fixed.elf\"\n\
         memory = \"1MiB\"\ncores = [0]\n"
    );
    let plan = plan("fixed", &manifest);
    assert_eq!(plan.partitions[0].ram.base, 0x9000_0000);
    assert_eq!(plan.partitions[0].entry, 0x9000_0000);
}

#[test]
fn linux_finds_its_parts_where_it_can_map_them() {
    let plan = plan("linux", COCKPIT);
    let linux = &plan.partitions[0];
    assert_eq!(linux.ram.base % (2 << 20), 0);
    assert_eq!(linux.entry, linux.ram.base + 0x20_0000);
    let initramfs = plan
        .parts
        .iter()
        .find(|part| part.role == PartRole::Initramfs)
        .unwrap();
    assert_eq!(initramfs.destination, linux.ram.base + 0x40_0000);
    assert_eq!(linux.device_tree, linux.ram.base + 0x40_2000);
}

#[test]
fn linux_reaches_only_its_own_contexts_of_the_interrupt_controller() {
    let plan = plan("contexts", COCKPIT);
    let pages: Vec<(u64, Option<usize>)> = plan.partitions[0]
        .regions
        .iter()
        .filter(|region| region.kind == RegionKind::InterruptController)
        .map(|region| (region.base, region.only_core))
        .collect();
    let expected = [
        (0xc00_0000, None),
        (0xc20_1000, Some(0)),
        (0xc20_3000, Some(1)),
        (0xc20_5000, Some(2)),
        (0xc20_7000, Some(3)),
    ];
    assert_eq!(pages, expected);
}

#[test]
fn nobody_is_told_of_what_is_not_theirs() {
    let plan = plan("trees", COCKPIT);
    let linux = device_tree_text(&plan, 0);
    let cluster = device_tree_text(&plan, 1);
    for absent in ["test@", "clint", "poweroff", "reset", "rtc@"] {
        assert!(!linux.contains(absent), "{absent}");
    }
    for absent in ["test@", "clint", "poweroff", "serial@", "plic@", "virtio"] {
        assert!(!cluster.contains(absent), "{absent}");
    }
    assert!(linux.contains("virtio_mmio@10004000"));
    assert!(cluster.contains("bootargs = \"tick=1ms\""));
    assert!(cluster.contains("rtc@101000"));
    assert!(
        cluster.contains("rv64imac_zicntr"),
        "no floating point is promised"
    );
    assert!(linux.contains("rv64imafdc_zicntr"));
}

#[test]
fn sstc_is_shown_only_where_it_is() {
    let manifest = COCKPIT.replace("cores = 4", "cores = 4\nsstc = false");
    assert!(!device_tree_text(&plan("sstc", &manifest), 0).contains("sstc"));
    assert!(device_tree_text(&plan("sstc-on", COCKPIT), 0).contains("_sstc"));
}

#[test]
fn input_goes_to_linux_unless_the_manifest_says_otherwise() {
    assert_eq!(plan("focus", COCKPIT).console_focus, 0);
    let manifest = format!("{COCKPIT}[run]\nconsole = \"cluster\"\n");
    assert_eq!(plan("focus-said", &manifest).console_focus, 1);
}

#[test]
fn the_explanation_names_the_line_behind_every_protection_entry() {
    let plan = plan("explain", COCKPIT);
    let text = explain(&plan, false);
    let json = explain_json(&plan);
    for partition in &plan.partitions {
        for core in &partition.virtual_cores {
            for (offset, entry) in core.protections.iter().enumerate() {
                let slot = format!("    {}  ", core.protection_slot + offset);
                let address = format!("pmpaddr {:#012x}", entry.address);
                let line = format!("system.toml:{}", partition.regions[entry.region].line);
                let shown = text.lines().any(|shown| {
                    shown.starts_with(&slot) && shown.contains(&address) && shown.ends_with(&line)
                });
                assert!(shown, "{slot} {address} {line} in\n{text}");
            }
        }
        let regions = json["partitions"][&partition.name]["regions"]
            .as_array()
            .unwrap();
        assert_eq!(regions.len(), partition.regions.len());
    }
    assert!(text.contains("core 1  cluster  ASIL-B  shared"), "{text}");
    assert!(text.contains("warning[dma]"), "{text}");
    assert!(!text.contains('\x1b'));
    assert!(explain(&plan, true).contains('\x1b'));
}
