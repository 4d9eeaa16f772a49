//! Control and status registers (RISC-V privileged specification 1.12, chapter 2) by name or number.
//!
//! In machine mode, reading or writing the registers named in this crate has no effect on memory
//! safety of the monitor except where a comment at the place says so: the monitor runs untranslated,
//! and its own protection entries are locked.

/// Reads a register.
macro_rules! read {
    ($register:literal) => {{
        let value: u64;
        // SAFETY: reading this register has no side effect.
        unsafe {
            core::arch::asm!(concat!("csrr {}, ", $register), out(reg) value, options(nomem, nostack, preserves_flags));
        }
        value
    }};
}

/// Writes a register.
macro_rules! write {
    ($register:literal, $value:expr) => {{
        let value: u64 = $value;
        // SAFETY: the registers written in this crate configure what the partition that runs next may
        // do; none changes the monitor's own execution, see the module's documentation.
        unsafe {
            core::arch::asm!(concat!("csrw ", $register, ", {}"), in(reg) value, options(nostack, preserves_flags));
        }
    }};
}

/// Sets bits of a register.
macro_rules! set {
    ($register:literal, $value:expr) => {{
        let value: u64 = $value;
        // SAFETY: as for `write`.
        unsafe {
            core::arch::asm!(concat!("csrs ", $register, ", {}"), in(reg) value, options(nostack, preserves_flags));
        }
    }};
}

/// Clears bits of a register.
macro_rules! clear {
    ($register:literal, $value:expr) => {{
        let value: u64 = $value;
        // SAFETY: as for `write`.
        unsafe {
            core::arch::asm!(concat!("csrc ", $register, ", {}"), in(reg) value, options(nostack, preserves_flags));
        }
    }};
}

/// Reads a register that a hart need not have; `None` where it does not. Only at boot: it turns the trap
/// vector aside meanwhile.
macro_rules! probe {
    ($register:literal) => {{
        let (present, value): (u64, u64);
        // SAFETY: the only instruction that can trap is the read of the register, which has no side
        // effect; `mtvec` points behind it meanwhile, and the trap registers that it clobbers are not in
        // use at boot.
        unsafe {
            core::arch::asm!(
                "li   {present}, 0",
                "la   {vector}, 2f",
                "csrrw {vector}, mtvec, {vector}",
                concat!("csrr {value}, ", $register),
                "li   {present}, 1",
                ".balign 4",
                "2:",
                "csrw mtvec, {vector}",
                present = out(reg) present,
                vector = out(reg) _,
                value = out(reg) value,
                options(nostack)
            );
        }
        (present != 0).then_some(value)
    }};
}

pub(crate) use {clear, probe, read, set, write};

/// Bits of `mip`, `mie` and `mideleg` (3.1.8, 3.1.9).
pub mod interrupt {
    /// Supervisor software interrupt.
    pub const SUPERVISOR_SOFTWARE: u64 = 1 << 1;
    /// Machine software interrupt.
    pub const MACHINE_SOFTWARE: u64 = 1 << 3;
    /// Supervisor timer interrupt.
    pub const SUPERVISOR_TIMER: u64 = 1 << 5;
    /// Machine timer interrupt.
    pub const MACHINE_TIMER: u64 = 1 << 7;
    /// Supervisor external interrupt.
    pub const SUPERVISOR_EXTERNAL: u64 = 1 << 9;
    /// Machine external interrupt.
    pub const MACHINE_EXTERNAL: u64 = 1 << 11;
    /// Overflow of a performance counter (Sscofpmf 1.0, 4).
    pub const COUNTER_OVERFLOW: u64 = 1 << 13;
    /// All of supervisor mode's.
    pub const SUPERVISOR: u64 =
        SUPERVISOR_SOFTWARE | SUPERVISOR_TIMER | SUPERVISOR_EXTERNAL | COUNTER_OVERFLOW;
    /// All of machine mode's.
    pub const MACHINE: u64 = MACHINE_SOFTWARE | MACHINE_TIMER | MACHINE_EXTERNAL;
}

/// Bits of `mstatus` (3.1.6).
pub mod status {
    /// Supervisor interrupt enable.
    pub const SIE: u64 = 1 << 1;
    /// Supervisor previous interrupt enable.
    pub const SPIE: u64 = 1 << 5;
    /// Supervisor previous privilege.
    pub const SPP: u64 = 1 << 8;
    /// Vector state, all bits.
    pub const VS: u64 = 3 << 9;
    /// Vector state: initial.
    pub const VS_INITIAL: u64 = 1 << 9;
    /// Machine previous privilege, all bits; both set is machine mode.
    pub const MPP: u64 = 3 << 11;
    /// Machine previous privilege: supervisor mode.
    pub const MPP_SUPERVISOR: u64 = 1 << 11;
    /// Machine previous privilege: the bit that only machine mode has.
    pub const MPP_MACHINE: u64 = 1 << 12;
    /// Floating-point state, all bits; both set is "dirty".
    pub const FS: u64 = 3 << 13;
    /// Floating-point state: initial.
    pub const FS_INITIAL: u64 = 1 << 13;
    /// Loads and stores of machine mode use the previous privilege's translation and protection.
    pub const MPRV: u64 = 1 << 17;
    /// Executable pages are readable.
    pub const MXR: u64 = 1 << 19;
    /// `wfi` below machine mode traps.
    pub const TW: u64 = 1 << 21;
}

/// Exception causes (3.1.15, table 3.6).
pub mod cause {
    /// Instruction access fault.
    pub const FETCH_ACCESS: u64 = 1;
    /// Illegal instruction.
    pub const ILLEGAL_INSTRUCTION: u64 = 2;
    /// Load access fault.
    pub const LOAD_ACCESS: u64 = 5;
    /// Store or AMO access fault.
    pub const STORE_ACCESS: u64 = 7;
    /// Environment call from supervisor mode.
    pub const SUPERVISOR_CALL: u64 = 9;
    /// Set in `mcause` for interrupts.
    pub const INTERRUPT: u64 = 1 << 63;
}
