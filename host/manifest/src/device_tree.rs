//! The device tree of a partition: what it is told about its machine (Devicetree Specification 0.4).

mod aarch64;
mod node;
mod riscv64;

pub(crate) use node::Node;

use crate::images::Image;
use crate::system::{Partition, System};
use partita_abi::table::Console;
use partita_board::{Architecture, Board};
use std::ops::Range;

const CONTROLLER_PHANDLE: u32 = 1;

/// Where a partition finds itself.
pub(crate) struct Place {
    /// Start of its RAM.
    pub(crate) ram_base: u64,
    /// Where its initial file system lies, if it has one.
    pub(crate) initramfs: Option<Range<u64>>,
}

/// The tree of a partition.
pub(crate) fn build(system: &System, partition: &Partition, place: &Place) -> Node {
    let mut root = Node::new("");
    root.cells("#address-cells", &[2]);
    root.cells("#size-cells", &[2]);
    root.text("compatible", "partita,partition");
    root.text("model", &format!("Partita on {}", system.board.name));
    root.child(chosen(system.board, partition, place));
    root.child(memory(partition, place));
    match &system.board.architecture {
        Architecture::Riscv64(riscv) => riscv64::add(system, riscv, partition, &mut root),
        Architecture::Aarch64(arm) => aarch64::add(system, arm, partition, &mut root),
    }
    root
}

fn uart_name(board: &Board) -> String {
    format!("serial@{:x}", board.uart.window.base)
}

fn chosen(board: &Board, partition: &Partition, place: &Place) -> Node {
    let mut node = Node::new("chosen");
    node.text("bootargs", &partition.arguments);
    match partition.console {
        Console::Uart16550 => node.text("stdout-path", &format!("/soc/{}", uart_name(board))),
        Console::Own => {
            if let Some(port) = board.console_port() {
                let path = format!("/soc/serial@{:x}", port.window.base);
                node.text("stdout-path", &path);
            }
        }
        Console::None | Console::MonitorCall => {}
    }
    if let Some(initramfs) = &place.initramfs {
        node.addresses("linux,initrd-start", &[initramfs.start]);
        node.addresses("linux,initrd-end", &[initramfs.end]);
    }
    node
}

fn memory(partition: &Partition, place: &Place) -> Node {
    let mut node = Node::new(&format!("memory@{:x}", place.ram_base));
    node.text("device_type", "memory");
    node.addresses("reg", &[place.ram_base, partition.memory.value]);
    node
}

/// The place of a partition whose RAM starts at `ram_base`.
pub(crate) fn place(image: &Image, ram_base: u64) -> Place {
    let initramfs = match image {
        Image::Linux(linux) if linux.initramfs.is_some() => {
            Some(ram_base + linux.initramfs_offset()..ram_base + linux.end_offset())
        }
        _ => None,
    };
    Place {
        ram_base,
        initramfs,
    }
}
