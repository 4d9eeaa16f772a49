//! Devices of the normal world that the prober uses: its serial port, and one that reads and writes memory.

use super::world::is_program;
use core::arch::asm;
use core::fmt::{self, Write};
use core::ptr::{with_exposed_provenance, with_exposed_provenance_mut};
use partita_guest_rt::println;

/// The first PL011 (DDI 0183): its data register, and the flag that says that there is no room.
const DATA: usize = 0x0900_0000;
const FLAGS: usize = 0x0900_0018;
const FULL: u32 = 1 << 5;

/// QEMU's firmware configuration device (QEMU, `docs/specs/fw_cfg.rst`): where the address of a request goes.
const REQUEST: usize = 0x0902_0010;
/// Select the item in the upper half, and read it.
const SELECT_AND_READ: u32 = 1 << 3 | 1 << 1;

struct Port;

impl Write for Port {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for &byte in text.as_bytes() {
            // SAFETY: the port's registers, which nobody else in this partition uses.
            unsafe {
                while with_exposed_provenance::<u32>(FLAGS).read_volatile() & FULL != 0 {}
                with_exposed_provenance_mut::<u32>(DATA).write_volatile(byte.into());
            }
        }
        Ok(())
    }
}

/// Writes a line.
pub fn say(arguments: fmt::Arguments<'_>) {
    if is_program() {
        println!("{arguments}");
        return;
    }
    // The port takes everything.
    let _ = Port.write_fmt(arguments);
    let _ = Port.write_str("\n");
}

/// A request to the device, in its byte order.
#[repr(C, align(16))]
struct Request {
    control: u32,
    length: u32,
    address: u64,
}

/// Has the device write the first item, its signature, to an address. Returns what it says of that: 0 for done,
/// 1 for failed.
pub fn copy_by_device(address: usize) -> usize {
    let mut request = Request {
        control: SELECT_AND_READ.to_be(),
        length: 4_u32.to_be(),
        address: (address as u64).to_be(),
    };
    let place = &raw mut request;
    let at = place.expose_provenance() as u64;
    // SAFETY: the device's register. The device reads the request, writes to it, and to memory that the table names;
    // the compiler takes any memory to be read and written here.
    unsafe {
        asm!(
            "dsb sy",
            "str {at}, [{register}]",
            "dsb sy",
            at = in(reg) at.to_be(),
            register = in(reg) REQUEST,
            options(nostack)
        );
        (&raw const (*place).control).read_volatile().swap_bytes() as usize
    }
}
