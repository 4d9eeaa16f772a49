//! SiFive's HiFive Unleashed (FU540-C000), and QEMU's `sifive_u`.
//!
//! Source of the addresses and lines: SiFive FU540-C000 manual v1p4, chapters 5 (memory map), 8 and 10
//! (interrupts), 9 (CLINT), 13 (UART), 14 (PWM), 17 (GPIO); QEMU 10.0, `hw/riscv/sifive_u.c`.

use crate::{
    Architecture, Board, Controller, Device, Finisher, PerformanceCounters, Plic, Qemu,
    QemuLoading, Riscv64, Uart, UartModel, Window, Write,
};

const fn page(base: u64) -> Window {
    Window { base, size: 0x1000 }
}

/// Makes a PWM harmless: it stands still at 0, and no comparator has reached its value, which would be pending
/// at 0 already (14.5 to 14.9).
const PWM_RESET: &[Write] = &[
    word(0x00, 0),
    word(0x08, 0),
    word(0x20, 0xffff),
    word(0x24, 0xffff),
    word(0x28, 0xffff),
    word(0x2c, 0xffff),
    word(0x00, 0),
];

const fn word(offset: u64, value: u32) -> Write {
    Write {
        offset,
        value,
        width: 4,
    }
}

const DEVICES: [Device; 3] = [
    Device {
        name: "uart1",
        description: "the second serial port",
        window: page(0x1001_1000),
        lines: &[5],
        compatible: "sifive,uart0",
        dma: false,
        // Interrupts off, then transmitter and receiver (13.6, 13.4, 13.5).
        reset: &[
            Write {
                offset: 0x10,
                value: 0,
                width: 4,
            },
            Write {
                offset: 0x08,
                value: 0,
                width: 4,
            },
            Write {
                offset: 0x0c,
                value: 0,
                width: 4,
            },
        ],
    },
    Device {
        name: "pwm0",
        description: "pulse-width modulator with four comparators of 8 bits",
        window: page(0x1002_0000),
        lines: &[42, 43, 44, 45],
        compatible: "sifive,pwm0",
        dma: false,
        reset: PWM_RESET,
    },
    Device {
        name: "pwm1",
        description: "pulse-width modulator with four comparators of 16 bits",
        window: page(0x1002_1000),
        lines: &[46, 47, 48, 49],
        compatible: "sifive,pwm0",
        dma: false,
        reset: PWM_RESET,
    },
];

/// SiFive's HiFive Unleashed: an E51 that stays off, and four U54.
pub const SIFIVE_U: Board = Board {
    name: "sifive-u",
    description: "SiFive HiFive Unleashed (FU540: PLIC, CLINT; core 0 has no supervisor mode)",
    ram_base: 0x8000_0000,
    image_base: 0x8000_0000,
    secure: None,
    ram_sizes: (0x1000_0000, 0x2_0000_0000),
    max_cores: 5,
    first_core: 1,
    // Manual 7.1: RTCCLK.
    timebase_hz: 1_000_000,
    uart: Uart {
        window: page(0x1001_0000),
        line: 4,
        model: UartModel::SiFive,
    },
    // There is no power-off. Pin 10 of the GPIO controller resets the board while it is low: its value is
    // set before it becomes an output (17.3).
    finisher: Finisher {
        window: page(0x1006_0000),
        pass: &RESET,
        fail: &RESET,
        reset: &RESET,
        ends_qemu: true,
    },
    devices: &DEVICES,
    qemu: Qemu {
        program: "qemu-system-riscv64",
        machine: "sifive_u",
        cpu: None,
        cpus: &[],
        memory: None,
        serial: 0,
        loading: QemuLoading::Firmware,
        sound: false,
    },
    architecture: Architecture::Riscv64(Riscv64 {
        // Manual 4.6. QEMU's model has 16.
        protection_entries: 8,
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
            lines: 53,
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

const RESET: [Write; 2] = [
    Write {
        offset: 0x0c,
        value: 0,
        width: 4,
    },
    Write {
        offset: 0x08,
        value: 1 << 10,
        width: 4,
    },
];
