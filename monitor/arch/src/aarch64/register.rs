//! System registers (Arm Architecture Reference Manual DDI 0487, chapter D24) by name.
//!
//! At EL3, reading or writing the registers named in this crate has no effect on memory safety of the
//! monitor except where a comment at the place says so: its own translation is set once, in
//! [`crate::arch::translation`].

/// Reads a register.
macro_rules! read {
    ($register:literal) => {{
        let value: u64;
        // SAFETY: reading this register has no side effect on the monitor.
        unsafe {
            core::arch::asm!(concat!("mrs {}, ", $register), out(reg) value, options(nomem, nostack, preserves_flags));
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
            core::arch::asm!(concat!("msr ", $register, ", {}"), in(reg) value, options(nostack, preserves_flags));
        }
    }};
}

pub(crate) use {read, write};

/// Makes earlier writes of system registers visible to what follows (DDI 0487, D24.1.2.2).
#[inline(always)]
pub fn synchronize() {
    // SAFETY: a barrier only orders.
    unsafe { core::arch::asm!("isb", options(nostack, preserves_flags)) };
}

/// Waits until all earlier accesses to memory are done.
#[inline(always)]
pub fn complete_accesses() {
    // SAFETY: a barrier only orders.
    unsafe { core::arch::asm!("dsb sy", options(nostack, preserves_flags)) };
}

/// A field of four bits in an identification register.
pub const fn field(register: u64, shift: u32) -> u64 {
    register >> shift & 0xf
}

/// Bits of `SCR_EL3` (D24.2.137).
pub mod secure_configuration {
    /// Lower levels are in the non-secure state.
    pub const NON_SECURE: u64 = 1 << 0;
    /// FIQs are taken to EL3.
    pub const FIQ: u64 = 1 << 2;
    /// External aborts and SErrors are taken to EL3.
    pub const EXTERNAL_ABORTS: u64 = 1 << 3;
    /// Bits that read as one.
    pub const ALWAYS: u64 = 3 << 4;
    /// `HVC` is an instruction.
    pub const HYPERVISOR_CALLS: u64 = 1 << 8;
    /// No fetch from non-secure memory in the secure state.
    pub const SECURE_FETCH: u64 = 1 << 9;
    /// The next lower level is AArch64.
    pub const AARCH64: u64 = 1 << 10;
    /// `WFI` traps.
    pub const TRAP_WAIT: u64 = 1 << 12;
    /// There is EL2 in the secure state.
    pub const SECURE_HYPERVISOR: u64 = 1 << 18;
    /// Pointer-authentication keys do not trap.
    pub const KEYS: u64 = 1 << 16;
    /// Pointer-authentication instructions do not trap.
    pub const AUTHENTICATION: u64 = 1 << 17;
    /// `SCXTNUM_ELx` do not trap.
    pub const CONTEXT_NUMBERS: u64 = 1 << 25;
    /// Allocation tags can be reached.
    pub const TAGS: u64 = 1 << 26;
    /// Fine-grained traps of EL2 do not trap.
    pub const FINE_GRAINED_TRAPS: u64 = 1 << 27;
    /// `CNTPOFF_EL2` does not trap.
    pub const COUNTER_OFFSET: u64 = 1 << 28;
    /// Activity-monitor offsets do not trap.
    pub const ACTIVITY_OFFSETS: u64 = 1 << 35;
    /// `ST64BV0` does not trap.
    pub const STORE_64: u64 = 1 << 36;
    /// `ACCDATA_EL1` does not trap.
    pub const ACCELERATOR_DATA: u64 = 1 << 37;
    /// `HCRX_EL2` does not trap.
    pub const EXTENDED_HYPERVISOR: u64 = 1 << 38;
    /// Guarded control stacks do not trap.
    pub const GUARDED_STACKS: u64 = 1 << 39;
    /// `TPIDR2_EL0` does not trap.
    pub const THREAD_POINTER_2: u64 = 1 << 41;
    /// `RCWMASK_EL1` does not trap.
    pub const READ_CHECK_WRITE: u64 = 1 << 42;
    /// `TCR2_ELx` do not trap.
    pub const TRANSLATION_2: u64 = 1 << 43;
    /// `SCTLR2_ELx` do not trap.
    pub const CONTROL_2: u64 = 1 << 44;
    /// Permission indirection and overlay do not trap.
    pub const PERMISSION_INDIRECTION: u64 = 1 << 45;
    /// `MAIR2_ELx` and `AMAIR2_ELx` do not trap.
    pub const ATTRIBUTES_2: u64 = 1 << 46;
    /// 128-bit registers do not trap.
    pub const REGISTERS_128: u64 = 1 << 47;
    /// `FPMR` does not trap.
    pub const FLOAT_MODE: u64 = 1 << 50;
    /// The second set of fine-grained traps does not trap.
    pub const FINE_GRAINED_TRAPS_2: u64 = 1 << 59;
}

/// Exception classes in `ESR_EL3` (D24.2.40, table of `EC`).
pub mod class {
    /// Of unknown reason: an undefined instruction.
    pub const UNKNOWN: u64 = 0x00;
    /// A trapped `WFI` or `WFE`.
    pub const WAIT: u64 = 0x01;
    /// Floating point or vectors while `CPTR_EL3.TFP` is set.
    pub const FLOATING_POINT: u64 = 0x07;
    /// `HVC`.
    pub const HYPERVISOR_CALL: u64 = 0x16;
    /// `SMC` of AArch32 code.
    pub const CALL_32: u64 = 0x13;
    /// `SMC`.
    pub const CALL: u64 = 0x17;
    /// A trapped `MRS`, `MSR` or system instruction.
    pub const SYSTEM_REGISTER: u64 = 0x18;
    /// Scalable matrices while `CPTR_EL3.ESM` is clear.
    pub const SCALABLE_MATRICES: u64 = 0x1d;
    /// Instruction abort of a lower level.
    pub const FETCH_ABORT: u64 = 0x20;
    /// Data abort of a lower level.
    pub const DATA_ABORT: u64 = 0x24;
}

/// The class of a syndrome.
#[inline(always)]
pub const fn class_of(syndrome: u64) -> u64 {
    syndrome >> 26 & 0x3f
}
