//! APLIC and IMSIC in a partition's device tree (Linux bindings `riscv,aplic` and `riscv,imsics`).

use super::super::{CONTROLLER_PHANDLE, Node};
use super::{IMSIC_PHANDLE, SUPERVISOR_EXTERNAL, core_phandle};
use crate::plan::interrupt_files;
use crate::system::Partition;
use partita_board::Aia;

/// A level-sensitive line that is asserted while it is high (Linux binding of interrupt types).
pub(super) const LEVEL_HIGH: u32 = 4;
/// The registers that Linux is told of: those of a domain that sends messages (AIA 1.0, 4.5).
const DOMAIN_BYTES: u64 = 0x4000;

/// The interrupt files of the partition's own harts, and nobody else's: a hart's number in a message comes
/// from the address of its file, so the gaps between them need not be told.
pub(super) fn imsic(aia: &Aia, partition: &Partition) -> Node {
    let files = interrupt_files(aia, partition);
    let reg: Vec<u64> = files
        .iter()
        .flat_map(|window| [window.base, window.size])
        .collect();
    let mut own: Vec<(usize, usize)> = partition
        .cores
        .iter()
        .enumerate()
        .map(|(index, core)| (core.value, index))
        .collect();
    own.sort_unstable();
    let listeners: Vec<u32> = own
        .iter()
        .flat_map(|(_, index)| [core_phandle(*index), SUPERVISOR_EXTERNAL])
        .collect();
    let mut node = Node::new(&format!("imsics@{:x}", reg[0]));
    node.text("compatible", "riscv,imsics");
    node.addresses("reg", &reg);
    node.cells("#interrupt-cells", &[0]);
    node.flag("interrupt-controller");
    node.flag("msi-controller");
    node.cells("#msi-cells", &[0]);
    node.cells("riscv,num-ids", &[u32::from(aia.identities)]);
    node.cells("riscv,hart-index-bits", &[aia.hart_index_bits()]);
    node.cells("interrupts-extended", &listeners);
    node.cells("phandle", &[IMSIC_PHANDLE]);
    node
}

/// The supervisor-level domain, which the monitor stands in front of.
pub(super) fn aplic(aia: &Aia) -> Node {
    let base = aia.supervisor_domain.base;
    let mut node = Node::new(&format!("aplic@{base:x}"));
    node.text("compatible", "riscv,aplic");
    node.addresses("reg", &[base, DOMAIN_BYTES]);
    node.cells("#address-cells", &[0]);
    node.cells("#interrupt-cells", &[2]);
    node.flag("interrupt-controller");
    node.cells("riscv,num-sources", &[u32::from(aia.lines)]);
    node.cells("msi-parent", &[IMSIC_PHANDLE]);
    node.cells("phandle", &[CONTROLLER_PHANDLE]);
    node
}
