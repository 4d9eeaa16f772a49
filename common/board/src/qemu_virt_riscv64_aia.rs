//! QEMU's `virt` machine for riscv64 with the Advanced Interrupt Architecture.
//!
//! Source of the addresses: as for the board with a PLIC; each can be read back from the running machine with
//! `-M virt,aia=aplic-imsic,dumpdtb=FILE`.

use crate::qemu_virt_riscv64::RISCV64;
use crate::{Aia, Architecture, Board, Controller, QEMU_VIRT_RISCV64, Qemu, Riscv64, Window};

/// QEMU's `virt` machine for riscv64 with APLIC, IMSIC and ACLINT, without the hypervisor extension.
pub const QEMU_VIRT_RISCV64_AIA: Board = Board {
    name: "qemu-virt-riscv64-aia",
    description: "QEMU's riscv64 virt machine (APLIC, IMSIC, ACLINT, no H extension)",
    qemu: Qemu {
        machine: "virt,aia=aplic-imsic",
        // Without Smstateen a real-time partition could reach the interrupt file of the Linux on its hart.
        cpu: Some("rv64,h=false,smstateen=on,sscofpmf=on"),
        ..QEMU_VIRT_RISCV64.qemu
    },
    architecture: Architecture::Riscv64(Riscv64 {
        controller: Controller::Aia(Aia {
            machine_domain: Window {
                base: 0xc00_0000,
                size: 0x8000,
            },
            supervisor_domain: Window {
                base: 0xd00_0000,
                size: 0x8000,
            },
            machine_files: Window {
                base: 0x2400_0000,
                size: 0x8000,
            },
            supervisor_files: Window {
                base: 0x2800_0000,
                size: 0x8000,
            },
            // `num-sources` counts source 0, which does not exist.
            lines: 95,
            identities: 255,
        }),
        ..RISCV64
    }),
    ..QEMU_VIRT_RISCV64
};
