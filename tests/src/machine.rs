//! What the machine itself says that it has: QEMU describes its registers to debuggers.
//!
//! The description is made from QEMU's own table of control and status registers for the processor that
//! it was started with (`target/riscv/gdbstub.c`, `riscv_gen_dynamic_csr_feature`), so it is a list that no
//! part of this project has made. It is asked for over the protocol of GDB ("Debugging with GDB", appendix
//! E, `qXfer:features:read`), before the machine has executed anything.

use crate::debugger::{Debugger, arguments, socket};
use partita_run::die_with_parent;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A machine that was started and has executed nothing.
struct Stopped(Child);

impl Drop for Stopped {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The control and status registers of the machine's first hart, by number.
///
/// # Panics
/// If QEMU cannot be started, or does not describe its registers.
pub fn control_registers(
    program: &Path,
    qemu: &[OsString],
    folder: &Path,
) -> BTreeMap<u16, String> {
    ask(program, qemu, folder, |debugger| {
        debugger.registers().into_iter().collect()
    })
}

/// The names of the system registers of the first core of a machine of Arm, of all levels.
///
/// # Panics
/// If QEMU cannot be started, or does not describe its registers.
pub fn system_registers(program: &Path, qemu: &[OsString], folder: &Path) -> Vec<String> {
    ask(program, qemu, folder, Debugger::system_registers)
}

/// Starts the machine, asks it, and ends it.
fn ask<T>(
    program: &Path,
    qemu: &[OsString],
    folder: &Path,
    question: impl FnOnce(&mut Debugger) -> T,
) -> T {
    let socket = socket(folder);
    let mut command = Command::new(program);
    command
        .args(qemu)
        .args(arguments(&socket))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    die_with_parent(&mut command);
    let mut machine = Stopped(command.spawn().expect("QEMU can be started"));
    let mut debugger = Debugger::connect(&socket, || {
        machine.0.try_wait().expect("QEMU is our child").is_none()
    });
    question(&mut debugger)
}
