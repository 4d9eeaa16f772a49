//! The calls from QEMU, each handed on to the one probe.

use crate::counters;
use crate::instrument;
use crate::probe::{Probe, with};
use crate::qemu::RawBlock;
use std::ffi::c_void;

/// A virtual CPU starts.
pub extern "C" fn starts(_id: u64, _cpu: u32) {
    with(Probe::find_registers);
}

/// A block was translated.
pub extern "C" fn translated(_id: u64, block: *mut RawBlock) {
    with(|probe| {
        // SAFETY: QEMU gave the block to this very call.
        unsafe { probe.translated(block) }
    });
}

/// QEMU ends.
pub extern "C" fn ends(_cpu: u32, _data: *mut c_void) {
    with(|probe| probe.write());
}

/// Instructions of a partition are executed.
pub extern "C" fn executes(cpu: u32, data: *mut c_void) {
    let (range, count) = instrument::unpacked(data as usize);
    counters::count(cpu, range, count);
}

/// An instruction of the firmware is executed.
pub extern "C" fn firmware_executes(cpu: u32, data: *mut c_void) {
    counters::count_firmware(cpu, data as usize);
}

/// The trap handler's first instruction.
pub extern "C" fn trap(cpu: u32, _data: *mut c_void) {
    with(|probe| probe.trap(cpu));
}

/// `mret`.
pub extern "C" fn machine_return(cpu: u32, _data: *mut c_void) {
    with(|probe| probe.leave(cpu));
}

/// `wfi` in the firmware.
pub extern "C" fn wait(cpu: u32, _data: *mut c_void) {
    with(|probe| probe.wait(cpu));
}

/// `sret` outside the firmware: often enough to look whether something is to be noted.
pub extern "C" fn supervisor_return(_cpu: u32, _data: *mut c_void) {
    with(Probe::tick);
}

/// A watched address.
pub extern "C" fn watched(_cpu: u32, data: *mut c_void) {
    with(|probe| probe.watched(data as usize));
}

/// Linux's first user instruction, maybe.
pub extern "C" fn user(_cpu: u32, _data: *mut c_void) {
    with(Probe::user);
}

/// `ecall` of the real-time partition.
pub extern "C" fn call(_cpu: u32, _data: *mut c_void) {
    with(|probe| probe.call());
}

/// The first instruction of the real-time partition's trap handler.
pub extern "C" fn handler(cpu: u32, _data: *mut c_void) {
    with(|probe| probe.handler(cpu));
}

/// The firmware accessed 64 bits of memory.
pub extern "C" fn accesses(cpu: u32, info: u32, address: u64, _data: *mut c_void) {
    with(|probe| probe.access(cpu, info, address));
}
