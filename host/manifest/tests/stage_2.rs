//! Systems whose partitions are kept apart by stage 2 of the normal world of Arm.

mod common;

use dtoolkit::fdt::Fdt;
use dtoolkit::{Node, Property};
use partita_abi::table::{Console, Isolation, Route, SystemTable};
use partita_board::{Aarch64, Architecture, Board, QEMU_VIRT_AARCH64_GICV2, Window};
use partita_manifest::{
    ImageFile, PartRole, Plan, PlannedMapping, explain, explain_json, load, load_for_boards,
};
use std::fs;

const BOARDS: [&str; 2] = ["qemu-virt-aarch64", "qemu-virt-aarch64-gicv2"];

/// Two Linux partitions that share cores with a program and with each other.
const MANIFEST: &str = r#"
system = { name = "both", isolation = "SYSTEM" }
board = { name = "BOARD", memory = "1GiB", cores = 4 }

[partition.first]
criticality = "ASIL-A"
linux = { kernel = "Image-{arch}", initramfs = "initramfs.cpio", command-line = "quiet" }
isolation = "stage2"
memory = "256MiB"
cores = [3, 1]
budget = "1ms"
period = "4ms"
watchdog = "30s"

[partition.second]
criticality = "QM"
linux = { kernel = "Image-{arch}", initramfs = "initramfs.cpio" }
isolation = "stage2"
memory = "128MiB"
cores = [0, 1]
devices = ["rtc"]

[partition.cluster]
criticality = "ASIL-D"
image = "relocated-{arch}.elf"
memory = "96KiB"
cores = [2, 1]
budget = "1ms"
period = "4ms"
devices = ["gpio"]
"#;

/// The plan of the manifest where this is what keeps the program apart.
fn plan(board: &str, test: &str, isolation: &str) -> Plan {
    let folder = common::folder(test);
    let path = folder.join("system.toml");
    let mut manifest = MANIFEST
        .replace("BOARD", board)
        .replace("SYSTEM", isolation);
    if isolation == "trustzone" {
        manifest.push_str("accept = [\"trusted-base\"]\n");
    }
    fs::write(&path, manifest).unwrap();
    load(&path).unwrap_or_else(|problems| panic!("{problems}"))
}

fn blob(plan: &Plan, partition: usize) -> &[u8] {
    let mut parts = plan.parts.iter();
    let tree = |part: &&partita_manifest::StoredPart| {
        part.partition == partition && part.role == PartRole::DeviceTree
    };
    &parts.find(tree).unwrap().bytes
}

fn cells(fdt: &Fdt<'_>, path: &str, name: &str) -> Vec<u32> {
    let node = fdt.find_node(path).unwrap_or_else(|| panic!("no {path}"));
    let property = node
        .property(name)
        .unwrap_or_else(|| panic!("no {name} in {path}"));
    let cells = property.value().chunks_exact(4);
    cells
        .map(|cell| u32::from_be_bytes(cell.try_into().unwrap()))
        .collect()
}

fn text(fdt: &Fdt<'_>, path: &str, name: &str) -> String {
    let node = fdt.find_node(path).unwrap_or_else(|| panic!("no {path}"));
    let bytes = node.property(name).unwrap().value().to_vec();
    String::from_utf8(bytes).unwrap().replace('\0', " ")
}

fn lies_in(inner: Window, from: u64, to: u64) -> bool {
    inner.base >= from && inner.base + inner.size <= to
}

#[test]
fn all_are_in_ordinary_memory_above_what_the_monitor_keeps() {
    for board in BOARDS {
        let plan = plan(board, "stage-2-memory", "stage2");
        let ram_end = plan.board.ram_base + plan.memory_bytes;
        let tables = plan.board.architecture.aarch64().unwrap().stage_2;
        for partition in &plan.partitions {
            assert_eq!(partition.isolation, Isolation::Stage2);
            assert!(lies_in(partition.ram, tables.base + tables.size, ram_end));
        }
        let of_linux = |part: &&partita_manifest::StoredPart| part.partition < 2;
        assert!(plan.parts.iter().any(|part| !of_linux(&part)));
        for part in &plan.parts {
            let file = match of_linux(&part) {
                true => ImageFile::Normal,
                false => ImageFile::System,
            };
            assert_eq!(part.file, file);
        }
        let table = SystemTable::parse(&plan.table).unwrap();
        for partition in table.partitions {
            assert_eq!(partition.isolation, Isolation::Stage2 as u8);
        }
    }
}

#[test]
fn the_monitor_believes_the_table() {
    for board in BOARDS {
        for isolation in ["stage2", "trustzone"] {
            let plan = plan(board, "stage-2-table", isolation);
            assert_eq!(common::checked(&plan.table, plan.board), Ok(()));
        }
    }
}

#[test]
fn a_program_can_stay_in_the_secure_world() {
    let plan = plan(BOARDS[0], "stage-2-mixed", "trustzone");
    let programs = plan.board.secure.unwrap().programs;
    let cluster = &plan.partitions[2];
    assert_eq!(cluster.isolation, Isolation::Board);
    assert!(lies_in(
        cluster.ram,
        programs.base,
        programs.base + programs.size
    ));
    let fdt = Fdt::new(blob(&plan, 2)).unwrap();
    assert_eq!(text(&fdt, "/timer", "registers"), "cntps ");
    // Nobody reaches its device, so nothing has to be accepted.
    assert!(!plan.warnings.to_string().contains("open-device"));
}

/// A board whose memory is all in the normal world: monitor and images are in the RAM too.
static OPEN: Board = Board {
    name: "open-aarch64",
    image_base: QEMU_VIRT_AARCH64_GICV2.ram_base,
    secure: None,
    architecture: Architecture::Aarch64(Aarch64 {
        // Between the signature and the store, as on the ZCU102.
        stage_2: Window {
            base: QEMU_VIRT_AARCH64_GICV2.ram_base + 0x12_0000,
            size: 0xe_0000,
        },
        ..*QEMU_VIRT_AARCH64_GICV2.architecture.aarch64().unwrap()
    }),
    ..QEMU_VIRT_AARCH64_GICV2
};

#[test]
fn without_secure_memory_all_are_behind_stage_2_unless_said() {
    let folder = common::folder("stage-2-open");
    let path = folder.join("system.toml");
    let manifest = MANIFEST
        .replace("BOARD", OPEN.name)
        .replace(", isolation = \"SYSTEM\"", "")
        .replace("isolation = \"stage2\"\n", "");
    fs::write(&path, manifest).unwrap();
    let plan = load_for_boards(&path, &[&OPEN]).unwrap_or_else(|problems| panic!("{problems}"));
    assert!(plan.warnings.is_empty(), "{}", plan.warnings);
    let ram_end = OPEN.ram_base + plan.memory_bytes;
    assert!(plan.store_end > OPEN.image_base);
    for partition in &plan.partitions {
        assert_eq!(partition.isolation, Isolation::Stage2);
        assert!(lies_in(partition.ram, plan.store_end, ram_end));
        assert!(!plan.stage_2(partition).is_empty());
    }
    assert_eq!(plan.partitions[0].console, Console::Uart16550);
    for part in &plan.parts {
        assert_eq!(part.file, ImageFile::System);
        assert!(part.source >= OPEN.image_base);
    }
    let fdt = Fdt::new(blob(&plan, 2)).unwrap();
    assert_eq!(text(&fdt, "/timer", "registers"), "cntp ");
}

#[test]
fn linux_is_told_of_a_machine_of_its_own() {
    for (board, controller, flags) in [
        (BOARDS[0], "arm,gic-v3 ", 4),
        // Its own cores 0 and 1, wherever they are.
        (BOARDS[1], "arm,gic-400 ", 0b11 << 8 | 4),
    ] {
        let plan = plan(board, "stage-2-linux", "stage2");
        assert_eq!(plan.own_console(), None);
        let table = SystemTable::parse(&plan.table).unwrap();
        for index in 0..2 {
            let linux = &plan.partitions[index];
            assert_eq!(linux.console, Console::Uart16550);
            assert_eq!(table.partitions[index].uart_base, 0x904_0000);
            let fdt = Fdt::new(blob(&plan, index)).unwrap();
            assert_eq!(text(&fdt, "/chosen", "stdout-path"), "/soc/serial@9040000 ");
            assert_eq!(text(&fdt, "/soc/serial@9040000", "compatible"), "ns16550a ");
            assert!(fdt.find_node("/soc/serial@9000000").is_none());
            assert_eq!(cells(&fdt, "/cpus/cpu@0", "reg"), [0]);
            assert_eq!(cells(&fdt, "/cpus/cpu@1", "reg"), [1]);
            assert!(fdt.find_node("/cpus/cpu@3").is_none());
            // The physical and the virtual timer: those of EL2 are not its own.
            assert_eq!(
                cells(&fdt, "/timer", "interrupts"),
                [1, 14, flags, 1, 11, flags]
            );
            assert_eq!(text(&fdt, "/timer", "interrupt-names"), "phys virt ");
            assert!(fdt.find_node("/pmu").is_none());
            assert_eq!(text(&fdt, "/psci", "method"), "smc ");
            let gic = "/interrupt-controller@8000000";
            assert_eq!(text(&fdt, gic, "compatible"), controller);
            assert_eq!(cells(&fdt, gic, "reg").len(), 8);
        }
        let fdt = Fdt::new(blob(&plan, 0)).unwrap();
        assert_eq!(cells(&fdt, "/watchdog", "arm,smc-id"), [0x8200_3d06]);
        let fdt = Fdt::new(blob(&plan, 1)).unwrap();
        assert_eq!(cells(&fdt, "/soc/rtc@9010000", "interrupts"), [0, 2, 4]);
        let lines = &plan.partitions[1].lines;
        assert!(lines.iter().all(|line| line.route == Route::Direct));
    }
}

#[test]
fn linux_finds_the_redistributors_of_its_own_cores_side_by_side() {
    let plan = plan(BOARDS[0], "stage-2-redistributors", "stage2");
    let fdt = Fdt::new(blob(&plan, 0)).unwrap();
    assert_eq!(
        cells(&fdt, "/interrupt-controller@8000000", "reg"),
        [0, 0x800_0000, 0, 0x1_0000, 0, 0x80a_0000, 0, 2 * 0x2_0000]
    );
}

#[test]
fn a_program_is_told_of_the_interface_that_it_has() {
    for (board, node) in [
        (BOARDS[0], "/interrupt-controller"),
        (BOARDS[1], "/interrupt-controller@8010000"),
    ] {
        let plan = plan(board, "stage-2-program", "stage2");
        let fdt = Fdt::new(blob(&plan, 2)).unwrap();
        assert_eq!(text(&fdt, "/timer", "registers"), "cntp ");
        assert_eq!(cells(&fdt, "/timer", "interrupts"), [8]);
        assert_eq!(cells(&fdt, "/partita", "interrupts"), [9, 10]);
        assert_eq!(cells(&fdt, "/cpus/cpu@1", "reg"), [1]);
        assert!(fdt.find_node("/cpus/cpu@2").is_none());
        assert_eq!(cells(&fdt, "/soc/gpio@9030000", "interrupts"), [39]);
        let gic = fdt.find_node(node).unwrap();
        match gic.property("reg") {
            None => assert_eq!(board, BOARDS[0]),
            // Without a distributor: the interface acknowledges.
            Some(_) => assert_eq!(cells(&fdt, node, "reg"), [0, 0x801_0000, 0, 0x1000]),
        }
        let lines = &plan.partitions[2].lines;
        assert!(lines.iter().all(|line| line.route == Route::Mediated));
        let cores = &plan.partitions[2].virtual_cores;
        assert!(cores.iter().all(|core| core.protection_slot == 8));
    }
}

#[test]
fn the_explanation_names_the_line_behind_every_row_of_a_stage_2_table() {
    for board in BOARDS {
        let plan = plan(board, "stage-2-rows", "stage2");
        let text = explain(&plan, false);
        let json = explain_json(&plan);
        for partition in &plan.partitions {
            let rows = plan.stage_2(partition);
            let shown = json["partitions"][&partition.name]["stage_2"]
                .as_array()
                .unwrap();
            assert_eq!(shown.len(), rows.len());
            for row in &rows {
                assert_eq!(row.blocks * (2 << 20) + row.pages * 4096, row.size);
                let line = format!("system.toml:{}", row.line);
                let found = text.lines().any(|shown| {
                    shown.contains(&format!("{:#010x}–", row.base))
                        && shown.contains("of 4 KiB") | shown.contains("of 2 MiB")
                        && shown.ends_with(&line)
                });
                assert!(found, "{row:?} in\n{text}");
            }
            // All regions are rows, and only what a GICv2 has in memory is one beyond.
            for region in &partition.regions {
                let same = |row: &&PlannedMapping| {
                    (row.base, row.output, row.size) == (region.base, region.base, region.size)
                };
                assert!(rows.iter().any(|row| same(&row)));
            }
            let beyond = rows.len() - partition.regions.len();
            assert_eq!(beyond, usize::from(board == BOARDS[1]));
        }
        let cluster = plan.stage_2(&plan.partitions[2]);
        let moved: Vec<_> = cluster
            .iter()
            .filter(|row| row.output != row.base)
            .collect();
        match board == BOARDS[1] {
            // The virtual interface, where the program looks for the one of the core.
            true => assert_eq!((moved[0].base, moved[0].output), (0x801_0000, 0x804_0000)),
            false => assert!(moved.is_empty()),
        }
    }
}

/// What is said of a partition: whether it holds, and the words.
fn said(plan: &Plan, name: &str, about: &str) -> Option<(bool, String)> {
    let partition = plan.partitions.iter().find(|entry| entry.name == name)?;
    let separation = plan.separation(partition);
    let mut statements = separation.statements.into_iter();
    let statement = statements.find(|statement| statement.about == about)?;
    Some((statement.holds, statement.text))
}

#[test]
fn the_explanation_says_what_the_choice_keeps_and_costs() {
    let bound = plan(BOARDS[0], "stage-2-keeps", "stage2");
    for name in ["first", "second", "cluster"] {
        assert!(said(&bound, name, "reaches").unwrap().0);
        assert_eq!(
            said(&bound, name, "reached by"),
            Some((true, "nobody else".to_owned()))
        );
        assert!(said(&bound, name, "time").unwrap().0);
        assert!(said(&bound, name, "translation").is_some());
    }
    assert!(!said(&bound, "first", "KVM").unwrap().0);
    assert!(said(&bound, "cluster", "KVM").is_none());
    assert!(explain(&bound, false).contains("Kept apart by stage 2"));
    // The program in the secure world is trusted by all.
    let mixed = plan(BOARDS[0], "stage-2-trusts", "trustzone");
    assert!(!said(&mixed, "cluster", "reaches").unwrap().0);
    assert!(!said(&mixed, "cluster", "time").unwrap().0);
    assert!(said(&mixed, "cluster", "reached by").unwrap().0);
    for name in ["first", "second"] {
        let (holds, by) = said(&mixed, name, "reached by").unwrap();
        assert!(!holds && by.starts_with("cluster, "), "{by}");
    }
    let json = explain_json(&mixed);
    assert_eq!(json["partitions"]["first"]["isolation"]["by"], "stage2");
    assert_eq!(
        json["partitions"]["cluster"]["isolation"]["by"],
        "trustzone"
    );
}

#[test]
fn a_device_with_dma_reaches_all_that_is_not_secure() {
    let folder = common::folder("stage-2-dma");
    let path = folder.join("system.toml");
    let manifest = MANIFEST
        .replace("BOARD", BOARDS[0])
        .replace("SYSTEM", "trustzone")
        .replace(
            "devices = [\"rtc\"]",
            "devices = [\"virtio0\"]\naccept = [\"dma\"]",
        );
    fs::write(&path, format!("{manifest}accept = [\"trusted-base\"]\n")).unwrap();
    let plan = load(&path).unwrap_or_else(|problems| panic!("{problems}"));
    let (_, by) = said(&plan, "first", "reached by").unwrap();
    assert!(by.contains("second, by a device with DMA"), "{by}");
    assert!(said(&plan, "cluster", "reached by").unwrap().0);
    assert!(plan.warnings.to_string().contains("warning[dma]"));
}

#[test]
fn linux_at_el2_can_be_asked_for_virtual_machines() {
    let folder = common::folder("stage-2-kvm");
    let path = folder.join("system.toml");
    let manifest = r#"
system.name = "machines"
board = { name = "qemu-virt-aarch64", memory = "1GiB", cores = 4 }
[partition.linux]
criticality = "QM"
linux = { kernel = "Image-{arch}", kvm = true }
memory = "256MiB"
cores = [0]
"#;
    fs::write(&path, manifest).unwrap();
    let plan = load(&path).unwrap_or_else(|problems| panic!("{problems}"));
    assert!(said(&plan, "linux", "KVM").unwrap().0);
    assert!(plan.stage_2(&plan.partitions[0]).is_empty());
}
