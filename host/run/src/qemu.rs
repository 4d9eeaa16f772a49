//! Which QEMU to start, and with what arguments.

use crate::options::{Clock, RunOptions};
use partita_abi::image::NORMAL_IMAGES_NAME;
use partita_board::{Architecture, QemuLoading};
use partita_manifest::Plan;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The environment variable that names the QEMU program for RISC-V.
pub const PROGRAM_VARIABLE: &str = "PARTITA_QEMU";
/// The environment variable that names the QEMU program for Arm.
pub const ARM_PROGRAM_VARIABLE: &str = "PARTITA_QEMU_AARCH64";
/// Where a serial port of a partition goes when a person starts QEMU: to a terminal whose name QEMU tells.
const PERSON_PORT: &str = "pty";
/// How QEMU's words end about the slice, whose hub has no other port on purpose, and about a network device of the
/// machine's that leads nowhere.
pub(crate) const PEER_WARNING: &str = " has no peer";
/// The oldest QEMU that can run a system at all.
const OLDEST: (u32, u32) = (7, 2);
/// The oldest QEMU in which a sound device can be told to be silent.
const OLDEST_WITH_SILENCE: (u32, u32) = (8, 2);
/// The oldest QEMU that knows Smepmp by its ratified name.
const OLDEST_WITH_SMEPMP: (u32, u32) = (8, 2);

/// Why there is no QEMU to run.
#[derive(Debug, thiserror::Error)]
pub enum QemuError {
    /// It cannot be started.
    #[error("cannot start {} ({error}); install QEMU for this processor (Debian: the package {package}), or name the program in {variable}", program.display())]
    Missing {
        /// The program that was tried.
        program: PathBuf,
        /// What the operating system said.
        error: std::io::Error,
        /// The package that has it.
        package: &'static str,
        /// The environment variable that names another.
        variable: &'static str,
    },
    /// It does not say which version it is.
    #[error("{} does not tell its version, so it is no QEMU; name the right program in {variable}", program.display())]
    Unknown {
        /// The program that was tried.
        program: PathBuf,
        /// The environment variable that names another.
        variable: &'static str,
    },
    /// It is too old.
    #[error("{} is version {}.{}; version {}.{} or newer is needed{why}", program.display(), found.0, found.1, needed.0, needed.1)]
    TooOld {
        /// The program that was tried.
        program: PathBuf,
        /// Its version.
        found: (u32, u32),
        /// The version that is needed.
        needed: (u32, u32),
        /// What needs it.
        why: &'static str,
    },
}

/// The files of a system image.
#[derive(Clone, Copy, Debug)]
pub struct Files<'a> {
    /// The one with the monitor.
    pub image: &'a Path,
    /// The one with Linux's parts, on a board that has a device for them.
    pub normal: Option<&'a Path>,
}

/// A QEMU that can run a system.
#[derive(Clone, Debug)]
pub struct Qemu {
    program: PathBuf,
    version: (u32, u32),
}

impl Qemu {
    /// Finds the QEMU for a plan.
    ///
    /// # Errors
    /// There is none, or it is too old.
    pub fn find(plan: &Plan, program: Option<&Path>) -> Result<Self, QemuError> {
        let (variable, package) = match plan.board.architecture {
            Architecture::Riscv64(_) => (PROGRAM_VARIABLE, "qemu-system-misc"),
            Architecture::Aarch64(_) => (ARM_PROGRAM_VARIABLE, "qemu-system-arm"),
        };
        let named = || std::env::var_os(variable).filter(|name| !name.is_empty());
        let program = program
            .map(Path::to_owned)
            .or_else(|| named().map(PathBuf::from));
        let program = program.unwrap_or_else(|| PathBuf::from(plan.board.qemu.program));
        let output = Command::new(&program)
            .arg("--version")
            .stdin(Stdio::null())
            .output();
        let output = match output {
            Ok(output) => output,
            Err(error) => {
                return Err(QemuError::Missing {
                    program,
                    error,
                    package,
                    variable,
                });
            }
        };
        let Some(version) = parse_version(&String::from_utf8_lossy(&output.stdout)) else {
            return Err(QemuError::Unknown { program, variable });
        };
        let too_old = |needed, why| (version < needed).then_some((needed, why));
        let smepmp = " for Smepmp, or set `smepmp = false` in the manifest";
        let smepmp = plan
            .smepmp
            .then(|| too_old(OLDEST_WITH_SMEPMP, smepmp))
            .flatten();
        if let Some((needed, why)) = too_old(OLDEST, "").or(smepmp) {
            return Err(QemuError::TooOld {
                program,
                found: version,
                needed,
                why,
            });
        }
        Ok(Self { program, version })
    }

    /// The program.
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// All arguments for a run of `plan` from these files. `port` is where the serial port goes
    /// that a partition has for itself, as QEMU names character devices.
    pub fn arguments(
        &self,
        plan: &Plan,
        files: &Files<'_>,
        port: &str,
        options: &RunOptions,
    ) -> Vec<OsString> {
        let on = |on| if on { "on" } else { "off" };
        let machine = &plan.board.qemu;
        let cpu = plan.cpu.or(machine.cpu).map(|cpu| {
            if plan.board.architecture.riscv64().is_none() {
                return cpu.to_owned();
            }
            let mut cpu = format!("{cpu},sstc={}", on(plan.sstc));
            if plan.vector {
                cpu.push_str(",v=on");
            }
            if self.version >= OLDEST_WITH_SMEPMP {
                cpu.push_str(&format!(",smepmp={}", on(plan.smepmp)));
            }
            cpu
        });
        let mut arguments: Vec<OsString> = Vec::new();
        let mut add = |words: &[&OsStr]| arguments.extend(words.iter().map(|word| word.into()));
        let mut option = |name: &str, value: &str| add(&[name.as_ref(), value.as_ref()]);
        let iommu = plan.board.architecture.aarch64().and_then(|arm| arm.iommu);
        match iommu.filter(|_| plan.has_iommu()) {
            Some(iommu) => {
                option("-M", &format!("{}{}", machine.machine, iommu.qemu));
                // Else QEMU's virtio devices pass by the IOMMU. Those that cannot be behind it are refused.
                option("-global", "virtio-device.iommu_platform=on");
            }
            None => option("-M", machine.machine),
        }
        if let Some(cpu) = &cpu {
            option("-cpu", cpu);
        }
        option("-smp", &plan.cores.to_string());
        option("-m", &memory(machine.memory.unwrap_or(plan.memory_bytes)));
        option("-display", "none");
        option("-monitor", "none");
        option("-chardev", "stdio,id=console,signal=off");
        if plan.own_console().is_some() {
            option("-chardev", &format!("{port},id=own"));
            option("-serial", "chardev:own");
        } else {
            for _ in 0..machine.serial {
                option("-serial", "null");
            }
        }
        option("-serial", "chardev:console");
        if machine.cpu.is_none() || plan.board.architecture.aarch64().is_some() {
            // Such a machine brings a network of its own, which would have timers of its own.
            option("-nic", "none");
        }
        if machine.sound && self.version >= OLDEST_WITH_SILENCE {
            option("-audio", "none");
        }
        option("-seed", "1");
        match (options.clock, options.shift_for(plan.running_cores())) {
            (Clock::Virtual, shift) => {
                option("-rtc", "base=2026-01-01,clock=vm");
                option(
                    "-icount",
                    &format!("shift={},sleep=off", shift.unwrap_or(0)),
                );
            }
            (Clock::Host, _) => option("-rtc", "base=2026-01-01"),
        }
        if let Some(slice) = options.slice_for(plan.running_cores()) {
            // A network filter with a period gives the machine a timer that always runs; the hub has
            // no other port, so nothing ever passes it.
            option("-netdev", "hubport,id=slice,hubid=0");
            let filter = format!("filter-buffer,id=slice-timer,netdev=slice,interval={slice}");
            option("-object", &filter);
        }
        if !plan.may_reset() {
            arguments.push("-no-reboot".into());
        }
        match machine.loading {
            QemuLoading::Firmware => {
                arguments.push("-bios".into());
                arguments.push(files.image.into());
            }
            QemuLoading::Loader => load(plan, files.image, &mut arguments),
        }
        if let Some(normal) = files.normal {
            let file = escape(normal);
            arguments.push("-fw_cfg".into());
            arguments.push(format!("name={NORMAL_IMAGES_NAME},file={file}").into());
        }
        arguments.extend(options.extra.iter().cloned());
        arguments
    }

    /// The whole command for a person to copy.
    pub fn command_line(&self, plan: &Plan, files: &Files<'_>, options: &RunOptions) -> String {
        command_line(
            &self.program,
            &self.arguments(plan, files, PERSON_PORT, options),
        )
    }
}

/// The command that boots a system by hand, with whatever QEMU is installed.
pub fn command_line_for(plan: &Plan, files: &Files<'_>, options: &RunOptions) -> String {
    let qemu = Qemu {
        program: plan.board.qemu.program.into(),
        version: OLDEST_WITH_SMEPMP,
    };
    qemu.command_line(plan, files, options)
}

/// The image by the loader device, and where each core starts.
fn load(plan: &Plan, image: &Path, arguments: &mut Vec<OsString>) {
    let base = plan.board.image_base;
    let file = escape(image);
    let mut device = |value: String| arguments.extend(["-device".into(), value.into()]);
    let image = format!("loader,file={file},addr={base:#x},force-raw=on");
    match plan.board.architecture {
        Architecture::Riscv64(_) => {
            device(image);
            for core in 0..plan.cores {
                device(format!("loader,addr={base:#x},cpu-num={core}"));
            }
        }
        // The monitor lets the others begin.
        Architecture::Aarch64(_) => {
            device(format!("{image},cpu-num={}", plan.board.first_core));
        }
    }
    arguments.extend(["-bios".into(), "none".into()]);
}

/// A file's name as a value among others: a comma in it is written twice.
fn escape(file: &Path) -> String {
    file.to_string_lossy().replace(',', ",,")
}

/// An amount of memory, in the largest unit that it is a whole number of.
fn memory(bytes: u64) -> String {
    const MIB: u64 = 1 << 20;
    if bytes.is_multiple_of(MIB) {
        format!("{}M", bytes / MIB)
    } else {
        format!("{bytes}B")
    }
}

fn command_line(program: &Path, arguments: &[OsString]) -> String {
    let words =
        std::iter::once(program.as_os_str()).chain(arguments.iter().map(OsString::as_os_str));
    words.map(quote).collect::<Vec<_>>().join(" ")
}

fn quote(word: &OsStr) -> String {
    let word = word.to_string_lossy();
    let plain = |char: char| char.is_ascii_alphanumeric() || "-_=,.:/+@%".contains(char);
    if !word.is_empty() && word.chars().all(plain) {
        return word.into_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// Reads `QEMU emulator version 10.0.2 (…)`.
fn parse_version(text: &str) -> Option<(u32, u32)> {
    let rest = text.split_once("QEMU emulator version ")?.1;
    let mut numbers = rest.split(|char: char| !char.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::{parse_version, quote};

    #[test]
    fn versions_are_read_from_what_qemu_prints() {
        assert_eq!(
            parse_version("QEMU emulator version 10.0.2 (Debian 1:10.0.2)\n"),
            Some((10, 0))
        );
        assert_eq!(parse_version("QEMU emulator version 7.2.0"), Some((7, 2)));
        assert_eq!(parse_version("some other program 1.0"), None);
    }

    #[test]
    fn a_word_that_a_shell_would_split_is_quoted() {
        assert_eq!(quote("a b".as_ref()), "'a b'");
        assert_eq!(quote("it's".as_ref()), r"'it'\''s'");
        assert_eq!(quote("-icount".as_ref()), "-icount");
    }
}
