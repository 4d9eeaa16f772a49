//! The monitor firmware for QEMU's riscv64 virt board

fn main() {}
