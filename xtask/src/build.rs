//! Builds everything that runs in a system, and the tools that put it together.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use clap::{Args, ValueEnum};

use crate::architecture::{AARCH64, Architecture, RISCV64};
use crate::cargo;
use crate::linux::initramfs;
use crate::paths::Paths;
use crate::progress;
use crate::setup::{self, Needs, Tools};

/// Options of `cargo xtask build`.
#[derive(Args)]
pub struct Options {
    /// What to build; everything where none is named
    #[arg(value_name = "PART")]
    parts: Vec<Part>,
    /// Get Debian's kernel with PREEMPT_RT for Arm too: linux/aarch64/Image-rt
    #[arg(long)]
    rt: bool,
}

/// A part of what is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Part {
    /// Kernel and initramfs for a Linux partition
    Linux,
    /// The monitor firmware of each board
    Monitor,
    /// Real-time partitions: the examples' and the tests'
    Guests,
    /// The `partita` command
    Command,
}

/// A package for the bare-metal target and where its executables go.
///
/// What its binaries take beyond the target and the profile (linker script, position independence)
/// the package's build script says itself, so that plain `cargo build` works too.
pub struct Firmware {
    /// The package.
    pub package: &'static str,
    /// The part it belongs to.
    pub part: Part,
    /// What it is compiled for.
    pub architecture: &'static Architecture,
    /// Folder in `target/partita`.
    folder: &'static str,
    /// Target features of the board beyond the target's, as `-C target-feature` takes them. `relax` lets the
    /// linker make the long form of a call or an address short: a tenth of the monitor's text.
    features: &'static str,
    /// Features of the package.
    pub package_features: &'static [&'static str],
}

impl Firmware {
    /// Where one of its executables goes.
    pub fn executable(&self, paths: &Paths, binary: &str) -> PathBuf {
        let folder = paths.artefacts.join(self.folder);
        folder.join(format!("{binary}.elf"))
    }
}

/// Everything that is compiled for a board. Every executable of a package is taken, under its
/// own name with `.elf` appended.
pub const FIRMWARE: &[Firmware] = &[
    Firmware {
        package: "partita-board-qemu-virt-riscv64",
        part: Part::Monitor,
        architecture: &RISCV64,
        folder: "boards/qemu-virt-riscv64",
        features: "+zba,+zbb,+zbs,+relax",
        package_features: &[],
    },
    Firmware {
        package: "partita-board-qemu-virt-riscv64-aia",
        part: Part::Monitor,
        architecture: &RISCV64,
        folder: "boards/qemu-virt-riscv64-aia",
        features: "+zba,+zbb,+zbs,+relax",
        package_features: &[],
    },
    Firmware {
        package: "partita-board-sifive-u",
        part: Part::Monitor,
        architecture: &RISCV64,
        folder: "boards/sifive-u",
        features: "+relax",
        package_features: &[],
    },
    Firmware {
        package: "partita-board-microchip-icicle-kit",
        part: Part::Monitor,
        architecture: &RISCV64,
        folder: "boards/microchip-icicle-kit",
        features: "+relax",
        package_features: &[],
    },
    Firmware {
        package: "partita-board-qemu-virt-aarch64",
        part: Part::Monitor,
        architecture: &AARCH64,
        folder: "boards/qemu-virt-aarch64",
        features: "",
        package_features: &[],
    },
    Firmware {
        package: "partita-board-qemu-virt-aarch64-gicv2",
        part: Part::Monitor,
        architecture: &AARCH64,
        folder: "boards/qemu-virt-aarch64-gicv2",
        features: "",
        package_features: &[],
    },
    Firmware {
        package: "partita-board-zcu102",
        part: Part::Monitor,
        architecture: &AARCH64,
        folder: "boards/zcu102",
        features: "",
        package_features: &[],
    },
    Firmware {
        package: "instrument-cluster",
        part: Part::Guests,
        architecture: &RISCV64,
        folder: "guests/riscv64",
        features: "",
        package_features: &[],
    },
    Firmware {
        package: "controller",
        part: Part::Guests,
        architecture: &RISCV64,
        folder: "guests/riscv64",
        features: "",
        package_features: &[],
    },
    Firmware {
        package: "partita-test-guests",
        part: Part::Guests,
        architecture: &RISCV64,
        folder: "guests/riscv64",
        features: "",
        package_features: &[],
    },
    Firmware {
        package: "instrument-cluster",
        part: Part::Guests,
        architecture: &AARCH64,
        folder: "guests/aarch64",
        features: "",
        package_features: &[],
    },
    Firmware {
        package: "partita-test-guests",
        part: Part::Guests,
        architecture: &AARCH64,
        folder: "guests/aarch64",
        features: "",
        package_features: &[],
    },
    // Not for a board: it runs under Linux, with nothing but its kernel.
    Firmware {
        package: "partita-test-linux",
        part: Part::Guests,
        architecture: &AARCH64,
        folder: "guests/aarch64",
        features: "",
        package_features: &[],
    },
    Firmware {
        package: "controller",
        part: Part::Guests,
        architecture: &AARCH64,
        folder: "guests/aarch64",
        features: "",
        package_features: &[],
    },
    Firmware {
        package: "instrument-cluster",
        part: Part::Guests,
        architecture: &AARCH64,
        folder: "guests/aarch64-gicv2",
        features: "",
        package_features: &["gicv2"],
    },
    Firmware {
        package: "controller",
        part: Part::Guests,
        architecture: &AARCH64,
        folder: "guests/aarch64-gicv2",
        features: "",
        package_features: &["gicv2"],
    },
];

/// The package with the `partita` command.
pub const COMMAND_PACKAGE: &str = "partita";

/// Builds the parts that the options name, having made sure of what they take.
pub fn run(paths: &Paths, options: &Options) -> Result<()> {
    let parts: &[Part] = if options.parts.is_empty() {
        Part::value_variants()
    } else {
        &options.parts
    };
    let needs = Needs {
        target_code: parts
            .iter()
            .any(|part| matches!(part, Part::Monitor | Part::Guests)),
        linux: options.rt || parts.contains(&Part::Linux),
        real_time_linux: options.rt,
        perf: parts.contains(&Part::Linux),
        ..Needs::NONE
    };
    let tools = setup::ensure(paths, needs)?;
    if options.rt && !parts.contains(&Part::Linux) {
        build_linux(paths, &tools)?;
    }
    build_parts(paths, parts, &tools)
}

/// Builds some parts, having made sure of what they take.
pub fn parts(paths: &Paths, parts: &[Part]) -> Result<()> {
    let parts = parts.to_vec();
    run(paths, &Options { parts, rt: false })
}

/// Builds everything, having made sure of everything in `needs`.
pub fn everything(paths: &Paths, needs: Needs) -> Result<Tools> {
    let tools = setup::ensure(paths, needs)?;
    with_tools(paths, &tools)?;
    Ok(tools)
}

/// Builds everything with what set-up found.
pub fn with_tools(paths: &Paths, tools: &Tools) -> Result<()> {
    build_parts(paths, Part::value_variants(), tools)
}

fn build_parts(paths: &Paths, parts: &[Part], tools: &Tools) -> Result<()> {
    if parts.contains(&Part::Linux) {
        build_linux(paths, tools)?;
    }
    for firmware in FIRMWARE
        .iter()
        .filter(|firmware| parts.contains(&firmware.part))
    {
        build_firmware(paths, firmware)?;
    }
    if parts.contains(&Part::Command) {
        progress::step("building", "the partita command");
        cargo::build(paths, &["--release", "--package", COMMAND_PACKAGE])?;
    }
    progress::done(&format!("artefacts are in {}", paths.artefacts.display()));
    Ok(())
}

fn build_firmware(paths: &Paths, firmware: &Firmware) -> Result<()> {
    let target = firmware.architecture.target;
    progress::step("building", &format!("{} for {target}", firmware.package));
    // Code that is moved out of functions to where they share it makes them smaller by little, and each way
    // through the monitor longer.
    let features = format!(
        "target.{target}.rustflags=[\"-Ctarget-feature={}\", \"-Cllvm-args=-enable-machine-outliner=never\"]",
        firmware.features
    );
    let mut arguments = vec![
        "--package",
        firmware.package,
        "--target",
        target,
        "--profile",
        "firmware",
    ];
    if !firmware.features.is_empty() {
        arguments.extend(["--config", &features]);
    }
    for feature in firmware.package_features {
        arguments.extend(["--features", feature]);
    }
    let executables = if firmware.features.contains("+relax") {
        cargo::build_with_unstable_features(paths, &arguments)?
    } else {
        cargo::build(paths, &arguments)?
    };
    let mut count = 0;
    for (binary, file) in executables.of(firmware.package) {
        let content = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
        write_if_changed(&firmware.executable(paths, binary), &content)?;
        count += 1;
    }
    if count == 0 {
        progress::note(&format!("{} has no executable yet", firmware.package));
    }
    Ok(())
}

fn build_linux(paths: &Paths, tools: &Tools) -> Result<()> {
    for linux in &tools.linux {
        let name = linux.architecture.name;
        progress::step("building", &format!("the Linux payload for {name}"));
        let folder = paths.artefacts.join("linux").join(name);
        let kernel = fs::read(&linux.kernel)
            .with_context(|| format!("cannot read {}", linux.kernel.display()))?;
        ensure!(!kernel.is_empty(), "{} is empty", linux.kernel.display());
        write_if_changed(&folder.join("Image"), &kernel)?;
        write_if_changed(
            &folder.join("initramfs.cpio"),
            &initramfs::build(paths, &linux.busybox, &linux.modules, None)?,
        )?;
        if let Some(kernel) = &tools.real_time_linux
            && linux.architecture.name == AARCH64.name
        {
            let content =
                fs::read(kernel).with_context(|| format!("cannot read {}", kernel.display()))?;
            write_if_changed(&folder.join("Image-rt"), &content)?;
        }
        // It is there for the performance counters of RISC-V.
        if let Some(perf) = &tools.perf
            && linux.architecture.name == RISCV64.name
        {
            write_if_changed(
                &folder.join("initramfs-perf.cpio"),
                &initramfs::build(paths, &linux.busybox, &linux.modules, Some(perf))?,
            )?;
        }
    }
    Ok(())
}

/// Writes a file as a whole or not at all, and keeps its time where its content stays the same.
fn write_if_changed(path: &Path, content: &[u8]) -> Result<()> {
    if fs::read(path).is_ok_and(|old| old == content) {
        return Ok(());
    }
    let unfinished = path.with_extension("unfinished");
    path.parent()
        .map_or(Ok(()), fs::create_dir_all)
        .and_then(|()| fs::write(&unfinished, content))
        .and_then(|()| fs::rename(&unfinished, path))
        .with_context(|| format!("cannot write {}", path.display()))
}
