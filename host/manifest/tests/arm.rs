//! Systems for 64-bit Arm: where things go, what partitions are told, and what the monitor's own check says.

mod common;

use dtoolkit::fdt::Fdt;
use dtoolkit::{Node, Property};
use partita_abi::image::{CRASH_BYTES, STORE_OFFSET, TRANSFER_BYTES};
use partita_abi::table::{Console, RegionKind, Route, SystemTable};
use partita_board::Window;
use partita_manifest::{ImageFile, PartRole, Plan, explain, load};
use std::fs;

const BOARDS: [&str; 2] = ["qemu-virt-aarch64", "qemu-virt-aarch64-gicv2"];

/// The same manifest for every board, but for its name.
fn plan(board: &str, test: &str) -> Plan {
    plan_with(board, test, "", &["trusted-base"])
}

/// With this processor, and programs that accept this.
fn plan_with(board: &str, test: &str, cpu: &str, accepted: &[&str]) -> Plan {
    let folder = common::folder(test);
    let path = folder.join("system.toml");
    let manifest = r#"
system.name = "worlds"
board = { name = "BOARD", memory = "1GiB", cores = 4CPU }

[partition.linux]
criticality = "QM"
linux = { kernel = "Image-{arch}", initramfs = "initramfs.cpio", command-line = "quiet" }
memory = "256MiB"
cores = [3, 1]
devices = ["virtio1"]
watchdog = "30s"
accept = ["dma"]

[partition.cluster]
criticality = "ASIL-D"
image = "relocated-{arch}.elf"
memory = "96KiB"
cores = [1]
budget = "1ms"
period = "4ms"
devices = ["rtc"]
accept = DEVICE

[partition.gateway]
criticality = "ASIL-A"
image = "program-{arch}.elf"
memory = "64KiB"
cores = [1, 2]
budget = "1ms"
period = "4ms"
accept = ACCEPTED
"#;
    let with_device = [accepted, &["open-device"]].concat();
    let manifest = manifest
        .replace("BOARD", board)
        .replace("CPU", cpu)
        .replace("DEVICE", &format!("{with_device:?}"))
        .replace("ACCEPTED", &format!("{accepted:?}"));
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

fn lies_in(inner: Window, outer: Window) -> bool {
    inner.base >= outer.base && inner.base + inner.size <= outer.base + outer.size
}

#[test]
fn one_manifest_serves_both_architectures() {
    for board in ["qemu-virt-riscv64", BOARDS[0], BOARDS[1]] {
        assert_eq!(plan(board, "arm-both").board.name, board);
    }
}

#[test]
fn programs_are_in_secure_memory_and_linux_is_not() {
    let plan = plan(BOARDS[0], "arm-memory");
    let secure = plan.board.secure.unwrap();
    let [linux, cluster, gateway] = &plan.partitions[..] else {
        panic!("three partitions")
    };
    assert!(lies_in(cluster.ram, secure.programs));
    assert!(lies_in(gateway.ram, secure.programs));
    assert_eq!(linux.ram.base, plan.board.ram_base);
    let monitor = secure.monitor;
    assert_eq!(plan.crash_base + CRASH_BYTES, monitor.base + monitor.size);
    let mut normal_end = 0;
    for part in &plan.parts {
        let end = part.source + part.bytes.len() as u64;
        if part.partition == 0 {
            assert_eq!(part.file, ImageFile::Normal);
            assert!(part.source >= normal_end);
            normal_end = end;
            let last = part.destination + part.bytes.len() as u64 + TRANSFER_BYTES;
            assert!(last <= linux.ram.base + linux.ram.size);
            continue;
        }
        assert_eq!(part.file, ImageFile::System);
        assert!(part.source >= STORE_OFFSET);
        assert!(end <= plan.store_end);
    }
    assert!(normal_end > 0);
    assert!(plan.store_end <= secure.flash.size);
    let text = explain(&plan, false);
    assert!(text.contains("is part of the trusted base"), "{text}");
}

#[test]
fn programs_need_no_trust_where_the_processor_has_el2_in_the_secure_world() {
    for (cpu, is_bound) in [
        ("cortex-a53", false),
        ("neoverse-v1", false),
        ("cortex-a710", true),
        ("neoverse-n2", true),
        ("max", true),
    ] {
        let accepted: &[&str] = if is_bound { &[] } else { &["trusted-base"] };
        let cpu = format!(", cpu = \"{cpu}\"");
        let plan = plan_with(BOARDS[0], "arm-stage-2", &cpu, accepted);
        assert_eq!(plan.secure_stage_2, is_bound, "{cpu}");
        let table = SystemTable::parse(&plan.table).unwrap();
        assert_eq!(table.header.secure_stage_2, u8::from(is_bound), "{cpu}");
        let fdt = Fdt::new(blob(&plan, 1)).unwrap();
        let timer = if is_bound { "cntp " } else { "cntps " };
        assert_eq!(text(&fdt, "/timer", "registers"), timer, "{cpu}");
        let text = explain(&plan, false);
        assert_eq!(text.contains("by stage 2 in the secure world"), is_bound);
        assert_eq!(text.contains("is part of the trusted base"), !is_bound);
        assert!(!text.contains("unneeded-acceptance"), "{text}");
    }
}

#[test]
fn a_program_is_relocated_to_its_place() {
    let plan = plan(BOARDS[0], "arm-relocation");
    let cluster = &plan.partitions[1];
    let mut parts = plan.parts.iter();
    let address = cluster.ram.base + 0x2008;
    let part = parts
        .find(|part| {
            (part.destination..part.destination + part.bytes.len() as u64).contains(&address)
        })
        .unwrap();
    let at = (address - part.destination) as usize;
    let value = u64::from_le_bytes(part.bytes[at..at + 8].try_into().unwrap());
    assert_eq!(value, cluster.ram.base + 0x123);
}

#[test]
fn linux_has_a_serial_port_for_itself_and_is_told_of_its_own_cores_timers_and_lines() {
    for (board, controller, flags) in [
        (BOARDS[0], "arm,gic-v3 ", 4),
        // A line of a GICv2 names the cores that it goes to: 1 and 3.
        (BOARDS[1], "arm,gic-400 ", 0b1010 << 8 | 4),
    ] {
        let plan = plan(board, "arm-linux");
        let linux = &plan.partitions[0];
        assert_eq!((linux.console, plan.own_console()), (Console::Own, Some(0)));
        assert!(linux.lines.iter().all(|line| line.route == Route::Direct));
        assert_eq!(
            linux.lines.iter().map(|line| line.line).collect::<Vec<_>>(),
            [56, 33]
        );
        let fdt = Fdt::new(blob(&plan, 0)).unwrap();
        assert_eq!(text(&fdt, "/chosen", "stdout-path"), "/soc/serial@9000000 ");
        assert_eq!(cells(&fdt, "/soc/serial@9000000", "interrupts"), [0, 1, 4]);
        assert_eq!(
            cells(&fdt, "/soc/virtio_mmio@a001000", "interrupts"),
            [0, 24, 1]
        );
        assert!(fdt.find_node("/soc/rtc@9010000").is_none());
        assert_eq!(
            text(&fdt, "/interrupt-controller@8000000", "compatible"),
            controller
        );
        assert_eq!(cells(&fdt, "/timer", "interrupts")[3..6], [1, 11, flags]);
        assert_eq!(text(&fdt, "/psci", "method"), "smc ");
        assert_eq!(cells(&fdt, "/watchdog", "arm,smc-id"), [0x8200_3d06]);
        // By the number in MPIDR_EL1, which is the physical one.
        assert_eq!(cells(&fdt, "/cpus/cpu@3", "reg"), [3]);
        assert_eq!(cells(&fdt, "/cpus/cpu@1", "reg"), [1]);
        assert!(fdt.find_node("/cpus/cpu@0").is_none());
    }
}

#[test]
fn programs_on_one_core_are_told_by_interrupts_of_their_own() {
    let plan = plan(BOARDS[0], "arm-programs");
    for (index, first) in [(1, 8), (2, 11)] {
        let fdt = Fdt::new(blob(&plan, index)).unwrap();
        assert_eq!(cells(&fdt, "/timer", "interrupts"), [first]);
        assert_eq!(
            cells(&fdt, "/partita", "interrupts"),
            [first + 1, first + 2]
        );
        for core in &plan.partitions[index].virtual_cores {
            assert_eq!(core.protection_slot as u32, first);
            assert!(core.protections.is_empty());
        }
    }
    let fdt = Fdt::new(blob(&plan, 1)).unwrap();
    assert_eq!(cells(&fdt, "/soc/rtc@9010000", "interrupts"), [34]);
    assert!(fdt.find_node("/soc/serial@9000000").is_none());
    let devices = plan.partitions[1].regions.iter();
    assert!(
        devices
            .skip(1)
            .all(|region| region.kind == RegionKind::Device)
    );
}

#[test]
fn the_monitor_believes_the_table() {
    for board in BOARDS {
        let plan = plan(board, "arm-table");
        assert_eq!(common::checked(&plan.table, plan.board), Ok(()));
    }
}

#[test]
fn no_device_of_a_board_is_the_monitors() {
    for board in BOARDS {
        let board = partita_board::by_name(board).unwrap();
        let gic = board.architecture.aarch64().unwrap().gic;
        let secure = board.secure.unwrap();
        let mut private = gic.windows().to_vec();
        private.extend([secure.flash, secure.monitor, secure.programs]);
        private.extend([board.uart.window, board.finisher.window]);
        private.extend(secure.images_device);
        for device in board.devices {
            for window in &private {
                let apart = device.window.base + device.window.size <= window.base
                    || window.base + window.size <= device.window.base;
                assert!(apart, "{} touches {:#x}", device.name, window.base);
            }
            assert!(
                device
                    .lines
                    .iter()
                    .all(|line| (32..=gic.lines).contains(line))
            );
            assert!(!device.lines.contains(&board.uart.line));
        }
    }
}
