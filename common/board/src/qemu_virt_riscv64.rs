//! QEMU's `virt` machine for riscv64.
//!
//! Source of the addresses and lines: QEMU 10.0, `docs/system/riscv/virt.rst` and the memory map and
//! interrupt numbers in `hw/riscv/virt.c` and `include/hw/riscv/virt.h`; each can be read back from
//! the running machine with `-M virt,dumpdtb=FILE`.

use crate::{
    Architecture, Board, Controller, Device, Finisher, PerformanceCounters, Plic, Qemu,
    QemuLoading, Riscv64, Uart, UartModel, Window, Write,
};

macro_rules! virtio_slots {
    ($($name:literal: $base:literal, $line:literal;)+) => {
        [$(Device {
            name: $name,
            description: "virtio over MMIO, behind whatever QEMU option puts there",
            window: Window { base: $base, size: 0x1000 },
            lines: &[$line],
            compatible: "virtio,mmio",
            dma: true,
            // The status register; zero resets the device (virtio 1.2, 4.2.2 and 2.1).
            reset: &[Write {
                offset: 0x70,
                value: 0,
                width: 4,
            }],
        },)+]
    };
}

const VIRTIO: [Device; 8] = virtio_slots! {
    "virtio0": 0x1000_1000, 1;
    "virtio1": 0x1000_2000, 2;
    "virtio2": 0x1000_3000, 3;
    "virtio3": 0x1000_4000, 4;
    "virtio4": 0x1000_5000, 5;
    "virtio5": 0x1000_6000, 6;
    "virtio6": 0x1000_7000, 7;
    "virtio7": 0x1000_8000, 8;
};

const RTC: Device = Device {
    name: "rtc",
    description: "goldfish real-time clock with an alarm",
    window: Window {
        base: 0x10_1000,
        size: 0x1000,
    },
    lines: &[11],
    compatible: "google,goldfish-rtc",
    dma: false,
    // Clear the alarm, disable its interrupt, clear that (Android goldfish specification, RTC: 0x14, 0x10, 0x1c).
    reset: &[
        Write {
            offset: 0x14,
            value: 1,
            width: 4,
        },
        Write {
            offset: 0x10,
            value: 0,
            width: 4,
        },
        Write {
            offset: 0x1c,
            value: 1,
            width: 4,
        },
    ],
};

const DEVICES: [Device; 9] = [
    RTC, VIRTIO[0], VIRTIO[1], VIRTIO[2], VIRTIO[3], VIRTIO[4], VIRTIO[5], VIRTIO[6], VIRTIO[7],
];

/// The counters of QEMU's `rv64` (QEMU 10.0, `target/riscv/pmu.c`): cycles, instructions, and misses of the
/// translation buffers by loads, stores and fetches. A selector is the SBI's own number of the event.
const PERFORMANCE: PerformanceCounters = PerformanceCounters {
    counters: 0x0007_fff8,
    bits: 64,
    overflow: true,
    events: &[
        (0x1, 0x1),
        (0x2, 0x2),
        (0x1_0019, 0x1_0019),
        (0x1_001b, 0x1_001b),
        (0x1_0021, 0x1_0021),
    ],
};

/// Its harts, with PLIC and ACLINT.
pub(crate) const RISCV64: Riscv64 = Riscv64 {
    protection_entries: 16,
    monitor_protection_entries: 2,
    aclint: Window {
        base: 0x200_0000,
        size: 0x1_0000,
    },
    controller: Controller::Plic(Plic {
        window: Window {
            base: 0xc00_0000,
            size: 0x60_0000,
        },
        lines: 95,
        max_priority: 7,
        machine_only_harts: 0,
    }),
    performance: PERFORMANCE,
    privileged_1_12: true,
    smepmp: true,
    sstc: true,
    vector: true,
    isa_base: "rv64imac",
    isa_extensions: &[
        "zicntr", "zicsr", "zifencei", "zihpm", "zba", "zbb", "zbs", "sscofpmf", "sstc", "svadu",
    ],
    translation: "riscv,sv57",
};

/// QEMU's `virt` machine for riscv64 with PLIC and ACLINT, without the hypervisor extension.
pub const QEMU_VIRT_RISCV64: Board = Board {
    name: "qemu-virt-riscv64",
    description: "QEMU's riscv64 virt machine (PLIC, ACLINT, no H extension)",
    ram_base: 0x8000_0000,
    image_base: 0x8000_0000,
    secure: None,
    ram_sizes: (0x1000_0000, 0x10_0000_0000),
    max_cores: 8,
    first_core: 0,
    timebase_hz: 10_000_000,
    uart: Uart {
        window: Window {
            base: 0x1000_0000,
            size: 0x100,
        },
        line: 10,
        model: UartModel::Ns16550 { stride: 1 },
    },
    // Values: QEMU, `include/hw/misc/sifive_test.h`.
    finisher: Finisher {
        window: Window {
            base: 0x10_0000,
            size: 0x1000,
        },
        pass: &[Write {
            offset: 0,
            value: 0x5555,
            width: 4,
        }],
        fail: &[Write {
            offset: 0,
            value: 0x1_3333,
            width: 4,
        }],
        reset: &[Write {
            offset: 0,
            value: 0x7777,
            width: 4,
        }],
        ends_qemu: true,
    },
    devices: &DEVICES,
    qemu: Qemu {
        program: "qemu-system-riscv64",
        machine: "virt",
        cpu: Some("rv64,h=false,sscofpmf=on"),
        cpus: &[],
        memory: None,
        serial: 0,
        loading: QemuLoading::Firmware,
        sound: false,
    },
    architecture: Architecture::Riscv64(RISCV64),
};
