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

/// The trap handler's first instruction, by one of the ways into the firmware.
pub extern "C" fn trap(cpu: u32, data: *mut c_void) {
    with(|probe| probe.trap(cpu, data as usize));
}

/// The return from firmware.
pub extern "C" fn machine_return(cpu: u32, _data: *mut c_void) {
    with(|probe| probe.leave(cpu));
}

/// The firmware waits for an interrupt.
pub extern "C" fn wait(cpu: u32, _data: *mut c_void) {
    with(|probe| probe.wait(cpu));
}

/// A return from a trap outside the firmware: often enough to look whether something is to be noted.
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

/// A call by the real-time partition.
pub extern "C" fn call(_cpu: u32, _data: *mut c_void) {
    with(|probe| probe.call());
}

/// The real-time partition sets its timer by a general register.
pub extern "C" fn deadline(_cpu: u32, data: *mut c_void) {
    with(|probe| probe.deadline(data as usize));
}

/// The firmware has just read the machine's time into a general register.
pub extern "C" fn time_read(cpu: u32, data: *mut c_void) {
    with(|probe| probe.time_read(cpu, data as usize));
}

/// The firmware sets its timer by a general register.
pub extern "C" fn timer_write(cpu: u32, data: *mut c_void) {
    with(|probe| probe.timer_write(cpu, data as usize));
}

/// The first instruction of the real-time partition's trap handler.
pub extern "C" fn handler(cpu: u32, _data: *mut c_void) {
    with(|probe| probe.handler(cpu));
}

/// The firmware accessed 64 bits of memory.
pub extern "C" fn accesses(cpu: u32, info: u32, address: u64, _data: *mut c_void) {
    with(|probe| probe.access(cpu, info, address));
}
