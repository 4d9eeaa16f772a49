//! Xilinx's ZCU102 (Zynq UltraScale+ ZU9EG), and QEMU's `xlnx-zcu102`.
//!
//! Source of the addresses and lines: Zynq UltraScale+ Device Technical Reference Manual (UG1085), system addresses and
//! interrupts, and its register reference (UG1087); Linux, `arch/arm64/boot/dts/xilinx/zynqmp.dtsi`; QEMU 10.0,
//! `hw/arm/xlnx-zynqmp.c`.

use crate::{
    Aarch64, Architecture, Board, Device, Finisher, Gic, GicInterface, Qemu, QemuLoading, Release,
    Uart, UartModel, Window, Write,
};

const fn page(base: u64) -> Window {
    Window { base, size: 0x1000 }
}

const fn word(offset: u64, value: u32) -> Write {
    Write {
        offset,
        value,
        width: 4,
    }
}

/// The second serial port. The first one is the monitor's.
const UART: Device = Device {
    name: "uart1",
    description: "serial port (Cadence)",
    window: page(0xff01_0000),
    lines: &[54],
    compatible: "xlnx,zynqmp-uart",
    dma: false,
    // Interrupts disabled, then transmitter and receiver off and empty, then interrupts cleared.
    reset: &[word(0x0c, 0x1fff), word(0x00, 0x2b), word(0x14, 0x1fff)],
};

const DEVICES: [Device; 1] = [UART];

/// What resets the processing system: `RESET_CTRL` of `CRL_APB`. QEMU 10.0 knows nothing of it.
const RESET: [Write; 1] = [word(0x218, 1 << 4)];

/// Xilinx's ZCU102: its four Cortex-A53.
pub const ZCU102: Board = Board {
    name: "zcu102",
    description: "Xilinx ZCU102 (Zynq UltraScale+, four Cortex-A53, GICv2)",
    ram_base: 0,
    image_base: 0,
    secure: None,
    // More lies above 32 GiB, where nothing is placed.
    ram_sizes: (0x1000_0000, 0x8000_0000),
    max_cores: 4,
    first_core: 0,
    timebase_hz: 100_000_000,
    uart: Uart {
        window: page(0xff00_0000),
        line: 53,
        model: UartModel::Cadence,
    },
    finisher: Finisher {
        window: page(0xff5e_0000),
        pass: &RESET,
        fail: &RESET,
        reset: &RESET,
        ends_qemu: false,
    },
    devices: &DEVICES,
    qemu: Qemu {
        program: "qemu-system-aarch64",
        machine: "xlnx-zcu102,secure=on,virtualization=on",
        // That of the emulated counter would be 62.5 MHz.
        cpu: Some("cortex-a53,cntfrq=100000000"),
        cpus: &[],
        memory: None,
        serial: 0,
        loading: QemuLoading::Loader,
        sound: true,
    },
    architecture: Architecture::Aarch64(Aarch64 {
        gic: Gic {
            distributor: Window {
                base: 0xf901_0000,
                size: 0x1_0000,
            },
            lines: 191,
            // Each of its pages fills 64 KiB.
            interface: GicInterface::V2 {
                core: Window {
                    base: 0xf902_0000,
                    size: 0x2_0000,
                },
                hypervisor: Window {
                    base: 0xf904_0000,
                    size: 0x2_0000,
                },
                virtual_core: Window {
                    base: 0xf906_0000,
                    size: 0x2_0000,
                },
            },
        },
        // `RVBARADDR0L` of the APU, and `RST_FPD_APU` of `CRF_APB`: `ACPUn_RESET` and `ACPUn_PWRON_RESET`.
        release: Some(Release {
            starts: Window {
                base: 0xfd5c_0040,
                size: 0x20,
            },
            reset: Window {
                base: 0xfd1a_0104,
                size: 4,
            },
            held: 0xe | 0xe << 10,
        }),
        uart_clock_hz: 100_000_000,
        // Between the signature and the store.
        stage_2: Window {
            base: 0x12_0000,
            size: 0xe_0000,
        },
        host_bridge: None,
        iommu: None,
        secure_hypervisor: &[],
        scalable_vectors: &[],
    }),
};
