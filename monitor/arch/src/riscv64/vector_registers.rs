//! Vector registers (RISC-V "V" extension 1.0), which several virtual cores of a hart take turns to own.
//!
//! As with floating point, supervisor mode controls `sstatus.VS` itself, so the first use cannot be
//! trapped. The registers are moved whole (chapter 7.9), which needs no valid `vtype`, and so works
//! whatever a partition has left there.

use crate::arch::csr::{self, status};
use crate::board::BOARD;
use core::arch::asm;

/// The widest vector register that there is room for, in bytes.
pub const MOST_BYTES: usize = 64;

/// `v0` to `v31`, `vl`, `vtype`, `vcsr` (which is `vxrm` and `vxsat`) and `vstart`.
#[repr(C, align(16))]
pub struct State {
    registers: [u8; 32 * MOST_BYTES],
    length: u64,
    kind: u64,
    control: u64,
    start: u64,
}

impl State {
    /// All zero.
    pub const fn new() -> Self {
        Self {
            registers: [0; 32 * MOST_BYTES],
            length: 0,
            kind: 0,
            control: 0,
            start: 0,
        }
    }

    /// Makes it all zero.
    pub fn clear(&mut self) {
        self.registers.fill(0);
        (self.length, self.kind, self.control, self.start) = (0, 0, 0, 0);
    }
}

/// Bytes of a vector register of this hart, or 0 if it has none. Changes `mstatus.VS`.
pub fn width() -> usize {
    if !BOARD.architecture.vector {
        return 0;
    }
    csr::set!("mstatus", status::VS);
    // Without vector registers the field is read-only zero (3.1.6.6).
    if csr::read!("mstatus") & status::VS == 0 {
        return 0;
    }
    csr::read!("0xc22") as usize
}

/// Copies the hart's vector registers to `state`. Changes `mstatus.VS`. Only on a hart whose registers
/// are not wider than [`MOST_BYTES`].
#[inline(never)]
pub fn save(state: &mut State) {
    csr::set!("mstatus", status::VS);
    state.start = csr::read!("0x008");
    // Moves begin at the element that `vstart` names.
    csr::write!("0x008", 0);
    state.length = csr::read!("0xc20");
    state.kind = csr::read!("0xc21");
    state.control = csr::read!("0x00f");
    // SAFETY: `state` has room for 32 registers of up to `MOST_BYTES` each, and wider ones are refused at
    // boot (`Core::settle`); `VS` is on; the monitor itself is compiled without vectors.
    unsafe {
        asm!(
            ".option push",
            ".option arch, +v",
            "csrr {group}, vlenb",
            "slli {group}, {group}, 3",
            "vs8r.v v0, ({place})",
            "add {place}, {place}, {group}",
            "vs8r.v v8, ({place})",
            "add {place}, {place}, {group}",
            "vs8r.v v16, ({place})",
            "add {place}, {place}, {group}",
            "vs8r.v v24, ({place})",
            ".option pop",
            place = inout(reg) state.registers.as_mut_ptr() => _,
            group = out(reg) _,
            options(nostack)
        );
    }
}

/// Copies `state` to the hart's vector registers. Changes `mstatus.VS`. As for [`save`].
#[inline(never)]
pub fn restore(state: &State) {
    csr::set!("mstatus", status::VS);
    csr::write!("0x008", 0);
    // SAFETY: as in `save`; `vtype` takes any value, and an unsupported one sets `vill` (6.1).
    unsafe {
        asm!(
            ".option push",
            ".option arch, +v",
            "csrr {group}, vlenb",
            "slli {group}, {group}, 3",
            "vl8re8.v v0, ({place})",
            "add {place}, {place}, {group}",
            "vl8re8.v v8, ({place})",
            "add {place}, {place}, {group}",
            "vl8re8.v v16, ({place})",
            "add {place}, {place}, {group}",
            "vl8re8.v v24, ({place})",
            "vsetvl zero, {length}, {kind}",
            ".option pop",
            place = inout(reg) state.registers.as_ptr() => _,
            group = out(reg) _,
            length = in(reg) state.length,
            kind = in(reg) state.kind,
            options(nostack)
        );
    }
    csr::write!("0x00f", state.control);
    csr::write!("0x008", state.start);
}

/// Makes the hart's vector registers zero. Changes `mstatus.VS`. Only on a hart that has them.
#[inline(never)]
pub fn clear() {
    csr::set!("mstatus", status::VS);
    csr::write!("0x008", 0);
    // SAFETY: `VS` is on; the monitor itself is compiled without vectors.
    unsafe {
        asm!(
            ".option push",
            ".option arch, +v",
            "vsetvli {length}, zero, e8, m8, ta, ma",
            "vmv.v.i v0, 0",
            "vmv.v.i v8, 0",
            "vmv.v.i v16, 0",
            "vmv.v.i v24, 0",
            "vsetivli zero, 0, e8, m1, tu, mu",
            ".option pop",
            length = out(reg) _,
            options(nomem, nostack)
        );
    }
    csr::write!("0x00f", 0);
}
