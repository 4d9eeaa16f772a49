//! Set-up, build, demo, test and bench of this repository.
#![forbid(unsafe_code)]

mod architecture;
mod audit;
mod bench;
mod build;
mod cargo;
mod clean;
mod demo;
mod fuzz;
mod linux;
mod paths;
mod process;
mod progress;
mod setup;
mod soak;
mod test;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::paths::Paths;

const ENVIRONMENT: &str = "Environment:
  PARTITA_QEMU     qemu-system-riscv64 to use instead of the one on the PATH
  PARTITA_LINUX    riscv64 Linux `Image` to use instead of Debian's kernel
  PARTITA_BUSYBOX  static riscv64 busybox to use instead of Debian's
                   (the same for Arm: PARTITA_QEMU_AARCH64, PARTITA_LINUX_AARCH64,
                   PARTITA_BUSYBOX_AARCH64)
  PARTITA_LINUX_MODULES  folder with watchdog.ko.xz and sunxi_wdt.ko.xz of that kernel
  PARTITA_OPENSBI  OpenSBI fw_dynamic.bin to compare with instead of Debian's
  PARTITA_TFA      folder with Trusted Firmware-A (flash.bin, bl31.elf) instead of one built from Debian's source
  PARTITA_DEBIAN_MIRROR
                   Debian mirror (URL) to download from where the machine's own apt sources are not
                   Debian's, as on Ubuntu; takes the package debian-archive-keyring
  XDG_CACHE_HOME   downloads are kept in $XDG_CACHE_HOME/partita (else ~/.cache/partita)
  NO_COLOR         never use colours

Exit status: 0 when all went well, 1 when something failed or is missing, 2 for a wrong command line.";

/// Set up, build, try, test and measure Partita.
///
/// Every command does the set-up it needs by itself; none does work twice.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", after_help = ENVIRONMENT)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Install or download what the other commands need: Rust target, QEMU, cross C compiler, Linux
    ///
    /// As root on Debian or Ubuntu, QEMU and the compiler are installed with apt from the machine's
    /// own sources (QEMU from the backports suite where the release has an old one). Debian's riscv64
    /// kernel, busybox and OpenSBI are downloaded into the cache and never installed. apt works with
    /// package lists of its own here: the machine's lists are not touched, signatures are checked.
    /// What cannot be supplied is listed with the way to supply it.
    Setup,
    /// Build the monitor, the guests, the Linux payload and the host tools into target/partita
    Build(build::Options),
    /// Check the format, run the lints, the host tests and the tests that boot systems in QEMU
    Test(test::Options),
    /// Build everything and run the cockpit example: FreeRTOS and Debian on the same cores
    Demo(demo::Options),
    /// Build the monitors and look at their machine code: stack depth, panic sites, recursion
    Audit(audit::Options),
    /// Fuzz everything that reads what a partition or a stranger wrote, for a bounded number of runs
    Fuzz(fuzz::Options),
    /// Build everything and let Linux end in every way, hundreds of times in one run, beside FreeRTOS
    Soak(soak::Options),
    /// Build everything and run the measurements
    Bench(bench::Options),
    /// Remove what was built, and with --cache also what was downloaded
    Clean(clean::Options),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments.command) {
        Ok(code) => code,
        Err(error) => {
            progress::failure(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run(command: &Command) -> anyhow::Result<ExitCode> {
    let paths = Paths::find()?;
    match command {
        Command::Setup => {
            setup::ensure(&paths, setup::Needs::ALL)?;
            progress::done("set-up is complete");
            Ok(ExitCode::SUCCESS)
        }
        Command::Build(options) => {
            build::run(&paths, options)?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Test(options) => test::run(&paths, options),
        Command::Demo(options) => demo::run(&paths, options),
        Command::Audit(options) => audit::run(&paths, options),
        Command::Fuzz(options) => fuzz::run(&paths, options),
        Command::Soak(options) => soak::run(&paths, options),
        Command::Bench(options) => bench::run(&paths, options),
        Command::Clean(options) => clean::run(&paths, options),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::Arguments;

    #[test]
    fn the_command_line_is_well_formed() {
        Arguments::command().debug_assert();
    }
}
