//! Devices that an IOMMU keeps to the memory of their partition.

mod common;

use dtoolkit::fdt::Fdt;
use dtoolkit::{Node, Property};
use partita_abi::table::SystemTable;
use partita_manifest::{PartRole, Plan, load};
use std::fs;

const BOARDS: [&str; 2] = ["qemu-virt-aarch64", "qemu-virt-aarch64-gicv2"];

const MANIFEST: &str = r#"
system = { name = "both", isolation = "stage2" }
board = { name = "BOARD", memory = "1GiB", cores = 2IOMMU }

[partition.cluster]
criticality = "ASIL-D"
image = "relocated-{arch}.elf"
memory = "96KiB"
cores = [0]

[partition.linux]
criticality = "QM"
linux = { kernel = "Image-{arch}", initramfs = "initramfs.cpio" }
memory = "256MiB"
cores = [1]
devices = ["pcie"]
ACCEPT
"#;

fn plan(board: &str, test: &str, iommu: &str, accept: &str) -> Plan {
    let path = common::folder(test).join("system.toml");
    let manifest = MANIFEST
        .replace("BOARD", board)
        .replace("IOMMU", iommu)
        .replace("ACCEPT", accept);
    fs::write(&path, manifest).unwrap();
    load(&path).unwrap_or_else(|problems| panic!("{problems}"))
}

#[test]
fn the_streams_of_a_device_are_its_partitions() {
    for board in BOARDS {
        let plan = plan(board, "iommu-streams", "", "");
        assert!(plan.has_iommu());
        assert!(plan.warnings.is_empty(), "{}", plan.warnings);
        let table = SystemTable::parse(&plan.table).unwrap();
        let [streams] = table.streams else {
            panic!("{:?}", table.streams)
        };
        assert_eq!(usize::from(streams.partition), 1);
        // 16 buses of 32 devices with 8 functions.
        assert_eq!((streams.first, streams.count), (0, 16 * 256));
        let text = partita_manifest::explain(&plan, false);
        assert!(text.contains("streams 0x0–0xfff"), "{text}");
    }
}

#[test]
fn without_the_iommu_there_are_none_and_that_has_to_be_accepted() {
    let plan = plan(
        BOARDS[0],
        "iommu-without",
        ", iommu = false",
        "accept = [\"dma\"]",
    );
    assert!(!plan.has_iommu());
    assert!(SystemTable::parse(&plan.table).unwrap().streams.is_empty());
    assert!(plan.warnings.to_string().contains("warning[dma]"));
}

#[test]
fn linux_finds_the_bridge_as_qemu_has_it() {
    let plan = plan(BOARDS[0], "iommu-tree", "", "");
    let mut parts = plan.parts.iter();
    let tree = parts.find(|part| part.partition == 1 && part.role == PartRole::DeviceTree);
    let fdt = Fdt::new(&tree.unwrap().bytes).unwrap();
    let node = fdt.find_node("/soc/pcie@3f000000").unwrap();
    let cells = |name: &str| -> Vec<u32> {
        let property = node.property(name).unwrap_or_else(|| panic!("no {name}"));
        let cells = property.value().chunks_exact(4);
        cells
            .map(|cell| u32::from_be_bytes(cell.try_into().unwrap()))
            .collect()
    };
    assert_eq!(cells("reg"), [0, 0x3f00_0000, 0, 0x100_0000]);
    assert_eq!(cells("bus-range"), [0, 15]);
    let ports = [0x0100_0000, 0, 0, 0, 0x3eff_0000, 0, 0x1_0000];
    let memory = [0x0200_0000, 0, 0x1000_0000, 0, 0x1000_0000, 0, 0x2eff_0000];
    assert_eq!(cells("ranges"), [ports, memory].concat());
    let map = cells("interrupt-map");
    let map: Vec<&[u32]> = map.chunks_exact(8).collect();
    assert_eq!(map.len(), 16);
    // Pin B of device 3 is on the first line (QEMU, hw/arm/virt.c, `create_pcie_irq_map`).
    assert_eq!(map[13], [3 << 11, 0, 0, 2, map[0][4], 0, 3, 4]);
    // Nothing that Linux could translate or interrupt by: that is the monitor's.
    for name in ["iommu-map", "iommus", "msi-map", "msi-parent"] {
        assert!(node.property(name).is_none(), "{name}");
    }
}

#[test]
fn the_explanation_says_whether_a_device_reaches_others() {
    let reached = |plan: &Plan| {
        let separation = plan.separation(&plan.partitions[0]);
        let mut statements = separation.statements.into_iter();
        let statement = statements.find(|statement| statement.about == "reached by");
        statement.unwrap().text
    };
    let bounded = plan(BOARDS[0], "iommu-bounded", "", "");
    assert_eq!(reached(&bounded), "nobody else");
    let open = plan(
        BOARDS[0],
        "iommu-open",
        ", iommu = false",
        "accept = [\"dma\"]",
    );
    assert_eq!(reached(&open), "linux, by a device with DMA");
}
