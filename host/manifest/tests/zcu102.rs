//! Systems for the ZCU102, which has no secure memory: image and partitions are in one RAM.

mod common;

use dtoolkit::fdt::Fdt;
use dtoolkit::{Node, Property};
use partita_abi::image::STORE_OFFSET;
use partita_abi::table::Isolation;
use partita_manifest::{ImageFile, PartRole, Plan, load};
use std::fs;

const MANIFEST: &str = r#"
system = { name = "zynq" }
board = { name = "zcu102", memory = "512MiB", cores = 4 }

[partition.linux]
criticality = "QM"
linux = { kernel = "Image-{arch}", initramfs = "initramfs.cpio" }
memory = "128MiB"
cores = [0, 2]
devices = ["uart1"]

[partition.cluster]
criticality = "ASIL-D"
image = "relocated-{arch}.elf"
memory = "96KiB"
cores = [3]
"#;

fn plan(test: &str) -> Plan {
    let path = common::folder(test).join("system.toml");
    fs::write(&path, MANIFEST).unwrap();
    load(&path).unwrap_or_else(|problems| panic!("{problems}"))
}

fn tree(plan: &Plan, partition: usize) -> &[u8] {
    let mut parts = plan.parts.iter();
    let is_tree = |part: &&partita_manifest::StoredPart| {
        part.partition == partition && part.role == PartRole::DeviceTree
    };
    &parts.find(is_tree).unwrap().bytes
}

fn property(fdt: &Fdt<'_>, path: &str, name: &str) -> Vec<u8> {
    let node = fdt.find_node(path).unwrap_or_else(|| panic!("no {path}"));
    let property = node.property(name);
    let property = property.unwrap_or_else(|| panic!("no {name} in {path}"));
    property.value().to_vec()
}

fn cells(fdt: &Fdt<'_>, path: &str, name: &str) -> Vec<u32> {
    let bytes = property(fdt, path, name);
    let cells = bytes.chunks_exact(4);
    cells
        .map(|cell| u32::from_be_bytes(cell.try_into().unwrap()))
        .collect()
}

fn text(fdt: &Fdt<'_>, path: &str, name: &str) -> String {
    String::from_utf8(property(fdt, path, name))
        .unwrap()
        .replace('\0', " ")
}

#[test]
fn all_partitions_are_behind_stage_2_and_above_their_pristine_images() {
    let plan = plan("zcu102-memory");
    let tables = plan.board.architecture.aarch64().unwrap().stage_2;
    assert!(tables.base + tables.size <= plan.board.image_base + STORE_OFFSET);
    let mut end = 0;
    for part in &plan.parts {
        assert_eq!(part.file, ImageFile::System);
        assert!(part.source >= plan.board.image_base + STORE_OFFSET);
        end = end.max(part.source + part.bytes.len() as u64);
    }
    assert!(plan.crash_base >= end);
    for partition in &plan.partitions {
        assert_eq!(partition.isolation, Isolation::Stage2);
        assert!(partition.ram.base >= plan.store_end);
    }
}

#[test]
fn a_serial_port_has_the_node_by_which_debians_kernel_knows_it() {
    let plan = plan("zcu102-devices");
    let fdt = Fdt::new(tree(&plan, 0)).unwrap();
    let port = "/soc/serial@ff010000";
    assert_eq!(
        text(&fdt, port, "compatible"),
        "xlnx,zynqmp-uart cdns,uart-r1p12 "
    );
    assert_eq!(cells(&fdt, port, "interrupts"), [0, 22, 4]);
    assert_eq!(text(&fdt, port, "clock-names"), "uart_clk pclk ");
    assert_eq!(
        cells(&fdt, "/interrupt-controller@f9010000", "reg")[..4],
        [0, 0xf901_0000, 0, 0x1_0000]
    );
    assert_eq!(
        text(&fdt, "/chosen", "stdout-path"),
        "/soc/serial@ff000000 "
    );
}
