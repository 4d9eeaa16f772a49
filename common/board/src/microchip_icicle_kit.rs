//! Microchip's PolarFire SoC Icicle Kit (MPFS250T), and QEMU's `microchip-icicle-kit`.
//!
//! Source of the addresses and lines: PolarFire SoC MSS Technical Reference Manual (DS60001702), memory map
//! and interrupts; QEMU 10.0, `hw/riscv/microchip_pfsoc.c` and `include/hw/riscv/microchip_pfsoc.h`.

use crate::{
    Architecture, Board, Controller, Device, Finisher, PerformanceCounters, Plic, Qemu,
    QemuLoading, Riscv64, Uart, UartModel, Window, Write,
};

const fn page(base: u64) -> Window {
    Window { base, size: 0x1000 }
}

macro_rules! serial_ports {
    ($($name:literal: $base:literal, $line:literal;)+) => {
        [$(Device {
            name: $name,
            description: "serial port (16550 with a word for each register)",
            window: page($base),
            lines: &[$line],
            compatible: "microchip,mpfs-uart",
            dma: false,
            // Interrupts off, then FIFOs off and empty.
            reset: &[
                Write { offset: 0x04, value: 0, width: 4 },
                Write { offset: 0x08, value: 0, width: 4 },
            ],
        },)+]
    };
}

const DEVICES: [Device; 3] = serial_ports! {
    "mmuart2": 0x2010_2000, 92;
    "mmuart3": 0x2010_4000, 93;
    "mmuart4": 0x2010_6000, 94;
};

/// What resets the chip: `MSS_RESET_CR` of the system registers. QEMU 10.0 knows nothing of it.
const RESET: [Write; 1] = [Write {
    offset: 0x18,
    value: 0xdead,
    width: 4,
}];

/// Microchip's PolarFire SoC Icicle Kit: an E51 that stays off, and four U54.
pub const MICROCHIP_ICICLE_KIT: Board = Board {
    name: "microchip-icicle-kit",
    description: "Microchip PolarFire SoC Icicle Kit (PLIC, CLINT; core 0 has no supervisor mode)",
    ram_base: 0x8000_0000,
    image_base: 0x8000_0000,
    secure: None,
    // More lies above 64 GiB, where nothing is placed.
    ram_sizes: (0x1000_0000, 0x4000_0000),
    max_cores: 5,
    first_core: 1,
    timebase_hz: 1_000_000,
    // MMUART0 is that of the first boot stage.
    uart: Uart {
        window: page(0x2010_0000),
        line: 91,
        model: UartModel::Ns16550 { stride: 4 },
    },
    finisher: Finisher {
        window: Window {
            base: 0x2000_2000,
            size: 0x2000,
        },
        pass: &RESET,
        fail: &RESET,
        reset: &RESET,
        ends_qemu: false,
    },
    devices: &DEVICES,
    qemu: Qemu {
        program: "qemu-system-riscv64",
        machine: "microchip-icicle-kit",
        cpu: None,
        cpus: &[],
        memory: Some(0x8000_0000),
        serial: 1,
        loading: QemuLoading::Loader,
        sound: false,
    },
    architecture: Architecture::Riscv64(Riscv64 {
        protection_entries: 16,
        monitor_protection_entries: 1,
        aclint: Window {
            base: 0x200_0000,
            size: 0x1_0000,
        },
        controller: Controller::Plic(Plic {
            window: Window {
                base: 0xc00_0000,
                size: 0x400_0000,
            },
            lines: 186,
            max_priority: 7,
            machine_only_harts: 1,
        }),
        // The two counters of a U54 count other events than the SBI's.
        performance: PerformanceCounters {
            counters: 0,
            bits: 0,
            overflow: false,
            events: &[],
        },
        privileged_1_12: false,
        smepmp: false,
        sstc: false,
        vector: false,
        isa_base: "rv64imac",
        isa_extensions: &["zicntr", "zicsr", "zifencei"],
        translation: "riscv,sv39",
    }),
};
