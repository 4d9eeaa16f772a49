//! QEMU's `virt` machine for aarch64, with both worlds and EL2.
//!
//! Source of the addresses and lines: QEMU 10.0, `docs/system/arm/virt.rst` and the memory map and interrupt
//! numbers in `hw/arm/virt.c` and `include/hw/arm/virt.h`; those of the normal world can be read back from the
//! running machine with `-M virt,secure=on,dumpdtb=FILE`.

use crate::{
    Aarch64, Architecture, Board, Device, Finisher, Gic, GicInterface, HostBridge, Iommu, Master,
    Qemu, QemuLoading, SecureMemory, Uart, UartModel, Window, Write,
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

/// The first serial port. The second one is in the secure world.
const UART: Device = Device {
    name: "uart0",
    description: "serial port (PL011)",
    window: page(0x900_0000),
    lines: &[33],
    compatible: "arm,pl011",
    dma: false,
    // Off, interrupts masked and cleared (PL011 DDI 0183, 3.3.8, 3.3.10, 3.3.13).
    reset: &[word(0x30, 0), word(0x38, 0), word(0x44, 0x7ff)],
};

const RTC: Device = Device {
    name: "rtc",
    description: "real-time clock with an alarm (PL031)",
    window: page(0x901_0000),
    lines: &[34],
    compatible: "arm,pl031",
    dma: false,
    // Interrupt masked and cleared (PL031 DDI 0224, 3.3.5, 3.3.8).
    reset: &[word(0x10, 0), word(0x1c, 1)],
};

/// With ACPI there would be another device in its place (`acpi=off`).
const GPIO: Device = Device {
    name: "gpio",
    description: "general-purpose pins (PL061)",
    window: page(0x903_0000),
    lines: &[39],
    compatible: "arm,pl061",
    dma: false,
    // Interrupts masked and cleared (PL061 DDI 0190, 3.3.7, 3.3.10).
    reset: &[word(0x410, 0), word(0x41c, 0xff)],
};

/// Eight slots share a page, so that one of each page can be given away: QEMU's `virtio-mmio-bus.0`, 8, 16, 24.
macro_rules! virtio_slots {
    ($($name:literal: $base:literal, $line:literal, $bus:literal;)+) => {
        [$(Device {
            name: $name,
            description: concat!("virtio over MMIO, behind QEMU's bus virtio-mmio-bus.", $bus),
            window: page($base),
            lines: &[$line],
            compatible: "virtio,mmio",
            dma: true,
            // The status register; zero resets the device (virtio 1.2, 4.2.2 and 2.1).
            reset: &[word(0x70, 0)],
        },)+]
    };
}

const VIRTIO: [Device; 4] = virtio_slots! {
    "virtio0": 0xa00_0000, 48, "0";
    "virtio1": 0xa00_1000, 56, "8";
    "virtio2": 0xa00_2000, 64, "16";
    "virtio3": 0xa00_3000, 72, "24";
};

/// Its parts lie side by side. The configuration is of 16 buses, since it is below RAM (`highmem-ecam=off`).
const HOST_BRIDGE: HostBridge = HostBridge {
    memory: Window {
        base: 0x1000_0000,
        size: 0x2eff_0000,
    },
    ports: Window {
        base: 0x3eff_0000,
        size: 0x1_0000,
    },
    configuration: Window {
        base: 0x3f00_0000,
        size: 0x100_0000,
    },
    lines: [35, 36, 37, 38],
};

const PCIE: Device = Device {
    name: "pcie",
    description: "PCI Express: the host bridge and all devices behind it",
    window: Window {
        base: HOST_BRIDGE.memory.base,
        size: 0x3000_0000,
    },
    lines: &HOST_BRIDGE.lines,
    compatible: "pci-host-ecam-generic",
    dma: true,
    reset: &PCIE_RESET,
};

/// The first function of each device on the first bus may neither write memory nor be reached (PCI 3.0, 6.2.2, command
/// register). A bridge without the first passes nothing on.
const PCIE_RESET: [Write; 32] = {
    const CONFIGURATION: u64 = HOST_BRIDGE.configuration.base - HOST_BRIDGE.memory.base;
    let mut writes = [word(0, 0); 32];
    let mut device = 0;
    while device < writes.len() {
        writes[device] = word(CONFIGURATION + ((device as u64) << 15) + 4, 0);
        device += 1;
    }
    writes
};

const DEVICES: [Device; 8] = [
    UART, RTC, GPIO, VIRTIO[0], VIRTIO[1], VIRTIO[2], VIRTIO[3], PCIE,
];

/// An SMMUv3 that stands before the host bridge of PCI Express, and only there: a stream is bus, device and function.
const IOMMU: Iommu = Iommu {
    window: Window {
        base: 0x905_0000,
        size: 0x2_0000,
    },
    event_line: 106,
    streams: 0x1000,
    masters: &[Master {
        device: "pcie",
        first: 0,
        count: 0x1000,
    }],
    qemu: ",iommu=smmuv3",
};

const DISTRIBUTOR: Window = Window {
    base: 0x800_0000,
    size: 0x1_0000,
};

/// The start of the normal world's RAM.
const STAGE_2: Window = Window {
    base: 0x4000_0000,
    size: 0x20_0000,
};

/// Shared peripheral interrupts of the machine: 256, from line 32 on.
const LAST_LINE: u16 = 287;

/// QEMU's `virt` machine for aarch64 with a GICv3.
pub const QEMU_VIRT_AARCH64: Board = Board {
    name: "qemu-virt-aarch64",
    description: "QEMU's aarch64 virt machine (TrustZone, EL2, GICv3)",
    ram_base: 0x4000_0000,
    image_base: 0,
    secure: Some(SecureMemory {
        flash: Window {
            base: 0,
            size: 0x400_0000,
        },
        monitor: Window {
            base: 0xe00_0000,
            size: 0x20_0000,
        },
        programs: Window {
            base: 0xe20_0000,
            size: 0xe0_0000,
        },
        images_device: Some(page(0x902_0000)),
    }),
    ram_sizes: (0x1000_0000, 0x10_0000_0000),
    max_cores: 8,
    first_core: 0,
    timebase_hz: 62_500_000,
    uart: Uart {
        window: page(0x904_0000),
        line: 40,
        model: UartModel::Pl011,
    },
    // A PL061 in the secure world, whose pins end (0) and reset (1) the machine: they become outputs, and then
    // high (PL061 DDI 0190, 3.3.1 and 3.3.2).
    finisher: Finisher {
        window: page(0x90b_0000),
        pass: &POWER_OFF,
        fail: &POWER_OFF,
        reset: &[word(0x400, 2), word(0x008, 2)],
        ends_qemu: true,
    },
    devices: &DEVICES,
    qemu: Qemu {
        program: "qemu-system-aarch64",
        machine: "virt,secure=on,virtualization=on,gic-version=3,highmem-ecam=off,acpi=off",
        cpu: Some("cortex-a53"),
        cpus: &[
            ("cortex-a53", "cortex-a53"),
            ("cortex-a57", "cortex-a57"),
            ("cortex-a72", "cortex-a72"),
            // Their counters may run at 1 GHz.
            ("cortex-a710", "cortex-a710,cntfrq=62500000"),
            ("neoverse-n2", "neoverse-n2,cntfrq=62500000"),
            ("neoverse-v1", "neoverse-v1,cntfrq=62500000"),
            ("max", "max,cntfrq=62500000"),
        ],
        memory: None,
        serial: 1,
        loading: QemuLoading::Firmware,
        sound: false,
    },
    architecture: Architecture::Aarch64(Aarch64 {
        gic: Gic {
            distributor: DISTRIBUTOR,
            lines: LAST_LINE,
            interface: GicInterface::V3 {
                redistributors: Window {
                    base: 0x80a_0000,
                    size: 0xf6_0000,
                },
                translation: Some(Window {
                    base: 0x808_0000,
                    size: 0x2_0000,
                }),
            },
        },
        release: None,
        uart_clock_hz: 24_000_000,
        stage_2: STAGE_2,
        scalable_vectors: &["cortex-a710", "neoverse-n2", "neoverse-v1", "max"],
        host_bridge: Some(HOST_BRIDGE),
        iommu: Some(IOMMU),
        // By `ID_AA64PFR0_EL1.SEL2` of each: that of QEMU's `neoverse-v1` is zero.
        secure_hypervisor: &["cortex-a710", "neoverse-n2", "max"],
    }),
};

const POWER_OFF: [Write; 2] = [word(0x400, 1), word(0x004, 1)];

/// QEMU's `virt` machine for aarch64 with a GICv2.
pub const QEMU_VIRT_AARCH64_GICV2: Board = Board {
    name: "qemu-virt-aarch64-gicv2",
    description: "QEMU's aarch64 virt machine (TrustZone, EL2, GICv2)",
    qemu: Qemu {
        machine: "virt,secure=on,virtualization=on,gic-version=2,highmem-ecam=off,acpi=off",
        // The others have no interface for a GICv2.
        cpus: &[
            ("cortex-a53", "cortex-a53"),
            ("cortex-a57", "cortex-a57"),
            ("cortex-a72", "cortex-a72"),
            ("max", "max,cntfrq=62500000"),
        ],
        ..QEMU_VIRT_AARCH64.qemu
    },
    architecture: Architecture::Aarch64(Aarch64 {
        gic: Gic {
            distributor: DISTRIBUTOR,
            lines: LAST_LINE,
            interface: GicInterface::V2 {
                core: Window {
                    base: 0x801_0000,
                    size: 0x1_0000,
                },
                hypervisor: Window {
                    base: 0x803_0000,
                    size: 0x1_0000,
                },
                virtual_core: Window {
                    base: 0x804_0000,
                    size: 0x1_0000,
                },
            },
        },
        release: None,
        uart_clock_hz: 24_000_000,
        stage_2: STAGE_2,
        scalable_vectors: &["max"],
        host_bridge: Some(HOST_BRIDGE),
        iommu: Some(IOMMU),
        secure_hypervisor: &[],
    }),
    ..QEMU_VIRT_AARCH64
};
