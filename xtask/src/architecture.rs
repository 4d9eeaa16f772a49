//! What differs from one architecture of the boards to the next.

use crate::linux::image::Header;

/// An architecture that systems are built for.
#[derive(Debug)]
pub struct Architecture {
    /// Its name, as `{arch}` in a manifest has it.
    pub name: &'static str,
    /// What Debian calls it.
    pub debian: &'static str,
    /// The bare-metal target of the monitor and its guests: without floating point, so that neither ever
    /// touches its state unless it says so itself.
    pub target: &'static str,
    /// The C compiler for FreeRTOS.
    pub compiler: Compiler,
    /// The emulator.
    pub qemu: Qemu,
    /// Linux in a partition.
    pub linux: Linux,
}

/// A cross C compiler.
#[derive(Debug)]
pub struct Compiler {
    /// Debian packages: the compiler, and the headers that its own `limits.h` goes on to.
    pub packages: [&'static str; 2],
    /// Compilers that are known to work, by name on the `PATH`.
    pub programs: &'static [&'static str],
    /// Variables in which a person names a compiler to the `cc` crate.
    pub variables: [&'static str; 2],
}

/// An emulator.
#[derive(Debug)]
pub struct Qemu {
    /// The program.
    pub program: &'static str,
    /// Debian packages that may have it, the better one first: newer releases have one for each
    /// architecture, older ones put the lesser architectures together.
    pub packages: &'static [&'static str],
    /// The environment variable that names another.
    pub variable: &'static str,
}

/// What Linux in a partition is made of.
#[derive(Debug)]
pub struct Linux {
    /// How its kernel is recognised.
    pub header: Header,
    /// The environment variable that names another kernel.
    pub kernel: &'static str,
    /// The environment variable that names another busybox.
    pub busybox: &'static str,
    /// The environment variable that names a folder of modules, for a kernel that is not Debian's.
    pub modules: &'static str,
    /// The modules, with their places in Debian's package as patterns of tar(1), in the order in which they
    /// are to be loaded.
    pub members: &'static [(&'static str, &'static str)],
}

/// 64-bit RISC-V.
pub static RISCV64: Architecture = Architecture {
    name: "riscv64",
    debian: "riscv64",
    target: "riscv64imac-unknown-none-elf",
    compiler: Compiler {
        packages: ["gcc-riscv64-linux-gnu", "libc6-dev-riscv64-cross"],
        programs: &[
            "riscv64-linux-gnu-gcc",
            "riscv64-unknown-elf-gcc",
            "riscv64-unknown-linux-gnu-gcc",
        ],
        variables: [
            "CC_riscv64imac_unknown_none_elf",
            "CC_riscv64imac-unknown-none-elf",
        ],
    },
    qemu: Qemu {
        program: "qemu-system-riscv64",
        packages: &["qemu-system-riscv", "qemu-system-misc"],
        variable: "PARTITA_QEMU",
    },
    linux: Linux {
        header: Header {
            magic: *b"RSC\x05",
            otherwise: "no riscv64 Linux kernel",
        },
        kernel: "PARTITA_LINUX",
        busybox: "PARTITA_BUSYBOX",
        modules: "PARTITA_LINUX_MODULES",
        members: &[
            (
                "watchdog.ko.xz",
                "./usr/lib/modules/*/kernel/drivers/watchdog/watchdog.ko.xz",
            ),
            (
                "sunxi_wdt.ko.xz",
                "./usr/lib/modules/*/kernel/drivers/watchdog/sunxi_wdt.ko.xz",
            ),
        ],
    },
};

/// 64-bit Arm.
pub static AARCH64: Architecture = Architecture {
    name: "aarch64",
    debian: "arm64",
    target: "aarch64-unknown-none-softfloat",
    compiler: Compiler {
        packages: ["gcc-aarch64-linux-gnu", "libc6-dev-arm64-cross"],
        programs: &["aarch64-linux-gnu-gcc", "aarch64-none-elf-gcc"],
        variables: [
            "CC_aarch64_unknown_none_softfloat",
            "CC_aarch64-unknown-none-softfloat",
        ],
    },
    qemu: Qemu {
        program: "qemu-system-aarch64",
        packages: &["qemu-system-arm"],
        variable: "PARTITA_QEMU_AARCH64",
    },
    linux: Linux {
        header: Header {
            magic: *b"ARM\x64",
            otherwise: "no arm64 Linux kernel",
        },
        kernel: "PARTITA_LINUX_AARCH64",
        busybox: "PARTITA_BUSYBOX_AARCH64",
        modules: "PARTITA_LINUX_MODULES_AARCH64",
        members: &[(
            "arm_smc_wdt.ko.xz",
            "./usr/lib/modules/*/kernel/drivers/watchdog/arm_smc_wdt.ko.xz",
        )],
    },
};

/// All of them.
pub static ALL: [&Architecture; 2] = [&RISCV64, &AARCH64];
