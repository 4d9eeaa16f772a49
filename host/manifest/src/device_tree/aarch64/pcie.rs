//! What Linux is told of a host bridge of PCI Express (bindings `host-generic-pci.yaml`, IEEE 1275 PCI bus binding).
//!
//! Devices interrupt by the four lines alone: a message would be a write to a register that the IOMMU does not let them
//! reach.

use super::{CONTROLLER_PHANDLE, LEVEL_HIGH, Node, SHARED};
use partita_board::{Gic, HostBridge};

/// Space codes of the first cell of an address on the bus.
const PORTS: u32 = 0x0100_0000;
const MEMORY: u32 = 0x0200_0000;
/// Configuration bytes of a bus.
const BUS_BYTES: u64 = 0x10_0000;

pub(super) fn node(bridge: &HostBridge) -> Node {
    let configuration = bridge.configuration;
    let mut node = Node::new(&format!("pcie@{:x}", configuration.base));
    node.text("compatible", "pci-host-ecam-generic");
    node.text("device_type", "pci");
    node.addresses("reg", &[configuration.base, configuration.size]);
    let buses = (configuration.size / BUS_BYTES) as u32;
    node.cells("bus-range", &[0, buses - 1]);
    node.cells("#address-cells", &[3]);
    node.cells("#size-cells", &[2]);
    let [ports, port_bytes] = [bridge.ports.base, bridge.ports.size].map(halves);
    let [memory, memory_bytes] = [bridge.memory.base, bridge.memory.size].map(halves);
    let ranges = [
        [
            PORTS,
            0,
            0,
            ports[0],
            ports[1],
            port_bytes[0],
            port_bytes[1],
        ],
        [
            MEMORY,
            memory[0],
            memory[1],
            memory[0],
            memory[1],
            memory_bytes[0],
            memory_bytes[1],
        ],
    ];
    node.cells("ranges", &ranges.concat());
    node.flag("dma-coherent");
    node.cells("#interrupt-cells", &[1]);
    // Pins of neighbouring devices are turned by one: four devices tell all.
    node.cells("interrupt-map-mask", &[3 << 11, 0, 0, 7]);
    let pins = (0..4_u32).flat_map(|device| (0..4_u32).map(move |pin| (device, pin)));
    let map = pins.flat_map(|(device, pin)| {
        let line = bridge.lines[((device + pin) % 4) as usize];
        let line = u32::from(line - Gic::FIRST_SHARED);
        let parent = [CONTROLLER_PHANDLE, SHARED, line, LEVEL_HIGH];
        [device << 11, 0, 0, pin + 1].into_iter().chain(parent)
    });
    node.cells("interrupt-map", &map.collect::<Vec<_>>());
    node
}

const fn halves(address: u64) -> [u32; 2] {
    [(address >> 32) as u32, address as u32]
}
