//! The soak: Linux ends in every way there is, hundreds of times, beside a partition with deadlines.

use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, ValueEnum};

use crate::paths::Paths;
use crate::setup::Needs;
use crate::{build, cargo, process, progress};

/// Where Linux is to end. The figures are kept for each; `cargo xtask bench` puts them into RESULTS.md.
#[derive(Clone, Copy, ValueEnum)]
enum Board {
    /// RISC-V
    QemuVirtRiscv64,
    /// Arm with TrustZone
    QemuVirtAarch64,
}

impl Board {
    /// Where the figures are kept.
    const fn result(self) -> &'static str {
        match self {
            Self::QemuVirtRiscv64 => "bench/soak.json",
            Self::QemuVirtAarch64 => "bench/soak-aarch64.json",
        }
    }

    /// What the name of the test begins with.
    const fn test(self) -> &'static str {
        match self {
            Self::QemuVirtRiscv64 => "linux_restarts",
            Self::QemuVirtAarch64 => "linux_on_arm_restarts",
        }
    }
}

/// Options of `cargo xtask soak`.
#[derive(Args)]
pub struct Options {
    /// How often Linux ends, in one run of the system
    #[arg(long, value_name = "NUMBER", default_value_t = 500)]
    restarts: u32,
    /// The board
    #[arg(long, value_name = "NAME", default_value = "qemu-virt-riscv64")]
    board: Board,
}

/// Builds, and runs the test that ends Linux, with many restarts.
pub fn run(paths: &Paths, options: &Options) -> Result<ExitCode> {
    let tools = build::everything(paths, Needs::BOOT)?;
    progress::step(
        "soaking",
        &format!("{} restarts of Linux, some seconds each", options.restarts),
    );
    let mut command = cargo::command(paths);
    command
        .args([
            "test",
            "--quiet",
            "--package",
            "partita-tests",
            "--test",
            "soak",
        ])
        .args(["--", "--nocapture", options.board.test()])
        .env("PARTITA_SOAK_RESTARTS", options.restarts.to_string())
        .env(
            "PARTITA_SOAK_RESULT",
            paths.root.join(options.board.result()),
        );
    for (variable, qemu) in &tools.qemu {
        command.env(variable, qemu);
    }
    process::replace_by(&mut command)
}
