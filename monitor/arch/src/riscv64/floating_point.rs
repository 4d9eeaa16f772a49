//! Floating-point registers, which several virtual cores of a hart take turns to own.
//!
//! Supervisor mode controls `sstatus.FS` itself, so the first use cannot be trapped: the registers
//! must be right when a virtual core that may use them is entered. They are saved late: while only
//! virtual cores without floating point run in between, they stay where they are.

use crate::arch::csr::{self, status};
use core::arch::asm;

/// `f0` to `f31` and `fcsr`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct State {
    registers: [u64; 32],
    control: u64,
}

impl State {
    /// All zero.
    pub const ZERO: Self = Self {
        registers: [0; 32],
        control: 0,
    };
}

macro_rules! for_all_registers {
    ($instruction:literal) => {
        concat!(
            $instruction,
            " f0, 0({s})\n",
            $instruction,
            " f1, 8({s})\n",
            $instruction,
            " f2, 16({s})\n",
            $instruction,
            " f3, 24({s})\n",
            $instruction,
            " f4, 32({s})\n",
            $instruction,
            " f5, 40({s})\n",
            $instruction,
            " f6, 48({s})\n",
            $instruction,
            " f7, 56({s})\n",
            $instruction,
            " f8, 64({s})\n",
            $instruction,
            " f9, 72({s})\n",
            $instruction,
            " f10, 80({s})\n",
            $instruction,
            " f11, 88({s})\n",
            $instruction,
            " f12, 96({s})\n",
            $instruction,
            " f13, 104({s})\n",
            $instruction,
            " f14, 112({s})\n",
            $instruction,
            " f15, 120({s})\n",
            $instruction,
            " f16, 128({s})\n",
            $instruction,
            " f17, 136({s})\n",
            $instruction,
            " f18, 144({s})\n",
            $instruction,
            " f19, 152({s})\n",
            $instruction,
            " f20, 160({s})\n",
            $instruction,
            " f21, 168({s})\n",
            $instruction,
            " f22, 176({s})\n",
            $instruction,
            " f23, 184({s})\n",
            $instruction,
            " f24, 192({s})\n",
            $instruction,
            " f25, 200({s})\n",
            $instruction,
            " f26, 208({s})\n",
            $instruction,
            " f27, 216({s})\n",
            $instruction,
            " f28, 224({s})\n",
            $instruction,
            " f29, 232({s})\n",
            $instruction,
            " f30, 240({s})\n",
            $instruction,
            " f31, 248({s})\n",
        )
    };
}

/// Copies the hart's floating-point registers to `state`. Changes `mstatus.FS`.
#[inline(never)]
pub fn save(state: &mut State) {
    csr::set!("mstatus", status::FS);
    // SAFETY: `state` has room for 32 registers; `FS` is on; the monitor itself is compiled without
    // floating point, so no register is in use.
    unsafe {
        asm!(
            ".option push",
            ".option arch, +d",
            for_all_registers!("fsd"),
            ".option pop",
            s = in(reg) state.registers.as_mut_ptr(),
            options(nostack)
        );
    }
    state.control = csr::read!("0x003");
}

/// Copies `state` to the hart's floating-point registers. Changes `mstatus.FS`.
#[inline(never)]
pub fn restore(state: &State) {
    csr::set!("mstatus", status::FS);
    // SAFETY: as in `save`.
    unsafe {
        asm!(
            ".option push",
            ".option arch, +d",
            for_all_registers!("fld"),
            ".option pop",
            s = in(reg) state.registers.as_ptr(),
            options(nostack)
        );
    }
    csr::write!("0x003", state.control);
}
