//! Device trees as a partition reads them: through another crate's parser.

mod common;

use dtoolkit::fdt::Fdt;
use dtoolkit::{Node, Property};
use partita_manifest::{PartRole, Plan, load};
use std::fs;

fn plan(test: &str) -> Plan {
    plan_on("qemu-virt-riscv64", test)
}

fn plan_on(board: &str, test: &str) -> Plan {
    let folder = common::folder(test);
    let path = folder.join("system.toml");
    let manifest = r#"
system.name = "trees"
board = { name = "BOARD", memory = "1GiB", cores = 4 }

[partition.linux]
criticality = "QM"
linux = { kernel = "Image", initramfs = "initramfs.cpio", command-line = "quiet" }
memory = { base = "0x9000_0000", size = "256MiB" }
cores = [3, 1]
watchdog = "30s"

[partition.cluster]
criticality = "ASIL-D"
image = "program.elf"
memory = "96KiB"
cores = [1]
budget = "1ms"
period = "2ms"
devices = ["rtc"]
"#;
    let manifest = manifest.replace("BOARD", board);
    fs::write(&path, manifest).unwrap();
    load(&path).unwrap_or_else(|problems| panic!("{problems}"))
}

fn blob(plan: &Plan, partition: usize) -> &[u8] {
    let part = plan
        .parts
        .iter()
        .find(|part| part.partition == partition && part.role == PartRole::DeviceTree);
    &part.unwrap().bytes
}

fn cells(fdt: &Fdt<'_>, path: &str, name: &str) -> Vec<u32> {
    let node = fdt.find_node(path).unwrap_or_else(|| panic!("no {path}"));
    let property = node
        .property(name)
        .unwrap_or_else(|| panic!("no {name} in {path}"));
    property
        .value()
        .chunks_exact(4)
        .map(|cell| u32::from_be_bytes(cell.try_into().unwrap()))
        .collect()
}

fn text(fdt: &Fdt<'_>, path: &str, name: &str) -> String {
    let node = fdt.find_node(path).unwrap_or_else(|| panic!("no {path}"));
    let property = node.property(name).unwrap();
    let bytes = property.value().strip_suffix(b"\0").unwrap();
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn linux_learns_its_memory_initramfs_and_command_line() {
    let plan = plan("tree-linux");
    let fdt = Fdt::new(blob(&plan, 0)).unwrap();
    assert_eq!(
        cells(&fdt, "/memory@90000000", "reg"),
        [0, 0x9000_0000, 0, 0x1000_0000]
    );
    assert_eq!(
        cells(&fdt, "/chosen", "linux,initrd-start"),
        [0, 0x9040_0000]
    );
    assert_eq!(cells(&fdt, "/chosen", "linux,initrd-end"), [0, 0x9040_1234]);
    assert_eq!(text(&fdt, "/chosen", "bootargs"), "quiet");
    let console = text(&fdt, "/chosen", "stdout-path");
    assert!(fdt.find_node(&console).is_some());
}

#[test]
fn the_context_of_a_physical_hart_belongs_to_the_virtual_core_on_it() {
    let plan = plan("tree-plic");
    let fdt = Fdt::new(blob(&plan, 0)).unwrap();
    let controller = |core: u32| {
        let path = format!("/cpus/cpu@{core}/interrupt-controller");
        cells(&fdt, &path, "phandle")[0]
    };
    // The partition's core 0 is hart 3, its core 1 is hart 1.
    let (on_3, on_1) = (controller(0), controller(1));
    let contexts = cells(&fdt, "/soc/plic@c000000", "interrupts-extended");
    assert_eq!(contexts.len(), 16);
    let nobody = u32::MAX;
    for (context, pair) in contexts.chunks_exact(2).enumerate() {
        match context {
            3 => assert_eq!(pair, [on_1, 9]),
            7 => assert_eq!(pair, [on_3, 9]),
            _ => assert_eq!(pair[1], nobody, "context {context}"),
        }
    }
}

#[test]
fn linux_is_told_of_the_interrupt_files_of_its_own_harts_only() {
    let plan = plan_on("qemu-virt-riscv64-aia", "tree-imsic");
    let fdt = Fdt::new(blob(&plan, 0)).unwrap();
    let controller = |core: u32| {
        let path = format!("/cpus/cpu@{core}/interrupt-controller");
        cells(&fdt, &path, "phandle")[0]
    };
    // In the order of the files: hart 1 is the partition's core 1, hart 3 its core 0.
    let imsics = "/soc/imsics@28001000";
    let files = [0, 0x2800_1000, 0, 0x1000, 0, 0x2800_3000, 0, 0x1000];
    assert_eq!(cells(&fdt, imsics, "reg"), files);
    let listeners = [controller(1), 9, controller(0), 9];
    assert_eq!(cells(&fdt, imsics, "interrupts-extended"), listeners);
    // Eight harts at most: the first file is found from any of them.
    assert_eq!(cells(&fdt, imsics, "riscv,hart-index-bits"), [3]);
    let parent = cells(&fdt, "/soc/aplic@d000000", "msi-parent");
    assert_eq!(parent, cells(&fdt, imsics, "phandle"));
    let isa = |partition: usize| {
        let fdt = Fdt::new(blob(&plan, partition)).unwrap();
        text(&fdt, "/cpus/cpu@0", "riscv,isa")
    };
    assert!(isa(0).contains("_ssaia"));
    assert!(!isa(1).contains("ssaia"));
    let program = Fdt::new(blob(&plan, 1)).unwrap();
    assert_eq!(cells(&program, "/soc/rtc@101000", "interrupts"), [11]);
    assert!(program.find_node("/soc/aplic@d000000").is_none());
}

#[test]
fn a_program_learns_its_memory_and_devices() {
    let plan = plan("tree-program");
    let fdt = Fdt::new(blob(&plan, 1)).unwrap();
    let ram = plan.partitions[1].ram;
    let path = format!("/memory@{:x}", ram.base);
    assert_eq!(cells(&fdt, &path, "reg"), [0, ram.base as u32, 0, 0x1_8000]);
    assert_eq!(cells(&fdt, "/soc/rtc@101000", "interrupts"), [11]);
    assert_eq!(cells(&fdt, "/cpus", "timebase-frequency"), [10_000_000]);
    assert!(fdt.find_node("/soc/serial@10000000").is_none());
    let end = ram.base + ram.size;
    assert!(plan.partitions[1].device_tree + blob(&plan, 1).len() as u64 <= end);
}

#[test]
fn linux_finds_its_watchdog_where_the_monitor_stands_in_for_it() {
    let plan = plan("watchdog");
    assert!(plan.partitions[0].health.watchdog_ns != 0);
    let fdt = Fdt::new(blob(&plan, 0)).unwrap();
    let base = plan.board.architecture.riscv64().unwrap().watchdog().base;
    let path = format!("/soc/watchdog@{base:x}");
    assert_eq!(text(&fdt, &path, "compatible"), "allwinner,sun20i-d1-wdt");
    assert_eq!(cells(&fdt, &path, "reg"), [0, base as u32, 0, 0x1000]);
    // The driver knows no longer time.
    assert_eq!(cells(&fdt, &path, "timeout-sec"), [16]);
}

#[test]
fn no_board_has_anything_where_watchdogs_are() {
    for board in partita_board::ALL {
        let Some(riscv) = board.architecture.riscv64() else {
            continue;
        };
        let watchdog = riscv.watchdog();
        for device in board.devices {
            let window = device.window;
            let apart = window.base >= watchdog.base + watchdog.size
                || watchdog.base >= window.base + window.size;
            assert!(apart, "{}: {}", board.name, device.name);
        }
        assert!(watchdog.base + watchdog.size <= riscv.aclint.base);
        assert!(watchdog.base + watchdog.size <= board.ram_base);
    }
}
